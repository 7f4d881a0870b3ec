# server/control: console listeners, command grammar, structured answers
libserver_la_SOURCES += \
  %D%/answer.c %D%/answer.h \
  %D%/commands.c \
  %D%/control.c %D%/control.h %D%/private.h \
  %D%/grammar.c %D%/grammar.h \
  %D%/help.c %D%/help.h \
  %D%/listen.c \
  %D%/logs.c \
  %D%/output.c %D%/output.h \
  %D%/read.c \
  %D%/render.c %D%/render.h %D%/render_json.c %D%/render_text.c \
  %D%/run.c %D%/run.h \
  %D%/rundir.c %D%/rundir.h \
  %D%/session.c %D%/session.h %D%/store.c %D%/store.h \
  %D%/utf8.c %D%/utf8.h \
  %D%/wire.c %D%/wire.h \
  %D%/words.c %D%/words.h

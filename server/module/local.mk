# server/module: from a stanza to a running instance
libserver_la_SOURCES += \
  %D%/commands.c %D%/commands.h \
  %D%/file.c %D%/file.h \
  %D%/instance.c %D%/instance.h \
  %D%/manifest.c %D%/manifest.h \
  %D%/loader.c %D%/loader.h \
  %D%/options.c %D%/options.h \
  %D%/rehearse.c %D%/rehearse.h \
  %D%/service.c %D%/service.h \
  %D%/stanza.c \
  %D%/trial.c %D%/trial.h

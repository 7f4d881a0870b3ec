# server/smtp/in: receiving mail
libserver_la_SOURCES += \
  %D%/backend.c %D%/backend.h \
  %D%/body.c %D%/bodyhook.c %D%/body.h \
  %D%/commands.c \
  %D%/conn.c \
  %D%/data.c \
  %D%/greet.c \
  %D%/header.c %D%/header.h \
  %D%/listener.c \
  %D%/mail.c \
  %D%/misc.c \
  %D%/policy.c \
  %D%/rcpt.c \
  %D%/reject.c \
  %D%/relay.c \
  %D%/server.c \
  %D%/session.h \
  %D%/settings.c \
  %D%/smtp_in.h \
  %D%/trace.c \
  %D%/verbs.c

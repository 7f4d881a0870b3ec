# server/message: batches, their recipients and bodies
libserver_la_SOURCES += \
  %D%/batch.c %D%/message.h \
  %D%/body.c \
  %D%/context.c %D%/context.h \
  %D%/envelope.c \
  %D%/field.c

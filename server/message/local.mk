# server/message: batches, their recipients and bodies
libserver_la_SOURCES += \
  %D%/batch.c %D%/message.h \
  %D%/binding.c %D%/binding.h \
  %D%/body.c \
  %D%/context.c %D%/context.h \
  %D%/decode.c %D%/decode.h \
  %D%/encode.c \
  %D%/envelope.c \
  %D%/field.c \
  %D%/head.c %D%/head.h \
  %D%/header.c \
  %D%/mime.c \
  %D%/mimetype.c %D%/mimetype.h \
  %D%/utf8.c %D%/utf8.h

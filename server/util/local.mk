# server/util: pure parts on APR only
libserver_la_SOURCES += \
  %D%/crc32c.c %D%/crc32c.h \
  %D%/hash.c %D%/hash.h \
  %D%/heap.c %D%/heap.h \
  %D%/id.c \
  %D%/list.h \
  %D%/status.c \
  %D%/text.c %D%/text.h

# server/util: pure parts on APR only
libserver_la_SOURCES += \
  %D%/child.c %D%/child.h \
  %D%/cidr.c %D%/cidr.h \
  %D%/crc32c.c %D%/crc32c.h \
  %D%/bytes.h %D%/hash.c %D%/hash.h \
  %D%/heap.c %D%/heap.h \
  %D%/id.c \
  %D%/list.h \
  %D%/nearest.c %D%/nearest.h \
  %D%/regex.c %D%/regex.h \
  %D%/role.c %D%/role.h \
  %D%/slot.c %D%/slot.h \
  %D%/status.c \
  %D%/text.c %D%/text.h \
  %D%/units.c %D%/units.h \
  %D%/window.c

# server/stats: counters
libserver_la_SOURCES += \
  %D%/counter.c %D%/counter.h

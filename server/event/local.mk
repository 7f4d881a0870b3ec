# server/event: loops, timers, posts, thread pools, clock
libserver_la_SOURCES += \
  %D%/clock.c %D%/clock.h \
  %D%/loop.c %D%/loop.h \
  %D%/post.c \
  %D%/runtime.c %D%/runtime.h \
  %D%/signals.c \
  %D%/thread.c %D%/thread.h \
  %D%/threadpool.c %D%/threadpool.h \
  %D%/timer.c \
  %D%/watch.c

# shape: gates and rates that queues share
libserver_la_SOURCES += %D%/shape.h %D%/inside.h %D%/show.h \
  %D%/commands.c %D%/fair.c %D%/gate.c %D%/guard.c %D%/guard.h %D%/provider.c %D%/registry.c %D%/throttle.c %D%/user.c

# shape: gates and rates that queues share
libserver_la_SOURCES += %D%/shape.h

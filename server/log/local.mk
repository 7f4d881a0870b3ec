# server/log: contexts, levels, outputs
libserver_la_SOURCES += \
  %D%/context.c \
  %D%/logfile.c \
  %D%/output.c %D%/output.h \
  %D%/recent.c %D%/recent.h

# server/log: contexts, levels, outputs, lines and where they go
libserver_la_SOURCES += \
  %D%/context.c \
  %D%/destination.c %D%/destination.h \
  %D%/line.c \
  %D%/logfile.c \
  %D%/output.c %D%/output.h \
  %D%/recent.c %D%/recent.h \
  %D%/to_file.c \
  %D%/to_pipe.c \
  %D%/to_syslog.c \
  %D%/writer.c %D%/writer.h

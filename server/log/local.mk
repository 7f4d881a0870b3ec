# server/log: contexts, levels, outputs, lines and where they go
libserver_la_SOURCES += \
  %D%/context.c \
  %D%/destination.c %D%/destination.h \
  %D%/jlog/folder.c %D%/jlog/folder.h \
  %D%/jlog/format.c %D%/jlog/format.h \
  %D%/jlog/reader.c \
  %D%/jlog/segment.c %D%/jlog/segment.h \
  %D%/jlog/status.c \
  %D%/jlog/subscribers.c %D%/jlog/subscribers.h \
  %D%/jlog/writer.c %D%/jlog/writer.h \
  %D%/line.c \
  %D%/logfile.c \
  %D%/output.c %D%/output.h \
  %D%/recent.c %D%/recent.h \
  %D%/to_file.c \
  %D%/to_jlog.c \
  %D%/to_pipe.c \
  %D%/to_syslog.c \
  %D%/writer.c %D%/writer.h

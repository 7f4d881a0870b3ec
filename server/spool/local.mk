# server/spool: the durable store
libserver_la_SOURCES += \
  %D%/commit.c %D%/commit.h \
  %D%/compact.c \
  %D%/envelope.c %D%/envelope.h \
  %D%/failure.c \
  %D%/file.c \
  %D%/format.c %D%/format.h \
  %D%/found.c %D%/found.h \
  %D%/io.c %D%/io.h \
  %D%/keeper.c %D%/keeper.h \
  %D%/reader.c %D%/reader.h \
  %D%/recovery.c %D%/recovery.h \
  %D%/scan.c %D%/scan.h \
  %D%/segment.c \
  %D%/spool.c %D%/spool.h %D%/store.h \
  %D%/syncer.c %D%/syncer.h \
  %D%/writer.c %D%/writer.h

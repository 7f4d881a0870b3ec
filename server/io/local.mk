# server/io: byte streams; protocol code knows no sockets
libserver_la_SOURCES += %D%/stream.h %D%/stream.c %D%/output.c %D%/stream_private.h
libserver_la_SOURCES += %D%/stream_ops.h %D%/plain.c %D%/block.h %D%/block.c

# server/bounce: delivery status notices
libserver_la_SOURCES += %D%/bounce.c %D%/bounce.h %D%/class.c %D%/status.c

# server/net: listeners and outgoing connections
libserver_la_SOURCES += %D%/listener.h %D%/listener.c %D%/bind.h %D%/bind.c
libserver_la_SOURCES += %D%/address.h %D%/address.c %D%/connect.c

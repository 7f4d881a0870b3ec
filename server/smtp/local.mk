# server/smtp: what both sides share (reply, address); the sides share no states
libserver_la_SOURCES += %D%/reply.h %D%/reply.c %D%/address.h %D%/address.c
include server/smtp/in/local.mk
include server/smtp/out/local.mk

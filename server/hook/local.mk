# server/hook: who is registered where
libserver_la_SOURCES += %D%/hook.c %D%/hook.h

# server/hook: who is registered where
libserver_la_SOURCES += %D%/event.c %D%/hook.c %D%/hook.h

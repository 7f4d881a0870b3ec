# server/main: one small file per daemon, the start order as a table, privilege drop; nothing else
libserver_la_SOURCES += %D%/server.h %D%/server.c %D%/start.c %D%/stop.c %D%/reload.c %D%/arguments.c %D%/manager.c %D%/privileges.c %D%/daemonize.c \
  %D%/commands.c %D%/tool.h %D%/tool.c %D%/validate.c %D%/dump.c \
  %D%/corosync.h %D%/corosync.c %D%/cluster_config.c

sbin_PROGRAMS += %D%/ecelerity
%C%_ecelerity_SOURCES = %D%/ecelerity.c
%C%_ecelerity_LDADD = libecelerity.la

sbin_PROGRAMS += %D%/eccmgr
%C%_eccmgr_SOURCES = %D%/eccmgr.c
%C%_eccmgr_LDADD = libecelerity.la

# genman: manual pages from the option tables.  Built and run while the house is built, not installed.
# It loads the modules for their tables, so all that they may call is in it.
noinst_PROGRAMS += %D%/genman
%C%_genman_SOURCES = %D%/genman.c
%C%_genman_CPPFLAGS = $(AM_CPPFLAGS)
%C%_genman_LDFLAGS = $(AM_LDFLAGS) -export-dynamic -Wl,--whole-archive,.libs/libserver.a,--no-whole-archive
%C%_genman_LDADD = $(libserver_la_LIBADD)
%C%_genman_DEPENDENCIES = libserver.la

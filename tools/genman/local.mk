# genman: manual pages from the option tables.  Built and run while the house is built, not installed.
noinst_PROGRAMS += %D%/genman
%C%_genman_SOURCES = %D%/genman.c %D%/ec_logger.c modules/ec_logger/format.c
%C%_genman_CPPFLAGS = $(AM_CPPFLAGS)
%C%_genman_LDADD = libserver.la

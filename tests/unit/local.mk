# tests/unit: mirrors server/ and modules/; one block per test
TEST_LIBS = libserver.la $(CHECK_LIBS)
AM_CPPFLAGS += -I$(top_srcdir)/tests/unit $(CHECK_CFLAGS)
noinst_HEADERS += %D%/runner.h

noinst_HEADERS += %D%/spool/harness.h

check_PROGRAMS += %D%/spool/spool_test
%C%_spool_spool_test_SOURCES = %D%/spool/spool_test.c
%C%_spool_spool_test_LDADD = $(TEST_LIBS)

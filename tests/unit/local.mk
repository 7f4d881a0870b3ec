# tests/unit: mirrors server/ and modules/; one block per test
TEST_LIBS = libserver.la $(CHECK_LIBS)
AM_CPPFLAGS += -I$(top_srcdir)/tests/unit $(CHECK_CFLAGS)
noinst_HEADERS += %D%/runner.h

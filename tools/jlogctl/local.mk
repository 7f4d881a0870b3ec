# jlogctl: works on the files by the public interface (ec/jlog.h)
bin_PROGRAMS += bin/jlogctl
bin_jlogctl_SOURCES = \
  %D%/main.c %D%/jlogctl.h \
  %D%/show.c \
  %D%/print.c \
  tools/common/cli.c tools/common/cli.h
bin_jlogctl_LDADD = libecelerity.la $(APR_LIBS)

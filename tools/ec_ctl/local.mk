# ec_ctl: needs of the server only what is pure C, as ec_console; cluster-config is in the library, as validate_config is
bin_PROGRAMS += bin/ec_ctl
bin_ec_ctl_SOURCES = \
  %D%/child.c %D%/child.h \
  %D%/environment.c %D%/environment.h \
  %D%/main.c %D%/ctl.h \
  %D%/scripts.c \
  %D%/server.c \
  tools/common/link.c tools/common/link.h \
  server/control/rundir.c server/control/wire.c
bin_ec_ctl_CPPFLAGS = $(AM_CPPFLAGS)
bin_ec_ctl_LDADD = libecelerity.la

# the same program: it looks at its name
install-exec-hook:
	cd "$(DESTDIR)$(bindir)" && rm -f eccmgr_ctl && $(LN_S) ec_ctl eccmgr_ctl

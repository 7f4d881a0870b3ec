# ec_console: needs of the server only what is pure C (frames, words, places)
bin_PROGRAMS += bin/ec_console
bin_ec_console_SOURCES = \
  %D%/console.c %D%/console.h \
  %D%/interactive.c \
  tools/common/link.c tools/common/link.h \
  %D%/main.c \
  %D%/show.c %D%/show.h \
  server/control/rundir.c server/control/wire.c server/control/words.c
bin_ec_console_CPPFLAGS = $(AM_CPPFLAGS) $(EDIT_CFLAGS)
bin_ec_console_LDADD = $(EDIT_LIBS)

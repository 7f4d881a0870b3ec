# The benchmark's own programs.
noinst_PROGRAMS += %D%/floor/floor
%C%_floor_floor_SOURCES = $(load_common) %D%/floor/floor.c

# One table: the floor, this server, and Postfix where it is installed.  Measures what is installed.
BENCH_FLAGS =
bench: all
	@test -x "$(DESTDIR)$(bindir)/smtpload" || { echo "make install first: the installed programs are measured"; exit 1; }
	EC_PREFIX="$(DESTDIR)$(prefix)" EC_BUILD="$(abs_builddir)" python3 $(srcdir)/tests/bench/bench.py $(BENCH_FLAGS)
.PHONY: bench
EXTRA_DIST += tests/bench/bench.py tests/bench/cluster.py tests/bench/hooks.py tests/bench/reloads.py

# How fast the spool is by itself.
noinst_PROGRAMS += %D%/spool/spool_bench
%C%_spool_spool_bench_SOURCES = %D%/spool/spool_bench.c
%C%_spool_spool_bench_LDADD = libserver.la

# What a long queue costs in memory, and how long a start with it takes.
noinst_PROGRAMS += %D%/queue/queue_bench
%C%_queue_queue_bench_SOURCES = %D%/queue/queue_bench.c
%C%_queue_queue_bench_LDADD = libserver.la

# What a line of the mainlog costs its loop, and what a classification costs.
noinst_PROGRAMS += %D%/log/log_bench
%C%_log_log_bench_SOURCES = %D%/log/log_bench.c modules/ec_logger/format.c modules/bounce_classifier/literal.c \
  modules/bounce_classifier/load.c modules/bounce_classifier/rules.c modules/bounce_classifier/screen.c
%C%_log_log_bench_CPPFLAGS = $(AM_CPPFLAGS) $(PCRE2_CFLAGS) -I$(top_srcdir)
%C%_log_log_bench_LDADD = libserver.la
# What look-ups in a configuration cost.
noinst_PROGRAMS += %D%/conf/conf_bench
%C%_conf_conf_bench_SOURCES = %D%/conf/conf_bench.c
%C%_conf_conf_bench_LDADD = libserver.la

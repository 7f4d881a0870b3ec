# tests/fuzz: one block per target X: X_fuzz.c, and its corpus in corpus/X
FUZZ_LIBS = libserver.la
FUZZ_LINK = $(AM_LDFLAGS) -fsanitize=fuzzer
EXTRA_DIST += %D%/corpus

if FUZZERS
noinst_PROGRAMS += %D%/conf_fuzz
%C%_conf_fuzz_SOURCES = %D%/conf_fuzz.c
%C%_conf_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_conf_fuzz_LDADD = $(FUZZ_LIBS)
endif

if FUZZERS
noinst_PROGRAMS += %D%/dns_fuzz
%C%_dns_fuzz_SOURCES = %D%/dns_fuzz.c
%C%_dns_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_dns_fuzz_LDADD = $(FUZZ_LIBS)
noinst_PROGRAMS += %D%/control_frame_fuzz
%C%_control_frame_fuzz_SOURCES = %D%/control_frame_fuzz.c
%C%_control_frame_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_control_frame_fuzz_LDADD = $(FUZZ_LIBS)
endif

if FUZZERS
noinst_PROGRAMS += %D%/reply_fuzz %D%/address_fuzz %D%/smtp_command_fuzz
%C%_reply_fuzz_SOURCES = %D%/reply_fuzz.c
%C%_reply_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_reply_fuzz_LDADD = $(FUZZ_LIBS)
%C%_address_fuzz_SOURCES = %D%/address_fuzz.c
%C%_address_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_address_fuzz_LDADD = $(FUZZ_LIBS)
%C%_smtp_command_fuzz_SOURCES = %D%/smtp_command_fuzz.c
%C%_smtp_command_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_smtp_command_fuzz_LDADD = $(FUZZ_LIBS)
endif

if FUZZERS
noinst_PROGRAMS += %D%/spool_fuzz
%C%_spool_fuzz_SOURCES = %D%/spool_fuzz.c
%C%_spool_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_spool_fuzz_LDADD = $(FUZZ_LIBS)
endif

if FUZZERS
noinst_PROGRAMS += %D%/ask_fuzz %D%/environment_fuzz
%C%_ask_fuzz_SOURCES = %D%/ask_fuzz.c
%C%_ask_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_ask_fuzz_LDADD = $(FUZZ_LIBS)
%C%_environment_fuzz_SOURCES = %D%/environment_fuzz.c tools/ec_ctl/environment.c
%C%_environment_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_environment_fuzz_LDFLAGS = $(FUZZ_LINK)
noinst_PROGRAMS += %D%/edit_fuzz
%C%_edit_fuzz_SOURCES = %D%/edit_fuzz.c
%C%_edit_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_edit_fuzz_LDADD = $(FUZZ_LIBS)
noinst_PROGRAMS += %D%/mime_fuzz
%C%_mime_fuzz_SOURCES = %D%/mime_fuzz.c
%C%_mime_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_mime_fuzz_LDADD = $(FUZZ_LIBS)
noinst_PROGRAMS += %D%/cluster_fuzz
%C%_cluster_fuzz_SOURCES = %D%/cluster_fuzz.c
%C%_cluster_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_cluster_fuzz_LDADD = libcluster.la $(FUZZ_LIBS)
noinst_PROGRAMS += %D%/cluster_console_fuzz
%C%_cluster_console_fuzz_SOURCES = %D%/cluster_console_fuzz.c
%C%_cluster_console_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_console_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_cluster_console_fuzz_LDADD = libcluster.la $(FUZZ_LIBS)
noinst_PROGRAMS += %D%/classifier_fuzz
%C%_classifier_fuzz_SOURCES = %D%/classifier_fuzz.c modules/bounce_classifier/literal.c \
  modules/bounce_classifier/load.c modules/bounce_classifier/rules.c modules/bounce_classifier/screen.c
%C%_classifier_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules $(PCRE2_CFLAGS)
%C%_classifier_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_classifier_fuzz_LDADD = $(FUZZ_LIBS) $(PCRE2_LIBS)
noinst_PROGRAMS += %D%/remote_fuzz
%C%_remote_fuzz_SOURCES = %D%/remote_fuzz.c
%C%_remote_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_remote_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_remote_fuzz_LDADD = libcluster.la $(FUZZ_LIBS)
noinst_PROGRAMS += %D%/members_fuzz
%C%_members_fuzz_SOURCES = %D%/members_fuzz.c
%C%_members_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_members_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_members_fuzz_LDADD = libcluster.la $(FUZZ_LIBS)
noinst_PROGRAMS += %D%/series_fuzz
%C%_series_fuzz_SOURCES = %D%/series_fuzz.c modules/inbound_audit/store.c
%C%_series_fuzz_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_series_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_series_fuzz_LDADD = $(FUZZ_LIBS)
endif

if FUZZERS
noinst_PROGRAMS += %D%/jlog_fuzz
%C%_jlog_fuzz_SOURCES = %D%/jlog_fuzz.c
%C%_jlog_fuzz_LDFLAGS = $(FUZZ_LINK)
%C%_jlog_fuzz_LDADD = $(FUZZ_LIBS)
endif

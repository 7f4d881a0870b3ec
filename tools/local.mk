# The load tools: one thread each, nothing of the server in them, so that they cost less than what they measure.
load_common = %D%/common/cli.c %D%/common/cli.h %D%/common/address.c %D%/common/address.h \
  %D%/common/bytes.c %D%/common/bytes.h %D%/common/loop.c %D%/common/loop.h %D%/common/dot.c %D%/common/dot.h
load_digest = %D%/common/digest.c %D%/common/digest.h

bin_PROGRAMS += bin/smtpsink bin/smtpload

bin_smtpsink_SOURCES = $(load_common) $(load_digest) \
  %D%/smtpsink/smtpsink.c %D%/smtpsink/sink.h \
  %D%/smtpsink/actions.c %D%/smtpsink/actions.h \
  %D%/smtpsink/conn.c %D%/smtpsink/conn.h \
  %D%/smtpsink/counters.c %D%/smtpsink/counters.h \
  %D%/smtpsink/domains.c %D%/smtpsink/domains.h \
  %D%/smtpsink/message.c %D%/smtpsink/message.h \
  %D%/smtpsink/session.c %D%/smtpsink/session.h
bin_smtpsink_LDADD = $(CRYPTO_LIBS)

bin_smtpload_SOURCES = $(load_common) $(load_digest) \
  %D%/smtpload/smtpload.c %D%/smtpload/load.h \
  %D%/smtpload/conn.c %D%/smtpload/conn.h \
  %D%/smtpload/dialogue.c %D%/smtpload/dialogue.h \
  %D%/smtpload/message.c %D%/smtpload/message.h \
  %D%/smtpload/options.c %D%/smtpload/options.h \
  %D%/smtpload/report.c %D%/smtpload/report.h
bin_smtpload_LDADD = $(CRYPTO_LIBS)

include tools/ec_console/local.mk
include tools/genman/local.mk
include tools/validate_config/local.mk
include tools/ecxs/local.mk
include tools/ec_ctl/local.mk
include tools/ec_dump_config/local.mk
include tools/jlogctl/local.mk

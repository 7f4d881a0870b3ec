# tests/unit: mirrors server/ and modules/; one block per test
TEST_LIBS = libserver.la $(CHECK_LIBS)
AM_CPPFLAGS += -I$(top_srcdir)/tests/unit $(CHECK_CFLAGS)
noinst_HEADERS += %D%/runner.h

dist_check_SCRIPTS = %D%/headers.sh
TESTS += %D%/headers.sh
AM_TESTS_ENVIRONMENT = CC='$(CC)'; export CC; CPPFLAGS='$(APR_CFLAGS) $(XML_CFLAGS)'; export CPPFLAGS;

check_PROGRAMS += %D%/util/crc32c_test
%C%_util_crc32c_test_SOURCES = %D%/util/crc32c_test.c
%C%_util_crc32c_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/util/hash_test
%C%_util_hash_test_SOURCES = %D%/util/hash_test.c
%C%_util_hash_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/util/heap_test
%C%_util_heap_test_SOURCES = %D%/util/heap_test.c
%C%_util_heap_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/util/id_test
%C%_util_id_test_SOURCES = %D%/util/id_test.c
%C%_util_id_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/util/text_test
%C%_util_text_test_SOURCES = %D%/util/text_test.c
%C%_util_text_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/log/log_test
%C%_log_log_test_SOURCES = %D%/log/log_test.c
%C%_log_log_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/stats/counter_test
%C%_stats_counter_test_SOURCES = %D%/stats/counter_test.c
%C%_stats_counter_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/event/post_test
%C%_event_post_test_SOURCES = %D%/event/post_test.c
%C%_event_post_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/event/threadpool_test
%C%_event_threadpool_test_SOURCES = %D%/event/threadpool_test.c
%C%_event_threadpool_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/event/timer_test
%C%_event_timer_test_SOURCES = %D%/event/timer_test.c
%C%_event_timer_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/event/watch_test
%C%_event_watch_test_SOURCES = %D%/event/watch_test.c
%C%_event_watch_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/util/cidr_test
%C%_util_cidr_test_SOURCES = %D%/util/cidr_test.c
%C%_util_cidr_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/util/nearest_test
%C%_util_nearest_test_SOURCES = %D%/util/nearest_test.c
%C%_util_nearest_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/lexer_test
%C%_conf_lexer_test_SOURCES = %D%/conf/lexer_test.c
%C%_conf_lexer_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/parse_test
%C%_conf_parse_test_SOURCES = %D%/conf/parse_test.c %D%/conf/loading.h
%C%_conf_parse_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/value_test
%C%_conf_value_test_SOURCES = %D%/conf/value_test.c %D%/conf/loading.h
%C%_conf_value_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/fallback_test
%C%_conf_fallback_test_SOURCES = %D%/conf/fallback_test.c %D%/conf/loading.h
%C%_conf_fallback_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/include_test
%C%_conf_include_test_SOURCES = %D%/conf/include_test.c %D%/conf/loading.h
%C%_conf_include_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/options_test
%C%_conf_options_test_SOURCES = %D%/conf/options_test.c %D%/conf/loading.h
%C%_conf_options_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/generation_test
%C%_conf_generation_test_SOURCES = %D%/conf/generation_test.c %D%/conf/loading.h
%C%_conf_generation_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/size_test
%C%_conf_size_test_SOURCES = %D%/conf/size_test.c %D%/conf/loading.h
%C%_conf_size_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/smtp/reply_test
%C%_smtp_reply_test_SOURCES = %D%/smtp/reply_test.c
%C%_smtp_reply_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/smtp/address_test
%C%_smtp_address_test_SOURCES = %D%/smtp/address_test.c
%C%_smtp_address_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/smtp/body_test
%C%_smtp_body_test_SOURCES = %D%/smtp/body_test.c
%C%_smtp_body_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/io/stream_test
%C%_io_stream_test_SOURCES = %D%/io/stream_test.c
%C%_io_stream_test_LDADD = $(TEST_LIBS)

noinst_HEADERS += %D%/smtp/dialogue.h
check_PROGRAMS += %D%/smtp/session_test
%C%_smtp_session_test_SOURCES = %D%/smtp/session_test.c
%C%_smtp_session_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/smtp/policy_test
%C%_smtp_policy_test_SOURCES = %D%/smtp/policy_test.c
%C%_smtp_policy_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/net/address_test
%C%_net_address_test_SOURCES = %D%/net/address_test.c
%C%_net_address_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/net/listener_test
%C%_net_listener_test_SOURCES = %D%/net/listener_test.c
%C%_net_listener_test_LDADD = $(TEST_LIBS)

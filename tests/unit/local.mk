# tests/unit: mirrors server/ and modules/; one block per test
TEST_LIBS = libserver.la $(CHECK_LIBS)
AM_CPPFLAGS += -I$(top_srcdir)/tests/unit $(CHECK_CFLAGS)
noinst_HEADERS += %D%/runner.h

noinst_HEADERS += %D%/spool/harness.h %D%/spool/story.h

check_PROGRAMS += %D%/spool/spool_test
%C%_spool_spool_test_SOURCES = %D%/spool/spool_test.c
%C%_spool_spool_test_LDADD = $(TEST_LIBS)
dist_check_SCRIPTS = %D%/headers.sh %D%/manual.sh
TESTS += %D%/headers.sh %D%/manual.sh
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

check_PROGRAMS += %D%/log/jlog/format_test %D%/log/jlog/jlog_test
%C%_log_jlog_format_test_SOURCES = %D%/log/jlog/format_test.c
%C%_log_jlog_format_test_LDADD = $(TEST_LIBS)
%C%_log_jlog_jlog_test_SOURCES = %D%/log/jlog/jlog_test.c
%C%_log_jlog_jlog_test_LDADD = $(TEST_LIBS)

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

check_PROGRAMS += %D%/queue/retry_test
%C%_queue_retry_test_SOURCES = %D%/queue/retry_test.c
%C%_queue_retry_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/queue/queue_test
%C%_queue_queue_test_SOURCES = %D%/queue/queue_test.c %D%/queue/world.c %D%/queue/world.h
%C%_queue_queue_test_LDADD = $(TEST_LIBS)

# dns
check_PROGRAMS += %D%/dns/name_test %D%/dns/packet_test %D%/dns/resolv_conf_test %D%/dns/resolver_test \
  %D%/dns/route_test %D%/dns/target_test
%C%_dns_name_test_SOURCES = %D%/dns/name_test.c
%C%_dns_name_test_LDADD = $(TEST_LIBS)
%C%_dns_packet_test_SOURCES = %D%/dns/packet_test.c
%C%_dns_packet_test_LDADD = $(TEST_LIBS)
%C%_dns_resolv_conf_test_SOURCES = %D%/dns/resolv_conf_test.c
%C%_dns_resolv_conf_test_LDADD = $(TEST_LIBS)
%C%_dns_resolver_test_SOURCES = %D%/dns/resolver_test.c
%C%_dns_resolver_test_LDADD = $(TEST_LIBS)
%C%_dns_route_test_SOURCES = %D%/dns/route_test.c
%C%_dns_route_test_LDADD = $(TEST_LIBS)
%C%_dns_target_test_SOURCES = %D%/dns/target_test.c
%C%_dns_target_test_LDADD = $(TEST_LIBS)
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
check_PROGRAMS += %D%/conf/position_test
%C%_conf_position_test_SOURCES = %D%/conf/position_test.c %D%/conf/loading.h
%C%_conf_position_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/conf/edit_test
%C%_conf_edit_test_SOURCES = %D%/conf/edit_test.c %D%/conf/loading.h
%C%_conf_edit_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/conf/show_test
%C%_conf_show_test_SOURCES = %D%/conf/show_test.c %D%/conf/loading.h
%C%_conf_show_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/conf/writeback_test
%C%_conf_writeback_test_SOURCES = %D%/conf/writeback_test.c %D%/conf/loading.h
%C%_conf_writeback_test_LDADD = $(TEST_LIBS)

# smtp/out
check_PROGRAMS += %D%/smtp/out/session_test %D%/smtp/out/session_life_test %D%/smtp/out/session_body_test %D%/smtp/out/stuff_test
%C%_smtp_out_session_test_SOURCES = %D%/smtp/out/session_test.c %D%/smtp/out/sessions.h %D%/smtp/out/fake_queue.c %D%/smtp/out/fake_queue.h \
  %D%/smtp/out/peer.c %D%/smtp/out/peer.h
%C%_smtp_out_session_test_LDADD = $(TEST_LIBS)
%C%_smtp_out_session_life_test_SOURCES = %D%/smtp/out/session_life_test.c %D%/smtp/out/sessions.h %D%/smtp/out/fake_queue.c %D%/smtp/out/fake_queue.h \
  %D%/smtp/out/peer.c %D%/smtp/out/peer.h
%C%_smtp_out_session_life_test_LDADD = $(TEST_LIBS)
%C%_smtp_out_session_body_test_SOURCES = %D%/smtp/out/session_body_test.c %D%/smtp/out/sessions.h %D%/smtp/out/fake_queue.c %D%/smtp/out/fake_queue.h \
  %D%/smtp/out/peer.c %D%/smtp/out/peer.h
%C%_smtp_out_session_body_test_LDADD = $(TEST_LIBS)
%C%_smtp_out_stuff_test_SOURCES = %D%/smtp/out/stuff_test.c
%C%_smtp_out_stuff_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/queue/model_test
%C%_queue_model_test_SOURCES = %D%/queue/model_test.c %D%/queue/world.c %D%/queue/world.h
%C%_queue_model_test_LDADD = $(TEST_LIBS)
# dns
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
check_PROGRAMS += %D%/spool/model_test
%C%_spool_model_test_SOURCES = %D%/spool/model_test.c
%C%_spool_model_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/control/wire_test
%C%_control_wire_test_SOURCES = %D%/control/wire_test.c
%C%_control_wire_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/control/words_test
%C%_control_words_test_SOURCES = %D%/control/words_test.c
%C%_control_words_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/control/run_test
%C%_control_run_test_SOURCES = %D%/control/run_test.c
%C%_control_run_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/control/render_test
%C%_control_render_test_SOURCES = %D%/control/render_test.c
%C%_control_render_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/control/session_test
%C%_control_session_test_SOURCES = %D%/control/session_test.c
%C%_control_session_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/control/rundir_test
%C%_control_rundir_test_SOURCES = %D%/control/rundir_test.c
%C%_control_rundir_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/hook/hook_test
%C%_hook_hook_test_SOURCES = %D%/hook/hook_test.c
%C%_hook_hook_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/spool/damage_test
%C%_spool_damage_test_SOURCES = %D%/spool/damage_test.c
%C%_spool_damage_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/queue/commands_test
%C%_queue_commands_test_SOURCES = %D%/queue/commands_test.c %D%/queue/world.c %D%/queue/world.h
%C%_queue_commands_test_LDADD = $(TEST_LIBS)

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
check_PROGRAMS += %D%/log/logfile_test
%C%_log_logfile_test_SOURCES = %D%/log/logfile_test.c
%C%_log_logfile_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/log/destination_test %D%/log/line_test
%C%_log_destination_test_SOURCES = %D%/log/destination_test.c
%C%_log_destination_test_LDADD = $(TEST_LIBS)
%C%_log_line_test_SOURCES = %D%/log/line_test.c
%C%_log_line_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/ec_logger/format_test
%C%_ec_logger_format_test_SOURCES = %D%/ec_logger/format_test.c modules/ec_logger/format.c
%C%_ec_logger_format_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_ec_logger_format_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/message/header_test
%C%_message_header_test_SOURCES = %D%/message/header_test.c
%C%_message_header_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/message/mime_test
%C%_message_mime_test_SOURCES = %D%/message/mime_test.c
%C%_message_mime_test_LDADD = $(TEST_LIBS)

# Modules that are only for their test: shared because of -rpath, never installed.
test_module_ldflags = $(AM_LDFLAGS) -module -avoid-version -shared -rpath /nowhere
check_LTLIBRARIES += %D%/module/probe.la %D%/module/wrong_api.la %D%/module/wrong_size.la %D%/module/wrong_name.la \
  %D%/module/wrong_export.la %D%/module/wrong_old.la %D%/module/wrong_symbol.la %D%/module/wrong_option.la \
  %D%/module/shapes.la %D%/module/needy.la %D%/module/claimer.la \
  %D%/module/again_1.la %D%/module/again_2.la %D%/module/again_3.la %D%/module/again_4.la \
  %D%/module/again_5.la %D%/module/again_6.la %D%/module/again_7.la
%C%_module_shapes_la_SOURCES = %D%/module/shapes.c %D%/module/shapes.h
%C%_module_shapes_la_LDFLAGS = $(test_module_ldflags)
%C%_module_needy_la_SOURCES = %D%/module/small.c
%C%_module_needy_la_LDFLAGS = $(test_module_ldflags)
%C%_module_claimer_la_SOURCES = %D%/module/small.c
%C%_module_claimer_la_CPPFLAGS = $(AM_CPPFLAGS) -DCLAIMER
%C%_module_claimer_la_LDFLAGS = $(test_module_ldflags)
%C%_module_probe_la_SOURCES = %D%/module/probe.c %D%/module/probe.h
%C%_module_probe_la_LDFLAGS = $(test_module_ldflags)
%C%_module_wrong_api_la_SOURCES = %D%/module/wrong.c
%C%_module_wrong_api_la_CPPFLAGS = $(AM_CPPFLAGS) -DWRONG_API
%C%_module_wrong_api_la_LDFLAGS = $(test_module_ldflags)
%C%_module_wrong_size_la_SOURCES = %D%/module/wrong.c
%C%_module_wrong_size_la_CPPFLAGS = $(AM_CPPFLAGS) -DWRONG_SIZE
%C%_module_wrong_size_la_LDFLAGS = $(test_module_ldflags)
%C%_module_wrong_old_la_SOURCES = %D%/module/wrong.c
%C%_module_wrong_old_la_CPPFLAGS = $(AM_CPPFLAGS) -DWRONG_OLD
%C%_module_wrong_old_la_LDFLAGS = $(test_module_ldflags)
%C%_module_wrong_symbol_la_SOURCES = %D%/module/wrong.c
%C%_module_wrong_symbol_la_CPPFLAGS = $(AM_CPPFLAGS) -DWRONG_SYMBOL
%C%_module_wrong_symbol_la_LDFLAGS = $(test_module_ldflags)
%C%_module_wrong_option_la_SOURCES = %D%/module/wrong.c
%C%_module_wrong_option_la_CPPFLAGS = $(AM_CPPFLAGS) -DWRONG_OPTION
%C%_module_wrong_option_la_LDFLAGS = $(test_module_ldflags)
%C%_module_wrong_name_la_SOURCES = %D%/module/wrong.c
%C%_module_wrong_name_la_CPPFLAGS = $(AM_CPPFLAGS) -DWRONG_NAME
%C%_module_wrong_name_la_LDFLAGS = $(test_module_ldflags)
%C%_module_wrong_export_la_SOURCES = %D%/module/wrong.c
%C%_module_wrong_export_la_LDFLAGS = $(test_module_ldflags)

%C%_module_again_1_la_SOURCES = %D%/module/again.c %D%/module/again.h
%C%_module_again_1_la_CPPFLAGS = $(AM_CPPFLAGS) -DAGAIN=1
%C%_module_again_1_la_LDFLAGS = $(test_module_ldflags)
%C%_module_again_2_la_SOURCES = %D%/module/again.c %D%/module/again.h
%C%_module_again_2_la_CPPFLAGS = $(AM_CPPFLAGS) -DAGAIN=2
%C%_module_again_2_la_LDFLAGS = $(test_module_ldflags)
%C%_module_again_3_la_SOURCES = %D%/module/again.c %D%/module/again.h
%C%_module_again_3_la_CPPFLAGS = $(AM_CPPFLAGS) -DAGAIN=3
%C%_module_again_3_la_LDFLAGS = $(test_module_ldflags)
%C%_module_again_4_la_SOURCES = %D%/module/again.c %D%/module/again.h
%C%_module_again_4_la_CPPFLAGS = $(AM_CPPFLAGS) -DAGAIN=4
%C%_module_again_4_la_LDFLAGS = $(test_module_ldflags)
%C%_module_again_5_la_SOURCES = %D%/module/again.c %D%/module/again.h
%C%_module_again_5_la_CPPFLAGS = $(AM_CPPFLAGS) -DAGAIN=5
%C%_module_again_5_la_LDFLAGS = $(test_module_ldflags)
%C%_module_again_6_la_SOURCES = %D%/module/again.c %D%/module/again.h
%C%_module_again_6_la_CPPFLAGS = $(AM_CPPFLAGS) -DAGAIN=6
%C%_module_again_6_la_LDFLAGS = $(test_module_ldflags)
%C%_module_again_7_la_SOURCES = %D%/module/again.c %D%/module/again.h
%C%_module_again_7_la_CPPFLAGS = $(AM_CPPFLAGS) -DAGAIN=7
%C%_module_again_7_la_LDFLAGS = $(test_module_ldflags)

check_PROGRAMS += %D%/module/again_test
%C%_module_again_test_SOURCES = %D%/module/again_test.c
%C%_module_again_test_CPPFLAGS = $(AM_CPPFLAGS) -DMODULE_DIR=\"$(abs_top_builddir)/%D%/module\"
%C%_module_again_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_module_again_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/module/loader_test
%C%_module_loader_test_SOURCES = %D%/module/loader_test.c
%C%_module_loader_test_CPPFLAGS = $(AM_CPPFLAGS) -DMODULE_DIR=\"$(abs_top_builddir)/%D%/module\"
%C%_module_loader_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_module_loader_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/module/stanza_test
%C%_module_stanza_test_SOURCES = %D%/module/stanza_test.c
%C%_module_stanza_test_CPPFLAGS = $(AM_CPPFLAGS) -DMODULE_DIR=\"$(abs_top_builddir)/%D%/module\"
%C%_module_stanza_test_LDFLAGS = $(AM_LDFLAGS) -export-dynamic
%C%_module_stanza_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/module/options_test
%C%_module_options_test_SOURCES = %D%/module/options_test.c
%C%_module_options_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/spool/failure_test
%C%_spool_failure_test_SOURCES = %D%/spool/failure_test.c
%C%_spool_failure_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/spool/kill_test
%C%_spool_kill_test_SOURCES = %D%/spool/kill_test.c
%C%_spool_kill_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/spool/loops_test
%C%_spool_loops_test_SOURCES = %D%/spool/loops_test.c
%C%_spool_loops_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/bounce/bounce_test
%C%_bounce_bounce_test_SOURCES = %D%/bounce/bounce_test.c
%C%_bounce_bounce_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/smtp/idle_test
%C%_smtp_idle_test_SOURCES = %D%/smtp/idle_test.c
%C%_smtp_idle_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/smtp/loops_test
%C%_smtp_loops_test_SOURCES = %D%/smtp/loops_test.c
%C%_smtp_loops_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/queue/loops_test
%C%_queue_loops_test_SOURCES = %D%/queue/loops_test.c %D%/queue/world.c %D%/queue/world.h
%C%_queue_loops_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/spool/segment_test
%C%_spool_segment_test_SOURCES = %D%/spool/segment_test.c
%C%_spool_segment_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/message/batch_test
%C%_message_batch_test_SOURCES = %D%/message/batch_test.c
%C%_message_batch_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/ask/path_test
%C%_conf_ask_path_test_SOURCES = %D%/conf/ask/path_test.c %D%/conf/loading.h
%C%_conf_ask_path_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/documented_test
%C%_conf_documented_test_SOURCES = %D%/conf/documented_test.c
%C%_conf_documented_test_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE -DSRCDIR=\"$(abs_top_srcdir)/%D%/conf\"
%C%_conf_documented_test_LDADD = $(TEST_LIBS)
EXTRA_DIST += %D%/conf/documented.txt
check_PROGRAMS += %D%/conf/same_test
%C%_conf_same_test_SOURCES = %D%/conf/same_test.c %D%/conf/loading.h
%C%_conf_same_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/queue/renew_test
%C%_queue_renew_test_SOURCES = %D%/queue/renew_test.c %D%/queue/world.c %D%/queue/world.h
%C%_queue_renew_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/queue/limits_test
%C%_queue_limits_test_SOURCES = %D%/queue/limits_test.c %D%/queue/world.c %D%/queue/world.h
%C%_queue_limits_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/queue/bind_test
%C%_queue_bind_test_SOURCES = %D%/queue/bind_test.c %D%/queue/world.c %D%/queue/world.h
%C%_queue_bind_test_LDADD = $(TEST_LIBS)
noinst_HEADERS += %D%/conf/live/drafting.h

check_PROGRAMS += %D%/conf/live/draft_test
%C%_conf_live_draft_test_SOURCES = %D%/conf/live/draft_test.c
%C%_conf_live_draft_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/live/change_property_test
%C%_conf_live_change_property_test_SOURCES = %D%/conf/live/change_property_test.c
%C%_conf_live_change_property_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/live/diff_test
%C%_conf_live_diff_test_SOURCES = %D%/conf/live/diff_test.c
%C%_conf_live_diff_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/conf/ask/explain_test
%C%_conf_ask_explain_test_SOURCES = %D%/conf/ask/explain_test.c %D%/conf/loading.h
%C%_conf_ask_explain_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/ec_ctl/environment_test
%C%_ec_ctl_environment_test_SOURCES = %D%/ec_ctl/environment_test.c tools/ec_ctl/environment.c
%C%_ec_ctl_environment_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_ec_ctl_environment_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/bounce_logger/format_test
%C%_bounce_logger_format_test_SOURCES = %D%/bounce_logger/format_test.c modules/bounce_logger/format.c
%C%_bounce_logger_format_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_bounce_logger_format_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/json_logger/format_test
%C%_json_logger_format_test_SOURCES = %D%/json_logger/format_test.c modules/json_logger/format.c
%C%_json_logger_format_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_json_logger_format_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/custom_logger/format_test
%C%_custom_logger_format_test_SOURCES = %D%/custom_logger/format_test.c modules/custom_logger/format.c \
  modules/custom_logger/expand.c modules/custom_logger/sanitize.c
%C%_custom_logger_format_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)
%C%_custom_logger_format_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/smtp/listeners_test
%C%_smtp_listeners_test_SOURCES = %D%/smtp/listeners_test.c
%C%_smtp_listeners_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/bounce_classifier/rules_test
%C%_bounce_classifier_rules_test_SOURCES = %D%/bounce_classifier/rules_test.c modules/bounce_classifier/literal.c \
  modules/bounce_classifier/load.c modules/bounce_classifier/rules.c modules/bounce_classifier/screen.c
%C%_bounce_classifier_rules_test_CPPFLAGS = $(AM_CPPFLAGS) $(PCRE2_CFLAGS) -I$(top_srcdir) -DTOP=\"$(abs_top_srcdir)\"
%C%_bounce_classifier_rules_test_LDADD = $(TEST_LIBS)
EXTRA_DIST += %D%/bounce_classifier/replies.tsv
check_PROGRAMS += %D%/conf/check_test
%C%_conf_check_test_SOURCES = %D%/conf/check_test.c
%C%_conf_check_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/conf/rules_test
%C%_conf_rules_test_SOURCES = %D%/conf/rules_test.c
%C%_conf_rules_test_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
%C%_conf_rules_test_LDADD = $(TEST_LIBS)
check_PROGRAMS += %D%/module/service_test
%C%_module_service_test_SOURCES = %D%/module/service_test.c
%C%_module_service_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/cluster/wire_test
%C%_cluster_wire_test_SOURCES = %D%/cluster/wire_test.c
%C%_cluster_wire_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_wire_test_LDADD = libcluster.la $(TEST_LIBS)

check_PROGRAMS += %D%/cluster/limit_test
%C%_cluster_limit_test_SOURCES = %D%/cluster/limit_test.c
%C%_cluster_limit_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_limit_test_LDADD = libcluster.la $(TEST_LIBS)

check_PROGRAMS += %D%/cluster/lease_test
%C%_cluster_lease_test_SOURCES = %D%/cluster/lease_test.c
%C%_cluster_lease_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_lease_test_LDADD = libcluster.la $(TEST_LIBS)

check_PROGRAMS += %D%/cluster/replica_test
%C%_cluster_replica_test_SOURCES = %D%/cluster/replica_test.c
%C%_cluster_replica_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_replica_test_LDADD = libcluster.la $(TEST_LIBS)

check_PROGRAMS += %D%/cluster/members_test
%C%_cluster_members_test_SOURCES = %D%/cluster/members_test.c
%C%_cluster_members_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_members_test_LDADD = libcluster.la $(TEST_LIBS)

if HAVE_COROSYNC
check_PROGRAMS += %D%/cluster/bus_cpg_test
%C%_cluster_bus_cpg_test_SOURCES = %D%/cluster/bus_cpg_test.c modules/cluster/bus_cpg/bus_cpg.c
%C%_cluster_bus_cpg_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules $(COROSYNC_CFLAGS)
%C%_cluster_bus_cpg_test_LDADD = $(TEST_LIBS)
endif

check_PROGRAMS += %D%/cluster/remote_test
%C%_cluster_remote_test_SOURCES = %D%/cluster/remote_test.c
%C%_cluster_remote_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_remote_test_LDADD = libcluster.la $(TEST_LIBS)

check_PROGRAMS += %D%/cluster/shared_test
%C%_cluster_shared_test_SOURCES = %D%/cluster/shared_test.c modules/cluster/shared/tally.c
%C%_cluster_shared_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_shared_test_LDADD = libcluster.la $(TEST_LIBS)

check_PROGRAMS += %D%/cluster/group_test
%C%_cluster_group_test_SOURCES = %D%/cluster/group_test.c
%C%_cluster_group_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_group_test_LDADD = libcluster.la $(TEST_LIBS)

check_PROGRAMS += %D%/cluster/soft_test
%C%_cluster_soft_test_SOURCES = %D%/cluster/soft_test.c
%C%_cluster_soft_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_cluster_soft_test_LDADD = libcluster.la $(TEST_LIBS)

check_PROGRAMS += %D%/cluster/slots_test
%C%_cluster_slots_test_SOURCES = %D%/cluster/slots_test.c %D%/cluster/slots_model.c %D%/cluster/slots_model.h %D%/cluster/slots_mutant.h
%C%_cluster_slots_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules -DCLUSTER_MUTANTS
%C%_cluster_slots_test_LDADD = libclustermutants.la $(TEST_LIBS)
check_PROGRAMS += %D%/cluster/slot_test
%C%_cluster_slot_test_SOURCES = %D%/cluster/slot_test.c %D%/cluster/slots_mutant.h
%C%_cluster_slot_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules -DCLUSTER_MUTANTS
%C%_cluster_slot_test_LDADD = libclustermutants.la $(TEST_LIBS)
EXTRA_DIST += %D%/cluster/slots_mutants.sh
if !SANITIZE
TESTS += %D%/cluster/slots_mutants.sh
endif
check_PROGRAMS += %D%/util/window_test
%C%_util_window_test_SOURCES = %D%/util/window_test.c
%C%_util_window_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/shape/shape_test
%C%_shape_shape_test_SOURCES = %D%/shape/shape_test.c
%C%_shape_shape_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/shape/throttle_test
%C%_shape_throttle_test_SOURCES = %D%/shape/throttle_test.c
%C%_shape_throttle_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/shape/guard_test
%C%_shape_guard_test_SOURCES = %D%/shape/guard_test.c
%C%_shape_guard_test_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE
%C%_shape_guard_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/shape/model_test
%C%_shape_model_test_SOURCES = %D%/shape/model_test.c
%C%_shape_model_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/shape/loops_test
%C%_shape_loops_test_SOURCES = %D%/shape/loops_test.c
%C%_shape_loops_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/shape/commands_test
%C%_shape_commands_test_SOURCES = %D%/shape/commands_test.c
%C%_shape_commands_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/series/series_test
%C%_series_series_test_SOURCES = %D%/series/series_test.c
%C%_series_series_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/series/gauge_test
%C%_series_gauge_test_SOURCES = %D%/series/gauge_test.c
%C%_series_gauge_test_LDADD = $(TEST_LIBS)

check_PROGRAMS += %D%/inbound_audit/store_test
%C%_inbound_audit_store_test_SOURCES = %D%/inbound_audit/store_test.c modules/inbound_audit/store.c
%C%_inbound_audit_store_test_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/modules
%C%_inbound_audit_store_test_LDADD = $(TEST_LIBS)

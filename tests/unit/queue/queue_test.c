/* queue_test.c - the queues with a scripted world around them: days of retries in milliseconds
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/world.h"

#include <stdio.h>
#include <string.h>

#include "runner.h"

static void all_4xx(const queue_attempt_t *attempt, int i, queue_result_t *result)
{
    *result = (queue_result_t){ .outcome = QUEUE_TRANSIENT,
                                .stage = EC_STAGE_RCPT,
                                .text = "451 4.2.0 not now",
                                .address = "127.0.0.1" };
}

static void all_5xx(const queue_attempt_t *attempt, int i, queue_result_t *result)
{
    *result = (queue_result_t){ .outcome = QUEUE_PERMANENT,
                                .stage = EC_STAGE_RCPT,
                                .text = "550 5.1.1 no such user",
                                .address = "127.0.0.1" };
}

static void all_lost(const queue_attempt_t *attempt, int i, queue_result_t *result)
{
    *result = (queue_result_t){
        .outcome = QUEUE_IN_DOUBT, .stage = EC_STAGE_CONFIRM, .text = "", .address = "127.0.0.1"
    };
}

/* ---- delivery ------------------------------------------------------------------------- */

START_TEST(delivers_and_settles)
{
    world_start("", 1, test_pool);
    world_mail("a@here.test", "b@there.test");
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.deliveries, 1);
    ck_assert_int_eq(world.open_recipients, 0);
    ck_assert_str_eq(world.last.domain, "there.test");
    ck_assert_int_eq(world.last.retries, 0);
    ck_assert_int_eq(account_value(ACCOUNT_delivered), 1);
    world_stop();
}
END_TEST

START_TEST(one_transaction_for_one_batch)
{
    world_start("max_recipients_per_batch = 40\nmax_outbound_connections = 1\n", 1, test_pool);
    world_mail_many("a@here.test", "there.test", 100);
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.attempts, 3);
    ck_assert_int_eq(world.largest_attempt, 40);
    ck_assert_int_eq(world.deliveries, 100);
    world_stop();
}
END_TEST

START_TEST(domains_and_gateway)
{
    world_start("Domain \"via.test\" { Gateway = \"Relay.test\" }\n", 1, test_pool);
    world_mail("a@here.test", "b@one.test c@two.test d@via.test e@one.test");
    world_pass(0.001);
    ck_assert_ptr_nonnull(world_queue("one.test"));
    ck_assert_ptr_nonnull(world_queue("relay.test"));
    ck_assert_ptr_null(world_queue("via.test"));
    ck_assert_int_eq(world_queue("relay.test")->is_gateway, 1);
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.attempts, 3);
    ck_assert_int_eq(world.largest_attempt, 2);
    world_stop();
}
END_TEST

/* ---- connections ------------------------------------------------------------------------ */

START_TEST(connections_ramp_and_never_exceed)
{
    world_start("max_outbound_connections = 32\n", 1, test_pool);
    world.reply_delay = 20000;
    for (int i = 0; i < 1000; i++) {
        world_mail("a@here.test", "b@there.test");
    }
    world_pass(0.015);
    ck_assert_int_le(world.most_open, 2);
    ck_assert_int_eq(world_settle(2), 0);
    ck_assert_int_eq(world.most_open, 32);
    ck_assert_int_eq(world.opened, 32);
    world_pass(6);
    ck_assert_int_eq(world.open_now, 0);
    world_stop();
}
END_TEST

START_TEST(aggressive_opens_at_once)
{
    world_start("max_outbound_connections = 20\nconnection_allocation_aggressiveness = \"high\"\n", 1,
                test_pool);
    for (int i = 0; i < 100; i++) {
        world_mail("a@here.test", "b@there.test");
    }
    world_pass(0.005);
    ck_assert_int_eq(world.open_now, 20);
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.most_open, 20);
    world_stop();
}
END_TEST

START_TEST(server_limit_holds_for_all_queues)
{
    world_start("server_max_outbound_connections = 5\n", 1, test_pool);
    for (int i = 0; i < 50; i++) {
        char to[40];

        snprintf(to, sizeof to, "b@d%d.test", i);
        world_mail("a@here.test", to);
    }
    world.idle_timeout = apr_time_from_sec(1);
    ck_assert_int_eq(world_settle(100), 0);
    ck_assert_int_eq(world.most_open, 5);
    world_stop();
}
END_TEST

START_TEST(idle_connection_is_used_again)
{
    world_start("", 1, test_pool);
    world_mail("a@here.test", "b@there.test");
    ck_assert_int_eq(world_settle(1), 0);
    world_mail("a@here.test", "b@there.test");
    ck_assert_int_eq(world_settle(1), 0);
    ck_assert_int_eq(world.opened, 1);
    world_stop();
}
END_TEST

START_TEST(lowered_limit_closes_the_surplus)
{
    world_start("max_outbound_connections = 20\nconnection_allocation_aggressiveness = \"high\"\n", 1,
                test_pool);
    world.reply_delay = apr_time_from_sec(1);
    for (int i = 0; i < 200; i++) {
        world_mail("a@here.test", "b@there.test");
    }
    world_pass(0.5);
    ck_assert_int_eq(world.open_now, 20);
    world_configure("max_outbound_connections = 3\nconnection_allocation_aggressiveness = \"high\"\n");
    world_pass(2);
    ck_assert_int_eq(world.open_now, 3);
    ck_assert_int_eq(world_settle(200), 0);
    world_stop();
}
END_TEST

/* ---- retries ------------------------------------------------------------------------------- */

START_TEST(schedule_over_days)
{
    static const int want[] = { 0, 1200, 3600, 8400, 18000, 37200, 75600, 118800, 162000 };

    world_start("message_expiration = 604800\nmax_retries = \"none\"\n", 1, test_pool);
    world.script = all_4xx;
    world_mail("a@here.test", "b@there.test");
    world_pass(200000);
    ck_assert_int_eq(world.transients, TEST_COUNT(want));
    for (int i = 0; i < TEST_COUNT(want); i++) {
        apr_interval_time_t after = world.when[i] - world_epoch;

        ck_assert_int_ge(after, apr_time_from_sec(want[i]));
        ck_assert_int_lt(after, apr_time_from_sec(want[i] + 2));
    }
    ck_assert_int_eq(world.last.retries, 8);
    world.script = NULL;
    ck_assert_int_eq(world_settle(50000), 0);
    ck_assert_int_eq(world.last.retries, 9);
    world_stop();
}
END_TEST

static const struct {
    const char *conf;
    int transients;
    const char *text;
    account_t account;
} ends[] = {
    { "max_retries = 2\n", 3, "554 5.4.7 [internal] exceeded max retries", ACCOUNT_expired },
    { "max_retries = 0\n", 1, "554 5.4.7", ACCOUNT_expired },
    { "never_retry = true\n", 1, "554 5.4.7", ACCOUNT_expired },
    { "", 7, "exceeded max retries without delivery; last: 451 4.2.0 not now", ACCOUNT_expired },
    { "max_retries = \"none\"\n", 8, "554 5.4.7 [internal] exceeded max time", ACCOUNT_expired },
    { "message_expiration = 3000\nmax_retries = \"none\"\n", 3, "exceeded max time", ACCOUNT_expired },
    { "message_expiration = 3000\nmax_retries = \"none\"\nnever_attempt_expired_messages = true\n", 2,
      "exceeded max time", ACCOUNT_expired },
};

START_TEST(ends_in_time)
{
    world_start(ends[_i].conf, 1, test_pool);
    world.script = all_4xx;
    world_mail("", "b@there.test");
    ck_assert_int_eq(world_settle(1000000), 0);
    ck_assert_int_eq(world.transients, ends[_i].transients);
    ck_assert_int_eq(world.permanents, 1);
    ck_assert_ptr_nonnull(strstr(world.text, ends[_i].text));
    ck_assert_int_eq(account_value(ends[_i].account), 1);
    world_stop();
}
END_TEST

START_TEST(in_doubt_is_counted_and_retried)
{
    world_start("", 1, test_pool);
    world.script = all_lost;
    world_mail("a@here.test", "b@there.test");
    world_pass(10);
    ck_assert_int_eq(world.transients, 1);
    ck_assert_int_eq(world.last.stage, EC_STAGE_CONFIRM);
    ck_assert_ptr_nonnull(strstr(world.text, "in doubt"));
    ck_assert_int_eq(ec_counter_value(queue_gauges.in_doubt), 1);
    world.script = NULL;
    ck_assert_int_eq(world_settle(3000), 0);
    world_stop();
}
END_TEST

/* ---- failures ---------------------------------------------------------------------------------- */

START_TEST(bounce_once_and_only_once)
{
    char text[64];

    world_start("", 1, test_pool);
    world.script = all_5xx;
    world_mail("a@here.test", "b@there.test");
    ck_assert_int_eq(world_settle(100), 0);
    /* the bounce was refused as well, and has the null sender */
    ck_assert_int_eq(world.permanents, 2);
    ck_assert_int_eq(world.receptions, 1);
    ck_assert_int_eq(world.requests[SPOOL_STORE], 1);
    ck_assert_int_eq(account_value(ACCOUNT_generated), 1);
    ck_assert_int_eq(account_value(ACCOUNT_failed), 2);
    ck_assert_str_eq(world.bounce->sender, "");
    ck_assert_str_eq(world.bounce->rcpts[0].address, "a@here.test");
    ck_assert_int_eq(batch_header(world.bounce, "Auto-Submitted", text, sizeof text), 1);
    ck_assert_str_eq(text, "auto-replied");
    world_stop();
}
END_TEST

START_TEST(no_bounce_when_not_wanted)
{
    world_start(_i == 0 ? "generate_bounces = false\n" : "", 1, test_pool);
    world.script = all_5xx;
    world_mail(_i == 0 ? "a@here.test" : "", "b@there.test");
    ck_assert_int_eq(world_settle(100), 0);
    ck_assert_int_eq(world.permanents, 1);
    ck_assert_int_eq(world.requests[SPOOL_STORE], 0);
    world_stop();
}
END_TEST

START_TEST(bounce_waits_for_a_full_disk)
{
    world_start("", 1, test_pool);
    world.script = all_5xx;
    world.fail[SPOOL_STORE] = APR_ENOSPC;
    world_mail("a@here.test", "b@there.test");
    world_pass(200);
    ck_assert_int_eq(world.permanents, 1);
    ck_assert_int_gt(world.requests[SPOOL_STORE], 2);
    ck_assert_int_eq(world.attempts, 1);
    ck_assert_int_eq(world_residual(), 0);
    world.script = NULL;
    world.fail[SPOOL_STORE] = APR_SUCCESS;
    ck_assert_int_eq(world_settle(100), 0);
    ck_assert_int_eq(world.permanents, 1);
    ck_assert_int_eq(world.deliveries, 1); /* the bounce */
    ck_assert_str_eq(world.recipient, "a@here.test");
    world_stop();
}
END_TEST

START_TEST(mark_that_fails_sends_nothing)
{
    world_start("", 1, test_pool);
    world.fail[SPOOL_MARK] = APR_EGENERAL;
    world_mail("a@here.test", "b@there.test");
    world_pass(10);
    ck_assert_int_eq(world.deliveries + world.transients, 0);
    ck_assert_int_ge(world.attempts, 5); /* about one a second */
    ck_assert_int_le(world.attempts, 15);
    world.fail[SPOOL_MARK] = APR_SUCCESS;
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.deliveries, 1);
    world_stop();
}
END_TEST

START_TEST(drop_that_fails_is_repeated_before_the_next_attempt)
{
    world_start("max_outbound_connections = 1\n", 1, test_pool);
    world.fail[SPOOL_DROP] = APR_EGENERAL;
    world_mail("a@here.test", "b@there.test");
    world_mail("a@here.test", "c@there.test");
    world_pass(10);
    ck_assert_int_eq(world.deliveries, 1);
    ck_assert_int_ge(world.requests[SPOOL_DROP], 5);
    world.fail[SPOOL_DROP] = APR_SUCCESS;
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.deliveries, 2);
    world_stop();
}
END_TEST

START_TEST(state_that_fails_delays_all_the_same)
{
    world_start("", 1, test_pool);
    world.fail[SPOOL_STATE] = APR_EGENERAL;
    world.script = all_4xx;
    world_mail("a@here.test", "b@there.test");
    world_pass(100);
    ck_assert_int_eq(world.transients, 1);
    world.script = NULL;
    ck_assert_int_eq(world_settle(1300), 0);
    world_stop();
}
END_TEST

/* ---- unreachable ---------------------------------------------------------------------------------- */

START_TEST(unreachable_backs_off)
{
    queue_t *queue;

    world_start("", 1, test_pool);
    world.can_connect = 0;
    for (int i = 0; i < 1000; i++) {
        world_mail("a@here.test", "b@there.test");
    }
    world_pass(130);
    queue = world_queue("there.test");
    /* 0, 1, 3, 7, 15, 31, 63, 127 seconds: one message each, the others wait */
    ck_assert_int_eq(queue->failures, 8);
    ck_assert_int_eq(world.transients, 8);
    ck_assert_int_eq(queue->active.count, 992);
    ck_assert_str_eq(reply_text(queue->reason), "450 4.4.1 [internal] connect timeout");
    world_pass(900);
    /* connect_timeout_to_delay: all of them are delayed, one attempt counted each */
    ck_assert_int_eq(queue->active.count, 0);
    ck_assert_int_eq(queue->delayed.count, 1000);
    ck_assert_int_eq(world.transients, 1000);
    world.can_connect = 1;
    ck_assert_int_eq(world_settle(5000), 0);
    ck_assert_int_eq(world.deliveries, 1000);
    ck_assert_int_eq(queue->failures, 0);
    world_stop();
}
END_TEST

START_TEST(failures_in_a_row_delay_all)
{
    world_start("mx_failures_to_delay = 3\n", 1, test_pool);
    world.can_connect = 0;
    for (int i = 0; i < 100; i++) {
        world_mail("a@here.test", "b@there.test");
    }
    world_pass(2);
    ck_assert_int_eq(world.transients, 2);
    world_pass(3);
    ck_assert_int_eq(world.transients, 100);
    world_stop();
}
END_TEST

START_TEST(refused_extra_connections_do_not_fail_mail)
{
    world_start("", 1, test_pool);
    world.reply_delay = apr_time_from_sec(10);
    world_mail("a@here.test", "b@there.test");
    world_pass(1);
    ck_assert_int_eq(world.open_now, 1);
    world.can_connect = 0;
    for (int i = 0; i < 20; i++) {
        world_mail("a@here.test", "b@there.test");
    }
    world_pass(100);
    ck_assert_int_eq(world.transients, 0);
    ck_assert_int_gt(world.opened, 1);
    ck_assert_int_eq(world_settle(200), 0);
    ck_assert_int_eq(world.deliveries, 21);
    world_stop();
}
END_TEST

START_TEST(no_such_domain_fails_all_mail)
{
    world_start("", 1, test_pool);
    world.dns_rv = EC_E_DNS_NXDOMAIN;
    for (int i = 0; i < 500; i++) {
        world_mail("", "b@there.test");
    }
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.permanents, 500);
    ck_assert_int_le(world.lookups, 2);
    ck_assert_int_eq(account_value(ACCOUNT_failed), 500);
    world_stop();
}
END_TEST

START_TEST(gateway_that_does_not_exist_keeps_mail)
{
    world_start("Gateway = \"typo.test\"\n", 1, test_pool);
    world.dns_rv = EC_E_DNS_NXDOMAIN;
    world_mail("a@here.test", "b@there.test");
    world_pass(100);
    ck_assert_int_eq(world.permanents, 0);
    ck_assert_int_eq(world.transients, 1);
    ck_assert_ptr_nonnull(strstr(world.text, "451 4.4.4"));
    world.dns_rv = APR_SUCCESS;
    ck_assert_int_eq(world_settle(2000), 0);
    world_stop();
}
END_TEST

START_TEST(failing_name_server_purges_after_n_lookups_of_a_message)
{
    world_start("dns_failures_to_purge = 4\nmax_retries = \"none\"\n", 1, test_pool);
    world.dns_rv = EC_E_DNS_TRANSIENT;
    world_mail("", "b@there.test");
    ck_assert_int_eq(world_settle(80000), 0);
    ck_assert_int_eq(world.transients, 4);
    ck_assert_ptr_nonnull(strstr(world.text, "554 5.4.4 [internal] domain lookup failed"));
    ck_assert_int_eq(account_value(ACCOUNT_failed), 1);
    world_stop();
}
END_TEST

/* ---- suspension --------------------------------------------------------------------------------------- */

START_TEST(suspended_waits_and_expires)
{
    world_start("suspend_delivery = true\nmessage_expiration = 3600\n", 1, test_pool);
    world_mail("", "b@there.test");
    world_pass(3000);
    world_mail("", "b@there.test");
    ck_assert_int_eq(world.opened, 0);
    world_pass(700);
    ck_assert_int_eq(world.permanents, 1);
    ck_assert_ptr_nonnull(strstr(world.text, "554 5.4.5"));
    ck_assert_int_eq(account_value(ACCOUNT_expired), 1);
    world_configure("");
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.deliveries, 1);
    world_stop();
}
END_TEST

/* ---- memory ---------------------------------------------------------------------------------------------
 */

START_TEST(bodies_beyond_the_limit_are_read_back)
{
    world_start("max_resident_active_queue = 10\nmax_outbound_connections = 4\n", 1, test_pool);
    world.can_connect = 0;
    for (int i = 0; i < 500; i++) {
        world_mail("a@here.test", "b@there.test");
    }
    ck_assert_int_eq(ec_counter_value(queue_gauges.resident), 10);
    world.can_connect = 1;
    ck_assert_int_eq(world_settle(100), 0);
    ck_assert_int_eq(world.deliveries, 500);
    ck_assert_int_ge(world.loads, 490);
    ck_assert_int_eq(ec_counter_value(queue_gauges.resident), 0);
    world_stop();
}
END_TEST

START_TEST(delayed_mail_has_no_body_in_memory)
{
    world_start("", 1, test_pool);
    world.script = all_4xx;
    world_mail_many("a@here.test", "there.test", 50);
    world_pass(10);
    ck_assert_int_eq(ec_counter_value(queue_gauges.delayed), 50);
    ck_assert_int_eq(ec_counter_value(queue_gauges.resident), 0);
    world.script = NULL;
    world.attempts = world.loads = 0;
    ck_assert_int_eq(world_settle(1300), 0);
    ck_assert_int_eq(world.attempts, 1); /* side by side again, read once */
    ck_assert_int_eq(world.loads, 1);
    world_stop();
}
END_TEST

START_TEST(unreadable_is_kept)
{
    world_start("max_resident_active_queue = 0\n", 1, test_pool);
    world.fail_load = EC_E_SPOOL_CORRUPT;
    world_mail("a@here.test", "b@there.test");
    world_pass(300);
    ck_assert_int_eq(ec_counter_value(queue_gauges.held), 1);
    ck_assert_int_eq(world.transients + world.permanents, 0);
    ck_assert_int_gt(world.loads, 3);
    world.fail_load = APR_SUCCESS;
    ck_assert_int_eq(world_settle(100), 0);
    ck_assert_int_eq(world.deliveries, 1);
    world_stop();
}
END_TEST

START_TEST(empty_queues_are_forgotten)
{
    world_start("", 1, test_pool);
    world_mail("a@here.test", "b@there.test");
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_ptr_nonnull(world_queue("there.test"));
    world_pass(400);
    ck_assert_ptr_null(world_queue("there.test"));
    world_stop();
}
END_TEST

/* ---- recovery
 * ---------------------------------------------------------------------------------------------- */

static ec_batch_t *found(int n)
{
    ec_batch_t *batch = batch_create(world_epoch - apr_time_from_sec(100), "esmtp");

    batch_set_sender(batch, "a@here.test");
    for (int i = 0; i < n; i++) {
        batch_add_rcpt(batch, "b@there.test");
    }
    return batch;
}

START_TEST(recovery_brings_everything_back)
{
    world_start("", 1, test_pool);
    for (int i = 0; i < 700; i++) {
        world_keep(found(1), 0, 0, i < 3);
    }
    world_keep(found(2), 4, world_epoch + apr_time_from_sec(50), 0);
    world_recover();
    ck_assert_int_eq(account_value(ACCOUNT_recovered), 702);
    ck_assert_int_eq(account_value(ACCOUNT_in_doubt), 3);
    ck_assert_int_eq(world_residual(), 0);
    world_pass(30);
    ck_assert_int_eq(world.deliveries, 700);
    ck_assert_int_eq(world_settle(30), 0);
    ck_assert_int_eq(world.deliveries, 702);
    ck_assert_int_eq(world.last.retries, 4);
    world_stop();
}
END_TEST

/* However often a connection is used, at most its last message is in doubt; and a start counts a doubt once.
 */
START_TEST(doubt_is_bounded)
{
    world_start("max_outbound_connections = 4\nconnection_allocation_aggressiveness = \"high\"\n", 1,
                test_pool);
    for (int i = 0; i < 20; i++) {
        world_keep(found(1), 0, 0, 1);
    }
    ck_assert_int_eq(world_marked(), 20);
    world_recover();
    world_pass(0.0001);
    ck_assert_int_eq(world_marked(), 0);
    for (int i = 0; i < 200; i++) {
        world_pass(0.003);
        ck_assert_int_le(world_marked(), 4);
    }
    ck_assert_int_eq(world_settle(10), 0);
    world_stop();
}
END_TEST

/* Nothing is sent, and so nothing marked, before the marks of the last process are known. */
START_TEST(delivery_waits_for_recovery)
{
    world_start("", 1, test_pool);
    world_pass(0.001);
    recover_hold(queue_sets[0]);
    world_mail("a@here.test", "b@there.test");
    world_keep(found(1), 0, 0, 1);
    world_pass(5);
    ck_assert_int_eq(world.opened, 0);
    if (_i == 0) {
        world_recover();
        world_pass(1);
    } else {
        world_pass(6); /* but not for ever */
    }
    ck_assert_int_eq(world.deliveries, _i == 0 ? 2 : 1);
    world_recover();
    ck_assert_int_eq(world_settle(10), 0);
    world_stop();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "queue", 60);

    tcase_add_test(tcase, delivers_and_settles);
    tcase_add_test(tcase, one_transaction_for_one_batch);
    tcase_add_test(tcase, domains_and_gateway);
    tcase_add_test(tcase, connections_ramp_and_never_exceed);
    tcase_add_test(tcase, aggressive_opens_at_once);
    tcase_add_test(tcase, server_limit_holds_for_all_queues);
    tcase_add_test(tcase, idle_connection_is_used_again);
    tcase_add_test(tcase, lowered_limit_closes_the_surplus);
    tcase_add_test(tcase, schedule_over_days);
    tcase_add_loop_test(tcase, ends_in_time, 0, TEST_COUNT(ends));
    tcase_add_test(tcase, in_doubt_is_counted_and_retried);
    tcase_add_test(tcase, bounce_once_and_only_once);
    tcase_add_loop_test(tcase, no_bounce_when_not_wanted, 0, 2);
    tcase_add_test(tcase, bounce_waits_for_a_full_disk);
    tcase_add_test(tcase, mark_that_fails_sends_nothing);
    tcase_add_test(tcase, drop_that_fails_is_repeated_before_the_next_attempt);
    tcase_add_test(tcase, state_that_fails_delays_all_the_same);
    tcase_add_test(tcase, unreachable_backs_off);
    tcase_add_test(tcase, failures_in_a_row_delay_all);
    tcase_add_test(tcase, refused_extra_connections_do_not_fail_mail);
    tcase_add_test(tcase, no_such_domain_fails_all_mail);
    tcase_add_test(tcase, gateway_that_does_not_exist_keeps_mail);
    tcase_add_test(tcase, failing_name_server_purges_after_n_lookups_of_a_message);
    tcase_add_test(tcase, suspended_waits_and_expires);
    tcase_add_test(tcase, bodies_beyond_the_limit_are_read_back);
    tcase_add_test(tcase, delayed_mail_has_no_body_in_memory);
    tcase_add_test(tcase, unreadable_is_kept);
    tcase_add_test(tcase, empty_queues_are_forgotten);
    tcase_add_test(tcase, recovery_brings_everything_back);
    tcase_add_test(tcase, doubt_is_bounded);
    tcase_add_loop_test(tcase, delivery_waits_for_recovery, 0, 2);
}

TEST_MAIN("queue/queue", add)

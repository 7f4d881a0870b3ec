/* session_life_test.c - sessions against a scripted peer: which host, how many connections, idle, the mark before the dot, the end
 * SPDX-License-Identifier: Apache-2.0 */
#include "sessions.h"

/* ---- hosts --------------------------------------------------------------------------------------------- */

/* What the peer has not closed is held: for five seconds, and until a reset has got there. */
enum { PATIENCE_MS = 5000, HEARD_MS = 250 };

static int ms_since(apr_time_t before)
{
    return (int)apr_time_as_msec(fake_queue_over_at() - before);
}

/* The first host refuses, and closes when we do, or never. */
static const struct {
    const char *act;
    int ms;
} refusals[] = {
    { "554 go away", 0 },
    { "nonsense", 0 },
    { "!drop 554 go away", 0 },
    { "!stall 554 go away", PATIENCE_MS + HEARD_MS },
};

static int has_second(void *baton)
{
    return peer_connections() == 2;
}

START_TEST(next_host_when_the_last_has_closed)
{
    static const char *const two[] = { "127.0.0.1", "127.0.0.1", NULL };
    peer_script_t script = { OFFERS_ALL, { { "", 1, refusals[_i].act } } };
    apr_time_t before = ec_loop_now(ec_loop_at(0));

    peer_start(&script, test_pool);
    fake_queue_start(CONF "host_failure_retry = 0\n", two, peer_port(), test_pool);
    add_message(MESSAGE, 1);
    fake_queue_open();
    until(has_second);
    ck_assert_int_eq(ms_since(before), refusals[_i].ms);
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "D9 / ");
}
END_TEST

START_TEST(next_host)
{
    static const char *const two[] = { "127.0.0.9", "127.0.0.1", NULL }; /* nobody listens on the first */
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, two, peer_port(), test_pool);
    add_message(MESSAGE, 1);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "D9 / ");
    ck_assert_str_eq(fake_queue_result(0)->address, "127.0.0.1");
}
END_TEST

/* ---- limits over several queues -------------------------------------------------------------------- */

START_TEST(full_host_is_passed_over)
{
    static const char *const two[] = { "127.0.0.9", "127.0.0.1", NULL }; /* nobody listens on the first */
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, two, peer_port(), test_pool);
    fake_queue_full(_i);
    add_message(MESSAGE, 1);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), _i < 2 ? "D9 / " : "h");
    ck_assert_int_eq(peer_connections(), _i < 2);
}
END_TEST

START_TEST(connections_that_may_not_begin_fail_nothing)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_wait();
    add_message(MESSAGE, 1);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "");
    ck_assert_int_eq(peer_connections(), 0);
}
END_TEST

/* I8: with permission for one message the connection says QUIT after it; without any it stays for the first.
 */
START_TEST(throttled)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };
    apr_time_t before = ec_loop_now(ec_loop_at(0));

    peer_start(&script, test_pool);
    fake_queue_start(CONF "idle_timeout = 5\n", here, peer_port(), test_pool);
    fake_queue_throttle(_i);
    add_message(MESSAGE, 1);
    add_message(MESSAGE, 1);
    fake_queue_open();
    if (_i == 0) {
        until(fake_queue_is_waiting);
        ck_assert(!fake_queue_is_closed(NULL) && !has_quit(NULL));
        fake_queue_throttle(1);
        fake_queue_wake(0);
    }
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "D9 / ");
    ck_assert(has_quit(NULL));
    ck_assert_int_eq(ms_since(before), 0);
}
END_TEST

static int is_silent(void *baton)
{
    return peer_is_silent();
}

/* The lease ends while an answer is awaited: nothing more is sent, and what the dot was not sent for is
 * released. */
static const struct {
    const char *verb, *story;
} cuts[] = { { "", "" },           { "EHLO", "" },      { "MAIL", "R R / " },
             { "DATA", "R R / " }, { ".", "?9 ?9 / " }, { "QUIT", "D9 D9 / " } };

START_TEST(cut)
{
    peer_script_t script = { NULL, { { cuts[_i].verb, 0, "!silent" } } };
    const char *before;
    apr_time_t when;

    peer_start(&script, test_pool);
    fake_queue_start(CONF "body_timeout = 1000\nmailfrom_timeout = 1000\nehlo_timeout = 1000\n", here,
                     peer_port(), test_pool);
    add_message(MESSAGE, 2);
    fake_queue_open();
    until(is_silent);
    before = peer_transcript();
    when = ec_loop_now(ec_loop_at(0));
    fake_queue_cut(1);
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), cuts[_i].story);
    ck_assert_str_eq(peer_transcript(), before);
    ck_assert_int_eq(ms_since(when), HEARD_MS);
}
END_TEST

/* Nobody has told the session yet: it finds out before it sends. */
START_TEST(nothing_is_sent_without_permission)
{
    static const peer_script_t script = { NULL, { { 0 } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_cut(0);
    add_message(MESSAGE, 1);
    fake_queue_open();
    event_clock_release(event_runtime_clock()); /* a reset takes its time */
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "");
    ck_assert_str_eq(peer_transcript(), "");
}
END_TEST

/* An answer that does not come: the connection is given up, and its slots are held until the peer has closed: at once when it
 * reads, in the end when it does not. Nothing is sent meanwhile, also no dot that was waiting for its turn. */
START_TEST(given_up)
{
    const char *verb = cuts[_i / 2].verb;
    peer_script_t script = { NULL, { { verb, 0, _i % 2 ? "!stall" : "!silent" } } };
    const char *before;
    apr_time_t when;

    peer_start(&script, test_pool);
    fake_queue_start(CONF "body_timeout = 10\nmailfrom_timeout = 10\nehlo_timeout = 10\n", here, peer_port(), test_pool);
    add_message(MESSAGE, 2);
    fake_queue_open();
    until(is_silent);
    before = peer_transcript();
    when = ec_loop_now(ec_loop_at(0)) + (strcmp(verb, "QUIT") == 0 ? 0 : apr_time_from_sec(10));
    until(fake_queue_is_closed);
    ck_assert_int_eq(ms_since(when), _i % 2 ? PATIENCE_MS + HEARD_MS : 0);
    ck_assert_str_eq(peer_transcript(), before);
}
END_TEST

/* It waits for a peer to close when its lease ends: cut at once. */
START_TEST(cut_while_it_closes)
{
    static const peer_script_t script = { NULL, { { "", 0, "!stall 554 go away" } } };
    apr_time_t when;

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    add_message(MESSAGE, 1);
    fake_queue_open();
    until(is_silent);
    event_clock_hold(event_runtime_clock());
    event_run_until(ec_loop_at(0), fake_queue_is_closed, NULL, 100);
    if (_i == 1) {
        fake_queue_wake(1);
        event_run_until(ec_loop_at(0), fake_queue_is_closed, NULL, 10);
    }
    ck_assert(!fake_queue_is_closed(NULL));
    ck_assert_int_eq(fake_queue_over_at(), 0);
    when = ec_loop_now(ec_loop_at(0));
    fake_queue_cut(1);
    event_clock_release(event_runtime_clock());
    until(fake_queue_is_closed);
    ck_assert_int_eq(ms_since(when), HEARD_MS);
    ck_assert_int_eq(peer_connections(), 1);
}
END_TEST

/* A host that failed is left alone for host_failure_retry, and its text is what the queue hears meanwhile. */
START_TEST(failed_host_is_left_alone)
{
    static const peer_script_t script = { OFFERS_ALL, { { "", 1, "554 go away" } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF "host_failure_retry = 100\n", here, peer_port(), test_pool);
    add_message(MESSAGE, 1);
    fake_queue_open();
    until(fake_queue_is_closed);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "uT12 uT12 ");
    ck_assert_str_eq(fake_queue_result(1)->text, "554 go away");
    ck_assert_str_eq(fake_queue_result(1)->address, "127.0.0.1");
    ck_assert_int_eq(peer_connections(), 1);
    event_clock_advance(event_runtime_clock(), apr_time_from_sec(101));
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "uT12 uT12 D9 / ");
    ck_assert_int_eq(peer_connections(), 2);
}
END_TEST

static const struct {
    apr_status_t rv;
    const char *story, *text;
} lookups[] = {
    { EC_E_DNS_NXDOMAIN, "uP0 ", "554 5.4.4 [internal] the reason" },
    { EC_E_DNS_NULL_MX, "uP0 ", "550 5.4.4 [internal] the reason" },
    { EC_E_DNS_NODATA, "uT0 ", "454 4.4.4 [internal] the reason" },
    { EC_E_DNS_TRANSIENT, "uT0 ", "451 4.4.3 [internal] the reason" },
};

START_TEST(no_route)
{
    static const peer_script_t script = { NULL, { { 0 } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_route_fails(lookups[_i].rv);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), lookups[_i].story);
    ck_assert_str_eq(fake_queue_result(0)->text, lookups[_i].text);
    ck_assert_str_eq(fake_queue_result(0)->address, "");
}
END_TEST

/* ---- idle, wake, close ------------------------------------------------------------ */

static void start_idle(const peer_script_t *script)
{
    peer_start(script, test_pool);
    fake_queue_start("hostname = \"me.test\"\nidle_timeout = 7\n", here, peer_port(), test_pool);
    fake_queue_open();
    until(fake_queue_is_waiting);
}

static int is_reported(void *baton)
{
    return strchr(fake_queue_story(), '/') != NULL;
}

START_TEST(idle_then_work)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };
    apr_time_t before;

    start_idle(&script);
    add_message(MESSAGE, 1);
    fake_queue_wake(0);
    until(is_reported);
    until(fake_queue_is_waiting);
    ck_assert_int_eq(peer_connections(), 1);
    before = ec_loop_now(ec_loop_at(0));
    event_clock_release(event_runtime_clock());
    until(fake_queue_is_closed);
    ck_assert_int_eq(apr_time_sec(ec_loop_now(ec_loop_at(0)) - before), 7);
    until(has_quit);
    ck_assert_str_eq(fake_queue_story(), "D9 / ");
}
END_TEST

START_TEST(told_to_close)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };

    start_idle(&script);
    fake_queue_wake(1);
    until(fake_queue_is_closed);
    until(has_quit);
    ck_assert_str_eq(fake_queue_story(), "");
}
END_TEST

/* Told to close before there is a connection: it ends without a word. */
START_TEST(told_to_close_early)
{
    static const peer_script_t script = { OFFERS_ALL, { { "", 0, "!silent" } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_open();
    if (_i == 1) {
        event_clock_hold(event_runtime_clock());
        for (int i = 0; i < TURNS && !peer_is_silent(); i++) {
            event_run_until(ec_loop_at(0), fake_queue_is_closed, NULL, 1);
        }
    }
    fake_queue_wake(1);
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "");
}
END_TEST

START_TEST(peer_leaves_while_idle)
{
    static const peer_script_t script = { "SIZE", { { "EHLO", 0, "!drop 250 hello" } } };

    start_idle(&script);
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "");
}
END_TEST

/* ---- the mark ------------------------------------------------------------ */

static int has_message_begun(void *baton)
{
    apr_size_t length;

    peer_message(&length);
    return length > 0 && fake_queue_is_marking();
}

START_TEST(dot_waits_for_the_mark)
{
    peer_script_t script = { _i == 0 ? OFFERS_ALL : NULL, { { 0 } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_mark(APR_SUCCESS, 1);
    add_message(MESSAGE, 1);
    fake_queue_open();
    until(has_message_begun);
    event_run_until(ec_loop_at(0), fake_queue_is_closed, NULL, 5);
    ck_assert_ptr_null(strchr(peer_transcript(), '<') == NULL ? NULL : strstr(peer_transcript(), "bytes>"));
    fake_queue_release_mark();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "D9 / ");
}
END_TEST

START_TEST(failed_mark_sends_no_dot)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_mark(ENOSPC, 0);
    add_message(MESSAGE, 2);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "R R / ");
    ck_assert_ptr_null(strstr(peer_transcript(), "bytes>"));
}
END_TEST

/* The connection breaks while the mark is still on its way: the results wait for it. */
START_TEST(lost_before_the_mark)
{
    static const peer_script_t script = { OFFERS_ALL, { { "MAIL", 0, "!drop" } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_mark(APR_SUCCESS, 1);
    add_message(MESSAGE, 1);
    fake_queue_open();
    until(has_mail);
    event_run_until(ec_loop_at(0), fake_queue_is_closed, NULL, 5);
    ck_assert_str_eq(fake_queue_story(), "");
    fake_queue_release_mark();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "T2 / ");
}
END_TEST

static void add(Suite *suite)
{
    TCase *hosts = add_case(suite, "hosts");
    TCase *rest = add_case(suite, "rest");

    tcase_add_test(hosts, next_host);
    tcase_add_loop_test(hosts, next_host_when_the_last_has_closed, 0, TEST_COUNT(refusals));
    tcase_add_test(hosts, failed_host_is_left_alone);
    tcase_add_loop_test(hosts, no_route, 0, TEST_COUNT(lookups));
    tcase_add_test(rest, idle_then_work);
    tcase_add_loop_test(rest, full_host_is_passed_over, 1, 3);
    tcase_add_test(rest, connections_that_may_not_begin_fail_nothing);
    tcase_add_loop_test(rest, throttled, 0, 2);
    tcase_add_loop_test(rest, cut, 0, TEST_COUNT(cuts));
    tcase_add_loop_test(rest, given_up, 0, 2 * TEST_COUNT(cuts));
    tcase_add_loop_test(rest, cut_while_it_closes, 0, 2);
    tcase_add_test(rest, nothing_is_sent_without_permission);
    tcase_add_test(rest, told_to_close);
    tcase_add_loop_test(rest, told_to_close_early, 0, 2);
    tcase_add_test(rest, peer_leaves_while_idle);
    tcase_add_loop_test(rest, dot_waits_for_the_mark, 0, 2);
    tcase_add_test(rest, failed_mark_sends_no_dot);
    tcase_add_test(rest, lost_before_the_mark);
}

TEST_MAIN("smtp/out/session_life", add)

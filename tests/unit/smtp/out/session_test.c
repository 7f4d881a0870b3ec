/* session_test.c - sessions against a scripted peer: what every answer at every stage comes to
 * SPDX-License-Identifier: Apache-2.0
 *
 * The story is one letter and stage code per recipient (fake_queue.h).  The clock is virtual and held, so
 * that nothing times out by chance; a peer that falls silent lets it go. */
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include "event/runtime.h"
#include "fake_queue.h"
#include "message/message.h"
#include "peer.h"
#include "runner.h"

enum { TURNS = 20000 };

#define OFFERS_ALL "PIPELINING|SIZE 90000000|8BITMIME|ENHANCEDSTATUSCODES"
#define CONF       "hostname = \"me.test\"\nidle_timeout = 0\n"
#define MESSAGE    "Subject: x\r\n\r\nhello\r\n"

static const char *const here[] = { "127.0.0.1", NULL };

static void start(void)
{
    test_setup();
    ck_assert_int_eq(
        event_runtime_create(1, event_clock_virtual(apr_time_from_sec(2000000), test_pool), test_pool),
        APR_SUCCESS);
    event_clock_hold(event_runtime_clock());
}

static void stop(void)
{
    event_runtime_stop();
    test_teardown();
    conf_install(NULL); /* no loop is left: the generation is let go */
}

static ec_batch_t *make_batch(const char *text, apr_size_t length, int n)
{
    static const body_limits_t limits = { 16384, 1024 * 1024 * 64, "/tmp" };
    ec_batch_t *batch = batch_create(apr_time_from_sec(2000000), "esmtp");

    batch_set_sender(batch, "s@from.test");
    for (int i = 0; i < n; i++) {
        batch_add_rcpt(batch, apr_psprintf(test_pool, "r%d@domain.test", i + 1));
    }
    ck_assert_int_eq(batch_body_append(batch, &limits, text, length), APR_SUCCESS);
    return batch;
}

static void add_message(const char *text, int n)
{
    fake_queue_add(make_batch(text, strlen(text), n));
}

static void until(event_pred_fn *pred)
{
    ck_assert_msg(event_run_until(ec_loop_at(0), pred, NULL, TURNS),
                  "it never came; story \"%s\" transcript \"%s\"", fake_queue_story(), peer_transcript());
}

static int has_mail(void *baton)
{
    return strstr(peer_transcript(), "MAIL") != NULL;
}

static int has_quit(void *baton)
{
    return strstr(peer_transcript(), "QUIT") != NULL;
}

static void run(const peer_script_t *script, const char *conf, int recipients)
{
    peer_start(script, test_pool);
    fake_queue_start(apr_pstrcat(test_pool, CONF, conf, NULL), here, peer_port(), test_pool);
    add_message(MESSAGE, recipients);
    fake_queue_open();
    until(fake_queue_is_closed);
}

/* ---- every stage, every kind of answer ------------------------------------------------------- */

/* Two recipients.  `plain` is the story without PIPELINING, NULL when it is the same. */
static const struct {
    const char *name;
    peer_rule_t rules[4];
    const char *story, *plain, *text;
} cases[] = {
    { "all well", { { 0 } }, "D9 D9 / ", NULL, "250 2.0.0 taken" },
    { "banner 421", { { "", 0, "421 busy" } }, "uT12 ", NULL, "421 busy" },
    { "banner 554", { { "", 0, "554-no|554 service" } }, "uT12 ", NULL, "554-no 554 service" },
    { "banner closes",
      { { "", 0, "!drop" } },
      "uT12 ",
      NULL,
      "451 4.4.2 [internal] the banner failed: the peer closed" },
    { "banner garbage",
      { { "", 0, "hello" } },
      "uT12 ",
      NULL,
      "451 4.4.2 [internal] the banner failed: the peer sent" },
    { "banner silent",
      { { "", 0, "!silent" } },
      "uT12 ",
      NULL,
      "451 4.4.2 [internal] the banner failed: no answer" },
    { "ehlo 451", { { "EHLO", 0, "451 later" } }, "uT10 ", NULL, "451 later" },
    { "ehlo 5xx, helo", { { "EHLO", 0, "500 what" } }, "D9 D9 / ", NULL, NULL },
    { "ehlo and helo 5xx", { { "EHLO", 0, "500 what" }, { "HELO", 0, "502 no" } }, "uT10 ", NULL, "502 no" },
    { "ehlo closes", { { "EHLO", 0, "!drop" } }, "uT10 ", NULL, "451 4.4.2" },
    { "ehlo silent", { { "EHLO", 0, "!silent" } }, "uT10 ", NULL, "451 4.4.2" },
    { "ehlo garbage", { { "EHLO", 0, "250-a|251 b" } }, "uT10 ", NULL, "451 4.4.2" },
    { "mail 4xx",
      { { "MAIL", 0, "451 4.7.1 grey" }, { "RCPT", 0, "503 no" }, { "DATA", 0, "503 no" } },
      "T2 T2 / ",
      NULL,
      "451 4.7.1 grey" },
    { "mail 5xx",
      { { "MAIL", 0, "550 5.7.1 no" }, { "RCPT", 0, "503 no" }, { "DATA", 0, "503 no" } },
      "P2 P2 / ",
      NULL,
      "550 5.7.1 no" },
    { "mail 5xx and 354", { { "MAIL", 0, "550 no" }, { "RCPT", 0, "503 no" } }, "P2 P2 / ", NULL, "550 no" },
    { "mail 5xx, all else taken", { { "MAIL", 0, "550 no" } }, "P2 P2 / ", NULL, "550 no" },
    { "mail 421", { { "MAIL", 0, "421 bye" } }, "T2 T2 / ", NULL, "421 bye" },
    { "mail closes",
      { { "MAIL", 0, "!drop" } },
      "T2 T2 / ",
      NULL,
      "451 4.4.2 [internal] MAIL FROM failed: the peer closed" },
    { "mail silent",
      { { "MAIL", 0, "!silent" } },
      "T2 T2 / ",
      NULL,
      "451 4.4.2 [internal] MAIL FROM failed: no answer" },
    { "mail garbage", { { "MAIL", 0, "what" } }, "T2 T2 / ", NULL, "451 4.4.2" },
    { "mail 354", { { "MAIL", 0, "354 go" } }, "T2 T2 / ", NULL, "451 4.4.2" },
    { "first rcpt 4xx", { { "RCPT", 1, "450 4.2.1 wait" } }, "T4 D9 / ", NULL, "450 4.2.1 wait" },
    { "first rcpt 5xx", { { "RCPT", 1, "550 5.1.1 who" } }, "P4 D9 / ", NULL, "550 5.1.1 who" },
    { "second rcpt 5xx", { { "RCPT", 2, "550 5.1.1 who" } }, "D9 P4 / ", NULL, NULL },
    { "all rcpts 5xx",
      { { "RCPT", 0, "550 5.1.1 who" }, { "DATA", 0, "554 no" } },
      "P4 P4 / ",
      NULL,
      "550 5.1.1 who" },
    { "all rcpts 5xx and 354", { { "RCPT", 0, "550 5.1.1 who" } }, "P4 P4 / ", NULL, "550 5.1.1 who" },
    { "second rcpt too many", { { "RCPT", 2, "452 4.5.3 too many" } }, "D9 R / ", NULL, NULL },
    { "first rcpt too many", { { "RCPT", 1, "452 4.5.3 too many" } }, "T4 D9 / ", NULL, "452 4.5.3" },
    { "rcpt mailbox full", { { "RCPT", 2, "452 4.2.2 full" } }, "D9 T4 / ", NULL, NULL },
    { "rcpt 421", { { "RCPT", 2, "421 bye" } }, "T4 T4 / ", NULL, "421 bye" },
    { "rcpt 5xx, then 421",
      { { "RCPT", 1, "550 who" }, { "RCPT", 2, "421 bye" } },
      "P4 T4 / ",
      NULL,
      "550 who" },
    { "rcpt closes", { { "RCPT", 2, "!drop" } }, "T4 T4 / ", NULL, "451 4.4.2 [internal] RCPT TO failed" },
    { "rcpt silent", { { "RCPT", 2, "!silent" } }, "T4 T4 / ", NULL, "451 4.4.2 [internal] RCPT TO failed" },
    { "rcpt garbage", { { "RCPT", 1, "250_ok" } }, "T4 T4 / ", NULL, "451 4.4.2" },
    { "data 4xx", { { "DATA", 0, "451 4.3.0 no" } }, "T6 T6 / ", NULL, "451 4.3.0 no" },
    { "data 5xx", { { "DATA", 0, "554 5.7.1 no" } }, "P6 P6 / ", NULL, "554 5.7.1 no" },
    { "data 250", { { "DATA", 0, "250 what" } }, "T6 T6 / ", NULL, "451 4.4.2" },
    { "data 421", { { "DATA", 0, "421 bye" } }, "T6 T6 / ", NULL, "421 bye" },
    { "data closes", { { "DATA", 0, "!drop" } }, "T6 T6 / ", NULL, "451 4.4.2 [internal] DATA failed" },
    { "data silent", { { "DATA", 0, "!silent" } }, "T6 T6 / ", NULL, "451 4.4.2 [internal] DATA failed" },
    { "dot 4xx", { { ".", 0, "451 4.3.0 no" } }, "T9 T9 / ", NULL, "451 4.3.0 no" },
    { "dot 5xx", { { ".", 0, "554-5.7.1 a|554 5.7.1 b" } }, "P9 P9 / ", NULL, "554-5.7.1 a 554 5.7.1 b" },
    { "dot 421", { { ".", 0, "421 bye" } }, "T9 T9 / ", NULL, "421 bye" },
    { "dot closes",
      { { ".", 0, "!drop" } },
      "?9 ?9 / ",
      NULL,
      "451 4.4.2 [internal] the final dot failed: the peer closed" },
    { "dot silent",
      { { ".", 0, "!silent" } },
      "?9 ?9 / ",
      NULL,
      "451 4.4.2 [internal] the final dot failed: no answer" },
    { "dot garbage", { { ".", 0, "ok" } }, "?9 ?9 / ", NULL, "451 4.4.2" },
    { "dot 354", { { ".", 0, "354 more" } }, "?9 ?9 / ", NULL, "451 4.4.2" },
    { "dot half a reply", { { ".", 0, "!drop 250-a" } }, "?9 ?9 / ", NULL, "451 4.4.2" },
    { "dot, taken, closes", { { ".", 0, "!drop 250 ok" } }, "D9 D9 / ", NULL, "250 ok" },
};

static void check_case(int i, const char *offers, const char *story)
{
    peer_script_t script = { offers, { { 0 } } };

    memcpy(script.rules, cases[i].rules, sizeof(cases[i].rules));
    run(&script, "", 2);
    ck_assert_msg(strcmp(fake_queue_story(), story) == 0, "%s: \"%s\", not \"%s\"; %s; %s", cases[i].name,
                  fake_queue_story(), story, fake_queue_result(0)->text, peer_transcript());
    if (cases[i].text != NULL) {
        ck_assert_msg(strncmp(fake_queue_result(0)->text, cases[i].text, strlen(cases[i].text)) == 0,
                      "%s: %s", cases[i].name, fake_queue_result(0)->text);
    }
    ck_assert_str_eq(fake_queue_result(0)->address, "127.0.0.1");
}

START_TEST(pipelined)
{
    check_case(_i, OFFERS_ALL, cases[_i].story);
}
END_TEST

START_TEST(step_by_step)
{
    check_case(_i, NULL, cases[_i].plain != NULL ? cases[_i].plain : cases[_i].story);
    ck_assert_int_le(peer_burst(), 1);
}
END_TEST

/* ---- the dialogue --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    peer_script_t script;
    const char *conf;
    const char *transcript;
} dialogues[] = {
    { "esmtp",
      { OFFERS_ALL, { { 0 } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|<21 bytes>|QUIT|" },
    { "esmtp without extensions",
      { NULL, { { 0 } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT TO:<r2@domain.test>|DATA|<21 "
      "bytes>|QUIT|" },
    { "helo",
      { OFFERS_ALL, { { "EHLO", 0, "502 no" } } },
      "",
      "EHLO me.test|HELO me.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|<21 bytes>|QUIT|" },
    { "smtp",
      { OFFERS_ALL, { { 0 } } },
      "Delivery_Method = \"SMTP\"\n",
      "HELO me.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT TO:<r2@domain.test>|DATA|<21 "
      "bytes>|QUIT|" },
    { "name of its own",
      { "SIZE", { { 0 } } },
      "EHLO_Hostname = \"other.test\"\n",
      "EHLO other.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|<21 bytes>|QUIT|" },
    { "name of the sender",
      { NULL, { { 0 } } },
      "EHLO_Hostname = \"__message__\"\n",
      "EHLO from.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT TO:<r2@domain.test>|DATA|<21 "
      "bytes>|QUIT|" },
    { "nobody wanted, step by step",
      { NULL, { { "RCPT", 0, "550 who" } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT TO:<r2@domain.test>|RSET|QUIT|" },
    { "nobody wanted, data refused",
      { OFFERS_ALL, { { "RCPT", 0, "550 who" }, { "DATA", 0, "554 no" } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|RSET|QUIT|" },
    { "nobody wanted, data accepted: a lone dot",
      { OFFERS_ALL, { { "RCPT", 0, "550 who" }, { ".", 0, "554 nobody" } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|<0 bytes>|QUIT|" },
    { "sender refused, data accepted, recipients too: no dot",
      { OFFERS_ALL, { { "MAIL", 0, "550 no" } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|" },
    { "too large", { "SIZE 20", { { 0 } } }, "", "EHLO me.test|QUIT|" },
};

START_TEST(dialogue)
{
    run(&dialogues[_i].script, dialogues[_i].conf, 2);
    if (strstr(dialogues[_i].transcript, "QUIT") != NULL) {
        until(has_quit);
    }
    ck_assert_msg(strcmp(peer_transcript(), dialogues[_i].transcript) == 0, "%s: %s", dialogues[_i].name,
                  peer_transcript());
}
END_TEST

/* ---- several transactions ------------------------------------------------------------------------- */

static const struct {
    const char *name;
    peer_script_t script;
    const char *conf;
    int recipients[3];
    const char *story;
    int connections, marks;
} series[] = {
    { "one connection", { OFFERS_ALL, { { 0 } } }, "", { 1, 2, 1 }, "D9 / D9 D9 / D9 / ", 1, 3 },
    { "one connection, step by step", { NULL, { { 0 } } }, "", { 1, 2, 1 }, "D9 / D9 D9 / D9 / ", 1, 3 },
    { "a refusal does not end it",
      { OFFERS_ALL, { { "RCPT", 1, "550 who" }, { "DATA", 1, "554 no" } } },
      "",
      { 1, 1 },
      "P4 / D9 / ",
      1,
      2 },
    { "nor does a lone dot",
      { OFFERS_ALL, { { "RCPT", 1, "550 who" }, { ".", 1, "554 no" } } },
      "",
      { 1, 1 },
      "P4 / D9 / ",
      1,
      2 },
    { "a refused RSET ends it",
      { NULL, { { "RCPT", 1, "550 who" }, { "RSET", 1, "500 no" } } },
      "",
      { 1, 1 },
      "P4 / ",
      1,
      1 },
    { "deliveries per connection",
      { OFFERS_ALL, { { 0 } } },
      "max_deliveries_per_connection = 2\n",
      { 1, 1, 1 },
      "D9 / D9 / ",
      1,
      2 },
    { "deliveries per connection cut an attempt",
      { OFFERS_ALL, { { 0 } } },
      "max_deliveries_per_connection = 2\n",
      { 3 },
      "D9 D9 R / ",
      1,
      1 },
    { "recipients per connection cut an attempt",
      { OFFERS_ALL, { { "RCPT", 1, "550 no" } } },
      "max_recipients_per_connection = 3\n",
      { 2, 3 },
      "P4 D9 / D9 R R / ",
      1,
      2 },
    { "a worn connection that closes",
      { OFFERS_ALL, { { "MAIL", 2, "!drop" } } },
      "",
      { 1, 2 },
      "D9 / R R / ",
      1,
      2 },
    { "a worn connection that says 421",
      { NULL, { { "MAIL", 2, "421 enough" } } },
      "",
      { 1, 1 },
      "D9 / R / ",
      1,
      1 },
    { "a worn connection that closes later",
      { NULL, { { "RCPT", 2, "!drop" } } },
      "",
      { 1, 1 },
      "D9 / T4 / ",
      1,
      2 },
    { "a worn connection that refuses",
      { NULL, { { "MAIL", 2, "450 no" } } },
      "",
      { 1, 1 },
      "D9 / T2 / ",
      1,
      1 },
    { "second banner", { OFFERS_ALL, { { "", 1, "421 busy" } } }, "", { 1 }, "uT12 ", 1, 0 },
};

START_TEST(several)
{
    peer_start(&series[_i].script, test_pool);
    fake_queue_start(apr_pstrcat(test_pool, CONF, series[_i].conf, NULL), here, peer_port(), test_pool);
    for (int i = 0; i < 3 && series[_i].recipients[i] > 0; i++) {
        add_message(MESSAGE, series[_i].recipients[i]);
    }
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_msg(strcmp(fake_queue_story(), series[_i].story) == 0, "%s: \"%s\"; %s", series[_i].name,
                  fake_queue_story(), peer_transcript());
    ck_assert_int_eq(peer_connections(), series[_i].connections);
    ck_assert_msg(fake_queue_marks() == series[_i].marks, "%s: %d marks", series[_i].name,
                  fake_queue_marks());
}
END_TEST

/* ---- hosts --------------------------------------------------------------------------------------------- */

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
    ck_assert(!fake_queue_is_cut_heard());
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

    peer_start(&script, test_pool);
    fake_queue_start(CONF "body_timeout = 1000\nmailfrom_timeout = 1000\nehlo_timeout = 1000\n", here,
                     peer_port(), test_pool);
    add_message(MESSAGE, 2);
    fake_queue_open();
    until(is_silent);
    before = peer_transcript();
    fake_queue_cut(1);
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), cuts[_i].story);
    ck_assert_str_eq(peer_transcript(), before);
    ck_assert(fake_queue_is_cut_heard());
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
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "");
    ck_assert_str_eq(peer_transcript(), "");
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

/* ---- idle, wake, close ------------------------------------------------------------------------------------
 */

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

/* ---- the mark
 * ------------------------------------------------------------------------------------------------ */

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

/* ---- the message as the peer gets it
 * -------------------------------------------------------------------------- */

/* Undo the dot-stuffing and compare; an assertion a byte would take ages. */
static void check_message(const char *text, apr_size_t length, int must_end_line)
{
    apr_size_t n, at = 0, single = 0;
    const char *got = peer_message(&n);
    char *plain = apr_palloc(test_pool, n + 1);

    for (apr_size_t i = 0; i < n; i++) {
        if (got[i] == '.' && (i == 0 || got[i - 1] == '\n')) {
            single += i + 1 == n || got[i + 1] != '.';
            i++;
        }
        plain[at++] = got[i];
    }
    ck_assert_int_eq(single, 0);
    if (must_end_line) {
        ck_assert_mem_eq(plain + at - 2, "\r\n", 2);
        at -= 2;
    }
    ck_assert_int_eq(at, length);
    ck_assert_mem_eq(plain, text, length);
}

static const struct {
    const char *text;
    int must_end_line; /* CR LF is added before the dot */
} bodies[] = {
    { "a\r\n", 0 },
    { ".\r\n", 0 },
    { ".a\r\n..\r\n...b\r\n", 0 },
    { "a\r\n.\r\n.\r\n", 0 },
    { "a.b\r\n.\r\n\r\n", 0 },
    { "a", 1 },
    { "a\r\n.", 1 },
    { "a\n.b\r\n", 0 },
    { "\r\n", 0 },
};

START_TEST(exact_body)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };

    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    add_message(bodies[_i].text, 1);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "D9 / ");
    ck_assert_int_eq(fake_queue_result(0)->size, strlen(bodies[_i].text));
    check_message(bodies[_i].text, strlen(bodies[_i].text), bodies[_i].must_end_line);
}
END_TEST

/* Lines of all lengths, many of which begin with dots, so that every boundary of blocks and pieces is met. */
static char *make_text(apr_size_t length)
{
    char *text = apr_palloc(test_pool, length);

    for (apr_size_t i = 0, line = 0, column = 0; i < length; i++) {
        if (column == line % 200 && i + 1 < length) {
            text[i++] = '\r';
            text[i] = '\n';
            line++;
            column = 0;
        } else {
            text[i] = column < line % 4 ? '.' : 'x';
            column++;
        }
    }
    text[length - 2] = '\r';
    text[length - 1] = '\n';
    return text;
}

static ec_batch_t *make_large(const char *text, apr_size_t length)
{
    const body_limits_t limits = { 16384, 65536, "/tmp" };
    ec_batch_t *batch = make_batch("", 0, 2);

    ck_assert_int_eq(batch_body_append(batch, &limits, text, length), APR_SUCCESS);
    ck_assert(ec_batch_is_large(batch));
    return batch;
}

enum { LONG = 3 * 1024 * 1024 + 17 };

static const struct {
    const char *name;
    int size; /* times LONG bytes, negative: in memory */
    peer_rule_t rules[1];
    const char *story;
} long_ones[] = {
    { "memory", -1, { { 0 } }, "D9 D9 / " },
    { "file", 1, { { 0 } }, "D9 D9 / " },
    { "file, closes in the middle", 1, { { "mid", 3, "!drop" } }, "T8 T8 / " },
    { "file, refuses in the middle", 1, { { "mid", 3, "552 5.3.4 too big" } }, "P8 P8 / " },
    { "file, 421 in the middle", 1, { { "mid", 3, "421 bye" } }, "T8 T8 / " },
    { "file, 250 in the middle", 1, { { "mid", 3, "250 ok" } }, "T8 T8 / " },
    { "file, no answer", 1, { { "mid", 3, "!silent" } }, "?9 ?9 / " },
    { "file, stops reading", 8, { { "mid", 3, "!stall" } }, "T8 T8 / " },
    { "memory, stops reading", -8, { { "mid", 3, "!stall" } }, "T8 T8 / " },
};

START_TEST(long_body)
{
    peer_script_t script = { OFFERS_ALL, { long_ones[_i].rules[0] } };
    apr_size_t length = (apr_size_t)LONG * (apr_size_t)abs(long_ones[_i].size);
    char *text = make_text(length);
    ec_batch_t *batch = long_ones[_i].size > 0 ? make_large(text, length) : make_batch(text, length, 2);

    if (batch->body.path != NULL) {
        unlink(batch->body.path);
    }
    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_add(batch);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_msg(strcmp(fake_queue_story(), long_ones[_i].story) == 0, "%s: %s %s", long_ones[_i].name,
                  fake_queue_story(), fake_queue_result(0)->text);
    if (long_ones[_i].story[0] == 'D') {
        check_message(text, length, 0);
    }
    if (strchr("D?", long_ones[_i].story[0]) != NULL) {
        ck_assert_int_eq(fake_queue_result(0)->size, length);
    } else {
        ck_assert_int_lt(fake_queue_result(0)->size, length);
    }
}
END_TEST

/* The file is shorter than it should be: no dot may make the peer believe that this is the message. */
START_TEST(cut_file_sends_no_dot)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };
    char *text = make_text(LONG);
    ec_batch_t *batch = make_large(text, LONG);

    ck_assert_int_eq(ftruncate(batch->body.fd, LONG / 2), 0);
    unlink(batch->body.path);
    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_add(batch);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "T7 T7 / ");
    ck_assert_ptr_null(strstr(peer_transcript(), "bytes>"));
}
END_TEST

/* ---- 8 bits, LMTP
 * ------------------------------------------------------------------------------------------------ */

static const struct {
    const char *offers, *conf;
    int flags;
    const char *mail;
} eights[] = {
    { "8BITMIME", "", EC_BATCH_8BIT, "MAIL FROM:<s@from.test> BODY=8BITMIME|" },
    { "8BITMIME", "", 0, "MAIL FROM:<s@from.test>|" },
    { "8BITMIME", "send_8bitmime = \"ifavailable\"\n", 0, "MAIL FROM:<s@from.test> BODY=8BITMIME|" },
    { "SIZE", "", EC_BATCH_8BIT, "MAIL FROM:<s@from.test> SIZE=7|" },
};

START_TEST(eight_bits)
{
    static const char text[] = "\r\n\xc3\xa4x\r\n";
    peer_script_t script = { eights[_i].offers, { { 0 } } };
    ec_batch_t *batch = make_batch(text, 7, 1);

    batch->flags |= eights[_i].flags;
    peer_start(&script, test_pool);
    fake_queue_start(apr_pstrcat(test_pool, CONF, eights[_i].conf, NULL), here, peer_port(), test_pool);
    fake_queue_add(batch);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "D9 / ");
    ck_assert_msg(strstr(peer_transcript(), eights[_i].mail) != NULL, "%s", peer_transcript());
    check_message(text, 7, 0);
}
END_TEST

static const struct {
    peer_rule_t rules[2];
    const char *story;
} lmtp_cases[] = {
    { { { ".", 0, "250 a|250 b" } }, "D9 D9 / " },
    { { { ".", 0, "250 a|550 b" } }, "D9 P9 / " },
    { { { "RCPT", 1, "550 who" }, { ".", 0, "250 b" } }, "P4 D9 / " },
    { { { ".", 0, "!drop 250 a" } }, "D9 ?9 / " },
    { { { ".", 0, "!silent 451 a" } }, "T9 ?9 / " },
};

START_TEST(lmtp)
{
    peer_script_t script = { OFFERS_ALL, { { 0 } } };

    memcpy(script.rules, lmtp_cases[_i].rules, sizeof(lmtp_cases[_i].rules));
    run(&script, "Delivery_Method = \"LMTP\"\n", 2);
    ck_assert_str_eq(fake_queue_story(), lmtp_cases[_i].story);
    ck_assert_int_eq(strncmp(peer_transcript(), "LHLO me.test|", 13), 0);
}
END_TEST

/* What could end a command early is not spoken. */
START_TEST(unspeakable_address)
{
    static const peer_script_t script = { OFFERS_ALL, { { 0 } } };
    ec_batch_t *batch = make_batch(MESSAGE, strlen(MESSAGE), 0);

    batch_add_rcpt(batch, "a>\r\nRSET@domain.test");
    peer_start(&script, test_pool);
    fake_queue_start(CONF, here, peer_port(), test_pool);
    fake_queue_add(batch);
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_str_eq(fake_queue_story(), "P4 / ");
    ck_assert_ptr_null(strstr(peer_transcript(), "RSET"));
}
END_TEST

static TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return tcase;
}

static void add(Suite *suite)
{
    TCase *stages = add_case(suite, "stages"), *hosts = add_case(suite, "hosts"),
          *rest = add_case(suite, "rest");
    TCase *body = add_case(suite, "body");

    tcase_add_loop_test(stages, pipelined, 0, TEST_COUNT(cases));
    tcase_add_loop_test(stages, step_by_step, 0, TEST_COUNT(cases));
    tcase_add_loop_test(stages, dialogue, 0, TEST_COUNT(dialogues));
    tcase_add_loop_test(stages, several, 0, TEST_COUNT(series));
    tcase_add_test(hosts, next_host);
    tcase_add_test(hosts, failed_host_is_left_alone);
    tcase_add_loop_test(hosts, no_route, 0, TEST_COUNT(lookups));
    tcase_add_test(rest, idle_then_work);
    tcase_add_loop_test(rest, full_host_is_passed_over, 1, 3);
    tcase_add_test(rest, connections_that_may_not_begin_fail_nothing);
    tcase_add_loop_test(rest, throttled, 0, 2);
    tcase_add_loop_test(rest, cut, 0, TEST_COUNT(cuts));
    tcase_add_test(rest, nothing_is_sent_without_permission);
    tcase_add_test(rest, told_to_close);
    tcase_add_loop_test(rest, told_to_close_early, 0, 2);
    tcase_add_test(rest, peer_leaves_while_idle);
    tcase_add_loop_test(rest, dot_waits_for_the_mark, 0, 2);
    tcase_add_test(rest, failed_mark_sends_no_dot);
    tcase_add_test(rest, lost_before_the_mark);
    tcase_add_loop_test(body, exact_body, 0, TEST_COUNT(bodies));
    tcase_add_loop_test(body, long_body, 0, TEST_COUNT(long_ones));
    tcase_add_test(body, cut_file_sends_no_dot);
    tcase_add_loop_test(body, eight_bits, 0, TEST_COUNT(eights));
    tcase_add_loop_test(rest, lmtp, 0, TEST_COUNT(lmtp_cases));
    tcase_add_test(rest, unspeakable_address);
}

TEST_MAIN("smtp/out/session", add)

/* commands_test.c - what the console says about queues and messages
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/world.h"

#include <stdio.h>
#include <string.h>

#include "control/control.h"
#include "runner.h"

static char answer[65536];
static int is_answered, is_wrong;

static void on_answer(void *baton, int is_error, const char *text, apr_size_t len)
{
    snprintf(answer, sizeof answer, "%.*s", (int)len, text);
    is_wrong = is_error;
    is_answered = 1;
}

static int has_answer(void *baton)
{
    return is_answered;
}

static const char *ask(const char *form, const char *format, const char *arg)
{
    char line[200];

    snprintf(line, sizeof line, "%s%s", format, arg);
    is_answered = 0;
    control_run(line, form, on_answer, NULL);
    ck_assert(event_run_until(ec_loop_at(0), has_answer, NULL, 1000000));
    return answer;
}

static void has(const char *what)
{
    ck_assert_msg(strstr(answer, what) != NULL, "\"%s\" is not in: %s", what, answer);
}

static void refuse(const queue_attempt_t *attempt, int i, queue_result_t *result)
{
    *result = (queue_result_t){ .outcome = QUEUE_TRANSIENT,
                                .stage = EC_STAGE_RCPT,
                                .text = "451 4.7.1 greylisted",
                                .address = "127.0.0.1" };
}

static void start(const char *conf)
{
    world_start(conf, 1, test_pool);
    control_start(NULL, ec_log_root());
    control_add(queue_commands, NULL, NULL, "queue");
}

START_TEST(summary_shows_the_account)
{
    start("");
    world.script = refuse;
    world_mail("a@here.test", "b@there.test c@there.test");
    world_pass(5);
    ask("json", "summary", "");
    has("\"received\": 2");
    has("\"queued\": 2");
    has("\"residual\": 0");
    has("\"state\": \"running\"");
    world_recover();
    ask("json", "summary", "");
    has("\"state\": \"done\"");
    control_close();
    world_stop();
}
END_TEST

START_TEST(a_message_says_why)
{
    char id[EC_ID_TEXT];
    ec_batch_t *batch;

    start("");
    world.script = refuse;
    world.reply_delay = 500000;
    batch = ec_batch_ref(world_mail("a@here.test", "b@there.test"));
    ec_id_text(batch->rcpts[0].id, id);
    world_pass(0.1);
    ask("text", "message ", id);
    has("in attempt");
    has("b@there.test");
    world_pass(5);
    ask("text", "message details full ", id);
    has("a@here.test");
    has("b@there.test");
    has("451 4.7.1 greylisted");
    has("delayed");
    has("Subject: a test");
    ask("text", "showqueue ", "THERE.test");
    has(id);
    has("delayed/default");
    has("a@here.test");
    ask("text", "message ", "10/00-01234-C6DD1CA4");
    ck_assert(is_wrong);
    ask("text", "message ", "nonsense");
    ck_assert(is_wrong);
    ec_batch_unref(batch);
    world.script = NULL;
    ck_assert_int_eq(world_settle(2000), 0);
    world_stop();
}
END_TEST

START_TEST(a_domain_says_why)
{
    start("");
    world.can_connect = 0;
    world_mail("a@here.test", "b@there.test");
    world_mail("a@here.test", "b@there.test");
    world_pass(0.5);
    ask("text", "domain ", "there.test");
    has("unreachable since");
    has("450 4.4.1 [internal] connect timeout");
    has("next try at");
    ask("text", "domain ", "nobody.test");
    ck_assert(is_wrong);
    ask("text", "active ", "0");
    has("there.test");
    has("Total");
    ask("text", "active ", "1");
    ck_assert_ptr_null(strstr(answer, "there.test"));
    ask("text", "domain ", "all");
    has("there.test");
    world_configure("suspend_delivery = true\n");
    world_pass(0.01);
    ask("text", "domain ", "there.test");
    has("suspend_delivery");
    world_stop();
}
END_TEST

START_TEST(ranges)
{
    start("suspend_delivery = true\n");
    for (int i = 0; i < 30; i++) {
        world_mail("a@here.test", "b@there.test");
    }
    ask("json", "showqueue ", "there.test 10,25");
    has("\"total\": 30");
    ask("json", "showqueue binding default ", "there.test 5");
    ck_assert(!is_wrong);
    ask("json", "showqueue binding other ", "there.test 5");
    ck_assert(is_wrong);
    ask("json", "showqueue ", "there.test 0");
    ck_assert(is_wrong);
    ask("json", "showqueue ", "there.test x,1");
    ck_assert(is_wrong);
    world_stop();
}
END_TEST

/* Bodies that are on disk are read for the console, and delivery goes on afterwards. */
START_TEST(swapped_out_is_read_and_let_go)
{
    start("max_resident_active_queue = 0\nsuspend_delivery = true\n");
    for (int i = 0; i < 20; i++) {
        world_mail("a@here.test", "b@there.test");
    }
    ask("text", "showqueue ", "there.test");
    has("b@there.test");
    ck_assert_int_eq(world.loads, 20);
    world_configure("max_resident_active_queue = 0\n");
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.deliveries, 20);
    world_stop();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "commands", 30);

    tcase_add_test(tcase, summary_shows_the_account);
    tcase_add_test(tcase, a_message_says_why);
    tcase_add_test(tcase, a_domain_says_why);
    tcase_add_test(tcase, ranges);
    tcase_add_test(tcase, swapped_out_is_read_and_let_go);
}

TEST_MAIN("queue/commands", add)

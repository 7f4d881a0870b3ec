/* bind_test.c - by which binding mail leaves, and what happens when that is suspended or gone
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/world.h"

#include <stdio.h>
#include <string.h>

#include "control/control.h"
#include "runner.h"

static const char pool[] =
    "binding one {}\n"
    "binding_group pool { binding a {} binding b { domain \"slow.test\" { suspend_delivery = true } }\n"
    "  binding c {} }\n"
    "binding_group other { binding a {} }\n";

static void start(const char *more, int loops)
{
    char text[4096];

    snprintf(text, sizeof text, "%s%s", pool, more);
    world_start(text, loops, test_pool);
}

/* Mail by this binding or group; both NULL: nobody has chosen. */
static void mail(const char *binding, const char *group, const char *recipients)
{
    world.binding = binding;
    world.group = group;
    world_mail("a@here.test", recipients);
    world.binding = world.group = NULL;
}

static apr_size_t waiting(const char *group, const char *binding, const char *domain)
{
    const queue_t *queue = world_queue_of(group, binding, domain);

    return queue == NULL ? 0 : queue->active.count + queue->n_attempted + queue->delayed.count;
}

/* ---- the choice --------------------------------------------------------------------------------- */

static const struct {
    const char *binding, *group; /* wanted */
    const char *in, *by;         /* got */
} choices[] = {
    { NULL, NULL, "default", "default" },
    { "default", NULL, "default", "default" },
    { "one", NULL, "default", "one" },
    { "a", NULL, "pool", "a" }, /* the first group that has it */
    { "c", NULL, "pool", "c" },
    { "One", NULL, "default", "default" }, /* names are case-sensitive */
    { "none", NULL, "default", "default" },
    { NULL, "other", "other", "a" },
    { NULL, "default", "default", "one" },
    { NULL, "none", "default", "default" },
};

START_TEST(each_choice_has_its_queue)
{
    start("suspend_delivery = true\n", 1);
    mail(choices[_i].binding, choices[_i].group, "b@there.test");
    world_pass(0.001);
    ck_assert_uint_eq(waiting(choices[_i].in, choices[_i].by, "there.test"), 1);
    ck_assert_int_eq(world_residual(), 0);
    world_stop();
}
END_TEST

START_TEST(a_group_takes_turns)
{
    start("suspend_delivery = true\n", 1);
    for (int i = 0; i < 30; i++) {
        mail(NULL, "pool", "b@there.test");
    }
    world_pass(0.001);
    ck_assert_uint_eq(waiting("pool", "a", "there.test"), 10);
    ck_assert_uint_eq(waiting("pool", "b", "there.test"), 10);
    ck_assert_uint_eq(waiting("pool", "c", "there.test"), 10);
    world_stop();
}
END_TEST

START_TEST(the_suspended_is_left_out_for_its_domain_only)
{
    start("max_outbound_connections = 0\n", 1);
    for (int i = 0; i < 6; i++) {
        mail(NULL, "pool", "b@slow.test c@fast.test");
    }
    world_pass(0.001);
    ck_assert_uint_eq(waiting("pool", "b", "slow.test"), 0);
    ck_assert_uint_eq(waiting("pool", "a", "slow.test") + waiting("pool", "c", "slow.test"), 6);
    ck_assert_uint_gt(waiting("pool", "b", "fast.test"), 0);
    world_stop();
}
END_TEST

START_TEST(recipients_of_a_domain_stay_together)
{
    start("", 1);
    mail(NULL, "pool", "a@there.test b@there.test c@there.test d@there.test");
    ck_assert_int_eq(world_settle(10), 0);
    ck_assert_int_eq(world.attempts, 1);
    ck_assert_int_eq(world.largest_attempt, 4);
    world_stop();
}
END_TEST

/* Binding a of one group is not binding a of the other. */
START_TEST(one_name_in_two_groups)
{
    start("binding_group other { suspend_delivery = true }\n", 1);
    mail(NULL, "other", "b@there.test");
    mail("a", NULL, "b@there.test");
    ck_assert_int_eq(world_settle(10), 1);
    ck_assert_uint_eq(waiting("other", "a", "there.test"), 1);
    ck_assert_uint_eq(waiting("pool", "a", "there.test"), 0);
    world_configure(pool);
    ck_assert_int_eq(world_settle(10), 0);
    world_stop();
}
END_TEST

static const struct {
    const char *option;
    int want;
} defaults[] = {
    { "normal", 1 },
    { "suspended", 1 },
    { "none", 0 },
};

START_TEST(default_binding_may_refuse)
{
    char conf[100];
    ec_batch_t *batch;

    snprintf(conf, sizeof conf, "default_binding = %s\n", defaults[_i].option);
    start(conf, 1);
    batch = batch_create(world_epoch, "esmtp");
    batch_add_rcpt(batch, "b@there.test");
    ck_assert_int_eq(queue_bind(batch), defaults[_i].want);
    ec_batch_set_binding(batch, 0, "one");
    ck_assert_int_eq(queue_bind(batch), 1);
    ck_assert_str_eq(ec_batch_binding(batch, 0), "one");
    ck_assert_str_eq(ec_batch_binding_group(batch, 0), "default");
    ec_batch_unref(batch);
    world_stop();
}
END_TEST

/* Variables, the message's before the connection's, `binding` before `binding_group`; a hook's word before
 * all. */
START_TEST(variables_choose)
{
    ec_batch_t *batch;

    start("", 1);
    batch = batch_create(world_epoch, "esmtp");
    batch_add_rcpt(batch, "b@there.test");
    batch_add_rcpt(batch, "c@there.test");
    ec_batch_context_set(batch, EC_CONTEXT_CONN, "binding_group", "other");
    queue_bind(batch);
    ck_assert_str_eq(ec_batch_binding_group(batch, 1), "other");
    ec_batch_context_set(batch, EC_CONTEXT_CONN, "binding", "c");
    queue_bind(batch);
    ck_assert_str_eq(ec_batch_binding(batch, 0), "c");
    ec_batch_context_set(batch, EC_CONTEXT_MESS, "binding", "one");
    queue_bind(batch);
    ck_assert_str_eq(ec_batch_binding(batch, 0), "one");
    ck_assert_int_eq(ec_batch_set_binding_group(batch, 1, "other"), APR_SUCCESS);
    queue_bind(batch);
    ck_assert_str_eq(ec_batch_binding(batch, 0), "one");
    ck_assert_str_eq(ec_batch_binding_group(batch, 1), "other");
    ck_assert_int_eq(ec_batch_set_binding(batch, 0, ""), EC_E_SYNTAX);
    ck_assert_int_eq(ec_batch_set_binding(batch, 0, "a b"), EC_E_SYNTAX);
    ck_assert_int_eq(ec_batch_set_binding(batch, 2, "a"), APR_EINVAL);
    ec_batch_unref(batch);
    world_stop();
}
END_TEST

/* ---- gone --------------------------------------------------------------------------------------------- */

static void refuse(const queue_attempt_t *attempt, int i, queue_result_t *result)
{
    *result = (queue_result_t){ .outcome = QUEUE_TRANSIENT,
                                .stage = EC_STAGE_RCPT,
                                .text = "451 4.2.0 not now",
                                .address = "127.0.0.1" };
}

/* Active, delayed and being tried at the moment of the reload. */
START_TEST(mail_of_a_binding_that_is_gone_leaves)
{
    start("retry_interval = 600\n", 1);
    world.script = refuse;
    for (int i = 0; i < 40; i++) {
        char to[60];

        snprintf(to, sizeof to, "b@d%d.test c@d%d.test", i, i);
        mail("one", NULL, to);
    }
    world_pass(2); /* all were refused once */
    world.reply_delay = 5000000;
    mail("one", NULL, "d@d0.test");
    world_pass(1); /* this one is being tried */
    ck_assert_uint_eq(waiting("default", "one", "d0.test"), 3);
    world_configure("retry_interval = 600\n");
    world_pass(20);
    for (int i = 0; i < 40; i++) {
        char domain[40];

        snprintf(domain, sizeof domain, "d%d.test", i);
        ck_assert_uint_eq(waiting("default", "one", domain), 0);
        ck_assert_uint_eq(waiting("default", "default", domain), i == 0 ? 3 : 2);
        ck_assert_uint_eq(world_queue(domain)->delayed.count, i == 0 ? 3 : 2);
    }
    ck_assert_int_eq(world_residual(), 0);
    world.script = NULL;
    ck_assert_int_eq(world_settle(700), 0);
    ck_assert_int_eq(world.transients,
                     81); /* no attempt more than before the reload, and one each after it */
    ck_assert_int_eq(world.deliveries, 81);
    world_stop();
}
END_TEST

START_TEST(a_binding_that_moves_takes_its_mail_along)
{
    start("suspend_delivery = true\n", 1);
    mail("one", NULL, "b@there.test");
    mail(NULL, "other", "b@there.test");
    world_pass(0.001);
    world_configure("suspend_delivery = true\nbinding_group new { binding one {} binding a {} }\n");
    world_pass(1);
    ck_assert_uint_eq(waiting("new", "one", "there.test"), 1);
    ck_assert_uint_eq(waiting("new", "a", "there.test"), 1);
    ck_assert_int_eq(world_residual(), 0);
    world_stop();
}
END_TEST

/* From loop to loop, on the real clock. */
START_TEST(thousands_leave)
{
    start("suspend_delivery = true\n", 2);
    for (int i = 0; i < 3000; i++) {
        char to[60];

        snprintf(to, sizeof to, "b@d%d.test c@there.test", i % 7);
        mail("one", NULL, to);
    }
    world_configure("");
    ck_assert_int_eq(world_settle(60), 0);
    ck_assert_int_eq(world.deliveries, 6000);
    ck_assert_int_eq(world_residual(), 0);
    world_stop();
}
END_TEST

START_TEST(a_start_knows_the_binding)
{
    ec_batch_t *batch;

    start("suspend_delivery = true\n", 1);
    world.group = "pool";
    for (int i = 0; i < 2; i++) {
        world.binding = i == 0 ? "b" : "was";
        batch = batch_create(world_epoch, "esmtp");
        batch_add_rcpt(batch, "b@there.test");
        world_keep(batch, 1, 0, 0);
    }
    world.binding = world.group = NULL;
    world_recover();
    world_pass(1);
    ck_assert_uint_eq(waiting("pool", "b", "there.test"), 1);
    ck_assert_uint_eq(waiting("default", "default", "there.test"), 1);
    world_configure("");
    ck_assert_int_eq(world_settle(60), 0);
    world_stop();
}
END_TEST

/* ---- the console ------------------------------------------------------------------------------------------
 */

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

static void ask(const char *line)
{
    is_answered = 0;
    control_run(line, "text", on_answer, NULL);
    ck_assert(event_run_until(ec_loop_at(0), has_answer, NULL, 1000000));
}

static const struct {
    const char *line;
    int is_wrong;
    const char *has, *lacks; /* NULL: whatever */
} commands[] = {
    { "mailq", 0, "pool/a           there.test   0   2", NULL },
    { "mailq", 0, "default/default  there.test   0   1", NULL },
    { "mailq --limit 1", 0, "pool/a", "default/default" },
    { "mailq -l 1", 0, "2 smaller queues are not shown", NULL },
    { "mailq --binding a", 0, "pool/a", "default/default" },
    { "mailq -b a -b default -d there.test", 0, "default/default", "other.test" },
    { "mailq -d OTHER.test", 0, "default/default", "pool/a" },
    { "mailq --limit", 1, "--limit needs a value", NULL },
    { "mailq --limit x", 1, "is not understood", NULL },
    { "mailq --mail x", 1, "is not understood", NULL },
    { "delayed 0", 0, "there.test            0       0        3     0", NULL }, /* of both bindings */
    { "delayed 2", 0, "there.test", "other.test" },
    { "binding delayed a 1", 0, "there.test            0       0        2     0", "other.test" },
    { "binding delayed default 0", 0, "there.test            0       0        1     0", NULL },
    { "binding active a 0", 0, "Total", "there.test" },
    { "binding active nobody 0", 1, "there is no binding nobody", NULL },
    { "binding summary", 0, "pool     b", NULL },
    { "binding summary a", 0, "pool   a                  0       0      2", "Total" },
    { "binding summary group:pool", 0, "Total", "default" },
    { "binding summary group:nobody", 1, "there is no binding_group nobody", NULL },
    { "binding summary nobody", 1, "there is no binding nobody", NULL },
    { "showqueue there.test", 0, "Total: 1", "delayed/a" },
    { "showqueue binding a there.test", 0, "Total: 2", "delayed/default" },
    { "showqueue binding all there.test", 0, "Total: 3", NULL },
    { "showqueue binding all there.test 1,2", 0, "Total: 3", NULL },
    { "showqueue binding b there.test", 0, "No message of this range", NULL },
    { "showqueue binding nobody there.test", 1, "there is no binding nobody", NULL },
    { "domain there.test", 0, "pool", NULL },
    { "domain there.test", 0, "default", NULL },
    { "domain nowhere.test", 1, "no mail is queued", NULL },
};

START_TEST(the_console_tells_bindings_apart)
{
    start("", 1);
    control_start(NULL, ec_log_root());
    control_add(queue_commands, NULL, NULL, "queue");
    world.script = refuse;
    mail("a", NULL, "b@there.test c@there.test");
    mail(NULL, NULL, "d@there.test");
    mail(NULL, NULL, "d@other.test");
    world_pass(60);
    for (unsigned i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        ask(commands[i].line);
        ck_assert_msg(is_wrong == commands[i].is_wrong, "%s: %s", commands[i].line, answer);
        ck_assert_msg(commands[i].has == NULL || strstr(answer, commands[i].has) != NULL, "%s: %s",
                      commands[i].line, answer);
        ck_assert_msg(commands[i].lacks == NULL || strstr(answer, commands[i].lacks) == NULL, "%s: %s",
                      commands[i].line, answer);
    }
    control_close();
    world_stop();
}
END_TEST

/* A queue that has ended still counts. */
START_TEST(counts_stay)
{
    start("", 1);
    control_start(NULL, ec_log_root());
    control_add(queue_commands, NULL, NULL, "queue");
    mail("one", NULL, "b@there.test c@there.test");
    ck_assert_int_eq(world_settle(10), 0);
    world_pass(QUEUE_KEPT_SECONDS + 60);
    ck_assert_ptr_null(world_queue_of("default", "one", "there.test"));
    ask("binding summary one");
    ck_assert_msg(
        strstr(answer, "default  one                0       0      0          2       0         2") != NULL,
        "%s", answer);
    control_close();
    world_stop();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "bind", 60);

    tcase_add_loop_test(tcase, each_choice_has_its_queue, 0, sizeof choices / sizeof choices[0]);
    tcase_add_test(tcase, a_group_takes_turns);
    tcase_add_test(tcase, the_suspended_is_left_out_for_its_domain_only);
    tcase_add_test(tcase, recipients_of_a_domain_stay_together);
    tcase_add_test(tcase, one_name_in_two_groups);
    tcase_add_loop_test(tcase, default_binding_may_refuse, 0, sizeof defaults / sizeof defaults[0]);
    tcase_add_test(tcase, variables_choose);
    tcase_add_test(tcase, mail_of_a_binding_that_is_gone_leaves);
    tcase_add_test(tcase, a_binding_that_moves_takes_its_mail_along);
    tcase_add_test(tcase, thousands_leave);
    tcase_add_test(tcase, a_start_knows_the_binding);
    tcase_add_test(tcase, the_console_tells_bindings_apart);
    tcase_add_test(tcase, counts_stay);
}

TEST_MAIN("queue/bind", add)

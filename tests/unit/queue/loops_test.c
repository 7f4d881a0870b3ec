/* loops_test.c - queues on several loops at once: mail from every loop, limits of the whole server, the stop
 * SPDX-License-Identifier: Apache-2.0
 *
 * Runs on the real clock, so it awaits events and asserts no times.  Meant for ThreadSanitizer too. */
#include "queue/world.h"

#include <stdio.h>

#include "control/control.h"
#include "runner.h"

enum { LOOPS = 3, PER_LOOP = 700, DOMAINS = 25, LIMIT = 20 };

static ec_post_t posts[LOOPS];

static void draw(const queue_attempt_t *attempt, int i, queue_result_t *result)
{
    static int n;

    if (++n % 7 == 0) {
        result->outcome = QUEUE_PERMANENT;
        result->text = "550 5.1.1 no";
    } else if (n % 5 == 0) {
        result->outcome = QUEUE_TRANSIENT;
        result->text = "450 4.2.1 later";
    }
}

static void send_some(void *baton)
{
    for (int i = 0; i < PER_LOOP; i++) {
        char to[64];

        snprintf(to, sizeof to, "b@d%d.test c@d%d.test", i % DOMAINS, (i + 1) % DOMAINS);
        world_mail("a@here.test", to);
    }
}

START_TEST(all_loops_work_together)
{
    char conf[300];

    snprintf(conf, sizeof conf,
             "retry_interval = 1\nmax_retry_interval = 1\nserver_max_outbound_connections = %d\n"
             "max_resident_active_queue = 5\n",
             LIMIT);
    world_start(conf, LOOPS, test_pool);
    world.script = draw;
    world.connect_delay = world.reply_delay = 100;
    world.idle_timeout = 1000;
    for (int i = 0; i < LOOPS; i++) {
        ec_loop_post(ec_loop_at(i), &posts[i], send_some, NULL);
    }
    world_pass(0.5);
    world_configure(conf);
    ck_assert_int_eq(world_settle(600), 0);
    ck_assert_int_eq(world_residual(), 0);
    ck_assert_int_eq(account_value(ACCOUNT_received), LOOPS * PER_LOOP * 2);
    ck_assert_int_eq(world.deliveries + world.permanents, LOOPS * PER_LOOP * 2 + world.receptions);
    ck_assert_int_le(world.most_open, LIMIT);
    world_stop();
}
END_TEST

static int is_answered;

static void on_answer(void *baton, int is_error, const char *text, apr_size_t len)
{
    is_answered = 1;
}

static int has_answer(void *baton)
{
    return is_answered;
}

START_TEST(console_asks_all_loops_under_load)
{
    static const char *const lines[] = { "summary",           "domain all",
                                         "active 0",          "domain d1.test",
                                         "showqueue d2.test", "message 10/00-01234-C6DD1CA4",
                                         "delayed 0" };

    world_start("max_resident_active_queue = 5\nretry_interval = 1\nmax_retry_interval = 1\n", LOOPS,
                test_pool);
    control_start(NULL, ec_log_root());
    control_add(queue_commands, NULL, NULL, "queue");
    world.connect_delay = world.reply_delay = 100;
    for (int i = 0; i < LOOPS; i++) {
        ec_loop_post(ec_loop_at(i), &posts[i], send_some, NULL);
    }
    for (int i = 0; i < 70; i++) {
        is_answered = 0;
        control_run(lines[i % TEST_COUNT(lines)], "text", on_answer, NULL);
        ck_assert(event_run_until(ec_loop_at(0), has_answer, NULL, 100000000));
    }
    ck_assert_int_eq(world_settle(600), 0);
    world_stop();
}
END_TEST

START_TEST(stop_under_load_leaves_no_doubt)
{
    world_start("", LOOPS, test_pool);
    world.connect_delay = world.reply_delay = 2000;
    for (int i = 0; i < LOOPS; i++) {
        ec_loop_post(ec_loop_at(i), &posts[i], send_some, NULL);
    }
    world_pass(0.02);
    world_stop();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "loops", 600);

    tcase_add_test(tcase, all_loops_work_together);
    tcase_add_test(tcase, console_asks_all_loops_under_load);
    tcase_add_test(tcase, stop_under_load_leaves_no_doubt);
}

TEST_MAIN("queue/loops", add)

/* model_test.c - random days, by a seed: whatever happens, no message is lost, ended twice, or uncounted
 * SPDX-License-Identifier: Apache-2.0
 *
 * Mail comes at random, replies are drawn at random, the disk fails and works again, hosts vanish and come
 * back, the configuration changes.  After every step the account's residual is 0; in the end everything was
 * delivered, has failed, or has expired, each recipient once.  EC_TEST_SEED=N runs one seed alone. */
#include "queue/world.h"

#include <stdio.h>
#include <stdlib.h>

#include "runner.h"

static apr_uint64_t state;

static unsigned roll(unsigned sides)
{
    state = state * APR_UINT64_C(6364136223846793005) + APR_UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % sides;
}

static void draw(const queue_attempt_t *attempt, int i, queue_result_t *result)
{
    static const struct {
        queue_outcome_t outcome;
        ec_stage_t stage;
        const char *text;
    } ends[] = {
        { QUEUE_DELIVERED, EC_STAGE_CONFIRM, "250 ok" },
        { QUEUE_DELIVERED, EC_STAGE_CONFIRM, "250 ok" },
        { QUEUE_DELIVERED, EC_STAGE_CONFIRM, "250 ok" },
        { QUEUE_TRANSIENT, EC_STAGE_RCPT, "450 4.2.1 later" },
        { QUEUE_TRANSIENT, EC_STAGE_NOT_CONNECTED, "451 lost" },
        { QUEUE_PERMANENT, EC_STAGE_DATA, "554 5.7.1 spam" },
        { QUEUE_IN_DOUBT, EC_STAGE_CONFIRM, "" },
        { QUEUE_RELEASE, EC_STAGE_IDLE, "" },
    };
    unsigned n = roll(sizeof ends / sizeof ends[0]);

    result->outcome = ends[n].outcome;
    result->stage = ends[n].stage;
    result->text = ends[n].text;
}

static void step_mail(void)
{
    char to[200];
    int n = 0;

    for (unsigned i = 0; i <= roll(4); i++) {
        n += snprintf(to + n, sizeof to - (size_t)n, "r%u@d%u.test ", i, roll(7));
    }
    for (unsigned i = 0; i <= roll(30); i++) {
        world_mail(roll(5) == 0 ? "" : "a@d0.test", to);
    }
    if (roll(10) == 0) {
        world_mail_many("a@d1.test", "d2.test", 250);
    }
}

static void step_disk(void)
{
    static const spool_verb_t verbs[] = { SPOOL_STORE, SPOOL_STATE, SPOOL_MARK, SPOOL_DROP };

    for (int i = 0; i < 4; i++) {
        world.fail[verbs[i]] = roll(8) == 0 ? APR_ENOSPC : APR_SUCCESS;
    }
    world.fail_load = roll(15) == 0 ? EC_E_SPOOL_CORRUPT : APR_SUCCESS;
}

static void step_hosts(void)
{
    static const apr_status_t answers[] = { APR_SUCCESS, APR_SUCCESS,        APR_SUCCESS,      APR_SUCCESS,
                                            APR_SUCCESS, EC_E_DNS_TRANSIENT, EC_E_DNS_NXDOMAIN };

    world.can_connect = roll(4) != 0;
    world.dns_rv = answers[roll(7)];
}

static void step_conf(void)
{
    static const char *const confs[] = {
        "",
        "max_outbound_connections = 3\n",
        "suspend_delivery = true\n",
        "max_resident_active_queue = 0\n",
        "max_retries = 1\n",
        "message_expiration = 4000\nnever_attempt_expired_messages = true\n",
        "Gateway = \"g.test\"\n",
        "generate_bounces = false\n",
        "max_recipients_per_batch = 7\n",
    };

    world_configure(confs[roll(sizeof confs / sizeof confs[0])]);
}

static void step_time(void)
{
    static const double waits[] = { 0.001, 0.05, 1, 5, 60, 1500, 20000 };
    unsigned n = roll(7);

    if (waits[n] > 100) {
        /* What is asked for again every second would make a day long. */
        world.fail[SPOOL_MARK] = world.fail[SPOOL_DROP] = APR_SUCCESS;
    }
    world_pass(waits[n]);
}

static void (*const steps[])(void) = { step_mail, step_mail, step_disk, step_hosts,
                                       step_conf, step_time, step_time };

static void heal(void)
{
    for (int i = 0; i <= SPOOL_DROP; i++) {
        world.fail[i] = APR_SUCCESS;
    }
    world.fail_load = world.dns_rv = APR_SUCCESS;
    world.can_connect = 1;
    world.script = NULL;
    world_configure("");
}

static void check_account(unsigned seed, int step)
{
    ck_assert_msg(world_residual() == 0, "seed %u step %d: residual %d", seed, step, (int)world_residual());
}

START_TEST(random_days)
{
    unsigned seed =
        getenv("EC_TEST_SEED") != NULL ? (unsigned)atoi(getenv("EC_TEST_SEED")) : (unsigned)_i + 1;
    queue_totals_t totals;

    ec_log_set_level(ec_log_root(), EC_LOG_CRITICAL);
    state = seed * APR_UINT64_C(0x9E3779B97F4A7C15);
    world_start("", 1, test_pool);
    world.script = draw;
    for (int i = 0; i < 100; i++) {
        steps[roll(sizeof steps / sizeof steps[0])]();
        check_account(seed, i);
    }
    heal();
    ck_assert_msg(world_settle(2000000) == 0, "seed %u: something is stuck", seed);
    check_account(seed, -1);
    ck_assert_int_eq(world.open_recipients, 0);
    ck_assert_int_eq(world.deliveries, account_value(ACCOUNT_delivered));
    ck_assert_int_eq(world.permanents, account_value(ACCOUNT_failed) + account_value(ACCOUNT_expired));
    ck_assert_int_eq(world.receptions, account_value(ACCOUNT_generated));
    queue_totals(&totals);
    ck_assert_int_eq(totals.active + totals.delayed + totals.attempted + totals.resident, 0);
    world_stop();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "model", 120);

    tcase_add_loop_test(tcase, random_days, 0, 12);
}

TEST_MAIN("queue/model", add)

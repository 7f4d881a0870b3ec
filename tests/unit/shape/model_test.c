/* model_test.c - a gate of the cluster under a provider that does everything it may, at random, from seeds
 * SPDX-License-Identifier: Apache-2.0
 *
 * After every step: never more in use than was given and not lost, never more than the limit once all have
 * obeyed.  After a quiet while: everything that may be used is used if anybody wants it, in equal parts;
 * nobody has to give up anything; what the provider is told is true. */
#include "event/runtime.h"
#include "runner.h"
#include "shape/shape.h"

enum { USERS = 8, SEEDS = 150, STEPS = 120 };

static event_clock_t *clock;
static ec_loop_t *loop;

struct client {
    shape_user_t user;
    apr_int64_t wanted; /* -1: is not there */
};
static struct client clients[USERS];

static ec_gate_t *gate; /* as the provider knows it */
static ec_gate_t *held; /* the test's own reference; NULL: it has none */
static apr_int64_t limit, units, shed;
static int is_awake, is_open;
static apr_uint64_t state;

static apr_int64_t random_below(apr_int64_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (apr_int64_t)(state >> 11) % n;
}

static apr_time_t virtual_now(void)
{
    return event_clock_now(clock);
}

static void wake(void *baton)
{
    ck_assert_ptr_eq(baton, &is_awake);
    ck_assert(!is_awake);
    is_awake = 1;
}
static const ec_gate_provider_t provider = { wake };

static void hear(void)
{
    ec_gate_t *one;

    while ((one = ec_gate_changed()) != NULL) {
        ck_assert(gate == NULL || gate == one);
        gate = one;
        ec_gate_set_note(one, &gate);
    }
    is_awake = 0;
}

static void setup(void)
{
    test_setup();
    clock = event_clock_virtual(apr_time_from_sec(1000), test_pool);
    ck_assert_int_eq(event_runtime_create(1, clock, test_pool), APR_SUCCESS);
    loop = ec_loop_at(0);
    event_clock_hold(clock);
    shape_set_clock(virtual_now);
    ck_assert_int_eq(ec_gate_provide(&provider, &is_awake), APR_SUCCESS);
    ck_assert_int_eq(ec_gate_provide(&provider, &is_awake), EC_E_BUSY);
}

static void obey(struct client *client)
{
    while (shape_lost(&client->user) + shape_surplus(&client->user) > 0) {
        shape_put(&client->user);
    }
    while (client->user.used < client->wanted && shape_take(&client->user)) {
        ck_assert(shape_may_use(&client->user));
    }
}

static void on_told(void *baton)
{
    obey(baton);
}

static ec_gate_t *make_gate(void)
{
    return shape_gate(&(shape_place_t){ .key = "place", .limit = limit, .is_cluster = 1 });
}

static void turns(void)
{
    event_run_turns(loop, 8);
    hear();
}

static void pass(apr_interval_time_t time)
{
    for (apr_interval_time_t done = 0; done < time; done += 20000) {
        event_clock_advance(clock, 20000);
        turns();
    }
}

/* ---- what may happen --------------------------------------------------------------------------------- */

static void come_or_go(struct client *client)
{
    if (client->wanted >= 0) {
        shape_leave(&client->user);
        client->wanted = -1;
        return;
    }
    ec_gate_t *place = make_gate();

    shape_join(&client->user, place, loop, on_told, client);
    shape_gate_unref(place);
    client->wanted = 0;
}

static void change_wish(struct client *client)
{
    if (client->wanted < 0) {
        return;
    }
    client->wanted = random_below(3) == 0 ? 0 : random_below(20);
    while (client->user.used > client->wanted) {
        shape_put(&client->user);
    }
    shape_want(&client->user, client->wanted);
    obey(client);
}

static void end_connection(struct client *client)
{
    if (client->wanted >= 0 && client->user.used > 0) {
        shape_put(&client->user);
        obey(client);
    }
}

static void change_limit(struct client *unused)
{
    limit = random_below(4) == 0 ? 0 : random_below(40);
    if (held != NULL) {
        ck_assert_ptr_eq(make_gate(), held);
        shape_gate_unref(held);
    }
}

static void give(struct client *unused)
{
    apr_int64_t n = 1 + random_below(8);

    if (gate != NULL && units + n <= 40) {
        ec_gate_give(gate, n, 0);
        units += n;
    }
}

static void take_back(struct client *unused)
{
    if (gate != NULL) {
        apr_int64_t n = ec_gate_take_back(gate, 1 + random_below(8));

        units -= n;
        shed -= n < shed ? n : shed;
    }
}

static void shed_some(struct client *unused)
{
    if (gate != NULL) {
        shed = random_below(2) == 0 ? 0 : random_below(units + 1);
        ec_gate_shed(gate, shed);
    }
}

static void lose(struct client *unused)
{
    if (gate != NULL && units > 0) {
        apr_int64_t n = 1 + random_below(units);

        ec_gate_lose(gate, n);
        units -= n;
        if (shed > units) {
            shed = units;
            ec_gate_shed(gate, shed);
        }
    }
}

static void open_or_close(struct client *unused)
{
    is_open = random_below(3) > 0;
    ec_gates_lease(is_open ? virtual_now() + apr_time_from_sec(1000000) : 0);
}

static void forget(struct client *unused)
{
    ec_gate_state_t now;

    if (gate == NULL) {
        return;
    }
    ec_gate_state(gate, &now);
    if (now.is_unused) {
        ck_assert_int_eq(ec_gate_take_back(gate, units), units);
        units = shed = 0;
        ck_assert(ec_gate_forget(gate));
        gate = NULL;
    } else {
        ck_assert(!ec_gate_forget(gate));
    }
}

static void hold_or_let_go(struct client *unused)
{
    if (held == NULL) {
        held = make_gate();
    } else {
        shape_gate_unref(held);
        held = NULL;
    }
}

static void (*const steps[])(struct client *client) = {
    come_or_go,     change_wish,  change_wish,   change_wish, change_wish,    end_connection,
    end_connection, change_limit, give,          give,        give,           take_back,
    shed_some,      lose,         open_or_close, forget,      hold_or_let_go,
};

/* ---- what must hold ------------------------------------------------------------------------------------ */

static apr_int64_t least(apr_int64_t a, apr_int64_t b)
{
    return a < b ? a : b;
}

static apr_int64_t in_use(int with_lost)
{
    apr_int64_t sum = 0;

    for (int i = 0; i < USERS; i++) {
        if (clients[i].wanted >= 0) {
            sum += clients[i].user.used - (with_lost ? 0 : shape_lost(&clients[i].user));
        }
    }
    return sum;
}

static void check_always(void)
{
    ec_gate_state_t now;

    if (gate == NULL) {
        ck_assert_int_eq(in_use(1), 0);
        return;
    }
    ec_gate_state(gate, &now);
    ck_assert_int_eq(now.units, units);
    ck_assert_int_eq(now.used, in_use(0));
    ck_assert_int_eq(now.losing, in_use(1) - in_use(0));
    ck_assert_int_le(in_use(0), units);
    ck_assert_ptr_eq(ec_gate_note(gate), &gate);
}

static void check_quiet(void)
{
    apr_int64_t wanted = 0, usable, most = 0, poorest = 1000;
    ec_gate_state_t now;

    if (gate == NULL) {
        return;
    }
    for (int i = 0; i < USERS; i++) {
        struct client *client = &clients[i];

        if (client->wanted >= 0) {
            wanted += client->wanted;
            most = client->user.used > most ? client->user.used : most;
            if (client->user.used < client->wanted) {
                poorest = least(poorest, client->user.used);
            }
            ck_assert_int_eq(shape_lost(&client->user), 0);
        }
    }
    ec_gate_state(gate, &now);
    ck_assert_int_eq(now.wanted, least(wanted, now.limit));
    usable = least(units - shed, now.limit);
    ck_assert_int_le(in_use(1), usable > 0 ? usable : 0);
    if (is_open) {
        ck_assert_int_eq(in_use(1), least(wanted, usable > 0 ? usable : 0));
        ck_assert_int_le(most, poorest + 1);
    }
}

static void run(apr_uint64_t seed)
{
    state = 88172645463325252ull + seed * 7919;
    limit = 10;
    for (int i = 0; i < USERS; i++) {
        clients[i].wanted = -1;
    }
    for (int step = 0; step < STEPS; step++) {
        steps[random_below(TEST_COUNT(steps))](&clients[random_below(USERS)]);
        check_always();
        if (random_below(3) == 0) {
            turns();
            check_always();
        }
        if (random_below(10) == 0) {
            pass(apr_time_from_msec(60 + random_below(3000)));
            check_quiet();
        }
    }
    for (int i = 0; i < USERS; i++) {
        if (clients[i].wanted >= 0) {
            come_or_go(&clients[i]);
        }
    }
    if (held != NULL) {
        hold_or_let_go(NULL);
    }
    turns();
    forget(NULL);
    ck_assert_ptr_null(gate);
    units = shed = 0;
}

START_TEST(seeds)
{
    for (int i = 0; i < SEEDS / 10; i++) {
        run((apr_uint64_t)(_i * SEEDS / 10 + i));
    }
    ck_assert_int_eq(ec_gate_provide(NULL, NULL), APR_SUCCESS);
    event_runtime_destroy();
    test_teardown();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("model");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, seeds, 0, 10);
}

TEST_MAIN("shape/model", add)

/* loops_test.c - four loops and a provider's thread at the same gates: no limit is ever exceeded, nobody is
 * forgotten SPDX-License-Identifier: Apache-2.0
 *
 * Each counted thing has one number, what may be used less what is: it goes down after a unit was taken and
 * up before one is put back, so it must never be negative, whoever runs when. */
#include <stdatomic.h>
#include <stdlib.h>

#include "event/runtime.h"
#include "event/thread.h"
#include "runner.h"
#include "shape/shape.h"

enum { LOOPS = 4, EACH = 3, STEPS = 1500, SLOTS = 5, RATE = 40, USES = 250, WINDOW = 50000 };

struct worker;
struct client {
    shape_user_t user;
    struct worker *worker;
    _Atomic int *left;
};

struct worker {
    ec_post_t post;
    ec_timer_t timer;
    ec_loop_t *loop;
    struct client slots[EACH], cluster[EACH];
    shape_user_t rate;
    apr_time_t before[USES], after[USES];
    int uses, steps, is_done;
    apr_uint64_t state;
};

static struct worker workers[LOOPS];
static _Atomic int slots_left = SLOTS, cluster_left, working = LOOPS, has_changed;

static int random_below(struct worker *worker, int n)
{
    worker->state = worker->state * 6364136223846793005ull + 1442695040888963407ull;
    return (int)((worker->state >> 33) % (apr_uint64_t)n);
}

static void put(struct client *client)
{
    ++*client->left;
    shape_put(&client->user);
}

static void obey(struct client *client)
{
    while (shape_lost(&client->user) + shape_surplus(&client->user) > 0) {
        put(client);
    }
    while (client->user.used > client->user.wanted) {
        put(client);
    }
    while (client->user.used < client->user.wanted && shape_take(&client->user)) {
        ck_assert_int_ge(--*client->left, 0);
    }
}

static void on_told(void *baton)
{
    obey(baton);
}

static void use_rate(void *baton)
{
    struct worker *worker = baton;

    shape_want(&worker->rate, USES - worker->uses);
    while (worker->uses < USES) {
        apr_time_t before = ec_gate_clock();

        if (!shape_take(&worker->rate)) {
            return;
        }
        worker->before[worker->uses] = before;
        worker->after[worker->uses++] = ec_gate_clock();
    }
}

static ec_gate_t *gate_of(const char *key, apr_int64_t limit, apr_interval_time_t window, int is_cluster)
{
    return shape_gate(
        &(shape_place_t){ .key = key, .limit = limit, .window = window, .is_cluster = is_cluster });
}

static void join(struct client *client, struct worker *worker, const char *key, _Atomic int *left,
                 int is_cluster)
{
    ec_gate_t *gate = gate_of(key, is_cluster ? 1000 : SLOTS, 0, is_cluster);

    client->worker = worker;
    client->left = left;
    shape_join(&client->user, gate, worker->loop, on_told, client);
    shape_gate_unref(gate);
}

static void leave(struct client *client)
{
    while (client->user.used > 0) {
        put(client);
    }
    shape_leave(&client->user);
}

static void finish(struct worker *worker)
{
    for (int i = 0; i < EACH; i++) {
        leave(&worker->slots[i]);
        leave(&worker->cluster[i]);
    }
    shape_leave(&worker->rate);
    if (--working == 0) {
        event_loop_end(ec_loop_at(0));
    }
}

static void step(void *baton)
{
    struct worker *worker = baton;

    for (int i = 0; i < 2 * EACH; i++) {
        struct client *client = i < EACH ? &worker->slots[i] : &worker->cluster[i - EACH];

        if (random_below(worker, 4) == 0) {
            shape_want(&client->user, random_below(worker, 4));
        } else if (client->user.used > 0 && random_below(worker, 3) == 0) {
            put(client);
        }
        obey(client);
    }
    if (random_below(worker, 50) == 0) {
        leave(&worker->slots[0]);
        join(&worker->slots[0], worker, "slots", &slots_left, 0);
    }
    if (++worker->steps < STEPS || worker->uses < USES) {
        ec_timer_start(&worker->timer, worker->loop, random_below(worker, 300), step, worker);
    } else {
        finish(worker);
    }
}

static void start(void *baton)
{
    struct worker *worker = baton;
    ec_gate_t *rate = gate_of("rate", RATE, WINDOW, 0);

    worker->state = (apr_uint64_t)(worker - workers) + 1;
    for (int i = 0; i < EACH; i++) {
        join(&worker->slots[i], worker, "slots", &slots_left, 0);
        join(&worker->cluster[i], worker, "cluster", &cluster_left, 1);
    }
    shape_join(&worker->rate, rate, worker->loop, use_rate, worker);
    shape_gate_unref(rate);
    use_rate(worker);
    step(worker);
}

/* ---- the provider -------------------------------------------------------------------------------------- */

static void wake(void *unused)
{
    has_changed = 1;
}
static const ec_gate_provider_t provider = { wake };

static apr_int64_t take_back(ec_gate_t *gate, apr_int64_t n)
{
    n = ec_gate_take_back(gate, n);
    ck_assert_int_ge(atomic_fetch_sub(&cluster_left, (int)n), n);
    return n;
}

static void lose(ec_gate_t *gate, apr_int64_t n)
{
    ec_gate_state_t state;

    ec_gate_state(gate, &state);
    if (state.units < n) {
        return;
    }
    ec_gate_lose(gate, n);
    do { /* until then they may still be in use */
        ec_gate_state(gate, &state);
    } while (state.losing > 0);
    ck_assert_int_ge(atomic_fetch_sub(&cluster_left, (int)n), n);
}

static void act(struct worker *chance, ec_gate_t *gate)
{
    ec_gate_state_t state;

    ec_gate_state(gate, &state);
    switch (random_below(chance, 5)) {
    case 0:
        ec_gates_lease(random_below(chance, 4) > 0 ? ec_gate_clock() + apr_time_from_sec(100) : 0);
        break;
    case 1:
        take_back(gate, random_below(chance, 4));
        break;
    case 2:
        ec_gate_shed(gate, random_below(chance, 3));
        break;
    case 3:
        lose(gate, random_below(chance, 3));
        break;
    default:
        if (state.units < 9) {
            cluster_left += 3;
            ec_gate_give(gate, 3, 0);
        }
    }
}

static void provide(void *unused)
{
    struct worker chance = { .state = 99 };
    ec_gate_t *gate = NULL, *changed;

    while (working > 0) {
        int is_awake = atomic_exchange(&has_changed, 0);

        while (is_awake && (changed = ec_gate_changed()) != NULL) {
            gate = changed;
        }
        if (gate != NULL) {
            act(&chance, gate);
        }
        apr_sleep(100); /* let them work with it: nothing depends on how long */
    }
    if (gate != NULL) {
        ec_gate_state_t state;

        ec_gate_state(gate, &state);
        ck_assert_int_eq(take_back(gate, state.units), state.units);
        ck_assert(ec_gate_forget(gate));
    }
    ck_assert_int_eq(cluster_left, 0);
    ck_assert_int_eq(ec_gate_provide(NULL, NULL), APR_SUCCESS);
}

/* ---- after all ------------------------------------------------------------------------------------------
 */

static int by_time(const void *one, const void *other)
{
    apr_time_t a = *(const apr_time_t *)one, b = *(const apr_time_t *)other;

    return a < b ? -1 : a > b;
}

/* The n-th use happened not before the n-th least "before" and not after the n-th least "after". */
static void check_rate(void)
{
    static apr_time_t before[LOOPS * USES], after[LOOPS * USES];

    for (int i = 0; i < LOOPS * USES; i++) {
        before[i] = workers[i / USES].before[i % USES];
        after[i] = workers[i / USES].after[i % USES];
    }
    qsort(before, LOOPS * USES, sizeof before[0], by_time);
    qsort(after, LOOPS * USES, sizeof after[0], by_time);
    for (int i = 0; i + RATE < LOOPS * USES; i++) {
        ck_assert_int_gt(after[i + RATE] - before[i], WINDOW);
    }
}

START_TEST(never_exceeded)
{
    pthread_t thread;

    ck_assert_int_eq(event_runtime_create(LOOPS, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    ck_assert_int_eq(ec_gate_provide(&provider, NULL), APR_SUCCESS); /* without it, units are there */
    for (int i = 0; i < LOOPS; i++) {
        workers[i].loop = ec_loop_at(i);
        ec_loop_post(workers[i].loop, &workers[i].post, start, &workers[i]);
    }
    ck_assert_int_eq(event_thread_start(&thread, "provider", 0, provide, NULL), APR_SUCCESS);
    event_loop_run(ec_loop_at(0));
    pthread_join(thread, NULL);
    event_runtime_stop();
    ck_assert_int_eq(slots_left, SLOTS);
    check_rate();
    event_runtime_destroy();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "loops", 120);

    tcase_add_test(tcase, never_exceeded);
}

TEST_MAIN("shape/loops", add)

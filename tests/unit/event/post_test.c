/* post_test.c - posts: order per sender, none lost, wake-ups, drain at stop
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "event/runtime.h"
#include "runner.h"

enum { SENDERS = 4, EACH = 20000 };

struct numbered {
    ec_post_t post;
    int sender, number;
};

static struct numbered sent[SENDERS][EACH];
static int next_number[SENDERS];
static int received;
static ec_loop_t *master;

static void receive(void *baton)
{
    struct numbered *numbered = baton;

    ck_assert_ptr_eq(ec_loop_self(), master);
    ck_assert_int_eq(numbered->number, next_number[numbered->sender]);
    next_number[numbered->sender]++;
    received++;
}

static void *send_all(void *baton)
{
    struct numbered *numbered = baton;

    ck_assert_ptr_null(ec_loop_self());
    for (int i = 0; i < EACH; i++) {
        ec_loop_post(master, &numbered[i].post, receive, &numbered[i]);
    }
    return NULL;
}

static int all_received(void *unused)
{
    return received == SENDERS * EACH;
}

static void create(int loops)
{
    ck_assert_int_eq(event_runtime_create(loops, NULL, test_pool), APR_SUCCESS);
    master = ec_loop_at(0);
}

START_TEST(order_per_sender)
{
    pthread_t threads[SENDERS];

    create(1);
    for (int i = 0; i < SENDERS; i++) {
        for (int k = 0; k < EACH; k++) {
            sent[i][k].sender = i;
            sent[i][k].number = k;
        }
        ck_assert_int_eq(pthread_create(&threads[i], NULL, send_all, sent[i]), 0);
    }
    ck_assert(event_run_until(master, all_received, NULL, SENDERS * EACH));
    for (int i = 0; i < SENDERS; i++) {
        pthread_join(threads[i], NULL);
    }
}
END_TEST

/* One post to and fro between two loops that sleep: a lost wake-up would hang. */
struct ball {
    ec_post_t post;
    int hits;
};

static void hit(void *baton)
{
    struct ball *ball = baton;
    ec_loop_t *self = ec_loop_self();

    if (++ball->hits == 20000) {
        event_loop_end(master);
        return;
    }
    ec_loop_post(ec_loop_at(1 - ec_loop_index(self)), &ball->post, hit, ball);
}

START_TEST(wakes_sleeping_loops)
{
    struct ball ball = { .hits = 0 };

    create(2);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    ec_loop_post(ec_loop_at(1), &ball.post, hit, &ball);
    event_loop_run(master);
    event_runtime_stop();
    ck_assert_int_eq(ball.hits, 20000);
}
END_TEST

static void hit_again(void *baton)
{
    struct ball *ball = baton;

    if (++ball->hits < 3) {
        ec_loop_post(ec_loop_self(), &ball->post, hit_again, ball);
        ck_assert_int_lt(ball->hits, 4); /* did not run inside the call that posted */
    }
}

START_TEST(reposted_runs_in_a_later_turn)
{
    struct ball ball = { .hits = 0 };

    create(1);
    ec_loop_post(master, &ball.post, hit_again, &ball);
    ck_assert(!event_run_until(master, all_received, NULL, 1));
    ck_assert_int_eq(ball.hits, 1);
    ck_assert(event_run_until(master, NULL, NULL, 100));
    ck_assert_int_eq(ball.hits, 3);
}
END_TEST

/* At stop posts of all loops run, also those that come from running them. */
struct chain {
    ec_post_t post;
    int left;
};

static void pass_on(void *baton)
{
    struct chain *chain = baton;

    ck_assert_ptr_nonnull(ec_loop_self());
    if (chain->left-- > 0) {
        ec_loop_post(ec_loop_at(chain->left % 3), &chain->post, pass_on, chain);
    }
}

static void on_stop(void *baton)
{
    struct chain *chain = baton;

    ck_assert_int_eq(chain->left, -1);
    chain->left = 50;
    ec_loop_post(ec_loop_at(2), &chain->post, pass_on, chain);
}

START_TEST(stop_drains)
{
    struct chain chain = { .left = 100 };

    create(3);
    event_runtime_on_stop(on_stop, &chain);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    ec_loop_post(ec_loop_at(0), &chain.post, pass_on, &chain);
    event_runtime_stop();
    ck_assert_int_eq(chain.left, -1);
    ec_loop_post(ec_loop_at(1), &chain.post, pass_on, &chain);
    chain.left = 7;
    event_runtime_destroy();
    ck_assert_int_eq(chain.left, -1);
    ck_assert_int_eq(ec_loop_count(), 0);
}
END_TEST

START_TEST(runtime_again_and_again)
{
    for (int i = 0; i < 20; i++) {
        struct chain chain = { .left = 10 };

        create(3);
        ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
        ec_loop_post(ec_loop_at(1), &chain.post, pass_on, &chain);
        event_runtime_destroy();
        ck_assert_int_eq(chain.left, -1);
    }
}
END_TEST

static void use_pools(void *baton)
{
    int *rounds = baton;
    apr_pool_t *pool = ec_loop_subpool(ec_loop_self());

    ck_assert_ptr_nonnull(apr_palloc(pool, 100000));
    apr_pool_destroy(pool);
    ++*rounds;
}

START_TEST(subpools_on_their_loops)
{
    ec_post_t posts[2][100];
    int rounds[2] = { 0, 0 };

    create(2);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    for (int i = 0; i < 200; i++) {
        ec_loop_post(ec_loop_at(i % 2), &posts[i % 2][i / 2], use_pools, &rounds[i % 2]);
    }
    event_runtime_stop();
    ck_assert_int_eq(rounds[0] + rounds[1], 200);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "post", 60);

    tcase_add_test(tcase, order_per_sender);
    tcase_add_test(tcase, wakes_sleeping_loops);
    tcase_add_test(tcase, reposted_runs_in_a_later_turn);
    tcase_add_test(tcase, stop_drains);
    tcase_add_test(tcase, runtime_again_and_again);
    tcase_add_test(tcase, subpools_on_their_loops);
}

TEST_MAIN("event/post", add)

/* watch_test.c - descriptors: readiness, masks, stopping within a batch; signals
 * SPDX-License-Identifier: Apache-2.0 */
#include <signal.h>
#include <unistd.h>
#include <sys/socket.h>

#include <apr_portable.h>

#include "event/runtime.h"
#include "runner.h"

enum { PAIRS = 5 };

static ec_loop_t *loop;

/* One end of a socket pair is watched. */
struct end {
    ec_watch_t watch;
    int fd, peer;
    int calls, last_ready;
};

static struct end ends[PAIRS];

static void setup(void)
{
    ck_assert_int_eq(event_runtime_create(1, event_clock_virtual(1000, test_pool), test_pool), APR_SUCCESS);
    loop = ec_loop_at(0);
    for (int i = 0; i < PAIRS; i++) {
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        ends[i] = (struct end){ .fd = fds[0], .peer = fds[1] };
    }
}

static void on_ready(void *baton, int ready)
{
    struct end *end = baton;
    char bytes[16];

    end->calls++;
    end->last_ready = ready;
    if ((ready & EC_READ) != 0 && read(end->fd, bytes, sizeof bytes) <= 0) {
        ec_watch_stop(&end->watch);
    }
}

static void start(struct end *end, int mask, ec_watch_fn *fn)
{
    ck_assert_int_eq(ec_watch_start_fd(&end->watch, loop, end->fd, mask, fn, end, test_pool), APR_SUCCESS);
}

static void run_idle(void)
{
    ck_assert(event_run_until(loop, NULL, NULL, 100));
}

START_TEST(read_and_close)
{
    struct end *end = &ends[0];

    start(end, EC_READ, on_ready);
    run_idle();
    ck_assert_int_eq(end->calls, 0);
    ck_assert_int_eq(write(end->peer, "x", 1), 1);
    run_idle();
    ck_assert_int_eq(end->calls, 1);
    ck_assert_int_eq(end->last_ready, EC_READ);
    close(end->peer);
    run_idle();
    ck_assert_int_eq(end->calls, 2);
    ck_assert_ptr_null(end->watch.loop); /* stopped itself */
}
END_TEST

static void once(void *baton, int ready)
{
    struct end *end = baton;

    on_ready(baton, ready);
    ck_assert_int_eq(ec_watch_set(&end->watch, EC_READ), APR_SUCCESS);
}

START_TEST(masks)
{
    struct end *end = &ends[0];

    start(end, EC_WRITE, once);
    run_idle();
    ck_assert_int_eq(end->calls, 1);
    ck_assert_int_eq(end->last_ready, EC_WRITE);
    ck_assert_int_eq(write(end->peer, "x", 1), 1);
    ck_assert_int_eq(ec_watch_set(&end->watch, EC_READ | EC_WRITE), APR_SUCCESS);
    run_idle();
    ck_assert_int_eq(end->last_ready, EC_READ | EC_WRITE);
    ck_assert_int_eq(ec_watch_set(&end->watch, 0), APR_SUCCESS);
    ck_assert_int_eq(write(end->peer, "x", 1), 1);
    run_idle();
    ck_assert_int_eq(end->calls, 2);
    ck_assert_int_eq(ec_watch_set(&end->watch, EC_READ), APR_SUCCESS);
    run_idle();
    ck_assert_int_eq(end->calls, 3);
}
END_TEST

START_TEST(apr_socket)
{
    struct end *end = &ends[0];
    apr_socket_t *socket = NULL;

    ck_assert_int_eq(apr_os_sock_put(&socket, &end->fd, test_pool), APR_SUCCESS);
    ck_assert_int_eq(ec_watch_start(&end->watch, loop, socket, EC_READ, on_ready, end), APR_SUCCESS);
    ck_assert_int_eq(write(end->peer, "x", 1), 1);
    run_idle();
    ck_assert_int_eq(end->calls, 1);
    ec_watch_stop(&end->watch);
    ec_watch_stop(&end->watch);
    ck_assert_int_eq(write(end->peer, "x", 1), 1);
    run_idle();
    ck_assert_int_eq(end->calls, 1);
}
END_TEST

static void stop_all(void *baton, int ready)
{
    struct end *end = baton;

    end->calls++;
    for (int i = 0; i < PAIRS; i++) {
        ec_watch_stop(&ends[i].watch);
    }
}

START_TEST(stopped_within_the_batch)
{
    int calls = 0;

    for (int i = 0; i < PAIRS; i++) {
        start(&ends[i], EC_READ, stop_all);
        ck_assert_int_eq(write(ends[i].peer, "x", 1), 1);
    }
    run_idle();
    for (int i = 0; i < PAIRS; i++) {
        calls += ends[i].calls;
    }
    ck_assert_int_eq(calls, 1);
}
END_TEST

static void stop_by_post(void *unused)
{
    for (int i = 0; i < PAIRS; i++) {
        ec_watch_stop(&ends[i].watch);
    }
}

/* A watch that poll reported and that a post of the same turn frees must not be touched. */
START_TEST(stopped_by_a_post_of_the_turn)
{
    ec_post_t post;

    for (int i = 0; i < PAIRS; i++) {
        start(&ends[i], EC_READ, on_ready);
        ck_assert_int_eq(write(ends[i].peer, "x", 1), 1);
    }
    ec_loop_post(loop, &post, stop_by_post, NULL);
    run_idle();
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_int_eq(ends[i].calls, 0);
    }
}
END_TEST

static void restart_others(void *baton, int ready)
{
    struct end *end = baton;

    on_ready(baton, ready);
    for (int i = 0; i < PAIRS; i++) {
        if (ends[i].calls == 0) {
            ec_watch_stop(&ends[i].watch);
            ck_assert(end != &ends[i]);
            start(&ends[i], EC_READ, on_ready);
        }
    }
}

START_TEST(restarted_within_the_batch)
{
    for (int i = 0; i < PAIRS; i++) {
        start(&ends[i], EC_READ, restart_others);
        ck_assert_int_eq(write(ends[i].peer, "x", 1), 1);
    }
    event_run_until(loop, NULL, NULL, 1);
    for (int i = 0, calls = 0; i < PAIRS; i++) {
        calls += ends[i].calls;
        ck_assert_int_le(calls, 1); /* the new watches wait for the next turn */
    }
    run_idle();
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_int_eq(ends[i].calls, 1);
    }
}
END_TEST

static int narrow_mask;

static void narrow_others(void *baton, int ready)
{
    struct end *end = baton;

    end->calls++;
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_int_eq(ec_watch_set(&ends[i].watch, narrow_mask), APR_SUCCESS);
    }
}

static void on_hangup(void *baton, int ready)
{
    struct end *end = baton;

    end->calls++;
    ck_assert_int_eq(ready, 0);
    ec_watch_stop(&end->watch);
}

START_TEST(hang_up_with_empty_mask)
{
    start(&ends[0], 0, on_hangup);
    ck_assert_int_eq(write(ends[0].peer, "x", 1), 1);
    run_idle();
    ck_assert_int_eq(ends[0].calls, 0);
    close(ends[0].peer);
    run_idle();
    ck_assert_int_eq(ends[0].calls, 1);
}
END_TEST

START_TEST(narrowed_within_the_batch)
{
    int calls = 0;

    narrow_mask = _i == 0 ? EC_READ : 0;
    for (int i = 0; i < PAIRS; i++) {
        start(&ends[i], EC_READ | EC_WRITE, narrow_others);
    }
    run_idle();
    for (int i = 0; i < PAIRS; i++) {
        calls += ends[i].calls;
    }
    ck_assert_int_eq(calls, 1);
}
END_TEST

static int signals_seen[4];
static const int signals_sent[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1 };

static void on_signal(void *baton, int signal_number)
{
    ck_assert_ptr_eq(ec_loop_self(), loop);
    for (int i = 0; i < 4; i++) {
        signals_seen[i] += signals_sent[i] == signal_number;
    }
}

START_TEST(signals_are_callbacks)
{
    ck_assert_int_eq(event_signals(loop, on_signal, NULL), APR_SUCCESS);
    for (int i = 0; i < 4; i++) {
        kill(getpid(), signals_sent[i]);
    }
    kill(getpid(), SIGPIPE);
    run_idle();
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(signals_seen[i], 1);
    }
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "watch", 30);

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, read_and_close);
    tcase_add_test(tcase, masks);
    tcase_add_test(tcase, apr_socket);
    tcase_add_test(tcase, stopped_within_the_batch);
    tcase_add_test(tcase, stopped_by_a_post_of_the_turn);
    tcase_add_test(tcase, restarted_within_the_batch);
    tcase_add_loop_test(tcase, narrowed_within_the_batch, 0, 2);
    tcase_add_test(tcase, hang_up_with_empty_mask);
    tcase_add_test(tcase, signals_are_callbacks);
}

TEST_MAIN("event/watch", add)

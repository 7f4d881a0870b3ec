/* stream_test.c - input, output, pauses, deadlines and ends of streams, over socket pairs
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/socket.h>

#include <apr_portable.h>

#include "event/runtime.h"
#include "io/block.h"
#include "io/stream.h"
#include "runner.h"

enum { BIG = 3 * 1024 * 1024 };

static ec_loop_t *loop;
static event_clock_t *clock_;

/* What an owner does and sees. */
static struct owner {
    stream_t *stream;
    apr_pool_t *pool;
    int peer;       /* the other end */
    char seen[BIG]; /* consumed input */
    apr_size_t length, calls, shown;
    apr_size_t at_once; /* most to consume in one call; 0: all */
    int drained, closed, inside;
    apr_status_t why;
    const char *answer; /* written for each call */
    enum { KEEP, DESTROY, FINISH, PAUSE } act;
} owner;

static void end_owner(void)
{
    stream_destroy(owner.stream);
    apr_pool_destroy(owner.pool);
    owner.stream = NULL;
}

static void act(void)
{
    if (owner.act == DESTROY) {
        end_owner();
    } else if (owner.act == FINISH) {
        stream_finish(owner.stream, APR_USEC_PER_SEC);
        owner.stream = NULL;
    } else if (owner.act == PAUSE) {
        stream_pause(owner.stream);
    }
}

static apr_size_t on_input(void *baton, const char *data, apr_size_t len)
{
    apr_size_t n = owner.at_once != 0 && owner.at_once < len ? owner.at_once : len;

    ck_assert(!owner.inside);
    owner.calls++;
    owner.shown = len;
    memcpy(owner.seen + owner.length, data, n);
    owner.length += n;
    if (owner.answer != NULL) {
        stream_write(owner.stream, owner.answer, strlen(owner.answer));
    }
    act();
    return n;
}

static void on_drained(void *baton)
{
    ck_assert(!owner.inside);
    owner.drained++;
}

static void on_closed(void *baton, apr_status_t rv)
{
    ck_assert(!owner.inside);
    owner.closed++;
    owner.why = rv;
    if (owner.act == FINISH) {
        stream_printf(owner.stream, "bye\r\n");
        stream_finish(owner.stream, APR_USEC_PER_SEC);
    } else {
        stream_destroy(owner.stream);
        apr_pool_destroy(owner.pool);
    }
    owner.stream = NULL;
}

static const stream_calls_t calls = { on_input, on_drained, on_closed };

static void setup(void)
{
    apr_socket_t *socket = NULL;
    int fds[2];

    clock_ = event_clock_virtual(1000, test_pool);
    ck_assert_int_eq(event_runtime_create(1, clock_, test_pool), APR_SUCCESS);
    loop = ec_loop_at(0);
    memset(&owner, 0, sizeof owner);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    owner.pool = ec_loop_subpool(loop);
    owner.peer = fds[1];
    ck_assert_int_eq(
        apr_os_sock_make(&socket,
                         &(apr_os_sock_info_t){ .os_sock = &fds[0], .family = AF_UNIX, .type = SOCK_STREAM },
                         owner.pool),
        APR_SUCCESS);
    owner.inside = 1;
    ck_assert_int_eq(stream_create(&owner.stream, loop, socket, &calls, NULL, owner.pool), APR_SUCCESS);
    owner.inside = 0;
}

static void teardown(void)
{
    if (owner.stream != NULL) {
        end_owner();
    }
    close(owner.peer);
    event_runtime_destroy();
}

static void turns(int n)
{
    while (n-- > 0) {
        (void)event_run_until(loop, NULL, NULL, 1);
    }
}

static void say(const char *text)
{
    ck_assert_int_eq(write(owner.peer, text, strlen(text)), (ssize_t)strlen(text));
}

/* What the peer has got, without waiting. */
static const char *heard(void)
{
    static char text[65536];
    ssize_t n = recv(owner.peer, text, sizeof text - 1, MSG_DONTWAIT);

    text[n < 0 ? 0 : n] = '\0';
    return text;
}

START_TEST(input)
{
    say("hello");
    turns(1);
    ck_assert_uint_eq(owner.length, 5);
    say(" world");
    turns(1);
    ck_assert_mem_eq(owner.seen, "hello world", 11);
    ck_assert_uint_eq(owner.calls, 2);
}
END_TEST

START_TEST(unconsumed_is_shown_again)
{
    owner.at_once = 2;
    say("abcde");
    turns(1);
    ck_assert_uint_eq(owner.length, 2);
    turns(3);
    ck_assert_uint_eq(owner.calls, 1); /* not before more has come */
    say("f");
    turns(1);
    ck_assert_uint_eq(owner.shown, 4);
    ck_assert_mem_eq(owner.seen, "abcd", 4);
}
END_TEST

START_TEST(pause_and_resume)
{
    owner.act = PAUSE;
    owner.at_once = 1;
    say("abc");
    turns(1);
    ck_assert_uint_eq(owner.calls, 1);
    say("def");
    turns(5);
    ck_assert_uint_eq(owner.calls, 1);
    owner.inside = 1;
    stream_resume(owner.stream);
    owner.inside = 0;
    turns(1);
    ck_assert_uint_eq(owner.calls, 2); /* what was left, although nothing is new */
    ck_assert_uint_eq(owner.shown, 2);
    owner.act = KEEP;
    owner.at_once = 0;
    stream_resume(owner.stream);
    turns(2);
    ck_assert_mem_eq(owner.seen, "abcdef", 6);
}
END_TEST

START_TEST(limit)
{
    static char block[100000];
    ssize_t n;

    memset(block, 'x', sizeof block);
    stream_set_input_limit(owner.stream, 30000);
    owner.at_once = 1;
    n = send(owner.peer, block, sizeof block, MSG_DONTWAIT);
    ck_assert_int_gt(n, 60000);
    stream_pause(owner.stream);
    turns(2);
    ck_assert_uint_eq(owner.calls, 0);
    stream_resume(owner.stream);
    turns(5);
    ck_assert_uint_le(owner.shown, 30000);
    owner.at_once = 0;
    stream_pause(owner.stream);
    stream_resume(owner.stream);
    turns(20);
    ck_assert_uint_eq(owner.length, (apr_size_t)n);
}
END_TEST

START_TEST(writes_of_a_turn_leave_together)
{
    owner.inside = 1;
    stream_write(owner.stream, "a", 1);
    stream_write_static(owner.stream, "static", 6);
    stream_printf(owner.stream, "%d", 42);
    owner.inside = 0;
    ck_assert_str_eq(heard(), "");
    ck_assert_uint_eq(stream_pending(owner.stream), 9);
    turns(1);
    ck_assert_str_eq(heard(), "astatic42");
    ck_assert_uint_eq(stream_pending(owner.stream), 0);
    ck_assert_int_eq(owner.drained, 0); /* it never had to wait */
}
END_TEST

START_TEST(large_printf)
{
    static char text[5000];

    memset(text, 'y', sizeof text - 1);
    stream_printf(owner.stream, "<%s>", text);
    turns(1);
    ck_assert_uint_eq(strlen(heard()), sizeof text - 1 + 2);
}
END_TEST

/* More than the kernel takes: all arrives in order, and then on_drained. */
START_TEST(slow_reader)
{
    static char block[BIG], got[BIG];
    apr_size_t length = 0;

    for (apr_size_t i = 0; i < sizeof block; i++) {
        block[i] = (char)(i * 7 + i / 251);
    }
    for (apr_size_t at = 0; at < sizeof block; at += sizeof block / 8) {
        if (at % 3 == 0) {
            stream_write(owner.stream, block + at, sizeof block / 8);
        } else {
            stream_write_static(owner.stream, block + at, sizeof block / 8);
        }
    }
    turns(2);
    ck_assert_uint_gt(stream_pending(owner.stream), 0);
    while (length < sizeof got) {
        ssize_t n = recv(owner.peer, got + length, sizeof got - length, MSG_DONTWAIT);

        length += n > 0 ? (apr_size_t)n : 0;
        turns(1);
    }
    ck_assert_mem_eq(got, block, sizeof block);
    ck_assert_int_eq(owner.drained, 1);
    ck_assert_uint_eq(stream_pending(owner.stream), 0);
}
END_TEST

START_TEST(peer_ends)
{
    owner.at_once = 1;
    say("ab");
    shutdown(owner.peer, SHUT_WR);
    turns(3);
    ck_assert_int_eq(owner.closed, 1);
    ck_assert_int_eq(owner.why, APR_EOF);
    ck_assert_uint_eq(owner.shown, 2); /* unconsumed input was delivered before */
}
END_TEST

/* The answers to what came before the end go out, although the end came in the same moment. */
START_TEST(half_closed_peer_gets_answers)
{
    owner.answer = "answer ";
    owner.act = KEEP;
    say("x");
    shutdown(owner.peer, SHUT_WR);
    turns(3);
    ck_assert_int_eq(owner.closed, 1);
    ck_assert_str_eq(heard(), "answer ");
}
END_TEST

START_TEST(end_while_paused_is_seen_after)
{
    stream_pause(owner.stream);
    say("last");
    close(owner.peer);
    turns(5);
    ck_assert_int_eq(owner.closed, 0);
    stream_resume(owner.stream);
    turns(3);
    ck_assert_int_eq(owner.closed, 1);
    ck_assert_mem_eq(owner.seen, "last", 4);
    owner.peer = -1;
}
END_TEST

START_TEST(deadline)
{
    event_clock_hold(clock_);
    stream_deadline(owner.stream, 5000000);
    turns(1);
    event_clock_advance(clock_, 4000000);
    turns(2);
    ck_assert_int_eq(owner.closed, 0);
    stream_deadline(owner.stream, 2000000);
    event_clock_advance(clock_, 1500000);
    turns(2);
    ck_assert_int_eq(owner.closed, 0);
    owner.act = FINISH; /* a word of parting can still be said */
    event_clock_advance(clock_, 600000);
    turns(3);
    ck_assert_int_eq(owner.closed, 1);
    ck_assert_int_eq(owner.why, APR_TIMEUP);
    ck_assert_str_eq(heard(), "bye\r\n");
}
END_TEST

START_TEST(no_deadline)
{
    event_clock_hold(clock_);
    stream_deadline(owner.stream, 1000);
    stream_deadline(owner.stream, 0);
    event_clock_advance(clock_, 1000000);
    turns(2);
    ck_assert_int_eq(owner.closed, 0);
}
END_TEST

START_TEST(destroyed_inside_input)
{
    owner.act = DESTROY;
    owner.answer = "lost";
    owner.at_once = 1;
    say("abc");
    turns(3);
    ck_assert_ptr_null(owner.stream);
    ck_assert_int_eq(owner.closed, 0);
    ck_assert_uint_eq(owner.calls, 1);
}
END_TEST

START_TEST(destroyed_with_work_for_the_turn)
{
    stream_write(owner.stream, "x", 1);
    stream_pause(owner.stream);
    stream_resume(owner.stream);
    end_owner();
    turns(3);
    ck_assert_int_eq(owner.closed, 0);
}
END_TEST

/* Finished inside on_input: what was written arrives, then the end; no callback any more. */
START_TEST(finish)
{
    char byte;

    event_clock_hold(clock_);
    owner.act = FINISH;
    owner.answer = "221 bye\r\n";
    owner.at_once = 1;
    say("QUIT\r\nmore");
    turns(3);
    ck_assert_str_eq(heard(), "221 bye\r\n");
    ck_assert_int_eq(recv(owner.peer, &byte, 1, MSG_DONTWAIT), 0);
    ck_assert_uint_eq(owner.calls, 1);
    close(owner.peer);
    owner.peer = -1;
    turns(3);
    ck_assert_int_eq(owner.closed, 0);
}
END_TEST

/* A peer that neither reads nor ends does not keep a finished stream beyond its grace. */
START_TEST(finish_has_a_grace)
{
    static char block[BIG];
    char byte;

    event_clock_hold(clock_);
    stream_write_static(owner.stream, block, sizeof block);
    stream_finish(owner.stream, 3000000);
    owner.stream = NULL;
    turns(3);
    event_clock_advance(clock_, 3100000);
    turns(2);
    ck_assert_int_eq(owner.closed, 0);
    while (recv(owner.peer, &byte, 1, MSG_DONTWAIT) > 0) {
    }
    ck_assert_int_eq(recv(owner.peer, &byte, 1, MSG_DONTWAIT), 0);
}
END_TEST

static int n_done;
static apr_status_t done_rv;

static void on_done(void *baton, apr_status_t rv)
{
    n_done++;
    done_rv = rv;
}

/* Given up while the kernel takes no more, or before it was asked: the rest is not sent, the peer sees the end, and only its own
 * end, or time, is the last of it. */
START_TEST(abandoned)
{
    static char block[BIG], got[BIG];
    apr_size_t length = 0;
    ssize_t n;

    n_done = 0;
    event_clock_hold(clock_);
    stream_write_static(owner.stream, block, sizeof block);
    if (_i < 2) {
        turns(3);
        ck_assert_uint_gt(stream_pending(owner.stream), 0);
    }
    stream_abandon_then(owner.stream, 3000000, on_done, NULL);
    owner.stream = NULL;
    turns(3);
    while ((n = recv(owner.peer, got, sizeof got, MSG_DONTWAIT)) > 0) {
        length += (apr_size_t)n;
    }
    ck_assert_int_eq(n, 0);
    ck_assert(_i == 2 ? length == 0 : length < sizeof block);
    turns(3);
    ck_assert_int_eq(n_done, 0);
    if (_i == 1) {
        event_clock_advance(clock_, 3100000);
    } else {
        close(owner.peer);
        owner.peer = -1;
    }
    turns(3);
    ck_assert_int_eq(n_done, 1);
    ck_assert_int_eq(done_rv, _i == 1 ? APR_TIMEUP : APR_EOF);
    ck_assert_int_eq(owner.closed, 0);
}
END_TEST

START_TEST(write_to_a_gone_peer)
{
    close(owner.peer);
    owner.peer = -1;
    stream_pause(owner.stream);
    stream_write(owner.stream, "x", 1);
    turns(3);
    ck_assert_int_eq(owner.closed, 1);
    ck_assert_int_eq(owner.why, EPIPE);
}
END_TEST

/* An idle stream holds no block. */
START_TEST(idle_costs_nothing)
{
    io_loop_t *shared = io_loop_of(loop);

    owner.answer = "y";
    say("x");
    turns(2);
    ck_assert_int_eq(shared->n_free, 2); /* one for input, one for output: both are back */
    say("x");
    turns(2);
    ck_assert_int_eq(shared->n_free, 2);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "stream", 60);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, input);
    tcase_add_test(tcase, unconsumed_is_shown_again);
    tcase_add_test(tcase, pause_and_resume);
    tcase_add_test(tcase, limit);
    tcase_add_test(tcase, writes_of_a_turn_leave_together);
    tcase_add_test(tcase, large_printf);
    tcase_add_test(tcase, slow_reader);
    tcase_add_test(tcase, peer_ends);
    tcase_add_test(tcase, half_closed_peer_gets_answers);
    tcase_add_test(tcase, end_while_paused_is_seen_after);
    tcase_add_test(tcase, deadline);
    tcase_add_test(tcase, no_deadline);
    tcase_add_test(tcase, destroyed_inside_input);
    tcase_add_test(tcase, destroyed_with_work_for_the_turn);
    tcase_add_test(tcase, finish);
    tcase_add_test(tcase, finish_has_a_grace);
    tcase_add_loop_test(tcase, abandoned, 0, 3);
    tcase_add_test(tcase, write_to_a_gone_peer);
    tcase_add_test(tcase, idle_costs_nothing);
}

TEST_MAIN("io/stream", add)

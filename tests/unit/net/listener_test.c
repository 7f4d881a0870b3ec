/* listener_test.c - listening, accepting, connecting, on loopback and on paths
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "event/runtime.h"
#include "event/thread.h"
#include "net/address.h"
#include "net/bind.h"
#include "net/listener.h"
#include "runner.h"

enum { MANY = 200, LOOPS = 3 };

static ec_loop_t *loop;
static event_clock_t *clock_;
static atomic_int accepted;
static atomic_int of_loop[LOOPS];
static net_endpoint_t last_peer, last_local;
static int closed;

static void setup(void)
{
    clock_ = event_clock_virtual(1000, test_pool);
    ck_assert_int_eq(event_runtime_create(1, clock_, test_pool), APR_SUCCESS);
    loop = ec_loop_at(0);
    ec_log_stderr(0);
}

static void setup_loops(void)
{
    ck_assert_int_eq(event_runtime_create(LOOPS, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    loop = ec_loop_at(0);
}

static void on_accept(void *baton, ec_loop_t *on, apr_socket_t *socket, const net_endpoint_t *peer,
                      const net_endpoint_t *local, apr_pool_t *pool)
{
    ck_assert_ptr_eq(ec_loop_self(), on);
    if (on == ec_loop_at(0)) {
        last_peer = *peer;
        last_local = *local;
    }
    of_loop[ec_loop_index(on)]++;
    accepted++;
    apr_socket_close(socket);
    apr_pool_destroy(pool);
}

static int has_accepted(void *baton)
{
    return accepted >= *(int *)baton;
}

static void run_until_accepted(int n)
{
    ck_assert_msg(event_run_until(loop, has_accepted, &n, 300), "%d of %d accepted", (int)accepted, n);
}

static const char *try_listen(net_listener_t **listener, const char *address, int all_loops)
{
    const net_listen_options_t options = { .address = address, .all_loops = all_loops, .socket_mode = 0620 };
    const char *why = NULL;
    apr_status_t rv = net_listen(listener, &options, on_accept, NULL, &why, test_pool);

    ck_assert_int_eq(rv == APR_SUCCESS, why == NULL);
    return why;
}

static net_listener_t *listen_at(const char *address, int all_loops)
{
    net_listener_t *listener = NULL;
    const char *why = try_listen(&listener, address, all_loops);

    ck_assert_msg(why == NULL, "%s", why);
    return listener;
}

/* A blocking client, connected; the kernel does it without the server's help. */
static int connect_to(const char *address, int port)
{
    net_sockaddr_t to;
    int fd;

    ck_assert_int_eq(net_sockaddr_set(&to, address, port), APR_SUCCESS);
    fd = socket(to.u.any.sa_family, SOCK_STREAM, 0);
    return connect(fd, &to.u.any, to.length) == 0 ? fd : -1;
}

static void on_closed(void *baton)
{
    closed++;
}

static int is_closed(void *baton)
{
    return closed;
}

static void close_listener(net_listener_t *listener)
{
    net_listener_close_then(listener, on_closed, NULL);
    ck_assert(event_run_until(loop, is_closed, NULL, 300));
    ck_assert_int_eq(closed, 1);
    closed = 0;
}

START_TEST(accepts_many)
{
    net_listener_t *listener = listen_at("127.0.0.1:0", 0);
    int fds[MANY];

    for (int i = 0; i < MANY; i++) {
        fds[i] = connect_to("127.0.0.1", net_listener_port(listener));
        ck_assert_int_ge(fds[i], 0);
    }
    run_until_accepted(MANY);
    ck_assert_str_eq(last_peer.text, "127.0.0.1");
    ck_assert_int_gt(last_peer.port, 0);
    ck_assert_str_eq(last_local.text, "127.0.0.1");
    ck_assert_int_eq(last_local.port, net_listener_port(listener));
    for (int i = 0; i < MANY; i++) {
        close(fds[i]);
    }
    close_listener(listener);
    ck_assert_int_eq(connect_to("127.0.0.1", last_local.port), -1);
}
END_TEST

START_TEST(both_families)
{
    net_listener_t *listener = listen_at("*:0", 0);
    int v4 = connect_to("127.0.0.1", net_listener_port(listener));
    int v6;

    run_until_accepted(1);
    ck_assert_str_eq(last_peer.text, "127.0.0.1"); /* not ::ffff:127.0.0.1 */
    ck_assert_str_eq(last_local.text, "127.0.0.1");
    v6 = connect_to("::1", net_listener_port(listener));
    if (v6 >= 0) {
        run_until_accepted(2);
        ck_assert_str_eq(last_peer.text, "::1");
        close(v6);
    }
    close(v4);
    close_listener(listener);
}
END_TEST

START_TEST(address_in_use)
{
    net_listener_t *listener = listen_at("127.0.0.1:0", 0);
    net_listener_t *other = NULL;
    const char *address = apr_psprintf(test_pool, "127.0.0.1:%d", net_listener_port(listener));
    const char *why = try_listen(&other, address, 0);

    ck_assert_ptr_nonnull(strstr(why, address));
    ck_assert_ptr_nonnull(strstr(why, "in use"));
    close_listener(listener);
    listener = listen_at(address, 0);
    close_listener(listener);
}
END_TEST

static void close_soon(void *baton)
{
    apr_sleep(50000); /* so that it is likely to be awaited; sooner would do as well */
    close(*(int *)baton);
}

/* A server that was killed may have its port, or its path, for a moment more. */
START_TEST(awaits_the_one_before)
{
    const char *path = apr_psprintf(test_pool, "/tmp/ec-listener-test.%ld", (long)getpid());
    const net_listen_options_t none = { .address = path, .socket_mode = 0600 };
    const net_bind_t how = { .options = &none };
    net_sockaddr_t address;
    net_listener_t *listener;
    pthread_t thread;
    const char *why;
    int fd;

    if (_i == 0) {
        ck_assert_int_eq(net_sockaddr_set(&address, "127.0.0.1", 0), APR_SUCCESS);
    } else {
        address = (net_sockaddr_t){ .length = sizeof address.u.path };
        address.u.path.sun_family = AF_UNIX;
        apr_cpystrn(address.u.path.sun_path, path, sizeof address.u.path.sun_path);
    }
    ck_assert_int_eq(net_bind(&fd, &address, &how, &why, test_pool), APR_SUCCESS);
    if (_i == 0) {
        path = apr_psprintf(test_pool, "127.0.0.1:%d", net_sockaddr_port(&address));
    }
    ck_assert_ptr_nonnull(strstr(try_listen(&listener, path, 0), "in use"));
    net_bind_set_patience(apr_time_from_sec(30));
    ck_assert_int_eq(event_thread_start(&thread, "close", 0, close_soon, &fd), APR_SUCCESS);
    ck_assert_ptr_null(try_listen(&listener, path, 0));
    pthread_join(thread, NULL);
    net_listener_close(listener);
}
END_TEST

START_TEST(bad_address)
{
    net_listener_t *listener;

    ck_assert_ptr_nonnull(strstr(try_listen(&listener, "nowhere", 0), "nowhere"));
    ck_assert_ptr_nonnull(strstr(try_listen(&listener, "192.0.2.1:25", 0), "does not have the address"));
}
END_TEST

/* ---- paths ------------------------------------------------------------------------------- */

static const char *a_path(void)
{
    char dir[] = "/tmp/listenerXXXXXX";

    ck_assert_ptr_nonnull(mkdtemp(dir));
    return apr_psprintf(test_pool, "%s/s", dir);
}

START_TEST(path)
{
    const char *name = a_path();
    net_listener_t *listener = listen_at(name, 0);
    struct stat info;
    int fd;

    ck_assert_int_eq(stat(name, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0620);
    fd = connect_to(name, 0);
    run_until_accepted(1);
    ck_assert_str_eq(last_peer.text, "unix");
    close(fd);
    close_listener(listener);
    ck_assert_int_eq(stat(name, &info), -1);
    rmdir(apr_pstrndup(test_pool, name, strlen(name) - 2));
}
END_TEST

START_TEST(path_that_is_taken)
{
    const char *name = a_path();
    net_listener_t *listener = listen_at(name, 0);
    net_listener_t *other = NULL;

    ck_assert_ptr_nonnull(strstr(try_listen(&other, name, 0), "in use"));
    ck_assert_int_ge(connect_to(name, 0), 0); /* and the living one still lives */
    close_listener(listener);
    close(open(name, O_CREAT | O_WRONLY, 0600));
    ck_assert_ptr_nonnull(strstr(try_listen(&other, name, 0), "no socket"));
    ck_assert_int_eq(unlink(name), 0);
    rmdir(apr_pstrndup(test_pool, name, strlen(name) - 2));
}
END_TEST

START_TEST(stale_path)
{
    const char *name = a_path();
    net_listener_t *listener;
    net_sockaddr_t address;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    net_sockaddr_set(&address, name, 0);
    ck_assert_int_eq(bind(fd, &address.u.any, address.length), 0);
    close(fd);
    listener = listen_at(name, 0);
    close_listener(listener);
    rmdir(apr_pstrndup(test_pool, name, strlen(name) - 2));
}
END_TEST

/* ---- shortage ------------------------------------------------------------------------------ */

START_TEST(no_descriptors)
{
    net_listener_t *listener = listen_at("127.0.0.1:0", 0);
    struct rlimit limit, old;
    int fd;

    (void)event_run_until(loop, NULL, NULL, 2);
    fd = connect_to("127.0.0.1", net_listener_port(listener));
    getrlimit(RLIMIT_NOFILE, &old);
    limit = old;
    limit.rlim_cur = (rlim_t)fd + 1;
    setrlimit(RLIMIT_NOFILE, &limit);
    event_clock_hold(clock_);
    for (int i = 0; i < 3; i++) {
        (void)event_run_until(loop, NULL, NULL, 1);
    }
    ck_assert_int_eq(accepted, 0);
    setrlimit(RLIMIT_NOFILE, &old);
    (void)event_run_until(loop, NULL, NULL, 1);
    ck_assert_int_eq(accepted, 0); /* it pauses: a shortage must not become a busy loop */
    event_clock_advance(clock_, 1000001);
    event_clock_release(clock_);
    run_until_accepted(1);
    close(fd);
    close_listener(listener);
}
END_TEST

/* ---- several loops --------------------------------------------------------------------------- */

START_TEST(every_loop_accepts)
{
    net_listener_t *listener = listen_at("127.0.0.1:0", 1);
    net_listener_t *other = NULL;
    int fds[MANY];

    ck_assert_ptr_nonnull(
        strstr(try_listen(&other, apr_psprintf(test_pool, "127.0.0.1:%d", net_listener_port(listener)), 1),
               "in use"));
    for (int i = 0; i < MANY; i++) {
        fds[i] = connect_to("127.0.0.1", net_listener_port(listener));
    }
    run_until_accepted(MANY);
    for (int i = 0; i < LOOPS; i++) {
        ck_assert_int_gt(of_loop[i], 0); /* the kernel spreads 200 over 3 */
    }
    for (int i = 0; i < MANY; i++) {
        close(fds[i]);
    }
    close_listener(listener);
}
END_TEST

/* ---- changing over --------------------------------------------------------------------------- */

static net_listener_t *listen_with(net_listen_options_t options)
{
    net_listener_t *listener = NULL;
    const char *why = NULL;

    ck_assert_msg(net_listen(&listener, &options, on_accept, NULL, &why, test_pool) == APR_SUCCESS, "%s", why);
    return listener;
}

START_TEST(held)
{
    net_listener_t *listener =
        listen_with((net_listen_options_t){ .address = "127.0.0.1:0", .all_loops = 1, .is_held = 1 });
    int fd = connect_to("127.0.0.1", net_listener_port(listener));

    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 3; i++) {
        (void)event_run_until(loop, NULL, NULL, 1);
    }
    ck_assert_int_eq(accepted, 0);
    net_listener_start(listener);
    run_until_accepted(1); /* the kernel has kept it */
    close(fd);
    close_listener(listener);
    listener = listen_with((net_listen_options_t){ .address = "127.0.0.1:0", .all_loops = 1, .is_held = 1 });
    close_listener(listener); /* one that never started */
}
END_TEST

/* What the kernel has connected already is served and not reset. */
START_TEST(close_takes_what_waits)
{
    net_listener_t *listener = listen_at("127.0.0.1:0", 0);
    int fds[MANY];

    (void)event_run_until(loop, NULL, NULL, 1);
    for (int i = 0; i < MANY; i++) {
        fds[i] = connect_to("127.0.0.1", net_listener_port(listener));
    }
    close_listener(listener);
    ck_assert_int_eq(accepted, MANY);
    for (int i = 0; i < MANY; i++) {
        close(fds[i]);
    }
}
END_TEST

START_TEST(takes_over_a_port)
{
    static const char *const hosts[] = { "127.0.0.1", "*", "127.0.0.1", "0.0.0.0", "127.0.0.1" };
    net_listener_t *old = NULL, *listener = NULL;
    int port = 0;

    for (int i = 0; i < 5; i++, old = listener) {
        const char *address = apr_psprintf(test_pool, "%s:%d", hosts[i], port);
        int fd;

        if (old != NULL) {
            ck_assert_ptr_nonnull(strstr(try_listen(&listener, address, 1), "in use"));
        }
        listener = listen_with(
            (net_listen_options_t){ .address = address, .all_loops = 1, .may_overlap = old != NULL });
        port = net_listener_port(listener);
        if (old != NULL) {
            close_listener(old);
        }
        fd = connect_to("127.0.0.1", port);
        ck_assert_int_ge(fd, 0);
        run_until_accepted(i + 1);
        close(fd);
    }
    close_listener(listener);
}
END_TEST

START_TEST(adjusted)
{
    const char *name = a_path();
    net_listen_options_t options = { .address = name, .backlog = 5, .socket_mode = 0600 };
    net_listener_t *listener = listen_with(options);
    struct stat info;
    int fd;

    options.socket_mode = 0666;
    options.backlog = 50;
    net_listener_adjust(listener, &options);
    ck_assert_int_eq(stat(name, &info), 0);
    ck_assert_uint_eq(info.st_mode & 0777, 0666);
    fd = connect_to(name, 0);
    run_until_accepted(1);
    close(fd);
    close_listener(listener);
    rmdir(apr_pstrndup(test_pool, name, strlen(name) - 2));
}
END_TEST

/* ---- connecting -------------------------------------------------------------------------------- */

static struct {
    int calls, is_inside;
    apr_status_t rv;
    apr_socket_t *socket;
    net_endpoint_t local;
} result;

static void on_connect(void *baton, apr_status_t rv, apr_socket_t *socket, const net_endpoint_t *local)
{
    ck_assert(!result.is_inside);
    result.calls++;
    result.rv = rv;
    result.socket = socket;
    result.local = *local;
}

static apr_status_t start_connect(const char *address, int port, const char *source, net_connect_t **pending)
{
    apr_status_t rv;

    result.is_inside = 1;
    rv = net_connect(pending, loop, address, port, source, 5000000, on_connect, NULL, test_pool);
    result.is_inside = 0;
    return rv;
}

static int has_result(void *baton)
{
    return result.calls > 0;
}

START_TEST(connects)
{
    net_listener_t *listener = listen_at("127.0.0.1:0", 0);
    net_connect_t *pending;

    ck_assert_int_eq(
        start_connect("127.0.0.1", net_listener_port(listener), _i == 0 ? NULL : "127.0.0.2", &pending),
        APR_SUCCESS);
    ck_assert(event_run_until(loop, has_result, NULL, 100));
    ck_assert_int_eq(result.rv, APR_SUCCESS);
    ck_assert_str_eq(result.local.text, _i == 0 ? "127.0.0.1" : "127.0.0.2");
    run_until_accepted(1);
    ck_assert_str_eq(last_peer.text, result.local.text);
    ck_assert_int_eq(last_peer.port, result.local.port);
    apr_socket_close(result.socket);
    close_listener(listener);
}
END_TEST

START_TEST(is_refused)
{
    net_listener_t *listener = listen_at("127.0.0.1:0", 0);
    int port = net_listener_port(listener);
    net_connect_t *pending;

    close_listener(listener);
    ck_assert_int_eq(start_connect("127.0.0.1", port, NULL, &pending), APR_SUCCESS);
    ck_assert(event_run_until(loop, has_result, NULL, 100));
    ck_assert_int_eq(result.rv, ECONNREFUSED);
    ck_assert_ptr_null(result.socket);
}
END_TEST

enum { FILLERS = 8 };

/* A listener whose queue is full answers nothing.  Returns its port. */
static int full_listener(int *listener, int filler[FILLERS])
{
    net_sockaddr_t address;

    *listener = socket(AF_INET, SOCK_STREAM, 0);
    net_sockaddr_set(&address, "127.0.0.1", 0);
    ck_assert_int_eq(bind(*listener, &address.u.any, address.length), 0);
    ck_assert_int_eq(listen(*listener, 0), 0);
    ck_assert_int_eq(getsockname(*listener, &address.u.any, &address.length), 0);
    for (int i = 0; i < FILLERS; i++) {
        filler[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(filler[i], &address.u.any, address.length);
    }
    return net_sockaddr_port(&address);
}

static void end_full_listener(int listener, int filler[FILLERS])
{
    for (int i = 0; i < FILLERS; i++) {
        close(filler[i]);
    }
    close(listener);
}

START_TEST(times_out)
{
    net_connect_t *pending;
    int filler[FILLERS], listener, port = full_listener(&listener, filler);

    ck_assert_int_eq(start_connect("127.0.0.1", port, NULL, &pending), APR_SUCCESS);
    ck_assert(event_run_until(loop, has_result, NULL, 100));
    ck_assert_int_eq(result.rv, APR_TIMEUP);
    end_full_listener(listener, filler);
}
END_TEST

START_TEST(cancelled)
{
    net_listener_t *listener = listen_at("127.0.0.1:0", 0);
    net_connect_t *pending;

    ck_assert_int_eq(start_connect("127.0.0.1", net_listener_port(listener), NULL, &pending), APR_SUCCESS);
    net_connect_cancel(pending);
    (void)event_run_until(loop, NULL, NULL, 20);
    ck_assert_int_eq(result.calls, 0);
    close_listener(listener);
}
END_TEST

/* Of a connection that the kernel has made nobody was told: it can be taken. */
START_TEST(is_made_already)
{
    net_listener_t *listener = listen_at("127.0.0.1:0", 0);
    net_connect_t *pending;
    apr_socket_t *socket;

    ck_assert_int_eq(start_connect("127.0.0.1", net_listener_port(listener), NULL, &pending), APR_SUCCESS);
    ck_assert_ptr_nonnull(socket = net_connect_take(pending));
    run_until_accepted(1);
    ck_assert_int_eq(result.calls, 0);
    apr_socket_close(socket);
    close_listener(listener);
}
END_TEST

START_TEST(is_not_made_yet)
{
    net_connect_t *pending;
    int filler[FILLERS], listener, port = full_listener(&listener, filler);

    ck_assert_int_eq(start_connect("127.0.0.1", port, NULL, &pending), APR_SUCCESS);
    ck_assert_ptr_null(net_connect_take(pending));
    (void)event_run_until(loop, NULL, NULL, 20);
    ck_assert_int_eq(result.calls, 0);
    end_full_listener(listener, filler);
}
END_TEST

START_TEST(fails_at_once)
{
    net_connect_t *pending;

    ck_assert_int_eq(start_connect("example.com", 25, NULL, &pending), EC_E_SYNTAX);
    ck_assert_int_eq(start_connect("127.0.0.1", 25, "::1", &pending), EAFNOSUPPORT);
    ck_assert_int_eq(start_connect("127.0.0.1", 25, "192.0.2.1", &pending), EADDRNOTAVAIL);
    (void)event_run_until(loop, NULL, NULL, 20);
    ck_assert_int_eq(result.calls, 0);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "one loop", 60);
    TCase *loops = test_case(suite, "loops", 60);

    tcase_add_checked_fixture(tcase, setup, event_runtime_destroy);
    tcase_add_test(tcase, accepts_many);
    tcase_add_test(tcase, both_families);
    tcase_add_test(tcase, address_in_use);
    tcase_add_loop_test(tcase, awaits_the_one_before, 0, 2);
    tcase_add_test(tcase, bad_address);
    tcase_add_test(tcase, path);
    tcase_add_test(tcase, path_that_is_taken);
    tcase_add_test(tcase, stale_path);
    tcase_add_test(tcase, no_descriptors);
    tcase_add_loop_test(tcase, connects, 0, 2);
    tcase_add_test(tcase, is_refused);
    tcase_add_test(tcase, times_out);
    tcase_add_test(tcase, cancelled);
    tcase_add_test(tcase, is_made_already);
    tcase_add_test(tcase, is_not_made_yet);
    tcase_add_test(tcase, fails_at_once);
    tcase_add_checked_fixture(loops, setup_loops, event_runtime_destroy);
    tcase_add_test(loops, every_loop_accepts);
    tcase_add_test(tcase, held);
    tcase_add_test(tcase, close_takes_what_waits);
    tcase_add_test(tcase, takes_over_a_port);
    tcase_add_test(loops, takes_over_a_port);
    tcase_add_test(tcase, adjusted);
}

TEST_MAIN("net/listener", add)

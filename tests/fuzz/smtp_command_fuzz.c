/* smtp_command_fuzz.c - any bytes, in any pieces, as a client of the receiving server
 * SPDX-License-Identifier: Apache-2.0
 *
 * The first byte says in how large pieces the rest is sent, its lowest bit whether EHLO is
 * said before.  A message that is accepted must have no CR or LF that stands alone and no
 * recipient that we do not relay for. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_portable.h>

#include "event/runtime.h"
#include "smtp/in/session.h"
#include "smtp/in/smtp_in.h"

#define LISTEN "127.0.0.1:0"

/* The runtime and the configuration live as long as the process, in APR pools that are mapped, not allocated: the leak
 * checker does not look there and would report what they point to. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ec_loop_t *loop;

static void must(int ok)
{
    if (!ok) {
        abort();
    }
}

static int is_ready(void *baton)
{
    return 1;
}

static void on_done(void *baton)
{
    spool_request_t *request = baton;

    request->done(request->baton, APR_SUCCESS);
}

static void store(void *baton, spool_request_t *request)
{
    ec_loop_post(request->loop, &request->post, on_done, request);
}

static void accept_batch(void *baton, ec_batch_t *batch)
{
    apr_size_t offset = 0, n;
    const char *data;
    char last = '\n';

    while (ec_batch_peek(batch, offset, &data, &n) == APR_SUCCESS && n > 0) {
        for (apr_size_t i = 0; i < n; i++) {
            must((data[i] == '\n') == (last == '\r'));
            last = data[i];
        }
        offset += n;
    }
    must(last == '\n' && ec_batch_recipients(batch) > 0);
    for (int i = 0; i < ec_batch_recipients(batch); i++) {
        must(in_relay_match("*.ours.example", ec_batch_domain(batch, i)));
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static const char text[] = "relay_hosts = ( \"10.0.0.0/8\" )\nrelay_domains = ( \"*.ours.example\" )\n"
                               "hostname = \"mx.example\"\nESMTP_Listener { Listen \"" LISTEN "\" {} }\n";
    static const in_backend_t backend = { NULL, is_ready, store, accept_batch, NULL, NULL };
    apr_array_header_t *problems;
    apr_pool_t *pool = NULL;
    const char *why;
    conf_t *conf = NULL;

    must(apr_initialize() == APR_SUCCESS && apr_pool_create(&pool, NULL) == APR_SUCCESS);
    must(event_runtime_create(1, event_clock_virtual(1000, pool), pool) == APR_SUCCESS);
    loop = ec_loop_at(0);
    must(conf_load_text(&conf, &problems, "fuzz", text, sizeof text - 1, pool) == APR_SUCCESS);
    must(in_start(&backend, ec_log_root(), pool) == APR_SUCCESS && smtp_in_apply(conf, &why) == APR_SUCCESS);
    conf_install(conf);
    (void)event_run_until(loop, NULL, NULL, 10);
    return 0;
}

static void turn(int fd)
{
    char answers[4096];

    (void)event_run_until(loop, NULL, NULL, 2);
    while (recv(fd, answers, sizeof answers, MSG_DONTWAIT) > 0) {
    }
}

static int connect_pair(void)
{
    const net_endpoint_t peer = { "192.0.2.1", 1 }, local = { "192.0.2.2", 25 };
    apr_pool_t *pool = ec_loop_subpool(loop);
    apr_socket_t *socket = NULL;
    int fds[2];

    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) == 0);
    must(apr_os_sock_make(&socket,
                          &(apr_os_sock_info_t){ .os_sock = &fds[0], .family = AF_UNIX, .type = SOCK_STREAM },
                          pool) == APR_SUCCESS);
    in_conn_accept(in_listener_at(LISTEN), loop, socket, &peer, &local, pool);
    return fds[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char ehlo[] = "EHLO client.example\r\n";
    size_t piece = size > 0 ? (size_t)(data[0] >> 1) * 64 + 1 : 1;
    int fd;

    if (size < 2 || size > 65536) {
        return 0;
    }
    fd = connect_pair();
    turn(fd);
    if (data[0] & 1) {
        (void)!send(fd, ehlo, sizeof ehlo - 1, MSG_NOSIGNAL);
        turn(fd);
    }
    for (size_t at = 1; at < size; at += piece) {
        if (send(fd, data + at, size - at < piece ? size - at : piece, MSG_NOSIGNAL) <= 0) {
            break;
        }
        turn(fd);
    }
    shutdown(fd, SHUT_WR);
    turn(fd);
    close(fd);
    (void)event_run_until(loop, NULL, NULL, 20);
    must(ec_counter_value(ec_counter("smtp.in.sessions", "")) == 0);
    return 0;
}

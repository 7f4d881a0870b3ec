/* server.c - what all sessions share, and the stop
 * SPDX-License-Identifier: Apache-2.0
 *
 * Stop: the master loop posts to every loop; each closes its idle sessions, lets the
 * others end their message, and reports when it has none.  When the grace is over a
 * second post closes what is left. */
#include <string.h>

#include "event/runtime.h"
#include "smtp/in/session.h"
#include "smtp/in/smtp_in.h"

typedef struct {
    ec_loop_t *loop;
    util_list_t sessions;
    util_list_t suspended; /* by hooks, whether they are still open or not */
    int n_sessions;
    int n_to_renew; /* at the front of the list */
    int is_renew_posted;
    ec_post_t renew;
    int waiting; /* closed sessions whose message is on its way to the disk */
    int is_stopping, has_reported;
    ec_post_t stop, force, empty;
} loop_part_t;

static struct {
    in_backend_t backend;
    ec_log_t *log;
    loop_part_t *loops;
    int n_loops, n_empty;
    ec_timer_t grace;
    ec_post_fn *done;
    void *baton;
} server;

static ec_counter_t *counters[IN_C_COUNT];

const in_backend_t *in_backend(void)
{
    return &server.backend;
}

ec_log_t *in_log(void)
{
    return server.log;
}

void in_count(in_counter_t counter, apr_int64_t n)
{
    ec_counter_add(counters[counter], n);
}

static loop_part_t *part_of(ec_loop_t *loop)
{
    return &server.loops[ec_loop_index(loop)];
}

util_list_t *in_sessions(ec_loop_t *loop)
{
    return &part_of(loop)->sessions;
}

int in_is_stopping(ec_loop_t *loop)
{
    return part_of(loop)->is_stopping;
}

/* ---- a new generation --------------------------------------------------------------- */

enum { RENEWALS_PER_POST = 128 };

/* What is idle takes up the new generation if nothing changed for it, so that the one before can go; who
 * finds a difference keeps the old one until MAIL or RSET. */
static void renew_some(void *baton)
{
    loop_part_t *part = baton;

    part->is_renew_posted = 0;
    for (int i = 0; i < RENEWALS_PER_POST && part->n_to_renew > 0; i++, part->n_to_renew--) {
        util_link_t *link = util_list_take_first(&part->sessions);
        ec_conn_t *conn;

        if (link == NULL) {
            part->n_to_renew = 0;
            return;
        }
        util_list_add_last(&part->sessions, link);
        conn = UTIL_OWNER(link, ec_conn_t, link);
        if (conn->txn == NULL && !conn->is_waiting) {
            (void)in_settings_renew(conn);
        }
    }
    if (part->n_to_renew > 0) {
        part->is_renew_posted = 1;
        ec_loop_post(part->loop, &part->renew, renew_some, part);
    }
}

/* The list turns: those that come meanwhile stand behind, and who leaves makes the round a little too long.
 */
static void on_conf_change(void *baton, conf_t *conf)
{
    ec_loop_t *loop = ec_loop_self();
    loop_part_t *part;

    if (loop == NULL || server.loops == NULL || ec_loop_index(loop) >= server.n_loops) {
        return;
    }
    if (ec_loop_index(loop) == 0) {
        in_listeners_in_force(conf);
    }
    part = part_of(loop);
    part->n_to_renew = part->n_sessions;
    if (!part->is_renew_posted && part->n_to_renew > 0) {
        part->is_renew_posted = 1;
        ec_loop_post(loop, &part->renew, renew_some, part);
    }
}

/* ---- start --------------------------------------------------------------------------- */

apr_status_t in_start(const in_backend_t *backend, ec_log_t *log, apr_pool_t *pool)
{
    static const struct {
        const char *name, *help;
    } rows[] = {
#define ROW(id, text) { "smtp.in." #id, text },
        IN_COUNTERS(ROW)
#undef ROW
    };

    static int is_registered;

    EC_ASSERT(!event_runtime_has_threads());
    if (!is_registered) {
        is_registered = 1;
        conf_on_change(on_conf_change, NULL);
    }
    memset(&server, 0, sizeof server);
    server.backend = *backend;
    server.log = ec_log_child(log, pool, "smtp in");
    server.n_loops = ec_loop_count();
    server.loops = apr_pcalloc(pool, (apr_size_t)server.n_loops * sizeof *server.loops);
    for (int i = 0; i < server.n_loops; i++) {
        server.loops[i].loop = ec_loop_at(i);
        util_list_init(&server.loops[i].sessions);
        util_list_init(&server.loops[i].suspended);
    }
    for (int i = 0; i < IN_C_COUNT; i++) {
        counters[i] = ec_counter(rows[i].name, rows[i].help);
    }
    return APR_SUCCESS;
}

/* ---- stop --------------------------------------------------------------------------- */

/* Master loop. */
static void on_loop_empty(void *baton)
{
    if (++server.n_empty < server.n_loops) {
        return;
    }
    ec_timer_cancel(&server.grace);
    server.done(server.baton);
}

static void report_when_empty(loop_part_t *part)
{
    if (part->is_stopping && !part->has_reported && part->waiting == 0 &&
        util_list_is_empty(&part->sessions)) {
        part->has_reported = 1;
        ec_loop_post(ec_loop_at(0), &part->empty, on_loop_empty, NULL);
    }
}

void in_session_came(ec_conn_t *conn)
{
    loop_part_t *part = part_of(conn->loop);

    util_list_add_last(&part->sessions, &conn->link);
    part->n_sessions++;
}

void in_session_gone(ec_conn_t *conn)
{
    loop_part_t *part = part_of(conn->loop);

    util_list_remove(&conn->link);
    part->n_sessions--;
    report_when_empty(part);
}

void in_message_waits(ec_loop_t *loop, int n)
{
    loop_part_t *part = part_of(loop);

    part->waiting += n;
    report_when_empty(part);
}

static void stop_loop(void *baton)
{
    loop_part_t *part = baton;

    part->is_stopping = 1;
    UTIL_LIST_EACH(link, &part->sessions)
    {
        ec_conn_t *conn = UTIL_OWNER(link, ec_conn_t, link);

        if (conn->txn == NULL && !conn->is_waiting) {
            in_close(conn, 421, "4.3.2 Service is closing");
        }
    }
    report_when_empty(part);
}

static void force_loop(void *baton)
{
    loop_part_t *part = baton;

    UTIL_LIST_EACH(link, &part->sessions)
    {
        in_close(UTIL_OWNER(link, ec_conn_t, link), 421, "4.3.2 Service is closing");
    }
    report_when_empty(part);
}

static void on_grace_over(void *baton)
{
    for (int i = 0; i < server.n_loops; i++) {
        ec_loop_post(server.loops[i].loop, &server.loops[i].force, force_loop, &server.loops[i]);
    }
}

void in_suspended(ec_conn_t *conn)
{
    util_list_add_last(&part_of(conn->loop)->suspended, &conn->suspended);
}

void smtp_in_end(void)
{
    util_link_t *link;

    for (int i = 0; i < server.n_loops; i++) {
        while ((link = util_list_take_first(&server.loops[i].suspended)) != NULL) {
            in_unref(UTIL_OWNER(link, ec_conn_t, suspended));
        }
    }
}

void smtp_in_stop(apr_interval_time_t grace, ec_post_fn *done, void *baton)
{
    server.done = done;
    server.baton = baton;
    in_listeners_close();
    ec_timer_start(&server.grace, ec_loop_at(0), grace, on_grace_over, NULL);
    for (int i = 0; i < server.n_loops; i++) {
        ec_loop_post(server.loops[i].loop, &server.loops[i].stop, stop_loop, &server.loops[i]);
    }
}

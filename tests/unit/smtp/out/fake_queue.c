/* fake_queue.c - a queue that hands out what the test gives it and writes down what it hears
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "fake_queue.h"
#include "message/message.h"
#include "smtp/out/smtp_out.h"
#include "util/list.h"

#include <check.h>

struct queue {
    int nothing;
};

struct queue_session {
    void *transport;
};

struct attempt {
    queue_attempt_t pub;
    int n_results;
    ec_post_fn *settled;
    void *settled_baton;
    ec_post_t post;
};

static struct {
    apr_pool_t *pool;
    struct queue queue;
    queue_session_t session;
    conf_t *conf;
    dns_route_t *route;
    apr_status_t route_rv;
    dns_route_fn *route_fn;
    void *route_baton;
    ec_post_t route_post;
    struct attempt attempts[FAKE_ATTEMPTS_MAX];
    int n_attempts, taken;
    char story[1000];
    fake_result_t results[FAKE_RESULTS_MAX];
    int n_results, is_closed, is_waiting;
    spool_done_fn *mark_fn;
    void *mark_baton;
    apr_status_t mark_rv;
    int is_mark_held, marks;
    ec_post_t mark_post;
    int n_full, is_wait, throttle_at, is_throttled, is_denied, is_closing;
    apr_time_t over_at;
    void *note;
    void (*note_free)(void *);
} fake;

/* ---- the test's side --------------------------------------------------------------------- */

static dns_route_t *make_route(const char *const *addresses, int port)
{
    apr_pool_t *pool = NULL;
    dns_route_t *route;

    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    route = apr_pcalloc(pool, sizeof(*route));
    route->pool = pool;
    route->refs = 1;
    for (int i = 0; addresses[i] != NULL; i++) {
        dns_host_t *host = &route->host[route->n_hosts++];

        host->name = apr_psprintf(pool, "mx%d.test", i + 1);
        host->preference = i;
        host->port = port;
        host->n_addresses = 1;
        host->address[0] = apr_pstrdup(pool, addresses[i]);
    }
    return route;
}

static apr_status_t on_test_end(void *baton)
{
    if (fake.note != NULL) {
        fake.note_free(fake.note);
    }
    for (int i = 0; i < fake.n_attempts; i++) {
        ec_batch_unref(fake.attempts[i].pub.batch);
    }
    dns_route_unref(fake.route);
    return APR_SUCCESS;
}

void fake_queue_start(const char *text, const char *const *addresses, int port, apr_pool_t *pool)
{
    apr_array_header_t *problems = NULL;

    memset(&fake, 0, sizeof(fake));
    fake.throttle_at = FAKE_ATTEMPTS_MAX + 1;
    fake.pool = pool;
    fake.route = make_route(addresses, port);
    ck_assert_msg(
        conf_load_text(&fake.conf, &problems, "test", text, strlen(text), pool) == APR_SUCCESS, "%s",
        problems != NULL && problems->nelts > 0 ? APR_ARRAY_IDX(problems, 0, conf_problem_t).text : "?");
    conf_install(fake.conf);
    apr_pool_cleanup_register(pool, NULL, on_test_end, apr_pool_cleanup_null);
}

void fake_queue_add(ec_batch_t *batch)
{
    struct attempt *attempt = &fake.attempts[fake.n_attempts++];

    attempt->pub.queue = &fake.queue;
    attempt->pub.batch = batch;
    attempt->pub.n = ec_batch_recipients(batch);
    attempt->pub.rcpt = apr_palloc(fake.pool, sizeof(int) * (apr_size_t)attempt->pub.n);
    for (int i = 0; i < attempt->pub.n; i++) {
        attempt->pub.rcpt[i] = i;
    }
}

void fake_queue_open(void)
{
    fake.is_closed = fake.is_closing = 0;
    ck_assert_int_eq(smtp_out_transport.open(&fake.queue, &fake.session, &fake.session.transport),
                     APR_SUCCESS);
}

void fake_queue_wake(int is_closing)
{
    fake.is_waiting = 0;
    smtp_out_transport.wake(fake.session.transport, is_closing);
}

void fake_queue_full(int n_hosts)
{
    fake.n_full = n_hosts;
}

void fake_queue_wait(void)
{
    fake.is_wait = 1;
}

void fake_queue_throttle(int attempts)
{
    fake.throttle_at = attempts;
}

void fake_queue_cut(int is_told)
{
    fake.is_denied = 1;
    if (is_told) {
        smtp_out_transport.cut(fake.session.transport);
    }
}

apr_time_t fake_queue_over_at(void)
{
    return fake.over_at;
}

void fake_queue_route_fails(apr_status_t rv)
{
    fake.route_rv = rv;
}

void fake_queue_mark(apr_status_t rv, int is_held)
{
    fake.mark_rv = rv;
    fake.is_mark_held = is_held;
}

static void on_mark(void *baton)
{
    spool_done_fn *fn = fake.mark_fn;

    fake.mark_fn = NULL;
    fn(fake.mark_baton, fake.mark_rv);
}

void fake_queue_release_mark(void)
{
    fake.is_mark_held = 0;
    ec_loop_post(ec_loop_at(0), &fake.mark_post, on_mark, NULL);
}

int fake_queue_is_marking(void)
{
    return fake.mark_fn != NULL;
}

const char *fake_queue_story(void)
{
    return fake.story;
}

const fake_result_t *fake_queue_result(int i)
{
    return &fake.results[i];
}

int fake_queue_is_closed(void *baton)
{
    return fake.is_closed;
}

int fake_queue_is_waiting(void *baton)
{
    return fake.is_waiting;
}

int fake_queue_marks(void)
{
    return fake.marks;
}

/* ---- what smtp/out sees ------------------------------------------------------------------- */

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void tell(const char *format, ...)
{
    apr_size_t used = strlen(fake.story);
    va_list args;

    va_start(args, format);
    apr_vsnprintf(fake.story + used, sizeof(fake.story) - used, format, args);
    va_end(args);
}

static void put_down(const queue_result_t *result)
{
    static const char letters[] = { [QUEUE_DELIVERED] = 'D',
                                    [QUEUE_TRANSIENT] = 'T',
                                    [QUEUE_PERMANENT] = 'P',
                                    [QUEUE_IN_DOUBT] = '?',
                                    [QUEUE_RELEASE] = 'R' };
    fake_result_t *to = &fake.results[fake.n_results++];

    ck_assert_ptr_nonnull(result->text);
    ck_assert_ptr_nonnull(result->address);
    to->letter = letters[result->outcome];
    to->stage = (int)result->stage;
    to->size = result->size;
    apr_cpystrn(to->text, result->text, sizeof(to->text));
    apr_cpystrn(to->address, result->address, sizeof(to->address));
    if (result->outcome == QUEUE_RELEASE) {
        tell("R ");
    } else {
        tell("%c%d ", to->letter, to->stage);
    }
}

queue_attempt_t *queue_take_most(queue_session_t *session, int most)
{
    ck_assert_ptr_eq(session, &fake.session);
    ck_assert(!fake.is_closed && !fake.is_closing && most > 0);
    fake.is_throttled = fake.taken >= fake.throttle_at;
    if (fake.is_throttled) {
        fake.is_waiting = 1;
        return NULL;
    }
    if (fake.taken == fake.n_attempts) {
        fake.is_waiting = 1;
        return NULL;
    }
    return &fake.attempts[fake.taken++].pub;
}

void queue_mark(queue_attempt_t *attempt, spool_done_fn *done, void *baton)
{
    ck_assert_ptr_null(fake.mark_fn);
    fake.marks++;
    fake.mark_fn = done;
    fake.mark_baton = baton;
    if (!fake.is_mark_held) {
        ec_loop_post(ec_loop_at(0), &fake.mark_post, on_mark, NULL);
    }
}

void queue_settled(queue_attempt_t *pub, ec_post_fn *done, void *baton)
{
    struct attempt *attempt = (struct attempt *)pub;

    ck_assert_ptr_null(attempt->settled);
    ck_assert_int_eq(attempt->n_results, 0);
    attempt->settled = done;
    attempt->settled_baton = baton;
}

static void on_settled(void *baton)
{
    struct attempt *attempt = baton;

    attempt->settled(attempt->settled_baton);
}

void queue_result(queue_attempt_t *pub, int i, const queue_result_t *result)
{
    struct attempt *attempt = (struct attempt *)pub;

    ck_assert_ptr_nonnull(attempt->settled);
    ck_assert_int_eq(i, attempt->n_results);
    ck_assert(!ec_id_is_null(pub->connection));
    put_down(result);
    if (++attempt->n_results == pub->n) {
        tell("/ ");
        ec_loop_post(ec_loop_at(0), &attempt->post, on_settled, attempt);
    }
}

void queue_unreachable(queue_session_t *session, const queue_result_t *result)
{
    tell("u");
    put_down(result);
}

int queue_is_throttled(const queue_session_t *session)
{
    return fake.is_throttled;
}

void queue_envelope_seen(queue_session_t *session)
{
}

void queue_envelope_unsent(queue_session_t *session)
{
}

queue_go_t queue_connect(queue_session_t *session, const char *host)
{
    return fake.is_wait                   ? QUEUE_WAIT
           : host[2] - '0' <= fake.n_full ? QUEUE_HOST_FULL
                                          : QUEUE_GO; /* "mx1.test" */
}

void queue_connect_seen(queue_session_t *session)
{
}

void queue_connect_over(queue_session_t *session)
{
    fake.over_at = ec_loop_now(ec_loop_at(0));
}

void queue_hosts_full(queue_session_t *session)
{
    tell("h");
}

int queue_may_send(const queue_session_t *session)
{
    return !fake.is_denied;
}

int queue_is_guarded(const queue_session_t *session)
{
    return 1;
}

void queue_session_closing(queue_session_t *session)
{
    ck_assert(!fake.is_closing && !fake.is_closed);
    fake.is_closing = 1;
}

void queue_session_closed(queue_session_t *session)
{
    ck_assert(!fake.is_closed);
    fake.is_closed = 1;
    fake.over_at = ec_loop_now(ec_loop_at(0));
}

static void on_route(void *baton)
{
    if (fake.route_fn != NULL) {
        dns_route_t *route = fake.route_rv == APR_SUCCESS ? dns_route_ref(fake.route) : NULL;

        fake.route_fn(fake.route_baton, fake.route_rv, route, route != NULL ? "" : "the reason");
    }
}

queue_route_wait_t *queue_route(queue_t *queue, dns_route_fn *fn, void *baton)
{
    fake.route_fn = fn;
    fake.route_baton = baton;
    ec_loop_post(ec_loop_at(0), &fake.route_post, on_route, NULL);
    return (queue_route_wait_t *)&fake;
}

void queue_route_cancel(queue_route_wait_t *wait)
{
    fake.route_fn = NULL;
}

ec_loop_t *queue_loop(const queue_t *queue)
{
    return ec_loop_at(0);
}

const char *queue_domain(const queue_t *queue)
{
    return "domain.test";
}

const char *queue_next_sender(const queue_t *queue)
{
    return fake.taken < fake.n_attempts ? ec_batch_sender(fake.attempts[fake.taken].pub.batch) : NULL;
}

const char *queue_binding(const queue_t *queue)
{
    return "default";
}

const char *queue_group(const queue_t *queue)
{
    return "default";
}

const conf_view_t *queue_view(queue_t *queue)
{
    return conf_outbound(fake.conf, NULL, NULL, "domain.test");
}

ec_log_t *queue_log(const queue_t *queue)
{
    return ec_log_root();
}

queue_t *queue_session_queue(const queue_session_t *session)
{
    return &fake.queue;
}

void queue_set_note(queue_t *queue, void *note, void (*free_fn)(void *))
{
    fake.note = note;
    fake.note_free = free_fn;
}

void *queue_note(const queue_t *queue)
{
    return fake.note;
}

/* world.c - a small world around the queues: a spool in memory, a transport by script, a virtual clock
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/world.h"

#include <stdio.h>
#include <string.h>

#include <pthread.h>
#include <stdlib.h>

#include <check.h>

#include "conf/conf.h"
#include "dns/dns.h"
#include "hook/hook.h"

const apr_time_t world_epoch = APR_INT64_C(1700000000000000);
world_t world;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* worlds with several loops */

/* ---- spool in memory -------------------------------------------------------------------- */

struct spool_ref {
    util_link_t link;
    ec_batch_t *batch;
    int n_open;
    struct {
        int is_open, is_pending, is_marked;
    } rcpt[];
};

static util_list_t refs;

static spool_ref_t *keep(ec_batch_t *batch)
{
    spool_ref_t *ref = calloc(1, sizeof *ref + (apr_size_t)batch->n_rcpts * sizeof ref->rcpt[0]);

    util_list_add_last(&refs, &ref->link);
    ref->batch = ec_batch_ref(batch);
    ref->n_open = batch->n_rcpts;
    for (int i = 0; i < batch->n_rcpts; i++) {
        ref->rcpt[i].is_open = 1;
    }
    world.open_recipients += batch->n_rcpts;
    return ref;
}

static void forget(spool_ref_t *ref)
{
    util_list_remove(&ref->link);
    ec_batch_unref(ref->batch);
    free(ref);
}

static void settle(spool_ref_t *ref, int rcpt)
{
    ck_assert(ref->rcpt[rcpt].is_open);
    ref->rcpt[rcpt].is_open = 0;
    world.open_recipients--;
    if (--ref->n_open == 0) {
        forget(ref);
    }
}

static void on_request_done(void *baton)
{
    spool_request_t *request = baton;

    request->done(request->baton, request->rv);
}

void spool_submit(spool_t *spool, spool_request_t *request)
{
    pthread_mutex_lock(&lock);
    world.requests[request->verb]++;
    request->rv = world.fail[request->verb];
    if (request->ref != NULL) {
        ck_assert(request->ref->rcpt[request->rcpt].is_open);
    }
    if (request->rv == APR_SUCCESS && request->verb == SPOOL_STORE) {
        request->batch->ref = keep(request->batch);
        if (world.bounce != NULL) {
            ec_batch_unref(world.bounce);
        }
        world.bounce = ec_batch_ref(request->batch);
    }
    if (request->rv == APR_SUCCESS && request->ref != NULL) {
        request->ref->rcpt[request->rcpt].is_marked = request->verb == SPOOL_MARK;
        if (request->verb == SPOOL_DROP || request->verb == SPOOL_STORE) {
            settle(request->ref, request->rcpt);
        }
    }
    pthread_mutex_unlock(&lock);
    ec_loop_post(request->loop, &request->post, on_request_done, request);
}

static void on_owned_done(void *baton)
{
    free(baton);
}

void spool_submit_owned(spool_t *spool, spool_request_t *request)
{
    ck_assert_int_eq(request->verb, SPOOL_STATE);
    pthread_mutex_lock(&lock);
    world.requests[request->verb]++;
    ck_assert(request->ref->rcpt[request->rcpt].is_open);
    request->ref->rcpt[request->rcpt].is_marked = 0;
    pthread_mutex_unlock(&lock);
    ec_loop_post(request->loop, &request->post, on_owned_done, request);
}

apr_status_t spool_load(spool_t *spool, spool_ref_t *ref, ec_batch_t **batch)
{
    pthread_mutex_lock(&lock);
    world.loads++;
    if (world.fail_load == APR_SUCCESS) {
        *batch = ec_batch_ref(ref->batch);
    }
    pthread_mutex_unlock(&lock);
    return world.fail_load;
}

apr_status_t spool_load_reply(spool_t *spool, spool_ref_t *ref, int rcpt, char *buffer, apr_size_t room)
{
    return APR_ENOENT;
}

void spool_stats(const spool_t *spool, spool_stats_t *stats)
{
    memset(stats, 0, sizeof *stats);
}

/* ---- names ---------------------------------------------------------------------------------- */

struct dns_query {
    ec_post_t post;
    dns_route_fn *fn;
    void *baton;
};

dns_route_t *dns_route_ref(dns_route_t *route)
{
    __atomic_fetch_add(&route->refs, 1, __ATOMIC_RELAXED);
    return route;
}

void dns_route_unref(dns_route_t *route)
{
    if (__atomic_fetch_sub(&route->refs, 1, __ATOMIC_ACQ_REL) == 1) {
        free(route);
    }
}

static void on_lookup(void *baton)
{
    dns_query_t *query = baton;
    dns_route_t *route = NULL;

    if (world.dns_rv == APR_SUCCESS) {
        route = calloc(1, sizeof *route);
        route->refs = 1;
        route->expires = ec_loop_now(ec_loop_self()) + apr_time_from_sec(600);
    }
    query->fn(query->baton, world.dns_rv, route, "scripted");
    free(query);
}

dns_query_t *dns_route_find(ec_loop_t *loop, const dns_question_t *question, dns_route_fn *fn, void *baton)
{
    dns_query_t *query = calloc(1, sizeof *query);

    query->fn = fn;
    query->baton = baton;
    __atomic_fetch_add(&world.lookups, 1, __ATOMIC_RELAXED);
    ec_loop_post(loop, &query->post, on_lookup, query);
    return query;
}

/* ---- transport --------------------------------------------------------------------------------- */

struct line {
    queue_session_t *session;
    ec_loop_t *loop;
    ec_timer_t timer;
    queue_attempt_t *attempt;
    int is_idle, is_closing;
};

static void next_attempt(void *baton);

/* Nothing of it is left at the receiver. */
static void on_heard(void *baton)
{
    struct line *line = baton;

    pthread_mutex_lock(&lock);
    world.open_now--;
    pthread_mutex_unlock(&lock);
    queue_session_closed(line->session);
    free(line);
}

static void close_line(struct line *line)
{
    ec_timer_cancel(&line->timer);
    if (world.heard_after > 0) {
        queue_session_closing(line->session);
        ec_timer_start(&line->timer, line->loop, world.heard_after, on_heard, line);
    } else {
        on_heard(line);
    }
}

static void on_idle(void *baton)
{
    close_line(baton);
}

static void on_reply(void *baton)
{
    struct line *line = baton;
    queue_attempt_t *attempt = line->attempt;
    int n = attempt->n;

    line->attempt = NULL;
    queue_settled(attempt, next_attempt, line);
    for (int i = 0; i < n; i++) {
        queue_result_t result = { .outcome = QUEUE_DELIVERED,
                                  .stage = EC_STAGE_CONFIRM,
                                  .text = "250 ok",
                                  .address = "127.0.0.1",
                                  .size = 10 };

        if (world.script != NULL) {
            pthread_mutex_lock(&lock);
            world.script(attempt, i, &result);
            pthread_mutex_unlock(&lock);
        }
        queue_result(attempt, i, &result);
    }
}

static void on_marked(void *baton, apr_status_t rv)
{
    struct line *line = baton;
    queue_result_t release = { .outcome = QUEUE_RELEASE, .text = "", .address = "" };
    queue_attempt_t *attempt = line->attempt;

    if (rv == APR_SUCCESS) {
        ec_timer_start(&line->timer, line->loop, world.reply_delay, on_reply, line);
        return;
    }
    line->attempt = NULL;
    queue_settled(attempt, next_attempt, line);
    for (int i = attempt->n - 1; i >= 0; i--) {
        queue_result(attempt, i, &release);
    }
}

static void next_attempt(void *baton)
{
    struct line *line = baton;

    line->is_idle = 0;
    if (line->is_closing) {
        close_line(line);
        return;
    }
    line->attempt = queue_take(line->session);
    if (line->attempt == NULL) {
        line->is_idle = 1;
        ec_timer_start(&line->timer, line->loop, world.idle_timeout, on_idle, line);
        return;
    }
    pthread_mutex_lock(&lock);
    world.attempts++;
    if (line->attempt->n > world.largest_attempt) {
        world.largest_attempt = line->attempt->n;
    }
    for (int i = 1; i < line->attempt->n; i++) {
        ck_assert_int_ne(line->attempt->rcpt[i], line->attempt->rcpt[0]);
    }
    pthread_mutex_unlock(&lock);
    queue_mark(line->attempt, on_marked, line);
}

static void on_connected(void *baton)
{
    struct line *line = baton;
    queue_result_t result = { .outcome = world.connect_outcome,
                              .stage = EC_STAGE_NOT_CONNECTED,
                              .text = world.connect_error,
                              .address = "" };

    if (world.can_connect) {
        next_attempt(line);
        return;
    }
    queue_unreachable(line->session, &result);
    close_line(line);
}

static void on_route(void *baton, apr_status_t rv, dns_route_t *route, const char *why)
{
    struct line *line = baton;
    queue_result_t result = { .outcome = rv == EC_E_DNS_TRANSIENT ? QUEUE_TRANSIENT : QUEUE_PERMANENT,
                              .stage = EC_STAGE_NOT_CONNECTED,
                              .text = "5xx or 4xx [internal] look-up",
                              .address = "" };

    if (rv == APR_SUCCESS) {
        dns_route_unref(route);
        ec_timer_start(&line->timer, line->loop, world.connect_delay, on_connected, line);
        return;
    }
    queue_unreachable(line->session, &result);
    close_line(line);
}

static apr_status_t open_line(queue_t *queue, queue_session_t *session, void **transport_session)
{
    struct line *line = calloc(1, sizeof *line);

    line->session = session;
    line->loop = queue_loop(queue);
    *transport_session = line;
    pthread_mutex_lock(&lock);
    world.opened++;
    world.open_now++;
    if (world.open_now > world.most_open) {
        world.most_open = world.open_now;
    }
    pthread_mutex_unlock(&lock);
    queue_route(queue, on_route, line);
    return APR_SUCCESS;
}

static void wake_line(void *transport_session, int is_closing)
{
    struct line *line = transport_session;

    line->is_closing |= is_closing;
    if (line->is_idle) {
        ec_timer_start(&line->timer, line->loop, 0, next_attempt, line);
        line->is_idle = 0;
    }
}

static const queue_transport_t transport = { open_line, wake_line, NULL };

/* ---- log ------------------------------------------------------------------------------------------ */

static void keep_event(const ec_event_t *event)
{
    world.last = *event;
    snprintf(world.text, sizeof world.text, "%s", event->text);
    snprintf(world.recipient, sizeof world.recipient, "%s", event->recipient);
}

static void on_reception(void *self, const ec_event_t *event)
{
    pthread_mutex_lock(&lock);
    world.receptions++;
    pthread_mutex_unlock(&lock);
}

static void on_delivery(void *self, const ec_event_t *event)
{
    pthread_mutex_lock(&lock);
    world.deliveries++;
    keep_event(event);
    pthread_mutex_unlock(&lock);
}

static void on_transient(void *self, const ec_event_t *event)
{
    pthread_mutex_lock(&lock);
    if (world.transients < 64) {
        world.when[world.transients] = event->when;
    }
    world.transients++;
    keep_event(event);
    pthread_mutex_unlock(&lock);
}

static void on_permanent(void *self, const ec_event_t *event)
{
    pthread_mutex_lock(&lock);
    world.permanents++;
    keep_event(event);
    pthread_mutex_unlock(&lock);
}

static const ec_hook_t hooks[] = {
    EC_HOOK(log_reception, on_reception),
    EC_HOOK(log_delivery, on_delivery),
    EC_HOOK(log_transient_failure, on_transient),
    EC_HOOK(log_permanent_failure, on_permanent),
    EC_HOOK_END,
};

/* ---- life --------------------------------------------------------------------------------------------- */

static apr_pool_t *world_pool;

void world_configure(const char *text)
{
    apr_array_header_t *problems = NULL;
    conf_t *conf = NULL;
    apr_status_t rv = conf_load_text(&conf, &problems, "test.conf", text, strlen(text), world_pool);

    for (int i = 0; rv != APR_SUCCESS && problems != NULL && i < problems->nelts; i++) {
        fprintf(stderr, "%s\n", APR_ARRAY_IDX(problems, i, conf_problem_t).text);
    }
    ck_assert_int_eq(rv, APR_SUCCESS);
    conf_install(conf);
}

void world_start(const char *conf, int loops, apr_pool_t *pool)
{
    event_clock_t *clock = loops == 1 ? event_clock_virtual(world_epoch, pool) : NULL;

    world = (world_t){ .can_connect = 1,
                       .connect_error = "450 4.4.1 [internal] connect timeout",
                       .connect_outcome = QUEUE_TRANSIENT,
                       .connect_delay = 10000,
                       .reply_delay = 10000,
                       .idle_timeout = apr_time_from_sec(5) };
    world_pool = pool;
    util_list_init(&refs);
    ck_assert_int_eq(event_runtime_create(loops, clock, pool), APR_SUCCESS);
    hook_add(hooks, &world, "test");
    world_configure(conf);
    queue_set_transport(&transport);
    ck_assert_int_eq(queue_start(NULL, ec_log_root(), pool), APR_SUCCESS);
    for (int i = 0; i < loops; i++) {
        queue_sets[i]->is_held = 0; /* as after an empty recovery */
    }
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
}

static int is_set(void *baton)
{
    return *(int *)baton;
}

static void set_flag(void *baton)
{
    *(int *)baton = 1;
}

static void run_until_set(int *flag)
{
    ck_assert(event_run_until(ec_loop_at(0), is_set, flag, 100000000));
}

void world_pass(double seconds)
{
    ec_timer_t timer = { 0 };
    int is_over = 0;

    ec_timer_start(&timer, ec_loop_at(0), (apr_interval_time_t)(seconds * 1000000), set_flag, &is_over);
    run_until_set(&is_over);
}

struct settling {
    int is_over;
};

static int has_settled(void *baton)
{
    struct settling *settling = baton;
    queue_totals_t totals;

    queue_totals(&totals);
    return totals.queued == 0 || settling->is_over;
}

apr_int64_t world_settle(double seconds)
{
    struct settling settling = { 0 };
    ec_timer_t timer = { 0 };
    queue_totals_t totals;

    ec_timer_start(&timer, ec_loop_at(0), (apr_interval_time_t)(seconds * 1000000), set_flag,
                   &settling.is_over);
    ck_assert(event_run_until(ec_loop_at(0), has_settled, &settling, 100000000));
    ec_timer_cancel(&timer);
    queue_totals(&totals);
    return totals.queued;
}

apr_int64_t world_residual(void)
{
    queue_totals_t totals;

    queue_totals(&totals);
    return account_residual(totals.queued);
}

void world_stop(void)
{
    int is_stopped = 0;

    queue_stop(apr_time_from_sec(60), set_flag, &is_stopped);
    run_until_set(&is_stopped);
    ck_assert_int_eq(world.open_now, 0);
    ck_assert_int_eq(world_residual(), 0);
    if (world.fail[SPOOL_STATE] == APR_SUCCESS) {
        ck_assert_int_eq(world_marked(), 0); /* a clean stop leaves no doubt */
    }
    if (world.bounce != NULL) {
        ec_batch_unref(world.bounce);
        world.bounce = NULL;
    }
    conf_install(NULL); /* loops give their references back while the runtime stops */
    event_runtime_stop();
    UTIL_LIST_EACH(link, &refs)
    {
        forget(UTIL_OWNER(link, spool_ref_t, link));
    }
}

queue_t *world_queue_of(const char *group, const char *binding, const char *domain)
{
    const binding_t *bound = binding_of(group, binding);
    apr_uint64_t hash = name_hash(bound, domain);

    return queue_find(queue_set_of(hash), hash, bound, domain);
}

queue_t *world_queue(const char *domain)
{
    return world_queue_of("default", "default", domain);
}

/* ---- mail
 * -------------------------------------------------------------------------------------------------- */

static ec_batch_t *make(const char *sender)
{
    static const body_limits_t limits = { .block_size = 16384, .large_threshold = 131072 };
    static const char text[] = "Subject: a test\r\nX-Number: 1\r\n\r\nbody\r\n";
    ec_batch_t *batch = batch_create(ec_loop_now(ec_loop_self()), "esmtp");

    batch_set_sender(batch, sender);
    ck_assert_int_eq(batch_body_append(batch, &limits, text, sizeof text - 1), APR_SUCCESS);
    return batch;
}

static void hand_over(ec_batch_t *batch)
{
    pthread_mutex_lock(&lock);
    batch->ref = keep(batch);
    pthread_mutex_unlock(&lock);
    for (int i = 0; i < batch->n_rcpts; i++) {
        batch->rcpts[i].wish = world.group != NULL ? world.group : world.binding;
        batch->rcpts[i].is_group = world.group != NULL;
    }
    queue_bind(batch);
    account_add(ACCOUNT_received, batch->n_rcpts);
    queue_accept(batch);
    ec_batch_unref(batch);
}

ec_batch_t *world_mail(const char *sender, const char *recipients)
{
    ec_batch_t *batch = make(sender);
    char copy[1024], *state = NULL;

    snprintf(copy, sizeof copy, "%s", recipients);
    for (char *word = strtok_r(copy, " ", &state); word != NULL; word = strtok_r(NULL, " ", &state)) {
        batch_add_rcpt(batch, word);
    }
    hand_over(batch);
    return batch;
}

void world_mail_many(const char *sender, const char *domain, int n)
{
    ec_batch_t *batch = make(sender);

    for (int i = 0; i < n; i++) {
        char address[300];

        snprintf(address, sizeof address, "r%d@%s", i, domain);
        batch_add_rcpt(batch, address);
    }
    hand_over(batch);
}

void world_keep(ec_batch_t *batch, int attempts, apr_time_t next, int is_in_doubt)
{
    batch->ref = keep(batch);
    for (int i = 0; i < batch->n_rcpts; i++) {
        batch->ref->rcpt[i].is_marked = is_in_doubt;
        spool_found_t found = {
            .ref = batch->ref,
            .rcpt = i,
            .id = batch->rcpts[i].id,
            .batch_id = batch->id,
            .received = batch->received,
            .size = batch->body.size,
            .sender = batch->sender,
            .recipient = batch->rcpts[i].address,
            .domain = batch->rcpts[i].domain,
            .group = world.group,
            .binding = world.binding,
            .is_in_doubt = is_in_doubt,
            .state = { .attempts = (apr_uint16_t)attempts,
                       .next = next,
                       .reply = attempts > 0 ? "451 before" : NULL },
        };

        queue_recover(NULL, &found);
    }
    ec_batch_unref(batch);
}

void world_recover(void)
{
    spool_report_t report = { 0 };

    queue_recovered(APR_SUCCESS, &report);
}

int world_marked(void)
{
    int n = 0;

    UTIL_LIST_EACH(link, &refs)
    {
        const spool_ref_t *ref = UTIL_OWNER(link, spool_ref_t, link);

        for (int i = 0; i < ref->batch->n_rcpts; i++) {
            n += ref->rcpt[i].is_open && ref->rcpt[i].is_marked;
        }
    }
    return n;
}

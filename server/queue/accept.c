/* accept.c - how messages come into the queues: from a reception, from ourselves, from the spool
 * SPDX-License-Identifier: Apache-2.0
 *
 * A batch's recipients are gathered by queue on the loop where it was stored, and each group travels to the
 * queue's loop as one post, so that recipients which can share a transaction stay side by side. The gauge
 * "held" is raised before the post: what is on its way between loops is part of the account. */
#include "queue/inside.h"

#include <stdlib.h>
#include <string.h>

#include "hook/hook.h"

/* ---- arrivals ------------------------------------------------------------------------ */

struct arrival {
    ec_post_t post;
    queue_set_t *set;
    ec_batch_t *batch; /* our reference */
    apr_uint64_t hash;
    binding_t *binding;
    int is_gateway;
    int n;
    int *rcpt; /* behind the struct, before the domain */
    const char *domain;
};

static void enter(queue_t *queue, ec_batch_t *batch, int rcpt)
{
    queue_entry_t *entry = entry_new(queue->set);
    const queue_entry_t *last = queue->active.last;

    entry->ref = batch->ref;
    entry->received = batch->received;
    entry->id = batch->rcpts[rcpt].id;
    entry->rcpt = (apr_uint32_t)rcpt;
    /* One body more only when there is room; a body that is there already costs nothing. */
    if ((last != NULL && last->batch == batch) || swap_may_stay(queue)) {
        entry_set_batch(queue, entry, ec_batch_ref(batch));
    }
    active_add_last(queue, entry);
}

static void on_arrival(void *baton)
{
    struct arrival *arrival = baton;
    queue_t *queue = queue_find_or_make(arrival->set, arrival->hash, arrival->binding, arrival->domain, arrival->is_gateway);

    queue->n_received += (apr_uint64_t)arrival->n;
    for (int i = 0; i < arrival->n; i++) {
        enter(queue, arrival->batch, arrival->rcpt[i]);
    }
    ec_batch_unref(arrival->batch);
    free(arrival);
    queue_kick(queue);
}

/* A recipient on its way into its group. */
struct target {
    apr_uint64_t hash;
    int rcpt;
};

static void send_group(ec_batch_t *batch, const queue_name_t *name, const struct target *target, int n)
{
    apr_size_t length = strlen(name->domain) + 1;
    struct arrival *arrival = malloc(sizeof *arrival + (apr_size_t)n * sizeof(int) + length);

    EC_ASSERT(arrival != NULL);
    *arrival = (struct arrival){ .set = queue_set_of(name->hash),
                                 .batch = ec_batch_ref(batch),
                                 .hash = name->hash,
                                 .binding = batch_binding(batch, target[0].rcpt),
                                 .is_gateway = name->is_gateway,
                                 .n = n,
                                 .rcpt = (int *)(arrival + 1) };
    for (int i = 0; i < n; i++) {
        arrival->rcpt[i] = target[i].rcpt;
    }
    arrival->domain = memcpy(arrival->rcpt + n, name->domain, length);
    ec_counter_add(queue_gauges.held, n);
    if (arrival->set->loop == ec_loop_self()) {
        on_arrival(arrival);
    } else {
        ec_loop_post(arrival->set->loop, &arrival->post, on_arrival, arrival);
    }
}

static int compare_targets(const void *a, const void *b)
{
    const struct target *x = a, *y = b;

    if (x->hash != y->hash) {
        return x->hash < y->hash ? -1 : 1;
    }
    return x->rcpt - y->rcpt;
}

static queue_name_t resolve(name_cache_t *names, const ec_batch_t *batch, int rcpt)
{
    return name_resolve(names, conf_current(), batch_binding(batch, rcpt), batch->rcpts[rcpt].domain);
}

static void accept_many(name_cache_t *names, ec_batch_t *batch)
{
    struct target *target = malloc((apr_size_t)batch->n_rcpts * sizeof *target);
    int n = 0;

    EC_ASSERT(target != NULL);
    for (int i = 0; i < batch->n_rcpts; i++) {
        if (!batch->rcpts[i].is_dropped) {
            target[n++] = (struct target){ resolve(names, batch, i).hash, i };
        }
    }
    qsort(target, (apr_size_t)n, sizeof *target, compare_targets);
    for (int from = 0, to; from < n; from = to) {
        queue_name_t name = resolve(names, batch, target[from].rcpt);

        for (to = from + 1; to < n && target[to].hash == target[from].hash; to++) {
        }
        send_group(batch, &name, target + from, to - from);
    }
    free(target);
}

void queue_accept(ec_batch_t *batch)
{
    name_cache_t *names;

    if (queue_sets == NULL) { /* it was being stored when the server ended: the next start finds it */
        return;
    }
    names = queue_sets[ec_loop_index(ec_loop_self())]->names;
    if (batch->n_rcpts == 1 && !batch->rcpts[0].is_dropped) {
        queue_name_t name = resolve(names, batch, 0);

        send_group(batch, &name, &(struct target){ name.hash, 0 }, 1);
    } else if (batch->n_rcpts > 1) {
        accept_many(names, batch);
    }
}

/* ---- made here --------------------------------------------------------------------------- */

struct injection {
    spool_request_t request;
    spool_done_fn *done;
    void *baton;
};

static void log_generated(ec_loop_t *loop, const ec_batch_t *batch)
{
    for (int i = 0; i < batch->n_rcpts; i++) {
        ec_event_t event = {
            .when = ec_loop_now(loop),
            .id = batch->rcpts[i].id,
            .batch_id = batch->id,
            .sender = batch->sender,
            .recipient = batch->rcpts[i].address,
            .domain = batch->rcpts[i].domain,
            .binding = batch_binding(batch, i)->name,
            .group = batch_binding(batch, i)->group,
            .protocol = batch->protocol,
            .address = "",
            .text = "",
            .size = batch->body.size,
            .message_size = batch->body.size,
            .batch = batch,
        };

        HOOK_CALL(log_reception, &event);
    }
}

static void on_injected(void *baton, apr_status_t rv)
{
    struct injection *injection = baton;
    ec_batch_t *batch = injection->request.batch;

    if (rv == APR_SUCCESS) {
        log_generated(injection->request.loop, batch);
        HOOK_CALL(message_accepted, batch);
        account_add(ACCOUNT_generated, batch->n_rcpts);
        queue_accept(batch);
    }
    ec_batch_unref(batch);
    if (injection->done != NULL) {
        injection->done(injection->baton, rv);
    }
    free(injection);
}

void queue_inject(ec_loop_t *loop, ec_batch_t *batch, spool_ref_t *settles, int rcpt, spool_done_fn *done,
                  void *baton)
{
    struct injection *injection = calloc(1, sizeof *injection);

    EC_ASSERT(injection != NULL);
    batch_seal(batch);
    (void)queue_bind(batch); /* our own mail always goes, if need be by the default binding */
    injection->done = done;
    injection->baton = baton;
    injection->request = (spool_request_t){ .verb = SPOOL_STORE,
                                            .batch = batch,
                                            .ref = settles,
                                            .rcpt = rcpt,
                                            .loop = loop,
                                            .done = on_injected,
                                            .baton = injection };
    spool_submit(queue_spool, &injection->request);
}

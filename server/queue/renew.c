/* renew.c - queues and a new generation of the configuration
 * SPDX-License-Identifier: Apache-2.0
 *
 * A queue takes up the new values when it next needs one, and every queue is gone through, some hundred in a
 * post, so that those that wait for nothing but a changed option are looked at, too: with 100,000 queues on
 * a loop nothing else waits for longer than one such slice.  The values of before are compared with the new
 * ones: a queue for which nothing changed keeps its route and is left in peace.
 *
 * Until the last queue was gone through, the set holds the generation before.  When the next one comes
 * meanwhile, queues that are two behind are taken for changed.
 * Thread: the set's loop. */
#include "queue/inside.h"

enum { QUEUES_PER_SLICE = 256, BUCKETS_PER_SLICE = 4096 };

/* Where a queue's mail goes depends on these, see route.c. */
static const conf_opt_t of_route[] = {
    CONF_O_GATEWAY,     CONF_O_ROUTES,      CONF_O_MX_FAILURES_FALLBACK_TO_A,
    CONF_O_USE_IPV6,    CONF_O_MIN_DNS_TTL, CONF_O_PREFER_IPV6_MXS,
    CONF_O_MAX_DNS_TTL,
};
enum { OF_ROUTE = sizeof of_route / sizeof of_route[0] };

/* ---- one queue --------------------------------------------------------------------------- */

static void adopt(queue_set_t *set, conf_t *conf)
{
    if (set->conf == conf) {
        return;
    }
    conf_unref(set->conf_before);
    set->conf_before = set->conf;
    set->conf = conf_ref(conf);
    set->generation = conf_generation(conf);
}

/* Its view of before, as long as that exists. */
static const conf_view_t *view_before(const queue_t *queue)
{
    const queue_set_t *set = queue->set;

    return set->conf_before != NULL && queue->generation == conf_generation(set->conf_before) ? queue->view
                                                                                              : NULL;
}

/* Nothing waits in a queue whose binding is gone. */
static void take_up_binding(queue_t *queue, conf_t *conf)
{
    queue->is_gone = !bind_exists(conf, queue->bound);
    if (queue->is_gone) {
        queue_kick(queue);
    }
}

void queue_renew(queue_t *queue)
{
    conf_t *conf = conf_current();
    const conf_view_t *view = conf_outbound(conf, queue->group, queue->binding, queue->domain), *before;
    int is_new = queue->view == NULL;

    adopt(queue->set, conf);
    before = view_before(queue);
    queue->view = view;
    queue->generation = queue->set->generation;
    limits_renew(queue); /* an equal value may have come from elsewhere */
    sessions_renew(queue);
    take_up_binding(queue, conf);
    if (is_new || (before != NULL && conf_view_is_same(before, view, NULL, 0))) {
        return;
    }
    if (before == NULL || !conf_view_is_same(before, view, of_route, OF_ROUTE)) {
        route_forget(queue);
    }
    queue_kick(queue);
}

/* ---- all of them --------------------------------------------------------------------------- */

static int renew_bucket(queue_t *queue)
{
    int n = 0;

    for (; queue != NULL; queue = queue->chain, n++) {
        queue_view(queue);
    }
    return n;
}

static void renew_slice(void *baton)
{
    queue_set_t *set = baton;
    apr_size_t buckets = 0;
    int queues = 0;

    set->is_renew_posted = 0;
    while (set->renew_at < set->n_buckets && queues < QUEUES_PER_SLICE && buckets < BUCKETS_PER_SLICE) {
        queues += renew_bucket(set->table[set->renew_at++]);
        buckets++;
    }
    if (set->renew_at < set->n_buckets) {
        set->is_renew_posted = 1;
        ec_loop_post(set->loop, &set->renew_post, renew_slice, set);
    } else {
        conf_unref(set->conf_before);
        set->conf_before = NULL;
    }
}

void renew_again(queue_set_t *set)
{
    set->renew_at = 0;
}

void renew_on_change(void *baton, conf_t *conf)
{
    ec_loop_t *loop = ec_loop_self();
    queue_set_t *set;

    if (loop == NULL || queue_sets == NULL) {
        return;
    }
    set = queue_sets[ec_loop_index(loop)];
    adopt(set, conf);
    set->renew_at = 0;
    if (!set->is_renew_posted) {
        set->is_renew_posted = 1;
        ec_loop_post(loop, &set->renew_post, renew_slice, set);
    }
}

void renew_end(queue_set_t *set)
{
    conf_unref(set->conf_before);
    conf_unref(set->conf);
    set->conf = set->conf_before = NULL;
    set->generation = 0;
}

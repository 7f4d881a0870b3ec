/* route.c - where a queue's mail goes: asked once while many wait, kept until it expires
 * SPDX-License-Identifier: Apache-2.0 */
#include "queue/inside.h"

#include <stdlib.h>

struct queue_route_wait {
    util_link_t link; /* queue->waits; of nothing once it is posted */
    queue_t *queue;
    dns_route_fn *fn; /* NULL: cancelled */
    void *baton;
    ec_post_t post;
    int is_posted;
};

void route_forget(queue_t *queue)
{
    if (queue->route != NULL) {
        dns_route_unref(queue->route);
        queue->route = NULL;
    }
}

static void answer(queue_route_wait_t *wait, apr_status_t rv, dns_route_t *route, const char *why)
{
    dns_route_fn *fn = wait->fn;
    void *baton = wait->baton;

    free(wait);
    if (fn != NULL) {
        fn(baton, rv, route != NULL ? dns_route_ref(route) : NULL, why);
    }
}

static void count_mx_failure(queue_t *queue, apr_status_t rv, const dns_route_t *route)
{
    if (rv == EC_E_DNS_TRANSIENT || (route != NULL && route->is_fallback)) {
        queue->mx_failures++;
    } else {
        queue->mx_failures = 0;
    }
}

/* mx_failures_fallback_to_a; -1 is "after one". */
static int may_fall_back(queue_t *queue, const conf_view_t *view)
{
    apr_int64_t most = conf_int(view, CONF_O_MX_FAILURES_FALLBACK_TO_A);

    return queue->mx_failures >= (most < 0 ? 1 : (apr_uint64_t)most);
}

static void on_answer(void *baton, apr_status_t rv, dns_route_t *route, const char *why)
{
    queue_t *queue = baton;
    util_list_t waits;
    util_link_t *link;

    queue->query = NULL;
    queue->route_rv = rv;
    count_mx_failure(queue, rv, route);
    route_forget(queue);
    queue->route = route;
    util_list_init(&waits);
    while ((link = util_list_take_first(&queue->waits)) != NULL) {
        util_list_add_last(&waits, link);
    }
    if (route != NULL) {
        dns_route_ref(route); /* an answered session may make the queue forget it */
    }
    while ((link = util_list_take_first(&waits)) != NULL) {
        answer(UTIL_OWNER(link, queue_route_wait_t, link), rv, route, why);
    }
    if (route != NULL) {
        dns_route_unref(route);
    }
    queue_kick(queue);
}

static void ask(queue_t *queue)
{
    const conf_view_t *view = queue_view(queue), *global = conf_global(conf_current());
    const char *gateway = conf_str(view, CONF_O_GATEWAY);
    const ec_value_t *routes = conf_get(view, CONF_O_ROUTES);
    dns_question_t question = {
        .domain = queue->domain,
        .is_gateway = queue->is_gateway,
        .routes = routes != NULL && routes->list != NULL && routes->list[0] != NULL ? routes->list : NULL,
        .prefer_ipv6 = (int)conf_int(global, CONF_O_PREFER_IPV6_MXS),
        .use_ipv6 = (int)conf_int(global, CONF_O_USE_IPV6),
        .may_fall_back = may_fall_back(queue, view),
        .min_ttl = (apr_uint32_t)conf_int(global, CONF_O_MIN_DNS_TTL),
        .max_ttl = (apr_uint32_t)conf_int(global, CONF_O_MAX_DNS_TTL),
    };

    /* Mail that was queued before its domain got a gateway keeps its queue and goes there all the same. */
    if (!queue->is_gateway && gateway != NULL && gateway[0] != '\0') {
        question.domain = gateway;
        question.is_gateway = 1;
    }
    queue->query = dns_route_find(queue->set->loop, &question, on_answer, queue);
}

static void on_known(void *baton)
{
    queue_route_wait_t *wait = baton;
    queue_t *queue = wait->queue;

    if (wait->fn != NULL && queue->route == NULL) {
        wait->is_posted = 0; /* forgotten meanwhile */
        util_list_add_last(&queue->waits, &wait->link);
        if (queue->query == NULL) {
            ask(queue);
        }
        return;
    }
    answer(wait, APR_SUCCESS, queue->route, "");
}

queue_route_wait_t *queue_route(queue_t *queue, dns_route_fn *fn, void *baton)
{
    queue_route_wait_t *wait = calloc(1, sizeof *wait);

    EC_ASSERT(wait != NULL);
    *wait = (queue_route_wait_t){ .queue = queue, .fn = fn, .baton = baton };
    if (queue->route != NULL && queue->route->expires > ec_loop_now(queue->set->loop)) {
        wait->is_posted = 1;
        ec_loop_post(queue->set->loop, &wait->post, on_known, wait);
        return wait;
    }
    util_list_add_last(&queue->waits, &wait->link);
    if (queue->query == NULL) {
        ask(queue);
    }
    return wait;
}

void queue_route_cancel(queue_route_wait_t *wait)
{
    if (wait->is_posted) {
        wait->fn = NULL; /* freed when the post runs */
    } else {
        util_list_remove(&wait->link);
        free(wait);
    }
}

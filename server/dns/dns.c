/* dns.c - the resolver of the process, and questions from all loops
 * SPDX-License-Identifier: Apache-2.0
 *
 * A question travels to the master loop and its answer back, both by post; so `fn` never runs inside a call,
 * and cancelling is a flag that only the asking loop touches. */
#include <apr_strings.h>

#include "dns/dns.h"
#include "dns/resolver.h"
#include "dns/route.h"
#include "event/runtime.h"
#include "util/hash.h"

/* Master loop only. */
static struct {
    apr_pool_t *pool;
    const dns_resolver_t *resolver;
    apr_uint64_t random;
} master;

struct dns_query {
    ec_loop_t *loop; /* the asking one */
    ec_post_t post;
    apr_pool_t *pool; /* its own, with its own allocator: it changes threads */
    dns_question_t question;
    dns_route_fn *fn;
    void *baton;
    int is_cancelled; /* asking loop only */
    apr_status_t rv;
    dns_route_t *route;
    const char *why;
};

/* ---- routes ------------------------------------------------------------------------------ */

dns_route_t *dns_route_ref(dns_route_t *route)
{
    __atomic_add_fetch(&route->refs, 1, __ATOMIC_RELAXED);
    return route;
}

void dns_route_unref(dns_route_t *route)
{
    if (__atomic_sub_fetch(&route->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        apr_pool_destroy(route->pool);
    }
}

/* ---- start and stop ---------------------------------------------------------------------- */

static void on_runtime_stop(void *baton)
{
    dns_stop();
}

apr_status_t dns_start(const char *resolv_conf, const char **why)
{
    static char reason[512];
    ec_loop_t *loop = ec_loop_at(0);
    const dns_resolver_t *resolver;
    apr_pool_t *pool = ec_loop_subpool(loop);
    apr_status_t rv;

    EC_ASSERT(master.resolver == NULL);
    if ((rv = dns_resolver_open(&resolver, loop, resolv_conf, why, pool)) != APR_SUCCESS) {
        apr_cpystrn(reason, *why, sizeof(reason));
        *why = reason;
        apr_pool_destroy(pool);
        return rv;
    }
    master.pool = pool;
    master.resolver = resolver;
    master.random ^= util_hash_seed();
    event_runtime_on_stop(on_runtime_stop, NULL); /* while answers that are posted still arrive */
    return APR_SUCCESS;
}

const dns_resolver_t *dns_resolver(void)
{
    return master.resolver;
}

void dns_stop(void)
{
    const dns_resolver_t *resolver = master.resolver;

    if (resolver == NULL) {
        return;
    }
    master.resolver = NULL;
    dns_resolver_close(resolver);
    apr_pool_destroy(master.pool);
    master.pool = NULL;
}

/* ---- questions ---------------------------------------------------------------------------- */

static const char *const *copy_list(const char *const *list, apr_pool_t *pool)
{
    const char **copy;
    int n = 0;

    while (list[n] != NULL) {
        n++;
    }
    copy = apr_pcalloc(pool, sizeof(*copy) * (apr_size_t)(n + 1));
    for (int i = 0; i < n; i++) {
        copy[i] = apr_pstrdup(pool, list[i]);
    }
    return copy;
}

static void on_return(void *baton)
{
    dns_query_t *query = baton;

    if (!query->is_cancelled) {
        query->fn(query->baton, query->rv, query->route, query->why);
    } else if (query->route != NULL) {
        dns_route_unref(query->route);
    }
    apr_pool_destroy(query->pool);
}

static void on_plan(void *baton, apr_status_t rv, dns_route_t *route, const char *why)
{
    dns_query_t *query = baton;

    query->rv = rv;
    query->route = route;
    query->why = why == NULL ? "" : apr_pstrdup(query->pool, why);
    ec_loop_post(query->loop, &query->post, on_return, query);
}

static void on_master(void *baton)
{
    dns_query_t *query = baton;

    if (master.resolver == NULL) {
        on_plan(query, EC_E_DNS_TRANSIENT, NULL, "the resolver is not running");
        return;
    }
    dns_plan_run(ec_loop_at(0), master.resolver, &query->question, &master.random, on_plan, query);
}

dns_query_t *dns_route_find(ec_loop_t *loop, const dns_question_t *question, dns_route_fn *fn, void *baton)
{
    apr_pool_t *pool = NULL;
    dns_query_t *query;

    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    query = apr_pcalloc(pool, sizeof(*query));
    query->pool = pool;
    query->loop = loop;
    query->question = *question;
    query->question.domain = apr_pstrdup(pool, question->domain);
    query->question.routes = question->routes == NULL ? NULL : copy_list(question->routes, pool);
    query->fn = fn;
    query->baton = baton;
    ec_loop_post(ec_loop_at(0), &query->post, on_master, query);
    return query;
}

void dns_query_cancel(dns_query_t *query)
{
    query->is_cancelled = 1;
}

/* route.c - from a question to a route
 * SPDX-License-Identifier: Apache-2.0 (RFC 5321 5.1, RFC 7505)
 *
 * Two rounds of look-ups: first the MX records of every target that wants them, then the addresses of every
 * host. All of a round run at once.  What a host name may lead to is bounded: CANDIDATES_MAX hosts are
 * considered, the best DNS_MAX_HOSTS of them are looked up, DNS_MAX_ADDRESSES addresses of each are kept.
 *
 * A failure of the name servers is not an answer: hosts whose addresses are not known for that reason are
 * left out, and the route then is used for a short time only; when no host is left, the question has failed
 * for now. */
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "dns/order.h"
#include "dns/route.h"
#include "dns/target.h"

enum { CANDIDATES_MAX = 128 };

typedef struct plan plan_t;

/* A host that may become part of the route. */
typedef struct {
    plan_t *plan;
    int group, preference, port;
    const char *name;
    int n_v4, n_v6;
    const char *v4[DNS_MAX_ADDRESSES], *v6[DNS_MAX_ADDRESSES];
} candidate_t;

/* A look-up of MX records. */
typedef struct {
    plan_t *plan;
    dns_target_t target;
} mx_step_t;

struct plan {
    apr_pool_t *pool;
    ec_loop_t *loop;
    const dns_resolver_t *resolver;
    dns_question_t question; /* texts: copies */
    apr_uint64_t *random;
    dns_plan_fn *done;
    void *baton;
    ec_timer_t limit;
    int asked; /* look-ups without an answer; the plan stays until there are none */
    int holds; /* asked, of this round, and 1 while questions are still being put */
    int is_done;
    void (*next)(plan_t *plan);     /* when the round is over */
    apr_array_header_t *candidates; /* candidate_t * */
    apr_uint32_t ttl;
    int is_implicit, is_fallback;
    apr_status_t failure; /* what to say when no host is left */
    const char *why;
};

static void plan_free_when_over(plan_t *plan)
{
    if (plan->is_done && plan->asked == 0) {
        apr_pool_destroy(plan->pool);
    }
}

static void plan_done(plan_t *plan, apr_status_t rv, dns_route_t *route, const char *why)
{
    ec_timer_cancel(&plan->limit);
    plan->is_done = 1;
    plan->done(plan->baton, rv, route, why);
}

/* A temporary failure outweighs a lasting one: what is not known may be good. */
static void note_failure(plan_t *plan, apr_status_t rv, const char *why)
{
    if (plan->failure == APR_SUCCESS || (rv == EC_E_DNS_TRANSIENT && plan->failure != EC_E_DNS_TRANSIENT)) {
        plan->failure = rv;
        plan->why = why;
    }
    if (rv == EC_E_DNS_TRANSIENT && plan->ttl > DNS_RETRY_TTL_SECONDS) {
        plan->ttl = DNS_RETRY_TTL_SECONDS;
    }
}

static void lower_ttl(plan_t *plan, apr_uint32_t ttl)
{
    plan->ttl = ttl < plan->ttl ? ttl : plan->ttl;
}

static void ask(plan_t *plan, const char *name, int type, dns_lookup_fn *fn, void *baton)
{
    plan->asked++;
    plan->holds++;
    plan->resolver->ask(plan->resolver->self, name, type, fn, baton);
}

/* First line of every answer: 0 when the plan is over and the answer comes too late. */
static int is_wanted(plan_t *plan)
{
    plan->asked--;
    if (plan->is_done) {
        plan_free_when_over(plan);
        return 0;
    }
    return 1;
}

static void release(plan_t *plan)
{
    plan->asked++; /* rounds may follow one another inside; only the outermost frees */
    if (--plan->holds == 0) {
        plan->next(plan);
    }
    plan->asked--;
    plan_free_when_over(plan);
}

static void start_round(plan_t *plan, void (*next)(plan_t *plan))
{
    plan->next = next;
    plan->holds = 1;
}

/* ---- candidates ----------------------------------------------------------------------- */

static candidate_t *candidate_find(plan_t *plan, const char *name, int port)
{
    for (int i = 0; i < plan->candidates->nelts; i++) {
        candidate_t *candidate = APR_ARRAY_IDX(plan->candidates, i, candidate_t *);

        if (candidate->port == port && strcmp(candidate->name, name) == 0) {
            return candidate;
        }
    }
    return NULL;
}

/* A host that is named twice stands at its better place. */
static candidate_t *candidate_add(plan_t *plan, const dns_target_t *target, const char *name, int preference)
{
    candidate_t *candidate = candidate_find(plan, name, target->port);

    if (candidate != NULL) {
        if (target->group < candidate->group ||
            (target->group == candidate->group && preference < candidate->preference)) {
            candidate->group = target->group;
            candidate->preference = preference;
        }
        return candidate;
    }
    if (plan->candidates->nelts == CANDIDATES_MAX) {
        return NULL;
    }
    candidate = apr_pcalloc(plan->pool, sizeof(*candidate));
    candidate->plan = plan;
    candidate->group = target->group;
    candidate->preference = preference;
    candidate->port = target->port;
    candidate->name = apr_pstrdup(plan->pool, name);
    APR_ARRAY_PUSH(plan->candidates, candidate_t *) = candidate;
    return candidate;
}

static void candidate_address(candidate_t *candidate, const char *text)
{
    const char *copy = apr_pstrdup(candidate->plan->pool, text);

    if (strchr(text, ':') != NULL) {
        if (candidate->n_v6 < DNS_MAX_ADDRESSES) {
            candidate->v6[candidate->n_v6++] = copy;
        }
    } else if (candidate->n_v4 < DNS_MAX_ADDRESSES) {
        candidate->v4[candidate->n_v4++] = copy;
    }
}

/* ---- the end: make the route ------------------------------------------------------------ */

static dns_host_t *host_add(dns_route_t *route, const candidate_t *candidate, const dns_question_t *question)
{
    dns_host_t *host = &route->host[route->n_hosts];
    const char *const *lists[] = { candidate->v4, candidate->v6 };
    int counts[] = { candidate->n_v4, candidate->n_v6 };
    int first = question->prefer_ipv6 != 0;

    host->name = apr_pstrdup(route->pool, candidate->name);
    host->preference = candidate->group * 65536 + candidate->preference;
    host->port = candidate->port;
    for (int which = 0; which < 2; which++) {
        int list = which ^ first;

        for (int i = 0; i < counts[list] && host->n_addresses < DNS_MAX_ADDRESSES; i++) {
            host->address[host->n_addresses++] = apr_pstrdup(route->pool, lists[list][i]);
        }
    }
    route->n_hosts += host->n_addresses > 0;
    return host;
}

static dns_route_t *route_create(const plan_t *plan)
{
    const dns_question_t *question = &plan->question;
    apr_uint32_t ttl = plan->ttl;
    apr_pool_t *pool = NULL;
    dns_route_t *route;

    /* A pool of its own with its own allocator: the last reference may go on any thread. */
    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    route = apr_pcalloc(pool, sizeof(*route));
    route->pool = pool;
    route->refs = 1;
    route->is_implicit = plan->is_implicit;
    route->is_fallback = plan->is_fallback;
    for (int i = 0; i < plan->candidates->nelts && route->n_hosts < DNS_MAX_HOSTS; i++) {
        host_add(route, APR_ARRAY_IDX(plan->candidates, i, candidate_t *), question);
    }
    ttl = ttl < question->min_ttl ? question->min_ttl : ttl;
    ttl = ttl > question->max_ttl ? question->max_ttl : ttl;
    route->expires = ec_loop_now(plan->loop) + apr_time_from_sec((apr_time_t)ttl);
    return route;
}

static void finish(plan_t *plan)
{
    dns_route_t *route = route_create(plan);

    if (route->n_hosts > 0) {
        plan_done(plan, APR_SUCCESS, route, NULL);
        return;
    }
    dns_route_unref(route);
    plan_done(plan, plan->failure != APR_SUCCESS ? plan->failure : EC_E_DNS_NODATA, NULL,
              plan->why != NULL
                  ? plan->why
                  : apr_psprintf(plan->pool, "no mail server of %s has an address", plan->question.domain));
}

/* ---- second round: addresses ------------------------------------------------------------- */

static void on_address(void *baton, apr_status_t rv, const dns_answer_t *answer)
{
    candidate_t *candidate = baton;
    plan_t *plan = candidate->plan;

    if (!is_wanted(plan)) {
        return;
    }
    if (rv == EC_E_DNS_TRANSIENT) {
        note_failure(plan, rv,
                     apr_psprintf(plan->pool, "name server failure for the address of %s", candidate->name));
    } else if (rv == APR_SUCCESS) {
        lower_ttl(plan, answer->ttl);
        for (int i = 0; i < answer->n_addresses; i++) {
            candidate_address(candidate, answer->address[i]);
        }
    }
    release(plan);
}

static void sort_candidates(plan_t *plan)
{
    int n = plan->candidates->nelts;
    dns_rank_t *ranks = apr_pcalloc(plan->pool, sizeof(*ranks) * (apr_size_t)(n + 1));

    for (int i = 0; i < n; i++) {
        candidate_t *candidate = APR_ARRAY_IDX(plan->candidates, i, candidate_t *);

        ranks[i] = (dns_rank_t){ candidate->group, candidate->preference, 0, candidate };
    }
    dns_order(ranks, n, plan->random);
    for (int i = 0; i < n; i++) {
        APR_ARRAY_IDX(plan->candidates, i, candidate_t *) = ranks[i].item;
    }
    if (n > DNS_MAX_HOSTS) {
        plan->candidates->nelts = DNS_MAX_HOSTS;
    }
}

static void find_addresses(plan_t *plan)
{
    sort_candidates(plan);
    start_round(plan, finish);
    for (int i = 0; i < plan->candidates->nelts; i++) {
        candidate_t *candidate = APR_ARRAY_IDX(plan->candidates, i, candidate_t *);

        if (candidate->n_v4 + candidate->n_v6 > 0) {
            continue;
        }
        ask(plan, candidate->name, DNS_TYPE_A, on_address, candidate);
        if (plan->question.use_ipv6) {
            ask(plan, candidate->name, DNS_TYPE_AAAA, on_address, candidate);
        }
    }
    release(plan);
}

/* ---- first round: MX ------------------------------------------------------------------------ */

static void take_mx(mx_step_t *step, const dns_answer_t *answer)
{
    plan_t *plan = step->plan;
    const char *domain = step->target.name;

    lower_ttl(plan, answer->ttl);
    if (answer->n_mx == 0 && answer->n_root > 0) {
        note_failure(plan, EC_E_DNS_NULL_MX,
                     apr_psprintf(plan->pool, "%s says that it takes no mail (null MX)", domain));
        return;
    }
    if (answer->n_mx == 0) {
        note_failure(plan, EC_E_DNS_NODATA,
                     apr_psprintf(plan->pool, "the MX records of %s name no valid host", domain));
        return;
    }
    for (int i = 0; i < answer->n_mx; i++) {
        candidate_add(plan, &step->target, answer->mx[i].name, answer->mx[i].preference);
    }
}

static void take_implicit(mx_step_t *step, const dns_answer_t *answer)
{
    plan_t *plan = step->plan;

    lower_ttl(plan, answer->ttl);
    plan->is_implicit = plan->question.routes == NULL;
    candidate_add(plan, &step->target, step->target.name, 0);
    if (plan->why == NULL) {
        plan->why = apr_psprintf(plan->pool, "%s has neither MX nor address records", step->target.name);
    }
}

/* The MX records can not be had, and have not been for a while (message-flow.md F3). */
static void fall_back(mx_step_t *step)
{
    plan_t *plan = step->plan;

    if (plan->question.may_fall_back) {
        plan->is_fallback = 1;
        candidate_add(plan, &step->target, step->target.name, 0);
    }
}

static void on_mx(void *baton, apr_status_t rv, const dns_answer_t *answer)
{
    mx_step_t *step = baton;
    plan_t *plan = step->plan;

    if (!is_wanted(plan)) {
        return;
    }
    if (rv == APR_SUCCESS) {
        take_mx(step, answer);
    } else if (rv == EC_E_DNS_NODATA) {
        take_implicit(step, answer);
    } else if (rv == EC_E_DNS_NXDOMAIN) {
        note_failure(plan, rv, apr_psprintf(plan->pool, "the domain %s does not exist", step->target.name));
    } else {
        note_failure(
            plan, EC_E_DNS_TRANSIENT,
            apr_psprintf(plan->pool, "name server failure for the MX records of %s", step->target.name));
        fall_back(step);
    }
    release(plan);
}

static void start_target(plan_t *plan, const dns_target_t *target)
{
    mx_step_t *step;

    if (target->ttl != 0) {
        lower_ttl(plan, target->ttl);
    }
    if (target->kind == DNS_TARGET_MX) {
        step = apr_palloc(plan->pool, sizeof(*step));
        step->plan = plan;
        step->target = *target;
        ask(plan, step->target.name, DNS_TYPE_MX, on_mx, step);
    } else {
        candidate_t *candidate = candidate_add(plan, target, target->name, 0);

        if (candidate != NULL && target->kind == DNS_TARGET_ADDRESS &&
            candidate->n_v4 + candidate->n_v6 == 0) {
            candidate_address(candidate, target->name);
        }
    }
}

/* The name servers let us wait: make do with what is known. */
static void on_limit(void *baton)
{
    plan_t *plan = baton;

    note_failure(plan, EC_E_DNS_TRANSIENT,
                 apr_psprintf(plan->pool, "the name servers did not answer about %s within %d seconds",
                              plan->question.domain, DNS_PLAN_LIMIT_SECONDS));
    sort_candidates(plan);
    finish(plan);
    plan_free_when_over(plan);
}

void dns_plan_run(ec_loop_t *loop, const dns_resolver_t *resolver, const dns_question_t *question,
                  apr_uint64_t *random, dns_plan_fn *done, void *baton)
{
    apr_pool_t *pool = ec_loop_subpool(loop);
    plan_t *plan = apr_pcalloc(pool, sizeof(*plan));
    dns_target_t *targets = apr_palloc(pool, sizeof(*targets) * DNS_TARGETS_MAX);
    int refused, n = dns_targets(targets, question, &refused);

    plan->pool = pool;
    plan->loop = loop;
    plan->resolver = resolver;
    plan->question = *question;
    plan->question.domain = apr_pstrdup(pool, question->domain);
    plan->random = random;
    plan->done = done;
    plan->baton = baton;
    plan->ttl = 0x7fffffff;
    plan->candidates = apr_array_make(pool, 8, sizeof(candidate_t *));
    if (n == 0) {
        plan_done(plan, question->routes != NULL ? EC_E_DNS_NODATA : EC_E_DNS_NXDOMAIN, NULL,
                  question->routes != NULL
                      ? "no entry of routes is a host or an address"
                      : apr_psprintf(pool, "\"%.80s\" is not a domain name", question->domain));
        plan_free_when_over(plan);
        return;
    }
    ec_timer_start(&plan->limit, loop, apr_time_from_sec(DNS_PLAN_LIMIT_SECONDS), on_limit, plan);
    start_round(plan, find_addresses);
    for (int i = 0; i < n; i++) {
        start_target(plan, &targets[i]);
    }
    release(plan);
}

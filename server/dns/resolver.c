/* resolver.c - one question to the name servers, through libunbound
 * SPDX-License-Identifier: Apache-2.0
 *
 * libunbound runs on our loop by its event interface (unbound-event.h): no threads, no pipes.  It caches,
 * follows CNAMEs, repeats and changes servers; the wire form of its answer is read by packet.c. The caller
 * bounds the time of a question: libunbound ends every one by itself, but maybe after minutes. */
#include <stdlib.h>
#include <unbound.h>
#include <unbound-event.h>

#include <apr_strings.h>

#include <ec/log.h>

#include "dns/event_base.h"
#include "dns/resolv_conf.h"
#include "dns/resolver.h"
#include "util/list.h"

struct resolver {
    dns_resolver_t table;
    struct ub_ctx *ctx;
    util_list_t lookups; /* not yet answered */
};

struct lookup {
    util_link_t link;
    int type;
    dns_lookup_fn *fn;
    void *baton;
};

/* Name servers of tests and of small sites stand on loopback; a server that was dead is tried again soon; the
 * library's own limits are made for one program that looks up a few names.  Without a trust anchor the
 * validator has nothing to do, so it is left out (DANE will bring it in). */
static const struct {
    const char *name, *value;
} settings[] = {
    { "module-config:", "iterator" },     { "do-not-query-localhost:", "no" },
    { "outgoing-range:", "128" },         { "num-queries-per-thread:", "1024" },
    { "outgoing-num-tcp:", "32" },        { "incoming-num-tcp:", "0" },
    { "msg-cache-size:", "16m" },         { "rrset-cache-size:", "32m" },
    { "key-cache-size:", "64k" },         { "neg-cache-size:", "64k" },
    { "cache-max-negative-ttl:", "900" }, { "infra-host-ttl:", "10" },
    { "infra-cache-max-rtt:", "5000" },   { "infra-keep-probing:", "yes" },
    { "edns-buffer-size:", "1232" },
};

/* Names that libunbound would answer by itself, but that private name servers may well know. */
static const char *const not_ours[] = { "test.", "home.arpa." };

static void answer(struct lookup *lookup, apr_status_t rv, const dns_answer_t *result)
{
    util_list_remove(&lookup->link);
    lookup->fn(lookup->baton, rv, result);
    free(lookup);
}

static apr_status_t judge(const dns_answer_t *result)
{
    switch (result->rcode) {
    case DNS_RCODE_NOERROR:
        break;
    case DNS_RCODE_NXDOMAIN:
        return EC_E_DNS_NXDOMAIN;
    default:
        return EC_E_DNS_TRANSIENT;
    }
    if (result->n_mx + result->n_root + result->n_addresses + result->n_texts + result->n_refused == 0) {
        return EC_E_DNS_NODATA;
    }
    return APR_SUCCESS;
}

/* libunbound's answer.  `rcode` speaks only of failures of the library's own. */
static void on_answer(void *baton, int rcode, void *packet, int length, int security, char *why_bogus,
                      int was_limited)
{
    struct lookup *lookup = baton;
    dns_answer_t result;
    apr_status_t rv;

    if (rcode == DNS_RCODE_NXDOMAIN) {
        result.rcode = rcode;
        result.ttl = 0;
        answer(lookup, EC_E_DNS_NXDOMAIN, &result);
        return;
    }
    if (rcode != 0 || packet == NULL || length <= 0 ||
        dns_packet_read(&result, packet, (apr_size_t)length, lookup->type) != APR_SUCCESS) {
        answer(lookup, EC_E_DNS_TRANSIENT, NULL);
        return;
    }
    rv = judge(&result);
    answer(lookup, rv, rv == EC_E_DNS_TRANSIENT ? NULL : &result);
}

static void ask(void *self, const char *name, int type, dns_lookup_fn *fn, void *baton)
{
    struct resolver *resolver = self;
    struct lookup *lookup = malloc(sizeof(*lookup));
    int id;

    EC_ASSERT(lookup != NULL);
    *lookup = (struct lookup){ .type = type, .fn = fn, .baton = baton };
    util_list_add_last(&resolver->lookups, &lookup->link);
    if (ub_resolve_event(resolver->ctx, name, type, 1, lookup, on_answer, &id) != 0) {
        answer(lookup, EC_E_DNS_TRANSIENT, NULL);
    }
}

static apr_status_t configure(struct resolver *resolver, const resolv_conf_t *conf, const char **why,
                              apr_pool_t *pool)
{
    int code;

    ub_ctx_debugout(resolver->ctx, NULL);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if ((code = ub_ctx_set_option(resolver->ctx, settings[i].name, settings[i].value)) != 0) {
            *why = apr_psprintf(pool, "libunbound does not take %s %s: %s.", settings[i].name,
                                settings[i].value, ub_strerror(code));
            return APR_EGENERAL;
        }
    }
    for (int i = 0; i < conf->n; i++) {
        if ((code = ub_ctx_set_fwd(resolver->ctx, conf->server[i])) != 0) {
            *why = apr_psprintf(pool, "libunbound does not take the name server %s: %s.", conf->server[i],
                                ub_strerror(code));
            return APR_EGENERAL;
        }
    }
    for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++) {
        ub_ctx_zone_remove(resolver->ctx, not_ours[i]);
    }
    return APR_SUCCESS;
}

apr_status_t dns_resolver_open(const dns_resolver_t **result, ec_loop_t *loop, const char *resolv_conf,
                               const char **why, apr_pool_t *pool)
{
    struct resolver *resolver = apr_pcalloc(pool, sizeof(*resolver));
    resolv_conf_t conf;
    apr_status_t rv;

    EC_TRY(resolv_conf_read(&conf, resolv_conf, why, pool));
    util_list_init(&resolver->lookups);
    resolver->table = (dns_resolver_t){ ask, resolver };
    resolver->ctx = ub_ctx_create_ub_event(dns_event_base(loop, pool));
    if (resolver->ctx == NULL) {
        *why = "libunbound could not make a context.";
        return APR_ENOMEM;
    }
    if ((rv = configure(resolver, &conf, why, pool)) != APR_SUCCESS) {
        ub_ctx_delete(resolver->ctx);
        return rv;
    }
    *result = &resolver->table;
    return APR_SUCCESS;
}

void dns_resolver_close(const dns_resolver_t *table)
{
    struct resolver *resolver = table->self;
    util_list_t left;
    util_link_t *link;

    /* libunbound drops open questions without a word, so the library goes first and then they are answered.
     */
    util_list_init(&left);
    while ((link = util_list_first(&resolver->lookups)) != NULL) {
        util_list_remove(link);
        util_list_add_last(&left, link);
    }
    ub_ctx_delete(resolver->ctx);
    while ((link = util_list_first(&left)) != NULL) {
        answer(UTIL_OWNER(link, struct lookup, link), EC_E_DNS_TRANSIENT, NULL);
    }
}

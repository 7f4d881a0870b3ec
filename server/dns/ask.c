/* ask.c - questions of modules
 * SPDX-License-Identifier: Apache-2.0
 *
 * By post to the master loop, which has the resolver, and back.  A question has a pool of its own, since it changes
 * threads. */
#include <ec/dns.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "dns/resolver.h"

enum { RECORDS_MAX = DNS_MX_MAX + DNS_MAX_ADDRESSES + DNS_TEXTS_MAX };

struct question {
    ec_loop_t *loop;
    apr_pool_t *pool;
    ec_post_t post;
    const char *name;
    ec_dns_type_t type;
    ec_dns_fn *fn;
    void *baton;
    apr_status_t rv;
    ec_dns_answer_t answer;
};

static void on_return(void *baton)
{
    struct question *question = baton;

    question->fn(question->baton, question->rv, &question->answer);
    apr_pool_destroy(question->pool);
}

/* Texts of all records, copied. */
static void take(struct question *question, const dns_answer_t *from)
{
    const char **text = apr_pcalloc(question->pool, RECORDS_MAX * sizeof *text);
    int n = 0;

    for (int i = 0; i < from->n_addresses; i++) {
        text[n++] = apr_pstrdup(question->pool, from->address[i]);
    }
    for (int i = 0; i < from->n_mx; i++) {
        text[n++] = apr_psprintf(question->pool, "%d %s", from->mx[i].preference, from->mx[i].name);
    }
    for (int i = 0; i < from->n_texts; i++) {
        text[n++] = apr_pstrdup(question->pool, from->text[i]);
    }
    question->answer = (ec_dns_answer_t){ n, text, from->ttl };
}

static void on_answer(void *baton, apr_status_t rv, const dns_answer_t *answer)
{
    struct question *question = baton;

    question->rv = rv;
    if (rv == APR_SUCCESS) {
        take(question, answer);
        if (question->answer.n == 0) {
            question->rv = EC_E_DNS_NODATA;
        }
    }
    ec_loop_post(question->loop, &question->post, on_return, question);
}

static void on_master(void *baton)
{
    struct question *question = baton;
    const dns_resolver_t *resolver = dns_resolver();
    char name[DNS_NAME_ROOM];

    if (resolver == NULL) {
        on_answer(question, EC_E_DNS_TRANSIENT, NULL);
    } else if (!dns_name_clean(name, question->name, strlen(question->name))) {
        on_answer(question, EC_E_DNS_NXDOMAIN, NULL);
    } else {
        resolver->ask(resolver->self, name, (int)question->type, on_answer, question);
    }
}

void ec_dns_ask(ec_loop_t *loop, const char *name, ec_dns_type_t type, ec_dns_fn *fn, void *baton)
{
    apr_pool_t *pool = NULL;
    struct question *question;

    apr_pool_create_unmanaged_ex(&pool, NULL, NULL);
    question = apr_pcalloc(pool, sizeof *question);
    *question = (struct question){ .loop = loop, .pool = pool, .type = type, .fn = fn, .baton = baton };
    question->name = apr_pstrdup(pool, name);
    ec_loop_post(ec_loop_at(0), &question->post, on_master, question);
}

/* ---- names of addresses --------------------------------------------------------------------- */

apr_status_t ec_dns_reverse(char *buffer, apr_size_t room, const char *address, const char *zone)
{
    unsigned char bytes[16];
    char text[80] = "";
    apr_size_t at = 0;
    int n;

    if (inet_pton(AF_INET, address, bytes) == 1) {
        at = (apr_size_t)snprintf(text, sizeof text, "%d.%d.%d.%d.", bytes[3], bytes[2], bytes[1], bytes[0]);
        zone = zone != NULL ? zone : "in-addr.arpa";
    } else if (inet_pton(AF_INET6, address, bytes) == 1) {
        for (int i = 15; i >= 0; i--) {
            at += (apr_size_t)snprintf(text + at, sizeof text - at, "%x.%x.", bytes[i] & 15, bytes[i] >> 4);
        }
        zone = zone != NULL ? zone : "ip6.arpa";
    } else {
        return EC_E_SYNTAX;
    }
    n = snprintf(buffer, room, "%s%s", text, zone);
    return n < 0 || (apr_size_t)n >= room ? EC_E_TOO_LONG : APR_SUCCESS;
}

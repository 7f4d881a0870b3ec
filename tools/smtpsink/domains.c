/* domains.c - what the sink counts for each recipient domain (--domains)
 * SPDX-License-Identifier: Apache-2.0
 *
 * A table by name, open addressing, and the list of all in order.  Names come from clients: their number and
 * length are bounded, and what is beyond is counted as the domain "...". */
#include "domains.h"

#include "../common/cli.h"
#include "counters.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1 << 17, DOMAINS_MOST = SLOTS / 2, NAME_MOST = 255 };

struct domain {
    struct domain *next;
    uint64_t connections, current, peak, recipients;
    char name[];
};

struct domains {
    struct domain *slot[SLOTS];
    struct domain *first, **end;
    unsigned count;
};

static uint64_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(1099511628211);
    return hash ^ (hash >> 29);
}

static struct domain **find(struct domains *domains, const char *name)
{
    uint64_t at = hash_of(name) % SLOTS;

    while (domains->slot[at] != NULL && strcmp(domains->slot[at]->name, name) != 0)
        at = (at + 1) % SLOTS;
    return &domains->slot[at];
}

static struct domain *add(struct domains *domains, struct domain **slot, const char *name)
{
    size_t length = strlen(name);
    struct domain *domain = cli_alloc(sizeof(*domain) + length + 1);

    memcpy(domain->name, name, length + 1);
    *domains->end = domain;
    domains->end = &domain->next;
    domains->count++;
    *slot = domain;
    return domain;
}

static struct domain *get(struct sink *sink, const char *name)
{
    struct domains *domains = sink->domains;
    struct domain **slot;

    if (domains == NULL) {
        domains = sink->domains = cli_alloc(sizeof(*domains));
        domains->end = &domains->first;
    }
    slot = find(domains, name);
    if (*slot == NULL && domains->count >= DOMAINS_MOST)
        slot = find(domains, "...");
    return *slot != NULL ? *slot : add(domains, slot, name);
}

/* Behind the last @, lower case; "..." for what no domain is. */
static void read_name(char name[NAME_MOST + 1], const char *address)
{
    const char *at = strrchr(address, '@');
    size_t i;

    at = at != NULL ? at + 1 : "";
    for (i = 0; i < NAME_MOST && at[i] > ' ' && at[i] < 127 && at[i] != '=' && at[i] != '"' && at[i] != '\\';
         i++)
        name[i] = (char)tolower((unsigned char)at[i]);
    name[i] = '\0';
    if (i == 0 || at[i] != '\0')
        memcpy(name, "...", 4);
}

static bool has(const struct conn *conn, const struct domain *domain)
{
    struct domain *const *list = (struct domain *const *)(const void *)conn->domains.data;

    for (size_t i = 0; i < conn->domains.length / sizeof(*list); i++) {
        if (list[i] == domain)
            return true;
    }
    return false;
}

static void join(struct conn *conn, struct domain *domain)
{
    bytes_add(&conn->domains, &domain, sizeof(domain));
    domain->connections++;
    domain->current++;
    if (domain->current > domain->peak)
        domain->peak = domain->current;
}

void domains_recipient(struct conn *conn, const char *address)
{
    char name[NAME_MOST + 1];
    struct domain *domain;

    if (!conn->sink->by_domain)
        return;
    read_name(name, address);
    domain = get(conn->sink, name);
    domain->recipients++;
    if (!has(conn, domain))
        join(conn, domain);
    counters_trace(conn, "rcpt", domain->name);
}

void domains_close(struct conn *conn)
{
    struct domain **list = (struct domain **)(void *)conn->domains.data;

    for (size_t i = 0; i < conn->domains.length / sizeof(*list); i++)
        list[i]->current--;
    bytes_free(&conn->domains);
}

void domains_write_text(const struct sink *sink, FILE *out)
{
    for (const struct domain *domain = sink->domains ? sink->domains->first : NULL; domain;
         domain = domain->next) {
        fprintf(out, "connections:%s=%llu\ncurrent:%s=%llu\npeak:%s=%llu\nrecipients:%s=%llu\n", domain->name,
                (unsigned long long)domain->connections, domain->name, (unsigned long long)domain->current,
                domain->name, (unsigned long long)domain->peak, domain->name,
                (unsigned long long)domain->recipients);
    }
}

void domains_write_json(const struct sink *sink, FILE *out)
{
    const char *comma = "";

    for (const struct domain *domain = sink->domains ? sink->domains->first : NULL; domain;
         domain = domain->next) {
        fprintf(
            out, "%s\"%s\": {\"connections\": %llu, \"current\": %llu, \"peak\": %llu, \"recipients\": %llu}",
            comma, domain->name, (unsigned long long)domain->connections, (unsigned long long)domain->current,
            (unsigned long long)domain->peak, (unsigned long long)domain->recipients);
        comma = ", ";
    }
}

void domains_free(struct sink *sink)
{
    struct domain *next;

    for (struct domain *domain = sink->domains ? sink->domains->first : NULL; domain; domain = next) {
        next = domain->next;
        free(domain);
    }
    free(sink->domains);
}

/* scopes.c - the kinds of stanza that the core knows
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/scopes.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#define LISTENER_PARENTS "global"

#define ROW(name_, parents_, naming_, kind_, flags_)                                             \
    {                                                                                            \
        .name = (name_), .parents = (parents_), .naming = SCOPE_##naming_, .kind = NAME_##kind_, \
        .flags = (flags_)                                                                        \
    }
/* SCOPE_NO_EFFECT goes when the issue comes that gives the stanza its meaning. */
static const conf_scope_t scopes[] = {
    ROW("global", "", ANONYMOUS, TEXT, 0),
    ROW("binding_group", "global", NAMED, GROUP, 0),
    ROW("binding", "global binding_group", NAMED, BINDING, 0),
    ROW("domain", "global binding_group binding", NAMED, DOMAIN, 0),
    ROW("host", "global binding_group binding", NAMED, DOMAIN, 0),
    ROW("esmtp_listener", LISTENER_PARENTS, ANONYMOUS, TEXT, 0),
    ROW("control_listener", LISTENER_PARENTS, ANONYMOUS, TEXT, 0),
    ROW("ecstream_listener", LISTENER_PARENTS, ANONYMOUS, TEXT, SCOPE_NO_EFFECT),
    ROW("http_listener", LISTENER_PARENTS, ANONYMOUS, TEXT, SCOPE_NO_EFFECT),
    ROW("eccluster_listener", LISTENER_PARENTS, ANONYMOUS, TEXT, SCOPE_NO_EFFECT),
    ROW("msgcserver_listener", LISTENER_PARENTS, ANONYMOUS, TEXT, SCOPE_NO_EFFECT),
    ROW("xmpp_listener", LISTENER_PARENTS, ANONYMOUS, TEXT, SCOPE_NO_EFFECT),
    ROW("listen",
        "esmtp_listener control_listener ecstream_listener http_listener eccluster_listener "
        "msgcserver_listener xmpp_listener",
        NAMED, ENDPOINT, 0),
    ROW("peer", "esmtp_listener control_listener ecstream_listener http_listener xmpp_listener listen", NAMED,
        NETWORK, 0),
    ROW("pathway", "global pathway_group", NAMED, GROUP, 0),
    ROW("pathway_group", "global", NAMED, GROUP, 0),
    ROW("security", "global", ANONYMOUS, TEXT, 0),
    ROW("threadpool", "global", NAMED, TEXT, 0),
    ROW("eventloop", "global", NAMED, TEXT, 0),
    ROW("debug_flags", "global", ANONYMOUS, TEXT, 0),
    ROW("snmp", "global", ANONYMOUS, TEXT, SCOPE_NO_EFFECT),
    ROW("snmp_traps", "global", ANONYMOUS, TEXT, SCOPE_NO_EFFECT),
    ROW("trap", "global snmp snmp_traps", OPTIONAL, TEXT, SCOPE_NO_EFFECT | SCOPE_OPEN),
    ROW("trap_destination", "snmp_traps", NAMED, TEXT, SCOPE_NO_EFFECT | SCOPE_OPEN),
    ROW("destination", "snmp_traps trap", NAMED, TEXT, SCOPE_NO_EFFECT | SCOPE_OPEN),
    ROW("authorization", "global", ANONYMOUS, TEXT, SCOPE_NO_EFFECT),
    ROW("role", "authorization", NAMED, TEXT, SCOPE_NO_EFFECT),
    ROW("logs", "global", ANONYMOUS, TEXT, 0),
    ROW("manager", "logs", NAMED, TEXT, SCOPE_NO_EFFECT),
    ROW("node", "manager", NAMED, TEXT, SCOPE_NO_EFFECT),
    ROW("adaptive_sweep_rule", "global binding_group binding domain", NAMED, TEXT, SCOPE_NO_EFFECT),
    ROW("adaptive_backstore_leveldb", "global", ANONYMOUS, TEXT, SCOPE_NO_EFFECT | SCOPE_OPEN),
    ROW("adaptive_backstore_riak", "global", ANONYMOUS, TEXT, SCOPE_NO_EFFECT | SCOPE_OPEN),
    ROW("module", "", OPTIONAL, TEXT, SCOPE_MODULE), /* holds what is common to all modules' stanzas */
};
_Static_assert(sizeof(scopes) / sizeof(scopes[0]) <= 64, "a set of scopes is 64 bits");

enum { SCOPE_COUNT = sizeof(scopes) / sizeof(scopes[0]) };
const conf_scope_t *const scope_global = &scopes[0];

static int list_has(const char *list, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = list; (at = strcasestr(at, word)) != NULL; at++) {
        if ((at == list || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return 1;
    }
    return 0;
}

const conf_scope_t *scope_find(const char *name)
{
    for (int i = 0; i < SCOPE_COUNT; i++) {
        if (strcasecmp(scopes[i].name, name) == 0)
            return &scopes[i];
    }
    return NULL;
}

const conf_scope_t *scope_at(int i)
{
    return i < SCOPE_COUNT ? &scopes[i] : NULL;
}

int scope_allows_parent(const conf_scope_t *scope, const conf_scope_t *parent)
{
    return list_has(scope->parents, parent->name);
}

apr_uint64_t scope_bit(const conf_scope_t *scope)
{
    if (scope->flags & SCOPE_INNER)
        return 0;
    return 1ULL << ((scope->flags & SCOPE_MODULE ? scope_find("module") : scope) - scopes);
}

apr_uint64_t scope_set(const char *list, const char **bad, apr_pool_t *pool)
{
    apr_uint64_t set = 0;
    char *last, *copy = apr_pstrdup(pool, list);

    for (char *word = apr_strtok(copy, " ", &last); word != NULL; word = apr_strtok(NULL, " ", &last)) {
        const conf_scope_t *scope = scope_find(word);

        if (scope == NULL) {
            *bad = word;
            return 0;
        }
        set |= scope_bit(scope);
    }
    return set;
}

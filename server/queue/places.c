/* places.c - which limits stand over a queue or an MX host, and what their gates are called
 * SPDX-License-Identifier: Apache-2.0
 *
 * A limit counts all that is under the stanza where it is set (config-language.md 8.1, message-flow.md I2),
 * so the key of its gate is the option and that stanza's path: whoever inherits the value shares the gate,
 * and nodes with the same configuration agree.  Exceptions are in the table. */
#include "queue/limits.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "conf/origin.h"
#include "queue/inside.h"

enum { MODE_AVAILABLE = 1 /* word of cluster_limit_mode */ };

/* What is counted together. */
typedef enum {
    ALL_CONTAINERS, /* everything in the binding, in its group, and in the server: each place where it is set
                       counts */
    STANZA,         /* everything under the stanza that gives the value */
    NAME /* the domain or host by itself, within the binding or group of the stanza that gives the value */
} reach_t;

typedef struct {
    conf_opt_t opt;
    limit_kind_t kind;
    int is_cluster;
    reach_t reach;
} rule_t;

static const rule_t of_queues[] = {
    { CONF_O_SERVER_MAX_OUTBOUND_CONNECTIONS, LIMIT_SLOTS, 0, ALL_CONTAINERS },
    { CONF_O_CLUSTER_SERVER_MAX_OUTBOUND_CONNECTIONS, LIMIT_SLOTS, 1, ALL_CONTAINERS },
    { CONF_O_SCOPE_MAX_OUTBOUND_CONNECTIONS, LIMIT_SLOTS, 0, STANZA },
    { CONF_O_CLUSTER_SCOPE_MAX_OUTBOUND_CONNECTIONS, LIMIT_SLOTS, 1, STANZA },
    { CONF_O_CLUSTER_MAX_OUTBOUND_CONNECTIONS, LIMIT_SLOTS, 1, NAME },
    { CONF_O_OUTBOUND_THROTTLE_CONNECTIONS, LIMIT_CONNECTIONS, 0, STANZA },
    { CONF_O_CLUSTER_OUTBOUND_THROTTLE_CONNECTIONS, LIMIT_CONNECTIONS, 1, STANZA },
    { CONF_O_OUTBOUND_THROTTLE_MESSAGES, LIMIT_MESSAGES, 0, STANZA },
    { CONF_O_CLUSTER_OUTBOUND_THROTTLE_MESSAGES, LIMIT_MESSAGES, 1, STANZA },
};

static const rule_t of_hosts[] = {
    { CONF_O_MAX_OUTBOUND_CONNECTIONS, LIMIT_SLOTS, 0, NAME },
    { CONF_O_CLUSTER_MAX_OUTBOUND_CONNECTIONS, LIMIT_SLOTS, 1, NAME },
    { CONF_O_SCOPE_MAX_OUTBOUND_CONNECTIONS, LIMIT_SLOTS, 0, STANZA },
    { CONF_O_CLUSTER_SCOPE_MAX_OUTBOUND_CONNECTIONS, LIMIT_SLOTS, 1, STANZA },
    { CONF_O_OUTBOUND_THROTTLE_CONNECTIONS, LIMIT_CONNECTIONS, 0, STANZA },
    { CONF_O_OUTBOUND_THROTTLE_MESSAGES, LIMIT_MESSAGES, 0, STANZA },
};
enum { RULES_MAX = sizeof of_queues / sizeof of_queues[0] };
_Static_assert(sizeof of_hosts / sizeof of_hosts[0] <= RULES_MAX, "room for both");

struct finding {
    limit_place_t *places;
    int n;
    const conf_t *conf;
    conf_scope_names_t names;
    const char *type; /* "domain" or "host" */
    apr_pool_t *pool;
};

/* Does the value limit anything?  A throttle of 0, and any other number below it, do not. */
static int is_limit(const rule_t *rule, const ec_value_t *value)
{
    return value != NULL && (rule->kind == LIMIT_SLOTS ? value->i >= 0 : value->i > 0);
}

/* The stanza that a domain or host which is counted by itself is in. */
static const conf_stanza_t *container_of(const struct finding *finding, const conf_stanza_t *stanza)
{
    return strcmp(conf_stanza_type(stanza), finding->type) == 0 ? conf_stanza_parent(stanza) : stanza;
}

static const char *key_of(const struct finding *finding, const rule_t *rule, const conf_stanza_t *stanza)
{
    const char *option = conf_option(rule->opt)->name;

    if (rule->reach != NAME) {
        return apr_pstrcat(finding->pool, option, " ", conf_origin_key(stanza, finding->pool), NULL);
    }
    return apr_pstrcat(finding->pool, option, " ", conf_origin_key(container_of(finding, stanza), finding->pool),
                       " each ", finding->type, ":", finding->names.name, NULL);
}

/* What all that count together know of the one who asks. */
static conf_scope_names_t names_within(const struct finding *finding, const conf_stanza_t *container)
{
    conf_scope_names_t names = { NULL, NULL, finding->names.name };

    for (; container != NULL; container = conf_stanza_parent(container)) {
        if (strcmp(conf_stanza_type(container), "binding") == 0) {
            names.binding = conf_stanza_name(container);
        } else if (strcmp(conf_stanza_type(container), "binding_group") == 0) {
            names.group = conf_stanza_name(container);
        }
    }
    return names;
}

/* The mode is the limit's, not that of who asks: all that share a gate, on all nodes, have to find the same.
 * So it is looked for where the value comes from and outward from there; when a domain or host is counted by
 * itself, as that name finds it there. */
static int is_available(const struct finding *finding, const rule_t *rule, const conf_stanza_t *stanza)
{
    static const conf_opt_t mode = CONF_O_CLUSTER_LIMIT_MODE;
    conf_origin_t origin = { NULL, NULL };

    if (rule->reach == NAME) {
        conf_scope_names_t names = names_within(finding, container_of(finding, stanza));

        if (strcmp(finding->type, "host") == 0) {
            conf_host_origins(&origin, &mode, 1, finding->conf, &names);
        } else {
            conf_outbound_origins(&origin, &mode, 1, finding->conf, &names);
        }
    }
    for (; origin.value == NULL && stanza != NULL; stanza = conf_stanza_parent(stanza)) {
        origin.value = conf_stanza_get(finding->conf, stanza, conf_option(mode)->name);
    }
    return origin.value != NULL && origin.value->i == MODE_AVAILABLE;
}

static void add(struct finding *finding, const rule_t *rule, const conf_stanza_t *stanza,
                const ec_value_t *value)
{
    if (!is_limit(rule, value) || finding->n == LIMITS_MAX) {
        return;
    }
    finding->places[finding->n++] = (limit_place_t){
        .place = { .key = key_of(finding, rule, stanza),
                   .limit = value->i,
                   .window = rule->kind == LIMIT_SLOTS ? 0 : apr_time_from_sec(value->period),
                   .is_cluster = rule->is_cluster,
                   .is_available = rule->is_cluster && is_available(finding, rule, stanza),
                   .generation = conf_generation(finding->conf) },
        .kind = rule->kind,
        .opt = rule->opt,
        .where = conf_origin_text(stanza, finding->pool),
    };
}

static void add_containers(struct finding *finding, const rule_t *rule)
{
    conf_origin_t origins[CONF_CONTAINERS_MAX];
    int n = conf_container_origins(origins, rule->opt, finding->conf, &finding->names), has_global = 0;

    for (int i = 0; i < n; i++) {
        has_global |= conf_stanza_parent(origins[i].stanza) == NULL;
        add(finding, rule, origins[i].stanza, origins[i].value);
    }
    if (!has_global) {
        add(finding, rule, NULL, conf_get(conf_global(finding->conf), rule->opt));
    }
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const limit_place_t *)a)->place.key, ((const limit_place_t *)b)->place.key);
}

/* Only who has any of these pays for the walk along the stanzas. */
static int has_any(const conf_view_t *view)
{
    for (int i = 0; i < RULES_MAX; i++) {
        if (of_queues[i].reach != ALL_CONTAINERS &&
            is_limit(&of_queues[i], conf_get(view, of_queues[i].opt))) {
            return 1;
        }
    }
    return 0;
}

static void find_of_queue(struct finding *finding, const conf_view_t *view)
{
    conf_opt_t opts[RULES_MAX];
    conf_origin_t origins[RULES_MAX];
    int has_stanza = has_any(view);

    for (int i = 0; i < RULES_MAX; i++) {
        opts[i] = of_queues[i].opt;
    }
    if (has_stanza) {
        conf_outbound_origins(origins, opts, RULES_MAX, finding->conf, &finding->names);
    }
    for (int i = 0; i < RULES_MAX; i++) {
        if (of_queues[i].reach == ALL_CONTAINERS) {
            add_containers(finding, &of_queues[i]);
        } else if (has_stanza && origins[i].stanza != NULL) {
            add(finding, &of_queues[i], origins[i].stanza, origins[i].value);
        }
    }
}

static void find_of_host(struct finding *finding)
{
    enum { N = sizeof of_hosts / sizeof of_hosts[0] };
    conf_opt_t opts[N];
    conf_origin_t origins[N];

    for (int i = 0; i < N; i++) {
        opts[i] = of_hosts[i].opt;
    }
    conf_host_origins(origins, opts, N, finding->conf, &finding->names);
    for (int i = 0; i < N; i++) {
        if (origins[i].stanza != NULL) {
            add(finding, &of_hosts[i], origins[i].stanza, origins[i].value);
        }
    }
}

int places_find(limit_place_t places[LIMITS_MAX], queue_t *queue, const char *host, apr_pool_t *pool)
{
    const conf_view_t *view = queue_view(queue);
    struct finding finding = {
        .places = places,
        .conf = queue->set->conf,
        .names = { queue->group, queue->binding, host != NULL ? host : queue->domain },
        .type = host != NULL ? "host" : "domain",
        .pool = pool,
    };

    if (host == NULL) {
        find_of_queue(&finding, view);
    } else {
        find_of_host(&finding);
    }
    qsort(places, (size_t)finding.n, sizeof places[0], by_key);
    return finding.n;
}

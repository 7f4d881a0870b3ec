/* stanzas.c - Replicate stanzas: what they may say, and what objects follow
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "cluster/shared/inside.h"

/* ---- classes ------------------------------------------------------------------------------------- */

static apr_size_t key_address(char *key, const struct tally_conn *conn)
{
    memcpy(key, conn->address, (apr_size_t)conn->bytes);
    return (apr_size_t)conn->bytes;
}

static apr_size_t key_domain(char *key, const struct tally_conn *conn)
{
    int length = snprintf(key, TABLE_KEY_MAX, "%s", conn->domain);

    return length > 0 && length < TABLE_KEY_MAX ? (apr_size_t)length : 0;
}

/* As options of a domain in a binding are named. */
static apr_size_t key_binding_domain(char *key, const struct tally_conn *conn)
{
    int length = snprintf(key, TABLE_KEY_MAX, "%s::%s", conn->binding, conn->domain);

    return length > 0 && length < TABLE_KEY_MAX ? (apr_size_t)length : 0;
}

static const struct shared_class classes[] = {
    { "inbound_cidr", SHARED_CIDR, "cidrtree", TALLY_IN, 0, key_address },
    { "outbound_cidr", SHARED_CIDR, "cidrtree", TALLY_OUT, 1, key_address },
    { "outbound_domains", SHARED_GAUGE, "gauge table", TALLY_OUT, 1, key_domain },
    { "outbound_binding_domains", SHARED_GAUGE, "gauge table", TALLY_OUT, 0, key_binding_domain },
    { "shared_named_throttles", SHARED_THROTTLE, "throttles", -1, 0, NULL },
    { "obtm", SHARED_THROTTLE, "throttles", -1, 0, NULL },
    { "obtc", SHARED_THROTTLE, "throttles", -1, 0, NULL },
    { "metrics", SHARED_METRICS, "metrics", -1, 0, NULL },
    { "eccmgr_metrics", SHARED_MANAGER_METRICS, "metrics", -1, 0, NULL },
    { "cache", SHARED_CACHE, "cache", -1, 0, NULL },
};

const struct shared_class *shared_class_find(const char *name)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strcasecmp(classes[i].name, name) == 0)
            return &classes[i];
    }
    return NULL;
}

/* ---- options ----------------------------------------------------------------------------------------- */

const ec_option_t shared_replicate_options[] = {
    EC_OPT_ROW(struct shared_object, type, NULL, .type = EC_TYPE_STRING,
               .help = "What is shared: inbound_cidr, outbound_cidr, outbound_domains, outbound_binding_domains, "
                       "shared_named_throttles, OBTM, OBTC, metrics, eccmgr_metrics, cache. Unset: the stanza's name."),
    { .name = "class", .type = EC_TYPE_STRING, .offset = offsetof(struct shared_object, base),
      .help = "The same as type, for an object with a name of its own; goes before type." },
    EC_OPT_ROW(struct shared_object, binding_group, NULL, .type = EC_TYPE_STRING,
               .help = "Count only what bindings of this group do; for outbound_cidr and outbound_domains."),
    EC_OPT_ROW(struct shared_object, parameters, "", .type = EC_TYPE_STRING,
               .help = "Words with semicolons between: snapshot; of metrics: connect, delivery, transfail, permfail, "
                       "reception, rejection, audit_series, gauge_cache."),
    EC_OPT_ROW(struct shared_object, max_delay, "1.0", .type = EC_TYPE_FLOAT, .unit = "seconds",
               .help = "An update waits so long for others at most."),
    EC_OPT_ROW(struct shared_object, max_pending, "100", .type = EC_TYPE_INT, .min = 1, .max = 1000000,
               .help = "So many updates are sent before max_delay is over."),
    EC_OPT_ROW(struct shared_object, max_size, "-1", .type = EC_TYPE_INT, .min = -1, .max = APR_INT64_MAX,
               .help = "Keys of a cache; the one that was set longest ago goes first. -1: no limit."),
    EC_OPT_END,
};

static const struct {
    const char *word;
    unsigned wants;
} words[] = {
    { "snapshot", SHARED_SNAPSHOT },
    { "audit_series", SHARED_SERIES_LATER },
    { "gauge_cache", SHARED_SERIES_LATER },
};

static unsigned wanted_by(const char *word)
{
    int series = metrics_find(word);

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(words[i].word, word) == 0)
            return words[i].wants;
    }
    return series < 0 ? 0 : 1u << series;
}

static const char *read_parameters(shared_t *shared, struct shared_object *object)
{
    apr_pool_t *pool = shared->instance->pool;
    char *last, *copy = apr_pstrdup(pool, object->parameters);

    for (char *word = apr_strtok(copy, "; \t,", &last); word != NULL; word = apr_strtok(NULL, "; \t,", &last)) {
        unsigned wants = wanted_by(word);

        if (wants == 0)
            return apr_psprintf(pool, "\"%s\" is no parameter: snapshot, connect, delivery, transfail, permfail, "
                                      "reception, rejection, audit_series, gauge_cache", word);
        if (wants == SHARED_SERIES_LATER)
            ec_log(shared->instance->log, EC_LOG_WARNING, "Replicate \"%s\": the parameter %s has no effect yet",
                   object->name, word);
        object->wants |= wants;
    }
    return NULL;
}

/* ---- objects ------------------------------------------------------------------------------------------- */

static const char *check(shared_t *shared, struct shared_object *object)
{
    apr_pool_t *pool = shared->instance->pool;
    const char *word = object->base != NULL ? object->base : object->type != NULL ? object->type : object->name;

    if (strlen(object->name) > BUNDLE_NAME_MAX)
        return "its name is longer than 64 bytes";
    for (int i = 0; i < shared->count; i++) {
        if (strcasecmp(shared->objects[i].name, object->name) == 0)
            return "there is another one of this name";
    }
    object->class = shared_class_find(word);
    if (object->class == NULL)
        return apr_psprintf(pool, "\"%s\" is no type: inbound_cidr, outbound_cidr, outbound_domains, "
                                  "outbound_binding_domains, shared_named_throttles, OBTM, OBTC, metrics, "
                                  "eccmgr_metrics, cache; set type or class", word);
    if (object->binding_group != NULL && !object->class->has_group)
        return "binding_group restricts outbound_cidr and outbound_domains only";
    if (!(object->max_delay >= 0 && object->max_delay <= 3600))
        return "max_delay is between 0 and 3600 seconds";
    return read_parameters(shared, object);
}

static void lower(char *text)
{
    for (; *text != '\0'; text++)
        *text |= *text >= 'A' && *text <= 'Z' ? 0x20 : 0;
}

apr_status_t shared_read_stanzas(shared_t *shared, const char **why)
{
    apr_pool_t *pool = shared->instance->pool;
    const ec_stanza_t *stanza = NULL;

    while ((stanza = ec_stanza_next(shared->instance->stanza, "replicate", stanza)) != NULL) {
        struct shared_object *object = &shared->objects[shared->count];
        const char *said = "there are more than 64 of them";

        if (shared->count < SHARED_OBJECTS_MAX) {
            char *name = apr_pstrdup(pool, ec_stanza_name(stanza));

            lower(name); /* all nodes are to find the same object */
            object->name = name;
            ec_stanza_fill(object, shared_replicate_options, stanza, pool);
            said = check(shared, object);
        }
        if (said != NULL) {
            *why = apr_psprintf(pool, "%s:%d: Replicate \"%s\": %s", ec_stanza_file(stanza), ec_stanza_line(stanza),
                                ec_stanza_name(stanza), said);
            return EC_E_CONFIG;
        }
        shared->count++;
    }
    return APR_SUCCESS;
}

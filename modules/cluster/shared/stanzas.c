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
    { "inbound_cidr", SHARED_CIDR, "cidrtree", TALLY_IN, 0, key_address, NULL },
    { "outbound_cidr", SHARED_CIDR, "cidrtree", TALLY_OUT, 1, key_address, NULL },
    { "outbound_domains", SHARED_GAUGE, "gauge table", TALLY_OUT, 1, key_domain, NULL },
    { "outbound_binding_domains", SHARED_GAUGE, "gauge table", TALLY_OUT, 0, key_binding_domain, NULL },
    { "shared_named_throttles", SHARED_THROTTLE, "throttles", -1, 0, NULL, "shared_named_throttles" },
    { "obtm", SHARED_THROTTLE, "throttles", -1, 0, NULL, "cluster_outbound_throttle_messages" },
    { "obtc", SHARED_THROTTLE, "throttles", -1, 0, NULL, "cluster_outbound_throttle_connections" },
    { "metrics", SHARED_METRICS, "metrics", -1, 0, NULL, NULL },
    { "eccmgr_metrics", SHARED_MANAGER_METRICS, "metrics", -1, 0, NULL, NULL },
    { "cache", SHARED_CACHE, "cache", -1, 0, NULL, NULL },
};

const char *shared_spelled(const char *name)
{
    return strcasecmp(name, "outbound_domain") == 0 ? "outbound_domains" : name;
}

const struct shared_class *shared_class_find(const char *name)
{
    name = shared_spelled(name);
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (strcasecmp(classes[i].name, name) == 0)
            return &classes[i];
    }
    return NULL;
}

const struct shared_class *shared_class_next(const struct shared_class *class)
{
    class = class == NULL ? classes : class + 1;
    return class < classes + sizeof(classes) / sizeof(classes[0]) ? class : NULL;
}

/* ---- options ----------------------------------------------------------------------------------------- */

const ec_option_t shared_replicate_options[] = {
    EC_OPT_ROW(struct shared_settings, type, NULL, .type = EC_TYPE_STRING,
               .help = "What is shared: inbound_cidr, outbound_cidr, outbound_domains, outbound_binding_domains, "
                       "shared_named_throttles, OBTM, OBTC, metrics, eccmgr_metrics, cache. Unset: the stanza's name."),
    { .name = "class", .type = EC_TYPE_STRING, .offset = offsetof(struct shared_settings, base),
      .help = "The same as type, for an object with a name of its own; goes before type." },
    EC_OPT_ROW(struct shared_settings, binding_group, NULL, .type = EC_TYPE_STRING,
               .help = "Count only what bindings of this group do; for outbound_cidr and outbound_domains."),
    EC_OPT_ROW(struct shared_settings, parameters, "", .type = EC_TYPE_STRING,
               .help = "Words with semicolons between: snapshot; of metrics: connect, delivery, transfail, permfail, "
                       "reception, rejection, audit_series, gauge_cache."),
    EC_OPT_ROW(struct shared_settings, max_delay, "1.0", .type = EC_TYPE_FLOAT, .unit = "seconds",
               .help = "An update waits so long for others at most."),
    EC_OPT_ROW(struct shared_settings, max_pending, "100", .type = EC_TYPE_INT, .min = 1, .max = 1000000,
               .help = "So many updates are sent before max_delay is over."),
    EC_OPT_ROW(struct shared_settings, max_size, "-1", .type = EC_TYPE_INT, .min = -1, .max = APR_INT64_MAX,
               .help = "Keys of a cache; the one that was set longest ago goes first. -1: no limit."),
    EC_OPT_END,
};

static const struct {
    const char *word;
    unsigned wants;
} words[] = {
    { "snapshot", SHARED_SNAPSHOT },
    { "audit_series", AUDIT_SERIES },
    { "gauge_cache", AUDIT_GAUGES },
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

static const char *read_parameters(const ec_instance_t *instance, struct shared_settings *settings)
{
    apr_pool_t *pool = instance->pool;
    char *last, *copy = apr_pstrdup(pool, settings->parameters);

    for (char *word = apr_strtok(copy, "; \t,", &last); word != NULL; word = apr_strtok(NULL, "; \t,", &last)) {
        unsigned wants = wanted_by(word);

        if (wants == 0)
            return apr_psprintf(pool, "\"%s\" is no parameter: snapshot, connect, delivery, transfail, permfail, "
                                      "reception, rejection, audit_series, gauge_cache", word);
        if (wants == AUDIT_GAUGES && settings->class->kind == SHARED_MANAGER_METRICS)
            return "a manager alone keeps no gauge_cache: values are what all nodes have added; write it into a stanza of "
                   "class metrics";
        settings->wants |= wants;
    }
    return NULL;
}

/* ---- stanzas ------------------------------------------------------------------------------------------- */

static int is_known(const struct shared_config *config, const char *name)
{
    for (int i = 0; i < config->count; i++) {
        if (strcmp(config->objects[i].name, name) == 0)
            return 1;
    }
    return 0;
}

/* NULL, or what is wrong. */
static const char *check(const ec_instance_t *instance, const struct shared_config *config,
                         struct shared_settings *settings)
{
    apr_pool_t *pool = instance->pool;
    const char *word = settings->base != NULL   ? settings->base
                       : settings->type != NULL ? settings->type
                                                : settings->name;

    if (settings->name[0] == '\0' || strlen(settings->name) > BUNDLE_NAME_MAX)
        return "its name is to have 1 to 64 bytes";
    if (is_known(config, settings->name))
        return "there is another one of this name";
    settings->class = shared_class_find(word);
    if (settings->class == NULL)
        return apr_psprintf(pool, "\"%s\" is no type: inbound_cidr, outbound_cidr, outbound_domains, "
                                  "outbound_binding_domains, shared_named_throttles, OBTM, OBTC, metrics, "
                                  "eccmgr_metrics, cache; set type or class", word);
    if (settings->binding_group != NULL && !settings->class->has_group)
        return "binding_group restricts outbound_cidr and outbound_domains only";
    if (!(settings->max_delay >= 0 && settings->max_delay <= 3600))
        return "max_delay is between 0 and 3600 seconds";
    return read_parameters(instance, settings);
}

/* Names are in lower case: all nodes are to find the same object. */
static const char *lower(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);

    for (char *at = copy; *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at + 'a' - 'A') : *at;
    return copy;
}

static const char *read_stanza(const ec_instance_t *instance, struct shared_config *config,
                               const ec_stanza_t *stanza)
{
    struct shared_settings *settings = &config->objects[config->count];
    const char *why;

    if (config->count == SHARED_OBJECTS_MAX)
        return "there are more than 64 of them";
    settings->name = shared_spelled(lower(ec_stanza_name(stanza), instance->pool));
    ec_stanza_fill(settings, shared_replicate_options, stanza, instance->pool);
    why = check(instance, config, settings);
    config->count++;
    return why;
}

static const char kept_as[] = "cluster.replicate";

apr_status_t shared_check(const ec_instance_t *instance, const char **why)
{
    apr_pool_t *pool = instance->pool;
    struct shared_config *config = apr_pcalloc(pool, sizeof(*config));
    const ec_stanza_t *stanza = NULL;
    const char *said;

    while ((stanza = ec_stanza_next(instance->stanza, "replicate", stanza)) != NULL) {
        if ((said = read_stanza(instance, config, stanza)) != NULL) {
            *why = apr_psprintf(pool, "%s:%d: Replicate \"%s\": %s", ec_stanza_file(stanza), ec_stanza_line(stanza),
                                ec_stanza_name(stanza), said);
            return EC_E_CONFIG;
        }
    }
    return apr_pool_userdata_setn(config, kept_as, NULL, pool);
}

static const char *useless(const struct shared_settings *settings)
{
    int is_metrics = settings->class->kind == SHARED_METRICS || settings->class->kind == SHARED_MANAGER_METRICS;
    int has_events = (settings->wants & ~(unsigned)SHARED_SNAPSHOT) != 0;

    if (is_metrics && !has_events)
        return "without parameters that name events it shares nothing";
    if (!is_metrics && has_events)
        return "its parameters have no effect: events are for the classes metrics and eccmgr_metrics";
    return settings->class->kind != SHARED_CACHE && settings->max_size >= 0
               ? "max_size has no effect: it is for the class cache"
               : NULL;
}

void shared_tell_useless(const struct shared_config *config, ec_log_t *log)
{
    for (int i = 0; i < config->count; i++) {
        const char *why = useless(&config->objects[i]);

        if (why != NULL)
            ec_log(log, EC_LOG_WARNING, "Replicate \"%s\": %s", config->objects[i].name, why);
    }
}

const struct shared_config *shared_config_of(const ec_instance_t *instance)
{
    void *config = NULL;

    apr_pool_userdata_get(&config, kept_as, instance->pool);
    EC_ASSERT(config != NULL);
    return config;
}

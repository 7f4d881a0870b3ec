/* options.c - from the values of a stanza to the fields of an instance struct
 * SPDX-License-Identifier: Apache-2.0
 *
 * Values belong to a generation, an instance may outlive it: so everything is copied.
 * A field's C type follows from the row's type (include/ec/module.h). */
#include "module/options.h"

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "util/cidr.h"
#include "util/regex.h"

static const char *const *copy_list(const char *const *list, apr_pool_t *pool)
{
    const char **copy;
    int n = 0;

    while (list != NULL && list[n] != NULL) {
        n++;
    }
    copy = apr_pcalloc(pool, (apr_size_t)(n + 1) * sizeof *copy);
    for (int i = 0; i < n; i++) {
        copy[i] = apr_pstrdup(pool, list[i]);
    }
    return copy;
}

static apr_interval_time_t to_microseconds(const ec_option_t *row, apr_int64_t n)
{
    if (row->unit != NULL && strcmp(row->unit, "milliseconds") == 0) {
        return n * 1000;
    }
    if (row->unit != NULL && strcmp(row->unit, "microseconds") == 0) {
        return n;
    }
    return n * APR_USEC_PER_SEC;
}

/* ---- fields, by type --------------------------------------------------------------- */

static void set_string(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    *(const char **)field = apr_pstrdup(pool, value->s);
}

static void set_int64(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    *(apr_int64_t *)field = value->i;
}

static void set_int(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    *(int *)field = (int)value->i;
}

static void set_float(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    *(double *)field = value->f;
}

static void set_interval(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    *(apr_interval_time_t *)field = to_microseconds(row, value->i);
}

static void set_list(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    *(const char *const **)field = copy_list(value->list, pool);
}

static void set_dict(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    *(const char *const **)field = copy_list(value->dict, pool);
}

static void set_networks(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    ec_cidr_set_t *set = NULL;
    const char *bad;

    EC_ASSERT(cidr_set_create(&set, value->list, &bad, pool) == APR_SUCCESS); /* it was one before */
    *(const ec_cidr_set_t **)field = set;
}

static void set_regex(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    ec_regex_t *regex = NULL;
    const char *why;

    EC_ASSERT(regex_create(&regex, value->s, &why, pool) == APR_SUCCESS);
    *(const ec_regex_t **)field = regex;
}

static void set_throttle(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    *(ec_throttle_t *)field = (ec_throttle_t){ value->i, value->period * APR_USEC_PER_SEC };
}

static void (*const setters[])(void *, const ec_option_t *, const ec_value_t *, apr_pool_t *) = {
    [EC_TYPE_STRING] = set_string,       [EC_TYPE_INT] = set_int64,
    [EC_TYPE_SIZE] = set_int64,          [EC_TYPE_FLOAT] = set_float,
    [EC_TYPE_BOOL] = set_int,            [EC_TYPE_PERMS] = set_int,
    [EC_TYPE_INTERVAL] = set_interval,   [EC_TYPE_ENUM] = set_int,
    [EC_TYPE_ENUM_INT] = set_int64,      [EC_TYPE_LIST] = set_list,
    [EC_TYPE_CIDR_LIST] = set_networks,  [EC_TYPE_DICT] = set_dict,
    [EC_TYPE_SOCKADDR] = set_string,     [EC_TYPE_SOCKADDR_PORTLESS] = set_string,
    [EC_TYPE_REGEX] = set_regex,         [EC_TYPE_THROTTLE] = set_throttle,
};
_Static_assert(sizeof(setters) / sizeof(setters[0]) == EC_TYPE_COUNT, "every type has its field");

/* An item keeps what its type gives it; texts and what is compiled are made anew in the instance's pool. */
static void copy_item(ec_value_t *item, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    *item = *value;
    item->s = value->s != NULL ? apr_pstrdup(pool, value->s) : NULL;
    if (row->type == EC_TYPE_REGEX)
        set_regex(&item->regex, row, value, pool);
}

static void set_array(void *field, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    ec_value_t *items = apr_pcalloc(pool, sizeof(*items) * (apr_size_t)(value->n_items + 1));

    for (int i = 0; i < value->n_items; i++) {
        copy_item(&items[i], row, &value->items[i], pool);
    }
    *(ec_values_t *)field = (ec_values_t){ value->n_items, items };
}

void module_option_set(void *self, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    void *field = (char *)self + row->offset;

    if (value != NULL && row->flags & EC_OPTION_ARRAY) {
        set_array(field, row, value, pool);
    } else if (value != NULL) {
        setters[row->type](field, row, value, pool);
    }
}

/* ---- texts --------------------------------------------------------------------------- */

static const char *list_text(const char *const *list, apr_pool_t *pool)
{
    apr_array_header_t *parts = apr_array_make(pool, 16, sizeof(const char *));

    for (int i = 0; list != NULL && list[i] != NULL; i++) {
        APR_ARRAY_PUSH(parts, const char *) =
            apr_psprintf(pool, "%lu:%s,", (unsigned long)strlen(list[i]), list[i]);
    }
    return apr_array_pstrcat(pool, parts, '\0');
}

const char *module_option_text(const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    if (value == NULL) {
        return "";
    }
    if (row->flags & EC_OPTION_ARRAY) {
        return list_text(value->list, pool);
    }
    switch (row->type) {
    case EC_TYPE_STRING:
    case EC_TYPE_SOCKADDR:
    case EC_TYPE_SOCKADDR_PORTLESS:
    case EC_TYPE_THROTTLE:
    case EC_TYPE_REGEX:
        return apr_psprintf(pool, "%lu:%s", (unsigned long)strlen(value->s), value->s);
    case EC_TYPE_LIST:
    case EC_TYPE_CIDR_LIST:
        return list_text(value->list, pool);
    case EC_TYPE_DICT:
        return list_text(value->dict, pool);
    case EC_TYPE_FLOAT:
        return apr_psprintf(pool, "%.17g", value->f);
    default:
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, value->i);
    }
}

void module_options_set(void *self, const ec_option_t *table, const conf_t *conf, const conf_stanza_t *stanza,
                        apr_pool_t *pool)
{
    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++) {
        if (row->scopes != NULL) {
            *(ec_option_handle_t *)((char *)self + row->offset) = conf_handle(row);
        } else {
            module_option_set(self, row, conf_stanza_eval(conf, stanza, row->name), pool);
        }
    }
}

static void add_text(apr_array_header_t *parts, const char *name, const char *text, apr_pool_t *pool)
{
    APR_ARRAY_PUSH(parts, const char *) = apr_pstrcat(pool, name, "=", text, "\n", NULL);
}

/* What is set in the stanzas inside of this one; their defaults do not change. */
static void add_inner_texts(apr_array_header_t *parts, const conf_t *conf, const conf_stanza_t *outer,
                            apr_pool_t *pool)
{
    const conf_stanza_t *inner = NULL;

    while ((inner = conf_next(conf, outer, NULL, inner)) != NULL) {
        add_text(parts, conf_stanza_type(inner), conf_stanza_name(inner), pool);
        for (const ec_option_t *row = conf_stanza_table(inner); row != NULL && row->name != NULL; row++) {
            add_text(parts, row->name, module_option_text(row, conf_stanza_get(conf, inner, row->name), pool),
                     pool);
        }
        add_inner_texts(parts, conf, inner, pool);
        APR_ARRAY_PUSH(parts, const char *) = "}\n";
    }
}

const char *module_options_text(const ec_option_t *table, const conf_t *conf, const conf_stanza_t *stanza,
                                apr_pool_t *pool)
{
    const ec_option_t *enabled = conf_option(CONF_O_ENABLED);
    apr_array_header_t *parts = apr_array_make(pool, 16, sizeof(const char *));

    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++) {
        if (row->scopes == NULL) {
            add_text(parts, row->name,
                     module_option_text(row, conf_stanza_eval(conf, stanza, row->name), pool), pool);
        }
    }
    add_text(parts, enabled->name, module_option_text(enabled, conf_stanza_get(conf, stanza, enabled->name), pool), pool);
    add_inner_texts(parts, conf, stanza, pool);
    return apr_array_pstrcat(pool, parts, '\0');
}

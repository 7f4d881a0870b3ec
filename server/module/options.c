/* options.c - from the values of a stanza to the fields of an instance struct
 * SPDX-License-Identifier: Apache-2.0
 *
 * Values belong to a generation, an instance may outlive it: so everything is copied.
 * A field's C type follows from the row's type (include/ec/module.h). */
#include "module/options.h"

#include <string.h>

#include <apr_strings.h>

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

/* A network list can not be copied: a module keeps its text and asks the core. */
static void (*const setters[])(void *, const ec_option_t *, const ec_value_t *, apr_pool_t *) = {
    [EC_TYPE_STRING] = set_string,     [EC_TYPE_INT] = set_int64,      [EC_TYPE_SIZE] = set_int64,
    [EC_TYPE_FLOAT] = set_float,       [EC_TYPE_BOOL] = set_int,       [EC_TYPE_PERMS] = set_int,
    [EC_TYPE_INTERVAL] = set_interval, [EC_TYPE_ENUM] = set_int,       [EC_TYPE_ENUM_INT] = set_int64,
    [EC_TYPE_LIST] = set_list,         [EC_TYPE_CIDR_LIST] = set_list, [EC_TYPE_DICT] = set_dict,
    [EC_TYPE_SOCKADDR] = set_string,   [EC_TYPE_REGEX] = set_string,
};

void module_option_set(void *self, const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    if (value != NULL) {
        setters[row->type]((char *)self + row->offset, row, value, pool);
    }
}

/* ---- texts --------------------------------------------------------------------------- */

static const char *list_text(const char *const *list, apr_pool_t *pool)
{
    const char *text = "";

    for (int i = 0; list != NULL && list[i] != NULL; i++) {
        text = apr_psprintf(pool, "%s%lu:%s,", text, (unsigned long)strlen(list[i]), list[i]);
    }
    return text;
}

const char *module_option_text(const ec_option_t *row, const ec_value_t *value, apr_pool_t *pool)
{
    if (value == NULL) {
        return "";
    }
    switch (row->type) {
    case EC_TYPE_STRING:
    case EC_TYPE_SOCKADDR:
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
        module_option_set(self, row, conf_stanza_eval(conf, stanza, row->name), pool);
    }
}

const char *module_options_text(const ec_option_t *table, const conf_t *conf, const conf_stanza_t *stanza,
                                apr_pool_t *pool)
{
    const ec_option_t *enabled = conf_option(CONF_O_ENABLED);
    const char *text = "";

    for (const ec_option_t *row = table; row != NULL && row->name != NULL; row++) {
        text =
            apr_pstrcat(pool, text, row->name, "=",
                        module_option_text(row, conf_stanza_eval(conf, stanza, row->name), pool), "\n", NULL);
    }
    return apr_pstrcat(pool, text, enabled->name, "=",
                       module_option_text(enabled, conf_stanza_get(conf, stanza, enabled->name), pool), "\n", NULL);
}

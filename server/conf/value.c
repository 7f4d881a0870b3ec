/* value.c - written values to typed ones (config-language.md section 3)
 * SPDX-License-Identifier: Apache-2.0
 *
 * One function a type, in a table; each says in one clause what it wants when it refuses. */
#include "conf/value.h"
#include "conf/scopes.h"
#include "util/cidr.h"
#include "util/regex.h"
#include "util/units.h"

#include <string.h>
#include <strings.h>

#include <apr_hash.h>
#include <apr_strings.h>

struct making {
    const ec_option_t *row;
    const char *text; /* of a scalar */
    const char **why;
    apr_pool_t *pool;
};
enum { THROTTLE_PERIOD_MAX = 31536000 };
typedef apr_status_t make_fn(ec_value_t *value, const struct making *making);

static apr_status_t refuse(const struct making *making, const char *what)
{
    *making->why = what;
    return EC_E_SYNTAX;
}

static apr_status_t check_bounds(const ec_value_t *value, const struct making *making)
{
    const ec_option_t *row = making->row;

    if ((row->min == 0 && row->max == 0) || (value->i >= row->min && value->i <= row->max))
        return APR_SUCCESS;
    return refuse(making, apr_psprintf(making->pool,
                                       "a number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT " is wanted",
                                       row->min, row->max));
}

/* ---- scalars ---------------------------------------------------------------------------- */

static apr_status_t make_string(ec_value_t *value, const struct making *making)
{
    return APR_SUCCESS;
}

static apr_status_t make_int(ec_value_t *value, const struct making *making)
{
    if (!units_parse_int(making->text, &value->i))
        return refuse(making, "a whole number is wanted");
    return check_bounds(value, making);
}

static apr_status_t make_size(ec_value_t *value, const struct making *making)
{
    if (!units_parse_size(making->text, &value->i))
        return refuse(making, "a number of bytes is wanted, such as 4096, 64K or 10M");
    return check_bounds(value, making);
}

static apr_status_t make_float(ec_value_t *value, const struct making *making)
{
    if (!units_parse_float(making->text, &value->f))
        return refuse(making, "a number is wanted");
    value->i = value->f >= -9e18 && value->f <= 9e18 ? (apr_int64_t)value->f : 0;
    return APR_SUCCESS;
}

/* Index of the word in the list, or -1. */
static int find_word(const char *const *words, const char *text)
{
    for (int i = 0; words != NULL && words[i] != NULL; i++) {
        if (strcasecmp(words[i], text) == 0)
            return i;
    }
    return -1;
}

static int parse_bool(const char *text)
{
    static const char *const words[] = { "false", "true", "off",      "on",      "no", "yes",
                                         "0",     "1",    "disabled", "enabled", NULL };
    int found = find_word(words, text);

    return found < 0 ? -1 : found % 2;
}

static apr_status_t make_bool(ec_value_t *value, const struct making *making)
{
    int truth = parse_bool(making->text);

    if (truth < 0)
        return refuse(making, "true or false is wanted (also on/off, yes/no, enabled/disabled, 1/0)");
    value->i = truth;
    return APR_SUCCESS;
}

static apr_status_t make_perms(ec_value_t *value, const struct making *making)
{
    if (!units_parse_perms(making->text, &value->i))
        return refuse(making, "an octal file mode is wanted, such as 0640");
    return APR_SUCCESS;
}

static apr_status_t make_interval(ec_value_t *value, const struct making *making)
{
    int is_milli = making->row->unit != NULL && strcmp(making->row->unit, "milliseconds") == 0;

    if (!units_parse_interval(making->text, is_milli ? 1000 : 1, &value->i) || value->i < -1)
        return refuse(making, is_milli
                                  ? "a time is wanted: milliseconds, or with a unit, such as \"5 seconds\""
                                  : "a time is wanted: seconds, or with a unit, such as 30m or \"4 hours\"");
    return check_bounds(value, making);
}

static const char *list_words(const struct making *making)
{
    const char *text = "";

    for (const char *const *word = making->row->words; word != NULL && *word != NULL; word++)
        text = apr_pstrcat(making->pool, text,
                           word == making->row->words ? ""
                           : word[1] == NULL          ? " or "
                                                      : ", ",
                           *word, NULL);
    return text;
}

/* Enumerations with true and false, or enabled and disabled, take every spelling of a boolean. */
static int find_enum_word(const char *const *words, const char *text)
{
    int found = find_word(words, text), truth = parse_bool(text);

    if (found < 0 && truth >= 0)
        found = find_word(words, truth ? "true" : "false");
    if (found < 0 && truth >= 0)
        found = find_word(words, truth ? "enabled" : "disabled");
    return found;
}

static apr_status_t make_enum(ec_value_t *value, const struct making *making)
{
    int found = find_enum_word(making->row->words, making->text);

    if (found < 0)
        return refuse(making, apr_psprintf(making->pool, "%s is wanted", list_words(making)));
    value->i = found;
    value->s = making->row->words[found];
    return APR_SUCCESS;
}

static apr_status_t make_enum_int(ec_value_t *value, const struct making *making)
{
    int found = find_word(making->row->words, making->text);

    if (found >= 0) {
        value->i = -1 - found;
        value->s = making->row->words[found];
        return APR_SUCCESS;
    }
    if (!units_parse_int(making->text, &value->i) || value->i < 0)
        return refuse(making, apr_psprintf(making->pool, "a number, %s is wanted", list_words(making)));
    return check_bounds(value, making);
}

static apr_status_t make_sockaddr(ec_value_t *value, const struct making *making)
{
    value->s = scope_endpoint_name(making->text, making->why, making->pool);
    return value->s != NULL ? APR_SUCCESS : EC_E_SYNTAX;
}

static apr_status_t make_regex(ec_value_t *value, const struct making *making)
{
    ec_regex_t *regex = NULL;

    EC_TRY(regex_create(&regex, making->text, making->why, making->pool));
    value->regex = regex;
    return APR_SUCCESS;
}

/* An address alone; brackets around IPv6 are let through, "*" is any. */
static apr_status_t make_portless(ec_value_t *value, const struct making *making)
{
    size_t length = strlen(making->text);
    char text[CIDR_TEXT_MAX] = "", canonical[CIDR_TEXT_MAX];
    cidr_t address;
    int is_bracketed = length > 2 && making->text[0] == '[' && making->text[length - 1] == ']';

    if (strcmp(making->text, "*") == 0)
        return APR_SUCCESS;
    if (length < sizeof(text))
        apr_cpystrn(text, making->text + is_bracketed, length + 1 - 2 * (size_t)is_bracketed);
    if (!cidr_parse_address(&address, text) || (is_bracketed && strchr(text, ':') == NULL))
        return refuse(making, "an IP address without port is wanted");
    value->s = apr_pstrdup(making->pool, cidr_format(&address, canonical));
    return APR_SUCCESS;
}

/* "n" or "n/s": so many in a second, or in s seconds. */
static apr_status_t make_throttle(ec_value_t *value, const struct making *making)
{
    char *count = apr_pstrdup(making->pool, making->text), *slash = strchr(count, '/');

    value->period = 1;
    if (slash != NULL)
        *slash = '\0';
    if (!units_parse_int(count, &value->i) || value->i < 0 ||
        (slash != NULL && (!units_parse_int(slash + 1, &value->period) || value->period < 1 ||
                           value->period > THROTTLE_PERIOD_MAX)))
        return refuse(making, "a throttle is wanted: \"10\" for 10 a second, \"10/60\" for 10 in 60 seconds");
    return check_bounds(value, making);
}

/* ---- lists and dictionaries ----------------------------------------------------------------- */

static const char *const *item_array(const raw_value_t *raw, apr_pool_t *pool)
{
    const char **items = apr_palloc(pool, sizeof(*items) * (apr_size_t)(raw->count + 1));
    const char *item = raw->text;

    for (int i = 0; i < raw->count; i++) {
        items[i] = item;
        item += strlen(item) + 1;
    }
    items[raw->count] = NULL;
    return items;
}

static apr_status_t make_cidr_list(ec_value_t *value, const struct making *making)
{
    ec_cidr_set_t *set;
    const char *bad;

    if (cidr_set_create(&set, value->list, &bad, making->pool) != APR_SUCCESS)
        return refuse(making, apr_psprintf(making->pool, "\"%.60s\" is not an IP address or network", bad));
    value->cidr = set;
    return APR_SUCCESS;
}

/* The last value of a key counts and stands where the key stood first. */
static const char *const *dict_array(const raw_value_t *raw, apr_pool_t *pool)
{
    const char *const *items = item_array(raw, pool);
    const char **dict = apr_palloc(pool, sizeof(*dict) * (apr_size_t)(raw->count + 1));
    apr_hash_t *places = apr_hash_make(pool);
    int kept = 0;

    for (int i = 0; i + 1 < raw->count; i += 2) {
        const char **place = apr_hash_get(places, items[i], APR_HASH_KEY_STRING);

        if (place == NULL) {
            place = &dict[kept];
            place[0] = items[i];
            kept += 2;
            apr_hash_set(places, items[i], APR_HASH_KEY_STRING, place);
        }
        place[1] = items[i + 1];
    }
    dict[kept] = NULL;
    return dict;
}

static apr_status_t make_list(ec_value_t *value, const struct making *making)
{
    return APR_SUCCESS;
}

static const struct {
    make_fn *make;
    enum { SCALAR, LIST, DICT } shape;
} makers[] = {
    [EC_TYPE_STRING] = { make_string, SCALAR },     [EC_TYPE_INT] = { make_int, SCALAR },
    [EC_TYPE_SIZE] = { make_size, SCALAR },         [EC_TYPE_FLOAT] = { make_float, SCALAR },
    [EC_TYPE_BOOL] = { make_bool, SCALAR },         [EC_TYPE_PERMS] = { make_perms, SCALAR },
    [EC_TYPE_INTERVAL] = { make_interval, SCALAR }, [EC_TYPE_ENUM] = { make_enum, SCALAR },
    [EC_TYPE_ENUM_INT] = { make_enum_int, SCALAR }, [EC_TYPE_LIST] = { make_list, LIST },
    [EC_TYPE_CIDR_LIST] = { make_cidr_list, LIST }, [EC_TYPE_DICT] = { make_list, DICT },
    [EC_TYPE_SOCKADDR] = { make_sockaddr, SCALAR }, [EC_TYPE_REGEX] = { make_regex, SCALAR },
    [EC_TYPE_SOCKADDR_PORTLESS] = { make_portless, SCALAR }, [EC_TYPE_THROTTLE] = { make_throttle, SCALAR },
};
_Static_assert(sizeof(makers) / sizeof(makers[0]) == EC_TYPE_COUNT, "every type has its maker");

/* Any scalar type as an array: every item is made and checked like a value of its own. */
static apr_status_t make_array(ec_value_t *value, struct making *making, const raw_value_t *raw)
{
    ec_value_t *items = apr_pcalloc(making->pool, sizeof(*items) * (apr_size_t)(raw->count + 1));

    for (int i = 0; i < raw->count; i++) {
        making->text = items[i].s = value->list[i];
        if (makers[making->row->type].make(&items[i], making) != APR_SUCCESS)
            return refuse(making, apr_psprintf(making->pool, "item %d, \"%.60s\": %s", i + 1, value->list[i],
                                               *making->why));
    }
    value->items = items;
    value->n_items = raw->count;
    return APR_SUCCESS;
}

static int is_array(const ec_option_t *row)
{
    return makers[row->type].shape == SCALAR && row->flags & EC_OPTION_ARRAY;
}

apr_status_t value_make(ec_value_t *value, const ec_option_t *row, const raw_value_t *raw, const char **why,
                        apr_pool_t *pool)
{
    struct making making = { .row = row, .text = raw->text, .why = why, .pool = pool };

    memset(value, 0, sizeof(*value));
    switch (is_array(row) ? LIST : makers[row->type].shape) {
    case SCALAR:
        if (raw->kind != RAW_SCALAR)
            return refuse(&making, "one value is wanted, not a list");
        value->s = raw->text;
        break;
    case LIST:
        if (raw->kind == RAW_DICT)
            return refuse(&making, "a list is wanted: ( a b c )");
        value->list = item_array(raw, pool);
        break;
    case DICT:
        if (raw->kind != RAW_DICT)
            return refuse(&making, "a dictionary is wanted: [ key = value ]");
        value->dict = dict_array(raw, pool);
        break;
    }
    return is_array(row) ? make_array(value, &making, raw) : makers[row->type].make(value, &making);
}

apr_status_t value_make_default(ec_value_t *value, raw_value_t *raw, const ec_option_t *row, const char **why,
                                apr_pool_t *pool)
{
    if (makers[row->type].shape != SCALAR || is_array(row)) {
        EC_TRY(raw_value_parse(raw, row->deflt, why, pool));
    } else {
        raw->kind = RAW_SCALAR;
        raw->count = 1;
        raw->text = apr_pstrdup(pool, row->deflt);
        raw->length = raw->room = strlen(row->deflt) + 1;
    }
    return value_make(value, row, raw, why, pool);
}

/* type.c - types of options in words, for console and manual
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/ask/type.h"
#include "conf/kind.h"

#include <string.h>

#include <apr_strings.h>

static const struct {
    const char *one, *many; /* of an array */
} names[EC_TYPE_COUNT] = {
    [EC_TYPE_STRING] = { "text", "texts" },
    [EC_TYPE_INT] = { "number", "numbers" },
    [EC_TYPE_SIZE] = { "size", "sizes" },
    [EC_TYPE_FLOAT] = { "decimal number", "decimal numbers" },
    [EC_TYPE_BOOL] = { "boolean", "booleans" },
    [EC_TYPE_PERMS] = { "file mode", "file modes" },
    [EC_TYPE_INTERVAL] = { "time", "times" },
    [EC_TYPE_ENUM] = { "one of", "any of" },
    [EC_TYPE_ENUM_INT] = { "number or one of", "numbers or any of" },
    [EC_TYPE_LIST] = { "list", "lists" },
    [EC_TYPE_CIDR_LIST] = { "list of addresses and networks", "lists of addresses and networks" },
    [EC_TYPE_DICT] = { "dictionary", "dictionaries" },
    [EC_TYPE_SOCKADDR] = { "endpoint", "endpoints" },
    [EC_TYPE_REGEX] = { "regular expression", "regular expressions" },
    [EC_TYPE_SOCKADDR_PORTLESS] = { "address", "addresses" },
    [EC_TYPE_THROTTLE] = { "rate \"count/seconds\"", "rates \"count/seconds\"" },
};

const char *option_type_text(const ec_option_t *row, apr_pool_t *pool)
{
    const char *text = row->flags & EC_OPTION_ARRAY
                           ? apr_pstrcat(pool, "list of ", names[row->type].many, NULL)
                           : names[row->type].one;

    for (const char *const *word = row->words; word != NULL && *word != NULL; word++)
        text = apr_pstrcat(pool, text, word == row->words ? " " : ", ", *word, NULL);
    if (row->unit != NULL)
        text = apr_pstrcat(pool, text, " in ", row->unit, NULL);
    if (row->min != 0 || row->max != 0)
        text = apr_psprintf(pool, "%s, from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT, text, row->min,
                            row->max);
    return text;
}

const char *option_default_text(const ec_option_t *row)
{
    if (row->deflt == NULL)
        return "(not set)";
    return *row->deflt == '\0' ? "(empty)" : row->deflt;
}

const char *option_scopes_text(const conf_option_t *option, apr_pool_t *pool)
{
    const conf_kind_t *kind = option->kind;

    if (kind == NULL)
        return option->row->scopes != NULL ? option->row->scopes : option->owner;
    return kind == kind->outer ? kind->scope.name
                               : apr_pstrcat(pool, kind->scope.name, " in ", kind->scope.parents, NULL);
}

int option_is_like(const conf_option_t *a, const conf_option_t *b)
{
    const char *of_a = a->kind != NULL ? a->kind->scope.name : "", *of_b = b->kind != NULL ? b->kind->scope.name : "";

    return strcmp(a->owner, b->owner) == 0 && strcmp(a->row->name, b->row->name) == 0 && strcmp(of_a, of_b) == 0;
}

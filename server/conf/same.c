/* same.c - do two views say the same, whatever generations they are of?
 * SPDX-License-Identifier: Apache-2.0
 *
 * All values of a view, with their texts, are in its digest: 64 bits of a keyed hash, so that
 * an unlucky or unkind configuration does not find two that collide.  Where digests differ,
 * single options are compared by value: 1M is 1048576. */
#include "conf/view.h"

#include <string.h>

#include "util/hash.h"

/* What counts of a value of which the text does not: how a number was written is nobody's business. */
static int is_number(conf_opt_t opt)
{
    static const unsigned char numbers[EC_TYPE_COUNT] = {
        [EC_TYPE_INT] = 1,      [EC_TYPE_SIZE] = 1, [EC_TYPE_BOOL] = 1,     [EC_TYPE_PERMS] = 1,
        [EC_TYPE_INTERVAL] = 1, [EC_TYPE_ENUM] = 1, [EC_TYPE_ENUM_INT] = 1,
    };
    const ec_option_t *row = conf_option(opt);

    return numbers[row->type] && (row->flags & EC_OPTION_ARRAY) == 0;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static int is_same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static int is_same_list(const char *const *a, const char *const *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    for (; *a != NULL && *b != NULL; a++, b++) {
        if (strcmp(*a, *b) != 0)
            return 0;
    }
    return *a == *b;
}

static int is_same_items(const ec_value_t *a, const ec_value_t *b);

static int is_same_whole(const ec_value_t *a, const ec_value_t *b)
{
    return a->i == b->i && a->period == b->period && memcmp(&a->f, &b->f, sizeof(a->f)) == 0 &&
           is_same_text(a->s, b->s) && is_same_list(a->list, b->list) && is_same_list(a->dict, b->dict) &&
           is_same_items(a, b);
}

static int is_same_items(const ec_value_t *a, const ec_value_t *b)
{
    if (a->n_items != b->n_items)
        return 0;
    for (int i = 0; i < a->n_items; i++) {
        if (!is_same_whole(&a->items[i], &b->items[i]))
            return 0;
    }
    return 1;
}

static int is_same_value(conf_opt_t opt, const ec_value_t *a, const ec_value_t *b)
{
    if (a == NULL || b == NULL || a == b)
        return a == b;
    return is_number(opt) ? a->i == b->i : is_same_whole(a, b);
}

int conf_view_is_same(const conf_view_t *a, const conf_view_t *b, const conf_opt_t *opts, int n)
{
    if (a->digest == b->digest || opts == NULL)
        return a->digest == b->digest;
    for (int i = 0; i < n; i++) {
        if (!is_same_value(opts[i], conf_get(a, opts[i]), conf_get(b, opts[i])))
            return 0;
    }
    return 1;
}

/* ---- digests ------------------------------------------------------------------------------------ */

static apr_uint64_t add_bytes(apr_uint64_t digest, const void *bytes, apr_size_t length)
{
    return util_hash(digest, bytes, length);
}

static apr_uint64_t add_list(apr_uint64_t digest, const char *const *list)
{
    for (; list != NULL && *list != NULL; list++)
        digest = add_bytes(digest, *list, strlen(*list) + 1);
    return digest;
}

static apr_uint64_t add_text(apr_uint64_t digest, const char *text)
{
    return text == NULL ? add_bytes(digest, "", 0) : add_bytes(digest, text, strlen(text) + 1);
}

static apr_uint64_t add_value(apr_uint64_t digest, const ec_value_t *value)
{
    digest = add_bytes(digest, &value->i, sizeof(value->i));
    digest = add_bytes(digest, &value->period, sizeof(value->period));
    digest = add_bytes(digest, &value->f, sizeof(value->f));
    digest = add_text(digest, value->s);
    digest = add_list(add_bytes(digest, "l", 1), value->list);
    digest = add_list(add_bytes(digest, "d", 1), value->dict);
    for (int i = 0; i < value->n_items; i++)
        digest = add_value(add_bytes(digest, "i", 1), &value->items[i]);
    return digest;
}

apr_uint64_t view_digest(int handle, const ec_value_t *value)
{
    apr_uint64_t digest = util_hash_seed() + (apr_uint64_t)handle;

    return value == NULL ? add_bytes(digest, "", 0) : add_value(digest, value);
}

/* same.c - do two views say the same, whatever generations they are of?
 * SPDX-License-Identifier: Apache-2.0
 *
 * Values are compared, not how they were written: 1M is 1048576.  All values of a view are
 * in its digest, 64 bits of a keyed hash, so that an unlucky or unkind configuration does
 * not find two that collide. */
#include "conf/view.h"

#include <string.h>

#include "util/hash.h"

/* What of a value counts. */
enum { PART_NUMBER = 1, PART_FLOAT = 2, PART_TEXT = 4, PART_LIST = 8, PART_DICT = 16 };

static unsigned parts_of(conf_opt_t opt)
{
    static const unsigned char parts[] = {
        [EC_TYPE_INT] = PART_NUMBER,   [EC_TYPE_SIZE] = PART_NUMBER, [EC_TYPE_BOOL] = PART_NUMBER,
        [EC_TYPE_PERMS] = PART_NUMBER, [EC_TYPE_ENUM] = PART_NUMBER, [EC_TYPE_INTERVAL] = PART_NUMBER,
        [EC_TYPE_FLOAT] = PART_FLOAT,  [EC_TYPE_LIST] = PART_LIST,   [EC_TYPE_ENUM_INT] = PART_NUMBER,
        [EC_TYPE_DICT] = PART_DICT,    [EC_TYPE_REGEX] = PART_TEXT,  [EC_TYPE_CIDR_LIST] = PART_LIST,
        [EC_TYPE_STRING] = PART_TEXT,  [EC_TYPE_SOCKADDR] = PART_TEXT,
    };
    unsigned type = (unsigned)conf_option(opt)->type;

    /* of a type that is not listed everything counts */
    return type < sizeof(parts) && parts[type] != 0 ? parts[type] : ~0u;
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

static int is_same_value(conf_opt_t opt, const ec_value_t *a, const ec_value_t *b)
{
    unsigned parts = parts_of(opt);

    if (a == NULL || b == NULL || a == b)
        return a == b;
    return (!(parts & PART_NUMBER) || a->i == b->i) &&
           (!(parts & PART_FLOAT) || memcmp(&a->f, &b->f, sizeof(a->f)) == 0) &&
           (!(parts & PART_TEXT) || is_same_text(a->s, b->s)) &&
           (!(parts & PART_LIST) || is_same_list(a->list, b->list)) &&
           (!(parts & PART_DICT) || is_same_list(a->dict, b->dict));
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

apr_uint64_t view_digest(conf_opt_t opt, const ec_value_t *value)
{
    apr_uint64_t digest = util_hash_seed() + (apr_uint64_t)opt;
    unsigned parts = parts_of(opt);

    if (value == NULL)
        return add_bytes(digest, "", 0);
    if (parts & PART_NUMBER)
        digest = add_bytes(digest, &value->i, sizeof(value->i));
    if (parts & PART_FLOAT)
        digest = add_bytes(digest, &value->f, sizeof(value->f));
    if (parts & PART_TEXT)
        digest = add_bytes(digest, value->s != NULL ? value->s : "", value->s != NULL ? strlen(value->s) + 1 : 0);
    if (parts & PART_LIST)
        digest = add_list(add_bytes(digest, "l", 1), value->list);
    if (parts & PART_DICT)
        digest = add_list(add_bytes(digest, "d", 1), value->dict);
    return digest;
}

/* value.h - written values to typed ones, and back
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <ec/option.h>
#include "conf/lexer.h"

enum { VALUE_ITEMS_MAX = 1000000, VALUE_BYTES_MAX = 64 << 20 };

typedef enum { RAW_SCALAR, RAW_LIST, RAW_DICT } raw_kind_t;

/* A value as written.  Items stand behind one another, each with a NUL; a dictionary has
 * key, value, key, value. */
typedef struct {
    raw_kind_t kind;
    int count; /* items; for a dictionary keys and values together */
    apr_size_t length, room;
    char *text;
} raw_value_t;

/** Read a value whose first token is the lexer's current one; `raw->text` is malloc'd and reused.
 * On EC_E_SYNTAX `*why` is what is wrong at the lexer's current token, in `pool`. */
apr_status_t raw_value_read(raw_value_t *raw, lexer_t *lexer, const char **why, apr_pool_t *pool);
/** Read a text that is a value and nothing else, such as a default; `raw->text` is in `pool`. */
apr_status_t raw_value_parse(raw_value_t *raw, const char *text, const char **why, apr_pool_t *pool);
/** As it would stand in a file; in `pool`. */
const char *raw_value_text(const raw_value_t *raw, apr_pool_t *pool);
/** One item, or a stanza's name, as it would stand in a file, in `pool`: quoted when it has to be, or when `is_quoted`
 * asks for it and it can be.  NULL when no file can say it: control characters, broken UTF-8, a backslash before the end
 * or before a quote of what needs quotes. */
const char *raw_item_text(const char *item, int is_quoted, apr_pool_t *pool);
/** Can a file say all of it? */
int raw_value_is_sayable(const raw_value_t *raw, apr_pool_t *scratch);

/** Do both say the same in the same form? */
int raw_value_is_same(const raw_value_t *a, const raw_value_t *b);

/** Give the value its type.  Keeps `raw`.  On EC_E_SYNTAX `*why` says what is wrong, in `pool`. */
apr_status_t value_make(ec_value_t *value, const ec_option_t *row, const raw_value_t *raw, const char **why,
                        apr_pool_t *pool);
/** Text of a row's default to a value.  A default of a scalar type is the whole text, whatever it contains.
 */
apr_status_t value_make_default(ec_value_t *value, raw_value_t *raw, const ec_option_t *row, const char **why,
                                apr_pool_t *pool);

#endif

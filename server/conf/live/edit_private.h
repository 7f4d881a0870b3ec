/* edit_private.h - what the files of the edit engine share
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONF_LIVE_EDIT_PRIVATE_H
#define CONF_LIVE_EDIT_PRIVATE_H

#include "conf/live/edit.h"

typedef enum {
    SPLICE_PUT,        /* exactly these bytes */
    SPLICE_REMOVE,     /* a statement: maybe with its line */
    SPLICE_REMOVE_ITEM /* of a list or dictionary: with a comma behind it */
} splice_kind_t;

struct splice {
    splice_kind_t kind;
    apr_size_t start, end;
    const char *text;
    int order;
};

struct edit {
    const char *text;
    apr_size_t length;
    const char *eol;
    apr_array_header_t *splices; /* of struct splice */
    apr_array_header_t *blocks;  /* of edit_block_t *: those that stand in the file */
    apr_hash_t *places;          /* const conf_place_t * to its block */
    edit_block_t *end;
    apr_pool_t *pool;
};

/** Keeps `text`. */
void edit_splice(edit_t *edit, splice_kind_t kind, apr_size_t start, apr_size_t end, const char *text);

/** Make splices of all blocks (block.c). */
void block_write_all(edit_t *edit);

#endif

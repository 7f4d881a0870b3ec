/* context.h - variables as one run of bytes: kind, name NUL, value NUL, and so on
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same bytes are in memory and in the spool.  There are few, and most messages have none. */
#ifndef MESSAGE_CONTEXT_H
#define MESSAGE_CONTEXT_H

#include <ec/context.h>

/** All zero is empty. */
typedef struct {
    char *data; /* malloc'd */
    apr_uint32_t used, room;
} context_t;

/** As ec_batch_context_set(); `name` is none of its own texts. */
apr_status_t context_set(context_t *context, int kind, const char *name, const char *value);
const char *context_get(const context_t *context, int kind, const char *name);
void context_each(const context_t *context, int kind, ec_context_each_fn *each, void *baton);
/** Add all of one kind to another context; what does not fit stays away. */
void context_copy(context_t *to, const context_t *from, int kind);
/** Take a copy of bytes from the spool.  EC_E_SPOOL_CORRUPT when they are none of ours. */
apr_status_t context_take(context_t *context, const char *data, apr_size_t length);
void context_free(context_t *context);
#endif

/* mimetype.h - what the header of a part says of it
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MESSAGE_MIMETYPE_H
#define MESSAGE_MIMETYPE_H

#include <apr_pools.h>
#include <ec/mime.h>

typedef struct {
    apr_pool_t *pool;
    const char *type, *charset, *encoding, *disposition, *file, *name, *id;
    const char *boundary; /* "" */
} mime_header_t;

void mime_header_init(mime_header_t *header, apr_pool_t *pool);
/** One field, unfolded; may be changed.  The first of each kind counts. */
void mime_header_field(mime_header_t *header, char *field);
/** Into the part, with defaults. */
void mime_header_finish(mime_header_t *header, ec_part_t *part);
#endif

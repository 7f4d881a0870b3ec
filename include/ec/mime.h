/* mime.h - the parts of a message
 * SPDX-License-Identifier: Apache-2.0 (RFC 2045, RFC 2046, RFC 2183, RFC 2231)
 *
 * Reading only.  Bounded: EC_MIME_PARTS_MAX parts, EC_MIME_DEPTH_MAX deep; what goes beyond stays part of what it is in.
 * A body that is a file is read from disk: do that in a job. */
#ifndef EC_MIME_H
#define EC_MIME_H

#include <apr_pools.h>
#include <ec/message.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { EC_MIME_PARTS_MAX = 1000, EC_MIME_DEPTH_MAX = 20 };

/** One part.  Texts are "" where nothing was said; types, encodings and dispositions are lower case. */
typedef struct {
    int depth;                     /* 0: the message itself */
    int parent;                    /* its number, -1 for the message itself */
    apr_size_t header, body;       /* where they begin in the message */
    apr_size_t length;             /* of the body, as it stands there */
    const char *type;              /* "text/plain" */
    const char *charset;           /* "us-ascii" where a text says nothing */
    const char *encoding;          /* "7bit", "8bit", "binary", "quoted-printable", "base64" */
    const char *disposition;       /* "attachment" */
    const char *file;              /* file name, UTF-8 */
    const char *id;                /* Content-ID without <> */
} ec_part_t;

/** All parts in the order in which they begin; number 0 is the message.  In `pool`. */
apr_status_t ec_mime_parts(const ec_batch_t *batch, const ec_part_t **parts, int *n, apr_pool_t *pool);

/** Decoded bytes of a part's body, piece by piece (borrowed).  Non-zero ends it. */
typedef int ec_mime_sink_fn(void *baton, const char *data, apr_size_t len);
/** Decode quoted-printable and base64; other encodings come as they are.  Never fails on bad input: what is no
 * base64 is left out, what is no quoted-printable comes as it is. */
apr_status_t ec_mime_decode(const ec_batch_t *batch, const ec_part_t *part, ec_mime_sink_fn *sink, void *baton);

#ifdef __cplusplus
}
#endif
#endif

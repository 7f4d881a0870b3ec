/* head.h - the header section as one text
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MESSAGE_HEAD_H
#define MESSAGE_HEAD_H

#include <ec/header.h>

#include "message/message.h"

typedef struct {
    char *text;        /* malloc'd, NUL-terminated: the fields with their line ends, without the empty line */
    apr_size_t length;
} head_t;

/** Read it.  EC_E_TOO_LONG beyond EC_HEADER_SECTION_MAX. */
apr_status_t head_read(head_t *head, const ec_batch_t *batch);
void head_free(head_t *head);
/** Put `text` in the place of the first `old` bytes of the message.  On failure the message is as it was. */
apr_status_t head_replace(ec_batch_t *batch, apr_size_t old, const char *text, apr_size_t length);

/** A field in the text: [start, end) with its line end, the name [start, name_end), the value behind the colon. */
typedef struct {
    const char *start, *name_end, *value, *end;
} head_field_t;
/** The field at `at`; 0 when there is none (any more). */
int head_field(const char *at, const char *stop, head_field_t *field);
int head_is_named(const head_field_t *field, const char *name);
/** Unfold into `buffer`; 0 when it was cut. */
int head_value(const head_field_t *field, char *buffer, apr_size_t room);
#endif

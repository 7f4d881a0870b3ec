/* field.c - one header field of a message in memory
 * SPDX-License-Identifier: Apache-2.0
 *
 * The header is read byte by byte across the body's blocks: nothing is copied but the
 * value that was asked for.  Lines end in CR LF; a lone LF is taken as well. */
#include <string.h>

#include "message/message.h"
#include "util/text.h"

enum { HEADER_MAX = 64 * 1024 };

/* Reads one byte after the other; -1 at the end of the body or of what is looked at. */
struct reader {
    const body_block_t *block;
    apr_uint32_t at;
    apr_size_t left;
};

static int peek_byte(struct reader *reader)
{
    while (reader->block != NULL && reader->at == reader->block->used) {
        reader->block = reader->block->next;
        reader->at = 0;
    }
    if (reader->block == NULL || reader->left == 0) {
        return -1;
    }
    return (unsigned char)reader->block->data[reader->at];
}

static int next_byte(struct reader *reader)
{
    int c = peek_byte(reader);

    if (c >= 0) {
        reader->at++;
        reader->left--;
    }
    return c;
}

/* Is the line's field `name`?  Leaves the reader behind the colon, or somewhere in the line. */
static int is_field(struct reader *reader, const char *name)
{
    int c;

    for (; *name != '\0'; name++) {
        c = peek_byte(reader);
        if (c < 0 || c == '\n' || util_lower((char)c) != util_lower(*name)) {
            return 0;
        }
        next_byte(reader);
    }
    while ((c = peek_byte(reader)) == ' ' || c == '\t') {
        next_byte(reader);
    }
    return c == ':' && next_byte(reader) == ':';
}

static void skip_line(struct reader *reader)
{
    int c;

    do {
        c = next_byte(reader);
    } while (c >= 0 && c != '\n');
}

static int is_folded(struct reader *reader)
{
    int c = peek_byte(reader);

    return c == ' ' || c == '\t';
}

/* The value without the space around it; folds become what white space they have. */
static void take_value(struct reader *reader, char *buffer, apr_size_t room)
{
    apr_size_t length = 0;
    int c;

    while ((c = next_byte(reader)) >= 0) {
        if (c == '\n' && !is_folded(reader)) {
            break;
        }
        if (c == '\r' || c == '\n' || c == '\0' || (length == 0 && (c == ' ' || c == '\t'))) {
            continue;
        }
        if (length + 1 < room) {
            buffer[length++] = (char)c;
        }
    }
    while (length > 0 && (buffer[length - 1] == ' ' || buffer[length - 1] == '\t')) {
        length--;
    }
    if (room > 0) {
        buffer[length] = '\0';
    }
}

int ec_batch_header(const ec_batch_t *batch, const char *name, char *buffer, apr_size_t room)
{
    return batch_header(batch, name, buffer, room);
}

int batch_header(const ec_batch_t *batch, const char *name, char *buffer, apr_size_t room)
{
    struct reader reader = { .block = batch->body.first, .left = HEADER_MAX };
    int c;

    while ((c = peek_byte(&reader)) >= 0 && c != '\r' && c != '\n') {
        if (is_field(&reader, name)) {
            take_value(&reader, buffer, room);
            return 1;
        }
        skip_line(&reader);
    }
    return 0;
}

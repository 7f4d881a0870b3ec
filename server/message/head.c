/* head.c - the header section of a message: read as one text, put in the place of the old one
 * SPDX-License-Identifier: Apache-2.0 */
#include "message/head.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/crc32c.h"
#include "util/text.h"

enum { PIECE = 16 * 1024, COPY_PIECE = 256 * 1024, FILE_MODE = 0640 };

/* ---- reading ----------------------------------------------------------------------------- */

/* Where the empty line begins; looks from `from` on, which is the beginning of a line.  -1: not in here. */
static long find_end(const char *text, apr_size_t length, apr_size_t *from)
{
    const char *lf;

    while ((lf = memchr(text + *from, '\n', length - *from)) != NULL) {
        apr_size_t line = (apr_size_t)(lf - text) - *from;

        if (line == 0 || (line == 1 && text[*from] == '\r')) {
            return (long)*from;
        }
        *from = (apr_size_t)(lf - text) + 1;
    }
    return -1;
}

apr_status_t head_read(head_t *head, const ec_batch_t *batch)
{
    apr_size_t room = 0, length = 0, from = 0, n;
    apr_status_t rv;
    long end = -1;

    *head = (head_t){ 0 };
    do {
        char *more = length + PIECE + 1 > EC_HEADER_SECTION_MAX + PIECE ? NULL : realloc(head->text, room += PIECE + 1);

        if (more == NULL) {
            head_free(head);
            return EC_E_TOO_LONG;
        }
        head->text = more;
        n = PIECE;
        if ((rv = ec_batch_read(batch, length, head->text + length, &n)) != APR_SUCCESS) {
            head_free(head);
            return rv;
        }
        length += n;
    } while ((end = find_end(head->text, length, &from)) < 0 && n == PIECE);
    head->length = end >= 0 ? (apr_size_t)end : length;
    head->text[head->length] = '\0';
    return APR_SUCCESS;
}

void head_free(head_t *head)
{
    free(head->text);
    *head = (head_t){ 0 };
}

/* ---- fields ------------------------------------------------------------------------------- */

static const char *line_end(const char *at, const char *stop)
{
    const char *lf = memchr(at, '\n', (apr_size_t)(stop - at));

    return lf != NULL ? lf + 1 : stop;
}

int head_field(const char *at, const char *stop, head_field_t *field)
{
    const char *p = at;

    while (p < stop && *p > ' ' && *p < 127 && *p != ':') {
        p++;
    }
    *field = (head_field_t){ .start = at, .name_end = p };
    while (p < stop && (*p == ' ' || *p == '\t')) {
        p++;
    }
    if (p == stop || *p != ':' || field->name_end == at) {
        return 0;
    }
    field->value = p + 1;
    field->end = line_end(p, stop);
    while (field->end < stop && (*field->end == ' ' || *field->end == '\t')) {
        field->end = line_end(field->end, stop);
    }
    return 1;
}

int head_is_named(const head_field_t *field, const char *name)
{
    return util_text_equal_nocase(field->start, (apr_size_t)(field->name_end - field->start), name, strlen(name));
}

int head_value(const head_field_t *field, char *buffer, apr_size_t room)
{
    apr_size_t length = 0;
    int is_whole = 1;

    for (const char *p = field->value; p < field->end; p++) {
        if (*p == '\r' || *p == '\n' || *p == '\0' || (length == 0 && (*p == ' ' || *p == '\t'))) {
            continue;
        }
        if (length + 1 < room) {
            buffer[length++] = *p;
        } else {
            is_whole = 0;
        }
    }
    while (length > 0 && (buffer[length - 1] == ' ' || buffer[length - 1] == '\t')) {
        length--;
    }
    buffer[length] = '\0';
    return is_whole;
}

/* ---- replacing, in memory ------------------------------------------------------------------- */

static void drop_front(body_t *body, apr_size_t length)
{
    while (length > 0 && body->first != NULL) {
        body_block_t *block = body->first;

        if (length < block->used) {
            memmove(block->data, block->data + length, block->used - length);
            block->used -= (apr_uint32_t)length;
            return;
        }
        length -= block->used;
        body->first = block->next;
        if (body->first == NULL) {
            body->last = NULL;
        }
        free(block);
    }
}

static apr_status_t replace_in_memory(body_t *body, apr_size_t old, const char *text, apr_size_t length)
{
    body_block_t *block = malloc(sizeof *block + length);

    if (block == NULL) {
        return APR_ENOMEM;
    }
    memcpy(block->data, text, length);
    block->used = block->room = (apr_uint32_t)length;
    drop_front(body, old);
    block->next = body->first;
    body->first = block;
    if (body->last == NULL) {
        body->last = block;
    }
    body->size = body->size - old + length;
    return APR_SUCCESS;
}

/* ---- replacing, in a file -------------------------------------------------------------------- */

struct copy {
    int fd;
    apr_uint32_t crc;
    apr_size_t size;
};

static apr_status_t copy_add(struct copy *copy, const char *data, apr_size_t length)
{
    copy->crc = util_crc32c(copy->crc, data, length);
    while (length > 0) {
        ssize_t n = pwrite(copy->fd, data, length, (off_t)copy->size);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            return APR_ENOSPC;
        }
        if (n > 0) {
            data += n;
            length -= (apr_size_t)n;
            copy->size += (apr_size_t)n;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t copy_rest(struct copy *copy, const ec_batch_t *batch, apr_size_t from)
{
    char *piece = malloc(COPY_PIECE);
    apr_status_t rv = piece != NULL ? APR_SUCCESS : APR_ENOMEM;
    apr_size_t n = COPY_PIECE;

    while (rv == APR_SUCCESS && n > 0) {
        n = COPY_PIECE;
        rv = ec_batch_read(batch, from, piece, &n);
        if (rv == APR_SUCCESS) {
            rv = copy_add(copy, piece, n);
            from += n;
        }
    }
    free(piece);
    return rv;
}

static apr_status_t replace_in_file(ec_batch_t *batch, apr_size_t old, const char *text, apr_size_t length)
{
    body_t *body = &batch->body;
    struct copy copy = { .fd = -1 };
    apr_status_t rv;
    char *path;

    if (asprintf(&path, "%s.new", body->path) < 0) {
        return APR_ENOMEM;
    }
    copy.fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    rv = copy.fd < 0 ? errno : copy_add(&copy, text, length);
    if (rv == APR_SUCCESS) {
        rv = copy_rest(&copy, batch, old);
    }
    if (rv == APR_SUCCESS && rename(path, body->path) != 0) {
        rv = errno;
    }
    if (rv == APR_SUCCESS) {
        close(body->fd);
        body->fd = copy.fd;
        body->crc = copy.crc;
        body->size = copy.size;
    } else if (copy.fd >= 0) {
        unlink(path);
        close(copy.fd);
    }
    free(path);
    return rv;
}

apr_status_t head_replace(ec_batch_t *batch, apr_size_t old, const char *text, apr_size_t length)
{
    return batch->body.fd >= 0 ? replace_in_file(batch, old, text, length)
                               : replace_in_memory(&batch->body, old, text, length);
}

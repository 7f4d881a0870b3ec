/* body.c - the bytes of a message: blocks in memory, or a file above the threshold
 * SPDX-License-Identifier: Apache-2.0
 *
 * Blocks start small and double up to block_size, so that a short message does not cost
 * a whole growbuf.  A body that grows past the threshold is written to a file of its own
 * in the spool's directory for large bodies and is never whole in memory from then on;
 * the spool syncs the file before it commits the message.  Until a message is stored the
 * file is the batch's, afterwards the spool's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "message/message.h"
#include "util/crc32c.h"

enum { FIRST_BLOCK = 4096 - sizeof(body_block_t) - 16, FILE_MODE = 0640 };

static body_block_t *block_create(apr_size_t room)
{
    body_block_t *block = malloc(sizeof *block + room);

    if (block != NULL) {
        block->next = NULL;
        block->used = 0;
        block->room = (apr_uint32_t)room;
    }
    return block;
}

static apr_size_t next_room(const body_t *body, const body_limits_t *limits)
{
    apr_size_t room = body->last == NULL ? FIRST_BLOCK : (apr_size_t)body->last->room * 2;

    return limits->block_size > 0 && room > limits->block_size ? limits->block_size : room;
}

/* Undo an append that ran out of memory. */
static void blocks_cut(body_t *body, body_block_t *last, apr_uint32_t used)
{
    body_block_t *block = last == NULL ? body->first : last->next;

    while (block != NULL) {
        body_block_t *next = block->next;

        free(block);
        block = next;
    }
    body->last = last;
    if (last == NULL) {
        body->first = NULL;
    } else {
        last->next = NULL;
        last->used = used;
    }
}

static apr_status_t blocks_append(body_t *body, const body_limits_t *limits, const char *data,
                                  apr_size_t length)
{
    body_block_t *before = body->last;
    apr_uint32_t used = before == NULL ? 0 : before->used;

    for (apr_size_t left = length; left > 0;) {
        body_block_t *block = body->last;
        apr_size_t n;

        if (block == NULL || block->used == block->room) {
            block = block_create(next_room(body, limits));
            if (block == NULL) {
                blocks_cut(body, before, used);
                return APR_ENOMEM;
            }
            *(body->last == NULL ? &body->first : &body->last->next) = block;
            body->last = block;
        }
        n = block->room - block->used;
        n = n < left ? n : left;
        memcpy(block->data + block->used, data, n);
        block->used += (apr_uint32_t)n;
        data += n;
        left -= n;
    }
    body->size += length;
    return APR_SUCCESS;
}

static apr_status_t write_at(int fd, apr_size_t offset, const char *data, apr_size_t length)
{
    while (length > 0) {
        ssize_t n = pwrite(fd, data, length, (off_t)offset);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            return APR_ENOSPC;
        }
        if (n > 0) {
            data += n;
            offset += (apr_size_t)n;
            length -= (apr_size_t)n;
        }
    }
    return APR_SUCCESS;
}

/* What a failed write left behind the end is overwritten by the next or not named by any record. */
static apr_status_t file_append(body_t *body, const char *data, apr_size_t length)
{
    EC_TRY(write_at(body->fd, body->size, data, length));
    body->crc = util_crc32c(body->crc, data, length);
    body->size += length;
    return APR_SUCCESS;
}

static apr_status_t blocks_write(int fd, const body_t *body, apr_uint32_t *crc)
{
    apr_size_t offset = 0;

    for (const body_block_t *block = body->first; block != NULL; block = block->next) {
        EC_TRY(write_at(fd, offset, block->data, block->used));
        *crc = util_crc32c(*crc, block->data, block->used);
        offset += block->used;
    }
    return APR_SUCCESS;
}

char *batch_large_name(ec_id_t id, char *name)
{
    snprintf(name, BATCH_LARGE_NAME, "body-%08x-%08x-%04x", id.slot, id.process, id.counter);
    return name;
}

apr_status_t batch_body_write(const ec_batch_t *batch, const char *dir, batch_file_t *file)
{
    char name[BATCH_LARGE_NAME];
    apr_status_t rv;

    file->crc = 0;
    if (asprintf(&file->path, "%s/%s", dir, batch_large_name(batch->id, name)) < 0) {
        return APR_ENOMEM;
    }
    file->fd = open(file->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (file->fd < 0) {
        rv = errno;
        free(file->path);
        return rv;
    }
    rv = blocks_write(file->fd, &batch->body, &file->crc);
    if (rv != APR_SUCCESS) {
        unlink(file->path);
        close(file->fd);
        free(file->path);
    }
    return rv;
}

/* From memory to a file of its own. */
static apr_status_t spill(ec_batch_t *batch, const char *dir)
{
    batch_file_t file;

    EC_TRY(batch_body_write(batch, dir, &file));
    blocks_cut(&batch->body, NULL, 0);
    batch->body.crc = file.crc;
    batch->body.fd = file.fd;
    batch->body.path = file.path;
    return APR_SUCCESS;
}

apr_status_t batch_body_append(ec_batch_t *batch, const body_limits_t *limits, const void *data,
                               apr_size_t len)
{
    body_t *body = &batch->body;

    if (body->fd < 0 && limits->large_dir != NULL && body->size + len > limits->large_threshold) {
        EC_TRY(spill(batch, limits->large_dir));
    }
    return body->fd >= 0 ? file_append(body, data, len) : blocks_append(body, limits, data, len);
}

void batch_body_forget(ec_batch_t *batch)
{
    blocks_cut(&batch->body, NULL, 0);
}

int ec_batch_is_large(const ec_batch_t *batch)
{
    return batch->body.fd >= 0;
}

/* A body that was swapped out has a size and no blocks: that is no end of the message. */
apr_status_t ec_batch_peek(const ec_batch_t *batch, apr_size_t offset, const char **data, apr_size_t *len)
{
    *data = "";
    *len = 0;
    if (batch->body.fd >= 0 || (batch->body.first == NULL && batch->body.size > 0)) {
        return APR_ENOTIMPL;
    }
    for (const body_block_t *block = batch->body.first; block != NULL; block = block->next) {
        if (offset < block->used) {
            *data = block->data + offset;
            *len = block->used - offset;
            break;
        }
        offset -= block->used;
    }
    return APR_SUCCESS;
}

static apr_status_t file_read(const body_t *body, apr_size_t offset, char *buffer, apr_size_t *len)
{
    apr_size_t want = offset >= body->size ? 0 : body->size - offset;
    apr_size_t got = 0;

    want = want < *len ? want : *len;
    *len = 0;
    while (got < want) {
        ssize_t n = pread(body->fd, buffer + got, want - got, (off_t)(offset + got));

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        if (n == 0) {
            return EC_E_SPOOL_CORRUPT; /* shorter than its record says */
        }
        got += n > 0 ? (apr_size_t)n : 0;
    }
    *len = got;
    return APR_SUCCESS;
}

apr_status_t ec_batch_read(const ec_batch_t *batch, apr_size_t offset, void *buffer, apr_size_t *len)
{
    apr_size_t room = *len, got = 0;

    if (batch->body.fd >= 0) {
        return file_read(&batch->body, offset, buffer, len);
    }
    *len = 0;
    while (got < room) {
        const char *data;
        apr_size_t n;

        EC_TRY(ec_batch_peek(batch, offset + got, &data, &n));
        if (n == 0) {
            break;
        }
        n = n < room - got ? n : room - got;
        memcpy((char *)buffer + got, data, n);
        got += n;
    }
    *len = got;
    return APR_SUCCESS;
}

/* message.h - building batches, and what the server may see of them
 * SPDX-License-Identifier: Apache-2.0
 *
 * Memory: a batch is one malloc'd struct with a bump area for its texts, and its body is a
 * list of blocks of `growbuf_size`, or a file above `large_message_threshold`.
 * Pools are not used: a batch moves between threads. */
#ifndef MESSAGE_MESSAGE_H
#define MESSAGE_MESSAGE_H

#include <ec/message.h>

#include "message/binding.h"
#include "message/context.h"
#include "util/slot.h"

typedef struct batch_text batch_text_t;          /* block of the bump area */

typedef struct {
    const char *address;      /* local@domain, as given */
    const char *domain;       /* where it is routed: that of the address, or what a hook says; lower case */
    ec_id_t id;
    binding_t *binding;       /* by which it leaves; NULL: not chosen yet, or the default one */
    const char *wish;         /* what a hook has named: a binding, or a group to choose one from; NULL: nothing */
    unsigned char is_group;   /* it named a group */
    unsigned char is_dropped; /* 1: not (or no longer) to be delivered: settled before or after a restart */
    unsigned char is_routed;  /* the domain is not that of the address */
} batch_rcpt_t;

/** Blocks of a body in memory. */
typedef struct body_block body_block_t;
struct body_block {
    body_block_t *next;
    apr_uint32_t used, room;
    char data[];
};

typedef struct {
    apr_size_t size;
    body_block_t *first, *last;   /* NULL when in a file or swapped out */
    apr_uint32_t crc;             /* CRC-32C of a body in a file, kept while it is written */
    int fd;                       /* -1, or the file of a large body (owned) */
    char *path;                   /* its name, or NULL (malloc'd).  Removed with the batch until it is stored,
                                     by the spool afterwards */
} body_t;

struct ec_batch {
    apr_uint32_t refs;            /* atomic */
    ec_id_t id, connection;
    apr_time_t received;
    int flags;
    const char *sender, *source, *protocol, *helo;
    int n_rcpts, room_rcpts;
    batch_rcpt_t *rcpts;
    body_t body;
    batch_text_t *texts;
    context_t context;
    util_slots_t slots;
    unsigned char is_own;         /* made by a module (ec/inject.h) */
    unsigned char has_header;     /* ... its header has an end */
    unsigned char is_sealing;     /* the last hooks see it */
    unsigned char is_sealed;      /* on its way to the disk: constant from here on */
    struct spool_ref *ref;        /* the durable form; NULL until stored.  The batch holds no reference to it:
                                     whoever answers for a message does (spool.h) */
};

typedef struct {
    apr_size_t block_size;        /* growbuf_size */
    apr_size_t large_threshold;   /* large_message_threshold */
    const char *large_dir;        /* where large bodies stream to; borrowed for the batch's building */
} body_limits_t;

/** A new batch with one reference, a new id, received = `now`.  NULL only when memory is out. */
ec_batch_t *batch_create(apr_time_t now, const char *protocol);
void batch_set_sender(ec_batch_t *batch, const char *sender);
void batch_set_source(ec_batch_t *batch, const char *source, const char *helo, ec_id_t connection);
/** Copies the address (must contain '@' unless it is a bare local part, whose domain is then ""). */
void batch_add_rcpt(ec_batch_t *batch, const char *address);
/** For recovery and tests: as above with a known id. */
void batch_add_rcpt_id(ec_batch_t *batch, const char *address, ec_id_t id);
/** Copy `text` into the batch's own memory. */
const char *batch_strdup(ec_batch_t *batch, const char *text);

/** Route a recipient to this domain (copied, lower case), whatever its address says. */
void batch_route(ec_batch_t *batch, int rcpt, const char *domain);
/** The binding of a recipient, never NULL. */
binding_t *batch_binding(const ec_batch_t *batch, int rcpt);
/** The batch is whole and about to be stored: the last hooks see it, then nothing of it changes any more.  Loop. */
void batch_seal(ec_batch_t *batch);

/** Append to the body.  Goes over to a file when it grows past the threshold.  ENOSPC and other
 * errors leave the body as it was before; the caller answers 452 and drops the batch. */
apr_status_t batch_body_append(ec_batch_t *batch, const body_limits_t *limits, const void *data,
                               apr_size_t len);
/** The file of a large body. */
typedef struct {
    int fd;
    char *path;                   /* malloc'd */
    apr_uint32_t crc;
} batch_file_t;
/** Name of a batch's file in the directory of large bodies; writes into `name` and returns it. */
enum { BATCH_LARGE_NAME = 32 };
char *batch_large_name(ec_id_t id, char *name);
/** Write a body that is in memory into its file in `dir`; the batch stays as it is.  Nothing is left on
 * failure. */
apr_status_t batch_body_write(const ec_batch_t *batch, const char *dir, batch_file_t *file);
/** Give back the body's memory (swap out); the batch stays readable through the spool only. */
void batch_body_forget(ec_batch_t *batch);
/** Memory held, in bytes, for the accounts. */
apr_size_t batch_memory(const ec_batch_t *batch);

/** Header field of the stored message: first one with this name, unfolded into `buffer`; 0 when absent.
 * Looks at no more than the first 64 KiB.  Memory bodies only. */
int batch_header(const ec_batch_t *batch, const char *name, char *buffer, apr_size_t room);
#endif

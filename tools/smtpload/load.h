/* load.h - what all parts of smtpload know: the options, the run and its connections
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message has a number that is never used twice, also when its connection breaks: whoever compares --record
 * files then knows that an id was offered to the server exactly once. */
#ifndef SMTPLOAD_LOAD_H
#define SMTPLOAD_LOAD_H

#include "../common/address.h"
#include "../common/bytes.h"
#include "../common/loop.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

enum { MAILBOX_MAX = 320, PIECES_MAX = 4, CODES = 600 };

struct names {
    char **list;
    unsigned count;
};

struct options {
    uint64_t connections, messages, size, recipients, per_connection, domains, timeout;
    double seconds, rate, retry_connect;
    bool pipeline, ignore_errors, json;
    const char *from, *domain, *domain_file, *id_prefix, *record, *body;
    struct names rcpt;
};

/* What the run counts.  tried = sent + refused + unfinished + in_doubt + still under way. */
struct counts {
    uint64_t tried, sent, refused, unfinished, in_doubt;
    uint64_t recipients, recipients_refused, bytes;
    uint64_t connections, connect_failures, broken;
    uint64_t refused_by_code[CODES], recipients_refused_by_code[CODES];
};

/* A message on its way out.  `pieces` point into `head`, into the source's text and at constants. */
struct message {
    uint64_t number;
    char head[3072];
    struct iovec pieces[PIECES_MAX];
    unsigned piece_count;
    size_t size;
    char digest[65]; /* only with --record */
};

struct conn {
    struct loop_source source;
    struct load *load;
    unsigned index;
    int fd; /* -1: closed */
    uint32_t watched;
    uint64_t opened; /* how often */
    unsigned state;  /* dialogue.c's */
    bool is_over, is_retrying, is_idle, can_pipeline;
    struct conn *idle_next;
    int64_t retry_at, down_since, deadline, started;
    uint64_t done_here; /* messages tried on this connection */

    struct bytes held; /* the beginning of a reply line */
    unsigned reply_lines;
    struct bytes command;
    struct iovec out[PIECES_MAX + 1];
    unsigned out_at, out_count;

    bool has_message;
    int refusal; /* the first code that refused the message, 0 while none did */
    unsigned asked, accepted;
    struct message message;
};

struct load {
    struct options options;
    struct loop loop;
    struct address target;
    struct counts counts;
    struct conn *conns;
    unsigned conn_count, live, retrying;
    struct conn *idle, **idle_end; /* ready and waiting for --rate */
    struct names domains;
    struct source *source; /* message.c's */
    struct histogram *latency;
    int record_fd;
    bool is_stopping, has_failed;
    int64_t start, end;
};

/** Say on stderr what went wrong (the first few times) and, without --ignore-errors, let the run end. */
void load_trouble(struct load *load, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Is there another message to send at all? */
bool load_has_more(const struct load *load);

/** When the next message may start (now_us scale); 0 when --rate does not hold it back. */
int64_t load_due(const struct load *load);

#endif

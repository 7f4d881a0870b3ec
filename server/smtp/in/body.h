/* body.h - what follows DATA: from wire bytes to a stored message
 * SPDX-License-Identifier: Apache-2.0
 *
 * Finds the end of data, takes dots out, checks header and lines, and appends to the
 * batch.  Knows no session: bytes in, a batch and a verdict out.
 *
 * The end is CR LF . CR LF and nothing else.  Every other mixture of CR, LF and dot is
 * content, and by default makes the message refused: a host behind us that takes it for
 * an end would see a second message that nobody has checked ("SMTP smuggling").
 * Thread: the session's loop. */
#ifndef SMTP_IN_BODY_H
#define SMTP_IN_BODY_H

#include "message/message.h"

enum {
    IN_BODY_HEADER_BYTES = 256 * 1024,
    IN_BODY_HEADER_LINES = 10000,
    IN_BODY_RECEIVED_MAX = 100, /* Received fields: a mail loop (RFC 5321 6.3) */
    IN_BODY_FRAGMENT = 8 * 1024 /* an unfinished line is taken in pieces of at least this size */
};

/** What to do with a CR or LF that stands alone. */
typedef enum { IN_LONE_REFUSE, IN_LONE_FIX, IN_LONE_KEEP } in_lone_t;
/** What to do with a header field that is missing, or a line that is too long. */
typedef enum { IN_RULE_IGNORE, IN_RULE_REFUSE, IN_RULE_MEND } in_rule_t;

typedef struct in_body in_body_t;

/** Who wants to see the message while it comes; both may refuse it with in_body_refuse(). */
typedef struct {
    void (*header)(in_body_t *body, void *baton);                                /* the header section is whole */
    void (*bytes)(in_body_t *body, void *baton, const char *data, apr_size_t len); /* of the body, as they are kept */
    void *baton;
} in_body_watch_t;

/** All texts are borrowed for the life of the scanner. */
typedef struct {
    body_limits_t store;
    apr_uint64_t max_size; /* 0: no limit */
    in_lone_t lone_in_header, lone_in_body;
    in_rule_t long_lines;
    apr_size_t line_max; /* bytes of a line without its end, for long_lines */
    in_rule_t date, message_id;
    int needs_header;     /* refuse a message without any field */
    const char *hostname; /* right side of a Message-ID made here */
} in_body_rules_t;

struct in_body {
    const in_body_rules_t *rules;
    const in_body_watch_t *watch; /* NULL: nobody */
    ec_batch_t *batch;    /* borrowed; not touched any more once refused */
    int code;             /* 0, or the reply that refuses the message */
    const char *text;     /* its text, constant */
    apr_uint64_t drained; /* bytes that came after the refusal */
    apr_size_t header_bytes, column;
    apr_size_t ours; /* bytes of the stored message that the client did not send */
    int header_lines, fields, received;
    unsigned in_header : 1, is_after_crlf : 1, is_fresh : 1, has_date : 1, has_message_id : 1;
    unsigned is_behind : 1; /* the empty line behind the header has been kept: what comes is body */
};

/** Keeps `rules` and `batch`.  What the batch has already (the trace header) stays in front. */
void in_body_begin(in_body_t *body, const in_body_rules_t *rules, ec_batch_t *batch);

/** Take bytes; returns how many were used (the rest is to be shown again, with more behind it).
 * *is_end: the end of data was among them, body->code tells what to answer (0: the message is whole). */
apr_size_t in_body_take(in_body_t *body, const char *data, apr_size_t len, int *is_end);

/** Refuse with this reply, unless it is refused already. */
void in_body_refuse(in_body_t *body, int code, const char *text);

#endif

/* sink.h - what all parts of smtpsink know: the run, its listeners and its connections
 * SPDX-License-Identifier: Apache-2.0
 *
 * A turn of the loop has four steps, in this order: read and answer into buffers; write the record lines;
 * send the answers; accept.  So a record line is always in the file before its 250 leaves, and one write
 * serves many messages. */
#ifndef SMTPSINK_SINK_H
#define SMTPSINK_SINK_H

#include "../common/address.h"
#include "../common/bytes.h"
#include "../common/digest.h"
#include "../common/dot.h"
#include "../common/loop.h"

#include <stdbool.h>
#include <stdint.h>

/* The points at which --at can step in, in the order of a session. */
#define STAGES(X)         \
    X(CONNECT, "connect") \
    X(BANNER, "banner")   \
    X(EHLO, "ehlo")       \
    X(MAIL, "mail")       \
    X(RCPT, "rcpt")       \
    X(DATA, "data")       \
    X(BODY, "body")       \
    X(QUIT, "quit")

#define STAGE_ENUM(name, text) STAGE_##name,
enum stage { STAGES(STAGE_ENUM) STAGE_COUNT };
#undef STAGE_ENUM

/* What the run counts; one list makes the struct, the text form and the JSON form. */
#define COUNTERS(X)                                               \
    X(connections, "connections accepted")                        \
    X(current, "connections open now")                            \
    X(peak, "most connections open at once")                      \
    X(commands, "command lines")                                  \
    X(messages, "messages answered with 2xx after the final dot") \
    X(recipients, "recipients of those messages")                 \
    X(bytes, "bytes of those messages, without dot stuffing")     \
    X(refused, "4xx and 5xx answers")                             \
    X(dropped, "connections ended by drop or reset")

struct counters {
#define COUNTER_FIELD(name, help) uint64_t name;
    COUNTERS(COUNTER_FIELD)
#undef COUNTER_FIELD
};

struct actions;
struct rule;

struct listener {
    struct loop_source source;
    struct sink *sink;
    int fd;
    bool is_ready; /* connections wait to be accepted at the end of this turn */
    struct address address;
    char name[ADDRESS_TEXT];
    uint64_t connections, current, peak;
};

enum { LISTENERS_MAX = 256 };

struct sink {
    struct loop loop;
    struct counters counters;
    struct actions *actions;
    struct listener listeners[LISTENERS_MAX];
    unsigned listener_count;
    struct conn *all;
    struct conn *dirty;                /* connections to send to, or to free, at the end of the turn */
    struct conn *paused, *paused_last; /* ordered by due time */
    struct bytes record, trace;        /* lines of this turn */
    int record_fd, trace_fd;           /* -1: not asked for */
    bool is_full; /* out of file descriptors: listeners are off until a connection closes */

    /* options */
    const char *record_path, *trace_path, *count_path;
    uint64_t seed, max_connections, max_size;
    bool no_pipelining, no_esmtp, json, by_domain;
    struct domains *domains; /* NULL: none seen */
};

/* What a drawn action leaves to be done at a stage, perhaps after a pause. */
struct outcome {
    const struct rule *rule; /* NULL: carry on as usual */
    int64_t delay_us;
};

enum input_mode { INPUT_COMMANDS, INPUT_LONG_LINE, INPUT_BODY };

struct conn {
    struct loop_source source;
    struct sink *sink;
    struct listener *listener;
    int fd; /* -1: closed, freed at the end of the turn */
    uint32_t watched;
    uint64_t number, random;
    char remote[ADDRESS_TEXT];

    struct bytes held; /* input not used yet: an unfinished line, or what came during a pause */
    struct bytes out;
    bool is_dirty, is_closing, is_hung, is_paused, is_refused;
    struct conn *dirty_next;
    struct conn *all_next, **all_link;

    struct conn *paused_next, *paused_before;
    int64_t due;
    enum stage stage; /* to go on with after the pause */
    struct outcome outcome;

    enum input_mode mode;
    bool is_ehlo, has_hello, has_sender;
    struct bytes domains;  /* pointers to those it has named (--domains) */
    struct bytes argument; /* the address given with the command in progress, with its final NUL */
    struct dot_scan dot;
    struct transaction {
        uint64_t size, recipients;
        struct bytes sender, list; /* filled only for --record, like what follows */
        struct bytes header;
        bool is_header_done, is_header_too_big;
        struct digest digest;
    } transaction;
};

#endif

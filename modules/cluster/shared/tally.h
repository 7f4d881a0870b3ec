/* tally.h - the connections that this process has, in and out
 * SPDX-License-Identifier: Apache-2.0
 *
 * Hooks note connections as they come and go; a reader is told of each of them once, in its own time.  One
 * for the process and not of an instance, since connections outlive instances: a reader that comes anew is
 * told all that are there, so nothing is counted twice or forgotten over a reload.
 *
 * A connection that was there before tally_hold() is not known, neither is its end.
 *
 * Threads: any; opening and closing take the lock of a shard that belongs to the calling loop. */
#ifndef CLUSTER_SHARED_TALLY_H
#define CLUSTER_SHARED_TALLY_H

#include <apr_time.h>
#include <ec/id.h>

enum tally_side { TALLY_IN, TALLY_OUT };

/** Texts are never NULL. */
struct tally_conn {
    enum tally_side side;
    unsigned char address[16]; /* of the other side, network order */
    int bytes;                 /* of these: 4, 16, or 0: it has none */
    const char *domain, *binding, *group;
};

/** Somebody wants connections noted.  When the last one lets go all is forgotten. */
void tally_hold(void);
void tally_release(void);

/** Copies. */
void tally_open(ec_id_t id, const struct tally_conn *conn);
void tally_close(enum tally_side side, ec_id_t id);
/** Address text, without port or brackets, into `address` and `bytes`; IPv4 in IPv6 is IPv4. */
void tally_address(struct tally_conn *conn, const char *text);

struct tally_reader {
    /** There is something to be told.  Any thread, under a lock: wake somebody.  Once, until tally_read()
     * found nothing. */
    void (*wake)(void *baton);
    /** A connection more (`by` is 1) or less (-1).  Under a lock. */
    void (*told)(void *baton, const struct tally_conn *conn, int by);
    void *baton;
};

/** The reader from now on, in place of the one before: it will be told all from the beginning.  Keeps it. */
void tally_attach(const struct tally_reader *reader);
/** Does nothing when it is not the reader any more.  When it has returned, `reader` is not called. */
void tally_detach(const struct tally_reader *reader);
/** Tell the reader what has changed.  Returns how much that was. */
int tally_read(const struct tally_reader *reader);

/* ---- how many inbound connections a network may have ----------------------------------------------- */

/** `bits` of the network around `conn`'s address; bits < 0: all connections there are. */
struct tally_limit {
    int bits;
    apr_int64_t limit;
    /** How many others have; called under the lock of these counts. */
    apr_int64_t (*others)(void *baton, const struct tally_conn *conn, int bits);
    void *baton;
};
/** tally_open() of an inbound connection, unless it is one too many (`limit` may be NULL): returns whether it
 * is open. */
int tally_admit(ec_id_t id, const struct tally_conn *conn, const struct tally_limit *limit);

#endif

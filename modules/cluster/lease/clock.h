/* clock.h - until when this node may use what it holds, by its own clock
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message that was sent at a time s, delivered back, and then followed by another of
 * ours that was sent after that delivery and delivered in the same ring, proves that
 * the ring still was whole at s (bus.h).  Whoever takes over from us counts from a later
 * time than s.  So our lease runs until s + window; README.md has the whole argument.
 *
 * Pure: the caller says what time it is.  A monotonic clock, of course. */
#ifndef CLUSTER_LEASE_CLOCK_H
#define CLUSTER_LEASE_CLOCK_H

#include <apr_time.h>

struct lease_clock {
    apr_time_t window; /* how long a lease runs */
    apr_time_t margin; /* others wait so much longer: clock drift, and the time to close connections */
    apr_time_t until;  /* the lease is good before this */
    apr_uint64_t sent; /* messages sent, and delivered back, since the bus was opened */
    apr_uint64_t delivered;
    apr_uint64_t probe; /* number of the message that the next renewal counts from; 0: none */
    apr_time_t probe_sent;
    apr_uint64_t probe_seen; /* messages that had been sent when it came back; 0: it has not */
    apr_time_t last_sent;
};

void lease_clock_init(struct lease_clock *clock, apr_time_t window, apr_time_t margin);
/** A message is given to the bus; `may_probe` says that this node is active in a settled ring.
 * `now` must have been read before the message was made. */
void lease_clock_sent(struct lease_clock *clock, apr_time_t now, int may_probe);
/** One of our own messages was applied; `is_good`: this node was active, in a settled ring. */
void lease_clock_applied(struct lease_clock *clock, int is_good);
/** Another ring, or not active any more: what is under way proves nothing. */
void lease_clock_broken(struct lease_clock *clock);
/** Give up the lease now. */
void lease_clock_end(struct lease_clock *clock);

static inline int lease_clock_is_good(const struct lease_clock *clock, apr_time_t now)
{
    return now < clock->until;
}

/** Should a message be sent now, so that the lease goes on? */
int lease_clock_wants(const struct lease_clock *clock, apr_time_t now);
/** The next time at which that may become so. */
apr_time_t lease_clock_next(const struct lease_clock *clock);

#endif

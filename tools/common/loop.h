/* loop.h - one epoll set and the signals that end or question a tool
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever is watched starts with a struct loop_source, whose callback gets the events.  An object may be
 * freed only between two turns (or by its own callback): a turn delivers at most one event for each object.
 */
#ifndef TOOLS_LOOP_H
#define TOOLS_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct loop_source {
    void (*ready)(struct loop_source *source, uint32_t events);
};

struct loop {
    int epoll;
    sigset_t unblocked;
};

extern volatile sig_atomic_t loop_stop_asked;     /* SIGTERM or SIGINT came */
extern volatile sig_atomic_t loop_counters_asked; /* SIGUSR1 came */

/** Make the set; from here on the signals arrive only inside loop_turn. */
void loop_open(struct loop *loop);

void loop_add(struct loop *loop, int fd, uint32_t events, struct loop_source *source);
void loop_change(struct loop *loop, int fd, uint32_t events, struct loop_source *source);

/** Wait at most `timeout_ms` (-1: without end) and run the callbacks of what is ready. */
void loop_turn(struct loop *loop, int timeout_ms);

#endif

/* guard.h - connections end with the lease, also when this process is stopped
 * SPDX-License-Identifier: Apache-2.0
 *
 * A process that is stopped or hangs keeps its connections open, while its lease ends and others are granted its slots: the
 * receiver would see more than the limit.  So there is a guard: a child process that shares the table of descriptors, but
 * neither memory nor signals.  It sleeps until the lease has been over for a moment, and then ends every connection that is
 * marked.  A server that runs has closed them itself by then. */
#ifndef SHAPE_GUARD_H
#define SHAPE_GUARD_H

#include <apr_errno.h>
#include <apr_time.h>

/** Is this socket to be ended when the lease ends?  Mark it before connect(), unmark it before close(): the mark belongs to
 * the number.  Any thread, any time; without a guard it is remembered for when there is one. */
void guard_mark(int fd, int is_leased);

/** The lease is good until then, by ec_gate_clock().  Makes a guard if there is none (or none any more); it lives as long
 * as the calling thread.  An error says that there is none now. */
apr_status_t guard_lease(apr_time_t until);
/** No guard any more; marks stay. */
void guard_stop(void);

/** Its process; 0: there is none.  For tests and the console. */
int guard_pid(void);

#endif

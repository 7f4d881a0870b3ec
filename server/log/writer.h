/* writer.h - a log file's buffers, and the thread that empties them
 * SPDX-License-Identifier: Apache-2.0
 *
 * `filling` belongs to whoever holds the lock; `writing`, the destination and what goes
 * with them belong to the thread alone.  The thread takes the filled buffer by swapping
 * the two, so the lock is held for a memcpy or a swap, never for a system call.
 *
 * The file belongs to whoever opened it until ec_logfile_close(), then to the thread, which
 * ends it and counts itself out. */
#ifndef LOG_WRITER_H
#define LOG_WRITER_H

#include <pthread.h>
#include <time.h>

#include "log/destination.h"

/** So many bytes are written at once; fewer wait a moment for company. */
enum { WRITER_GATHER = 64 * 1024 };

struct buffer {
    char *data;
    size_t used, room;
    apr_uint64_t lines;
};

struct ec_logfile {
    apr_pool_t *pool;              /* its own; the file lives in it */

    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct buffer filling;
    size_t in_flight;              /* bytes of `writing` that are not written yet */
    int is_idle, is_closing, wants_reopen;
    int is_gathering;              /* the thread lets some lines come together */
    struct timespec deadline;      /* when closing */
    ec_logfile_stats_t stats;
    apr_uint64_t dropped_reported;

    /* the thread's */
    destination_t to;
    struct buffer writing;
    size_t written;                /* bytes of it that are in the file */
    int is_troubled;               /* said so; say also when it is over */
};

/** Start the thread of a file that is ready. */
apr_status_t writer_start(ec_logfile_t *file);

/** Free what the file consists of; its destination is closed. */
void writer_free(ec_logfile_t *file);

/** Wait until the threads of all closed files have ended: five seconds at most after the last close.  For the end of
 * the process, and for tests. */
void log_files_finish(void);

/** A file is about to be closed: log_files_finish() waits for it from now on. */
void writer_closing(void);

#endif

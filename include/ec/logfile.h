/* logfile.h - append lines to a file, a journal, a program or syslog without ever waiting for it
 * SPDX-License-Identifier: Apache-2.0
 *
 * A line goes into a bounded buffer; a thread of the destination's own writes it.  When
 * the disk is full, the program is stuck or syslog is away, the thread keeps what it has
 * and tries again, lines that no longer fit the buffer are dropped and counted, and one
 * message at the beginning and one at the end of the trouble say so.
 * Lines are whole: never mixed with those of another writer, never cut by a rotation. */
#ifndef EC_LOGFILE_H
#define EC_LOGFILE_H

#include <ec/command.h>
#include <ec/log.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_logfile ec_logfile_t;

enum {
    EC_LOGFILE_BUFFER = 8 * 1024 * 1024      /* most bytes that wait for the destination, in all */
};

typedef struct {
    int mode;                 /* of a new file */
    const char *owner;        /* of a new file: "user", "user:group", ":group"; NULL or "": the server's */
} ec_logfile_options_t;

/** Open a destination for lines (the manual's page logs.md has the parameters):
 *   /path, file:///path                  a file, appended to; a FIFO without a reader is no error: lines wait for one
 *   jlog:///path[=>subscriber], jlog:///path?subscribers=a,b,c  (or cluster://)
 *                                        a journal that subscribers read (jlog.h); the directory is made
 *   syslog://                            the system's logger
 *   pipe:///path/of/program              standard input of a program that is started, and started again when it ends
 * Borrows all arguments; messages about trouble begin with the prefix of `log`.  `*why` (in `pool`) is a complete
 * sentence on failure.  Does not block.
 * In a trial (ec_is_trial()) the text is all that is looked at: nothing is opened or made, and lines go nowhere. */
apr_status_t ec_logfile_open(ec_logfile_t **file, const char *destination, const ec_logfile_options_t *options,
                             ec_log_t *log, const char **why, apr_pool_t *pool);

/** For an option that names a destination (ec_option_t.check): NULL when ec_logfile_open() would understand it, or it is
 * empty; else what is wrong.  Opens nothing.  Any thread. */
const char *ec_logfile_check(const char *destination, apr_pool_t *pool);

/** Append a line; copies it and adds the newline.  Newlines inside are the caller's mistake: they become spaces.
 * Any thread; never waits. */
void ec_logfile_write(ec_logfile_t *file, const char *line, apr_size_t length);

/** Open the path anew (after a rotation) and go on there; a program gets the end of its input, and another one is
 * started; a journal just goes on.  What was written before this call may land in either, nothing is lost.  When the path can not be opened
 * the old file is kept, loudly.  Any thread; returns at once. */
void ec_logfile_reopen(ec_logfile_t *file);

/** Takes the file: what is left is written behind the caller's back.  A destination that does not take the rest within
 * five seconds costs those lines, loudly.  Returns at once; no other call may be under way or follow.  The process waits
 * at its end until all closed files are done. */
void ec_logfile_close(ec_logfile_t *file);

typedef struct {
    apr_uint64_t written;     /* lines that the system has taken */
    apr_uint64_t dropped;     /* lines lost because the buffer was full */
    apr_uint64_t reopened;    /* times the path was opened anew */
    apr_size_t waiting;       /* bytes in the buffer */
} ec_logfile_stats_t;
/** Any thread. */
void ec_logfile_stats(ec_logfile_t *file, ec_logfile_stats_t *stats);
/** The same as a row of `table`, for a logger's "status" command; `log` says which one it is.  `file` NULL (not written):
 * no row.  On the thread that has the answer. */
void ec_logfile_status(ec_node_t *table, const char *log, ec_logfile_t *file);

#ifdef __cplusplus
}
#endif
#endif

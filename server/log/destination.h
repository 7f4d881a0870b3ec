/* destination.h - where the lines of a log go: a file, syslog, a program, a journal
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each kind is a table of operations and a file of its own.  All operations run on the
 * log's writer thread, except parse and the first open: those run where the log is opened,
 * so that a mistake in the configuration is told at once. */
#ifndef LOG_DESTINATION_H
#define LOG_DESTINATION_H

#include <sys/types.h>

#include <apr_pools.h>
#include <ec/logfile.h>

typedef struct destination destination_t;

typedef struct {
    const char *scheme;
    int may_come_later;            /* 1: that it can not be opened at first is trouble, but no mistake */
    /* `rest` is what stands behind "scheme://".  *why (in to->pool) is a sentence's second half. */
    apr_status_t (*parse)(destination_t *to, const char *rest, const char **why);
    /* Bring it into a state where bytes can be written; again after close.  EAGAIN: not now, and that is no trouble. */
    apr_status_t (*open)(destination_t *to);
    /* Give some of the bytes away: *taken of them.  They begin at the start of a line, or where the last call stopped.
     * EAGAIN: to->fd does not take more now (-1: nothing to poll). */
    apr_status_t (*write)(destination_t *to, const char *data, size_t length, size_t *taken);
    /* Start anew for a rotation; on failure everything is as before. */
    apr_status_t (*reopen)(destination_t *to);
    void (*close)(destination_t *to);
    /* May be NULL.  Look after what goes on by itself; called at least once a second while there is a need. */
    void (*tend)(destination_t *to);
    /* May be NULL.  1 when everything that was written has also been worked off. */
    int (*is_done)(destination_t *to);
    /* May be NULL.  End what is not done, by force. */
    void (*abandon)(destination_t *to);
} destination_ops_t;

struct destination {
    const destination_ops_t *ops;
    apr_pool_t *pool;
    ec_log_t *log;
    const char *name;              /* for messages: path, or the destination as configured */
    int fd;                        /* what is written to; -1: not open */
    int is_settled;                /* 0: it is open, but has not proved itself yet (a program just started) */
    int mode;
    uid_t uid;                     /* of new files; (uid_t)-1: as they are made */
    gid_t gid;
    void *state;                   /* of the kind */
};

extern const destination_ops_t destination_file, destination_syslog, destination_pipe, destination_jlog, destination_cluster;

/** Parse `text` and the options into `to` (zeroed, with pool and log).  On failure *why is a sentence in `to->pool`. */
apr_status_t destination_parse(destination_t *to, const char *text, const ec_logfile_options_t *options,
                               const char **why);

/** The parameters of a URI: everything behind '?', as a NULL-terminated list key, value, key, value, with %XX decoded,
 * and `rest` cut before it.  NULL when the text is no such list. */
const char *const *destination_parameters(char *rest, apr_pool_t *pool);

#endif

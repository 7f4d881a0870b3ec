/* server.h - the running server as its own start, reload and stop see it
 * SPDX-License-Identifier: Apache-2.0
 * One per process; main thread = master loop. */
#ifndef MAIN_SERVER_H
#define MAIN_SERVER_H

#include <ec/loop.h>
#include <ec/log.h>
#include "conf/conf.h"
#include "conf/live/transaction.h"
#include "spool/spool.h"

enum {
    /* what is in flight may finish for so long after SIGTERM */
    SERVER_GRACE_SECONDS = 20
};

typedef struct {
    const char *config;            /* -c */
    int is_foreground;             /* -d */
    int skip_smtp, skip_queue;     /* -n esmtp, -n queue */
    int is_check;                  /* -t: load, report, leave */
    int is_manager;                /* eccmgr: no mail at all */
    int verbosity;                 /* eccmgr -v */
    const char *modules;           /* eccmgr -e; NULL: where they are installed */
} server_args_t;

typedef struct {
    server_args_t args;
    apr_pool_t *pool;
    ec_log_t *log;
    conf_t *conf;                  /* first generation; afterwards conf_current() */
    spool_t *spool;
    int ready_fd;                  /* write end towards the waiting parent, -1 in the foreground */
    const char *pidfile;
    int pid_fd;                    /* of the pid file, -1 when there is none */
    int is_pid_written;            /* it is ours: to be removed at the end */
    int is_stopping;
} server_t;

/* arguments.c */
/** 1: go on.  0: leave with *status (help, version, wrong arguments). */
int server_arguments(server_args_t *args, int argc, char **argv, int *status);

/** The same file when the process has left its folder: its full path, if it is there. */
const char *server_absolute(const char *name);
/* manager.c */
/** The same for eccmgr. */
int manager_arguments(server_args_t *args, int argc, char **argv, int *status);
/** Adds to `problems` what is in `conf`, that was read from `file`, or lacks in it, and of no use to a manager. */
void manager_warn(apr_array_header_t *problems, const conf_t *conf, const char *file, apr_pool_t *pool);

/* privileges.c */
/** As root: become the user of the Security stanza, keeping the capability to bind low ports.  Otherwise nothing. */
apr_status_t server_drop_privileges(const conf_t *conf, ec_log_t *log, const char **why, apr_pool_t *pool);
/** Raise the limit of descriptors to what is configured, as far as the system allows. */
void server_raise_limits(const conf_t *conf, ec_log_t *log);

/* daemonize.c */
/** Fork; the parent waits until the child says that it is ready and leaves with 0, or with the child's status.
 * Returns in the child, with the descriptor to say so. */
apr_status_t server_daemonize(int *ready_fd);
void server_say_ready(server_t *server);
/** Open the pid file, while we may; it is written when the spool is ours, so that a second start by mistake leaves the
 * first one's alone. */
apr_status_t server_open_pidfile(server_t *server, const char **why);
void server_write_pidfile(server_t *server);
void server_remove_pidfile(server_t *server);

/* start.c */
/** How many event loops `conf` wants. */
int server_loops_wanted(const conf_t *conf);
/** Print problems of a configuration; returns the number of errors. */
int server_report_problems(ec_log_t *log, const apr_array_header_t *problems);
/** How the configuration is found. */
const conf_source_t *server_source(server_t *server);
/** Load it from `path`. */
apr_status_t server_load_config(server_t *server, conf_t **conf, const char *path, apr_array_header_t **problems,
                                apr_pool_t *pool);
/** Start everything in order.  On failure everything started is stopped again and the reason was logged. */
apr_status_t server_start(server_t *server);
/** Stop in reverse order what was started. */
void server_unwind(server_t *server);

/* stop.c */
/** Begin the clean stop; the master loop ends when it is done.  Master loop. */
void server_stop(server_t *server);

/** TERM, INT: stop; HUP: reload; USR1: reopen logs.  Master loop. */
void server_on_signal(void *baton, int signo);

/* reload.c */
/** Load the files again (path NULL: the same) and swap whole or refuse; `done` runs on the master loop, its text borrowed.
 * Only one at a time: another answers at once that one is running. */
void server_reload(server_t *server, const char *path, transaction_applied_fn *done, void *baton);
/** Put a configuration in force: every part prepares itself first, and one that can not refuses the whole.  For
 * transaction_actions_t.  Master loop. */
void server_apply(server_t *server, conf_t *conf, const apr_array_header_t *warnings, transaction_applied_fn *done,
                  void *baton);

/* commands.c */
/** config, shutdown, and the tables of all rooms. */
void server_add_commands(server_t *server);
#endif

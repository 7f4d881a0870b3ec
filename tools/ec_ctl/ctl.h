/* ctl.h - what the actions of ec_ctl share
 * SPDX-License-Identifier: Apache-2.0
 * One thread. */
#ifndef EC_CTL_CTL_H
#define EC_CTL_CTL_H

#include <sys/types.h>

#include "../common/link.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_RUNNING = 3 };

enum {
    CTL_ARGUMENTS = 64,
    CTL_STOP_SECONDS = 40, /* the server lets sessions finish for 20 s, and syncs */
    CTL_ASK_SECONDS = 30,
    CTL_PATH = 4096
};

typedef struct {
    const char *environment_file;
    int is_environment_named; /* then it has to be there */
    int wait_seconds;         /* --wait; 0: as TRY says */
    console_link_t link;
} ctl_t;

/** Called as eccmgr_ctl: then it is the cluster manager that is meant, where "server" is said. */
int ctl_is_manager(void);
/** "server" or "manager". */
const char *ctl_what(void);
/** "ec_ctl: ..." on standard error. */
void ctl_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* server.c */
/** Is a server there?  Connects; `*pid` 0 when it is on another machine or would not say. */
int server_find(ctl_t *ctl, pid_t *pid);
/** Ask it; its answer is printed.  0, or -1 when it refused or could not be asked. */
int server_ask(ctl_t *ctl, const char *const *words, int n, int is_printed);
/** Start it and wait until it is ready.  0, or -1 after saying why. */
int server_launch(ctl_t *ctl);
/** Tell it to stop and wait for its end. */
int server_end(ctl_t *ctl, pid_t pid);
/** Would the server take its configuration?  1: yes, or that can not be told. */
int server_is_config_valid(void);

/* scripts.c */
/** Run the programs BINDIR/rc.includes/PREFIX* in the order of their names.  0; -1: one of them failed. */
int scripts_run(const char *prefix);

/** Folder of programs: BINDIR, else the installed one. */
const char *ctl_bindir(void);

#endif

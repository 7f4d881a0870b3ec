/* child.h - running a program and waiting for its end, for so long
 * SPDX-License-Identifier: Apache-2.0
 * One thread. */
#ifndef EC_CTL_CHILD_H
#define EC_CTL_CHILD_H

#include <sys/types.h>

enum { CHILD_STARTED_NOT = -1, CHILD_STILL_RUNS = -2 };

/** Run `argv[0]` (a path) with our environment, standard input from nowhere.  Its exit status, 128 + the signal that ended
 * it, CHILD_STARTED_NOT (errno says why), or CHILD_STILL_RUNS after `seconds` (0: no limit): it is left alone then. */
int child_run(char *const *argv, int seconds);

/** Wait until a process that need not be ours has ended.  1: it has; 0: not after `seconds`.  `process` is from
 * child_open(), and closed here. */
int child_await_end(int process, int seconds);
/** A handle of a running process, or -1. */
int child_open(pid_t pid);

#endif

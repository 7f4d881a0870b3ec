/* child.h - run a program to its end and take what it says
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing of ours goes with it but its standard input: no signals, no other descriptors, a process group that can be ended as
 * one.  It is started without a copy of this process, so it costs the loops nothing, whatever our size is. */
#ifndef UTIL_CHILD_H
#define UTIL_CHILD_H

#include <spawn.h>

#include <apr_pools.h>

typedef struct {
    const char *const *argv; /* up to NULL; argv[0] is the path */
    int in;                  /* its standard input; -1: none.  Stays the caller's */
    int seconds;             /* most time it may take */
    apr_size_t output_max;   /* most bytes it may say */

    char *output;            /* standard output and error, NUL-terminated; malloc'd, to be freed by the caller */
    apr_size_t length;
    int status;              /* as of waitpid(); when it has run */
    int has_run;
    const char *failure;     /* why there is no result, in `pool`: not run, too slow, too much; NULL */
} child_t;

/** Start a program as a new one expects it: no signal is blocked or ignored, and its process group is its own.  `actions` say which
 * descriptors it gets.  0, or what errno says.  Any thread. */
int child_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions, char *const argv[], char *const env[]);

/** Waits for it; any thread but a loop's. */
void child_run(child_t *child, apr_pool_t *pool);

/** Path of one of our programs: in the folder that the environment's BINDIR names, else where they are installed. */
const char *child_program(const char *name, apr_pool_t *pool);
#endif

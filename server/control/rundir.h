/* rundir.h - where a running server can be found
 * SPDX-License-Identifier: Apache-2.0
 *
 * A server writes the path of its control socket into the file console.path of the first of
 * these folders that it can use; without a Control_Listener stanza the socket itself is
 * there too, called 2025.  The cluster's manager does the same with eccmgr.path and eccmgr.2025,
 * so that both can run on one machine.  The console looks through the same list:
 *   1. $EC_RUNDIR, when it is set: then nothing else
 *   2. the installed folder (LOCALSTATEDIR/run/ecelerity)
 *   3. $XDG_RUNTIME_DIR/ecelerity
 *   4. /tmp/ecelerity-UID
 * The last two are private: they must be the user's own and closed for writing to all
 * others, so that nobody can put a false server under another one's console.
 * Pure C, without APR: the console uses it as well. */
#ifndef CONTROL_RUNDIR_H
#define CONTROL_RUNDIR_H

#include <stddef.h>
#include <sys/types.h>

enum {
    RUNDIR_MAX = 3,                /* folders in the list */
    RUNDIR_PATH = 108              /* longest path of a UNIX socket, with its NUL */
};

typedef struct {
    char path[RUNDIR_PATH - 16];
    int is_private;
    int is_manager;                /* what is meant is the manager's, not the server's; 0 from rundir_list() */
} rundir_t;

/** Fill in the list; returns how many there are.  Folders whose path is too long for a socket are left out. */
int rundir_list(rundir_t dirs[RUNDIR_MAX]);

/** May what lies in this folder be believed? */
int rundir_is_trusted(const rundir_t *dir);

/** Server: make the folder if it is not there.  1: it is trusted and can be written to. */
int rundir_open(const rundir_t *dir);

/** As root, before privileges are dropped: make the first folder of the list and give it to the user that the server is
 * going to be.  One that is there and is not called "ecelerity" stays its owner's.  Returns 0, or errno. */
int rundir_give(uid_t uid, gid_t gid);

/** Say in the folder which socket is ours; returns 0, or errno. */
int rundir_announce(const rundir_t *dir, const char *socket_path);
/** Take it back, unless another server has said something else since. */
void rundir_withdraw(const rundir_t *dir, const char *socket_path);
/** The socket announced in the folder, else the default one (which may not exist). */
void rundir_socket(char path[RUNDIR_PATH], const rundir_t *dir);
/** The default socket. */
void rundir_default_socket(char path[RUNDIR_PATH], const rundir_t *dir);
#endif

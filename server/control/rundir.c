/* rundir.c - where a running server can be found
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int add(rundir_t *dir, const char *base, const char *rest, int is_private)
{
    dir->is_private = is_private;
    dir->is_manager = 0;
    return base[0] == '/' &&
           snprintf(dir->path, sizeof dir->path, "%s%s", base, rest) < (int)sizeof dir->path;
}

int rundir_list(rundir_t dirs[RUNDIR_MAX])
{
    const char *chosen = getenv("EC_RUNDIR"), *runtime = getenv("XDG_RUNTIME_DIR");
    char own[32];
    int n = 0;

    if (chosen != NULL && chosen[0] != '\0') {
        return add(&dirs[0], chosen, "", 0);
    }
    n += add(&dirs[n], EC_RUNDIR, "", 0);
    if (runtime != NULL) {
        n += add(&dirs[n], runtime, "/ecelerity", 1);
    }
    snprintf(own, sizeof own, "/ecelerity-%ld", (long)geteuid());
    return n + add(&dirs[n], "/tmp", own, 1);
}

int rundir_is_trusted(const rundir_t *dir)
{
    struct stat st;

    if (lstat(dir->path, &st) != 0 || (!S_ISDIR(st.st_mode) && dir->is_private)) {
        return 0;
    }
    if (dir->is_private) {
        return st.st_uid == geteuid() && (st.st_mode & 022) == 0;
    }
    return stat(dir->path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 02) == 0;
}

/* mkdir -p; errors show when the folder is looked at. */
static void make(const char *path, mode_t mode)
{
    char copy[RUNDIR_PATH];

    snprintf(copy, sizeof copy, "%s", path);
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        (void)mkdir(copy, 0755);
        *slash = '/';
    }
    (void)mkdir(copy, mode);
}

int rundir_open(const rundir_t *dir)
{
    if (dir->is_private) {
        (void)mkdir(dir->path, 0700);
    } else {
        make(dir->path, 0755);
    }
    return rundir_is_trusted(dir) && access(dir->path, W_OK | X_OK) == 0;
}

/* A folder of ours by its name: $EC_RUNDIR may also be one that many share. */
static int is_named_ours(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL && strcmp(slash, "/ecelerity") == 0;
}

int rundir_give(uid_t uid, gid_t gid)
{
    rundir_t dirs[RUNDIR_MAX];
    struct stat st;
    int fd, is_new, error = 0;

    if (rundir_list(dirs) == 0) {
        return EINVAL;
    }
    is_new = lstat(dirs[0].path, &st) != 0;
    if (!rundir_open(&dirs[0]) ||
        (fd = open(dirs[0].path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) < 0) {
        return errno != 0 ? errno : EACCES;
    }
    if ((is_new || is_named_ours(dirs[0].path)) && fchown(fd, uid, gid) != 0) {
        error = errno;
    }
    close(fd);
    return error;
}

/* ---- the announcement -------------------------------------------------------------------- */

static const char *announcement_of(const rundir_t *dir)
{
    return dir->is_manager ? "eccmgr.path" : "console.path";
}

static void file_path(char path[RUNDIR_PATH], const rundir_t *dir, const char *name)
{
    snprintf(path, RUNDIR_PATH, "%s/%s", dir->path, name);
}

void rundir_default_socket(char path[RUNDIR_PATH], const rundir_t *dir)
{
    file_path(path, dir, dir->is_manager ? "eccmgr.2025" : "2025");
}

int rundir_announce(const rundir_t *dir, const char *socket_path)
{
    char path[RUNDIR_PATH], temporary[RUNDIR_PATH + 16];
    struct stat st;
    int fd, rv = 0;

    file_path(path, dir, announcement_of(dir));
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return EEXIST; /* somebody's socket, perhaps */
    }
    snprintf(temporary, sizeof temporary, "%s.%ld", path, (long)getpid());
    if ((fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644)) < 0) {
        return errno;
    }
    if (dprintf(fd, "%s\n", socket_path) < 0) {
        rv = errno;
    }
    close(fd);
    if (rv == 0 && rename(temporary, path) != 0) {
        rv = errno;
    }
    if (rv != 0) {
        unlink(temporary);
    }
    return rv;
}

static int read_announced(char path[RUNDIR_PATH], const rundir_t *dir)
{
    char name[RUNDIR_PATH];
    ssize_t n;
    int fd;

    file_path(name, dir, announcement_of(dir));
    if ((fd = open(name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)) < 0) {
        return 0;
    }
    n = read(fd, path, RUNDIR_PATH - 1);
    close(fd);
    path[n > 0 ? n : 0] = '\0';
    path[strcspn(path, "\n")] = '\0';
    return path[0] != '\0';
}

void rundir_withdraw(const rundir_t *dir, const char *socket_path)
{
    char announced[RUNDIR_PATH], path[RUNDIR_PATH];

    if (read_announced(announced, dir) && strcmp(announced, socket_path) == 0) {
        file_path(path, dir, announcement_of(dir));
        unlink(path);
    }
}

void rundir_socket(char path[RUNDIR_PATH], const rundir_t *dir)
{
    if (!read_announced(path, dir)) {
        rundir_default_socket(path, dir);
    }
}

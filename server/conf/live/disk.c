/* disk.c - replace files whole, or not at all
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/live/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "conf/lexer.h"

static apr_status_t refuse(const char **why, const char *path, const char *what, apr_pool_t *pool)
{
    int error = errno;

    *why = apr_psprintf(pool, "%s: %s: %s", path, what, strerror(error));
    return error != 0 ? APR_FROM_OS_ERROR(error) : APR_EGENERAL;
}

static const char *folder_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return ".";
    return slash == path ? "/" : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* The file itself when the path is a symbolic link; a path that names nothing stays. */
static const char *target_of(const char *path, apr_pool_t *pool)
{
    char *found = realpath(path, NULL);
    const char *target = found != NULL ? apr_pstrdup(pool, found) : path;

    free(found);
    return target;
}

const char *disk_why_not(const char *path, apr_pool_t *pool)
{
    struct stat status;
    const char *folder;

    path = target_of(path, pool);
    folder = folder_of(path, pool);
    if (lstat(path, &status) == 0) {
        if (!S_ISREG(status.st_mode))
            return "it is not a regular file";
        if (faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
            return strerror(errno);
        if (geteuid() != 0 && status.st_uid != geteuid())
            return "it belongs to another user than this server's, and its owner could not be kept";
    } else if (errno != ENOENT) {
        return strerror(errno);
    }
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        return apr_psprintf(pool, "its folder is not writable: %s", strerror(errno));
    return NULL;
}

apr_status_t disk_read(disk_file_t *file, const char *path, const char **why, apr_pool_t *pool)
{
    struct include_file identity;
    apr_size_t at = 0;
    ssize_t got = 1;
    char *text;

    memset(file, 0, sizeof(*file));
    file->path = path;
    EC_TRY(include_open(&identity, path, why, pool));
    text = apr_palloc(pool, (apr_size_t)identity.stamp.size + 1);
    while (got > 0 && at < (apr_size_t)identity.stamp.size) {
        got = read(identity.fd, text + at, (apr_size_t)identity.stamp.size - at);
        at += got > 0 ? (apr_size_t)got : 0;
    }
    if (got < 0)
        refuse(why, path, "can not be read", pool);
    close(identity.fd);
    if (got < 0)
        return EC_E_CONFIG;
    text[at] = '\0';
    file->old_text = text;
    file->old_length = at;
    file->stamp = identity.stamp;
    return APR_SUCCESS;
}

/* ---- one file -------------------------------------------------------------------------------- */

/* Owner and mode of the file that is replaced. */
static apr_status_t take_after(const disk_new_t *new, const char **why, apr_pool_t *pool)
{
    struct stat old, own;

    if (stat(new->path, &old) != 0)
        return fchmod(new->fd, 0640) == 0 ? APR_SUCCESS
                                          : refuse(why, new->path, "can not set the mode", pool);
    if (fstat(new->fd, &own) != 0)
        return refuse(why, new->path, "can not be written", pool);
    if ((own.st_uid != old.st_uid || own.st_gid != old.st_gid) &&
        fchown(new->fd, old.st_uid, old.st_gid) != 0)
        return refuse(why, new->path, "its owner and group can not be kept", pool);
    if (fchmod(new->fd, old.st_mode & 07777) != 0)
        return refuse(why, new->path, "its mode can not be kept", pool);
    return APR_SUCCESS;
}

apr_status_t disk_begin(disk_new_t *new, const char *path, const char **why, apr_pool_t *pool)
{
    const char *obstacle = disk_why_not(path, pool);
    char *name;

    memset(new, 0, sizeof(*new));
    new->fd = -1;
    if (obstacle != NULL) {
        *why = apr_psprintf(pool, "%s can not be written: %s", path, obstacle);
        return EC_E_CONFIG;
    }
    new->path = target_of(path, pool);
    new->folder = folder_of(new->path, pool);
    name = apr_pstrcat(pool, new->folder, "/.", base_of(new->path), ".XXXXXX", NULL);
    new->fd = mkostemp(name, O_CLOEXEC);
    if (new->fd == -1)
        return refuse(why, new->path, "no new file can be made beside it", pool);
    new->temporary = name;
    return take_after(new, why, pool);
}

apr_status_t disk_write(disk_new_t *new, const char *bytes, apr_size_t length, const char **why,
                        apr_pool_t *pool)
{
    while (length > 0) {
        ssize_t put = write(new->fd, bytes, length);

        if (put < 0 && errno != EINTR)
            return refuse(why, new->path, "can not be written", pool);
        bytes += put > 0 ? put : 0;
        length -= put > 0 ? (apr_size_t)put : 0;
    }
    return APR_SUCCESS;
}

apr_status_t disk_complete(disk_new_t *new, const char **why, apr_pool_t *pool)
{
    int fd = new->fd;

    if (fsync(fd) != 0)
        return refuse(why, new->path, "can not be written", pool);
    new->fd = -1;
    if (close(fd) != 0)
        return refuse(why, new->path, "can not be written", pool);
    return APR_SUCCESS;
}

apr_status_t disk_commit(disk_new_t *new, const char **why, apr_pool_t *pool)
{
    int fd;

    if (rename(new->temporary, new->path) != 0)
        return refuse(why, new->path, "can not be replaced", pool);
    new->temporary = NULL;
    if ((fd = open(new->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != -1) {
        fsync(fd); /* the file is right in either case; without this the old one could come back */
        close(fd);
    }
    return APR_SUCCESS;
}

void disk_abandon(disk_new_t *new)
{
    if (new->fd != -1)
        close(new->fd);
    if (new->temporary != NULL)
        unlink(new->temporary);
    new->fd = -1;
    new->temporary = NULL;
}

/* ---- several ----------------------------------------------------------------------------------- */

static apr_status_t prepare(disk_new_t *new, const char *path, const char *text, apr_size_t length,
                            const char **why, apr_pool_t *pool)
{
    EC_TRY(disk_begin(new, path, why, pool));
    EC_TRY(disk_write(new, text, length, why, pool));
    return disk_complete(new, why, pool);
}

/* Is it still the file that was read? */
static apr_status_t check_unchanged(const disk_file_t *file, const char **why, apr_pool_t *pool)
{
    struct stat status;
    int is_there = stat(file->path, &status) == 0;

    if (!is_there && file->old_text == NULL)
        return APR_SUCCESS;
    if (is_there && file->old_text != NULL) {
        struct conf_stamp stamp = include_stamp(&status);

        if (memcmp(&stamp, &file->stamp, sizeof(stamp)) == 0)
            return APR_SUCCESS;
    }
    *why = apr_psprintf(pool, "%s was changed by somebody else in this moment: try again", file->path);
    return EC_E_CONFIG;
}

/* What has its name already gets its old contents back, as well as that goes. */
static void go_back(const disk_file_t *files, int n, apr_pool_t *pool)
{
    for (int i = 0; i < n; i++) {
        const char *ignored;
        disk_new_t old;

        if (files[i].old_text == NULL)
            unlink(files[i].path);
        else if (prepare(&old, files[i].path, files[i].old_text, files[i].old_length, &ignored, pool) !=
                     APR_SUCCESS ||
                 disk_commit(&old, &ignored, pool) != APR_SUCCESS)
            disk_abandon(&old);
    }
}

static apr_status_t replace(disk_new_t *new, const disk_file_t *files, int n, const char **why,
                            apr_pool_t *pool)
{
    for (int i = 0; i < n; i++)
        EC_TRY(prepare(&new[i], files[i].path, files[i].text, files[i].length, why, pool));
    for (int i = 0; i < n; i++)
        EC_TRY(check_unchanged(&files[i], why, pool));
    for (int i = 0; i < n; i++) {
        apr_status_t rv = disk_commit(&new[i], why, pool);

        if (rv != APR_SUCCESS) {
            go_back(files, i, pool);
            return rv;
        }
    }
    return APR_SUCCESS;
}

apr_status_t disk_replace(const disk_file_t *files, int n, const char **why, apr_pool_t *pool)
{
    disk_new_t *new = apr_pcalloc(pool, sizeof(*new) * (apr_size_t)(n + 1));
    apr_status_t rv;

    for (int i = 0; i < n; i++)
        new[i].fd = -1;
    rv = replace(new, files, n, why, pool);
    for (int i = 0; i < n; i++)
        disk_abandon(&new[i]);
    return rv;
}

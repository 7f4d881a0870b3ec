/* folder.c - the directory of a journal: settings, lock, names
 * SPDX-License-Identifier: Apache-2.0 */
#include "log/jlog/folder.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <apr_general.h>
#include <apr_strings.h>

#define SETTINGS "settings"
#define SEGMENT  "segment-"

enum { SEGMENT_DIGITS = 8 };

/* ---- small files ------------------------------------------------------------------- */

apr_status_t jlog_folder_read(const struct jlog_folder *folder, const char *name, char text[JLOG_TEXT],
                              apr_size_t *length)
{
    int fd = openat(folder->fd, name, O_RDONLY | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    ssize_t n;
    apr_status_t rv;

    *length = 0;
    if (fd < 0) {
        return errno;
    }
    while ((n = read(fd, text + *length, JLOG_TEXT - *length)) > 0) {
        *length += (apr_size_t)n;
    }
    rv = n < 0 ? errno : APR_SUCCESS;
    close(fd);
    return rv;
}

apr_status_t jlog_folder_sync(const struct jlog_folder *folder)
{
    return fsync(folder->fd) == 0 || errno == EINVAL ? APR_SUCCESS
                                                     : errno; /* some file systems know no such thing */
}

/* A file that root makes must be one that the server can read: all files are alike.  Who may not give files
 * away has made them as its own. */
static apr_status_t dress(const struct jlog_folder *folder, int fd)
{
    struct stat want, is;

    if (fstat(folder->lock_fd, &want) != 0 || fstat(fd, &is) != 0) {
        return errno;
    }
    if ((is.st_uid != want.st_uid || is.st_gid != want.st_gid) && fchown(fd, want.st_uid, want.st_gid) != 0 &&
        errno != EPERM) {
        return errno;
    }
    return fchmod(fd, want.st_mode & 0777) == 0 ? APR_SUCCESS : errno;
}

static apr_status_t write_durably(int fd, const char *text, apr_size_t length)
{
    ssize_t n = write(fd, text, length);

    if (n < 0 || (n == (ssize_t)length && fsync(fd) != 0)) {
        return errno;
    }
    return n == (ssize_t)length ? APR_SUCCESS : APR_ENOSPC;
}

apr_status_t jlog_folder_replace(const struct jlog_folder *folder, const char *name, const char *text,
                                 apr_size_t length)
{
    char temporary[JLOG_NAME];
    apr_status_t rv;
    int fd;

    snprintf(temporary, sizeof temporary, ".%s.new", name);
    if ((fd = openat(folder->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0) {
        return errno;
    }
    rv = dress(folder, fd);
    if (rv == APR_SUCCESS) {
        rv = write_durably(fd, text, length);
    }
    close(fd);
    if (rv == APR_SUCCESS && renameat(folder->fd, temporary, folder->fd, name) != 0) {
        rv = errno;
    }
    if (rv != APR_SUCCESS) {
        unlinkat(folder->fd, temporary, 0);
        return rv;
    }
    return jlog_folder_sync(folder);
}

/* ---- names ------------------------------------------------------------------------- */

apr_status_t jlog_folder_each(const struct jlog_folder *folder, const char *prefix, jlog_folder_fn *each,
                              void *baton)
{
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    size_t length = strlen(prefix);
    struct dirent *entry;

    if (dir == NULL) {
        apr_status_t rv = errno;

        if (fd >= 0) {
            close(fd);
        }
        return rv;
    }
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, prefix, length) == 0) {
            each(baton, entry->d_name + length);
        }
    }
    closedir(dir);
    return APR_SUCCESS;
}

/* Eight hex digits in lower case; 0: it is no segment's. */
static apr_uint32_t segment_of(const char *digits)
{
    size_t n = strspn(digits, "0123456789abcdef");

    return n == SEGMENT_DIGITS && digits[n] == '\0' ? (apr_uint32_t)strtoul(digits, NULL, 16) : 0;
}

struct segment_search {
    jlog_segment_fn *each;
    void *baton;
};

static void on_segment_name(void *baton, const char *digits)
{
    const struct segment_search *search = baton;
    apr_uint32_t number = segment_of(digits);

    if (number != 0) {
        search->each(search->baton, number);
    }
}

apr_status_t jlog_folder_each_segment(const struct jlog_folder *folder, jlog_segment_fn *each, void *baton)
{
    return jlog_folder_each(folder, SEGMENT, on_segment_name, &(struct segment_search){ each, baton });
}

struct extent_search {
    struct jlog_extent *extent;
    apr_uint32_t from;
};

static void extend(void *baton, apr_uint32_t number)
{
    const struct extent_search *search = baton;
    struct jlog_extent *extent = search->extent;

    if (extent->count++ == 0 || number < extent->first) {
        extent->first = number;
    }
    if (number > extent->last) {
        extent->last = number;
    }
    if (number >= search->from && (extent->next == 0 || number < extent->next)) {
        extent->next = number;
    }
}

apr_status_t jlog_folder_extent(struct jlog_extent *extent, const struct jlog_folder *folder,
                                apr_uint32_t from)
{
    struct extent_search search = { extent, from };

    *extent = (struct jlog_extent){ 0 };
    return jlog_folder_each_segment(folder, extend, &search);
}

static const char *segment_name(char buffer[JLOG_NAME], apr_uint32_t number)
{
    snprintf(buffer, JLOG_NAME, SEGMENT "%08x", (unsigned)number);
    return buffer;
}

apr_status_t jlog_folder_segment(int *fd, const struct jlog_folder *folder, apr_uint32_t number, int flags)
{
    char name[JLOG_NAME];
    apr_status_t rv;

    *fd = openat(folder->fd, segment_name(name, number), flags | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0600);
    if (*fd < 0) {
        return errno;
    }
    rv = (flags & O_CREAT) != 0 ? dress(folder, *fd) : APR_SUCCESS;
    if (rv == APR_SUCCESS && (flags & O_CREAT) != 0) {
        rv = jlog_folder_sync(folder);
    }
    if (rv != APR_SUCCESS) {
        close(*fd);
        *fd = -1;
    }
    return rv;
}

int jlog_folder_has_segment(const struct jlog_folder *folder, apr_uint32_t number)
{
    char name[JLOG_NAME];

    return faccessat(folder->fd, segment_name(name, number), F_OK, 0) == 0;
}

apr_status_t jlog_folder_unlink_segment(const struct jlog_folder *folder, apr_uint32_t number)
{
    char name[JLOG_NAME];

    return unlinkat(folder->fd, segment_name(name, number), 0) == 0 ? APR_SUCCESS : errno;
}

/* ---- lock -------------------------------------------------------------------------- */

int jlog_folder_is_gone(const struct jlog_folder *folder)
{
    struct stat st;

    return fstat(folder->lock_fd, &st) != 0 || st.st_nlink == 0;
}

/* Nobody waits for somebody who is stopped while holding it. */
apr_status_t jlog_folder_lock(const struct jlog_folder *folder, int patience)
{
    const struct timespec moment = { 0, 1000000 };

    for (int i = 0; flock(folder->lock_fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return errno;
        }
        if (i >= patience) {
            return EC_E_BUSY;
        }
        nanosleep(&moment, NULL);
    }
    if (jlog_folder_is_gone(folder)) {
        jlog_folder_unlock(folder);
        return APR_ENOENT;
    }
    return APR_SUCCESS;
}

void jlog_folder_unlock(const struct jlog_folder *folder)
{
    flock(folder->lock_fd, LOCK_UN);
}

/* ---- opening ----------------------------------------------------------------------- */

static void count_other(void *baton, const char *name)
{
    int *others = baton;

    *others += name[0] != '.'; /* ".", "..", and what a crash left of a replacement */
}

static apr_status_t dress_new(int fd, const jlog_folder_options_t *options)
{
    if ((options->uid != (uid_t)-1 || options->gid != (gid_t)-1) &&
        fchown(fd, options->uid, options->gid) != 0) {
        return errno;
    }
    return fchmod(fd, (mode_t)options->mode & 0777) == 0 ? APR_SUCCESS : errno;
}

/* Of several that make the same journal, one makes it: link() fails when the name is taken. */
static apr_status_t write_settings(const struct jlog_folder *folder, const jlog_folder_options_t *options)
{
    struct jlog_settings settings = { .segment_size = options->segment_size };
    char text[JLOG_TEXT], temporary[JLOG_NAME];
    apr_status_t rv;
    int fd;

    EC_TRY(apr_generate_random_bytes((unsigned char *)&settings.nonce, sizeof settings.nonce));
    snprintf(temporary, sizeof temporary, ".settings.%016llx", (unsigned long long)settings.nonce);
    if ((fd = openat(folder->fd, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)) < 0) {
        return errno;
    }
    rv = dress_new(fd, options);
    if (rv == APR_SUCCESS) {
        rv = write_durably(fd, text, (apr_size_t)jlog_settings_write(text, &settings));
    }
    close(fd);
    if (rv == APR_SUCCESS && linkat(folder->fd, temporary, folder->fd, SETTINGS, 0) != 0 && errno != EEXIST) {
        rv = errno;
    }
    unlinkat(folder->fd, temporary, 0);
    return rv == APR_SUCCESS ? jlog_folder_sync(folder) : rv;
}

/* Only an empty directory becomes a journal. */
static apr_status_t make_journal(const struct jlog_folder *folder, const jlog_folder_options_t *options)
{
    int others = 0;

    EC_TRY(jlog_folder_each(folder, "", count_other, &others));
    return others > 0 ? EC_E_JLOG_FOREIGN : write_settings(folder, options);
}

static apr_status_t make_directory(const char *path, const jlog_folder_options_t *options)
{
    apr_status_t rv;
    int fd;
    jlog_folder_options_t of_directory = *options;

    if (mkdir(path, 0700) != 0) {
        return errno == EEXIST ? APR_SUCCESS : errno;
    }
    if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        return errno;
    }
    of_directory.mode |= (options->mode & 0444) >> 2; /* who may read may look in */
    rv = dress_new(fd, &of_directory);
    close(fd);
    return rv;
}

static apr_status_t read_settings(struct jlog_folder *folder)
{
    char text[JLOG_TEXT];
    apr_size_t length;

    EC_TRY(jlog_folder_read(folder, SETTINGS, text, &length));
    if (!jlog_settings_read(&folder->settings, text, length)) {
        return EC_E_JLOG_DAMAGED;
    }
    folder->lock_fd = openat(folder->fd, SETTINGS, O_RDONLY | O_CLOEXEC);
    return folder->lock_fd >= 0 ? APR_SUCCESS : errno;
}

apr_status_t jlog_folder_open(struct jlog_folder *folder, const char *path,
                              const jlog_folder_options_t *options)
{
    apr_status_t rv;

    *folder = (struct jlog_folder){ .fd = -1, .lock_fd = -1 };
    if (options != NULL) {
        EC_TRY(make_directory(path, options));
    }
    if ((folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
        return errno;
    }
    rv = read_settings(folder);
    if (APR_STATUS_IS_ENOENT(rv)) {
        rv = options != NULL ? make_journal(folder, options) : EC_E_JLOG_FOREIGN;
        rv = rv == APR_SUCCESS ? read_settings(folder) : rv;
    }
    if (rv != APR_SUCCESS) {
        jlog_folder_close(folder);
    }
    return rv;
}

void jlog_folder_close(struct jlog_folder *folder)
{
    if (folder->lock_fd >= 0) {
        close(folder->lock_fd);
    }
    if (folder->fd >= 0) {
        close(folder->fd);
    }
    folder->fd = folder->lock_fd = -1;
}

const char *jlog_folder_why(apr_status_t rv, const char *path, apr_pool_t *pool)
{
    char error[160];

    if (APR_STATUS_IS_ENOENT(rv)) {
        return apr_psprintf(pool, "there is no journal at %s", path);
    }
    if (rv == EC_E_JLOG_FOREIGN) {
        return apr_psprintf(pool, "%s is a directory, but no journal: it has no file \"settings\"", path);
    }
    if (rv == EC_E_JLOG_DAMAGED) {
        return apr_psprintf(pool, "the file \"settings\" of the journal %s is damaged", path);
    }
    if (rv == EC_E_BUSY) {
        return apr_psprintf(pool, "another process holds the lock of the journal %s", path);
    }
    return apr_psprintf(pool, "can not use the journal %s: %s", path, ec_strerror(rv, error, sizeof error));
}

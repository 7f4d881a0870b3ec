/* store.c - the file of replies
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/remote/store.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ec/job.h>

/* A job outlives the store when that is closed meanwhile; the later of two writers wins whatever their order.
 */
struct writing {
    struct store_file *store; /* NULL: closed since */
    apr_uint64_t number;
    char *path;
    wire_writer_t bytes;
    ec_log_t *log;
    ec_job_t job;
};

struct store_file {
    ec_log_t *log;
    struct writing *writing;  /* under way */
    const replies_t *waiting; /* changed since; NULL: not */
    char *waiting_path;
};

static struct {
    pthread_mutex_t lock;
    apr_uint64_t made, written; /* numbers of writings */
} order = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- writing
 * ------------------------------------------------------------------------------------------------ */

static int write_all(int fd, const unsigned char *bytes, apr_size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, bytes, length);

        if (n < 0 && errno != EINTR)
            return -1;
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (apr_size_t)n : 0;
    }
    return fdatasync(fd);
}

static int replace(const char *path, const wire_writer_t *bytes)
{
    char beside[4096];
    int fd, error;

    if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
        return ENAMETOOLONG;
    if ((fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600)) < 0)
        return errno;
    error = write_all(fd, bytes->data, bytes->length) != 0 ? errno : 0;
    close(fd);
    if (error == 0 && rename(beside, path) != 0)
        error = errno;
    if (error != 0)
        unlink(beside);
    return error;
}

static void write_now(void *baton)
{
    struct writing *writing = baton;
    int error = 0;

    pthread_mutex_lock(&order.lock);
    if (writing->number > order.written) {
        error = replace(writing->path, &writing->bytes);
        order.written = writing->number;
    }
    pthread_mutex_unlock(&order.lock);
    if (error != 0)
        ec_log_rv(writing->log, EC_LOG_ERROR, APR_FROM_OS_ERROR(error),
                  "can not keep the replies of commands (control_cache) file=%s", writing->path);
}

static void end_writing(struct writing *writing)
{
    wire_free(&writing->bytes);
    free(writing->path);
    free(writing);
}

static struct writing *make_writing(store_file_t *store, const replies_t *replies, const char *path)
{
    struct writing *writing = calloc(1, sizeof(*writing));

    EC_ASSERT(writing != NULL && (writing->path = strdup(path)) != NULL);
    writing->store = store;
    writing->log = store->log;
    writing->number = ++order.made;
    replies_write(replies, &writing->bytes);
    return writing;
}

static void on_written(void *baton)
{
    struct writing *writing = baton;
    store_file_t *store = writing->store;

    end_writing(writing);
    if (store == NULL)
        return;
    store->writing = NULL;
    if (store->waiting != NULL) {
        const replies_t *replies = store->waiting;
        char *path = store->waiting_path;

        store->waiting = NULL;
        store->waiting_path = NULL;
        store_file_save(store, replies, path);
        free(path);
    }
}

void store_file_save(store_file_t *store, const replies_t *replies, const char *path)
{
    if (path == NULL)
        return;
    if (store->writing != NULL) {
        free(store->waiting_path);
        EC_ASSERT((store->waiting_path = strdup(path)) != NULL);
        store->waiting = replies;
        return;
    }
    store->writing = make_writing(store, replies, path);
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &store->writing->job, write_now, on_written,
               store->writing);
}

/* ---- reading
 * ---------------------------------------------------------------------------------------------------- */

static void set_aside(store_file_t *store, const char *path)
{
    char aside[4096];
    int is_aside =
        snprintf(aside, sizeof(aside), "%s.damaged", path) < (int)sizeof(aside) && rename(path, aside) == 0;

    ec_log(store->log, EC_LOG_WARNING,
           "kept replies of commands are damaged, the rest of them is lost file=%s%s%s", path,
           is_aside ? " set_aside=" : "", is_aside ? aside : "");
}

/* NULL: errno says why. */
static unsigned char *read_file(const char *path, apr_size_t *length)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    unsigned char *bytes;
    struct stat info;
    ssize_t n = 0;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size > REPLIES_FILE_MAX) {
        close(fd);
        errno = EINVAL;
        return NULL;
    }
    bytes = malloc((size_t)info.st_size + 1);
    EC_ASSERT(bytes != NULL);
    for (*length = 0; *length < (apr_size_t)info.st_size; *length += (apr_size_t)n) {
        if ((n = read(fd, bytes + *length, (size_t)info.st_size - *length)) <= 0)
            break;
    }
    close(fd);
    return bytes;
}

void store_file_load(store_file_t *store, replies_t *replies, const char *path)
{
    apr_size_t length;
    unsigned char *bytes;

    if (path == NULL)
        return;
    if ((bytes = read_file(path, &length)) == NULL) {
        if (errno != ENOENT)
            ec_log_rv(store->log, EC_LOG_ERROR, APR_FROM_OS_ERROR(errno),
                      "can not read the kept replies of commands (control_cache) file=%s", path);
        return;
    }
    if (!replies_read(replies, bytes, length))
        set_aside(store, path);
    free(bytes);
}

/* ---- life
 * ---------------------------------------------------------------------------------------------------------
 */

store_file_t *store_file_create(ec_log_t *log)
{
    store_file_t *store = calloc(1, sizeof(*store));

    EC_ASSERT(store != NULL);
    store->log = log;
    return store;
}

void store_file_close(store_file_t *store, const replies_t *replies, const char *path, int is_changed)
{
    /* also when only a job is under way: it may not come to its turn any more */
    if (path != NULL && (is_changed || store->writing != NULL || store->waiting != NULL)) {
        struct writing *writing = make_writing(store, replies, path);

        write_now(writing);
        end_writing(writing);
    }
    if (store->writing != NULL)
        store->writing->store = NULL;
    free(store->waiting_path);
    free(store);
}

/* spool.c - open, close, and the way of a request in and out
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "spool/keeper.h"
#include "spool/recovery.h"
#include "spool/syncer.h"
#include "spool/writer.h"

enum {
    DEFAULT_SEGMENT = 64 * 1024 * 1024,
    DEFAULT_RESERVE = 16 * 1024 * 1024,
    DEFAULT_RATE = 32 * 1024 * 1024,
    DEFAULT_MODE = 0640,
    LOCK_TRIES = 200,
    LOCK_PAUSE = 10 * 1000, /* microseconds */
    SEGMENT_MIN = 8 * SPOOL_PAGE,
    INLINE_SHARE = 8 /* a body above this part of a segment goes into a file */
};

void spool_lock(spool_t *spool)
{
    pthread_mutex_lock(&spool->lock);
}

void spool_unlock(spool_t *spool)
{
    pthread_mutex_unlock(&spool->lock);
}

/* ---- requests ---------------------------------------------------------------------------- */

void spool_queue_push(spool_queue_t *queue, spool_request_t *request)
{
    request->next = NULL;
    *(queue->first == NULL ? &queue->first : &queue->last->next) = request;
    queue->last = request;
    queue->count++;
}

spool_request_t *spool_queue_pop(spool_queue_t *queue)
{
    spool_request_t *request = queue->first;

    if (request != NULL) {
        queue->first = request->next;
        queue->count--;
    }
    return request;
}

static void run_done(void *baton)
{
    spool_request_t *request = baton;

    request->done(request->baton, request->rv);
}

/* Marks a request that the spool frees. */
static void owned(void *baton)
{
    free(baton);
}

void spool_complete(spool_t *spool, spool_request_t *request, apr_status_t rv)
{
    if ((int)request->verb == SPOOL_COPY) {
        spool_compact_finish(spool, (spool_copy_t *)request);
        return;
    }
    spool_large_finish(request, rv);
    if (request->post.fn == owned) {
        owned(request);
    } else if (request->done != NULL) {
        request->rv = rv;
        ec_loop_post(request->loop, &request->post, run_done, request);
    }
}

/* Until the request is over, `post` says whose it is (fn) and what the syncer attached (baton). */
static void submit(spool_t *spool, spool_request_t *request, ec_post_fn *owner)
{
    request->post.fn = owner;
    request->post.baton = NULL;
    if (spool_is_large(spool, request)) {
        spool_syncer_push(spool, request);
    } else {
        spool_push(spool, request);
    }
}

void spool_submit(spool_t *spool, spool_request_t *request)
{
    submit(spool, request, NULL);
}

void spool_submit_owned(spool_t *spool, spool_request_t *request)
{
    EC_ASSERT(request->done == NULL);
    submit(spool, request, owned);
}

/* ---- answers ------------------------------------------------------------------------------- */

int spool_ready(const spool_t *spool)
{
    return !__atomic_load_n(&spool->is_failed, __ATOMIC_RELAXED) &&
           !__atomic_load_n(&spool->is_full, __ATOMIC_RELAXED) &&
           !__atomic_load_n(&spool->is_short, __ATOMIC_RELAXED);
}

const char *spool_large_dir(const spool_t *spool)
{
    return spool->large_dir;
}

/* Why new messages are refused, when no error says so. */
static const char *refusal(const spool_t *spool)
{
    if (__atomic_load_n(&spool->is_full, __ATOMIC_RELAXED)) {
        return "the disk is nearly full: make room";
    }
    return __atomic_load_n(&spool->is_short, __ATOMIC_RELAXED) ? "no segment can be made" : "";
}

void spool_stats(const spool_t *spool, spool_stats_t *stats)
{
    spool_t *mine = (spool_t *)spool; /* the lock is not part of what is promised */

    memset(stats, 0, sizeof *stats);
    spool_lock(mine);
    stats->segments = spool->n_segments;
    stats->bytes = spool->total_bytes;
    stats->live_bytes = spool->live_bytes;
    stats->batches = spool->batches;
    memcpy(stats->last_error, spool->last_error, sizeof stats->last_error);
    spool_unlock(mine);
    stats->commits = __atomic_load_n(&spool->stats.commits, __ATOMIC_RELAXED);
    stats->records = __atomic_load_n(&spool->stats.records, __ATOMIC_RELAXED);
    stats->written_bytes = __atomic_load_n(&spool->stats.written_bytes, __ATOMIC_RELAXED);
    stats->sync_us_total = __atomic_load_n(&spool->stats.sync_us_total, __ATOMIC_RELAXED);
    stats->compacted_bytes = __atomic_load_n(&spool->stats.compacted_bytes, __ATOMIC_RELAXED);
    stats->is_failed = !spool_ready(spool);
    if (stats->last_error[0] == '\0') {
        snprintf(stats->last_error, sizeof stats->last_error, "%s", refusal(spool));
    }
}

/* ---- open and close -------------------------------------------------------------------------- */

static apr_status_t fail(const char **why, apr_pool_t *pool, apr_status_t rv, const char *what,
                         const char *path)
{
    char text[120];

    *why = apr_psprintf(pool, "%s %s: %s", what, path, ec_strerror(rv, text, sizeof text));
    return rv;
}

static apr_status_t make_dir(const char *path, int mode)
{
    /* who may read a file may look into its directory */
    return mkdir(path, (mode_t)(mode | (mode & 0444) >> 2 | 0700)) == 0 || errno == EEXIST ? APR_SUCCESS
                                                                                           : errno;
}

static apr_status_t make_parents(const char *path, int mode)
{
    char *copy = strdup(path);
    apr_status_t rv = copy == NULL ? APR_ENOMEM : APR_SUCCESS;

    for (char *slash = copy; rv == APR_SUCCESS && (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        rv = make_dir(copy, mode);
        *slash = '/';
    }
    free(copy);
    return rv;
}

static apr_status_t make_dirs(const spool_t *spool, const char **why, apr_pool_t *pool)
{
    const char *dirs[] = { spool->dir, spool->segment_dir, spool->large_dir, spool->damaged_dir };
    apr_status_t rv = make_parents(spool->dir, spool->mode);

    if (rv != APR_SUCCESS && rv != EROFS && rv != EACCES) { /* a parent that is there needs no rights */
        return fail(why, pool, rv, "can not make the spool directory", spool->dir);
    }
    for (apr_size_t i = 0; i < sizeof dirs / sizeof *dirs; i++) {
        rv = make_dir(dirs[i], spool->mode);
        if (rv != APR_SUCCESS) {
            return fail(why, pool, rv, "can not make the spool directory", dirs[i]);
        }
    }
    return APR_SUCCESS;
}

/* The guard of a server that was killed (shape/guard.h) has its descriptors for some milliseconds more. */
static int await_lock(int fd)
{
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++) {
        if (errno != EWOULDBLOCK || i == LOCK_TRIES) {
            return 0;
        }
        apr_sleep(LOCK_PAUSE);
    }
    return 1;
}

static apr_status_t take_lock(spool_t *spool, const char **why, apr_pool_t *pool)
{
    const char *path = apr_pstrcat(pool, spool->dir, "/lock", NULL);
    char pid[32];
    ssize_t n;

    spool->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, spool->mode);
    if (spool->lock_fd < 0) {
        return fail(why, pool, errno, "can not open", path);
    }
    if (!await_lock(spool->lock_fd)) {
        n = pread(spool->lock_fd, pid, sizeof pid - 1, 0);
        pid[n > 0 ? n : 0] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        *why = apr_psprintf(pool, "spool %s is in use by process %s: stop that one first", spool->dir,
                            pid[0] != '\0' ? pid : "(unknown)");
        return errno == EWOULDBLOCK ? EC_E_SPOOL_LOCKED : errno;
    }
    n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    if (ftruncate(spool->lock_fd, 0) != 0 || pwrite(spool->lock_fd, pid, (size_t)n, 0) != n) {
        ec_log_rv(spool->log, EC_LOG_WARNING, errno, "process id is not in the lock file path=%s", path);
    }
    return APR_SUCCESS;
}

static void set_options(spool_t *spool, const spool_options_t *options)
{
    apr_size_t size = options->segment_size == 0 ? DEFAULT_SEGMENT : options->segment_size;

    size = (size + SPOOL_PAGE - 1) & ~(apr_size_t)(SPOOL_PAGE - 1);
    size = size < SEGMENT_MIN ? SEGMENT_MIN : size;
    spool->segment_size = size > APR_INT32_MAX ? APR_INT32_MAX & ~(SPOOL_PAGE - 1) : size;
    spool->inline_max = spool->segment_size / INLINE_SHARE;
    spool->is_synced = options->is_synced;
    spool->mode = options->mode == 0 ? DEFAULT_MODE : options->mode & 0777;
    spool->reserve = options->reserve == 0 ? DEFAULT_RESERVE : options->reserve;
    spool->compact_rate = options->compact_rate == 0 ? DEFAULT_RATE : options->compact_rate;
}

static void destroy(spool_t *spool)
{
    for (apr_size_t i = 0; i < spool->n_segments; i++) {
        spool_segment_t *segment = spool->segments[i];

        for (apr_uint32_t k = 0; k < segment->n_refs; k++) {
            if (segment->refs[k] != NULL) {
                spool_ref_destroy(segment->refs[k]);
            }
        }
        segment->n_live = 0;
        spool_segment_destroy(segment);
    }
    for (spool_segment_t *segment; (segment = spool_segment_pop(&spool->dead)) != NULL;) {
        spool_segment_destroy(segment); /* recovery finds the file and that nothing in it is open */
    }
    if (spool->lock_fd >= 0) {
        close(spool->lock_fd);
    }
    pthread_mutex_destroy(&spool->lock);
    free(spool->segments);
    free(spool->dir);
    free(spool->segment_dir);
    free(spool->large_dir);
    free(spool->damaged_dir);
    free(spool);
}

static spool_t *create(const spool_options_t *options, const spool_io_t *io, ec_log_t *log)
{
    spool_t *spool = calloc(1, sizeof *spool);

    if (spool == NULL) {
        return NULL;
    }
    pthread_mutex_init(&spool->lock, NULL);
    spool->lock_fd = -1;
    spool->log = log;
    spool->io = io;
    set_options(spool, options);
    spool->dir = strdup(options->dir);
    if (spool->dir == NULL || asprintf(&spool->segment_dir, "%s/segments", options->dir) < 0 ||
        asprintf(&spool->large_dir, "%s/large", options->dir) < 0 ||
        asprintf(&spool->damaged_dir, "%s/damaged", options->dir) < 0) {
        destroy(spool);
        return NULL;
    }
    return spool;
}

static apr_status_t start(spool_t *spool)
{
    EC_TRY(spool_keeper_start(spool));
    EC_TRY(spool_syncer_start(spool));
    return spool_writer_start(spool);
}

apr_status_t spool_open_io(spool_t **result, const spool_options_t *options, const spool_io_t *io,
                           ec_log_t *log, const char **why, apr_pool_t *pool)
{
    spool_t *spool = create(options, io, log);
    apr_status_t rv;

    if (spool == NULL) {
        return fail(why, pool, APR_ENOMEM, "can not open the spool", options->dir);
    }
    rv = make_dirs(spool, why, pool);
    if (rv == APR_SUCCESS) {
        rv = take_lock(spool, why, pool);
    }
    if (rv == APR_SUCCESS) {
        rv = spool_recovery_prepare(spool, why, pool);
    }
    if (rv != APR_SUCCESS) {
        destroy(spool);
        return rv;
    }
    rv = start(spool);
    if (rv != APR_SUCCESS) {
        fail(why, pool, rv, "can not start the spool's threads", options->dir);
        spool_close(spool);
        return rv;
    }
    *result = spool;
    return APR_SUCCESS;
}

apr_status_t spool_open(spool_t **spool, const spool_options_t *options, ec_log_t *log, const char **why,
                        apr_pool_t *pool)
{
    return spool_open_io(spool, options, &spool_io_system, log, why, pool);
}

void spool_close(spool_t *spool)
{
    spool_recovery_stop(spool);
    spool_syncer_stop(spool);
    spool_compact_stop(spool);
    spool_writer_stop(spool);
    spool_keeper_stop(spool);
    destroy(spool);
}

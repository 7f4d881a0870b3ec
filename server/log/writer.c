/* writer.c - the thread that empties a log's buffers into its destination
 * SPDX-License-Identifier: Apache-2.0 */
#include "log/writer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

enum {
    BUFFER_KEEP = 1024 * 1024, /* a buffer that grew larger is given back when it is empty */
    RETRY_MS = 250,            /* pause after an error */
    GATHER_MS = 10,            /* how long the first line waits for others: being woken for each costs more than writing it */
    TEND_MS = 500              /* how often a destination that needs it is looked after */
};

/* ---- how many there are ------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t fewer;
    int closing; /* threads whose file is closed, and that have not ended */
} running = { .lock = PTHREAD_MUTEX_INITIALIZER, .fewer = PTHREAD_COND_INITIALIZER };

void log_files_finish(void)
{
    pthread_mutex_lock(&running.lock);
    while (running.closing > 0) {
        pthread_cond_wait(&running.fewer, &running.lock);
    }
    pthread_mutex_unlock(&running.lock);
}

void writer_closing(void)
{
    pthread_mutex_lock(&running.lock);
    running.closing++;
    pthread_mutex_unlock(&running.lock);
}

static void count_out(void)
{
    pthread_mutex_lock(&running.lock);
    running.closing--;
    pthread_cond_broadcast(&running.fewer);
    pthread_mutex_unlock(&running.lock);
}

/* ---- words ------------------------------------------------------------------------------ */

static void complain(ec_logfile_t *file, apr_status_t rv, const char *what)
{
    if (!file->is_troubled) {
        file->is_troubled = 1;
        ec_log_rv(file->to.log, EC_LOG_CRITICAL, rv,
                  "%s: lines wait in memory, and are dropped when there are too many file=%s", what,
                  file->to.name);
    }
}

/* Lines dropped that nobody was told of yet. */
static apr_uint64_t unreported_drops(ec_logfile_t *file, int is_told_now)
{
    apr_uint64_t dropped;

    pthread_mutex_lock(&file->lock);
    dropped = file->stats.dropped - file->dropped_reported;
    if (is_told_now) {
        file->dropped_reported = file->stats.dropped;
    }
    pthread_mutex_unlock(&file->lock);
    return dropped;
}

static void report_recovery(ec_logfile_t *file)
{
    if (file->is_troubled && file->to.is_settled) {
        file->is_troubled = 0;
        ec_log(file->to.log, EC_LOG_ERROR, "the log is written again file=%s dropped_lines=%" APR_UINT64_T_FMT,
               file->to.name, unreported_drops(file, 1));
    }
}

/* A destination that takes nothing, or too little, makes no error of its own. */
static void notice_drops(ec_logfile_t *file)
{
    if (!file->is_troubled && unreported_drops(file, 0) > 0) {
        file->is_troubled = 1;
        ec_log(file->to.log, EC_LOG_CRITICAL, "the log does not take its lines fast enough, lines are dropped file=%s",
               file->to.name);
    }
}

/* ---- the destination ----------------------------------------------------------------------- */

/* When only part of a line has reached the old file, the new one gets the whole line. */
static void back_to_line_start(ec_logfile_t *file)
{
    size_t at = file->written;

    while (at > 0 && file->writing.data[at - 1] != '\n') {
        at--;
    }
    pthread_mutex_lock(&file->lock);
    file->in_flight += file->written - at;
    pthread_mutex_unlock(&file->lock);
    file->written = at;
}

static void reopen(ec_logfile_t *file)
{
    apr_status_t rv = file->to.ops->reopen(&file->to);

    if (rv != APR_SUCCESS) {
        ec_log_rv(file->to.log, EC_LOG_CRITICAL, rv, "can not reopen the log, the old one is kept file=%s",
                  file->to.name);
        return;
    }
    back_to_line_start(file);
}

static int is_past(const struct timespec *deadline)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > deadline->tv_sec ||
           (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

static struct timespec after_ms(int ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    return until;
}

/* Wait after an error: a reopen wakes early. */
static void pause_writing(ec_logfile_t *file)
{
    struct timespec until = after_ms(RETRY_MS);

    pthread_mutex_lock(&file->lock);
    if (!file->wants_reopen) {
        pthread_cond_timedwait(&file->wake, &file->lock, &until);
    }
    pthread_mutex_unlock(&file->lock);
}

static apr_status_t write_some(ec_logfile_t *file)
{
    size_t taken;

    if (file->to.fd < 0) {
        EC_TRY(file->to.ops->open(&file->to));
        if (file->to.fd < 0) {
            return EAGAIN;
        }
    }
    EC_TRY(file->to.ops->write(&file->to, file->writing.data + file->written, file->writing.used - file->written,
                               &taken));
    file->written += taken;
    pthread_mutex_lock(&file->lock);
    file->in_flight -= taken;
    pthread_mutex_unlock(&file->lock);
    return APR_SUCCESS;
}

static void on_write_error(ec_logfile_t *file, apr_status_t rv)
{
    if (APR_STATUS_IS_EAGAIN(rv)) {
        struct pollfd pfd = { .fd = file->to.fd, .events = POLLOUT };

        if (file->to.fd < 0) {
            pause_writing(file);
        } else {
            poll(&pfd, 1, RETRY_MS);
        }
        return;
    }
    if (rv == EPIPE) { /* the FIFO's reader has gone: wait for another */
        file->to.ops->close(&file->to);
        back_to_line_start(file);
    }
    complain(file, rv, "can not write the log");
    pause_writing(file);
}

/* ---- the thread ---------------------------------------------------------------------------- */

static void tend(ec_logfile_t *file)
{
    if (file->to.ops->tend != NULL) {
        file->to.ops->tend(&file->to);
    }
}

/* Opens anew when that was asked for.  Returns 1 when the end was, and its time is over. */
static int obey(ec_logfile_t *file)
{
    int wants_reopen, is_late;

    tend(file);
    pthread_mutex_lock(&file->lock);
    wants_reopen = file->wants_reopen;
    file->wants_reopen = 0;
    is_late = file->is_closing && is_past(&file->deadline);
    pthread_mutex_unlock(&file->lock);
    if (wants_reopen) {
        reopen(file);
        pthread_mutex_lock(&file->lock);
        file->stats.reopened++;
        pthread_mutex_unlock(&file->lock);
    }
    return is_late;
}

/* The time for the rest is over. */
static void give_up(ec_logfile_t *file)
{
    size_t lost = file->writing.used - file->written;

    pthread_mutex_lock(&file->lock);
    lost += file->filling.used;
    file->filling.used = 0;
    pthread_mutex_unlock(&file->lock);
    ec_log(file->to.log, EC_LOG_CRITICAL, "the log could not be written before the end file=%s lost_bytes=%lu",
           file->to.name, (unsigned long)lost);
}

static void write_out(ec_logfile_t *file)
{
    while (file->written < file->writing.used) {
        apr_status_t rv;

        if (obey(file)) {
            give_up(file);
            return;
        }
        notice_drops(file);
        if ((rv = write_some(file)) != APR_SUCCESS) {
            on_write_error(file, rv);
        }
    }
    pthread_mutex_lock(&file->lock);
    file->stats.written += file->writing.lines;
    pthread_mutex_unlock(&file->lock);
    notice_drops(file);
    report_recovery(file);
}

static void recycle(struct buffer *buffer)
{
    if (buffer->room > BUFFER_KEEP) {
        free(buffer->data);
        *buffer = (struct buffer){ 0 };
    }
    buffer->used = 0;
    buffer->lines = 0;
}

/* Until there is something to do; 0 when it is time to look after the destination. */
static int await_work(ec_logfile_t *file)
{
    struct timespec until = after_ms(TEND_MS);
    int rv = 0;

    while (rv == 0 && file->filling.used == 0 && !file->is_closing && !file->wants_reopen) {
        file->is_idle = 1;
        if (file->to.ops->tend != NULL) {
            rv = pthread_cond_timedwait(&file->wake, &file->lock, &until);
        } else {
            pthread_cond_wait(&file->wake, &file->lock);
        }
    }
    file->is_idle = 0;
    return rv == 0;
}

/* There are lines, but few. */
static void gather(ec_logfile_t *file)
{
    struct timespec until = after_ms(GATHER_MS);

    file->is_gathering = 1;
    while (file->is_gathering && file->filling.used < WRITER_GATHER && !file->is_closing && !file->wants_reopen) {
        if (pthread_cond_timedwait(&file->wake, &file->lock, &until) != 0) {
            break;
        }
    }
    file->is_gathering = 0;
}

/* Sleeps until there is something to do; takes the lines.  0 when all is done and the end was asked for. */
static int next_work(ec_logfile_t *file)
{
    struct buffer empty = file->writing;
    int goes_on;

    recycle(&empty);
    pthread_mutex_lock(&file->lock);
    while (!await_work(file)) {
        pthread_mutex_unlock(&file->lock);
        tend(file);
        report_recovery(file);
        pthread_mutex_lock(&file->lock);
    }
    gather(file);
    goes_on = file->filling.used > 0 || !file->is_closing;
    file->writing = file->filling;
    file->filling = empty;
    file->in_flight = file->writing.used;
    file->written = 0;
    pthread_mutex_unlock(&file->lock);
    return goes_on;
}

/* A program may have lines to work off. */
static void await_done(ec_logfile_t *file)
{
    const destination_ops_t *ops = file->to.ops;

    while (ops->is_done != NULL && !ops->is_done(&file->to)) {
        if (is_past(&file->deadline)) {
            ops->abandon(&file->to);
            return;
        }
        poll(NULL, 0, 10);
    }
}

void writer_free(ec_logfile_t *file)
{
    free(file->filling.data);
    free(file->writing.data);
    pthread_cond_destroy(&file->wake);
    pthread_mutex_destroy(&file->lock);
    apr_pool_destroy(file->pool);
}

static void *writer(void *baton)
{
    ec_logfile_t *file = baton;

    while (next_work(file)) {
        obey(file);
        write_out(file);
    }
    obey(file);
    file->to.ops->close(&file->to);
    await_done(file);
    writer_free(file);
    count_out();
    return NULL;
}

apr_status_t writer_start(ec_logfile_t *file)
{
    sigset_t all, before;
    pthread_attr_t attr;
    pthread_t thread;
    apr_status_t rv;

    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all); /* signals are the master loop's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = pthread_create(&thread, &attr, writer, file);
    if (rv == APR_SUCCESS) {
        pthread_setname_np(thread, "log writer");
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    return rv;
}

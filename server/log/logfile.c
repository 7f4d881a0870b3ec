/* logfile.c - two buffers and a thread: lines collect in one while the other is written
 * SPDX-License-Identifier: Apache-2.0
 *
 * `filling` belongs to whoever holds the lock; `writing`, the descriptor and what goes
 * with them belong to the thread alone.  The thread takes the filled buffer by swapping
 * the two, so the lock is held for a memcpy or a swap, never for a system call.
 *
 * The descriptor is non-blocking: that changes nothing for a regular file, and with a
 * FIFO or a terminal that nobody reads the thread waits in poll(), where it can still be
 * told to end. */
#include <ec/logfile.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <apr_strings.h>

enum {
    BUFFER_START = 64 * 1024,
    BUFFER_KEEP = 1024 * 1024, /* a buffer that grew larger is given back when it is empty */
    RETRY_MS = 250,            /* pause after an error */
    CLOSE_MS = 5000
};

struct buffer {
    char *data;
    size_t used, room;
    apr_uint64_t lines;
};

struct ec_logfile {
    const char *path;
    int mode;
    ec_log_t *log;
    apr_pool_t *pool;
    pthread_t thread;

    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct buffer filling;
    size_t in_flight; /* bytes of `writing` that are not written yet */
    int is_idle, is_closing, wants_reopen;
    struct timespec deadline; /* when closing */
    ec_logfile_stats_t stats;
    apr_uint64_t dropped_reported;

    /* the thread's */
    struct buffer writing;
    size_t written;  /* bytes of it that are in the file */
    int fd;          /* -1: not open (a FIFO without reader) */
    int is_troubled; /* said so; say also when it is over */
};

/* ---- opening ----------------------------------------------------------------------- */

static apr_status_t open_path(int *fd, const char *path, int mode)
{
    struct stat st;
    int opened = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode & 0777);

    if (opened < 0) {
        *fd = -1;
        return errno == ENXIO ? APR_SUCCESS : errno; /* a FIFO that nobody reads yet */
    }
    /* the umask must not have its way with a mode that was asked for */
    if (fstat(opened, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 && st.st_uid == geteuid() &&
        (st.st_mode & 0777) != (mode_t)(mode & 0777) && fchmod(opened, (mode_t)(mode & 0777)) != 0) {
        apr_status_t rv = errno;

        close(opened);
        return rv;
    }
    *fd = opened;
    return APR_SUCCESS;
}

static const char *path_of(const char *destination, const char **why, apr_pool_t *pool)
{
    const char *scheme_end = strstr(destination, "://");

    if (scheme_end == NULL) {
        return destination;
    }
    if (strncmp(destination, "file://", 7) == 0 && destination[7] == '/') {
        return destination + 7;
    }
    *why = apr_psprintf(pool, "log destination \"%s\": only a path or file:///path is possible", destination);
    return NULL;
}

static void *writer(void *baton);

static apr_status_t start_thread(ec_logfile_t *file)
{
    sigset_t all, before;
    apr_status_t rv;

    sigfillset(&all); /* signals are the master loop's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    rv = pthread_create(&file->thread, NULL, writer, file);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rv == APR_SUCCESS) {
        pthread_setname_np(file->thread, "log writer");
    }
    return rv;
}

static void init_wait(ec_logfile_t *file)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&file->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&file->wake, &attr);
    pthread_condattr_destroy(&attr);
}

apr_status_t ec_logfile_open(ec_logfile_t **result, const char *destination, int mode, ec_log_t *log,
                             const char **why, apr_pool_t *pool)
{
    ec_logfile_t *file = apr_pcalloc(pool, sizeof *file);
    const char *path = path_of(destination, why, pool);
    char text[160];
    apr_status_t rv;

    if (path == NULL) {
        return EC_E_CONFIG;
    }
    if ((rv = open_path(&file->fd, path, mode)) != APR_SUCCESS) {
        *why =
            apr_psprintf(pool, "can not open the log file %s: %s", path, ec_strerror(rv, text, sizeof text));
        return rv;
    }
    file->path = apr_pstrdup(pool, path);
    file->mode = mode;
    file->log = log;
    init_wait(file);
    if ((rv = start_thread(file)) != APR_SUCCESS) {
        *why = apr_psprintf(pool, "can not start the thread that writes %s", path);
        if (file->fd >= 0) {
            close(file->fd);
        }
        return rv;
    }
    *result = file;
    return APR_SUCCESS;
}

/* ---- any thread --------------------------------------------------------------------- */

/* Room for `more` bytes, within the bound that both buffers share. */
static int make_room(ec_logfile_t *file, size_t more)
{
    struct buffer *buffer = &file->filling;
    size_t room = buffer->room > 0 ? buffer->room : BUFFER_START;
    char *data;

    if (buffer->used + file->in_flight + more > EC_LOGFILE_BUFFER) {
        return 0;
    }
    while (room < buffer->used + more) {
        room *= 2;
    }
    if (room == buffer->room) {
        return 1;
    }
    if ((data = realloc(buffer->data, room)) == NULL) {
        return 0;
    }
    buffer->data = data;
    buffer->room = room;
    return 1;
}

static void append(struct buffer *buffer, const char *line, size_t length)
{
    char *to = buffer->data + buffer->used, *newline = to;

    memcpy(to, line, length);
    while ((newline = memchr(newline, '\n', length - (size_t)(newline - to))) != NULL) {
        *newline = ' ';
    }
    to[length] = '\n';
    buffer->used += length + 1;
    buffer->lines++;
}

void ec_logfile_write(ec_logfile_t *file, const char *line, apr_size_t length)
{
    pthread_mutex_lock(&file->lock);
    if (make_room(file, length + 1)) {
        append(&file->filling, line, length);
    } else {
        file->stats.dropped++;
    }
    if (file->is_idle) {
        file->is_idle = 0;
        pthread_cond_signal(&file->wake);
    }
    pthread_mutex_unlock(&file->lock);
}

void ec_logfile_reopen(ec_logfile_t *file)
{
    pthread_mutex_lock(&file->lock);
    file->wants_reopen = 1;
    pthread_cond_signal(&file->wake);
    pthread_mutex_unlock(&file->lock);
}

void ec_logfile_stats(ec_logfile_t *file, ec_logfile_stats_t *stats)
{
    pthread_mutex_lock(&file->lock);
    *stats = file->stats;
    stats->waiting = file->filling.used + file->in_flight;
    pthread_mutex_unlock(&file->lock);
}

void ec_logfile_close(ec_logfile_t *file)
{
    pthread_mutex_lock(&file->lock);
    file->is_closing = 1;
    clock_gettime(CLOCK_MONOTONIC, &file->deadline);
    file->deadline.tv_sec += CLOSE_MS / 1000;
    pthread_cond_signal(&file->wake);
    pthread_mutex_unlock(&file->lock);
    pthread_join(file->thread, NULL);
    if (file->fd >= 0) {
        close(file->fd);
    }
    free(file->filling.data);
    free(file->writing.data);
    pthread_cond_destroy(&file->wake);
    pthread_mutex_destroy(&file->lock);
}

/* ---- the thread --------------------------------------------------------------------- */

static int is_past(const struct timespec *deadline)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec > deadline->tv_sec ||
           (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

static void complain(ec_logfile_t *file, apr_status_t rv, const char *what)
{
    if (!file->is_troubled) {
        file->is_troubled = 1;
        ec_log_rv(file->log, EC_LOG_CRITICAL, rv,
                  "%s: lines wait in memory, and are dropped when there are too many file=%s", what,
                  file->path);
    }
}

static void report_recovery(ec_logfile_t *file)
{
    apr_uint64_t dropped;

    if (!file->is_troubled) {
        return;
    }
    file->is_troubled = 0;
    pthread_mutex_lock(&file->lock);
    dropped = file->stats.dropped - file->dropped_reported;
    file->dropped_reported = file->stats.dropped;
    pthread_mutex_unlock(&file->lock);
    ec_log(file->log, EC_LOG_ERROR, "the log is written again file=%s dropped_lines=%" APR_UINT64_T_FMT,
           file->path, dropped);
}

/* A disk that is merely too slow fills the buffer without an error. */
static void report_drops(ec_logfile_t *file)
{
    apr_uint64_t dropped;

    if (file->is_troubled) {
        return;
    }
    pthread_mutex_lock(&file->lock);
    dropped = file->stats.dropped - file->dropped_reported;
    file->dropped_reported = file->stats.dropped;
    pthread_mutex_unlock(&file->lock);
    if (dropped > 0) {
        ec_log(file->log, EC_LOG_CRITICAL,
               "the log could not be written fast enough file=%s dropped_lines=%" APR_UINT64_T_FMT,
               file->path, dropped);
    }
}

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
    int fd;
    apr_status_t rv = open_path(&fd, file->path, file->mode);

    if (rv != APR_SUCCESS) {
        ec_log_rv(file->log, EC_LOG_CRITICAL, rv, "can not reopen the log, the old file is kept file=%s",
                  file->path);
        return;
    }
    if (file->fd >= 0) {
        close(file->fd);
    }
    file->fd = fd;
    back_to_line_start(file);
}

/* Wait after an error: a reopen or the end wakes early. */
static void pause_writing(ec_logfile_t *file)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += RETRY_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_mutex_lock(&file->lock);
    if (!file->wants_reopen) {
        pthread_cond_timedwait(&file->wake, &file->lock, &until);
    }
    pthread_mutex_unlock(&file->lock);
}

static apr_status_t write_some(ec_logfile_t *file)
{
    ssize_t n;

    if (file->fd < 0) {
        EC_TRY(open_path(&file->fd, file->path, file->mode));
        if (file->fd < 0) {
            return EAGAIN;
        }
    }
    n = write(file->fd, file->writing.data + file->written, file->writing.used - file->written);
    if (n < 0) {
        return errno == EINTR ? APR_SUCCESS : errno;
    }
    file->written += (size_t)n;
    pthread_mutex_lock(&file->lock);
    file->in_flight -= (size_t)n;
    pthread_mutex_unlock(&file->lock);
    return APR_SUCCESS;
}

static void on_write_error(ec_logfile_t *file, apr_status_t rv)
{
    if (APR_STATUS_IS_EAGAIN(rv)) {
        struct pollfd pfd = { .fd = file->fd, .events = POLLOUT };

        if (file->fd < 0) {
            pause_writing(file);
        } else {
            poll(&pfd, 1, RETRY_MS);
        }
        return;
    }
    if (rv == EPIPE) { /* the FIFO's reader has gone: wait for another */
        close(file->fd);
        file->fd = -1;
        back_to_line_start(file);
    }
    complain(file, rv, "can not write the log");
    pause_writing(file);
}

/* Opens anew when that was asked for.  Returns 1 when the end was, and its time is over. */
static int obey(ec_logfile_t *file)
{
    int wants_reopen, is_late;

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

static void write_out(ec_logfile_t *file)
{
    while (file->written < file->writing.used) {
        apr_status_t rv;

        if (obey(file)) {
            ec_log(file->log, EC_LOG_CRITICAL,
                   "the log could not be written before the end file=%s lost_bytes=%lu", file->path,
                   (unsigned long)(file->writing.used - file->written));
            return;
        }
        if ((rv = write_some(file)) != APR_SUCCESS) {
            on_write_error(file, rv);
        } else {
            report_recovery(file);
        }
    }
    pthread_mutex_lock(&file->lock);
    file->stats.written += file->writing.lines;
    pthread_mutex_unlock(&file->lock);
    report_drops(file);
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

/* Sleeps until there is something to do; takes the lines.  0 when all is done and the end was asked for. */
static int next_work(ec_logfile_t *file)
{
    struct buffer empty = file->writing;
    int goes_on;

    recycle(&empty);
    pthread_mutex_lock(&file->lock);
    while (file->filling.used == 0 && !file->is_closing && !file->wants_reopen) {
        file->is_idle = 1;
        pthread_cond_wait(&file->wake, &file->lock);
    }
    file->is_idle = 0;
    goes_on = file->filling.used > 0 || !file->is_closing;
    file->writing = file->filling;
    file->filling = empty;
    file->in_flight = file->writing.used;
    file->written = 0;
    pthread_mutex_unlock(&file->lock);
    return goes_on;
}

static void *writer(void *baton)
{
    ec_logfile_t *file = baton;

    while (next_work(file)) {
        obey(file);
        write_out(file);
    }
    obey(file);
    return NULL;
}

/* logfile.c - two buffers and a thread: lines collect in one while the other is written
 * SPDX-License-Identifier: Apache-2.0
 * This is the callers' side; writer.c is the thread's. */
#include <ec/logfile.h>

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "log/output.h"
#include "log/writer.h"
#include "util/role.h"

enum { BUFFER_START = 64 * 1024, CLOSE_SECONDS = 5 };

/* ---- opening ----------------------------------------------------------------------- */

static void init_wait(ec_logfile_t *file)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&file->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&file->wake, &attr);
    pthread_condattr_destroy(&attr);
}

/* `*why` is in the file's pool. */
static apr_status_t open_destination(ec_logfile_t *file, const char *text, const ec_logfile_options_t *options,
                                     const char **why)
{
    char error[160];
    apr_status_t rv = destination_parse(&file->to, text, options, why);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    if (ec_is_trial()) {
        return APR_SUCCESS;
    }
    rv = file->to.ops->open(&file->to);
    if (rv != APR_SUCCESS && !APR_STATUS_IS_EAGAIN(rv) && !file->to.ops->may_come_later) {
        *why = apr_psprintf(file->pool, "can not open the log %s: %s", file->to.name,
                            ec_strerror(rv, error, sizeof error));
        return rv;
    }
    if ((rv = writer_start(file)) != APR_SUCCESS) {
        *why = apr_psprintf(file->pool, "can not start the thread that writes %s", file->to.name);
        file->to.ops->close(&file->to);
    }
    return rv;
}

const char *ec_logfile_check(const char *destination, apr_pool_t *pool)
{
    const ec_logfile_options_t options = { .mode = 0644 };
    destination_t to = { .pool = pool, .log = ec_log_root() };
    const char *why = NULL;

    return *destination == '\0' || destination_parse(&to, destination, &options, &why) == APR_SUCCESS ? NULL : why;
}

apr_status_t ec_logfile_open(ec_logfile_t **result, const char *destination, const ec_logfile_options_t *options,
                             ec_log_t *log, const char **why, apr_pool_t *pool)
{
    ec_logfile_t *file;
    apr_pool_t *own;
    apr_status_t rv;

    *why = "out of memory";
    EC_TRY(apr_pool_create(&own, NULL)); /* a root: the thread may end it */
    file = apr_pcalloc(own, sizeof *file);
    file->pool = file->to.pool = own;
    file->to.log = log_context_copy(log, own);
    init_wait(file);
    if ((rv = open_destination(file, destination, options, why)) != APR_SUCCESS) {
        *why = apr_pstrdup(pool, *why);
        writer_free(file);
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
    if (ec_is_trial()) {
        return;
    }
    pthread_mutex_lock(&file->lock);
    if (make_room(file, length + 1)) {
        append(&file->filling, line, length);
    } else {
        file->stats.dropped++;
    }
    if (file->is_idle || (file->is_gathering && file->filling.used >= WRITER_GATHER)) {
        file->is_idle = file->is_gathering = 0;
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
    if (ec_is_trial()) { /* there is no thread */
        writer_free(file);
        return;
    }
    writer_closing();
    pthread_mutex_lock(&file->lock);
    file->is_closing = 1;
    clock_gettime(CLOCK_MONOTONIC, &file->deadline);
    file->deadline.tv_sec += CLOSE_SECONDS;
    pthread_cond_signal(&file->wake);
    pthread_mutex_unlock(&file->lock); /* the last touch: the thread frees it */
}

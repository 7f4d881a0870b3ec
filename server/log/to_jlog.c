/* to_jlog.c - lines into a journal (jlog/)
 * SPDX-License-Identifier: Apache-2.0
 *
 *   jlog:///path[=>subscriber]  jlog:///path?subscribers=a,b,c
 *
 * A record is in the file before it is taken from the buffer, so a kill loses none of those.  For a power
 * failure the file is synced once a second while there is something new, when a segment is full, and at the
 * end.  There is nothing to rotate: a reopen changes nothing. */
#include "log/destination.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include <apr_strings.h>

#include "log/jlog/writer.h"

enum { SUBSCRIBERS_MAX = 32, SYNC_SECONDS = 1 };

struct state {
    const char *path;
    const char *subscribers[SUBSCRIBERS_MAX + 1];
    jlog_writer_t *writer; /* NULL: not open */
    time_t synced;         /* of the monotonic clock */
    int is_sync_failing;
};

/* ---- parsing ----------------------------------------------------------------------- */

static const char *add_subscribers(struct state *state, char *names)
{
    char *last;
    int n = 0;

    for (char *name = apr_strtok(names, ",", &last); name != NULL; name = apr_strtok(NULL, ",", &last)) {
        if (n == SUBSCRIBERS_MAX) {
            return "there are too many subscribers";
        }
        if (!jlog_is_name(name)) {
            return "a subscriber's name has letters, digits, '-', '_', '.', '@' and ':', up to 64, no '.' at "
                   "the beginning";
        }
        state->subscribers[n++] = name;
    }
    return n > 0 ? NULL : "it names no subscriber: leave that out for the default, master";
}

static apr_status_t parse(destination_t *to, const char *rest, const char **why)
{
    struct state *state = apr_pcalloc(to->pool, sizeof *state);
    char *path = apr_pstrdup(to->pool, rest), *arrow = strstr(path, "=>");
    const char *const *list;

    if (arrow != NULL) {
        *arrow = '\0';
    }
    list = destination_parameters(path, to->pool);
    state->path = path;
    to->state = state;
    if (path[0] != '/' || list == NULL || (list[0] != NULL && (arrow != NULL || list[2] != NULL)) ||
        (list[0] != NULL && strcasecmp(list[0], "subscribers") != 0)) {
        *why = "use jlog:///path, jlog:///path=>subscriber or jlog:///path?subscribers=a,b,c";
        return EC_E_CONFIG;
    }
    *why = add_subscribers(state, arrow != NULL     ? arrow + 2
                                  : list[0] != NULL ? apr_pstrdup(to->pool, list[1])
                                                    : apr_pstrdup(to->pool, "master"));
    return *why == NULL ? APR_SUCCESS : EC_E_CONFIG;
}

/* ---- operations -------------------------------------------------------------------- */

static apr_status_t or_later(apr_status_t rv)
{
    return rv == EC_E_BUSY ? EAGAIN : rv;
}

static void close_journal(destination_t *to)
{
    struct state *state = to->state;

    if (state->writer != NULL) {
        jlog_writer_close(state->writer);
    }
    state->writer = NULL;
    to->fd = -1;
}

/* to->fd tells only that it is open: nobody can wait for the lock by polling, so it is -1 until
 * the next attempt. */
static apr_status_t open_journal(destination_t *to)
{
    struct state *state = to->state;
    const jlog_folder_options_t options = { to->mode, to->uid, to->gid, JLOG_SEGMENT_DEFAULT };

    if (state->writer == NULL) {
        EC_TRY(
            or_later(jlog_writer_open(&state->writer, state->path, state->subscribers, &options, to->log)));
    }
    to->fd = jlog_writer_fd(state->writer);
    return APR_SUCCESS;
}

static apr_status_t write_lines(destination_t *to, const char *data, size_t length, size_t *taken)
{
    struct state *state = to->state;
    apr_status_t rv = jlog_writer_append(state->writer, data, length, taken);

    if (APR_STATUS_IS_ENOENT(rv)) { /* somebody removed it: the next write makes another one */
        close_journal(to);
    } else if (rv == EC_E_BUSY) {
        to->fd = -1;
    }
    return or_later(rv);
}

static apr_status_t reopen_journal(destination_t *to)
{
    return APR_SUCCESS;
}

static void sync_now_and_then(destination_t *to)
{
    struct state *state = to->state;
    struct timespec now;
    apr_status_t rv;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (state->writer == NULL || now.tv_sec < state->synced + SYNC_SECONDS) {
        return;
    }
    state->synced = now.tv_sec;
    rv = jlog_writer_sync(state->writer);
    if (rv != APR_SUCCESS && !state->is_sync_failing) {
        ec_log_rv(to->log, EC_LOG_CRITICAL, rv,
                  "can not sync the journal, a power failure may cost lines file=%s", to->name);
    }
    state->is_sync_failing = rv != APR_SUCCESS;
}

#define JOURNAL(scheme_)                                                                 \
    {                                                                                    \
        .scheme = (scheme_), .parse = parse, .open = open_journal, .write = write_lines, \
        .reopen = reopen_journal, .close = close_journal, .tend = sync_now_and_then,     \
    }

const destination_ops_t destination_jlog = JOURNAL("jlog");
const destination_ops_t destination_cluster = JOURNAL("cluster");

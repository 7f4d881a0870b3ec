/* output.c - standard error and sinks
 * SPDX-License-Identifier: Apache-2.0
 *
 * Logging must not stop a loop because somebody reads standard error slowly: a line
 * is written only when the descriptor takes it at once; lines that it does not take
 * are counted, and the next line that gets through says how many are missing. */
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/uio.h>

#include "log/output.h"
#include "log/recent.h"
#include "util/text.h"

/* ---- standard error --------------------------------------------------------- */

static _Atomic int stderr_is_on = 1;
static _Atomic unsigned stderr_lost;

void ec_log_stderr(int is_on)
{
    atomic_store(&stderr_is_on, is_on);
}

static void write_stderr(ec_log_level_t level, apr_time_t when, const char *text)
{
    struct pollfd ready = { .fd = STDERR_FILENO, .events = POLLOUT };
    char head[UTIL_DATE_TEXT + 64], date[UTIL_DATE_TEXT];
    struct iovec parts[3];
    unsigned lost;

    if (poll(&ready, 1, 0) != 1 || (ready.revents & POLLOUT) == 0) {
        atomic_fetch_add(&stderr_lost, 1);
        return;
    }
    lost = atomic_exchange(&stderr_lost, 0);
    util_text_iso_date(date, when);
    if (lost > 0) {
        snprintf(head, sizeof head, "%s %s [%u lines lost before] ", date, ec_log_level_name(level), lost);
    } else {
        snprintf(head, sizeof head, "%s %s ", date, ec_log_level_name(level));
    }
    parts[0] = (struct iovec){ head, strlen(head) };
    parts[1] = (struct iovec){ (char *)(apr_uintptr_t)text, strlen(text) };
    parts[2] = (struct iovec){ (char[]){ '\n' }, 1 };
    if (writev(STDERR_FILENO, parts, 3) < 0) {
        atomic_fetch_add(&stderr_lost, lost + 1);
    }
}

/* ---- sinks -------------------------------------------------------------------- */

struct sink {
    struct sink *next;
    ec_log_sink_fn *fn;
    void *baton;
};

static pthread_rwlock_t sinks_lock = PTHREAD_RWLOCK_INITIALIZER; /* held for reading while sinks run */
static struct sink *sinks;

void ec_log_sink_add(ec_log_sink_fn *fn, void *baton)
{
    struct sink *sink = malloc(sizeof *sink);

    EC_ASSERT(sink != NULL);
    pthread_rwlock_wrlock(&sinks_lock);
    *sink = (struct sink){ sinks, fn, baton };
    sinks = sink;
    pthread_rwlock_unlock(&sinks_lock);
}

void ec_log_sink_remove(ec_log_sink_fn *fn, void *baton)
{
    struct sink **link = &sinks, *found;

    pthread_rwlock_wrlock(&sinks_lock);
    while (*link != NULL && ((*link)->fn != fn || (*link)->baton != baton)) {
        link = &(*link)->next;
    }
    found = *link;
    if (found != NULL) {
        *link = found->next;
    }
    pthread_rwlock_unlock(&sinks_lock);
    free(found);
}

void log_output(ec_log_level_t level, apr_time_t when, const char *text)
{
    log_recent_add(level, when, text);
    if (atomic_load_explicit(&stderr_is_on, memory_order_relaxed)) {
        write_stderr(level, when, text);
    }
    pthread_rwlock_rdlock(&sinks_lock);
    for (const struct sink *sink = sinks; sink != NULL; sink = sink->next) {
        sink->fn(sink->baton, level, when, text);
    }
    pthread_rwlock_unlock(&sinks_lock);
}

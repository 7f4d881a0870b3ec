/* link.c - a process group of corosync that we are in whenever corosync is there
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/node/link.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <ec/status.h>

static const apr_time_t retry_after = apr_time_from_sec(1);
/* An answer that has not come for so long is worth a line. */
static const apr_time_t answer_patience = apr_time_from_sec(3);

enum { DISPATCH_LIMIT = 256 };

/* One thread at a time: libqb makes its tables of handles when they are first needed, without a lock.  Whoever waits here for
 * another that waits for corosync would wait for the same corosync. */
static pthread_mutex_t libraries = PTHREAD_MUTEX_INITIALIZER;

/* Shared by the link and the thread; whoever leaves last frees it. */
struct opener {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *group;
    const struct bus_events *events;
    void *baton;
    int wake_fd; /* of its own */
    bus_cpg_t *to_close;
    int is_wanted, is_abandoned, has_ended;
    /* the outcome, when is_done */
    int is_done;
    bus_cpg_t *bus; /* NULL: `why` */
    const char *why;
};

struct link {
    struct link_settings settings;
    struct opener *opener;
    bus_cpg_t *bus;
    int is_opening, is_reset;
    apr_time_t since, retry;
    const char *trouble; /* why there is no bus */
    int is_told;         /* that there is none */
};

/* ---- the thread that waits ------------------------------------------------------------------- */

static void opener_free(struct opener *opener)
{
    pthread_cond_destroy(&opener->changed);
    pthread_mutex_destroy(&opener->lock);
    close(opener->wake_fd);
    free(opener->group);
    free(opener);
}

static void opener_wake(const struct opener *opener)
{
    const uint64_t one = 1;

    if (write(opener->wake_fd, &one, sizeof(one)) < 0)
        return; /* full: it is awake */
}

/* With the lock held; given back while it waits for corosync. */
static void close_one(struct opener *opener)
{
    bus_cpg_t *bus = opener->to_close;

    opener->to_close = NULL;
    pthread_mutex_unlock(&opener->lock);
    pthread_mutex_lock(&libraries);
    bus_cpg_close(bus);
    pthread_mutex_unlock(&libraries);
    pthread_mutex_lock(&opener->lock);
}

static void open_one(struct opener *opener)
{
    bus_cpg_t *bus = NULL;
    const char *why = NULL;

    opener->is_wanted = 0;
    pthread_mutex_unlock(&opener->lock);
    pthread_mutex_lock(&libraries);
    if (bus_cpg_open(&bus, opener->group, opener->events, opener->baton, &why) != APR_SUCCESS)
        bus = NULL;
    pthread_mutex_unlock(&libraries);
    pthread_mutex_lock(&opener->lock);
    if (opener->is_abandoned) {
        opener->to_close = bus;
        return;
    }
    opener->bus = bus;
    opener->why = why;
    opener->is_done = 1;
    opener_wake(opener);
}

static void *opener_run(void *baton)
{
    struct opener *opener = baton;
    int is_left_behind;

    pthread_mutex_lock(&opener->lock);
    while (opener->to_close != NULL || !opener->is_abandoned) {
        if (opener->to_close != NULL)
            close_one(opener);
        else if (opener->is_wanted)
            open_one(opener);
        else
            pthread_cond_wait(&opener->changed, &opener->lock);
    }
    is_left_behind = opener->has_ended;
    opener->has_ended = 1;
    pthread_cond_signal(&opener->changed);
    pthread_mutex_unlock(&opener->lock);
    if (is_left_behind)
        opener_free(opener);
    return NULL;
}

/* Signals are the server's other threads'. */
static int start_thread(struct opener *opener)
{
    pthread_attr_t attributes;
    sigset_t all, before;
    pthread_t thread;
    int error;

    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, opener_run, opener);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error == 0;
}

static struct opener *opener_create(const struct link_settings *settings)
{
    struct opener *opener = calloc(1, sizeof(*opener));
    pthread_condattr_t monotonic;

    EC_ASSERT(opener != NULL);
    pthread_mutex_init(&opener->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&opener->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    opener->group = strdup(settings->group);
    opener->events = settings->events;
    opener->baton = settings->baton;
    opener->wake_fd = dup(settings->wake_fd);
    EC_ASSERT(opener->group != NULL && opener->wake_fd >= 0);
    return opener;
}

/* ---- the link ---------------------------------------------------------------------------------- */

link_t *link_create(const struct link_settings *settings)
{
    link_t *link = calloc(1, sizeof(*link));

    EC_ASSERT(link != NULL);
    link->settings = *settings;
    link->opener = opener_create(settings);
    link->trouble = "not tried yet";
    if (start_thread(link->opener))
        return link;
    opener_free(link->opener);
    free(link);
    return NULL;
}

static void deadline(struct timespec *until, apr_interval_time_t patience)
{
    clock_gettime(CLOCK_MONOTONIC, until);
    until->tv_sec += (time_t)(patience / APR_USEC_PER_SEC);
    until->tv_nsec += (long)(patience % APR_USEC_PER_SEC) * 1000;
    if (until->tv_nsec >= 1000000000) {
        until->tv_nsec -= 1000000000;
        until->tv_sec++;
    }
}

void link_destroy(link_t *link, apr_interval_time_t patience)
{
    struct opener *opener = link->opener;
    struct timespec until;
    int is_over;

    deadline(&until, patience);
    pthread_mutex_lock(&opener->lock);
    EC_ASSERT(opener->to_close == NULL || link->bus == NULL);
    if (opener->to_close == NULL)
        opener->to_close = link->bus != NULL ? link->bus : opener->is_done ? opener->bus : NULL;
    opener->is_abandoned = 1;
    pthread_cond_signal(&opener->changed);
    while (!opener->has_ended && pthread_cond_timedwait(&opener->changed, &opener->lock, &until) == 0)
        continue;
    is_over = opener->has_ended;
    opener->has_ended = 1;
    pthread_mutex_unlock(&opener->lock);
    if (is_over)
        opener_free(opener);
    free(link);
}

bus_cpg_t *link_bus(const link_t *link)
{
    return link->bus;
}

const char *link_trouble(const link_t *link)
{
    return link->bus != NULL ? NULL : link->trouble;
}

void link_reset(link_t *link)
{
    link->is_reset = 1;
}

apr_time_t link_next(const link_t *link)
{
    if (link->bus != NULL)
        return 0;
    return link->is_opening ? link->since + answer_patience : link->retry;
}

static void tell_lost(link_t *link)
{
    if (!link->is_told)
        ec_log(link->settings.log, link->settings.lost,
               "not in the cluster group=%s: %s (tried again each second)", link->settings.group,
               link->trouble);
    link->is_told = 1;
}

static void tell_back(link_t *link)
{
    ec_log(link->settings.log, link->settings.back, "in the cluster group=%s node=%u", link->settings.group,
           (unsigned)bus_cpg_self(link->bus));
    link->is_told = 0;
}

static void want(link_t *link, apr_time_t now)
{
    pthread_mutex_lock(&link->opener->lock);
    link->opener->is_wanted = 1;
    pthread_cond_signal(&link->opener->changed);
    pthread_mutex_unlock(&link->opener->lock);
    link->is_opening = 1;
    link->since = now;
}

/* Has the thread come back with something? */
static enum link_news take_outcome(link_t *link, apr_time_t now)
{
    struct opener *opener = link->opener;
    int is_done;

    pthread_mutex_lock(&opener->lock);
    is_done = opener->is_done;
    if (is_done) {
        link->bus = opener->bus;
        link->trouble = opener->why;
        opener->bus = NULL;
        opener->is_done = 0;
    }
    pthread_mutex_unlock(&opener->lock);
    if (!is_done) {
        if (now - link->since >= answer_patience) {
            link->since = now;
            link->trouble = "corosync does not answer: is its process stopped?";
            tell_lost(link);
        }
        return LINK_SAME;
    }
    link->is_opening = 0;
    link->retry = now + retry_after;
    if (link->bus == NULL) {
        tell_lost(link);
        return LINK_SAME;
    }
    return LINK_UP;
}

static enum link_news let_go(link_t *link, apr_time_t now)
{
    pthread_mutex_lock(&link->opener->lock);
    link->opener->to_close = link->bus;
    pthread_cond_signal(&link->opener->changed);
    pthread_mutex_unlock(&link->opener->lock);
    link->bus = NULL;
    link->retry = link->is_reset ? now : now + retry_after;
    if (!link->is_reset)
        tell_lost(link);
    link->is_reset = 0;
    return LINK_DOWN;
}

static enum link_news dispatch(link_t *link, apr_time_t now, int *has_more)
{
    apr_status_t rv = bus_cpg_dispatch(link->bus, DISPATCH_LIMIT, now);
    const struct bus_cpg_member *members;

    *has_more = rv == EC_E_BUSY;
    if (rv == EC_E_CLOSED)
        link->trouble = "corosync has ended";
    else if (rv == EC_E_DENIED)
        link->trouble = BUS_CPG_DENIED;
    else if (link->is_reset)
        link->trouble = "being left by cluster reset";
    else if (link->is_told || link->since != 0) {
        /* in, once the first members are known */
        if (bus_cpg_members(link->bus, &members) > 0) {
            tell_back(link);
            link->since = 0;
        }
        return LINK_SAME;
    } else {
        return LINK_SAME;
    }
    return let_go(link, now);
}

enum link_news link_turn(link_t *link, apr_time_t now, int *has_more)
{
    *has_more = 0;
    if (link->bus != NULL)
        return dispatch(link, now, has_more);
    if (link->is_opening)
        return take_outcome(link, now);
    if (now >= link->retry)
        want(link, now);
    return LINK_SAME;
}

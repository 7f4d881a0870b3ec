/* event_base.c - libunbound's events on one of our loops
 * SPDX-License-Identifier: Apache-2.0
 *
 * libunbound brings no event loop; it asks for "events": a descriptor with a mask, a time limit, or both.
 * Each one is a watch and a timer here.  An event without UB_EV_PERSIST ends when it fires; one with it
 * starts its time limit anew.  libunbound may free an event inside its callback, so nothing is touched after
 * the call. */
#include <stdlib.h>
#include <sys/time.h>
#include <unbound-event.h>

#include "dns/event_base.h"

typedef void event_fn(int fd, short bits, void *arg);

struct base {
    struct ub_event_base ub; /* first: libunbound holds the pointer to it */
    ec_loop_t *loop;
};

struct event {
    struct ub_event ub; /* first */
    struct base *base;
    int fd, bits;
    event_fn *fn;
    void *arg;
    apr_interval_time_t limit; /* 0: none */
    ec_watch_t watch;
    ec_timer_t timer;
    apr_pool_t *pool; /* of the watch, NULL while nothing is watched */
};

static void disarm(struct event *event)
{
    ec_timer_cancel(&event->timer);
    ec_watch_stop(&event->watch);
    if (event->pool != NULL) {
        apr_pool_destroy(event->pool);
        event->pool = NULL;
    }
}

static void fire(struct event *event, int bits)
{
    if ((event->bits & UB_EV_PERSIST) == 0) {
        disarm(event);
    }
    event->fn(event->fd, (short)bits, event->arg);
}

static void on_timer(void *baton)
{
    fire(baton, UB_EV_TIMEOUT);
}

static void on_ready(void *baton, int ready)
{
    struct event *event = baton;
    int bits = ((ready & EC_READ) != 0 ? UB_EV_READ : 0) | ((ready & EC_WRITE) != 0 ? UB_EV_WRITE : 0);

    if (event->limit > 0) {
        ec_timer_start(&event->timer, event->base->loop, event->limit, on_timer, event);
    }
    fire(event, bits);
}

static int watch_mask(const struct event *event)
{
    return ((event->bits & UB_EV_READ) != 0 ? EC_READ : 0) |
           ((event->bits & UB_EV_WRITE) != 0 ? EC_WRITE : 0);
}

static int event_add(struct ub_event *ub, struct timeval *limit)
{
    struct event *event = (struct event *)ub;
    int mask = watch_mask(event);

    disarm(event);
    if (event->fd >= 0 && mask != 0) {
        event->pool = ec_loop_subpool(event->base->loop);
        if (ec_watch_start_fd(&event->watch, event->base->loop, event->fd, mask, on_ready, event,
                              event->pool) != APR_SUCCESS) {
            return -1;
        }
    }
    event->limit = 0;
    if (limit != NULL && (event->bits & UB_EV_TIMEOUT) != 0) {
        event->limit = apr_time_from_sec(limit->tv_sec) + limit->tv_usec;
        ec_timer_start(&event->timer, event->base->loop, event->limit, on_timer, event);
    }
    return 0;
}

static int event_del(struct ub_event *ub)
{
    disarm((struct event *)ub);
    return 0;
}

static void event_add_bits(struct ub_event *ub, short bits)
{
    ((struct event *)ub)->bits |= bits;
}

static void event_del_bits(struct ub_event *ub, short bits)
{
    ((struct event *)ub)->bits &= ~bits;
}

static void event_set_fd(struct ub_event *ub, int fd)
{
    ((struct event *)ub)->fd = fd;
}

static void event_free(struct ub_event *ub)
{
    disarm((struct event *)ub);
    free(ub);
}

static int event_add_timer(struct ub_event *ub, struct ub_event_base *base, event_fn *fn, void *arg,
                           struct timeval *limit)
{
    struct event *event = (struct event *)ub;

    event->fn = fn;
    event->arg = arg;
    event->bits = UB_EV_TIMEOUT;
    event->fd = -1;
    return event_add(ub, limit);
}

/* Signals and Windows are no business of a resolver on Unix; libunbound wants the entries filled. */
static int no_signal(struct ub_event *ub, struct timeval *limit)
{
    return -1;
}

static int no_signal_del(struct ub_event *ub)
{
    return 0;
}

static void no_wsa_event(struct ub_event *ub)
{
}

static void no_wouldblock(struct ub_event *ub, int bits)
{
}

static struct ub_event_vmt event_calls = {
    event_add_bits,  event_del_bits, event_set_fd, event_free,    event_add,    event_del,
    event_add_timer, event_del,      no_signal,    no_signal_del, no_wsa_event, no_wouldblock,
};

static struct ub_event *new_event(struct ub_event_base *ub, int fd, short bits, event_fn *fn, void *arg)
{
    struct event *event = calloc(1, sizeof(*event));

    if (event == NULL) {
        return NULL;
    }
    event->ub.magic = UB_EVENT_MAGIC;
    event->ub.vmt = &event_calls;
    event->base = (struct base *)ub;
    event->fd = fd;
    event->bits = bits;
    event->fn = fn;
    event->arg = arg;
    return &event->ub;
}

static void base_free(struct ub_event_base *ub)
{
}

static int base_dispatch(struct ub_event_base *ub)
{
    return -1;
}

static int base_loopexit(struct ub_event_base *ub, struct timeval *limit)
{
    return 0;
}

static struct ub_event *new_signal(struct ub_event_base *ub, int fd, event_fn *fn, void *arg)
{
    return NULL;
}

static struct ub_event *new_wsa_event(struct ub_event_base *ub, void *wsa_event, event_fn *fn, void *arg)
{
    return NULL;
}

static struct ub_event_base_vmt base_calls = {
    base_free, base_dispatch, base_loopexit, new_event, new_signal, new_wsa_event,
};

struct ub_event_base *dns_event_base(ec_loop_t *loop, apr_pool_t *pool)
{
    struct base *base = apr_pcalloc(pool, sizeof(*base));

    base->ub.magic = UB_EVENT_MAGIC;
    base->ub.vmt = &base_calls;
    base->loop = loop;
    return &base->ub;
}

/* watch.c - descriptors in the pollset
 * SPDX-License-Identifier: Apache-2.0
 *
 * The pollset is made with APR_POLLSET_NOCOPY: the kernel keeps the address of the
 * watch's own pollfd, so adding and removing search nothing.  A watch that is stopped
 * between poll and its turn is struck from the turn's list by its place (`batch`). */
#include <apr_portable.h>

#include "event/loop.h"

static const struct {
    int mask;
    apr_int16_t events;
} directions[] = { { EC_READ, APR_POLLIN }, { EC_WRITE, APR_POLLOUT } };

static apr_int16_t events_of(int mask)
{
    apr_int16_t events = 0;

    for (int i = 0; i < 2; i++) {
        if ((mask & directions[i].mask) != 0) {
            events |= directions[i].events;
        }
    }
    return events;
}

static int is_failed(apr_int16_t events)
{
    return (events & (APR_POLLERR | APR_POLLHUP | APR_POLLNVAL)) != 0;
}

static int mask_of(apr_int16_t events)
{
    int mask = 0;

    if (is_failed(events)) {
        return EC_READ | EC_WRITE;
    }
    for (int i = 0; i < 2; i++) {
        if ((events & directions[i].events) != 0) {
            mask |= directions[i].mask;
        }
    }
    return mask;
}

static apr_status_t start(ec_watch_t *watch, ec_loop_t *loop, int mask, ec_watch_fn *fn, void *baton)
{
    apr_status_t rv;

    watch->pfd.reqevents = events_of(mask);
    watch->pfd.rtnevents = 0;
    watch->pfd.client_data = watch;
    if ((rv = apr_pollset_add(loop->pollset, &watch->pfd)) != APR_SUCCESS) {
        return rv;
    }
    watch->loop = loop;
    watch->mask = mask;
    watch->batch = 0;
    watch->fn = fn;
    watch->baton = baton;
    return APR_SUCCESS;
}

apr_status_t ec_watch_start(ec_watch_t *watch, ec_loop_t *loop, apr_socket_t *socket, int mask,
                            ec_watch_fn *fn, void *baton)
{
    loop_check_thread(loop);
    EC_ASSERT(watch->loop == NULL);
    watch->pfd = (apr_pollfd_t){ .desc_type = APR_POLL_SOCKET, .desc.s = socket };
    return start(watch, loop, mask, fn, baton);
}

apr_status_t ec_watch_start_fd(ec_watch_t *watch, ec_loop_t *loop, int fd, int mask, ec_watch_fn *fn,
                               void *baton, apr_pool_t *pool)
{
    apr_file_t *file = NULL;

    loop_check_thread(loop);
    EC_ASSERT(watch->loop == NULL);
    EC_TRY(apr_os_file_put(&file, &fd, 0, pool));
    watch->pfd = (apr_pollfd_t){ .desc_type = APR_POLL_FILE, .desc.f = file };
    return start(watch, loop, mask, fn, baton);
}

apr_status_t ec_watch_set(ec_watch_t *watch, int mask)
{
    apr_status_t rv;

    EC_ASSERT(watch->loop != NULL);
    loop_check_thread(watch->loop);
    if (mask == watch->mask) {
        return APR_SUCCESS;
    }
    apr_pollset_remove(watch->loop->pollset, &watch->pfd);
    watch->pfd.reqevents = events_of(mask);
    if ((rv = apr_pollset_add(watch->loop->pollset, &watch->pfd)) != APR_SUCCESS) {
        ec_watch_stop(watch);
        return rv;
    }
    watch->mask = mask;
    return APR_SUCCESS;
}

void ec_watch_stop(ec_watch_t *watch)
{
    ec_loop_t *loop = watch->loop;

    if (loop == NULL) {
        return;
    }
    loop_check_thread(loop);
    apr_pollset_remove(loop->pollset, &watch->pfd);
    if (watch->batch > 0) {
        loop->ready[watch->batch - 1].watch = NULL;
        watch->batch = 0;
    }
    watch->loop = NULL;
}

/* ---- the turn's list ------------------------------------------------------------ */

void watch_collect(ec_loop_t *loop, const apr_pollfd_t *results, int count)
{
    EC_ASSERT(count <= LOOP_BATCH);
    for (int i = 0; i < count; i++) {
        ec_watch_t *watch = results[i].client_data;

        loop->ready[i] = (struct loop_ready){ watch, results[i].rtnevents };
        watch->batch = i + 1;
    }
    loop->n_ready = count;
}

void watch_dispatch(ec_loop_t *loop)
{
    int count = 0;

    for (int i = 0; i < loop->n_ready; i++) {
        ec_watch_t *watch = loop->ready[i].watch;
        apr_int16_t events = loop->ready[i].events;
        int ready;

        if (watch == NULL) {
            continue;
        }
        watch->batch = 0;
        ready = mask_of(events) & watch->mask; /* the mask may have changed since poll */
        if (ready != 0 || is_failed(events)) {
            watch->fn(watch->baton, ready);
            loop_measure(loop, "event");
            count++;
        }
    }
    loop->n_ready = 0;
    loop_count(&loop->stats.events, count);
}

/* generation.c - the generation in force, and how loops change over to the next
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each loop holds a reference in a slot of its own and touches nobody else's.  Putting a
 * new generation in force posts a job to every loop; the job, which runs between two
 * events, takes up whatever is in force by then. */
#include "conf/view.h"

#include <ec/job.h>
#include <ec/loop.h>

#include <stdlib.h>

enum { LOOPS_MAX = 1024, LISTENERS_MAX = 64 };

struct slot {
    conf_t *conf; /* the loop's own */
    ec_post_t post;
    _Atomic int is_posted;
};

static struct {
    pthread_mutex_t lock;
    conf_t *conf;
    apr_uint64_t last_generation;
    struct {
        conf_changed_fn *fn;
        void *baton;
    } listeners[LISTENERS_MAX]; /* fixed at start */
    _Atomic int n_listeners; /* raised when the new one is written: loops may run already */
    struct slot slots[LOOPS_MAX];
} current = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- those in memory ------------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    conf_t *first; /* newest first */
} live = { .lock = PTHREAD_MUTEX_INITIALIZER };

void live_add(conf_t *conf)
{
    pthread_mutex_lock(&live.lock);
    conf->next_live = live.first;
    live.first = conf;
    pthread_mutex_unlock(&live.lock);
}

void live_remove(conf_t *conf)
{
    conf_t **at = &live.first;

    pthread_mutex_lock(&live.lock);
    while (*at != conf)
        at = &(*at)->next_live;
    *at = conf->next_live;
    pthread_mutex_unlock(&live.lock);
}

/* ---- references ------------------------------------------------------------------------------- */

conf_t *conf_ref(conf_t *conf)
{
    atomic_fetch_add_explicit(&conf->refs, 1, memory_order_relaxed);
    return conf;
}

static void destroy(conf_t *conf)
{
    views_destroy(conf);
    tree_destroy(conf);
}

/* A generation of many thousand stanzas takes milliseconds to free: too long for a loop. */
struct removal {
    ec_job_t job;
    conf_t *conf;
};

static void remove_work(void *baton)
{
    struct removal *removal = baton;

    destroy(removal->conf);
}

static void destroy_elsewhere(conf_t *conf, ec_loop_t *loop)
{
    ec_threadpool_t *pool = ec_threadpool_find("CPU");
    struct removal *removal = pool != NULL ? calloc(1, sizeof(*removal)) : NULL;

    if (removal == NULL) {
        destroy(conf);
        return;
    }
    removal->conf = conf;
    ec_job_run(pool, loop, &removal->job, remove_work, free, removal);
}

void conf_unref(conf_t *conf)
{
    ec_loop_t *loop;

    if (conf == NULL || atomic_fetch_sub_explicit(&conf->refs, 1, memory_order_acq_rel) != 1)
        return;
    if ((loop = ec_loop_self()) != NULL)
        destroy_elsewhere(conf, loop);
    else
        destroy(conf);
}

apr_uint64_t conf_generation(const conf_t *conf)
{
    return conf->generation;
}

conf_t *conf_current_ref(void)
{
    conf_t *conf;

    pthread_mutex_lock(&current.lock);
    conf = current.conf != NULL ? conf_ref(current.conf) : NULL;
    pthread_mutex_unlock(&current.lock);
    return conf;
}

static struct slot *own_slot(void)
{
    ec_loop_t *loop = ec_loop_self();

    return loop != NULL ? &current.slots[ec_loop_index(loop)] : NULL;
}

conf_t *conf_latest(void)
{
    conf_t *conf;

    pthread_mutex_lock(&current.lock);
    conf = current.conf;
    pthread_mutex_unlock(&current.lock);
    return conf;
}

conf_t *conf_current(void)
{
    struct slot *slot = own_slot();

    if (slot == NULL)
        return conf_latest();
    if (slot->conf == NULL)
        slot->conf = conf_current_ref();
    return slot->conf;
}

/* On a loop, between two events. */
static void take_up(void *baton)
{
    struct slot *slot = baton;
    conf_t *old = slot->conf, *conf;

    atomic_store(&slot->is_posted, 0); /* before looking, so that nothing later is missed */
    conf = conf_current_ref();
    if (conf == old) {
        conf_unref(conf);
        return;
    }
    slot->conf = conf;
    for (int i = 0; conf != NULL && i < current.n_listeners; i++)
        current.listeners[i].fn(current.listeners[i].baton, conf);
    conf_unref(old);
}

/* What loops that are gone have left. */
static void release_slots(void)
{
    for (int i = 0; i < LOOPS_MAX; i++) {
        conf_unref(current.slots[i].conf);
        current.slots[i].conf = NULL;
        current.slots[i].is_posted = 0;
    }
}

void conf_install(conf_t *conf)
{
    conf_t *old;

    pthread_mutex_lock(&current.lock);
    old = current.conf;
    current.conf = conf;
    if (conf != NULL && conf->generation == 0)
        conf->generation = ++current.last_generation; /* what was refused before has taken no number */
    pthread_mutex_unlock(&current.lock);
    for (int i = 0; i < ec_loop_count(); i++) {
        struct slot *slot = &current.slots[i];

        if (!atomic_exchange(&slot->is_posted, 1))
            ec_loop_post(ec_loop_at(i), &slot->post, take_up, slot);
    }
    if (ec_loop_count() == 0)
        release_slots();
    conf_unref(old);
}

void conf_each_live(conf_live_fn *each, void *baton)
{
    pthread_mutex_lock(&current.lock);
    pthread_mutex_lock(&live.lock);
    for (const conf_t *conf = live.first; conf != NULL; conf = conf->next_live) {
        apr_size_t views_bytes;
        conf_live_t row = { .generation = conf->generation, .is_in_force = conf == current.conf };

        row.refs = atomic_load(&conf->refs);
        row.stanzas = conf->n_stanzas;
        row.views = views_count(conf, &views_bytes);
        row.bytes = conf->bytes + views_bytes;
        each(baton, &row);
    }
    pthread_mutex_unlock(&live.lock);
    pthread_mutex_unlock(&current.lock);
}

void conf_on_change(conf_changed_fn *fn, void *baton)
{
    int n = atomic_load(&current.n_listeners);

    EC_ASSERT(n < LISTENERS_MAX);
    current.listeners[n].fn = fn;
    current.listeners[n].baton = baton;
    atomic_store(&current.n_listeners, n + 1);
}

/* provider.c - the side of a gate from which its units come
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything here may be called by the provider's thread while loops use the gates. */
#include <ec/log.h>

#include "shape/guard.h"
#include "shape/inside.h"

static const ec_gate_provider_t *provider; /* the registry's lock */
static void *provider_baton;

static pthread_mutex_t queue_lock = PTHREAD_MUTEX_INITIALIZER;
static util_list_t queue = { &queue, &queue };
static int is_awake; /* wake() was called, and the queue has not been empty since */

_Atomic apr_time_t provider_lease;

/* ---- the queue of changed gates ------------------------------------------------------------------ */

void provider_tell(ec_gate_t *gate)
{
    if (!gate->is_provided) {
        return;
    }
    pthread_mutex_lock(&queue_lock);
    if (!util_link_is_linked(&gate->changed)) {
        util_list_add_last(&queue, &gate->changed);
    }
    if (!is_awake) {
        is_awake = 1;
        provider->wake(provider_baton);
    }
    pthread_mutex_unlock(&queue_lock);
}

ec_gate_t *ec_gate_changed(void)
{
    util_link_t *link;

    pthread_mutex_lock(&queue_lock);
    link = util_list_take_first(&queue);
    is_awake = link != NULL;
    pthread_mutex_unlock(&queue_lock);
    return link != NULL ? UTIL_OWNER(link, ec_gate_t, changed) : NULL;
}

/* ---- to come and to go --------------------------------------------------------------------------- */

static void reset(ec_gate_t *gate, int is_provided)
{
    gate->is_provided = is_provided;
    gate->is_leased = 1;
    gate->note = NULL;
    gate->units = gate->shed = 0;
    gate_bind(gate);
}

void provider_adopt(ec_gate_t *gate)
{
    if (provider != NULL && gate->is_cluster) {
        reset(gate, 1);
        provider_tell(gate);
    }
}

int provider_keeps(ec_gate_t *gate)
{
    int is_provided;

    pthread_mutex_lock(&gate->lock);
    is_provided = gate->is_provided;
    provider_tell(gate);
    pthread_mutex_unlock(&gate->lock);
    return is_provided;
}

/* What was used as this node's own is not the cluster's. */
static void adopt(void *unused, ec_gate_t *gate)
{
    if (!gate->is_cluster) {
        return;
    }
    util_list_remove(&gate->idle); /* the provider says when it is to go */
    pthread_mutex_lock(&gate->lock);
    reset(gate, 1);
    gate_age(gate, ec_gate_clock());
    if (gate->rate == NULL && gate->limit >= 0) {
        fair_lose(gate, gate->used - gate->lost);
    }
    provider_tell(gate);
    fair_settle(gate, ec_gate_clock());
    pthread_mutex_unlock(&gate->lock);
}

static void release(void *unused, ec_gate_t *gate)
{
    apr_time_t now = ec_gate_clock();

    if (!gate->is_cluster) {
        return;
    }
    pthread_mutex_lock(&gate->lock);
    pthread_mutex_lock(&queue_lock);
    util_list_remove(&gate->changed);
    is_awake = 0;
    pthread_mutex_unlock(&queue_lock);
    reset(gate, 0);
    gate_age(gate, now);
    fair_settle(gate, now);
    pthread_mutex_unlock(&gate->lock);
}

static void retire(void *unused, ec_gate_t *gate)
{
    if (gate->refs == 0 && !util_link_is_linked(&gate->idle)) {
        registry_retire(gate);
    }
}

apr_status_t ec_gate_provide(const ec_gate_provider_t *by, void *baton)
{
    apr_status_t rv = APR_SUCCESS;

    registry_lock();
    if (by == NULL) {
        registry_each(release, NULL);
        provider = NULL;
        registry_each(retire, NULL);
        guard_stop();
    } else if (provider != NULL) {
        rv = EC_E_BUSY;
    } else {
        provider_lease = 0;
        is_awake = 0;
        provider = by;
        provider_baton = baton;
        registry_each(adopt, NULL);
    }
    registry_unlock();
    return rv;
}

/* ---- one gate ----------------------------------------------------------------------------------- */

void ec_gate_state(ec_gate_t *gate, ec_gate_state_t *state)
{
    int refs;
    apr_int64_t wanted;

    registry_lock();
    refs = gate->refs;
    registry_unlock();
    pthread_mutex_lock(&gate->lock);
    gate_age(gate, ec_gate_clock());
    wanted = gate->wanted + (gate->rate != NULL ? gate->used : 0);
    *state = (ec_gate_state_t){
        .key = gate->key,
        .limit = gate->limit,
        .window = gate->window,
        .is_available = gate->is_available,
        .is_unused = refs == 0,
        .wanted = gate->limit >= 0 && wanted > gate->limit ? gate->limit : wanted,
        .units = gate->units,
        .used = gate->used - gate->lost,
        .losing = gate->lost,
        .next = gate->rate != NULL ? ec_window_next(gate->rate) : 0,
    };
    pthread_mutex_unlock(&gate->lock);
}

void ec_gate_set_note(ec_gate_t *gate, void *note)
{
    gate->note = note;
}

void *ec_gate_note(const ec_gate_t *gate)
{
    return gate->note;
}

void ec_gate_give(ec_gate_t *gate, apr_int64_t n, apr_int64_t resting)
{
    apr_time_t now;

    pthread_mutex_lock(&gate->lock);
    now = ec_gate_clock();
    gate_age(gate, now);
    gate->units += n;
    if (gate->rate != NULL && resting > 0) {
        ec_window_use(gate->rate, now, (apr_uint32_t)resting);
        gate_age(gate, now);
    }
    gate->alarm = NULL; /* when units will have rested may be known only now */
    fair_settle(gate, now);
    pthread_mutex_unlock(&gate->lock);
}

apr_int64_t ec_gate_take_back(ec_gate_t *gate, apr_int64_t n)
{
    apr_int64_t unused;

    pthread_mutex_lock(&gate->lock);
    gate_age(gate, ec_gate_clock());
    unused = gate->units - (gate->used - gate->lost) - gate->promised;
    if (n > unused) {
        n = unused > 0 ? unused : 0;
    }
    gate->units -= n;
    gate->shed -= n < gate->shed ? n : gate->shed;
    pthread_mutex_unlock(&gate->lock);
    return n;
}

void ec_gate_shed(ec_gate_t *gate, apr_int64_t n)
{
    pthread_mutex_lock(&gate->lock);
    gate->shed = n;
    gate_age(gate, ec_gate_clock());
    fair_settle(gate, ec_gate_clock());
    pthread_mutex_unlock(&gate->lock);
}

void ec_gate_lose(ec_gate_t *gate, apr_int64_t n)
{
    apr_int64_t over;

    pthread_mutex_lock(&gate->lock);
    gate->units -= n < gate->units ? n : gate->units;
    over = gate->used - gate->lost - gate->units;
    if (gate->rate == NULL && over > 0) {
        fair_lose(gate, over);
    }
    gate_age(gate, ec_gate_clock());
    fair_settle(gate, ec_gate_clock());
    pthread_mutex_unlock(&gate->lock);
}

void ec_gate_set_leased(ec_gate_t *gate, int is_leased)
{
    pthread_mutex_lock(&gate->lock);
    gate->is_leased = is_leased;
    gate_bind(gate);
    gate_age(gate, ec_gate_clock());
    fair_settle(gate, ec_gate_clock());
    pthread_mutex_unlock(&gate->lock);
}

int ec_gate_forget(ec_gate_t *gate)
{
    int is_unused;

    registry_lock();
    is_unused = gate->refs == 0 && gate->units == 0;
    if (is_unused) {
        pthread_mutex_lock(&queue_lock);
        util_list_remove(&gate->changed);
        pthread_mutex_unlock(&queue_lock);
        registry_remove(gate);
    }
    registry_unlock();
    return is_unused;
}

/* ---- the lease ---------------------------------------------------------------------------------- */

static void reopen(void *unused, ec_gate_t *gate)
{
    if (!gate->is_bound) {
        return;
    }
    pthread_mutex_lock(&gate->lock);
    gate_age(gate, ec_gate_clock());
    fair_settle(gate, ec_gate_clock());
    pthread_mutex_unlock(&gate->lock);
}

static void set_guard(apr_time_t until)
{
    static _Atomic apr_status_t last;
    apr_status_t rv = guard_lease(until);

    if (rv != APR_SUCCESS && rv != last) {
        ec_log_rv(
            ec_log_root(), EC_LOG_WARNING, rv,
            "no process guards the connections under cluster-wide limits: if this one is stopped, they stay "
            "open although others may use their slots; tried again with the next lease");
    }
    last = rv;
}

void ec_gates_lease(apr_time_t until)
{
    apr_time_t now = ec_gate_clock(), before = provider_lease;

    if (!gate_clock_is_test()) {
        set_guard(until);
    }
    provider_lease = until;
    if (before <= now && until > now) { /* somebody may wait for it */
        registry_lock();
        registry_each(reopen, NULL);
        registry_unlock();
    }
}

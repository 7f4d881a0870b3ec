/* user.c - who takes units and puts them back
 * SPDX-License-Identifier: Apache-2.0
 *
 * Thread: the user's loop, except for user_ring().  What is told travels in a bell of its own, since a user
 * may leave while a post is on its way. */
#include <stdlib.h>

#include "shape/inside.h"

struct shape_bell {
    ec_post_t post;
    shape_user_t *user; /* NULL: has left */
    int is_posted;      /* the gate's lock */
};

static void on_bell(void *baton);
static void on_timer(void *baton);

void user_ring(shape_user_t *user, int has_news)
{
    struct shape_bell *bell = user->bell;

    user->has_news |= has_news;
    if (!bell->is_posted) {
        bell->is_posted = 1;
        ec_loop_post(user->loop, &bell->post, on_bell, bell);
    }
}

apr_int64_t user_lacks(const shape_user_t *user)
{
    apr_int64_t wanted = user->gate->rate != NULL ? user->wanted > 0 : user->wanted - user->used;

    return wanted - user->promised;
}

/* ---- time ----------------------------------------------------------------------------------------- */

/* When the user is to look again: at the gate for all that wait, or at a promise that it did not take. */
static void arm(shape_user_t *user, apr_time_t now)
{
    apr_time_t due = user->gate->alarm == user ? fair_next(user->gate, now) : 0;

    if (user->promised > 0 && (due == 0 || user->promised_at + GATE_PROMISE < due)) {
        due = user->promised_at + GATE_PROMISE;
    }
    if (due == 0) {
        ec_timer_cancel(&user->timer);
    } else {
        ec_timer_start(&user->timer, user->loop, due > now ? due - now : 0, on_timer, user);
    }
}

static void on_timer(void *baton)
{
    shape_user_t *user = baton;
    ec_gate_t *gate = user->gate;
    apr_time_t now;

    pthread_mutex_lock(&gate->lock);
    now = ec_gate_clock();
    gate_age(gate, now);
    if (user->promised > 0 && now >= user->promised_at + GATE_PROMISE) {
        fair_dequeue(gate, user); /* it could not use it: to the next */
    }
    fair_settle(gate, now);
    arm(user, now);
    pthread_mutex_unlock(&gate->lock);
}

static void on_bell(void *baton)
{
    struct shape_bell *bell = baton;
    shape_user_t *user = bell->user;
    ec_gate_t *gate;
    int has_news;

    if (user == NULL) {
        free(bell);
        return;
    }
    gate = user->gate;
    pthread_mutex_lock(&gate->lock);
    bell->is_posted = 0;
    has_news = user->has_news;
    user->has_news = 0;
    user->is_losing = 0;
    user->promised_at = ec_gate_clock(); /* from when it knows */
    arm(user, user->promised_at);
    pthread_mutex_unlock(&gate->lock);
    if (has_news) {
        user->told(user->baton);
    }
}

/* ---- to come and to go ------------------------------------------------------------------------------ */

void shape_join(shape_user_t *user, ec_gate_t *gate, ec_loop_t *loop, shape_told_fn *told, void *baton)
{
    *user = (shape_user_t){ .gate = gate, .loop = loop, .told = told, .baton = baton };
    user->bell = calloc(1, sizeof *user->bell);
    EC_ASSERT(user->bell != NULL);
    user->bell->user = user;
    gate_ref(gate);
    pthread_mutex_lock(&gate->lock);
    gate->users++;
    util_list_add_last(&gate->members, &user->link);
    pthread_mutex_unlock(&gate->lock);
}

/* How much it could use, as the provider sees it. */
static void recount(ec_gate_t *gate, shape_user_t *user)
{
    apr_int64_t demand = gate->rate != NULL || user->wanted > user->used ? user->wanted : user->used;
    apr_int64_t before = gate->wanted;

    if (demand == user->demand) {
        return;
    }
    gate->wanted += demand - user->demand;
    user->demand = demand;
    if (gate->limit < 0 || before < gate->limit || gate->wanted < gate->limit) {
        provider_tell(gate);
    }
}

/* A slot is out of use: its unit may be one that the provider wants. */
static void drop(ec_gate_t *gate, shape_user_t *user)
{
    user->used--;
    gate->used--;
    if (user->lost > 0) {
        user->lost--;
        gate->lost--;
        provider_tell(gate);
    } else if (user->surplus > 0) {
        fair_unmark(gate, user);
    }
    if (gate->shed > 0 || gate->units > gate->wanted) {
        provider_tell(gate);
    }
}

void shape_leave(shape_user_t *user)
{
    ec_gate_t *gate = user->gate;

    ec_timer_cancel(&user->timer);
    pthread_mutex_lock(&gate->lock);
    fair_dequeue(gate, user);
    user->wanted = 0;
    user->idle = 0;
    while (user->used > 0) {
        drop(gate, user);
    }
    recount(gate, user);
    fair_holds(gate, user);
    util_list_remove(&user->link);
    gate->users--;
    if (user->bell->is_posted) {
        user->bell->user = NULL;
    } else {
        free(user->bell);
    }
    gate_age(gate, ec_gate_clock());
    fair_settle(gate, ec_gate_clock());
    pthread_mutex_unlock(&gate->lock);
    user->gate = NULL;
    shape_gate_unref(gate);
}

/* ---- units ------------------------------------------------------------------------------------------- */

/* It has what it wants, or is promised it: it waits no more. */
static void requeue(ec_gate_t *gate, shape_user_t *user)
{
    apr_int64_t lacks = user_lacks(user);

    if (lacks < 0 && user->promised > 0) {
        apr_int64_t back = -lacks < user->promised ? -lacks : user->promised;

        user->promised -= back;
        gate->promised -= back;
        lacks += back;
    }
    if (lacks <= 0 && user->promised == 0) {
        fair_dequeue(gate, user);
    } else {
        fair_trim(gate, user, lacks > 0 ? lacks : 0);
    }
}

void shape_want(shape_user_t *user, apr_int64_t wanted)
{
    ec_gate_t *gate = user->gate;

    if (wanted == user->wanted) {
        return;
    }
    pthread_mutex_lock(&gate->lock);
    user->wanted = wanted;
    recount(gate, user);
    if (user->is_waiting || user->promised > 0) {
        apr_time_t now = ec_gate_clock();

        gate_age(gate, now);
        requeue(gate, user);
        fair_settle(gate, now);
    }
    pthread_mutex_unlock(&gate->lock);
}

void shape_idle(shape_user_t *user, int n)
{
    ec_gate_t *gate = user->gate;
    apr_time_t now;

    if (user->idle == n) {
        return;
    }
    pthread_mutex_lock(&gate->lock);
    now = ec_gate_clock();
    user->idle = n;
    fair_holds(gate, user);
    gate_age(gate, now);
    fair_settle(gate, now);
    pthread_mutex_unlock(&gate->lock);
}

static void begin_waiting(ec_gate_t *gate, shape_user_t *user, apr_time_t now)
{
    gate->promised -= user->promised; /* they are void, but it did ask for them */
    user->promised = 0;
    if (!user->is_waiting) {
        user->is_waiting = 1;
        gate->waiting++;
        user->turn = gate->turns++;
        user->waits_since = now;
    }
    if (user_lacks(user) <= 0) { /* whoever takes one wants one */
        user->wanted = gate->rate != NULL ? 1 : user->used + 1;
    }
    recount(gate, user);
    fair_queue(gate, user);
}

static void use(ec_gate_t *gate, shape_user_t *user, apr_time_t now)
{
    if (gate->rate != NULL) {
        ec_window_use(gate->rate, now, 1);
        gate->used++;
        user->taken_at = now;
        if (user->wanted > 0) { /* with what rests, as much as before */
            user->wanted--;
            user->demand--;
            gate->wanted--;
        }
        if (user->is_waiting && user->promised == 0) { /* another one is another wait */
            fair_dequeue(gate, user);
        }
        return;
    }
    gate->used++;
    user->used++;
    user->since = now;
    recount(gate, user);
    fair_holds(gate, user);
    if (user->is_waiting) {
        requeue(gate, user);
    }
}

int shape_take(shape_user_t *user)
{
    ec_gate_t *gate = user->gate;
    apr_time_t now;
    int is_taken;

    pthread_mutex_lock(&gate->lock);
    now = ec_gate_clock();
    gate_age(gate, now);
    if (user->promised > 0) {
        user->promised--;
        gate->promised--;
    }
    is_taken = !user->is_losing && gate_free(gate) > 0 && (!gate->is_bound || now < provider_lease);
    if (is_taken) {
        use(gate, user, now);
    } else {
        begin_waiting(gate, user, now);
    }
    if (gate->rate == NULL || gate->hungry.count > 0) {
        fair_settle(gate, now);
    }
    pthread_mutex_unlock(&gate->lock);
    return is_taken;
}

void shape_put(shape_user_t *user)
{
    ec_gate_t *gate = user->gate;

    EC_ASSERT(gate->rate == NULL && user->used > 0);
    pthread_mutex_lock(&gate->lock);
    drop(gate, user);
    recount(gate, user);
    fair_holds(gate, user);
    if (user->is_waiting) {
        fair_queue(gate, user);
    }
    fair_settle(gate, ec_gate_clock());
    pthread_mutex_unlock(&gate->lock);
}

void shape_return(shape_user_t *user, apr_time_t when)
{
    ec_gate_t *gate = user->gate;
    apr_time_t now;

    EC_ASSERT(gate->rate != NULL);
    pthread_mutex_lock(&gate->lock);
    now = ec_gate_clock();
    gate_age(gate, now);
    if (ec_window_move(gate->rate, when, when)) { /* it is still there */
        ec_window_unuse(gate->rate, when, now);
        gate_age(gate, now);
        user->wanted++;
        recount(gate, user);
        fair_settle(gate, now);
    }
    pthread_mutex_unlock(&gate->lock);
}

int shape_move(shape_user_t *user, apr_time_t when, apr_time_t to)
{
    ec_gate_t *gate = user->gate;
    apr_time_t now;
    int has_moved;

    EC_ASSERT(gate->rate != NULL);
    pthread_mutex_lock(&gate->lock);
    now = ec_gate_clock();
    gate_age(gate, now);
    has_moved = ec_window_move(gate->rate, when, to < now ? to : now);
    pthread_mutex_unlock(&gate->lock);
    return has_moved;
}

apr_time_t shape_next(shape_user_t *user)
{
    ec_gate_t *gate = user->gate;
    apr_time_t next = 0;

    pthread_mutex_lock(&gate->lock);
    if (gate->rate != NULL) {
        gate_age(gate, ec_gate_clock());
        next = ec_window_next(gate->rate);
    }
    pthread_mutex_unlock(&gate->lock);
    return next;
}

/* ---- questions, without a lock ----------------------------------------------------------------------------
 */

int shape_surplus(const shape_user_t *user)
{
    return user->surplus;
}

int shape_lost(const shape_user_t *user)
{
    return user->lost;
}

int shape_may_use(const shape_user_t *user)
{
    return !user->is_losing && gate_is_open(user->gate);
}

int shape_is_guarded(const shape_user_t *user)
{
    return user->gate->is_bound && !user->gate->is_available;
}

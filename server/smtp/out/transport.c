/* transport.c - how the queues reach us, and the sessions of each loop
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "smtp/out/show.h"
#include "smtp/out/session.h"
#include "smtp/out/smtp_out.h"

enum { LOOPS_MAX = 256 };

ec_counter_t *out_counter[OUT_COUNT];

static util_list_t sessions[LOOPS_MAX]; /* each touched by its loop only */

static void prepare(void)
{
#define OUT_MAKE(name, help) out_counter[OUT_##name] = ec_counter("smtp.out." #name, help);
    OUT_COUNTERS(OUT_MAKE)
#undef OUT_MAKE
}

static util_list_t *list_of(const ec_loop_t *loop)
{
    util_list_t *list;

    EC_ASSERT(ec_loop_index(loop) < LOOPS_MAX);
    list = &sessions[ec_loop_index(loop)];
    if (list->next == NULL) {
        util_list_init(list);
    }
    return list;
}

util_list_t *transport_sessions(const ec_loop_t *loop)
{
    return list_of(loop);
}

void transport_add(session_t *session)
{
    util_list_add_last(list_of(session->loop), &session->link);
    ec_counter_add(out_counter[OUT_sessions], 1);
}

void transport_remove(session_t *session)
{
    util_list_remove(&session->link);
    ec_counter_add(out_counter[OUT_sessions], -1);
}

static apr_status_t open_session(queue_t *queue, queue_session_t *handle, void **transport_session)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, prepare);
    *transport_session = session_create(queue, handle);
    return APR_SUCCESS;
}

static void wake_session(void *transport_session, int is_closing)
{
    session_t *session = transport_session;

    session->is_closing |= is_closing;
    session_poke(session, TODO_WAKE);
}

static void cut_session(void *transport_session)
{
    session_t *session = transport_session;

    session->is_cut = 1;
    session_poke(session, TODO_CUT);
}

const queue_transport_t smtp_out_transport = { open_session, wake_session, cut_session };

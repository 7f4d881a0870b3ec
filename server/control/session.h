/* session.h - one console on the line
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request is answered before the next one is read.  A console that says nothing for
 * `timeout`, or that does not take its answer, is closed; but while its session holds
 * something (ec_answer_session_set()) it may be silent.  Master loop. */
#ifndef CONTROL_SESSION_H
#define CONTROL_SESSION_H

#include "net/listener.h"

enum { SESSIONS_MAX = 128 };

/** Takes `socket` and `pool`; `listener` is where it was accepted. */
void session_open(ec_loop_t *loop, apr_socket_t *socket, const char *listener, const net_endpoint_t *peer,
                  apr_interval_time_t timeout, apr_pool_t *pool);
void session_close_all(void);
int session_count(void);
#endif

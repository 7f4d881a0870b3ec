/* event_base.h - libunbound's events on one of our loops
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_EVENT_BASE_H
#define DNS_EVENT_BASE_H

#include <ec/loop.h>

struct ub_event_base;

/** An event base for ub_ctx_create_ub_event().  Lives as long as `pool`, which must outlive the context. */
struct ub_event_base *dns_event_base(ec_loop_t *loop, apr_pool_t *pool);
#endif

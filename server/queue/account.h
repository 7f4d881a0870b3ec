/* account.h - the one account of messages (recipients), kept in counters
 * SPDX-License-Identifier: Apache-2.0
 *
 * received + generated + imported = delivered + failed + expired + discarded + moved_out - moved_in + queued.
 * `queued` is not counted by hand: it is the sum of what the queues hold.  `recovered` is what a start found
 * in the spool; it stands on the left side, since the counters begin at zero with the process. */
#ifndef QUEUE_ACCOUNT_H
#define QUEUE_ACCOUNT_H

#include <ec/counter.h>

#define ACCOUNT_LIST(X)                                               \
    X(received, "messages accepted from outside")                     \
    X(generated, "messages made here: bounces and notices")           \
    X(imported, "messages taken from another spool")                  \
    X(recovered, "messages found in the spool at start")              \
    X(delivered, "messages another server took")                      \
    X(failed, "messages that failed permanently")                     \
    X(expired, "messages that grew too old or were tried too often")  \
    X(discarded, "messages dropped on purpose")                       \
    X(moved_out, "messages handed to another node")                   \
    X(moved_in, "messages taken over from another node")              \
    X(transient, "attempts that failed for now (no part of the sum)") \
    X(in_doubt, "messages found in doubt at start (no part of the sum)")

#define ACCOUNT_ENUM(name, help) ACCOUNT_##name,
typedef enum { ACCOUNT_LIST(ACCOUNT_ENUM) ACCOUNT_COUNT } account_t;
#undef ACCOUNT_ENUM

void account_add(account_t what, apr_int64_t n); /* any thread */
apr_int64_t account_value(account_t what);
const char *account_name(account_t what);
/** What the sum lacks when the queues hold `queued`; 0 when nothing is in flight. */
apr_int64_t account_residual(apr_int64_t queued);
#endif

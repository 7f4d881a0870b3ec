/* account.c - the one account of messages, and what the queues hold of it
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each item is a counter "account.<name>".  What the queues hold is a gauge, raised where a message is handed
 * to the queues and lowered where it leaves them, so it also covers messages on their way between loops. */
#include "queue/account.h"

#include <pthread.h>

static ec_counter_t *counters[ACCOUNT_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct {
    const char *name, *counter, *help;
} items[ACCOUNT_COUNT] = {
#define ITEM(name, help) { #name, "account." #name, help },
    ACCOUNT_LIST(ITEM)
#undef ITEM
};

static void make_counters(void)
{
    for (int i = 0; i < ACCOUNT_COUNT; i++) {
        counters[i] = ec_counter(items[i].counter, items[i].help);
    }
}

void account_add(account_t what, apr_int64_t n)
{
    pthread_once(&once, make_counters);
    ec_counter_add(counters[what], n);
}

apr_int64_t account_value(account_t what)
{
    pthread_once(&once, make_counters);
    return ec_counter_value(counters[what]);
}

const char *account_name(account_t what)
{
    return items[what].name;
}

apr_int64_t account_residual(apr_int64_t queued)
{
    static const struct {
        account_t item;
        int sign;
    } sum[] = {
        { ACCOUNT_received, 1 },   { ACCOUNT_generated, 1 }, { ACCOUNT_imported, 1 },
        { ACCOUNT_recovered, 1 },  { ACCOUNT_moved_in, 1 },  { ACCOUNT_delivered, -1 },
        { ACCOUNT_failed, -1 },    { ACCOUNT_expired, -1 },  { ACCOUNT_discarded, -1 },
        { ACCOUNT_moved_out, -1 },
    };
    apr_int64_t residual = -queued;

    for (size_t i = 0; i < sizeof sum / sizeof sum[0]; i++) {
        residual += sum[i].sign * account_value(sum[i].item);
    }
    return residual;
}

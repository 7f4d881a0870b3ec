/* gate.c - what a gate has, and how much of it is free
 * SPDX-License-Identifier: Apache-2.0 */
#include <time.h>

#include "shape/inside.h"

static apr_time_t (*_Atomic clock_of_tests)(void);

void shape_set_clock(apr_time_t (*clock)(void))
{
    clock_of_tests = clock;
}

int gate_clock_is_test(void)
{
    return clock_of_tests != NULL;
}

apr_time_t ec_gate_clock(void)
{
    apr_time_t (*clock)(void) = clock_of_tests;
    struct timespec t;

    if (clock != NULL) {
        return clock();
    }
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (apr_time_t)t.tv_sec * APR_USEC_PER_SEC + t.tv_nsec / 1000;
}

int gate_is_open(const ec_gate_t *gate)
{
    return !gate->is_bound || ec_gate_clock() < provider_lease;
}

void gate_bind(ec_gate_t *gate)
{
    gate->is_bound = gate->is_provided && gate->is_leased && gate->limit >= 0;
}

/* More than anybody can use. */
enum { PLENTY = 1 << 30 };

apr_int64_t gate_free(const ec_gate_t *gate)
{
    apr_int64_t free, given;

    if (gate->limit < 0) {
        return PLENTY;
    }
    free = gate->limit - gate->used - gate->promised;
    if (gate->is_provided) {
        given = gate->units - gate->shed - (gate->used - gate->lost) - gate->promised;
        free = given < free ? given : free;
    }
    return free;
}

apr_int64_t gate_excess(const ec_gate_t *gate)
{
    apr_int64_t kept = gate->used - gate->lost, excess;

    if (gate->limit < 0 || gate->rate != NULL) {
        return 0;
    }
    excess = kept - gate->limit;
    if (gate->is_provided && kept - (gate->units - gate->shed) > excess) {
        excess = kept - (gate->units - gate->shed);
    }
    return excess > 0 ? excess : 0;
}

void gate_age(ec_gate_t *gate, apr_time_t now)
{
    if (gate->rate != NULL) {
        ec_window_age(gate->rate, now);
        gate->used = gate->rate->total;
    }
}

/* throttle.c - named throttles, for modules: a user of a cluster's gate behind each handle
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/throttle.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shape/shape.h"

/* As Replicate stanzas call them. */
#define KEY_BEGIN "shared_named_throttles "

struct ec_named_throttle {
    shape_user_t user;
    ec_throttle_told_fn *told;
    void *baton;
};

static void on_told(void *baton)
{
    ec_named_throttle_t *throttle = baton;

    if (throttle->told != NULL) {
        throttle->told(throttle->baton);
    }
}

ec_named_throttle_t *ec_throttle_open(const char *name, apr_int64_t limit, apr_interval_time_t window,
                                      ec_throttle_told_fn *told, void *baton)
{
    char key[sizeof(KEY_BEGIN) + EC_THROTTLE_NAME_MAX];
    shape_place_t place = { .key = key, .limit = limit, .window = window, .is_cluster = 1 };
    size_t length = strlen(name);
    ec_named_throttle_t *throttle;
    ec_gate_t *gate;

    if (length == 0 || length > EC_THROTTLE_NAME_MAX || limit < 1 || limit > EC_THROTTLE_LIMIT_MAX ||
        window < EC_THROTTLE_WINDOW_MIN || ec_loop_self() == NULL) {
        return NULL;
    }
    throttle = calloc(1, sizeof *throttle);
    EC_ASSERT(throttle != NULL);
    throttle->told = told;
    throttle->baton = baton;
    snprintf(key, sizeof key, KEY_BEGIN "%s", name);
    gate = shape_gate(&place);
    shape_join(&throttle->user, gate, ec_loop_self(), on_told, throttle);
    shape_gate_unref(gate);
    return throttle;
}

void ec_throttle_close(ec_named_throttle_t *throttle)
{
    shape_leave(&throttle->user);
    free(throttle);
}

int ec_throttle_take(ec_named_throttle_t *throttle, apr_interval_time_t *wait)
{
    int is_taken = shape_take(&throttle->user);
    apr_time_t next, now;

    if (wait == NULL) {
        return is_taken;
    }
    next = is_taken ? 0 : shape_next(&throttle->user);
    now = ec_gate_clock();
    *wait = next > now ? next - now : 0;
    return is_taken;
}

void ec_throttle_want(ec_named_throttle_t *throttle, apr_int64_t count)
{
    shape_want(&throttle->user, count > 0 ? count : 0);
}

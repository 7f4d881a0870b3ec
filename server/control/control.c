/* control.c - adding commands, and taking them away while they may be under way
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include <stdlib.h>

#include "control/answer.h"
#include "control/grammar.h"
#include "control/private.h"

struct waiter {
    struct waiter *next;
    void *self;
    control_done_fn *done;
    void *baton;
    ec_post_t post;
};

ec_log_t *control_log;
static struct waiter *waiters;

void control_add(const ec_command_t *table, void *self, const char *prefix, const char *owner)
{
    grammar_add(table, self, prefix, owner);
}

void control_hide(void *self)
{
    EC_ASSERT(self != NULL);
    grammar_remove(self);
}

static void on_post(void *baton)
{
    struct waiter waiter = *(struct waiter *)baton;

    free(baton);
    waiter.done(waiter.baton);
}

/* Posted, because the answer that has just ended is still on the stack. */
void control_run_waiters(void)
{
    for (struct waiter **at = &waiters; *at != NULL;) {
        struct waiter *waiter = *at;

        if (answer_is_under_way(waiter->self)) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        ec_loop_post(ec_loop_at(0), &waiter->post, on_post, waiter);
    }
}

void control_remove(void *self, control_done_fn *done, void *baton)
{
    struct waiter *waiter = malloc(sizeof *waiter), **at = &waiters;

    EC_ASSERT(waiter != NULL);
    control_hide(self);
    *waiter = (struct waiter){ .self = self, .done = done, .baton = baton };
    while (*at != NULL) { /* first in, first out */
        at = &(*at)->next;
    }
    *at = waiter;
    control_run_waiters();
}

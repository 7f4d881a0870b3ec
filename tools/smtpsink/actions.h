/* actions.h - the --at rules: what the sink does instead of the polite answer
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SMTPSINK_ACTIONS_H
#define SMTPSINK_ACTIONS_H

#include "sink.h"

enum action_kind { ACTION_REPLY, ACTION_DROP, ACTION_RESET, ACTION_DELAY, ACTION_HANG };

enum { ACTION_TEXT_MAX = 400, RULES_MAX = 64 };

struct rule {
    enum action_kind kind;
    double probability;
    int64_t delay_us; /* ACTION_DELAY */
    int code;         /* ACTION_REPLY */
    char text[ACTION_TEXT_MAX];
};

struct actions *actions_create(void);

/** Add "STAGE=ACTION[:PROB]"; exits with what is wrong when it is not of that form. */
void actions_add(struct actions *actions, const char *text);

/** Draw the rules of a stage in the order given: delays add up, the first other rule that fires is the
 * outcome. */
struct outcome actions_draw(const struct actions *actions, enum stage stage, uint64_t *random);

#endif

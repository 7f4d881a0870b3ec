/* pace.c - a module that does something as often as a named throttle allows, and writes down when
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include <ec/gate.h>
#include <ec/module.h>
#include <ec/throttle.h>

enum { USES_MAX = 20000 };

struct pace {
    ec_named_throttle_t *throttle;
    apr_int64_t limit;
    int uses;
    struct use {
        apr_time_t before, after;   /* by a clock that is the same for all nodes of one machine */
    } at[USES_MAX];
};

static void go_on(void *baton)
{
    struct pace *pace = baton;

    ec_throttle_want(pace->throttle, pace->limit);
    for (; pace->uses < USES_MAX; pace->uses++) {
        struct use *use = &pace->at[pace->uses];

        use->before = ec_gate_clock();
        if (!ec_throttle_take(pace->throttle, NULL))
            return;
        use->after = ec_gate_clock();
    }
}

static void end(void *self)
{
    struct pace *pace = self;

    if (pace->throttle != NULL)
        ec_throttle_close(pace->throttle);
    pace->throttle = NULL;
}

static void start(void *self, ec_answer_t *answer)
{
    struct pace *pace = self;
    apr_interval_time_t window = apr_time_from_msec(atoi(ec_answer_arg(answer, "milliseconds")));

    end(pace);
    pace->limit = atoi(ec_answer_arg(answer, "limit"));
    pace->throttle = ec_throttle_open(ec_answer_arg(answer, "name"), pace->limit, window, go_on, pace);
    if (pace->throttle == NULL)
        ec_answer_error(answer, "such a throttle is not possible");
    else
        go_on(pace);
}

static void stop(void *self, ec_answer_t *answer)
{
    end(self);
}

static void show(void *self, ec_answer_t *answer)
{
    const struct pace *pace = self;
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "uses");

    for (int i = 0; i < pace->uses; i++) {
        ec_node_t *row = ec_node_row(table);

        ec_node_int(row, "before", pace->at[i].before);
        ec_node_int(row, "after", pace->at[i].after);
    }
}

static const ec_command_t commands[] = {
    { "start <name> <limit> <milliseconds>", EC_CMD_WRITE, start, "as often as this throttle allows" },
    { "stop", EC_CMD_WRITE, stop, "no more" },
    { "show", EC_CMD_READ, show, "when that was" },
    EC_COMMAND_END
};

EC_MODULE(pace, struct pace, .summary = "does something as often as it may", .commands = commands, .stop = end);

/* actions.c - the --at rules: what the sink does instead of the polite answer
 * SPDX-License-Identifier: Apache-2.0
 *
 * Lots are drawn from a sequence that belongs to the connection (made from --seed and its number), so that a
 * run is repeatable whatever order the network brings connections' commands in. */
#include "actions.h"

#include "../common/cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct actions {
    struct rule rules[STAGE_COUNT][RULES_MAX];
    unsigned count[STAGE_COUNT];
};

#define STAGE_NAME(name, text) text,
static const char *const stage_names[] = { STAGES(STAGE_NAME) };
#undef STAGE_NAME

static const struct {
    const char *name;
    bool has_argument;
} kinds[] = {
    [ACTION_REPLY] = { "reply", true },  [ACTION_DROP] = { "drop", false },
    [ACTION_RESET] = { "reset", false }, [ACTION_DELAY] = { "delay", true },
    [ACTION_HANG] = { "hang", false },
};

struct actions *actions_create(void)
{
    return cli_alloc(sizeof(struct actions));
}

static enum stage find_stage(const char *text, size_t length)
{
    for (unsigned i = 0; i < STAGE_COUNT; i++)
        if (strlen(stage_names[i]) == length && memcmp(stage_names[i], text, length) == 0)
            return (enum stage)i;
    cli_misuse("--at %s: the stage is one of connect, banner, ehlo, mail, rcpt, data, body, quit", text);
}

/* Cut ":PROB" off the end; a reply may contain colons, so only a number after the last one counts. */
static double cut_probability(char *text, const char *whole)
{
    char *colon = strrchr(text, ':'), *end;
    double value;

    if (colon == NULL || colon[1] == '\0')
        return 1;
    value = strtod(colon + 1, &end);
    if (*end != '\0' || isspace((unsigned char)colon[1]))
        return 1;
    if (!(value >= 0 && value <= 1))
        cli_misuse("--at %s: a probability is between 0 and 1", whole);
    *colon = '\0';
    return value;
}

static void parse_reply(struct rule *rule, const char *text, const char *whole)
{
    char *end;
    long code = strtol(text, &end, 10);

    if (end - text != 3 || code < 200 || code > 599 || (*end != ' ' && *end != '\0'))
        cli_misuse("--at %s: a reply is a code from 200 to 599 and a text", whole);
    for (const char *at = text; *at; at++)
        if (iscntrl((unsigned char)*at))
            cli_misuse("--at: a reply is one line of printable text");
    rule->code = (int)code;
    memcpy(rule->text, text, strlen(text) + 1);
}

static void parse_delay(struct rule *rule, const char *text, const char *whole)
{
    char *end;
    double value = strtod(text, &end);

    if (end == text || *end != '\0' || !(value >= 0 && value <= 86400000))
        cli_misuse("--at %s: a delay is a number of milliseconds, at most a day", whole);
    rule->delay_us = (int64_t)(value * 1000);
}

static void parse_action(struct rule *rule, const char *text, const char *whole)
{
    size_t length = strcspn(text, " ");
    unsigned kind = 0;

    while (kind < sizeof(kinds) / sizeof(kinds[0]) &&
           (strlen(kinds[kind].name) != length || memcmp(kinds[kind].name, text, length) != 0))
        kind++;
    if (kind == sizeof(kinds) / sizeof(kinds[0]))
        cli_misuse("--at %s: the action is one of reply, drop, reset, delay, hang", whole);
    if (kinds[kind].has_argument != (text[length] == ' '))
        cli_misuse("--at %s: %s %s", whole, kinds[kind].name,
                   kinds[kind].has_argument ? "needs a value" : "takes no value");
    rule->kind = (enum action_kind)kind;
    if (rule->kind == ACTION_REPLY)
        parse_reply(rule, text + length + 1, whole);
    else if (rule->kind == ACTION_DELAY)
        parse_delay(rule, text + length + 1, whole);
}

void actions_add(struct actions *actions, const char *text)
{
    const char *equals = strchr(text, '=');
    char action[ACTION_TEXT_MAX];
    struct rule *rule;
    enum stage stage;

    if (equals == NULL)
        cli_misuse("--at %s: the form is STAGE=ACTION[:PROB]", text);
    stage = find_stage(text, (size_t)(equals - text));
    if (strlen(equals + 1) >= sizeof(action))
        cli_misuse("--at: an action is shorter than %d characters", ACTION_TEXT_MAX);
    if (actions->count[stage] == RULES_MAX)
        cli_misuse("--at: a stage has at most %d rules", RULES_MAX);
    memcpy(action, equals + 1, strlen(equals + 1) + 1);
    rule = &actions->rules[stage][actions->count[stage]++];
    rule->probability = cut_probability(action, text);
    parse_action(rule, action, text);
}

struct outcome actions_draw(const struct actions *actions, enum stage stage, uint64_t *random)
{
    struct outcome outcome = { 0 };

    for (unsigned i = 0; i < actions->count[stage]; i++) {
        const struct rule *rule = &actions->rules[stage][i];

        if (rule->probability < 1 && random_unit(random) >= rule->probability)
            continue;
        if (rule->kind != ACTION_DELAY) {
            outcome.rule = rule;
            return outcome;
        }
        outcome.delay_us += rule->delay_us;
    }
    return outcome;
}

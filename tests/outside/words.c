/* words.c - a module with an audit series of texts and a gauge cache, which the nodes of a cluster share
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <ec/gauge.h>
#include <ec/module.h>
#include <ec/series.h>

struct words {
    ec_series_t *series;
    ec_gauge_t *gauge;
    apr_int64_t max_keys;
};

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct words *words = self;
    ec_series_id_t id = { "words", EC_SERIES_STRING, 86400, 3 };

    EC_TRY(ec_series_open(&words->series, &id, (apr_size_t)words->max_keys));
    return ec_gauge_open(&words->gauge, "levels", 3, 3600, 1);
}

static void stop(void *self)
{
    struct words *words = self;

    ec_series_close(words->series);
    ec_gauge_close(words->gauge);
}

static apr_time_t now_here(void)
{
    return ec_loop_now(ec_loop_self());
}

static void say(void *self, ec_answer_t *answer)
{
    struct words *words = self;
    const char *word = ec_answer_arg(answer, "word");

    ec_series_add(words->series, word, strlen(word), 1, now_here());
}

static void forget(void *self, ec_answer_t *answer)
{
    struct words *words = self;
    const char *word = ec_answer_arg(answer, "word");

    ec_node_int(ec_answer_root(answer), "was_there", ec_series_remove(words->series, word, strlen(word)));
}

static void said(void *self, ec_answer_t *answer)
{
    struct words *words = self;
    const char *word = ec_answer_arg(answer, "word");

    ec_node_int(ec_answer_root(answer), "count", (apr_int64_t)ec_series_count(words->series, word, strlen(word), 0, 2, now_here()));
}

static const ec_option_t options[] = { EC_OPT_INT(struct words, max_keys, "100", 1, 1000, "Words."), EC_OPT_END };

static const ec_command_t commands[] = {
    { "say <word>", EC_CMD_WRITE, say, "count a word" },
    { "forget <word>", EC_CMD_WRITE, forget, "forget what this node has counted" },
    { "said <word>", EC_CMD_READ, said, "how often it was said" },
    EC_COMMAND_END
};

EC_MODULE(words, struct words, .summary = "counts words", .options = options, .commands = commands, .init = init, .stop = stop);

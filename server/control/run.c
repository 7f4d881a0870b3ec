/* run.c - from the words of a command line to the rendered answer
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/run.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "control/answer.h"
#include "control/control.h"
#include "control/grammar.h"
#include "control/help.h"
#include "control/render.h"
#include "control/words.h"
#include "hook/hook.h"

struct run {
    wire_form_t form;
    run_done_fn *done;
    void *baton;
};

/* ---- the answer's end --------------------------------------------------------------------- */

static void on_answered(void *baton, ec_answer_t *answer)
{
    struct run run = *(struct run *)baton;
    output_t out;
    int status;

    free(baton);
    render_answer(&out, &status, answer, run.form);
    output_text(&out, ""); /* so that there is a text, if an empty one */
    run.done(run.baton, status, out.text, out.length);
}

/* ---- which command ------------------------------------------------------------------------ */

static void set_arguments(ec_answer_t *answer, const grammar_row_t *row)
{
    for (int i = row->n_prefix; i < row->n_words && i < answer->argc; i++) {
        size_t length;
        const char *name = grammar_argument(row->word[i], &length);

        if (name != NULL) {
            EC_ASSERT(answer->n_args < ANSWER_ARGS);
            answer->arg_name[answer->n_args] = apr_pstrndup(answer->pool, name, length);
            answer->arg_value[answer->n_args++] = answer->argv[i];
        }
    }
}

static const char *joined(const ec_answer_t *answer)
{
    const char *text = "";

    for (int i = 0; i < answer->argc && i < 8; i++) {
        text = apr_pstrcat(answer->pool, text, i > 0 ? " " : "", answer->argv[i], NULL);
    }
    return text;
}

static void explain(ec_answer_t *answer, grammar_result_t result, const grammar_match_t *match)
{
    if (match->nearest != NULL) {
        ec_answer_error(answer, "unknown command \"%s\"; is \"%s\" meant?  \"help\" lists all",
                        joined(answer), match->nearest);
    } else if (result == GRAMMAR_USAGE && match->literals == match->row->n_literals) {
        ec_answer_error(answer, "usage: %s%s%s", match->row->text, match->row->command->help != NULL ? " - " : "",
                        match->row->command->help != NULL ? match->row->command->help : "");
    } else if (result == GRAMMAR_USAGE) {
        ec_answer_error(answer, "unknown command \"%s\"; \"help %s\" lists those that begin alike",
                        joined(answer), answer->argv[0]);
    } else {
        ec_answer_error(answer, "unknown command \"%s\"; \"help\" lists all", joined(answer));
    }
}

/* Modules may refuse a command; they see who asks for what by its words. */
static int may_run(ec_answer_t *answer, const ec_command_t *command)
{
    ec_verdict_t verdict;
    const char *module;

    HOOK_ASK(&verdict, &module, console_command, answer, command->access);
    if (verdict == EC_REJECT && answer->error == NULL) {
        ec_answer_error(answer, "refused by module %s", module);
    }
    return verdict != EC_REJECT;
}

/* What somebody sets may be a secret. */
static const char *accountable(const ec_answer_t *answer)
{
    const char *text = answer->argv[0];

    for (int i = 1; i < answer->argc; i++) {
        if (i > 1 && strcasecmp(answer->argv[i - 2], "config") == 0 &&
            strcasecmp(answer->argv[i - 1], "set") == 0) {
            return apr_pstrcat(answer->pool, text, " ...", NULL);
        }
        text = apr_pstrcat(answer->pool, text, " ", answer->argv[i], NULL);
    }
    return text;
}

static void account(const ec_answer_t *answer, const run_peer_t *peer, int is_allowed)
{
    if (peer != NULL && hook_list(EC_HOOK_log_access) != NULL) {
        ec_access_event_t event = { .when = ec_loop_now(ec_loop_at(0)),
                                    .listener = peer->listener,
                                    .remote = peer->remote,
                                    .user = peer->user,
                                    .result = is_allowed,
                                    .command = accountable(answer),
                                    .role = "local" };

        HOOK_CALL(log_access, &event);
    }
}

static void run_command(ec_answer_t *answer, const run_peer_t *peer)
{
    int is_allowed;

    grammar_match_t match;
    grammar_result_t result = grammar_find(&match, answer->argv, answer->argc);

    if (result == GRAMMAR_FOUND) {
        answer->self = match.row->self;
        set_arguments(answer, match.row);
        is_allowed = may_run(answer, match.row->command);
        account(answer, peer, is_allowed);
        if (is_allowed) {
            match.row->command->run(match.row->self, answer);
        }
    } else if (answer->argc == 2 && strcasecmp(answer->argv[1], "help") == 0 && match.row != NULL) {
        help_list(answer, answer->argv, 1); /* "ec_logger:main help" */
    } else {
        explain(answer, result, &match);
    }
    answer_returned(answer);
}

static void begin(const char *const *words, int n, const run_peer_t *peer, store_t *store,
                  answer_done_fn *done, void *baton)
{
    ec_answer_t *answer = answer_create(words, n, done, baton);

    answer->store = store;
    if (n == 0) {
        ec_answer_error(answer, "no command given; \"help\" lists all");
        answer_returned(answer);
        return;
    }
    run_command(answer, peer);
}

/* The form that a first word chooses, or -1. */
static int form_of(const char *const *words, int n)
{
    return n > 1 ? wire_form_parse(words[0]) : -1;
}

void run_words(const char *const *words, int n, wire_form_t form, const run_peer_t *peer, store_t *store,
               run_done_fn *done, void *baton)
{
    struct run *run = malloc(sizeof *run);
    int prefix = form_of(words, n);

    EC_ASSERT(run != NULL);
    *run = (struct run){ prefix >= 0 ? (wire_form_t)prefix : form, done, baton };
    begin(words + (prefix >= 0), n - (prefix >= 0), peer, store, on_answered, run);
}

/* ---- for the server itself ------------------------------------------------------------------ */

struct line {
    control_answer_fn *done;
    void *baton;
    store_t store; /* a session of one command */
};

static void on_line_done(void *baton, int status, char *text, size_t length)
{
    struct line *line = baton;

    line->done(line->baton, status != WIRE_DONE, text, length);
    store_clear(&line->store);
    free(line);
    free(text);
}

void control_run(const char *text, const char *form, control_answer_fn *done, void *baton)
{
    struct line *line = malloc(sizeof *line);
    const char *words[WIRE_WORDS_MAX], *why = "";
    char *copy = strdup(text);
    int n, number = wire_form_parse(form);

    EC_ASSERT(line != NULL && copy != NULL);
    *line = (struct line){ .done = done, .baton = baton };
    if ((n = words_split(copy, words, WIRE_WORDS_MAX, &why)) < 0) {
        on_line_done(line, WIRE_ERROR, strdup(why), strlen(why));
    } else {
        run_words(words, n, number >= 0 ? (wire_form_t)number : WIRE_TEXT, NULL, &line->store, on_line_done, line);
    }
    free(copy);
}

/* ---- for modules ----------------------------------------------------------------------------- */

struct command {
    ec_command_done_fn *done;
    void *baton;
    store_t store; /* a session of one command */
};

static void on_command_done(void *baton, ec_answer_t *answer)
{
    struct command *command = baton;

    command->done(command->baton, answer);
    store_clear(&command->store);
    free(command);
}

void ec_command_run(const char *const *words, int n, ec_command_done_fn *done, void *baton)
{
    struct command *command = malloc(sizeof *command);
    int has_form = form_of(words, n) >= 0;

    EC_ASSERT(command != NULL);
    *command = (struct command){ .done = done, .baton = baton };
    begin(words + has_form, n - has_form, NULL, &command->store, on_command_done, command);
}

/* show_commands.c - config show and showrecurse
 * SPDX-License-Identifier: Apache-2.0
 *
 * The text is made on a pool thread, with the answer held: a big configuration takes longer than a loop may.
 */
#include "conf/ask/ask.h"

#include <string.h>

#include <apr_strings.h>

#include <ec/job.h>

#include "conf/ask/ask_private.h"
#include "conf/ask/path.h"
#include "conf/ask/show.h"
#include "conf/live/transaction.h"

struct showing {
    ec_job_t job;
    ec_answer_t *answer;
    conf_t *conf; /* a reference, but of an open transaction, which waits for its answer */
    conf_t *reference;
    const conf_stanza_t *stanza;
    int flags;
    const char *text;
};

void ask_put_text(ec_answer_t *answer, const char *text)
{
    apr_size_t length = strlen(text);

    ec_node_note(ec_answer_root(answer), "%.*s", (int)(length > 0 ? length - 1 : 0), text);
}

static void work(void *baton)
{
    struct showing *showing = baton;

    showing->text =
        show_text(showing->conf, showing->stanza, SHOW_TEXT, showing->flags, ec_answer_pool(showing->answer));
}

static void done(void *baton)
{
    struct showing *showing = baton;

    ask_put_text(showing->answer, showing->text);
    conf_unref(showing->reference);
    ec_answer_finish(showing->answer);
}

static void show_later(ec_answer_t *answer, const conf_stanza_t *stanza, int flags)
{
    struct showing *showing = apr_pcalloc(ec_answer_pool(answer), sizeof(*showing));

    showing->answer = answer;
    showing->conf = transaction_conf(answer);
    showing->reference = transaction_is_open(answer) ? NULL : conf_ref(showing->conf);
    showing->stanza = stanza;
    showing->flags = flags;
    ec_answer_hold(answer);
    ec_job_run(ec_threadpool_find("CPU"), ec_loop_at(0), &showing->job, work, done, showing);
}

static void show_option(ec_answer_t *answer, const conf_stanza_t *stanza, const conf_option_t *option)
{
    const conf_setting_t *setting = stanza != NULL ? tree_setting(stanza, option->row) : NULL;

    if (setting == NULL)
        ec_node_note(ec_answer_root(answer), "# %s is not set in this scope", option->row->name);
    else if (option->row->flags & EC_OPTION_SECRET)
        ec_node_note(ec_answer_root(answer), "# %s is secret and not shown", option->row->name);
    else
        ec_node_note(ec_answer_root(answer), "%s = %s", option->row->name,
                     raw_value_text(&setting->raw, ec_answer_pool(answer)));
}

static void show(ec_answer_t *answer, int flags, int takes_option)
{
    const char *const *words, *why = "";
    int n = ask_words(&words, answer);
    const conf_stanza_t *stanza;
    const conf_option_t *option;
    conf_path_t path;

    if (path_read(&path, words, n, &why, ec_answer_pool(answer)) != APR_SUCCESS) {
        ec_answer_error(answer, "%s", why);
        return;
    }
    stanza = path_find(transaction_conf(answer), &path);
    if (n - path.n_words > takes_option) {
        ec_answer_error(answer, "\"%.80s\" is too much here: a scope%s is expected",
                        words[path.n_words + takes_option], takes_option ? " and one option at most" : "");
    } else if (n > path.n_words) {
        option = options_find(path.n > 0 ? path.step[path.n - 1].scope : scope_global, words[path.n_words]);
        show_option(answer, stanza, option);
    } else if (stanza == NULL) {
        ec_answer_error(answer, "there is no %s \"%s\"; config locate %s lists those that are there",
                        path.step[path.n - 1].type, path.step[path.n - 1].written,
                        path.step[path.n - 1].type);
    } else {
        show_later(answer, stanza, flags);
    }
}

static void config_show(void *self, ec_answer_t *answer)
{
    show(answer, 0, 1);
}

static void config_showrecurse(void *self, ec_answer_t *answer)
{
    show(answer, SHOW_CHILDREN, 0);
}

const ec_command_t show_commands[] = {
    { "config show", EC_CMD_READ, config_show, "options of the top level, stanzas as placeholders" },
    { "config show <words> ...", EC_CMD_READ, config_show,
      "options of a scope, stanzas in it as placeholders: config show [<scope> [<name>] ...] [<option>]" },
    { "config showrecurse", EC_CMD_READ, config_showrecurse,
      "the whole configuration, as a file would say it" },
    { "config showrecurse <words> ...", EC_CMD_READ, config_showrecurse,
      "a scope with all that is in it: config showrecurse [<scope> [<name>] ...]" },
    EC_COMMAND_END
};

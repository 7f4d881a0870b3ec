/* drafting.h - drafts and trees for the tests of live changes
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_CONF_LIVE_DRAFTING_H
#define TESTS_CONF_LIVE_DRAFTING_H

#include "runner.h"
#include "conf/ask/path.h"
#include "conf/live/diff.h"
#include "conf/live/draft.h"
#include "conf/loading.h"
#include "control/words.h"

enum { DRAFTING_WORDS = 64 };

static inline draft_t *open_draft(conf_t *base, int is_from_scratch)
{
    draft_t *draft;

    ck_assert_int_eq(draft_open(&draft, base, is_from_scratch), APR_SUCCESS);
    return draft;
}

/* Runs "set ..." or "unset ..." as typed; NULL, or why it is refused. */
static inline const char *run_change(draft_t *draft, const char *line)
{
    const char *words[DRAFTING_WORDS], *why = "(no reason)";
    int n = words_split(apr_pstrdup(test_pool, line), words, DRAFTING_WORDS, &why);
    apr_status_t rv;

    ck_assert_msg(n > 0, "%s: %s", line, why);
    rv = strcmp(words[0], "set") == 0 ? draft_set(draft, words + 1, n - 1, NULL, &why, test_pool)
                                      : draft_unset(draft, words + 1, n - 1, &why, test_pool);
    return rv == APR_SUCCESS ? NULL : why;
}

static inline void make_change(draft_t *draft, const char *line)
{
    const char *why = run_change(draft, line);

    ck_assert_msg(why == NULL, "%s: refused: %s", line, why);
}

/* What a file would say, indented by nothing. */
static inline const char *tree_text(const conf_stanza_t *stanza)
{
    apr_array_header_t *parts = apr_array_make(test_pool, 16, sizeof(const char *));

    for (const conf_setting_t *setting = stanza->settings; setting != NULL; setting = setting->next)
        APR_ARRAY_PUSH(parts, const char *) = apr_pstrcat(test_pool, setting->option->row->name, " = ",
                                                          raw_value_text(&setting->raw, test_pool), "\n", NULL);
    for (const conf_stanza_t *child = stanza->first; child != NULL; child = child->next)
        APR_ARRAY_PUSH(parts, const char *) =
            apr_pstrcat(test_pool, child->type, *child->written != '\0' ? " \"" : "", child->written,
                        *child->written != '\0' ? "\"" : "", " {\n", tree_text(child), "}\n", NULL);
    return apr_array_pstrcat(test_pool, parts, '\0');
}

/* One line a change: "set domain a.test retry_interval = 5", "unset ...", "add domain a.test", "remove ...". */
static inline const char *diff_text(const conf_t *from, const conf_t *to)
{
    static const char *const verbs[] = { "set", "unset", "add", "remove", "move" };
    const apr_array_header_t *changes = conf_diff(from, to, test_pool);
    const char *text = "";

    for (int i = 0; i < changes->nelts; i++) {
        const conf_change_t *change = &APR_ARRAY_IDX(changes, i, conf_change_t);
        const conf_stanza_t *stanza = change->to_stanza != NULL ? change->to_stanza : change->from_stanza;
        const conf_setting_t *setting = change->to != NULL ? change->to : change->from;
        const char *path = path_text(stanza, test_pool);

        text = apr_pstrcat(test_pool, text, verbs[change->kind], *path != '\0' ? " " : "", path,
                           setting != NULL ? " " : "", setting != NULL ? setting->option->row->name : "",
                           change->to != NULL ? " = " : "",
                           change->to != NULL ? raw_value_text(&change->to->raw, test_pool) : "",
                           change->behind != NULL ? " behind " : "",
                           change->behind != NULL ? path_text(change->behind, test_pool) : "", "\n", NULL);
    }
    return text;
}

#endif

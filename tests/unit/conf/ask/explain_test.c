/* explain_test.c - how a value was found, step by step
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"
#include "conf/loading.h"

#include "conf/ask/explain.h"

enum { WORDS_MAX = 10 };

/* One line a step: "where: found [at line N] [<- RULE]". */
static const char *explain_text(conf_t *conf, const char *const *words, apr_pool_t *pool)
{
    const char *text = "", *why = "";
    apr_array_header_t *steps;
    question_t question;
    int n = 0;

    while (words[n] != NULL)
        n++;
    if (question_open(&question, conf, words, n, 1, &why, pool) != APR_SUCCESS)
        return apr_pstrcat(pool, "!", why, NULL);
    steps = question_steps(&question, pool);
    for (int i = 0; i < steps->nelts; i++) {
        const explain_step_t *step = &APR_ARRAY_IDX(steps, i, explain_step_t);

        text = apr_pstrcat(pool, text, step->where, ": ", step->found,
                           step->file != NULL ? apr_psprintf(pool, " at line %d", step->line) : "",
                           step->is_used ? " <-" : "", step->is_used && step->rule != NULL ? " " : "",
                           step->rule != NULL ? step->rule : "", "\n", NULL);
    }
    question_close(&question);
    return text;
}

static const char text[] =
    "retry_interval = 1\n"
    "domain d { retry_interval = 3 idle_timeout = 4 }\n"
    "domain \"/^x/\" { max_retries = none }\n"
    "domain \"/^d/\" { max_retries = none }\n"
    "binding b { domain d { idle_timeout = 5 } retry_interval = 6 }\n"
    "binding_group g { binding in { host mx { max_outbound_connections = 7 } } domain d { } }\n"
    "esmtp_listener { peer 10.0.0.0/8 { max_message_size = 5K pathway = p }\n"
    "  listen :25 { peer 10.1.0.0/16 { } } }\n"
    "pathway p { require_ehlo = true }\n"
    "security { user = u }\n"
    "binding b { ehlo_hostname = e }\n";

static const struct {
    const char *words[WORDS_MAX], *want;
} cases[] = {
    { { "domain", "e", "retry_interval", NULL },
      "domain e: no such stanza\n"
      "patterns of domain: 2 do not match\n"
      "global: set to 1 at line 1 <- 8.7\n" },
    { { "domain", "d", "max_retries", NULL },
      "domain d: not set\n"
      "domain /^d/: set to none at line 4 <- R3\n"
      "patterns of domain: 1 does not match\n"
      "global: not set\n" },
    { { "binding", "b", "domain", "d", "retry_interval", NULL },
      "domain d in binding b: not set\n"
      "binding b: set to 6 at line 5 <- R1\n"
      "domain d: set to 3 at line 2\n"
      "domain /^d/: not set\n"
      "patterns of domain: 1 does not match\n"
      "global: set to 1 at line 1\n" },
    { { "binding", "b", "domain", "d", "max_retries", NULL },
      "domain d in binding b: not set\n"
      "binding b: not set\n"
      "domain d: not set\n"
      "domain /^d/: set to none at line 4 <- R3\n"
      "patterns of domain: 1 does not match\n"
      "global: not set\n" },
    { { "binding", "b", "domain", "d", "ehlo_hostname", NULL },
      "domain d in binding b: not set\n"
      "binding b: set to e at line 11 <- R2\n"
      "domain d: not set\n"
      "domain /^d/: not set\n"
      "patterns of domain: 1 does not match\n"
      "global: not set\n" },
    { { "binding_group", "g", "binding", "no", "domain", "d", "retry_interval", NULL },
      "domain d in binding no in binding_group g: no such stanza\n"
      "domain d in binding no: no such stanza\n"
      "domain d in binding_group g: not set\n"
      "binding no in binding_group g: no such stanza\n"
      "binding no: no such stanza\n"
      "binding_group g: not set\n"
      "domain d: set to 3 at line 2 <- 8.6\n"
      "domain /^d/: not set\n"
      "patterns of domain: 1 does not match\n"
      "global: set to 1 at line 1\n" },
    { { "binding", "in", "host", "mx", "max_outbound_connections", NULL },
      "host mx in binding in in binding_group g: set to 7 at line 6 <- H2\n"
      "host mx in binding_group g: no such stanza\n"
      "host mx in binding in: no such stanza\n"
      "host mx: no such stanza\n" },
    { { "host", "other", "max_outbound_connections", NULL },
      "host other: no such stanza\n"
      "default: -1 <- H3\n" },
    { { "esmtp_listener", "listen", "*:25", "peer", "10.1.2.3", "max_message_size", NULL },
      "peer 10.1.0.0/16 in listen *:25 in esmtp_listener: not set\n"
      "listen *:25 in esmtp_listener: not set\n"
      "peer 10.0.0.0/8 in esmtp_listener: set to 5K at line 7 <- 9.3\n"
      "esmtp_listener: not set\n"
      "pathway p: not set\n"
      "global: not an option here\n" },
    { { "esmtp_listener", "listen", "*:25", "peer", "10.1.2.3", "require_ehlo", NULL },
      "peer 10.1.0.0/16 in listen *:25 in esmtp_listener: not set\n"
      "listen *:25 in esmtp_listener: not set\n"
      "peer 10.0.0.0/8 in esmtp_listener: not set\n"
      "esmtp_listener: not set\n"
      "pathway p: set to true at line 9 <- 9.5\n"
      "global: not set\n" },
    { { "esmtp_listener", "listen", "*:26", "peer", "11.1.2.3", "max_message_size", NULL },
      "listen *:26 in esmtp_listener: no such stanza\n"
      "peer 11.1.2.3 in esmtp_listener: no network holds it\n"
      "esmtp_listener: not set\n"
      "global: not an option here\n"
      "default: DEFAULT <-\n" },
    { { "security", "user", NULL },
      "security: set to u at line 10 <-\n"
      "global: not an option here\n" },
    { { "eventloop", "x", "concurrency", NULL },
      "eventloop x: no such stanza\n"
      "global: not an option here\n"
      "default: 0 <-\n" },
    { { "retry_interval", NULL }, "global: set to 1 at line 1 <-\n" },
    { { "domain", "d", NULL }, "!which option of domain d?" },
};

START_TEST(steps)
{
    conf_t *conf = load_right(text, NULL, test_pool);
    const char *want = cases[_i].want, *mark = strstr(want, "DEFAULT");

    if (mark != NULL) /* whatever the table says */
        want = apr_pstrcat(test_pool, apr_pstrmemdup(test_pool, want, (apr_size_t)(mark - want)),
                           conf_option(CONF_O_MAX_MESSAGE_SIZE)->deflt, mark + 7, NULL);
    ck_assert_str_eq(explain_text(conf, cases[_i].words, test_pool), want);
    conf_unref(conf);
}
END_TEST

/* What is told is what the mail path does: for every option and many places the step in use has the view's
 * value. */
START_TEST(same_as_view)
{
    static const char *const names[][3] = { { NULL, NULL, "d" }, { NULL, "b", "d" }, { "g", "in", "d" },
                                            { NULL, "in", "x" }, { "g", "b", "dx" }, { "no", "no", "no" } };
    conf_t *conf = load_right(text, NULL, test_pool);
    static const conf_opt_t options[] = { CONF_O_RETRY_INTERVAL, CONF_O_IDLE_TIMEOUT, CONF_O_MAX_RETRIES };

    for (int i = 0; i < TEST_COUNT(names) * TEST_COUNT(options); i++) {
        const char *const *name = names[i / TEST_COUNT(options)];
        conf_opt_t opt = options[i % TEST_COUNT(options)];
        const conf_view_t *view = conf_outbound(conf, name[0], name[1], name[2]);
        const char *words[WORDS_MAX] = { "binding_group",
                                         name[0],
                                         "binding",
                                         name[1],
                                         "domain",
                                         name[2],
                                         conf_option(opt)->name },
                   **first = words, *why = "";
        question_t question;
        conf_eval_t result;
        int n = 7;

        if (name[0] == NULL) {
            first += name[1] == NULL ? 4 : 2;
            n -= name[1] == NULL ? 4 : 2;
        }
        ck_assert_msg(question_open(&question, conf, first, n, 1, &why, test_pool) == APR_SUCCESS, "%s", why);
        question_answer(&result, &question, test_pool);
        ck_assert_ptr_eq(result.value, conf_get(view, opt));
        question_close(&question);
    }
    conf_unref(conf);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "explain", 60);

    tcase_add_loop_test(tcase, steps, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, same_as_view);
}
TEST_MAIN("conf/ask/explain", add)

/* change_property_test.c - any sequence of changes, by seed: the draft means what its text and its replay mean
 * SPDX-License-Identifier: Apache-2.0
 *
 * EC_SEED chooses the first seed, EC_ROUNDS how many.  A failure names its seed. */
#include "conf/live/drafting.h"

static const char *const paths[] = {
    "", "domain a.test", "domain b.test", "domain \"/rx.*/\"", "domain /ry/", "domain /rz/",
    "domain /rn/", "host /ry/", "binding b", "binding b domain /ry/", "binding b domain /rz/", "binding b domain /rx/", "binding b domain a.test",
    "binding_group g", "binding_group g binding b", "binding_group g binding c domain \"[IPv6:2001:DB8::1]\"",
    "binding_group h binding b", "pathway p", "pathway_group q pathway p", "esmtp_listener",
    "esmtp_listener listen :25", "esmtp_listener listen 127.0.0.1:26 peer 10.0.0.0/8", "threadpool \"a b\"",
};

/* An option with values; where it is not legal the change is refused, which is a case as well. */
static const struct {
    const char *option, *values[4];
} options[] = {
    { "retry_interval", { "5", "60", "= 1h", "soon" } },
    { "max_outbound_connections", { "1", "2", "x", "= 3" } },
    { "gateway", { "gw.test", "\"gw.test\"", "\"[10.0.0.1]\"", "\"\"" } },
    { "relay_hosts", { "( 10.0.0.0/8 )", "()", "::1", "( a )" } },
    { "relay_domains", { "( \"a b\" c )", "( \"x,y\" )", "\"( \\\"q\\\\\\\"q\\\" )\"", "( \"#\" )" } },
    { "static_banner", { "\"220 a\\\\b\"", "\"220 #\"", "220-x", "\"220 (\"" } },
    { "idle_time", { "5", "6", "7", "8" } },
    { "concurrency", { "1", "2", "3", "-1" } },
};

static unsigned long state;

static unsigned pick(unsigned n)
{
    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return (unsigned)(state >> 33) % n;
}

static const char *random_change(void)
{
    const char *path = paths[pick(TEST_COUNT(paths))];
    unsigned option = pick(TEST_COUNT(options)), kind = pick(10);

    if (kind == 0)
        return apr_psprintf(test_pool, "unset %s", *path != '\0' ? path : "global");
    if (kind < 3)
        return apr_psprintf(test_pool, "unset %s %s", path, options[option].option);
    return apr_psprintf(test_pool, "set %s %s %s", path, options[option].option, options[option].values[pick(4)]);
}

static void ensure_same(const conf_t *a, const conf_t *b, const char *what, unsigned long seed)
{
    const char *there = diff_text(a, b), *back = diff_text(b, a);

    ck_assert_msg(*there == '\0' && *back == '\0' && a->n_stanzas == b->n_stanzas, "EC_SEED=%lu: %s differs: %s|%s", seed,
                  what, there, back);
}

/* Every stanza of the tree is found by the index, and by its own path. */
static void ensure_found(const conf_t *conf, const conf_stanza_t *stanza)
{
    for (const conf_stanza_t *child = stanza->first; child != NULL; child = child->next) {
        const conf_stanza_t *same = NULL;

        ck_assert_ptr_eq(tree_find(conf, stanza, child->type, child->name), child);
        do {
            same = conf_next(conf, stanza, child->type, same);
        } while (same != NULL && same != child);
        ck_assert_ptr_eq(same, child);
        ensure_found(conf, child);
    }
}

static void run_seed(unsigned long seed)
{
    conf_t *base = load_right("retry_interval = 9\nDomain \"/rz/\" { } Binding b { Domain \"/rz/\" { } Domain \"/ry/\" { } }\n"
                              "Host \"/ry/\" { } Domain \"/rx.*/\" { } Domain \"/ry/\" { }\nDomain \"a.test\" { gateway = g }\nBinding_Group g { Binding b { } }", NULL,
                              test_pool);
    draft_t *draft = open_draft(base, 0), *replayed = open_draft(base, 0), *repeated = open_draft(base, 0);
    const char *failed, *why;
    conf_t *loaded;

    state = seed;
    for (int i = 0; i < 60; i++) {
        unsigned before = draft_conf(draft)->n_stanzas;

        if (run_change(draft, random_change()) != NULL)
            ck_assert_msg(draft_conf(draft)->n_stanzas == before, "EC_SEED=%lu: a refused change left a stanza", seed);
    }
    ensure_found(draft_conf(draft), draft_conf(draft)->root);
    ck_assert_msg(strstr(apr_pstrcat(test_pool, "\n", diff_text(base, draft_conf(draft)), NULL), "\nmove ") == NULL, "EC_SEED=%lu: another order than in the files: %s",
                  seed, diff_text(base, draft_conf(draft)));
    loaded = load_right(tree_text(draft_conf(draft)->root), NULL, test_pool);
    ensure_same(draft_conf(draft), loaded, "its text", seed);
    for (int i = 0; i < draft_replay(draft)->nelts; i++)
        make_change(replayed, APR_ARRAY_IDX(draft_replay(draft), i, const char *));
    ensure_same(draft_conf(draft), draft_conf(replayed), "its replay", seed);
    ck_assert_int_eq(draft_repeat(repeated, draft, &failed, &why, test_pool), APR_SUCCESS);
    ensure_same(draft_conf(draft), draft_conf(repeated), "its repetition", seed);
    draft_close(draft);
    draft_close(replayed);
    draft_close(repeated);
    conf_unref(loaded);
    conf_unref(base);
}

START_TEST(seeds)
{
    const char *first = getenv("EC_SEED"), *rounds = getenv("EC_ROUNDS");
    unsigned long seed = first != NULL ? strtoul(first, NULL, 10) : 1, n = rounds != NULL ? strtoul(rounds, NULL, 10) : 100;

    for (unsigned long i = 0; i < n; i++) {
        run_seed(seed + i);
        apr_pool_clear(test_pool);
    }
}
END_TEST

static void add(Suite *suite)
{
    tcase_add_test(test_case(suite, "property", 300), seeds);
}

TEST_MAIN("conf/live/change_property", add)

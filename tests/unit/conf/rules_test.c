/* rules_test.c - the rules of config-language.md sections 5, 8, 9 and 10, by number: what applies, and why
 * SPDX-License-Identifier: Apache-2.0
 *
 * A row has its rule, a configuration, perhaps commands as typed behind "config", a question as typed behind "config eval"
 * (the last word is the option), and the answer.  The steps of a fallback chain one by one are in fallback_test.c, where a
 * change is saved (10.2) is in writeback_test.c. */
#include <stdio.h>
#include <unistd.h>

#include "conf/live/drafting.h"

/* "value from scope", or "!why". */
static const char *ask(conf_t *conf, const char *question)
{
    const char *words[DRAFTING_WORDS], *why, *option;
    int n = words_split(apr_pstrdup(test_pool, question), words, DRAFTING_WORDS, &why);

    ck_assert_msg(n > 0, "%s", question);
    option = words[n - 1];
    words[n - 1] = NULL;
    return eval_text(conf, words, option, test_pool);
}

/* The first group that has the binding, also when its stanza got it later than the other's. */
#define GROUPS "binding_group g { } binding_group h { binding b { retry_interval = 2 } } " \
               "binding_group g { binding b { retry_interval = 1 } }"

static const struct {
    const char *rule, *text, *question, *want;
} rules[] = {
    /* 5: repeated definitions, row by row of its table */
    { "5.1", "retry_interval = 1 retry_interval = 2", "retry_interval", "2 from global" },
    { "5.1", "domain a { retry_interval = 1 Retry_Interval = 2 }", "domain a retry_interval", "2 from domain a" },
    { "5.2", "binding_group g { retry_interval = 1 }\nbinding_group g { max_retries = 2 }", "binding_group g retry_interval",
      "1 from binding_group g" },
    { "5.2", "binding_group g { retry_interval = 1 }\nbinding_group g { max_retries = 2 }", "binding_group g max_retries",
      "2 from binding_group g" },
    { "5.2", "domain A.com { retry_interval = 1 }\ndomain a.COM { max_retries = 2 }", "domain a.com retry_interval",
      "1 from domain a.com" },
    { "5.2 case", "binding B { retry_interval = 1 }\nbinding b { retry_interval = 2 }", "binding B retry_interval",
      "1 from binding B" },
    { "5.5", "security { user = a }\nsecurity { group = b }", "security user", "a from security" },
    { "5.5", "esmtp_listener { listener_sessions = 1 }\nesmtp_listener { listener_sessions = 2 }",
      "esmtp_listener listener_sessions", "2 from esmtp_listener" },
    { "5.8", "domain \"/a/\" { retry_interval = 1 }\ndomain \"/b/\" { retry_interval = 2 }\ndomain \"/a/\" { retry_interval = 3 }",
      "domain ab retry_interval", "3 from domain /a/" },
    { "5.9", "relay_domains = ( a b )\nrelay_domains = ( c )", "relay_domains", "( c ) from global" },
    { "5.9", "relay_domains = ( a b )\nrelay_domains = ()", "relay_domains", "( ) from global" },

    /* 8: the order, two neighbours at a time */
    { "8 1>2", "binding_group g { binding b { domain d { retry_interval = 1 } } }\nbinding b { domain d { retry_interval = 2 } }",
      "binding_group g binding b domain d retry_interval", "1 from domain d in binding b in binding_group g" },
    { "8 2>3", "binding b { domain d { retry_interval = 2 } }\nbinding_group g { domain d { retry_interval = 3 } }",
      "binding_group g binding b domain d retry_interval", "2 from domain d in binding b" },
    { "8 3>4", "binding_group g { domain d { retry_interval = 3 } binding b { retry_interval = 4 } }",
      "binding_group g binding b domain d retry_interval", "3 from domain d in binding_group g" },
    { "8 4>5", "binding_group g { retry_interval = 5 binding b { retry_interval = 4 } }",
      "binding_group g binding b domain d retry_interval", "4 from binding b in binding_group g" },
    { "8 5>6", "binding_group g { retry_interval = 5 binding b { } }\ndomain d { retry_interval = 6 }",
      "binding_group g binding b domain d retry_interval", "5 from binding_group g" },
    { "8 6>7", "retry_interval = 7\ndomain d { retry_interval = 6 }", "binding_group g binding b domain d retry_interval",
      "6 from domain d" },
    { "8 7>8", "retry_interval = 7", "binding_group g binding b domain d retry_interval", "7 from global" },
    { "8 8", "", "binding_group g binding b domain d retry_interval", "1200 from default" },
    { "8 R1", "binding b { retry_interval = 1 }\ndomain d { retry_interval = 2 }", "binding b domain d retry_interval",
      "1 from binding b" },
    { "8 R2", "retry_interval = 3\nbinding b { domain d { max_retries = 1 } }\ndomain d { retry_interval = 2 }",
      "binding b domain d retry_interval", "2 from domain d" },
    { "8 R2", "retry_interval = 3\nbinding b { retry_interval = 1 domain d { max_retries = 1 } }\ndomain d { retry_interval = 2 }",
      "binding b domain d retry_interval", "1 from binding b" },
    { "8 R3", "domain \"/e.a/\" { retry_interval = 1 }\ndomain example.com { retry_interval = 2 }",
      "domain example.com retry_interval", "2 from domain example.com" },
    { "8 R3", "domain \"/e.a/\" { retry_interval = 1 }\ndomain example.com { max_retries = 2 }",
      "domain example.com retry_interval", "1 from domain /e.a/" },
    { "8 R3", "domain \"/e.a/\" { retry_interval = 1 }\ndomain \"/com/\" { retry_interval = 2 }",
      "domain example.com retry_interval", "1 from domain /e.a/" },
    { "8 R3", "binding b { domain \"/e.a/\" { retry_interval = 1 } }\ndomain example.com { retry_interval = 2 }",
      "binding b domain example.com retry_interval", "1 from domain /e.a/ in binding b" },
    { "8 R4", "domain \"/amp/\" { retry_interval = 1 }", "domain example.com retry_interval", "1 from domain /amp/" },
    { "8 R4", "domain \"/^amp/\" { retry_interval = 1 }", "domain example.com retry_interval", "1200 from default" },
    { "8 R4", "", "match_cache_size", "16384 from default" },
    { "8 R4", "", "match_cache_life", "0 from default" },
    { "8 R5", "max_retries = 5\ndomain d { max_retries = 0 }", "domain d max_retries", "0 from domain d" },
    { "8 R5", "ehlo_hostname = a\ndomain d { ehlo_hostname = \"\" }", "domain d ehlo_hostname", "\"\" from domain d" },
    { "8 R5", "retry_interval = 5\ndomain d { retry_interval = 1200 }", "domain d retry_interval", "1200 from domain d" },
    { "8 bindings in groups", GROUPS, "binding b retry_interval", "1 from binding b in binding_group g" },
    { "8 R6", "", "binding default retry_interval", "1200 from default" },
    { "8 R6", "binding default { retry_interval = 5 }", "binding default retry_interval", "5 from binding default" },
    { "8 R6", "binding_group default { retry_interval = 5 }", "binding_group default retry_interval",
      "5 from binding_group default" },

    /* 8.2: hosts */
    { "8.2 H2 1", "binding_group g { binding b { host h { outbound_throttle_messages = 1 } } host h { outbound_throttle_messages = 2 } }",
      "binding_group g binding b host h outbound_throttle_messages", "1 from host h in binding b in binding_group g" },
    { "8.2 H2 2", "binding_group g { binding b { } host h { outbound_throttle_messages = 2 } }\n"
                  "binding b { host h { outbound_throttle_messages = 3 } }",
      "binding_group g binding b host h outbound_throttle_messages", "2 from host h in binding_group g" },
    { "8.2 H2 3", "binding b { host h { outbound_throttle_messages = 3 } }\nhost h { outbound_throttle_messages = 4 }",
      "binding b host h outbound_throttle_messages", "3 from host h in binding b" },
    { "8.2 H2 4", "host h { outbound_throttle_messages = 4 }", "binding b host h outbound_throttle_messages", "4 from host h" },
    { "8.2 H2 no link", "outbound_throttle_messages = 9\nbinding b { outbound_throttle_messages = 8 }",
      "binding b host h outbound_throttle_messages", "(unset) from default" },
    { "8.2 H2 no link", "host d { outbound_throttle_messages = 9 }", "domain d outbound_throttle_messages",
      "(unset) from default" },
    { "8.2 H3", "max_outbound_connections = 5\nhost h { outbound_throttle_messages = 4 }", "host h max_outbound_connections",
      "-1 from default" },
    { "8.2 H3", "max_outbound_connections = 5\nhost h { max_outbound_connections = 4 }", "host h max_outbound_connections",
      "4 from host h" },
    { "8.2 H4 1", "binding b { host h { cluster_max_outbound_connections = 1 } }\nhost h { cluster_max_outbound_connections = 2 }",
      "binding b host h cluster_max_outbound_connections", "1 from host h in binding b" },
    { "8.2 H4 2", "binding b { cluster_max_outbound_connections = 4 }\nhost h { cluster_max_outbound_connections = 2 }",
      "binding b host h cluster_max_outbound_connections", "2 from host h" },
    { "8.2 H4 3", "binding b { cluster_max_outbound_connections = 4 domain d { cluster_max_outbound_connections = 3 } }",
      "binding b domain d cluster_max_outbound_connections", "3 from domain d in binding b" },
    { "8.2 H4 4", "binding b { cluster_max_outbound_connections = 4 }\ndomain d { cluster_max_outbound_connections = 5 }",
      "binding b domain d cluster_max_outbound_connections", "4 from binding b" },
    { "8.2 H4 5", "domain d { cluster_max_outbound_connections = 5 }\ncluster_max_outbound_connections = 6",
      "binding b domain d cluster_max_outbound_connections", "5 from domain d" },
    { "8.2 H4 6", "cluster_max_outbound_connections = 6", "binding b host h cluster_max_outbound_connections", "6 from global" },
    { "8.2 H5", "host \"/^mx[0-9]+\\.example\\.com$/\" { max_outbound_connections = 4 }",
      "host mx12.example.com max_outbound_connections", "4 from host /^mx[0-9]+\\.example\\.com$/" },

    /* 9: inbound */
    { "9 1", "esmtp_listener { peer \"10.0.0.0/16\" { listener_sessions = 3 }\n"
             "listen \":25\" { listener_sessions = 2 peer \"10.0.0.1/32\" { listener_sessions = 1 } } }",
      "esmtp_listener listen :25 peer 10.0.0.1 listener_sessions", "1 from peer 10.0.0.1 in listen *:25 in esmtp_listener" },
    { "9 2", "esmtp_listener { peer \"10.0.0.0/16\" { listener_sessions = 3 }\nlisten \":25\" { listener_sessions = 2 } }",
      "esmtp_listener listen :25 peer 10.0.0.1 listener_sessions", "2 from listen *:25 in esmtp_listener" },
    { "9 3", "esmtp_listener { listener_sessions = 4 peer \"10.0.0.0/16\" { listener_sessions = 3 } listen \":25\" { } }",
      "esmtp_listener listen :25 peer 10.0.0.1 listener_sessions", "3 from peer 10.0.0.0/16 in esmtp_listener" },
    { "9 3 most specific", "esmtp_listener { peer \"10.0.0.0/8\" { listener_sessions = 1 } peer \"10.0.0.0/16\" "
                           "{ listener_sessions = 3 } listen \":25\" { } }",
      "esmtp_listener listen :25 peer 10.0.0.1 listener_sessions", "3 from peer 10.0.0.0/16 in esmtp_listener" },
    { "9 4", "esmtp_listener { listener_sessions = 4 pathway = p listen \":25\" { } }\npathway p { listener_sessions = 5 }",
      "esmtp_listener listen :25 listener_sessions", "4 from esmtp_listener" },
    { "9 5", "esmtp_listener { listen \":25\" { pathway = p } }\npathway p { listener_sessions = 5 }",
      "esmtp_listener listen :25 listener_sessions", "5 from pathway p" },
    { "9 5 of a peer", "esmtp_listener { listen \":25\" { peer \"10.0.0.0/8\" { pathway = p } } }\npathway p { listener_sessions = 5 }",
      "esmtp_listener listen :25 peer 10.1.1.1 listener_sessions", "5 from pathway p" },
    { "9 5 of no other", "esmtp_listener { listen \":25\" { peer \"10.0.0.0/8\" { pathway = p } } }\npathway p { listener_sessions = 5 }",
      "esmtp_listener listen :25 peer 11.1.1.1 listener_sessions", "0 from default" },
    { "9 6", "relay_hosts = ( 10.0.0.0/8 )\nesmtp_listener { listen \":25\" { } }", "esmtp_listener listen :25 relay_hosts",
      "( \"10.0.0.0/8\" ) from global" },
    { "9 7", "esmtp_listener { listen \":25\" { } }", "esmtp_listener listen :25 listener_sessions", "0 from default" },
    { "9 pathways 1", "pathway_group g { listener_sessions = 3 pathway p { listener_sessions = 1 } }\npathway p { listener_sessions = 2 }",
      "pathway p listener_sessions", "1 from pathway p in pathway_group g" },
    { "9 pathways 2", "pathway_group g { listener_sessions = 3 pathway p { } }\npathway p { listener_sessions = 2 }",
      "pathway p listener_sessions", "2 from pathway p" },
    { "9 pathways 3", "pathway_group g { listener_sessions = 3 pathway p { } }", "pathway p listener_sessions",
      "3 from pathway_group g" },
    { "9 pathways 4", "relay_hosts = ( 10.0.0.0/8 )\npathway p { }", "pathway p relay_hosts", "( \"10.0.0.0/8\" ) from global" },

    /* 10: eval answers for what does not exist */
    { "10 eval", "retry_interval = 7", "domain nowhere.example retry_interval", "7 from global" },
    { "10 eval", "", "retry_interval", "1200 from default" },
};

START_TEST(by_number)
{
    conf_t *conf = load_right(rules[_i].text, NULL, test_pool);
    const char *got = ask(conf, rules[_i].question);

    ck_assert_msg(strcmp(got, rules[_i].want) == 0, "%s: %s: got %s, want %s", rules[_i].rule, rules[_i].question, got,
                  rules[_i].want);
    conf_unref(conf);
}
END_TEST

/* ---- what is refused ----------------------------------------------------------------------- */

static const struct {
    const char *rule, *text, *want;
} refused[] = {
    { "5.6", "scriptlet a { }\nscriptlet b { }",
      "t.conf:2: scriptlet b: all scriptlet stanzas have one instance name; the other is scriptlet a at t.conf:1\n" },
    { "8 R4", "match_cache_size = 0", "option \"match_cache_size\": a number from 1 to 16777216 is wanted, found 0\n" },
    { "8.2 H1", "host h { retry_interval = 5 }", "option \"retry_interval\" is not legal in scope \"host\"; it belongs in: " },
    { "8.2 H4", "binding_group g { binding b {\ncluster_max_outbound_connections = 5 } }",
      "t.conf:2: option \"cluster_max_outbound_connections\": not in a binding that is in a binding_group: \"5\"\n" },
    { "9", "pathway_group g { }\nesmtp_listener { pathway_group = g }",
      "t.conf:2: \"pathway_group\" is a stanza, not an option: write pathway_group { ... }\n" },
};

START_TEST(by_number_refused)
{
    const char *got = load_wrong(refused[_i].text, strlen(refused[_i].text), test_pool);

    ck_assert_msg(strstr(got, refused[_i].want) != NULL, "%s: %s", refused[_i].rule, got);
}
END_TEST

/* ---- 8.1: who shares a bucket: those who have the very same value ------------------------- */

static const struct {
    const char *rule, *text, *one, *other;
    int is_shared;
} buckets[] = {
    { "T1", "outbound_throttle_messages = \"10/60\"", "domain a", "domain b", 1 },
    { "T1", "outbound_throttle_messages = \"10/60\"", "binding x domain a", "domain b", 1 },
    { "T1", "binding x { outbound_throttle_messages = 5 }", "binding x domain a", "binding x domain b", 1 },
    { "T1", "outbound_throttle_messages = 5\nbinding x { outbound_throttle_messages = 5 }", "binding x domain a", "domain a", 0 },
    { "T2", "domain \"/example/\" { outbound_throttle_messages = 5 }", "domain a.example", "domain b.example", 1 },
    { "T2", "host \"/^mx/\" { outbound_throttle_messages = 5 }", "host mx1.example", "host mx2.example", 1 },
    { "T3", "outbound_throttle_messages = 5\ndomain a { outbound_throttle_messages = 5 }\ndomain b { outbound_throttle_messages = 5 }",
      "domain a", "domain b", 0 },
};

static const ec_value_t *throttle_of(conf_t *conf, const char *question)
{
    const char *words[DRAFTING_WORDS], *why = "";
    int n = words_split(apr_pstrdup(test_pool, question), words, DRAFTING_WORDS, &why);
    conf_eval_t result;

    ck_assert_msg(conf_eval(&result, conf, words, n, "outbound_throttle_messages", &why, test_pool) == APR_SUCCESS, "%s", why);
    return result.value;
}

START_TEST(throttles)
{
    conf_t *conf = load_right(buckets[_i].text, NULL, test_pool);
    const ec_value_t *one = throttle_of(conf, buckets[_i].one), *other = throttle_of(conf, buckets[_i].other);

    ck_assert_ptr_nonnull(one);
    ck_assert_msg((one == other) == buckets[_i].is_shared, "%s: %s", buckets[_i].rule, buckets[_i].text);
    conf_unref(conf);
}
END_TEST

/* ---- 10: changes --------------------------------------------------------------------------- */

#define RX "domain \"/foo/\" { retry_interval = 1 } domain \"/bar/\" { retry_interval = 2 }"

static const struct {
    const char *rule, *text, *changes[4], *question, *want; /* the last change may be refused: "!why" */
} changes[] = {
    { "10 set", "retry_interval = 7", { "set retry_interval = 8" }, "retry_interval", "8 from global" },
    { "10 set without =", "", { "set retry_interval 8" }, "retry_interval", "8 from global" },
    { "10 set array", "", { "set relay_domains = ( a b )" }, "relay_domains", "( a b ) from global" },
    { "10 set array of a type", "", { "set exclude_vctx_conn = ( a \"b.*\" )" }, "exclude_vctx_conn", "( a b.* ) from global" },
    { "10 set #", "", { "set banner_hostname_of_nobody = \"a#b\"" }, NULL, "!\"banner_hostname_of_nobody\" is not an option" },
    { "10 set #", "", { "set hostname = \"a#b\"" }, "hostname", "\"a#b\" from global" },
    { "10 set in every scope", "", { "set binding_group g binding b domain d retry_interval = 3" },
      "binding_group g binding b domain d retry_interval", "3 from domain d in binding b in binding_group g" },
    { "10 unset an option", "retry_interval = 7\ndomain d { retry_interval = 8 }", { "unset domain d retry_interval" },
      "domain d retry_interval", "7 from global" },
    { "10 unset a scope", "retry_interval = 7\nbinding b { retry_interval = 8 domain d { retry_interval = 9 } }",
      { "unset binding b" }, "binding b domain d retry_interval", "7 from global" },
    { "10 unset, then the default", "retry_interval = 7", { "unset retry_interval" }, "retry_interval", "1200 from default" },
    { "10 never all of global", "retry_interval = 7", { "unset global" }, NULL, "!" },
    { "10.1.3", "retry_interval = 7", { "set retry_interval = 8", "set max_retries = x" }, NULL,
      "!option \"max_retries\": a number, auto or none is wanted, found x" },
    /* the order of the files holds over changes: what they have stands where they have it, what is new behind it */
    { "10 R3 order", RX, { "unset domain /foo/", "set domain /foo/ retry_interval 1" }, "domain foobar retry_interval",
      "1 from domain /foo/" },
    { "10 R3 order", RX, { "unset domain /foo/", "set domain /new/ retry_interval 3", "set domain /foo/ retry_interval 1" },
      "domain foobarnew retry_interval", "1 from domain /foo/" },
    { "10 R3 order", RX, { "unset domain /foo/", "set domain /new/ retry_interval 3", "set domain /foo/ max_retries 1" },
      "domain foobarnew retry_interval", "2 from domain /bar/" },
    { "10 R3 order", RX, { "unset domain /bar/", "set domain /new/ retry_interval 3", "set domain /bar/ retry_interval 2" },
      "domain barnew retry_interval", "2 from domain /bar/" },
    { "10 R3 order", RX, { "set domain /new/ retry_interval 3" }, "domain barnew retry_interval", "2 from domain /bar/" },
    { "10 R3 order", "binding b { " RX " }",
      { "unset binding b domain /foo/", "set binding b domain /foo/ retry_interval 1" },
      "binding b domain foobar retry_interval", "1 from domain /foo/ in binding b" },
    { "10 R3 order", "binding b { " RX " }",
      { "unset binding b", "set binding b domain /bar/ retry_interval 2", "set binding b domain /foo/ retry_interval 1" },
      "binding b domain foobar retry_interval", "1 from domain /foo/ in binding b" },
    { "10 R3 order", "host \"/foo/\" { max_outbound_connections = 1 } host \"/bar/\" { max_outbound_connections = 2 }",
      { "unset host /foo/", "set host /foo/ max_outbound_connections 1" }, "host foobar max_outbound_connections",
      "1 from host /foo/" },
    { "10 order of groups", "binding_group g { binding b { retry_interval = 1 } } binding_group h { binding b { retry_interval = 2 } }",
      { "unset binding_group g", "set binding_group g binding b retry_interval 1" }, "binding b retry_interval",
      "1 from binding b in binding_group g" },
    { "10 order of groups", "binding_group g { binding b { retry_interval = 1 } } binding_group h { binding b { retry_interval = 2 } }",
      { "unset binding_group g binding b", "set binding_group g binding b retry_interval 1" }, "binding b retry_interval",
      "1 from binding b in binding_group g" },
    { "10 order of groups", GROUPS, { "set max_retries 1" }, "binding b retry_interval", "1 from binding b in binding_group g" },
    { "10 order of groups", "pathway_group g { pathway p { listener_sessions = 1 } } pathway_group h { pathway p { listener_sessions = 2 } }",
      { "unset pathway_group g", "set pathway_group g pathway p listener_sessions 1" }, "pathway p listener_sessions",
      "1 from pathway p in pathway_group g" },
    { "10 throttle", "", { "set outbound_throttle_messages = \"10/0\"" }, NULL, "!option \"outbound_throttle_messages\"" },
};

START_TEST(changed)
{
    conf_t *base = load_right(changes[_i].text, NULL, test_pool);
    draft_t *draft = open_draft(base, 0);
    const char *got = "", *was = ask(base, "retry_interval");

    for (int i = 0; i < 4 && changes[_i].changes[i] != NULL; i++) {
        const char *why = run_change(draft, changes[_i].changes[i]);

        if (why != NULL)
            got = apr_pstrcat(test_pool, "!", why, NULL);
    }
    if (changes[_i].question != NULL && *got == '\0')
        got = ask(draft_conf(draft), changes[_i].question);
    if (*changes[_i].want == '!')
        ck_assert_msg(strncmp(got, changes[_i].want, strlen(changes[_i].want)) == 0, "%s: %s", changes[_i].rule, got);
    else
        ck_assert_msg(strcmp(got, changes[_i].want) == 0, "%s: %s", changes[_i].rule, got);
    ck_assert_str_eq(ask(base, "retry_interval"), was); /* private until it is committed */
    draft_close(draft);
    conf_unref(base);
}
END_TEST

/* Also from scratch: the files that are to be written have an order already. */
START_TEST(scratch_order)
{
    conf_t *base = load_right(RX, NULL, test_pool);
    draft_t *draft = open_draft(base, 1);

    make_change(draft, "set domain /new/ retry_interval 3");
    make_change(draft, "set domain /bar/ retry_interval 2");
    make_change(draft, "set domain /foo/ retry_interval 1");
    ck_assert_str_eq(ask(draft_conf(draft), "domain foobarnew retry_interval"), "1 from domain /foo/");
    ck_assert_str_eq(ask(draft_conf(draft), "domain barnew retry_interval"), "2 from domain /bar/");
    draft_close(draft);
    conf_unref(base);
}
END_TEST

/* "begin from scratch": what every configuration has is there, may be changed, may not be taken away. */
static const struct {
    const char *change, *question, *want;
} scratch[] = {
    { NULL, "retry_interval", "1200 from default" },
    { NULL, "threadpool CPU concurrency", "4 from threadpool CPU" },
    { "set threadpool CPU concurrency = 9", "threadpool CPU concurrency", "9 from threadpool CPU" },
    { "unset threadpool CPU", "threadpool CPU concurrency", "4 from threadpool CPU" },
};

START_TEST(from_scratch)
{
    conf_t *base = load_right("retry_interval = 7\nthreadpool CPU { concurrency = 3 }", NULL, test_pool);
    draft_t *draft = open_draft(base, 1);

    if (scratch[_i].change != NULL)
        run_change(draft, scratch[_i].change);
    ck_assert_str_eq(ask(draft_conf(draft), scratch[_i].question), scratch[_i].want);
    draft_close(draft);
    conf_unref(base);
}
END_TEST

/* "config get": exactly there. */
START_TEST(get)
{
    conf_t *conf = load_right("retry_interval = 7\ndomain d { max_retries = 1 }", NULL, test_pool);
    const conf_stanza_t *domain = conf_next(conf, NULL, "domain", NULL);

    ck_assert_ptr_null(conf_stanza_get(conf, domain, "retry_interval"));
    ck_assert_int_eq(conf_stanza_get(conf, domain, "max_retries")->i, 1);
    ck_assert_ptr_null(conf_stanza_get(conf, NULL, "max_retries"));
    conf_unref(conf);
}
END_TEST

/* 5.7: sweep rules of one name are instances of their own in each scope. */
START_TEST(sweep_rules)
{
    conf_t *conf = load_right("adaptive_sweep_rule r { low_threshold = 1 }\n"
                              "binding b { adaptive_sweep_rule r { low_threshold = 2.5 } }", NULL, test_pool);
    const conf_stanza_t *binding = conf_next(conf, NULL, "binding", NULL);
    const ec_value_t *inner = conf_stanza_get(conf, conf_next(conf, binding, "adaptive_sweep_rule", NULL), "low_threshold"),
                     *outer = conf_stanza_get(conf, conf_next(conf, NULL, "adaptive_sweep_rule", NULL), "low_threshold");

    ck_assert(inner->f > 2.4 && inner->f < 2.6);
    ck_assert(outer->f > 0.9 && outer->f < 1.1);
    conf_unref(conf);
}
END_TEST

/* 5.3 and 5.4: across files, in order of loading; the cluster's file is included last, so that its Security counts. */
START_TEST(across_files)
{
    const char *folder = mkdtemp(apr_pstrdup(test_pool, "/tmp/rules_test.XXXXXX"));
    const char *main_file = apr_pstrcat(test_pool, folder, "/main.conf", NULL),
               *other = apr_pstrcat(test_pool, folder, "/cluster.conf", NULL);
    conf_source_t source = { .file = main_file, .search_path = "/x" };
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    FILE *file = fopen(main_file, "w");

    fputs("security { user = a group = b }\ndomain d { retry_interval = 1 max_retries = 1 }\ninclude cluster.conf\n", file);
    fclose(file);
    file = fopen(other, "w");
    fputs("security { user = c }\ndomain d { retry_interval = 2 }\n", file);
    fclose(file);
    ck_assert_int_eq(conf_load(&conf, &problems, &source, test_pool), APR_SUCCESS);
    unlink(main_file);
    unlink(other);
    rmdir(folder);
    ck_assert_str_eq(ask(conf, "security user"), "c from security");
    ck_assert_str_eq(ask(conf, "security group"), "b from security");
    ck_assert_str_eq(ask(conf, "domain d retry_interval"), "2 from domain d");
    ck_assert_str_eq(ask(conf, "domain d max_retries"), "1 from domain d");
    conf_unref(conf);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "rules", 60);

    tcase_add_loop_test(tcase, by_number, 0, TEST_COUNT(rules));
    tcase_add_loop_test(tcase, by_number_refused, 0, TEST_COUNT(refused));
    tcase_add_loop_test(tcase, throttles, 0, TEST_COUNT(buckets));
    tcase_add_loop_test(tcase, changed, 0, TEST_COUNT(changes));
    tcase_add_loop_test(tcase, from_scratch, 0, TEST_COUNT(scratch));
    tcase_add_test(tcase, scratch_order);
    tcase_add_test(tcase, get);
    tcase_add_test(tcase, sweep_rules);
    tcase_add_test(tcase, across_files);
}

TEST_MAIN("conf/rules", add)

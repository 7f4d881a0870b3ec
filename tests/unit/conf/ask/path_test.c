/* path_test.c - words on the console to scopes and back
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"
#include "conf/loading.h"

#include "conf/ask/path.h"

enum { WORDS_MAX = 10 };

static const ec_option_t module_options[] = {
    { .name = "mainlog", .type = EC_TYPE_STRING, .help = "a file" },
    { .name = "paniclog", .type = EC_TYPE_STRING, .help = "a file" },
    { .name = NULL },
};

/* "domain=example.com binding=b" of what was read, then "| " and the rest; or "!why". */
static const char *read_text(const char *const *words, apr_pool_t *pool)
{
    const char *text = "", *why = "";
    conf_path_t path;
    int n = 0;

    while (words[n] != NULL)
        n++;
    if (path_read(&path, words, n, &why, pool) != APR_SUCCESS)
        return apr_pstrcat(pool, "!", why, NULL);
    for (int i = 0; i < path.n; i++)
        text = apr_pstrcat(pool, text, path.step[i].type, "=", path.step[i].name, " ", NULL);
    text = apr_pstrcat(pool, text, "|", NULL);
    for (int i = path.n_words; i < n; i++)
        text = apr_pstrcat(pool, text, " ", words[i], NULL);
    return text;
}

static const struct {
    const char *words[WORDS_MAX], *want;
} readings[] = {
    { { NULL }, "|" },
    { { "global", NULL }, "|" },
    { { "GLOBAL", "retry_interval", NULL }, "| retry_interval" },
    { { "global", "", "retry_interval", NULL }, "| retry_interval" },
    { { "retry_interval", "=", "60", NULL }, "| retry_interval = 60" },
    { { "domain", "Example.COM", NULL }, "domain=example.com |" },
    { { "Domain", "[IPv6:2001:DB8:0::1]", "Retry_Interval", NULL },
      "domain=[ipv6:2001:db8::1] | Retry_Interval" },
    { { "binding_group", "G", "binding", "B", "domain", "d", "retry_interval", NULL },
      "binding_group=G binding=B domain=d | retry_interval" },
    { { "security", "user", NULL }, "security= | user" },
    { { "security", "", "user", NULL }, "security= | user" },
    { { "esmtp_listener", "listen", ":25", "listener_sessions", NULL },
      "esmtp_listener= listen=*:25 | listener_sessions" },
    { { "esmtp_listener", "", "peer", "10.1.2.3/8", NULL }, "esmtp_listener= peer=10.0.0.0/8 |" },
    { { "pathway", "p", "require_ehlo", NULL }, "pathway=p | require_ehlo" },
    { { "esmtp_listener", "pathway", NULL }, "esmtp_listener= | pathway" }, /* there an option */
    { { "domain", "domain", NULL }, "domain=domain |" },
    { { "domain", "retry_interval", NULL }, "domain=retry_interval |" },
    { { "a_module", "mainlog", NULL }, "a_module= | mainlog" },
    { { "a_module", "main", "mainlog", NULL }, "a_module=main | mainlog" },
    { { "a_module", "mainlog", "=", "x", NULL }, "a_module= | mainlog = x" },
    { { "a_module", "mainlog", "mainlog", "x", NULL }, "a_module=mainlog | mainlog x" },
    { { "a_module", "", "mainlog", NULL }, "a_module= | mainlog" },
    { { "A_Module", "main", NULL }, "a_module=main |" },
    { { "a_module", "debug_level", NULL }, "a_module= | debug_level" },
    { { "Smpp", NULL }, "smpp= |" }, /* documented, contents not known */
    { { "smpp", "anything", NULL }, "smpp= | anything" },
    { { "smpp", "c", "anything", NULL }, "smpp=c | anything" },

    { { "domain", NULL }, "!scope \"domain\" needs a name: domain NAME" },
    { { "domain", "", NULL }, "!scope \"domain\" needs a name: domain NAME" },
    { { "domain", "a b", NULL }, "!domain \"a b\": not a domain name" },
    { { "security", "domain", "d", NULL },
      "!scope \"domain\" is not legal in scope \"security\"; it belongs in: global binding_group binding" },
    { { "retry_intervall", NULL },
      "!\"retry_intervall\" is not an option of scope \"global\" and not a scope; did you mean "
      "\"retry_interval\"?" },
    { { "bindin", "b", "retry_interval", NULL },
      "!\"bindin\" is not an option of scope \"global\" and not a scope; did you mean \"binding\"?" },
    { { "domain", "d", "spoolbase", NULL },
      "!option \"spoolbase\" is not legal in scope \"domain\"; it belongs in: global" },
    { { "module", "x", NULL },
      "!\"module\" is not an option of scope \"global\" and not a scope; did you mean \"a_module\"?" },
    { { "esmtp_listener", "peer", "10.0.0.300", NULL },
      "!peer \"10.0.0.300\": not an IP address or network (address/length)" },
};

START_TEST(reading)
{
    ck_assert_str_eq(read_text(readings[_i].words, test_pool), readings[_i].want);
}
END_TEST

static const char tree[] =
    "security { user = u }\n"
    "binding_group g { binding b { domain Example.COM { } domain \"/^a\\.b \\\"c$/\" { } } }\n"
    "esmtp_listener { listen :25 { peer 10.0.0.0/8 { } } }\n"
    "a_module { } a_module \"m 1\" { }\n";

static void check_each(const conf_t *conf, const conf_stanza_t *parent, int *n)
{
    for (const conf_stanza_t *stanza = parent->first; stanza != NULL; stanza = stanza->next) {
        const char *why = "", *text = path_text(stanza, test_pool), *words[WORDS_MAX];
        conf_path_t path;
        int count = 0;

        /* its own words, with no need to split and quote */
        for (const conf_stanza_t *at = stanza; at->parent != NULL; at = at->parent) {
            memmove(words + 2, words, (size_t)count * sizeof(words[0]));
            words[0] = at->type;
            words[1] = at->written;
            count += 2;
        }
        ck_assert_msg(path_read(&path, words, count, &why, test_pool) == APR_SUCCESS, "%s: %s", text, why);
        ck_assert_ptr_eq(path_find(conf, &path), stanza);
        ++*n;
        check_each(conf, stanza, n);
    }
}

START_TEST(round_trip)
{
    conf_t *conf = load_right(tree, NULL, test_pool);
    int n = 0;

    check_each(conf, conf->root, &n);
    ck_assert_int_eq(n, 10);
    conf_unref(conf);
}
END_TEST

static const struct {
    const char *words[WORDS_MAX], *want;
} texts[] = {
    { { NULL }, "" },
    { { "security", NULL }, "security" },
    { { "binding_group", "g", "binding", "b", "domain", "EXAMPLE.com", NULL },
      "binding_group g binding b domain Example.COM" },
    { { "binding_group", "g", "binding", "b", "domain", "/^a\\.b \"c$/", NULL },
      "binding_group g binding b domain \"/^a\\\\.b \\\"c$/\"" },
    { { "esmtp_listener", "listen", "*:25", "peer", "10.0.0.0/8", NULL },
      "esmtp_listener listen :25 peer 10.0.0.0/8" },
    { { "a_module", NULL }, "a_module" },
    { { "a_module", "m 1", NULL }, "a_module \"m 1\"" },
    { { "a_module", "m2", NULL }, NULL },
    { { "binding", "b", NULL }, NULL },
};

START_TEST(writing)
{
    conf_t *conf = load_right(tree, NULL, test_pool);
    const conf_stanza_t *stanza;
    const char *why = "";
    conf_path_t path;
    int n = 0;

    while (texts[_i].words[n] != NULL)
        n++;
    ck_assert_int_eq(path_read(&path, texts[_i].words, n, &why, test_pool), APR_SUCCESS);
    stanza = path_find(conf, &path);
    if (texts[_i].want == NULL)
        ck_assert_ptr_null(stanza);
    else
        ck_assert_str_eq(path_text(stanza, test_pool), texts[_i].want);
    conf_unref(conf);
}
END_TEST

static void register_module(void)
{
    ck_assert_int_eq(conf_register("a_module", module_options, "test"), APR_SUCCESS);
}

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "path", 60);

    tcase_add_unchecked_fixture(tcase, register_module, NULL);
    tcase_add_loop_test(tcase, reading, 0, TEST_COUNT(readings));
    tcase_add_test(tcase, round_trip);
    tcase_add_loop_test(tcase, writing, 0, TEST_COUNT(texts));
}
TEST_MAIN("conf/ask/path", add)

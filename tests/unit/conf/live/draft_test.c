/* draft_test.c - changes to a private copy: what is taken, what is refused, and that nothing else moves
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/live/drafting.h"
#include "conf/view.h"

static const char base_text[] = "retry_interval = 100\n"
                                "relay_hosts = ( 10.0.0.0/8 )\n"
                                "Domain \"a.test\" { retry_interval = 7\n gateway = \"gw.test\" }\n"
                                "Domain \"/\\.rx$/\" { retry_interval = 8 }\n"
                                "Binding_Group \"g\" { Binding \"b\" { Domain \"a.test\" { retry_interval = 9 } } }\n"
                                "Binding_Group \"h\" { Binding \"b\" { } }\n"
                                "ESMTP_Listener { Listen \"127.0.0.1:25\" { Peer \"10.1.0.0/16\" { idle_time = 5 } } }\n"
                                "Pathway \"p\" { }\n";

static conf_t *base;

static void load_base(void)
{
    test_setup();
    base = load_right(base_text, NULL, test_pool);
}

static void release_base(void)
{
    conf_unref(base);
    test_teardown();
}

static conf_t *finish(draft_t *draft)
{
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    apr_status_t rv = draft_finish(&conf, &problems, draft, test_pool);

    ck_assert_msg(rv == APR_SUCCESS, "refused: %s", problems_text(problems, test_pool));
    draft_close(draft);
    return conf;
}

/* ---- set ------------------------------------------------------------------------------------ */

/* A line, and the difference to the base that it makes. */
static const struct {
    const char *line, *diff;
} taken[] = {
    { "set retry_interval 60", "set retry_interval = 60\n" },
    { "set Retry_Interval = 60", "set retry_interval = 60\n" },
    { "set global retry_interval=60", "set retry_interval = 60\n" },
    { "set retry_interval = 100", "" },
    { "set domain A.TEST retry_interval 1", "set domain a.test retry_interval = 1\n" },
    { "set domain new.test retry_interval 1", "add domain new.test\nset domain new.test retry_interval = 1\n" },
    { "set binding_group g binding b domain a.test retry_interval 1",
      "set binding_group g binding b domain a.test retry_interval = 1\n" },
    { "set binding_group x binding y domain z.test retry_interval 1",
      "add binding_group x\nadd binding_group x binding y\nadd binding_group x binding y domain z.test\n"
      "set binding_group x binding y domain z.test retry_interval = 1\n" },
    { "set relay_hosts ( 10.0.0.0/8 ::1 )", "set relay_hosts = ( \"10.0.0.0/8\" ::1 )\n" },
    { "set relay_hosts = (10.0.0.0/8 ::1)", "set relay_hosts = ( \"10.0.0.0/8\" ::1 )\n" },
    { "set relay_hosts \"( 192.0.2.0/24, ::1 )\"", "set relay_hosts = ( \"192.0.2.0/24\" ::1 )\n" },
    { "set relay_hosts 10.0.0.0/8", "" },
    { "set relay_hosts ( )", "set relay_hosts = ( )\n" },
    { "set relay_hosts ()", "set relay_hosts = ( )\n" },
    { "set relay_domains ( \"x y\" \"\" )", "set relay_domains = ( \"x y\" \"\" )\n" },
    { "set esmtp_listener listen :26 idle_time 9",
      "add esmtp_listener listen :26\nset esmtp_listener listen :26 idle_time = 9\n" },
    { "set esmtp_listener listen 127.0.0.1:25 peer 10.1.2.3/16 idle_time 6",
      "set esmtp_listener listen 127.0.0.1:25 peer 10.1.0.0/16 idle_time = 6\n" },
    { "set esmtp_listener static_banner \"220 (hello) # {world}\"", "set esmtp_listener static_banner = \"220 (hello) # {world}\"\n" },
    { "set domain \"/^x/\" retry_interval 3", "add domain /^x/\nset domain /^x/ retry_interval = 3\n" },
    { "unset retry_interval", "unset retry_interval\n" },
    { "unset domain a.test gateway", "unset domain a.test gateway\n" },
    { "unset domain a.test", "remove domain a.test\n" },
    { "unset binding_group g", "remove binding_group g\n" },
    { "unset binding_group g binding b", "remove binding_group g binding b\n" },
    { "unset domain \"/\\.rx$/\"", "remove domain /\\.rx$/\n" },
};

START_TEST(taken_changes)
{
    draft_t *draft = open_draft(base, 0);
    conf_t *conf, *again;

    make_change(draft, taken[_i].line);
    ck_assert_str_eq(diff_text(base, draft_conf(draft)), taken[_i].diff);
    again = load_right(base_text, NULL, test_pool);
    ck_assert_str_eq(tree_text(base->root), tree_text(again->root));
    conf_unref(again);
    conf = finish(draft);
    again = load_right(tree_text(conf->root), NULL, test_pool);
    ck_assert_str_eq(diff_text(conf, again), "");
    ck_assert_str_eq(diff_text(again, conf), "");
    ck_assert_uint_eq(conf->n_stanzas, again->n_stanzas);
    ck_assert_ptr_eq(conf_files_of(conf), base);
    conf_unref(conf);
    conf_unref(again);
}
END_TEST

/* A line, and a part of why it is refused; nothing is changed then. */
static const struct {
    const char *line, *why;
} refused[] = {
    { "set retry_intervall 5", "retry_interval" },
    { "set retry_interval soon", "time is wanted" },
    { "set retry_interval", "value of \"retry_interval\" is missing" },
    { "set retry_interval 5 6", "stands in quotes" },
    { "set relay_hosts 10.0.0.0/8 ::1", "( a b )" },
    { "set relay_hosts ( 10.0.0.0/8 nonsense )", "nonsense" },
    { "set domain new.test", "option is missing" },
    { "set domain new.test", "an empty scope is made by {}" },
    { "set domain {}", "needs a name" },
    { "set {}", "{}" },
    { "set domain \"/(/\" {}", "not a regular expression" },
    { "set esmtp_listener listen nowhere {}", "port is missing" },
    { "set retry_interval {}", "time is wanted" },
    { "set domain", "needs a name" },
    { "set domain new.test relay_hosts ( ::1 )", "relay_hosts" },
    { "set binding_group x binding y domain z.test retry_interval soon", "time is wanted" },
    { "set domain \"/(/\" retry_interval 5", "not a regular expression" },
    { "set binding a:b retry_interval 5", "colon" },
    { "set esmtp_listener listen nowhere idle_time 5", "port is missing" },
    { "set nothing.at all 5", "nothing.at" },
    { "unset global", "top level is never unset" },
    { "unset domain new.test", "no such scope" },
    { "unset domain new.test retry_interval", "not set" },
    { "unset domain a.test suspend_delivery", "not set" },
    { "unset domain a.test retry_interval 5", "nothing follows" },
};

START_TEST(refused_changes)
{
    draft_t *draft = open_draft(base, 0);
    unsigned before = draft_conf(draft)->n_stanzas;
    const char *why = run_change(draft, refused[_i].line);

    ck_assert_msg(why != NULL, "taken: %s", refused[_i].line);
    ck_assert_msg(strstr(why, refused[_i].why) != NULL, "%s: %s", refused[_i].line, why);
    ck_assert_str_eq(diff_text(base, draft_conf(draft)), "");
    ck_assert_uint_eq(draft_conf(draft)->n_stanzas, before);
    ck_assert_int_eq(draft_replay(draft)->nelts, 0);
    draft_close(draft);
}
END_TEST

/* ---- what a change means ------------------------------------------------------------------------ */

static apr_int64_t retry_of(conf_t *conf, const char *group, const char *binding, const char *domain)
{
    return conf_int(conf_outbound(conf, group, binding, domain), CONF_O_RETRY_INTERVAL);
}

START_TEST(values_count)
{
    draft_t *draft = open_draft(base, 0);
    conf_t *conf;

    make_change(draft, "set domain b.test retry_interval 11");
    make_change(draft, "set domain \"/\\.rx2$/\" retry_interval 12");
    make_change(draft, "unset domain a.test retry_interval");
    make_change(draft, "unset domain \"/\\.rx$/\"");
    make_change(draft, "set hostname here.test");
    conf = finish(draft);
    ck_assert_int_eq(retry_of(conf, NULL, NULL, "b.test"), 11);
    ck_assert_int_eq(retry_of(conf, NULL, NULL, "x.rx2"), 12);
    ck_assert_int_eq(retry_of(conf, NULL, NULL, "x.rx"), 100);
    ck_assert_int_eq(retry_of(conf, NULL, NULL, "a.test"), 100);
    ck_assert_int_eq(retry_of(conf, "g", "b", "a.test"), 9);
    ck_assert_int_eq(retry_of(base, NULL, NULL, "x.rx"), 8);
    ck_assert_str_eq(conf_str(conf_global(conf), CONF_O_MAILERDAEMON), "mailer-daemon@here.test");
    conf_unref(conf);
}
END_TEST

START_TEST(the_draft_answers_before_it_is_finished)
{
    static const char *const scopes[] = { "domain", "a.test", NULL };
    draft_t *draft = open_draft(base, 0);

    make_change(draft, "set domain a.test retry_interval 77");
    ck_assert_str_eq(eval_text(draft_conf(draft), scopes, "retry_interval", test_pool), "77 from domain a.test");
    ck_assert_str_eq(eval_text(base, scopes, "retry_interval", test_pool), "7 from domain a.test");
    draft_close(draft);
}
END_TEST

START_TEST(references_are_checked_at_the_end)
{
    draft_t *draft = open_draft(base, 0);
    apr_array_header_t *problems;
    conf_t *conf = NULL;

    make_change(draft, "set esmtp_listener pathway nowhere");
    ck_assert_int_eq(draft_finish(&conf, &problems, draft, test_pool), EC_E_CONFIG);
    ck_assert_ptr_null(conf);
    ck_assert_ptr_nonnull(strstr(problems_text(problems, test_pool), "nowhere"));
    make_change(draft, "set esmtp_listener pathway p"); /* it stayed as it was, and can be put right */
    conf = finish(draft);
    conf_unref(conf);
}
END_TEST

/* The other binding of the name is found when the first one goes. */
START_TEST(grouped_bindings)
{
    draft_t *draft = open_draft(base, 0);
    conf_t *conf = draft_conf(draft);
    const conf_stanza_t *h = tree_find(conf, conf->root, "binding_group", "h");

    make_change(draft, "unset binding_group g");
    ck_assert_ptr_eq(apr_hash_get(conf->grouped_bindings, "b", APR_HASH_KEY_STRING), h->first);
    make_change(draft, "unset binding_group h binding b");
    ck_assert_ptr_null(apr_hash_get(conf->grouped_bindings, "b", APR_HASH_KEY_STRING));
    draft_close(draft);
}
END_TEST

START_TEST(from_scratch)
{
    draft_t *draft = open_draft(base, 1);
    const char *why;
    conf_t *conf;

    ck_assert_ptr_null(tree_find(draft_conf(draft), draft_conf(draft)->root, "domain", "a.test"));
    ck_assert_ptr_nonnull(tree_find(draft_conf(draft), draft_conf(draft)->root, "threadpool", "IO"));
    ck_assert_ptr_nonnull(tree_find(draft_conf(draft), draft_conf(draft)->root, "debug_flags", ""));
    why = run_change(draft, "unset threadpool IO");
    ck_assert_msg(why != NULL && strstr(why, "not be taken away") != NULL, "%s", why);
    ck_assert_ptr_nonnull(run_change(draft, "unset timestampformat"));
    ck_assert_ptr_nonnull(run_change(draft, "unset debug_flags"));
    make_change(draft, "set threadpool IO concurrency 3");
    make_change(draft, "set retry_interval 5");
    ck_assert_int_eq(draft_replay(draft)->nelts, 2);
    conf = finish(draft);
    ck_assert_int_eq(conf_int(conf_global(conf), CONF_O_RETRY_INTERVAL), 5);
    ck_assert_ptr_eq(conf_files_of(conf), base);
    conf_unref(conf);
}
END_TEST

/* ---- again ------------------------------------------------------------------------------------------ */

START_TEST(repeating)
{
    draft_t *first = open_draft(base, 0), *second;
    conf_t *other = load_right("retry_interval = 3\nDomain \"c.test\" { }", NULL, test_pool);
    const char *failed = NULL, *why = NULL;

    make_change(first, "set retry_interval 60");
    make_change(first, "unset domain a.test gateway");
    make_change(first, "set relay_domains ( \"a b\" \"x\\\"y\" )");
    second = open_draft(other, 0);
    ck_assert_int_eq(draft_repeat(second, first, &failed, &why, test_pool), APR_SUCCESS);
    ck_assert_str_eq(diff_text(other, draft_conf(second)),
                     "set retry_interval = 60\nset relay_domains = ( \"a b\" \"x\\\"y\" )\n");
    draft_close(first);
    draft_close(second);
    conf_unref(other);
}
END_TEST

/* Commands as they are printed: to be typed again. */
static const struct {
    const char *line, *text;
} printed[] = {
    { "set Domain A.test Retry_Interval=5", "set domain a.test retry_interval = 5" },
    { "set relay_hosts (10.0.0.0/8 ::1)", "set relay_hosts = ( 10.0.0.0/8 ::1 )" },
    { "set relay_domains ( \"a b\" c )", "set relay_domains = \"( \\\"a b\\\" c )\"" },
    { "set hostname \"\"", "set hostname = \"\"" },
    { "set esmtp_listener static_banner \"220 a\\\\b\"", "set esmtp_listener static_banner = \"220 a\\\\b\"" },
    { "unset domain A.test Gateway", "unset domain a.test Gateway" },
};

START_TEST(replay_text)
{
    draft_t *draft = open_draft(base, 0), *again = open_draft(base, 0);
    const char *text;

    make_change(draft, printed[_i].line);
    text = APR_ARRAY_IDX(draft_replay(draft), 0, const char *);
    ck_assert_str_eq(text, printed[_i].text);
    make_change(again, text);
    ck_assert_str_eq(diff_text(draft_conf(draft), draft_conf(again)), "");
    draft_close(draft);
    draft_close(again);
}
END_TEST

START_TEST(warnings_are_kept)
{
    draft_t *draft = open_draft(base, 0);
    const apr_array_header_t *warnings;

    make_change(draft, "set tls required");
    warnings = draft_warnings(draft);
    ck_assert_int_eq(warnings->nelts, 1);
    ck_assert_ptr_nonnull(strstr(APR_ARRAY_IDX(warnings, 0, conf_problem_t).text, "tls"));
    draft_close(draft);
}
END_TEST

/* A live change of a live change keeps the files of the first, also when that one is gone. */
START_TEST(files_are_kept)
{
    draft_t *draft = open_draft(base, 0);
    conf_t *first, *second;

    make_change(draft, "set retry_interval 1");
    first = finish(draft);
    draft = open_draft(first, 0);
    conf_unref(first);
    make_change(draft, "set domain a.test gateway x.test");
    second = finish(draft);
    ck_assert_ptr_eq(conf_files_of(second), base);
    ck_assert_str_eq(diff_text(base, second),
                     "set retry_interval = 1\nset domain a.test gateway = x.test\n");
    ck_assert_int_eq(tree_setting(second->root, conf_option(CONF_O_RETRY_INTERVAL))->file->is_live, 1);
    ck_assert_str_eq(conf_stanza_file(tree_find(second, second->root, "domain", "a.test")), "t.conf");
    conf_unref(second);
}
END_TEST

/* ---- modules ------------------------------------------------------------------------------------------ */

static const ec_option_t own[] = { { .name = "colour", .type = EC_TYPE_STRING, .deflt = "red" }, { .name = NULL } };
static const ec_option_t announced[] = {
    { .name = "brought_number", .type = EC_TYPE_INT, .deflt = "7", .scopes = "global domain", .min = 0, .max = 100 },
    { .name = NULL }
};

static apr_status_t need_module(void *baton, const char *name, const char **why)
{
    if (strcmp(name, "broken") == 0) {
        *why = "it is broken";
        return EC_E_MODULE;
    }
    return strcmp(name, "bringer") == 0 ? conf_register("bringer", own, "bringer") : EC_E_NOT_FOUND;
}

static apr_status_t need_option(void *baton, const char *scope, const char *option, const char **why)
{
    if (strcmp(option, "brought_number") != 0)
        return EC_E_NOT_FOUND;
    EC_TRY(conf_register("bringer", own, "bringer"));
    return conf_register(NULL, announced, "bringer");
}

START_TEST(a_change_brings_a_module)
{
    const conf_source_t source = { .need_module = need_module, .need_option = need_option };
    draft_t *draft = open_draft(base, 0);
    conf_t *conf;

    ck_assert_ptr_nonnull(run_change(draft, "set bringer x colour blue")); /* nobody to ask */
    draft_use(draft, &source);
    ck_assert_ptr_nonnull(strstr(run_change(draft, "set broken x colour blue"), "it is broken"));
    ck_assert_ptr_nonnull(strstr(run_change(draft, "set brought_numbers 5"), "brought_numbers"));
    ck_assert_str_eq(diff_text(base, draft_conf(draft)), "");
    make_change(draft, "set bringer x colour blue");
    ck_assert_str_eq(diff_text(base, draft_conf(draft)), "add bringer x\nset bringer x colour = blue\n");
    conf = finish(draft);
    ck_assert_str_eq(conf_stanza_eval(conf, conf_next(conf, NULL, "bringer", NULL), "colour")->s, "blue");
    conf_unref(conf);
}
END_TEST

START_TEST(an_announced_option_brings_its_module)
{
    const conf_source_t source = { .need_module = need_module, .need_option = need_option };
    draft_t *draft = open_draft(base, 0);
    conf_t *conf;
    int handle;

    draft_use(draft, &source);
    make_change(draft, "set domain a.test brought_number 5");
    ck_assert_str_eq(diff_text(base, draft_conf(draft)), "set domain a.test brought_number = 5\nadd bringer\n");
    conf = finish(draft);
    handle = conf_handle(&announced[0]);
    ck_assert_int_ge(handle, CONF_O_COUNT);
    ck_assert_int_eq(conf_get_handle(conf_outbound(conf, NULL, NULL, "a.test"), handle)->i, 5);
    ck_assert_int_eq(conf_get_handle(conf_outbound(conf, NULL, NULL, "b.test"), handle)->i, 7);
    ck_assert_str_eq(conf_stanza_eval(conf, conf_next(conf, NULL, "bringer", NULL), "colour")->s, "red");
    conf_unref(conf);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("draft");

    tcase_add_checked_fixture(tcase, load_base, release_base);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, taken_changes, 0, TEST_COUNT(taken));
    tcase_add_loop_test(tcase, refused_changes, 0, TEST_COUNT(refused));
    tcase_add_test(tcase, values_count);
    tcase_add_test(tcase, the_draft_answers_before_it_is_finished);
    tcase_add_test(tcase, references_are_checked_at_the_end);
    tcase_add_test(tcase, grouped_bindings);
    tcase_add_test(tcase, from_scratch);
    tcase_add_test(tcase, repeating);
    tcase_add_loop_test(tcase, replay_text, 0, TEST_COUNT(printed));
    tcase_add_test(tcase, warnings_are_kept);
    tcase_add_test(tcase, files_are_kept);
    tcase_add_test(tcase, a_change_brings_a_module);
    tcase_add_test(tcase, an_announced_option_brings_its_module);
}

TEST_MAIN("conf/live/draft", add)

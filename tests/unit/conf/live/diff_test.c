/* diff_test.c - what differs between two configurations, by meaning
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/live/drafting.h"

static const struct {
    const char *from, *to, *diff;
} cases[] = {
    { "", "", "" },
    { "retry_interval = 5", "# a comment\n\nRetry_Interval = \"5\"", "" },
    { "retry_interval = 5", "retry_interval = 6", "set retry_interval = 6\n" },
    { "retry_interval = 5", "", "unset retry_interval\n" },
    { "", "retry_interval = 5", "set retry_interval = 5\n" },
    { "relay_hosts = ( ::1 )", "relay_hosts = ::1", "" },
    { "relay_hosts = ( ::1 10.0.0.0/8 )", "relay_hosts = ( 10.0.0.0/8 ::1 )", "set relay_hosts = ( \"10.0.0.0/8\" ::1 )\n" },
    { "relay_hosts = ( )", "relay_hosts = \"::1\"", "set relay_hosts = ::1\n" },
    { "Domain a { } Domain b { }", "Domain B { } Domain \"A\" { }", "" },
    { "Domain a { retry_interval = 5 }", "Domain a { }", "unset domain a retry_interval\n" },
    { "Domain a { retry_interval = 5 }", "", "remove domain a\n" },
    { "", "Domain a { retry_interval = 5 }", "add domain a\nset domain a retry_interval = 5\n" },
    { "Binding b { Domain a { retry_interval = 5 } }", "Binding b { Domain c { } }",
      "remove binding b domain a\nadd binding b domain c\n" },
    /* order, where it counts */
    { "domain \"/a/\" { } domain \"/b/\" { }", "domain \"/b/\" { } domain \"/a/\" { }", "move domain /a/ behind domain /b/\n" },
    { "domain \"/a/\" { } domain \"/b/\" { } domain \"/c/\" { }", "domain \"/c/\" { } domain \"/a/\" { }",
      "remove domain /b/\nmove domain /a/ behind domain /c/\n" },
    { "domain \"/a/\" { } domain \"/b/\" { }", "domain \"/x/\" { } domain \"/a/\" { } domain y { } domain \"/b/\" { }",
      "add domain /x/\nadd domain y\n" },
    { "domain \"/a/\" { } host \"/b/\" { }", "host \"/b/\" { } domain \"/a/\" { }", "" },
    { "domain \"/a/\" { } domain b { }", "domain b { } domain \"/a/\" { }", "" },
    { "domain \"/a/\" { } binding b { domain \"/b/\" { } }", "binding b { domain \"/b/\" { } } domain \"/a/\" { }", "" },
    { "binding b { domain \"/a/\" { } domain \"/b/\" { } }", "binding b { domain \"/b/\" { } domain \"/a/\" { retry_interval = 2 } }",
      "set binding b domain /a/ retry_interval = 2\nmove binding b domain /a/ behind binding b domain /b/\n" },
    { "retry_interval = 1 Domain a { }", "Domain b { } suspend_delivery = true",
      "unset retry_interval\nremove domain a\nset suspend_delivery = true\nadd domain b\n" },
};

START_TEST(differences)
{
    conf_t *from, *to;

    from = load_right(cases[_i].from, NULL, test_pool);
    to = load_right(cases[_i].to, NULL, test_pool);
    ck_assert_str_eq(diff_text(from, to), cases[_i].diff);
    conf_unref(from);
    conf_unref(to);
}
END_TEST

static const struct {
    const char *from, *to, *warning;
} restarts[] = {
    { "spoolbase = \"/a\"", "spoolbase = \"/a\"", "" },
    { "spoolbase = \"/a\"", "\nspoolbase = \"/b\"",
      "t.conf:2: warning: option \"spoolbase\" changes to \"/b\" when the server is started again, not before\n" },
    { "\n\nspoolbase = \"/a\"", "",
      "t.conf:3: warning: option \"spoolbase\" changes to its default when the server is started again, not before\n" },
    { "EventLoop a { concurrency = 2 }", "",
      "t.conf:1: warning: option \"concurrency\" changes to its default when the server is started again, not before\n" },
    { "", "EventLoop a {\n concurrency = 2 }",
      "t.conf:2: warning: option \"concurrency\" changes to 2 when the server is started again, not before\n" },
    { "retry_interval = 1", "retry_interval = 2", "" },
};

START_TEST(restart_warnings)
{
    conf_t *from = load_right(restarts[_i].from, NULL, test_pool), *to = load_right(restarts[_i].to, NULL, test_pool);
    apr_array_header_t *problems = apr_array_make(test_pool, 1, sizeof(conf_problem_t));

    diff_warn_restart(problems, from, to, test_pool);
    ck_assert_str_eq(problems_text(problems, test_pool), restarts[_i].warning);
    conf_unref(from);
    conf_unref(to);
}
END_TEST

/* What the default is anyway is no change. */
START_TEST(restart_default)
{
    const char *deflt = conf_option(CONF_O_RESOLV_CONF)->deflt;
    conf_t *from = load_right("", NULL, test_pool);
    conf_t *to = load_right(apr_psprintf(test_pool, "resolv_conf = \"%s\"", deflt), NULL, test_pool);
    apr_array_header_t *problems = apr_array_make(test_pool, 1, sizeof(conf_problem_t));

    diff_warn_restart(problems, from, to, test_pool);
    ck_assert_int_eq(problems->nelts, 0);
    conf_unref(from);
    conf_unref(to);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "diff", 60);

    tcase_add_loop_test(tcase, differences, 0, TEST_COUNT(cases));
    tcase_add_loop_test(tcase, restart_warnings, 0, TEST_COUNT(restarts));
    tcase_add_test(tcase, restart_default);
}

TEST_MAIN("conf/live/diff", add)

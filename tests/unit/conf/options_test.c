/* options_test.c - tables of core and modules, and modules loaded when they are needed
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "runner.h"
#include "conf/loading.h"

static const ec_option_t toy_table[] = {
    { .name = "speed", .type = EC_TYPE_INT, .deflt = "3", .help = "how fast", .min = 1, .max = 9 },
    { .name = "colour", .type = EC_TYPE_STRING, .help = "which" },
    { .name = "password", .type = EC_TYPE_STRING, .help = "hidden", .flags = EC_OPTION_SECRET },
    { .name = "names", .type = EC_TYPE_LIST, .deflt = "( a b )", .help = "list" },
    { .name = NULL },
};
static const ec_option_t announced[] = {
    { .name = "toy_level", .type = EC_TYPE_INT, .deflt = "1", .scopes = "global domain", .help = "in core scopes" },
    { .name = "alias_schemes", .type = EC_TYPE_LIST, .scopes = "global domain", .help = "documented, now it works" },
    { .name = NULL },
};

START_TEST(module_stanza)
{
    const char *warnings, *scopes[] = { "toy", "one", NULL };
    const conf_stanza_t *toy;
    conf_t *conf;

    ck_assert_int_eq(conf_register("Toy", toy_table, "toy"), APR_SUCCESS);
    conf = load_right("TOY one { Speed = 5 enabled = false debug_level = info password = x } toy { }", &warnings, test_pool);
    ck_assert_str_eq(warnings, "");
    toy = conf_next(conf, NULL, "toy", NULL);
    ck_assert_str_eq(conf_stanza_name(toy), "one");
    ck_assert_int_eq(conf_stanza_get(conf, toy, "speed")->i, 5);
    ck_assert_int_eq(conf_stanza_get(conf, toy, "enabled")->i, 0);
    ck_assert_str_eq(conf_stanza_get(conf, toy, "debug_level")->s, "INFO");
    ck_assert_ptr_null(conf_stanza_eval(conf, toy, "colour"));
    ck_assert_str_eq(conf_stanza_eval(conf, toy, "names")->list[1], "b");
    ck_assert_int_eq(conf_stanza_eval(conf, conf_next(conf, NULL, "toy", toy), "speed")->i, 3);
    ck_assert_str_eq(eval_text(conf, scopes, "speed", test_pool), "5 from toy one");
    ck_assert_str_eq(eval_text(conf, scopes, "password", test_pool), "(secret) from toy one");
    conf_unref(conf);
    conf_unregister("toy");
    ck_assert_ptr_nonnull(strstr(load_wrong("toy { }", 7, test_pool), "unknown stanza \"toy\""));
}
END_TEST

static const struct {
    const char *text, *want;
} wrong[] = {
    { "toy { speeed = 5 }", "t.conf:1: unknown option \"speeed\" in scope \"toy\"; did you mean \"speed\"?\n" },
    { "toy { speed = 10 }", "t.conf:1: option \"speed\": a number from 1 to 9 is wanted, found 10\n" },
    { "toy { hostname = x }", "t.conf:1: option \"hostname\" is not legal in scope \"toy\"; it belongs in: global\n" },
    { "domain a { toy { } }",
      "t.conf:1: stanza \"toy\" is not legal in scope \"domain\"; it belongs in: global\n" },
    { "toi { }", "t.conf:1: unknown stanza \"toi\" in scope \"global\"; did you mean \"toy\"?\n" },
    { "toy { password = ( never shown ) }",
      "t.conf:1: option \"password\": one value is wanted, not a list, found something else\n" },
};

START_TEST(module_errors)
{
    ck_assert_int_eq(conf_register("toy", toy_table, "toy"), APR_SUCCESS);
    ck_assert_str_eq(load_wrong(wrong[_i].text, strlen(wrong[_i].text), test_pool), wrong[_i].want);
    conf_unregister("toy");
}
END_TEST

START_TEST(announced_options)
{
    const char *warnings, *none[] = { NULL };
    conf_t *conf;

    conf = load_right("alias_schemes = ( x )", &warnings, test_pool);
    ck_assert_str_eq(warnings, "t.conf:1: warning: option \"alias_schemes\" is accepted but has no effect yet\n");
    conf_unref(conf);
    ck_assert_int_eq(conf_register(NULL, announced, "toy"), APR_SUCCESS);
    conf = load_right("toy_level = 4 domain a { toy_level = 5 } alias_schemes = ( x )", &warnings, test_pool);
    ck_assert_str_eq(warnings, "");
    ck_assert_str_eq(eval_text(conf, none, "toy_level", test_pool), "4 from global");
    conf_unref(conf);
    conf_unregister("toy");
    ck_assert_ptr_nonnull(strstr(load_wrong("toy_level = 4", 13, test_pool), "unknown option"));
    conf = load_right("alias_schemes = ( x )", &warnings, test_pool);
    ck_assert_str_eq(warnings, "t.conf:1: warning: option \"alias_schemes\" is accepted but has no effect yet\n");
    conf_unref(conf);
}
END_TEST

START_TEST(taken_names)
{
    static const ec_option_t bad_default[] = { { .name = "x", .type = EC_TYPE_INT, .deflt = "no number" }, { .name = NULL } };
    static const ec_option_t bad_scope[] = { { .name = "x", .type = EC_TYPE_INT, .scopes = "nowhere" }, { .name = NULL } };
    static const ec_option_t taken[] = { { .name = "hostname", .type = EC_TYPE_INT, .scopes = "global" }, { .name = NULL } };
    static const ec_option_t elsewhere[] = { { .name = "hostname", .type = EC_TYPE_INT, .scopes = "domain" }, { .name = NULL } };

    ck_assert_int_eq(conf_register("toy", toy_table, "toy"), APR_SUCCESS);
    ck_assert_int_eq(conf_register("TOY", toy_table, "other"), EC_E_CONFIG);
    ck_assert_int_eq(conf_register("domain", toy_table, "other"), EC_E_CONFIG);
    ck_assert_int_eq(conf_register("bad", bad_default, "other"), EC_E_CONFIG);
    ck_assert_int_eq(conf_register(NULL, bad_scope, "other"), EC_E_CONFIG);
    ck_assert_int_eq(conf_register(NULL, taken, "other"), EC_E_CONFIG);
    ck_assert_int_eq(conf_register(NULL, elsewhere, "other"), APR_SUCCESS);
    conf_unregister("other");
    conf_unregister("toy");
}
END_TEST

/* ---- need_module ------------------------------------------------------------------------------ */

static apr_status_t load_module(void *baton, const char *name, const char **why)
{
    int *count = baton;

    ++*count;
    if (strcmp(name, "toy") == 0)
        return conf_register("toy", toy_table, "toy");
    if (strcmp(name, "broken") == 0) {
        *why = "it is broken";
        return EC_E_MODULE;
    }
    return EC_E_NOT_FOUND;
}

static const char *load_with_modules(const char *text, int *count, apr_status_t want)
{
    char path[] = "/tmp/options_test.XXXXXX";
    int fd = mkstemp(path);
    conf_source_t source = { .file = path, .search_path = "/x", .need_module = load_module, .baton = count };
    apr_array_header_t *problems;
    conf_t *conf = NULL;

    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    ck_assert_int_eq(conf_load(&conf, &problems, &source, test_pool), want);
    unlink(path);
    conf_unref(conf);
    return problems_text(problems, test_pool);
}

START_TEST(needed_module)
{
    int count = 0;

    ck_assert_str_eq(load_with_modules("toy one { speed = 2 } toy two { speed = 3 }", &count, APR_SUCCESS), "");
    ck_assert_int_eq(count, 1);         /* then the table knows it */
    conf_unregister("toy");
    ck_assert_ptr_nonnull(strstr(load_with_modules("broken { a = 1 }", &count, EC_E_CONFIG),
                                 "module \"broken\" can not be loaded: it is broken\n"));
    ck_assert_ptr_nonnull(strstr(load_with_modules("tooy { a = 1 }", &count, EC_E_CONFIG), "unknown stanza \"tooy\""));
    ck_assert_ptr_nonnull(strstr(load_with_modules("opendkim { }", &count, APR_SUCCESS),
                                 "warning: module \"opendkim\" is accepted but has no effect yet\n"));
}
END_TEST

/* Names of the command tables are lower case, so that comparisons without case are safe. */
START_TEST(core_rows)
{
    for (int i = 0; i < CONF_O_COUNT; i++) {
        const ec_option_t *row = conf_option((conf_opt_t)i);

        ck_assert_uint_eq(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(row->name));
        ck_assert_ptr_nonnull(row->scopes);
        ck_assert(!(row->flags & EC_OPTION_NO_EFFECT));
    }
    ck_assert_str_eq(conf_option(CONF_O_HOSTNAME)->name, "hostname");
    ck_assert_str_eq(conf_option(CONF_O_RFC2822_TRACE_HEADERS)->name, "rfc2822_trace_headers");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "options", 60);

    tcase_add_test(tcase, module_stanza);
    tcase_add_loop_test(tcase, module_errors, 0, TEST_COUNT(wrong));
    tcase_add_test(tcase, announced_options);
    tcase_add_test(tcase, taken_names);
    tcase_add_test(tcase, needed_module);
    tcase_add_test(tcase, core_rows);
}
TEST_MAIN("conf/options", add)

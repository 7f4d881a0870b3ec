/* stanza_test.c - options of every type in an instance, stanzas inside a module's own, options in the core's scopes,
 * and modules that are loaded because somebody uses what they announce
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "conf/live/drafting.h"
#include "event/runtime.h"
#include "module/loader.h"
#include "module/manifest.h"
#include "module/shapes.h"
#include "runner.h"

static const struct shapes *last;
static int n_made;
static const char *why, *folder;

void shapes_made(struct shapes *shapes)
{
    last = shapes;
    n_made++;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(apr_pstrcat(test_pool, folder, "/", name, NULL), "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Manifests of the test's own, modules from where they are built. */
static void setup(void)
{
    folder = mkdtemp(apr_pstrdup(test_pool, "/tmp/stanza_test.XXXXXX"));
    write_file("shapes.ecm", "[module]\nmsys.provides = config.Global:Shape_Level, config.Global:Domain.Shape_Level:auto\n");
    write_file("absent.ecm", "[module]\nmsys.provides = config.Global:Shape_Level config.Global:Only_Absent\n");
    write_file("needy.ecm", "[module]\nmsys.requires = shapes\n");
    write_file("broken.ecm", "[module]\nthis is no line\n");
    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(module_loader_start(apr_pstrcat(test_pool, folder, ":" MODULE_DIR, NULL), ec_log_root(), test_pool),
                     APR_SUCCESS);
}

static void teardown(void)
{
    static const char *const names[] = { "shapes.ecm", "absent.ecm", "needy.ecm", "broken.ecm", "t.conf" };

    for (int i = 0; i < TEST_COUNT(names); i++)
        unlink(apr_pstrcat(test_pool, folder, "/", names[i], NULL));
    rmdir(folder);
}

/* As the server loads: modules come when they are needed. */
static conf_t *load(const char *text, const char **problems)
{
    conf_source_t source = { .file = apr_pstrcat(test_pool, folder, "/t.conf", NULL), .search_path = "/x",
                             .need_module = module_need, .need_option = module_need_option,
                             .requirements = module_requirements };
    apr_array_header_t *list;
    conf_t *conf = NULL;

    write_file("t.conf", text);
    conf_load(&conf, &list, &source, test_pool);
    *problems = problems_text(list, test_pool);
    return conf;
}

static void apply(const char *text)
{
    const char *problems;
    conf_t *conf = load(text, &problems);

    ck_assert_msg(conf != NULL, "%s", problems);
    ck_assert_msg(module_prepare(conf, &why) == APR_SUCCESS, "%s", why);
    ck_assert_msg(module_commit(&why) == APR_SUCCESS, "%s", why);
    conf_unref(conf); /* what an instance points to is its own */
}

/* A module's options are known in all of the files, also where no manifest announces them, above its stanza. */
START_TEST(used_before_its_stanza)
{
    static const char listener[] = "esmtp_listener { shape_level = 4 listen \":2525\" { } }\n";
    const char *problems;
    conf_t *conf = load(listener, &problems);

    ck_assert_ptr_null(conf);
    ck_assert_msg(strstr(problems, "unknown option \"shape_level\"") != NULL, "%s", problems);
    conf = load(apr_pstrcat(test_pool, listener, "shapes { }\n", NULL), &problems);
    ck_assert_msg(conf != NULL, "%s", problems);
    conf_unref(conf);
}
END_TEST

START_TEST(defaults_by_type)
{
    apply("shapes {}");
    ck_assert_ptr_null(last->password);
    ck_assert_str_eq(last->endpoint, "127.0.0.1:80");
    ck_assert_str_eq(last->address, "*");
    ck_assert(last->ratio > 0.49 && last->ratio < 0.51);
    ck_assert_int_eq(last->colour, 1);
    ck_assert_int_eq(last->limit, -1);
    ck_assert_str_eq(last->names[1], "b");
    ck_assert_str_eq(last->pairs[1], "v");
    ck_assert(ec_cidr_set_has(last->networks, "10.1.1.1") && !ec_cidr_set_has(last->networks, "11.1.1.1"));
    ck_assert(ec_regex_has(last->pattern, "aaa", 3) && !ec_regex_has(last->pattern, "ab", 2));
    ck_assert_int_eq(last->rate.count, 10);
    ck_assert_int_eq(last->rate.period, apr_time_from_sec(60));
    ck_assert_int_eq(last->numbers.n, 3);
    ck_assert_int_eq(last->numbers.item[2].i, 3);
    ck_assert_int_eq(last->patterns.n, 0);
    ck_assert_int_eq(last->delay, 250000);
    ck_assert_str_eq(last->seen, "");
    module_stop_all();
}
END_TEST

START_TEST(values_by_type)
{
    apply("shapes { password = x endpoint = \"[::1]:25\" address = \"[2001:DB8::1]\" ratio = 0.25 colour = blue limit = 7\n"
          "names = one pairs = [ a = 1 b = 2 ] networks = ( 192.0.2.0/24 ::1 ) pattern = \"b$\" rate = 5\n"
          "numbers = 4 patterns = ( \"^x\" \"y$\" ) delay = \"2 seconds\" }");
    ck_assert_str_eq(last->password, "x");
    ck_assert_str_eq(last->address, "2001:db8::1");
    ck_assert_int_eq(last->colour, 2);
    ck_assert_int_eq(last->limit, 7);
    ck_assert_str_eq(last->names[0], "one");
    ck_assert_str_eq(last->pairs[3], "2");
    ck_assert(ec_cidr_set_has(last->networks, "::1"));
    ck_assert(ec_regex_has(last->pattern, "ab", 2));
    ck_assert_int_eq(last->rate.count, 5);
    ck_assert_int_eq(last->rate.period, apr_time_from_sec(1));
    ck_assert_int_eq(last->numbers.n, 1);
    ck_assert_int_eq(last->numbers.item[0].i, 4);
    ck_assert(ec_regex_has(last->patterns.item[1].regex, "xy", 2));
    ck_assert_str_eq(last->patterns.item[0].s, "^x");
    ck_assert_int_eq(last->delay, 2000000);
    module_stop_all();
}
END_TEST

START_TEST(stanzas_inside)
{
    apply("shapes {\npart Heavy { weight = 9\nLEAF { colour = blue } }\npart light { match = x }\nleaf { }\n"
          "part Heavy { match = y } }\n");
    ck_assert_str_eq(last->seen, "part:Heavy:9:-:2 leaf::0:blue:3 part:light:5:-:4 leaf::0:red:5 ");
    n_made = 0;
    apply("shapes {\n\npart Heavy { weight = 9 match = y leaf { colour = blue } }\npart light { match = x }\nleaf { } }");
    ck_assert_int_eq(n_made, 0); /* it says the same: the instance is kept */
    apply("shapes { part Heavy { weight = 8 match = y leaf { colour = blue } } part light { match = x } leaf { } }");
    ck_assert_int_eq(n_made, 1);
    module_stop_all();
}
END_TEST

static const struct {
    const char *text, *want;
} wrong[] = {
    { "shapes { part { } }", "stanza \"part\" needs a name: write part \"name\" { ... }\n" },
    { "shapes { leaf x { } }", "stanza \"leaf\" takes no name, found \"x\"\n" },
    { "shapes { part x { wait = 5 } }", "unknown option \"wait\" in scope \"part\"\n" },
    { "shapes { part x { weigth = 5 } }", "unknown option \"weigth\" in scope \"part\"; did you mean \"weight\"?\n" },
    { "shapes { part x { weight = 10 } }", "option \"weight\": a number from 0 to 9 is wanted, found 10\n" },
    { "shapes { part x { enabled = false } }",
      "option \"enabled\" is not legal in scope \"part\"; it belongs in: module\n" },
    { "shapes { part x { part y { } } }", "unknown stanza \"part\" in scope \"part\"\n" },
    { "shapes { leaff { } }", "unknown stanza \"leaff\" in scope \"shapes\"; did you mean \"leaf\"?\n" },
    { "part x { }", "unknown stanza \"part\" in scope \"global\"\n" },
    { "domain a { part x { } }", "unknown stanza \"part\" in scope \"domain\"\n" },
    { "shapes { shape_level = 5 }",
      "option \"shape_level\" is not legal in scope \"shapes\"; it belongs in: global, domain, esmtp_listener\n" },
    { "binding b { shape_level = 5 }",
      "option \"shape_level\" is not legal in scope \"binding\"; it belongs in: global, domain, esmtp_listener\n" },
    { "shapes { patterns = ( a \"(\" ) }",
      "option \"patterns\": item 2, \"(\": not a regular expression: missing closing parenthesis at character 2, found ( a "
      "\"(\" )\n" },
    { "shapes { numbers = ( 1 x ) }", "option \"numbers\": item 2, \"x\": a whole number is wanted, found ( 1 x )\n" },
    { "shapes { numbers = [ 1 = x ] }", "option \"numbers\": a list is wanted: ( a b c ), found [ 1 = x ]\n" },
};

START_TEST(wrong_stanzas)
{
    const char *problems;
    conf_t *conf = load("shapes { }", &problems);

    conf_unref(conf);
    ck_assert_ptr_null(load(wrong[_i].text, &problems));
    ck_assert_msg(strstr(problems, wrong[_i].want) != NULL, "%s: %s", wrong[_i].text, problems);
}
END_TEST

/* ---- options in the core's scopes, and who brings them ------------------------------------- */

static apr_int64_t level_for(conf_t *conf, const char *domain)
{
    return ec_option_value(conf_outbound(conf, NULL, NULL, domain), last->shape_level)->i;
}

START_TEST(announced_option)
{
    const char *problems;
    const conf_stanza_t *stanza;
    conf_t *conf = load("Shape_Level = 4\ndomain a.test { shape_level = 6 }\nesmtp_listener { listen \":2525\" { } }\n",
                        &problems);

    ck_assert_msg(conf != NULL, "%s", problems);
    stanza = conf_next(conf, NULL, "shapes", NULL);
    ck_assert_ptr_nonnull(stanza);
    ck_assert_ptr_null(conf_next(conf, NULL, "shapes", stanza));
    ck_assert_ptr_nonnull(strstr(conf_stanza_file(stanza), "/t.conf (autoload)"));
    ck_assert_int_eq(conf_stanza_line(stanza), 1);
    ck_assert_int_eq(module_prepare(conf, &why), APR_SUCCESS);
    ck_assert_int_eq(level_for(conf, "a.test"), 6);
    ck_assert_int_eq(level_for(conf, "b.test"), 4);
    module_rollback();
    conf_unref(conf);
    conf = load("retry_interval = 5\nshapes { }\n", &problems);
    ck_assert_int_eq(module_prepare(conf, &why), APR_SUCCESS);
    ck_assert_int_eq(level_for(conf, "a.test"), 1); /* the default */
    module_rollback();
    conf_unref(conf);
}
END_TEST

/* The stanza that the file writes, wherever, is the one that counts. */
START_TEST(announced_and_written)
{
    const char *problems;
    const conf_stanza_t *stanza;
    conf_t *conf = load("shape_level = 4\nshapes mine { colour = red }\n", &problems);

    ck_assert_msg(conf != NULL, "%s", problems);
    stanza = conf_next(conf, NULL, "shapes", NULL);
    ck_assert_str_eq(conf_stanza_name(stanza), "mine");
    ck_assert_ptr_null(conf_next(conf, NULL, "shapes", stanza));
    conf_unref(conf);
}
END_TEST

START_TEST(nobody_can)
{
    const char *problems;

    ck_assert_ptr_null(load("\nonly_absent = 4\n", &problems));
    ck_assert_ptr_nonnull(strstr(problems, "t.conf:2: option \"only_absent\": no module that announces it can be loaded: "
                                           "there is no module absent.so in "));
    ck_assert_ptr_null(load("domain x { only_absent = 4 }\n", &problems));
    ck_assert_ptr_nonnull(strstr(problems, "t.conf:1: unknown option \"only_absent\" in scope \"domain\": missing "
                                           "capability config.Domain:only_absent\n"));
}
END_TEST

START_TEST(required_module)
{
    const char *problems;
    const conf_stanza_t *stanza;
    conf_t *conf = load("retry_interval = 5\nneedy { }\n", &problems);

    ck_assert_msg(conf != NULL, "%s", problems);
    stanza = conf_next(conf, NULL, NULL, NULL);
    ck_assert_str_eq(conf_stanza_type(stanza), "shapes"); /* before the one that requires it */
    ck_assert_int_eq(conf_stanza_line(stanza), 2);
    ck_assert_str_eq(conf_stanza_type(conf_next(conf, NULL, NULL, stanza)), "needy");
    stanza = conf_next_module(conf, NULL); /* in this order they are made and started */
    ck_assert_str_eq(conf_stanza_type(stanza), "shapes");
    ck_assert_str_eq(conf_stanza_type(conf_next_module(conf, stanza)), "needy");
    conf_unref(conf);
}
END_TEST

/* "shapes needy:a needy:b" */
static const char *module_order(const conf_t *conf)
{
    const conf_stanza_t *stanza = NULL;
    const char *text = "";

    while ((stanza = conf_next_module(conf, stanza)) != NULL)
        text = apr_pstrcat(test_pool, text, *text != '\0' ? " " : "", conf_stanza_type(stanza),
                           *conf_stanza_name(stanza) != '\0' ? ":" : "", conf_stanza_name(stanza), NULL);
    return text;
}

static conf_t *change(conf_t *conf, const char *line)
{
    conf_source_t source = { .need_module = module_need, .need_option = module_need_option,
                             .requirements = module_requirements };
    draft_t *draft = open_draft(conf, 0);
    apr_array_header_t *problems;

    draft_use(draft, &source);
    make_change(draft, line);
    ck_assert_int_eq(draft_finish(&conf, &problems, draft, test_pool), APR_SUCCESS);
    conf_unref(draft_base(draft));
    draft_close(draft);
    return conf;
}

/* Live changes leave the order that a reload gives: it is the order of hooks. */
START_TEST(order_of_modules)
{
    const char *problems;
    conf_t *conf = load("needy a { debug_level = DEBUG }\nneedy b { debug_level = DEBUG }\n", &problems);

    ck_assert_msg(conf != NULL, "%s", problems);
    ck_assert_str_eq(module_order(conf), "shapes needy:a needy:b");
    conf = change(conf, "unset needy a");
    conf = change(conf, "set needy c debug_level DEBUG");
    ck_assert_str_eq(module_order(conf), "shapes needy:b needy:c");
    conf = change(conf, "set needy a debug_level INFO");
    ck_assert_str_eq(module_order(conf), "shapes needy:a needy:b needy:c");
    conf_unref(conf);
}
END_TEST

/* One that comes by itself because of an option is behind all, also behind those that come later. */
START_TEST(order_of_announced)
{
    const char *problems;
    conf_t *conf = load("shape_level = 4\n", &problems), *reloaded;

    ck_assert_msg(conf != NULL, "%s", problems);
    conf = change(conf, "set needy a debug_level DEBUG");
    reloaded = load("shape_level = 4\nneedy a { debug_level = DEBUG }\n", &problems);
    ck_assert_str_eq(module_order(conf), module_order(reloaded));
    conf_unref(reloaded);
    conf_unref(conf);
}
END_TEST

/* Where a stanza comes from is told as long as it is in force, also when the generation that brought it is gone. */
START_TEST(place_outlives)
{
    const char *problems;
    conf_t *conf = load("retry_interval = 5\nneedy { }\n", &problems), *saved = load("needy { }\n", &problems);
    conf_t *others[20];
    const char *place;

    conf = change(conf, "set retry_interval 6");
    conf_files_saved(conf, saved);
    conf_unref(saved);
    conf = change(conf, "set retry_interval 7"); /* nobody has the first one any more */
    for (int i = 0; i < TEST_COUNT(others); i++) /* they take its room */
        others[i] = load("domain a { gateway = g }\n", &problems);
    place = conf_stanza_place(conf_next(conf, NULL, "shapes", NULL), test_pool);
    ck_assert_str_eq(place, apr_pstrcat(test_pool, folder, "/t.conf (autoload):2", NULL));
    for (int i = 0; i < TEST_COUNT(others); i++)
        conf_unref(others[i]);
    conf_unref(conf);
}
END_TEST

START_TEST(claimed_twice)
{
    const char *problems;

    ck_assert_ptr_null(load("shapes { }\n\nclaimer { }\n", &problems));
    ck_assert_msg(strstr(problems, "t.conf:3: module \"claimer\" can not be loaded: ") != NULL &&
                      strstr(problems, "option \"shape_level\" in global belongs to module \"shapes\" already (") != NULL &&
                      strstr(problems, "t.conf:1)\n") != NULL,
                  "%s", problems);
}
END_TEST

/* ---- manifests ----------------------------------------------------------------------------- */

static const struct {
    const char *text, *provides, *requires, *why;
} manifests[] = {
    { "", "", "", NULL },
    { "msys.provides = config.Global:A\n", "", "", NULL }, /* in no section */
    { "[module]\nmsys.provides = config.Global:A\n", "global a", "", NULL },
    { "[MODULE]\r\n  MSYS.Provides=config.Global:Binding:Domain.Opt\r\n", "domain opt", "", NULL },
    { "[module]\nmsys.provides = config.Global:A:auto config.Global:Domain.B:auto\nmsys.provides = config.Global:C\n",
      "global a,domain b,global c", "", NULL },
    { "[module]\n# a comment\n; another\nmsys.requires = One, two\nelse = x\n[other]\nmsys.requires = three\n", "", "one,two",
      NULL },
    { "[module]\nmsys.provides = io.scheme:x datasource config. config.: config.Global:\n", "", "", NULL },
    { "[module]\nnonsense\n", NULL, NULL, "a line has no \"=\"" },
};

static const char *joined(const char *const *items)
{
    const char *text = "";

    for (; *items != NULL; items++)
        text = apr_pstrcat(test_pool, text, *text != '\0' ? "," : "", *items, NULL);
    return text;
}

START_TEST(manifest_forms)
{
    const char *text = manifests[_i].text;
    const module_manifest_t *manifest = module_manifest_parse("Name", text, strlen(text), &why, test_pool);

    if (manifests[_i].why != NULL) {
        ck_assert_ptr_null(manifest);
        ck_assert_str_eq(why, manifests[_i].why);
        return;
    }
    ck_assert_str_eq(manifest->module, "name");
    ck_assert_str_eq(joined(manifest->provides), manifests[_i].provides);
    ck_assert_str_eq(joined(manifest->requires), manifests[_i].requires);
}
END_TEST

START_TEST(manifest_bounds)
{
    char *text = apr_pcalloc(test_pool, 60000);

    ck_assert_ptr_null(module_manifest_parse("x", "[module]\0", 9, &why, test_pool));
    ck_assert_str_eq(why, "it is not a text");
    strcpy(text, "[module]\nmsys.requires =");
    for (int i = 0; i <= MANIFEST_ITEMS_MAX; i++)
        strcpy(text + strlen(text), " a");
    ck_assert_ptr_null(module_manifest_parse("x", text, strlen(text), &why, test_pool));
    ck_assert_str_eq(why, "it names more than 4096 things");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "stanza", 30);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, used_before_its_stanza);
    tcase_add_test(tcase, defaults_by_type);
    tcase_add_test(tcase, values_by_type);
    tcase_add_test(tcase, stanzas_inside);
    tcase_add_loop_test(tcase, wrong_stanzas, 0, TEST_COUNT(wrong));
    tcase_add_test(tcase, announced_option);
    tcase_add_test(tcase, announced_and_written);
    tcase_add_test(tcase, nobody_can);
    tcase_add_test(tcase, required_module);
    tcase_add_test(tcase, order_of_modules);
    tcase_add_test(tcase, order_of_announced);
    tcase_add_test(tcase, place_outlives);
    tcase_add_test(tcase, claimed_twice);
    tcase_add_loop_test(tcase, manifest_forms, 0, TEST_COUNT(manifests));
    tcase_add_test(tcase, manifest_bounds);
}

TEST_MAIN("module/stanza", add)

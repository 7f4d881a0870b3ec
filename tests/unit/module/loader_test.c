/* loader_test.c - files, instances, and how one generation of them replaces another
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <apr_strings.h>

#include "conf/loading.h"
#include "control/control.h"
#include "event/runtime.h"
#include "hook/hook.h"
#include "module/loader.h"
#include "module/probe.h"
#include "runner.h"

static char events[4096];
static const struct probe *last;
static const char *why;

void probe_event(const char *what, const struct probe *probe)
{
    strcat(strcat(strcat(strcat(events, what), " "), probe->instance->name), "\n");
    last = probe;
}

static void setup(void)
{
    events[0] = '\0';
    why = NULL;
    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(module_loader_start(MODULE_DIR, ec_log_root(), test_pool), APR_SUCCESS);
}

/* ---- files ------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    apr_status_t want;
    const char *why;
} files[] = {
    { "probe", APR_SUCCESS, NULL },
    { "Probe", APR_SUCCESS, NULL }, /* stanza types have no case */
    { "nosuch", EC_E_NOT_FOUND, "there is no module nosuch.so in " MODULE_DIR },
    { "../probe", EC_E_NOT_FOUND, "letters, digits and underscores" },
    { "", EC_E_NOT_FOUND, "letters, digits and underscores" },
    { "a.b", EC_E_NOT_FOUND, "letters, digits and underscores" },
    { "wrong_api", EC_E_MODULE, "it needs module API 3 and this server has 2: it wants a newer server" },
    { "wrong_old", EC_E_MODULE, "was built for module API 1 and this server has 2: build it again" },
    { "wrong_size", EC_E_MODULE, "build it again" },
    { "wrong_name", EC_E_MODULE, "calls itself \"another\"" },
    { "wrong_export", EC_E_MODULE, "it exports no ec_module_export" },
    { "wrong_symbol", EC_E_MODULE, "undefined symbol: ec_nobody_has_this" },
    { "wrong_option", EC_E_MODULE, "option far lies outside of its instance struct" },
};

START_TEST(files_are_checked)
{
    ck_assert_int_eq(module_need(NULL, files[_i].name, &why), files[_i].want);
    if (files[_i].why != NULL) {
        ck_assert_msg(strstr(why, files[_i].why) != NULL, "%s", why);
    }
}
END_TEST

/* ---- instances --------------------------------------------------------------------------------- */

static int nothing_left(void *unused)
{
    return 0;
}

/* A whole reload, until the old instances are gone. */
static apr_status_t apply(const char *text)
{
    conf_t *conf = load_right(text, NULL, test_pool);
    apr_status_t rv = module_prepare(conf, &why);

    if (rv == APR_SUCCESS) {
        rv = module_commit(&why);
    }
    conf_unref(conf); /* an instance does not need it */
    event_run_until(ec_loop_at(0), nothing_left, NULL, 5);
    return rv;
}

static void happened(const char *want)
{
    ck_assert_str_eq(events, want);
    events[0] = '\0';
}

static void fire(const char *want)
{
    HOOK_CALL(log_reopen);
    happened(want);
}

static void start(const char *text)
{
    ck_assert_int_eq(module_need(NULL, "probe", &why), APR_SUCCESS);
    ck_assert_msg(apply(text) == APR_SUCCESS, "%s", why);
}

START_TEST(options_are_set)
{
    start("probe \"one\" { word = \"w\" number = 9 size = 2K flag = false mode = 0600 time = 5 }\n");
    ck_assert_str_eq(last->word, "w");
    ck_assert_str_eq(last->fail, "");
    ck_assert_int_eq(last->number, 9);
    ck_assert_int_eq(last->size, 2048);
    ck_assert_int_eq(last->flag, 0);
    ck_assert_int_eq(last->mode, 0600);
    ck_assert_int_eq(last->time, apr_time_from_sec(5));
    ck_assert_str_eq(last->instance->module, "probe");
    ck_assert_str_eq(last->instance->name, "one");
    ck_assert(last->instance->hostname[0] != '\0');
    ck_assert_int_eq(last->instance->is_hires, 0);
}
END_TEST

START_TEST(defaults_are_set)
{
    start("hostname = \"mx.test\"\nlog_hires_timestamp = true\nprobe \"one\" {}\n");
    ck_assert_str_eq(last->word, "deflt");
    ck_assert_int_eq(last->number, 7);
    ck_assert_int_eq(last->size, 1024);
    ck_assert_int_eq(last->flag, 1);
    ck_assert_int_eq(last->mode, 0640);
    ck_assert_int_eq(last->time, apr_time_from_sec(60));
    ck_assert_str_eq(last->instance->hostname, "mx.test");
    ck_assert_int_eq(last->instance->is_hires, 1);
}
END_TEST

START_TEST(a_life)
{
    start("probe \"one\" {}\nprobe \"two\" {}\n");
    happened("init one\ninit two\nstart one\nstart two\n");
    fire("hook one\nhook two\n");
    module_stop_all();
    happened("stop two\nstop one\n");
    fire("");
}
END_TEST

START_TEST(the_same_stanza_is_kept)
{
    start("probe \"one\" { word = \"w\" }\nprobe \"two\" {}\n");
    happened("init one\ninit two\nstart one\nstart two\n");
    start("# moved\n\nprobe \"two\" {}\nprobe \"one\" { word = \"w\" number = 7 }\n");
    happened("");
    fire("hook two\nhook one\n"); /* the order is the new one's */
}
END_TEST

static char answer[4096];

static void on_answer(void *baton, int is_error, const char *text, apr_size_t length)
{
    snprintf(answer, sizeof answer, "%d %s", is_error, text);
}

static const char *ask(const char *line)
{
    control_run(line, "text", on_answer, NULL);
    return answer;
}

static const char *const changes[] = {
    "probe \"one\" { word = \"x\" }\n",
    "probe \"one\" { word = \"w\" number = 8 }\n",
    "probe \"one\" { word = \"w\" enabled = false }\n",
    "hostname = \"other.test\"\nprobe \"one\" { word = \"w\" }\n",
    "log_hires_timestamp = true\nprobe \"one\" { word = \"w\" }\n",
};

START_TEST(a_changed_stanza_is_replaced)
{
    int is_disabled = strstr(changes[_i], "enabled") != NULL;

    start("probe \"one\" { word = \"w\" }\n");
    happened("init one\nstart one\n");
    start(changes[_i]);
    happened(is_disabled ? "init one\nstop one\n" : "init one\nstart one\nstop one\n");
    fire(is_disabled ? "" : "hook one\n");
}
END_TEST

START_TEST(a_changed_level_is_taken_over)
{
    start("probe \"one\" { word = \"w\" }\n");
    events[0] = '\0';
    ck_assert(!ec_log_enabled(last->instance->log, EC_LOG_DEBUG));
    start("probe \"one\" { word = \"w\" debug_level = \"DEBUG\" }\n");
    ck_assert(ec_log_enabled(last->instance->log, EC_LOG_DEBUG));
    start("probe \"one\" { word = \"w\" }\n");
    ck_assert(!ec_log_enabled(last->instance->log, EC_LOG_DEBUG));
    ck_assert_int_eq(ask("module level probe:one debug")[0], '0');
    ck_assert(ec_log_enabled(last->instance->log, EC_LOG_DEBUG));
    ck_assert_int_eq(ask("module level probe:one loud")[0], '1');
    ck_assert_int_eq(ask("module level probe:none debug")[0], '1');
    happened("");
}
END_TEST

/* A session that an instance has suspended keeps it alive beyond its replacement. */
START_TEST(a_held_one_stops_when_it_is_let_go)
{
    const hook_list_t *list;
    hook_owner_t *owner;

    start("probe \"one\" {}\n");
    list = hook_list(EC_HOOK_log_reopen);
    owner = list->provider[0].owner;
    hook_hold(owner);
    hook_hold(owner);
    events[0] = '\0';
    start("probe \"one\" { number = 1 }\n");
    happened("init one\nstart one\n");
    ck_assert_ptr_nonnull(strstr(ask("module list"), "leaving"));
    hook_release(owner);
    event_run_until(ec_loop_at(0), nothing_left, NULL, 5);
    happened("");
    hook_release(owner);
    event_run_until(ec_loop_at(0), nothing_left, NULL, 5);
    happened("stop one\n");
    ck_assert_ptr_null(strstr(ask("module list"), "leaving"));
}
END_TEST

START_TEST(a_held_one_stops_at_the_end)
{
    start("probe \"one\" {}\n");
    hook_hold(hook_list(EC_HOOK_log_reopen)->provider[0].owner);
    start("probe \"one\" { number = 1 }\n");
    events[0] = '\0';
    module_stop_all();
    happened("stop one\nstop one\n");
}
END_TEST

START_TEST(the_old_one_stops_after_a_turn)
{
    conf_t *conf;

    start("probe \"one\" {}\n");
    events[0] = '\0';
    conf = load_right("probe \"two\" {}\n", NULL, test_pool);
    ck_assert_int_eq(module_prepare(conf, &why), APR_SUCCESS);
    fire("init two\nhook one\n");
    ck_assert_int_eq(module_commit(&why), APR_SUCCESS);
    fire("start two\nhook two\n"); /* one is not stopped yet */
    event_run_until(ec_loop_at(0), nothing_left, NULL, 5);
    happened("stop one\n");
    conf_unref(conf);
}
END_TEST

START_TEST(rollback_leaves_all_as_it_was)
{
    conf_t *conf;

    start("probe \"one\" {}\n");
    events[0] = '\0';
    conf = load_right("probe \"one\" {}\nprobe \"two\" {}\n", NULL, test_pool);
    ck_assert_int_eq(module_prepare(conf, &why), APR_SUCCESS);
    module_rollback();
    conf_unref(conf);
    happened("init two\nstop two\n");
    fire("hook one\n");
    start("probe \"one\" {}\n");
    happened("");
}
END_TEST

static const struct {
    const char *text, *why, *events;
} failures[] = {
    { "probe \"one\" {}\n\nprobe \"two\" { fail = \"init\" }\n",
      "t.conf:3: probe:two can not be set up: it was told to fail", "init two\n" },
    { "probe \"new\" {}\nprobe \"two\" { fail = \"init\" }\n", "t.conf:2: probe:two can not be set up",
      "init new\ninit two\nstop new\n" },
    { "probe \"new\" {}\nprobe \"two\" { fail = \"start\" }\n",
      "t.conf:2: probe:two can not start: it does not say why",
      "init new\ninit two\nstart new\nstart two\nstop two\nstop new\n" },
};

START_TEST(a_failure_leaves_all_as_it_was)
{
    start("probe \"one\" {}\n");
    events[0] = '\0';
    ck_assert_int_eq(apply(failures[_i].text), EC_E_MODULE);
    ck_assert_msg(strstr(why, failures[_i].why) != NULL, "%s", why);
    happened(failures[_i].events);
    fire("hook one\n");
}
END_TEST

START_TEST(a_disabled_one_is_checked_and_does_nothing)
{
    start("probe \"one\" { enabled = false }\nprobe \"two\" {}\n");
    happened("init one\ninit two\nstart two\n");
    fire("hook two\n");
    ck_assert_int_eq(ask("probe:one say")[0], '1');
    events[0] = '\0';
    start("probe \"one\" {}\nprobe \"two\" {}\n");
    happened("init one\nstart one\nstop one\n");
    ck_assert_str_eq(ask("probe:one say"), "0 deflt\n");
}
END_TEST

START_TEST(debug_level_is_the_instances)
{
    start("probe \"one\" { debug_level = \"DEBUG\" }\n");
    ck_assert(ec_log_enabled(last->instance->log, EC_LOG_DEBUG));
    ck_assert(!ec_log_enabled(ec_log_root(), EC_LOG_DEBUG));
}
END_TEST

START_TEST(commands_belong_to_the_instance)
{
    start("probe \"one\" { word = \"w\" }\nprobe \"two\" {}\n");
    ck_assert_str_eq(ask("probe:one say"), "0 w\n");
    ck_assert_str_eq(ask("probe:two say"), "0 deflt\n");
    ck_assert_ptr_nonnull(strstr(ask("module list"), "probe:two"));
    ck_assert_ptr_nonnull(
        strstr(ask("module hooks"), "log_reopen                            2  void log_reopen(void *self)"));
    start("probe \"one\" { word = \"x\" }\n");
    ck_assert_str_eq(ask("probe:one say"), "0 x\n");
    ck_assert_int_eq(ask("probe:two say")[0], '1');
    module_stop_all();
    ck_assert_int_eq(ask("probe:one say")[0], '1');
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "loader", 60);

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, files_are_checked, 0, TEST_COUNT(files));
    tcase_add_test(tcase, options_are_set);
    tcase_add_test(tcase, defaults_are_set);
    tcase_add_test(tcase, a_life);
    tcase_add_test(tcase, the_same_stanza_is_kept);
    tcase_add_loop_test(tcase, a_changed_stanza_is_replaced, 0, TEST_COUNT(changes));
    tcase_add_test(tcase, a_changed_level_is_taken_over);
    tcase_add_test(tcase, a_held_one_stops_when_it_is_let_go);
    tcase_add_test(tcase, a_held_one_stops_at_the_end);
    tcase_add_test(tcase, the_old_one_stops_after_a_turn);
    tcase_add_test(tcase, rollback_leaves_all_as_it_was);
    tcase_add_loop_test(tcase, a_failure_leaves_all_as_it_was, 0, TEST_COUNT(failures));
    tcase_add_test(tcase, a_disabled_one_is_checked_and_does_nothing);
    tcase_add_test(tcase, debug_level_is_the_instances);
    tcase_add_test(tcase, commands_belong_to_the_instance);
}

TEST_MAIN("module/loader", add)

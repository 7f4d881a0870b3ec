/* run_test.c - which command a line means, and what is said when it means none
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/control.h"
#include "event/runtime.h"
#include "runner.h"

static char last[65536];
static int last_is_error, answers;

static void on_done(void *baton, int is_error, const char *text, apr_size_t length)
{
    ck_assert_uint_eq(strlen(text), length);
    ck_assert_uint_lt(length, sizeof last);
    memcpy(last, text, length + 1);
    last_is_error = is_error;
    answers++;
}

static const char *run(const char *line)
{
    last[0] = '\0';
    control_run(line, "text", on_done, NULL);
    return last;
}

/* ---- grammar ------------------------------------------------------------------------------ */

static void say_row(void *self, ec_answer_t *answer)
{
    static const char *const names[] = { "threshold", "name", "a", "b" };
    char text[200] = "";

    strcat(text, self);
    for (int i = 0; i < TEST_COUNT(names); i++) {
        const char *value = ec_answer_arg(answer, names[i]);

        if (value != NULL) {
            strcat(strcat(strcat(strcat(text, " "), names[i]), "="), value);
        }
    }
    ec_node_text(ec_answer_root(answer), "row", text);
}

#define ROW(name, grammar)                                   \
    static const ec_command_t name[] = {                     \
        { grammar, EC_CMD_READ, say_row, "help of " #name }, \
        EC_COMMAND_END,                                      \
    }
ROW(active, "active <threshold>");
ROW(domain, "domain <name>");
ROW(domain_all, "domain all");
ROW(help_like, "list [<name>]");
ROW(rest, "fail domain <name> ...");
ROW(quiet, "fail domain quiet <name> ...");
ROW(middle, "move <a> to <b>");
ROW(instance, "stats");
ROW(hidden_, "hidden");

static void add_rows(void)
{
    static const char *const names[] = { "active", "domain", "domain_all", "help_like",
                                         "rest",   "quiet",  "middle",     "instance" };
    const ec_command_t *const rows[] = {
        active, domain, domain_all, help_like, rest, quiet, middle, instance
    };

    control_start(NULL, ec_log_root());
    for (int i = 0; i < TEST_COUNT(rows); i++) {
        char *name = strdup(names[i]);

        control_add(rows[i], name, rows[i] == instance ? "av:one" : NULL, "test");
    }
}

static const struct {
    const char *line;
    int is_error;
    const char *want; /* the answer, or a part of the error */
} lines[] = {
    { "active 5", 0, "active threshold=5\n" },
    { "ACTIVE 5", 0, "active threshold=5\n" },
    { "active", 1, "usage: active <threshold>" },
    { "active 5 6", 1, "usage: active <threshold>" },
    { "domain example.com", 0, "domain name=example.com\n" },
    { "domain all", 0, "domain_all\n" },
    { "domain ALL", 0, "domain_all\n" },
    { "domain \"all in one\"", 0, "domain name=all in one\n" },
    { "list", 0, "help_like\n" },
    { "list x", 0, "help_like name=x\n" },
    { "list x y", 1, "usage: list [<name>]" },
    { "fail domain x", 0, "rest name=x\n" },
    { "fail domain x a b c", 0, "rest name=x\n" },
    { "fail domain quiet x why not", 0, "quiet name=x\n" }, /* the longest match wins */
    { "fail domain quiet", 0, "rest name=quiet\n" },
    { "move x to y", 0, "middle a=x b=y\n" },
    { "move x from y", 1, "usage: move <a> to <b> - " },
    { "av:one stats", 0, "instance\n" },
    { "av:two stats", 1, "av:one stats" },
    { "av stats", 1, "is \"av:one stats\" meant" },
    { "AV sats", 1, "is \"av:one stats\" meant" },
    { "av:one help", 0, "av:one stats" },
    { "", 1, "no command" },
    { "activ 5", 1, "is \"active <threshold>\" meant" },
    { "domian x", 1, "is \"domain <name>\" meant" },
    { "fail", 1, "help fail" },
    { "nothing of the kind at all", 1, "\"help\" lists all" },
    { "say \"x", 1, "closing" },
    { "help fail", 0, "fail domain quiet <name> ..." },
    { "help nosuch", 1, "no command that begins with" },
    { "json active 5", 0, "{\n  \"row\": \"active threshold=5\"\n}\n" },
    { "xml active 5", 0, "<row>active threshold=5</row>" },
};

START_TEST(lines_find_their_command)
{
    add_rows();
    run(lines[_i].line);
    ck_assert_msg(strstr(last, lines[_i].want) != NULL, "answer: %s", last);
    ck_assert_int_eq(last_is_error, lines[_i].is_error);
    if (!lines[_i].is_error && strchr(lines[_i].want, '\n') != NULL &&
        strncmp(lines[_i].line, "xml", 3) != 0) {
        ck_assert_str_eq(last, lines[_i].want);
    }
}
END_TEST

/* An instance may be called anything: its name is no grammar. */
static const char *const prefixes[] = {
    "av:[old] one", "av:<a> b", "av:x ... y", "av:...", "av:[<a>] [<b>] c",
    "av:a b c d e f g h i j k l m n o p q r s t u v w x y z a b c d e f g h i j k l m n o p q r s t u v w x y z",
};
ROW(greet, "greet <name> ...");

START_TEST(names_of_instances_are_no_grammar)
{
    char line[300], name[] = "greet";

    control_start(NULL, ec_log_root());
    control_add(greet, name, prefixes[_i], "test");
    snprintf(line, sizeof line, "%s greet you all", prefixes[_i]);
    ck_assert_str_eq(run(line), "greet name=you\n");
    snprintf(line, sizeof line, "%s greet", prefixes[_i]);
    ck_assert_ptr_nonnull(strstr(run(line), "usage: "));
}
END_TEST

START_TEST(hidden_commands_are_unknown)
{
    control_start(NULL, ec_log_root());
    control_add(hidden_, &answers, NULL, "test");
    control_hide(&answers);
    run("hidden");
    ck_assert_int_eq(last_is_error, 1);
}
END_TEST

/* Every built-in command answers in all three forms. */
START_TEST(builtins_answer)
{
    static const char *const builtins[] = { "version",        "pid",           "sysinfo",
                                            "help",           "paniclog",      "counter list",
                                            "loops",          "threads stats", "reopen logs",
                                            "console grammar" };
    static const char *const forms[] = { "text", "xml", "json" };

    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    control_start(NULL, ec_log_root());
    for (int i = 0; i < TEST_COUNT(builtins); i++) {
        for (int form = 0; form < 3; form++) {
            control_run(builtins[i], forms[form], on_done, NULL);
            ck_assert_msg(!last_is_error && last[0] != '\0', "%s", builtins[i]);
        }
    }
    ck_assert_ptr_nonnull(strstr(run("shutdown"), "can not"));
}
END_TEST

static int shutdowns;

static void on_shutdown(void *baton)
{
    shutdowns++;
}

static int is_shut_down(void *unused)
{
    return shutdowns > 0;
}

START_TEST(shutdown_begins_after_its_answer)
{
    const control_actions_t actions = { .shutdown = on_shutdown };

    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    control_start(&actions, ec_log_root());
    ck_assert_str_eq(run("shutdown"), "Shutting down.\n");
    run("shutdown");
    ck_assert_int_eq(shutdowns, 0);
    ck_assert(event_run_until(ec_loop_at(0), is_shut_down, NULL, 10));
    event_run_until(ec_loop_at(0), NULL, NULL, 10);
    ck_assert_int_eq(shutdowns, 1);
}
END_TEST

/* ---- answers that travel ------------------------------------------------------------------- */

static void visit(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    ck_assert_ptr_eq(ec_loop_self(), loop);
    ec_node_int(ec_answer_root(answer), "loop", ec_loop_index(loop));
}

static void sum_up(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    ck_assert_ptr_eq(ec_loop_self(), ec_loop_at(0));
    ec_node_note(ec_answer_root(answer), "all");
}

static void gather(void *self, ec_answer_t *answer)
{
    ec_answer_gather(answer, visit, sum_up, self);
}

static int removals;

static void on_removed(void *baton)
{
    ck_assert_int_eq(answers, 1); /* not before the answer */
    removals++;
}

static int is_removed(void *unused)
{
    return removals > 0;
}

START_TEST(gathering_visits_every_loop_and_removal_waits)
{
    static const ec_command_t table[] = { { "gather", EC_CMD_READ, gather, "x" }, EC_COMMAND_END };
    int self;

    ck_assert_int_eq(event_runtime_create(3, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(event_runtime_start(), APR_SUCCESS);
    control_start(NULL, ec_log_root());
    control_add(table, &self, NULL, "test");
    control_run("gather", "json", on_done, NULL);
    control_remove(&self, on_removed, NULL);
    ck_assert_int_eq(removals, 0);
    ck_assert(event_run_until(ec_loop_at(0), is_removed, NULL, 1000));
    ck_assert_str_eq(last, "{\n  \"loop\": [0, 1, 2],\n  \"note\": [\"all\"]\n}\n");
    run("gather");
    ck_assert_int_eq(last_is_error, 1);
}
END_TEST

START_TEST(removal_of_the_idle_is_not_inside_the_call)
{
    int self;

    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    answers = 1;
    control_remove(&self, on_removed, NULL);
    ck_assert_int_eq(removals, 0);
    ck_assert(event_run_until(ec_loop_at(0), is_removed, NULL, 10));
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "run", 30);

    tcase_add_loop_test(tcase, lines_find_their_command, 0, TEST_COUNT(lines));
    tcase_add_loop_test(tcase, names_of_instances_are_no_grammar, 0, TEST_COUNT(prefixes));
    tcase_add_test(tcase, hidden_commands_are_unknown);
    tcase_add_test(tcase, builtins_answer);
    tcase_add_test(tcase, shutdown_begins_after_its_answer);
    tcase_add_test(tcase, gathering_visits_every_loop_and_removal_waits);
    tcase_add_test(tcase, removal_of_the_idle_is_not_inside_the_call);
}

TEST_MAIN("control/run", add)

/* again_test.c - other files of a module: loaded beside the old one, in force with the configuration, or refused
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "conf/live/transaction.h"
#include "conf/loading.h"
#include "control/control.h"
#include "control/wire.h"
#include "control/words.h"
#include "event/runtime.h"
#include "hook/hook.h"
#include "module/again.h"
#include "module/loader.h"
#include "runner.h"

/* For the modules: else the linker would leave them out. */
__attribute__((used)) static const void *const for_modules[] = { (const void *)ec_option_value, (const void *)ec_options_global };

static char events[4096];
static const char *folder, *why;

void again_event(int file, const char *what, const char *word)
{
    apr_size_t at = strlen(events);

    snprintf(events + at, sizeof events - at, "%d %s %s\n", file, what, word);
}

static void happened(const char *want)
{
    ck_assert_str_eq(events, want);
    events[0] = '\0';
}

static const char *in_folder(const char *name)
{
    return apr_pstrcat(test_pool, folder, "/", name, NULL);
}

static void copy(int file, const char *to)
{
    ck_assert_int_eq(apr_file_copy(apr_psprintf(test_pool, MODULE_DIR "/.libs/again_%d.so", file), to, APR_FPROT_FILE_SOURCE_PERMS,
                                   test_pool), APR_SUCCESS);
}

/* As an installation does. */
static void put(int file)
{
    copy(file, in_folder("new"));
    ck_assert_int_eq(rename(in_folder("new"), in_folder("again.so")), 0);
}

static void setup(void)
{
    events[0] = '\0';
    folder = mkdtemp(apr_pstrdup(test_pool, "/tmp/again_test.XXXXXX"));
    put(1);
    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(module_loader_start(folder, ec_log_root(), test_pool), APR_SUCCESS);
    ck_assert_msg(module_need(NULL, "again", &why) == APR_SUCCESS, "%s", why);
}

static void teardown(void)
{
    unlink(in_folder("again.so"));
    unlink(in_folder("kept"));
    unlink(in_folder("control"));
    rmdir(folder);
}

static int nothing_left(void *unused)
{
    return 0;
}

static const char *problems;

/* The files of modules and the configuration; NULL: refused. */
static conf_t *load(const char *text)
{
    struct module_trial *trial = module_trial_begin(test_pool);
    apr_array_header_t *list, *refusals = apr_array_make(test_pool, 1, sizeof(conf_problem_t));
    conf_t *conf = NULL;

    conf_load_text(&conf, &list, "t.conf", text, strlen(text), test_pool);
    if (module_trial_end(trial, conf, refusals) != APR_SUCCESS) {
        conf_unref(conf);
        conf = NULL;
    } else if (conf != NULL) {
        module_warn_changed(refusals, conf, test_pool);
    }
    problems = problems_text(apr_array_append(test_pool, refusals, list), test_pool);
    return conf;
}

/* In one callback of a loop, as main does. */
static apr_status_t install(conf_t *conf)
{
    apr_status_t rv = module_prepare(conf, &why);

    if (rv == APR_SUCCESS && (rv = module_commit(&why)) == APR_SUCCESS) {
        conf_install(conf_ref(conf));
    }
    conf_unref(conf);
    return rv;
}

static apr_status_t put_in_force(conf_t *conf)
{
    apr_status_t rv = install(conf);

    event_run_until(ec_loop_at(0), nothing_left, NULL, 5);
    return rv;
}

static void reload(const char *text)
{
    conf_t *conf = load(text);

    ck_assert_msg(conf != NULL, "%s", problems);
    ck_assert_msg(put_in_force(conf) == APR_SUCCESS, "%s", why);
}

static void fire(const char *want)
{
    HOOK_CALL(log_reopen);
    happened(want);
}

static void end(void)
{
    module_stop_all();
    events[0] = '\0';
    conf_install(NULL);
    event_run_until(ec_loop_at(0), nothing_left, NULL, 5);
}

static char answer[4096];

static void on_answer(void *baton, int is_error, const char *text, apr_size_t length)
{
    snprintf(answer, sizeof answer, "%s", text);
}

static const char *ask(const char *line)
{
    control_run(line, "text", on_answer, NULL);
    return answer;
}

/* ---- in force ------------------------------------------------------------------------------------ */

static const char *const same = "again { word = \"w\" }\nagain_level = 4\n";

START_TEST(the_new_file_takes_over)
{
    reload(same);
    happened("1 first w\n");
    fire("1 hook w level=4\n");
    put(2);
    reload(same); /* the stanza says the same */
    happened("2 first w\n1 stop w\n");
    fire("2 hook w level=4\n");
    reload(same);
    happened("");
    reload("again \"more\" { word = \"w\" extra = 7 }\n");
    happened("2 init w\n2 stop w\n");
    fire("2 hook w level=1\n");
    end();
}
END_TEST

START_TEST(options_of_other_types)
{
    reload(same);
    put(3);
    ck_assert_ptr_null(load("again { word = \"w\" }\n")); /* the new file's table counts */
    ck_assert_ptr_nonnull(strstr(problems, "option \"word\""));
    events[0] = '\0';
    fire("1 hook w level=4\n");
    reload("again { word = 5 }\nagain_level = \"low\"\n");
    happened("3 first five\n1 stop w\n");
    fire("3 hook five level=low\n");
    end();
}
END_TEST

/* A session that the old instance holds reads the new configuration: what means the same has its new value, what does
 * not has the old default. */
START_TEST(a_held_one_goes_on_in_the_old_code)
{
    int file = _i == 0 ? 2 : 3;
    hook_provider_t held;

    reload(same);
    held = hook_list(EC_HOOK_log_reopen)->provider[0];
    hook_hold(held.owner);
    put(file);
    events[0] = '\0';
    reload(file == 2 ? "again { word = \"w\" }\nagain_level = 9\n" : "again { }\nagain_level = \"x\"\n");
    happened(file == 2 ? "2 first w\n" : "3 first five\n");
    ck_assert_ptr_nonnull(strstr(ask("module list"), "leaving"));
    ((ec_hook_log_reopen_fn *)held.fn)(held.self);
    happened(file == 2 ? "1 hook w level=9\n" : "1 hook w level=1\n");
    hook_release(held.owner);
    event_run_until(ec_loop_at(0), nothing_left, NULL, 5);
    happened("1 stop w\n");
    end();
}
END_TEST

START_TEST(there_and_back)
{
    reload(same);
    ck_assert_int_eq(rename(in_folder("again.so"), in_folder("kept")), 0);
    put(2);
    reload(same);
    ck_assert_int_eq(rename(in_folder("kept"), in_folder("again.so")), 0);
    events[0] = '\0';
    reload(same);
    happened("1 init w\n2 stop w\n"); /* the code that is there still, with its variables */
    end();
}
END_TEST

START_TEST(many_times)
{
    reload(same);
    for (int i = 0; i < 50; i++) {
        put(i % 2 == 0 ? 2 : 1);
        events[0] = '\0';
        reload(same);
        happened(i % 2 == 0 ? "2 first w\n1 stop w\n" : "1 first w\n2 stop w\n");
        fire(i % 2 == 0 ? "2 hook w level=4\n" : "1 hook w level=4\n");
    }
    ck_assert_ptr_nonnull(strstr(ask("module list"), "51"));
    end();
}
END_TEST

/* ---- who sees what ------------------------------------------------------------------------------- */

START_TEST(others_see_what_is_in_force)
{
    const char *more = "again { word = \"w\" extra = 7 }\n";
    conf_t *conf, *other;

    reload(same);
    put(2);
    conf = load(more);
    ck_assert_msg(conf != NULL, "%s", problems);
    ck_assert_ptr_nonnull(strstr(load_wrong(more, strlen(more), test_pool), "unknown option \"extra\""));
    other = load_right("again { word = \"x\" }\n", NULL, test_pool); /* a console's, that comes between */
    events[0] = '\0';
    ck_assert_int_eq(put_in_force(other), APR_SUCCESS);
    happened("1 init x\n1 stop w\n");
    ck_assert_int_eq(put_in_force(conf), APR_SUCCESS);
    happened("2 first w\n1 stop x\n");
    conf_unref(load_right(more, NULL, test_pool));
    end();
}
END_TEST

/* ---- refused ------------------------------------------------------------------------------------- */

static const ec_option_t elsewhere[] = { { .name = "shape_level", .type = EC_TYPE_INT, .scopes = "global" }, { .name = NULL } };

static const struct {
    int file;
    const char *why;
} refused[] = {
    { 4, "t.conf:1: the new file of module \"again\" is refused: the module " },
    { 4, "it needs module API 99" },
    { 5, "option \"shape_level\" in global belongs to module \"other\" already" },
};

START_TEST(a_file_that_is_refused)
{
    ck_assert_int_eq(conf_register(NULL, elsewhere, "other"), APR_SUCCESS);
    reload(same);
    put(refused[_i].file);
    events[0] = '\0';
    for (int i = 0; i < 2; i++) {
        ck_assert_ptr_null(load(same));
        ck_assert_msg(strstr(problems, refused[_i].why) != NULL, "%s", problems);
        fire("1 hook w level=4\n");
    }
    reload("shape_level = 1\n"); /* nothing of it is needed */
    happened("1 stop w\n");
    put(2);
    reload(same);
    happened("2 first w\n");
    end();
}
END_TEST

START_TEST(a_file_that_is_none)
{
    FILE *file;

    reload(same);
    ck_assert_ptr_nonnull(file = fopen(in_folder("new"), "w"));
    fclose(file);
    ck_assert_int_eq(rename(in_folder("new"), in_folder("again.so")), 0);
    ck_assert_ptr_null(load(same));
    ck_assert_msg(strstr(problems, "the module can not be loaded: ") != NULL, "%s", problems);
    put(2);
    reload(same);
    end();
}
END_TEST

START_TEST(a_start_that_fails)
{
    reload(same);
    ck_assert_int_eq(rename(in_folder("again.so"), in_folder("kept")), 0);
    put(6);
    events[0] = '\0';
    for (int i = 0; i < 2; i++) {
        conf_t *conf = load(same);

        ck_assert_msg(conf != NULL, "%s", problems);
        ck_assert_int_eq(put_in_force(conf), EC_E_MODULE);
        ck_assert_msg(strstr(why, "t.conf:1: again can not start: it is told to fail") != NULL, "%s", why);
        happened(i == 0 ? "6 first w\n6 stop w\n" : "6 init w\n6 stop w\n");
        conf_unref(load_right(same, NULL, test_pool));
        fire("1 hook w level=4\n");
    }
    ck_assert_int_eq(rename(in_folder("kept"), in_folder("again.so")), 0);
    reload(same); /* the one that runs */
    happened("");
    put(1);
    reload(same);
    happened("1 first w\n1 stop w\n");
    end();
}
END_TEST

static const struct {
    int file;
    const char *warning;
} staying[] = {
    { 7, "t.conf:1: warning: the file of module \"again\" is not the one that was loaded, which goes on; the new one is used when "
         "the server is started again: " },
    { 1, "is gone; what was loaded goes on" },
    { 2, "was written over, or touched, while it is in use" },
};

START_TEST(what_stays)
{
    if (staying[_i].file == 7) {
        put(7);
        reload(same);
    }
    reload(same);
    if (staying[_i].file == 1) {
        unlink(in_folder("again.so"));
    } else if (staying[_i].file == 7) {
        put(1);
    } else {
        ck_assert_int_eq(apr_file_mtime_set(in_folder("again.so"), apr_time_from_sec(1000000), test_pool), APR_SUCCESS);
    }
    events[0] = '\0';
    reload(same);
    ck_assert_msg(strstr(problems, staying[_i].warning) != NULL, "%s", problems);
    happened("");
    end();
}
END_TEST

/* ---- a transaction meets other code ---------------------------------------------------------------- */

/* A console on a socket, because a transaction belongs to its session. */
static int console = -1;
static unsigned char got[4096];
static size_t n_got;

static int has_whole_answer(void *unused)
{
    ssize_t n = recv(console, got + n_got, sizeof got - n_got, MSG_DONTWAIT);
    wire_header_t header;

    n_got += n > 0 ? (size_t)n : 0;
    return wire_header_get(&header, got, n_got, WIRE_STATUSES, sizeof got) == 1 && n_got == WIRE_HEADER + header.length;
}

/* "0 text" when it is done, "1 text" when it is refused. */
static const char *say(const char *line)
{
    const char *words[32], *at = "";
    char bytes[512];
    size_t length = WIRE_HEADER;
    int n = words_split(apr_pstrdup(test_pool, line), words, TEST_COUNT(words), &at);

    for (int i = 0; i < n; length += strlen(words[i]) + 1, i++)
        strcpy(bytes + length, words[i]);
    wire_header_put((unsigned char *)bytes, WIRE_TEXT, (uint32_t)(length - WIRE_HEADER));
    ck_assert_int_eq(send(console, bytes, length, 0), (ssize_t)length);
    n_got = 0;
    ck_assert_msg(event_run_until(ec_loop_at(0), has_whole_answer, NULL, 1000000), "no answer to %s", line);
    return apr_psprintf(test_pool, "%d %.*s", got[3], (int)(n_got - WIRE_HEADER), (const char *)got + WIRE_HEADER);
}

static void open_console(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const char *text = apr_psprintf(test_pool, "control_listener { listen \"%s\" { } }", in_folder("control"));
    conf_t *conf = load(text);

    ck_assert_msg(conf != NULL, "%s", problems);
    ck_assert_msg(control_listen(conf, &why) == APR_SUCCESS, "%s", why);
    conf_unref(conf);
    apr_cpystrn(address.sun_path, in_folder("control"), sizeof address.sun_path);
    console = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(console, (const struct sockaddr *)&address, sizeof address), 0);
}

/* Somebody else's reload is faster than this commit, and takes up a file that lacks the option. */
static void apply(void *baton, conf_t *conf, const apr_array_header_t *warnings, transaction_applied_fn *done, void *done_baton)
{
    conf_unref(conf);
    put(1);
    ck_assert_msg((conf = load("again { word = \"w\" }\n")) != NULL, "%s", problems);
    ck_assert_msg(install(conf) == APR_SUCCESS, "%s", why);
    done(done_baton, 0, "refused", NULL);
}

static const conf_source_t *source(void *baton)
{
    static const conf_source_t none = { .file = "/nowhere" };

    return &none;
}

START_TEST(a_commit_whose_option_goes_meanwhile)
{
    const transaction_actions_t actions = { .apply = apply, .source = source };
    const char *text;

    transaction_start(&actions);
    control_add(transaction_commands, NULL, NULL, "conf");
    put(2);
    reload("again { word = \"w\" }\n");
    open_console();
    ck_assert_int_eq(say("config begin")[0], '0');
    text = say("config set again extra 5");
    ck_assert_msg(text[0] == '0', "%s", text);
    text = say("config commit");
    ck_assert_msg(text[0] == '1' && strstr(text, "refused; the transaction is still open") != NULL, "%s", text);
    text = say("config replay");
    ck_assert_msg(text[0] == '0' && strstr(text, "config set again extra = 5") != NULL, "%s", text);
    text = say("config diff");
    ck_assert_msg(text[0] == '0' && strstr(text, "extra") != NULL, "%s", text);
    text = say("config commit");
    ck_assert_msg(text[0] == '1' && strstr(text, "was changed elsewhere") != NULL, "%s", text);
    text = say("config rebase");
    ck_assert_msg(text[0] == '1' && strstr(text, "config set again extra = 5: ") != NULL &&
                      strstr(text, "the transaction is still what it was") != NULL, "%s", text);
    ck_assert_int_eq(say("config rollback")[0], '0');
    close(console);
    control_close();
    end();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "again", 60);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, the_new_file_takes_over);
    tcase_add_test(tcase, options_of_other_types);
    tcase_add_loop_test(tcase, a_held_one_goes_on_in_the_old_code, 0, 2);
    tcase_add_test(tcase, there_and_back);
    tcase_add_test(tcase, many_times);
    tcase_add_test(tcase, others_see_what_is_in_force);
    tcase_add_loop_test(tcase, a_file_that_is_refused, 0, TEST_COUNT(refused));
    tcase_add_test(tcase, a_file_that_is_none);
    tcase_add_test(tcase, a_start_that_fails);
    tcase_add_test(tcase, a_commit_whose_option_goes_meanwhile);
    tcase_add_loop_test(tcase, what_stays, 0, TEST_COUNT(staying));
}

TEST_MAIN("module/again", add)

/* writeback_test.c - where a change is saved (config-language.md section 10.2, row by row), and what stays as it was
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files in a folder of their own, loaded, changed by commands, written back.  What was written must load to what is in
 * force.  Runs as an ordinary user, because nothing is read-only for root. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "conf/live/draft.h"
#include "conf/live/writeback.h"
#include "conf/loading.h"

enum { FILES = 4, COMMANDS = 5 };

struct file {
    const char *name, *text;
};

static const struct {
    const char *what;
    struct file files[FILES];
    const char *commands[COMMANDS]; /* "set ...", "unset ..."; "edit NAME TEXT" by hand; "chmod NAME"; "to NAME" for a path */
    struct file after[FILES];
    const char *unsaved;            /* a part of it; NULL: everything is saved */
} cases[] = {
    { "row 1: Local_Changes_Only",
      { { "main.conf", "local_changes_file = \"@/local.conf\"\nlocal_changes_only = true\nretry_interval = 1\n" } },
      { "set retry_interval 2", "set binding b max_retries 3" },
      { { "main.conf", "local_changes_file = \"@/local.conf\"\nlocal_changes_only = true\nretry_interval = 1\n" },
        { "local.conf", "retry_interval = 2\nbinding \"b\" {\n    max_retries = 3\n}\n" } },
      NULL },
    { "row 1: what another file says can not be taken away",
      { { "main.conf", "local_changes_file = \"@/local.conf\"\nlocal_changes_only = true\nretry_interval = 1\n" } },
      { "unset retry_interval" },
      { { "main.conf", "local_changes_file = \"@/local.conf\"\nlocal_changes_only = true\nretry_interval = 1\n" } },
      "# unset retry_interval: still in @/main.conf:3 (changes go to @/local.conf, which can not take it away): take it "
      "away there by hand\n" },
    { "row 2: the last definition's place",
      { { "main.conf", "retry_interval = 1 # first\ninclude \"a.conf\"\nmax_retries = 4\n" },
        { "a.conf", "# a\nretry_interval = 2 # second\n" } },
      { "set retry_interval 3", "set max_retries 5" },
      { { "main.conf", "retry_interval = 1 # first\ninclude \"a.conf\"\nmax_retries = 5\n" },
        { "a.conf", "# a\nretry_interval = 3 # second\n" } },
      NULL },
    { "row 2: also with Local_Changes_File",
      { { "main.conf", "local_changes_file = \"@/local.conf\"\nretry_interval = 1\nmax_retries = 2\n" },
        { "local.conf", "max_retries = 3\n" } },
      { "set retry_interval 3", "set max_retries 5" },
      { { "main.conf", "local_changes_file = \"@/local.conf\"\nretry_interval = 3\nmax_retries = 2\n" },
        { "local.conf", "max_retries = 5\n" } },
      NULL },
    { "row 3: a new value goes to the first writable file with the scope",
      { { "main.conf", "readonly_include \"ro.conf\"\ninclude \"a.conf\"\ninclude \"b.conf\"\n" },
        { "ro.conf", "binding b {\n}\n" },
        { "a.conf", "binding b {\n  retry_interval = 1\n}\n" },
        { "b.conf", "binding b {\n}\n" } },
      { "set binding b max_retries 5" },
      { { "a.conf", "binding b {\n  retry_interval = 1\n  max_retries = 5\n}\n" }, { "b.conf", "binding b {\n}\n" } },
      NULL },
    { "row 3: the old value is in a read-only file",
      { { "main.conf", "readonly_include \"ro.conf\"\ninclude \"a.conf\"\n" },
        { "ro.conf", "binding b { retry_interval = 1 }\n" },
        { "a.conf", "binding b { }\n" } },
      { "set binding b retry_interval 5" },
      { { "ro.conf", "binding b { retry_interval = 1 }\n" }, { "a.conf", "binding b { retry_interval = 5 }\n" } },
      NULL },
    { "row 3: a place that the read-only file would override is passed over",
      { { "main.conf", "include \"a.conf\"\nbinding b { }\nreadonly_include \"ro.conf\"\n" },
        { "ro.conf", "binding b { retry_interval = 1 }\n" },
        { "a.conf", "binding b { }\n" } },
      { "set binding b retry_interval 5" },
      { { "main.conf",
          "include \"a.conf\"\nbinding b { }\nreadonly_include \"ro.conf\"\nbinding \"b\" {\n    retry_interval = 5\n}\n" },
        { "a.conf", "binding b { }\n" } },
      NULL },
    { "row 3: included twice is read-only",
      { { "main.conf", "binding b { include \"a.conf\" }\nbinding c { include \"a.conf\" }\n" },
        { "a.conf", "retry_interval = 1\n" } },
      { "set binding b retry_interval 5" },
      { { "main.conf", "binding b { include \"a.conf\" retry_interval = 5 }\nbinding c { include \"a.conf\" }\n" },
        { "a.conf", "retry_interval = 1\n" } },
      NULL },
    { "row 4: a new scope goes to Local_Changes_File",
      { { "main.conf", "local_changes_file = \"@/local.conf\"\nbinding b { }\n" } },
      { "set binding b domain d retry_interval 5", "set domain e max_retries 6" },
      { { "main.conf", "local_changes_file = \"@/local.conf\"\nbinding b { }\n" },
        { "local.conf",
          "binding \"b\" {\n    domain \"d\" {\n        retry_interval = 5\n    }\n}\n"
          "domain \"e\" {\n    max_retries = 6\n}\n" } },
      NULL },
    { "row 4: a scope that only read-only files have",
      { { "main.conf", "local_changes_file = \"@/local.conf\"\nreadonly_include \"ro.conf\"\n" },
        { "ro.conf", "domain d { retry_interval = 1 }\n" },
        { "local.conf", "# local\ndomain d { max_retries = 2 }\n" } },
      { "set domain d retry_interval 5" },
      { { "ro.conf", "domain d { retry_interval = 1 }\n" },
        { "local.conf", "# local\ndomain d { max_retries = 2 retry_interval = 5 }\n" } },
      NULL },
    { "row 5: no Local_Changes_File, the main file",
      { { "main.conf", "include \"a.conf\"\n" }, { "a.conf", "binding b { }\n" } },
      { "set binding b domain d retry_interval 5" },
      { { "main.conf", "include \"a.conf\"\nbinding \"b\" {\n    domain \"d\" {\n        retry_interval = 5\n    }\n}\n" },
        { "a.conf", "binding b { }\n" } },
      NULL },
    { "row 5: into an empty file", { { "main.conf", "" } }, { "set retry_interval 5" },
      { { "main.conf", "retry_interval = 5\n" } }, NULL },
    { "order: a pattern that was taken away and made again",
      { { "main.conf", "domain \"/foo/\" { retry_interval = 1 }\ndomain \"/bar/\" { retry_interval = 2 }\n" } },
      { "unset domain /foo/", "set domain /foo/ retry_interval 1", "set domain /foo/ max_retries 3" },
      { { "main.conf", "domain \"/foo/\" { retry_interval = 1 max_retries = 3 }\ndomain \"/bar/\" { retry_interval = 2 }\n" } },
      NULL },
    { "order: a new pattern goes behind those that a later file has",
      { { "main.conf", "binding b {\n}\ninclude \"a.conf\"\n" },
        { "a.conf", "binding b {\n  domain \"/foo/\" { retry_interval = 1 }\n}\n" } },
      { "set binding b domain /bar/ retry_interval 2", "set binding b domain x retry_interval 3" },
      { { "main.conf",
          "binding b {\n    domain \"x\" {\n        retry_interval = 3\n    }\n}\ninclude \"a.conf\"\n"
          "binding \"b\" {\n    domain \"/bar/\" {\n        retry_interval = 2\n    }\n}\n" } },
      NULL },
    { "order: the file that was named comes too early for a new pattern",
      { { "main.conf", "include \"a.conf\"\ndomain \"/foo/\" { retry_interval = 1 }\n" }, { "a.conf", "# a\n" } },
      { "set domain /bar/ retry_interval 2", "to a.conf" },
      { { "a.conf", "# a\n" } },
      "domain \"/bar/\" {\n    retry_interval = 2\n}\n" },
    { "order: somebody else has turned the files round",
      { { "main.conf", "domain \"/foo/\" { }\ndomain \"/bar/\" { }\n" } },
      { "set retry_interval 2", "edit main.conf domain \"/bar/\" { }\ndomain \"/foo/\" { }\n" },
      { { "main.conf", "domain \"/bar/\" { }\ndomain \"/foo/\" { }\nretry_interval = 2\n" } },
      "# move domain /bar/ behind domain /foo/: in the files it comes before it (@/main.conf:1): change that by hand\n" },
    { "row 6: no writable file at all",
      { { "main.conf", "retry_interval = 1\n" } },
      { "chmod main.conf", "set domain d retry_interval 5", "set retry_interval 2" },
      { { "main.conf", "retry_interval = 1\n" } },
      "retry_interval = 2\ndomain \"d\" {\n    retry_interval = 5\n}\n" },
    { "unset takes all definitions away",
      { { "main.conf", "retry_interval = 1\ninclude \"a.conf\"\nretry_interval = 3 # c\n" },
        { "a.conf", "retry_interval = 2\nmax_retries = 1\n" } },
      { "unset retry_interval" },
      { { "main.conf", "include \"a.conf\"\n# c\n" }, { "a.conf", "max_retries = 1\n" } },
      NULL },
    { "unset says what a read-only file keeps",
      { { "main.conf", "readonly_include \"ro.conf\"\nretry_interval = 3\n" }, { "ro.conf", "\nretry_interval = 2\n" } },
      { "unset retry_interval" },
      { { "main.conf", "readonly_include \"ro.conf\"\n" }, { "ro.conf", "\nretry_interval = 2\n" } },
      "# unset retry_interval: still in @/ro.conf:2 (it is included by readonly_include): take it away there by hand\n" },
    { "a scope goes from everywhere",
      { { "main.conf", "domain d { retry_interval = 1 }\n# c\ninclude \"a.conf\"\n" }, { "a.conf", "Domain D {\n}\n" } },
      { "unset domain d" },
      { { "main.conf", "# c\ninclude \"a.conf\"\n" }, { "a.conf", "" } },
      NULL },
    { "edits by hand stay",
      { { "main.conf", "retry_interval = 1\nmax_retries = 2\n" } },
      { "set retry_interval 5", "edit main.conf # new\nretry_interval = 1\nhostname = x\n" },
      { { "main.conf", "# new\nretry_interval = 5\nhostname = x\n" } },
      NULL },
    { "an edit by hand that says it already",
      { { "main.conf", "retry_interval = 1\n" } },
      { "set retry_interval 5", "edit main.conf retry_interval =5" },
      { { "main.conf", "retry_interval =5" } },
      NULL },
    { "everything to one file",
      { { "main.conf", "retry_interval = 1\ninclude \"a.conf\"\n" }, { "a.conf", "# a\n" } },
      { "set retry_interval 5", "set domain d max_retries 2", "to a.conf" },
      { { "main.conf", "retry_interval = 1\ninclude \"a.conf\"\n" },
        { "a.conf", "# a\nretry_interval = 5\ndomain \"d\" {\n    max_retries = 2\n}\n" } },
      NULL },
    { "everything to a new file",
      { { "main.conf", "retry_interval = 1\n" } },
      { "set retry_interval 5", "to new.conf" },
      { { "main.conf", "retry_interval = 1\n" }, { "new.conf", "retry_interval = 5\n" } },
      NULL },
    { "nothing to do", { { "main.conf", "retry_interval = 1\n" } }, { "set retry_interval 1" },
      { { "main.conf", "retry_interval = 1\n" } }, NULL },
};

static char folder[64];

/* ---- files ---------------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
    return apr_pstrcat(test_pool, folder, "/", name, NULL);
}

/* @ stands for the folder. */
static const char *with_folder(const char *text)
{
    const char *done = "", *at;

    for (; (at = strchr(text, '@')) != NULL; text = at + 1)
        done = apr_pstrcat(test_pool, done, apr_pstrmemdup(test_pool, text, (apr_size_t)(at - text)), folder, NULL);
    return apr_pstrcat(test_pool, done, text, NULL);
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");

    ck_assert_msg(file != NULL, "%s: %s", path_of(name), strerror(errno));
    fputs(with_folder(text), file);
    fclose(file);
}

static const char *read_file(const char *name)
{
    FILE *file = fopen(path_of(name), "r");
    char *text = apr_pcalloc(test_pool, 65536);

    if (file == NULL)
        return "(none)";
    ck_assert_uint_lt(fread(text, 1, 65535, file), 65535);
    fclose(file);
    return text;
}

static void make_folder(void)
{
    strcpy(folder, "/tmp/writeback_test.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(folder, 65534, 65534), 0);
        ck_assert_int_eq(setegid(65534), 0);
        ck_assert_int_eq(seteuid(65534), 0);
    }
    umask(022);
}

static void remove_folder(void)
{
    ck_assert_int_eq(system(apr_pstrcat(test_pool, "rm -rf ", folder, NULL)), 0);
    if (getuid() == 0)
        ck_assert_int_eq(seteuid(0) | setegid(0), 0);
}

/* ---- configurations ----------------------------------------------------------------------------- */

static conf_source_t source(void)
{
    return (conf_source_t){ .file = path_of("main.conf"), .search_path = "/nowhere" };
}

static conf_t *load(void)
{
    conf_source_t from = source();
    apr_array_header_t *problems;
    conf_t *conf = NULL;

    ck_assert_msg(conf_load(&conf, &problems, &from, test_pool) == APR_SUCCESS, "%s", problems_text(problems, test_pool));
    return conf;
}

/* Takes `base`. */
static conf_t *change(conf_t *base, const char *command)
{
    char **words;
    const char *why = "";
    apr_array_header_t *problems;
    draft_t *draft;
    conf_t *conf;
    apr_status_t rv;
    int n = 0;

    apr_tokenize_to_argv(command, &words, test_pool);
    while (words[n] != NULL)
        n++;
    ck_assert_int_eq(draft_open(&draft, base, 0), APR_SUCCESS);
    if (strcmp(words[0], "set") == 0)
        rv = draft_set(draft, (const char *const *)words + 1, n - 1, NULL, &why, test_pool);
    else
        rv = draft_unset(draft, (const char *const *)words + 1, n - 1, &why, test_pool);
    ck_assert_msg(rv == APR_SUCCESS, "%s: %s", command, why);
    ck_assert_int_eq(draft_finish(&conf, &problems, draft, test_pool), APR_SUCCESS);
    draft_close(draft);
    conf_unref(base);
    return conf;
}

/* Returns the path that was asked for, or NULL. */
static const char *run(conf_t **conf, const char *command)
{
    char *name = apr_pstrdup(test_pool, strchr(command, ' ') + 1), *text;

    if (strncmp(command, "to ", 3) == 0)
        return path_of(name);
    if (strncmp(command, "chmod ", 6) == 0) {
        ck_assert_int_eq(chmod(path_of(name), 0444), 0);
    } else if (strncmp(command, "edit ", 5) == 0) {
        text = strchr(name, ' ');
        *text++ = '\0';
        write_file(name, text);
    } else {
        *conf = change(*conf, command);
    }
    return NULL;
}

START_TEST(rules)
{
    writeback_result_t result;
    const char *why = "", *path = NULL;
    conf_source_t from;
    conf_t *conf;

    make_folder();
    from = source();
    for (int i = 0; i < FILES && cases[_i].files[i].name != NULL; i++)
        write_file(cases[_i].files[i].name, cases[_i].files[i].text);
    conf = load();
    for (int i = 0; i < COMMANDS && cases[_i].commands[i] != NULL; i++)
        path = run(&conf, cases[_i].commands[i]);
    ck_assert_msg(writeback_save(&result, conf, &from, path, &why, test_pool) == APR_SUCCESS, "%s: %s", cases[_i].what, why);
    for (int i = 0; i < FILES && cases[_i].after[i].name != NULL; i++)
        ck_assert_str_eq(read_file(cases[_i].after[i].name), with_folder(cases[_i].after[i].text));
    for (int i = 0; i < result.written->nelts; i++) /* the texts must outlive the trees they come from */
        ck_assert_int_eq(strncmp(APR_ARRAY_IDX(result.written, i, const char *), folder, strlen(folder)), 0);
    if (cases[_i].unsaved == NULL)
        ck_assert_msg(result.unsaved == NULL, "%s: %s", cases[_i].what, result.unsaved);
    else
        ck_assert_str_eq(result.unsaved, with_folder(cases[_i].unsaved));
    if (result.files != NULL)
        conf_files_saved(conf, result.files);
    conf_unref(result.files);
    ck_assert_int_eq(writeback_save(&result, conf, &from, path, &why, test_pool), APR_SUCCESS); /* again: nothing to do */
    ck_assert_int_eq(result.written->nelts, 0);
    conf_unref(result.files);
    conf_unref(conf);
    remove_folder();
}
END_TEST

/* ---- refusals: nothing changes -------------------------------------------------------------------- */

static const struct {
    struct file files[FILES];
    const char *commands[COMMANDS];
    const char *why; /* a part of it */
} refusals[] = {
    { { { "main.conf", "retry_interval = 1\n" } },
      { "set retry_interval 5", "edit main.conf retry_interval = 1\nno_such_option = 2\n" },
      "main.conf:2: unknown option" },
    { { { "main.conf", "retry_interval = 1\n" } }, { "set retry_interval 5", "to no/such/folder.conf" }, "folder" },
    { { { "main.conf", "retry_interval = 1\ninclude \"@/d\"\n" } },
      { "set retry_interval 5", "to d/new.conf" },
      "would be loaded with its folder, which is included at" },
    { { { "main.conf", "retry_interval = 1\ninclude \"@/d\"\n" } },
      { "set retry_interval 5", "to d/new.conf" },
      "would be loaded with its folder, which is included at" },
    /* what is written to this file is overridden further on */
    { { { "main.conf", "include \"a.conf\"\nretry_interval = 1\n" }, { "a.conf", "# a\n" } },
      { "set retry_interval 5", "edit x y", "to a.conf" },
      NULL },
};

START_TEST(refused)
{
    const char *why = "", *path = NULL, *before[FILES];
    writeback_result_t result;
    conf_source_t from;
    apr_status_t rv;
    conf_t *conf;

    make_folder();
    from = source();
    ck_assert_int_eq(mkdir(path_of("d"), 0755), 0);
    for (int i = 0; i < FILES && refusals[_i].files[i].name != NULL; i++)
        write_file(refusals[_i].files[i].name, refusals[_i].files[i].text);
    conf = load();
    for (int i = 0; i < COMMANDS && refusals[_i].commands[i] != NULL; i++)
        path = run(&conf, refusals[_i].commands[i]);
    for (int i = 0; i < FILES && refusals[_i].files[i].name != NULL; i++)
        before[i] = read_file(refusals[_i].files[i].name);
    rv = writeback_save(&result, conf, &from, path, &why, test_pool);
    if (refusals[_i].why != NULL) {
        ck_assert_int_ne(rv, APR_SUCCESS);
        ck_assert_msg(strstr(why, refusals[_i].why) != NULL, "%s", why);
    } else {
        ck_assert_ptr_nonnull(strstr(result.unsaved, "retry_interval = 5"));
    }
    for (int i = 0; i < FILES && refusals[_i].files[i].name != NULL; i++)
        ck_assert_str_eq(read_file(refusals[_i].files[i].name), before[i]);
    ck_assert_int_eq(conf_files_of(conf) != conf, 1);
    conf_unref(result.files);
    conf_unref(conf);
    remove_folder();
}
END_TEST

/* ---- owner, mode, links ------------------------------------------------------------------------------ */

START_TEST(mode_and_link)
{
    writeback_result_t result;
    struct stat status;
    const char *why = "";
    conf_source_t from;
    conf_t *conf;

    make_folder();
    from = source();
    write_file("real.conf", "retry_interval = 1\n");
    ck_assert_int_eq(chmod(path_of("real.conf"), 0604), 0);
    ck_assert_int_eq(symlink("real.conf", path_of("main.conf")), 0);
    conf = change(load(), "set retry_interval 2");
    ck_assert_msg(writeback_save(&result, conf, &from, NULL, &why, test_pool) == APR_SUCCESS, "%s", why);
    conf_unref(result.files);
    ck_assert_int_eq(lstat(path_of("main.conf"), &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    ck_assert_int_eq(stat(path_of("real.conf"), &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0604);
    ck_assert_str_eq(read_file("real.conf"), "retry_interval = 2\n");
    ck_assert_msg(writeback_save(&result, conf, &from, path_of("new.conf"), &why, test_pool) == APR_SUCCESS, "%s", why);
    conf_unref(result.files);
    ck_assert_int_eq(stat(path_of("new.conf"), &status), -1); /* nothing differs from the files any more */
    conf_unref(conf);
    conf = change(load(), "set retry_interval 3");
    ck_assert_msg(writeback_save(&result, conf, &from, path_of("new.conf"), &why, test_pool) == APR_SUCCESS, "%s", why);
    ck_assert_ptr_null(result.files); /* no file of the configuration says it */
    ck_assert_int_eq(stat(path_of("new.conf"), &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0640);
    conf_unref(conf);
    remove_folder();
}
END_TEST

/* ---- Local_Changes_File at load ------------------------------------------------------------------------ */

static const struct {
    struct file files[FILES];
    const char *want; /* "!" and a part of the refusal, or retry_interval */
} loads[] = {
    { { { "main.conf", "local_changes_file = \"@/l.conf\"\nretry_interval = 1\n" }, { "l.conf", "retry_interval = 2\n" } }, "2" },
    { { { "main.conf", "local_changes_file = \"@/l.conf\"\nretry_interval = 1\n" } }, "1" },
    { { { "main.conf", "local_changes_file = \"\"\nretry_interval = 1\n" } }, "1" },
    { { { "main.conf", "local_changes_file = \"@/main.conf\"\n" } }, "!main.conf:1: option \"local_changes_file\": " },
    { { { "main.conf", "local_changes_file = \"@/main.conf\"\n" } }, "!is the main file" },
    { { { "main.conf", "\nlocal_changes_file = \"@/a.conf\"\ninclude \"a.conf\"\n" }, { "a.conf", "" } }, "!is included at @/main.conf:3" },
    { { { "main.conf", "local_changes_file = l.conf\n" } }, "!must be an absolute path" },
    { { { "main.conf", "local_changes_file = \"@/d/l.conf\"\ninclude \"@/d\"\n" } },
      "!is in a folder that is included at @/main.conf:2" },
    { { { "main.conf", "local_changes_file = \"@/d/l.conf\"\ninclude \"@/d\"\n" } }, "!is in a folder that is included at @/main.conf:2" },
    { { { "main.conf", "local_changes_file = \"@/no/l.conf\"\n" } }, "!must be in a folder that is writable" },
    { { { "main.conf", "local_changes_file = \"@\"\n" } }, "!is not a regular file" },
    { { { "main.conf", "local_changes_file = \"@/ro.conf\"\n" }, { "ro.conf", "# read-only" } }, "!must be writable for this server" },
    { { { "main.conf", "local_changes_file = \"@/l.conf\"\n" }, { "l.conf", "local_changes_file = \"@/m.conf\"\n" } },
      "!can not be chosen in the file of local changes itself" },
    { { { "main.conf", "local_changes_only = true\n" } }, "!\"local_changes_only\" needs local_changes_file" },
};

START_TEST(local_changes_file)
{
    apr_array_header_t *problems;
    const char *none[] = { NULL }, *text;
    conf_source_t from;
    conf_t *conf = NULL;
    apr_status_t rv;

    make_folder();
    from = source();
    ck_assert_int_eq(mkdir(path_of("d"), 0755), 0);
    for (int i = 0; i < FILES && loads[_i].files[i].name != NULL; i++)
        write_file(loads[_i].files[i].name, loads[_i].files[i].text);
    if (access(path_of("ro.conf"), F_OK) == 0)
        ck_assert_int_eq(chmod(path_of("ro.conf"), 0444), 0);
    rv = conf_load(&conf, &problems, &from, test_pool);
    text = problems_text(problems, test_pool);
    if (loads[_i].want[0] == '!') {
        ck_assert_int_eq(rv, EC_E_CONFIG);
        ck_assert_msg(strstr(text, with_folder(loads[_i].want + 1)) != NULL, "%s", text);
    } else {
        ck_assert_msg(rv == APR_SUCCESS, "%s", text);
        ck_assert_str_eq(eval_text(conf, none, "retry_interval", test_pool),
                         apr_pstrcat(test_pool, loads[_i].want, " from global", NULL));
    }
    conf_unref(conf);
    remove_folder();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "writeback", 30);

    tcase_add_loop_test(tcase, rules, 0, TEST_COUNT(cases));
    tcase_add_loop_test(tcase, refused, 0, TEST_COUNT(refusals));
    tcase_add_test(tcase, mode_and_link);
    tcase_add_loop_test(tcase, local_changes_file, 0, TEST_COUNT(loads));
}
TEST_MAIN("conf/writeback", add)

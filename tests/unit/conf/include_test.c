/* include_test.c - files, inclusion and the search path (config-language.md section 4)
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>

#include "runner.h"
#include "conf/loading.h"

static char root[] = "/tmp/include_test.XXXXXX";
static const char *cwd;

static void make_folder(const char *name)
{
    const char *path = apr_pstrcat(test_pool, root, "/", name, NULL);

    ck_assert(mkdir(path, 0700) == 0 || errno == EEXIST);
}

static void write_bytes(const char *name, const char *bytes, apr_size_t length)
{
    FILE *file = fopen(apr_pstrcat(test_pool, root, "/", name, NULL), "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

static void start(void)
{
    static const char *const folders[] = { "global", "node1", "default", "default/d", "default/d/sub", "sub2", "work" };

    strcpy(root + strlen(root) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    for (int i = 0; i < TEST_COUNT(folders); i++)
        make_folder(folders[i]);
    cwd = apr_pstrcat(test_pool, root, "/work", NULL);
    ck_assert_int_eq(chdir(cwd), 0);
    unsetenv("EC_CONF_SEARCH_PATH");
    unsetenv("EC_NODE_NAME");
    unsetenv("EC_SUB_CLUSTER");
}

static void stop(void)
{
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(apr_pstrcat(test_pool, "rm -rf ", root, NULL)), 0);
}

/* "hostname" of the loaded configuration, or "!problems" with the root folder cut from them. */
static const char *load_hostname(const char *file)
{
    conf_source_t source = {
        .file = file,
        .search_path = apr_psprintf(test_pool, "%s/global:%s/{NODENAME}:%s/{SUBCLUSTER}", root, root, root),
        .node_name = "node1",
        .subcluster = "default",
    };
    apr_array_header_t *problems;
    conf_t *conf;
    const char *text, *at;

    if (getenv("EC_CONF_SEARCH_PATH") != NULL)
        source.search_path = NULL, source.node_name = NULL, source.subcluster = NULL;
    if (conf_load(&conf, &problems, &source, test_pool) == APR_SUCCESS) {
        text = apr_pstrdup(test_pool, conf_str(conf_global(conf), CONF_O_HOSTNAME));
        conf_unref(conf);
        return text;
    }
    text = apr_pstrcat(test_pool, "!", problems_text(problems, test_pool), NULL);
    while ((at = strstr(text, root)) != NULL)
        text = apr_pstrcat(test_pool, apr_pstrmemdup(test_pool, text, (apr_size_t)(at - text)), "R", at + strlen(root), NULL);
    return text;
}

/* ---- the main file ------------------------------------------------------------------------ */

START_TEST(main_file_order)
{
    static const char *const places[] = { "default", "node1", "global", "work" };

    ck_assert_str_eq(load_hostname(NULL), "!ecelerity.conf:0: no configuration: \"ecelerity.conf\" was not found; looked "
                                          "in ., R/global, R/node1, R/default\n");
    for (int i = 0; i < TEST_COUNT(places); i++) {      /* each goes before the one written before it */
        write_text(apr_pstrcat(test_pool, places[i], "/ecelerity.conf", NULL),
                   apr_pstrcat(test_pool, "hostname = ", places[i], NULL));
        ck_assert_str_eq(load_hostname(NULL), places[i]);
    }
}
END_TEST

START_TEST(main_file_given)
{
    write_text("default/x.conf", "hostname = found");
    write_text("work/y.conf", "hostname = here");
    ck_assert_str_eq(load_hostname("x.conf"), "found");
    ck_assert_str_eq(load_hostname("./y.conf"), "here");
    ck_assert_str_eq(load_hostname("../default/x.conf"), "found");
    ck_assert_str_eq(load_hostname(apr_pstrcat(test_pool, root, "/default/x.conf", NULL)), "found");
    ck_assert_str_eq(load_hostname("./x.conf"), "!./x.conf:0: no configuration: \"./x.conf\" was not found\n");
}
END_TEST

START_TEST(environment_path)
{
    write_text("sub2/ecelerity.conf", "hostname = env");
    write_text("default/ecelerity.conf", "hostname = wrong");
    setenv("EC_CONF_SEARCH_PATH", apr_psprintf(test_pool, "%s/{NODENAME}2", root), 1);
    setenv("EC_NODE_NAME", "sub", 1);
    ck_assert_str_eq(load_hostname(NULL), "env");
    unsetenv("EC_CONF_SEARCH_PATH");
}
END_TEST

/* ---- includes --------------------------------------------------------------------------------- */

START_TEST(beside_the_includer_first)
{
    write_text("default/ecelerity.conf", "hostname = main include x.conf");
    write_text("global/x.conf", "hostname = global");
    ck_assert_str_eq(load_hostname(NULL), "global");
    write_text("default/x.conf", "hostname = beside");
    ck_assert_str_eq(load_hostname(NULL), "beside");
}
END_TEST

START_TEST(node_overlay)
{
    write_text("default/ecelerity.conf", "hostname = main readonly_include \"node.conf\"");
    write_text("node1/node.conf", "hostname = node1");
    ck_assert_str_eq(load_hostname(NULL), "node1");
}
END_TEST

START_TEST(later_overrides)
{
    write_text("default/ecelerity.conf", "include x.conf hostname = main");
    write_text("default/x.conf", "hostname = x");
    ck_assert_str_eq(load_hostname(NULL), "main");
    write_text("default/ecelerity.conf", "hostname = main include x.conf");
    ck_assert_str_eq(load_hostname(NULL), "x");
    write_text("default/ecelerity.conf",
               apr_psprintf(test_pool, "hostname = main include \"file://%s/default/x.conf\"", root));
    ck_assert_str_eq(load_hostname(NULL), "x");
}
END_TEST

START_TEST(folder_in_order)
{
    write_text("default/ecelerity.conf", "include d");
    write_text("default/d/20", "hostname = 20");
    write_text("default/d/10", "hostname = 10");
    write_text("default/d/.99", "hostname = dot");
    write_text("default/d/sub/99", "hostname = sub");
    ck_assert_str_eq(load_hostname(NULL), "20");
    write_text("default/d/3", "hostname = 3");          /* lexical, not numerical */
    ck_assert_str_eq(load_hostname(NULL), "3");
}
END_TEST

START_TEST(inside_a_stanza)
{
    conf_source_t source = { .file = apr_pstrcat(test_pool, root, "/default/ecelerity.conf", NULL), .search_path = "/x" };
    apr_array_header_t *problems;
    const conf_stanza_t *domain;
    conf_t *conf;

    write_text("default/ecelerity.conf", "domain a { include x.conf }\ndomain b { readonly_include x.conf }\n");
    write_text("default/x.conf", "# nothing here\nretry_interval = 5\n");
    ck_assert_int_eq(conf_load(&conf, &problems, &source, test_pool), APR_SUCCESS);
    domain = conf_next(conf, NULL, "domain", conf_next(conf, NULL, "domain", NULL));
    ck_assert_int_eq(conf_stanza_get(conf, domain, "retry_interval")->i, 5);
    ck_assert_ptr_null(conf_stanza_get(conf, NULL, "retry_interval"));
    conf_unref(conf);
}
END_TEST

static const struct {
    const char *main, *x, *want;
} wrong[] = {
    { "\ninclude nowhere.conf\nhostname = (", "", "!R/default/ecelerity.conf:2: include: \"nowhere.conf\" was not found; "
      "looked in R/default, R/global, R/node1, R/default\n"
      "R/default/ecelerity.conf:3: expected an item or the \")\" that ends this list, found end of file\n" },
    { "include \"/no/such\"", "", "!R/default/ecelerity.conf:1: include: \"/no/such\" was not found\n" },
    { "include \"http://x/y\"", "", "!R/default/ecelerity.conf:1: include: \"http://x/y\": only files can be included, not "
                                    "other URIs\n" },
    { "include x.conf", "include ecelerity.conf", "!R/default/x.conf:1: include loop: R/default/ecelerity.conf includes "
                                                  "R/default/x.conf includes R/default/ecelerity.conf\n" },
    { "include ecelerity.conf", "", "!R/default/ecelerity.conf:1: include loop: R/default/ecelerity.conf includes "
                                    "R/default/ecelerity.conf\n" },
    { "include x.conf\nnonsense = 1", "\nretry_interval = x", "!R/default/x.conf:2: option \"retry_interval\": a time is "
      "wanted: seconds, or with a unit, such as 30m or \"4 hours\", found x\n"
      "R/default/ecelerity.conf:2: unknown option \"nonsense\" in scope \"global\": missing capability config.Global:nonsense\n" },
    { "domain a { include x.conf }", "hostname = x }", "!R/default/x.conf:1: option \"hostname\" is not legal in scope "
      "\"domain\"; it belongs in: global\nR/default/x.conf:1: \"}\" without a stanza that it closes\n" },
    { "include x.conf\n}", "domain a {", "!R/default/x.conf:1: the \"}\" that closes \"domain\" is missing\n"
      "R/default/ecelerity.conf:2: \"}\" without a stanza that it closes\n" },
    { "include", "", "!R/default/ecelerity.conf:1: expected \"=\" or \"{\" after \"include\", found end of file\n" },
};

START_TEST(wrong_includes)
{
    write_text("default/ecelerity.conf", wrong[_i].main);
    write_text("default/x.conf", wrong[_i].x);
    ck_assert_str_eq(load_hostname(NULL), wrong[_i].want);
}
END_TEST

START_TEST(too_deep)
{
    write_text("default/ecelerity.conf", "include 1");
    for (int i = 1; i < 50; i++)
        write_text(apr_psprintf(test_pool, "default/%d", i), apr_psprintf(test_pool, "include %d\n", i + 1));
    write_text("default/50", "hostname = deep");
    ck_assert_str_eq(load_hostname(NULL), "!R/default/31:1: files include each other deeper than 32\n");
}
END_TEST

/* Each of 30 files includes the next one twice: a thousand million readings, if nobody counted. */
START_TEST(too_many)
{
    write_text("default/ecelerity.conf", "include 1");
    for (int i = 1; i < 28; i++)
        write_text(apr_psprintf(test_pool, "default/%d", i), apr_psprintf(test_pool, "include %d include %d", i + 1, i + 1));
    write_text("default/28", "hostname = deep");
    ck_assert_ptr_nonnull(strstr(load_hostname(NULL), "too much is included: more than 100000 files or 1 GiB"));
}
END_TEST

/* A folder without files is an inclusion, too. */
START_TEST(too_many_folders)
{
    enum { TIMES = 100001 };
    static const char line[] = "include d/sub\n";
    char *text = apr_palloc(test_pool, TIMES * (sizeof line - 1) + 1);

    for (int i = 0; i < TIMES; i++)
        memcpy(text + (size_t)i * (sizeof line - 1), line, sizeof line);
    write_text("default/ecelerity.conf", text);
    ck_assert_str_eq(load_hostname(NULL), "!R/default/ecelerity.conf:100000: too much is included: more than 100000 files or "
                                          "1 GiB\nR/default/ecelerity.conf:100001: too much is included: more than 100000 "
                                          "files or 1 GiB\n");
}
END_TEST

START_TEST(odd_files)
{
    write_bytes("default/ecelerity.conf", "hostname = a\n\x7f" "ELF\0\0\0", 20);
    ck_assert_str_eq(load_hostname(NULL), "!R/default/ecelerity.conf:2: control character 0x7f: this is not a text file\n");
    write_bytes("default/ecelerity.conf", "hostname = a\n\0", 14);
    ck_assert_str_eq(load_hostname(NULL), "!R/default/ecelerity.conf:2: NUL byte: this is not a text file\n");
    write_text("default/ecelerity.conf", "include \"/dev/null\"");
    ck_assert_str_eq(load_hostname(NULL), "!R/default/ecelerity.conf:1: include: /dev/null: is not a regular file\n");
    write_text("default/ecelerity.conf", "include pipe");
    ck_assert_int_eq(mkfifo(apr_pstrcat(test_pool, root, "/default/pipe", NULL), 0600), 0);
    ck_assert_str_eq(load_hostname(NULL), "!R/default/ecelerity.conf:1: include: R/default/pipe: is not a regular file\n");
    ck_assert_int_eq(truncate(apr_pstrcat(test_pool, root, "/default/ecelerity.conf", NULL), (256LL << 20) + 1), 0);
    ck_assert_str_eq(load_hostname(NULL), "!ecelerity.conf:0: no configuration: R/default/ecelerity.conf: is longer than "
                                          "256 MiB\n");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "include", 120);

    tcase_add_checked_fixture(tcase, start, stop);
    tcase_add_test(tcase, main_file_order);
    tcase_add_test(tcase, main_file_given);
    tcase_add_test(tcase, environment_path);
    tcase_add_test(tcase, beside_the_includer_first);
    tcase_add_test(tcase, node_overlay);
    tcase_add_test(tcase, later_overrides);
    tcase_add_test(tcase, folder_in_order);
    tcase_add_test(tcase, inside_a_stanza);
    tcase_add_loop_test(tcase, wrong_includes, 0, TEST_COUNT(wrong));
    tcase_add_test(tcase, too_deep);
    tcase_add_test(tcase, too_many);
    tcase_add_test(tcase, too_many_folders);
    tcase_add_test(tcase, odd_files);
}
TEST_MAIN("conf/include", add)

/* position_test.c - every definition knows its bytes in the file, and what it overrides
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <unistd.h>

#include "runner.h"
#include "conf/loading.h"
#include "conf/tree.h"

static const char *bytes(const char *text, conf_span_t span)
{
    return apr_pstrmemdup(test_pool, text + span.start, (apr_size_t)(span.end - span.start));
}

/* ---- settings ------------------------------------------------------------------------ */

static const struct {
    const char *text, *option, *want;
} settings[] = {
    { "spoolbase = x", "spoolbase", "spoolbase = x" },
    { "# a\r\nSpoolbase=\"x y\"# b\r\n", "spoolbase", "Spoolbase=\"x y\"" },
    { "\xef\xbb\xbfspoolbase /* why */ = /* not */ \"x\" retry_interval = 1", "spoolbase",
      "spoolbase /* why */ = /* not */ \"x\"" },
    { "\xef\xbb\xbfspoolbase = x retry_interval\n=\n1", "retry_interval", "retry_interval\n=\n1" },
    { "relay_domains (\r\n  a # one\r\n  b, c\r\n) spoolbase = x", "relay_domains",
      "relay_domains (\r\n  a # one\r\n  b, c\r\n)" },
    { "domain x { } spoolbase = \"a \\\" b\"", "spoolbase", "spoolbase = \"a \\\" b\"" },
    { "spoolbase = [::]:25 retry_interval = 2", "spoolbase", "spoolbase = [::]:25" },
};

START_TEST(setting_span)
{
    const char *text = settings[_i].text;
    conf_t *conf = load_right(text, NULL, test_pool);
    conf_setting_t *setting = conf->root->settings;

    while (strcmp(setting->option->row->name, settings[_i].option) != 0)
        setting = setting->next;
    ck_assert_str_eq(bytes(text, setting->span), settings[_i].want);
    conf_unref(conf);
}
END_TEST

/* ---- stanzas ---------------------------------------------------------------------------- */

static const char stanzas_text[] = "domain a.com {retry_interval = 1}\r\n"
                                   "domain b.com = { # {\r\n} Domain A.com{\r\n"
                                   "  retry_interval = 2 }\n"
                                   "binding b { domain c.com {} }";

START_TEST(stanza_places)
{
    conf_t *conf = load_right(stanzas_text, NULL, test_pool);
    const conf_stanza_t *a = conf->root->first, *b = a->next, *binding = b->next;

    ck_assert_str_eq(bytes(stanzas_text, a->places->span), "domain a.com {retry_interval = 1}");
    ck_assert_int_eq(stanzas_text[a->places->body], 'r');
    ck_assert_str_eq(bytes(stanzas_text, b->places->span), "domain b.com = { # {\r\n}");
    ck_assert_int_eq(stanzas_text[b->places->body - 1], '{');
    ck_assert_str_eq(bytes(stanzas_text, a->places->next->span), "Domain A.com{\r\n  retry_interval = 2 }");
    ck_assert_str_eq(bytes(stanzas_text, binding->places->span), "binding b { domain c.com {} }");
    ck_assert_str_eq(bytes(stanzas_text, binding->first->places->span), "domain c.com {}");
    conf_unref(conf);
}
END_TEST

START_TEST(shadowed)
{
    const char *text = "spoolbase = a\nspoolbase = b\n domain d {}\nspoolbase = c";
    conf_t *conf = load_right(text, NULL, test_pool);
    const conf_setting_t *setting = conf->root->settings;
    const conf_shadowed_t *earlier = setting->shadowed;

    ck_assert_str_eq(bytes(text, setting->span), "spoolbase = c");
    ck_assert_str_eq(bytes(text, earlier->span), "spoolbase = b");
    ck_assert_int_eq(earlier->line, 2);
    ck_assert_str_eq(bytes(text, earlier->earlier->span), "spoolbase = a");
    ck_assert_ptr_null(earlier->earlier->earlier);
    ck_assert_uint_gt(setting->order, conf->root->first->places->order); /* behind the stanza */
    conf_unref(conf);
}
END_TEST

/* ---- files -------------------------------------------------------------------------------- */

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

/* Which files count as included more than once: all inclusions of it, a link to it as well. */
START_TEST(multiple)
{
    char folder[] = "/tmp/position_test.XXXXXX";
    conf_source_t source = { .search_path = "/x" };
    static const int want[] = { 0, 1, 0, 1 };
    apr_array_header_t *problems;
    conf_t *conf;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    source.file = apr_pstrcat(test_pool, folder, "/main.conf", NULL);
    write_file(source.file, "include \"twice.conf\"\ninclude \"once.conf\"\ndomain d { include \"link.conf\" }\n");
    write_file(apr_pstrcat(test_pool, folder, "/twice.conf", NULL), "retry_interval = 1\n");
    write_file(apr_pstrcat(test_pool, folder, "/once.conf", NULL), "retry_interval = 2\n");
    ck_assert_int_eq(symlink("twice.conf", apr_pstrcat(test_pool, folder, "/link.conf", NULL)), 0);
    ck_assert_int_eq(conf_load(&conf, &problems, &source, test_pool), APR_SUCCESS);
    ck_assert_int_eq(conf->files->nelts, TEST_COUNT(want));
    for (int i = 0; i < TEST_COUNT(want); i++)
        ck_assert_int_eq(APR_ARRAY_IDX(conf->files, i, const conf_file_t *)->is_multiple, want[i]);
    conf_unref(conf);
    for (int i = 0; i < 4; i++) {
        static const char *const names[] = { "/main.conf", "/twice.conf", "/once.conf", "/link.conf" };

        unlink(apr_pstrcat(test_pool, folder, names[i], NULL));
    }
    rmdir(folder);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "positions", 10);

    tcase_add_loop_test(tcase, setting_span, 0, TEST_COUNT(settings));
    tcase_add_test(tcase, stanza_places);
    tcase_add_test(tcase, shadowed);
    tcase_add_test(tcase, multiple);
}
TEST_MAIN("conf/position", add)

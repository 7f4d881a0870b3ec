/* store_test.c - series as files: what is written comes back, what is damaged is refused whole
 * SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "inbound_audit/store.h"
#include "runner.h"

static const apr_time_t now = apr_time_from_sec(1000000020);
enum { NUMBER = 1000000020 / 60 };

static ec_series_t *open_series(const char *name, ec_series_type_t type)
{
    ec_series_id_t id = { name, type, 60, 3 };
    ec_series_t *series;

    ck_assert_int_eq(ec_series_open(&series, &id, 1000), APR_SUCCESS);
    return series;
}

static const char *folder(void)
{
    char *path = apr_pstrdup(test_pool, "/tmp/store_test.XXXXXX");

    ck_assert_ptr_nonnull(mkdtemp(path));
    return path;
}

static const char *content(const char *path)
{
    static char text[10000];
    apr_file_t *file;
    apr_size_t length = sizeof(text) - 1;

    ck_assert_int_eq(apr_file_open(&file, path, APR_FOPEN_READ, 0, test_pool), APR_SUCCESS);
    apr_file_read_full(file, text, length, &length);
    apr_file_close(file);
    text[length] = '\0';
    return text;
}

START_TEST(addresses_out_and_in)
{
    const char *dir = folder(), *why = NULL, *path;
    ec_series_t *series = open_series("a", EC_SERIES_CIDR);
    ec_series_id_t id = ec_series_info(series).id;
    ec_series_network_t four, six;
    int keys;

    ck_assert(ec_series_network(&four, "192.0.2.1") && ec_series_network(&six, "2001:db8::1"));
    ec_series_add(series, four.address, 4, 3, now - apr_time_from_sec(120));
    ec_series_add(series, four.address, 4, 5, now);
    ec_series_add(series, six.address, 16, 7, now - apr_time_from_sec(60));
    path = store_path(apr_pstrcat(test_pool, dir, "/made/too", NULL), &id, test_pool);
    ck_assert_int_eq(store_write(series, apr_pstrcat(test_pool, dir, "/made/too", NULL), &why, test_pool), APR_SUCCESS);
    ck_assert_str_eq(content(path), apr_psprintf(test_pool, "audit-series 1 a cidr 60 3\n192.0.2.1 %d 5 0 3\n"
                                                 "2001:db8::1 %d 7\nend 2\n", NUMBER, NUMBER - 1));
    ec_series_close(series);

    series = open_series("a", EC_SERIES_CIDR);
    ck_assert_int_eq(store_read(series, path, now, &keys, &why, test_pool), APR_SUCCESS);
    ck_assert_int_eq(keys, 2);
    ck_assert_uint_eq(ec_series_count(series, four.address, 4, 0, 0, now), 5);
    ck_assert_uint_eq(ec_series_count(series, four.address, 4, 2, 2, now), 3);
    ck_assert_uint_eq(ec_series_count(series, six.address, 16, 1, 1, now), 7);
    ck_assert_int_eq(store_read(series, path, now, &keys, &why, test_pool), APR_SUCCESS); /* nothing counts twice */
    ck_assert_uint_eq(ec_series_count(series, four.address, 4, 0, 2, now), 8);
    ec_series_close(series);

    series = open_series("a", EC_SERIES_CIDR); /* a long time after */
    ck_assert_int_eq(store_read(series, path, now + apr_time_from_sec(3600), &keys, &why, test_pool), APR_SUCCESS);
    ck_assert_uint_eq(ec_series_info(series).keys, 0);
    ec_series_close(series);
    series = open_series("b", EC_SERIES_CIDR);
    ck_assert_int_eq(store_read(series, path, now, &keys, &why, test_pool), EC_E_CONFIG);
    ck_assert_ptr_nonnull(strstr(why, "it is of the series a cidr 60,3"));
    ck_assert(APR_STATUS_IS_ENOENT(store_read(series, "/no/such/file", now, &keys, &why, test_pool)));
    ck_assert_int_eq(store_read(series, dir, now, &keys, &why, test_pool), EC_E_TOO_LONG);
    ec_series_close(series);
}
END_TEST

START_TEST(texts_out_and_in)
{
    const char *dir = folder(), *why = NULL, *path;
    ec_series_t *series = open_series("t", EC_SERIES_STRING);
    ec_series_id_t id = ec_series_info(series).id;
    unsigned char every[EC_SERIES_KEY_MAX];
    int keys;

    for (int i = 0; i < EC_SERIES_KEY_MAX; i++)
        every[i] = (unsigned char)i;
    ec_series_add(series, every, EC_SERIES_KEY_MAX, 9, now);
    ec_series_add(series, "end", 3, 1, now);
    path = store_path(dir, &id, test_pool);
    ck_assert_int_eq(store_write(series, dir, &why, test_pool), APR_SUCCESS);
    ck_assert_int_ne(access(apr_pstrcat(test_pool, path, ".new", NULL), F_OK), 0);
    ec_series_close(series);
    series = open_series("t", EC_SERIES_STRING);
    ck_assert_int_eq(store_read(series, path, now, &keys, &why, test_pool), APR_SUCCESS);
    ck_assert_uint_eq(ec_series_count(series, every, EC_SERIES_KEY_MAX, 0, 2, now), 9);
    ck_assert_uint_eq(ec_series_count(series, "end", 3, 0, 2, now), 1);
    ec_series_close(series);
}
END_TEST

START_TEST(what_can_not_be_written)
{
    const char *why = NULL;
    ec_series_t *series = open_series("a", EC_SERIES_CIDR);

    ck_assert_int_ne(store_write(series, "/proc/nowhere", &why, test_pool), APR_SUCCESS);
    ck_assert_ptr_nonnull(strstr(why, "/proc/nowhere/a,60,3.series is not written"));
    ec_series_close(series);
}
END_TEST

static const char good[] = "audit-series 1 a string 60 3\nk 5 1 2 3\nl 6\nend 2\n";
static const struct {
    const char *text;
    int line;
} wrong[] = {
    { "", 1 },
    { "\n", 1 },
    { "audit-series 2 a string 60 3\nend 0\n", 1 },
    { "audit-series 1 a/b string 60 3\nend 0\n", 1 },
    { "audit-series 1 a text 60 3\nend 0\n", 1 },
    { "audit-series 1 a string 0 3\nend 0\n", 1 },
    { "audit-series 1 a string 60 1001\nend 0\n", 1 },
    { "audit-series 1 a string 60 3 4\nend 0\n", 1 },
    { "audit-series 1 a string 60 3\n", 2 },
    { "audit-series 1 a string 60 3\nend 1\n", 2 },
    { "audit-series 1 a string 60 3\nend 0", 2 },
    { "audit-series 1 a string 60 3\nend 0\nend 0\n", 2 },
    { "audit-series 1 a string 60 3\nk\nend 1\n", 2 },
    { "audit-series 1 a string 60 3\nk -1\nend 1\n", 2 },
    { "audit-series 1 a string 60 3\nk 1 1 1 1 1\nend 1\n", 2 },
    { "audit-series 1 a string 60 3\nk 1 4294967296\nend 1\n", 2 },
    { "audit-series 1 a string 60 3\nk 1 1x\nend 1\n", 2 },
    { "audit-series 1 a string 60 3\nk%4 1 1\nend 1\n", 2 },
    { "audit-series 1 a string 60 3\nk 1 1\n\nend 1\n", 3 },
    { "audit-series 1 a cidr 60 3\nk 1 1\nend 1\n", 2 },
    { "audit-series 1 a cidr 60 3\n192.0.2.0/24 1 1\nend 1\n", 2 },
};

static int never(void *baton, const void *key, apr_size_t length, apr_int64_t newest, const apr_uint32_t *counts)
{
    ck_abort_msg("something of a damaged file is used");
    return 0;
}

START_TEST(damaged_files)
{
    char name[EC_SERIES_NAME_MAX + 1];
    ec_series_id_t id;
    int line;

    ck_assert_ptr_null(store_parse(good, strlen(good), &id, name, &line, NULL, NULL));
    ck_assert_str_eq(id.name, "a");
    for (int i = 0; i < TEST_COUNT(wrong); i++) {
        const char *why = store_parse(wrong[i].text, strlen(wrong[i].text), &id, name, &line, never, NULL);

        ck_assert_msg(why != NULL, "%s", wrong[i].text);
        ck_assert_msg(line == wrong[i].line, "%s: line %d: %s", wrong[i].text, line, why);
    }
    for (apr_size_t cut = 0; cut < strlen(good); cut++)
        ck_assert_ptr_nonnull(store_parse(good, cut, &id, name, &line, never, NULL));
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "store", 20);

    tcase_add_test(tcase, addresses_out_and_in);
    tcase_add_test(tcase, texts_out_and_in);
    tcase_add_test(tcase, what_can_not_be_written);
    tcase_add_test(tcase, damaged_files);
}

TEST_MAIN("inbound_audit/store", add)

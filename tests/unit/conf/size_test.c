/* size_test.c - large configurations: right, and in bounded memory
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runner.h"
#include "conf/loading.h"

static apr_status_t load_file(conf_t **conf, const char *path, apr_array_header_t **problems)
{
    conf_source_t source = { .file = path, .search_path = "/x" };

    return conf_load(conf, problems, &source, test_pool);
}

START_TEST(many_stanzas)
{
    enum { BINDINGS = 2000, DOMAINS = 5000 };
    char path[] = "/tmp/size_test.XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    apr_array_header_t *problems;
    conf_t *conf;

    for (int i = 0; i < BINDINGS; i++)
        fprintf(file, "binding b%d {\n  max_outbound_connections = %d\n}\n", i, i);
    for (int i = 0; i < DOMAINS; i++)
        fprintf(file, "domain d%d.com { retry_interval = %d }\n", i, i);
    fclose(file);
    ck_assert_int_eq(load_file(&conf, path, &problems), APR_SUCCESS);
    unlink(path);
    for (int i = 0; i < DOMAINS; i += 7) {
        const char *binding = apr_psprintf(test_pool, "b%d", i % BINDINGS);
        const conf_view_t *view = conf_outbound(conf, NULL, binding, apr_psprintf(test_pool, "d%d.com", i));

        ck_assert_int_eq(conf_int(view, CONF_O_RETRY_INTERVAL), i);
        ck_assert_int_eq(conf_int(view, CONF_O_MAX_OUTBOUND_CONNECTIONS), i % BINDINGS);
    }
    conf_unref(conf);
}
END_TEST

/* 64 MiB that say the same over and over, or nothing, must not cost as much memory. */
static const char *const fillers[] = {
    "retry_interval = 1\n",
    "domain example.com { retry_interval = 1 relay_nothing_here_is_a_comment }\n",
    "# a comment that goes on and on and on and on and on and on\n",
    "relay_domains = ( a.com b.com c.com d.com )\n",
};

static long memory_used(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

START_TEST(repeated_text)
{
    enum { SIZE = 64 << 20 };
    char path[] = "/tmp/size_test.XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    size_t length = strlen(fillers[_i]);
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    long before = memory_used();

    for (size_t written = 0; written < SIZE; written += length)
        fwrite(fillers[_i], 1, length, file);
    fclose(file);
    ck_assert_int_eq(load_file(&conf, path, &problems), _i == 1 ? EC_E_CONFIG : APR_SUCCESS);
    unlink(path);
    ck_assert_int_lt(memory_used() - before, 32 << 10);
    conf_unref(conf);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "size", 300);

    tcase_add_test(tcase, many_stanzas);
    tcase_add_loop_test(tcase, repeated_text, 0, TEST_COUNT(fillers));
}
TEST_MAIN("conf/size", add)

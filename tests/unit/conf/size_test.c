/* size_test.c - large configurations: right, and in bounded memory
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
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

/* ---- the longest file that there may be, in an address space that does not have room for it ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CAN_LIMIT = 0 }; /* a sanitizer's own needs are larger than any limit that says something */
#else
enum { CAN_LIMIT = 1 };
#endif
enum { LONGEST = 256 << 20, SPACE = 64 << 20 };

/* The same line over and over. */
static void write_longest(int fd, const char *line)
{
    enum { BLOCK = 1 << 20 };
    char *block = malloc(BLOCK);
    size_t length = strlen(line);

    memset(block, '\n', BLOCK);
    for (size_t at = 0; at + length <= BLOCK; at += length)
        memcpy(block + at, line, length);
    for (int i = 0; i < LONGEST / BLOCK; i++)
        ck_assert_int_eq(write(fd, block, BLOCK), BLOCK);
    free(block);
}

/* In the child: what is mapped now, and SPACE more. */
static void limit_memory(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    struct rlimit limit;

    if (file == NULL || fscanf(file, "%ld", &pages) != 1)
        _exit(9);
    fclose(file);
    limit.rlim_cur = limit.rlim_max = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + SPACE;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        _exit(9);
}

static const char *const longest[] = {
    "# a comment that goes on for as long as a file may be, and says no more than this at any place of it....\n",
    "retry_interval = 5 relay_domains = ( a.example.com b.example.com c.example.com d.example.com e.example )\n",
    "domain example.com { retry_interval = 5 routes = ( a.example.com b.example.com ) } max_retries = 5 #...\n",
};

START_TEST(longest_file)
{
    char path[] = "/var/tmp/size_test.XXXXXX";
    int fd = mkstemp(path), status = 0;
    pid_t child;

    write_longest(fd, longest[_i]);
    if ((child = fork()) == 0) {
        apr_array_header_t *problems;
        conf_t *conf = NULL;
        apr_status_t rv;

        if (CAN_LIMIT)
            limit_memory();
        rv = load_file(&conf, path, &problems);
        _exit(rv == APR_SUCCESS ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    unlink(path);
    close(fd);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "size", 900);

    tcase_add_test(tcase, many_stanzas);
    tcase_add_loop_test(tcase, repeated_text, 0, TEST_COUNT(fillers));
    if (CAN_LIMIT)
        tcase_add_loop_test(tcase, longest_file, 0, TEST_COUNT(longest));
}
TEST_MAIN("conf/size", add)

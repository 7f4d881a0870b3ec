/* conf_bench.c - what look-ups cost with few stanzas and with many
 * SPDX-License-Identifier: Apache-2.0
 *
 * usage: conf_bench STANZAS
 * Loads half as many bindings as domains, STANZAS domains, asks for the values that apply to mail for each of
 * ten of them, and prints what the views take.  bench.py runs it under callgrind, which counts the
 * instructions inside measure_outbound() and measure_get(): a number without noise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "conf/conf.h"

enum { NAMES = 10, ROUNDS = 1000 };

static const char *names[NAMES];
static volatile apr_int64_t sink;

__attribute__((noinline)) static void measure_outbound(conf_t *conf)
{
    for (int i = 0; i < NAMES * ROUNDS; i++) {
        sink += conf_outbound(conf, "default", "default", names[i % NAMES]) != NULL;
    }
}

__attribute__((noinline)) static void measure_get(const conf_view_t *view)
{
    for (int i = 0; i < NAMES * ROUNDS; i++) {
        sink += conf_get(view, CONF_O_RETRY_INTERVAL)->i;
    }
}

static char *make_text(int n, apr_pool_t *pool)
{
    enum { ROOM = 128 };
    apr_size_t size = (apr_size_t)n * 3 / 2 * ROOM + ROOM, used = 0;
    char *text = apr_palloc(pool, size);

    text[0] = '\0';
    for (int i = 0; i < n; i++) {
        if (i % 2 == 0) {
            used += (apr_size_t)apr_snprintf(text + used, ROOM,
                                             "Binding \"b%d\" {\n  Retry_Interval = %d\n}\n", i, 100 + i);
        }
        used += (apr_size_t)apr_snprintf(text + used, ROOM,
                                         "Domain \"d%d.test\" {\n  Retry_Interval = %d\n}\n", i, 1000 + i);
    }
    return text;
}

static void print_live(void *baton, const conf_live_t *live)
{
    printf("stanzas=%u views=%u bytes=%lu view_bytes=%lu\n", live->stanzas, live->views,
           (unsigned long)live->bytes, (unsigned long)(live->bytes - *(apr_size_t *)baton));
}

static void get_bytes(void *baton, const conf_live_t *live)
{
    *(apr_size_t *)baton = live->bytes;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    apr_pool_t *pool;
    apr_size_t before;
    char *text;

    if (n < NAMES) {
        fprintf(stderr, "usage: conf_bench STANZAS (at least %d)\n", NAMES);
        return 2;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    text = make_text(n, pool);
    if (conf_load_text(&conf, &problems, "bench.conf", text, strlen(text), pool) != APR_SUCCESS) {
        fprintf(stderr, "the configuration was refused\n");
        return 1;
    }
    conf_each_live(get_bytes, &before);
    for (int i = 0; i < n; i++) {
        char name[32];

        apr_snprintf(name, sizeof name, "d%d.test", i);
        conf_outbound(conf, "default", "default", name);
    }
    conf_each_live(print_live, &before);
    for (int i = 0; i < NAMES; i++) {
        names[i] = apr_psprintf(pool, "d%d.test", i * (n / NAMES));
    }
    measure_outbound(conf);
    measure_get(conf_outbound(conf, "default", "default", names[0]));
    conf_unref(conf);
    apr_terminate();
    return 0;
}

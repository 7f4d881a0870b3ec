/* spool_bench.c - stores a second, beside a loop that only appends and syncs
 * SPDX-License-Identifier: Apache-2.0
 *
 * spool_bench [-d DIR] [-n PRODUCERS] [-l LOOPS] [-s SIZE] [-t SECONDS] [-u] [-k]
 * Each producer stores a message, waits for the answer, drops it (unless -k) and stores the
 * next: as many stores are under way as there are producers.  -u: not synced. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <apr_general.h>

#include "event/runtime.h"
#include "spool/spool.h"

typedef struct {
    const char *dir;
    int producers, loops, seconds, is_unsynced, is_kept;
    apr_size_t size;
} options_t;

typedef struct {
    spool_request_t request;
    ec_post_t post;
    ec_loop_t *loop;
    ec_batch_t *batch;
    apr_time_t began;
    apr_uint64_t stored, latency, longest;
} producer_t;

static options_t options = { "/tmp/ec-spool-bench", 20, 2, 5, 0, 0, 4096 };
static spool_t *spool;
static int is_over, running;
static char *text;

/* ---- the spool ------------------------------------------------------------------------------ */

static void next(producer_t *producer);

static void drop(ec_batch_t *batch)
{
    spool_request_t *request = calloc(1, sizeof *request);

    request->verb = SPOOL_DROP;
    request->ref = batch->ref;
    spool_submit_owned(spool, request);
}

static void on_stored(void *baton, apr_status_t rv)
{
    producer_t *producer = baton;
    apr_uint64_t took = (apr_uint64_t)(event_clock_monotonic() - producer->began);

    if (rv != APR_SUCCESS) {
        fprintf(stderr, "store failed: %d\n", rv);
        exit(1);
    }
    producer->stored++;
    producer->latency += took;
    producer->longest = took > producer->longest ? took : producer->longest;
    if (!options.is_kept) {
        drop(producer->batch);
    }
    ec_batch_unref(producer->batch);
    next(producer);
}

static void next(producer_t *producer)
{
    static const body_limits_t limits = { 16384, 1 << 20, NULL };
    ec_batch_t *batch;

    if (__atomic_load_n(&is_over, __ATOMIC_RELAXED)) {
        __atomic_sub_fetch(&running, 1, __ATOMIC_SEQ_CST);
        return;
    }
    batch = batch_create(apr_time_now(), "esmtp");
    batch_set_sender(batch, "sender@example.com");
    batch_set_source(batch, "192.0.2.1", "client.example.com", ec_id_new());
    batch_add_rcpt(batch, "recipient@example.org");
    batch_body_append(batch, &limits, text, options.size);
    producer->batch = batch;
    producer->began = event_clock_monotonic();
    producer->request.verb = SPOOL_STORE;
    producer->request.batch = batch;
    producer->request.loop = producer->loop;
    producer->request.done = on_stored;
    producer->request.baton = producer;
    spool_submit(spool, &producer->request);
}

static void on_start(void *baton)
{
    next(baton);
}

static void on_time(void *baton)
{
    __atomic_store_n(&is_over, 1, __ATOMIC_RELAXED);
}

static int all_ended(void *baton)
{
    return __atomic_load_n(&running, __ATOMIC_SEQ_CST) == 0;
}

static void on_found(void *baton, const spool_found_t *found)
{
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file == NULL || fscanf(file, "%*d %ld", &pages) != 1) {
        pages = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void on_recovered(void *baton, apr_status_t rv, const spool_report_t *report)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    printf("recovered batches=%lu segments=%lu ms=%lu resident_kib=%ld highest_kib=%ld\n",
           (unsigned long)report->batches, (unsigned long)report->segments,
           (unsigned long)(report->duration_us / 1000), resident_kib(), usage.ru_maxrss);
    *(int *)baton = 1;
}

static int is_set(void *baton)
{
    return *(int *)baton;
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(const producer_t *producers, double cpu)
{
    apr_uint64_t stored = 0, latency = 0, longest = 0;
    spool_stats_t stats;

    for (int i = 0; i < options.producers; i++) {
        stored += producers[i].stored;
        latency += producers[i].latency;
        longest = producers[i].longest > longest ? producers[i].longest : longest;
    }
    spool_stats(spool, &stats);
    printf("spool %s producers=%d size=%lu stores/s=%.0f commits/s=%.0f stores/commit=%.1f sync_us=%.0f "
           "latency_us=%.0f longest_us=%lu cpu_us/store=%.1f segments=%lu\n",
           options.is_unsynced ? "unsynced" : "synced", options.producers, (unsigned long)options.size,
           (double)stored / options.seconds, (double)stats.commits / options.seconds,
           stats.commits ? (double)stored / (double)stats.commits : 0,
           stats.commits ? (double)stats.sync_us_total / (double)stats.commits : 0,
           stored ? (double)latency / (double)stored : 0, (unsigned long)longest,
           stored ? cpu * 1e6 / (double)stored : 0, (unsigned long)stats.segments);
}

static int run_spool(apr_pool_t *pool)
{
    spool_options_t spool_options = { .dir = options.dir, .is_synced = !options.is_unsynced };
    producer_t *producers = calloc((size_t)options.producers, sizeof *producers);
    const char *why = NULL;
    ec_timer_t timer = { 0 };
    int is_recovered = 0;
    double cpu;

    event_runtime_create(options.loops, NULL, pool);
    if (spool_open(&spool, &spool_options, ec_log_root(), &why, pool) != APR_SUCCESS) {
        fprintf(stderr, "%s\n", why);
        return 1;
    }
    event_runtime_start();
    spool_recover(spool, on_found, on_recovered, &is_recovered);
    while (!event_run_until(ec_loop_at(0), is_set, &is_recovered, 1000)) {
    }
    running = options.producers;
    cpu = cpu_seconds();
    ec_timer_start(&timer, ec_loop_at(0), (apr_interval_time_t)options.seconds * APR_USEC_PER_SEC, on_time,
                   NULL);
    for (int i = 0; i < options.producers; i++) {
        producers[i].loop = ec_loop_at(i % options.loops);
        ec_loop_post(producers[i].loop, &producers[i].post, on_start, &producers[i]);
    }
    while (!event_run_until(ec_loop_at(0), all_ended, NULL, 1000)) {
    }
    report(producers, cpu_seconds() - cpu);
    event_runtime_stop();
    spool_close(spool);
    event_runtime_destroy();
    free(producers);
    return 0;
}

/* ---- the plain loop ---------------------------------------------------------------------------- */

static void run_plain(void)
{
    apr_time_t began = event_clock_monotonic(), end = began + (apr_time_t)options.seconds * APR_USEC_PER_SEC;
    apr_uint64_t n = 0;
    char path[512];
    int fd;

    snprintf(path, sizeof path, "%s.plain", options.dir);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    while (fd >= 0 && event_clock_monotonic() < end) {
        if (write(fd, text, options.size) != (ssize_t)options.size ||
            (!options.is_unsynced && fdatasync(fd) != 0)) {
            fprintf(stderr, "%s: %s\n", path, strerror(errno));
            exit(1);
        }
        n++;
        if (n % 16384 == 0 && ftruncate(fd, 0) != 0) {
            exit(1);
        }
    }
    close(fd);
    unlink(path);
    printf("plain append%s size=%lu writes/s=%.0f\n", options.is_unsynced ? "" : "+fdatasync",
           (unsigned long)options.size, (double)n / options.seconds);
}

static int parse(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "d:n:l:s:t:uk")) >= 0) {
        switch (c) {
        case 'd':
            options.dir = optarg;
            break;
        case 'n':
            options.producers = atoi(optarg);
            break;
        case 'l':
            options.loops = atoi(optarg);
            break;
        case 's':
            options.size = (apr_size_t)atol(optarg);
            break;
        case 't':
            options.seconds = atoi(optarg);
            break;
        case 'u':
            options.is_unsynced = 1;
            break;
        case 'k':
            options.is_kept = 1;
            break;
        default:
            return 0;
        }
    }
    return options.producers > 0 && options.loops > 0 && options.seconds > 0;
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    int rv;

    if (!parse(argc, argv)) {
        fprintf(stderr, "usage: %s [-d dir] [-n producers] [-l loops] [-s size] [-t seconds] [-u] [-k]\n",
                argv[0]);
        return 2;
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    text = malloc(options.size + 1);
    memset(text, 'x', options.size);
    run_plain();
    rv = run_spool(pool);
    free(text);
    apr_terminate();
    return rv;
}

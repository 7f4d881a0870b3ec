/* queue_bench.c - memory and start time of a long queue
 * SPDX-License-Identifier: Apache-2.0
 *
 * Usage: queue_bench FOLDER [messages] [domains]
 * Stores messages of 1 KiB in a spool below FOLDER (made, and left there), hands them to suspended queues,
 * delays them all, and prints what each step costs; then a second process reads the spool as a start does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_general.h>

#include "conf/conf.h"
#include "event/runtime.h"
#include "queue/inside.h"

enum { IN_FLIGHT = 4000, BODY = 1024 };

static const char conf_text[] =
    "suspend_delivery = true\nmax_resident_active_queue = 0\nmax_retries = \"none\"\n"
    "message_expiration = 604800\n";

static struct {
    spool_t *spool;
    apr_pool_t *pool;
    int messages, domains;
    int sent, stored, is_recovered;
    char body[BODY];
} bench = { .messages = 1000000, .domains = 1000 };

static double resident_mib(void)
{
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file != NULL) {
        if (fscanf(file, "%ld %ld", &pages, &resident) != 2) {
            resident = 0;
        }
        fclose(file);
    }
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static void report(const char *step, apr_time_t since, double before)
{
    double mib = resident_mib();

    printf("%-28s %8.2f s %9.1f MiB resident %7.1f bytes a message\n", step,
           (double)(apr_time_now() - since) / APR_USEC_PER_SEC, mib,
           (mib - before) * 1048576 / bench.messages);
    fflush(stdout);
}

static void start(const char *folder)
{
    spool_options_t options = { .dir = folder, .is_synced = 0, .mode = 0640 };
    apr_array_header_t *problems;
    conf_t *conf;
    const char *why = "";

    apr_initialize();
    apr_pool_create(&bench.pool, NULL);
    EC_ASSERT(event_runtime_create(1, NULL, bench.pool) == APR_SUCCESS);
    EC_ASSERT(conf_load_text(&conf, &problems, "bench", conf_text, sizeof conf_text - 1, bench.pool) ==
              APR_SUCCESS);
    conf_install(conf);
    if (spool_open(&bench.spool, &options, ec_log_root(), &why, bench.pool) != APR_SUCCESS) {
        fprintf(stderr, "%s: %s\n", folder, why);
        exit(1);
    }
    EC_ASSERT(queue_start(bench.spool, ec_log_root(), bench.pool) == APR_SUCCESS);
    EC_ASSERT(event_runtime_start() == APR_SUCCESS);
}

static void finish(void)
{
    event_runtime_stop();
    spool_close(bench.spool);
}

/* ---- filling ------------------------------------------------------------------------------ */

static void store_next(spool_request_t *request);

static void on_stored(void *baton, apr_status_t rv)
{
    spool_request_t *request = baton;

    EC_ASSERT(rv == APR_SUCCESS);
    account_add(ACCOUNT_received, 1);
    queue_accept(request->batch);
    ec_batch_unref(request->batch);
    bench.stored++;
    store_next(request);
}

static void store_next(spool_request_t *request)
{
    static const body_limits_t limits = { .block_size = 16384, .large_threshold = 131072 };
    char to[100];
    ec_batch_t *batch;

    if (bench.sent >= bench.messages) {
        free(request);
        return;
    }
    snprintf(to, sizeof to, "recipient%d@domain%d.example.test", bench.sent, bench.sent % bench.domains);
    bench.sent++;
    batch = batch_create(apr_time_now(), "esmtp");
    batch_set_sender(batch, "sender@example.test");
    batch_add_rcpt(batch, to);
    EC_ASSERT(batch_body_append(batch, &limits, bench.body, BODY) == APR_SUCCESS);
    *request = (spool_request_t){
        .verb = SPOOL_STORE, .batch = batch, .loop = ec_loop_at(0), .done = on_stored, .baton = request
    };
    spool_submit(bench.spool, request);
}

static int all_stored(void *unused)
{
    return bench.stored == bench.messages;
}

static void delay_all(void *baton, queue_t *queue)
{
    queue_entry_t *entry;

    while ((entry = list_take_first(&queue->active)) != NULL) {
        ec_counter_add(queue_gauges.active, -1);
        entry->attempts = 1;
        entry_set_reply(queue, entry, reply_get(queue, EC_STAGE_RCPT, "450 4.2.1 try again later"));
        delayed_add(queue, entry, ec_loop_now(queue->set->loop) + apr_time_from_sec(3600 + rand() % 3600));
    }
}

static void fill(const char *folder)
{
    apr_time_t since;
    double before;

    start(folder);
    memset(bench.body, 'x', BODY);
    memcpy(bench.body, "Subject: x\r\n\r\n", 14);
    before = resident_mib();
    since = apr_time_now();
    for (int i = 0; i < IN_FLIGHT; i++) {
        store_next(malloc(sizeof(spool_request_t)));
    }
    EC_ASSERT(event_run_until(ec_loop_at(0), all_stored, NULL, 2000000000));
    report("stored and queued", since, before);
    since = apr_time_now();
    queue_each(queue_sets[0], delay_all, NULL);
    report("all delayed", since, before);
    finish();
}

/* ---- starting again ---------------------------------------------------------------------------- */

static void on_recovered(void *baton, apr_status_t rv, const spool_report_t *found)
{
    EC_ASSERT(rv == APR_SUCCESS);
    queue_recovered(rv, found);
    bench.is_recovered = 1;
}

static int all_back(void *unused)
{
    queue_totals_t totals;

    queue_totals(&totals);
    return bench.is_recovered && totals.active + totals.delayed == bench.messages;
}

static void start_again(const char *folder)
{
    double before;
    apr_time_t since;

    start(folder);
    before = resident_mib();
    since = apr_time_now();
    spool_recover(bench.spool, queue_recover, on_recovered, NULL);
    EC_ASSERT(event_run_until(ec_loop_at(0), all_back, NULL, 2000000000));
    report("started again", since, before);
    since = apr_time_now();
    event_run_until(ec_loop_at(0), NULL, NULL, 20);
    report("a moment later", since, before);
    finish();
}

/* Each step in a process of its own, so that one's memory is not counted as the other's. */
static void in_child(void (*step)(const char *folder), const char *folder)
{
    pid_t child = fork();
    int status = 0;

    if (child == 0) {
        step(folder);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        fprintf(stderr, "a step has failed\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: queue_bench FOLDER [messages] [domains]\n");
        return 2;
    }
    if (argc > 2) {
        bench.messages = atoi(argv[2]);
    }
    if (argc > 3) {
        bench.domains = atoi(argv[3]);
    }
    if (bench.messages < 1 || bench.domains < 1) {
        fprintf(stderr, "at least one message and one domain\n");
        return 2;
    }
    printf("%d messages in %d domains, an entry is %zu bytes, a queue %zu\n", bench.messages, bench.domains,
           sizeof(queue_entry_t), sizeof(queue_t));
    fflush(stdout);
    in_child(fill, argv[1]);
    in_child(start_again, argv[1]);
    return 0;
}

/* logs.c - the logs that this node offers to aggregators
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/logs/logs.h"

#include <string.h>

#include <apr_strings.h>

#include <ec/jlog.h>
#include <ec/job.h>

const char *logs_check(const char *const *logs, apr_pool_t *pool)
{
    for (; logs != NULL && logs[0] != NULL; logs += 2) {
        if (logs[0][0] == '\0' || logs[1][0] != '/')
            return apr_psprintf(
                pool,
                "logs: \"%s\" = \"%s\" is to be a name and the absolute path of its cluster:// destination",
                logs[0], logs[1]);
    }
    return NULL;
}

/* ---- on a pool's thread ------------------------------------------------------------ */

struct seen {
    const char *log, *path;
    const char *why; /* it could not be looked at */
    ec_jlog_status_t status;
};

struct look {
    ec_job_t job;
    ec_answer_t *answer;
    apr_pool_t *pool; /* a root, in which it is */
    int count;
    struct seen *seen;
};

static void look_at_logs(void *baton)
{
    struct look *look = baton;

    for (int i = 0; i < look->count; i++) {
        struct seen *seen = &look->seen[i];
        apr_status_t rv = ec_jlog_status(&seen->status, seen->path, &seen->why, look->pool);

        if (APR_STATUS_IS_ENOENT(rv))
            seen->why = "there is none: no logger has written to it yet";
    }
}

/* ---- the answer -------------------------------------------------------------------- */

static void add_log(ec_node_t *table, const struct seen *seen)
{
    char text[EC_JLOG_POSITION_TEXT];
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "log", seen->log);
    ec_node_text(row, "path", seen->path);
    ec_node_int(row, "bytes", (apr_int64_t)seen->status.bytes);
    ec_node_int(row, "segments", seen->status.segment_count);
    ec_node_text(row, "end",
                 seen->status.segment_count > 0 ? ec_jlog_position_text(text, seen->status.end) : "none");
    ec_node_text(row, "state", seen->why != NULL ? seen->why : "good");
}

static void add_subscribers(ec_node_t *table, const struct seen *seen)
{
    char text[EC_JLOG_POSITION_TEXT];

    for (int i = 0; i < seen->status.subscriber_count; i++) {
        const ec_jlog_subscriber_t *subscriber = &seen->status.subscribers[i];
        ec_node_t *row = ec_node_row(table);

        ec_node_text(row, "log", seen->log);
        ec_node_text(row, "subscriber", subscriber->name);
        ec_node_text(row, "position",
                     subscriber->is_damaged ? "damaged" : ec_jlog_position_text(text, subscriber->position));
        ec_node_int(row, "unread_bytes", (apr_int64_t)subscriber->unread);
    }
}

static void tell(void *baton)
{
    struct look *look = baton;
    ec_answer_t *answer = look->answer;
    ec_node_t *root = ec_answer_root(answer), *table = ec_node_table(root, "logs");

    for (int i = 0; i < look->count; i++)
        add_log(table, &look->seen[i]);
    table = ec_node_table(root, "subscribers");
    for (int i = 0; i < look->count; i++)
        add_subscribers(table, &look->seen[i]);
    apr_pool_destroy(look->pool);
    ec_answer_finish(answer);
}

/* ---- the command ------------------------------------------------------------------- */

static struct look *make_look(const char *const *logs, const char *only)
{
    struct look *look;
    apr_pool_t *pool;
    int n = 0;

    EC_ASSERT(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    look = apr_pcalloc(pool, sizeof(*look));
    look->pool = pool;
    for (const char *const *log = logs; log != NULL && log[0] != NULL; log += 2)
        n++;
    look->seen = apr_pcalloc(pool, sizeof(*look->seen) * (apr_size_t)(n + 1));
    for (const char *const *log = logs; log != NULL && log[0] != NULL; log += 2) {
        if (only == NULL || strcmp(only, log[0]) == 0)
            look->seen[look->count++] =
                (struct seen){ .log = apr_pstrdup(pool, log[0]), .path = apr_pstrdup(pool, log[1]) };
    }
    return look;
}

void logs_command(const char *const *logs, ec_answer_t *answer)
{
    const char *only = ec_answer_arg(answer, "log");
    struct look *look = make_look(logs, only);

    if (only != NULL && look->count == 0) {
        ec_answer_error(answer, "The option logs of the cluster stanza has no \"%s\".", only);
        apr_pool_destroy(look->pool);
        return;
    }
    look->answer = answer;
    ec_answer_hold(answer);
    ec_job_run(ec_threadpool_find("IO"), ec_loop_self(), &look->job, look_at_logs, tell, look);
}

/* inbound_audit.c - how often each address connects, sends and is refused, by windows of time
 * SPDX-License-Identifier: Apache-2.0
 *
 * Counting is the series' (ec/series.h), which all loops share; this module opens three for each monitor, and sees to it that
 * what is old is forgotten, and that the rest outlives a restart.  Series of other modules are kept over a restart as well. */
#include "audit.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "store.h"

static const char *const names[] = {
#define NAME(id, name, title) name,
    AUDIT_KINDS(NAME)
#undef NAME
};

/* ---- hooks ----------------------------------------------------------------------------------------- */

static void count(struct inbound_audit *self, enum audit_kind kind, const char *address)
{
    ec_series_network_t network;

    if (address[0] == '\0' || !ec_series_network(&network, address))
        return; /* our own mail, or a local socket */
    for (int i = 0; i < self->counting.count; i++)
        ec_series_add(self->counting.at[i].series[kind], network.address, (apr_size_t)network.bytes, 1,
                      ec_loop_now(ec_loop_self()));
}

static ec_verdict_t on_connect(void *self, ec_conn_t *conn)
{
    count(self, AUDIT_CONNECTIONS, ec_conn_peer(conn));
    return EC_CONTINUE;
}

static void on_reception(void *self, const ec_event_t *event)
{
    count(self, AUDIT_RECEPTIONS, event->address);
}

static void on_rejection(void *self, const ec_rejection_t *rejection)
{
    if (rejection->conn != NULL)
        count(self, AUDIT_REJECTIONS, ec_conn_peer(rejection->conn));
}

static void on_server_stop(void *baton)
{
    struct inbound_audit *self = baton;

    self->is_stopping = 1;
}

/* ---- keeping ------------------------------------------------------------------------------------------ */

/* On a thread of a pool; the instance may go meanwhile. */
struct saving {
    ec_job_t job;
    apr_pool_t *pool;
    struct inbound_audit *self; /* NULL: it has gone */
    const char *folder;         /* "" nothing is kept */
    apr_time_t now;
    const char *why; /* of the last one that failed */
    struct monitors monitors; /* of an instance that has gone: closed in the end */
};

static void close_all(struct monitors *monitors)
{
    for (int i = 0; i < monitors->count; i++) {
        for (int kind = 0; kind < AUDIT_KIND_COUNT; kind++) {
            if (monitors->at[i].series[kind] != NULL)
                ec_series_close(monitors->at[i].series[kind]);
        }
    }
    monitors->count = 0;
}

static void save_one(void *baton, ec_series_t *series)
{
    struct saving *saving = baton;

    ec_series_age(series, saving->now);
    if (saving->folder[0] != '\0')
        (void)store_write(series, saving->folder, &saving->why, saving->pool);
}

static void save_all(void *baton)
{
    ec_series_each(save_one, baton);
}

static void on_saved(void *baton)
{
    struct saving *saving = baton;

    if (saving->self != NULL) {
        saving->self->saving = NULL;
        if (saving->why != NULL)
            ec_log(saving->self->log, EC_LOG_ERROR, "%s: counts may be lost at a restart; see to serialize_dir",
                   saving->why);
    }
    close_all(&saving->monitors);
    apr_pool_destroy(saving->pool);
}

static struct saving *make_saving(struct inbound_audit *self)
{
    struct saving *saving;
    apr_pool_t *pool;

    EC_ASSERT(apr_pool_create_unmanaged(&pool) == APR_SUCCESS); /* used on the pool's thread */
    saving = apr_pcalloc(pool, sizeof(*saving));
    saving->pool = pool;
    saving->self = self;
    saving->folder = apr_pstrdup(pool, self->serialize_dir);
    saving->now = ec_loop_now(ec_loop_self());
    return saving;
}

static void begin_saving(struct inbound_audit *self)
{
    self->saving = make_saving(self);
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &self->saving->job, save_all, on_saved, self->saving);
}

static void on_maintenance(void *baton)
{
    struct inbound_audit *self = baton;

    ec_timer_start(&self->timer, ec_loop_at(0), self->maintenance_interval, on_maintenance, self);
    if (self->saving == NULL)
        begin_saving(self);
}

/* What counts already (over a reload) is newer than any file. */
static void load_one(void *baton, ec_series_t *series)
{
    struct inbound_audit *self = baton;
    ec_series_info_t info = ec_series_info(series);
    const char *why = NULL;
    apr_pool_t *pool;
    apr_status_t rv;
    int keys = 0;

    if (info.keys > 0)
        return;
    EC_ASSERT(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    rv = store_read(series, store_path(self->serialize_dir, &info.id, pool), ec_loop_now(ec_loop_at(0)), &keys, &why, pool);
    if (rv == APR_SUCCESS)
        ec_log(self->log, EC_LOG_INFO, "series read name=%s monitor=%d,%d keys=%d", info.id.name, info.id.interval,
               info.id.windows, keys);
    else if (!APR_STATUS_IS_ENOENT(rv))
        ec_log(self->log, EC_LOG_ERROR, "a series begins from nothing: %s", why);
    apr_pool_destroy(pool);
}

/* ---- life ------------------------------------------------------------------------------------------------ */

int audit_monitor(const char *text, int *interval, int *windows)
{
    char *end;
    long first = strtol(text, &end, 10), second;

    if (end == text || *end != ',')
        return 0;
    text = end + 1;
    second = strtol(text, &end, 10);
    if (end == text || *end != '\0' || first < 1 || first > EC_SERIES_INTERVAL_MAX || second < 1 ||
        second > EC_SERIES_WINDOWS_MAX)
        return 0;
    *interval = (int)first;
    *windows = (int)second;
    return 1;
}

static const char *open_monitor(struct inbound_audit *self, const char *text, apr_pool_t *pool)
{
    struct monitors *monitors = &self->counting;
    struct monitor *monitor = &monitors->at[monitors->count];

    if (monitors->count == AUDIT_MONITORS_MAX)
        return "there are more than 16 monitors";
    if (!audit_monitor(text, &monitor->interval, &monitor->windows))
        return apr_psprintf(pool, "the monitor \"%s\" is to be \"seconds,windows\", for example \"60,10\"; at most %d windows", text,
                            EC_SERIES_WINDOWS_MAX);
    for (int i = 0; i < monitors->count; i++) {
        if (monitors->at[i].interval == monitor->interval && monitors->at[i].windows == monitor->windows)
            return apr_psprintf(pool, "the monitor \"%s\" is there twice", text);
    }
    monitors->count++;
    for (int kind = 0; kind < AUDIT_KIND_COUNT; kind++) {
        ec_series_id_t id = { names[kind], EC_SERIES_CIDR, monitor->interval, monitor->windows };

        if (ec_series_open(&monitor->series[kind], &id, (apr_size_t)self->max_keys) != APR_SUCCESS)
            return apr_psprintf(pool, "the monitor \"%s\" is one series too many", text);
    }
    return NULL;
}

static apr_status_t init(void *baton, const ec_instance_t *instance, const char **why)
{
    struct inbound_audit *self = baton;

    self->log = instance->log;
    *why = instance->name[0] != '\0' ? "there is one: write inbound_audit { } without a name" : NULL;
    for (int i = 0; *why == NULL && self->monitors != NULL && self->monitors[i] != NULL; i++)
        *why = open_monitor(self, self->monitors[i], instance->pool);
    if (*why != NULL) {
        close_all(&self->counting);
        return EC_E_CONFIG;
    }
    return APR_SUCCESS;
}

static apr_status_t start(void *baton, const char **why)
{
    struct inbound_audit *self = baton;

    self->is_started = 1;
    if (self->serialize_dir[0] != '\0')
        ec_series_each(load_one, self);
    ec_timer_start(&self->timer, ec_loop_at(0), self->maintenance_interval, on_maintenance, self);
    return APR_SUCCESS;
}

/* What counts is written once more: at the end of the server here, as nothing is served any more; else, for when the module
 * was taken out, on a thread. */
static void stop(void *baton)
{
    struct inbound_audit *self = baton;

    ec_timer_cancel(&self->timer);
    if (self->is_stopping) {
        struct saving *last = make_saving(self);

        save_all(last);
        on_saved(last);
    } else if (self->is_started && self->saving == NULL) {
        begin_saving(self);
    }
    if (self->saving != NULL) {
        self->saving->self = NULL;
        self->saving->monitors = self->counting;
    } else {
        close_all(&self->counting);
    }
}

/* ---- tables ------------------------------------------------------------------------------------------------- */

static const ec_option_t options[] = {
    EC_OPT_LIST(struct inbound_audit, monitors, NULL,
                "What is counted by: \"seconds,windows\" each, the length of a window and how many of them are kept."),
    EC_OPT_ROW(struct inbound_audit, max_keys, "100000", .type = EC_TYPE_INT, .min = 1, .max = 10000000,
               .help = "Addresses that a series holds; the one that was counted longest ago goes first."),
    EC_OPT_ROW(struct inbound_audit, maintenance_interval, "300", .type = EC_TYPE_INTERVAL, .unit = "seconds", .min = 1,
               .max = 86400, .help = "Time between two rounds in which what is old is forgotten and the rest written to serialize_dir."),
    EC_OPT_STRING(struct inbound_audit, serialize_dir, "/var/log/ecelerity/audit_series_persist",
                  "Folder in which series outlive a restart; empty: they do not."),
    EC_OPT_ROW(struct inbound_audit, log_dir, "/var/log/ecelerity/audit_series_logs", .type = EC_TYPE_STRING,
               .flags = EC_OPTION_NO_EFFECT, .help = "Folder of logs of series."),
    EC_OPT_END
};

static const ec_hook_t hooks[] = {
    EC_HOOK(smtp_connect, on_connect),
    EC_HOOK(log_reception, on_reception),
    EC_HOOK(log_rejection, on_rejection),
    EC_HOOK(server_stop, on_server_stop),
    EC_HOOK_END,
};

EC_MODULE(inbound_audit, struct inbound_audit, .summary = "counts of each sending address by windows of time",
          .options = options, .hooks = hooks, .commands = audit_commands, .init = init, .start = start, .stop = stop);

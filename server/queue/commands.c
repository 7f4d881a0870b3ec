/* commands.c - console: summary, domain, active, delayed
 * SPDX-License-Identifier: Apache-2.0
 *
 * What one queue knows is gathered loop by loop; sums come from counters.  showqueue and message are in
 * show.c. */
#include "queue/show.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "util/text.h"
#include "util/units.h"

static void date_node(ec_node_t *parent, const char *name, apr_time_t when)
{
    char text[UTIL_DATE_TEXT];

    ec_node_text(parent, name, when == 0 ? "" : util_text_iso_date(text, when));
}

/* ---- summary --------------------------------------------------------------------------- */

static void add_account(ec_node_t *root, const queue_totals_t *totals)
{
    ec_node_t *group = ec_node_group(root, "account");

    for (int i = 0; i < ACCOUNT_COUNT; i++) {
        ec_node_int(group, account_name((account_t)i), account_value((account_t)i));
    }
    ec_node_int(group, "queued", totals->queued);
    ec_node_int(group, "residual", account_residual(totals->queued));
}

static void add_queues(ec_node_t *root, const queue_totals_t *totals)
{
    ec_node_t *group = ec_node_group(root, "queues");

    ec_node_int(group, "domains", totals->domains);
    ec_node_int(group, "active", totals->active);
    ec_node_int(group, "in_attempts", totals->attempted);
    ec_node_int(group, "delayed", totals->delayed);
    ec_node_int(group, "total", totals->queued);
    ec_node_int(group, "resident", totals->resident);
    ec_node_int(group, "swapped_in", ec_counter_value(queue_gauges.swapped_in));
    ec_node_int(group, "outbound_connections", totals->sessions);
    ec_node_int(group, "answers_lost", ec_counter_value(queue_gauges.in_doubt));
}

static void add_spool(ec_node_t *root)
{
    ec_node_t *group = ec_node_group(root, "spool");
    spool_stats_t stats;

    spool_stats(queue_spool, &stats);
    ec_node_text(group, "state", stats.is_failed ? "failed" : "ok");
    ec_node_int(group, "segments", (apr_int64_t)stats.segments);
    ec_node_int(group, "bytes", (apr_int64_t)stats.bytes);
    ec_node_int(group, "live_bytes", (apr_int64_t)stats.live_bytes);
    ec_node_int(group, "batches", (apr_int64_t)stats.batches);
    ec_node_int(group, "commits", (apr_int64_t)stats.commits);
    ec_node_int(group, "records", (apr_int64_t)stats.records);
    ec_node_int(group, "written_bytes", (apr_int64_t)stats.written_bytes);
    ec_node_int(group, "compacted_bytes", (apr_int64_t)stats.compacted_bytes);
    ec_node_float(group, "mean_sync_ms",
                  stats.commits > 0 ? (double)stats.sync_us_total / (double)stats.commits / 1000 : 0, 3);
    ec_node_text(group, "last_error", stats.last_error);
}

static void add_recovery(ec_node_t *root)
{
    ec_node_t *group = ec_node_group(root, "recovery");
    spool_report_t report;
    apr_status_t rv;
    char error[120];
    int is_done = queue_recovery(&rv, &report);

    ec_node_text(group, "state", !is_done ? "running" : rv == APR_SUCCESS ? "done" : "failed");
    ec_node_int(group, "recovered", account_value(ACCOUNT_recovered));
    ec_node_int(group, "in_doubt", account_value(ACCOUNT_in_doubt));
    if (is_done) {
        ec_node_int(group, "batches", (apr_int64_t)report.batches);
        ec_node_int(group, "segments", (apr_int64_t)report.segments);
        ec_node_int(group, "bytes", (apr_int64_t)report.bytes);
        ec_node_int(group, "torn_bytes", (apr_int64_t)report.torn_bytes);
        ec_node_int(group, "damaged", (apr_int64_t)report.damaged);
        ec_node_int(group, "milliseconds", (apr_int64_t)report.duration_us / 1000);
    }
    if (is_done && rv != APR_SUCCESS) {
        ec_node_text(group, "error", ec_strerror(rv, error, sizeof error));
    }
}

static void summary(void *self, ec_answer_t *answer)
{
    ec_node_t *root = ec_answer_root(answer);
    queue_totals_t totals;

    queue_totals(&totals);
    add_account(root, &totals);
    add_queues(root, &totals);
    add_spool(root);
    add_recovery(root);
    ec_node_float(root, "uptime_seconds",
                  (double)(ec_loop_now(ec_loop_at(0)) - queue_started) / APR_USEC_PER_SEC, 0);
}

/* ---- lists of domains --------------------------------------------------------------------- */

enum list_kind { LIST_ALL, LIST_ACTIVE, LIST_DELAYED };

/* All queues of one domain. */
struct sums {
    apr_size_t connections, active, delayed;
    apr_uint64_t sent;
};

struct domain_list {
    enum list_kind kind;
    const char *binding; /* only its queues; NULL: all */
    apr_hash_t *domains; /* while there are several bindings: name to struct sums */
    apr_size_t threshold;
    ec_node_t *table;
    struct sums total;
};

apr_size_t show_active(const queue_t *queue)
{
    return queue->active.count + queue->doomed.count + queue->n_attempted;
}

static void add_row(ec_node_t *table, const char *domain, const struct sums *sums)
{
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "domain", domain);
    ec_node_int(row, "connections", (apr_int64_t)sums->connections);
    ec_node_int(row, "active", (apr_int64_t)sums->active);
    ec_node_int(row, "delayed", (apr_int64_t)sums->delayed);
    ec_node_int(row, "sent", (apr_int64_t)sums->sent);
}

static void add_if_listed(const struct domain_list *list, const char *domain, const struct sums *sums)
{
    if (list->kind == LIST_ALL || (list->kind == LIST_ACTIVE && sums->active > list->threshold) ||
        (list->kind == LIST_DELAYED && sums->delayed > list->threshold)) {
        add_row(list->table, domain, sums);
    }
}

static void add_queue(struct sums *sums, const queue_t *queue)
{
    sums->connections += (apr_size_t)queue->n_sessions;
    sums->active += show_active(queue);
    sums->delayed += queue->delayed.count;
    sums->sent += queue->n_delivered;
}

static struct sums *sums_of(apr_hash_t *domains, const char *domain)
{
    struct sums *sums = apr_hash_get(domains, domain, APR_HASH_KEY_STRING);
    apr_pool_t *pool = apr_hash_pool_get(domains);

    if (sums == NULL) {
        sums = apr_pcalloc(pool, sizeof *sums);
        apr_hash_set(domains, apr_pstrdup(pool, domain), APR_HASH_KEY_STRING, sums);
    }
    return sums;
}

static void list_queue(void *baton, queue_t *queue)
{
    struct domain_list *list = baton;

    if (list->binding != NULL && strcmp(list->binding, queue->binding) != 0) {
        return;
    }
    add_queue(&list->total, queue);
    if (list->domains != NULL) {
        add_queue(sums_of(list->domains, queue->domain), queue);
    } else {
        struct sums sums = { 0 };

        add_queue(&sums, queue);
        add_if_listed(list, queue->domain, &sums);
    }
}

static void list_loop(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    queue_each(queue_sets[ec_loop_index(loop)], list_queue, baton);
}

static void list_end(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    struct domain_list *list = baton;
    apr_hash_index_t *at = list->domains != NULL ? apr_hash_first(ec_answer_pool(answer), list->domains) : NULL;

    for (; at != NULL; at = apr_hash_next(at)) {
        add_if_listed(list, apr_hash_this_key(at), apr_hash_this_val(at));
    }
    add_row(list->table, "Total", &list->total);
}

static void list_domains(ec_answer_t *answer, enum list_kind kind, apr_int64_t threshold)
{
    struct domain_list *list = apr_pcalloc(ec_answer_pool(answer), sizeof *list);

    list->kind = kind;
    list->threshold = (apr_size_t)threshold;
    list->binding = ec_answer_arg(answer, "binding");
    list->domains = binding_any() ? apr_hash_make(ec_answer_pool(answer)) : NULL;
    list->table = ec_node_table(ec_answer_root(answer), "domains");
    ec_answer_gather(answer, list_loop, list_end, list);
}

static void list_above(ec_answer_t *answer, enum list_kind kind)
{
    const char *text = ec_answer_arg(answer, "threshold");
    apr_int64_t threshold = 0;
    binding_t **of;
    int n;

    if (ec_answer_arg(answer, "binding") != NULL && !show_bindings(answer, &of, &n)) {
        return;
    }
    if (text != NULL && (!units_parse_int(text, &threshold) || threshold < 0)) {
        ec_answer_error(answer, "%s is no number of messages", text);
        return;
    }
    list_domains(answer, kind, threshold);
}

static void active(void *self, ec_answer_t *answer)
{
    list_above(answer, LIST_ACTIVE);
}

static void delayed(void *self, ec_answer_t *answer)
{
    list_above(answer, LIST_DELAYED);
}

static void domain_all(void *self, ec_answer_t *answer)
{
    list_domains(answer, LIST_ALL, 0);
}

/* ---- one domain ------------------------------------------------------------------------------- */

struct domain_ask {
    const char *domain;
    binding_t **of;
    int n_of;
    int n_found;
};

static void add_route(ec_node_t *group, const queue_t *queue)
{
    ec_node_t *table;

    if (queue->route == NULL) {
        return;
    }
    date_node(group, "route_expires", queue->route->expires);
    table = ec_node_table(group, "hosts");
    for (int i = 0; i < queue->route->n_hosts; i++) {
        const dns_host_t *host = &queue->route->host[i];
        ec_node_t *row = ec_node_row(table);
        char text[1024];
        util_text_t list;

        util_text_init(&list, text, sizeof text);
        for (int j = 0; j < host->n_addresses; j++) {
            util_text_addf(&list, "%s%s", j > 0 ? " " : "", host->address[j]);
        }
        ec_node_text(row, "host", host->name != NULL ? host->name : "");
        ec_node_int(row, "preference", host->preference);
        ec_node_text(row, "addresses", text);
    }
}

static void add_counts(ec_node_t *group, queue_t *queue)
{
    ec_node_int(group, "active", (apr_int64_t)(queue->active.count + queue->doomed.count));
    ec_node_int(group, "in_attempts", (apr_int64_t)queue->n_attempted);
    ec_node_int(group, "delayed", (apr_int64_t)queue->delayed.count);
    ec_node_int(group, "resident", (apr_int64_t)queue->n_resident);
    ec_node_int(group, "deliveries", (apr_int64_t)queue->n_delivered);
    ec_node_int(group, "failures", (apr_int64_t)queue->n_failed);
    ec_node_int(group, "transient_failures", (apr_int64_t)queue->n_transient);
    ec_node_int(group, "connections", queue->n_sessions);
    ec_node_int(group, "connections_idle", queue->n_idle);
    ec_node_int(group, "connections_allowed_now", queue->goal);
    ec_node_int(group, "max_outbound_connections", queue_max_sessions(queue));
}

static void describe(queue_t *queue, ec_answer_t *answer)
{
    ec_node_t *group = ec_node_group(ec_answer_root(answer), "queue");
    char text[2048];

    ec_node_text(group, "domain", queue->domain);
    ec_node_text(group, "binding", queue->binding);
    ec_node_text(group, "binding_group", queue->group);
    queue_why(queue, text, sizeof text);
    ec_node_text(group, "state", text);
    add_counts(group, queue);
    ec_node_int(group, "consecutive_connection_failures", queue->failures);
    if (queue->failures > 0) {
        date_node(group, "unreachable_since", queue->unreachable_since);
        date_node(group, "next_connection", queue->hold_until);
        ec_node_text(group, "last_failure", reply_text(queue->reason));
    }
    if (queue->delayed.count > 0) {
        date_node(group, "next_retry", util_heap_first_key(&queue->delayed));
    }
    add_route(group, queue);
}

static void domain_loop(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    struct domain_ask *ask = baton;

    for (int i = 0; i < ask->n_of; i++) {
        apr_uint64_t hash = name_hash(ask->of[i], ask->domain);
        queue_set_t *set = queue_set_of(hash);
        queue_t *queue = set->loop == loop ? queue_find(set, hash, ask->of[i], ask->domain) : NULL;

        if (queue != NULL) {
            ask->n_found++;
            describe(queue, answer);
        }
    }
}

static void domain_end(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    struct domain_ask *ask = baton;

    if (ask->n_found == 0) {
        ec_answer_error(answer, "no mail is queued for %s, and none was in the last %d minutes", ask->domain,
                        QUEUE_KEPT_SECONDS / 60);
    }
}

static void domain(void *self, ec_answer_t *answer)
{
    struct domain_ask *ask = apr_pcalloc(ec_answer_pool(answer), sizeof *ask);
    char *name = apr_pstrdup(ec_answer_pool(answer), ec_answer_arg(answer, "name"));

    util_text_lower(name, strlen(name));
    ask->domain = name;
    ask->of = binding_all(NULL, &ask->n_of, ec_answer_pool(answer));
    ec_answer_gather(answer, domain_loop, domain_end, ask);
}

const ec_command_t queue_commands[] = {
    { "summary", EC_CMD_READ, summary, "the account of messages, queues, spool and recovery" },
    { "domain all", EC_CMD_READ, domain_all, "all domains: connections, active, delayed, sent" },
    { "domains", EC_CMD_READ, domain_all, "as domain all" },
    { "domain <name>", EC_CMD_READ, domain, "one domain: why its mail does or does not move, counts, hosts" },
    { "active <threshold>", EC_CMD_READ, active, "domains with more active messages than this" },
    { "delayed <threshold>", EC_CMD_READ, delayed, "domains with more delayed messages than this" },
    { "showqueue <domain> [<limit,offset>]", EC_CMD_READ, show_queue,
      "messages queued for a domain (100,0)" },
    { "showqueue binding <binding> <domain> [<limit,offset>]", EC_CMD_READ, show_queue,
      "messages queued for a domain and one or all bindings" },
    { "mailq [<options>] ...", EC_CMD_READ, show_mailq,
      "the largest queues by binding and domain: --domain NAME, --binding NAME, --limit N (20)" },
    { "binding active <binding> <threshold>", EC_CMD_READ, active, "as active, of one binding" },
    { "binding delayed <binding> <threshold>", EC_CMD_READ, delayed, "as delayed, of one binding" },
    { "binding summary [<binding>]", EC_CMD_READ, show_binding_summary,
      "what bindings, or those of group:NAME, have done and hold" },
    { "message <id>", EC_CMD_READ, show_message, "one message: envelope, state, attempts, last reply" },
    { "message details <id>", EC_CMD_READ, show_message, "as message" },
    { "message details full <id>", EC_CMD_READ, show_message_full, "one message with its text" },
    { "message details body <id>", EC_CMD_READ, show_message_body, "the text of one message" },
    EC_COMMAND_END
};

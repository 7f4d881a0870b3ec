/* commands.c - inbound_audit on the console
 * SPDX-License-Identifier: Apache-2.0
 *
 * A series is named by its name and its parameters, "seconds,windows".  Series of strings take their key where an address stands. */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "audit.h"
#include "store.h"

/* An answer is not to hold the master loop for long. */
enum { ROWS_MAX = 10000 };

static apr_time_t now_here(void)
{
    return ec_loop_now(ec_loop_self());
}

/* ---- arguments: each says on failure what is wrong, and returns 0 or NULL ------------------------------- */

/* To be closed. */
static ec_series_t *find_series(ec_answer_t *answer)
{
    const char *name = ec_answer_arg(answer, "series"), *parameters = ec_answer_arg(answer, "parameters");
    int interval, windows;
    ec_series_t *series;

    if (!audit_monitor(parameters, &interval, &windows)) {
        ec_answer_error(answer, "The parameters of a series are \"seconds,windows\", for example 60,10.");
        return NULL;
    }
    series = ec_series_find(name, interval, windows);
    if (series == NULL)
        ec_answer_error(answer, "There is no series \"%s\" with %d,%d; \"inbound_audit show all\" names them.", name, interval,
                        windows);
    return series;
}

struct key {
    const void *bytes;
    apr_size_t length;
    ec_series_network_t network;
};

static int read_key(ec_answer_t *answer, ec_series_t *series, struct key *key)
{
    const char *text = ec_answer_arg(answer, "ip");

    key->bytes = text;
    key->length = strlen(text);
    if (ec_series_info(series).id.type == EC_SERIES_STRING)
        return 1;
    if (!ec_series_network(&key->network, text) || key->network.bits != 8 * key->network.bytes) {
        ec_answer_error(answer, "\"%s\" is no address.", text);
        return 0;
    }
    key->bytes = key->network.address;
    key->length = (apr_size_t)key->network.bytes;
    return 1;
}

static int read_number(ec_answer_t *answer, const char *name, apr_int64_t max, apr_int64_t *number)
{
    const char *text = ec_answer_arg(answer, name);
    char *end;

    *number = apr_strtoi64(text, &end, 10);
    if (isdigit((unsigned char)text[0]) && *end == '\0' && *number <= max)
        return 1;
    ec_answer_error(answer, "<%s> is to be a number from 0 to %" APR_INT64_T_FMT ".", name, max);
    return 0;
}

static int read_network(ec_answer_t *answer, ec_series_network_t *network)
{
    const char *text = ec_answer_arg(answer, "network");

    if (ec_series_network(network, text))
        return 1;
    ec_answer_error(answer, "\"%s\" is no address and no network, for example 192.0.2.1 or 192.0.2.0/24.", text);
    return 0;
}

/* ---- changes ---------------------------------------------------------------------------------------------- */

/* Runs with a series and a key that are there. */
typedef void key_command_fn(ec_answer_t *answer, ec_series_t *series, const struct key *key);

static void with_key(ec_answer_t *answer, key_command_fn *run)
{
    ec_series_t *series = find_series(answer);
    struct key key;

    if (series == NULL)
        return;
    if (read_key(answer, series, &key))
        run(answer, series, &key);
    ec_series_close(series);
}

static void tell_count(ec_answer_t *answer, ec_series_t *series, const struct key *key)
{
    ec_node_int(ec_answer_root(answer), "count",
                (apr_int64_t)ec_series_count(series, key->bytes, key->length, 0, EC_SERIES_WINDOWS_MAX, now_here()));
}

static void add_to_key(ec_answer_t *answer, ec_series_t *series, const struct key *key)
{
    apr_int64_t n;

    if (!read_number(answer, "increment", APR_UINT32_MAX, &n))
        return;
    ec_series_add(series, key->bytes, key->length, (apr_uint32_t)n, now_here());
    tell_count(answer, series, key);
}

static void add(void *self, ec_answer_t *answer)
{
    with_key(answer, add_to_key);
}

static void subtract_from_key(ec_answer_t *answer, ec_series_t *series, const struct key *key)
{
    apr_int64_t n;
    apr_uint64_t taken;

    if (!read_number(answer, "decrement", APR_UINT32_MAX, &n))
        return;
    taken = ec_series_subtract(series, key->bytes, key->length, (apr_uint32_t)n, now_here());
    tell_count(answer, series, key);
    if (taken < (apr_uint64_t)n)
        ec_node_note(ec_answer_root(answer), "This node had counted %" APR_UINT64_T_FMT ", no more could be taken.", taken);
}

static void subtract(void *self, ec_answer_t *answer)
{
    with_key(answer, subtract_from_key);
}

static void delete_key(ec_answer_t *answer, ec_series_t *series, const struct key *key)
{
    if (ec_series_remove(series, key->bytes, key->length))
        ec_node_note(ec_answer_root(answer), "Removed.");
    else
        ec_answer_error(answer, "This node has counted nothing of %s in this series.", ec_answer_arg(answer, "ip"));
}

static void delete_ip(void *self, ec_answer_t *answer)
{
    with_key(answer, delete_key);
}

/* ---- counts --------------------------------------------------------------------------------------------------- */

static void count_series(ec_answer_t *answer, ec_series_t *series)
{
    apr_int64_t first, last;
    ec_series_network_t network;

    if (ec_series_info(series).id.type != EC_SERIES_CIDR)
        ec_answer_error(answer, "This is a series of strings: it has no networks.");
    else if (read_network(answer, &network) && read_number(answer, "period_start", EC_SERIES_WINDOWS_MAX, &first) &&
             read_number(answer, "period_end", EC_SERIES_WINDOWS_MAX, &last))
        ec_node_int(ec_answer_root(answer), "count",
                    (apr_int64_t)ec_series_count_network(series, &network, (int)first, (int)last, now_here()));
}

static void count_cidr(void *self, ec_answer_t *answer)
{
    ec_series_t *series = find_series(answer);

    if (series == NULL)
        return;
    count_series(answer, series);
    ec_series_close(series);
}

static void show_monitor(ec_node_t *table, const struct monitor *monitor, const ec_series_network_t *network)
{
    for (int kind = 0; kind < AUDIT_KIND_COUNT; kind++) {
        static const char *const titles[] = {
#define TITLE(id, name, title) title,
            AUDIT_KINDS(TITLE)
#undef TITLE
        };

        for (int i = 0; i < monitor->windows; i++) {
            ec_node_t *row = ec_node_row(table);

            ec_node_text(row, "type", titles[kind]);
            ec_node_int(row, "seconds", monitor->interval);
            ec_node_int(row, "window", i);
            ec_node_int(row, "count",
                        (apr_int64_t)ec_series_count_network(monitor->series[kind], network, i, i, now_here()));
        }
    }
}

static void show_ip(void *baton, ec_answer_t *answer)
{
    const struct inbound_audit *self = baton;
    ec_series_network_t network;
    ec_node_t *table;

    if (!read_network(answer, &network))
        return;
    if (self->counting.count == 0) {
        ec_node_note(ec_answer_root(answer), "No monitors are configured: nothing is counted.");
        return;
    }
    table = ec_node_table(ec_answer_root(answer), "counts");
    for (int i = 0; i < self->counting.count; i++)
        show_monitor(table, &self->counting.at[i], &network);
}

struct showing {
    ec_node_t *series_table, *table;
    ec_series_t *series;
    ec_series_info_t info;
    int rows;
};

static void show_key(ec_node_t *row, const struct showing *showing, const void *key, apr_size_t length)
{
    char text[EC_SERIES_KEY_MAX + 1];

    if (showing->info.id.type == EC_SERIES_CIDR) {
        ec_node_text(row, "key", inet_ntop(length == 4 ? AF_INET : AF_INET6, key, text, sizeof(text)));
        return;
    }
    for (apr_size_t i = 0; i < length; i++)
        text[i] = isprint(((const unsigned char *)key)[i]) ? ((const char *)key)[i] : '?';
    text[length] = '\0';
    ec_node_text(row, "key", text);
}

static int show_row(void *baton, const void *key, apr_size_t length, apr_int64_t newest, const apr_uint32_t *counts)
{
    struct showing *showing = baton;
    apr_uint64_t count = ec_series_count(showing->series, key, length, 0, EC_SERIES_WINDOWS_MAX, now_here());
    ec_node_t *row;

    if (count == 0)
        return 1;
    if (++showing->rows > ROWS_MAX)
        return 0;
    row = ec_node_row(showing->table);
    ec_node_text(row, "series", showing->info.id.name);
    ec_node_format(row, "parameters", "%d,%d", showing->info.id.interval, showing->info.id.windows);
    show_key(row, showing, key, length);
    ec_node_int(row, "count", (apr_int64_t)count);
    return 1;
}

static void show_series(void *baton, ec_series_t *series)
{
    struct showing *showing = baton;
    ec_node_t *row = ec_node_row(showing->series_table);

    showing->series = series;
    showing->info = ec_series_info(series);
    ec_node_text(row, "series", showing->info.id.name);
    ec_node_format(row, "parameters", "%d,%d", showing->info.id.interval, showing->info.id.windows);
    ec_node_text(row, "type", showing->info.id.type == EC_SERIES_CIDR ? "cidr" : "string");
    ec_node_int(row, "keys", (apr_int64_t)showing->info.keys);
    ec_node_int(row, "max_keys", (apr_int64_t)showing->info.max_keys);
    ec_node_int(row, "evicted", (apr_int64_t)showing->info.evicted);
    ec_node_int(row, "keys_of_others", (apr_int64_t)showing->info.others_keys);
    if (showing->rows <= ROWS_MAX)
        ec_series_keys(series, show_row, showing);
}

static void show_all(void *self, ec_answer_t *answer)
{
    struct showing showing = { .rows = 0 };

    showing.series_table = ec_node_table(ec_answer_root(answer), "series");
    showing.table = ec_node_table(ec_answer_root(answer), "counts");
    ec_series_each(show_series, &showing);
    if (showing.rows > ROWS_MAX)
        ec_node_note(ec_answer_root(answer), "There are more: only the first %d are shown.", ROWS_MAX);
}

/* ---- load ------------------------------------------------------------------------------------------------------- */

struct loading {
    ec_job_t job;
    apr_pool_t *pool;
    ec_answer_t *answer;
    const char *name, *file, *folder;
    apr_time_t now;
    const char *why;
    int series, keys;
};

/* From the file that was named, or from each series' own. */
static void load_one(void *baton, ec_series_t *series)
{
    struct loading *loading = baton;
    ec_series_id_t id = ec_series_info(series).id;
    const char *why = NULL;
    int keys = 0;

    if (strcmp(id.name, loading->name) != 0)
        return;
    if (store_read(series, loading->file != NULL ? loading->file : store_path(loading->folder, &id, loading->pool),
                   loading->now, &keys, &why, loading->pool) == APR_SUCCESS)
        loading->series++;
    else
        loading->why = why;
    loading->keys += keys;
}

static void load_all(void *baton)
{
    ec_series_each(load_one, baton);
}

/* A file is of one series of that name, so the others of it do not matter. */
static void on_loaded(void *baton)
{
    struct loading *loading = baton;

    if (loading->series > 0 && (loading->why == NULL || loading->file != NULL)) {
        ec_node_int(ec_answer_root(loading->answer), "series", loading->series);
        ec_node_int(ec_answer_root(loading->answer), "keys", loading->keys);
    } else {
        ec_answer_error(loading->answer, "%s", loading->why != NULL ? loading->why
                        : "There is no series of this name; \"inbound_audit show all\" names them.");
    }
    ec_answer_finish(loading->answer);
    apr_pool_destroy(loading->pool);
}

static void load(void *baton, ec_answer_t *answer)
{
    const struct inbound_audit *self = baton;
    const char *file = ec_answer_arg(answer, "filename");
    struct loading *loading;
    apr_pool_t *pool;

    if (file == NULL && self->serialize_dir[0] == '\0') {
        ec_answer_error(answer, "serialize_dir is empty: name a file.");
        return;
    }
    EC_ASSERT(apr_pool_create_unmanaged(&pool) == APR_SUCCESS);
    loading = apr_pcalloc(pool, sizeof(*loading));
    loading->pool = pool;
    loading->answer = answer;
    loading->name = apr_pstrdup(pool, ec_answer_arg(answer, "series"));
    loading->file = file == NULL ? NULL : file[0] == '/' ? apr_pstrdup(pool, file)
                                                         : apr_pstrcat(pool, self->serialize_dir, "/", file, NULL);
    loading->folder = apr_pstrdup(pool, self->serialize_dir);
    loading->now = now_here();
    ec_answer_hold(answer);
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &loading->job, load_all, on_loaded, loading);
}

/* ---- table -------------------------------------------------------------------------------------------------------- */

static void help(void *self, ec_answer_t *answer)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "commands");

    for (const ec_command_t *command = audit_commands; command->grammar != NULL; command++) {
        ec_node_t *row = ec_node_row(table);

        ec_node_format(row, "command", "inbound_audit %s", command->grammar);
        ec_node_text(row, "help", command->help);
    }
}

const ec_command_t audit_commands[] = {
    { "show all", EC_CMD_READ, show_all, "all series, and what they have counted of each key" },
    { "show ip <network>", EC_CMD_READ, show_ip, "what was counted of an address or network, by windows" },
    { "count_cidr <network> <series> <parameters> <period_start> <period_end>", EC_CMD_READ, count_cidr,
      "count of an address or network in the windows from period_start to period_end (0: the present one)" },
    { "add <series> <parameters> <ip> <increment>", EC_CMD_WRITE, add, "count so many more, now" },
    { "subtract <series> <parameters> <ip> <decrement>", EC_CMD_WRITE, subtract, "take back what was counted, newest first" },
    { "delete_ip <ip> <series> <parameters>", EC_CMD_WRITE, delete_ip, "forget what this node has counted of an address" },
    { "load <series> [<filename>]", EC_CMD_WRITE, load, "take over what a file says of a series" },
    { "help", EC_CMD_READ, help, "these commands" },
    EC_COMMAND_END
};

/* commands.c - commands about the process itself
 * SPDX-License-Identifier: Apache-2.0
 *
 * What only the server's main can do comes by control_actions_t. */
#include "control/control.h"

#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <apr_strings.h>
#include <apr_version.h>
#include <libxml/xmlversion.h>

#include <ec/counter.h>
#include <ec/module.h>

#include "control/answer.h"
#include "control/grammar.h"
#include "control/help.h"
#include "control/private.h"
#include "event/runtime.h"
#include "hook/hook.h"
#include "util/text.h"

#include "config.h"

static control_actions_t actions;

/* ---- who we are ---------------------------------------------------------------------------- */

static void version(void *self, ec_answer_t *answer)
{
    ec_node_text(ec_answer_root(answer), "version", PACKAGE_STRING);
}

static void pid(void *self, ec_answer_t *answer)
{
    ec_node_int(ec_answer_root(answer), "pid", getpid());
}

static void sysinfo(void *self, ec_answer_t *answer)
{
    ec_node_t *root = ec_answer_root(answer);
    struct utsname system = { 0 };

    uname(&system);
    ec_node_text(root, "product", PACKAGE_NAME);
    ec_node_text(root, "version", PACKAGE_VERSION);
    ec_node_int(root, "module_api", EC_MODULE_API);
    ec_node_int(root, "pid", getpid());
    ec_node_int(root, "loops", ec_loop_count());
    ec_node_int(root, "processors", sysconf(_SC_NPROCESSORS_ONLN));
    ec_node_text(root, "host", system.nodename);
    ec_node_format(root, "os_release", "%s %s", system.sysname, system.release);
    ec_node_format(root, "uname", "%s %s %s %s %s", system.sysname, system.nodename, system.release,
                   system.version, system.machine);
    ec_node_text(root, "apr", apr_version_string());
    ec_node_text(root, "libxml2", LIBXML_DOTTED_VERSION);
}

/* ---- configuration ------------------------------------------------------------------------- */

static void add_live(void *table, const conf_live_t *live)
{
    ec_node_t *row = ec_node_row(table);

    ec_node_int(row, "generation", (apr_int64_t)live->generation);
    ec_node_text(row, "state", live->is_in_force ? "in force" : live->refs > 0 ? "held" : "ending");
    ec_node_int(row, "references", live->refs);
    ec_node_int(row, "stanzas", live->stanzas);
    ec_node_int(row, "views", live->views);
    ec_node_int(row, "bytes", (apr_int64_t)live->bytes);
}

static void config_generations(void *self, ec_answer_t *answer)
{
    conf_each_live(add_live, ec_node_table(ec_answer_root(answer), "generations"));
}

/* ---- logs ------------------------------------------------------------------------------------ */

static void reopen_logs(void *self, ec_answer_t *answer)
{
    HOOK_CALL(log_reopen);
    ec_node_note(ec_answer_root(answer), "Logs reopened.");
}

static void add_message(void *table, ec_log_level_t level, apr_time_t when, const char *text)
{
    ec_node_t *row = ec_node_row(table);
    char date[UTIL_DATE_TEXT];

    ec_node_text(row, "time", util_text_iso_date(date, when));
    ec_node_text(row, "level", ec_log_level_name(level));
    ec_node_text(row, "text", text);
}

static void paniclog(void *self, ec_answer_t *answer)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "messages");

    for (int level = EC_LOG_CRITICAL; level >= EC_LOG_DEBUG; level--) {
        ec_log_recent((ec_log_level_t)level, add_message, table);
    }
}

/* ---- numbers --------------------------------------------------------------------------------- */

static void add_counter(void *table, const char *name, const char *help, apr_int64_t value)
{
    ec_node_t *row = ec_node_row(table);

    ec_node_int(row, "value", value);
    ec_node_text(row, "counter", name);
    ec_node_text(row, "help", help);
}

static void counter_list(void *self, ec_answer_t *answer)
{
    ec_counter_each(add_counter, ec_node_table(ec_answer_root(answer), "counters"));
}

static void add_pool(void *table, const event_threadpool_stats_t *stats)
{
    ec_node_t *row = ec_node_row(table);

    ec_node_text(row, "pool", stats->name);
    ec_node_int(row, "concurrency", stats->concurrency);
    ec_node_int(row, "threads", stats->threads);
    ec_node_int(row, "busy", stats->busy);
    ec_node_int(row, "queued", (apr_int64_t)stats->queued);
    ec_node_int(row, "done", (apr_int64_t)stats->done);
}

static void threads_stats(void *self, ec_answer_t *answer)
{
    event_threadpool_each(add_pool, ec_node_table(ec_answer_root(answer), "pools"));
}

static void loops(void *self, ec_answer_t *answer)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "loops");

    for (int i = 0; i < ec_loop_count(); i++) {
        event_loop_stats_t stats;
        ec_node_t *row = ec_node_row(table);

        event_loop_stats(ec_loop_at(i), &stats);
        ec_node_int(row, "loop", i);
        ec_node_int(row, "turns", (apr_int64_t)stats.turns);
        ec_node_int(row, "posts", (apr_int64_t)stats.posts);
        ec_node_int(row, "timers", (apr_int64_t)stats.timers);
        ec_node_int(row, "events", (apr_int64_t)stats.events);
        ec_node_float(row, "busy_percent", stats.busy_permille / 10.0, 1);
        ec_node_int(row, "longest_us", stats.longest);
        ec_node_text(row, "longest_kind", stats.longest_kind);
        ec_node_int(row, "longest_turn_us", stats.longest_turn);
    }
}

static void loops_reset(void *self, ec_answer_t *answer)
{
    for (int i = 0; i < ec_loop_count(); i++) {
        event_loop_forget_longest(ec_loop_at(i));
    }
    ec_node_note(ec_answer_root(answer), "The longest callbacks and turns are sought anew.");
}

/* ---- the end ----------------------------------------------------------------------------------- */

static void begin_shutdown(void *unused)
{
    actions.shutdown(actions.baton);
}

static void on_answer_on_its_way(void *post)
{
    ec_loop_post(ec_loop_at(0), post, begin_shutdown, NULL);
}

/* The answer is written in the next turn, so the stop begins in the one after. */
static void shut_down(void *self, ec_answer_t *answer)
{
    static ec_post_t post;
    static int is_posted;

    if (actions.shutdown == NULL) {
        ec_answer_error(answer, "this process can not be shut down from the console");
        return;
    }
    ec_node_note(ec_answer_root(answer), "Shutting down.");
    if (!is_posted) {
        is_posted = 1;
        ec_loop_post(ec_loop_at(0), &post, on_answer_on_its_way, &post);
    }
}

static const ec_command_t commands[] = {
    { "version", EC_CMD_READ, version, "version and product" },
    { "pid", EC_CMD_READ, pid, "process id of the server" },
    { "sysinfo", EC_CMD_READ, sysinfo, "version and platform" },
    { "config generations", EC_CMD_READ, config_generations,
      "generations of the configuration in memory, and who holds them" },
    { "reopen logs", EC_CMD_WRITE, reopen_logs, "close and open the log files, after a rotation" },
    { "paniclog", EC_CMD_READ, paniclog, "latest messages of the server, by level" },
    { "counter list", EC_CMD_READ, counter_list, "all counters" },
    { "threads stats", EC_CMD_READ, threads_stats, "thread pools" },
    { "loops", EC_CMD_READ, loops, "event loops: turns, load, longest callback and turn" },
    { "loops reset", EC_CMD_WRITE, loops_reset, "seek the longest callback and turn anew" },
    { "shutdown", EC_CMD_WRITE, shut_down, "stop the server cleanly" },
    EC_COMMAND_END
};

void control_start(const control_actions_t *from_main, ec_log_t *log)
{
    if (from_main != NULL) {
        actions = *from_main;
    }
    control_log = log;
    xmlInitParser(); /* before answers travel between threads */
    answer_on_end(control_run_waiters);
    control_add(help_commands, NULL, NULL, "core");
    control_add(commands, NULL, NULL, "core");
}

/* ec_logger.c - the standard logs: mainlog, paniclog, rejectlog and acctlog
 * SPDX-License-Identifier: Apache-2.0
 *
 * Hooks run on the loop where the thing happened; all they do is to format the line on
 * their stack and hand it to the file's buffer.  The page: ec_logger.md. */
#include <ec/logfile.h>
#include <ec/module.h>

#include <apr_strings.h>

#include "format.h"

enum { MAINLOG, PANICLOG, REJECTLOG, ACCTLOG, LOGS };

struct ec_logger {
    const char *mainlog, *paniclog, *rejectlog, *acctlog, *importlog, *owner;
    int mainlog_mode, paniclog_mode, rejectlog_mode, acctlog_log_mode, importlog_mode;
    apr_interval_time_t heartbeat;
    int log_receptions, log_deliveries, log_transient_failures, log_permanent_failures;
    int log_rejections, log_errors;

    const ec_instance_t *instance;
    ec_logfile_t *file[LOGS]; /* NULL: not written */
    ec_timer_t beat;
};

static void write_line(struct ec_logger *logger, int log, const char *line, apr_size_t length)
{
    if (logger->file[log] != NULL) {
        ec_logfile_write(logger->file[log], line, length);
    }
}

/* ---- hooks ------------------------------------------------------------------------- */

static void on_reception(void *self, const ec_event_t *event)
{
    struct ec_logger *logger = self;
    char line[EC_LINE_MAX];

    if (logger->log_receptions) {
        write_line(logger, MAINLOG, line, format_reception(line, event, logger->instance->is_hires));
    }
}

static void on_delivery(void *self, const ec_event_t *event)
{
    struct ec_logger *logger = self;
    char line[EC_LINE_MAX];

    if (logger->log_deliveries) {
        write_line(logger, MAINLOG, line, format_delivery(line, event, logger->instance->is_hires));
    }
}

static void on_transient_failure(void *self, const ec_event_t *event)
{
    struct ec_logger *logger = self;
    char line[EC_LINE_MAX];

    if (logger->log_transient_failures) {
        write_line(logger, MAINLOG, line, format_failure(line, 'T', event, logger->instance->is_hires));
    }
}

static void on_permanent_failure(void *self, const ec_event_t *event)
{
    struct ec_logger *logger = self;
    char line[EC_LINE_MAX];

    if (logger->log_permanent_failures) {
        write_line(logger, MAINLOG, line, format_failure(line, 'P', event, logger->instance->is_hires));
    }
}

static void on_rejection(void *self, const ec_rejection_t *rejection)
{
    struct ec_logger *logger = self;
    char line[EC_LINE_MAX];

    write_line(logger, REJECTLOG, line, format_rejection(line, rejection, logger->instance->is_hires));
}

static void on_access(void *self, const ec_access_event_t *event)
{
    struct ec_logger *logger = self;
    char line[EC_LINE_MAX];

    write_line(logger, ACCTLOG, line, format_access(line, event, logger->instance->is_hires));
}

static void on_reopen(void *self)
{
    struct ec_logger *logger = self;

    for (int i = 0; i < LOGS; i++) {
        if (logger->file[i] != NULL) {
            ec_logfile_reopen(logger->file[i]);
        }
    }
}

/* A message of the server, from any thread. */
static void on_message(void *baton, ec_log_level_t level, apr_time_t when, const char *text)
{
    struct ec_logger *logger = baton;
    char line[EC_LINE_MAX];

    if (level >= EC_LOG_NOTICE) {
        write_line(logger, PANICLOG, line, format_panic(line, when, text, logger->instance->is_hires));
    }
}

static void on_beat(void *baton)
{
    struct ec_logger *logger = baton;
    int is_hires = logger->instance->is_hires;
    char line[EC_LINE_MAX];

    ec_timer_start(&logger->beat, ec_loop_at(0), logger->heartbeat, on_beat, logger);
    write_line(logger, MAINLOG, line, format_heartbeat(line, apr_time_now(), is_hires));
    write_line(logger, REJECTLOG, line, format_reject_heartbeat(line, apr_time_now(), is_hires));
}

/* ---- life -------------------------------------------------------------------------- */

static void stop(void *self)
{
    struct ec_logger *logger = self;

    ec_timer_cancel(&logger->beat);
    ec_log_sink_remove(on_message, logger);
    for (int i = 0; i < LOGS; i++) {
        if (logger->file[i] != NULL) {
            ec_logfile_close(logger->file[i]);
        }
    }
}

static apr_status_t open_logs(struct ec_logger *logger, const char **why)
{
    const struct {
        const char *destination;
        int mode, is_on;
    } logs[LOGS] = {
        [MAINLOG] = { logger->mainlog, logger->mainlog_mode, 1 },
        [PANICLOG] = { logger->paniclog, logger->paniclog_mode, logger->log_errors },
        [REJECTLOG] = { logger->rejectlog, logger->rejectlog_mode, logger->log_rejections },
        [ACCTLOG] = { logger->acctlog, logger->acctlog_log_mode, 1 },
    };

    for (int i = 0; i < LOGS; i++) {
        if (logs[i].is_on && logs[i].destination[0] != '\0') {
            const ec_logfile_options_t how = { logs[i].mode, logger->owner };

            EC_TRY(ec_logfile_open(&logger->file[i], logs[i].destination, &how, logger->instance->log, why,
                                   logger->instance->pool));
        }
    }
    return APR_SUCCESS;
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct ec_logger *logger = self;
    apr_status_t rv;

    logger->instance = instance;
    if ((rv = open_logs(logger, why)) != APR_SUCCESS) {
        stop(logger);
    }
    return rv;
}

static apr_status_t start(void *self, const char **why)
{
    struct ec_logger *logger = self;

    if (logger->file[PANICLOG] != NULL) {
        ec_log_sink_add(on_message, logger);
    }
    if (logger->heartbeat > 0) {
        ec_timer_start(&logger->beat, ec_loop_at(0), logger->heartbeat, on_beat, logger);
    }
    return APR_SUCCESS;
}

/* ---- console ----------------------------------------------------------------------- */

static void reopen_logs(void *self, ec_answer_t *answer)
{
    on_reopen(self);
    ec_node_note(ec_answer_root(answer), "Logs reopened.");
}

static void show_status(void *self, ec_answer_t *answer)
{
    static const char *const names[LOGS] = { "mainlog", "paniclog", "rejectlog", "acctlog" };
    struct ec_logger *logger = self;
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "logs");

    for (int i = 0; i < LOGS; i++) {
        ec_logfile_status(table, names[i], logger->file[i]);
    }
}

/* ---- tables ------------------------------------------------------------------------ */

#define LOG_DIR "/var/log/ecelerity/"

static const ec_option_t options[] = {
    EC_OPT_STRING_CHECKED(struct ec_logger, mainlog, LOG_DIR "mainlog.ec", ec_logfile_check,
                  "Receptions, deliveries and failures; empty: none."),
    EC_OPT_PERMS(struct ec_logger, mainlog_mode, "0644", "Mode of a new mainlog."),
    EC_OPT_STRING_CHECKED(struct ec_logger, paniclog, LOG_DIR "paniclog.ec", ec_logfile_check, "Messages of the server; empty: none."),
    EC_OPT_PERMS(struct ec_logger, paniclog_mode, "0644", "Mode of a new paniclog."),
    EC_OPT_STRING_CHECKED(struct ec_logger, rejectlog, LOG_DIR "rejectlog.ec", ec_logfile_check,
                  "Refused commands and messages; empty: none."),
    EC_OPT_PERMS(struct ec_logger, rejectlog_mode, "0644", "Mode of a new rejectlog."),
    EC_OPT_STRING_CHECKED(struct ec_logger, acctlog, LOG_DIR "acctlog.ec", ec_logfile_check,
                  "Commands on the console, and who gave them; empty: none."),
    EC_OPT_PERMS(struct ec_logger, acctlog_log_mode, "0644", "Mode of a new acctlog."),
    EC_OPT_STRING(struct ec_logger, owner, "",
                  "Owner of new files: user, user:group or :group; empty: the server's own."),
    EC_OPT_TIME(struct ec_logger, heartbeat, "60",
                "Time between heartbeat lines in mainlog and rejectlog; 0: none."),
    EC_OPT_BOOL(struct ec_logger, log_receptions, "true", "Write R lines."),
    EC_OPT_BOOL(struct ec_logger, log_deliveries, "true", "Write D lines."),
    EC_OPT_BOOL(struct ec_logger, log_transient_failures, "true", "Write T lines."),
    EC_OPT_BOOL(struct ec_logger, log_permanent_failures, "true", "Write P lines."),
    EC_OPT_BOOL(struct ec_logger, log_rejections, "true", "Write the rejectlog."),
    EC_OPT_BOOL(struct ec_logger, log_errors, "true", "Write the paniclog."),
    /* documented, and written once there is something to import */
    { .name = "importlog", .type = EC_TYPE_STRING, .help = "Imported messages.", .flags = EC_OPTION_NO_EFFECT,
      .offset = offsetof(struct ec_logger, importlog) },
    { .name = "importlog_mode", .type = EC_TYPE_PERMS, .deflt = "0644", .help = "Mode of a new importlog.",
      .flags = EC_OPTION_NO_EFFECT, .offset = offsetof(struct ec_logger, importlog_mode) },
    EC_OPT_END
};

static const ec_hook_t hooks[] = {
    EC_HOOK(log_reception, on_reception),
    EC_HOOK(log_delivery, on_delivery),
    EC_HOOK(log_transient_failure, on_transient_failure),
    EC_HOOK(log_permanent_failure, on_permanent_failure),
    EC_HOOK(log_rejection, on_rejection),
    EC_HOOK(log_access, on_access),
    EC_HOOK(log_reopen, on_reopen),
    EC_HOOK_END,
};

static const ec_command_t commands[] = {
    { "reopen logs", EC_CMD_WRITE, reopen_logs, "close and open the files of this logger" },
    { "status", EC_CMD_READ, show_status, "lines written, dropped and waiting" },
    EC_COMMAND_END
};

EC_MODULE(ec_logger, struct ec_logger, .summary = "mainlog, paniclog, rejectlog and acctlog", .options = options,
          .hooks = hooks, .commands = commands, .init = init, .start = start, .stop = stop);

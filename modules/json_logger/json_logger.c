/* json_logger.c - what happens to messages, one JSON object a line
 * SPDX-License-Identifier: Apache-2.0
 *
 * For programs that read logs: no separators to split at, every value has its name.  Hooks
 * run on the loop where the thing happened: they format the line on their stack and hand it
 * to the file's buffer. */
#include <ec/bounce.h>
#include <ec/logfile.h>
#include <ec/module.h>

#include "format.h"

struct json_logger {
    const char *jsonlog, *owner;
    int jsonlog_mode;
    apr_interval_time_t heartbeat;
    int log_receptions, log_deliveries, log_transient_failures, log_permanent_failures, log_rejections;

    const ec_instance_t *instance;
    ec_logfile_t *file; /* NULL: not written */
    ec_timer_t beat;
};

static void write_line(struct json_logger *logger, const char *line, apr_size_t length)
{
    if (length > 0) {
        ec_logfile_write(logger->file, line, length);
    }
}

/* ---- hooks ------------------------------------------------------------------------------ */

static void on_reception(void *self, const ec_event_t *event)
{
    struct json_logger *logger = self;
    char line[EC_LINE_MAX];

    if (logger->file != NULL && logger->log_receptions) {
        write_line(logger, line, format_json_reception(line, event));
    }
}

static void on_delivery(void *self, const ec_event_t *event)
{
    struct json_logger *logger = self;
    char line[EC_LINE_MAX];

    if (logger->file != NULL && logger->log_deliveries) {
        write_line(logger, line, format_json_delivery(line, event));
    }
}

static void write_failure(struct json_logger *logger, const char *type, const ec_event_t *event)
{
    char line[EC_LINE_MAX];

    write_line(logger, line,
               format_json_failure(line, type, event, ec_bounce_classify(event->text, event->domain)));
}

static void on_transient_failure(void *self, const ec_event_t *event)
{
    struct json_logger *logger = self;

    if (logger->file != NULL && logger->log_transient_failures) {
        write_failure(logger, "transient_failure", event);
    }
}

static void on_permanent_failure(void *self, const ec_event_t *event)
{
    struct json_logger *logger = self;

    if (logger->file != NULL && logger->log_permanent_failures) {
        write_failure(logger, "permanent_failure", event);
    }
}

static void on_rejection(void *self, const ec_rejection_t *rejection)
{
    struct json_logger *logger = self;
    char line[EC_LINE_MAX];

    if (logger->file != NULL && logger->log_rejections) {
        write_line(logger, line, format_json_rejection(line, rejection));
    }
}

static void on_reopen(void *self)
{
    struct json_logger *logger = self;

    if (logger->file != NULL) {
        ec_logfile_reopen(logger->file);
    }
}

static void on_beat(void *baton)
{
    struct json_logger *logger = baton;
    char line[EC_LINE_MAX];

    ec_timer_start(&logger->beat, ec_loop_at(0), logger->heartbeat, on_beat, logger);
    write_line(logger, line, format_json_heartbeat(line, apr_time_now()));
}

/* ---- life ------------------------------------------------------------------------------- */

static void stop(void *self)
{
    struct json_logger *logger = self;

    ec_timer_cancel(&logger->beat);
    if (logger->file != NULL) {
        ec_logfile_close(logger->file);
    }
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct json_logger *logger = self;
    const ec_logfile_options_t how = { logger->jsonlog_mode, logger->owner };

    logger->instance = instance;
    if (logger->jsonlog[0] == '\0') {
        return APR_SUCCESS;
    }
    return ec_logfile_open(&logger->file, logger->jsonlog, &how, instance->log, why, instance->pool);
}

static apr_status_t start(void *self, const char **why)
{
    struct json_logger *logger = self;

    if (logger->file != NULL && logger->heartbeat > 0) {
        ec_timer_start(&logger->beat, ec_loop_at(0), logger->heartbeat, on_beat, logger);
    }
    return APR_SUCCESS;
}

/* ---- console ------------------------------------------------------------------------------ */

static void reopen_logs(void *self, ec_answer_t *answer)
{
    on_reopen(self);
    ec_node_note(ec_answer_root(answer), "Logs reopened.");
}

static void show_status(void *self, ec_answer_t *answer)
{
    struct json_logger *logger = self;

    ec_logfile_status(ec_node_table(ec_answer_root(answer), "logs"), "jsonlog", logger->file);
}

/* ---- tables ------------------------------------------------------------------------------- */

static const ec_option_t options[] = {
    EC_OPT_STRING_CHECKED(struct json_logger, jsonlog, "/var/log/ecelerity/jsonlog.ec", ec_logfile_check,
                  "Where the lines are written; empty: nowhere."),
    EC_OPT_PERMS(struct json_logger, jsonlog_mode, "0644", "Mode of a new file."),
    EC_OPT_STRING(struct json_logger, owner, "",
                  "Owner of a new file: user, user:group or :group; empty: the server's own."),
    EC_OPT_TIME(struct json_logger, heartbeat, "60", "Time between heartbeat lines; 0: none."),
    EC_OPT_BOOL(struct json_logger, log_receptions, "true", "Write receptions."),
    EC_OPT_BOOL(struct json_logger, log_deliveries, "true", "Write deliveries."),
    EC_OPT_BOOL(struct json_logger, log_transient_failures, "true", "Write failures that will be tried again."),
    EC_OPT_BOOL(struct json_logger, log_permanent_failures, "true", "Write failures for good."),
    EC_OPT_BOOL(struct json_logger, log_rejections, "true", "Write refused commands and messages."),
    EC_OPT_END
};

static const ec_hook_t hooks[] = {
    EC_HOOK(log_reception, on_reception),
    EC_HOOK(log_delivery, on_delivery),
    EC_HOOK(log_transient_failure, on_transient_failure),
    EC_HOOK(log_permanent_failure, on_permanent_failure),
    EC_HOOK(log_rejection, on_rejection),
    EC_HOOK(log_reopen, on_reopen),
    EC_HOOK_END,
};

static const ec_command_t commands[] = {
    { "reopen logs", EC_CMD_WRITE, reopen_logs, "close and open the files of this logger" },
    { "status", EC_CMD_READ, show_status, "lines written, dropped and waiting" },
    EC_COMMAND_END
};

EC_MODULE(json_logger, struct json_logger, .summary = "events of messages as JSON lines", .options = options,
          .hooks = hooks, .commands = commands, .init = init, .start = start, .stop = stop);

/* bounce_logger.c - the bouncelog: failures with what they mean
 * SPDX-License-Identifier: Apache-2.0
 *
 * Hooks run on the loop where the failure happened: the reply is classified there
 * (ec_bounce_classify()), the line formatted and handed to the file's buffer. */
#include <ec/bounce.h>
#include <ec/logfile.h>
#include <ec/module.h>

#include "format.h"

struct bounce_logger {
    const char *bouncelog, *owner;
    int bouncelog_mode;
    apr_interval_time_t heartbeat;
    int log_inband_bounces, log_outofband_bounces, log_transient_failures;

    const ec_instance_t *instance;
    ec_logfile_t *file; /* NULL: not written */
    ec_timer_t beat;
};

static void write_failure(struct bounce_logger *logger, char type, const ec_event_t *event)
{
    int class = ec_bounce_classify(event->text, event->domain)->code;
    char line[EC_LINE_MAX];

    if (class != EC_BOUNCE_SUBSCRIBE) { /* a request that came as an answer: it is not a bounce */
        ec_logfile_write(logger->file, line, format_bounce(line, type, event, class, logger->instance->is_hires));
    }
}

static void on_permanent_failure(void *self, const ec_event_t *event)
{
    struct bounce_logger *logger = self;

    if (logger->file != NULL && logger->log_inband_bounces) {
        write_failure(logger, 'B', event);
    }
}

static void on_transient_failure(void *self, const ec_event_t *event)
{
    struct bounce_logger *logger = self;

    if (logger->file != NULL && logger->log_transient_failures) {
        write_failure(logger, 'T', event);
    }
}

static void on_reopen(void *self)
{
    struct bounce_logger *logger = self;

    if (logger->file != NULL) {
        ec_logfile_reopen(logger->file);
    }
}

static void on_beat(void *baton)
{
    struct bounce_logger *logger = baton;
    char line[EC_LINE_MAX];

    ec_timer_start(&logger->beat, ec_loop_at(0), logger->heartbeat, on_beat, logger);
    ec_logfile_write(logger->file, line, format_bounce_heartbeat(line, apr_time_now(), logger->instance->is_hires));
}

/* ---- life ------------------------------------------------------------------------------- */

static void stop(void *self)
{
    struct bounce_logger *logger = self;

    ec_timer_cancel(&logger->beat);
    if (logger->file != NULL) {
        ec_logfile_close(logger->file);
    }
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct bounce_logger *logger = self;
    const ec_logfile_options_t how = { logger->bouncelog_mode, logger->owner };

    logger->instance = instance;
    if (logger->bouncelog[0] == '\0') {
        return APR_SUCCESS;
    }
    return ec_logfile_open(&logger->file, logger->bouncelog, &how, instance->log, why, instance->pool);
}

static apr_status_t start(void *self, const char **why)
{
    struct bounce_logger *logger = self;

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
    struct bounce_logger *logger = self;

    ec_logfile_status(ec_node_table(ec_answer_root(answer), "logs"), "bouncelog", logger->file);
}

/* ---- tables ------------------------------------------------------------------------------- */

static const ec_option_t options[] = {
    EC_OPT_STRING_CHECKED(struct bounce_logger, bouncelog, "/var/log/ecelerity/bouncelog.ec", ec_logfile_check,
                  "Where bounces are written; empty: nowhere."),
    EC_OPT_PERMS(struct bounce_logger, bouncelog_mode, "0644", "Mode of a new bouncelog."),
    EC_OPT_STRING(struct bounce_logger, owner, "",
                  "Owner of a new file: user, user:group or :group; empty: the server's own."),
    EC_OPT_TIME(struct bounce_logger, heartbeat, "60", "Time between heartbeat lines; 0: none."),
    EC_OPT_BOOL(struct bounce_logger, log_inband_bounces, "true",
                "Write B lines for mail that another server refused for good."),
    { .name = "log_outofband_bounces", .type = EC_TYPE_BOOL, .deflt = "true",
      .help = "Write B lines for bounces that come as mail.", .flags = EC_OPTION_NO_EFFECT,
      .offset = offsetof(struct bounce_logger, log_outofband_bounces) },
    EC_OPT_BOOL(struct bounce_logger, log_transient_failures, "true", "Write T lines."),
    EC_OPT_END
};

static const ec_hook_t hooks[] = {
    EC_HOOK(log_permanent_failure, on_permanent_failure),
    EC_HOOK(log_transient_failure, on_transient_failure),
    EC_HOOK(log_reopen, on_reopen),
    EC_HOOK_END,
};

static const ec_command_t commands[] = {
    { "reopen logs", EC_CMD_WRITE, reopen_logs, "close and open the files of this logger" },
    { "status", EC_CMD_READ, show_status, "lines written, dropped and waiting" },
    EC_COMMAND_END
};

EC_MODULE(bounce_logger, struct bounce_logger, .summary = "bouncelog", .options = options, .hooks = hooks,
          .commands = commands, .init = init, .start = start, .stop = stop);

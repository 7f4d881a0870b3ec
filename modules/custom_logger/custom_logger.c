/* custom_logger.c - formats and files of the operator's own
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stage is on when it has a format.  Its lines go to its own file or, without one, to the
 * mainlog of the instance; stages that name the same destination share one file.  Hooks run
 * on the loop where the thing happened: they format the line on their stack and hand it to
 * the file's buffer, so a slow destination keeps no mail. */
#include <ec/logfile.h>
#include <ec/module.h>

#include <string.h>

#include <apr_strings.h>

#include "format.h"

enum { PANICLOG = STAGES, DESTINATIONS };

struct stage_options {
    const char *logfile, *format;
    int log_mode, is_on;           /* is_on: log_receptions and its like */
};

struct custom_logger {
    struct stage_options stage[STAGES], xfer;
    const char *mainlog, *paniclog, *owner, *sanitize, *namespace, *thread_pool;
    int mainlog_mode, paniclog_mode, log_errors;
    apr_int64_t concurrency;

    const ec_instance_t *instance;
    sanitize_t rules;
    format_t format[STAGES];
    ec_logfile_t *file[DESTINATIONS];        /* may be shared; NULL: not written */
    const char *destination[DESTINATIONS];
};

static const char *const stage_names[STAGES] = { "reception", "delivery", "transient_failure", "permanent_failure",
                                                 "rejection" };
static const char *const switch_names[STAGES] = { "log_receptions", "log_deliveries", "log_transient_failures",
                                                  "log_permanent_failures", "log_rejections" };

/* ---- hooks -------------------------------------------------------------------------------- */

static void write_event(struct custom_logger *logger, log_stage_t stage, const ec_event_t *event,
                        const ec_conn_t *conn)
{
    const record_t record = { stage, event, &logger->rules, logger->instance->is_hires, conn };
    char line[EC_LINE_MAX];

    if (logger->file[stage] != NULL) {
        ec_logfile_write(logger->file[stage], line, format_line(line, &logger->format[stage], &record));
    }
}

static void on_reception(void *self, const ec_event_t *event)
{
    write_event(self, STAGE_RECEPTION, event, NULL);
}

static void on_delivery(void *self, const ec_event_t *event)
{
    write_event(self, STAGE_DELIVERY, event, NULL);
}

static void on_transient_failure(void *self, const ec_event_t *event)
{
    write_event(self, STAGE_TRANSIENT_FAILURE, event, NULL);
}

static void on_permanent_failure(void *self, const ec_event_t *event)
{
    write_event(self, STAGE_PERMANENT_FAILURE, event, NULL);
}

/* There is no message with an id; of a transaction that has begun there are the sender and the batch, and
 * of a refused RCPT its recipient. */
static void on_rejection(void *self, const ec_rejection_t *rejection)
{
    char address[128], text[EC_LINE_MAX];
    const char *port = strrchr(rejection->remote, ':');
    const ec_batch_t *batch = rejection->batch;
    const ec_event_t event = {
        .when = rejection->when,
        .batch_id = batch != NULL ? ec_batch_id(batch) : (ec_id_t){ 0 },
        .connection = rejection->connection,
        .sender = batch != NULL ? ec_batch_sender(batch) : "",
        .recipient = rejection->recipient,
        .domain = "",
        .binding = "",
        .group = "",
        .protocol = "",
        .address = address,
        .text = text,
        .stage = EC_STAGE_UNKNOWN,
        .message_size = batch != NULL ? ec_batch_size(batch) : 0,
        .batch = batch,
    };
    apr_size_t length = port != NULL ? (apr_size_t)(port - rejection->remote) : strlen(rejection->remote);

    apr_cpystrn(address, rejection->remote, length < sizeof address ? length + 1 : sizeof address);
    apr_snprintf(text, sizeof text, "%d %s", rejection->code, rejection->text);
    write_event(self, STAGE_REJECTION, &event, rejection->conn);
}

/* A message of the server, from any thread. */
static void on_message(void *baton, ec_log_level_t level, apr_time_t when, const char *text)
{
    struct custom_logger *logger = baton;
    char buffer[EC_LINE_MAX];
    ec_line_t line;

    if (level >= EC_LOG_NOTICE) {
        ec_line_begin(&line, buffer, sizeof buffer);
        ec_line_time(&line, when, logger->instance->is_hires);
        ec_line_char(&line, ':');
        ec_line_escaped(&line, text, strlen(text), "");
        ec_logfile_write(logger->file[PANICLOG], buffer, ec_line_end(&line));
    }
}

/* Is this the first of those that share the file? */
static int is_first(const struct custom_logger *logger, int i)
{
    for (int k = 0; k < i; k++) {
        if (logger->file[k] == logger->file[i]) {
            return 0;
        }
    }
    return logger->file[i] != NULL;
}

static void on_reopen(void *self)
{
    struct custom_logger *logger = self;

    for (int i = 0; i < DESTINATIONS; i++) {
        if (is_first(logger, i)) {
            ec_logfile_reopen(logger->file[i]);
        }
    }
}

/* ---- life ---------------------------------------------------------------------------------- */

static void stop(void *self)
{
    struct custom_logger *logger = self;

    ec_log_sink_remove(on_message, logger);
    for (int i = DESTINATIONS - 1; i >= 0; i--) {
        if (is_first(logger, i)) {
            ec_logfile_close(logger->file[i]);
        }
    }
}

static apr_status_t open_file(struct custom_logger *logger, int i, const char *destination, int mode, const char **why)
{
    const ec_logfile_options_t how = { mode, logger->owner };

    logger->destination[i] = destination;
    for (int k = 0; k < i; k++) {
        if (logger->file[k] != NULL && strcmp(logger->destination[k], destination) == 0) {
            logger->file[i] = logger->file[k];
            return APR_SUCCESS;
        }
    }
    return ec_logfile_open(&logger->file[i], destination, &how, logger->instance->log, why, logger->instance->pool);
}

static apr_status_t open_stage(struct custom_logger *logger, int i, const char **why)
{
    const struct stage_options *stage = &logger->stage[i];
    int has_own = stage->logfile != NULL && stage->logfile[0] != '\0';

    if (stage->format == NULL || stage->format[0] == '\0') {
        if (stage->is_on) {
            *why = apr_psprintf(logger->instance->pool, "%s is on, but there is no %s_format", switch_names[i],
                                stage_names[i]);
        }
        return stage->is_on ? EC_E_CONFIG : APR_SUCCESS;
    }
    if ((*why = format_parse(&logger->format[i], stage->format, logger->instance->pool)) != NULL) {
        *why = apr_psprintf(logger->instance->pool, "%s_%s", stage_names[i], *why);
        return EC_E_CONFIG;
    }
    return open_file(logger, i, has_own ? stage->logfile : logger->mainlog,
                     has_own ? stage->log_mode : logger->mainlog_mode, why);
}

static apr_status_t set_up(struct custom_logger *logger, const char **why)
{
    if ((*why = sanitize_parse(&logger->rules, logger->sanitize, logger->instance->pool)) != NULL) {
        return EC_E_CONFIG;
    }
    for (int i = 0; i < STAGES; i++) {
        EC_TRY(open_stage(logger, i, why));
    }
    return logger->log_errors ? open_file(logger, PANICLOG, logger->paniclog, logger->paniclog_mode, why) : APR_SUCCESS;
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct custom_logger *logger = self;
    apr_status_t rv;

    logger->instance = instance;
    if ((rv = set_up(logger, why)) != APR_SUCCESS) {
        stop(logger);
    }
    return rv;
}

static apr_status_t start(void *self, const char **why)
{
    struct custom_logger *logger = self;

    if (logger->file[PANICLOG] != NULL) {
        ec_log_sink_add(on_message, logger);
    }
    return APR_SUCCESS;
}

/* ---- console --------------------------------------------------------------------------------- */

static void reopen_logs(void *self, ec_answer_t *answer)
{
    on_reopen(self);
    ec_node_note(ec_answer_root(answer), "Logs reopened.");
}

static void show_status(void *self, ec_answer_t *answer)
{
    struct custom_logger *logger = self;
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "logs");

    for (int i = 0; i < DESTINATIONS; i++) {
        if (is_first(logger, i)) {
            ec_logfile_status(table, logger->destination[i], logger->file[i]);
        }
    }
}

static void show_macros(void *self, ec_answer_t *answer)
{
    static const char *const arguments[] = { "", "{text}", "[{text}]", "{n}", "[{n}]" };
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "macros");

    for (const macro_t *macro = macros; macro->name != NULL; macro++) {
        ec_node_t *row = ec_node_row(table);

        ec_node_format(row, "macro", "%%%s%s", macro->name, arguments[macro->argument]);
        ec_node_text(row, "meaning", macro->help);
    }
}

/* ---- what an option may be ----------------------------------------------------------------------- */

static const char *check_format(const char *text, apr_pool_t *pool)
{
    format_t format;

    return format_parse(&format, text, pool);
}

static const char *check_sanitize(const char *text, apr_pool_t *pool)
{
    sanitize_t rules;

    return sanitize_parse(&rules, text, pool);
}

/* ---- tables ------------------------------------------------------------------------------------ */

#define FIELD(member) offsetof(struct custom_logger, member)
#define STAGE_ROWS(name_, member, flags_)                                                                             \
    { .name = name_ "_logfile", .type = EC_TYPE_STRING, .flags = (flags_), .offset = FIELD(member.logfile),            \
      .check = ec_logfile_check,                                                                                      \
      .help = "Where lines of this stage go; without it they go to mainlog." },                                       \
    { .name = name_ "_format", .type = EC_TYPE_STRING, .flags = (flags_), .offset = FIELD(member.format),              \
      .check = check_format,                                                                                          \
      .help = "Format of a line; without it the stage is not logged." },                                              \
    { .name = name_ "_log_mode", .type = EC_TYPE_PERMS, .deflt = "0644", .flags = (flags_),                            \
      .offset = FIELD(member.log_mode), .help = "Mode of a new file." }
#define SWITCH_ROW(name_, stage_)                                                                                     \
    { .name = name_, .type = EC_TYPE_BOOL, .deflt = "false", .offset = FIELD(stage[stage_].is_on),                    \
      .help = "Insist on this stage: an error when it has no format." }
#define NO_EFFECT_ROW(field, type_, deflt_, help_)                                                                    \
    { .name = #field, .type = type_, .deflt = (deflt_), .help = (help_), .flags = EC_OPTION_NO_EFFECT,                \
      .offset = FIELD(field) }

static const ec_option_t options[] = {
    STAGE_ROWS("reception", stage[STAGE_RECEPTION], 0),
    STAGE_ROWS("delivery", stage[STAGE_DELIVERY], 0),
    STAGE_ROWS("transient_failure", stage[STAGE_TRANSIENT_FAILURE], 0),
    STAGE_ROWS("permanent_failure", stage[STAGE_PERMANENT_FAILURE], 0),
    STAGE_ROWS("rejection", stage[STAGE_REJECTION], 0),
    STAGE_ROWS("xfer", xfer, EC_OPTION_NO_EFFECT),
    SWITCH_ROW("log_receptions", STAGE_RECEPTION),
    SWITCH_ROW("log_deliveries", STAGE_DELIVERY),
    SWITCH_ROW("log_transient_failures", STAGE_TRANSIENT_FAILURE),
    SWITCH_ROW("log_permanent_failures", STAGE_PERMANENT_FAILURE),
    SWITCH_ROW("log_rejections", STAGE_REJECTION),
    EC_OPT_BOOL(struct custom_logger, log_errors, "false", "Write messages of the server to paniclog."),
    EC_OPT_STRING_CHECKED(struct custom_logger, mainlog, "/var/log/ecelerity/mainlog.cl", ec_logfile_check,
                  "Where the lines of stages without a file of their own go."),
    EC_OPT_PERMS(struct custom_logger, mainlog_mode, "0644", "Mode of a new mainlog."),
    EC_OPT_STRING_CHECKED(struct custom_logger, paniclog, "/var/log/ecelerity/paniclog.cl", ec_logfile_check,
                          "Messages of the server."),
    EC_OPT_PERMS(struct custom_logger, paniclog_mode, "0644", "Mode of a new paniclog."),
    EC_OPT_STRING(struct custom_logger, owner, "",
                  "Owner of new files: user, user:group or :group; empty: the server's own."),
    EC_OPT_STRING_CHECKED(struct custom_logger, sanitize, "", check_sanitize,
                  "What is done to texts from outside: special_characters, non_printable, tr/from/to/."),
    NO_EFFECT_ROW(namespace, EC_TYPE_STRING, "custom_logger,sieve", "Where macros are looked up."),
    NO_EFFECT_ROW(thread_pool, EC_TYPE_STRING, NULL, "Each destination has a thread of its own here."),
    NO_EFFECT_ROW(concurrency, EC_TYPE_INT, "1", "Each destination has a thread of its own here."),
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
    { "macros", EC_CMD_READ, show_macros, "what a format may hold" },
    EC_COMMAND_END
};

EC_MODULE(custom_logger, struct custom_logger, .summary = "logs in formats of one's own", .options = options,
          .hooks = hooks, .commands = commands, .init = init, .start = start, .stop = stop);

/* follow.c - a module that takes part at every point, writes down what it sees, and does at a point what it was told
 * SPDX-License-Identifier: Apache-2.0
 *
 * `file` gets a line for each call: "hook detail".  `at` names a hook and `action` what to do there:
 *   reject            refuse with `text`
 *   job, dns          suspend, go on after a job or a look-up of `text`, and write down the answer
 *   thread            suspend, and resume from a thread of a pool
 *   keep              suspend until the console says "follow release"
 *   header, context, route, drop, add, mime
 *                     change the message with `text` */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>
#include <ec/context.h>
#include <ec/dns.h>
#include <ec/header.h>
#include <ec/inject.h>
#include <ec/mime.h>
#include <ec/module.h>
#include <ec/out.h>
#include <ec/slot.h>

struct per_conn {
    int hooks;
};
struct per_batch {
    int hooks;
    char *owned;
};
struct per_loop {
    int hooks;
    char pad[100];
};
EC_SLOT_TYPE(conn_slot, struct per_conn)
EC_SLOT_TYPE(batch_slot, struct per_batch)
EC_LOOP_SLOT_TYPE(loop_slot, struct per_loop)

struct follow {
    const char *file, *at, *action, *text;
    FILE *out;
    pthread_mutex_t lock;
    const ec_instance_t *instance;
    ec_log_t *log;
    conn_slot_t per_conn;
    batch_slot_t per_batch;
    loop_slot_t per_loop;
    ec_conn_t *kept;
    ec_timer_t timer;
};

static void note(struct follow *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void note(struct follow *f, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    pthread_mutex_lock(&f->lock);
    vfprintf(f->out, format, args);
    fputc('\n', f->out);
    fflush(f->out);
    pthread_mutex_unlock(&f->lock);
    va_end(args);
    if (ec_loop_self() != NULL) {
        loop_slot_here(&f->per_loop)->hooks++;
    }
}

/* ---- suspending -------------------------------------------------------------------------------- */

struct wait {
    ec_job_t job;
    struct follow *f;
    ec_conn_t *conn;
    char result[200];
};

static void work(void *baton)
{
    struct wait *wait = baton;
    FILE *file = fopen(wait->f->text, "r"); /* something that blocks */

    if (file != NULL) {
        if (fgets(wait->result, sizeof wait->result, file) == NULL) {
            wait->result[0] = '\0';
        }
        fclose(file);
    }
}

static void on_done(void *baton)
{
    struct wait *wait = baton;

    note(wait->f, "job %s", wait->result);
    ec_conn_resume(wait->conn, EC_CONTINUE);
    free(wait);
}

static void work_and_resume(void *baton)
{
    struct wait *wait = baton;
    ec_conn_t *conn = wait->conn;

    note(wait->f, "thread");
    free(wait);
    ec_conn_resume(conn, EC_CONTINUE);
}

static void on_answer(void *baton, apr_status_t rv, const ec_dns_answer_t *answer)
{
    struct wait *wait = baton;

    note(wait->f, "dns %d %s", rv == APR_SUCCESS, answer->n > 0 ? answer->text[0] : "-");
    ec_conn_resume(wait->conn, EC_CONTINUE);
    free(wait);
}

static int is_action(const struct follow *f, const char *action)
{
    return strcmp(f->action, action) == 0;
}

static ec_verdict_t suspend(struct follow *f, ec_conn_t *conn)
{
    struct wait *wait = calloc(1, sizeof *wait);

    wait->f = f;
    wait->conn = conn;
    if (is_action(f, "job")) {
        ec_job_run(ec_threadpool_find("IO"), ec_loop_self(), &wait->job, work, on_done, wait);
    } else if (is_action(f, "thread")) {
        ec_job_run(ec_threadpool_find("CPU"), NULL, &wait->job, work_and_resume, NULL, wait);
    } else if (is_action(f, "dns")) {
        ec_dns_ask(ec_loop_self(), f->text, EC_DNS_TXT, on_answer, wait);
    } else {
        free(wait);
        f->kept = conn;
    }
    return EC_SUSPEND;
}

/* ---- changing ------------------------------------------------------------------------------------- */

static int show_part(void *baton, const char *data, apr_size_t len)
{
    note(baton, "part %.*s", (int)strcspn(data, "\r"), data);
    return 1;
}

static void read_parts(struct follow *f, ec_batch_t *batch)
{
    const ec_part_t *parts;
    apr_pool_t *pool;
    int n;

    apr_pool_create(&pool, NULL);
    if (ec_mime_parts(batch, &parts, &n, pool) == APR_SUCCESS) {
        for (int i = 0; i < n; i++) {
            note(f, "mime %d %s %s", parts[i].depth, parts[i].type, parts[i].file);
            if (strncmp(parts[i].type, "text/", 5) == 0) {
                ec_mime_decode(batch, &parts[i], show_part, f);
            }
        }
    }
    apr_pool_destroy(pool);
}

/* By the header field whose name is the text: "name", or "group name". */
static void choose_binding(struct follow *f, ec_batch_t *batch)
{
    char name[300];
    apr_status_t rv;

    if (!ec_batch_header(batch, f->text, name, sizeof name)) {
        return;
    }
    for (int i = 0; i < ec_batch_recipients(batch); i++) {
        if (strncmp(name, "group ", 6) == 0) {
            rv = ec_batch_set_binding_group(batch, i, name + 6);
        } else {
            rv = ec_batch_set_binding(batch, i, name);
        }
        note(f, "bound %d %s %s", rv, ec_batch_binding_group(batch, i), ec_batch_binding(batch, i));
    }
}

static void change(struct follow *f, ec_batch_t *batch)
{
    if (is_action(f, "header")) {
        ec_header_set(batch, "X-Follow", f->text);
        ec_header_remove(batch, "X-Drop");
    } else if (is_action(f, "context")) {
        ec_batch_context_set(batch, EC_CONTEXT_MESS, "color", f->text);
    } else if (is_action(f, "route")) {
        ec_batch_set_route(batch, 0, f->text);
    } else if (is_action(f, "bind")) {
        choose_binding(f, batch);
    } else if (is_action(f, "drop")) {
        while (ec_batch_recipients(batch) > 0) {
            ec_batch_remove_recipient(batch, 0);
        }
    } else if (is_action(f, "add")) {
        ec_batch_add_recipient(batch, f->text);
    } else if (is_action(f, "mime")) {
        read_parts(f, batch);
    }
}

static int is_here(const struct follow *f, const char *hook)
{
    return strcmp(f->at, hook) == 0;
}

static ec_verdict_t in(struct follow *f, const char *hook, ec_conn_t *conn, ec_batch_t *batch, const char *detail)
{
    note(f, "%s %s", hook, detail);
    conn_slot_of_conn(&f->per_conn, conn)->hooks++;
    if (!is_here(f, hook)) {
        return EC_CONTINUE;
    }
    if (is_action(f, "reject")) {
        ec_conn_reply(conn, 550, f->text);
        return EC_REJECT;
    }
    if (is_action(f, "job") || is_action(f, "thread") || is_action(f, "dns") || is_action(f, "keep")) {
        return suspend(f, conn);
    }
    if (batch == NULL && is_action(f, "context")) {
        ec_conn_context_set(conn, "shape", f->text);
    }
    if (batch != NULL) {
        change(f, batch);
    }
    return EC_CONTINUE;
}

/* ---- the hooks --------------------------------------------------------------------------------------- */

static ec_verdict_t on_connect(void *self, ec_conn_t *conn)
{
    return in(self, "smtp_connect", conn, NULL, ec_conn_peer(conn));
}

static ec_verdict_t on_ehlo(void *self, ec_conn_t *conn, const char *name)
{
    return in(self, "smtp_ehlo", conn, NULL, name);
}

static ec_verdict_t on_mail(void *self, ec_conn_t *conn, const char *sender)
{
    return in(self, "smtp_mail", conn, ec_conn_batch(conn), sender);
}

static ec_verdict_t on_rcpt(void *self, ec_conn_t *conn, const char *recipient)
{
    return in(self, "smtp_rcpt", conn, ec_conn_batch(conn), recipient);
}

static ec_verdict_t on_data(void *self, ec_conn_t *conn)
{
    return in(self, "smtp_data", conn, ec_conn_batch(conn), "");
}

static ec_verdict_t on_header(void *self, ec_conn_t *conn, ec_batch_t *batch)
{
    char subject[200];

    ec_header_get_text(batch, "Subject", 0, subject, sizeof subject);
    return in(self, "smtp_header", conn, batch, subject);
}

static ec_verdict_t on_body(void *self, ec_conn_t *conn, const char *data, apr_size_t len)
{
    char text[40];

    apr_snprintf(text, sizeof text, "%" APR_SIZE_T_FMT " %.*s", len, (int)strcspn(data, "\r"), data);
    return in(self, "smtp_body", conn, NULL, text);
}

static ec_verdict_t on_message(void *self, ec_conn_t *conn, ec_batch_t *batch)
{
    struct follow *f = self;

    batch_slot_of_batch(&f->per_batch, batch)->owned = strdup("mine");
    return in(self, "smtp_message", conn, batch, ec_batch_sender(batch));
}

static void on_disconnect(void *self, ec_conn_t *conn)
{
    struct follow *f = self;

    note(f, "smtp_disconnect %d", conn_slot_of_conn(&f->per_conn, conn)->hooks);
}

static void on_spool(void *self, ec_batch_t *batch)
{
    struct follow *f = self;

    note(f, "message_spool %s", ec_batch_protocol(batch));
    batch_slot_of_batch(&f->per_batch, batch)->hooks++;
    if (is_here(f, "message_spool")) {
        change(f, batch);
    }
}

static void on_route(void *self, ec_batch_t *batch, int rcpt)
{
    struct follow *f = self;

    note(f, "message_route %s", ec_batch_domain(batch, rcpt));
    if (is_here(f, "message_route")) {
        change(f, batch);
    }
}

static const char *on_choose(void *self, ec_batch_t *batch, int rcpt, const char *group)
{
    struct follow *f = self;

    note(f, "binding_group_choose_binding %s %s", group, ec_batch_recipient(batch, rcpt));
    return is_here(f, "binding_group_choose_binding") ? f->text : NULL;
}

static void on_accepted(void *self, ec_batch_t *batch)
{
    note(self, "message_accepted %d", ec_batch_recipients(batch));
}

static ec_verdict_t out(struct follow *f, ec_out_t *session, const char *hook)
{
    if (!is_here(f, hook)) {
        return EC_CONTINUE;
    }
    ec_out_set_reply(session, atoi(f->text), strchr(f->text, ' ') + 1);
    return EC_REJECT;
}

static ec_verdict_t on_out_connect(void *self, ec_out_t *session)
{
    note(self, "out_connect %s %d", ec_out_address(session), ec_out_port(session));
    return out(self, session, "out_connect");
}

static void on_out_connected(void *self, ec_out_t *session)
{
    note(self, "out_connected %s", ec_out_domain(session));
}

static void on_out_disconnect(void *self, ec_out_t *session)
{
    note(self, "out_disconnect %s", ec_out_domain(session));
}

static ec_verdict_t on_out_greeting(void *self, ec_out_t *session, int code, const char *text)
{
    note(self, "out_greeting %d", code);
    return out(self, session, "out_greeting");
}

static ec_verdict_t on_out_attempt(void *self, ec_out_t *session, const ec_batch_t *batch, const int *rcpts, int n)
{
    const char *color = ec_batch_context_get(batch, EC_CONTEXT_MESS, "color");
    const char *shape = ec_batch_context_get(batch, EC_CONTEXT_CONN, "shape");

    note(self, "out_attempt %s %s n=%d color=%s shape=%s", ec_out_domain(session), ec_batch_recipient(batch, rcpts[0]), n,
         color != NULL ? color : "-", shape != NULL ? shape : "-");
    return out(self, session, "out_attempt");
}

static void on_out_reply(void *self, ec_out_t *session, ec_stage_t stage, int code, const char *text)
{
    note(self, "out_reply %d %d", (int)stage, code);
}

static ec_verdict_t on_bounce(void *self, const ec_batch_t *failed, int rcpt, ec_batch_t *bounce)
{
    struct follow *f = self;

    note(f, "bounce_made %s", ec_batch_recipient(failed, rcpt));
    if (is_here(f, "bounce_made")) {
        change(f, bounce);
        return is_action(f, "reject") ? EC_REJECT : EC_CONTINUE;
    }
    return EC_CONTINUE;
}

static const ec_bounce_class_t *on_classify(void *self, const char *reply, const char *domain)
{
    note(self, "smtp_error_classify %s", domain);
    return NULL;
}

#define LOG_HOOK(name)                                            \
    static void on_##name(void *self, const ec_event_t *event)    \
    {                                                             \
        note(self, #name " %s %s", event->recipient, event->text); \
    }
LOG_HOOK(log_reception)
LOG_HOOK(log_delivery)
LOG_HOOK(log_transient_failure)
LOG_HOOK(log_permanent_failure)
LOG_HOOK(log_expiry)

static void on_rejection(void *self, const ec_rejection_t *rejection)
{
    note(self, "log_rejection %s %d %s", rejection->module, rejection->code, rejection->text);
}

static void on_access(void *self, const ec_access_event_t *event)
{
    note(self, "log_access %d %s %s", event->result, event->user, event->command);
}

static void on_reopen(void *self)
{
    note(self, "log_reopen");
}

static void on_server_start(void *self)
{
    note(self, "server_start");
}

static void inject_now(struct follow *f)
{
    ec_batch_t *batch = ec_batch_create();

    ec_batch_set_sender(batch, "robot@here.test");
    ec_batch_add_recipient(batch, f->text);
    ec_batch_append(batch, "late\n", 5);
    ec_batch_inject(batch, NULL, NULL);
}

static void on_server_stop(void *self)
{
    note(self, "server_stop");
    if (is_here(self, "server_stop")) {
        inject_now(self);
    }
}

static void on_server_reload(void *self, int is_ok, const char *text)
{
    note(self, "server_reload %d", is_ok);
}

static void on_conf_change(void *self, apr_uint64_t generation)
{
    note(self, "conf_change %d", ec_loop_index(ec_loop_self()));
}

static ec_verdict_t on_console(void *self, ec_answer_t *answer, ec_access_t access)
{
    struct follow *f = self;

    note(f, "console_command %s %d", ec_answer_argv(answer, 0), access == EC_CMD_WRITE);
    if (is_here(f, "console_command") && strcmp(ec_answer_argv(answer, 0), "pid") == 0) {
        ec_answer_error(answer, "%s", f->text);
        return EC_REJECT;
    }
    return EC_CONTINUE;
}

static const ec_hook_t hooks[] = {
    EC_HOOK(smtp_connect, on_connect),
    EC_HOOK(smtp_ehlo, on_ehlo),
    EC_HOOK(smtp_mail, on_mail),
    EC_HOOK(smtp_rcpt, on_rcpt),
    EC_HOOK(smtp_data, on_data),
    EC_HOOK(smtp_header, on_header),
    EC_HOOK(smtp_body, on_body),
    EC_HOOK(smtp_message, on_message),
    EC_HOOK(smtp_disconnect, on_disconnect),
    EC_HOOK(message_spool, on_spool),
    EC_HOOK(message_route, on_route),
    EC_HOOK(binding_group_choose_binding, on_choose),
    EC_HOOK(message_accepted, on_accepted),
    EC_HOOK(out_connect, on_out_connect),
    EC_HOOK(out_connected, on_out_connected),
    EC_HOOK(out_disconnect, on_out_disconnect),
    EC_HOOK(out_greeting, on_out_greeting),
    EC_HOOK(out_attempt, on_out_attempt),
    EC_HOOK(out_reply, on_out_reply),
    EC_HOOK(bounce_made, on_bounce),
    EC_HOOK(smtp_error_classify, on_classify),
    EC_HOOK(log_reception, on_log_reception),
    EC_HOOK(log_delivery, on_log_delivery),
    EC_HOOK(log_transient_failure, on_log_transient_failure),
    EC_HOOK(log_permanent_failure, on_log_permanent_failure),
    EC_HOOK(log_expiry, on_log_expiry),
    EC_HOOK(log_rejection, on_rejection),
    EC_HOOK(log_access, on_access),
    EC_HOOK(log_reopen, on_reopen),
    EC_HOOK(server_start, on_server_start),
    EC_HOOK(server_stop, on_server_stop),
    EC_HOOK(server_reload, on_server_reload),
    EC_HOOK(conf_change, on_conf_change),
    EC_HOOK(console_command, on_console),
    EC_HOOK_END,
};

/* ---- commands ------------------------------------------------------------------------------------------ */

static void release(void *self, ec_answer_t *answer)
{
    struct follow *f = self;
    ec_conn_t *kept = f->kept;

    f->kept = NULL;
    ec_node_int(ec_answer_root(answer), "released", kept != NULL);
    if (kept != NULL) {
        ec_conn_resume(kept, EC_CONTINUE);
    }
}

static void loops(void *self, ec_answer_t *answer)
{
    struct follow *f = self;
    int n = 0;

    for (int i = 0; i < ec_loop_count(); i++) {
        n += loop_slot_at(&f->per_loop, i)->hooks;
    }
    ec_node_int(ec_answer_root(answer), "hooks", n);
}

static void on_injected(void *baton, apr_status_t rv)
{
    ec_answer_t *answer = baton;

    ec_node_int(ec_answer_root(answer), "ok", rv == APR_SUCCESS);
    ec_answer_finish(answer);
}

static void inject(void *self, ec_answer_t *answer)
{
    ec_batch_t *batch = ec_batch_create();
    apr_status_t rv = ec_batch_add_recipient(batch, ec_answer_arg(answer, "recipient"));

    if (rv != APR_SUCCESS) {
        ec_batch_unref(batch);
        ec_answer_error(answer, "no address");
        return;
    }
    ec_batch_set_sender(batch, "robot@here.test");
    ec_header_add(batch, "From", "\"R\303\266bot\" <robot@here.test>");
    ec_header_add(batch, "Subject", "Gr\303\274\303\237e");
    ec_batch_append(batch, "one\ntwo\r\n", 9);
    ec_answer_hold(answer);
    ec_batch_inject(batch, on_injected, answer);
}

/* A job that takes until a file is there; the instance is held for it. */
struct later {
    ec_job_t job;
    struct follow *f;
    char path[200];
};

static void work_later(void *baton)
{
    struct later *later = baton;

    while (access(later->path, F_OK) != 0) {
        usleep(10 * 1000);
    }
    note(later->f, "later");
}

static void on_later(void *baton)
{
    struct later *later = baton;

    note(later->f, "later done");
    ec_instance_release(later->f->instance);
    free(later);
}

static void later(void *self, ec_answer_t *answer)
{
    struct later *later = calloc(1, sizeof *later);

    later->f = self;
    apr_cpystrn(later->path, ec_answer_arg(answer, "path"), sizeof later->path);
    ec_instance_hold(later->f->instance);
    ec_job_run(ec_threadpool_find("IO"), ec_loop_self(), &later->job, work_later, on_later, later);
}

static const ec_command_t commands[] = {
    { "later <path>", EC_CMD_WRITE, later, "do something when the file is there" },
    { "release", EC_CMD_WRITE, release, "go on with the session that is kept" },
    { "loops", EC_CMD_READ, loops, "calls of hooks on all loops" },
    { "inject <recipient>", EC_CMD_WRITE, inject, "send a message" },
    EC_COMMAND_END,
};

/* ---- life ---------------------------------------------------------------------------------------------------- */

static void end_batch(void *data)
{
    free(((struct per_batch *)data)->owned);
}

static void on_timer(void *baton)
{
    note(baton, "timer");
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct follow *f = self;

    f->instance = instance;
    f->log = instance->log;
    f->out = fopen(f->file, "a");
    if (f->out == NULL) {
        *why = "file can not be opened";
        return EC_E_CONFIG;
    }
    pthread_mutex_init(&f->lock, NULL);
    conn_slot_init(&f->per_conn, instance, NULL);
    batch_slot_init(&f->per_batch, instance, end_batch);
    loop_slot_init(&f->per_loop, instance);
    return APR_SUCCESS;
}

static apr_status_t start(void *self, const char **why)
{
    struct follow *f = self;

    ec_timer_start(&f->timer, ec_loop_at(0), 1000, on_timer, f);
    ec_log(f->log, EC_LOG_DEBUG, "follow starts");
    return APR_SUCCESS;
}

static void stop(void *self)
{
    struct follow *f = self;

    ec_timer_cancel(&f->timer);
    note(f, "stop %s", f->text);
    fclose(f->out);
    pthread_mutex_destroy(&f->lock);
    memset(f, 0xee, sizeof *f); /* whoever comes now falls */
}

static const ec_option_t options[] = {
    EC_OPT_STRING(struct follow, file, "", "where to write"),
    EC_OPT_STRING(struct follow, at, "", "the hook where to act"),
    EC_OPT_STRING(struct follow, action, "", "what to do there"),
    EC_OPT_STRING(struct follow, text, "", "with what"),
    EC_OPT_END,
};

EC_MODULE(follow, struct follow, .summary = "writes down what happens", .version = "3.1", .options = options, .hooks = hooks,
          .commands = commands, .init = init, .start = start, .stop = stop);

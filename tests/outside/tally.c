/* tally.c - a module that is reloaded all the time: holds memory, counts messages, keeps data at sessions
 * SPDX-License-Identifier: Apache-2.0
 *
 * CODE tells several files of it apart; an even one has its fields elsewhere and one option more, BROKEN does not start. */
#include <stdlib.h>
#include <string.h>

#include <ec/context.h>
#include <ec/module.h>
#include <ec/slot.h>

#ifndef CODE
#define CODE 1
#endif

struct seen {
    char *text; /* malloc'd */
};
EC_SLOT_TYPE(seen_slot, struct seen)

struct tally {
#if CODE % 2 == 0
    char space[200];
    apr_int64_t more;
#endif
    apr_int64_t step;
    const char *text;
    char *memory;
    seen_slot_t seen;
    ec_counter_t *accepted, *started, *stopped;
};

static void end_seen(void *data)
{
    free(((struct seen *)data)->text);
}

static ec_verdict_t on_mail(void *self, ec_conn_t *conn, const char *sender)
{
    struct tally *tally = self;
    struct seen *seen = seen_slot_of_conn(&tally->seen, conn);

    if (seen->text == NULL) {
        seen->text = strdup(tally->text);
    }
    ec_conn_context_set(conn, "step", seen->text);
    return EC_CONTINUE;
}

struct wait {
    ec_job_t job;
    ec_conn_t *conn;
};

static void work(void *baton)
{
}

static void on_done(void *baton)
{
    struct wait *wait = baton;

    ec_conn_resume(wait->conn, EC_CONTINUE);
    free(wait);
}

/* Every message is suspended for a job: reloads happen meanwhile. */
static ec_verdict_t on_message(void *self, ec_conn_t *conn, ec_batch_t *batch)
{
    struct wait *wait = calloc(1, sizeof *wait);

    wait->conn = conn;
    ec_job_run(ec_threadpool_find("CPU"), ec_loop_self(), &wait->job, work, on_done, wait);
    return EC_SUSPEND;
}

static void on_accepted(void *self, ec_batch_t *batch)
{
    struct tally *tally = self;

    ec_counter_add(tally->accepted, 1);
    tally->memory[0]++; /* falls when the instance has ended */
}

static apr_status_t start(void *self, const char **why)
{
#ifdef BROKEN
    *why = "it is broken";
    return EC_E_MODULE;
#else
    return APR_SUCCESS;
#endif
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct tally *tally = self;

    tally->memory = calloc(1, 100000);
    seen_slot_init(&tally->seen, instance, end_seen);
    tally->accepted = ec_counter("tally.accepted", "messages seen by the hook");
    tally->started = ec_counter("tally.started", "instances made");
    tally->stopped = ec_counter("tally.stopped", "instances ended");
    ec_counter_add(tally->started, 1);
    return APR_SUCCESS;
}

static void stop(void *self)
{
    struct tally *tally = self;

    ec_counter_add(tally->stopped, 1);
    free(tally->memory);
}

static void show(void *self, ec_answer_t *answer)
{
    struct tally *tally = self;
    ec_node_t *root = ec_answer_root(answer);

    ec_node_int(root, "code", CODE);
#if CODE % 2 == 0
    ec_node_int(root, "more", tally->more);
#endif
    ec_node_int(root, "step", tally->step);
    ec_node_int(root, "accepted", ec_counter_value(tally->accepted));
    ec_node_int(root, "started", ec_counter_value(tally->started));
    ec_node_int(root, "stopped", ec_counter_value(tally->stopped));
}

static const ec_option_t options[] = {
    EC_OPT_INT(struct tally, step, "0", 0, 1000000, "changes at every reload"),
#if CODE % 2 == 0
    EC_OPT_INT(struct tally, more, "7", 0, 100, "only here"),
#endif
    EC_OPT_STRING(struct tally, text, "", "kept at sessions"),
    EC_OPT_END,
};
static const ec_hook_t hooks[] = {
    EC_HOOK(smtp_mail, on_mail),
    EC_HOOK(smtp_message, on_message),
    EC_HOOK(message_accepted, on_accepted),
    EC_HOOK_END,
};
static const ec_command_t commands[] = { { "show", EC_CMD_READ, show, "counts" }, EC_COMMAND_END };

EC_MODULE(tally, struct tally, .summary = "reloaded all the time", .options = options, .hooks = hooks, .commands = commands,
          .init = init, .start = start, .stop = stop);

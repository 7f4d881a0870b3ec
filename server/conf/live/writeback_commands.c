/* writeback_commands.c - config writeback, write config
 * SPDX-License-Identifier: Apache-2.0
 *
 * Files are read and written on a pool thread, with the answer held; what the files say from then on is noted
 * back on the master loop.  One of these commands runs at a time. */
#include "conf/live/writeback.h"

#include <string.h>

#include <apr_strings.h>

#include <ec/job.h>

#include "conf/ask/ask_private.h"
#include "conf/ask/show.h"
#include "conf/live/disk.h"
#include "conf/live/draft.h"
#include "conf/live/transaction.h"

enum { BUFFER = 65536 };

struct task {
    ec_job_t job;
    ec_answer_t *answer;
    apr_pool_t *pool;
    conf_t *conf;  /* a reference to the generation that is saved */
    conf_t *files; /* a reference to what its files said */
    conf_source_t source;
    const char *path; /* or NULL */
    apr_status_t rv;
    const char *why;
    writeback_result_t result;
    const char *text;
};

static int is_running;

static const char *copy(const char *text, apr_pool_t *pool)
{
    return text != NULL ? apr_pstrdup(pool, text) : NULL;
}

static struct task *task_create(ec_answer_t *answer)
{
    apr_pool_t *pool = ec_answer_pool(answer);
    struct task *task = apr_pcalloc(pool, sizeof(*task));

    task->answer = answer;
    task->pool = pool;
    task->conf = conf_ref(conf_latest());
    task->files = conf_ref(conf_files_of(task->conf));
    task->path = ec_answer_arg(answer, "path");
    return task;
}

static void task_run(struct task *task, ec_job_fn *work, ec_job_fn *done)
{
    is_running = 1;
    ec_answer_hold(task->answer);
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &task->job, work, done, task);
}

static void task_end(struct task *task)
{
    is_running = 0;
    conf_unref(task->result.files);
    conf_unref(task->files);
    conf_unref(task->conf);
    ec_answer_finish(task->answer);
}

/* ---- config writeback --------------------------------------------------------------------------- */

static void writeback_work(void *baton)
{
    struct task *task = baton;

    task->why = "out of memory";
    task->rv = writeback_save(&task->result, task->conf, &task->source, task->path, &task->why, task->pool);
}

/* What is in force now may be a later change of the same files. */
static void note_files(const struct task *task)
{
    conf_t *latest = conf_latest();

    if (task->result.files != NULL && conf_files_of(latest) == task->files)
        conf_files_saved(latest, task->result.files);
}

static const char *changes_text(int n, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%d change%s", n, n == 1 ? "" : "s");
}

static void put_saved(ec_node_t *root, const writeback_result_t *result, apr_pool_t *pool)
{
    if (result->n_changes == 0 && result->n_partly > 0)
        ec_node_note(root, "saved: a part of %s", changes_text(result->n_partly, pool));
    else if (result->n_partly > 0)
        ec_node_note(root, "saved: %s, and a part of %d", changes_text(result->n_changes, pool), result->n_partly);
    else
        ec_node_note(root, "saved: %s", changes_text(result->n_changes, pool));
}

static void put_result(ec_answer_t *answer, const writeback_result_t *result)
{
    ec_node_t *root = ec_answer_root(answer), *table;

    if (result->written->nelts > 0)
        put_saved(root, result, ec_answer_pool(answer));
    else if (result->unsaved == NULL)
        ec_node_note(root, "nothing to save: the files say what is in force");
    table = result->written->nelts > 0 ? ec_node_table(root, "files") : NULL;
    for (int i = 0; i < result->written->nelts; i++)
        ec_node_text(ec_node_row(table), "file", APR_ARRAY_IDX(result->written, i, const char *));
    if (result->unsaved != NULL) {
        ec_node_note(
            root, "warning: not saved, because no writable file takes it; a reload or restart loses this:");
        ask_put_text(answer, result->unsaved);
    }
}

static void writeback_done(void *baton)
{
    struct task *task = baton;

    if (task->rv != APR_SUCCESS) {
        ec_answer_error(task->answer, "%s", task->why);
    } else {
        note_files(task);
        put_result(task->answer, &task->result);
    }
    task_end(task);
}

static int is_free(ec_answer_t *answer)
{
    if (is_running)
        ec_answer_error(answer,
                        "the configuration is being saved by another command: try again when it is done");
    return !is_running;
}

static void config_writeback(void *self, ec_answer_t *answer)
{
    const conf_source_t *source = transaction_source();
    struct task *task;

    if (source == NULL) {
        ec_answer_error(answer, "this process has no configuration files");
        return;
    }
    if (!is_free(answer))
        return;
    task = task_create(answer);
    task->source = *source;
    /* a reload may have taken other files than the start did */
    if (task->files->files->nelts > 0)
        task->source.file = APR_ARRAY_IDX(task->files->files, 0, const conf_file_t *)->path;
    task->source.file = copy(task->source.file, task->pool);
    task->source.search_path = copy(source->search_path, task->pool);
    task->source.node_name = copy(source->node_name, task->pool);
    task->source.subcluster = copy(source->subcluster, task->pool);
    task_run(task, writeback_work, writeback_done);
}

/* ---- write config ---------------------------------------------------------------------------------- */

/* Gathers pieces, so that a file gets few writes. */
struct stream {
    disk_new_t file;
    const char **why;
    apr_pool_t *pool;
    apr_size_t length;
    char buffer[BUFFER];
};

static apr_status_t flush(struct stream *stream)
{
    apr_size_t length = stream->length;

    stream->length = 0;
    return disk_write(&stream->file, stream->buffer, length, stream->why, stream->pool);
}

static apr_status_t take(void *baton, const char *bytes, apr_size_t length)
{
    struct stream *stream = baton;

    if (length > BUFFER - stream->length)
        EC_TRY(flush(stream));
    if (length > BUFFER)
        return disk_write(&stream->file, bytes, length, stream->why, stream->pool);
    memcpy(stream->buffer + stream->length, bytes, length);
    stream->length += length;
    return APR_SUCCESS;
}

static apr_status_t write_whole(struct stream *stream, const struct task *task)
{
    EC_TRY(disk_begin(&stream->file, task->path, stream->why, stream->pool));
    EC_TRY(show_write(task->conf, NULL, SHOW_TEXT, SHOW_CHILDREN | SHOW_SECRETS, take, stream));
    EC_TRY(flush(stream));
    EC_TRY(disk_complete(&stream->file, stream->why, stream->pool));
    return disk_commit(&stream->file, stream->why, stream->pool);
}

static void write_work(void *baton)
{
    struct task *task = baton;
    struct stream *stream;

    if (task->path == NULL) {
        task->text = show_text(task->conf, NULL, SHOW_TEXT, SHOW_CHILDREN, task->pool);
        return;
    }
    stream = apr_pcalloc(task->pool, sizeof(*stream));
    stream->why = &task->why;
    stream->pool = task->pool;
    task->why = "out of memory";
    task->rv = write_whole(stream, task);
    disk_abandon(&stream->file);
}

static void write_done(void *baton)
{
    struct task *task = baton;

    if (task->rv != APR_SUCCESS)
        ec_answer_error(task->answer, "%s", task->why);
    else if (task->path != NULL)
        ec_node_note(ec_answer_root(task->answer), "configuration written to %s", task->path);
    else
        ask_put_text(task->answer, task->text);
    task_end(task);
}

static void write_config(void *self, ec_answer_t *answer)
{
    const char *path = ec_answer_arg(answer, "path");

    if (path != NULL && path[0] != '/')
        ec_answer_error(answer, "%s: the path must be absolute, because the server's folder is not yours",
                        path);
    else if (is_free(answer))
        task_run(task_create(answer), write_work, write_done);
}

const ec_command_t writeback_commands[] = {
    { "config writeback [<path>]", EC_CMD_WRITE, config_writeback,
      "save live changes to the files they belong to, or all of them to one file on the server" },
    { "write config", EC_CMD_READ, write_config, "the running configuration as one text" },
    { "write config <path>", EC_CMD_WRITE, write_config,
      "write the running configuration as one text to a file on the server" },
    EC_COMMAND_END
};

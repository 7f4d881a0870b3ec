/* check.c - "config check": the files are checked by a process of its own
 * SPDX-License-Identifier: Apache-2.0
 *
 * validate_config loads the modules that the files name and sets them up; one that crashes or hangs there takes nothing
 * with it.  It is run on a pool thread, with a limit of time and of output; its lines "SEVERITY tab FILE tab LINE
 * tab TEXT" become rows. */
#include <ec/job.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <apr_strings.h>

#include "conf/ask/ask_private.h"
#include "util/child.h"

enum {
    CHECK_SECONDS = 60,
    CHECK_OUTPUT_MAX = 16 << 20,
    CHECK_STRAY_MAX = 20 /* lines that are no problem of a file, such as a linker's complaint */
};

struct check {
    ec_job_t job;
    ec_answer_t *answer;
    apr_pool_t *pool;
    const char *program, *file;

    child_t child;
    const char *failure; /* why there is no result; NULL */
    ec_node_t *table;
    int errors, warnings, strays;
};

/* ---- the child ------------------------------------------------------------------------------- */

static void judge_status(struct check *check)
{
    int status = check->child.status;

    if (check->failure != NULL)
        return;
    if (WIFSIGNALED(status))
        check->failure =
            apr_psprintf(check->pool, "%s was ended by signal %d (%s): one of the modules may have crashed",
                         check->program, WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) > 1 || (WEXITSTATUS(status) == 1) != (check->errors > 0))
        check->failure =
            apr_psprintf(check->pool, "%s ended with status %d", check->program, WEXITSTATUS(status));
}

/* ---- what it says ---------------------------------------------------------------------------- */

static void put_problem(struct check *check, char *const field[4])
{
    ec_node_t *row = ec_node_row(check->table);
    int is_error = strcmp(field[0], "error") == 0;

    ec_node_text(row, "severity", is_error ? "error" : "warning");
    ec_node_text(row, "file", field[1]);
    ec_node_int(row, "line", apr_atoi64(field[2]));
    ec_node_text(row, "text", field[3]);
    check->errors += is_error;
    check->warnings += !is_error;
}

static void take_line(struct check *check, char *line)
{
    char *field[4] = { line, NULL, NULL, NULL };
    int n = 1;

    for (char *at = line; n < 4 && (at = strchr(at, '\t')) != NULL; n++) {
        *at++ = '\0';
        field[n] = at;
    }
    if (n == 4)
        put_problem(check, field);
    else if (*line != '\0' && strcmp(line, "Configuration valid") != 0 && check->strays++ < CHECK_STRAY_MAX)
        ec_node_note(ec_answer_root(check->answer), "%s", line);
}

static void take_output(struct check *check)
{
    char *line = check->child.output, *end;

    if (line == NULL)
        return;
    for (; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        take_line(check, line);
    }
    take_line(check, line);
}

static void answer_result(const struct check *check)
{
    ec_node_t *root = ec_answer_root(check->answer);

    ec_node_text(root, "checked", check->file);
    ec_node_int(root, "errors", check->errors);
    ec_node_int(root, "warnings", check->warnings);
    if (check->failure != NULL)
        ec_answer_error(check->answer, "not checked: %s", check->failure);
    else if (check->errors > 0)
        ec_answer_error(check->answer, "%d %s: this configuration would be refused", check->errors,
                        check->errors == 1 ? "error" : "errors");
    else
        ec_node_note(root, "Configuration valid.");
}

/* Pool thread; the answer is ours until finish(). */
static void work(void *baton)
{
    struct check *check = baton;
    const char *const argv[] = { check->program, "--tabs", "-c", check->file, NULL };

    check->table = ec_node_table(ec_answer_root(check->answer), "problems");
    check->child = (child_t){ .argv = argv, .in = -1, .seconds = CHECK_SECONDS, .output_max = CHECK_OUTPUT_MAX };
    child_run(&check->child, check->pool);
    check->failure = check->child.failure;
    take_output(check);
    if (check->child.has_run)
        judge_status(check);
    answer_result(check);
    free(check->child.output);
}

static void finish(void *baton)
{
    struct check *check = baton;

    ec_answer_finish(check->answer);
}

/* ---- the command ----------------------------------------------------------------------------- */

/* The file that the running configuration begins with. */
static const char *main_file(apr_pool_t *pool)
{
    const conf_t *conf = conf_latest();

    if (conf->files_of != NULL)
        conf = conf->files_of;
    return conf->files->nelts > 0
               ? apr_pstrdup(pool, APR_ARRAY_IDX(conf->files, 0, const conf_file_t *)->path)
               : NULL;
}

void ask_check(void *self, ec_answer_t *answer)
{
    apr_pool_t *pool = ec_answer_pool(answer);
    struct check *check = apr_pcalloc(pool, sizeof(*check));

    check->answer = answer;
    check->pool = pool;
    check->program = child_program("validate_config", pool);
    check->file = ec_answer_arg(answer, "path");
    if (check->file == NULL)
        check->file = main_file(pool);
    if (check->file == NULL || check->file[0] != '/') {
        ec_answer_error(answer, "write the whole path of the file: config check /path/of/ecelerity.conf");
        return;
    }
    ec_answer_hold(answer);
    ec_job_run(ec_threadpool_find("IO"), ec_loop_at(0), &check->job, work, finish, check);
}

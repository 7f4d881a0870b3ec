/* trial.c - code that is new to a running server runs in a process of its own first
 * SPDX-License-Identifier: Apache-2.0
 *
 * The other process reads the configuration from its standard input, a file without a name: it is the one that is meant, also
 * when it is a change on a console, or the files change meanwhile.  Of its output only one line counts, which
 * says what ended it: the name of the instance or module, a tab, a sentence. */
#include "module/trial.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "conf/ask/show.h"
#include "module/file.h"
#include "util/child.h"
#include "util/role.h"

enum {
    TRIAL_SECONDS = 30,
    TRIAL_OUTPUT_MAX = 1 << 20
};

static atomic_int is_begun;

void trial_begin(void)
{
    atomic_store(&is_begun, 1);
}

/* ---- the other process ------------------------------------------------------------------- */

static apr_status_t write_all(void *baton, const char *bytes, apr_size_t length)
{
    const int *fd = baton;

    while (length > 0) {
        ssize_t n = write(*fd, bytes, length);

        if (n < 0 && errno != EINTR) {
            return errno;
        }
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (apr_size_t)n : 0;
    }
    return APR_SUCCESS;
}

struct verdict {
    const char *name; /* of the instance that ended it; "" */
    const char *why;  /* NULL: nothing speaks against it */
};

static char *last_line(char *text)
{
    char *end = text + strlen(text), *newline;

    while (end > text && end[-1] == '\n') {
        *--end = '\0';
    }
    newline = strrchr(text, '\n');
    return newline != NULL ? newline + 1 : text;
}

static void judge(struct verdict *verdict, const child_t *child, apr_pool_t *pool)
{
    char *line, *tab;

    if (child->failure != NULL) {
        verdict->why = apr_psprintf(pool, "code that is new could not be tried in a process of its own: %s", child->failure);
        return;
    }
    line = last_line(child->output);
    if (WIFEXITED(child->status) && WEXITSTATUS(child->status) == TRIAL_CRASHED && (tab = strchr(line, '\t')) != NULL) {
        verdict->name = apr_pstrmemdup(pool, line, (apr_size_t)(tab - line));
        verdict->why = apr_pstrdup(pool, tab + 1);
    } else if (!WIFEXITED(child->status) || WEXITSTATUS(child->status) != 0) {
        ec_log(ec_log_root(), EC_LOG_WARNING, "new code of modules was not tried in a process of its own: %s", line);
    }
}

/* Takes `fd`. */
static void run(struct verdict *verdict, int fd, const char *how, const char *path, apr_pool_t *pool)
{
    const char *const argv[] = { child_program("validate_config", pool), how, "-e", path, "-c", "/dev/stdin",
                                 ec_is_manager() ? "--manager" : NULL, NULL };
    child_t child = { .argv = argv, .in = fd, .seconds = TRIAL_SECONDS, .output_max = TRIAL_OUTPUT_MAX };

    child_run(&child, pool);
    close(fd);
    judge(verdict, &child, pool);
    free(child.output);
}

static int open_text(struct verdict *verdict, apr_pool_t *pool)
{
    int fd = memfd_create("configuration", MFD_CLOEXEC);

    if (fd < 0) {
        verdict->why = apr_psprintf(pool, "code that is new could not be tried in a process of its own: %s", strerror(errno));
    }
    return fd;
}

/* ---- what is tried ---------------------------------------------------------------------------- */

const char *trial_of_file(const char *name, const char *path, apr_pool_t *scratch)
{
    struct verdict verdict = { .name = "" };
    const char *text = apr_pstrcat(scratch, name, " { }\n", NULL);
    int fd;

    if (!atomic_load(&is_begun) || (fd = open_text(&verdict, scratch)) < 0) {
        return verdict.why;
    }
    if (write_all(&fd, text, strlen(text)) != APR_SUCCESS) {
        close(fd);
        return "out of memory";
    }
    run(&verdict, fd, "--trial=load", path, scratch);
    return verdict.why;
}

static const conf_stanza_t *next_of_a_module(const conf_t *conf, const conf_stanza_t *stanza)
{
    while ((stanza = conf_next_module(conf, stanza)) != NULL && conf_stanza_module(stanza) == NULL) {
    }
    return stanza;
}

static const conf_stanza_t *first_of_new_code(const conf_t *conf)
{
    const conf_stanza_t *stanza = NULL;

    while ((stanza = next_of_a_module(conf, stanza)) != NULL && !module_file_is_new(conf_stanza_module(stanza))) {
    }
    return stanza;
}

/* The stanza of the instance "type" or "type:name". */
static const conf_stanza_t *find_instance(const conf_t *conf, const char *instance)
{
    const conf_stanza_t *stanza = NULL;

    while ((stanza = next_of_a_module(conf, stanza)) != NULL) {
        const char *type = ((const ec_module_t *)conf_stanza_module(stanza))->name, *name = conf_stanza_name(stanza);
        apr_size_t length = strlen(type);

        if (strncmp(instance, type, length) == 0 &&
            strcmp(instance + length + (instance[length] == ':'), name) == 0) {
            break;
        }
    }
    return stanza;
}

apr_status_t trial_of_conf(const conf_t *conf, apr_array_header_t *problems, apr_pool_t *pool)
{
    const conf_stanza_t *stanza, *named;
    struct verdict verdict = { .name = "" };
    apr_status_t rv;
    int fd;

    if (!atomic_load(&is_begun) || (stanza = first_of_new_code(conf)) == NULL) {
        return APR_SUCCESS;
    }
    if ((fd = open_text(&verdict, pool)) >= 0) {
        rv = show_write(conf, NULL, SHOW_TEXT, SHOW_CHILDREN | SHOW_SECRETS, write_all, &fd);
        if (rv == APR_SUCCESS) {
            run(&verdict, fd, "--trial=init", module_files_path(), pool);
        } else {
            verdict.why = "code that is new could not be tried in a process of its own: out of memory";
            close(fd);
        }
    }
    if (verdict.why == NULL) {
        return APR_SUCCESS;
    }
    if ((named = find_instance(conf, verdict.name)) != NULL) {
        stanza = named;
    }
    APR_ARRAY_PUSH(problems, conf_problem_t) = (conf_problem_t){
        .file = apr_pstrdup(pool, conf_stanza_file(stanza)),
        .line = conf_stanza_line(stanza),
        .kind = CONF_PROBLEM_MODULE,
        .text = verdict.why,
    };
    return EC_E_CONFIG;
}

/* validate.c - validate_config: is this configuration one that the server would take?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A child loads it, with its modules, and sets these up; the parent only watches, so that a module which crashes is
 * named.  A server that runs has code that is new to it tried in the same way (--trial, module/trial.c). */
#include <ec/daemon.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "event/runtime.h"
#include "main/server.h"
#include "main/tool.h"
#include "module/rehearse.h"
#include "module/trial.h"
#include "util/role.h"

#include "config.h"

static const char usage[] =
    "usage: validate_config [-c FILE] [-e MODULEDIR] [--json | --tabs]\n"
    "\n"
    "Loads the configuration, and the modules it names, as the server would, and sets the modules up; says every\n"
    "error and warning, and whether it is valid.  Nothing is started.\n"
    "\n"
    "  -c, --config FILE     configuration file (ecelerity.conf, sought along EC_CONF_SEARCH_PATH)\n"
    "  -e, --modules DIRS    folders of modules, separated by colons\n"
    "  --json                the result as one JSON object on standard output\n"
    "  --tabs                one problem a line on standard output: severity, file, line, text, tabs "
    "between\n"
    "  -h, --help            this text\n"
    "  -V, --version         version\n"
    "\n"
    "Exit status: 0 valid, 1 not valid or not found, 2 wrong usage.\n";

enum { OPTION_JSON = 1, OPTION_TABS, OPTION_TRIAL, OPTION_MANAGER };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "modules", required_argument, NULL, 'e' },
    { "json", no_argument, NULL, OPTION_JSON },
    { "tabs", no_argument, NULL, OPTION_TABS },
    { "trial", required_argument, NULL, OPTION_TRIAL }, /* these are the server's: load, or init as well */
    { "manager", no_argument, NULL, OPTION_MANAGER },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

/* ---- forms ----------------------------------------------------------------------------------- */

static void put_json_text(const char *text)
{
    putchar('"');
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            printf("\\%c", *text);
        else if ((unsigned char)*text < 0x20)
            printf("\\u%04x", (unsigned)*text);
        else
            putchar(*text);
    }
    putchar('"');
}

static void say_json(const tool_t *tool, const tool_loaded_t *loaded)
{
    printf("{\n  \"valid\": %s,\n  \"found\": %s,\n  \"errors\": %d,\n  \"warnings\": %d,\n  \"problems\": [",
           loaded->conf != NULL ? "true" : "false", loaded->is_found ? "true" : "false", loaded->errors,
           loaded->warnings);
    for (int i = 0; i < loaded->problems->nelts; i++) {
        const conf_problem_t *problem = &APR_ARRAY_IDX(loaded->problems, i, conf_problem_t);

        printf("%s\n    { \"severity\": \"%s\", \"file\": ", i > 0 ? "," : "",
               problem->is_warning ? "warning" : "error");
        put_json_text(problem->file);
        printf(", \"line\": %d, \"text\": ", problem->line);
        put_json_text(problem->text);
        fputs(" }", stdout);
    }
    puts(loaded->problems->nelts > 0 ? "\n  ]\n}" : "]\n}");
}

/* A field never holds a tab or the end of a line. */
static void put_field(const char *text, char end)
{
    for (; *text != '\0'; text++)
        putchar(*text == '\t' || *text == '\n' ? ' ' : *text);
    putchar(end);
}

static void say_tabs(const tool_t *tool, const tool_loaded_t *loaded)
{
    if (!loaded->is_found)
        printf("error\t%s\t0\tno configuration found: %s\n", tool->config != NULL ? tool->config : "",
               loaded->where);
    for (int i = 0; i < loaded->problems->nelts; i++) {
        const conf_problem_t *problem = &APR_ARRAY_IDX(loaded->problems, i, conf_problem_t);

        printf("%s\t", problem->is_warning ? "warning" : "error");
        put_field(problem->file, '\t');
        printf("%d\t", problem->line);
        put_field(problem->text, '\n');
    }
    if (loaded->conf != NULL)
        puts("Configuration valid");
}

static void say_text(const tool_t *tool, const tool_loaded_t *loaded)
{
    tool_print_problems(loaded);
    if (!loaded->is_found) {
        fprintf(stderr, "%s: %s\n", tool->name, loaded->where);
        puts("No configuration found");
    } else if (loaded->conf != NULL) {
        puts("Configuration valid");
    } else {
        printf("Configuration invalid: %s\n", tool_counts(tool, loaded));
    }
}

/* ---- main ------------------------------------------------------------------------------------ */

typedef void say_fn(const tool_t *tool, const tool_loaded_t *loaded);

struct check {
    tool_t tool;
    say_fn *say;
    int is_trial; /* for a server */
    int is_load_only;
};

/* What the log says of a trial: why there was none. */
static void say_trial(const tool_t *tool, const tool_loaded_t *loaded)
{
    if (loaded->conf == NULL)
        tool_print_problems(loaded);
}

static int take_option(struct check *check, int c)
{
    switch (c) {
    case 'c':
        check->tool.config = optarg;
        return 1;
    case 'e':
        check->tool.modules = optarg;
        return 1;
    case OPTION_JSON:
        check->say = say_json;
        return 1;
    case OPTION_TABS:
        check->say = say_tabs;
        return 1;
    case OPTION_TRIAL:
        check->say = say_trial;
        check->is_trial = 1;
        check->is_load_only = strcmp(optarg, "load") == 0;
        return 1;
    case OPTION_MANAGER:
        role_set_manager();
        return 1;
    default:
        return 0;
    }
}

/* 1: go on; else leave with *status. */
static int take_arguments(struct check *check, int argc, char **argv, int *status)
{
    int c;

    *status = 2;
    while ((c = getopt_long(argc, argv, "c:e:hV", long_options, NULL)) != -1) {
        if (take_option(check, c))
            continue;
        if (c == 'h' || c == 'V') {
            fputs(c == 'h' ? usage : PACKAGE_STRING "\n", stdout);
            *status = 0;
        } else {
            fputs(usage, stderr);
        }
        return 0;
    }
    if (optind == argc)
        return 1;
    fprintf(stderr, "validate_config: %s: not an option; see validate_config --help\n", argv[optind]);
    return 0;
}

static void tell(void *baton, const char *name, const char *doing)
{
    tool_tell(baton, name, doing);
}

/* init and stop of all modules, with loops that exist and do not run. */
static void rehearse(const struct check *check, tool_loaded_t *loaded)
{
    int refused;

    role_set_trial();
    if (event_runtime_create(server_loops_wanted(loaded->conf), NULL, check->tool.pool) != APR_SUCCESS)
        return;
    conf_install(conf_ref(loaded->conf));
    refused = module_rehearse(loaded->conf, loaded->problems, tell, (void *)&check->tool, check->tool.pool);
    event_runtime_stop();
    event_runtime_destroy();
    conf_install(NULL);
    loaded->errors += refused;
    if (refused > 0) {
        conf_unref(loaded->conf);
        loaded->conf = NULL;
    }
}

/* The child's exit status. */
static int load_and_say(const struct check *check)
{
    tool_loaded_t loaded;
    int is_valid, is_refused = 0;

    tool_load(&loaded, &check->tool);
    if (loaded.conf != NULL && !check->is_load_only) {
        rehearse(check, &loaded);
        is_refused = loaded.conf == NULL;
    }
    is_valid = loaded.conf != NULL || (check->is_trial && (is_refused || check->is_load_only));
    if (!check->is_trial || !is_valid)
        check->say(&check->tool, &loaded); /* what a module itself refuses the server hears by itself */
    conf_unref(loaded.conf);
    check->tool.now->is_done = 1;
    return fflush(stdout) == 0 && is_valid ? 0 : 1;
}

/* What the child could not say any more; `how` is a word for its end, and may be empty. */
static int say_end(const struct check *check, const char *how)
{
    const tool_t *tool = &check->tool;
    const char *verb = how[0] != '\0' ? "crashed" : "ended the process",
               *what = tool->now->name[0] != '\0' ? apr_psprintf(tool->pool, "the module for \"%s\" %s while it was %s",
                                                                 tool->now->name, verb, tool->now->doing)
                                                  : apr_psprintf(tool->pool, "a module may have %s", verb),
               *text = apr_pstrcat(tool->pool, what, how, NULL);
    tool_loaded_t loaded = { .problems = apr_array_make(tool->pool, 1, sizeof(conf_problem_t)), .errors = 1, .is_found = 1 };

    if (check->is_trial) {
        printf("\n%s\t%s\n", tool->now->name, text);
        return TRIAL_CRASHED;
    }
    APR_ARRAY_PUSH(loaded.problems, conf_problem_t) = (conf_problem_t){
        .file = tool->config != NULL ? tool->config : "ecelerity.conf",
        .kind = CONF_PROBLEM_MODULE,
        .text = text,
    };
    check->say(tool, &loaded);
    return 1;
}

static int watch(const struct check *check, pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return 1;
    }
    if (WIFSIGNALED(status))
        return say_end(check, apr_psprintf(check->tool.pool, ": signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status))));
    if (!check->tool.now->is_done)
        return say_end(check, "");
    return WEXITSTATUS(status);
}

int ec_validate_main(int argc, char **argv)
{
    struct check check = { .tool = { .name = "validate_config" }, .say = say_text };
    pid_t child;
    int status;

    if (!take_arguments(&check, argc, argv, &status))
        return status;
    if ((status = tool_start(&check.tool)) != 0)
        return status;
    check.tool.now = mmap(NULL, sizeof *check.tool.now, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (check.tool.now == MAP_FAILED || (child = fork()) < 0) {
        fprintf(stderr, "validate_config: no process can be made for the check: %s\n", strerror(errno));
        return 1;
    }
    status = child == 0 ? load_and_say(&check) : watch(&check, child);
    munmap(check.tool.now, sizeof *check.tool.now);
    tool_end(&check.tool);
    return fflush(stdout) == 0 ? status : 1;
}

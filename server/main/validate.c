/* validate.c - validate_config: is this configuration one that the server would take?
 * SPDX-License-Identifier: Apache-2.0
 *
 * A child loads it, with its modules; the parent only watches, so that a module which crashes is named. */
#include <ec/daemon.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "main/tool.h"

#include "config.h"

static const char usage[] =
    "usage: validate_config [-c FILE] [-e MODULEDIR] [--json | --tabs]\n"
    "\n"
    "Loads the configuration, and the modules it names, as the server would; says every error and warning,\n"
    "and whether it is valid.  Nothing is started.\n"
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

enum { OPTION_JSON = 1, OPTION_TABS };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "modules", required_argument, NULL, 'e' },
    { "json", no_argument, NULL, OPTION_JSON },
    { "tabs", no_argument, NULL, OPTION_TABS },
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

/* 1: go on; else leave with *status. */
static int take_arguments(tool_t *tool, say_fn **say, int argc, char **argv, int *status)
{
    int c;

    *status = 2;
    while ((c = getopt_long(argc, argv, "c:e:hV", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            tool->config = optarg;
            break;
        case 'e':
            tool->modules = optarg;
            break;
        case OPTION_JSON:
            *say = say_json;
            break;
        case OPTION_TABS:
            *say = say_tabs;
            break;
        case 'h':
        case 'V':
            fputs(c == 'h' ? usage : PACKAGE_STRING "\n", stdout);
            *status = 0;
            return 0;
        default:
            fputs(usage, stderr);
            return 0;
        }
    }
    if (optind == argc)
        return 1;
    fprintf(stderr, "validate_config: %s: not an option; see validate_config --help\n", argv[optind]);
    return 0;
}

/* The child's exit status. */
static int load_and_say(const tool_t *tool, say_fn *say)
{
    tool_loaded_t loaded;
    int status;

    tool_load(&loaded, tool);
    say(tool, &loaded);
    status = loaded.conf != NULL ? 0 : 1;
    conf_unref(loaded.conf);
    return fflush(stdout) == 0 ? status : 1;
}

/* What the child could not say any more. */
static void say_crash(const tool_t *tool, say_fn *say, int signal)
{
    const char *what = tool->loading[0] != '\0'
                           ? apr_psprintf(tool->pool, "the module for \"%s\" crashed while it was loaded", tool->loading)
                           : "a module may have crashed";
    tool_loaded_t loaded = { .problems = apr_array_make(tool->pool, 1, sizeof(conf_problem_t)), .errors = 1, .is_found = 1 };

    APR_ARRAY_PUSH(loaded.problems, conf_problem_t) = (conf_problem_t){
        .file = tool->config != NULL ? tool->config : "ecelerity.conf",
        .kind = CONF_PROBLEM_MODULE,
        .text = apr_psprintf(tool->pool, "%s: signal %d (%s)", what, signal, strsignal(signal)),
    };
    say(tool, &loaded);
}

static int watch(const tool_t *tool, say_fn *say, pid_t child)
{
    int status;

    while (waitpid(child, &status, 0) < 0) {
        if (errno != EINTR)
            return 1;
    }
    if (WIFSIGNALED(status))
        say_crash(tool, say, WTERMSIG(status));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int ec_validate_main(int argc, char **argv)
{
    tool_t tool = { .name = "validate_config" };
    say_fn *say = say_text;
    pid_t child;
    int status;

    if (!take_arguments(&tool, &say, argc, argv, &status))
        return status;
    if ((status = tool_start(&tool)) != 0)
        return status;
    tool.loading = mmap(NULL, TOOL_LOADING, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (tool.loading == MAP_FAILED || (child = fork()) < 0) {
        fprintf(stderr, "validate_config: no process can be made for the check: %s\n", strerror(errno));
        return 1;
    }
    status = child == 0 ? load_and_say(&tool, say) : watch(&tool, say, child);
    munmap(tool.loading, TOOL_LOADING);
    tool_end(&tool);
    return fflush(stdout) == 0 ? status : 1;
}

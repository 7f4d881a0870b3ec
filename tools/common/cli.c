/* cli.c - command lines of the load tools
 * SPDX-License-Identifier: Apache-2.0
 *
 * getopt_long does the splitting; what an option means is in the caller's table. */
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { OPTIONS_MAX = 48, LONG_ONLY = 256 };

static const char *program_name = "tool";

static void __attribute__((format(printf, 1, 0))) complain(const char *format, va_list args)
{
    fprintf(stderr, "%s: ", program_name);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
}

void cli_misuse(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(format, args);
    va_end(args);
    fprintf(stderr, "%s: try --help\n", program_name);
    exit(2);
}

void cli_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    complain(format, args);
    va_end(args);
    exit(1);
}

void *cli_alloc(size_t size)
{
    void *memory = calloc(1, size ? size : 1);

    if (memory == NULL)
        cli_die("out of memory (%zu bytes wanted)", size);
    return memory;
}

void *cli_realloc(void *old, size_t size)
{
    void *memory = realloc(old, size);

    if (memory == NULL)
        cli_die("out of memory (%zu bytes wanted)", size);
    return memory;
}

uint64_t cli_raise_files(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
            getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur;
}

static void print_help(const struct cli_program *program)
{
    printf("usage: %s [options]%s%s\n%s\n\noptions:\n", program->name, *program->operands ? " " : "",
           program->operands, program->summary);
    for (const struct cli_option *option = program->options; option->name != NULL; option++) {
        if (option->letter)
            printf("  -%c, --%s", option->letter, option->name);
        else
            printf("      --%s", option->name);
        printf("%s%s\n", option->arg ? " " : "", option->arg ? option->arg : "");
        for (const char *line = option->help; line != NULL;) {
            size_t length = strcspn(line, "\n");

            printf("          %.*s\n", (int)length, line);
            line = line[length] ? line + length + 1 : NULL;
        }
    }
    printf("      --help\n          print this and exit\n");
    if (program->notes != NULL)
        printf("\n%s\n", program->notes);
}

static double suffix_factor(const char *suffix)
{
    static const struct {
        const char *suffix;
        double factor;
    } table[] = { { "", 1 }, { "K", 1024 }, { "M", 1048576 }, { "G", 1073741824 } };

    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(suffix, table[i].suffix) == 0)
            return table[i].factor;
    return -1;
}

static double number(const struct cli_option *option, const char *value)
{
    char *end;
    double result, factor;

    errno = 0;
    result = strtod(value, &end);
    factor = option->kind == CLI_NUMBER ? suffix_factor(end) : (*end ? -1 : 1);
    if (end == value || errno != 0 || factor < 0 || !isfinite(result))
        cli_misuse("--%s: \"%s\" is not a number", option->name, value);
    result *= factor;
    if (result < option->min || result > option->max)
        cli_misuse("--%s: %s is not between %g and %g", option->name, value, option->min, option->max);
    if (option->kind == CLI_NUMBER && result != (double)(uint64_t)result)
        cli_misuse("--%s: \"%s\" is not a whole number", option->name, value);
    return result;
}

static void apply(const struct cli_option *option, void *options, const char *value)
{
    void *target = (char *)options + option->offset;

    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)target = true;
        break;
    case CLI_NUMBER:
        *(uint64_t *)target = (uint64_t)number(option, value);
        break;
    case CLI_REAL:
        *(double *)target = number(option, value);
        break;
    case CLI_TEXT:
        *(const char **)target = value;
        break;
    case CLI_CALL:
        option->call(options, value);
        break;
    }
}

/* Fill getopt's two forms of the same table; long-only options get codes from LONG_ONLY up. */
static int to_getopt(const struct cli_option *options, struct option *longs, char *shorts)
{
    int count = 0;

    for (; options[count].name != NULL; count++) {
        const struct cli_option *option = &options[count];

        if (count + 2 > OPTIONS_MAX)
            cli_die("option table is larger than %d", OPTIONS_MAX);
        longs[count] = (struct option){ option->name, option->arg ? required_argument : no_argument, NULL,
                                        LONG_ONLY + count };
        if (option->letter) {
            *shorts++ = option->letter;
            if (option->arg)
                *shorts++ = ':';
        }
    }
    longs[count] = (struct option){ "help", no_argument, NULL, 'h' };
    *shorts = '\0';
    return count;
}

static const struct cli_option *by_letter(const struct cli_option *option, int letter)
{
    while (option->name != NULL && option->letter != letter)
        option++;
    return option;
}

int cli_parse(const struct cli_program *program, void *options, int argc, char **argv)
{
    struct option longs[OPTIONS_MAX + 1] = { 0 };
    char shorts[2 * OPTIONS_MAX + 1];
    int code;

    program_name = program->name;
    to_getopt(program->options, longs, shorts);
    while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (code == 'h') {
            print_help(program);
            exit(0);
        }
        if (code == '?') {
            fprintf(stderr, "%s: try --help\n", program->name);
            exit(2);
        }
        apply(code >= LONG_ONLY ? &program->options[code - LONG_ONLY] : by_letter(program->options, code),
              options, optarg);
    }
    return optind;
}

/* cli.h - command lines of the load tools: one table parses the options and prints --help
 * SPDX-License-Identifier: Apache-2.0
 *
 * The table is the only place where an option is written down, so the help cannot be wrong about what exists.
 * Thread: the tools have one. */
#ifndef TOOLS_CLI_H
#define TOOLS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_kind {
    CLI_FLAG,   /* bool at offset becomes true */
    CLI_NUMBER, /* uint64_t at offset, min..max; K, M and G are accepted as 1024, 1024^2, 1024^3 */
    CLI_REAL,   /* double at offset, min..max */
    CLI_TEXT,   /* const char * at offset, borrowed from argv */
    CLI_CALL,   /* call(options, value); may be given several times */
};

struct cli_option {
    char letter;      /* 0: long form only */
    const char *name; /* NULL ends the table */
    const char *arg;  /* NULL for a flag */
    const char *help; /* lines separated by \n */
    enum cli_kind kind;
    size_t offset;
    double min, max;
    void (*call)(void *options, const char *value);
};

struct cli_program {
    const char *name;
    const char *operands; /* for the usage line, "" when there are none */
    const char *summary;
    const char *notes; /* printed below the options */
    const struct cli_option *options;
};

#define CLI_END                                      \
    {                                                \
        0, NULL, NULL, NULL, CLI_FLAG, 0, 0, 0, NULL \
    }

/** Read argv into `options`; keeps `program`.
 *
 * --help prints and exits 0; anything wrong prints what and exits 2.
 * Returns the index of the first operand. */
int cli_parse(const struct cli_program *program, void *options, int argc, char **argv);

/** Complain about the command line (what, and where to read more) and exit 2. */
void cli_misuse(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/** Complain about the world and exit 1. */
void cli_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/** Memory or exit 1: a tool that cannot get memory has nothing useful left to do. */
void *cli_alloc(size_t size);
void *cli_realloc(void *old, size_t size);

/** Allow as many open files as the hard limit does, and return how many. */
uint64_t cli_raise_files(void);

#endif

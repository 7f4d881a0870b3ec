/* tool.h - what the programs that read a configuration without a server share
 * SPDX-License-Identifier: Apache-2.0
 * One thread. */
#ifndef MAIN_TOOL_H
#define MAIN_TOOL_H

#include <getopt.h>

#include "conf/conf.h"

/* Which code of a module runs now, for who watches. */
typedef struct {
    char name[256]; /* of the module or instance; "": none */
    char doing[32]; /* "loaded", "set up", "stopped" */
    int is_done;    /* the process ends as it means to */
} tool_now_t;

typedef struct {
    const char *name; /* of the program */
    const char *config, *modules; /* -c, -e; NULL: as the server has them */
    tool_now_t *now; /* told which module's code runs; NULL: nobody asks */
    apr_pool_t *pool;
} tool_t;

typedef struct {
    conf_t *conf; /* one reference; NULL: invalid, or not found */
    apr_array_header_t *problems;
    int errors, warnings;
    int is_found; /* there is a main file */
    const char *where; /* not found: where it was looked for */
} tool_loaded_t;

/** APR, and a pool.  0, or what the program has to leave with. */
int tool_start(tool_t *tool);
void tool_end(tool_t *tool);
/** For tool_t.now; `name` NULL: none. */
void tool_tell(const tool_t *tool, const char *name, const char *doing);
/** Load the configuration as the server would, with the modules that it names. */
void tool_load(tool_loaded_t *loaded, const tool_t *tool);
/** Every problem as "file:line: severity: text" on standard error. */
void tool_print_problems(const tool_loaded_t *loaded);
/** "2 errors, 1 warning"; in the tool's pool. */
const char *tool_counts(const tool_t *tool, const tool_loaded_t *loaded);

#endif

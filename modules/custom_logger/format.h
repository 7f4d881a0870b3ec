/* format.h - the operator's format of a line: literals and macros
 * SPDX-License-Identifier: Apache-2.0
 *
 * A format is parsed once, when the module is set up: an unknown macro is an error there.
 * Afterwards it is a list of steps. */
#ifndef CUSTOM_LOGGER_FORMAT_H
#define CUSTOM_LOGGER_FORMAT_H

#include <apr_pools.h>
#include <ec/bounce.h>
#include <ec/context.h>
#include <ec/event.h>
#include <ec/logline.h>

#include "sanitize.h"

typedef enum {
    STAGE_RECEPTION, STAGE_DELIVERY, STAGE_TRANSIENT_FAILURE, STAGE_PERMANENT_FAILURE, STAGE_REJECTION, STAGES
} log_stage_t;

/** What a line is made from.  For a rejection `event` has only what is known of it; the rest is "" and 0. */
typedef struct {
    log_stage_t stage;
    const ec_event_t *event;
    const sanitize_t *sanitize;
    int is_hires;
    const ec_conn_t *conn;         /* rejections: whose; else NULL */
} record_t;

typedef struct macro macro_t;
typedef struct {
    const char *literal;           /* when there is no macro */
    const macro_t *macro;
    const char *argument;          /* what stood in braces; "" when there were none */
    int number;                    /* of it */
} step_t;
typedef struct {
    int n;
    step_t *steps;
} format_t;

/** Argument of a macro. */
typedef enum { ARG_NONE, ARG_TEXT, ARG_TEXT_OPTIONAL, ARG_NUMBER, ARG_NUMBER_OPTIONAL } argument_t;
struct macro {
    const char *name;
    argument_t argument;
    void (*expand)(ec_line_t *line, const record_t *record, const step_t *step);
    const char *help;
};
/** Ends with a name NULL (expand.c). */
extern const macro_t macros[];

/** Parse `text` into `pool`.  Returns NULL, or what is wrong, in `pool`. */
const char *format_parse(format_t *format, const char *text, apr_pool_t *pool);

/** Write the line (EC_LINE_MAX bytes) without newline; returns its length.  Loop threads. */
apr_size_t format_line(char *text, const format_t *format, const record_t *record);
#endif

/* format.c - from the text of a format to steps
 * SPDX-License-Identifier: Apache-2.0
 *
 * A macro is the longest name of the table that fits behind '%', so %BI is never %B and an
 * I.  %% is a percent sign. */
#include "format.h"

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

static const macro_t *find_macro(const char *at)
{
    const macro_t *best = NULL;
    size_t best_length = 0;

    for (const macro_t *macro = macros; macro->name != NULL; macro++) {
        size_t length = strlen(macro->name);

        if (length > best_length && strncmp(at, macro->name, length) == 0) {
            best = macro;
            best_length = length;
        }
    }
    return best;
}

static void add_step(format_t *format, const step_t *step)
{
    format->steps[format->n++] = *step;
}

/* {argument} at `*at`, as the macro takes it.  0: it is not as it should be. */
static int take_argument(step_t *step, const char **at, apr_pool_t *pool)
{
    argument_t kind = step->macro->argument;
    size_t length;
    char *end;

    step->argument = "";
    step->number = -1;
    if (kind == ARG_NONE) {
        return 1;
    }
    if (**at != '{') {
        return kind == ARG_TEXT_OPTIONAL || kind == ARG_NUMBER_OPTIONAL;
    }
    length = strcspn(*at + 1, "}");
    if ((*at)[1 + length] == '\0' || length == 0) {
        return 0;
    }
    step->argument = apr_pstrndup(pool, *at + 1, length);
    *at += length + 2;
    if (kind == ARG_NUMBER || kind == ARG_NUMBER_OPTIONAL) {
        step->number = (int)strtol(step->argument, &end, 10);
        return *end == '\0' && length == 1 && step->number >= (kind == ARG_NUMBER) && step->number <= 6;
    }
    return 1;
}

/* Behind a '%'.  Returns NULL or what is wrong. */
static const char *take_macro(format_t *format, const char **at, apr_pool_t *pool)
{
    step_t step = { .macro = find_macro(*at) };

    if (step.macro == NULL) {
        return apr_psprintf(pool, "there is no macro that \"%%%s\" could begin with", *at);
    }
    *at += strlen(step.macro->name);
    if (!take_argument(&step, at, pool)) {
        return apr_psprintf(pool, "%%%s needs %s in braces behind it", step.macro->name,
                            step.macro->argument == ARG_TEXT || step.macro->argument == ARG_TEXT_OPTIONAL
                                ? "a text"
                                : "a number up to 6");
    }
    add_step(format, &step);
    return NULL;
}

const char *format_parse(format_t *format, const char *text, apr_pool_t *pool)
{
    const char *at = text;

    format->n = 0;
    format->steps = apr_pcalloc(pool, (strlen(text) + 1) * sizeof *format->steps);
    while (*at != '\0') {
        size_t length = strcspn(at, "%");
        const char *wrong = NULL;

        if (length == 0 && at[1] == '%') {
            add_step(format, &(step_t){ .literal = "%" });
            at += 2;
        } else if (length == 0) {
            at++;
            wrong = take_macro(format, &at, pool);
        } else {
            add_step(format, &(step_t){ .literal = apr_pstrndup(pool, at, length) });
            at += length;
        }
        if (wrong != NULL) {
            return apr_psprintf(pool, "format \"%s\": %s", text, wrong);
        }
    }
    return NULL;
}

apr_size_t format_line(char *text, const format_t *format, const record_t *record)
{
    ec_line_t line;

    ec_line_begin(&line, text, EC_LINE_MAX);
    for (int i = 0; i < format->n; i++) {
        const step_t *step = &format->steps[i];

        if (step->macro != NULL) {
            step->macro->expand(&line, record, step);
        } else {
            ec_line_text(&line, step->literal);
        }
    }
    return ec_line_end(&line);
}

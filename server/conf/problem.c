/* problem.c - what is wrong with a configuration, collected so that all of it is told
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/problem.h"

#include <stdarg.h>
#include <string.h>

#include <apr_strings.h>

void problems_init(struct problems *problems, apr_pool_t *pool)
{
    problems->list = apr_array_make(pool, 4, sizeof(conf_problem_t));
    problems->pool = pool;
    problems->errors = problems->warnings = problems->structural = 0;
}

static void add(struct problems *problems, conf_problem_kind_t kind, const char *file, int line, int is_warning,
                const char *text)
{
    conf_problem_t *problem = apr_array_push(problems->list);

    problem->file = apr_pstrdup(problems->pool, file);
    problem->line = line;
    problem->is_warning = is_warning;
    problem->kind = kind;
    problem->text = text;
}

/* One option is left out, and all the rest stands. */
static int is_structural(conf_problem_kind_t kind)
{
    return kind != CONF_PROBLEM_UNKNOWN_OPTION && kind != CONF_PROBLEM_MISPLACED_OPTION &&
           kind != CONF_PROBLEM_WRONG_VALUE;
}

int problems_full(const struct problems *problems)
{
    return problems->errors >= PROBLEM_ERRORS_MAX;
}

static void add_error(struct problems *problems, conf_problem_kind_t kind, const char *file, int line,
                      const char *format, va_list args)
{
    if (problems_full(problems))
        return;
    add(problems, kind, file, line, 0, apr_pvsprintf(problems->pool, format, args));
    problems->structural += is_structural(kind);
    if (++problems->errors == PROBLEM_ERRORS_MAX)
        add(problems, CONF_PROBLEM_LIMIT, file, line, 0, "too many errors; the rest is not looked at");
}

void problem_error(struct problems *problems, const char *file, int line, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_error(problems, CONF_PROBLEM_OTHER, file, line, format, args);
    va_end(args);
}

void problem_error_of(struct problems *problems, conf_problem_kind_t kind, const char *file, int line,
                      const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_error(problems, kind, file, line, format, args);
    va_end(args);
}

const char *conf_problem_text(const conf_problem_t *problem, apr_pool_t *pool)
{
    return problem->line > 0 ? apr_psprintf(pool, "CFG-%05d %s:%d: %s", (int)problem->kind, problem->file,
                                            problem->line, problem->text)
                             : apr_psprintf(pool, "CFG-%05d %s: %s", (int)problem->kind, problem->file, problem->text);
}

void problem_warning(struct problems *problems, const char *file, int line, const char *format, ...)
{
    va_list args;

    if (problems->warnings++ >= PROBLEM_WARNINGS_MAX)
        return;
    va_start(args, format);
    add(problems, CONF_PROBLEM_NO_EFFECT, file, line, 1, apr_pvsprintf(problems->pool, format, args));
    va_end(args);
}

const char *problem_quote(struct problems *problems, const char *text)
{
    enum { SHOWN = 60 };
    size_t length = strlen(text);
    char *shown = apr_pstrmemdup(problems->pool, text, length > SHOWN ? SHOWN : length);

    for (char *at = shown; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    }
    if (length <= SHOWN)
        return shown;
    for (char *end = shown + SHOWN; end > shown && ((unsigned char)end[-1] & 0x80);)
        *--end = '\0'; /* no half of a character at the cut */
    return apr_pstrcat(problems->pool, shown, "...", NULL);
}

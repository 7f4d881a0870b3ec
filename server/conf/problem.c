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
    problems->errors = problems->warnings = 0;
}

static void add(struct problems *problems, const char *file, int line, int is_warning, const char *text)
{
    conf_problem_t *problem = apr_array_push(problems->list);

    problem->file = apr_pstrdup(problems->pool, file);
    problem->line = line;
    problem->is_warning = is_warning;
    problem->text = text;
}

int problems_full(const struct problems *problems)
{
    return problems->errors >= PROBLEM_ERRORS_MAX;
}

void problem_error(struct problems *problems, const char *file, int line, const char *format, ...)
{
    va_list args;

    if (problems_full(problems))
        return;
    va_start(args, format);
    add(problems, file, line, 0, apr_pvsprintf(problems->pool, format, args));
    va_end(args);
    if (++problems->errors == PROBLEM_ERRORS_MAX)
        add(problems, file, line, 0, "too many errors; the rest is not looked at");
}

void problem_warning(struct problems *problems, const char *file, int line, const char *format, ...)
{
    va_list args;

    if (problems->warnings++ >= PROBLEM_WARNINGS_MAX)
        return;
    va_start(args, format);
    add(problems, file, line, 1, apr_pvsprintf(problems->pool, format, args));
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

/* load.c - the rules of a file
 * SPDX-License-Identifier: Apache-2.0 */
#include "rules.h"

#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

static apr_status_t read_file(char **text, const char *path, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    apr_status_t rv;

    EC_TRY(apr_file_open(&file, path, APR_READ | APR_BINARY, APR_FPROT_OS_DEFAULT, pool));
    if ((rv = apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file)) == APR_SUCCESS &&
        (info.filetype != APR_REG || info.size > RULES_FILE_MAX)) {
        rv = EC_E_LIMIT;
    }
    if (rv == APR_SUCCESS) {
        *text = apr_pcalloc(pool, (apr_size_t)info.size + 1);
        rv = info.size == 0 ? APR_SUCCESS : apr_file_read_full(file, *text, (apr_size_t)info.size, NULL);
    }
    apr_file_close(file);
    return rv;
}

apr_status_t ruleset_add_file(ruleset_t *set, const char *path, const char **why, apr_pool_t *pool)
{
    char *text = NULL, *line, *next, error[160];
    apr_status_t rv = read_file(&text, path, pool);
    int number = 1;

    if (rv != APR_SUCCESS) {
        *why = apr_psprintf(pool, "can not read the rules %s: %s", path, ec_strerror(rv, error, sizeof error));
        return rv;
    }
    for (line = text; line != NULL; line = next, number++) {
        const char *wrong;

        if ((next = strchr(line, '\n')) != NULL) {
            *next++ = '\0';
        }
        if ((wrong = ruleset_add_line(set, line, path, number, pool)) != NULL) {
            *why = apr_psprintf(pool, "%s:%d: %s", path, number, wrong);
            return EC_E_CONFIG;
        }
    }
    return APR_SUCCESS;
}

/* manifest.c - what modules say about themselves before they are loaded: NAME.ecm beside NAME.so
 * SPDX-License-Identifier: Apache-2.0
 *
 * Of "config.Global:Binding:Domain.Opt" only the innermost scope and the option count: where exactly the option is legal
 * is said by the module's own table, when it is loaded. */
#include "module/manifest.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "util/text.h"

static struct {
    apr_array_header_t *all; /* of const module_manifest_t * */
} state;

/* ---- the form ------------------------------------------------------------------------------ */

struct reading {
    apr_array_header_t *provides, *requires;
    int is_in_section;
    const char **why;
    apr_pool_t *pool;
};

static char *trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && isspace((unsigned char)end[-1])) {
        *--end = '\0';
    }
    while (isspace((unsigned char)*text)) {
        text++;
    }
    return text;
}

/* "config.Global:Domain.Opt" to "domain opt", or NULL for what is not about an option. */
static const char *option_capability(char *item, apr_pool_t *pool)
{
    char *option, *scope;

    if (strncmp(item, "config.", 7) != 0) {
        return NULL;
    }
    item += 7;
    if ((option = strrchr(item, '.')) == NULL && (option = strrchr(item, ':')) == NULL) {
        return NULL;
    }
    *option++ = '\0';
    scope = strrchr(item, ':') != NULL ? strrchr(item, ':') + 1 : item;
    return *scope != '\0' && *option != '\0' ? apr_pstrcat(pool, scope, " ", option, NULL) : NULL;
}

static void take_item(struct reading *reading, char *item, int is_provided)
{
    char *end = strstr(item, ":auto");
    const char *capability;

    util_text_lower(item, strlen(item));
    if (end != NULL && end[5] == '\0') {
        *end = '\0';
    }
    if (!is_provided) {
        APR_ARRAY_PUSH(reading->requires, const char *) = apr_pstrdup(reading->pool, item);
    } else if ((capability = option_capability(item, reading->pool)) != NULL) {
        APR_ARRAY_PUSH(reading->provides, const char *) = capability;
    }
}

static int take_line(struct reading *reading, char *line)
{
    char *value = strchr(line, '='), *last;
    int is_provided;

    line = trim(line);
    if (*line == '\0' || *line == '#' || *line == ';') {
        return 1;
    }
    if (*line == '[') {
        reading->is_in_section = strcasecmp(line, "[module]") == 0;
        return 1;
    }
    if (!reading->is_in_section) {
        return 1; /* another section, somebody else's */
    }
    if (value == NULL) {
        *reading->why = "a line has no \"=\"";
        return 0;
    }
    *value++ = '\0';
    line = trim(line);
    is_provided = strcasecmp(line, "msys.provides") == 0;
    if (!is_provided && strcasecmp(line, "msys.requires") != 0) {
        return 1;
    }
    for (char *item = apr_strtok(value, " \t\r,", &last); item != NULL; item = apr_strtok(NULL, " \t\r,", &last)) {
        if (reading->provides->nelts + reading->requires->nelts >= MANIFEST_ITEMS_MAX) {
            *reading->why = "it names more than 4096 things";
            return 0;
        }
        take_item(reading, item, is_provided);
    }
    return 1;
}

const module_manifest_t *module_manifest_parse(const char *name, const char *text, apr_size_t length, const char **why,
                                               apr_pool_t *pool)
{
    struct reading reading = { .why = why, .pool = pool };
    module_manifest_t *manifest = apr_pcalloc(pool, sizeof *manifest);
    char *copy = apr_pstrmemdup(pool, text, length), *lower = apr_pstrdup(pool, name), *last;

    if (strlen(copy) != length) {
        *why = "it is not a text";
        return NULL;
    }
    reading.provides = apr_array_make(pool, 8, sizeof(const char *));
    reading.requires = apr_array_make(pool, 4, sizeof(const char *));
    for (char *line = apr_strtok(copy, "\n", &last); line != NULL; line = apr_strtok(NULL, "\n", &last)) {
        if (!take_line(&reading, line)) {
            return NULL;
        }
    }
    APR_ARRAY_PUSH(reading.provides, const char *) = NULL;
    APR_ARRAY_PUSH(reading.requires, const char *) = NULL;
    util_text_lower(lower, strlen(lower));
    manifest->module = lower;
    manifest->provides = (const char *const *)reading.provides->elts;
    manifest->requires = (const char *const *)reading.requires->elts;
    return manifest;
}

/* ---- the files ----------------------------------------------------------------------------- */

static void read_one(const char *path, const char *name, ec_log_t *log, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, MANIFEST_BYTES_MAX + 1);
    FILE *file = fopen(path, "re");
    const char *why = "it can not be read";
    const module_manifest_t *manifest = NULL;
    size_t length;

    if (file == NULL) {
        return;
    }
    length = fread(text, 1, MANIFEST_BYTES_MAX + 1, file);
    if (length > MANIFEST_BYTES_MAX) {
        why = "it is longer than 64 KiB";
    } else if (!ferror(file)) {
        manifest = module_manifest_parse(name, text, length, &why, pool);
    }
    fclose(file);
    if (manifest == NULL) {
        ec_log(log, EC_LOG_WARNING, "module manifest is left out file=%s reason=%s", path, why);
    } else if (module_manifest_find(name) == NULL) {
        APR_ARRAY_PUSH(state.all, const module_manifest_t *) = manifest;
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* NAME.ecm, or NAME/NAME.ecm where every module has a folder. */
static void read_folder(const char *folder, ec_log_t *log, apr_pool_t *pool)
{
    apr_array_header_t *names = apr_array_make(pool, 32, sizeof(const char *));
    DIR *directory = opendir(folder);
    struct dirent *entry;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] != '.') {
            APR_ARRAY_PUSH(names, const char *) = apr_pstrdup(pool, entry->d_name);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    qsort(names->elts, (size_t)names->nelts, sizeof(const char *), compare_names);
    for (int i = 0; i < names->nelts; i++) {
        const char *name = APR_ARRAY_IDX(names, i, const char *), *dot = strrchr(name, '.');

        if (dot != NULL && strcmp(dot, ".ecm") == 0) {
            read_one(apr_pstrcat(pool, folder, "/", name, NULL),
                     apr_pstrmemdup(pool, name, (apr_size_t)(dot - name)), log, pool);
        } else if (dot == NULL) {
            read_one(apr_pstrcat(pool, folder, "/", name, "/", name, ".ecm", NULL), name, log, pool);
        }
    }
}

void module_manifests_read(const char *path, ec_log_t *log, apr_pool_t *pool)
{
    char *folders = apr_pstrdup(pool, path), *last;

    state.all = apr_array_make(pool, 16, sizeof(const module_manifest_t *));
    for (char *folder = apr_strtok(folders, ":", &last); folder != NULL; folder = apr_strtok(NULL, ":", &last)) {
        read_folder(folder, log, pool);
    }
}

/* ---- asking -------------------------------------------------------------------------------- */

static int provides(const module_manifest_t *manifest, const char *scope, const char *option)
{
    size_t length = strlen(scope);

    for (const char *const *item = manifest->provides; *item != NULL; item++) {
        if (strncasecmp(*item, scope, length) == 0 && (*item)[length] == ' ' &&
            strcasecmp(*item + length + 1, option) == 0) {
            return 1;
        }
    }
    return 0;
}

const module_manifest_t *module_manifest_provider(const char *scope, const char *option, int i)
{
    for (int at = 0; state.all != NULL && at < state.all->nelts; at++) {
        const module_manifest_t *manifest = APR_ARRAY_IDX(state.all, at, const module_manifest_t *);

        if (provides(manifest, scope, option) && i-- == 0) {
            return manifest;
        }
    }
    return NULL;
}

const module_manifest_t *module_manifest_find(const char *module)
{
    for (int at = 0; state.all != NULL && at < state.all->nelts; at++) {
        const module_manifest_t *manifest = APR_ARRAY_IDX(state.all, at, const module_manifest_t *);

        if (strcasecmp(manifest->module, module) == 0) {
            return manifest;
        }
    }
    return NULL;
}

/* last.c - files that are loaded last of all: Local_Changes_File, and a file that is about to be added
 * SPDX-License-Identifier: Apache-2.0
 *
 * Local_Changes_File is loaded last whatever its position, so that it overrides everything
 * (config-language.md section 10.2).  It need not exist: the first change that is saved makes it. */
#include "conf/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

static void refuse(struct parser *parser, const conf_setting_t *setting, const char *path, const char *why)
{
    problem_error(&parser->problems, setting->file->path, setting->line, "option \"%s\": %s %s",
                  setting->option->row->name, problem_quote(&parser->problems, path), why);
}

static const char *folder_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    return slash == path ? "/" : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

/* A file is replaced by renaming a new one, so its folder must be writable as well.  Returns what is wrong,
 * or NULL. */
static const char *why_not_writable(const char *path, int is_there, apr_pool_t *pool)
{
    const char *folder = folder_of(path, pool);

    if (is_there && faccessat(AT_FDCWD, path, W_OK, AT_EACCESS) != 0)
        return apr_psprintf(pool, "must be writable for this server: %s", strerror(errno));
    if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) != 0)
        return apr_psprintf(pool, "must be in a folder that is writable for this server: %s: %s", folder,
                            strerror(errno));
    return NULL;
}

/* Returns what is wrong with the file as Local_Changes_File, or NULL. */
static const char *why_not_local(struct parser *parser, const char *path, int *is_there)
{
    apr_pool_t *pool = parser->problems.pool;
    const conf_file_t *read = NULL;
    const char *include;
    struct stat status;

    if (path[0] != '/')
        return "must be an absolute path";
    *is_there = stat(path, &status) == 0;
    if (!*is_there && errno != ENOENT)
        return apr_psprintf(pool, "can not be used: %s", strerror(errno));
    if (*is_there) {
        struct conf_stamp stamp = include_stamp(&status);

        if (!S_ISREG(status.st_mode))
            return "is not a regular file";
        read = parse_find_read(parser, &stamp);
    }
    if (read != NULL && read->includer == NULL)
        return "is the main file; name another file";
    if (read != NULL)
        return apr_psprintf(pool,
                            "is included at %s:%d; it is loaded last of all without that: remove the include",
                            read->includer->path, read->line);
    if ((include = parse_find_folder(parser, path)) != NULL)
        return apr_psprintf(pool, "is in a folder that is included at %s; name a file elsewhere", include);
    return why_not_writable(path, *is_there, pool);
}

static int is_overlaid(const struct parser *parser, const char *path)
{
    return parser->overlay != NULL && apr_hash_get(parser->overlay->texts, path, APR_HASH_KEY_STRING) != NULL;
}

static void local_changes(struct parser *parser)
{
    const conf_setting_t *setting = tree_setting(parser->conf->root, conf_option(CONF_O_LOCAL_CHANGES_FILE));
    const char *path = setting != NULL && setting->raw.kind == RAW_SCALAR ? setting->raw.text : "", *why;
    int is_there = 0;

    if (*path == '\0')
        return;
    path = apr_pstrdup(parser->problems.pool, path); /* reading on may set the option again */
    if ((why = why_not_local(parser, path, &is_there)) != NULL) {
        refuse(parser, setting, path, why);
        return;
    }
    if (is_there || is_overlaid(parser, path))
        parse_last_file(parser, path, setting->line, 1);
    if (setting->file->is_local)
        refuse(parser, setting, setting->raw.text, "can not be chosen in the file of local changes itself");
}

/* The file of an overlay: nothing new when it is one that was read already. */
static void overlaid_last(struct parser *parser, const char *last)
{
    const char *include = parse_find_folder(parser, last);
    struct stat status;

    if (stat(last, &status) == 0) {
        struct conf_stamp stamp = include_stamp(&status);

        if (parse_find_read(parser, &stamp) == NULL)
            parse_last_file(parser, last, 0, 0);
    } else if (include != NULL) {
        problem_error(
            &parser->problems, last, 0,
            "this new file would be loaded with its folder, which is included at %s: name a file elsewhere, "
            "or make it empty and reload first",
            include);
    } else if (is_overlaid(parser, last)) {
        parse_last_file(parser, last, 0, 0);
    }
}

void last_files(struct parser *parser)
{
    if (parser->conf->files->nelts == 0 || problems_full(&parser->problems))
        return; /* there is not even a main file */
    local_changes(parser);
    if (parser->overlay != NULL && parser->overlay->last != NULL)
        overlaid_last(parser, parser->overlay->last);
}

/* include.c - where configuration files are looked for (config-language.md section 4)
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/include.h"
#include "conf/lexer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#define DEFAULT_PATH EC_CONFDIR "/global:" EC_CONFDIR "/{NODENAME}:" EC_CONFDIR "/default"

/* ---- the path -------------------------------------------------------------------------- */

static const char *replace_all(const char *text, const char *mark, const char *by, apr_pool_t *pool)
{
    const char *done = "", *at;

    while ((at = strstr(text, mark)) != NULL) {
        done = apr_pstrcat(pool, done, apr_pstrmemdup(pool, text, (apr_size_t)(at - text)), by, NULL);
        text = at + strlen(mark);
    }
    return apr_pstrcat(pool, done, text, NULL);
}

static const char *first_set(const char *given, const char *variable, const char *otherwise)
{
    const char *value = given != NULL ? given : getenv(variable);

    return value != NULL && *value != '\0' ? value : otherwise;
}

static const char *short_host_name(apr_pool_t *pool)
{
    char name[256];

    if (gethostname(name, sizeof(name)) != 0)
        return "localhost";
    name[sizeof(name) - 1] = '\0';
    return apr_pstrmemdup(pool, name, strcspn(name, "."));
}

void search_path_make(struct search_path *path, const conf_source_t *source, apr_pool_t *pool)
{
    const char *text = first_set(source->search_path, "EC_CONF_SEARCH_PATH", DEFAULT_PATH);
    char *last;

    text = replace_all(text, "{NODENAME}",
                       first_set(source->node_name, "EC_NODE_NAME", short_host_name(pool)), pool);
    text =
        replace_all(text, "{SUBCLUSTER}", first_set(source->subcluster, "EC_SUB_CLUSTER", "default"), pool);
    path->folders = apr_array_make(pool, 4, sizeof(const char *));
    for (char *folder = apr_strtok(apr_pstrdup(pool, text), ":", &last); folder != NULL;
         folder = apr_strtok(NULL, ":", &last))
        APR_ARRAY_PUSH(path->folders, const char *) = folder;
}

/* ---- searching ---------------------------------------------------------------------------- */

/* APR_SUCCESS: it is there.  EC_E_NOT_FOUND: look on.  Else it is there and of no use. */
static apr_status_t try(const char *path, const char **why, apr_pool_t *pool)
{
    struct stat status;

    if (stat(path, &status) == 0)
        return APR_SUCCESS;
    if (errno == ENOENT || errno == ENOTDIR)
        return EC_E_NOT_FOUND;
    *why = apr_psprintf(pool, "%s: %s", path, strerror(errno));
    return EC_E_CONFIG;
}

static apr_status_t try_all(const char **found, const apr_array_header_t *folders, const char *name,
                            const char **why, apr_pool_t *pool)
{
    const char *tried = "";

    for (int i = 0; i < folders->nelts; i++) {
        const char *folder = APR_ARRAY_IDX(folders, i, const char *);
        apr_status_t rv;

        *found = apr_pstrcat(pool, folder, folder[0] != '\0' && folder[strlen(folder) - 1] == '/' ? "" : "/",
                             name, NULL);
        if ((rv = try(*found, why, pool)) != EC_E_NOT_FOUND)
            return rv;
        tried = apr_pstrcat(pool, tried, i > 0 ? ", " : "", folder, NULL);
    }
    *why = apr_psprintf(pool, "\"%.200s\" was not found; looked in %s", name, tried);
    return EC_E_NOT_FOUND;
}

static apr_status_t try_one(const char **found, const char *path, const char **why, apr_pool_t *pool)
{
    apr_status_t rv = try(path, why, pool);

    *found = path;
    if (rv == EC_E_NOT_FOUND)
        *why = apr_psprintf(pool, "\"%.200s\" was not found", path);
    return rv;
}

apr_status_t search_main(const char **found, const struct search_path *path, const char *name,
                         const char **why, apr_pool_t *pool)
{
    apr_array_header_t *folders;
    apr_status_t rv;

    if (name == NULL)
        name = "ecelerity.conf";
    if (strchr(name, '/') != NULL)
        return try_one(found, name, why, pool);
    folders = apr_array_make(pool, 5, sizeof(const char *));
    APR_ARRAY_PUSH(folders, const char *) = ".";
    apr_array_cat(folders, path->folders);
    rv = try_all(found, folders, name, why, pool);
    if (rv == APR_SUCCESS && strncmp(*found, "./", 2) == 0)
        *found += 2;
    return rv;
}

static const char *folder_of(const char *path, apr_pool_t *pool)
{
    const char *slash = strrchr(path, '/');

    if (slash == NULL)
        return ".";
    return slash == path ? "/" : apr_pstrmemdup(pool, path, (apr_size_t)(slash - path));
}

apr_status_t search_include(const char **found, const struct search_path *path, const char *name,
                            const char *includer, const char **why, apr_pool_t *pool)
{
    apr_array_header_t *folders;

    if (strncasecmp(name, "file://", 7) == 0)
        name += 7;
    if (strstr(name, "://") != NULL) {
        *why = apr_psprintf(pool, "\"%.200s\": only files can be included, not other URIs", name);
        return EC_E_CONFIG;
    }
    if (name[0] == '/')
        return try_one(found, name, why, pool);
    folders = apr_array_make(pool, 5, sizeof(const char *));
    APR_ARRAY_PUSH(folders, const char *) = folder_of(includer, pool);
    apr_array_cat(folders, path->folders);
    return try_all(found, folders, name, why, pool);
}

/* ---- folders and files ------------------------------------------------------------------------- */

static apr_status_t refuse(const char *path, const char **why, apr_pool_t *pool)
{
    *why = apr_psprintf(pool, "%s: %s", path, strerror(errno));
    return EC_E_CONFIG;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

apr_status_t include_list(apr_array_header_t **files, int *is_folder, const char *path, const char **why,
                          apr_pool_t *pool)
{
    struct dirent *entry;
    struct stat status;
    DIR *folder;

    *files = apr_array_make(pool, 8, sizeof(const char *));
    if (stat(path, &status) != 0)
        return refuse(path, why, pool);
    *is_folder = S_ISDIR(status.st_mode);
    if (!*is_folder)
        return APR_SUCCESS;
    if ((folder = opendir(path)) == NULL)
        return refuse(path, why, pool);
    while ((entry = readdir(folder)) != NULL) {
        const char *file = apr_pstrcat(pool, path, "/", entry->d_name, NULL);

        if (entry->d_name[0] != '.' && stat(file, &status) == 0 && S_ISREG(status.st_mode))
            APR_ARRAY_PUSH(*files, const char *) = file;
    }
    closedir(folder);
    qsort((*files)->elts, (size_t)(*files)->nelts, sizeof(const char *), compare_names);
    return APR_SUCCESS;
}

struct conf_stamp include_stamp(const struct stat *status)
{
    return (struct conf_stamp){ (apr_uint64_t)status->st_dev, (apr_uint64_t)status->st_ino, status->st_size,
                                (apr_int64_t)status->st_ctim.tv_sec * 1000000000 + status->st_ctim.tv_nsec };
}

apr_status_t include_open(struct include_file *file, const char *path, const char **why, apr_pool_t *pool)
{
    struct stat status;
    const char *refused = NULL;

    /* non-blocking, so that a pipe in the way can not hold us up */
    file->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file->fd == -1 || fstat(file->fd, &status) != 0) {
        apr_status_t rv = refuse(path, why, pool);

        if (file->fd != -1)
            close(file->fd);
        return rv;
    }
    if (!S_ISREG(status.st_mode))
        refused = "is not a regular file";
    else if (status.st_size > LEXER_FILE_MAX)
        refused = "is longer than 256 MiB";
    if (refused != NULL) {
        close(file->fd);
        *why = apr_psprintf(pool, "%s: %s", path, refused);
        return EC_E_CONFIG;
    }
    file->text = NULL;
    file->stamp = include_stamp(&status);
    return APR_SUCCESS;
}

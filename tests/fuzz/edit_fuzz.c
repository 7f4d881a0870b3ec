/* edit_fuzz.c - any configuration, changed by any commands, saved: the file then says what is in force
 * SPDX-License-Identifier: Apache-2.0
 *
 * Input: the text of a file, a NUL, commands, one a line: "set ..." and "unset ...".  What loads and takes a command must
 * be saved wholly, and load to the same configuration.  EC_FUZZ_DIR is a folder for the file, /dev/shm if unset. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <apr_general.h>
#include <apr_strings.h>

#include "conf/live/diff.h"
#include "conf/live/draft.h"
#include "conf/live/writeback.h"

enum { COMMANDS_MAX = 8 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *path;
static apr_pool_t *all;

static void remove_file(void)
{
    unlink(path);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    const char *folder = getenv("EC_FUZZ_DIR");

    apr_initialize();
    apr_pool_create(&all, NULL);
    path = apr_psprintf(all, "%s/edit_fuzz.%ld.conf", folder != NULL ? folder : "/dev/shm", (long)getpid());
    return atexit(remove_file);
}

static void check(int is_right, const char *what, const char *why)
{
    if (is_right)
        return;
    fprintf(stderr, "%s: %s\n", what, why);
    abort();
}

/* Nothing but the one file may be read or written. */
static int leads_elsewhere(const char *text, size_t length, apr_pool_t *pool)
{
    char *lower = apr_pstrmemdup(pool, text, length);

    for (size_t i = 0; i < length; i++)
        lower[i] = (char)(lower[i] == '\0' ? ' ' : lower[i] | 0x20);
    return strstr(lower, "include") != NULL || strstr(lower, "changes") != NULL;
}

static int load(conf_t **conf, apr_pool_t *pool)
{
    const conf_source_t source = { .file = path, .search_path = "/nowhere", .node_name = "n" };
    apr_array_header_t *problems;

    return conf_load(conf, &problems, &source, pool) == APR_SUCCESS;
}

static int store(const void *bytes, size_t length)
{
    FILE *file = fopen(path, "w");

    check(file != NULL, path, "can not be written");
    fwrite(bytes, 1, length, file);
    return fclose(file) == 0;
}

/* The configuration after the commands that are taken. */
static conf_t *change(conf_t *base, char *commands, apr_pool_t *pool)
{
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    draft_t *draft;
    char *last;
    int n = 0;

    check(draft_open(&draft, base, 0) == APR_SUCCESS, "draft_open", "failed");
    for (char *line = apr_strtok(commands, "\n", &last); line != NULL && n < COMMANDS_MAX;
         line = apr_strtok(NULL, "\n", &last), n++) {
        const char *why = "";
        char **words;
        int count = 0;

        apr_tokenize_to_argv(line, &words, pool);
        while (words[count] != NULL)
            count++;
        if (count > 1 && strcmp(words[0], "set") == 0)
            draft_set(draft, (const char *const *)words + 1, count - 1, NULL, &why, pool);
        else if (count > 1 && strcmp(words[0], "unset") == 0)
            draft_unset(draft, (const char *const *)words + 1, count - 1, &why, pool);
    }
    draft_finish(&conf, &problems, draft, pool);
    draft_close(draft);
    return conf;
}

static void save(conf_t *conf, apr_pool_t *pool)
{
    const conf_source_t source = { .file = path, .search_path = "/nowhere", .node_name = "n" };
    writeback_result_t result;
    const char *why = "";
    conf_t *again;

    check(writeback_save(&result, conf, &source, NULL, &why, pool) == APR_SUCCESS, "not saved", why);
    check(result.unsaved == NULL, "not saved wholly", result.unsaved);
    conf_unref(result.files);
    check(load(&again, pool), "not loaded", "what was written");
    check(conf_diff(conf, again, pool)->nelts == 0, "not the same", "what was written");
    conf_unref(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *commands = memchr(data, 0, size);
    conf_t *conf, *changed;
    apr_pool_t *pool;

    if (commands == NULL)
        return 0;
    apr_pool_create(&pool, NULL);
    if (!leads_elsewhere((const char *)data, size, pool) && store(data, (size_t)(commands - data)) && load(&conf, pool)) {
        changed = change(conf, apr_pstrmemdup(pool, (const char *)commands + 1, (size_t)(data + size - commands) - 1), pool);
        if (changed != NULL)
            save(changed, pool);
        conf_unref(changed);
        conf_unref(conf);
    }
    apr_pool_destroy(pool);
    return 0;
}

/* main.c - jlogctl: look at journals, and at and after their subscribers
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include <apr_general.h>

#include "../common/cli.h"
#include "jlogctl.h"

#define FIELD(field) offsetof(struct settings, field)
#define FLAG(letter, name, field, help)                              \
    {                                                                \
        letter, name, NULL, help, CLI_FLAG, FIELD(field), 0, 0, NULL \
    }
#define NAME(letter, name, field, help)                                \
    {                                                                  \
        letter, name, "NAME", help, CLI_TEXT, FIELD(field), 0, 0, NULL \
    }

static const struct cli_option options[] = {
    FLAG('l', "list", list,
         "the subscribers, their positions, and how much each has not read (without options: this)"),
    NAME('p', "progress", progress,
         "of this subscriber: what it reads next, its checkpoint, the end of the journal"),
    FLAG('s', "sizes", sizes, "the segments and their sizes"),
    FLAG('i', "info", info, "size of a segment, bytes on disk, first and last position"),
    FLAG('d', "check", check, "read every record and report damage; with -v, name each record"),
    NAME('a', "add", add, "add this subscriber; it begins at the oldest record"),
    FLAG(0, "at-end", at_end, "with -a: it begins behind the newest record"),
    NAME('e', "erase", erase, "remove this subscriber, and what only it had not read"),
    FLAG('c', "clean", clean, "remove segments that nobody needs; the server does that by itself"),
    FLAG(0, "print", print, "print all lines that are there"),
    NAME(0, "peek", peek, "print the lines that this subscriber has not read"),
    NAME(0, "read", read, "the same, and set its checkpoint behind them"),
    { 'n', "count", "N", "print so many lines at most", CLI_NUMBER, FIELD(count), 1, 1e18, NULL },
    FLAG('v', "verbose", verbose, "with lines also their positions and times"),
    CLI_END
};

static const struct cli_program program = {
    .name = "jlogctl",
    .operands = "JOURNAL...",
    .summary = "Looks at journals, the directories of jlog:// and cluster:// destinations, and changes who "
               "reads them.",
    .notes = "Run it as the user of the server.  A journal may be in use.",
    .options = options,
};

static bool is_done(apr_status_t rv, const char *why)
{
    if (rv != APR_SUCCESS)
        fprintf(stderr, "jlogctl: %s\n", why);
    return rv == APR_SUCCESS;
}

static bool add(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    const char *why;
    apr_status_t rv = ec_jlog_subscriber_add(path, settings->add, settings->at_end, &why, pool);

    return is_done(rv, why);
}

static bool erase(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    const char *why;
    apr_status_t rv = ec_jlog_subscriber_remove(path, settings->erase, &why, pool);

    return is_done(rv, why);
}

static bool clean(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    const char *why;
    apr_status_t rv = ec_jlog_clean(path, &why, pool);

    return is_done(rv, why);
}

/* What is asked for, in the order in which it is done: changes, then looks. */
static int chosen_actions(const struct settings *settings, action_fn **chosen)
{
    const struct {
        bool is_asked;
        action_fn *action;
    } all[] = {
        { settings->add != NULL, add },
        { settings->erase != NULL, erase },
        { settings->clean, clean },
        { settings->check, check_records },
        { settings->info, show_info },
        { settings->sizes, show_sizes },
        { settings->list, show_list },
        { settings->progress != NULL, show_progress },
        { settings->print, print_all },
        { settings->peek != NULL, print_peek },
        { settings->read != NULL, print_read },
    };
    int n = 0;

    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i].is_asked)
            chosen[n++] = all[i].action;
    }
    if (n == 0)
        chosen[n++] = show_list;
    return n;
}

int main(int argc, char **argv)
{
    struct settings settings = { 0 };
    action_fn *actions[16];
    int first = cli_parse(&program, &settings, argc, argv), count = chosen_actions(&settings, actions);
    bool is_good = true;
    apr_pool_t *pool;

    if (first == argc)
        cli_misuse("name a journal");
    if (settings.at_end && settings.add == NULL)
        cli_misuse("--at-end goes with --add");
    apr_initialize();
    apr_pool_create(&pool, NULL);
    for (int i = first; i < argc; i++) {
        for (int j = 0; j < count; j++)
            is_good = actions[j](argv[i], &settings, pool) && is_good;
    }
    if (fflush(stdout) != 0 || ferror(stdout))
        cli_die("can not write to standard output");
    apr_pool_destroy(pool);
    apr_terminate();
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}

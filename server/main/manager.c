/* manager.c - the command line of the cluster's manager (executables.tsv)
 * SPDX-License-Identifier: Apache-2.0
 *
 * The manager is the server's runtime without mail: configuration, loops, modules and console; start.c says
 * which steps are for mail only.  What it is for is done by the cluster module. */
#include "main/server.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "config.h"

static const char usage[] =
    "usage: eccmgr [-c FILE] [-d] [-e FOLDERS] [-v]... [-t]\n"
    "\n"
    "  -c, --config FILE      configuration file (eccluster.conf, sought along EC_CONF_SEARCH_PATH)\n"
    "  -d, --foreground       stay in the foreground, log to standard error\n"
    "  -e, --modules FOLDERS  where modules are, separated by colons\n"
    "  -v, --verbose          log more: twice for everything\n"
    "  -t, --check            load and check the configuration, say what is wrong, and leave\n"
    "  -g, --group GROUP      accepted, without effect: the cluster stanza names its groups\n"
    "  -n, --no-lock          accepted, without effect: there is no lock file\n"
    "  -h, --help             this text\n"
    "  -V, --version          version\n"
    "\n"
    "Signals: TERM and INT end it; HUP reads the configuration again; USR1 reopens the logs.\n"
    "Talk to it with ec_console --manager.  Manual: eccmgr(8).\n";

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },  { "foreground", no_argument, NULL, 'd' },
    { "modules", required_argument, NULL, 'e' }, { "verbose", no_argument, NULL, 'v' },
    { "check", no_argument, NULL, 't' },         { "group", required_argument, NULL, 'g' },
    { "no-lock", no_argument, NULL, 'n' },       { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },       { NULL, 0, NULL, 0 },
};

/* Returns whether there is something to go on with; else *status. */
static int take(server_args_t *args, int option, const char *value, int *status)
{
    switch (option) {
    case 'c':
        args->config = value;
        return 1;
    case 'd':
        args->is_foreground = 1;
        return 1;
    case 'e':
        args->modules = value;
        return 1;
    case 'v':
        args->verbosity++;
        return 1;
    case 't':
        args->is_check = 1;
        return 1;
    case 'g':
        fprintf(stderr,
                "eccmgr: -g %s has no effect: set cluster_group and control_group in the cluster stanza\n",
                value);
        return 1;
    case 'n':
        return 1;
    case 'h':
    case 'V':
        fputs(option == 'h' ? usage : PACKAGE_STRING "\n", stdout);
        *status = 0;
        return 0;
    default:
        fputs(usage, stderr);
        return 0;
    }
}

int manager_arguments(server_args_t *args, int argc, char **argv, int *status)
{
    int c;

    memset(args, 0, sizeof *args);
    args->skip_smtp = args->skip_queue = args->is_manager = 1;
    *status = 2;
    while ((c = getopt_long(argc, argv, "c:de:vtg:nhV", long_options, NULL)) != -1) {
        if (!take(args, c, optarg, status))
            return 0;
    }
    if (optind < argc) {
        fprintf(stderr, "eccmgr: %s: not an option; see eccmgr --help\n", argv[optind]);
        return 0;
    }
    args->config = server_absolute(args->config != NULL ? args->config : "eccluster.conf");
    return 1;
}

/* ---- what a manager would pass over in silence ------------------------------------------------ */

static void add_warning(apr_array_header_t *problems, const char *file, int line, const char *text)
{
    APR_ARRAY_PUSH(problems, conf_problem_t) =
        (conf_problem_t){ .file = file, .line = line, .is_warning = 1, .kind = CONF_PROBLEM_NO_EFFECT, .text = text };
}

void manager_warn(apr_array_header_t *problems, const conf_t *conf, const char *file, apr_pool_t *pool)
{
    static const char *const types[] = { "esmtp_listener", "ecstream_listener", "domain", "binding", "binding_group" };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const conf_stanza_t *stanza = conf_next(conf, NULL, types[i], NULL);

        if (stanza != NULL)
            add_warning(problems, apr_pstrdup(pool, conf_stanza_file(stanza)), conf_stanza_line(stanza),
                        apr_psprintf(pool, "stanza \"%s\" has no effect: a manager takes and sends no mail", types[i]));
    }
    if (conf_next(conf, NULL, "cluster", NULL) == NULL)
        add_warning(problems, apr_pstrdup(pool, file), 0,
                    "no cluster stanza: this manager is in no cluster, and has no commands for nodes");
}

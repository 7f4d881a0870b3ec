/* arguments.c - the command line of the server (executables.tsv)
 * SPDX-License-Identifier: Apache-2.0 */
#include "main/server.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

static const char usage[] =
    "usage: ecelerity [-c FILE] [-d] [-n SERVICE] [-t]\n"
    "\n"
    "  -c, --config FILE   configuration file (ecelerity.conf, sought along EC_CONF_SEARCH_PATH)\n"
    "  -d, --foreground    stay in the foreground, log to standard error\n"
    "  -n, --no SERVICE    do not start a service: esmtp (no listeners) or queue (no delivery)\n"
    "  -t, --check         load and check the configuration, say what is wrong, and leave\n"
    "  -h, --help          this text\n"
    "  -V, --version       version\n"
    "\n"
    "Signals: TERM and INT finish what is in flight, sync, and leave within 25 seconds;\n"
    "HUP reads the configuration again; USR1 reopens the logs.\n"
    "Talk to the running server with ec_console.  Manual: ecelerity(8).\n";

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' }, { "foreground", no_argument, NULL, 'd' },
    { "no", required_argument, NULL, 'n' },     { "check", no_argument, NULL, 't' },
    { "help", no_argument, NULL, 'h' },         { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

/* The server leaves its folder (daemonize.c); a reload must still find the same file.  Symbolic links stay: what is
 * included is sought beside the link, as the tools do it, and a reload follows one that leads elsewhere by then. */
const char *server_absolute(const char *name)
{
    static char path[PATH_MAX];
    const char *plain = name;
    char folder[PATH_MAX];

    while (strncmp(plain, "./", 2) == 0) {
        plain += 2;
    }
    if (name[0] == '/' || access(name, F_OK) != 0 || getcwd(folder, sizeof folder) == NULL ||
        (size_t)snprintf(path, sizeof path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, plain) >= sizeof path) {
        return name;
    }
    return path;
}

static int skip_service(server_args_t *args, const char *name)
{
    if (strcmp(name, "esmtp") == 0) {
        args->skip_smtp = 1;
    } else if (strcmp(name, "queue") == 0) {
        args->skip_queue = 1;
    } else {
        fprintf(stderr, "ecelerity: -n %s: there is no such service; services are esmtp and queue\n", name);
        return 0;
    }
    return 1;
}

int server_arguments(server_args_t *args, int argc, char **argv, int *status)
{
    int c;

    memset(args, 0, sizeof *args);
    *status = 2;
    while ((c = getopt_long(argc, argv, "c:dn:thV", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            args->config = optarg;
            break;
        case 'd':
            args->is_foreground = 1;
            break;
        case 'n':
            if (!skip_service(args, optarg)) {
                return 0;
            }
            break;
        case 't':
            args->is_check = 1;
            break;
        case 'h':
            fputs(usage, stdout);
            *status = 0;
            return 0;
        case 'V':
            puts(PACKAGE_STRING);
            *status = 0;
            return 0;
        default:
            fputs(usage, stderr);
            return 0;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "ecelerity: %s: not an option; see ecelerity --help\n", argv[optind]);
        return 0;
    }
    args->config = server_absolute(args->config != NULL ? args->config : "ecelerity.conf");
    return 1;
}

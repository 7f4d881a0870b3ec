/* main.c - ec_console: the command line, and which way to work
 * SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "config.h"
#include "console.h"

static const char usage[] =
    "usage: ec_console [--form text|xml|json] [--manager] [ENDPOINT] [COMMAND ...]\n"
    "\n"
    "Talks to a running ecelerity, or eccmgr.  With a command: runs it and leaves.  Without, on a terminal: line "
    "editing,\n"
    "completion (Tab), history; else commands are read from standard input, one a line.\n"
    "\n"
    "  ENDPOINT            path of a control socket, or address:port (a word with a slash, or ending in "
    ":digits)\n"
    "  --form FORM         how answers are written: text (default), xml or json\n"
    "  --manager           without an endpoint: talk to the cluster manager (eccmgr) of this machine\n"
    "  --                  what follows is a command, whatever it looks like\n"
    "  --help, --version\n"
    "\n"
    "Without an endpoint: $EC_CONTROL, then $CONTROL, when they are set; else the socket that a running "
    "server has\n"
    "announced in $EC_RUNDIR (when set: only there), " EC_RUNDIR ",\n"
    "$XDG_RUNTIME_DIR/ecelerity or /tmp/ecelerity-UID, the first that answers.\n"
    "\n"
    "In a dialogue: \\pager sends long answers through $PAGER; quit leaves.  A command may begin with xml or "
    "json.\n"
    "Exit status: 0 done, 1 the command failed, 2 no connection or wrong usage.\n";

enum { OPTION_FORM = 1, OPTION_MANAGER, OPTION_HELP, OPTION_VERSION };

static const struct option options[] = {
    { "form", required_argument, NULL, OPTION_FORM },
    { "manager", no_argument, NULL, OPTION_MANAGER },
    { "help", no_argument, NULL, OPTION_HELP },
    { "version", no_argument, NULL, OPTION_VERSION },
    { NULL, 0, NULL, 0 },
};

static int set_form(console_t *console, const char *name)
{
    int form = wire_form_parse(name);

    if (form < 0) {
        fprintf(stderr, "ec_console: --form %s: the forms are text, xml and json\n", name);
        return 0;
    }
    console->form = (wire_form_t)form;
    return 1;
}

/* Returns 1 to go on; else leave with *status. */
static int take_options(console_t *console, int argc, char **argv, int *status)
{
    int c;

    *status = EXIT_CONNECTION;
    while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        switch (c) {
        case OPTION_FORM:
            if (!set_form(console, optarg)) {
                return 0;
            }
            break;
        case OPTION_MANAGER:
            console->link.is_manager = 1;
            break;
        case OPTION_HELP:
        case 'h':
            fputs(usage, stdout);
            *status = EXIT_DONE;
            return 0;
        case OPTION_VERSION:
            puts(PACKAGE_STRING);
            *status = EXIT_DONE;
            return 0;
        default:
            fputs(usage, stderr);
            return 0;
        }
    }
    return 1;
}

static const char *from_environment(void)
{
    const char *endpoint = getenv("EC_CONTROL");

    if (endpoint == NULL || endpoint[0] == '\0') {
        endpoint = getenv("CONTROL");
    }
    return endpoint != NULL && endpoint[0] != '\0' ? endpoint : NULL;
}

/* "--form json" may also stand after the endpoint, as the documented usage has the endpoint first. */
static int take_endpoint(console_t *console, int argc, char **argv, int *status)
{
    int is_command = optind > 0 && strcmp(argv[optind - 1], "--") == 0;

    if (optind < argc && !is_command && link_is_endpoint(argv[optind])) {
        console->link.endpoint = argv[optind++];
        return take_options(console, argc, argv, status);
    }
    console->link.endpoint = console->link.is_manager ? NULL : from_environment();
    return 1;
}

/* A transaction ends with its console.  Begun by a process of its own it would be gone at once, and the changes that are meant
 * to be in it would each come into force by itself. */
static int begins_transaction(char **words, int n)
{
    if (n > 0 && (strcasecmp(words[0], "json") == 0 || strcasecmp(words[0], "xml") == 0)) {
        words++;
        n--;
    }
    return n >= 2 && strcasecmp(words[0], "config") == 0 && strcasecmp(words[1], "begin") == 0;
}

int main(int argc, char **argv)
{
    console_t console = { .link = { .fd = -1 } };
    int status;

    signal(SIGPIPE, SIG_IGN);
    if (!take_options(&console, argc, argv, &status) || !take_endpoint(&console, argc, argv, &status)) {
        return status;
    }
    if (begins_transaction(argv + optind, argc - optind)) {
        fputs("ec_console: a transaction ends with its console: give all its commands, from config begin to config commit, to one\n"
              "ec_console: in a dialogue, or as a list on standard input\n", stderr);
        return EXIT_CONNECTION;
    }
    if (link_open(&console.link) != 0) {
        return EXIT_CONNECTION;
    }
    if (optind < argc) {
        status = console_run(&console, (const char *const *)argv + optind, argc - optind);
    } else if (isatty(STDIN_FILENO)) {
        status = console_interactive(&console);
    } else {
        status = console_batch(&console);
    }
    link_close(&console.link);
    return fflush(stdout) == 0 ? status : EXIT_CONNECTION;
}

/* main.c - ec_ctl: start and stop the server with the environment it needs
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <ec/daemon.h>

#include "config.h"
#include "ctl.h"
#include "environment.h"

static const char usage[] =
    "usage: ec_ctl [--environment FILE] [--wait SECONDS] start | stop | restart | reload | status\n"
    "       ec_ctl [--environment FILE] cluster-config [options]\n"
    "\n"
    "  start      start the server in the background and wait until it is ready\n"
    "  stop       stop it cleanly and wait for its end\n"
    "  restart    stop and start; refused while the configuration is not valid\n"
    "  reload     read the configuration files again: whole, or refused\n"
    "  status     is it running?  Exit status 0: yes, 3: no\n"
    "  cluster-config  make corosync.conf from the peers of msgc_server; cluster-config --help tells more\n"
    "\n"
    "  --environment FILE  variables for the server (" EC_SYSCONFDIR "/environment)\n"
    "  --wait SECONDS      how long to wait for the start (as TRY says: 55) or the end (40)\n"
    "  --help, --version\n"
    "\n"
    "The environment file has lines NAME=value.  BINDIR, CONFFILE, CONTROL, EXTRA_ARGS and TRY are for "
    "ec_ctl;\n"
    "all go to the server.  Programs start.* in BINDIR/rc.includes run before a start, stop.* after a stop.\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage, 3 not running.\n";

static const char manager_usage[] =
    "usage: eccmgr_ctl [--environment FILE] [--wait SECONDS] start | stop | restart | reload | status\n"
    "\n"
    "What ec_ctl does for the server, for the cluster manager (eccmgr).  See ec_ctl --help; in the environment file,\n"
    "ECCMGR_CONFFILE, ECCMGR_CONTROL and ECCMGR_EXTRA_ARGS take the place of CONFFILE, CONTROL and EXTRA_ARGS.\n"
    "No programs of rc.includes are run.\n";

int ctl_is_manager(void)
{
    return strcmp(program_invocation_short_name, "eccmgr_ctl") == 0;
}

const char *ctl_what(void)
{
    return ctl_is_manager() ? "manager" : "server";
}

static const char *usage_text(void)
{
    return ctl_is_manager() ? manager_usage : usage;
}

void ctl_complain(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", program_invocation_short_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* ---- one at a time --------------------------------------------------------------------------- */

/* Held until the end of the process: the environment file stands for the server it is for. */
static int lock(const ctl_t *ctl)
{
    const char *file = ctl->environment_file;
    char server[CTL_PATH];
    int fd = ctl_is_manager() ? -1 : open(file, O_RDONLY | O_CLOEXEC);

    if (fd < 0) {
        snprintf(server, sizeof server, "%s/%s", ctl_bindir(), program_invocation_short_name);
        file = server;
        fd = open(file, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    ctl_complain("another %s is at work for this %s (%s is locked); wait for its end",
                 program_invocation_short_name, ctl_what(), file);
    return -1;
}

/* ---- actions --------------------------------------------------------------------------------- */

static int start(ctl_t *ctl)
{
    pid_t pid;

    if (server_find(ctl, &pid)) {
        printf("The %s is running already, pid %ld.\n", ctl_what(), (long)pid);
        return EXIT_DONE;
    }
    if (!ctl_is_manager() && scripts_run("start.") != 0) {
        ctl_complain("not started");
        return EXIT_FAILED;
    }
    if (server_launch(ctl) != 0)
        return EXIT_FAILED;
    if (!server_find(ctl, &pid)) {
        ctl_complain("the %s says it is ready, but its console can not be reached%s%s", ctl_what(),
                     ctl->link.endpoint != NULL ? " at " : "",
                     ctl->link.endpoint != NULL ? ctl->link.endpoint : "");
        return EXIT_FAILED;
    }
    printf("Started, pid %ld.\n", (long)pid);
    return EXIT_DONE;
}

static int stop(ctl_t *ctl)
{
    pid_t pid;

    if (!server_find(ctl, &pid)) {
        printf("The %s is not running.\n", ctl_what());
        return EXIT_DONE;
    }
    if (server_end(ctl, pid) != 0)
        return EXIT_FAILED;
    puts("Stopped.");
    return ctl_is_manager() || scripts_run("stop.") == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int restart(ctl_t *ctl)
{
    int status;

    if (!server_is_config_valid()) {
        ctl_complain("not restarted: the %s would not start with this configuration", ctl_what());
        return EXIT_FAILED;
    }
    status = stop(ctl);
    return status == EXIT_DONE ? start(ctl) : status;
}

static int not_running(const ctl_t *ctl)
{
    const char *endpoint = ctl->link.endpoint;

    printf("The %s is not running%s%s%s.\n", ctl_what(), endpoint != NULL ? " (nobody answers at " : "",
           endpoint != NULL ? endpoint : "", endpoint != NULL ? ")" : "");
    return EXIT_NOT_RUNNING;
}

static int reload(ctl_t *ctl)
{
    static const char *const words[] = { "config", "reload" };
    pid_t pid;

    if (!server_find(ctl, &pid))
        return not_running(ctl);
    return server_ask(ctl, words, 2, 1) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int show_status(ctl_t *ctl)
{
    static const char *const words[] = { "sysinfo" };
    pid_t pid;

    if (!server_find(ctl, &pid))
        return not_running(ctl);
    printf("The %s is running, pid %ld, console %s.\n", ctl_what(), (long)pid, ctl->link.path);
    return server_ask(ctl, words, 1, 1) == 0 ? EXIT_DONE : EXIT_FAILED;
}

static const struct action {
    const char *name;
    int (*run)(ctl_t *ctl);
    int is_alone; /* changes whether the server runs */
} actions[] = {
    { "start", start, 1 },   { "stop", stop, 1 },          { "restart", restart, 1 },
    { "reload", reload, 0 }, { "status", show_status, 0 },
};

/* ---- main ------------------------------------------------------------------------------------ */

enum { OPTION_ENVIRONMENT = 1, OPTION_WAIT, OPTION_VERSION };

static const struct option options[] = {
    { "environment", required_argument, NULL, OPTION_ENVIRONMENT },
    { "wait", required_argument, NULL, OPTION_WAIT },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, OPTION_VERSION },
    { NULL, 0, NULL, 0 },
};

static int set_wait(ctl_t *ctl, const char *text)
{
    char *end;
    long seconds = strtol(text, &end, 10);

    if (*end != '\0' || seconds < 1 || seconds > 86400) {
        ctl_complain("--wait %s: a number of seconds from 1 to 86400", text);
        return 0;
    }
    ctl->wait_seconds = (int)seconds;
    return 1;
}

/* 1: go on; else leave with *status. */
static int take_options(ctl_t *ctl, int argc, char **argv, int *status)
{
    int c;

    *status = EXIT_USAGE;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case OPTION_ENVIRONMENT:
            ctl->environment_file = optarg;
            ctl->is_environment_named = 1;
            break;
        case OPTION_WAIT:
            if (!set_wait(ctl, optarg))
                return 0;
            break;
        case 'h':
        case OPTION_VERSION:
            fputs(c == 'h' ? usage_text() : PACKAGE_STRING "\n", stdout);
            *status = EXIT_DONE;
            return 0;
        default:
            fputs(usage_text(), stderr);
            return 0;
        }
    }
    return 1;
}

static const struct action *find_action(int argc, char **argv)
{
    for (size_t i = 0; optind + 1 == argc && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].name, argv[optind]) == 0)
            return &actions[i];
    }
    fputs(usage_text(), stderr);
    return NULL;
}

static int load_environment(const ctl_t *ctl)
{
    static environment_t environment;
    char why[1024];

    switch (environment_read(&environment, ctl->environment_file, why, sizeof why)) {
    case -1:
        ctl_complain("%s", why);
        return -1;
    case 0:
        if (ctl->is_environment_named)
            ctl_complain("%s: there is no such file", ctl->environment_file);
        return ctl->is_environment_named ? -1 : 0;
    default:
        environment_apply(&environment);
        environment_free(&environment);
        return 0;
    }
}

/* The place of a word among the arguments; `argc` when it is not there. */
static int find_word(int argc, char **argv, const char *word)
{
    int at = 1;

    while (at < argc && strcmp(argv[at], word) != 0)
        at++;
    return at;
}

int main(int argc, char **argv)
{
    int cluster_config = find_word(argc, argv, "cluster-config");
    ctl_t ctl = { .environment_file = EC_SYSCONFDIR "/environment", .link = { .fd = -1 } };
    const struct action *action;
    int status;

    signal(SIGPIPE, SIG_IGN);
    if (!take_options(&ctl, cluster_config, argv, &status))
        return status;
    if (cluster_config < argc)
        return load_environment(&ctl) != 0 ? EXIT_FAILED
                                           : ec_cluster_config_main(argc - cluster_config, argv + cluster_config);
    if ((action = find_action(argc, argv)) == NULL)
        return EXIT_USAGE;
    if (load_environment(&ctl) != 0 || (action->is_alone && lock(&ctl) != 0))
        return EXIT_FAILED;
    if (chdir("/") != 0)
        ctl_complain("can not change to /: %s", strerror(errno));
    status = action->run(&ctl);
    link_close(&ctl.link);
    return fflush(stdout) == 0 ? status : EXIT_FAILED;
}

/* server.c - ec_ctl's view of the server: found by its console, started as a program
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "ctl.h"

static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* One that the server and the manager each have. */
static const char *own_variable(const char *name)
{
    char manager[64];

    snprintf(manager, sizeof manager, "ECCMGR_%s", name);
    return variable(ctl_is_manager() ? manager : name);
}

/* The program's name. */
static const char *daemon_name(void)
{
    return ctl_is_manager() ? "eccmgr" : "ecelerity";
}

const char *ctl_bindir(void)
{
    const char *folder = variable("BINDIR");

    return folder != NULL ? folder : EC_BINDIR;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void on_alarm(int signo)
{
    link_interrupted = 1;
}

/* SIGALRM stays blocked but where link.c waits, so that it can not be missed. */
static link_result_t ask(ctl_t *ctl, console_answer_t *answer, const char *const *words, int n)
{
    struct sigaction action = { .sa_handler = on_alarm };
    link_result_t result;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigaction(SIGALRM, &action, NULL);
    alarm(CTL_ASK_SECONDS);
    result = link_ask(&ctl->link, answer, WIRE_TEXT, words, n);
    alarm(0);
    if (result == LINK_INTERRUPTED)
        ctl_complain("the %s does not answer within %d seconds", ctl_what(), CTL_ASK_SECONDS);
    return result;
}

static pid_t ask_pid(ctl_t *ctl)
{
    static const char *const words[] = { "pid" };
    console_answer_t answer = { 0 };
    pid_t pid = 0;

    if (strchr(ctl->link.path, '/') == NULL || ask(ctl, &answer, words, 1) != LINK_OK)
        return 0;
    if (answer.status == WIRE_DONE)
        pid = (pid_t)strtol(answer.text + strcspn(answer.text, "0123456789"), NULL, 10);
    free(answer.text);
    return pid;
}

int server_find(ctl_t *ctl, pid_t *pid)
{
    *pid = 0;
    ctl->link.endpoint = own_variable("CONTROL");
    ctl->link.is_manager = ctl_is_manager();
    ctl->link.is_quiet = 1;
    if (link_open(&ctl->link) != 0)
        return 0;
    ctl->link.is_quiet = 0;
    *pid = ask_pid(ctl);
    return 1;
}

int server_ask(ctl_t *ctl, const char *const *words, int n, int is_printed)
{
    console_answer_t answer = { 0 };
    int is_done;

    if (ask(ctl, &answer, words, n) != LINK_OK)
        return -1;
    is_done = answer.status == WIRE_DONE;
    if (is_printed || !is_done)
        fwrite(answer.text, 1, answer.length, is_done ? stdout : stderr);
    free(answer.text);
    return is_done ? 0 : -1;
}

/* ---- starting -------------------------------------------------------------------------------- */

/* TRY waits of 1, 2, 3 ... seconds. */
static int start_seconds(const ctl_t *ctl)
{
    const char *text = variable("TRY");
    long try = text != NULL ? strtol(text, NULL, 10) : 10;

    if (ctl->wait_seconds > 0)
        return ctl->wait_seconds;
    if (try < 1 || try > 1000) {
        ctl_complain("TRY=%s is not a number from 1 to 1000; taking 10", text);
        try = 10;
    }
    return (int)(try * (try + 1) / 2);
}

static int is_program(char path[CTL_PATH], const char *folder, const char *name)
{
    return snprintf(path, CTL_PATH, "%s/%s", folder, name) < CTL_PATH && access(path, X_OK) == 0;
}

static int find_program(char path[CTL_PATH])
{
    char beside[64];

    snprintf(beside, sizeof beside, "../sbin/%s", daemon_name());
    if (is_program(path, ctl_bindir(), beside) || is_program(path, ctl_bindir(), daemon_name()) ||
        is_program(path, EC_SBINDIR, daemon_name()))
        return 0;
    ctl_complain("there is no program %s in %s/../sbin, %s or %s", daemon_name(), ctl_bindir(), ctl_bindir(),
                 EC_SBINDIR);
    return -1;
}

/* What would never say that it is ready. */
static int is_refused(const char *word)
{
    static const char *const refused[] = { "-d", "--foreground", "-t", "--check" };

    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (strcmp(word, refused[i]) == 0) {
            ctl_complain("EXTRA_ARGS has %s, which does not go with a %s in the background", word, ctl_what());
            return 1;
        }
    }
    return 0;
}

/* EXTRA_ARGS, words separated by spaces; `argv` then points into `text`. */
static int add_extra(char **argv, int n, char *text)
{
    char *state = NULL;

    for (char *word = text != NULL ? strtok_r(text, " \t", &state) : NULL; word != NULL;
         word = strtok_r(NULL, " \t", &state)) {
        if (n == CTL_ARGUMENTS - 1) {
            ctl_complain("EXTRA_ARGS has too many words");
            return -1;
        }
        if (is_refused(word))
            return -1;
        argv[n++] = word;
    }
    return 0;
}

static int say_result(int status, int seconds)
{
    switch (status) {
    case 0:
        return 0;
    case CHILD_STARTED_NOT:
        ctl_complain("the %s can not be run: %s", ctl_what(), strerror(errno));
        break;
    case CHILD_STILL_RUNS:
        ctl_complain(
            "the %s is not ready after %d seconds and goes on starting; see %s status, and its log", ctl_what(),
            seconds, program_invocation_short_name);
        break;
    default:
        ctl_complain("the %s did not start (status %d)", ctl_what(), status);
    }
    return -1;
}

int server_launch(ctl_t *ctl)
{
    char path[CTL_PATH], *argv[CTL_ARGUMENTS] = { path };
    const char *config = own_variable("CONFFILE");
    int seconds = start_seconds(ctl), n = 1, result = -1;
    char *extra;

    if (find_program(path) != 0)
        return -1;
    if (config != NULL) {
        argv[n++] = (char *)"-c";
        argv[n++] = (char *)config;
    }
    extra = own_variable("EXTRA_ARGS") != NULL ? strdup(own_variable("EXTRA_ARGS")) : NULL;
    if (add_extra(argv, n, extra) == 0)
        result = say_result(child_run(argv, seconds), seconds);
    free(extra);
    return result;
}

int server_is_config_valid(void)
{
    char path[CTL_PATH], *argv[] = { path, NULL, NULL, NULL };
    const char *config = own_variable("CONFFILE"), *extra = own_variable("EXTRA_ARGS");

    if (!is_program(path, ctl_bindir(), "validate_config") ||
        (extra != NULL && (strstr(extra, "-c") != NULL || strstr(extra, "--config") != NULL)))
        return 1;
    if (config == NULL && ctl_is_manager())
        config = "eccluster.conf";
    if (config != NULL) {
        argv[1] = (char *)"-c";
        argv[2] = (char *)config;
    }
    return child_run(argv, 0) == 0;
}

/* ---- ending ---------------------------------------------------------------------------------- */

/* A server elsewhere: it closes the connection when it is gone. */
static int await_close(ctl_t *ctl, int seconds)
{
    int process = ctl->link.fd;

    ctl->link.fd = -1;
    return child_await_end(process, seconds);
}

int server_end(ctl_t *ctl, pid_t pid)
{
    static const char *const words[] = { "shutdown" };
    int seconds = ctl->wait_seconds > 0 ? ctl->wait_seconds : CTL_STOP_SECONDS;
    int process = pid > 0 ? child_open(pid) : -1; /* before it can be another's number */
    int has_ended;

    if (server_ask(ctl, words, 1, 0) != 0) {
        if (process >= 0)
            close(process);
        return -1;
    }
    has_ended = process >= 0 ? child_await_end(process, seconds) : await_close(ctl, seconds);
    link_close(&ctl->link);
    if (has_ended)
        return 0;
    ctl_complain("the %s has not ended after %d seconds; it finishes what is in flight", ctl_what(), seconds);
    return -1;
}

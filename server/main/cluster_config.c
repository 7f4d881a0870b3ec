/* cluster_config.c - ec_ctl cluster-config: corosync.conf and its key from the members that msgc_server names
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/daemon.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <apr_strings.h>

#include "main/corosync.h"
#include "main/tool.h"

static const char usage[] =
    "usage: ec_ctl cluster-config [options]\n"
    "\n"
    "Makes corosync.conf from the peers of msgc_server, the key of the cluster if there is none, and tells a "
    "running corosync\n"
    "to read them.  Run it on every member; the same peers give the same file.\n"
    "\n"
    "  -c, --config FILE       file with the msgc_server stanza (msgc_server.conf, sought along "
    "EC_CONF_SEARCH_PATH)\n"
    "  -o, --output FILE       file to make (/etc/corosync/corosync.conf)\n"
    "  -k, --key FILE          key of the cluster (/etc/corosync/authkey): the same on all members\n"
    "      --no-key            no key: whoever reaches the cluster's network can read and take part\n"
    "      --failover SECONDS  what a dead member held is free for the others after so long (4)\n"
    "      --lease MS          lease_window of the cluster stanza, in milliseconds (2000)\n"
    "      --user NAME         user of the server, who may connect to corosync (ecuser)\n"
    "      --last-man          let a cluster that shrinks one by one go on (last_man_standing)\n"
    "      --no-reload         do not tell corosync\n"
    "      --print             print the file instead\n"
    "  -h, --help              this text\n"
    "\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

#define USER_DEFAULT "ecuser"

enum { KEY_BYTES = 256, KEY_MIN = 128, MARGIN_MS = 250 };

struct run {
    tool_t tool;
    corosync_plan_t plan;
    const char *output, *key, *user;
    int has_no_key, is_no_reload, is_print;
};

static int fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int fail(const char *format, ...)
{
    va_list args;

    fputs("ec_ctl cluster-config: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return 1;
}

/* ---- what the configuration says ------------------------------------------------------------ */

static int add_peers(struct run *run, const conf_t *conf)
{
    const conf_stanza_t *stanza = conf_next(conf, NULL, "msgc_server", NULL);
    const ec_value_t *peers = stanza != NULL ? conf_stanza_get(conf, stanza, "peers") : NULL;
    const char *why = NULL;

    if (peers == NULL)
        return fail("no msgc_server stanza names peers: write  msgc_server { peers = [ \"name\" = "
                    "\"address\" ... ] }");
    for (const char *const *pair = peers->dict; *pair != NULL && why == NULL; pair += 2)
        why = corosync_add(&run->plan, apr_pstrdup(run->tool.pool, pair[0]),
                           apr_pstrdup(run->tool.pool, pair[1]), run->tool.pool);
    if (why == NULL)
        why = corosync_plan(&run->plan, run->tool.pool);
    return why != NULL ? fail("%s:%d: %s", conf_stanza_file(stanza), conf_stanza_line(stanza), why) : 0;
}

static int read_peers(struct run *run)
{
    tool_loaded_t loaded;
    int status;

    tool_load(&loaded, &run->tool);
    tool_print_problems(&loaded);
    if (!loaded.is_found)
        return fail("%s", loaded.where);
    if (loaded.conf == NULL)
        return 1;
    status = add_peers(run, loaded.conf);
    conf_unref(loaded.conf);
    return status;
}

/* Only users that there are: corosync refuses a file with others.  One that was asked for has to be there. */
static int find_user(struct run *run)
{
    const struct passwd *user = getpwnam(run->user != NULL ? run->user : USER_DEFAULT);
    const struct group *group = user != NULL ? getgrgid(user->pw_gid) : NULL;

    if (group == NULL)
        return run->user == NULL ? 0 : fail("--user %s: there is no such user, or it has no group, on this machine", run->user);
    if (user->pw_uid == 0) /* may connect anyway */
        return 0;
    run->plan.user = apr_pstrdup(run->tool.pool, user->pw_name);
    run->plan.group = apr_pstrdup(run->tool.pool, group->gr_name);
    return 0;
}

/* ---- files ---------------------------------------------------------------------------------- */

/* Whole or not at all. */
static int write_file(const struct run *run, const char *path, const void *data, size_t length, mode_t mode)
{
    const char *temporary = apr_pstrcat(run->tool.pool, path, ".new", NULL);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    int is_good =
        fd >= 0 && fchmod(fd, mode) == 0 && write(fd, data, length) == (ssize_t)length && fsync(fd) == 0;
    int error = errno;

    if (fd >= 0)
        close(fd);
    if (is_good && rename(temporary, path) == 0)
        return 0;
    error = is_good ? errno : error;
    if (fd >= 0)
        unlink(temporary);
    return fail("%s: can not be written: %s", path, strerror(error));
}

static int is_same(const char *path, const char *text)
{
    size_t length = strlen(text);
    char *now = malloc(length + 2);
    FILE *file = fopen(path, "re");
    int is = file != NULL && now != NULL && fread(now, 1, length + 1, file) == length &&
             memcmp(now, text, length) == 0;

    if (file != NULL)
        fclose(file);
    free(now);
    return is;
}

static int make_key(const struct run *run)
{
    unsigned char key[KEY_BYTES];
    struct stat there;

    if (run->has_no_key)
        return 0;
    if (stat(run->key, &there) == 0)
        return there.st_size >= KEY_MIN
                   ? 0
                   : fail("%s: has fewer than %d bytes; put the key of the other members there, or remove it",
                          run->key, KEY_MIN);
    if (getrandom(key, sizeof(key), 0) != sizeof(key))
        return fail("no random bytes: %s", strerror(errno));
    if (write_file(run, run->key, key, sizeof(key), 0400) != 0)
        return 1;
    printf("%s made.%s\n", run->key,
           run->plan.count > 1 ? "  Copy it to the other members, readable by root only." : "");
    return 0;
}

/* ---- corosync ------------------------------------------------------------------------------- */

/* corosync-cfgtool's exit status; -1: it could not be started. */
static int cfgtool(const char *option, int is_quiet)
{
    extern char **environ;
    const char *const argv[] = { "corosync-cfgtool", option, NULL };
    posix_spawn_file_actions_t actions;
    int status = -1, error;
    pid_t pid;

    posix_spawn_file_actions_init(&actions);
    for (int fd = 1; fd <= 2 && is_quiet; fd++)
        posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_WRONLY, 0);
    error = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0)
        return -1;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int tell_corosync(const struct run *run)
{
    if (run->is_no_reload)
        return 0;
    if (cfgtool("-s", 1) != 0) {
        puts("corosync does not run here: start it when all members have this file and the key.");
        return 0;
    }
    fflush(stdout);
    if (cfgtool("-R", 0) != 0)
        return fail("corosync does not take the file; what it has runs on (its log says why)");
    puts("corosync has read it.");
    return 0;
}

/* ---- main ----------------------------------------------------------------------------------- */

static void say_members(const struct run *run)
{
    int failover = corosync_failover_ms(&run->plan);

    printf("members:");
    for (int i = 0; i < run->plan.count; i++)
        printf(" %s=%s(%d)", run->plan.members[i].name, run->plan.members[i].address,
               run->plan.members[i].id);
    printf("\ntoken=%d ms: what a dead member held is free for the others after at most %d.%d s\n",
           run->plan.token_ms, failover / 1000, failover % 1000 / 100);
    if (failover + 100 < run->plan.failover_ms)
        printf("(sooner than asked for: leases of %d ms must outlast the time in which a death is noticed)\n",
               run->plan.lease_ms);
}

static int apply(struct run *run)
{
    const char *text = corosync_text(&run->plan, run->tool.pool);

    if (run->is_print) {
        fputs(text, stdout);
        return 0;
    }
    say_members(run);
    if (make_key(run) != 0)
        return 1;
    if (is_same(run->output, text))
        printf("%s is up to date.\n", run->output);
    else if (write_file(run, run->output, text, strlen(text), 0644) != 0)
        return 1;
    else
        printf("%s written.\n", run->output);
    return tell_corosync(run); /* it need not have read what is there: it may have refused it, or nobody told it */
}

static int take_number(int *number, const char *option, const char *text, double factor, int most)
{
    char *end;
    double value = strtod(text, &end) * factor;

    if (end == text || *end != '\0' || !(value >= 1 && value <= most)) {
        fail("%s %s: a number above 0, up to %g, is expected", option, text, most / factor);
        return 2;
    }
    *number = (int)value;
    return -1;
}

enum { NO_KEY = 1, FAILOVER, LEASE, USER, LAST_MAN, NO_RELOAD, PRINT };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "output", required_argument, NULL, 'o' },
    { "key", required_argument, NULL, 'k' },
    { "no-key", no_argument, NULL, NO_KEY },
    { "failover", required_argument, NULL, FAILOVER },
    { "lease", required_argument, NULL, LEASE },
    { "user", required_argument, NULL, USER },
    { "last-man", no_argument, NULL, LAST_MAN },
    { "no-reload", no_argument, NULL, NO_RELOAD },
    { "print", no_argument, NULL, PRINT },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

/* -1: go on; else leave with it. */
static int take(struct run *run, int option)
{
    switch (option) {
    case 'c':
        run->tool.config = optarg;
        return -1;
    case 'o':
        run->output = optarg;
        return -1;
    case 'k':
        run->key = optarg;
        return -1;
    case NO_KEY:
        run->has_no_key = 1;
        return -1;
    case FAILOVER:
        return take_number(&run->plan.failover_ms, "--failover", optarg, 1000, 3600000);
    case LEASE:
        return take_number(&run->plan.lease_ms, "--lease", optarg, 1, 60000);
    case USER:
        run->user = optarg;
        return -1;
    case LAST_MAN:
        run->plan.is_last_man = 1;
        return -1;
    case NO_RELOAD:
        run->is_no_reload = 1;
        return -1;
    case PRINT:
        run->is_print = 1;
        return -1;
    case 'h':
        fputs(usage, stdout);
        return 0;
    default:
        fputs(usage, stderr);
        return 2;
    }
}

int ec_cluster_config_main(int argc, char **argv)
{
    struct run run = {
        .tool = { .name = "ec_ctl cluster-config", .config = "msgc_server.conf" },
        .plan = { .failover_ms = 4000, .lease_ms = 2000, .margin_ms = MARGIN_MS },
        .output = "/etc/corosync/corosync.conf",
        .key = "/etc/corosync/authkey",
    };
    int option, status = -1;

    optind = 0; /* ec_ctl has read its own */
    while (status < 0 && (option = getopt_long(argc, argv, "c:o:k:h", long_options, NULL)) != -1)
        status = take(&run, option);
    if (status < 0 && optind < argc) {
        fail("%s: not an option; see ec_ctl cluster-config --help", argv[optind]);
        status = 2;
    }
    if (status >= 0)
        return status;
    if ((status = tool_start(&run.tool)) != 0)
        return status;
    run.plan.keyfile = run.has_no_key ? NULL : run.key;
    status = find_user(&run);
    if (status == 0)
        status = read_peers(&run);
    if (status == 0)
        status = apply(&run);
    tool_end(&run.tool);
    return fflush(stdout) == 0 ? status : 1;
}

/* listen.c - the sockets of the Control_Listener stanzas
 * SPDX-License-Identifier: Apache-2.0
 *
 * There is no authentication on the console yet: who may connect may command.  So a UNIX
 * socket is closed to others by its mode, and TCP is for loopback only, with a warning. */
#include "control/control.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <apr_strings.h>

#include "conf/check.h"
#include "control/private.h"
#include "control/rundir.h"
#include "control/session.h"
#include "util/role.h"

enum { SOCKETS_MAX = 64 };

struct control_socket {
    const char *address; /* malloc'd */
    int mode, backlog;
    apr_interval_time_t timeout;
    net_listener_t *listener;
    int is_wanted;
    int is_fresh; /* opened for a generation that is not in force yet */
};

static struct {
    struct control_socket *socket[SOCKETS_MAX];
    int n;
    struct control_socket wanted[SOCKETS_MAX]; /* by the generation that is prepared; it has the addresses */
    int n_wanted;
    apr_pool_t *why_pool;
    rundir_t dir;                /* where we are announced */
    char announced[RUNDIR_PATH]; /* "": nowhere */
} state;

/* ---- what is wanted ---------------------------------------------------------------------------- */

static int is_path(const char *address)
{
    return address[0] == '/';
}

static int is_loopback(const char *address)
{
    char host[64] = "";
    const char *colon = strrchr(address, ':');
    struct in_addr v4;

    if (colon == NULL || (size_t)(colon - address) >= sizeof host) {
        return 0;
    }
    memcpy(host, address, (size_t)(colon - address));
    return strcmp(host, "[::1]") == 0 ||
           (inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127);
}

static const ec_value_t *value_of(const conf_t *conf, const conf_stanza_t *listener,
                                  const conf_stanza_t *listen, const char *option)
{
    const ec_value_t *value = conf_stanza_get(conf, listen, option);

    return value != NULL ? value : conf_stanza_eval(conf, listener, option);
}

static apr_int64_t number_of(const conf_t *conf, const conf_stanza_t *listener, const conf_stanza_t *listen,
                             const char *option, apr_int64_t deflt)
{
    const ec_value_t *value = value_of(conf, listener, listen, option);

    return value != NULL ? value->i : deflt;
}

static void want(struct control_socket *list, int *n, const char *address, int mode, int backlog,
                 apr_interval_time_t timeout)
{
    if (*n < SOCKETS_MAX) {
        list[(*n)++] = (struct control_socket){
            .address = address, .mode = mode, .backlog = backlog, .timeout = timeout
        };
    }
}

static const char *check(const char *address, int *is_warning)
{
    return is_path(address) || is_loopback(address)
               ? NULL
               : "the console has no authentication yet, so Control_Listener takes a socket path or a loopback address";
}

void control_check_values(void)
{
    conf_check_register_listen("control_listener", check);
}

static apr_status_t collect(struct control_socket *list, int *n, const conf_t *conf, const char **why)
{
    const conf_stanza_t *listener = NULL, *listen;

    while ((listener = conf_next(conf, NULL, "control_listener", listener)) != NULL) {
        for (listen = NULL; (listen = conf_next(conf, listener, "listen", listen)) != NULL;) {
            const char *address = conf_stanza_name(listen), *what;

            if (!number_of(conf, listener, listen, "enable", 1)) {
                continue;
            }
            if ((what = check(address, NULL)) != NULL) { /* whoever loaded it did not ask */
                *why = apr_psprintf(state.why_pool, "%s: %s, and not \"%s\"", conf_stanza_place(listen, state.why_pool), what,
                                    address);
                return EC_E_CONFIG;
            }
            want(list, n, address, (int)number_of(conf, listener, listen, "file_mode", 0660),
                 (int)number_of(conf, listener, listen, "listen_backlog", 500),
                 apr_time_from_sec(number_of(conf, listener, listener, "timeout", 60)));
        }
    }
    return APR_SUCCESS;
}

/* Without any stanza: the socket 2025 in the first folder that can be used. */
static apr_status_t collect_default(struct control_socket *list, int *n, const char **why)
{
    static char path[RUNDIR_PATH];
    rundir_t dirs[RUNDIR_MAX];
    int n_dirs = rundir_list(dirs);

    for (int i = 0; i < n_dirs; i++) {
        dirs[i].is_manager = ec_is_manager();
        if (rundir_open(&dirs[i])) {
            rundir_default_socket(path, &dirs[i]);
            want(list, n, path, 0660, 500, apr_time_from_sec(60));
            return APR_SUCCESS;
        }
    }
    *why = "there is no folder for the control socket that can be written to: say Control_Listener { Listen "
           "\"/path\" {} }";
    return EC_E_CONFIG;
}

/* ---- opening and closing -------------------------------------------------------------------------- */

static void on_accept(void *baton, ec_loop_t *loop, apr_socket_t *socket, const net_endpoint_t *peer,
                      const net_endpoint_t *local, apr_pool_t *pool)
{
    const struct control_socket *from = baton;

    session_open(loop, socket, from->address, peer, from->timeout, pool);
}

static void free_socket(void *baton)
{
    struct control_socket *old = baton;

    free((char *)old->address);
    free(old);
}

static void close_at(int i)
{
    struct control_socket *old = state.socket[i];

    state.socket[i] = state.socket[--state.n];
    net_listener_close_then(old->listener, free_socket, old);
}

static struct control_socket *find(const char *address)
{
    for (int i = 0; i < state.n; i++) {
        if (strcmp(state.socket[i]->address, address) == 0) {
            return state.socket[i];
        }
    }
    return NULL;
}

static apr_status_t open_one(const struct control_socket *wanted, const char **why)
{
    struct control_socket *made = malloc(sizeof *made);
    net_listen_options_t options = { .address = wanted->address,
                                     .backlog = wanted->backlog,
                                     .socket_mode = wanted->mode };
    apr_status_t rv;

    EC_ASSERT(made != NULL);
    *made = *wanted;
    made->address = strdup(wanted->address);
    if ((rv = net_listen(&made->listener, &options, on_accept, made, why, state.why_pool)) != APR_SUCCESS) {
        free_socket(made);
        return rv;
    }
    if (!is_path(made->address)) {
        ec_log(control_log, EC_LOG_WARNING,
               "the console listens on TCP: every user of this machine may command the server address=%s",
               made->address);
    }
    made->is_wanted = made->is_fresh = 1;
    state.socket[state.n++] = made;
    return APR_SUCCESS;
}

/* One that is there already gets the new settings; its backlog stays. */
static void update(struct control_socket *there, const struct control_socket *wanted)
{
    there->is_wanted = 1;
    there->is_fresh = 0;
    there->timeout = wanted->timeout;
    if (there->mode != wanted->mode && is_path(there->address)) {
        if (chmod(there->address, (mode_t)wanted->mode) != 0) {
            ec_log_rv(control_log, EC_LOG_ERROR, APR_FROM_OS_ERROR(errno),
                      "can not change the mode socket=%s", there->address);
        }
        there->mode = wanted->mode;
    }
}

static void close_unwanted(void)
{
    for (int i = state.n - 1; i >= 0; i--) {
        if (!state.socket[i]->is_wanted) {
            close_at(i);
        }
    }
}

static void close_fresh(void)
{
    for (int i = state.n - 1; i >= 0; i--) {
        if (state.socket[i]->is_fresh) {
            close_at(i);
        }
    }
}

static apr_status_t open_wanted(const char **why)
{
    for (int i = 0; i < state.n_wanted; i++) {
        apr_status_t rv = APR_SUCCESS;

        if (find(state.wanted[i].address) == NULL) {
            rv = state.n < SOCKETS_MAX ? open_one(&state.wanted[i], why) : EC_E_LIMIT;
        }
        if (rv != APR_SUCCESS) {
            close_fresh();
            return rv;
        }
    }
    return APR_SUCCESS;
}

/* ---- being found ------------------------------------------------------------------------------------ */

static void withdraw(void)
{
    if (state.announced[0] != '\0') {
        rundir_withdraw(&state.dir, state.announced);
        state.announced[0] = '\0';
    }
}

/* A console without arguments finds the first UNIX socket. */
static void announce(void)
{
    rundir_t dirs[RUNDIR_MAX];
    int n_dirs = rundir_list(dirs);
    const char *address = NULL;

    for (int i = 0; i < state.n && address == NULL; i++) {
        address = is_path(state.socket[i]->address) && strlen(state.socket[i]->address) < RUNDIR_PATH
                      ? state.socket[i]->address
                      : NULL;
    }
    if (address == NULL || strcmp(address, state.announced) == 0) {
        return;
    }
    withdraw();
    for (int i = 0; i < n_dirs; i++) {
        dirs[i].is_manager = ec_is_manager();
        if (rundir_open(&dirs[i]) && rundir_announce(&dirs[i], address) == 0) {
            state.dir = dirs[i];
            strcpy(state.announced, address);
            ec_log(control_log, EC_LOG_INFO, "console announced socket=%s folder=%s", address, dirs[i].path);
            return;
        }
    }
    ec_log(control_log, EC_LOG_WARNING,
           "no folder to announce the control socket in: give it to ec_console socket=%s", address);
}

apr_status_t control_listen_prepare(conf_t *conf, const char **why)
{
    if (state.why_pool == NULL) {
        EC_ASSERT(apr_pool_create(&state.why_pool, NULL) == APR_SUCCESS);
    }
    apr_pool_clear(state.why_pool);
    *why = "can not open the control socket";
    state.n_wanted = 0;
    EC_TRY(collect(state.wanted, &state.n_wanted, conf, why));
    if (state.n_wanted == 0) {
        EC_TRY(collect_default(state.wanted, &state.n_wanted, why));
    }
    return open_wanted(why);
}

void control_listen_rollback(void)
{
    close_fresh();
}

void control_listen_commit(void)
{
    for (int i = 0; i < state.n; i++) {
        state.socket[i]->is_wanted = 0;
    }
    for (int i = 0; i < state.n_wanted; i++) {
        update(find(state.wanted[i].address), &state.wanted[i]);
    }
    close_unwanted();
    announce();
}

apr_status_t control_listen(conf_t *conf, const char **why)
{
    EC_TRY(control_listen_prepare(conf, why));
    control_listen_commit();
    return APR_SUCCESS;
}

void control_close(void)
{
    withdraw();
    while (state.n > 0) {
        close_at(state.n - 1);
    }
    session_close_all();
}

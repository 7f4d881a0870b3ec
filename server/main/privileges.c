/* privileges.c - from root to the Security user
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only the capability to bind low ports is kept, so that a reload can open a listener on
 * port 25; it is not inheritable by programs we might start.  Runs before any thread. */
#include "main/server.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <apr_strings.h>

#include "control/rundir.h"

/* What is written, not the default: the group of a user that was named is that user's own. */
static const char *security_option(const conf_t *conf, const char *name)
{
    const conf_stanza_t *security = conf_next(conf, NULL, "security", NULL);
    const ec_value_t *value = security != NULL ? conf_stanza_get(conf, security, name) : NULL;

    return value != NULL ? value->s : NULL;
}

static apr_status_t set_capabilities(void)
{
    static const cap_value_t kept[] = { CAP_NET_BIND_SERVICE };
    apr_status_t rv = APR_SUCCESS;
    cap_t caps = cap_init();

    if (caps == NULL || cap_set_flag(caps, CAP_PERMITTED, 1, kept, CAP_SET) != 0 ||
        cap_set_flag(caps, CAP_EFFECTIVE, 1, kept, CAP_SET) != 0 || cap_set_proc(caps) != 0) {
        rv = errno;
    }
    if (caps != NULL) {
        cap_free(caps);
    }
    return rv;
}

static apr_status_t become(const struct passwd *pw, gid_t gid)
{
    if (prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) != 0 || initgroups(pw->pw_name, gid) != 0 || setgid(gid) != 0 ||
        setuid(pw->pw_uid) != 0) {
        return errno;
    }
    EC_TRY(set_capabilities());
    /* setuid cleared it; we want core files and /proc to be ours as usual */
    prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
    return APR_SUCCESS;
}

apr_status_t server_drop_privileges(const conf_t *conf, ec_log_t *log, const char **why, apr_pool_t *pool)
{
    const char *user = security_option(conf, "user");
    const char *group = security_option(conf, "group");
    const struct passwd *pw;
    const struct group *gr;
    apr_status_t rv;
    gid_t gid;

    if (geteuid() != 0) {
        return APR_SUCCESS;
    }
    if (user == NULL) {
        user = "ecuser";
    }
    if ((pw = getpwnam(user)) == NULL) {
        *why = apr_psprintf(pool, "started as root, and there is no user \"%s\" to run as: create it, or name another "
                                  "in Security { user = \"...\" }", user);
        return EC_E_CONFIG;
    }
    gid = pw->pw_gid;
    if (group != NULL) {
        if ((gr = getgrnam(group)) == NULL) {
            *why = apr_psprintf(pool, "Security { group = \"%s\" }: there is no such group", group);
            return EC_E_CONFIG;
        }
        gid = gr->gr_gid;
    }
    if (pw->pw_uid == 0) {
        ec_log(log, EC_LOG_WARNING, "runs as root because the Security stanza says so");
        return APR_SUCCESS;
    }
    /* afterwards we could not make it; a root's console looks there */
    if ((rv = rundir_give(pw->pw_uid, gid)) != APR_SUCCESS) {
        ec_log_rv(log, EC_LOG_WARNING, rv, "the run folder is not ours to announce the control socket in");
    }
    *why = apr_psprintf(pool, "can not become user %s", user);
    return become(pw, gid);
}

void server_raise_limits(const conf_t *conf, ec_log_t *log)
{
    rlim_t want = (rlim_t)conf_int(conf_global(conf), CONF_O_SERVER_MAX_FILE_DESCRIPTORS);
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want) {
        return;
    }
    if (geteuid() == 0 && limit.rlim_max < want) {
        struct rlimit higher = { want, want };
        if (setrlimit(RLIMIT_NOFILE, &higher) == 0) {
            return;
        }
    }
    limit.rlim_cur = limit.rlim_max < want ? limit.rlim_max : want;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        ec_log_rv(log, EC_LOG_WARNING, errno, "can not raise the limit of descriptors wanted=%lu", (unsigned long)want);
    }
}

/* msgc_server.c - the members of the cluster, by name
 * SPDX-License-Identifier: Apache-2.0
 *
 * The documented place for them, msgc_server.conf in the global directory.  Messages go through corosync,
 * whose own configuration `ec_ctl cluster-config` makes from the same file; so this module has nothing to
 * serve. */
#include <ctype.h>
#include <string.h>

#include <apr_strings.h>

#include <ec/module.h>

#include "msgc.h"

struct msgc_server {
    const char *const *peers;
    apr_int64_t port, max_backlog, messages_per_iter, tcpbuf_size;
    apr_interval_time_t connect_timeout, idle_timeout, keepalive_interval, reconnect_interval;
};

/* N3: names in lower case. */
static int is_name(const char *text)
{
    apr_size_t length = 0;

    for (; text[length] != '\0'; length++) {
        unsigned char c = (unsigned char)text[length];

        if (!islower(c) && !isdigit(c) && c != '-' && c != '_' && c != '.')
            return 0;
    }
    return length > 0 && length < 64;
}

static const char *name_of(const char *const *peers, const char *const *end, const char *address)
{
    for (const char *const *pair = peers; pair != end; pair += 2) {
        if (strcmp(pair[1], address) == 0)
            return pair[0];
    }
    return NULL;
}

/* What is wrong with the one at `pair`, or NULL.  Ports are not looked at: `ec_ctl cluster-config` does that. */
static const char *wrong(const char *const *peers, const char *const *pair, apr_pool_t *pool)
{
    const char *other = name_of(peers, pair, pair[1]);

    if (!is_name(pair[0]))
        return apr_psprintf(pool, "the peer \"%s\" is to be one word in lower case, below 64", pair[0]);
    if (pair[1][0] == '\0')
        return apr_psprintf(pool, "the peer \"%s\" has no address", pair[0]);
    if (other != NULL)
        return apr_psprintf(pool, "the peers \"%s\" and \"%s\" have the same address %s", other, pair[0], pair[1]);
    return NULL;
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    const struct msgc_server *server = self;

    for (const char *const *pair = server->peers; pair != NULL && *pair != NULL; pair += 2) {
        if ((*why = wrong(server->peers, pair, instance->pool)) != NULL)
            return EC_E_CONFIG;
    }
    return APR_SUCCESS;
}

static const ec_option_t options[] = {
    EC_OPT_DICT(struct msgc_server, peers, NULL,
                "All members of the cluster: name and address.  The same on all of them."),
    MSGC_NO_EFFECT(struct msgc_server, port, INT, "4809", "Port of the message service."),
    MSGC_COMMON(struct msgc_server), EC_OPT_END
};

EC_MODULE(msgc_server, struct msgc_server, .summary = "names of the cluster's members", .options = options,
          .init = init, .is_resident = 1);

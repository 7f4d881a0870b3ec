/* module.c - the cluster module: its stanza, and the node that it brings to life
 * SPDX-License-Identifier: Apache-2.0
 *
 * Nothing of corosync is loaded or needed unless the configuration has a cluster stanza. */
#include "cluster/module.h"

#include <ctype.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

#include <ec/daemon.h>

#include "cluster/group/api.h"
#include "cluster/logs/logs.h"
#include "cluster/remote/remote.h"
#include "cluster/slots/slots.h"

#include "config.h"

/* What lives on this node, in the order in which it is asked in every turn. */
static const struct cluster_part parts[] = {
    { &slots_part, slots_create, slots_destroy, NULL, NULL },
    { &remote_part, remote_create, remote_destroy, NULL, NULL },
    { &shared_part, shared_create, shared_destroy, shared_adopt, shared_check },
    { &group_part, group_part_create, NULL, NULL, NULL },
    { NULL, NULL, NULL, NULL, NULL },
};

enum { PART_COUNT = sizeof(parts) / sizeof(parts[0]) - 1 };

/* Where nodes reach each other (ECCluster_Listener). */
#define CLUSTER_PORT "4802"
#define ADDRESS_NONE   "0.0.0.0:0"

/* What msgc_server says of the members. */
enum peers_state { PEERS_GOOD, PEERS_NONE, PEERS_WITHOUT_US };

/* Of the process: see module.h. */
static struct {
    apr_pool_t *pool; /* of the node's log */
    node_t *node;
    struct cluster *owner;
    enum peers_state peers; /* as it was said last */
    void *part[PART_COUNT + 1];
} live;

/* ---- what the stanza says ---------------------------------------------------------------------- */

/* N1: the option, the environment, the host's name up to its first dot. */
static const char *name_of(const struct cluster *cluster)
{
    const char *from_environment = getenv("EC_NODE_NAME");
    char host[256];

    if (cluster->nodename != NULL && cluster->nodename[0] != '\0')
        return cluster->nodename;
    if (from_environment != NULL && from_environment[0] != '\0')
        return apr_pstrdup(cluster->instance->pool, from_environment);
    if (gethostname(host, sizeof(host)) != 0)
        return "localhost";
    host[sizeof(host) - 1] = '\0';
    host[strcspn(host, ".")] = '\0';
    return apr_pstrdup(cluster->instance->pool, host);
}

static const char *subcluster_of(const struct cluster *cluster)
{
    const char *from_environment = getenv("EC_SUB_CLUSTER");

    if (cluster->subcluster != NULL && cluster->subcluster[0] != '\0')
        return cluster->subcluster;
    return from_environment != NULL && from_environment[0] != '\0'
               ? apr_pstrdup(cluster->instance->pool, from_environment)
               : "default";
}

/* One word for groups, answers and logs. */
static int is_word(const char *text, int is_lower)
{
    apr_size_t length = strlen(text);

    for (apr_size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if (!isalnum(c) && strchr("-_.", c) == NULL)
            return 0;
        if (is_lower && isupper(c))
            return 0;
    }
    return length > 0 && length < 64;
}

static const char *check(const struct cluster *cluster)
{
    if (cluster->instance->name[0] != '\0')
        return "there is one cluster: write cluster { } without a name";
    if (!is_word(name_of(cluster), 0))
        return "nodename is to be one word of letters, digits, '-', '_' and '.', below 64";
    if (!is_word(subcluster_of(cluster), 1))
        return "subcluster is to be one word in lower case, below 64";
    if (!is_word(cluster->cluster_group, 0) || !is_word(cluster->control_group, 0))
        return "cluster_group and control_group are to be one word each, below 64";
    if (strcmp(cluster->cluster_group, cluster->control_group) == 0)
        return "cluster_group and control_group are to be different";
    if (cluster->lease_margin * 20 < cluster->lease_window)
        return "lease_margin is to be at least a 20th of lease_window: clocks of two nodes drift apart";
    return NULL;
}

/* ---- the members, as msgc_server names them ---------------------------------------------------- */

static const ec_value_t *peers(void)
{
    return ec_option_in_stanza("msgc_server", "peers");
}

static int peer_count(void)
{
    const ec_value_t *value = peers();
    int count = 0;

    for (const char *const *pair = value != NULL ? value->dict : NULL; pair != NULL && *pair != NULL; pair += 2)
        count++;
    return count;
}

static const char *peer_address(const char *name)
{
    const ec_value_t *value = peers();

    for (const char *const *pair = value != NULL ? value->dict : NULL; pair != NULL && *pair != NULL; pair += 2) {
        if (strcmp(pair[0], name) == 0)
            return pair[1];
    }
    return NULL;
}

static const char *looked_up(const char *name, apr_pool_t *pool)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *found = NULL;
    char text[NI_MAXHOST];
    const char *address = NULL;

    if (getaddrinfo(name, NULL, &hints, &found) != 0)
        return NULL;
    if (getnameinfo(found->ai_addr, found->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
        address = apr_pstrdup(pool, text);
    freeaddrinfo(found);
    return address;
}

/* As msgc_server's peers may be written: with a port, that of a message service which there is none of here; brackets stand around
 * IPv6 then. */
static const char *without_port(const char *text, apr_pool_t *pool)
{
    const char *colon = strchr(text, ':'), *bracket = text[0] == '[' ? strchr(text, ']') : NULL;

    if (bracket != NULL)
        return apr_pstrmemdup(pool, text + 1, (apr_size_t)(bracket - text - 1));
    return colon != NULL && strchr(colon + 1, ':') == NULL ? apr_pstrmemdup(pool, text, (apr_size_t)(colon - text))
                                                           : text;
}

/* "ip:port"; asks the resolver at the very start only, when nothing else runs yet. */
static const char *address_of(const struct cluster *cluster, const char *name)
{
    apr_pool_t *pool = cluster->instance->pool;
    const char *address = cluster->nodeaddr;

    if (ec_is_manager())
        return ADDRESS_NONE;
    if (address == NULL || address[0] == '\0')
        address = peer_address(name);
    if (address == NULL)
        address = looked_up(name, pool);
    if (address == NULL)
        return ADDRESS_NONE;
    address = without_port(address, pool);
    return strchr(address, ':') != NULL ? apr_psprintf(pool, "[%s]:" CLUSTER_PORT, address)
                                        : apr_pstrcat(pool, address, ":" CLUSTER_PORT, NULL);
}

/* At the start, and when a reload makes it so. */
static void warn_about_peers(const struct cluster *cluster, const char *name)
{
    enum peers_state before = live.peers;

    live.peers = ec_is_manager()              ? PEERS_GOOD
                 : peer_count() == 0          ? PEERS_NONE
                 : peer_address(name) == NULL ? PEERS_WITHOUT_US
                                              : PEERS_GOOD;
    if (live.peers == before)
        return;
    if (live.peers == PEERS_NONE)
        ec_log(cluster->instance->log, EC_LOG_WARNING,
               "no msgc_server stanza names the members: cluster-wide limits are closed while this host is alone");
    else if (live.peers == PEERS_WITHOUT_US)
        ec_log(cluster->instance->log, EC_LOG_WARNING,
               "node=%s is not among the peers of msgc_server: add it there, or set nodename", name);
}

static void warn_about_address(const struct cluster *cluster, const char *name, const char *address)
{
    if (strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0)
        ec_log(cluster->instance->log, EC_LOG_WARNING,
               "node=%s has address=%s, which others can not reach: set nodeaddr, or the peers of msgc_server", name,
               address);
}

/* ---- the node's life --------------------------------------------------------------------------- */

static void destroy_parts(void)
{
    for (int i = PART_COUNT - 1; i >= 0; i--) {
        if (live.part[i] != NULL && parts[i].destroy != NULL)
            parts[i].destroy(live.part[i]);
        live.part[i] = NULL;
    }
}

static apr_status_t create_parts(const struct cluster *cluster, const char **why)
{
    for (int i = 0; i < PART_COUNT; i++) {
        if ((live.part[i] = parts[i].create(cluster->instance, why)) == NULL) {
            destroy_parts();
            return EC_E_CONFIG;
        }
    }
    return APR_SUCCESS;
}

static apr_status_t check_parts(const struct cluster *cluster, const char **why)
{
    for (int i = 0; i < PART_COUNT; i++) {
        if (parts[i].check != NULL)
            EC_TRY(parts[i].check(cluster->instance, why));
    }
    return APR_SUCCESS;
}

/* The part of this type, NULL when there is no node. */
static void *part_of(const struct node_part *type)
{
    for (int i = 0; i < PART_COUNT; i++) {
        if (parts[i].type == type)
            return live.part[i];
    }
    return NULL;
}

static node_t *make_node(const struct cluster *cluster, ec_log_t *log)
{
    const char *name = name_of(cluster), *address = address_of(cluster, name);
    struct node_settings settings = {
        .name = name,
        .subcluster = subcluster_of(cluster),
        .address = address,
        .cluster_group = cluster->cluster_group,
        .control_group = cluster->control_group,
        .version = PACKAGE_VERSION,
        .is_manager = ec_is_manager(),
        .nodes = peer_count(),
        .window = cluster->lease_window,
        .margin = cluster->lease_margin,
        .log = log,
    };

    live.peers = PEERS_GOOD;
    warn_about_peers(cluster, name);
    warn_about_address(cluster, name, address);
    return node_create(&settings);
}

static void end_node(void)
{
    if (live.node != NULL)
        node_stop(live.node);
    live.node = NULL;
    live.owner = NULL;
    destroy_parts();
    if (live.pool != NULL)
        apr_pool_destroy(live.pool);
    live.pool = NULL;
}

static apr_status_t begin_node(struct cluster *cluster, const char **why)
{
    apr_status_t rv;

    live.owner = cluster;
    EC_TRY(apr_pool_create_unmanaged(&live.pool));
    live.node = make_node(cluster, ec_log_child(ec_log_root(), live.pool, "cluster"));
    for (int i = 0; i < PART_COUNT; i++)
        node_add_part(live.node, parts[i].type, live.part[i]);
    rv = node_start(live.node, why);
    if (rv != APR_SUCCESS)
        end_node();
    return rv;
}

static void adopt_parts(const ec_instance_t *instance)
{
    for (int i = 0; i < PART_COUNT; i++) {
        if (parts[i].adopt != NULL)
            parts[i].adopt(live.part[i], instance);
    }
}

static void adopt_node(struct cluster *cluster)
{
    cluster->before = live.owner;
    live.owner = cluster;
    node_set_nodes(live.node, peer_count());
    adopt_parts(cluster->instance);
}

/* ---- the instance ------------------------------------------------------------------------------ */

static int is_enabled(const ec_instance_t *instance)
{
    const ec_value_t *enabled = ec_stanza_value(instance->stanza, "enabled");

    return enabled == NULL || enabled->i != 0;
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct cluster *cluster = self;

    cluster->instance = instance;
    cluster->is_enabled = is_enabled(instance);
    if ((*why = check(cluster)) != NULL || (*why = logs_check(cluster->logs, instance->pool)) != NULL)
        return EC_E_CONFIG;
    EC_TRY(check_parts(cluster, why));
    group_offer(instance);
    if (!cluster->is_enabled || live.node != NULL)
        return APR_SUCCESS;
    live.owner = cluster;
    return create_parts(cluster, why);
}

static apr_status_t start(void *self, const char **why)
{
    struct cluster *cluster = self;

    if (!cluster->is_enabled)
        return APR_SUCCESS;
    if (live.node != NULL)
        adopt_node(cluster);
    else
        EC_TRY(begin_node(cluster, why));
    cluster->node = live.node;
    cluster->slots = part_of(&slots_part);
    cluster->shared = part_of(&shared_part);
    return APR_SUCCESS;
}

/* The node goes with its last owner.  An instance that is stopped before the one that it was to replace gives it back. */
static void stop(void *self)
{
    struct cluster *cluster = self;

    if (live.owner != cluster) {
        if (live.owner != NULL && live.owner->before == cluster)
            live.owner->before = NULL;
    } else if (cluster->before != NULL) {
        live.owner = cluster->before;
        adopt_parts(live.owner->instance);
    } else {
        end_node();
    }
}

/* The master loop has taken up a configuration: members may have come or gone. */
static void on_conf_change(void *self, apr_uint64_t generation)
{
    struct cluster *cluster = self;

    if (cluster->node == NULL || ec_loop_index(ec_loop_self()) != 0)
        return;
    node_set_nodes(cluster->node, peer_count());
    warn_about_peers(cluster, node_settings(cluster->node)->name);
}

/* ---- tables ------------------------------------------------------------------------------------- */

#define ROW(type_, field_, deflt_, help_, ...) \
    EC_OPT_ROW(struct cluster, field_, deflt_, .type = EC_TYPE_##type_, .help = (help_), ##__VA_ARGS__)
#define FIXED(type_, field_, deflt_, help_, ...) \
    ROW(type_, field_, deflt_, help_, .flags = EC_OPTION_RESTART, ##__VA_ARGS__)
#define NO_EFFECT(type_, field_, deflt_, help_, ...) \
    ROW(type_, field_, deflt_, help_, .flags = EC_OPTION_NO_EFFECT, ##__VA_ARGS__)

#define LOG_DIR "/var/log/ecelerity/"

static const ec_option_t options[] = {
    FIXED(STRING, nodename, NULL,
          "Name of this node; else EC_NODE_NAME of the environment, else the host's name up to its first dot."),
    FIXED(STRING, nodeaddr, NULL,
          "Address at which other nodes reach this one; else its address in msgc_server, else that of its name."),
    FIXED(STRING, subcluster, NULL,
          "The part of the cluster that this node is in; else EC_SUB_CLUSTER of the environment, else default."),
    FIXED(STRING, cluster_group, "ec_cluster", "Group in which nodes share limits and counts."),
    FIXED(STRING, control_group, "ec_console", "Group in which nodes answer console commands."),
    FIXED(INTERVAL, lease_window, "2000",
          "What a node holds of cluster-wide limits it may use for so long after it was cut off; others wait that long.",
          .unit = "milliseconds", .min = 200, .max = 60000),
    FIXED(INTERVAL, lease_margin, "250",
          "Others wait so much longer: for clocks that drift, and for connections to close.", .unit = "milliseconds",
          .min = 20, .max = 10000),
    ROW(DICT, logs,
        "[ \"rejectlog\" = \"" LOG_DIR "rejectlog.cluster\" \"paniclog\" = \"" LOG_DIR "paniclog.cluster\" "
        "\"mainlog\" = \"" LOG_DIR "mainlog.cluster\" \"acctlog\" = \"" LOG_DIR "acctlog.cluster\" "
        "\"bouncelog\" = \"" LOG_DIR "bouncelog.cluster\" ]",
        "Logs offered to aggregators: name, and path of the cluster:// destination."),
    /* documented, without effect yet */
    NO_EFFECT(STRING, log_group, NULL, "Group that gets copies of paniclog messages."),
    NO_EFFECT(BOOL, arp_all_hosts, "true", "Announce an address that came to this node to everybody."),
    NO_EFFECT(INT, duravip_balance_set_size, "1", "Addresses handled in one balance request."),
    NO_EFFECT(INTERVAL, heartbeat_start_delay, "15", "Time before the first heartbeat.", .unit = "seconds"),
    NO_EFFECT(INT, heartbeats_per_sec, "1", "Heartbeats in a second."),
    NO_EFFECT(INTERVAL, if_check_interval, "30", "Time between looks at which addresses interfaces have.",
              .unit = "seconds"),
    NO_EFFECT(INT, if_down_limit, "4", "Wait before an address that is missing is brought up."),
    NO_EFFECT(INTERVAL, log_active_interval, "1", "Pause between log segments while there are more.",
              .unit = "seconds"),
    NO_EFFECT(INTERVAL, log_idle_interval, "10", "Pause when there is no log segment.", .unit = "seconds"),
    NO_EFFECT(BOOL, unconditional_rebind, "true", "Choose the binding anew for messages that move between nodes."),
    NO_EFFECT(INTERVAL, view_balance_interval, "10", "Time between looks at the balance of addresses.",
              .unit = "seconds"),
    NO_EFFECT(INTERVAL, view_broadcast_interval, "0", "Time between announcements of views; 0: none.",
              .unit = "seconds"),
    NO_EFFECT(INTERVAL, view_mature_time, "5", "A view that has not changed for so long counts as mature.",
              .unit = "seconds"),
    NO_EFFECT(SOCKADDR, cluster_listener, NULL, "Of version 3; ECCluster_Listener has taken its place."),
    NO_EFFECT(STRING, mbus_daemon, NULL, "Of version 3; nothing uses it."),
    NO_EFFECT(SIZE, tcp_buffer_size, NULL, "Upper bound of buffers between nodes."),
    SHARED_INBOUND_OPTION(struct cluster, cluster_service_sessions),
    EC_OPT_END
};

static const ec_stanza_kind_t stanzas[] = {
    SHARED_STANZA,
    EC_STANZA_END,
};

/* ---- hooks of the shared objects ------------------------------------------------------------------- */

static ec_verdict_t on_smtp_connect(void *self, ec_conn_t *conn)
{
    struct cluster *cluster = self;

    return cluster->shared == NULL ? EC_CONTINUE
                                   : shared_smtp_connect(cluster->shared, conn, cluster->cluster_service_sessions);
}

#define SHARED_HOOK(hook, name, argument)               \
    static void on_##hook(void *self, argument)         \
    {                                                   \
        struct cluster *cluster = self;                 \
                                                        \
        if (cluster->shared != NULL)                    \
            shared_##name;                              \
    }
SHARED_HOOK(smtp_disconnect, smtp_disconnect(cluster->shared, conn), ec_conn_t *conn)
SHARED_HOOK(out_connected, out_connected(cluster->shared, out), ec_out_t *out)
SHARED_HOOK(out_disconnect, out_disconnect(cluster->shared, out), ec_out_t *out)
SHARED_HOOK(log_delivery, delivery(cluster->shared), const ec_event_t *event)
SHARED_HOOK(log_transient_failure, transient_failure(cluster->shared), const ec_event_t *event)
SHARED_HOOK(log_permanent_failure, permanent_failure(cluster->shared), const ec_event_t *event)
SHARED_HOOK(log_reception, reception(cluster->shared), const ec_event_t *event)
SHARED_HOOK(log_rejection, rejection(cluster->shared), const ec_rejection_t *rejection)

static const ec_hook_t hooks[] = {
    EC_HOOK(smtp_connect, on_smtp_connect),
    EC_HOOK(smtp_disconnect, on_smtp_disconnect),
    EC_HOOK(out_connected, on_out_connected),
    EC_HOOK(out_disconnect, on_out_disconnect),
    EC_HOOK(log_delivery, on_log_delivery),
    EC_HOOK(log_transient_failure, on_log_transient_failure),
    EC_HOOK(log_permanent_failure, on_log_permanent_failure),
    EC_HOOK(log_reception, on_log_reception),
    EC_HOOK(log_rejection, on_log_rejection),
    EC_HOOK(conf_change, on_conf_change),
    EC_HOOK_END,
};

EC_MODULE(cluster, struct cluster, .summary = "nodes that act as one sender", .options = options,
          .stanzas = stanzas, .hooks = hooks, .commands = cluster_commands, .manager_commands = remote_commands,
          .init = init, .start = start, .stop = stop, .is_resident = 1);

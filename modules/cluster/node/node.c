/* node.c - this process as a member of the cluster: one thread that drives bus and replica, and its parts
 * SPDX-License-Identifier: Apache-2.0
 *
 * A turn: time first (a lease that has run out is over before anything else happens, however long we were
 * stopped), then what the buses bring, the lease to the parts, the parts, and what is to be sent. */
#include "cluster/node/node.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <ec/gate.h>
#include <ec/status.h>

#include "cluster/node/link.h"
#include "cluster/node/members.h"
#include "cluster/wire/refusals.h"

/* For STATE, snapshot and JOIN of others: some times what a busy host needs to be scheduled. */
static const apr_time_t replica_patience = apr_time_from_msec(500);
/* Leaving waits so long for corosync. */
static const apr_interval_time_t leave_patience = apr_time_from_sec(1);
/* What we have sent comes back within milliseconds, or corosync looks for a new ring, or does nothing at all. */
static const apr_interval_time_t silence_max = apr_time_from_sec(5);
/* What the control group did not take is tried again. */
static const apr_interval_time_t retry_say = apr_time_from_msec(50);
/* However little there is to do: the buses want to be asked. */
static const apr_interval_time_t turn_max = apr_time_from_sec(1);

struct part {
    const struct node_part *type;
    void *part;
    int is_open;
};

struct control {
    node_control_fn *fn;
    void *baton;
};

struct node {
    struct node_settings settings;
    pthread_mutex_t lock;
    atomic_int waiting; /* for the lock */
    pthread_t thread;
    int is_running, is_stopping;
    int wake_fd;

    bus_t bus; /* what the replica sends to: the present one */
    link_t *cluster, *control;
    replica_t *replica;
    apr_time_t lease; /* as told to the parts */
    apr_time_t heard; /* when corosync said something last, or we sent something into silence */

    struct part parts[NODE_PARTS_MAX];
    int part_count;
    struct control controls[256];

    members_t members;                              /* of the control group */
    struct node_member listed[BUS_CPG_MEMBERS_MAX]; /* with what the replica knows */
    refusals_t refusals;                            /* in the control group */
    int must_say;                                   /* who we are */
    int has_seen_second;                            /* though the configuration has one node */
    apr_time_t said_busy;
};

/* ---- who we are --------------------------------------------------------------------------------- */

static void copy_text(char *to, apr_size_t size, const char *from)
{
    apr_size_t length = strlen(from);

    length = length < size ? length : size - 1;
    memcpy(to, from, length);
    to[length] = '\0';
}

static void about_self(const node_t *node, struct node_member *self)
{
    memset(self, 0, sizeof(*self));
    copy_text(self->name, sizeof(self->name), node->settings.name);
    copy_text(self->subcluster, sizeof(self->subcluster), node->settings.subcluster);
    copy_text(self->address, sizeof(self->address), node->settings.address);
    copy_text(self->version, sizeof(self->version), node->settings.version);
    self->is_manager = node->settings.is_manager;
}

static void say_who(node_t *node, apr_time_t now)
{
    struct node_member self;
    wire_writer_t writer = { 0 };

    about_self(node, &self);
    members_write(&self, &writer);
    if (node_send_control(node, writer.data, writer.length) == APR_SUCCESS)
        node->must_say = 0;
    else
        node->said_busy = now;
    wire_free(&writer);
}

/* Names are what commands, replies and views of a node go by. */
static void warn_of_namesake(const node_t *node, const struct node_member *member)
{
    const struct node_member *other = members_namesake(&node->members, member);

    if (other != NULL)
        ec_log(node->settings.log, EC_LOG_WARNING,
               "two hosts have the name node=%s: corosync's %u and %u; set nodename, commands and views mix them up", member->name,
               (unsigned)other->id, (unsigned)member->id);
}

static void on_who(void *baton, bus_node_t sender, apr_uint32_t pid, const void *data, apr_size_t length)
{
    node_t *node = baton;
    struct node_member member;
    const char *why = members_read(&member, data, length);

    if (why != NULL) {
        if (refusals_say(&node->refusals, sender, pid, why, ec_gate_clock()))
            ec_log(node->settings.log, EC_LOG_WARNING,
                   "refused a message in group=%s of node=%u pid=%u: %s (more like it are not logged for a minute)",
                   node->settings.control_group, (unsigned)sender, (unsigned)pid, why);
        return;
    }
    member.id = sender;
    member.pid = pid;
    if (members_set(&node->members, &member))
        warn_of_namesake(node, &member);
}

/* ---- the control group --------------------------------------------------------------------------- */

static void on_control_view(void *baton, const struct bus_view *view)
{
    node_t *node = baton;
    const struct bus_cpg_member *here;
    int count = bus_cpg_members(link_bus(node->control), &here);

    node->must_say |= members_keep(&node->members, here, count);
}

static void on_control_message(void *baton, bus_node_t sender, const void *data, apr_size_t length)
{
    node_t *node = baton;
    const struct control *control;

    if (length == 0)
        return;
    control = &node->controls[*(const unsigned char *)data];
    if (control->fn != NULL)
        control->fn(control->baton, sender, bus_cpg_sender_pid(link_bus(node->control)), data, length);
}

static const struct bus_events control_events = { on_control_view, NULL, on_control_message };

apr_status_t node_send_control(node_t *node, const void *data, apr_size_t length)
{
    bus_cpg_t *bus = node->control != NULL ? link_bus(node->control) : NULL;

    return bus != NULL ? bus_send(bus_cpg_bus(bus), data, length) : EC_E_BUSY;
}

void node_on_control(node_t *node, int kind, node_control_fn *fn, void *baton)
{
    EC_ASSERT(kind > 0 && kind < 256 && node->controls[kind].fn == NULL);
    node->controls[kind] = (struct control){ fn, baton };
}

/* ---- the cluster group ----------------------------------------------------------------------------- */

static apr_status_t send_op(bus_t *base, const void *data, apr_size_t length)
{
    node_t *node = (node_t *)((char *)base - offsetof(node_t, bus));
    bus_cpg_t *bus = node->cluster != NULL ? link_bus(node->cluster) : NULL;

    if (bus == NULL)
        return EC_E_BUSY;
    if (bus_cpg_in_flight(bus) == 0)
        node->heard = ec_gate_clock();
    return bus_send(bus_cpg_bus(bus), data, length);
}

static const struct bus_ops bus_ops = { send_op };

static void on_view(void *baton, const struct bus_view *view)
{
    node_t *node = baton;

    node->heard = ec_gate_clock();
    replica_view(node->replica, view, node->heard);
}

static void on_quorum(void *baton, apr_uint64_t ring, int is_quorate)
{
    node_t *node = baton;

    replica_quorum(node->replica, ring, is_quorate, ec_gate_clock());
}

static void on_message(void *baton, bus_node_t sender, const void *data, apr_size_t length)
{
    node_t *node = baton;

    node->heard = ec_gate_clock();
    if (bus_cpg_is_sender_other(link_bus(node->cluster)))
        replica_message_of_other(node->replica, sender, data, length, node->heard);
    else
        replica_message(node->replica, sender, data, length, node->heard);
}

static const struct bus_events cluster_events = { on_view, on_quorum, on_message };

/* corosync's two_node calls each of two hosts quorate, also when they have lost one another.  Its configuration need not be that of
 * the servers: they may not know how many there are, or one of the two was changed before the other.  So whoever is alone is
 * quorate only where it is configured to be the only one, and has not seen another since it was told so: a cluster of one grows
 * before its server hears of it. */
static void need_hosts(node_t *node)
{
    if (link_bus(node->cluster) != NULL)
        bus_cpg_need_hosts(link_bus(node->cluster), node->settings.nodes == 1 && !node->has_seen_second ? 1 : 2);
}

/* Also the next connection to corosync is to know. */
static void note_second(node_t *node)
{
    if (node->settings.nodes == 1 && link_bus(node->cluster) != NULL && bus_cpg_needs_hosts(link_bus(node->cluster)) > 1)
        node->has_seen_second = 1;
}

static void on_cluster_news(node_t *node, enum link_news news, apr_time_t now)
{
    if (news == LINK_SAME)
        return;
    if (news == LINK_DOWN) {
        replica_bus_lost(node->replica, &node->bus, now);
        return;
    }
    replica_set_self(node->replica, bus_cpg_self(link_bus(node->cluster)));
    need_hosts(node);
}

static int turn_links(node_t *node, apr_time_t now)
{
    int has_more, has_more_control;
    enum link_news news = link_turn(node->control, now, &has_more_control);

    if (news == LINK_DOWN)
        node->members.count = 0;
    node->must_say |= news == LINK_UP;
    on_cluster_news(node, link_turn(node->cluster, now, &has_more), now);
    note_second(node);
    if (node->must_say)
        say_who(node, now);
    return has_more || has_more_control;
}

/* ---- turns --------------------------------------------------------------------------------------- */

/* Once when it ends, once when it is good again. */
static void log_lease(node_t *node, apr_time_t until)
{
    if (until == 0)
        ec_log(node->settings.log, EC_LOG_WARNING,
               "the lease is over: cluster-wide limits are closed here until other nodes are heard again%s",
               node_has_bus(node) ? "" : " (no corosync)");
    else if (node->lease == 0)
        ec_log(node->settings.log, EC_LOG_NOTICE, "the lease is good: cluster-wide limits are open");
}

/* The replica has told the locals already. */
static void tell_lease(node_t *node, apr_time_t now)
{
    apr_time_t until = replica_clock(node->replica)->until;

    until = now < until ? until : 0;
    if (until == node->lease)
        return;
    log_lease(node, until);
    node->lease = until;
    for (int i = 0; i < node->part_count; i++) {
        if (node->parts[i].type->lease != NULL)
            node->parts[i].type->lease(node->parts[i].part, until);
    }
}

/* Returns whether another turn is due at once. */
static int turn(node_t *node)
{
    apr_time_t now = ec_gate_clock();
    int has_more;

    replica_poll(node->replica, now);
    tell_lease(node, now);
    has_more = turn_links(node, now);
    now = ec_gate_clock();
    replica_poll(node->replica, now);
    tell_lease(node, now);
    for (int i = 0; i < node->part_count; i++)
        node->parts[i].type->turn(node->parts[i].part, now);
    replica_poll(node->replica, now);
    return has_more;
}

static apr_time_t sooner(apr_time_t a, apr_time_t b)
{
    return b != 0 && b < a ? b : a;
}

static apr_time_t next_turn(const node_t *node, apr_time_t now)
{
    apr_time_t next = now + turn_max;

    next = sooner(next, replica_next(node->replica));
    next = sooner(next, link_next(node->cluster));
    next = sooner(next, link_next(node->control));
    if (node->must_say)
        next = sooner(next, node->said_busy + retry_say);
    for (int i = 0; i < node->part_count; i++) {
        if (node->parts[i].type->next != NULL)
            next = sooner(next, node->parts[i].type->next(node->parts[i].part));
    }
    return next;
}

static int add_descriptors(struct pollfd *polls, int count, const link_t *link)
{
    int descriptors[2];

    if (link_bus(link) == NULL)
        return count;
    bus_cpg_descriptors(link_bus(link), descriptors);
    for (int i = 0; i < 2; i++) {
        if (descriptors[i] >= 0)
            polls[count++] = (struct pollfd){ descriptors[i], POLLIN, 0 };
    }
    return count;
}

/* Without the lock. */
static void wait_for(const node_t *node, const struct pollfd *polls, int count, apr_interval_time_t wait)
{
    struct timespec timeout = { (time_t)(wait / APR_USEC_PER_SEC), (long)(wait % APR_USEC_PER_SEC) * 1000 };
    struct pollfd ready[5];
    uint64_t ignored;

    memcpy(ready, polls, (size_t)count * sizeof(ready[0]));
    if (ppoll(ready, (nfds_t)count, &timeout, NULL) > 0 && ready[0].revents != 0 &&
        read(node->wake_fd, &ignored, sizeof(ignored)) < 0)
        EC_ASSERT(errno == EAGAIN || errno == EINTR);
}

/* LEAVE says that nothing is held: others use at once what was ours.  Connections that the server's stop did not
 * wait for, or that go on without the module, are still there as their receivers see it. */
static void leave(node_t *node, apr_time_t now)
{
    for (int i = 0; i < node->part_count; i++) {
        const struct part *part = &node->parts[i];

        if (part->type->holds != NULL && part->type->holds(part->part, now)) {
            ec_log(node->settings.log, EC_LOG_NOTICE,
                   "left with connections still open: others wait for the end of the lease before they use its share");
            return;
        }
    }
    replica_leave(node->replica, now);
}

static void *node_run(void *baton)
{
    node_t *node = baton;

    pthread_mutex_lock(&node->lock);
    while (!node->is_stopping) {
        struct pollfd polls[5] = { { node->wake_fd, POLLIN, 0 } };
        int has_more = turn(node), count = 1;
        apr_time_t now = ec_gate_clock(), next = next_turn(node, now);

        count = add_descriptors(polls, count, node->cluster);
        count = add_descriptors(polls, count, node->control);
        pthread_mutex_unlock(&node->lock);
        wait_for(node, polls, count, has_more || next <= now ? 0 : next - now);
        while (atomic_load(&node->waiting) > 0)
            sched_yield();
        pthread_mutex_lock(&node->lock);
    }
    leave(node, ec_gate_clock());
    pthread_mutex_unlock(&node->lock);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------------ */

static char *copy(const char *text)
{
    char *copied = strdup(text);

    EC_ASSERT(copied != NULL);
    return copied;
}

static void on_replica_log(void *baton, const char *text)
{
    node_t *node = baton;

    ec_log(node->settings.log, EC_LOG_NOTICE, "%s", text);
}

static void create_replica(node_t *node)
{
    struct replica_config config = {
        .window = node->settings.window,
        .margin = node->settings.margin,
        .patience = replica_patience,
        .hosts = node->settings.nodes,
        .log = on_replica_log,
        .baton = node,
    };

    EC_ASSERT(getrandom(&config.instance, sizeof(config.instance), 0) == sizeof(config.instance));
    node->bus.ops = &bus_ops;
    node->replica = replica_create(&config, &node->bus);
}

node_t *node_create(const struct node_settings *settings)
{
    node_t *node = calloc(1, sizeof(*node));

    EC_ASSERT(node != NULL);
    node->settings = *settings;
    node->settings.name = copy(settings->name);
    node->settings.subcluster = copy(settings->subcluster);
    node->settings.address = copy(settings->address);
    node->settings.version = copy(settings->version);
    node->settings.cluster_group = copy(settings->cluster_group);
    node->settings.control_group = copy(settings->control_group);
    pthread_mutex_init(&node->lock, NULL);
    node->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    EC_ASSERT(node->wake_fd >= 0);
    node_on_control(node, NODE_CONTROL_WHO, on_who, node);
    create_replica(node);
    return node;
}

void node_add_part(node_t *node, const struct node_part *type, void *part)
{
    EC_ASSERT(node->part_count < NODE_PARTS_MAX && !node->is_running);
    node->parts[node->part_count++] = (struct part){ type, part, 0 };
}

static link_t *make_link(node_t *node, const char *group, const struct bus_events *events, int is_loud)
{
    struct link_settings settings = {
        .group = group,
        .events = events,
        .baton = node,
        .wake_fd = node->wake_fd,
        .log = node->settings.log,
        .lost = is_loud ? EC_LOG_WARNING : EC_LOG_INFO,
        .back = is_loud ? EC_LOG_NOTICE : EC_LOG_INFO,
    };

    return link_create(&settings);
}

/* Signals are the server's other threads'. */
static int start_thread(node_t *node)
{
    sigset_t all, before;
    int error;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&node->thread, NULL, node_run, node);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    node->is_running = error == 0;
    return node->is_running;
}

apr_status_t node_start(node_t *node, const char **why)
{
    for (int i = 0; i < node->part_count; i++) {
        struct part *part = &node->parts[i];

        if (part->type->open != NULL)
            EC_TRY(part->type->open(part->part, node, why));
        part->is_open = 1;
    }
    *why = "no thread can be made for the cluster";
    if ((node->cluster = make_link(node, node->settings.cluster_group, &cluster_events, 1)) == NULL ||
        (node->control = make_link(node, node->settings.control_group, &control_events, 0)) == NULL ||
        !start_thread(node))
        return APR_ENOMEM;
    return APR_SUCCESS;
}

static void free_node(node_t *node)
{
    replica_destroy(node->replica);
    close(node->wake_fd);
    pthread_mutex_destroy(&node->lock);
    free((char *)node->settings.name);
    free((char *)node->settings.subcluster);
    free((char *)node->settings.address);
    free((char *)node->settings.version);
    free((char *)node->settings.cluster_group);
    free((char *)node->settings.control_group);
    free(node);
}

void node_stop(node_t *node)
{
    if (node->is_running) {
        pthread_mutex_lock(&node->lock);
        node->is_stopping = 1;
        pthread_mutex_unlock(&node->lock);
        node_wake(node);
        pthread_join(node->thread, NULL);
    }
    if (node->cluster != NULL)
        link_destroy(node->cluster, leave_patience);
    if (node->control != NULL)
        link_destroy(node->control, leave_patience);
    node->cluster = node->control = NULL;
    /* newest first, as everywhere */
    for (int i = node->part_count - 1; i >= 0; i--) {
        if (node->parts[i].is_open && node->parts[i].type->close != NULL)
            node->parts[i].type->close(node->parts[i].part);
    }
    free_node(node);
}

/* ---- for parts and commands -------------------------------------------------------------------------- */

void node_add_machine(node_t *node, const struct machine *machine)
{
    EC_ASSERT(!node->is_running);
    replica_add(node->replica, machine);
}

const struct node_settings *node_settings(const node_t *node)
{
    return &node->settings;
}

void node_lock(node_t *node)
{
    /* the thread leaves the lock to whoever waits: it takes it again and again */
    atomic_fetch_add(&node->waiting, 1);
    pthread_mutex_lock(&node->lock);
    atomic_fetch_sub(&node->waiting, 1);
}

void node_unlock(node_t *node)
{
    pthread_mutex_unlock(&node->lock);
}

void node_wake(node_t *node)
{
    const uint64_t one = 1;

    if (write(node->wake_fd, &one, sizeof(one)) < 0)
        return; /* full: it is awake */
}

void node_set_nodes(node_t *node, int nodes)
{
    node_lock(node);
    node->settings.nodes = nodes;
    node->has_seen_second = 0;
    replica_set_hosts(node->replica, nodes, ec_gate_clock());
    if (node->cluster != NULL)
        need_hosts(node);
    node_unlock(node);
    node_wake(node);
}

void node_reset(node_t *node)
{
    node_lock(node);
    link_reset(node->cluster);
    link_reset(node->control);
    node_unlock(node);
    node_wake(node);
}

const char *node_trouble(node_t *node)
{
    if (link_trouble(node->cluster) != NULL)
        return link_trouble(node->cluster);
    return bus_cpg_in_flight(link_bus(node->cluster)) > 0 && ec_gate_clock() - node->heard > silence_max
               ? "corosync does not answer: is its process stopped?"
               : NULL;
}

replica_t *node_replica(node_t *node)
{
    return node->replica;
}

bus_node_t node_self(const node_t *node)
{
    return node_has_bus(node) ? bus_cpg_self(link_bus(node->cluster)) : 0;
}

int node_has_bus(const node_t *node)
{
    return node->cluster != NULL && link_bus(node->cluster) != NULL;
}

int node_members(node_t *node, const struct node_member **members)
{
    const struct bus_cpg_member *here = NULL;
    int here_count = node_has_bus(node) ? bus_cpg_members(link_bus(node->cluster), &here) : 0;
    struct replica_info info;

    replica_info(node->replica, &info);
    memcpy(node->listed, node->members.list, (apr_size_t)node->members.count * sizeof(node->listed[0]));
    for (int i = 0; i < node->members.count; i++) {
        struct node_member *member = &node->listed[i];
        int is_here = 0;

        for (int j = 0; j < here_count; j++)
            is_here |= here[j].node == member->id && here[j].pid == member->pid;
        member->in_cluster = is_here;
        member->is_active =
            is_here && info.phase == REPLICA_MEMBER && lease_find(info.lease, member->id) != NULL;
    }
    *members = node->listed;
    return node->members.count;
}

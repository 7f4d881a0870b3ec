/* remote.c - the consoles of a cluster: between the node's thread and the master loop
 * SPDX-License-Identifier: Apache-2.0
 *
 * What the thread hears goes to the master loop as a post of its own, which finds the part again when it gets
 * there: the part may be gone by then, or another one may have come. */
#include "cluster/remote/remote.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <apr_strings.h>

#include <ec/daemon.h>
#include <ec/gate.h>

#include "cluster/remote/outbox.h"
#include "cluster/remote/store.h"
#include "cluster/wire/refusals.h"

enum {
    RUNNING_MAX = 32, /* commands for others that are under way on this node */
    MEMBERS_MAX = 2 * BUS_NODES_MAX
};

struct members {
    int has_bus, count;
    struct asking_node list[MEMBERS_MAX]; /* nodes, no managers */
};

struct remote {
    node_t *node;
    ec_log_t *log;
    int is_manager;
    outbox_t *outbox;

    /* the node's thread */
    struct members seen;

    /* the master loop */
    asking_t *asking; /* the thread asks whether an id is ours, which never changes */
    refusals_t refusals;
    struct members members;
    ec_timer_t timer;
    int running;
    replies_t replies;
    store_file_t *store;
    int is_loaded, is_closing, is_changed; /* since the end began */
};

static remote_t *current; /* master loop */

remote_t *remote_current(void)
{
    return current;
}

/* ---- from the thread to the master loop -------------------------------------------------------------------
 */

struct news {
    ec_post_t post;
    bus_node_t sender;
    apr_uint32_t pid;
    apr_size_t length;
    unsigned char data[];
};

static void hand_on(ec_post_fn *fn, bus_node_t sender, apr_uint32_t pid, const void *data, apr_size_t length)
{
    struct news *news = malloc(sizeof(*news) + length);

    EC_ASSERT(news != NULL);
    news->sender = sender;
    news->pid = pid;
    news->length = length;
    memcpy(news->data, data, length);
    ec_loop_post(ec_loop_at(0), &news->post, fn, news);
}

/* ---- a node answers
 * ------------------------------------------------------------------------------------------ */

struct run {
    apr_uint64_t id;
    apr_pool_t *pool;
};

static void reply(apr_uint64_t id, wire_writer_t *bytes)
{
    if (current != NULL) {
        outbox_add_reply(current->outbox, id, bytes);
        node_wake(current->node);
    }
    wire_free(bytes);
}

static void on_run(void *baton, ec_answer_t *answer)
{
    struct run *run = baton;
    wire_writer_t bytes = { 0 };

    remote_tree_write(&bytes, answer, TREE_BYTES_MAX);
    if (current != NULL)
        current->running--;
    reply(run->id, &bytes);
    apr_pool_destroy(run->pool);
}

static void refuse_busy(apr_uint64_t id)
{
    wire_writer_t bytes = { 0 };

    remote_tree_write_error(&bytes, "this node is busy with other commands of managers; ask again later");
    reply(id, &bytes);
}

static void run_request(remote_t *remote, const struct remote_request *request, bus_node_t sender,
                        apr_pool_t *pool)
{
    struct run *run = apr_palloc(pool, sizeof(*run));

    ec_log(remote->log, EC_LOG_INFO, "runs a command of another host=%u words=%d first=%s", (unsigned)sender,
           request->n, request->words[0]);
    *run = (struct run){ request->id, pool };
    remote->running++;
    ec_command_run(request->words, request->n, on_run, run);
}

static void say_refused(remote_t *remote, const struct news *news, const char *why)
{
    if (refusals_say(&remote->refusals, news->sender, news->pid, why, ec_gate_clock()))
        ec_log(remote->log, EC_LOG_WARNING,
               "refused a message in group=%s of node=%u pid=%u: %s (more like it are not logged for a minute)",
               node_settings(remote->node)->control_group, (unsigned)news->sender, (unsigned)news->pid, why);
}

static void take_request(remote_t *remote, const struct news *news)
{
    const struct node_settings *settings = node_settings(remote->node);
    struct remote_request request;
    const char *why;
    apr_pool_t *pool;

    EC_ASSERT(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    if ((why = remote_read_request(&request, news->data, news->length, pool)) != NULL)
        say_refused(remote, news, why);
    else if (remote_is_meant(&request, settings->name, settings->subcluster)) {
        if (remote->running < RUNNING_MAX) {
            run_request(remote, &request, news->sender, pool);
            return;
        }
        refuse_busy(request.id);
    }
    apr_pool_destroy(pool);
}

static void on_request_news(void *baton)
{
    if (current != NULL)
        take_request(current, baton);
    free(baton);
}

/* Thread. */
static void on_request(void *baton, bus_node_t sender, apr_uint32_t pid, const void *data, apr_size_t length)
{
    const remote_t *remote = baton;

    if (!remote->is_manager)
        hand_on(on_request_news, sender, pid, data, length);
}

/* ---- a manager asks
 * ------------------------------------------------------------------------------------------- */

static void arm_timer(remote_t *remote);

static void on_timer(void *baton)
{
    remote_t *remote = baton;

    asking_time(remote->asking, ec_loop_now(ec_loop_at(0)));
    arm_timer(remote);
}

static void arm_timer(remote_t *remote)
{
    apr_time_t next = asking_next(remote->asking);

    ec_timer_cancel(&remote->timer);
    if (next != 0)
        ec_timer_start_at(&remote->timer, ec_loop_at(0), next, on_timer, remote);
}

static void take_piece(remote_t *remote, const struct news *news)
{
    struct remote_piece piece;
    const char *why;
    apr_pool_t *pool;

    EC_ASSERT(apr_pool_create(&pool, NULL) == APR_SUCCESS);
    if ((why = remote_read_piece(&piece, news->data, news->length, pool)) != NULL)
        say_refused(remote, news, why);
    else
        asking_piece(remote->asking, news->sender, news->pid, &piece);
    apr_pool_destroy(pool);
    arm_timer(remote);
}

static void on_piece_news(void *baton)
{
    if (current != NULL)
        take_piece(current, baton);
    free(baton);
}

/* Thread; replies to other managers are none of our business.  The upper half of our ids does not change. */
static void on_piece(void *baton, bus_node_t sender, apr_uint32_t pid, const void *data, apr_size_t length)
{
    const remote_t *remote = baton;

    if (remote->is_manager && asking_is_ours(remote->asking, remote_peek_id(data, length)))
        hand_on(on_piece_news, sender, pid, data, length);
}

static void on_members_news(void *baton)
{
    const struct news *news = baton;

    if (current != NULL) {
        memcpy(&current->members, news->data, sizeof(current->members));
        asking_members(current->asking, current->members.list, current->members.count,
                       current->members.has_bus ? ASKING_LEFT : ASKING_ALONE);
        arm_timer(current);
    }
    free(baton);
}

/* Thread: only what has changed is told. */
static void look_at_members(remote_t *remote)
{
    const struct node_member *members;
    int count = node_members(remote->node, &members);
    struct members seen;

    memset(&seen, 0, sizeof(seen)); /* it is compared as bytes */
    seen.has_bus = node_has_bus(remote->node);
    for (int i = 0; i < count && seen.count < MEMBERS_MAX; i++) {
        struct asking_node *to = &seen.list[seen.count];

        if (members[i].is_manager || !members[i].in_control)
            continue;
        to->id = members[i].id;
        to->pid = members[i].pid;
        snprintf(to->name, sizeof(to->name), "%s", members[i].name);
        snprintf(to->subcluster, sizeof(to->subcluster), "%s", members[i].subcluster);
        seen.count++;
    }
    if (memcmp(&seen, &remote->seen, sizeof(seen)) != 0) {
        remote->seen = seen;
        hand_on(on_members_news, 0, 0, &seen, sizeof(seen));
    }
}

int remote_meant(const remote_t *remote, const struct remote_request *request, struct asking_node *nodes,
                 int max)
{
    int n = 0;

    for (int i = 0; i < remote->members.count && n < max; i++) {
        if (remote_is_meant(request, remote->members.list[i].name, remote->members.list[i].subcluster))
            nodes[n++] = remote->members.list[i];
    }
    return n;
}

static const char *names_of(const remote_t *remote, apr_pool_t *pool)
{
    const char *names = "";

    for (int i = 0; i < remote->members.count; i++)
        names = apr_pstrcat(pool, names, i > 0 ? ", " : "", remote->members.list[i].name, NULL);
    return names;
}

/* Each of them once, in the order of the nodes that are in them. */
static const char *subclusters_of(const remote_t *remote, apr_pool_t *pool)
{
    const char *names = "";

    for (int i = 0; i < remote->members.count; i++) {
        const char *name = remote->members.list[i].subcluster;
        int before = 0;

        while (before < i && strcasecmp(remote->members.list[before].subcluster, name) != 0)
            before++;
        if (before == i)
            names = apr_pstrcat(pool, names, i > 0 ? ", " : "", name, NULL);
    }
    return names;
}

static const char *why_nobody(const remote_t *remote, const struct remote_request *request, apr_pool_t *pool)
{
    if (!remote->members.has_bus)
        return "this manager is not connected to the cluster: is corosync running here?";
    if (remote->members.count == 0)
        return "there is no node in the cluster; \"show cluster membership\" tells who is there";
    if (request->target == REMOTE_NODE)
        return apr_psprintf(pool, "there is no node \"%s\" in the cluster; nodes are %s", request->name,
                            names_of(remote, pool));
    return apr_psprintf(pool, "there is no subcluster \"%s\" in the cluster; subclusters are %s", request->name,
                        subclusters_of(remote, pool));
}

apr_status_t remote_ask(remote_t *remote, struct remote_request *request, apr_interval_time_t timeout,
                        const struct asking_events *events, void *baton, const char **why, apr_pool_t *pool)
{
    struct asking_node nodes[MEMBERS_MAX];
    int n = remote_meant(remote, request, nodes, MEMBERS_MAX);

    if (n == 0) {
        *why = why_nobody(remote, request, pool);
        return EC_E_NOT_FOUND;
    }
    request->id = asking_begin(remote->asking, nodes, n, ec_loop_now(ec_loop_at(0)) + timeout, events, baton);
    if (request->id == 0) {
        *why = "too many commands wait for their answers; try again when some of them have come";
        return EC_E_LIMIT;
    }
    outbox_add_request(remote->outbox, request);
    node_wake(remote->node);
    arm_timer(remote);
    return APR_SUCCESS;
}

/* ---- stored replies
 * ------------------------------------------------------------------------------------------------ */

/* It may be changed while we run. */
static const char *store_path(void)
{
    const ec_value_t *value = ec_option_in_stanza("logs", "control_cache");

    return value != NULL && value->s != NULL && value->s[0] != '\0' ? value->s : NULL;
}

replies_t *remote_replies(remote_t *remote)
{
    if (!remote->is_loaded) {
        remote->is_loaded = 1;
        store_file_load(remote->store, &remote->replies, store_path());
    }
    return &remote->replies;
}

void remote_replies_changed(remote_t *remote)
{
    if (remote->is_closing)
        remote->is_changed = 1;
    else
        store_file_save(remote->store, &remote->replies, store_path());
}

/* ---- the part of the node
 * ---------------------------------------------------------------------------------------------- */

void *remote_create(const ec_instance_t *instance, const char **why)
{
    remote_t *remote = calloc(1, sizeof(*remote));
    apr_uint32_t number;

    EC_ASSERT(remote != NULL && getrandom(&number, sizeof(number), 0) == sizeof(number));
    remote->log = ec_log_root();
    remote->is_manager = ec_is_manager();
    remote->asking = asking_create(number | 1);
    remote->store = store_file_create(remote->log);
    return remote;
}

void remote_destroy(void *part)
{
    remote_t *remote = part;

    remote->is_closing = 1;
    asking_destroy(remote->asking);
    ec_timer_cancel(&remote->timer);
    store_file_close(remote->store, &remote->replies, remote->is_loaded ? store_path() : NULL,
                     remote->is_changed);
    replies_clear(&remote->replies);
    if (remote->outbox != NULL)
        outbox_destroy(remote->outbox);
    free(remote);
}

static apr_status_t part_open(void *part, node_t *node, const char **why)
{
    remote_t *remote = part;
    const struct node_settings *settings = node_settings(node);

    remote->node = node;
    remote->log = settings->log;
    remote->outbox = outbox_create(settings->name, settings->subcluster);
    node_on_control(node, REMOTE_REQUEST, on_request, remote);
    node_on_control(node, REMOTE_REPLY, on_piece, remote);
    current = remote;
    return APR_SUCCESS;
}

static apr_status_t send_control(void *baton, const void *data, apr_size_t length)
{
    return node_send_control(baton, data, length);
}

static void part_turn(void *part, apr_time_t now)
{
    remote_t *remote = part;

    if (remote->is_manager)
        look_at_members(remote);
    outbox_turn(remote->outbox, send_control, remote->node, now);
}

static apr_time_t part_next(void *part)
{
    remote_t *remote = part;

    return outbox_next(remote->outbox);
}

static void part_close(void *part)
{
    if (current == part)
        current = NULL;
}

const struct node_part remote_part = {
    .name = "remote", .open = part_open, .turn = part_turn, .next = part_next, .close = part_close
};

/* api.c - the service "cluster" (ec/cluster.h)
 * SPDX-License-Identifier: Apache-2.0
 *
 * What modules may keep must stay good whatever happens to instances of ours: so it is the process's. */
#include "cluster/group/api.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <ec/loop.h>

#include "cluster/group/group.h"
#include "cluster/shared/shared.h"

static struct {
    groups_t groups;
    node_t *node;              /* NULL: none runs.  The master loop's */
    pthread_mutex_t wake_lock; /* of wake_node, for whoever sends */
    node_t *wake_node;
    struct opening *openings;  /* the master loop's */
} api;

/* One that has joined in this turn of the master loop, or was gone before the next. */
struct opening {
    struct opening *next;
    ec_post_t post;
    struct group_local *local; /* NULL: it has left */
};

static void wake(void *baton)
{
    pthread_mutex_lock(&api.wake_lock);
    if (api.wake_node != NULL)
        node_wake(api.wake_node);
    pthread_mutex_unlock(&api.wake_lock);
}

static void complain(void *baton, const char *group, const char *text)
{
    ec_log(ec_log_root(), EC_LOG_ERROR, "cluster group=%s: %s", group, text);
}

static void set_node(node_t *node)
{
    api.node = node;
    pthread_mutex_lock(&api.wake_lock);
    api.wake_node = node;
    pthread_mutex_unlock(&api.wake_lock);
}

__attribute__((constructor)) static void make_groups(void)
{
    groups_init(&api.groups);
    pthread_mutex_init(&api.wake_lock, NULL);
    api.groups.wake = wake;
    api.groups.log = complain;
}

/* ---- the part ----------------------------------------------------------------------------------- */

static apr_status_t part_open(void *part, node_t *node, const char **why)
{
    struct machine machine = { &group_machine, &api.groups, &group_machine_local, &api.groups };

    node_add_machine(node, &machine);
    set_node(node);
    return APR_SUCCESS;
}

static void part_turn(void *part, apr_time_t now)
{
    bus_node_t self = node_self(api.node);

    if (self != 0)
        api.groups.self = self;
}

/* The replica clears the machine later; modules hear now that they are out. */
static void part_close(void *part)
{
    group_machine_local.active(&api.groups, 0, 0);
    set_node(NULL);
}

const struct node_part group_part = {
    .name = "groups", .open = part_open, .turn = part_turn, .close = part_close
};

void *group_part_create(const ec_instance_t *instance, const char **why)
{
    return &api;
}

/* ---- the service ----------------------------------------------------------------------------------- */

static void lock(void)
{
    if (api.node != NULL)
        node_lock(api.node);
}

static void unlock(void)
{
    if (api.node == NULL)
        return;
    node_unlock(api.node);
    node_wake(api.node);
}

static void on_opening(void *baton)
{
    struct opening *opening = baton, **at = &api.openings;

    while (*at != opening)
        at = &(*at)->next;
    *at = opening->next;
    if (opening->local != NULL) {
        lock();
        group_open(&api.groups, opening->local);
        unlock();
    }
    free(opening);
}

/* Callbacks run on the node's thread: who has called must have stored the handle before. */
static void open_later(struct group_local *local)
{
    struct opening *opening = calloc(1, sizeof(*opening));

    if (opening == NULL)
        abort();
    opening->local = local;
    opening->next = api.openings;
    api.openings = opening;
    ec_loop_post(ec_loop_at(0), &opening->post, on_opening, opening);
}

static ec_cluster_group_t *join(void *self, const char *name, const ec_cluster_calls_t *calls, void *baton)
{
    struct group_local *local;

    lock();
    local = group_join(&api.groups, name, calls, baton);
    unlock();
    if (local != NULL)
        open_later(local);
    return (ec_cluster_group_t *)local;
}

static void leave(void *self, ec_cluster_group_t *group)
{
    struct group_local *local = (struct group_local *)group;

    for (struct opening *opening = api.openings; opening != NULL; opening = opening->next) {
        if (opening->local == local)
            opening->local = NULL;
    }
    lock();
    group_leave(&api.groups, local);
    unlock();
}

static apr_status_t send_to(void *self, ec_cluster_group_t *group, const void *data, apr_size_t length)
{
    return group_send(&api.groups, (struct group_local *)group, data, length);
}

static apr_status_t find_name(bus_node_t node, char *name, apr_size_t size)
{
    const struct node_member *members;
    int count = node_members(api.node, &members);

    for (int i = 0; i < count; i++) {
        if (members[i].id == node && members[i].in_cluster)
            return apr_cpystrn(name, members[i].name, size), APR_SUCCESS;
    }
    return EC_E_NOT_FOUND;
}

static apr_status_t node_name(void *self, ec_cluster_node_t node, char *name, apr_size_t size)
{
    apr_status_t rv = EC_E_NOT_FOUND;

    lock();
    if (api.node != NULL)
        rv = find_name(node, name, size);
    unlock();
    return rv;
}

static apr_status_t cache_set_key(void *self, const char *cache, const void *key, apr_size_t key_length,
                                  const void *value, apr_size_t length)
{
    apr_status_t rv;

    lock();
    rv = shared_cache_set(cache, key, key_length, value, length);
    unlock();
    return rv;
}

static const void *cache_get_key(void *self, const char *cache, const void *key, apr_size_t key_length,
                                 apr_size_t *length, apr_pool_t *pool)
{
    const void *value;

    lock();
    value = shared_cache_get(cache, key, key_length, length);
    if (value != NULL)
        value = apr_pmemdup(pool, value, *length);
    unlock();
    return value;
}

static apr_uint64_t count(void *self, const char *object, const void *key, apr_size_t key_length,
                          ec_cluster_node_t node)
{
    apr_uint64_t counted;

    lock();
    counted = shared_count(object, key, key_length, node);
    unlock();
    return counted;
}

static const ec_cluster_t functions = {
    join, leave, send_to, node_name, cache_set_key, cache_get_key, count
};

void group_offer(const ec_instance_t *instance)
{
    ec_service_offer(instance, EC_CLUSTER_SERVICE, EC_CLUSTER_VERSION, &functions, &api);
}

/* ---- the console --------------------------------------------------------------------------------------- */

static void add_group(ec_node_t *table, const struct group *group)
{
    ec_node_t *row = ec_node_row(table);
    int in_step = 0;

    for (int i = 0; i < group->count; i++)
        in_step += group->members[i].is_in_step;
    ec_node_text(row, "group", group->item.key);
    ec_node_int(row, "members", group->count);
    ec_node_int(row, "in_step", in_step);
    ec_node_int(row, "waiting_here", group_waiting(&api.groups, group->item.key));
}

void group_command_list(ec_answer_t *answer)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "groups");

    lock();
    TABLE_EACH(const struct group, group, &api.groups.directory)
    add_group(table, group);
    unlock();
}

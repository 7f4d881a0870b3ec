/* group.c - replicated: groups that modules have made
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cluster/group/group.h"

enum group_op { OP_OPEN = 1, OP_CLOSE, OP_DATA, OP_STATE };

enum {
    PART_BYTES = 48 * 1024,     /* of a state, in one message */
    MESSAGE_BYTES = 128 * 1024, /* of blocks, in one message */
    UNSENT_MAX = 4 * 1024 * 1024,
    KEPT_MAX = 32 * 1024 * 1024 /* while the state is under way */
};

/* ---- blocks -------------------------------------------------------------------------------------- */

static apr_size_t begin_block(wire_writer_t *writer, const char *name, enum group_op op)
{
    apr_size_t block = wire_block_begin(writer);

    wire_write_bytes(writer, name, strlen(name));
    wire_write(writer, (apr_uint64_t)op);
    return block;
}

/* An operation without more. */
static void say(groups_t *groups, const char *name, enum group_op op, int has_state)
{
    apr_size_t block;

    pthread_mutex_lock(&groups->lock);
    block = begin_block(&groups->unsent, name, op);
    if (op == OP_OPEN)
        wire_write(&groups->unsent, (apr_uint64_t)has_state);
    wire_block_end(&groups->unsent, block);
    pthread_mutex_unlock(&groups->lock);
}

/* ---- this process ---------------------------------------------------------------------------------- */

static struct group_local *find_local(const groups_t *groups, const char *name)
{
    struct group_local *local = groups->locals;

    while (local != NULL && strcmp(local->name, name) != 0)
        local = local->next;
    return local;
}

static int has_state(const struct group_local *local)
{
    return local->calls->read != NULL;
}

static void set_status(struct group_local *local, enum group_status status)
{
    pthread_mutex_lock(&local->groups->lock);
    local->status = status;
    pthread_mutex_unlock(&local->groups->lock);
}

static void tell_member(struct group_local *local, bus_node_t node, int is_there)
{
    if (local->calls->member != NULL)
        local->calls->member(local->baton, node, is_there);
}

static void tell_data(struct group_local *local, bus_node_t sender, const void *data, apr_size_t length)
{
    local->calls->message(local->baton, sender, data, length);
}

static void forget_state(struct group_local *local)
{
    wire_free(&local->state);
    wire_free(&local->kept);
}

static void be_out(struct group_local *local)
{
    enum group_status before = local->status;

    forget_state(local);
    set_status(local, GROUP_OUT);
    if (before == GROUP_IN_STEP && local->calls->lost != NULL)
        local->calls->lost(local->baton);
}

static void be_in_step(struct group_local *local, int is_first)
{
    set_status(local, GROUP_IN_STEP);
    if (local->calls->joined != NULL)
        local->calls->joined(local->baton, local->groups->self, is_first);
}

/* ---- what happens while the state is under way is kept, in order ------------------------------------ */

enum kept { KEPT_DATA, KEPT_CAME, KEPT_WENT };

static void keep(struct group_local *local, enum kept what, bus_node_t node, const void *data,
                 apr_size_t length)
{
    apr_size_t block;

    if (local->kept.length + length > KEPT_MAX) { /* begin again */
        say(local->groups, local->name, OP_CLOSE, 0);
        say(local->groups, local->name, OP_OPEN, has_state(local));
        forget_state(local);
        set_status(local, GROUP_OUT);
        return;
    }
    block = wire_block_begin(&local->kept);
    wire_write(&local->kept, (apr_uint64_t)what);
    wire_write(&local->kept, node);
    wire_write_bytes(&local->kept, data, length);
    wire_block_end(&local->kept, block);
}

/* To the module, or kept. */
static void happened(struct group_local *local, enum kept what, bus_node_t node, const void *data,
                     apr_size_t length)
{
    if (local->status == GROUP_WAITING)
        keep(local, what, node, data, length);
    else if (local->status == GROUP_IN_STEP && what == KEPT_DATA)
        tell_data(local, node, data, length);
    else if (local->status == GROUP_IN_STEP)
        tell_member(local, node, what == KEPT_CAME);
}

static void tell_kept(struct group_local *local, const wire_writer_t *kept)
{
    wire_reader_t reader = wire_reader(kept->data, kept->length);

    while (wire_has_more(&reader)) {
        wire_reader_t block = wire_read_block(&reader);
        enum kept what = (enum kept)wire_read(&block);
        bus_node_t node = (bus_node_t)wire_read(&block);
        apr_size_t length;
        const void *data = wire_read_bytes(&block, &length, EC_CLUSTER_MESSAGE_MAX);

        if (what == KEPT_DATA)
            tell_data(local, node, data, length);
        else
            tell_member(local, node, what == KEPT_CAME);
    }
}

/* ---- what is served ----------------------------------------------------------------------------------- */

static void put_state(void *to, const void *data, apr_size_t length)
{
    struct group_serving *serving = to;

    serving->is_too_large |= serving->state.length + length > EC_CLUSTER_STATE_MAX;
    if (!serving->is_too_large)
        wire_write_raw(&serving->state, data, length);
}

static void complain(const struct group_local *local, const char *text)
{
    if (local->groups->log != NULL)
        local->groups->log(local->groups->wake_baton, local->name, text);
}

static void serve(groups_t *groups, struct group_local *local, const struct group_member *member)
{
    struct group_serving *serving = calloc(1, sizeof(*serving)), **end = &groups->servings;

    if (serving == NULL)
        abort();
    serving->local = local;
    serving->target = member->node;
    serving->request = member->request;
    if (local->calls->write != NULL)
        local->calls->write(local->baton, put_state, serving);
    if (serving->is_too_large) {
        complain(local, "the state of the group is larger than 16 MiB: nobody can come in");
        wire_free(&serving->state);
    }
    while (*end != NULL)
        end = &(*end)->next;
    *end = serving;
}

static void end_serving(struct group_serving **at)
{
    struct group_serving *serving = *at;

    *at = serving->next;
    wire_free(&serving->state);
    free(serving);
}

static void end_servings_of(groups_t *groups, const struct group_local *local)
{
    struct group_serving **at = &groups->servings;

    while (*at != NULL) {
        if (local == NULL || (*at)->local == local)
            end_serving(at);
        else
            at = &(*at)->next;
    }
}

/* ---- the directory ------------------------------------------------------------------------------ */

const struct group *group_find(const groups_t *groups, const char *name)
{
    return table_find(&groups->directory, name, strlen(name));
}

static struct group_member *find_member(struct group *group, bus_node_t node)
{
    for (int i = 0; i < group->count; i++) {
        if (group->members[i].node == node)
            return &group->members[i];
    }
    return NULL;
}

static struct group_member *first_in_step(struct group *group)
{
    for (int i = 0; i < group->count; i++) {
        if (group->members[i].is_in_step)
            return &group->members[i];
    }
    return NULL;
}

/* Of one that has no state (yet): from whom it gets it. */
static void choose_server(groups_t *groups, struct group *group, struct group_member *member)
{
    struct group_local *local = find_local(groups, group->item.key);
    struct group_member *server = first_in_step(group);

    member->is_in_step = server == NULL;
    member->server = server != NULL ? server->node : 0;
    member->request = ++groups->requests;
    if (local != NULL && member->server == groups->self && local->status == GROUP_IN_STEP)
        serve(groups, local, member);
    if (local == NULL || member->node != groups->self || local->is_broken)
        return;
    forget_state(local);
    if (!member->is_in_step)
        set_status(local, GROUP_WAITING);
    for (int i = 0; i < group->count; i++) {
        if (member->is_in_step)
            tell_member(local, group->members[i].node, 1);
        else
            keep(local, KEPT_CAME, group->members[i].node, "", 0);
    }
    if (member->is_in_step)
        be_in_step(local, 1);
}

static void remove_member(groups_t *groups, struct group *group, bus_node_t node)
{
    struct group_local *local = find_local(groups, group->item.key);
    struct group_member *member = find_member(group, node);

    if (member == NULL)
        return;
    memmove(member, member + 1, (apr_size_t)(&group->members[group->count] - (member + 1)) * sizeof(*member));
    group->count--;
    if (local != NULL && node == groups->self)
        be_out(local);
    else if (local != NULL)
        happened(local, KEPT_WENT, node, "", 0);
    for (int i = 0; i < group->count; i++) {
        if (!group->members[i].is_in_step && group->members[i].server == node)
            choose_server(groups, group, &group->members[i]);
    }
    if (group->count == 0)
        table_remove(&groups->directory, &group->item);
}

static void come_without_state(groups_t *groups, struct group *group, struct group_member *member)
{
    struct group_local *local = find_local(groups, group->item.key);

    member->is_in_step = 1;
    if (local == NULL || member->node != groups->self)
        return;
    for (int i = 0; i < group->count; i++)
        tell_member(local, group->members[i].node, 1);
    be_in_step(local, group->count == 1);
}

static void apply_open(groups_t *groups, const struct machine_event *event, const char *name,
                       apr_size_t length, int is_stateful)
{
    struct group *group = table_find(&groups->directory, name, length);
    struct group_local *local;
    struct group_member *member;

    if (group == NULL && groups->directory.count >= GROUPS_MAX)
        return;
    if (group == NULL)
        group = table_add(&groups->directory, sizeof(*group), name, length);
    if (group->count == BUS_NODES_MAX || find_member(group, event->sender) != NULL)
        return;
    local = find_local(groups, group->item.key);
    member = &group->members[group->count++];
    memset(member, 0, sizeof(*member));
    member->node = event->sender;
    if (local != NULL)
        happened(local, KEPT_CAME, event->sender, "", 0);
    if (is_stateful)
        choose_server(groups, group, member);
    else
        come_without_state(groups, group, member);
}

static void apply_data(groups_t *groups, struct group *group, bus_node_t sender, wire_reader_t *block)
{
    struct group_local *local = find_local(groups, group->item.key);
    apr_size_t length;
    const void *data = wire_read_bytes(block, &length, EC_CLUSTER_MESSAGE_MAX);

    if (block->is_bad || local == NULL || find_member(group, sender) == NULL)
        return;
    happened(local, KEPT_DATA, sender, data, length);
}

static void be_broken(struct group_local *local)
{
    complain(local, "the state of the group is not understood: this node stays out of it");
    local->is_broken = 1;
    set_status(local, GROUP_OUT);
    say(local->groups, local->name, OP_CLOSE, 0);
}

/* The state is whole: take it, and what came since. */
static void use_state(struct group_local *local, int is_good)
{
    wire_writer_t state = local->state, kept = local->kept;

    memset(&local->state, 0, sizeof(local->state));
    memset(&local->kept, 0, sizeof(local->kept));
    if (!is_good ||
        !local->calls->read(local->baton, state.length > 0 ? state.data : (const void *)"", state.length)) {
        be_broken(local);
    } else {
        tell_kept(local, &kept);
        be_in_step(local, 0);
    }
    wire_free(&state);
    wire_free(&kept);
}

static void apply_state(groups_t *groups, struct group *group, bus_node_t sender, wire_reader_t *block)
{
    struct group_local *local = find_local(groups, group->item.key);
    bus_node_t target = (bus_node_t)wire_read_max(block, 0xffffffff);
    apr_uint64_t request = wire_read(block), total = wire_read_max(block, EC_CLUSTER_STATE_MAX);
    apr_uint64_t at = wire_read_max(block, EC_CLUSTER_STATE_MAX);
    apr_size_t length;
    const void *bytes = wire_read_bytes(block, &length, PART_BYTES);
    int is_good = !(int)wire_read_max(block, 1);
    struct group_member *member = find_member(group, target);
    int is_mine = local != NULL && target == groups->self && local->status == GROUP_WAITING;

    if (block->is_bad || member == NULL || member->is_in_step || member->server != sender ||
        member->request != request)
        return;
    if (is_mine && at == local->state.length)
        wire_write_raw(&local->state, bytes, length);
    if (at + length < total)
        return;
    member->is_in_step = 1;
    if (is_mine)
        use_state(local, is_good && local->state.length == total);
}

static void apply_block(groups_t *groups, const struct machine_event *event, wire_reader_t *block)
{
    apr_size_t length;
    const char *name = wire_read_bytes(block, &length, EC_CLUSTER_NAME_MAX);
    apr_uint64_t op = wire_read(block);
    struct group *group;

    if (block->is_bad || length == 0 || memchr(name, '\0', length) != NULL)
        return;
    if (op == OP_OPEN) {
        apply_open(groups, event, name, length, (int)wire_read_max(block, 1));
        return;
    }
    group = table_find(&groups->directory, name, length);
    if (group == NULL)
        return;
    if (op == OP_CLOSE)
        remove_member(groups, group, event->sender);
    else if (op == OP_DATA)
        apply_data(groups, group, event->sender, block);
    else if (op == OP_STATE)
        apply_state(groups, group, event->sender, block);
}

static void apply(void *state, const struct machine_event *event, wire_reader_t *body)
{
    while (wire_has_more(body)) {
        wire_reader_t block = wire_read_block(body);

        apply_block(state, event, &block);
    }
}

static void change(void *state, const struct lease_change *what)
{
    groups_t *groups = state;

    if (what->kind != LEASE_DEPARTED && what->kind != LEASE_DROPPED)
        return;
    TABLE_EACH(struct group, group, &groups->directory)
    remove_member(groups, group, what->node);
}

static void all_out(groups_t *groups)
{
    end_servings_of(groups, NULL);
    for (struct group_local *local = groups->locals; local != NULL; local = local->next)
        be_out(local);
}

static void clear(void *state)
{
    groups_t *groups = state;

    all_out(groups);
    table_clear(&groups->directory);
    groups->requests = 0;
}

static void write_directory(const void *state, wire_writer_t *writer)
{
    const groups_t *groups = state;

    wire_write(writer, groups->requests);
    TABLE_EACH(const struct group, group, &groups->directory)
    {
        apr_size_t block = wire_block_begin(writer);

        wire_write_bytes(writer, group->item.key, group->item.key_length);
        for (int i = 0; i < group->count; i++) {
            const struct group_member *member = &group->members[i];

            wire_write(writer, member->node);
            wire_write(writer, (apr_uint64_t)member->is_in_step);
            wire_write(writer, member->server);
            wire_write(writer, member->request);
        }
        wire_block_end(writer, block);
    }
}

static int read_group(groups_t *groups, wire_reader_t *block)
{
    apr_size_t length;
    const char *name = wire_read_bytes(block, &length, EC_CLUSTER_NAME_MAX);
    struct group *group;

    if (block->is_bad || groups->directory.count >= GROUPS_MAX || memchr(name, '\0', length) != NULL ||
        table_find(&groups->directory, name, length) != NULL)
        return 0;
    group = table_add(&groups->directory, sizeof(*group), name, length);
    while (wire_has_more(block) && group->count < BUS_NODES_MAX) {
        struct group_member *member = &group->members[group->count++];

        member->node = (bus_node_t)wire_read_max(block, 0xffffffff);
        member->is_in_step = (int)wire_read_max(block, 1);
        member->server = (bus_node_t)wire_read_max(block, 0xffffffff);
        member->request = wire_read(block);
    }
    return !block->is_bad && group->count > 0;
}

static int read_directory(void *state, wire_reader_t *reader)
{
    groups_t *groups = state;

    if (!wire_has_more(reader)) /* from one that knows of no groups */
        return 1;
    groups->requests = wire_read(reader);
    while (wire_has_more(reader)) {
        wire_reader_t block = wire_read_block(reader);

        if (!read_group(groups, &block))
            return 0;
    }
    return !reader->is_bad;
}

const struct machine_type group_machine = { "groups", MESSAGE_GROUP, apply,           NULL,          NULL,
                                            change,   clear,         write_directory, read_directory };

/* ---- the local half ----------------------------------------------------------------------------- */

/* What was queued was for an earlier stay. */
static void forget_unsent(groups_t *groups)
{
    pthread_mutex_lock(&groups->lock);
    groups->unsent.length = 0;
    pthread_mutex_unlock(&groups->lock);
}

static void active(void *local_half, int is_active, apr_time_t now)
{
    groups_t *groups = local_half;

    groups->is_active = is_active;
    forget_unsent(groups);
    if (!is_active)
        all_out(groups);
    for (struct group_local *local = groups->locals; is_active && local != NULL; local = local->next) {
        local->is_broken = 0;
        say(groups, local->name, OP_OPEN, has_state(local));
    }
}

/* Whole blocks, as many as fit into one message. */
static int flush_unsent(groups_t *groups, wire_writer_t *writer)
{
    wire_reader_t reader;
    apr_size_t taken = 0;

    pthread_mutex_lock(&groups->lock);
    reader = wire_reader(groups->unsent.data, groups->unsent.length);
    while (wire_has_more(&reader)) {
        wire_read_block(&reader);
        if (taken > 0 && (apr_size_t)(reader.at - groups->unsent.data) > MESSAGE_BYTES)
            break;
        taken = (apr_size_t)(reader.at - groups->unsent.data);
    }
    if (taken > 0) {
        wire_write_raw(writer, groups->unsent.data, taken);
        groups->unsent.length -= taken;
        memmove(groups->unsent.data, groups->unsent.data + taken, groups->unsent.length);
    }
    pthread_mutex_unlock(&groups->lock);
    return taken > 0;
}

/* One part; the state of one that does not wait for it any more is dropped. */
static int flush_serving(groups_t *groups, wire_writer_t *writer)
{
    struct group_serving *serving = groups->servings;
    struct group *group = table_find(&groups->directory, serving->local->name, strlen(serving->local->name));
    struct group_member *member = group != NULL ? find_member(group, serving->target) : NULL;
    apr_size_t left = serving->state.length - serving->sent, part = left < PART_BYTES ? left : PART_BYTES,
               block;

    if (member == NULL || member->is_in_step || member->server != groups->self ||
        member->request != serving->request) {
        end_serving(&groups->servings);
        return 0;
    }
    block = begin_block(writer, serving->local->name, OP_STATE);
    wire_write(writer, serving->target);
    wire_write(writer, serving->request);
    wire_write(writer, serving->state.length);
    wire_write(writer, serving->sent);
    wire_write_bytes(writer, part > 0 ? serving->state.data + serving->sent : (const void *)"", part);
    wire_write(writer, (apr_uint64_t)serving->is_too_large);
    wire_block_end(writer, block);
    serving->sent += part;
    if (serving->sent == serving->state.length)
        end_serving(&groups->servings);
    return 1;
}

static int flush(void *local, wire_writer_t *writer, apr_time_t now)
{
    groups_t *groups = local;

    while (groups->servings != NULL) {
        if (flush_serving(groups, writer))
            return 1;
    }
    return flush_unsent(groups, writer);
}

static apr_time_t next_time(const void *local)
{
    groups_t *groups = (groups_t *)local;
    int has_some;

    pthread_mutex_lock(&groups->lock);
    has_some = groups->servings != NULL || groups->unsent.length > 0;
    pthread_mutex_unlock(&groups->lock);
    return has_some ? 1 : 0;
}

const struct machine_local group_machine_local = { active, NULL, flush, NULL, NULL, next_time };

/* ---- what modules do ---------------------------------------------------------------------------- */

void groups_init(groups_t *groups)
{
    memset(groups, 0, sizeof(*groups));
    pthread_mutex_init(&groups->lock, NULL);
}

void groups_free(groups_t *groups)
{
    end_servings_of(groups, NULL);
    table_clear(&groups->directory);
    wire_free(&groups->unsent);
    pthread_mutex_destroy(&groups->lock);
}

struct group_local *group_join(groups_t *groups, const char *name, const ec_cluster_calls_t *calls,
                               void *baton)
{
    apr_size_t length = strlen(name);
    struct group_local *local, **end = &groups->successors;

    if (length == 0 || length > EC_CLUSTER_NAME_MAX)
        return NULL;
    local = calloc(1, sizeof(*local));
    if (local == NULL)
        abort();
    memcpy(local->name, name, length);
    local->groups = groups;
    local->calls = calls;
    local->baton = baton;
    while (*end != NULL)
        end = &(*end)->next;
    *end = local;
    return local;
}

static void unlink_local(struct group_local **at, const struct group_local *local)
{
    while (*at != local)
        at = &(*at)->next;
    *at = local->next;
}

static struct group_local *find_successor(const groups_t *groups, const char *name)
{
    struct group_local *local = groups->successors;

    while (local != NULL && !(local->is_open && strcmp(local->name, name) == 0))
        local = local->next;
    return local;
}

int group_waiting(const groups_t *groups, const char *name)
{
    int count = 0;

    for (const struct group_local *local = groups->successors; local != NULL; local = local->next)
        count += strcmp(local->name, name) == 0;
    return count;
}

static void take_place(groups_t *groups, struct group_local *local)
{
    unlink_local(&groups->successors, local);
    local->next = groups->locals;
    groups->locals = local;
}

void group_open(groups_t *groups, struct group_local *local)
{
    local->is_open = 1;
    if (find_local(groups, local->name) != NULL)
        return;
    take_place(groups, local);
    if (groups->is_active)
        say(groups, local->name, OP_OPEN, has_state(local));
}

/* ---- one instance after the other ------------------------------------------------------------------ */

static void put_kept(void *to, const void *data, apr_size_t length)
{
    wire_write_raw(to, data, length);
}

/* The new one gets what the old one has, as it would from another node. */
static void hand_over_state(const struct group_local *old, struct group_local *local)
{
    wire_writer_t state = { 0 };
    struct group *group = table_find(&local->groups->directory, local->name, strlen(local->name));

    if (old->calls->write != NULL)
        old->calls->write(old->baton, put_kept, &state);
    if (has_state(local) &&
        !local->calls->read(local->baton, state.length > 0 ? state.data : (const void *)"", state.length)) {
        be_broken(local);
    } else {
        for (int i = 0; group != NULL && i < group->count; i++)
            tell_member(local, group->members[i].node, 1);
        be_in_step(local, 0);
    }
    wire_free(&state);
}

/* One with a state and one without are not the same member: the group is left and joined again. */
static void hand_over(groups_t *groups, struct group_local *old, struct group_local *local)
{
    take_place(groups, local);
    if (old->is_broken || has_state(old) != has_state(local)) {
        end_servings_of(groups, old);
        if (groups->is_active) {
            say(groups, local->name, OP_CLOSE, 0);
            say(groups, local->name, OP_OPEN, has_state(local));
        }
        return;
    }
    for (struct group_serving *serving = groups->servings; serving != NULL; serving = serving->next) {
        if (serving->local == old)
            serving->local = local;
    }
    if (old->status == GROUP_IN_STEP) {
        hand_over_state(old, local);
        return;
    }
    set_status(local, old->status);
    local->state = old->state;
    local->kept = old->kept;
    memset(&old->state, 0, sizeof(old->state));
    memset(&old->kept, 0, sizeof(old->kept));
}

static void leave_place(groups_t *groups, struct group_local *local)
{
    struct group_local *successor = find_successor(groups, local->name);

    unlink_local(&groups->locals, local);
    if (successor != NULL) {
        hand_over(groups, local, successor);
        return;
    }
    end_servings_of(groups, local);
    if (groups->is_active)
        say(groups, local->name, OP_CLOSE, 0);
}

void group_leave(groups_t *groups, struct group_local *local)
{
    if (find_local(groups, local->name) == local)
        leave_place(groups, local);
    else
        unlink_local(&groups->successors, local);
    forget_state(local);
    free(local);
}

apr_status_t group_send(groups_t *groups, struct group_local *local, const void *data, apr_size_t length)
{
    apr_status_t rv = APR_SUCCESS;
    apr_size_t block;

    if (length > EC_CLUSTER_MESSAGE_MAX)
        return EC_E_TOO_LONG;
    pthread_mutex_lock(&groups->lock);
    if (local->status != GROUP_IN_STEP) {
        rv = EC_E_BUSY;
    } else if (groups->unsent.length + length > UNSENT_MAX) {
        rv = EC_E_LIMIT;
    } else {
        block = begin_block(&groups->unsent, local->name, OP_DATA);
        wire_write_bytes(&groups->unsent, data, length);
        wire_block_end(&groups->unsent, block);
    }
    pthread_mutex_unlock(&groups->lock);
    if (rv == APR_SUCCESS && groups->wake != NULL)
        groups->wake(groups->wake_baton);
    return rv;
}

/* client.c - what this node uses and wants of what is limited for the whole cluster
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/limit/client.h"
#include "cluster/machine/mutant.h"

/* Records in one message: keeps a message well below what the bus takes. */
enum { RECORDS_MAX = 256 };

static void set_dirty(limit_client_t *client, struct limit_client_key *key)
{
    if (key->is_dirty)
        return;
    key->is_dirty = 1;
    key->dirty_next = client->dirty;
    client->dirty = key;
}

/* What of the cluster's is ours to use. */
static apr_uint32_t ours(const struct limit_client_key *key)
{
    apr_uint32_t firm = key->firm + (is_mutant(FRESH_IS_FIRM) ? key->fresh : 0);

    return is_mutant(GIVES_ALL) ? firm : firm > key->giving ? firm - key->giving : 0;
}

apr_uint32_t limit_client_unleased(const limit_client_t *client, const struct limit_client_key *key)
{
    return key->mode == LIMIT_AVAILABLE ? (key->limit + client->nodes - 1) / client->nodes : 0;
}

/* What may be used without the state: with no lease, or with only half of everything there. */
static apr_uint32_t part_without(const limit_client_t *client, const struct limit_client_key *key,
                                 int is_good)
{
    return !is_good || client->limit->is_half ? limit_client_unleased(client, key) : 0;
}

static apr_uint32_t greater(apr_uint32_t a, apr_uint32_t b)
{
    return a > b ? a : b;
}

static int has_lease(const limit_client_t *client, apr_time_t now)
{
    return is_mutant(NO_CLOCK) || lease_clock_is_good(client->clock, now);
}

/* Tell the user of what it uses and must not. */
static void end_excess(limit_client_t *client, struct limit_client_key *key, apr_uint32_t allowed)
{
    if (key->used > allowed)
        client->events->lost(client->baton, key, key->used - allowed);
}

/* A key that was forgotten while a message about it was under way: what came of that is given back. */
static struct limit_client_key *add_orphan(limit_client_t *client, const struct limit_key *state,
                                           const struct limit_entry *entry)
{
    struct limit_client_key *key;

    if (entry->firm + entry->fresh == 0 && entry->target == 0)
        return NULL;
    key = table_add(&client->keys, sizeof(*key), state->item.key, state->item.key_length);
    key->is_orphan = 1;
    key->limit = key->told_limit = entry->limit;
    key->told_want = entry->target;
    return key;
}

/* The state has another count for us. */
static void on_watch(void *baton, const struct limit_key *state, apr_uint32_t given)
{
    limit_client_t *client = baton;
    struct limit_client_key *key = table_find(&client->keys, state->item.key, state->item.key_length);
    const struct limit_entry *entry = limit_entry_of(state, client->limit->self);
    apr_uint32_t now, turn, before, yield_before;
    int was_awaited;

    if (key == NULL && entry != NULL && client->is_active)
        key = add_orphan(client, state, entry);
    if (key == NULL || entry == NULL || !client->is_active)
        return;
    if (key->is_orphan)
        set_dirty(client, key);
    key->giving -= given < key->giving ? given : key->giving;
    before = ours(key);
    yield_before = key->yield;
    was_awaited = key->turn_ends != 0;
    key->firm = entry->firm;
    key->fresh = entry->fresh;
    if (entry->tainted > key->tainted && client->events->tainted != NULL)
        client->events->tainted(client->baton, key, entry->tainted - key->tainted);
    key->tainted = entry->tainted;
    client->wants_beat |= entry->fresh > 0;
    limit_yield(state, client->limit->self, &now, &turn);
    if (now > 0 || turn > 0 || key->yield > 0 || key->want > ours(key))
        set_dirty(client, key);
    key->yield = now;
    if (turn == 0)
        key->turn_ends = 0;
    else if (key->turn_ends == 0)
        key->turn_ends = -1;
    end_excess(client, key, greater(entry->firm + entry->fresh, part_without(client, key, 1)));
    if (ours(key) > before || key->yield != yield_before || (key->turn_ends != 0) != was_awaited)
        client->events->gained(client->baton, key);
}

void limit_client_init(limit_client_t *client, limit_t *limit, bus_node_t self, apr_uint32_t nodes,
                       apr_time_t turn, const struct lease_clock *clock,
                       const struct limit_client_events *events, void *baton)
{
    memset(client, 0, sizeof(*client));
    client->limit = limit;
    client->nodes = nodes;
    client->turn = turn;
    client->clock = clock;
    client->events = events;
    client->baton = baton;
    limit_watch(limit, self, on_watch, client);
}

void limit_client_free(limit_client_t *client)
{
    table_clear(&client->keys);
}

struct limit_client_key *limit_client_key(limit_client_t *client, const char *name, apr_size_t length,
                                          apr_uint32_t limit, enum limit_mode mode)
{
    struct limit_client_key *key = table_find(&client->keys, name, length);

    if (key == NULL)
        key = table_add(&client->keys, sizeof(*key), name, length);
    if (key->limit != limit)
        set_dirty(client, key);
    key->limit = limit;
    key->mode = mode;
    key->is_orphan = 0;
    return key;
}

void limit_client_want(limit_client_t *client, struct limit_client_key *key, apr_uint32_t want)
{
    if (want != key->want)
        set_dirty(client, key);
    key->want = want;
}

int limit_client_may_use(const limit_client_t *client, const struct limit_client_key *key, apr_time_t now)
{
    return has_lease(client, now) || key->used <= limit_client_unleased(client, key);
}

/* What must go back because others wait, and has not yet: also an extra unit whose turn is over. */
static apr_uint32_t owes(const struct limit_client_key *key, apr_time_t now)
{
    apr_uint32_t owed = key->yield > key->giving ? key->yield - key->giving : 0;

    return owed == 0 && key->giving == 0 && key->turn_ends > 0 && now >= key->turn_ends ? 1 : owed;
}

int limit_client_take(limit_client_t *client, struct limit_client_key *key, apr_time_t now)
{
    apr_uint32_t owed = owes(key, now), allowed = 0;
    int is_good = has_lease(client, now);

    if (is_good)
        allowed = ours(key) > owed ? ours(key) - owed : 0;
    if (key->used >= greater(allowed, part_without(client, key, is_good)))
        return 0;
    key->used++;
    return 1;
}

void limit_client_put(limit_client_t *client, struct limit_client_key *key)
{
    key->used--;
    set_dirty(client, key);
}

int limit_client_forget(limit_client_t *client, struct limit_client_key *key)
{
    int is_held = key->used > 0 || key->firm > 0 || key->fresh > 0 || key->giving > 0;

    if (is_held || key->want > 0 || key->is_dirty || key->turn_next != NULL)
        return 0;
    if (client->is_active && key->told_want > 0)
        return 0;
    table_remove(&client->keys, &key->item);
    return 1;
}

/* ---- the local half of the machine ---------------------------------------------- */

static void active(void *local, int is_active, apr_time_t now)
{
    limit_client_t *client = local;

    client->is_active = is_active;
    TABLE_EACH(struct limit_client_key, key, &client->keys)
    {
        const struct limit_key *state = limit_find(client->limit, key->item.key, key->item.key_length);

        key->giving = 0;
        key->yield = 0;
        key->turn_ends = 0;
        if (!is_active) {
            key->firm = key->firm < key->used ? key->firm : key->used;
            key->fresh = 0;
            continue;
        }
        key->firm = key->fresh = key->tainted = 0;
        key->told_want = key->told_limit = 0;
        set_dirty(client, key);
        if (state != NULL)
            on_watch(client, state, 0);
        end_excess(client, key, greater(key->firm + key->fresh, part_without(client, key, 1)));
    }
}

static void join(void *local, wire_writer_t *writer, apr_time_t now)
{
    limit_client_t *client = local;

    TABLE_EACH(struct limit_client_key, key, &client->keys)
    {
        struct limit_record record = { key->item.key, key->item.key_length,   key->limit, key->want,
                                       key->used,     !has_lease(client, now) };

        /* from here on nothing more than this is used until the state says so */
        key->firm = key->used;
        if (key->used > 0)
            limit_record_write(writer, &record);
    }
}

/* What could be given back at once. */
static apr_uint32_t spare_of(const struct limit_client_key *key)
{
    apr_uint32_t firm = key->firm > key->giving ? key->firm - key->giving : 0;

    return firm > key->used ? firm - key->used : 0;
}

apr_uint32_t limit_client_owed(const struct limit_client_key *key, apr_time_t now)
{
    apr_uint32_t yield = owes(key, now), spare = spare_of(key);

    return yield > spare ? yield - spare : 0;
}

/* How much to give back now; what is in use can not be given. */
static apr_uint32_t to_give(limit_client_t *client, struct limit_client_key *key, apr_time_t now)
{
    apr_uint32_t firm = key->firm > key->giving ? key->firm - key->giving : 0, spare = spare_of(key);
    apr_uint32_t keep = key->want > key->used ? key->want : key->used,
                 surplus = firm > keep ? firm - keep : 0;
    apr_uint32_t yield = owes(key, now);

    if (yield > spare)
        client->events->shed(client->baton, key, yield - spare);
    yield = yield > surplus ? yield : surplus;
    return yield < spare ? yield : spare;
}

static int tell(limit_client_t *client, struct limit_client_key *key, wire_writer_t *writer, apr_time_t now)
{
    struct limit_record record = { key->item.key, key->item.key_length,      key->limit,
                                   key->want,     to_give(client, key, now), 0 };
    int is_known = key->want > 0 || key->told_want > 0 || key->firm > 0;

    if (record.give == 0 && key->want == key->told_want && (key->limit == key->told_limit || !is_known))
        return 0;
    limit_record_write(writer, &record);
    key->giving += record.give;
    key->told_want = key->want;
    key->told_limit = key->limit;
    return 1;
}

/* An extra slot that others wait for: look again when its turn is over. */
static void watch_turn(limit_client_t *client, struct limit_client_key *key, apr_time_t now)
{
    apr_time_t when;

    if (key->turn_ends < 0)
        key->turn_ends = now + client->turn;
    if (key->turn_ends == 0 || key->turn_next != NULL)
        return;
    key->turn_next = client->turns == NULL ? key : client->turns;
    client->turns = key;
    /* a slot that is in use goes when it is put back: ask for it again in a while */
    when = key->turn_ends > now ? key->turn_ends : now + client->turn / 8;
    if (client->turn_check == 0 || when < client->turn_check)
        client->turn_check = when;
}

static void check_turns(limit_client_t *client, apr_time_t now)
{
    struct limit_client_key *key = client->turns, *next;

    if (client->turn_check == 0 || now < client->turn_check)
        return;
    client->turns = NULL;
    client->turn_check = 0;
    for (; key != NULL; key = next) {
        next = key->turn_next == key ? NULL : key->turn_next;
        key->turn_next = NULL;
        if (key->turn_ends != 0 && now >= key->turn_ends)
            set_dirty(client, key);
        else
            watch_turn(client, key, now);
    }
}

static int flush(void *local, wire_writer_t *writer, apr_time_t now)
{
    limit_client_t *client = local;
    struct limit_client_key *key;
    int count = 0;

    check_turns(client, now);
    while ((key = client->dirty) != NULL && count < RECORDS_MAX) {
        client->dirty = key->dirty_next;
        key->is_dirty = 0;
        count += tell(client, key, writer, now);
        watch_turn(client, key, now);
        if (key->is_orphan)
            limit_client_forget(client, key);
    }
    return count > 0;
}

static int wants_beat(void *local)
{
    limit_client_t *client = local;
    int wants = client->wants_beat;

    client->wants_beat = 0;
    return wants;
}

static void lease(void *local, int is_good, apr_time_t now)
{
    limit_client_t *client = local;

    TABLE_EACH(struct limit_client_key, key, &client->keys)
    {
        if (!is_good && !client->is_active)
            key->firm = key->fresh = 0;
        end_excess(client, key,
                   greater(is_good ? key->firm + key->fresh : 0, part_without(client, key, is_good)));
    }
}

static apr_time_t next_time(const void *local)
{
    const limit_client_t *client = local;

    return client->dirty != NULL ? 1 : client->turn_check;
}

const struct machine_local limit_client_local = { active, join, flush, wants_beat, lease, next_time };

/* limit.c - replicated: who holds how much of what is limited for all nodes together
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cluster/limit/private.h"
#include "cluster/machine/mutant.h"

void limit_init(limit_t *limit, int is_rate)
{
    memset(limit, 0, sizeof(*limit));
    limit->is_rate = is_rate;
}

void limit_watch(limit_t *limit, bus_node_t self, limit_watch_fn *watch, void *baton)
{
    limit->self = self;
    limit->watch = watch;
    limit->watch_baton = baton;
}

/* ---- holders, entries, keys ---------------------------------------------------- */

static struct limit_holder *find_holder(limit_t *limit, bus_node_t node, apr_uint64_t departure)
{
    struct limit_holder *holder = limit->holders;

    while (holder != NULL && (holder->departure != departure || (departure == 0 && holder->node != node)))
        holder = holder->next;
    return holder;
}

static struct limit_holder *add_holder(limit_t *limit, bus_node_t node, apr_uint64_t departure)
{
    struct limit_holder *holder = calloc(1, sizeof(*holder)), **at = &limit->holders;

    if (holder == NULL)
        abort();
    holder->node = node;
    holder->departure = departure;
    while (*at != NULL)
        at = &(*at)->next;
    return *at = holder;
}

static struct limit_entry *find_entry(const struct limit_key *key, const struct limit_holder *holder)
{
    struct limit_entry *entry = key->entries;

    while (entry != NULL && entry->holder != holder)
        entry = entry->next;
    return entry;
}

static struct limit_entry *add_entry(struct limit_key *key, struct limit_holder *holder)
{
    struct limit_entry *entry = calloc(1, sizeof(*entry)), **at = &key->entries;

    if (entry == NULL)
        abort();
    entry->key = key;
    entry->holder = holder;
    while (*at != NULL)
        at = &(*at)->next;
    *at = entry;
    entry->holder_next = holder->entries;
    if (holder->entries != NULL)
        holder->entries->holder_prev = entry;
    holder->entries = entry;
    return entry;
}

static void remove_entry(struct limit_entry *entry)
{
    struct limit_entry **at = &entry->key->entries;

    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    *(entry->holder_prev != NULL ? &entry->holder_prev->holder_next : &entry->holder->entries) =
        entry->holder_next;
    if (entry->holder_next != NULL)
        entry->holder_next->holder_prev = entry->holder_prev;
    free(entry);
}

static apr_uint32_t free_units(const struct limit_key *key)
{
    return key->limit > key->held ? key->limit - key->held : 0;
}

/* What there is of a limit. */
static apr_uint32_t units_of(const limit_t *limit, apr_uint32_t configured)
{
    return limit->is_half ? configured / 2 : configured;
}

/* In a freeze nothing is granted of what a raised limit adds: somebody who is gone may know it, too. */
static void find_limit(const limit_t *limit, struct limit_key *key)
{
    apr_uint32_t least = LIMIT_MAX;

    for (const struct limit_entry *entry = key->entries; entry != NULL; entry = entry->next) {
        if (entry->limit < least)
            least = entry->limit;
    }
    if (key->entries == NULL)
        return;
    least = units_of(limit, least);
    if (limit->is_frozen && least > key->limit && !is_mutant(RAISED_IN_FREEZE))
        key->frozen +=
            least - key->limit < LIMIT_MAX - key->frozen ? least - key->limit : LIMIT_MAX - key->frozen;
    key->limit = least;
}

/* Before anything about a key changes: take down what was free when the freeze began. */
static void touch(const limit_t *limit, struct limit_key *key)
{
    if (!limit->is_frozen || key->frozen_at == limit->freeze)
        return;
    key->frozen = free_units(key);
    key->frozen_at = limit->freeze;
}

static struct limit_key *get_key(limit_t *limit, const char *name, apr_size_t length, apr_uint32_t units)
{
    struct limit_key *key = table_find(&limit->keys, name, length);

    if (key == NULL && limit->keys.count >= LIMIT_KEYS_MAX)
        return NULL;
    if (key == NULL) {
        key = table_add(&limit->keys, sizeof(*key), name, length);
        key->limit = units_of(limit, units);
    }
    touch(limit, key);
    return key;
}

/* A key without entries is kept while it remembers what can not be forgotten. */
static int is_done(const limit_t *limit, const struct limit_key *key)
{
    return key->entries == NULL && !limit->is_frozen && key->tainted == 0;
}

static int is_idle(const struct limit_entry *entry)
{
    return entry->firm == 0 && entry->fresh == 0 && entry->target == 0;
}

/* ---- granting -------------------------------------------------------------------- */

/* The waiting entry whose turn it is, and how far the next one is ahead of it. */
static struct limit_entry *first_waiting(const struct limit_key *key, apr_uint32_t *step)
{
    struct limit_entry *best = NULL;
    apr_uint32_t second = LIMIT_MAX;

    for (struct limit_entry *entry = key->entries; entry != NULL; entry = entry->next) {
        if (!is_waiting(entry))
            continue;
        if (best == NULL || has(entry) < has(best) ||
            (has(entry) == has(best) && entry->since < best->since)) {
            if (best != NULL && has(best) < second)
                second = has(best);
            best = entry;
        } else if (has(entry) < second) {
            second = has(entry);
        }
    }
    if (best != NULL)
        *step = second > has(best) ? second - has(best) : 1;
    return best;
}

static void push_fresh(struct limit_entry *entry, const struct fresh *grant)
{
    struct limit_holder *holder = entry->holder;
    struct fresh *last;

    if (holder->fresh_first > 0 && holder->fresh_first == holder->fresh_count)
        holder->fresh_first = holder->fresh_count = 0;
    if (holder->fresh_count > holder->fresh_first) {
        last = &holder->fresh[holder->fresh_count - 1];
        if (last->position == grant->position && last->entry == entry &&
            last->is_reclaimed == grant->is_reclaimed) {
            last->count += grant->count;
            last->tainted += grant->tainted;
            return;
        }
    }
    if (holder->fresh_count == holder->fresh_size) {
        holder->fresh_size = holder->fresh_size == 0 ? 16 : holder->fresh_size * 2;
        holder->fresh = realloc(holder->fresh, holder->fresh_size * sizeof(*holder->fresh));
        if (holder->fresh == NULL)
            abort();
    }
    holder->fresh[holder->fresh_count] = *grant;
    holder->fresh[holder->fresh_count++].entry = entry;
}

static void give_to(limit_t *limit, struct limit_entry *entry, apr_uint32_t count)
{
    struct limit_key *key = entry->key;
    apr_uint32_t clean = free_units(key) - key->frozen, tainted;

    clean = clean > key->tainted ? clean - key->tainted : 0;
    tainted = count > clean ? count - clean : 0;
    entry->tainted += tainted;
    key->tainted -= tainted;
    entry->fresh += count;
    entry->since = limit->position;
    key->held += count;
    push_fresh(entry, &(struct fresh){ .position = limit->position, .count = count, .tainted = tainted });
}

static void tell_self(limit_t *limit, const struct limit_key *key)
{
    if (limit->watch == NULL || limit_entry_of(key, limit->self) == NULL)
        return;
    limit->watch(limit->watch_baton, key, limit->given);
    limit->given = 0;
}

/* What is free goes to those who wait. */
static void grant(limit_t *limit, struct limit_key *key)
{
    struct limit_entry *entry;
    apr_uint32_t step;

    while (free_units(key) > key->frozen && (entry = first_waiting(key, &step)) != NULL) {
        apr_uint32_t available = free_units(key) - key->frozen, wanted = entry->target - has(entry);

        step = step < available ? step : available;
        give_to(limit, entry, step < wanted ? step : wanted);
    }
    tell_self(limit, key);
}

/* ---- records ----------------------------------------------------------------------- */

void limit_record_write(wire_writer_t *writer, const struct limit_record *record)
{
    apr_size_t block = wire_block_begin(writer);

    wire_write_bytes(writer, record->key, record->key_length);
    wire_write(writer, record->limit);
    wire_write(writer, record->target);
    wire_write(writer, record->give);
    wire_write(writer, (apr_uint64_t)record->is_available);
    wire_block_end(writer, block);
}

int limit_record_read(struct limit_record *record, wire_reader_t *reader)
{
    wire_reader_t block = wire_read_block(reader);

    record->key = wire_read_bytes(&block, &record->key_length, TABLE_KEY_MAX);
    record->limit = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    record->target = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    record->give = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    record->is_available = (int)wire_read_max(&block, 1);
    if (block.is_bad)
        reader->is_bad = 1;
    return !block.is_bad;
}

static void take_back(struct limit_entry *entry, apr_uint32_t give)
{
    give = give < entry->firm ? give : entry->firm;
    entry->firm -= give;
    entry->key->held -= give;
}

static void apply_record(limit_t *limit, struct limit_holder *holder, const struct limit_record *record)
{
    struct limit_key *key = get_key(limit, record->key, record->key_length, record->limit);
    struct limit_entry *entry = key == NULL ? NULL : find_entry(key, holder);

    if (key == NULL)
        return;
    if (entry == NULL)
        entry = add_entry(key, holder);
    if (!is_waiting(entry))
        entry->since = limit->position;
    take_back(entry, record->give);
    limit->given = holder->node == limit->self ? record->give : 0;
    entry->limit = record->limit;
    entry->target = record->target;
    if (is_idle(entry)) {
        tell_self(limit, key);
        remove_entry(entry);
    }
    find_limit(limit, key);
    grant(limit, key);
    if (is_done(limit, key))
        table_remove(&limit->keys, &key->item);
}

static void apply(void *state, const struct machine_event *event, wire_reader_t *body)
{
    limit_t *limit = state;
    struct limit_holder *holder = find_holder(limit, event->sender, 0);
    struct limit_record record;

    limit->position = event->position;
    while (holder != NULL && wire_has_more(body) && limit_record_read(&record, body))
        apply_record(limit, holder, &record);
}

/* ---- confirmation -------------------------------------------------------------------- */

static void heard(void *state, bus_node_t node, apr_uint64_t position)
{
    limit_t *limit = state;
    struct limit_holder *holder = find_holder(limit, node, 0);

    while (holder != NULL && holder->fresh_first < holder->fresh_count) {
        struct fresh *fresh = &holder->fresh[holder->fresh_first];

        if (fresh->position > position)
            return;
        fresh->entry->fresh -= fresh->count;
        fresh->entry->firm += fresh->count;
        holder->fresh_first++;
        tell_self(limit, fresh->entry->key);
    }
}

/* ---- joins ------------------------------------------------------------------------------ */

/* Beside what was kept for the node.  With a lease that is good it may hold some of what is frozen; without
 * one (available mode) only what is free for everybody. */
static apr_uint32_t reclaimable(const struct limit_key *key, const struct limit_record *record)
{
    apr_uint32_t units = free_units(key);

    if (is_mutant(GREEDY_RECLAIM))
        return units;
    if (record->is_available)
        return units > key->frozen ? units - key->frozen : 0;
    return units < key->frozen ? units : key->frozen;
}

/* A node that comes in goes on using what it used, as far as it was kept back for it: what it was known to
 * hold, then what is frozen (it may have been granted that unseen). */
static void reclaim(limit_t *limit, struct limit_holder *holder, apr_uint64_t departure,
                    const struct limit_record *record)
{
    struct limit_key *key = get_key(limit, record->key, record->key_length, record->limit);
    struct limit_holder *old = departure == 0 ? NULL : find_holder(limit, 0, departure);
    struct limit_entry *from = key == NULL || old == NULL ? NULL : find_entry(key, old), *entry;
    apr_uint32_t kept = from == NULL ? 0 : has(from), got, more;

    if (key == NULL || record->give == 0 || find_entry(key, holder) != NULL)
        return;
    entry = add_entry(key, holder);
    entry->limit = record->limit;
    entry->target = record->target;
    entry->since = limit->position;
    got = record->give < kept ? record->give : kept;
    more = reclaimable(key, record);
    if (from != NULL)
        take_back(from, got);
    more = more < record->give - got ? more : record->give - got;
    if (!record->is_available)
        key->frozen -= more < key->frozen ? more : key->frozen;
    got += more;
    key->held += got;
    if (!record->is_available) {
        /* In use all the time, under a lease that is good: a new ring must not void it like a grant that nobody has used. */
        entry->firm = got;
    } else if (got > 0) {
        entry->fresh = got;
        push_fresh(entry, &(struct fresh){ .position = limit->position, .count = got, .is_reclaimed = 1 });
    }
    if (is_idle(entry))
        remove_entry(entry);
    find_limit(limit, key);
    tell_self(limit, key);
}

static void join(void *state, const struct machine_event *event, wire_reader_t *body)
{
    limit_t *limit = state;
    struct limit_holder *holder = find_holder(limit, event->sender, 0);
    struct limit_record record;

    limit->position = event->position;
    while (holder != NULL && wire_has_more(body) && limit_record_read(&record, body))
        reclaim(limit, holder, limit->reclaim_from, &record);
}

/* ---- who is here ------------------------------------------------------------------------ */

/* Everything may have become free, waiting, or superfluous. */
static void look_over(limit_t *limit)
{
    TABLE_EACH(struct limit_key, key, &limit->keys)
    {
        touch(limit, key);
        find_limit(limit, key);
        grant(limit, key);
        if (is_done(limit, key))
            table_remove(&limit->keys, &key->item);
    }
}

static void touch_all(limit_t *limit)
{
    TABLE_EACH(struct limit_key, key, &limit->keys)
    touch(limit, key);
}

/* Ends a holder: what it had is free.  Of a rate it may have been used just now; and in a freeze others who
 * are still to come may use what its holder does not know it has given up. */
enum drop { DROP_CLEAN, DROP_USED, DROP_FROZEN };

static void drop_holder(limit_t *limit, struct limit_holder *holder, enum drop how)
{
    struct limit_holder **at = &limit->holders;

    while (holder->entries != NULL) {
        struct limit_entry *entry = holder->entries;

        touch(limit, entry->key);
        entry->key->held -= has(entry);
        if (limit->is_rate && how != DROP_CLEAN && !is_mutant(NO_TAINT))
            entry->key->tainted += has(entry);
        if (limit->is_frozen && how == DROP_FROZEN && !is_mutant(EARLY_REST))
            entry->key->frozen += has(entry);
        remove_entry(entry);
    }
    while (*at != holder)
        at = &(*at)->next;
    *at = holder->next;
    free(holder->fresh);
    free(holder);
}

static void drop(limit_t *limit, bus_node_t node, apr_uint64_t departure, enum drop how)
{
    struct limit_holder *holder = find_holder(limit, node, departure);

    if (holder == NULL)
        return;
    drop_holder(limit, holder, how);
    look_over(limit);
}

/* Grants that nobody has confirmed can be different elsewhere: void, before the freeze begins. */
static void revoke_fresh(limit_t *limit)
{
    for (struct limit_holder *holder = limit->holders; holder != NULL && !is_mutant(NO_REVOKE);
         holder = holder->next) {
        for (; holder->fresh_first < holder->fresh_count; holder->fresh_first++) {
            struct fresh *fresh = &holder->fresh[holder->fresh_first];

            touch(limit, fresh->entry->key);
            fresh->entry->fresh -= fresh->count;
            fresh->entry->key->held -= fresh->count;
            fresh->entry->tainted -= fresh->tainted;
            fresh->entry->key->tainted += fresh->tainted;
            if (limit->is_rate && fresh->is_reclaimed && !is_mutant(NO_TAINT))
                fresh->entry->key->tainted += fresh->count;
            tell_self(limit, fresh->entry->key);
        }
    }
}

static void depart(limit_t *limit, bus_node_t node, apr_uint64_t departure)
{
    struct limit_holder *holder = find_holder(limit, node, 0);

    if (holder == NULL)
        return;
    heard(limit, node, (apr_uint64_t)-1);
    holder->departure = departure;
    holder->node = 0;
    for (struct limit_entry *entry = holder->entries, *next; entry != NULL; entry = next) {
        next = entry->holder_next;
        touch(limit, entry->key);
        entry->target = 0;
        if (is_idle(entry))
            remove_entry(entry);
    }
}

static void thaw(limit_t *limit)
{
    touch_all(limit);
    limit->is_frozen = 0;
    TABLE_EACH(struct limit_key, key, &limit->keys)
    {
        if (limit->is_rate && limit->is_taint_frozen && !is_mutant(NO_TAINT))
            key->tainted += key->frozen;
        key->frozen = 0;
    }
    limit->is_taint_frozen = 0;
    look_over(limit);
}

static void freeze(limit_t *limit, int is_tainted)
{
    touch_all(limit);
    limit->freeze++;
    limit->is_frozen = 1;
    limit->is_taint_frozen |= is_tainted;
}

static void change(void *state, const struct lease_change *what)
{
    limit_t *limit = state;

    limit->position = what->position;
    switch (what->kind) {
    case LEASE_REVOKED:
        revoke_fresh(limit);
        break;
    case LEASE_JOINED:
        add_holder(limit, what->node, 0);
        limit->reclaim_from = what->departure;
        break;
    case LEASE_SETTLED:
        if (what->departure != 0)
            drop(limit, 0, what->departure, DROP_FROZEN);
        break;
    case LEASE_DEPARTED:
        depart(limit, what->node, what->departure);
        break;
    case LEASE_DROPPED:
        drop(limit, what->node, 0, DROP_USED);
        break;
    case LEASE_RELEASED:
        drop(limit, 0, what->departure, DROP_USED);
        break;
    case LEASE_STEADY:
        look_over(limit);
        break;
    case LEASE_FROZEN:
        limit->is_half = what->is_half;
        freeze(limit, what->is_tainted);
        break;
    case LEASE_THAWED:
        thaw(limit);
        break;
    }
}

/* ---- as bytes ------------------------------------------------------------------------------ */

static void write_entry(const struct limit_entry *entry, wire_writer_t *writer)
{
    apr_size_t block = wire_block_begin(writer);

    wire_write(writer, entry->holder->node);
    wire_write(writer, entry->holder->departure);
    wire_write(writer, entry->limit);
    wire_write(writer, entry->firm);
    wire_write(writer, entry->fresh);
    wire_write(writer, entry->tainted);
    wire_write(writer, entry->target);
    wire_write(writer, entry->since);
    wire_block_end(writer, block);
}

static void write_key(const struct limit_key *key, wire_writer_t *writer)
{
    apr_size_t block = wire_block_begin(writer);

    wire_write_bytes(writer, key->item.key, key->item.key_length);
    wire_write(writer, key->limit);
    wire_write(writer, key->frozen);
    wire_write(writer, key->frozen_at);
    wire_write(writer, key->tainted);
    for (const struct limit_entry *entry = key->entries; entry != NULL; entry = entry->next)
        write_entry(entry, writer);
    wire_block_end(writer, block);
}

static void write_holder(const struct limit_holder *holder, wire_writer_t *writer)
{
    apr_size_t block = wire_block_begin(writer);

    wire_write(writer, holder->node);
    wire_write(writer, holder->departure);
    for (apr_size_t i = holder->fresh_first; i < holder->fresh_count; i++) {
        const struct fresh *fresh = &holder->fresh[i];

        wire_write(writer, fresh->position);
        wire_write_bytes(writer, fresh->entry->key->item.key, fresh->entry->key->item.key_length);
        wire_write(writer, fresh->count);
        wire_write(writer, fresh->tainted);
        wire_write(writer, (apr_uint64_t)fresh->is_reclaimed);
    }
    wire_block_end(writer, block);
}

static void write_state(const void *state, wire_writer_t *writer)
{
    const limit_t *limit = state;
    apr_size_t block;

    wire_write(writer, limit->freeze);
    wire_write(writer, (apr_uint64_t)(limit->is_frozen | limit->is_taint_frozen << 1 | limit->is_half << 2));
    block = wire_block_begin(writer);
    for (const struct limit_holder *holder = limit->holders; holder != NULL; holder = holder->next) {
        wire_write(writer, holder->node);
        wire_write(writer, holder->departure);
    }
    wire_block_end(writer, block);
    block = wire_block_begin(writer);
    TABLE_EACH(struct limit_key, key, &limit->keys)
    write_key(key, writer);
    wire_block_end(writer, block);
    for (const struct limit_holder *holder = limit->holders; holder != NULL; holder = holder->next)
        write_holder(holder, writer);
}

static int read_entry(limit_t *limit, struct limit_key *key, wire_reader_t *reader)
{
    wire_reader_t block = wire_read_block(reader);
    bus_node_t node = (bus_node_t)wire_read_max(&block, 0xffffffff);
    struct limit_holder *holder = find_holder(limit, node, wire_read(&block));
    struct limit_entry *entry;

    if (block.is_bad || holder == NULL || find_entry(key, holder) != NULL)
        return 0;
    entry = add_entry(key, holder);
    entry->limit = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    entry->firm = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    entry->fresh = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    entry->tainted = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    entry->target = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    entry->since = wire_read(&block);
    if ((apr_uint64_t)key->held + entry->firm + entry->fresh > LIMIT_MAX)
        return 0;
    key->held += has(entry);
    return !block.is_bad;
}

static int read_key(limit_t *limit, wire_reader_t *reader)
{
    wire_reader_t block = wire_read_block(reader);
    apr_size_t length;
    const char *name = wire_read_bytes(&block, &length, TABLE_KEY_MAX);
    struct limit_key *key;

    if (block.is_bad || limit->keys.count >= LIMIT_KEYS_MAX || table_find(&limit->keys, name, length) != NULL)
        return 0;
    key = table_add(&limit->keys, sizeof(*key), name, length);
    key->limit = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    key->frozen = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    key->frozen_at = wire_read(&block);
    key->tainted = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
    while (wire_has_more(&block)) {
        if (!read_entry(limit, key, &block))
            return 0;
    }
    return !block.is_bad;
}

/* The unconfirmed grants of a holder, which must be those that its entries have. */
static int read_fresh(limit_t *limit, wire_reader_t *reader)
{
    wire_reader_t block = wire_read_block(reader);
    bus_node_t node = (bus_node_t)wire_read_max(&block, 0xffffffff);
    struct limit_holder *holder = find_holder(limit, node, wire_read(&block));

    while (wire_has_more(&block)) {
        apr_uint64_t position = wire_read(&block);
        apr_size_t length;
        const char *name = wire_read_bytes(&block, &length, TABLE_KEY_MAX);
        apr_uint32_t count = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
        apr_uint32_t tainted = (apr_uint32_t)wire_read_max(&block, LIMIT_MAX);
        int is_reclaimed = (int)wire_read_max(&block, 1);
        struct limit_key *key = block.is_bad ? NULL : table_find(&limit->keys, name, length);
        struct limit_entry *entry = key == NULL || holder == NULL ? NULL : find_entry(key, holder);

        if (entry == NULL || count > entry->fresh || tainted > entry->tainted)
            return 0;
        push_fresh(entry, &(struct fresh){ position, entry, count, tainted, is_reclaimed });
    }
    return !block.is_bad && holder != NULL;
}

static int is_confirmable(const limit_t *limit)
{
    for (const struct limit_holder *holder = limit->holders; holder != NULL; holder = holder->next) {
        apr_uint64_t fresh = 0, listed = 0;

        for (const struct limit_entry *entry = holder->entries; entry != NULL; entry = entry->holder_next)
            fresh += entry->fresh;
        for (apr_size_t i = holder->fresh_first; i < holder->fresh_count; i++)
            listed += holder->fresh[i].count;
        if (fresh != listed)
            return 0;
    }
    return 1;
}

static int read_holders(limit_t *limit, wire_reader_t *reader)
{
    wire_reader_t block = wire_read_block(reader);

    for (int count = 0; wire_has_more(&block); count++) {
        bus_node_t node = (bus_node_t)wire_read_max(&block, 0xffffffff);
        apr_uint64_t departure = wire_read(&block);

        if (block.is_bad || count > BUS_NODES_MAX + LEASE_DEPARTURES_MAX || (node == 0) != (departure != 0) ||
            find_holder(limit, node, departure) != NULL)
            return 0;
        add_holder(limit, node, departure);
    }
    return !block.is_bad;
}

static int read_state(void *state, wire_reader_t *reader)
{
    limit_t *limit = state;
    wire_reader_t keys;
    int flags;

    limit->freeze = wire_read(reader);
    flags = (int)wire_read_max(reader, 7);
    limit->is_frozen = flags & 1;
    limit->is_taint_frozen = flags >> 1 & 1;
    limit->is_half = flags >> 2;
    if (!read_holders(limit, reader))
        return 0;
    keys = wire_read_block(reader);
    while (wire_has_more(&keys)) {
        if (!read_key(limit, &keys))
            return 0;
    }
    while (wire_has_more(reader)) {
        if (!read_fresh(limit, reader))
            return 0;
    }
    return !keys.is_bad && !reader->is_bad && is_confirmable(limit);
}

static void clear(void *state)
{
    limit_t *limit = state;

    while (limit->holders != NULL)
        drop_holder(limit, limit->holders, DROP_CLEAN);
    table_clear(&limit->keys);
    limit->freeze = 0;
    limit->is_frozen = limit->is_taint_frozen = limit->is_half = 0;
    limit->position = 0;
}

const struct machine_type limit_machine = { "limit", MESSAGE_LIMIT, apply,       join,      heard,
                                            change,  clear,         write_state, read_state };
const struct machine_type throttle_machine = { "throttle", MESSAGE_THROTTLE, apply,     join, heard, change,
                                               clear,      write_state,      read_state };

/* ---- questions ------------------------------------------------------------------------------ */

const struct limit_key *limit_find(const limit_t *limit, const char *key, apr_size_t length)
{
    return table_find(&limit->keys, key, length);
}

const struct limit_entry *limit_entry_of(const struct limit_key *key, bus_node_t node)
{
    const struct limit_entry *entry = key->entries;

    while (entry != NULL && (entry->holder->departure != 0 || entry->holder->node != node))
        entry = entry->next;
    return entry;
}

bus_node_t limit_entry_node(const struct limit_entry *entry)
{
    return entry->holder->departure == 0 ? entry->holder->node : 0;
}

int limit_is_sound(const limit_t *limit)
{
    TABLE_EACH(const struct limit_key, key, &limit->keys)
    {
        apr_uint64_t held = 0;

        for (const struct limit_entry *entry = key->entries; entry != NULL; entry = entry->next)
            held += (apr_uint64_t)has(entry);
        if (held != key->held)
            return 0;
    }
    return is_confirmable(limit);
}

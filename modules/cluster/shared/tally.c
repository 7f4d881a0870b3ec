/* tally.c - the connections that this process has, in and out
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/shared/tally.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <ec/loop.h>

#include "cluster/cidr/cidr.h"
#include "cluster/machine/table.h"

/* So many are told under a lock that loops wait for. */
enum { SHARDS = 16, SLICE = 256, KEY_LENGTH = 11 };

struct record {
    struct table_item item;
    struct tally_conn conn;
    char *texts;
    int is_told, is_closed, is_changed;
    struct record *changed_next;
};

struct shard {
    pthread_mutex_t lock;
    table_t records;
    struct record *changed; /* the reader does not know yet */
    const struct tally_reader *reader;
} __attribute__((aligned(64)));

static struct {
    struct shard shards[SHARDS];
    pthread_mutex_t lock; /* of holders, inbound */
    int holders;
    cidr_index_t inbound;
    apr_int64_t inbound_count;
    atomic_int is_asleep; /* the reader found nothing */
} tally;

__attribute__((constructor)) static void make_locks(void)
{
    pthread_mutex_init(&tally.lock, NULL);
    for (int i = 0; i < SHARDS; i++)
        pthread_mutex_init(&tally.shards[i].lock, NULL);
}

static struct shard *shard_here(void)
{
    ec_loop_t *loop = ec_loop_self();

    return &tally.shards[loop != NULL ? ec_loop_index(loop) % SHARDS : 0];
}

static void make_key(unsigned char key[KEY_LENGTH], enum tally_side side, ec_id_t id)
{
    key[0] = (unsigned char)side;
    memcpy(key + 1, &id.slot, 4);
    memcpy(key + 5, &id.process, 4);
    memcpy(key + 9, &id.counter, 2);
}

/* ---- records -------------------------------------------------------------------------------------- */

static char *copy_text(char **at, const char *text)
{
    apr_size_t length = strlen(text) + 1;
    char *copy = memcpy(*at, text, length);

    *at += length;
    return copy;
}

static void copy_conn(struct record *record, const struct tally_conn *conn)
{
    apr_size_t room = strlen(conn->domain) + strlen(conn->binding) + strlen(conn->group) + 3;
    char *at = record->texts = malloc(room);

    EC_ASSERT(at != NULL);
    record->conn = *conn;
    record->conn.domain = copy_text(&at, conn->domain);
    record->conn.binding = copy_text(&at, conn->binding);
    record->conn.group = copy_text(&at, conn->group);
}

static void remove_record(struct shard *shard, struct record *record)
{
    free(record->texts);
    table_remove(&shard->records, &record->item);
}

static void mark(struct shard *shard, struct record *record)
{
    if (record->is_changed)
        return;
    record->is_changed = 1;
    record->changed_next = shard->changed;
    shard->changed = record;
}

static void tell_reader(struct shard *shard, struct record *record)
{
    if (shard->reader == NULL)
        return;
    mark(shard, record);
    if (atomic_exchange(&tally.is_asleep, 0))
        shard->reader->wake(shard->reader->baton);
}

/* ---- what hooks say ---------------------------------------------------------------------------------- */

static void note(ec_id_t id, const struct tally_conn *conn)
{
    struct shard *shard = shard_here();
    unsigned char key[KEY_LENGTH];
    struct record *record;

    make_key(key, conn->side, id);
    pthread_mutex_lock(&shard->lock);
    if (table_find(&shard->records, key, KEY_LENGTH) == NULL) {
        record = table_add(&shard->records, sizeof(*record), key, KEY_LENGTH);
        copy_conn(record, conn);
        tell_reader(shard, record);
    }
    pthread_mutex_unlock(&shard->lock);
}

static void count_inbound(const struct tally_conn *conn, int by)
{
    cidr_index_count(&tally.inbound, conn->address, (apr_size_t)conn->bytes, by);
    tally.inbound_count += by;
}

static apr_int64_t inbound_here(const struct tally_conn *conn, int bits)
{
    if (bits < 0)
        return tally.inbound_count;
    if (!cidr_index_add(&tally.inbound, conn->bytes, bits))
        return 0;
    return (apr_int64_t)cidr_index_sum(&tally.inbound, conn->address, conn->bytes, bits);
}

int tally_admit(ec_id_t id, const struct tally_conn *conn, const struct tally_limit *limit)
{
    int is_welcome = 1;

    pthread_mutex_lock(&tally.lock);
    if (limit != NULL)
        is_welcome =
            inbound_here(conn, limit->bits) + limit->others(limit->baton, conn, limit->bits) < limit->limit;
    if (is_welcome)
        count_inbound(conn, 1);
    pthread_mutex_unlock(&tally.lock);
    if (is_welcome)
        note(id, conn);
    return is_welcome;
}

void tally_open(ec_id_t id, const struct tally_conn *conn)
{
    if (conn->side == TALLY_IN)
        (void)tally_admit(id, conn, NULL);
    else
        note(id, conn);
}

static void forget_inbound(const struct tally_conn *conn)
{
    pthread_mutex_lock(&tally.lock);
    count_inbound(conn, -1);
    pthread_mutex_unlock(&tally.lock);
}

void tally_close(enum tally_side side, ec_id_t id)
{
    struct shard *shard = shard_here();
    unsigned char key[KEY_LENGTH];
    struct record *record;

    make_key(key, side, id);
    pthread_mutex_lock(&shard->lock);
    record = table_find(&shard->records, key, KEY_LENGTH);
    if (record != NULL && !record->is_closed) {
        record->is_closed = 1;
        if (side == TALLY_IN)
            forget_inbound(&record->conn);
        if (shard->reader == NULL)
            remove_record(shard, record);
        else
            tell_reader(shard, record);
    }
    pthread_mutex_unlock(&shard->lock);
}

void tally_address(struct tally_conn *conn, const char *text)
{
    static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

    conn->bytes = inet_pton(AF_INET, text, conn->address) == 1    ? 4
                  : inet_pton(AF_INET6, text, conn->address) == 1 ? 16
                                                                  : 0;
    if (conn->bytes == 16 && memcmp(conn->address, mapped, sizeof(mapped)) == 0) {
        memmove(conn->address, conn->address + sizeof(mapped), 4);
        conn->bytes = 4;
    }
}

/* ---- readers ---------------------------------------------------------------------------------------------
 */

/* As if nobody had ever been told: what is closed is gone, the rest is news. */
static void begin_anew(struct shard *shard, const struct tally_reader *reader)
{
    shard->reader = reader;
    shard->changed = NULL;
    TABLE_EACH(struct record, record, &shard->records)
    {
        record->is_told = record->is_changed = 0;
        record->changed_next = NULL;
        if (record->is_closed)
            remove_record(shard, record);
        else if (reader != NULL)
            mark(shard, record);
    }
}

static void set_reader(const struct tally_reader *only_if, const struct tally_reader *reader)
{
    for (int i = 0; i < SHARDS; i++) {
        struct shard *shard = &tally.shards[i];

        pthread_mutex_lock(&shard->lock);
        if (only_if == NULL || shard->reader == only_if)
            begin_anew(shard, reader);
        pthread_mutex_unlock(&shard->lock);
    }
}

void tally_attach(const struct tally_reader *reader)
{
    set_reader(NULL, reader);
    atomic_store(&tally.is_asleep, 0);
    reader->wake(reader->baton);
}

void tally_detach(const struct tally_reader *reader)
{
    set_reader(reader, NULL);
}

static void tell_one(struct shard *shard, const struct tally_reader *reader)
{
    struct record *record = shard->changed;

    shard->changed = record->changed_next;
    record->is_changed = 0;
    if (record->is_closed != record->is_told) { /* came and went meanwhile: not told at all */
        if (record->is_closed)
            remove_record(shard, record);
        return;
    }
    reader->told(reader->baton, &record->conn, record->is_closed ? -1 : 1);
    record->is_told = 1;
    if (record->is_closed)
        remove_record(shard, record);
}

/* Returns how many; 0: there are no more. */
static int read_slice(struct shard *shard, const struct tally_reader *reader)
{
    int count = 0;

    pthread_mutex_lock(&shard->lock);
    while (shard->reader == reader && shard->changed != NULL && count < SLICE) {
        tell_one(shard, reader);
        count++;
    }
    pthread_mutex_unlock(&shard->lock);
    return count;
}

static int read_all(const struct tally_reader *reader)
{
    int count = 0, slice;

    for (int i = 0; i < SHARDS; i++) {
        do {
            count += slice = read_slice(&tally.shards[i], reader);
        } while (slice == SLICE);
    }
    return count;
}

int tally_read(const struct tally_reader *reader)
{
    int count = read_all(reader);

    if (count == 0) {
        atomic_store(&tally.is_asleep, 1);
        count = read_all(reader); /* what came before we said so */
    }
    return count;
}

/* ---- life --------------------------------------------------------------------------------------- */

void tally_hold(void)
{
    pthread_mutex_lock(&tally.lock);
    tally.holders++;
    pthread_mutex_unlock(&tally.lock);
}

static void forget_all(struct shard *shard)
{
    pthread_mutex_lock(&shard->lock);
    shard->changed = NULL;
    TABLE_EACH(struct record, record, &shard->records)
    remove_record(shard, record);
    table_clear(&shard->records);
    pthread_mutex_unlock(&shard->lock);
}

void tally_release(void)
{
    int is_last;

    pthread_mutex_lock(&tally.lock);
    is_last = --tally.holders == 0;
    if (is_last) {
        cidr_index_free(&tally.inbound);
        memset(&tally.inbound, 0, sizeof(tally.inbound));
        tally.inbound_count = 0;
    }
    pthread_mutex_unlock(&tally.lock);
    for (int i = 0; is_last && i < SHARDS; i++)
        forget_all(&tally.shards[i]);
}

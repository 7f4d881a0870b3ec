/* asking.c - requests under way
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/remote/asking.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct ask {
    struct ask *next;
    apr_uint64_t id;
    apr_time_t deadline;
    const struct asking_events *events;
    void *baton;
    struct asking_node *nodes;
    int waiting;
};

struct asking {
    apr_uint32_t instance, last;
    struct ask *first;
    int count;
    apr_size_t bytes;
};

const char *asking_end_text(enum asking_end end)
{
#define TEXT(name, text) text,
    static const char *const texts[] = { ASKING_ENDS(TEXT) };
#undef TEXT

    return end < ASKING_END_COUNT ? texts[end] : "";
}

/* ---- nodes of one request --------------------------------------------------------------------------- */

static struct asking_node *add_node(struct ask *ask, const struct asking_node *like)
{
    struct asking_node *node = calloc(1, sizeof *node), **at = &ask->nodes;

    EC_ASSERT(node != NULL);
    node->id = like->id;
    node->pid = like->pid;
    snprintf(node->name, sizeof node->name, "%s", like->name);
    snprintf(node->subcluster, sizeof node->subcluster, "%s", like->subcluster);
    while (*at != NULL && strcasecmp((*at)->name, node->name) <= 0)
        at = &(*at)->next;
    node->next = *at;
    *at = node;
    ask->waiting++;
    return node;
}

static void drop_bytes(asking_t *asking, struct asking_node *node)
{
    asking->bytes -= node->bytes.length;
    wire_free(&node->bytes);
}

static void end_node(asking_t *asking, struct ask *ask, struct asking_node *node, enum asking_end end)
{
    node->end = end;
    ask->waiting--;
    if (end != ASKING_ANSWERED)
        drop_bytes(asking, node);
    if (ask->events->node != NULL)
        ask->events->node(ask->baton, node);
}

/* Taken out before its end is told: who hears it may ask again. */
static void finish(asking_t *asking, struct ask **at)
{
    struct ask *ask = *at;

    *at = ask->next;
    asking->count--;
    ask->events->done(ask->baton, ask->nodes);
    while (ask->nodes != NULL) {
        struct asking_node *node = ask->nodes;

        ask->nodes = node->next;
        drop_bytes(asking, node);
        free(node);
    }
    free(ask);
}

/* A request that ends may begin another, so the list is looked through anew. */
static void finish_complete(asking_t *asking)
{
    for (struct ask **at = &asking->first; *at != NULL;) {
        if ((*at)->waiting > 0) {
            at = &(*at)->next;
            continue;
        }
        finish(asking, at);
        at = &asking->first;
    }
}

/* ---- life ------------------------------------------------------------------------------------------- */

asking_t *asking_create(apr_uint32_t instance)
{
    asking_t *asking = calloc(1, sizeof *asking);

    EC_ASSERT(asking != NULL);
    asking->instance = instance;
    return asking;
}

void asking_destroy(asking_t *asking)
{
    asking_members(asking, NULL, 0, ASKING_ENDED);
    EC_ASSERT(asking->first == NULL);
    free(asking);
}

apr_uint64_t asking_begin(asking_t *asking, const struct asking_node *nodes, int n, apr_time_t deadline,
                          const struct asking_events *events, void *baton)
{
    struct ask *ask;

    if (asking->count == ASKING_MAX || n == 0)
        return 0;
    ask = calloc(1, sizeof *ask);
    EC_ASSERT(ask != NULL);
    ask->id = (apr_uint64_t)asking->instance << 32 | ++asking->last;
    ask->deadline = deadline;
    ask->events = events;
    ask->baton = baton;
    for (int i = 0; i < n; i++)
        add_node(ask, &nodes[i]);
    ask->next = asking->first;
    asking->first = ask;
    asking->count++;
    return ask->id;
}

int asking_is_ours(const asking_t *asking, apr_uint64_t id)
{
    return id >> 32 == asking->instance;
}

/* ---- what happens ------------------------------------------------------------------------------------- */

static struct ask *find(asking_t *asking, apr_uint64_t id)
{
    struct ask *ask = asking->first;

    while (ask != NULL && ask->id != id)
        ask = ask->next;
    return ask;
}

/* One that came between our look at the members and the request's turn in the order has answered as well. */
static struct asking_node *find_node(struct ask *ask, bus_node_t sender, apr_uint32_t pid,
                                     const struct remote_piece *piece)
{
    struct asking_node like = { .id = sender, .pid = pid };
    int n = 0;

    for (struct asking_node *node = ask->nodes; node != NULL; node = node->next, n++) {
        if (node->id == sender && node->pid == pid)
            return node;
    }
    if (n == 2 * BUS_NODES_MAX)
        return NULL;
    snprintf(like.name, sizeof like.name, "%s", piece->node);
    snprintf(like.subcluster, sizeof like.subcluster, "%s", piece->subcluster);
    return add_node(ask, &like);
}

void asking_piece(asking_t *asking, bus_node_t sender, apr_uint32_t pid, const struct remote_piece *piece)
{
    struct ask *ask = find(asking, piece->id);
    struct asking_node *node = ask != NULL ? find_node(ask, sender, pid, piece) : NULL;

    if (node == NULL || node->end != ASKING_WAITING)
        return;
    if (piece->offset != node->bytes.length) {
        end_node(asking, ask, node, ASKING_DAMAGED);
    } else if (asking->bytes + piece->length > ASKING_BYTES_MAX) {
        end_node(asking, ask, node, ASKING_DROPPED);
    } else {
        wire_write_raw(&node->bytes, piece->data, piece->length);
        asking->bytes += piece->length;
        if (node->bytes.length >= piece->total)
            end_node(asking, ask, node, ASKING_ANSWERED);
    }
    finish_complete(asking);
}

static int is_there(const struct asking_node *who, const struct asking_node *nodes, int n)
{
    for (int i = 0; i < n; i++) {
        if (nodes[i].id == who->id && nodes[i].pid == who->pid)
            return 1;
    }
    return 0;
}

void asking_members(asking_t *asking, const struct asking_node *nodes, int n, enum asking_end end)
{
    for (struct ask *ask = asking->first; ask != NULL; ask = ask->next) {
        for (struct asking_node *node = ask->nodes; node != NULL; node = node->next) {
            if (node->end == ASKING_WAITING && !is_there(node, nodes, n))
                end_node(asking, ask, node, end);
        }
    }
    finish_complete(asking);
}

void asking_time(asking_t *asking, apr_time_t now)
{
    for (struct ask *ask = asking->first; ask != NULL; ask = ask->next) {
        for (struct asking_node *node = ask->nodes; node != NULL && ask->deadline <= now; node = node->next) {
            if (node->end == ASKING_WAITING)
                end_node(asking, ask, node, ASKING_LATE);
        }
    }
    finish_complete(asking);
}

apr_time_t asking_next(const asking_t *asking)
{
    apr_time_t next = 0;

    for (const struct ask *ask = asking->first; ask != NULL; ask = ask->next) {
        if (next == 0 || ask->deadline < next)
            next = ask->deadline;
    }
    return next;
}

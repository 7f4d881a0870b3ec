/* directed.c - rules that no seed finds broken, each in a story of its own
 * SPDX-License-Identifier: Apache-2.0
 *
 * The bus here is a list of messages in the order in which they were sent.  The story says who is reached by
 * what is sent from now on, who hears what there is for it and when, and how time passes: what corosync may
 * do (bus/bus.h), at the worst moment.  A node takes what it may, and sends under its lease; what all of them
 * use at one time must never be above the limit. */
#include "directed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/limit/client.h"
#include "cluster/machine/mutant.h"
#include "cluster/machine/replica.h"
#include "cluster/throttle/throttle.h"

enum { NODES = 5, LOG_MAX = 4096 };
enum { ONE = 1, TWO = 2, THREE = 4, FOUR = 8, FIVE = 16, ALL = 31 }; /* sets */

static const apr_time_t lease_window = apr_time_from_sec(2), lease_margin = apr_time_from_msec(250);
static const apr_time_t rate_window = apr_time_from_sec(20);

static struct node {
    bus_t bus; /* first: a bus_t * is a node */
    bus_node_t id;
    replica_t *replica;
    limit_t slots, rates;
    limit_client_t client, rate_client;
    struct limit_client_key *key;
    struct throttle_rate rate;
    int heard; /* of the log */
} nodes[NODES + 1];

static struct sent {
    bus_node_t sender;
    unsigned reaches;
    wire_writer_t bytes;
} sent[LOG_MAX];

static int sent_count;
static unsigned reach;
static apr_time_t now;
static apr_uint32_t limit;
static int messages; /* sent under the rate in its window */
static char failure[256];

/* ---- the bus ---------------------------------------------------------------------------------- */

static apr_status_t send_op(bus_t *bus, const void *data, apr_size_t length)
{
    struct sent *at = &sent[sent_count++];

    if (sent_count == LOG_MAX) {
        fprintf(stderr, "directed: more messages than there is room for\n");
        abort();
    }
    at->sender = ((struct node *)bus)->id;
    at->reaches = reach;
    wire_write_raw(&at->bytes, data, length);
    return APR_SUCCESS;
}

static int is_in(bus_node_t id, unsigned set)
{
    return (set >> (id - 1) & 1) != 0 && nodes[id].replica != NULL;
}

/* Of all nodes that send under a good lease. */
static void check(void)
{
    apr_uint32_t used = 0;

    for (bus_node_t id = 1; id <= NODES; id++) {
        if (is_in(id, ALL) && lease_clock_is_good(replica_clock(nodes[id].replica), now))
            used += nodes[id].key->used;
    }
    if (used > limit && failure[0] == '\0')
        snprintf(failure, sizeof(failure), "%u slots are in use, limit %u", (unsigned)used, (unsigned)limit);
}

/* All that has reached it so far.  Returns whether that was something. */
static int hear(bus_node_t id)
{
    struct node *node = &nodes[id];
    int before = node->heard;

    for (; node->heard < sent_count; node->heard++) {
        const struct sent *at = &sent[node->heard];

        if (at->reaches >> (id - 1) & 1)
            replica_message(node->replica, at->sender, at->bytes.data, at->bytes.length, now);
    }
    check();
    return node->heard > before;
}

/* They say what they have to say, and hear each other, until nobody has more. */
static void talk(unsigned set)
{
    int is_news;

    do {
        is_news = 0;
        now += 100;
        for (bus_node_t id = 1; id <= NODES; id++) {
            if (is_in(id, set))
                replica_poll(nodes[id].replica, now);
        }
        for (bus_node_t id = 1; id <= NODES; id++) {
            if (is_in(id, set))
                is_news |= hear(id);
        }
    } while (is_news);
}

static void pass(unsigned set, apr_time_t duration)
{
    for (apr_time_t end = now + duration; now < end; now += apr_time_from_msec(50))
        talk(set);
}

/* These are in a ring of this number, which is quorate; messages reach them. */
static void form_ring(apr_uint64_t number, unsigned set)
{
    bus_node_t members[NODES];
    struct bus_view view = { number, members, 0, 1 };

    reach = set;
    for (bus_node_t id = 1; id <= NODES; id++) {
        if (!is_in(id, set))
            continue;
        members[view.member_count++] = id;
        nodes[id].heard = sent_count; /* of the ring before nothing comes any more */
    }
    for (bus_node_t id = 1; id <= NODES; id++) {
        if (is_in(id, set))
            replica_view(nodes[id].replica, &view, now);
    }
}

/* ---- what uses limits ----------------------------------------------------------------------------- */

static void on_gained(void *baton, struct limit_client_key *key)
{
}

static void on_shed(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
}

static void on_lost(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
    while (count-- > 0)
        limit_client_put(&((struct node *)baton)->client, key);
}

static const struct limit_client_events slot_events = { on_gained, on_shed, on_lost, NULL };

static void want(bus_node_t id, apr_uint32_t count)
{
    limit_client_want(&nodes[id].client, nodes[id].key, count);
}

/* As many as it may.  Returns how many it has then. */
static apr_uint32_t take(bus_node_t id)
{
    while (limit_client_take(&nodes[id].client, nodes[id].key, now))
        check();
    return nodes[id].key->used;
}

static void put(bus_node_t id, int count)
{
    while (count-- > 0)
        limit_client_put(&nodes[id].client, nodes[id].key);
}

/* As many messages as the rate allows here. */
static void send_messages(bus_node_t id)
{
    throttle_want(&nodes[id].rate, limit, now);
    while (throttle_take(&nodes[id].rate, now))
        messages++;
    if (messages > (int)limit && failure[0] == '\0')
        snprintf(failure, sizeof(failure), "%d messages within a window, limit %u", messages,
                 (unsigned)limit);
}

static void expect(int is_so, const char *what)
{
    if (!is_so && failure[0] == '\0')
        snprintf(failure, sizeof(failure), "the story does not go as it should: %s", what);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static void boot(bus_node_t id, int hosts)
{
    static const struct bus_ops ops = { send_op };
    static apr_uint64_t instances;
    struct node *node = &nodes[id];
    struct replica_config config = { .self = id,
                                     .instance = ++instances * 100 + id,
                                     .window = lease_window,
                                     .margin = lease_margin,
                                     .patience = apr_time_from_msec(500),
                                     .hosts = hosts };
    struct machine slots = { &limit_machine, &node->slots, &limit_client_local, &node->client };
    struct machine rates = { &throttle_machine, &node->rates, &limit_client_local, &node->rate_client };

    memset(node, 0, sizeof(*node));
    node->id = id;
    node->heard = sent_count;
    node->bus.ops = &ops;
    node->replica = replica_create(&config, &node->bus);
    limit_init(&node->slots, 0);
    limit_client_init(&node->client, &node->slots, id, (apr_uint32_t)hosts, apr_time_from_msec(200),
                      replica_clock(node->replica), &slot_events, node);
    replica_add(node->replica, &slots);
    limit_init(&node->rates, 1);
    limit_client_init(&node->rate_client, &node->rates, id, (apr_uint32_t)hosts, apr_time_from_msec(200),
                      replica_clock(node->replica), &throttle_events, node);
    replica_add(node->replica, &rates);
    node->key = limit_client_key(&node->client, "k", 1, limit, LIMIT_STRICT);
    throttle_rate_init(&node->rate, &node->rate_client, "r", 1, limit, rate_window, now);
}

static void end(bus_node_t id)
{
    if (nodes[id].replica == NULL)
        return;
    replica_destroy(nodes[id].replica);
    limit_client_free(&nodes[id].client);
    limit_client_free(&nodes[id].rate_client);
    nodes[id].replica = NULL;
}

/* So many nodes in one ring; nothing is frozen any more. */
static void begin(int count, apr_uint32_t units)
{
    now = apr_time_from_sec(100);
    limit = units;
    messages = 0;
    for (bus_node_t id = 1; id <= (bus_node_t)count; id++)
        boot(id, count);
    form_ring(1, (1u << count) - 1);
    pass((1u << count) - 1,
         apr_time_from_sec(6)); /* all are new: nobody knows a state, and what is founded is frozen */
}

static void end_all(void)
{
    for (bus_node_t id = 1; id <= NODES; id++)
        end(id);
    for (int i = 0; i < sent_count; i++)
        wire_free(&sent[i].bytes);
    sent_count = 0;
}

/* ---- stories -------------------------------------------------------------------------------------- */

/* Four gives back what five takes, and the other three do not hear of it: their ring goes on without these
 * two.  Four comes back, with two in use; to the three it looks as if it had given back the other two only
 * now. */
static void early_rest(void)
{
    begin(5, 4);
    want(4, 4);
    talk(ALL);
    expect(take(4) == 4, "four has all");
    want(5, 4);
    talk(ALL);
    reach = FOUR | FIVE; /* the end of this ring */
    put(4, 2);
    talk(FOUR | FIVE);
    expect(take(5) == 2, "five has what four gave back");
    form_ring(2, ONE | TWO | THREE);
    want(1, 4);
    talk(ONE | TWO | THREE);
    form_ring(3, ONE | TWO | THREE | FOUR);
    talk(ONE | TWO | THREE | FOUR);
    expect(nodes[4].key->used == 2, "four goes on with what it uses");
    take(1);
    pass(ONE | TWO | THREE | FOUR, apr_time_from_sec(3)); /* and now the lease of five is over */
    expect(take(1) == 2, "one has the rest");
}

/* At the end of a ring one's wish is heard by three, five's by the two others: both are granted all that is
 * free. */
static void no_revoke(void)
{
    begin(5, 4);
    reach = FOUR | FIVE;
    want(5, 4);
    talk(FOUR | FIVE);
    expect(take(5) == 4, "five has all");
    reach = ONE | TWO | THREE;
    want(1, 4);
    replica_poll(nodes[1].replica, now);
    for (bus_node_t id = 1; id <= 3; id++)
        hear(id); /* granted, and not confirmed */
    form_ring(2, ONE | TWO | THREE);
    talk(ONE | TWO | THREE);
    take(1);
    pass(ONE | TWO | THREE, apr_time_from_sec(3));
    expect(take(1) == 4, "one has all when five's lease is over");
}

/* Two is stopped as long as it takes to find all others silent, goes on, and says so before it hears what
 * they have said meanwhile. */
static void blind_evict(void)
{
    begin(3, 2);
    want(3, 2);
    talk(ONE | TWO | THREE);
    expect(take(3) == 2, "three has all");
    want(2, 2);
    talk(ONE | TWO | THREE);
    /* the others hear of it a little longer than it hears of them */
    now += apr_time_from_msec(400);
    replica_poll(nodes[2].replica, now);
    pass(ONE | THREE, lease_window + lease_margin - apr_time_from_msec(400));
    now += apr_time_from_msec(50);
    replica_poll(nodes[1].replica, now);
    replica_poll(nodes[3].replica, now);
    hear(3);
    hear(1);
    hear(3);
    /* three does not come to hear anything for a moment, and sends on under its lease */
    replica_poll(nodes[2].replica, now);
    hear(2);
    talk(ONE | TWO);
    talk(ONE | TWO);
    take(2);
    check();
    expect(lease_clock_is_good(replica_clock(nodes[3].replica), now), "three has a lease");
    hear(3);
    talk(ONE | TWO | THREE);
    expect(nodes[3].key->used == 2, "three has lost nothing");
}

/* Three is cut off, and sends what the rate allows as long as its lease is good.  The two others begin anew:
 * nobody of them knows of that. */
static void clean_start(void)
{
    begin(3, 4);
    throttle_want(&nodes[3].rate, limit, now);
    talk(ONE | TWO | THREE);
    reach = 0;
    end(1);
    end(2);
    send_messages(3);
    expect(messages == 4, "three sends all");
    boot(1, 3);
    boot(2, 3);
    form_ring(2, ONE | TWO);
    throttle_want(&nodes[1].rate, limit, now);
    pass(ONE | TWO, apr_time_from_sec(6));
    throttle_want(&nodes[1].rate, limit, now);
    talk(ONE | TWO);
    send_messages(1);
    pass(ONE | TWO, rate_window + apr_time_from_sec(5));
    messages = 0;
    send_messages(1);
    pass(ONE | TWO, apr_time_from_sec(1));
    send_messages(1);
    expect(messages == 4, "one sends all when a window is over");
}

static const struct {
    const char *rule;
    void (*tell)(void);
} stories[] = {
    { "EARLY_REST", early_rest },
    { "NO_REVOKE", no_revoke },
    { "BLIND_EVICT", blind_evict },
    { "CLEAN_START", clean_start },
};

enum { STORIES = sizeof(stories) / sizeof(stories[0]) };

int directed_has(const char *rule)
{
    for (int i = 0; i < STORIES; i++) {
        if (strcmp(stories[i].rule, rule) == 0)
            return 1;
    }
    return 0;
}

const char *directed_run(const char *rule)
{
    static char text[sizeof(failure) + 64];

    for (int i = 0; i < STORIES; i++) {
        if (rule != NULL && strcmp(stories[i].rule, rule) != 0)
            continue;
        failure[0] = '\0';
        stories[i].tell();
        end_all();
        snprintf(text, sizeof(text), "the story of %s: %s", stories[i].rule, failure);
        if (failure[0] != '\0')
            return text;
    }
    return NULL;
}

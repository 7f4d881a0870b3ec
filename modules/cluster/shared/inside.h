/* inside.h - shared objects; for the files of this room only
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_SHARED_INSIDE_H
#define CLUSTER_SHARED_INSIDE_H

#include <pthread.h>

#include "cluster/cache/cache.h"
#include "cluster/cidr/cidr.h"
#include "cluster/metrics/metrics.h"
#include "cluster/shared/bundle.h"
#include "cluster/shared/shared.h"
#include "cluster/shared/tally.h"

enum { SHARED_OBJECTS_MAX = BUNDLE_OBJECTS_MAX };

/* How an object is replicated. */
enum shared_kind {
    SHARED_GAUGE,
    SHARED_CIDR,
    SHARED_METRICS,
    SHARED_MANAGER_METRICS,
    SHARED_CACHE,
    SHARED_BUNDLES, /* how many of these there are */
    SHARED_THROTTLE = SHARED_BUNDLES /* exact, with the limits: only listed here */
};

enum { SHARED_SERIES_LATER = 1 << METRICS_COUNT }; /* audit_series, gauge_cache */
enum { SHARED_SNAPSHOT = SHARED_SERIES_LATER << 1 };

struct shared_class {
    const char *name;
    enum shared_kind kind;
    const char *shown; /* what "cluster shared list" calls the kind */
    int side;          /* TALLY_IN, TALLY_OUT, or -1 */
    int has_group;     /* binding_group may be set */
    /** Key of a connection in `key` (TABLE_KEY_MAX bytes); returns its length, 0: it does not count. */
    apr_size_t (*key)(char *key, const struct tally_conn *conn);
};
const struct shared_class *shared_class_find(const char *name);

struct shared_object {
    const struct shared_class *class;
    /* options, by name of the stanza's; they live as long as the instance */
    const char *name, *type, *base, *binding_group, *parameters;
    double max_delay;
    apr_int64_t max_pending, max_size;
    unsigned wants; /* bits of METRICS_* and the two above */
    /* what this node says about it, by kind */
    gauge_local_t counts;
    metrics_t metrics;
    struct bundle_object *in; /* NULL: not replicated by a bundle */
};

struct shared {
    const ec_instance_t *instance;
    ec_option_handle_t inbound_limit;
    node_t *node;
    bundle_t bundles[SHARED_BUNDLES];
    struct shared_object objects[SHARED_OBJECTS_MAX];
    int count;
    struct tally_reader reader;
    apr_time_t look_at; /* when connections are looked at again although nobody wakes us; 0: somebody will */
    apr_time_t now;
    ec_counter_t *series[METRICS_COUNT];
    /* inbound connections of other nodes, by network: for loops, so under a lock of its own */
    pthread_mutex_t others_lock;
    cidr_index_t others;
    apr_int64_t others_count;
};

/** stanzas.c: options of all Replicate stanzas into objects. */
apr_status_t shared_read_stanzas(shared_t *shared, const char **why);
/** inbound.c */
void shared_watch_inbound(shared_t *shared, gauge_t *gauge);
/** The bundle's state of an object that is a gauge; NULL: it has none. */
gauge_t *shared_gauge_of(const shared_t *shared, const struct shared_object *object);

#endif

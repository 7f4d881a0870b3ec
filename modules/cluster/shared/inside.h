/* inside.h - shared objects; for the files of this room only
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CLUSTER_SHARED_INSIDE_H
#define CLUSTER_SHARED_INSIDE_H

#include <pthread.h>

#include "cluster/cache/cache.h"
#include "cluster/cidr/cidr.h"
#include "cluster/metrics/metrics.h"
#include "cluster/shared/audit.h"
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
    SHARED_BUNDLES,                  /* how many of these there are */
    SHARED_THROTTLE = SHARED_BUNDLES /* exact, with the limits: only listed here */
};

/* What an object wants: bits of METRICS_*, AUDIT_* and this one. */
enum { SHARED_SNAPSHOT = 1 << 18 };
enum { SHARED_METRICS_BITS = (1 << METRICS_COUNT) - 1 };

struct shared_class {
    const char *name;
    enum shared_kind kind;
    const char *shown; /* what "cluster shared list" calls the kind */
    int side;          /* TALLY_IN, TALLY_OUT, or -1 */
    int has_group;     /* binding_group may be set */
    /** Key of a connection in `key` (TABLE_KEY_MAX bytes); returns its length, 0: it does not count. */
    apr_size_t (*key)(char *key, const struct tally_conn *conn);
    const char *throttles; /* of throttles: which of the cluster's rates (slots/slots.h) */
};

/** The name of an object or class, which is documented in two spellings, as it is known here. */
const char *shared_spelled(const char *name);
/** NULL: there is none. */
const struct shared_class *shared_class_find(const char *name);
/** The one after this, NULL after the last; of NULL: the first. */
const struct shared_class *shared_class_next(const struct shared_class *class);

/* A Replicate stanza; lives as long as its instance. */
struct shared_settings {
    const char *name; /* in lower case */
    const struct shared_class *class;
    unsigned wants;
    /* options; `base` is the one called class */
    const char *type, *base, *binding_group, *parameters;
    double max_delay;
    apr_int64_t max_pending, max_size;
};

struct shared_config {
    int count;
    struct shared_settings objects[SHARED_OBJECTS_MAX];
};
/** A warning for each stanza that sets what does nothing. */
void shared_tell_useless(const struct shared_config *config, ec_log_t *log);
/** What shared_check() has kept. */
const struct shared_config *shared_config_of(const ec_instance_t *instance);

struct shared_object {
    struct shared_object *next;
    char name[BUNDLE_NAME_MAX + 1];
    const struct shared_class *class;
    char *group; /* binding_group, or NULL */
    unsigned wants;
    double max_delay;
    apr_int64_t max_pending;
    /* what this node says about it, by kind */
    gauge_local_t counts;
    metrics_t metrics;
    struct bundle_object *in; /* NULL: not replicated by a bundle */
    int is_leaving;           /* not configured any more; it has to tell that it counts nothing */
};

struct shared {
    ec_log_t *log;
    node_t *node; /* NULL: not opened yet */
    bus_node_t self;
    bundle_t bundles[SHARED_BUNDLES];
    audit_t audit;
    struct shared_object *objects;      /* as configured */
    const struct shared_config *config; /* until part_open() */
    struct tally_reader reader;
    apr_time_t look_at; /* when connections are looked at again although nobody wakes us; 0: somebody will */
    apr_time_t now;
    ec_counter_t *series[METRICS_COUNT];
    /* inbound connections of other nodes, by network: for loops, so under a lock of its own */
    gauge_t *inbound; /* what is watched; NULL: no inbound_cidr is configured */
    pthread_mutex_t others_lock;
    cidr_index_t others;
    apr_int64_t others_count;
};

/** inbound.c: follow this gauge (may be NULL) from now on; also when `self` has changed. */
void shared_watch_inbound(shared_t *shared, gauge_t *gauge);
/** The one of this name (any case; outbound_domain is outbound_domains), or NULL. */
struct shared_object *shared_find(const shared_t *shared, const char *name);
/** The bundle's state of an object that is a gauge; NULL: it has none. */
gauge_t *shared_gauge_of(const struct shared_object *object);

#endif

/* metrics.h - what this node tells others about its traffic: series of events, in all and of late
 * SPDX-License-Identifier: Apache-2.0
 *
 * A series counts one kind of event.  Two numbers of each are replicated, as counts of this node
 * (gauge/gauge.h): all events since the process began, under the name of the series, and those of the last
 * minute, under its name and "/minute".  So sums over all nodes are there, and what a node has counted goes
 * with it.
 *
 * Pure: totals and time come from outside. */
#ifndef CLUSTER_METRICS_METRICS_H
#define CLUSTER_METRICS_METRICS_H

#include "cluster/gauge/gauge.h"

/* The documented words; what counts them. */
#define METRICS_SERIES(X)                                      \
    X(CONNECT, "connect", "inbound connections")               \
    X(RECEPTION, "reception", "messages taken")                \
    X(REJECTION, "rejection", "commands and messages refused") \
    X(DELIVERY, "delivery", "messages delivered")              \
    X(TRANSFAIL, "transfail", "attempts that are tried again") \
    X(PERMFAIL, "permfail", "messages that failed for good")

#define METRICS_ENUM(id, name, text) METRICS_##id,
enum metrics_series { METRICS_SERIES(METRICS_ENUM) METRICS_COUNT };
#undef METRICS_ENUM

enum { METRICS_SECONDS = 60 };

const char *metrics_name(enum metrics_series series);
/** The series of this name (any case), or -1. */
int metrics_find(const char *name);
/** Key of the last minute in `key` (at least 32 bytes); returns it. */
const char *metrics_minute_key(enum metrics_series series, char *key);

typedef struct {
    unsigned series; /* bits of those that are told */
    int max_pending; /* so many events are told before max_delay is over */
    apr_time_t max_delay;
    gauge_local_t counts; /* the machine's local */
    apr_time_t second;    /* the present one */
    apr_time_t told_at;
    apr_uint64_t seen[METRICS_COUNT];                   /* totals at the last look */
    apr_uint64_t told[METRICS_COUNT];                   /* ... when they were told */
    apr_uint64_t marks[METRICS_COUNT][METRICS_SECONDS]; /* totals at the end of the last seconds, a ring */
    int is_begun;
} metrics_t;

/** An empty one is all zero but for the first three fields. */
void metrics_look(metrics_t *metrics, const apr_uint64_t totals[METRICS_COUNT], apr_time_t now);
/** When to look again at the latest. */
apr_time_t metrics_next(const metrics_t *metrics, apr_time_t now);
void metrics_free(metrics_t *metrics);

#endif

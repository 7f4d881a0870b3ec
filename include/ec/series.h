/* series.h - audit series: how often something happened to each of many keys, by windows of time
 * SPDX-License-Identifier: Apache-2.0
 *
 * A series has a name, an interval in seconds and a number of windows: for each key - an address, or any text - it counts events in
 * the present interval and in those before it, and forgets what is older.  Name, interval and number of windows together say which
 * one it is, so "connections" by minutes and "connections" by hours are two.
 *
 * Windows begin at multiples of the interval since 1970, by the time that the caller gives: ec_loop_now() of its loop.  Window 0 is
 * the present one, window 1 the one before it.
 *
 * Memory is bounded: a series holds at most `max_keys` keys of this node, each with 4 bytes a window and some 150 more; when there
 * would be one more, the key that was counted longest ago goes, which is counted (ec_series_info_t.evicted).  What other nodes
 * of a cluster have counted (Replicate "metrics" with audit_series, see cluster-shared.md) is bounded in the same way beside it.
 *
 * Any thread.  Each call takes a lock of the series for some hundred instructions. */
#ifndef EC_SERIES_H
#define EC_SERIES_H

#include <apr.h>
#include <apr_time.h>
#include <ec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_series ec_series_t;

typedef enum {
    EC_SERIES_STRING, /* keys are 1 to EC_SERIES_KEY_MAX bytes */
    EC_SERIES_CIDR    /* keys are addresses, 4 or 16 bytes in network order; networks can be asked for */
} ec_series_type_t;

enum {
    EC_SERIES_MAX = 256,              /* series in a process */
    EC_SERIES_NAME_MAX = 64,          /* bytes of a name: printable ASCII without space and slash */
    EC_SERIES_KEY_MAX = 256,          /* bytes of a key */
    EC_SERIES_WINDOWS_MAX = 1000,
    EC_SERIES_INTERVAL_MAX = 31536000 /* seconds: a year */
};

/** Which series; texts are borrowed by whoever gets one. */
typedef struct {
    const char *name;
    ec_series_type_t type;
    int interval; /* seconds */
    int windows;
} ec_series_id_t;

/** A reference to the series, made when it is new.  Copies.  `max_keys` (1 or more) is taken over from who says it last; who lowers
 * it loses the keys counted longest ago.  EC_E_CONFIG: the name or a number is outside of the above, or the series is there with
 * another type; EC_E_LIMIT: there are EC_SERIES_MAX already. */
apr_status_t ec_series_open(ec_series_t **series, const ec_series_id_t *id, apr_size_t max_keys);
/** A reference to one that is there, to be closed; NULL: there is none.  Its type does not matter. */
ec_series_t *ec_series_find(const char *name, int interval, int windows);
/** Ends the reference; with the last one the series and its counts are gone.  So over a reload the new instance opens before the old
 * one closes, and the counts go on. */
void ec_series_close(ec_series_t *series);

/** `n` events of the key.  A key that the type does not allow is passed over. */
void ec_series_add(ec_series_t *series, const void *key, apr_size_t length, apr_uint32_t n, apr_time_t now);
/** Take `n` back from what this node has counted of the key, from the newest window on, and never below 0.  Returns how many were
 * taken. */
apr_uint64_t ec_series_subtract(ec_series_t *series, const void *key, apr_size_t length, apr_uint32_t n, apr_time_t now);
/** Forget what this node has counted of the key.  Returns whether there was something. */
int ec_series_remove(ec_series_t *series, const void *key, apr_size_t length);

/** Events of the key in the windows `first` to `last`, both counted (0, 0: the present one), of all nodes that share the series.
 * Windows that there are not count 0. */
apr_uint64_t ec_series_count(ec_series_t *series, const void *key, apr_size_t length, int first, int last, apr_time_t now);

/** A network: the first `bits` of the `bytes` (4 or 16) of an address; an address alone has all of them. */
typedef struct {
    unsigned char address[16];
    int bytes, bits;
} ec_series_network_t;
/** Reads "192.0.2.1", "192.0.2.0/24", "2001:db8::/32"; IPv4 in IPv6 is IPv4.  Returns whether it was understood.  Pure. */
int ec_series_network(ec_series_network_t *network, const char *text);
/** As ec_series_count(), of all addresses of the network.  The work grows with the number of its addresses that have been counted; the
 * lock is given back after each 256 of them.  0 for a series of strings. */
apr_uint64_t ec_series_count_network(ec_series_t *series, const ec_series_network_t *network, int first, int last, apr_time_t now);

/** Forget the keys of which no window counts any more.  Without it they stay until others take their place.  As long as the above. */
void ec_series_age(ec_series_t *series, apr_time_t now);

/* ---- looking at all of it ------------------------------------------------------------------------ */

typedef struct {
    ec_series_id_t id; /* its name as long as the reference */
    apr_size_t max_keys;
    apr_size_t keys, others_keys; /* of this node; of other nodes */
    apr_uint64_t evicted;         /* keys that had to go for others since the series is there */
} ec_series_info_t;
/** How it is now. */
ec_series_info_t ec_series_info(ec_series_t *series);

/** All series, in order of their names; `each` may call everything but ec_series_open() and ec_series_close(). */
typedef void ec_series_each_fn(void *baton, ec_series_t *series);
void ec_series_each(ec_series_each_fn *each, void *baton);

/** One key: `counts[i]` events in the window with number `newest` - i, of `windows` windows.  The number of a window is its beginning
 * divided by the interval.  All is borrowed for the call.  0 ends the walk. */
typedef int ec_series_key_fn(void *baton, const void *key, apr_size_t length, apr_int64_t newest, const apr_uint32_t *counts);
/** All keys of this node, in the order of length and bytes.  `each` runs without a lock and may take its time; what comes or
 * goes meanwhile may be in it or not. */
void ec_series_keys(ec_series_t *series, ec_series_key_fn *each, void *baton);
/** What such a key says, in place of what this node has counted of it: for who brings counts back from a file.  Windows that are
 * over, or begin in the future, are left out. */
void ec_series_put(ec_series_t *series, const void *key, apr_size_t length, apr_int64_t newest, const apr_uint32_t *counts,
                   apr_time_t now);

/* ---- sharing: for what tells other nodes (the cluster module); one at a time in a process --------- */

/** From now on changes of the series that `wants` (called with it under locks; quick) are noted, and all that is there counts as
 * changed, once more when it is called again.  NULL: nothing is shared any more, and what others have counted is forgotten. */
typedef int ec_series_wants_fn(void *baton, const ec_series_id_t *id);
void ec_series_share(ec_series_wants_fn *wants, void *baton);
/** How many keys have changed since they were told.  No lock. */
apr_size_t ec_series_changes(void);
/** Tell at most `max` of them: each as it is now, whole; `counts` is NULL when the key is gone.  Under locks: quick.  Returns how many
 * that were. */
typedef void ec_series_tell_fn(void *baton, const ec_series_id_t *id, const void *key, apr_size_t length, apr_int64_t newest,
                               const apr_uint32_t *counts);
apr_size_t ec_series_tell(apr_size_t max, ec_series_tell_fn *tell, void *baton);
/** What all others together have counted of a key; `counts` NULL: nothing.  Series that are not there are passed over. */
void ec_series_set_others(const ec_series_id_t *id, const void *key, apr_size_t length, apr_int64_t newest,
                          const apr_uint32_t *counts);
/** Another number when a series was made since the last call: what others have counted of it was passed over. */
unsigned ec_series_made(void);

#ifdef __cplusplus
}
#endif
#endif

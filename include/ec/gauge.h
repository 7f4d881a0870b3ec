/* gauge.h - gauge caches: numbers by key that go up and down, and are forgotten after a while
 * SPDX-License-Identifier: Apache-2.0
 *
 * A cache has a name, a most of keys, and a lifetime: a key that nobody has changed for so long is forgotten.  When there
 * would be one key more, the one that was changed longest ago goes, which is counted (ec_gauge_info_t.evicted).
 *
 * A cache can be shared by the nodes of a cluster (Replicate "metrics" with gauge_cache, see cluster-shared.md): each change
 * is made here at once and soon after on all nodes, so a value is the sum of what all of them have added; it stays when a node goes.
 *
 * Time is what the caller says: ec_loop_now() of its loop.  Any thread.  Each call takes a lock of the cache for some hundred
 * instructions. */
#ifndef EC_GAUGE_H
#define EC_GAUGE_H

#include <apr.h>
#include <apr_time.h>
#include <ec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_gauge ec_gauge_t;

enum {
    EC_GAUGE_MAX = 256,      /* caches in a process */
    EC_GAUGE_NAME_MAX = 64,  /* bytes of a name: printable ASCII without space */
    EC_GAUGE_KEY_MAX = 256,  /* bytes of a key, at least 1 */
    EC_GAUGE_TTL_MAX = 31536000
};

/** A reference to the cache of this name, made when it is new.  Copies.  `max_keys` (1 or more), `ttl` (seconds, 1 to
 * EC_GAUGE_TTL_MAX) and `is_shared` (is it for all nodes, where the cluster shares gauge caches?) are taken over from who says them
 * last.  EC_E_CONFIG: the name or a number is outside of the above; EC_E_LIMIT: there are
 * EC_GAUGE_MAX already. */
apr_status_t ec_gauge_open(ec_gauge_t **gauge, const char *name, apr_size_t max_keys, int ttl, int is_shared);
/** A reference to one that is there, to be closed; NULL: there is none. */
ec_gauge_t *ec_gauge_find(const char *name);
/** Ends the reference; with the last one the cache is gone on this node. */
void ec_gauge_close(ec_gauge_t *gauge);

/** Add `n`, which may be negative; returns the value after it, which may be so too.  The key's lifetime begins anew.  0, and nothing is
 * done, for a key that is too long or empty. */
apr_int64_t ec_gauge_add(ec_gauge_t *gauge, const void *key, apr_size_t length, apr_int64_t n, apr_time_t now);
/** 0: the key is not there, or its lifetime is over. */
apr_int64_t ec_gauge_get(ec_gauge_t *gauge, const void *key, apr_size_t length, apr_time_t now);
/** Forget the key, on all nodes of a shared cache.  Returns whether it was there. */
int ec_gauge_remove(ec_gauge_t *gauge, const void *key, apr_size_t length, apr_time_t now);

/* ---- looking at all of it -------------------------------------------------------------------------- */

typedef struct {
    const char *name; /* as long as the reference */
    apr_size_t max_keys, keys;
    int ttl, is_shared;
    apr_uint64_t evicted;
} ec_gauge_info_t;
/** How it is now. */
ec_gauge_info_t ec_gauge_info(ec_gauge_t *gauge);
/** All caches, by name.  `each` may call everything of this header. */
typedef void ec_gauge_each_fn(void *baton, ec_gauge_t *gauge);
void ec_gauge_each(ec_gauge_each_fn *each, void *baton);

/* ---- sharing: for what tells other nodes (the cluster module); one at a time in a process ------------ */

/** A change, or the value that a cache begins with. */
typedef struct {
    const char *cache;
    apr_size_t max_keys;
    int ttl;
    const void *key;
    apr_size_t length;
    int is_cleared;   /* the value was 0 before `n` was added */
    apr_int64_t n;
    apr_time_t time;  /* of the last change */
} ec_gauge_change_t;

/** From now on (1) changes of the caches that are for it are noted until they are told, and what is in them counts as a change; or
 * (0) no more. */
void ec_gauge_share(int is_on);
/** How many keys have changed since they were told.  No lock. */
apr_size_t ec_gauge_changes(void);
/** Tell at most `max` of them, each with all that was added since.  Under locks: quick.  Returns how many that were. */
typedef void ec_gauge_tell_fn(void *baton, const ec_gauge_change_t *change);
apr_size_t ec_gauge_tell(apr_size_t max, ec_gauge_tell_fn *tell, void *baton);
/** Another node has made this change.  Passed over for a cache that is not there, or waits to be filled. */
void ec_gauge_apply(const ec_gauge_change_t *change);
/** Shared caches are empty but for what was not told yet, and wait to be filled; so does a cache that is made. */
void ec_gauge_reset(void);
/** Does some cache wait?  If so, those that do are filled by what follows. */
int ec_gauge_waits(void);
/** A value for the caches that are filled, to which is added what was not told yet; and the end of it. */
void ec_gauge_fill(const ec_gauge_change_t *value);
void ec_gauge_filled(void);

#ifdef __cplusplus
}
#endif
#endif

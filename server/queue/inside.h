/* inside.h - what a queue is made of; for the files of this room only
 * SPDX-License-Identifier: Apache-2.0
 *
 * An entry is one waiting recipient.  It is in exactly one place:
 *
 *   active   list, in order              -> an attempt (session), or doomed
 *   delayed  heap by next time           -> active, or doomed when it carries a verdict
 *   doomed   list: shall end or be delayed without another try; worked off by attempts of our own (doom.c)
 *   attempt  slot of a struct attempt    -> gone, delayed, or active again
 *
 * E_BUSY stands beside that: a job reads the entry's part of the spool, so the entry may not end meanwhile.
 *
 * Everything of a set belongs to one loop.  Decisions are taken in queue_run() (run.c), which runs as a post
 * of its own after queue_kick(): no function that others call opens a session, wakes one, or frees the queue
 * under the caller. */
#ifndef QUEUE_INSIDE_H
#define QUEUE_INSIDE_H

#include <ec/counter.h>
#include <ec/job.h>
#include "queue/limits.h"
#include "queue/queue.h"
#include "queue/retry.h"
#include "util/heap.h"
#include "util/list.h"

/* ---- entries --------------------------------------------------------------------- */

/** A last reply; entries of a queue share equal ones. */
typedef struct queue_reply queue_reply_t;
struct queue_reply {
    queue_reply_t *next;
    apr_uint32_t refs;
    unsigned char stage;     /* ec_stage_t */
    unsigned char is_shared; /* in the queue's list; else it is freed when the attempt is over (see spool) */
    char text[];
};

enum {
    E_BUSY = 1,      /* a job reads its batch */
    E_PERMANENT = 2, /* doomed: fails for good with the text of `reply`; else it is delayed */
    E_LOGGED = 4,    /* its P record was written; only the bounce is missing */
    E_EXPIRED = 8,   /* with E_PERMANENT: too old or too often, not refused */
    E_DNS = 16,      /* doomed for a failed look-up */
    E_IN_DOUBT = 32, /* the last known thing is a mark */
    E_DAMAGED = 64   /* could not be read back the last time */
};

typedef struct queue_entry queue_entry_t;
struct queue_entry {
    union {
        queue_entry_t *next; /* in a list */
        apr_size_t slot;     /* in the heap */
    } at;
    spool_ref_t *ref;
    ec_batch_t *batch; /* our reference; NULL: swapped out */
    apr_time_t received;
    queue_reply_t *reply; /* NULL with attempts > 0: see spool */
    ec_id_t id;
    apr_uint32_t rcpt;
    apr_uint16_t attempts; /* that failed */
    unsigned char flags;
    unsigned char dns_failures;
};

typedef struct {
    queue_entry_t *first, *last;
    apr_size_t count;
} queue_list_t;

/* ---- sessions ---------------------------------------------------------------------- */

typedef enum {
    SESSION_HUNGRY, /* opened or woken: will ask for work */
    SESSION_BUSY,   /* has an attempt, or has just settled one */
    SESSION_IDLE,   /* asked and got nothing */
    SESSION_CLOSING /* takes no more work, its connection is being closed */
} session_state_t;

typedef struct attempt attempt_t;

struct queue_session {
    util_link_t link; /* queue->idle, queue->closing, or else queue->sessions */
    queue_t *queue;
    void *transport;
    attempt_t *attempt;
    session_state_t state;
    unsigned char has_worked; /* took an attempt: the other side can be reached */
    unsigned char is_told;    /* was told to close */
    unsigned char gives_way;  /* will be told, after its first attempt or when `patience` is over */
    apr_time_t opened;
    ec_timer_t patience;
    limit_hold_t hold;
};

/* ---- queues ------------------------------------------------------------------------ */

typedef struct queue_set queue_set_t;

struct queue {
    queue_set_t *set;
    queue_t *chain; /* of the set's table */
    apr_uint64_t hash;
    binding_t *bound;            /* with the domain: whose queue it is */
    const char *group, *binding; /* its names */
    const conf_view_t *view;     /* of `generation`; see renew.c */
    apr_uint64_t generation;

    queue_list_t active, doomed;
    util_heap_t delayed;
    util_list_t attempts;
    apr_size_t n_attempted; /* entries in attempts */
    apr_size_t n_resident;  /* entries with a batch */
    int n_internal;         /* attempts of our own */
    int n_loads;
    queue_reply_t *replies;
    int n_replies;

    util_list_t sessions, idle, closing;
    int n_closing; /* of closing; n_sessions are the others */
    limits_t limits;
    int n_sessions, n_hungry, n_idle, n_worked;
    int goal;          /* sessions we allow ourselves at present */
    apr_time_t ramped; /* when goal was last doubled */
    apr_interval_time_t patience; /* with a connection that has to give way and has brought nothing yet */

    /* why it can not be reached; failures 0 when it can */
    int failures;
    apr_time_t unreachable_since, hold_until;
    queue_reply_t *reason;

    dns_route_t *route;
    dns_query_t *query;
    util_list_t waits;
    apr_status_t route_rv;    /* of the last look-up */
    apr_uint32_t mx_failures; /* look-ups in a row that got no MX answer */

    void *note;
    void (*note_free)(void *);

    ec_timer_t timer;
    util_link_t dirty;     /* in set->dirty */
    util_link_t starved;   /* in set->starved: waits for a load to end */
    apr_time_t idle_since; /* empty since; 0: not empty */
    apr_time_t scanned;    /* when expired entries were last looked for */
    apr_uint64_t n_received, n_delivered, n_failed, n_transient;
    unsigned char is_gateway;
    unsigned char is_gone; /* the configuration has no such binding any more: mail goes elsewhere (leave.c) */
    char domain[];
};

struct queue_set {
    ec_loop_t *loop;
    int index;
    queue_t **table;
    apr_size_t n_buckets, n_queues;
    queue_entry_t *free_entries;
    struct entry_slab *slabs;
    util_list_t dirty, starved;
    ec_post_t run_post;
    int is_run_posted;
    apr_size_t n_resident;
    int n_sessions, n_closing, n_internal, n_loads;
    apr_time_t spool_hold_until;
    util_list_t stuck; /* slots whose drop has to be asked for again */
    ec_timer_t stuck_timer;
    struct name_cache *names;
    struct bind_cache *binds;
    conf_t *conf, *conf_before; /* references; `before` only while queues are gone through */
    apr_uint64_t generation;    /* of conf, 0: none yet */
    apr_size_t renew_at;        /* bucket */
    ec_post_t renew_post;
    int is_renew_posted;
    ec_post_t stop_post, hold_post, found_post;
    ec_timer_t hold_timer;
    int n_bunches; /* of recovered mail, being worked off */
    int is_held;   /* nothing is sent before what the spool holds is known (recover.c) */
    int is_stopping, is_stopped;
};

/* server-wide */
extern spool_t *queue_spool;
extern ec_log_t *queue_room_log;
extern queue_set_t **queue_sets;
extern int queue_n_sets;
extern const queue_transport_t *queue_transport;
extern apr_time_t queue_started;

/** Gauges of all loops together. */
typedef struct {
    ec_counter_t *held, *active, *delayed, *attempted, *resident, *domains, *sessions, *in_doubt, *swapped_in;
} queue_gauges_t;
extern queue_gauges_t queue_gauges;

enum {
    ATTEMPTS_OF_OUR_OWN =
        128, /* at a time and queue: what one commit of the spool may carry for doomed entries */
    LOADS_PER_QUEUE = 64,
    LOADS_PER_SET = 256,
    REPLIES_SHARED = 32, /* different last replies kept per queue */
    REPLY_MAX = 1024,    /* as the spool keeps */
    DUE_PER_RUN = 1000,  /* entries made active in one go */
    GOAL_START = 2,
    PATIENCE_SECONDS = 2, /* doubled each time that it was not enough */
    PATIENCE_MAX_SECONDS = 64,
    SPOOL_AGAIN_SECONDS = 1,   /* after a mark or a drop that could not be written */
    BOUNCE_AGAIN_SECONDS = 30, /* after a bounce that could not be stored */
    READ_AGAIN_SECONDS = 60,   /* after a batch that could not be read back */
    QUEUE_KEPT_SECONDS = 300,  /* an empty queue keeps its route and its notes so long */
    LIMITS_KEPT_SECONDS = 10,  /* ... and its places at limits */
    HOSTS_FULL_SECONDS = 5     /* at most, before hosts that were full are looked at again */
};

/* ---- notice.c: our own name ---------------------------------------------------------- */

void queue_hostname(char *buffer, apr_size_t room);

/* ---- set.c: finding, making and ending queues -------------------------------------- */

queue_t *queue_find(queue_set_t *set, apr_uint64_t hash, const binding_t *binding, const char *domain);
queue_t *queue_find_or_make(queue_set_t *set, apr_uint64_t hash, binding_t *binding, const char *domain,
                            int is_gateway);
void queue_end(queue_t *queue);
/** Visit all queues of a set; `each` must not end one. */
void queue_each(queue_set_t *set, void (*each)(void *baton, queue_t *queue), void *baton);
queue_set_t *queue_set_of(apr_uint64_t hash);

/* ---- renew.c: a new generation ---------------------------------------------------------- */

/** What of the queue's values is older is brought up to date. */
void queue_renew(queue_t *queue);
/** Called by conf_on_change(). */
void renew_on_change(void *baton, conf_t *conf);
/** The table has grown: its queues are elsewhere. */
void renew_again(queue_set_t *set);
/** The set is about to be freed. */
void renew_end(queue_set_t *set);

/* ---- stop.c ------------------------------------------------------------------------- */

/** While stopping: a session or an attempt has ended, it may have been the last. */
void set_check_stopped(queue_set_t *set);

/* ---- recover.c ---------------------------------------------------------------------- */

/** The loops are about to end: the recovery thread waits for them no more.  Any thread. */
void recover_stop(void);
/** Begin to hold deliveries back; ends by itself.  At start. */
void recover_hold(queue_set_t *set);
/** Recipients found may still come.  After the loops have ended. */
int recover_is_under_way(void);

/* ---- name.c: which queue a recipient belongs to -------------------------------------- */

typedef struct name_cache name_cache_t;
typedef struct {
    apr_uint64_t hash;  /* of (binding, routing domain) */
    const char *domain; /* routing domain; valid until the next call with this cache */
    int is_gateway;
    int is_suspended; /* by suspend_delivery, for this binding */
} queue_name_t;
name_cache_t *name_cache_create(void);
void name_cache_destroy(name_cache_t *cache);
/** `conf` is the generation to ask; a cache forgets when it changes.  `domain` in lower case. */
queue_name_t name_resolve(name_cache_t *cache, conf_t *conf, const binding_t *binding, const char *domain);
apr_uint64_t name_hash(const binding_t *binding, const char *domain);

/* ---- bind.c: by which binding a message leaves --------------------------------------------- */

typedef struct bind_cache bind_cache_t;
bind_cache_t *bind_cache_create(void);
void bind_cache_destroy(bind_cache_t *cache);
/** The binding of this name, in whichever group; NULL when the configuration has none.  Any thread, as the
 * next two. */
binding_t *bind_named(conf_t *conf, const char *name);
int bind_exists(conf_t *conf, const binding_t *binding);
/** What has become of a binding that mail was given before: itself, the one of its name that is elsewhere
 * now, or the default one. */
binding_t *bind_now(conf_t *conf, const char *group, const char *name);

/* ---- leave.c: a binding that is gone ------------------------------------------------------------ */

/** Send what waits in a queue that is_gone to where it belongs now.  Goes on when the queue is next looked
 * at. */
void leave_run(queue_t *queue);

/* ---- entry.c ------------------------------------------------------------------------- */

queue_entry_t *entry_new(queue_set_t *set);
/** The entry has left the queues: gives back batch, reply and memory. */
void entry_free(queue_t *queue, queue_entry_t *entry);
void entry_free_slabs(queue_set_t *set);
/** Takes the reference `batch`. */
void entry_set_batch(queue_t *queue, queue_entry_t *entry, ec_batch_t *batch);
void entry_swap_out(queue_t *queue, queue_entry_t *entry);
void entry_set_reply(queue_t *queue, queue_entry_t *entry, queue_reply_t *reply);
/** A reply with this text (cut, control characters replaced), one reference.  When too many different ones
 * are kept already it is not shared. */
queue_reply_t *reply_get(queue_t *queue, ec_stage_t stage, const char *text);
void reply_release(queue_t *queue, queue_reply_t *reply);
const char *reply_text(const queue_reply_t *reply);

void list_add_last(queue_list_t *list, queue_entry_t *entry);
void list_add_first(queue_list_t *list, queue_entry_t *entry);
queue_entry_t *list_take_first(queue_list_t *list);
/** Takes `entry` out, which follows `before` (NULL: it is the first). */
void list_take_after(queue_list_t *list, queue_entry_t *before, queue_entry_t *entry);

/* moving between places; they keep the gauges */
void active_add_last(queue_t *queue, queue_entry_t *entry);
void active_add_first(queue_t *queue, queue_entry_t *entry);
void doomed_add(queue_t *queue, queue_entry_t *entry);
void delayed_add(queue_t *queue, queue_entry_t *entry, apr_time_t next);
void delayed_remove(queue_t *queue, queue_entry_t *entry);
apr_time_t delayed_next(const queue_t *queue, const queue_entry_t *entry);

/* ---- run.c ------------------------------------------------------------------------------ */

/** Look at the queue soon. */
void queue_kick(queue_t *queue);
int queue_is_empty(const queue_t *queue);
int queue_is_suspended(queue_t *queue);
int queue_max_sessions(queue_t *queue);

/* ---- session.c --------------------------------------------------------------------------- */

void session_set(queue_session_t *session, session_state_t state);
/** A new generation: what sessions hold is brought up to date. */
void sessions_renew(queue_t *queue);
/** Open and wake as the queue's state allows. */
void sessions_feed(queue_t *queue);
void sessions_end(queue_t *queue);

/* ---- attempt.c ------------------------------------------------------------------------------ */

/** Take the first entries of `list`, at most `most`, that share a batch, which is resident and not busy.
 * `session` NULL: our own. */
attempt_t *attempt_take(queue_t *queue, queue_list_t *list, queue_session_t *session, int most);
int attempt_is_ready(const queue_list_t *list);
/** How many recipients attempt_take() would take. */
int attempt_group(queue_t *queue, const queue_list_t *list);
queue_attempt_t *attempt_public(attempt_t *attempt);
/** Attempts of a queue, for the console. */
attempt_t *attempt_of(util_link_t *link);
int attempt_n(const attempt_t *attempt);
queue_entry_t *attempt_entry(const attempt_t *attempt, int i);
apr_time_t attempt_since(const attempt_t *attempt);
void attempt_stuck_again(queue_set_t *set);

/* ---- doom.c ------------------------------------------------------------------------------------ */

/** Work off doomed entries. */
void doom_run(queue_t *queue);
/** Doom active entries: all that are there now, or only the first group. */
void doom_active(queue_t *queue, int is_all, int flags, ec_stage_t stage, const char *text);
/** Suspended or held up: what is too old fails all the same (message-flow.md D5). */
void doom_expired(queue_t *queue);
/** Take the first active entry away when it is expired and shall not be tried (G5); 1 when it did. */
int doom_first_if_expired(queue_t *queue);

/* ---- swap.c ----------------------------------------------------------------------------------------- */

int swap_may_stay(queue_t *queue);
/** Read back what will soon be needed from the front of `list`. */
void swap_ahead(queue_t *queue, queue_list_t *list);
/** A load of the set has ended: another queue may have its place. */
void swap_feed_starved(queue_set_t *set);

/* ---- route.c ------------------------------------------------------------------------------------------ */

void route_forget(queue_t *queue);
#endif

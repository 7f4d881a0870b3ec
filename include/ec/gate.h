/* gate.h - limits whose units come from outside of the server: what a cluster does
 * SPDX-License-Identifier: Apache-2.0
 *
 * A gate stands before something that is limited in one place: connections to a domain, messages an hour
 * of a binding group.  It has *units*: slots (one for each open connection, back when that is closed as the
 * receiver sees it), or, when it is a rate, permissions that rest for one window after each use.  The server makes a gate for
 * every place where an option of a cluster-wide limit is in force, as soon as mail comes under it, uses the units
 * that are there, and says how many it could use.
 *
 * A *provider*, usually the cluster module, brings units and takes them back.  Without one every such limit is a
 * limit of this node: all its units are there.
 *
 * Units can be *leased*: they may be used only before a time that the provider moves on and on.  The server asks before
 * each thing that it sends to a receiver.
 *
 * Any thread may call these functions; none of them blocks for long or calls back. */
#ifndef EC_GATE_H
#define EC_GATE_H

#include <apr.h>
#include <apr_time.h>
#include <ec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_gate ec_gate_t;

typedef struct {
    /** Some gate changed: ec_gate_changed() has it.  Any thread, with locks held: set a flag, wake a thread. Not
     * called again before ec_gate_changed() has returned NULL. */
    void (*wake)(void *baton);
} ec_gate_provider_t;

/** Become the provider of all gates: they have no units from now on but what ec_gate_give() brings.  Keeps both.
 * EC_E_BUSY: there is one.  NULL: the provider goes; gates have all their units again. */
apr_status_t ec_gate_provide(const ec_gate_provider_t *provider, void *baton);

/** The next gate that was made, or whose state has changed, since it was last returned; NULL: none.
 * Borrowed until the provider forgets it.  For the provider. */
ec_gate_t *ec_gate_changed(void);

typedef struct {
    const char *key;              /* names the place, the same on all nodes; lives as long as the gate */
    apr_int64_t limit;            /* as configured now */
    apr_interval_time_t window;   /* of a rate, else 0 */
    int is_available;             /* cluster_limit_mode: 0 strict, 1 available */
    int is_unused;                /* no mail is under it any more */
    apr_int64_t wanted;           /* units that could be used at this moment; those in use included */
    apr_int64_t units;            /* given and neither taken back nor lost */
    apr_int64_t used;             /* of these, in use or resting */
    apr_int64_t losing;           /* lost, but not out of use yet: connections not closed, uses that rest */
    apr_time_t next;              /* of a rate: when some of `used` and `wanted` end, without a word; 0: there are none */
} ec_gate_state_t;
/** How it is now. */
void ec_gate_state(ec_gate_t *gate, ec_gate_state_t *state);

/** Something of the provider's that belongs to the gate; NULL at first. */
void ec_gate_set_note(ec_gate_t *gate, void *note);
void *ec_gate_note(const ec_gate_t *gate);

/** `n` units more, of which `resting` (of a rate) rest for one window first. */
void ec_gate_give(ec_gate_t *gate, apr_int64_t n, apr_int64_t resting);
/** Take back up to `n` units that are not in use.  Returns how many. */
apr_int64_t ec_gate_take_back(ec_gate_t *gate, apr_int64_t n);
/** Others wait for `n` of the units in use (0: nobody any more): connections end after their message,
 * and their units stay out of use until they are taken back. */
void ec_gate_shed(ec_gate_t *gate, apr_int64_t n);
/** `n` of the units are gone, unused ones first: connections are closed at once, nothing more is sent on them.  Until
 * they are closed as the receiver sees it, and uses of a rate have rested, they are `lost` in the state. */
void ec_gate_lose(ec_gate_t *gate, apr_int64_t n);
/** Are the units leased (the default), or may they be used always? */
void ec_gate_set_leased(ec_gate_t *gate, int is_leased);
/** The gate is not needed by the provider, which has taken back all units.  Returns 0, and changes nothing, when it is
 * in use again. */
int ec_gate_forget(ec_gate_t *gate);

/** Leased units of all gates may be used before this time by ec_gate_clock(); 0: not at all. */
void ec_gates_lease(apr_time_t until);
/** Microseconds of a clock that never goes back and counts while the machine sleeps. */
apr_time_t ec_gate_clock(void);

#ifdef __cplusplus
}
#endif
#endif

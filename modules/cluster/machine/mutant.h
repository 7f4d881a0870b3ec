/* mutant.h - rules that the simulator breaks on purpose
 * SPDX-License-Identifier: Apache-2.0
 *
 * A simulator that can not find planted faults proves nothing, so each rule that safety
 * rests on can be switched off - only where this is compiled with CLUSTER_MUTANTS, which
 * tests do.  Elsewhere is_mutant() is a constant 0. */
#ifndef CLUSTER_MACHINE_MUTANT_H
#define CLUSTER_MACHINE_MUTANT_H

#define MUTANTS(X)                                                                \
    X(NO_WINDOW, "what a departed node held is given away at once")               \
    X(NO_FREEZE, "what is free is granted after a departure")                     \
    X(FRESH_IS_FIRM, "grants are used before they are confirmed")                 \
    X(NO_REVOKE, "unconfirmed grants stay good in a new ring")                    \
    X(SELF_IS_PROOF, "seeing one's own message renews the lease")                 \
    X(NO_QUORUM, "a side without quorum goes on")                                 \
    X(BLIND_EVICT, "a node is evicted although it was heard meanwhile")           \
    X(GREEDY_RECLAIM, "a node that comes in gets back more than was kept for it") \
    X(NO_CLOCK, "the lease is not looked at before something is sent")            \
    X(LOST_EVENTS, "what came while a snapshot was under way is forgotten")       \
    X(STALE_KEEPER, "a member whose lease has run out keeps the state")           \
    X(SKIPPED_RING, "state goes on after a ring that was not settled")            \
    X(EARLY_REST, "what a returned node does not reclaim is granted in a freeze") \
    X(NO_TAINT, "units of a rate are good at once after their user is gone")      \
    X(NO_AGING, "units of a rate are given back before their window is over")     \
    X(RAISED_IN_FREEZE, "what a raised limit adds is granted in a freeze")        \
    X(HASTY_FOUNDER, "what a founded state has is granted at once")               \
    X(CLEAN_START, "a founded state trusts that nobody else has used a rate")     \
    X(HALF_STAYS, "a half goes on when the other host is there again")            \
    X(WHOLE_ALONE, "one host alone of two has all")                               \
    X(GHOST_COUNTS, "the counts of a node stay when it is gone")

/* Rules of the gates (slots/): tests/unit/cluster/slots_mutants.sh breaks these. */
#define SLOT_MUTANTS(X)                                                                    \
    X(LOST_STAYS, "what was lost stays in the gate")                                       \
    X(LATE_LOSS, "what was lost leaves the gate only when its turn comes")                 \
    X(CLOSED_AT_ONCE, "lost units are given back before their connections are closed")     \
    X(KEEPS_OWED, "what others wait for stays in the gate")                                \
    X(NO_REST, "tainted units may be used at once")                                        \
    X(HASTY_TAINTED, "tainted units go to the gate before they are firm")                  \
    X(NO_RESTING_LEFT, "what was in use when its gate went is given back at once")         \
    X(UNLEASED_KEEPS, "without a lease, in available mode, what is above the part stays")  \
    X(GIVES_ALL, "the gate gets what was granted, also what is on its way back")

#define MUTANT_ENUM(name, text) MUTANT_##name,
enum mutant { MUTANT_NONE, MUTANTS(MUTANT_ENUM) MUTANT_END, SLOT_MUTANTS(MUTANT_ENUM) MUTANT_LAST };
#undef MUTANT_ENUM

#ifdef CLUSTER_MUTANTS
extern enum mutant mutant_now;
#define is_mutant(name) (mutant_now == MUTANT_##name)
#else
#define is_mutant(name) 0
#endif

#endif

/* corosync.h - corosync.conf, made from the names of the members
 * SPDX-License-Identifier: Apache-2.0
 *
 * The same members give the same text on every machine, so that nothing has to be agreed upon.  Pure. */
#ifndef MAIN_COROSYNC_H
#define MAIN_COROSYNC_H

#include <apr_pools.h>

enum { COROSYNC_MEMBERS_MAX = 64 };

typedef struct {
    const char *name, *address;
    int id; /* 1 to 65535, from the name alone: it stays when others come and go */
} corosync_member_t;

typedef struct {
    corosync_member_t members[COROSYNC_MEMBERS_MAX];
    int count;
    int failover_ms, lease_ms, margin_ms; /* wanted; the lease of the cluster stanza */
    int token_ms;                         /* set by corosync_plan() */
    const char *keyfile;                  /* NULL: neither secret nor authentic */
    const char *user, *group;             /* who may connect to it besides root; NULL: nobody */
    int is_last_man;
} corosync_plan_t;

/** Add a peer of msgc_server.  NULL, or what is wrong with it, in `pool`. */
const char *corosync_add(corosync_plan_t *plan, const char *name, const char *address, apr_pool_t *pool);
/** Work out ids and times.  NULL, or what can not be done, in `pool`. */
const char *corosync_plan(corosync_plan_t *plan, apr_pool_t *pool);
/** How soon what a dead member held is free for the others, at most. */
int corosync_failover_ms(const corosync_plan_t *plan);
/** The whole file, in `pool`. */
const char *corosync_text(const corosync_plan_t *plan, apr_pool_t *pool);

#endif

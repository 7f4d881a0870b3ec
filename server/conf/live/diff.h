/* diff.h - what differs between two configurations
 * SPDX-License-Identifier: Apache-2.0
 *
 * Compares meaning, not text: values as the lexer read them, names in the form of comparison; file and line do not
 * count, and order only where it means something.  Any thread that holds both. */
#ifndef CONF_LIVE_DIFF_H
#define CONF_LIVE_DIFF_H

#include "conf/tree.h"

typedef enum {
    CONF_CHANGE_SET,          /* the option is set in `to`, and in `from` not or otherwise */
    CONF_CHANGE_UNSET,        /* set in `from` only; its stanza is in both */
    CONF_CHANGE_ADD_STANZA,   /* the stanza is new; its settings and children follow as changes of their own */
    CONF_CHANGE_REMOVE_STANZA, /* gone with all it held; its contents are not listed */
    CONF_CHANGE_MOVE_STANZA    /* of patterns and modules, whose order counts: it comes behind `behind` now, in `from` before it */
} conf_change_kind_t;

typedef struct {
    conf_change_kind_t kind;
    const conf_stanza_t *from_stanza, *to_stanza; /* NULL where there is none */
    const conf_setting_t *from, *to;              /* of SET and UNSET; NULL where there is none */
    const conf_stanza_t *behind;                  /* of MOVE_STANZA: in `to` */
} conf_change_t;

/** From `from` to `to`: array of conf_change_t in `pool`, removals first, then in the order of `to`; every
 * ADD_STANZA comes before what it holds, every MOVE_STANZA behind what its siblings hold.  Borrows both trees: use the result while both are held. */
apr_array_header_t *conf_diff(const conf_t *from, const conf_t *to, apr_pool_t *pool);

/** Warn of every option that needs a restart and has another value in `to` than in `from`: adds conf_problem_t, in `pool`,
 * to `problems`.  */
void diff_warn_restart(apr_array_header_t *problems, const conf_t *from, const conf_t *to, apr_pool_t *pool);

#endif

/* view.h - the values that apply in one place, after fallback
 * SPDX-License-Identifier: Apache-2.0
 *
 * A chain is the list of stanzas that may give a value, most specific first.  Equal
 * chains share a view. */
#ifndef CONF_VIEW_H
#define CONF_VIEW_H

#include "conf/tree.h"

enum { CHAIN_FEW = 32 };

/* A place where a value was looked for, for who asks why; borrows all texts. */
typedef struct {
    const char *rule;             /* of config-language.md: "8.1", "R3" ...; NULL: none */
    const char *type, *name;      /* what was looked for; "global" has no name */
    const char *binding, *group;  /* in which of these; NULL: in none */
    const conf_stanza_t *parent;  /* or in this one */
    const conf_stanza_t *stanza;  /* what is there; NULL: nobody has written it */
    int n_unmatched;              /* not one place, but so many patterns that do not match `name` */
} chain_step_t;

typedef struct {
    const conf_stanza_t **stanzas; /* `few`, or malloc'd when there are more */
    int count, room;
    apr_array_header_t *steps; /* of chain_step_t; NULL on the mail path: nobody asks */
    const conf_stanza_t *few[CHAIN_FEW];
} chain_t;

void chain_init(chain_t *chain);
void chain_free(chain_t *chain);
/** The setting of the option that comes first in the chain, and (unless `stanza` is NULL) its stanza; NULL: there is none. */
const conf_setting_t *chain_setting(const chain_t *chain, const ec_option_t *row, const conf_stanza_t **stanza);
/** Also note every place that is looked at; the notes are in `pool`. */
void chain_trace(chain_t *chain, apr_pool_t *pool);
/** Add what is at this place (nothing when its stanza is NULL). */
void chain_look(chain_t *chain, const chain_step_t *step);

/* Chains of config-language.md sections 8, 8.2 and 9, added to `chain`; any name may be NULL. */
void chain_outbound(chain_t *chain, const conf_t *conf, const char *group, const char *binding,
                    const char *domain);
void chain_host(chain_t *chain, const conf_t *conf, const char *group, const char *binding, const char *host);
void chain_inbound(chain_t *chain, const conf_t *conf, const conf_stanza_t *listener,
                   const conf_stanza_t *listen, const char *peer);
/** A pathway alone, as the last steps of an inbound chain. */
void chain_pathway(chain_t *chain, const conf_t *conf, const char *pathway);
/** One stanza and the top level. */
void chain_single(chain_t *chain, const conf_t *conf, const conf_stanza_t *stanza);

/** Does the name match the pattern of a regular expression stanza?  Work is bounded: a pattern that needs
 * too much of it does not match. */
int match_regex(const conf_stanza_t *stanza, const char *name);

/** Make the store of views, with the global view in it; the values must have their types. */
void views_create(conf_t *conf);
void views_destroy(conf_t *conf);

/* ---- what a view is made of --------------------------------------------------------------- */

/* A view that differs from the top level in few options shares the rest with it: with many thousand stanzas
 * that is the difference between 1 KiB and 200 bytes each. */
enum { BLOCK_VALUES = 16 };

typedef struct {
    const ec_value_t *values[BLOCK_VALUES];
} view_block_t;

struct ec_options {
    apr_uint64_t digest; /* of all values: the combination of view_digest() */
    int n_handles;
    const view_block_t *blocks[]; /* as many as n_handles need */
};

static inline const ec_value_t *view_value(const conf_view_t *view, unsigned handle)
{
    return view->blocks[handle / BLOCK_VALUES]->values[handle % BLOCK_VALUES];
}

/** Share of one option in a view's digest; they are combined by exclusive or. */
apr_uint64_t view_digest(int handle, const ec_value_t *value);

/** Number of views besides the global one, and their bytes. */
unsigned views_count(const conf_t *conf, apr_size_t *bytes);

/* ---- generations in memory (generation.c) --------------------------------------------------- */

void live_add(conf_t *conf);
void live_remove(conf_t *conf);

#endif

/* options.h - which option may stand in which scope: the tables of core and modules
 * SPDX-License-Identifier: Apache-2.0
 *
 * Process-wide, behind a lock; rows belong to their declarers.  Any thread. */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include "conf/conf.h"
#include "conf/scopes.h"
#include "util/nearest.h"

/* A row and what the room knows about it.  Lives as long as its table is registered. */
typedef struct conf_option {
    const ec_option_t *row;
    apr_uint64_t scopes; /* bits of the core's scopes; 0 in a module's own table */
    int handle;          /* conf_opt_t, behind those the options that modules add to the core's scopes, or -1 */
    const char *owner;
    const struct conf_kind *kind; /* whose stanza it belongs to, in a module's own table; else NULL */
    const struct registration *of; /* of an option that a module adds to the core's scopes, else NULL */
    struct conf_option *next; /* same name, other scopes */
} conf_option_t;

/** The kind of a stanza of this type: registered by a module, or the core's; NULL when neither. */
const conf_scope_t *options_scope(const char *type);
/** The same for a stanza inside of `parent`: one that the parent's module knows goes first.  It need not be legal there. */
const conf_scope_t *options_scope_in(const conf_scope_t *parent, const char *type);
/** The option of this name (any case) that is legal in `scope`, or NULL. */
const conf_option_t *options_find(const conf_scope_t *scope, const char *name);
/** Any option of this name, whatever its scopes, or NULL. */
const conf_option_t *options_find_anywhere(const char *name);
/** Offer all option names legal in `scope`, or all stanza types legal in `parent`. */
void options_offer_names(struct nearest *nearest, const conf_scope_t *scope);
void options_offer_types(struct nearest *nearest, const conf_scope_t *parent);
/** Call `each` for every option known. */
void options_each(void (*each)(void *baton, const conf_option_t *option), void *baton);
/** The same, and before them those of files of modules that are not in force any more, or not yet: old instances still
 * read them. */
void options_each_ever(void (*each)(void *baton, const conf_option_t *option), void *baton);
/** How many handles there are: the core's and all that modules were given. */
int options_handles(void);

#endif

/* scopes.h - the kinds of stanza: where each may stand and how its name is understood
 * SPDX-License-Identifier: Apache-2.0
 *
 * The core's kinds are a table in scopes.c; a module's stanza becomes a kind when its
 * options are registered (options.h). */
#ifndef CONF_SCOPES_H
#define CONF_SCOPES_H

#include <ec/option.h>

/* What follows the type: nothing, a name, or either. */
typedef enum { SCOPE_ANONYMOUS, SCOPE_NAMED, SCOPE_OPTIONAL } scope_naming_t;

/* How names are checked and brought to the one form in which they are compared. */
typedef enum {
    NAME_TEXT,
    NAME_DOMAIN,  /* lower case, [IPv6:...] canonical, or /regular expression/ */
    NAME_GROUP,   /* no spaces */
    NAME_BINDING, /* no spaces, no colons */
    NAME_NETWORK, /* address or CIDR block */
    NAME_ENDPOINT /* address:port or path of a UNIX socket */
} scope_name_kind_t;

enum {
    SCOPE_NO_EFFECT = 1, /* documented, accepted with a warning */
    SCOPE_OPEN = 2,      /* contents are not known and not checked */
    SCOPE_MODULE = 4,
    SCOPE_INNER = 8 /* inside of a module's stanza: what is common to all modules is not legal in it */
};

typedef struct {
    const char *name;    /* lower case */
    const char *parents; /* space-separated; "global" is the top level */
    scope_naming_t naming;
    scope_name_kind_t kind;
    int flags;
    const ec_option_t *table; /* a module's options */
    const struct conf_kind *module; /* set when a module brought it: what options.c knows about it */
} conf_scope_t;

extern const conf_scope_t *const scope_global;

/** A core scope by name in any case, or NULL. */
const conf_scope_t *scope_find(const char *name);
/** The i-th core scope, NULL behind the last. */
const conf_scope_t *scope_at(int i);
/** A stanza of a documented module that no table describes: accepted with a warning.  NULL: not documented.
 */
const conf_scope_t *scope_find_documented_module(const char *name);
int scope_allows_parent(const conf_scope_t *scope, const conf_scope_t *parent);
/** Its bit in a set of scopes; all modules' stanzas share the one of "module". */
apr_uint64_t scope_bit(const conf_scope_t *scope);
/** Set of scopes as bits, from a space-separated list; 0 and `*bad` (in `pool`) when one is unknown. */
apr_uint64_t scope_set(const char *list, const char **bad, apr_pool_t *pool);

/** Bring a stanza's name to the form in which it is compared.  Returns NULL and `*why` when it can not be
 * one. */
const char *scope_name(const conf_scope_t *scope, const char *written, const char **why, apr_pool_t *pool);
/** The same for an endpoint, for what is not a stanza's name (EC_TYPE_SOCKADDR). */
const char *scope_endpoint_name(const char *written, const char **why, apr_pool_t *pool);
/** Is it written as /pattern/? */
int scope_name_is_regex(const char *name);

#endif

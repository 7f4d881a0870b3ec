/* stanza.h - the stanzas that a module allows inside of its own, and reading them
 * SPDX-License-Identifier: Apache-2.0
 *
 * A module names its kinds of stanza in a table; the server checks names, nesting and values by it before
 * init runs.  During init the module walks them from ec_instance_t.stanza and copies what it needs: stanzas
 * and values belong to the configuration and are gone when init has returned.
 *
 *     static const ec_stanza_kind_t stanzas[] = {
 *         { "dkim_domain", NULL, EC_STANZA_NAMED, domain_options },
 *         EC_STANZA_END
 *     }; */
#ifndef EC_STANZA_H
#define EC_STANZA_H

#include <ec/option.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What follows the type of a stanza. */
typedef enum {
    EC_STANZA_ANONYMOUS, /* nothing */
    EC_STANZA_NAMED,     /* a name */
    EC_STANZA_OPTIONAL   /* either */
} ec_stanza_naming_t;

/** A kind of stanza.  Constant; lives as long as the module. */
typedef struct {
    const char *name;            /* lower case */
    const char *parents;         /* space-separated kinds of this table; NULL: the module's own stanza */
    ec_stanza_naming_t naming;
    const ec_option_t *options;  /* rows; offsets are for ec_stanza_fill() */
} ec_stanza_kind_t;

#define EC_STANZA_END { 0, 0, EC_STANZA_ANONYMOUS, 0 }

/** A stanza of the configuration that is being checked; valid while init runs. */
typedef struct ec_stanza ec_stanza_t;

/** The stanzas of kind `kind` (NULL: any) inside of `parent`, in order of definition: pass NULL as `previous`
 * first, then the one before.  NULL behind the last. */
const ec_stanza_t *ec_stanza_next(const ec_stanza_t *parent, const char *kind, const ec_stanza_t *previous);
/** Its kind, in lower case. */
const char *ec_stanza_kind(const ec_stanza_t *stanza);
/** Its name as written; "" when it has none. */
const char *ec_stanza_name(const ec_stanza_t *stanza);
/** Where it was first opened, for texts about errors. */
const char *ec_stanza_file(const ec_stanza_t *stanza);
/** The line of that. */
int ec_stanza_line(const ec_stanza_t *stanza);
/** The value set in the stanza, else the default; NULL when there is neither.  `option` in lower case. */
const ec_value_t *ec_stanza_value(const ec_stanza_t *stanza, const char *option);
/** Set the fields of `self` by the rows `options` from the stanza, as it is done for an instance; what they point to
 * is copied into `pool`. */
void ec_stanza_fill(void *self, const ec_option_t *options, const ec_stanza_t *stanza, apr_pool_t *pool);

#ifdef __cplusplus
}
#endif
#endif

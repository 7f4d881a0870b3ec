/* option.h - options: declared once, in tables, by the core and by modules
 * SPDX-License-Identifier: Apache-2.0
 *
 * A row says everything about an option: its type, unit, default, the scopes in which
 * it is legal, and the help text that console, manual and validator print.  Values
 * belong to a configuration generation: they are constant and live as long as a
 * reference to it is held. */
#ifndef EC_OPTION_H
#define EC_OPTION_H

#include <stddef.h>
#include <apr_pools.h>
#include <apr_time.h>
#include <ec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Value types of config-language.md section 3. */
typedef enum {
    EC_TYPE_STRING,
    EC_TYPE_INT,         /* value.i; bounded by min and max of the row */
    EC_TYPE_SIZE,        /* value.i, bytes; not negative; suffixes K M G accepted */
    EC_TYPE_FLOAT,       /* value.f */
    EC_TYPE_BOOL,        /* value.i: 0 or 1 */
    EC_TYPE_PERMS,       /* value.i: octal file mode */
    EC_TYPE_INTERVAL,    /* value.i: seconds (or what `unit` says) */
    EC_TYPE_ENUM,        /* value.i: index into `words`; value.s: the word */
    EC_TYPE_ENUM_INT,    /* value.i: a number >= 0, or -1 - index for one of `words` */
    EC_TYPE_LIST,        /* value.list of strings */
    EC_TYPE_CIDR_LIST,   /* value.list; value.cidr holds the networks, parsed */
    EC_TYPE_DICT,        /* value.dict: key, value, key, value ... NULL, in order */
    EC_TYPE_SOCKADDR,    /* value.s canonical text, checked */
    EC_TYPE_REGEX        /* value.s pattern, checked by compiling */
} ec_type_t;

typedef struct ec_cidr_set ec_cidr_set_t;

typedef struct {
    apr_int64_t i;
    double f;
    const char *s;                 /* text as written (canonical where the type says so) */
    const char *const *list;       /* NULL-terminated, never NULL for list types */
    const char *const *dict;
    const ec_cidr_set_t *cidr;
} ec_value_t;

/** Row of a table.  Constant; lives as long as its declarer is loaded. */
typedef struct {
    const char *name;              /* lower case */
    ec_type_t type;
    const char *deflt;             /* parsed by the same code as configured text; NULL: unset */
    const char *scopes;            /* space-separated scope names; NULL in a module's table: the module's stanza */
    const char *unit;              /* "seconds", "bytes", NULL */
    const char *help;              /* one or two sentences */
    const char *const *words;      /* for the enumerations, NULL-terminated */
    apr_int64_t min, max;          /* both 0: no bounds */
    int flags;                     /* EC_OPTION_* */
    size_t offset;                 /* in a module's instance struct, see module.h; unused otherwise */
} ec_option_t;

enum {
    EC_OPTION_RESTART = 1,         /* a change needs a restart; warned about at reload */
    EC_OPTION_SECRET = 2,          /* never shown */
    EC_OPTION_NO_EFFECT = 4        /* known and accepted with a warning, has no effect yet */
};

/** Does the set contain the address?  `address` is text without port or brackets; an IPv4-mapped
 * IPv6 address counts as IPv4.  Any thread. */
int ec_cidr_set_has(const ec_cidr_set_t *set, const char *address);

#ifdef __cplusplus
}
#endif
#endif

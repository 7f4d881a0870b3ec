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
    EC_TYPE_REGEX,       /* value.s pattern; value.regex compiled */
    EC_TYPE_SOCKADDR_PORTLESS, /* value.s canonical address without port or brackets, or "*" */
    EC_TYPE_THROTTLE,    /* "n" or "n/s": value.i events in value.period seconds; 0 is unlimited */
    EC_TYPE_COUNT
} ec_type_t;

typedef struct ec_cidr_set ec_cidr_set_t;
typedef struct ec_regex ec_regex_t;
typedef struct ec_value ec_value_t;

struct ec_value {
    apr_int64_t i;
    apr_int64_t period;            /* of a throttle, in seconds; at least 1 */
    double f;
    const char *s;                 /* text as written (canonical where the type says so) */
    const char *const *list;       /* NULL-terminated, never NULL for list types and arrays */
    const char *const *dict;
    const ec_cidr_set_t *cidr;
    const ec_regex_t *regex;
    const ec_value_t *items;       /* of an array (EC_OPTION_ARRAY): n_items values of the row's type */
    int n_items;
};

/** So many events in a time; count 0: no limit. */
typedef struct {
    apr_int64_t count;
    apr_interval_time_t period;    /* microseconds */
} ec_throttle_t;

/** An array of values, as a field of an instance struct. */
typedef struct {
    int n;
    const ec_value_t *item;
} ec_values_t;

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
    /* What the type does not say about a text, of a list about each item; NULL: nothing.  Returns NULL when it is right, else
     * the end of a sentence, constant or in `pool`.  Called for what is configured, not for the default, whenever a
     * configuration is read or changed, and by validate_config: it opens nothing and changes nothing.  Any thread. */
    const char *(*check)(const char *text, apr_pool_t *pool);
} ec_option_t;

enum {
    EC_OPTION_RESTART = 1,         /* a change needs a restart; warned about at reload */
    EC_OPTION_SECRET = 2,          /* never shown */
    EC_OPTION_NO_EFFECT = 4,       /* known and accepted with a warning, has no effect yet */
    EC_OPTION_ARRAY = 8            /* a list, each item of it of the row's (scalar) type; one value counts as a list */
};

/** An option that a module added to scopes of the core (EC_OPT_ADDED in ec/module.h). */
typedef int ec_option_handle_t;
/** All options as they apply in one place, after fallback: for a connection, a queue, or at the top level. */
typedef struct ec_options ec_options_t;

/** The value, by one array read; NULL when it is unset and has no default, or when the options are of a
 * configuration from before the module was loaded.  The value lives as long as `options`.  Any thread. */
const ec_value_t *ec_option_value(const ec_options_t *options, ec_option_handle_t handle);
/** At the top level, in the configuration in force; valid until the callback ends.  On a loop. */
const ec_options_t *ec_options_global(void);
/** In the first stanza of this kind (lower case) at the top level, "logs" for example; NULL when there is none, or as
 * above.  On a loop. */
const ec_value_t *ec_option_in_stanza(const char *stanza, const char *option);
/** For mail to `domain` (lower case) by a binding; any name may be NULL.  A look-up by hashes and under a lock: once
 * for many messages.  Valid until the callback ends.  On a loop.  See also ec_conn_options() in ec/conn.h. */
const ec_options_t *ec_options_outbound(const char *group, const char *binding, const char *domain);

/** Does the set contain the address?  `address` is text without port or brackets; an IPv4-mapped
 * IPv6 address counts as IPv4.  Any thread. */
int ec_cidr_set_has(const ec_cidr_set_t *set, const char *address);

/** Does the pattern match somewhere in the text?  The work is bounded: a pattern that needs too much of it
 * does not match.  Any thread. */
int ec_regex_has(const ec_regex_t *regex, const char *text, apr_size_t length);

#ifdef __cplusplus
}
#endif
#endif

/* conf.h - the configuration: text to tree to typed values; immutable generations
 * SPDX-License-Identifier: Apache-2.0
 *
 * conf_load() reads ecelerity.conf and all it includes into a tree (every node knows
 * file and line), checks every statement against the option tables, and makes a
 * generation.  It is whole or it is refused with all errors listed.
 *
 * A generation is immutable and reference-counted; any thread may read it.  The mail
 * path resolves a *view* once per (scope, generation): a flat array with the value of
 * every option after fallback (config-language.md sections 8 and 9), so that a lookup
 * is one array read, never a string compare. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <apr_tables.h>

#include <ec/log.h>
#include <ec/option.h>
#include <ec/stanza.h>

typedef struct conf conf_t;              /* a generation */
typedef struct ec_stanza conf_stanza_t;  /* a scope instance in the tree */
typedef struct ec_options conf_view_t;   /* all options of one kind after fallback */

/* ---- tables ------------------------------------------------------------------ */

/** Register the rows (up to one whose name is NULL) of a module stanza `scope` (for
 * example "ec_logger"), or, with `scope` NULL, options of the core's scopes.  Keeps the
 * table.  Scope names, kinds and nesting are in scopes.c.  At start or while a module
 * is loaded; before conf_load() that uses them.  EC_E_CONFIG when a name is taken. */
apr_status_t conf_register(const char *scope, const ec_option_t *table, const char *owner);

/** The tables of a module. */
typedef struct {
    const char *scope;              /* type of its stanza */
    const char *owner;              /* its name; copied */
    const ec_option_t *options;     /* rows without scopes belong to its stanza, those with scopes to the core's; kept */
    const ec_stanza_kind_t *stanzas; /* that may stand inside of its own, or NULL; kept */
    const void *module;             /* tells several files of one module apart; conf_stanza_module() gives it back */
    int is_beside;                  /* another file of this module is in force: nobody sees these tables before
                                     * conf_try() or conf_use() */
} conf_tables_t;
/** The same for a module.  On EC_E_CONFIG `*why` is a clause, in `pool`. */
apr_status_t conf_register_tables(const conf_tables_t *tables, const char **why, apr_pool_t *pool);

/** From now on who sees trials sees this file of its module in the place of the one in force, all others see that one.
 * EC_E_CONFIG: another module has one of its options, `*why` is a clause in `pool`.  Any thread, as all of these. */
apr_status_t conf_try(const void *module, const char **why, apr_pool_t *pool);
/** No file of this one's module is on trial any more. */
void conf_try_no_more(const void *module);
/** Does this thread see trials?  Loading a configuration in between binds it to them. */
void conf_see_trials(int sees);
/** This file is the one in force of its module: for all that is loaded from now on.  Was it not before? */
int conf_use(const void *module);

/** The handle of a registered row with scopes, for conf_get_handle(); -1 when it has none. */
int conf_handle(const ec_option_t *row);
/** Forget what `owner` registered.  Generations that used it go on reading its rows: unload the module's
 * code only when they are gone. */
void conf_unregister(const char *owner);

/** Handles of the core's options: CONF_O_RETRY_INTERVAL and so on, from options.def. */
typedef enum {
#define CONF_OPTION(id, ...) CONF_O_##id,
#include "conf/options.def"
#undef CONF_OPTION
    CONF_O_COUNT
} conf_opt_t;

const ec_option_t *conf_option(conf_opt_t opt);

/* ---- loading ----------------------------------------------------------------- */

/** What kind of thing is wrong: X(NAME, number, meaning).  Shown as "CFG-" and five digits; a number never changes its
 * meaning (doc/config-language.md lists them). */
#define CONF_PROBLEM_KINDS(X)                                                                   \
    X(OTHER, 10000, "anything without a kind of its own")                                       \
    X(SYNTAX, 10001, "the text is not of the form that the language has")                       \
    X(UNKNOWN_OPTION, 10002, "no table has an option of this name, and no module announces it") \
    X(MISPLACED_OPTION, 10003, "the option exists, but not in this scope")                      \
    X(UNKNOWN_STANZA, 10004, "no table and no module has a stanza of this type")                \
    X(MISPLACED_STANZA, 10005, "the stanza may not stand in this scope")                        \
    X(WRONG_VALUE, 10006, "the value is not of the option's type, or out of its range")         \
    X(WRONG_NAME, 10007, "the stanza's name is missing, superfluous or not of its form")        \
    X(INCLUDE, 10008, "a file can not be found, opened, or included")                           \
    X(LIMIT, 10009, "more than there may be of something")                                      \
    X(DANGLING, 10010, "the value names a stanza that does not exist")                          \
    X(CONFLICT, 10011, "two places claim what only one can have")                               \
    X(MODULE, 10012, "a module can not be loaded")                                              \
    X(NO_EFFECT, 20001, "accepted, but without effect (yet)")                                    \
    X(RESTART, 20002, "takes effect when the server is started again")
typedef enum {
#define CONF_PROBLEM_KIND(name, number, meaning) CONF_PROBLEM_##name = (number),
    CONF_PROBLEM_KINDS(CONF_PROBLEM_KIND)
#undef CONF_PROBLEM_KIND
} conf_problem_kind_t;

typedef struct {
    const char *file;
    int line;
    int is_warning;
    conf_problem_kind_t kind;
    const char *text;          /* complete sentence without file and line */
} conf_problem_t;
/** "CFG-10002 ecelerity.conf:7: unknown option ...", in `pool`; without the line for what is in no file. */
const char *conf_problem_text(const conf_problem_t *problem, apr_pool_t *pool);

typedef struct {
    const char *file;          /* as given with -c, or "ecelerity.conf" */
    const char *search_path;   /* NULL: EC_CONF_SEARCH_PATH, else the documented default */
    const char *node_name;     /* for {NODENAME}; NULL: EC_NODE_NAME, else the host name */
    const char *subcluster;    /* for {SUBCLUSTER}; NULL: EC_SUB_CLUSTER, else "default" */
    /* Called for a stanza whose type no table knows, with the text of its name: load the
     * module that brings it and register its options, or return EC_E_NOT_FOUND.  May be NULL. */
    apr_status_t (*need_module)(void *baton, const char *name, const char **why);
    /* Called for an option that no table has in a core scope, or only as one without effect: load the first module that
     * announces it and can be loaded.  EC_E_NOT_FOUND: nobody announces it.  May be NULL. */
    apr_status_t (*need_option)(void *baton, const char *scope, const char *option, const char **why);
    /* What module `name` requires beside it, up to NULL; NULL for nothing.  They are loaded.  May be NULL. */
    const char *const *(*requirements)(void *baton, const char *name);
    void *baton;
} conf_source_t;

/** Load and check everything.  On APR_SUCCESS `*conf` is a generation with one reference.
 * On EC_E_CONFIG nothing is made.  `*problems` (array of conf_problem_t, in `pool`) holds
 * errors and warnings in either case.  Blocks on files: not on a busy loop. */
apr_status_t conf_load(conf_t **conf, apr_array_header_t **problems, const conf_source_t *source, apr_pool_t *pool);
/** The same from a text, for tests and fuzzers: `name` stands for the file; includes are refused. */
apr_status_t conf_load_text(conf_t **conf, apr_array_header_t **problems, const char *name, const char *text,
                            apr_size_t length, apr_pool_t *pool);

conf_t *conf_ref(conf_t *conf);
void conf_unref(conf_t *conf);
/** 1, 2, ... in the order of conf_install(); 0 until then. */
apr_uint64_t conf_generation(const conf_t *conf);

/* ---- current generation -------------------------------------------------------- */

/** The generation in force, borrowed: on a loop valid until the callback ends (a loop takes up a
 * new generation only between two events).  Elsewhere use conf_current_ref(). */
conf_t *conf_current(void);
conf_t *conf_current_ref(void);
/** The one that conf_install() has put in force last, which loops may still have to take up; borrowed: on the master
 * loop until it installs the next. */
conf_t *conf_latest(void);
/** Put `conf` (takes its reference) in force on all loops; the old one is released when no loop holds it.
 * NULL, when the loops are gone: the last one is let go. */
void conf_install(conf_t *conf);
/** Called on every loop when it has taken up a new generation (queues drop their views).
 * Register at start, on one thread; `baton` is kept.  Loops that run already call it from their next change on. */
typedef void conf_changed_fn(void *baton, conf_t *conf);
void conf_on_change(conf_changed_fn *fn, void *baton);

/** A generation that somebody still holds. */
typedef struct {
    apr_uint64_t generation;
    int is_in_force;
    int refs;
    unsigned stanzas, views;
    apr_size_t bytes; /* tree and views, about */
} conf_live_t;
/** Visit all generations in memory, newest first.  Any thread; takes a lock: `each` calls nothing of this room. */
typedef void conf_live_fn(void *baton, const conf_live_t *live);
void conf_each_live(conf_live_fn *each, void *baton);

/* ---- the tree ------------------------------------------------------------------- */

/** Children of `parent` (NULL: the top level) of stanza type `type` (NULL: any), in order of
 * definition: pass NULL first, then the previous one, with the same `type`.  Stanzas of other types
 * cost nothing. */
const conf_stanza_t *conf_next(const conf_t *conf, const conf_stanza_t *parent, const char *type,
                               const conf_stanza_t *previous);
/** Stanzas of modules at the top level, in order of definition: pass NULL first. */
const conf_stanza_t *conf_next_module(const conf_t *conf, const conf_stanza_t *previous);
const char *conf_stanza_type(const conf_stanza_t *stanza);      /* lower case */
const char *conf_stanza_name(const conf_stanza_t *stanza);      /* "" when anonymous */
const char *conf_stanza_file(const conf_stanza_t *stanza);
int conf_stanza_line(const conf_stanza_t *stanza);
/** "file:line" of where it was opened first, or "(console)" for one that is in no file; in `pool`. */
const char *conf_stanza_place(const conf_stanza_t *stanza, apr_pool_t *pool);
/** NULL: it is the top level. */
const conf_stanza_t *conf_stanza_parent(const conf_stanza_t *stanza);
const conf_t *conf_stanza_owner(const conf_stanza_t *stanza);   /* the generation */
/** The rows of a module's stanza; NULL for the core's. */
const ec_option_t *conf_stanza_table(const conf_stanza_t *stanza);
/** conf_tables_t.module of the module whose own stanza this is, as the generation was loaded with; NULL for others. */
const void *conf_stanza_module(const conf_stanza_t *stanza);
/** Value set in exactly this stanza (NULL: top level), or NULL.  `option` in lower case. */
const ec_value_t *conf_stanza_get(const conf_t *conf, const conf_stanza_t *stanza, const char *option);
/** As above, else the default of the option's row; NULL only when both are absent. */
const ec_value_t *conf_stanza_eval(const conf_t *conf, const conf_stanza_t *stanza, const char *option);

/** The stanza of a binding in `group`, "default" for those outside of groups; with `group` NULL wherever it is.
 * NULL when there is none: binding "default" needs none. */
const conf_stanza_t *conf_binding(const conf_t *conf, const char *group, const char *name);
/** The group that it is in. */
const char *conf_binding_owner(const conf_stanza_t *binding);
/** The stanza of a group, or NULL. */
const conf_stanza_t *conf_binding_group(const conf_t *conf, const char *name);

/* ---- views (fallback applied) ------------------------------------------------------ */

/** Top-level options and defaults. */
const conf_view_t *conf_global(const conf_t *conf);
/** Outbound (config-language.md section 8): any name may be NULL; `domain` in lower case.
 * Lives as long as the generation; equal chains share one view.  Any thread (takes a lock: cache
 * the view with the queue). */
const conf_view_t *conf_outbound(conf_t *conf, const char *group, const char *binding, const char *domain);
/** Inbound (section 9): the Listen stanza, its listener is its parent; `peer` is address text. */
const conf_view_t *conf_inbound(conf_t *conf, const conf_stanza_t *listen, const char *peer);

/** The stanza that gives the option its inbound value; NULL when it is the default's. */
const conf_stanza_t *conf_inbound_origin(const conf_t *conf, const conf_stanza_t *listen, const char *peer,
                                         conf_opt_t opt);
/** The same by the option's name. */
const conf_stanza_t *conf_inbound_origin_of(const conf_t *conf, const conf_stanza_t *listen, const char *peer,
                                            const char *option);

/** Name of the pathway_group that a pathway is in, NULL when it is in none; lives as long as `conf`. */
const char *conf_pathway_group(const conf_t *conf, const char *pathway);

/** One value; O(1).  NULL when unset and without default. */
const ec_value_t *conf_get(const conf_view_t *view, conf_opt_t opt);
/** The same by a number that conf_handle() gave. */
const ec_value_t *conf_get_handle(const conf_view_t *view, int handle);
/** Numbers, booleans, enumerations: value.i, or 0 when unset. */
apr_int64_t conf_int(const conf_view_t *view, conf_opt_t opt);
/** Intervals as microseconds. */
apr_interval_time_t conf_interval(const conf_view_t *view, conf_opt_t opt);
/** Text, or NULL when unset. */
const char *conf_str(const conf_view_t *view, conf_opt_t opt);

/** Do two views, of one generation or of two, give these `n` options the same values?  With `opts` NULL all
 * options count, and the answer comes from digests that were made with the views: two numbers are compared. */
int conf_view_is_same(const conf_view_t *a, const conf_view_t *b, const conf_opt_t *opts, int n);

/** What `config eval` prints: the value after fallback, where it was found and how it was sought.
 * `scopes` are type, name pairs as typed on the console ("binding", "b", "domain", "d"). */
typedef struct {
    const ec_option_t *option;
    const ec_value_t *value;     /* NULL: unset, no default */
    const char *text;            /* value as it would be written in a file */
    const char *scope;           /* where it came from: "global", "domain example.com", "default" ... */
    const char *file;            /* NULL for defaults */
    int line;
} conf_eval_t;
apr_status_t conf_eval(conf_eval_t *result, conf_t *conf, const char *const *scopes, int n_scopes,
                       const char *option, const char **why, apr_pool_t *pool);

#endif

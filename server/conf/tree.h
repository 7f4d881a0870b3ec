/* tree.h - the tree of a generation, inside the conf room
 * SPDX-License-Identifier: Apache-2.0
 *
 * The parser fills it: stanzas merged by name, the last value of every option, and for
 * each the places it came from.  conf_load() then gives the values their types, and from
 * then on nothing changes except the views, which have a lock of their own. */
#ifndef CONF_TREE_H
#define CONF_TREE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>

#include <apr_hash.h>

#include "conf/conf.h"
#include "conf/options.h"
#include "conf/scopes.h"
#include "conf/value.h"
#include "util/cidr.h"

enum {
    TREE_STANZAS_MAX = 2000000,
    TREE_DEPTH_MAX = 16,
    TREE_PLACES_MAX = 1000,  /* per stanza, the first ones and the last */
    TREE_SHADOWED_MAX = 100 /* per setting, the first ones and the last: memory stays bounded */
};

/* A module's stanza that nobody wrote: before all other modules, or behind them. */
typedef enum { AUTOLOAD_NONE, AUTOLOAD_FIRST, AUTOLOAD_LAST } conf_autoload_t;

/* A file that was read; one per inclusion. */
typedef struct conf_file {
    const char *path;                 /* of a live change: "(console)", with is_live set */
    const struct conf_file *includer; /* NULL: the main file */
    int line;                         /* of the include statement */
    int is_readonly;                  /* by readonly_include, here or further up */
    int is_multiple;                  /* included more than once: read-only too */
    int is_live;                      /* not a file: set on a console */
    int is_local;                     /* Local_Changes_File */
    conf_autoload_t autoload;         /* not a file: says why a module's empty stanza is there */
    unsigned order;                   /* statements read when it ended */
    const conf_stanza_t *stanza;      /* it was included in; only in a tree that was loaded, else NULL */
    struct conf_stamp {               /* tells whether the file is still the one that was read; 0: a text */
        apr_uint64_t device, inode;
        apr_int64_t size, changed;
    } stamp;
} conf_file_t;

/* Bytes of a file, for editing it: from `start` up to `end`, not included.  0, 0: not from a file. */
typedef struct {
    apr_int64_t start, end;
} conf_span_t;

/* Where a stanza was opened; a merged one has several, in order of loading. */
typedef struct conf_place {
    const conf_file_t *file;
    int line;
    conf_span_t span;                 /* from the type to behind the "}" */
    apr_int64_t body;                 /* behind the "{" */
    unsigned order;                   /* statements read when it was closed: what comes later overrides */
    struct conf_place *next;
} conf_place_t;

/* A definition that a later one overrides; needed to take an option away, or to know where it came from. */
typedef struct conf_shadowed {
    const conf_file_t *file;
    int line;
    conf_span_t span;
    struct conf_shadowed *earlier;
} conf_shadowed_t;

typedef struct conf_setting {
    const conf_option_t *option;
    raw_value_t raw; /* as written; the typed value points into it */
    const conf_file_t *file;
    int line;
    conf_span_t span;                 /* the whole statement, from the name */
    unsigned order;                   /* statements read before it */
    unsigned n_shadowed;
    conf_shadowed_t *shadowed;        /* the last of those before, or NULL */
    ec_value_t value;
    struct conf_setting *next;
} conf_setting_t;

/* Children of one type, so that finding them does not walk over thousands of others. */
typedef struct conf_siblings {
    const char *type;
    conf_stanza_t *first, *last; /* by next_same */
    struct conf_siblings *next;
} conf_siblings_t;

struct ec_stanza {
    const conf_scope_t *scope;
    const char *type;            /* as the file names it, lower case: a module's name, or the scope's */
    const char *name;            /* in the form of comparison; "" */
    const char *written;         /* as first written */
    conf_stanza_t *parent;       /* NULL: the root */
    conf_stanza_t *first, *last; /* children in order of definition */
    conf_stanza_t *next;
    conf_stanza_t *next_same;    /* of this type and parent */
    conf_siblings_t *siblings;          /* of the children, one a type */
    conf_setting_t *settings, *last_setting;
    conf_place_t *places, *last_place;
    unsigned n_places;
    unsigned depth;
    unsigned number;             /* stanzas made before it */
    apr_uint64_t hash;
    pcre2_code *regex;                                    /* names written /pattern/ */
    conf_stanza_t *first_regex, *last_regex, *next_regex; /* such children, in order */
    conf_stanza_t *next_module;                           /* of a module's stanza */
    cidr_t network;                                       /* of a peer */
    const conf_t *owner;                                  /* of the root: its generation */
};

struct conf {
    apr_pool_t *pool;
    _Atomic int refs;
    _Atomic apr_uint64_t generation; /* 0 until it is put in force */
    conf_t *_Atomic files_of;     /* the generation as loaded, of which this is a live change (a reference); or NULL */
    conf_stanza_t *root;
    apr_array_header_t *files; /* of const conf_file_t *, in order of reading */
    unsigned n_read;           /* statements: the clock of `order` */
    unsigned n_stanzas, n_made;
    conf_stanza_t **slots; /* children by parent, type and name; open addressing */
    unsigned n_slots;
    apr_hash_t *grouped_bindings; /* name to the binding of that name in the first group that has one */
    int has_grouped_twice;        /* some name is in several groups */
    conf_stanza_t *first_module, *last_module; /* stanzas of modules, in order, by next_module */
    int has_regex;                /* some stanza's name is a regular expression */
    int has_hosts;                /* there is a stanza of an MX host */
    apr_hash_t *defaults;         /* const ec_option_t * to ec_value_t *, of all options */
    const ec_value_t **handle_defaults; /* by handle, n_handles of them */
    int n_handles;
    struct views *views;
    apr_size_t bytes; /* what the tree takes, about */
    conf_t *next_live;
};

/** A new tree with its root; no reference counted yet, destroyed by tree_destroy(), which lets go of `files_of`. */
conf_t *tree_create(void);
void tree_destroy(conf_t *conf);

/** The stanza of this type and name (in comparison form) under `parent`, or NULL. */
conf_stanza_t *tree_find(const conf_t *conf, const conf_stanza_t *parent, const char *type, const char *name);
/** The same, made when missing; copies both texts. */
conf_stanza_t *tree_add(conf_t *conf, conf_stanza_t *parent, const conf_scope_t *scope, const char *type,
                        const char *name, const char *written);
/** The caller fills in span, body and order when it knows them. */
conf_place_t *tree_add_place(conf_t *conf, conf_stanza_t *stanza, const conf_file_t *file, int line);

/** Make a stanza one whose name is a regular expression; keeps `regex`. */
void tree_add_regex(conf_stanza_t *stanza, pcre2_code *regex);

/** Put a stanza (not the root) before this sibling, or behind all others (NULL), wherever the order of siblings counts. */
void tree_move_before(conf_t *conf, conf_stanza_t *stanza, const conf_stanza_t *next);
/** Put a stanza that was just made on a console where a reload will have it: where `files` have it, else behind all others. */
void tree_put_in_order(conf_t *conf, conf_stanza_t *stanza, const conf_t *files);
/** Is it written in no file, but brought by autoload.c? */
conf_autoload_t tree_autoload(const conf_stanza_t *stanza);

/** The stanza of the same path in another tree, or NULL. */
const conf_stanza_t *tree_find_like(const conf_t *conf, const conf_stanza_t *stanza);

conf_setting_t *tree_setting(const conf_stanza_t *stanza, const ec_option_t *row);
/** By name, in any case: between two trees the row may have moved from "known" to a module's table.  `stanza` may be NULL. */
conf_setting_t *tree_setting_named(const conf_stanza_t *stanza, const char *name);
/** Set or replace; copies `raw`.  What was there goes to `shadowed`. */
void tree_set(conf_t *conf, conf_stanza_t *stanza, const conf_option_t *option, const raw_value_t *raw,
              const conf_file_t *file, int line, conf_span_t span);

/** Take a setting away; does it exist? */
int tree_unset(conf_stanza_t *stanza, const ec_option_t *row);
/** Take a stanza (not the root) away, with all below it; its memory stays the tree's. */
void tree_remove(conf_t *conf, conf_stanza_t *stanza);

/** Bytes of stanzas, settings and their texts, about. */
apr_size_t tree_bytes(const conf_t *conf);

/** "domain example.com in binding b", or "global"; in `pool`. */
const char *tree_describe(const conf_stanza_t *stanza, apr_pool_t *pool);

#endif

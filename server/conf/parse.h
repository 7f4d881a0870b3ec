/* parse.h - the grammar of the configuration language, and what its statements do to the tree
 * SPDX-License-Identifier: Apache-2.0
 *
 * parse.c knows the shape of statements and files, build.c what they mean. */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "conf/include.h"
#include "conf/lexer.h"
#include "conf/problem.h"
#include "conf/tree.h"

enum {
    PARSE_INCLUDE_DEPTH_MAX = 32,
    PARSE_FILES_MAX = 100000, /* inclusions in one load */
    PARSE_NAME_MAX = 127      /* of an option or a stanza type */
};
#define PARSE_BYTES_MAX (1LL << 30) /* of all files of one load */

/* A file that is being read; the ones that include it are above. */
struct frame {
    const conf_file_t *file;
    lexer_t lexer;
    struct include_file identity; /* fd -1: a text */
    struct frame *above;
    int depth;
    int is_again;  /* the lexer's token begins the next statement */
    int is_broken; /* the rest can not be read: do not complain about what it lacks */
};

/* A module that is needed without a stanza of its own in the files. */
struct autoload {
    const char *module, *file; /* where it was needed first */
    int line;
};

struct parser {
    conf_t *conf;
    struct problems problems;
    const conf_source_t *source; /* NULL: a text */
    const struct overlay *overlay; /* or NULL */
    struct search_path path;
    struct frame *frame;
    raw_value_t value;   /* of the statement being read */
    apr_int64_t start;   /* its first byte in the file */
    conf_place_t *place; /* of the stanza opened last */
    apr_pool_t *scratch; /* of one statement */
    apr_hash_t *warned;  /* what has been warned about already */
    apr_hash_t *folders; /* device and inode of included ones to "file:line" of the first include */
    apr_hash_t *read;    /* device and inode to the conf_file_t of the first time */
    int has_new_module;  /* a stanza has brought a module: its options may have been used further up */
    apr_hash_t *autoloaded;              /* module's name to struct autoload */
    apr_array_header_t *autoload_order;  /* of struct autoload *, in order of need */
    struct {
        int line; /* on which the value of the last option ended; 0: the last statement was something else */
        char option[PARSE_NAME_MAX + 1], value[40];
    } last; /* scalar, unquoted */
    int n_files;
    long long n_bytes;
    int is_incomplete; /* an error may hide stanzas: what nobody finds may be there */
};

/* Texts that stand for files, so that what would be written can be loaded before it is. */
struct overlay {
    apr_hash_t *texts; /* path to const char *, with a NUL behind */
    const char *last;  /* a file that is loaded last of all, if it is there; or NULL */
};

/* parse.c */
void parse_main_file(struct parser *parser, const char *name);
void parse_text(struct parser *parser, const char *name, const char *text, apr_size_t length);

/** From the statement's first byte up to behind the token read last. */
conf_span_t parse_span(const struct parser *parser);

/** Read a file at the top level, behind all others.  `line`: of the main file, that asks for it. */
void parse_last_file(struct parser *parser, const char *path, int line, int is_local);
/** "file:line" of the include that would load a file of this path because it loads the folder; or NULL. */
const char *parse_find_folder(const struct parser *parser, const char *path);
/** The file in `parser->read` that is this one, or NULL. */
conf_file_t *parse_find_read(const struct parser *parser, const struct conf_stamp *stamp);

/* last.c */
/** Local_Changes_File and the overlay's last file, when everything else has been read. */
void last_files(struct parser *parser);

/* build.c */
/** `option = value` with parser->value.  `stanza` NULL: ignored. */
void build_option(struct parser *parser, conf_stanza_t *stanza, const char *name, int line);
/** Opens a stanza; NULL when its contents are to be ignored.  `instance` NULL: anonymous. */
conf_stanza_t *build_stanza(struct parser *parser, conf_stanza_t *parent, const char *type,
                            const char *instance, int line);

/* autoload.c */
/** The option that may stand in `stanza`, by a module that announces it if need be; NULL, perhaps after an error. */
const conf_option_t *autoload_option(struct parser *parser, const conf_stanza_t *stanza, const char *name, int line);
/** When all is read: the empty stanzas of modules that are needed and that no file has. */
void autoload_finish(struct parser *parser);
/** "config.Domain:option": what is missing when nobody has the option. */
const char *autoload_capability(const conf_scope_t *scope, const char *option, apr_pool_t *pool);

/* check.c */
/** References in the values of one stanza, and what other rooms say of them. */
void check_values(struct parser *parser, conf_stanza_t *stanza);
/** Two that want what only one can have. */
void check_conflicts(struct parser *parser);

/* load.c */
/** Get ready to put statements into `conf`; `pool` is for problems and, until the caller sets another, scratch. */
void parser_begin(struct parser *parser, conf_t *conf, const conf_source_t *source, apr_pool_t *pool);
/** conf_load() with texts in the place of files; `overlay` may be NULL. */
apr_status_t load_overlaid(conf_t **conf, apr_array_header_t **problems, const conf_source_t *source,
                           const struct overlay *overlay, apr_pool_t *pool);
/** Give every option that is known by now its default; again, when a module has come since. */
void load_defaults(conf_t *conf);
/** Give every value of parser->conf its type, and every option its default.  Once for a tree. */
void load_values(struct parser *parser);
/** What can be judged only of the whole, when all values have their types: defaults that depend on other options, references
 * between stanzas.  May be repeated after a change. */
void load_check(struct parser *parser);

/** An error or warning at a line of the file being read. */
#define parse_error(parser, line, ...) parse_error_of(parser, SYNTAX, line, __VA_ARGS__)
#define parse_error_of(parser, kind, line, ...)                                                        \
    problem_error_of(&(parser)->problems, CONF_PROBLEM_##kind, (parser)->frame->file->path, (line), __VA_ARGS__)
#define parse_warning(parser, line, ...) \
    problem_warning(&(parser)->problems, (parser)->frame->file->path, (line), __VA_ARGS__)

#endif

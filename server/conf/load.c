/* load.c - files to a generation: read, give types, check
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/parse.h"
#include "conf/view.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <apr_strings.h>

/* ---- defaults ---------------------------------------------------------------------------- */

static void set_default(conf_t *conf, const conf_option_t *option, const ec_value_t *value)
{
    apr_hash_set(conf->defaults, &option->row, sizeof(option->row), value);
    if (option->handle >= 0 && option->handle < conf->n_handles)
        conf->handle_defaults[option->handle] = value;
}

static void make_default(void *baton, const conf_option_t *option)
{
    conf_t *conf = baton;
    ec_value_t *value = apr_pcalloc(conf->pool, sizeof(*value));
    raw_value_t raw = { 0 };
    const char *why;
    apr_status_t rv;

    if (option->row->deflt == NULL)
        return;
    rv = value_make_default(value, &raw, option->row, &why, conf->pool);
    EC_ASSERT(rv == APR_SUCCESS); /* conf_register() refused what is not a value */
    set_default(conf, option, value);
}

static const char *system_host_name(conf_t *conf)
{
    char name[256];

    if (gethostname(name, sizeof(name)) != 0 || name[0] == '\0')
        return "localhost";
    name[sizeof(name) - 1] = '\0';
    return apr_pstrdup(conf->pool, name);
}

static void set_text_default(conf_t *conf, conf_opt_t opt, const char *text)
{
    ec_value_t *value = apr_pcalloc(conf->pool, sizeof(*value));

    value->s = text;
    set_default(conf, options_find(scope_global, conf_option(opt)->name), value);
}

/* Defaults that depend on the machine or on other options. */
static void make_computed_defaults(conf_t *conf)
{
    const conf_setting_t *hostname = tree_setting(conf->root, conf_option(CONF_O_HOSTNAME));
    const char *name = system_host_name(conf);

    set_text_default(conf, CONF_O_HOSTNAME, name);
    set_text_default(
        conf, CONF_O_MAILERDAEMON,
        apr_pstrcat(conf->pool, "mailer-daemon@", hostname != NULL ? hostname->value.s : name, NULL));
}

/* ---- types -------------------------------------------------------------------- */

typedef void stanza_fn(struct parser *parser, conf_stanza_t *stanza);

static void each_stanza(struct parser *parser, conf_stanza_t *stanza, stanza_fn *fn)
{
    fn(parser, stanza);
    for (conf_stanza_t *child = stanza->first; child != NULL; child = child->next)
        each_stanza(parser, child, fn);
}

static void make_values(struct parser *parser, conf_stanza_t *stanza)
{
    for (conf_setting_t *setting = stanza->settings; setting != NULL; setting = setting->next) {
        const char *why = "out of memory";

        if (value_make(&setting->value, setting->option->row, &setting->raw, &why, parser->conf->pool) !=
            APR_SUCCESS)
            problem_error_of(&parser->problems, CONF_PROBLEM_WRONG_VALUE, setting->file->path, setting->line,
                             "option \"%s\": %s",
                          setting->option->row->name, why);
    }
}

/* ---- loading ------------------------------------------------------------------------------------ */

void load_defaults(conf_t *conf)
{
    conf->n_handles = options_handles();
    conf->handle_defaults =
        apr_pcalloc(conf->pool, sizeof(conf->handle_defaults[0]) * (apr_size_t)conf->n_handles);
    options_each_ever(make_default, conf);
}

void load_values(struct parser *parser)
{
    load_defaults(parser->conf);
    each_stanza(parser, parser->conf->root, make_values);
}

void load_check(struct parser *parser)
{
    make_computed_defaults(parser->conf);
    each_stanza(parser, parser->conf->root, check_values);
    check_conflicts(parser);
}

/* All that is wrong is told at once, but what may only follow from a stanza that is lacking. */
static void finish_tree(struct parser *parser)
{
    parser->is_incomplete = parser->problems.structural > 0;
    if (parser->is_incomplete) {
        load_values(parser);
        each_stanza(parser, parser->conf->root, check_values);
    } else {
        autoload_finish(parser);
        load_values(parser);
        load_check(parser);
    }
}

void parser_begin(struct parser *parser, conf_t *conf, const conf_source_t *source, apr_pool_t *pool)
{
    memset(parser, 0, sizeof(*parser));
    problems_init(&parser->problems, pool);
    parser->conf = conf;
    parser->source = source;
    parser->scratch = pool;
    parser->warned = apr_hash_make(pool);
    parser->read = apr_hash_make(pool);
    parser->folders = apr_hash_make(pool);
    parser->autoloaded = apr_hash_make(pool);
    parser->autoload_order = apr_array_make(pool, 4, sizeof(struct autoload *));
}

static apr_status_t parser_init(struct parser *parser, const conf_source_t *source, apr_pool_t *pool)
{
    parser_begin(parser, tree_create(), source, pool);
    if (parser->conf == NULL)
        return APR_ENOMEM;
    if (source != NULL)
        search_path_make(&parser->path, source, pool);
    return apr_pool_create(&parser->scratch, pool);
}

static void parser_end(struct parser *parser)
{
    free(parser->value.text);
    apr_pool_destroy(parser->scratch);
}

/* What was unknown may be known by now: an option of a module may stand above the stanza that has brought the module. */
static int is_to_be_read_again(struct parser *parser)
{
    if (parser->problems.errors == 0 || !parser->has_new_module)
        return 0;
    tree_destroy(parser->conf);
    parser_end(parser);
    return 1;
}

static apr_status_t parser_finish(struct parser *parser, conf_t **conf)
{
    apr_status_t rv = EC_E_CONFIG;

    finish_tree(parser);
    if (parser->problems.errors == 0) {
        parser->conf->refs = 1;
        views_create(parser->conf); /* from here on others see it in the list of those in memory */
        *conf = parser->conf;
        rv = APR_SUCCESS;
    } else {
        tree_destroy(parser->conf);
    }
    parser_end(parser);
    return rv;
}

apr_status_t load_overlaid(conf_t **conf, apr_array_header_t **problems, const conf_source_t *source,
                           const struct overlay *overlay, apr_pool_t *pool)
{
    struct parser parser;

    do {
        EC_TRY(parser_init(&parser, source, pool));
        parser.overlay = overlay;
        parse_main_file(&parser, source->file);
        last_files(&parser);
    } while (is_to_be_read_again(&parser));
    *problems = parser.problems.list;
    return parser_finish(&parser, conf);
}

apr_status_t conf_load(conf_t **conf, apr_array_header_t **problems, const conf_source_t *source,
                       apr_pool_t *pool)
{
    return load_overlaid(conf, problems, source, NULL, pool);
}

apr_status_t conf_load_text(conf_t **conf, apr_array_header_t **problems, const char *name, const char *text,
                            apr_size_t length, apr_pool_t *pool)
{
    struct parser parser;

    EC_TRY(parser_init(&parser, NULL, pool));
    parse_text(&parser, name, text, length);
    *problems = parser.problems.list;
    return parser_finish(&parser, conf);
}

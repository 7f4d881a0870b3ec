/* check.c - what can be judged only when all is read: references, and places that only one may have
 * SPDX-License-Identifier: Apache-2.0
 *
 * A value that names a stanza which does not exist is an error where the value stands; of a conflict both places are
 * told.  References are found by the option's name, so that modules' options count as well. */
#include "conf/check.h"
#include "conf/parse.h"
#include "conf/view.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

/* ---- references ---------------------------------------------------------------------------- */

static const conf_stanza_t *find_top(const conf_t *conf, const char *type, const char *name)
{
    const conf_stanza_t *stanza = NULL;

    while ((stanza = conf_next(conf, NULL, type, stanza)) != NULL) {
        if (strcasecmp(stanza->name, name) == 0)
            return stanza;
    }
    return NULL;
}

static int has_pathway(const conf_t *conf, const char *name)
{
    chain_t chain;
    int found;

    chain_init(&chain);
    chain_pathway(&chain, conf, name);
    found = chain.count;
    chain_free(&chain);
    return found > 0;
}

/* These are there without a stanza. */
static int has_pool(const conf_t *conf, const char *name)
{
    static const char *const implicit[] = { "IO", "CPU",     "SwapIn", "SwapOut",      "SpoolIn",
                                            "Unlink", "Batch_Unlink", "Close",   NULL };

    for (int i = 0; implicit[i] != NULL; i++) {
        if (strcasecmp(implicit[i], name) == 0)
            return 1;
    }
    return *name == '\0' || find_top(conf, "threadpool", name) != NULL;
}

static int has_eventloop(const conf_t *conf, const char *name)
{
    return *name == '\0' || strcasecmp(name, "default") == 0 || find_top(conf, "eventloop", name) != NULL;
}

static int has_group(const conf_t *conf, const char *name)
{
    return strcmp(name, "default") == 0 || tree_find(conf, conf->root, "binding_group", name) != NULL;
}

static int has_binding(const conf_t *conf, const char *name)
{
    cidr_t address;

    return strcmp(name, "default") == 0 || cidr_parse_address(&address, name) ||
           tree_find(conf, conf->root, "binding", name) != NULL ||
           apr_hash_get(conf->grouped_bindings, name, APR_HASH_KEY_STRING) != NULL;
}

static int is_banner(const conf_t *conf, const char *text)
{
    return strncmp(text, "220", 3) == 0;
}

/* What is said in SMTP where a host name belongs: one word, or "" for none. */
static int is_host_word(const conf_t *conf, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~')
            return 0;
    }
    return 1;
}

static int is_ehlo_name(const conf_t *conf, const char *text)
{
    if (strncmp(text, "__", 2) == 0)
        return strcmp(text, "__hostname__") == 0 || strcmp(text, "__message__") == 0;
    return is_host_word(conf, text);
}

static int is_never(const conf_t *conf, const char *text)
{
    return 0;
}

static const struct reference {
    const char *option;
    const char *type;   /* of the stanza; NULL: any */
    const char *parent; /* of the stanza that it is in; NULL: any */
    int (*is_right)(const conf_t *conf, const char *text);
    conf_problem_kind_t kind;
    const char *what;
} references[] = {
    { "pathway", NULL, NULL, has_pathway, CONF_PROBLEM_DANGLING, "there is no pathway of this name" },
    { "pool_name", NULL, NULL, has_pool, CONF_PROBLEM_DANGLING, "there is no threadpool of this name" },
    { "thread_pool", NULL, NULL, has_pool, CONF_PROBLEM_DANGLING, "there is no threadpool of this name" },
    { "pool", NULL, NULL, has_pool, CONF_PROBLEM_DANGLING, "there is no threadpool of this name" },
    { "accum_pool", NULL, NULL, has_pool, CONF_PROBLEM_DANGLING, "there is no threadpool of this name" },
    { "scan_pool", NULL, NULL, has_pool, CONF_PROBLEM_DANGLING, "there is no threadpool of this name" },
    { "event_loop", NULL, NULL, has_eventloop, CONF_PROBLEM_DANGLING, "there is no eventloop of this name" },
    { "delivery_pool", NULL, NULL, has_eventloop, CONF_PROBLEM_DANGLING, "there is no eventloop of this name" },
    { "maintainer_pool", NULL, NULL, has_eventloop, CONF_PROBLEM_DANGLING, "there is no eventloop of this name" },
    { "binding_group", "replicate", NULL, has_group, CONF_PROBLEM_DANGLING, "there is no binding_group of this name" },
    { "duravip_follow", NULL, NULL, has_binding, CONF_PROBLEM_DANGLING, "there is no binding of this name" },
    { "cluster_max_outbound_connections", "binding", "binding_group", is_never, CONF_PROBLEM_MISPLACED_OPTION,
      "not in a binding that is in a binding_group" },
    { "hostname", "global", NULL, is_host_word, CONF_PROBLEM_WRONG_VALUE, "a host name is one word" },
    { "banner_hostname", NULL, NULL, is_host_word, CONF_PROBLEM_WRONG_VALUE, "a host name is one word" },
    { "received_hostname", NULL, NULL, is_host_word, CONF_PROBLEM_WRONG_VALUE, "a host name is one word" },
    { "ehlo_hostname", NULL, NULL, is_ehlo_name, CONF_PROBLEM_WRONG_VALUE,
      "a host name is one word, and __hostname__ or __message__ when the server is to choose" },
    { "static_banner", NULL, NULL, is_banner, CONF_PROBLEM_WRONG_VALUE, "a banner begins with 220" },
};

enum { REFERENCES = sizeof(references) / sizeof(references[0]) };

static const struct reference *find_reference(const conf_stanza_t *stanza, const conf_setting_t *setting)
{
    for (int i = 0; setting->value.s != NULL && i < REFERENCES; i++) {
        if (strcmp(references[i].option, setting->option->row->name) == 0 &&
            (references[i].type == NULL || strcmp(references[i].type, stanza->type) == 0) &&
            (references[i].parent == NULL || strcmp(references[i].parent, stanza->parent->type) == 0))
            return &references[i];
    }
    return NULL;
}

/* ---- checks of other rooms ----------------------------------------------------------------- */

static conf_check_fn *registered[CONF_O_COUNT];

void conf_check_register(conf_opt_t option, conf_check_fn *check)
{
    registered[option] = check;
}

enum { LISTENERS_MAX = 4 };
static struct {
    const char *listener;
    conf_check_fn *check;
} listen_checks[LISTENERS_MAX];
static int n_listen_checks;

void conf_check_register_listen(const char *listener, conf_check_fn *check)
{
    int i = 0;

    while (i < n_listen_checks && strcmp(listen_checks[i].listener, listener) != 0)
        i++;
    EC_ASSERT(i < LISTENERS_MAX);
    listen_checks[i].listener = listener;
    listen_checks[i].check = check;
    n_listen_checks += i == n_listen_checks;
}

static void check_item(struct parser *parser, const conf_setting_t *setting, const char *text)
{
    const char *what, *shown = problem_quote(&parser->problems, text);
    int is_warning = 0;

    if ((what = registered[setting->option->handle](text, &is_warning)) == NULL)
        return;
    if (is_warning)
        problem_warning(&parser->problems, setting->file->path, setting->line, "option \"%s\": %s: \"%s\"",
                        setting->option->row->name, what, shown);
    else
        problem_error_of(&parser->problems, CONF_PROBLEM_WRONG_VALUE, setting->file->path, setting->line,
                         "option \"%s\": %s: \"%s\"", setting->option->row->name, what, shown);
}

static void check_by_room(struct parser *parser, const conf_setting_t *setting)
{
    int handle = setting->option->handle;

    if (handle < 0 || handle >= CONF_O_COUNT || registered[handle] == NULL)
        return;
    if (setting->value.list == NULL)
        check_item(parser, setting, setting->value.s);
    for (int i = 0; setting->value.list != NULL && setting->value.list[i] != NULL; i++)
        check_item(parser, setting, setting->value.list[i]);
}

static void check_text(struct parser *parser, const conf_setting_t *setting, const char *text)
{
    const ec_option_t *row = setting->option->row;
    const char *what = text != NULL ? row->check(text, parser->problems.pool) : NULL;

    if (what != NULL)
        problem_error_of(&parser->problems, CONF_PROBLEM_WRONG_VALUE, setting->file->path, setting->line,
                         "option \"%s\": %s", row->name, what);
}

static void check_by_row(struct parser *parser, const conf_setting_t *setting)
{
    if (setting->option->row->check == NULL)
        return;
    if (setting->value.list == NULL)
        check_text(parser, setting, setting->value.s);
    for (int i = 0; setting->value.list != NULL && setting->value.list[i] != NULL; i++)
        check_text(parser, setting, setting->value.list[i]);
}

void check_values(struct parser *parser, conf_stanza_t *stanza)
{
    for (const conf_setting_t *setting = stanza->settings; setting != NULL; setting = setting->next) {
        const struct reference *reference = find_reference(stanza, setting);

        check_by_room(parser, setting);
        check_by_row(parser, setting);
        if (reference != NULL && reference->kind == CONF_PROBLEM_DANGLING && parser->is_incomplete)
            continue;
        if (reference != NULL && !reference->is_right(parser->conf, setting->value.s))
            problem_error_of(&parser->problems, reference->kind, setting->file->path, setting->line,
                             "option \"%s\": %s: \"%s\"", setting->option->row->name, reference->what,
                             problem_quote(&parser->problems, setting->value.s));
    }
}

/* ---- conflicts ----------------------------------------------------------------------------- */

static void report_conflict(struct parser *parser, const conf_stanza_t *later, const conf_stanza_t *earlier,
                            const char *what)
{
    problem_error_of(&parser->problems, CONF_PROBLEM_CONFLICT, conf_stanza_file(later), conf_stanza_line(later),
                     "%s: %s; the other is %s at %s:%d", tree_describe(later, parser->problems.pool), what,
                     tree_describe(earlier, parser->problems.pool), conf_stanza_file(earlier),
                     conf_stanza_line(earlier));
}

static int is_enabled(const conf_stanza_t *stanza)
{
    const conf_setting_t *setting = tree_setting(stanza, conf_option(CONF_O_ENABLE));

    if (setting == NULL && stanza->parent != NULL)
        setting = tree_setting(stanza->parent, conf_option(CONF_O_ENABLE));
    return setting == NULL || setting->value.i != 0;
}

/* Port 0 is a port of the system's choice: as often as one likes. */
static int has_port(const conf_stanza_t *listen)
{
    const char *colon = strrchr(listen->name, ':');

    return colon == NULL || strcmp(colon, ":0") != 0;
}

/* Of the listens on one port of one address family: the first of all, and the first that takes every address. */
struct port {
    const conf_stanza_t *first, *wildcard;
};

static int is_wildcard(const char *name)
{
    return name[0] == '*' || strncmp(name, "[::]:", 5) == 0 || strncmp(name, "0.0.0.0:", 8) == 0;
}

/* "*:25" and "127.0.0.1:25" can not be had both: the system gives a port to one of them. */
static void check_overlap(struct parser *parser, apr_hash_t *ports, const conf_stanza_t *listen)
{
    const char *colon = strrchr(listen->name, ':'), *key;
    const conf_stanza_t *other;
    struct port *port;

    if (colon == NULL || listen->name[0] == '/' || listen->parent->scope->flags & SCOPE_NO_EFFECT)
        return;
    key = apr_pstrcat(parser->problems.pool, listen->name[0] == '[' ? "6" : "4", colon, NULL);
    if ((port = apr_hash_get(ports, key, APR_HASH_KEY_STRING)) == NULL) {
        port = apr_pcalloc(parser->problems.pool, sizeof(*port));
        apr_hash_set(ports, key, APR_HASH_KEY_STRING, port);
    }
    other = is_wildcard(listen->name) ? port->first : port->wildcard;
    if (other != NULL)
        report_conflict(parser, listen, other, "these addresses overlap, and only one of them can have the port");
    if (port->first == NULL)
        port->first = listen;
    if (port->wildcard == NULL && is_wildcard(listen->name))
        port->wildcard = listen;
}

static void check_listen(struct parser *parser, const conf_stanza_t *listen)
{
    const char *what;
    int is_warning = 0;

    for (int i = 0; i < n_listen_checks; i++) {
        if (strcmp(listen_checks[i].listener, listen->parent->type) == 0 &&
            (what = listen_checks[i].check(listen->name, &is_warning)) != NULL)
            problem_error_of(&parser->problems, CONF_PROBLEM_WRONG_NAME, conf_stanza_file(listen),
                             conf_stanza_line(listen), "listen \"%s\": %s", listen->name, what);
    }
}

/* One endpoint, one listener. */
static void check_endpoints(struct parser *parser)
{
    apr_hash_t *taken = apr_hash_make(parser->problems.pool), *ports = apr_hash_make(parser->problems.pool);
    const conf_stanza_t *listener = NULL, *listen;

    while ((listener = conf_next(parser->conf, NULL, NULL, listener)) != NULL) {
        for (listen = NULL; (listen = conf_next(parser->conf, listener, "listen", listen)) != NULL;) {
            const conf_stanza_t *other = apr_hash_get(taken, listen->name, APR_HASH_KEY_STRING);

            if (!is_enabled(listen))
                continue;
            check_listen(parser, listen);
            if (!has_port(listen))
                continue;
            if (other != NULL) {
                report_conflict(parser, listen, other, "an endpoint belongs to one listener");
                continue;
            }
            apr_hash_set(taken, listen->name, APR_HASH_KEY_STRING, listen);
            check_overlap(parser, ports, listen);
        }
    }
}

/* All its instances must have one name. */
static void check_scriptlets(struct parser *parser)
{
    const conf_stanza_t *first = conf_next(parser->conf, NULL, "scriptlet", NULL), *other = first;

    while (other != NULL && (other = conf_next(parser->conf, NULL, "scriptlet", other)) != NULL)
        report_conflict(parser, other, first, "all scriptlet stanzas have one instance name");
}

/* Local_Changes_Only says that there is a file for them. */
static void check_local_changes(struct parser *parser)
{
    const conf_setting_t *only = tree_setting(parser->conf->root, conf_option(CONF_O_LOCAL_CHANGES_ONLY));
    const conf_setting_t *file = tree_setting(parser->conf->root, conf_option(CONF_O_LOCAL_CHANGES_FILE));

    if (only != NULL && only->value.i && (file == NULL || *file->value.s == '\0'))
        problem_error(&parser->problems, only->file->path, only->line,
                      "option \"%s\" needs local_changes_file to name the file", only->option->row->name);
}

void check_conflicts(struct parser *parser)
{
    check_local_changes(parser);
    check_endpoints(parser);
    check_scriptlets(parser);
}

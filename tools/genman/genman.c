/* genman.c - the option tables as pages of the manual
 * SPDX-License-Identifier: Apache-2.0
 *
 *   genman page TEMPLATE MODULE.la ...
 *                           copy the template; a line "@OPTIONS@", "@MODULES@",
 *                           "@ACCEPTED@" or "@STANZAS@" becomes a list of mdoc entries made from the tables
 *   genman status DOCUMENTED MODULE.la ...
 *                           which options work, as tables in Markdown; DOCUMENTED lists what the documentation names
 *
 * Both go to standard output.  Runs while the house is built, so that the manual can not
 * say anything else than the tables that the server checks a configuration with.  Modules
 * are loaded as the server does it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_tables.h>

#include <ec/module.h>

#include "conf/ask/type.h"
#include "conf/kind.h"
#include "conf/options.h"
#include "module/file.h"

enum { MODULES_MAX = 256 };
static const ec_module_t *modules[MODULES_MAX];
static int n_modules;

typedef apr_array_header_t rows_t;          /* of const conf_option_t *, sorted by name */

static const conf_option_t *row_at(const rows_t *rows, int i)
{
    return APR_ARRAY_IDX(rows, i, const conf_option_t *);
}

static int is_working(const conf_option_t *option)
{
    return !(option->row->flags & EC_OPTION_NO_EFFECT);
}

/* ---- words ---------------------------------------------------------------------------------- */

/* A list of words separated by spaces, as "a, b, c". */
static void put_list(const char *words, const char *between)
{
    for (; *words != '\0'; words++) {
        if (*words == ' ')
            fputs(between, stdout);
        else
            putchar(*words);
    }
}

/* ---- mdoc ----------------------------------------------------------------------------------- */

/* Text on a line of its own: what would be a request or an escape is shown as it is. */
static void put_mdoc(const char *text)
{
    if (*text == '.' || *text == '\'')
        fputs("\\&", stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\\')
            fputs("\\e", stdout);
        else
            putchar(*text);
    }
}

static void put_entry(const conf_option_t *option, apr_pool_t *pool)
{
    const ec_option_t *row = option->row;

    printf(".It Cm %s\n", row->name);
    put_mdoc(row->help);
    fputs("\n.br\n", stdout);
    fputs("Type: ", stdout);
    put_mdoc(option_type_text(row, pool));
    fputs(".\nDefault: ", stdout);
    put_mdoc(option_default_text(row));
    fputs(".\n", stdout);
    if (row->scopes != NULL) {
        fputs("Scopes: ", stdout);
        put_list(row->scopes, ", ");
        fputs(".\n", stdout);
    } else if (!is_working(option) || option->kind != option->kind->outer) {
        printf("Scopes: %s.\n", option_scopes_text(option, pool));
    }
    if (row->flags & EC_OPTION_RESTART)
        fputs("A change needs a restart.\n", stdout);
}

/* A list without entries is none in mdoc(7). */
static void put_entries(const rows_t *rows, const char *owner)
{
    int n = 0;

    for (int i = 0; i < rows->nelts; i++) {
        if (!is_working(row_at(rows, i)) || strcmp(row_at(rows, i)->owner, owner) != 0)
            continue;
        if (n++ == 0)
            fputs(".Bl -tag -width Ds\n", stdout);
        put_entry(row_at(rows, i), rows->pool);
    }
    fputs(n > 0 ? ".El\n" : "It has no options.\n", stdout);
}

static void put_options(const rows_t *rows)
{
    put_entries(rows, "core");
}

static void put_modules(const rows_t *rows)
{
    for (int i = 0; i < n_modules; i++) {
        printf(".Ss %s: %s\n", modules[i]->name, modules[i]->summary);
        put_entries(rows, modules[i]->name);
    }
}

/* Of the core and of all modules, also of those that are only documented. */
static void put_accepted(const rows_t *rows)
{
    fputs(".Bl -tag -width Ds\n", stdout);
    for (int i = 0; i < rows->nelts; i++) {
        if (!is_working(row_at(rows, i)))
            put_entry(row_at(rows, i), rows->pool);
    }
    fputs(".El\n", stdout);
}

static const char *naming_of(const conf_scope_t *scope)
{
    static const char *const kinds[] = {
        [NAME_TEXT] = " Ar name",       [NAME_DOMAIN] = " Ar domain",   [NAME_GROUP] = " Ar name",
        [NAME_BINDING] = " Ar name",    [NAME_NETWORK] = " Ar network", [NAME_ENDPOINT] = " Ar endpoint",
    };

    return scope->naming == SCOPE_NAMED ? kinds[scope->kind] : "";
}

static void put_stanzas(const rows_t *rows)
{
    fputs(".Bl -tag -width Ds\n", stdout);
    for (int i = 0; scope_at(i) != NULL; i++) {
        const conf_scope_t *scope = scope_at(i);

        if (*scope->parents == '\0' || scope->flags & SCOPE_NO_EFFECT)
            continue;
        printf(".It Cm %s%s\nIn: ", scope->name, naming_of(scope));
        put_list(scope->parents, ", ");
        fputs(".\n", stdout);
    }
    fputs(".El\n", stdout);
}

static const struct {
    const char *line;
    void (*put)(const rows_t *rows);
} marks[] = {
    { "@OPTIONS@\n", put_options },
    { "@MODULES@\n", put_modules },
    { "@ACCEPTED@\n", put_accepted },
    { "@STANZAS@\n", put_stanzas },
};

static void put_line(const char *line, const rows_t *rows)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (strcmp(line, marks[i].line) == 0) {
            marks[i].put(rows);
            return;
        }
    }
    fputs(line, stdout);
}

static int put_page(const char *template, const rows_t *rows)
{
    FILE *in = fopen(template, "r");
    char line[4096];

    if (in == NULL) {
        perror(template);
        return 1;
    }
    while (fgets(line, sizeof line, in) != NULL)
        put_line(line, rows);
    fclose(in);
    return 0;
}

/* ---- status --------------------------------------------------------------------------------- */

/* Inside a cell of a table. */
static void put_cell(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|' || *text == '<')
            putchar('\\');
        putchar(*text);
    }
}

static void put_status_rows(const rows_t *rows, int wanted)
{
    fputs("\n| Option | Scopes | Default | What it says |\n|---|---|---|---|\n", stdout);
    for (int i = 0; i < rows->nelts; i++) {
        const conf_option_t *option = row_at(rows, i);

        if (is_working(option) != wanted)
            continue;
        printf("| `%s` | ", option->row->name);
        if (option->row->scopes != NULL)
            put_list(option->row->scopes, ", ");
        else
            put_cell(option_scopes_text(option, rows->pool));
        printf(" | `%s` | ", option_default_text(option->row));
        put_cell(option->row->help);
        fputs(" |\n", stdout);
    }
}

static int is_known(const rows_t *rows, const char *name)
{
    for (int i = 0; i < rows->nelts; i++) {
        if (strcmp(row_at(rows, i)->row->name, name) == 0)
            return 1;
    }
    return 0;
}

/* Options that the documentation names and no table has: array of const char *. */
static apr_array_header_t *find_refused(const char *file, const rows_t *rows)
{
    apr_array_header_t *refused = apr_array_make(rows->pool, 4, sizeof(const char *));
    FILE *in = fopen(file, "r");
    char line[4096];

    if (in == NULL) {
        perror(file);
        return NULL;
    }
    while (fgets(line, sizeof line, in) != NULL) {
        char *last, *name = apr_strtok(line, "\t\n", &last), *type = apr_strtok(NULL, "\t\n", &last);

        if (type != NULL && *name != '#' && strcmp(type, "stanza") != 0 && !is_known(rows, name))
            APR_ARRAY_PUSH(refused, const char *) = apr_pstrdup(rows->pool, name);
    }
    fclose(in);
    return refused;
}

static void put_refused(const apr_array_header_t *refused)
{
    fputs("\n## Refused\n\n", stdout);
    for (int i = 0; i < refused->nelts; i++)
        printf("* `%s`\n", APR_ARRAY_IDX(refused, i, const char *));
    if (refused->nelts == 0)
        fputs("None.\n", stdout);
}

static int put_status(const char *documented, const rows_t *rows)
{
    const apr_array_header_t *refused = find_refused(documented, rows);
    int working = 0;

    if (refused == NULL)
        return 1;
    for (int i = 0; i < rows->nelts; i++)
        working += is_working(row_at(rows, i));
    printf("# Which options work\n\n"
           "Made from the option tables of this version, the modules' among them. An option that is accepted without effect "
           "is\nchecked like any other, and a warning names it; it changes nothing yet. Refused are names that the "
           "documentation has\nand no table knows: they are errors, like any other name.\n\n"
           "| | Options |\n|---|---|\n| work | %d |\n| accepted with a warning, no effect yet | %d |\n| refused | %d "
           "|\n\n"
           "An option that stands twice means different things in different scopes.\n\n## They work\n",
           working, rows->nelts - working, refused->nelts);
    put_status_rows(rows, 1);
    fputs("\n## Accepted with a warning, no effect yet\n", stdout);
    put_status_rows(rows, 0);
    put_refused(refused);
    return 0;
}

/* ---- main ----------------------------------------------------------------------------------- */

static void add_row(void *rows, const conf_option_t *option)
{
    APR_ARRAY_PUSH((rows_t *)rows, const conf_option_t *) = option;
}

/* Of a module that is there, only what it does not have itself. */
static void add_documented(void *baton, const conf_option_t *option)
{
    const rows_t *rows = baton;

    for (int i = 0; i < rows->nelts; i++) {
        const conf_option_t *other = row_at(rows, i);

        if (option_is_like(other, option))
            return;
    }
    add_row(baton, option);
}

static int by_name(const void *a, const void *b)
{
    const conf_option_t *left = *(const conf_option_t *const *)a, *right = *(const conf_option_t *const *)b;
    int order = strcmp(left->row->name, right->row->name);

    /* of one name: the core's before a module's, then as the scopes are written */
    if (order == 0)
        order = (left->row->scopes == NULL) - (right->row->scopes == NULL);
    if (order == 0 && left->row->scopes != NULL)
        order = strcmp(left->row->scopes, right->row->scopes);
    order = order != 0 ? order : strcmp(left->owner, right->owner);
    return order != 0 || left->kind == NULL || right->kind == NULL ? order : strcmp(left->kind->scope.name, right->kind->scope.name);
}

static const char *folder_of(const char *file, apr_pool_t *pool)
{
    const char *slash = strrchr(file, '/');

    return slash != NULL ? apr_pstrmemdup(pool, file, (apr_size_t)(slash - file)) : ".";
}

/* "modules/ec_logger/ec_logger.la": the folder goes into the path, the name is the module's. */
static int load_modules(int n, char *const *files, apr_pool_t *pool)
{
    const char *path = "", *why = "more than 256 modules";

    for (int i = 0; i < n; i++)
        path = apr_pstrcat(pool, path, i > 0 ? ":" : "", folder_of(files[i], pool), NULL);
    if (module_files_start(path, pool) != APR_SUCCESS || n > MODULES_MAX) {
        fprintf(stderr, "genman: modules can not be loaded: %s\n", why);
        return -1;
    }
    for (int i = 0; i < n; i++) {
        char *name = apr_pstrdup(pool, strrchr(files[i], '/') != NULL ? strrchr(files[i], '/') + 1 : files[i]);

        name[strcspn(name, ".")] = '\0';
        if (module_file_load(&modules[n_modules++], name, &why, pool) != APR_SUCCESS) {
            fprintf(stderr, "genman: %s\n", why);
            return -1;
        }
    }
    return 0;
}

static int run(int argc, char **argv, apr_pool_t *pool)
{
    rows_t *rows = apr_array_make(pool, 512, sizeof(const conf_option_t *));

    if (argc < 3) {
        fputs("usage: genman page TEMPLATE MODULE.la ... | genman status DOCUMENTED MODULE.la ...\n", stderr);
        return 2;
    }
    if (load_modules(argc - 3, argv + 3, pool) != 0)
        return 1;
    options_each(add_row, rows);
    documented_each(add_documented, rows);
    qsort(rows->elts, (size_t)rows->nelts, sizeof(const conf_option_t *), by_name);
    return strcmp(argv[1], "page") == 0 ? put_page(argv[2], rows) : put_status(argv[2], rows);
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    int status;

    if (apr_initialize() != APR_SUCCESS || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 1;
    status = run(argc, argv, pool);
    apr_terminate();
    return fflush(stdout) == 0 ? status : 1;
}

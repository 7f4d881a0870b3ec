/* documented_test.c - every documented name is known, with its type, in its scopes and in no others
 * SPDX-License-Identifier: Apache-2.0
 *
 * documented.txt is the list; SRCDIR is where it is. */
#include <stdio.h>

#include "conf/kind.h"
#include "conf/loading.h"
#include "conf/options.h"
#include "runner.h"

struct line {
    const char *name, *types, *scopes;
};

static apr_array_header_t *lines; /* of struct line */

static void read_list(void)
{
    char text[512], *last;
    FILE *file = fopen(SRCDIR "/documented.txt", "r");

    ck_assert_ptr_nonnull(file);
    lines = apr_array_make(test_pool, 512, sizeof(struct line));
    while (fgets(text, sizeof(text), file) != NULL) {
        char *copy = apr_pstrdup(test_pool, text);
        struct line line;

        if (*copy == '#')
            continue;
        line.name = apr_strtok(copy, "\t\n", &last);
        line.types = apr_strtok(NULL, "\t\n", &last);
        line.scopes = apr_strtok(NULL, "\t\n", &last);
        ck_assert_ptr_nonnull(line.scopes);
        APR_ARRAY_PUSH(lines, struct line) = line;
    }
    fclose(file);
    ck_assert_int_gt(lines->nelts, 400);
}

static int has_word(const char *list, const char *word)
{
    return strstr(apr_pstrcat(test_pool, " ", list, " ", NULL), apr_pstrcat(test_pool, " ", word, " ", NULL)) != NULL;
}

/* What the table may say where the documentation says so much: a closer type is right. */
static const struct {
    const char *word;
    unsigned types;
    int is_array;
} meanings[] = {
#define T(type) (1u << EC_TYPE_##type)
    { "bool", T(BOOL) | T(ENUM), 0 },
    { "int", T(INT) | T(ENUM_INT) | T(INTERVAL), 0 },
    { "interval", T(INTERVAL), 0 },
    { "size", T(SIZE), 0 },
    { "perms", T(PERMS), 0 },
    { "float", T(FLOAT), 0 },
    { "throttle", T(THROTTLE), 0 },
    { "dict", T(DICT), 0 },
    { "enum", T(ENUM) | T(ENUM_INT), 0 },
    { "string", T(STRING) | T(ENUM) | T(ENUM_INT) | T(SOCKADDR) | T(SOCKADDR_PORTLESS), 0 },
    { "list", T(LIST), 0 },
    { "cidrs", T(CIDR_LIST), 0 },
    { "pattern", T(REGEX), 0 },
    { "patterns", T(REGEX), 1 },
#undef T
};

static int is_type(const ec_option_t *row, const char *words)
{
    for (int i = 0; i < TEST_COUNT(meanings); i++) {
        if (has_word(words, meanings[i].word) && meanings[i].types & (1u << row->type) &&
            meanings[i].is_array == ((row->flags & EC_OPTION_ARRAY) != 0))
            return 1;
    }
    return 0;
}

/* A core's scope, or a documented module's. */
static const conf_scope_t *scope_of(const char *name)
{
    const conf_scope_t *scope = scope_find(name);

    return scope != NULL ? scope : scope_find_documented_module(name);
}

START_TEST(names_types_and_scopes)
{
    int bad = 0;

    read_list();
    for (int i = 0; i < lines->nelts; i++) {
        const struct line *line = &APR_ARRAY_IDX(lines, i, struct line);
        char *last, *scopes = apr_pstrdup(test_pool, line->scopes);

        for (char *name = apr_strtok(scopes, " ", &last); name != NULL; name = apr_strtok(NULL, " ", &last)) {
            const conf_scope_t *scope = scope_of(name), *inner;
            const conf_option_t *option;

            ck_assert_msg(scope != NULL, "no scope %s", name);
            if (strcmp(line->types, "stanza") == 0) {
                inner = options_scope_in(scope, line->name);
                inner = inner != NULL ? inner : scope_find_documented_module(line->name);
                if (inner == NULL || !scope_allows_parent(inner, scope))
                    bad += fprintf(stderr, "stanza %s may not stand in %s\n", line->name, name);
                continue;
            }
            option = options_find(scope, line->name);
            if (option == NULL)
                bad += fprintf(stderr, "option %s is not known in %s\n", line->name, name);
            else if (!is_type(option->row, line->types))
                bad += fprintf(stderr, "option %s in %s has another type than %s\n", line->name, name, line->types);
        }
    }
    ck_assert_int_eq(bad, 0);
}
END_TEST

/* In no other scope, and there is nothing that the list does not have but what is ours. */
static int bad;
static const char *const ours[] = { "cluster_limit_mode" };

static int is_ours(const char *name)
{
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        if (strcmp(ours[i], name) == 0)
            return 1;
    }
    return 0;
}

static void look_up(void *baton, const conf_option_t *option)
{
    for (int at = 0; scope_at(at) != NULL; at++) {
        int is_listed = is_ours(option->row->name);

        if (!(option->scopes & scope_bit(scope_at(at))) || strcmp(scope_at(at)->name, "module") == 0)
            continue;
        for (int i = 0; i < lines->nelts; i++) {
            const struct line *line = &APR_ARRAY_IDX(lines, i, struct line);

            is_listed |= strcmp(line->name, option->row->name) == 0 && strcmp(line->types, "stanza") != 0 &&
                         has_word(line->scopes, scope_at(at)->name);
        }
        if (!is_listed)
            bad += fprintf(stderr, "option %s in %s is not documented\n", option->row->name, scope_at(at)->name);
    }
}

START_TEST(nothing_else)
{
    read_list();
    bad = 0;
    options_each(look_up, NULL);
    ck_assert_int_eq(bad, 0);
}
END_TEST

/* Whatever is documented loads, each with one warning at most. */
START_TEST(all_load)
{
    int seen = 0;

    read_list();
    for (int i = 0; i < lines->nelts; i++) {
        const struct line *line = &APR_ARRAY_IDX(lines, i, struct line);
        const conf_option_t *option = options_find(scope_global, line->name);
        const char *value, *warnings;
        conf_t *conf;

        if (option == NULL || option->row->deflt == NULL || option->row->flags & EC_OPTION_SECRET)
            continue;
        value = option->row->type == EC_TYPE_LIST || option->row->type == EC_TYPE_DICT || option->row->type == EC_TYPE_CIDR_LIST ||
                        option->row->flags & EC_OPTION_ARRAY
                    ? option->row->deflt
                    : apr_pstrcat(test_pool, "\"", option->row->deflt, "\"", NULL);
        conf = load_right(apr_psprintf(test_pool, "\n%s = %s\n%s = %s\n", line->name, value, line->name, value),
                          &warnings, test_pool);
        if (option->row->flags & EC_OPTION_NO_EFFECT)
            ck_assert_str_eq(warnings, apr_psprintf(test_pool,
                                                    "t.conf:2: warning: option \"%s\" is accepted but has no effect yet\n",
                                                    line->name));
        else
            ck_assert_str_eq(warnings, "");
        conf_unref(conf);
        seen++;
    }
    ck_assert_int_gt(seen, 100);
}
END_TEST

/* ---- modules ------------------------------------------------------------------------------- */

static const struct {
    const char *text, *want; /* after the warnings about modules */
} modules[] = {
    { "cluster { cluster_group = a logs = [ rejectlog = /x ] Replicate \"OBTC\" { type = a max_delay = 1.0 parameters = "
      "\"connect;reception\" }\n Topology \"10.0.0.0/8\" { cidrmask = \"32\" interface = eth0 } }",
      NULL },
    { "ds_core { Datasource \"d\" { uri = \"csv:\" no_cache = on } }\nDatasource \"e\" { uri = ( a b ) }", NULL },
    { "auth_ds { Scheme \"s\" { Authenticate { query = \"select\" map = [ a = b ] } QueryGroups { cache = x } } }", NULL },
    { "auth_radius { NAS-IP-Address = 10.0.0.1 server \"a\" { host = b secret = c } map = [ username = d ] }", NULL },
    { "opendkim { key = k headerlist = ( from, to ) dkim_domain \"a\" { base_domain = b testing = no } }", NULL },
    { "scriptlet \"scriptlet\" { script \"boot\" { source = \"/x\" } gc_pause = 200 }", NULL },
    { "antivirus { action = reject clamav { daemon = \"a:1\" } }\nclamav { }", NULL },
    { "seedlist { match_header Message-ID { pattern = x } }", NULL },
    { "cluster { heartbeat_per_sec = 1 }",
      "t.conf:1: unknown option \"heartbeat_per_sec\" in scope \"cluster\"; did you mean \"heartbeats_per_sec\"?\n" },
    { "cluster { Replicat x { } }",
      "t.conf:1: unknown stanza \"replicat\" in scope \"cluster\"; did you mean \"replicate\"?\n" },
    { "cluster { topology { } }", "t.conf:1: stanza \"topology\" needs a name: write topology \"name\" { ... }\n" },
    { "opendkim { keycache_size = x }",
      "t.conf:1: option \"keycache_size\": a whole number is wanted, found x\n" },
    { "alias { base_domain = x }", "t.conf:1: unknown option \"base_domain\" in scope \"alias\"\n" },
};

START_TEST(documented_modules)
{
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    const char *text;

    conf_load_text(&conf, &problems, "t.conf", modules[_i].text, strlen(modules[_i].text), test_pool);
    text = problems_text(problems, test_pool);
    ck_assert_msg((conf != NULL) == (modules[_i].want == NULL), "%s", text);
    if (modules[_i].want != NULL)
        ck_assert_msg(strcasestr(text, modules[_i].want) != NULL, "%s", text);
    else
        ck_assert_ptr_nonnull(strstr(text, "\" is accepted but has no effect yet\n"));
    conf_unref(conf);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "documented", 60);

    tcase_add_test(tcase, names_types_and_scopes);
    tcase_add_test(tcase, nothing_else);
    tcase_add_test(tcase, all_load);
    tcase_add_loop_test(tcase, documented_modules, 0, TEST_COUNT(modules));
}

TEST_MAIN("conf/documented", add)

/* options.c - "config options" and "help option": the tables, for people
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_fnmatch.h>
#include <apr_strings.h>

#include "conf/ask/ask_private.h"
#include "conf/ask/type.h"
#include "conf/kind.h"

/* ---- collecting ------------------------------------------------------------------------------ */

struct wanted {
    apr_array_header_t *options; /* const conf_option_t * */
    const char *pattern;         /* NULL: all */
    int is_exact;
    int n_real; /* before those that only the documentation names */
};

static int is_match(const struct wanted *wanted, const char *name)
{
    if (wanted->pattern == NULL)
        return 1;
    if (wanted->is_exact)
        return strcasecmp(name, wanted->pattern) == 0;
    if (strpbrk(wanted->pattern, "*?[") != NULL)
        return apr_fnmatch(wanted->pattern, name, APR_FNM_CASE_BLIND) == APR_SUCCESS;
    return strcasestr(name, wanted->pattern) != NULL;
}

static void collect(void *baton, const conf_option_t *option)
{
    struct wanted *wanted = baton;

    if (is_match(wanted, option->row->name))
        APR_ARRAY_PUSH(wanted->options, const conf_option_t *) = option;
}

/* Of a module that is there, only what it does not have itself. */
static void collect_documented(void *baton, const conf_option_t *option)
{
    const struct wanted *wanted = baton;

    for (int i = 0; i < wanted->n_real; i++) {
        const conf_option_t *other = APR_ARRAY_IDX(wanted->options, i, const conf_option_t *);

        if (option_is_like(other, option))
            return;
    }
    collect(baton, option);
}

static int by_name(const void *a, const void *b)
{
    const conf_option_t *left = *(const conf_option_t *const *)a, *right = *(const conf_option_t *const *)b;
    int order = strcmp(left->row->name, right->row->name);

    return order != 0 ? order : strcmp(left->owner, right->owner);
}

static apr_array_header_t *find_options(const char *pattern, int is_exact, apr_pool_t *pool)
{
    struct wanted wanted = { apr_array_make(pool, 64, sizeof(const conf_option_t *)), pattern, is_exact, 0 };

    options_each(collect, &wanted);
    wanted.n_real = wanted.options->nelts;
    documented_each(collect_documented, &wanted);
    qsort(wanted.options->elts, (size_t)wanted.options->nelts, sizeof(const conf_option_t *), by_name);
    return wanted.options;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void put_option(ec_node_t *node, const conf_option_t *option, apr_pool_t *pool)
{
    const ec_option_t *row = option->row;

    ec_node_text(node, "option", row->name);
    ec_node_text(node, "type", option_type_text(row, pool));
    ec_node_text(node, "unit", row->unit != NULL ? row->unit : "");
    ec_node_text(node, "default", option_default_text(row));
    ec_node_text(node, "scopes", option_scopes_text(option, pool));
    ec_node_text(node, "status", row->flags & EC_OPTION_NO_EFFECT ? "no effect yet" : "works");
    ec_node_text(node, "change", row->flags & EC_OPTION_RESTART ? "restart" : "live");
    ec_node_text(node, "from", option->owner);
    ec_node_text(node, "help", row->help);
}

void ask_options(void *self, ec_answer_t *answer)
{
    const char *pattern = ec_answer_arg(answer, "pattern");
    apr_array_header_t *options = find_options(pattern, 0, ec_answer_pool(answer));
    ec_node_t *table;

    if (options->nelts == 0) {
        ec_answer_error(answer,
                        "no option's name matches \"%s\"; a pattern is a part of a name, or has * in it",
                        pattern);
        return;
    }
    table = ec_node_table(ec_answer_root(answer), "options");
    for (int i = 0; i < options->nelts; i++)
        put_option(ec_node_row(table), APR_ARRAY_IDX(options, i, const conf_option_t *),
                   ec_answer_pool(answer));
}

static void refuse_name(ec_answer_t *answer, const char *name)
{
    apr_array_header_t *all = find_options(NULL, 0, ec_answer_pool(answer));
    struct nearest nearest;

    nearest_start(&nearest, name);
    for (int i = 0; i < all->nelts; i++)
        nearest_offer(&nearest, APR_ARRAY_IDX(all, i, const conf_option_t *)->row->name);
    ec_answer_error(answer, "there is no option \"%s\"%s", name,
                    nearest.best != NULL ? nearest_text(&nearest, ec_answer_pool(answer))
                                         : "; \"config options\" lists all");
}

/* One group an option: a name may have several meanings in several scopes. */
void ask_option(void *self, ec_answer_t *answer)
{
    const char *name = ec_answer_arg(answer, "name");
    apr_array_header_t *options = find_options(name, 1, ec_answer_pool(answer));

    if (options->nelts == 0)
        refuse_name(answer, name);
    for (int i = 0; i < options->nelts; i++)
        put_option(options->nelts == 1 ? ec_answer_root(answer)
                                       : ec_node_group(ec_answer_root(answer), "meaning"),
                   APR_ARRAY_IDX(options, i, const conf_option_t *), ec_answer_pool(answer));
}

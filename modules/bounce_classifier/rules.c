/* rules.c - rules that say what a reply means
 * SPDX-License-Identifier: Apache-2.0
 *
 * One pass over the reply (screen.h) marks the rules whose texts are in it; only those are
 * tried, in order.  An expression is bounded by PCRE's match limit: one that would run wild
 * on a hostile reply counts as not matching. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rules.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "literal.h"
#include "screen.h"

enum { MATCH_LIMIT = 20000, HEAP_LIMIT_KIB = 1024, WORDS = RULES_MAX / 64, CUSTOM_BELOW = 100 };

typedef enum { KIND_TEXT, KIND_GLOB, KIND_EXPRESSION } kind_t;

struct rule {
    rule_t public;
    kind_t kind;
    const char *lower;             /* text and glob; a glob's pieces end in NUL each, an empty one ends them */
    pcre2_code *code;
};

struct ruleset {
    apr_pool_t *pool;
    _Atomic int refs;
    apr_array_header_t *rules;     /* of struct rule * */
    const ec_bounce_class_t *custom;
    int n_custom, n_unscreened;
    screen_t *screen;
    apr_uint64_t always[WORDS];    /* rules that are tried on every reply */
};

struct matcher {
    pcre2_match_data *data;
    pcre2_match_context *context;
    _Atomic apr_uint64_t given_up;
    char text[RULES_REPLY_MAX];
    apr_uint64_t marked[WORDS];
};

/* ---- life ----------------------------------------------------------------------------------- */

static apr_status_t free_code(void *baton)
{
    pcre2_code_free(baton);
    return APR_SUCCESS;
}

static int has_documented_category(const char *category)
{
    const ec_bounce_class_t *class;

    for (int i = 0; (class = ec_bounce_class_at(i)) != NULL; i++) {
        if (strcmp(class->category, category) == 0) {
            return 1;
        }
    }
    return 0;
}

static const char *parse_custom(ec_bounce_class_t *class, const char *code, const char *name, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, name), *slash = strrchr(copy, '/'), *end;

    class->code = (int)strtol(code, &end, 10);
    class->category = "Undetermined";
    class->name = copy;
    if (slash != NULL) {
        *slash = '\0';
        class->category = slash + 1;
    }
    if (*end != '\0' || class->code < 1 || class->code >= CUSTOM_BELOW || ec_bounce_class(class->code) != NULL) {
        return apr_psprintf(pool, "custom_classes: \"%s\" can not be a code: use a number below %d that no documented class has", code,
                            CUSTOM_BELOW);
    }
    if (copy[0] == '\0' || !has_documented_category(class->category)) {
        return apr_psprintf(pool, "custom_classes: %s = \"%s\": use \"name\" or \"name/Category\" with Hard, Soft, Block, Admin or "
                                  "Undetermined",
                            code, name);
    }
    return NULL;
}

static const char *set_custom(ruleset_t *set, const char *const *custom)
{
    ec_bounce_class_t *classes;
    int n = 0;

    while (custom != NULL && custom[2 * n] != NULL) {
        n++;
    }
    classes = apr_pcalloc(set->pool, (apr_size_t)(n + 1) * sizeof *classes);
    set->custom = classes;
    for (; set->n_custom < n; set->n_custom++) {
        const char *wrong = parse_custom(&classes[set->n_custom], custom[2 * set->n_custom],
                                         custom[2 * set->n_custom + 1], set->pool);

        if (wrong != NULL) {
            return wrong;
        }
    }
    return NULL;
}

ruleset_t *ruleset_create(const char *const *custom, const char **why, apr_pool_t *pool)
{
    ruleset_t *set;
    const char *wrong;
    apr_pool_t *own;

    if (apr_pool_create(&own, NULL) != APR_SUCCESS) { /* a root: the last reference may go on any thread */
        *why = "out of memory";
        return NULL;
    }
    set = apr_pcalloc(own, sizeof *set);
    set->pool = own;
    set->refs = 1;
    set->rules = apr_array_make(own, 256, sizeof(struct rule *));
    set->screen = screen_create(own);
    if ((wrong = set_custom(set, custom)) != NULL) {
        *why = apr_pstrdup(pool, wrong);
        ruleset_unref(set);
        return NULL;
    }
    return set;
}

ruleset_t *ruleset_ref(ruleset_t *set)
{
    atomic_fetch_add(&set->refs, 1);
    return set;
}

void ruleset_unref(ruleset_t *set)
{
    if (set != NULL && atomic_fetch_sub(&set->refs, 1) == 1) {
        apr_pool_destroy(set->pool);
    }
}

int ruleset_count(const ruleset_t *set)
{
    return set->rules->nelts;
}

int ruleset_count_unscreened(const ruleset_t *set)
{
    return set->n_unscreened;
}

/* ---- a line ----------------------------------------------------------------------------------- */

static const ec_bounce_class_t *find_class(const ruleset_t *set, const char *code)
{
    char *end;
    long number = strtol(code, &end, 10);

    if (end == code || *end != '\0') {
        return NULL;
    }
    for (int i = 0; i < set->n_custom; i++) {
        if (set->custom[i].code == number) {
            return &set->custom[i];
        }
    }
    return number >= 0 && number <= 1000 ? ec_bounce_class((int)number) : NULL;
}

static char *lower_copy(const char *text, apr_pool_t *pool)
{
    char *copy = apr_pstrdup(pool, text);

    for (char *at = copy; *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z') {
            *at = (char)(*at + ('a' - 'A'));
        }
    }
    return copy;
}

static void always_try(ruleset_t *set, int number)
{
    set->always[number / 64] |= (apr_uint64_t)1 << number % 64;
    set->n_unscreened++;
}

static void screen_rule(ruleset_t *set, int number, const char *const *texts, int n)
{
    int is_screened = n > 0;

    for (int i = 0; i < n && is_screened; i++) {
        is_screened = screen_add(set->screen, texts[i], number);
    }
    if (!is_screened) {
        always_try(set, number);
    }
}

static void screen_expression(ruleset_t *set, const char *pattern)
{
    const char *texts[LITERALS_MAX];
    apr_pool_t *scratch;
    int n;

    EC_ASSERT(apr_pool_create(&scratch, set->pool) == APR_SUCCESS);
    n = literals_of(texts, pattern, scratch);
    for (int i = 0; i < n; i++) {
        texts[i] = apr_pstrdup(set->pool, texts[i]);
    }
    apr_pool_destroy(scratch);
    screen_rule(set, set->rules->nelts, texts, n);
}

static const char *add_expression(ruleset_t *set, struct rule *rule, const char *pattern, apr_pool_t *pool)
{
    PCRE2_UCHAR message[160];
    PCRE2_SIZE offset;
    int error;

    rule->code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_CASELESS, &error, &offset, NULL);
    if (rule->code == NULL) {
        pcre2_get_error_message(error, message, sizeof message);
        return apr_psprintf(pool, "the expression is wrong at its character %lu: %s", (unsigned long)offset + 1,
                            (char *)message);
    }
    pcre2_jit_compile(rule->code, PCRE2_JIT_COMPLETE); /* where it can not be, the interpreter does it */
    apr_pool_cleanup_register(set->pool, rule->code, free_code, apr_pool_cleanup_null);
    screen_expression(set, pattern);
    return NULL;
}

static const char *add_glob(ruleset_t *set, struct rule *rule, apr_pool_t *pool)
{
    char *from = lower_copy(rule->public.text, set->pool), *pieces, *to, *piece, *last;
    const char *longest = "";

    pieces = to = apr_pcalloc(set->pool, strlen(from) + 2);
    for (piece = apr_strtok(from, "|", &last); piece != NULL; piece = apr_strtok(NULL, "|", &last)) {
        strcpy(to, piece); /* never longer than what it was cut from */
        if (strlen(to) > strlen(longest)) {
            longest = to;
        }
        to += strlen(to) + 1;
    }
    if (longest[0] == '\0') {
        return "a rule of wildcards alone would fit everything";
    }
    rule->lower = pieces;
    screen_rule(set, set->rules->nelts, &longest, 1);
    return NULL;
}

static const char *add_rule(ruleset_t *set, struct rule *rule, apr_pool_t *pool)
{
    const char *text = rule->public.text;
    size_t length = strlen(text);
    const char *wrong = NULL;

    if (length > 2 && text[0] == '/' && text[length - 1] == '/') {
        rule->kind = KIND_EXPRESSION;
        wrong = add_expression(set, rule, apr_pstrndup(set->pool, text + 1, length - 2), pool);
    } else if (strchr(text, '|') != NULL) {
        rule->kind = KIND_GLOB;
        wrong = add_glob(set, rule, pool);
    } else {
        rule->kind = KIND_TEXT;
        rule->lower = lower_copy(text, set->pool);
        screen_rule(set, set->rules->nelts, &rule->lower, 1);
    }
    if (wrong == NULL) {
        *(struct rule **)apr_array_push(set->rules) = rule;
    }
    return wrong;
}

static char *trim(char *text)
{
    size_t length;

    text += strspn(text, " \t\r\n");
    length = strlen(text);
    while (length > 0 && strchr(" \t\r\n", text[length - 1]) != NULL) {
        text[--length] = '\0';
    }
    return text;
}

const char *ruleset_add_line(ruleset_t *set, const char *line, const char *file, int number, apr_pool_t *pool)
{
    char *domain = trim(apr_pstrdup(set->pool, line)), *code, *text;
    struct rule *rule;

    if (domain[0] == '\0' || domain[0] == '#') {
        return NULL;
    }
    if ((code = strchr(domain, ',')) == NULL || (text = strchr(code + 1, ',')) == NULL) {
        return "a rule is domain,code,rule (the domain may be empty)";
    }
    *code++ = '\0';
    *text++ = '\0';
    text = trim(text);
    if (text[0] == '\0') {
        return "the rule is empty";
    }
    if (set->rules->nelts == RULES_MAX) {
        return apr_psprintf(pool, "there are more than %d rules", RULES_MAX);
    }
    rule = apr_pcalloc(set->pool, sizeof *rule);
    rule->public = (rule_t){ find_class(set, trim(code)), lower_copy(trim(domain), set->pool), text,
                             apr_pstrdup(set->pool, file), number };
    if (rule->public.class == NULL) {
        return apr_psprintf(pool, "there is no class with the code \"%s\"", trim(code));
    }
    return add_rule(set, rule, pool);
}

void ruleset_complete(ruleset_t *set)
{
    screen_build(set->screen);
}

/* ---- matching -------------------------------------------------------------------------------------- */

matcher_t *matcher_create(void)
{
    matcher_t *matcher = calloc(1, sizeof *matcher);

    EC_ASSERT(matcher != NULL);
    matcher->data = pcre2_match_data_create(1, NULL);
    matcher->context = pcre2_match_context_create(NULL);
    EC_ASSERT(matcher->data != NULL && matcher->context != NULL);
    pcre2_set_match_limit(matcher->context, MATCH_LIMIT);
    pcre2_set_heap_limit(matcher->context, HEAP_LIMIT_KIB);
    return matcher;
}

void matcher_destroy(matcher_t *matcher)
{
    pcre2_match_data_free(matcher->data);
    pcre2_match_context_free(matcher->context);
    free(matcher);
}

apr_uint64_t matcher_given_up(const matcher_t *matcher)
{
    return atomic_load_explicit(&matcher->given_up, memory_order_relaxed);
}

static int matches_glob(const char *piece, const char *text)
{
    for (; *piece != '\0'; piece += strlen(piece) + 1) {
        if ((text = strstr(text, piece)) == NULL) {
            return 0;
        }
        text += strlen(piece);
    }
    return 1;
}

static int matches_expression(matcher_t *matcher, const pcre2_code *code, apr_size_t length)
{
    int result = pcre2_match(code, (PCRE2_SPTR)matcher->text, length, 0, 0, matcher->data, matcher->context);

    if (result == PCRE2_ERROR_MATCHLIMIT || result == PCRE2_ERROR_HEAPLIMIT || result == PCRE2_ERROR_JIT_STACKLIMIT) {
        atomic_fetch_add_explicit(&matcher->given_up, 1, memory_order_relaxed);
    }
    return result >= 0;
}

static int matches(const struct rule *rule, matcher_t *matcher, apr_size_t length, const char *domain)
{
    if (rule->public.domain[0] != '\0' && strcasecmp(rule->public.domain, domain) != 0) {
        return 0;
    }
    switch (rule->kind) {
    case KIND_TEXT:
        return strstr(matcher->text, rule->lower) != NULL;
    case KIND_GLOB:
        return matches_glob(rule->lower, matcher->text);
    default:
        return matches_expression(matcher, rule->code, length);
    }
}

/* Lower case, every control character a space, and never two spaces together: a reply is compared in one form. */
static apr_size_t take_text(matcher_t *matcher, const char *reply)
{
    apr_size_t length = 0;

    for (; *reply != '\0' && length < sizeof matcher->text - 1; reply++) {
        unsigned char c = (unsigned char)*reply;

        c = c <= ' ' || c == 0x7f ? ' ' : c >= 'A' && c <= 'Z' ? (unsigned char)(c + ('a' - 'A')) : c;
        if (c != ' ' || (length > 0 && matcher->text[length - 1] != ' ')) {
            matcher->text[length++] = (char)c;
        }
    }
    matcher->text[length] = '\0';
    return length;
}

static void mark(void *baton, int number)
{
    matcher_t *matcher = baton;

    matcher->marked[number / 64] |= (apr_uint64_t)1 << number % 64;
}

static const rule_t *try_marked(const ruleset_t *set, matcher_t *matcher, apr_size_t length, const char *domain)
{
    int words = (set->rules->nelts + 63) / 64;

    for (int w = 0; w < words; w++) {
        for (apr_uint64_t left = matcher->marked[w]; left != 0; left &= left - 1) {
            const struct rule *rule = APR_ARRAY_IDX(set->rules, w * 64 + __builtin_ctzll(left), struct rule *);

            if (matches(rule, matcher, length, domain)) {
                return &rule->public;
            }
        }
    }
    return NULL;
}

const rule_t *ruleset_match(const ruleset_t *set, matcher_t *matcher, const char *reply, const char *domain)
{
    apr_size_t length = take_text(matcher, reply), words = (apr_size_t)(set->rules->nelts + 63) / 64;

    memcpy(matcher->marked, set->always, words * sizeof set->always[0]);
    screen_run(set->screen, matcher->text, length, mark, matcher);
    return try_marked(set, matcher, length, domain);
}

const rule_t *ruleset_match_slowly(const ruleset_t *set, matcher_t *matcher, const char *reply, const char *domain)
{
    apr_size_t length = take_text(matcher, reply);

    memset(matcher->marked, 0, sizeof matcher->marked);
    for (int i = 0; i < set->rules->nelts; i++) {
        mark(matcher, i);
    }
    return try_marked(set, matcher, length, domain);
}

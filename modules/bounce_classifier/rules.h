/* rules.h - rules that say what a reply means
 * SPDX-License-Identifier: Apache-2.0
 *
 * A rule is a line  domain,code,rule : the domain (empty: all), the code of the class, and
 *   /expression/     a Perl-compatible regular expression that is found in the reply,
 *   a|b              texts that are found in this order, with anything between them,
 *   text             a text that is found in it.
 * Case never matters.  The first rule that fits decides: those of the operator come before
 * those of the server.  Lines that are empty or begin with '#' are comments.
 *
 * A set of rules is immutable once it is complete, counted by references, and read by any
 * thread; what matching needs to write is the caller's (matcher). */
#ifndef BOUNCE_CLASSIFIER_RULES_H
#define BOUNCE_CLASSIFIER_RULES_H

#include <ec/bounce.h>
#include <ec/module.h>

enum {
    RULES_MAX = 8192,
    RULES_FILE_MAX = 4 * 1024 * 1024,
    RULES_REPLY_MAX = 2048             /* of a reply that is looked at */
};

typedef struct ruleset ruleset_t;
typedef struct matcher matcher_t;

typedef struct {
    const ec_bounce_class_t *class;
    const char *domain;                /* lower case; "" for all */
    const char *text;                  /* as written */
    const char *file;
    int line;
} rule_t;

/** An empty set.  `custom`: code, name, code, name ... NULL (may be NULL): classes besides the documented ones; a name
 * may end in "/Category".  NULL and *why (in `pool`) when they can not be. */
ruleset_t *ruleset_create(const char *const *custom, const char **why, apr_pool_t *pool);
ruleset_t *ruleset_ref(ruleset_t *set);
void ruleset_unref(ruleset_t *set);

/** Append one line of a file.  NULL, or what is wrong with it, in `pool`. */
const char *ruleset_add_line(ruleset_t *set, const char *line, const char *file, int number, apr_pool_t *pool);
/** Append the lines of a file.  Blocks.  APR_SUCCESS, or a sentence with file and line in *why (in `pool`). */
apr_status_t ruleset_add_file(ruleset_t *set, const char *path, const char **why, apr_pool_t *pool);
/** No rule is added any more. */
void ruleset_complete(ruleset_t *set);

int ruleset_count(const ruleset_t *set);
/** Rules that must be tried on every reply, because nothing is known of their texts. */
int ruleset_count_unscreened(const ruleset_t *set);

matcher_t *matcher_create(void);
void matcher_destroy(matcher_t *matcher);

/** The rule that says what `reply` means, or NULL.  One thread at a time per matcher. */
const rule_t *ruleset_match(const ruleset_t *set, matcher_t *matcher, const char *reply, const char *domain);
/** The same, trying every rule: for tests. */
const rule_t *ruleset_match_slowly(const ruleset_t *set, matcher_t *matcher, const char *reply, const char *domain);
/** How often an expression was given up because it would have taken too long. */
apr_uint64_t matcher_given_up(const matcher_t *matcher);
#endif

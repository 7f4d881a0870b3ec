/* path.h - a scope as it is typed: "binding b domain example.com", to the stanza it names
 * SPDX-License-Identifier: Apache-2.0
 *
 * The one place that knows how words on the console are scopes (config-language.md section 10): type and name in
 * pairs, a name left out where the kind has none, "global" for the top level, any case, any spelling of addresses. */
#ifndef CONF_ASK_PATH_H
#define CONF_ASK_PATH_H

#include "conf/tree.h"

enum { PATH_STEPS_MAX = TREE_DEPTH_MAX };

typedef struct {
    const conf_scope_t *scope;
    const char *type;    /* as in the tree: a module's name, or the scope's */
    const char *name;    /* in the form of comparison; "" */
    const char *written; /* as typed */
} path_step_t;

typedef struct {
    path_step_t step[PATH_STEPS_MAX];
    int n;               /* 0: the top level */
    int n_words;         /* words taken; the rest begins with an option */
} conf_path_t;

/** Take scopes from the front of `words` as long as they are scopes that may stand there.  A word that is both a scope
 * and an option is the option when it is the last one or "=" follows.  On success the next word, if there is one, is an
 * option of the last scope (nothing is known of what a SCOPE_OPEN one holds).  On EC_E_NOT_FOUND or EC_E_SYNTAX `*why`
 * (in `pool`) is a sentence that names the word and the nearest valid ones.  Borrows the words for as long as `path`. */
apr_status_t path_read(conf_path_t *path, const char *const *words, int n, const char **why, apr_pool_t *pool);
/** The stanza, the root for an empty path, or NULL when nobody has written it. */
const conf_stanza_t *path_find(const conf_t *conf, const conf_path_t *path);
/** "binding b domain example.com", "" for the top level: words that path_read() takes, quoted where needed; in `pool`. */
const char *path_text(const conf_stanza_t *stanza, apr_pool_t *pool);

#endif

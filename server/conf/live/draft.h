/* draft.h - a private copy of a configuration that is being changed
 * SPDX-License-Identifier: Apache-2.0
 *
 * A draft starts as a clone of a generation (or from scratch) and is a conf_t of its own:
 * everything that reads a generation's tree (conf_eval(), show_text(), ...) reads a draft too.
 * Every change is checked when it is made: names, scopes, types; references between stanzas when it is
 * finished.  One thread at a time; opening and finishing a big one takes tens of milliseconds: not on a busy
 * loop. */
#ifndef CONF_LIVE_DRAFT_H
#define CONF_LIVE_DRAFT_H

#include "conf/tree.h"

typedef struct draft draft_t;

/** Keeps a reference to `base`, the generation the draft is to replace.  `is_from_scratch`: begin with nothing
 * but what every configuration has (implicit thread pools, Debug_Flags, TimestampFormat: config-language.md
 * section 10).  The draft ends with draft_close(). */
apr_status_t draft_open(draft_t **draft, conf_t *base, int is_from_scratch);
/** NULL is allowed.  Lets go of the base, and of the tree unless draft_finish() gave it away. */
void draft_close(draft_t *draft);
/** Changes may bring modules, as files do, by the functions of `source`: borrowed, to outlive the draft.  NULL: they may not. */
void draft_use(draft_t *draft, const conf_source_t *source);

/** The tree as it would be; borrowed, changes with the draft. */
conf_t *draft_conf(draft_t *draft);
conf_t *draft_base(draft_t *draft);
int draft_is_from_scratch(const draft_t *draft);

/** `words` as typed behind "config set": [<scope> [<name>] ...] <option> [=] <value> ...; the value may be a
 * list "( a b )" or a dictionary "[ k = v ]", in one word or several.  Stanzas on the way are made;
 * "{}" in the place of option and value makes them and no more.  On EC_E_SYNTAX or EC_E_NOT_FOUND nothing has changed and `*why` (in `pool`) is a sentence.
 * `*set`: what is set now, borrowed from the tree, NULL for "{}"; may be NULL. */
apr_status_t draft_set(draft_t *draft, const char *const *words, int n, const conf_setting_t **set,
                       const char **why, apr_pool_t *pool);
/** `words` as typed behind "config unset": a scope path, and an option or not: then everything in the scope and
 * below it, and the scope.  Never the whole top level. */
apr_status_t draft_unset(draft_t *draft, const char *const *words, int n, const char **why, apr_pool_t *pool);

/** The changes so far as commands ("set domain example.com retry_interval = 60"), in order: const char *. */
const apr_array_header_t *draft_replay(const draft_t *draft);

/** Warnings about what was set, in order: array of conf_problem_t. */
const apr_array_header_t *draft_warnings(const draft_t *draft);
/** Make the changes of `from` again in `draft`.  Unsetting what is not there any more is no failure.  On one `*failed` is the
 * command that is refused and `*why` says why; those before it are made. */
apr_status_t draft_repeat(draft_t *draft, const draft_t *from, const char **failed, const char **why, apr_pool_t *pool);

/** Check the whole and make it a generation, without a number before conf_install().  On APR_SUCCESS `*conf` has one reference, its
 * `files` origin is the base's (conf_files_of()), and the draft is used up: only draft_reopen(), draft_replay() and
 * draft_close() are of use then.  On EC_E_CONFIG the draft stays as it was.  `*problems` as for conf_load(). */
apr_status_t draft_finish(conf_t **conf, apr_array_header_t **problems, draft_t *draft, apr_pool_t *pool);

/** After draft_finish(): go on with a copy of what came of it, `finished`, as if it had not been finished.  The changes are
 * not made again, so this works also when a module has taken an option of theirs away meanwhile. */
apr_status_t draft_reopen(draft_t *draft, const conf_t *finished);

/** The generation as it was loaded from files, of which `conf` is a live change; `conf` itself when it was
 * loaded; borrowed. */
conf_t *conf_files_of(conf_t *conf);
/** From now on the files say `saved` (keeps a reference; NULL: `conf` itself).  Master loop. */
void conf_files_saved(conf_t *conf, conf_t *saved);

#endif

/* answer.h - an answer under way: its tree, its arguments, where it goes
 * SPDX-License-Identifier: Apache-2.0
 *
 * An answer has a pool with an allocator of its own, so that it may travel from loop to
 * loop; only one thread has it at a time.  It begins and ends on the master loop. */
#ifndef CONTROL_ANSWER_H
#define CONTROL_ANSWER_H

#include <libxml/tree.h>

#include <ec/command.h>
#include "control/store.h"
#include "control/wire.h"

enum { ANSWER_ARGS = 16 };

/** The answer is complete; runs once, on the master loop; the answer ends when it returns. */
typedef void answer_done_fn(void *baton, ec_answer_t *answer);

struct ec_answer {
    apr_pool_t *pool;
    xmlDocPtr doc;
    xmlNodePtr root;
    int n_args, argc;
    const char *arg_name[ANSWER_ARGS], *arg_value[ANSWER_ARGS];
    const char *const *argv;
    const char *error;             /* NULL: no error */
    void *self;                    /* whose command it is */
    store_t *store;                /* of the session */
    int is_held;
    answer_done_fn *done;
    void *done_baton;
    ec_answer_t *next, **link;     /* all answers under way */

    /* gathering */
    ec_post_t post;
    int loop;                      /* the one that has it */
    ec_answer_fn *each, *last;
    void *gather_baton;
};

/** Copies the words. */
ec_answer_t *answer_create(const char *const *words, int n_words, answer_done_fn *done, void *baton);
/** After the handler has run: unless it held the answer, that is the end of it. */
void answer_returned(ec_answer_t *answer);

/** Are answers of commands of `self` under way? */
int answer_is_under_way(const void *self);
/** Called on the master loop after each answer has ended. */
void answer_on_end(void (*fn)(void));

/** What a node is; in its _private. */
ec_node_kind_t node_kind(const xmlNode *node);
/** Text of a value; `*is_escaped`: control characters and broken bytes stand there as \xNN and a backslash as two. */
const char *node_value(const xmlNode *node, int *is_escaped);
#endif

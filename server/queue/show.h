/* show.h - console commands about single messages
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef QUEUE_SHOW_H
#define QUEUE_SHOW_H

#include "queue/inside.h"

void show_queue(void *self, ec_answer_t *answer);
void show_message(void *self, ec_answer_t *answer);
void show_message_full(void *self, ec_answer_t *answer);
void show_message_body(void *self, ec_answer_t *answer);

/** Which bindings argument <binding> means: all of this name, for "all" all that mail ever had, without it the default
 * one; in the answer's pool.  0: the configuration has none of this name, and the answer says so. */
int show_bindings(ec_answer_t *answer, binding_t ***of, int *n);
/** Entries of a queue that do not wait for time. */
apr_size_t show_active(const queue_t *queue);

/* bindings.c */
void show_mailq(void *self, ec_answer_t *answer);
void show_binding_summary(void *self, ec_answer_t *answer);

/* why.c */
/** One sentence: why the queue does not move, or that it does. */
void queue_why(queue_t *queue, char *buffer, apr_size_t room);
#endif

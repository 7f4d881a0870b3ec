/* show.h - console commands about single messages
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef QUEUE_SHOW_H
#define QUEUE_SHOW_H

#include "queue/inside.h"

void show_queue(void *self, ec_answer_t *answer);
void show_message(void *self, ec_answer_t *answer);
void show_message_full(void *self, ec_answer_t *answer);
void show_message_body(void *self, ec_answer_t *answer);

/* why.c */
/** One sentence: why the queue does not move, or that it does. */
void queue_why(queue_t *queue, char *buffer, apr_size_t room);
#endif

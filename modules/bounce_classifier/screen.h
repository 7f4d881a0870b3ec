/* screen.h - which of many texts are in a text, in one pass
 * SPDX-License-Identifier: Apache-2.0
 *
 * An Aho-Corasick automaton: the cost of a pass is the length of the text, however many
 * texts are looked for.  Built once, read by any thread. */
#ifndef BOUNCE_CLASSIFIER_SCREEN_H
#define BOUNCE_CLASSIFIER_SCREEN_H

#include <apr_pools.h>

typedef struct screen screen_t;

enum { SCREEN_BYTES = 256 * 1024 };    /* of all texts together */

screen_t *screen_create(apr_pool_t *pool);
/** Before screen_build().  Keeps `text`.  0: it does not fit any more. */
int screen_add(screen_t *screen, const char *text, int number);
void screen_build(screen_t *screen);
/** Call `found` for every number whose text is in `text`; more than once when it is there more than once. */
typedef void screen_found_fn(void *baton, int number);
void screen_run(const screen_t *screen, const char *text, apr_size_t length, screen_found_fn *found, void *baton);
#endif

/* run.h - from the words of a command line to the rendered answer
 * SPDX-License-Identifier: Apache-2.0
 * Master loop. */
#ifndef CONTROL_RUN_H
#define CONTROL_RUN_H

#include "control/store.h"
#include "control/wire.h"

/** Where a command comes from; for logs.  Texts are never NULL. */
typedef struct {
    const char *listener, *remote, *user;
} run_peer_t;

/** `text` is malloc'd and the callee's from then on; never NULL. */
typedef void run_done_fn(void *baton, int status, char *text, size_t length);

/** Run a command; `done` is called once, perhaps inside this call.  A first word xml, json or text chooses the form.
 * Borrows the words and `peer` (NULL: the server itself, nothing is accounted); keeps `store` until `done` is called. */
void run_words(const char *const *words, int n, wire_form_t form, const run_peer_t *peer, store_t *store,
               run_done_fn *done, void *baton);
#endif

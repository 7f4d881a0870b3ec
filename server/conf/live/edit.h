/* edit.h - a configuration file's bytes and changes to them: what is not changed stays byte for byte
 * SPDX-License-Identifier: Apache-2.0
 *
 * Positions come from the tree of the very bytes that are edited.  Changes are collected in any order and made by
 * edit_apply(); what lies inside a statement that is removed is left out.  New lines take the indentation and the
 * line ends of the file.  Memory of the edit's pool.  One thread at a time. */
#ifndef CONF_LIVE_EDIT_H
#define CONF_LIVE_EDIT_H

#include "conf/tree.h"

typedef struct edit edit_t;
typedef struct edit_block edit_block_t; /* where statements are added: the end of a stanza or of the file */

/** Keeps `text`. */
edit_t *edit_open(const char *text, apr_size_t length, apr_pool_t *pool);

/** Give the statement at `span` the value `raw`.  Of a list or dictionary only the items that differ change.
 * EC_E_SYNTAX when the span holds no such statement, or no file can say this value. */
apr_status_t edit_value(edit_t *edit, conf_span_t span, const raw_value_t *raw);
/** Take a statement away, with its line when nothing else is on it.  Comments beside it stay. */
void edit_remove(edit_t *edit, conf_span_t span);

/** The end of the file, or of the stanza that was opened there; the same block each time. */
edit_block_t *edit_end(edit_t *edit);
edit_block_t *edit_place(edit_t *edit, const conf_place_t *place);
/** A stanza that is added to the block; the same for the same type and name.  `written` "": anonymous.  EC_E_SYNTAX when no file
 * can say this name. */
apr_status_t edit_add_stanza(edit_block_t **stanza, edit_block_t *block, const char *type, const char *written);
/** An option that is added to the block.  EC_E_SYNTAX when no file can say its value. */
apr_status_t edit_add_setting(edit_block_t *block, const char *name, const raw_value_t *raw);

/** The new text, with a NUL behind, in the edit's pool.  Once. */
void edit_apply(const char **text, apr_size_t *length, edit_t *edit);

#endif

/* command.h - console commands and their structured answers
 * SPDX-License-Identifier: Apache-2.0
 *
 * A command is a table row.  Its handler builds an answer tree; the console renders it as
 * text, XML or JSON as the caller asks, so that scripts never scrape.
 * A handler runs on the master loop.  What needs the state of other loops is gathered:
 * the answer travels from loop to loop, so that it is never touched by two threads. */
#ifndef EC_COMMAND_H
#define EC_COMMAND_H

#include <ec/loop.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_answer ec_answer_t;      /* the whole answer to one command */
typedef struct ec_node ec_node_t;          /* a place in its tree */

typedef enum { EC_CMD_READ, EC_CMD_WRITE } ec_access_t;

/** Arguments that matched the grammar's <placeholders>, by name. */
const char *ec_answer_arg(const ec_answer_t *answer, const char *name);      /* NULL when an [optional] one is absent */
/** All words of the command line. */
int ec_answer_argc(const ec_answer_t *answer);
const char *ec_answer_argv(const ec_answer_t *answer, int i);

/** Something of the caller's that belongs to the console's session: set it with a key of one's own (an address) and
 * get it back at later commands of the same console.  `destroy(value)` runs on the master loop when the session ends or
 * another value is set; NULL takes it away.  A command that does not come from a console (control_run()) has a session for
 * itself alone. */
void *ec_answer_session_get(const ec_answer_t *answer, const void *key);
void ec_answer_session_set(ec_answer_t *answer, const void *key, void *value, void (*destroy)(void *value));

/** Pool of the answer. */
apr_pool_t *ec_answer_pool(ec_answer_t *answer);

/** Root of the tree. */
ec_node_t *ec_answer_root(ec_answer_t *answer);
/** A named group; in text: a heading. */
ec_node_t *ec_node_group(ec_node_t *parent, const char *name);
/** A list of rows that have the same fields; in text: a table with a column per field. */
ec_node_t *ec_node_table(ec_node_t *parent, const char *name);
ec_node_t *ec_node_row(ec_node_t *table);
/** A value; in text: "Name: value", or a cell.  `name` is a lower_snake word. */
void ec_node_text(ec_node_t *parent, const char *name, const char *value);
void ec_node_format(ec_node_t *parent, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
void ec_node_int(ec_node_t *parent, const char *name, apr_int64_t value);
/** A number with decimals. */
void ec_node_float(ec_node_t *parent, const char *name, double value, int decimals);
/** A sentence for people; in text: a line of its own; in XML and JSON: "note". */
void ec_node_note(ec_node_t *parent, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Make the answer an error (exit status 1 in ec_console) with a sentence that says what to do. */
void ec_answer_error(ec_answer_t *answer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Hold the answer back; it is sent when ec_answer_finish() is called, on the loop that has it.
 * The console may have gone meanwhile; finish still has to be called. */
void ec_answer_hold(ec_answer_t *answer);
void ec_answer_finish(ec_answer_t *answer);

/** Run `each` on every loop in turn (0 first), then `last` (may be NULL) on the master loop, then finish.
 * Implies hold. */
typedef void ec_answer_fn(void *baton, ec_answer_t *answer, ec_loop_t *loop);
void ec_answer_gather(ec_answer_t *answer, ec_answer_fn *each, ec_answer_fn *last, void *baton);

/* ---- answers of commands that a module runs itself ------------------------------------------ */

typedef enum {
    EC_NODE_GROUP, EC_NODE_TABLE, EC_NODE_ROW, /* have children */
    EC_NODE_TEXT, EC_NODE_NUMBER, EC_NODE_NOTE /* have a value */
} ec_node_kind_t;

/** Reading a tree: the first of what stands in `parent`, and what follows it; NULL behind the last.  The root is a group. */
const ec_node_t *ec_node_first(const ec_node_t *parent);
const ec_node_t *ec_node_next(const ec_node_t *node);
ec_node_kind_t ec_node_kind(const ec_node_t *node);
const char *ec_node_name(const ec_node_t *node);
/** The value as it was given, before anything in it was escaped; in `pool`, or in the tree. */
const char *ec_node_value(const ec_node_t *node, apr_pool_t *pool);
/** A number as ec_node_value() tells it; what is no number becomes a text. */
void ec_node_number(ec_node_t *parent, const char *name, const char *value);
/** What ec_answer_error() said; NULL when the answer is no error. */
const char *ec_answer_error_text(const ec_answer_t *answer);

/** Run a command as a console that ends right after it would.  Borrows the words; a first word text, xml or json is
 * passed over.  `done` runs once, perhaps inside this call; the answer, with its words and its tree, ends when it
 * returns.  Master loop. */
typedef void ec_command_done_fn(void *baton, ec_answer_t *answer);
void ec_command_run(const char *const *words, int n, ec_command_done_fn *done, void *baton);

typedef void ec_command_fn(void *self, ec_answer_t *answer);

/** A row of a table.  `grammar`: literal words, <argument>, [<optional>], and a final "..." for the rest of the
 * line, for example "config eval <words> ...".  Literals match without regard to case; the longest match wins. */
typedef struct {
    const char *grammar;
    ec_access_t access;
    ec_command_fn *run;
    const char *help;              /* one line */
} ec_command_t;
#define EC_COMMAND_END { 0, EC_CMD_READ, 0, 0 }

#ifdef __cplusplus
}
#endif
#endif

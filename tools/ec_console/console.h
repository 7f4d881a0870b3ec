/* console.h - what batch and interactive use share
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EC_CONSOLE_CONSOLE_H
#define EC_CONSOLE_CONSOLE_H

#include "../common/link.h"

enum { EXIT_DONE = 0, EXIT_COMMAND = 1, EXIT_CONNECTION = 2 };

typedef struct {
    console_link_t link;
    wire_form_t form;
    int is_paging;                 /* toggled by \pager */
    int is_interactive;
    int n_failed;                  /* of a list: changes that failed since config begin */
} console_t;

/** Run one command and print its answer; connects again when the server has hung up meanwhile.  Returns an exit status. */
int console_run(console_t *console, const char *const *words, int n);

/** Run one line: words, or \pager.  Sets `*is_over` for quit.  Returns an exit status. */
int console_line(console_t *console, char *line, int *is_over);

/** Lines from standard input until its end; the status of the worst. */
int console_batch(console_t *console);

/** With line editing, history and completion. */
int console_interactive(console_t *console);
#endif

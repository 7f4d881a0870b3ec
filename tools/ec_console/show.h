/* show.h - printing answers
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef EC_CONSOLE_SHOW_H
#define EC_CONSOLE_SHOW_H

#include <stdio.h>

#include "../common/link.h"

/** Print to `out`; in text form without what could steer a terminal. */
void show_answer(FILE *out, const console_answer_t *answer, wire_form_t form);

/** As above on standard output, through $PAGER (less) when it is taller than the terminal. */
void show_paged(const console_answer_t *answer, wire_form_t form);
#endif

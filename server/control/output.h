/* output.h - a growing text with a limit
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_OUTPUT_H
#define CONTROL_OUTPUT_H

#include <stddef.h>

typedef struct {
    char *text;                    /* malloc'd, NUL-ended; NULL as long as nothing was added */
    size_t length, room, max;
    int is_cut;                    /* something did not fit `max` */
} output_t;

void output_bytes(output_t *out, const char *bytes, size_t length);
void output_text(output_t *out, const char *text);
void output_char(output_t *out, char c, int times);
#endif

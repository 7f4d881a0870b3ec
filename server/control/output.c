/* output.c - a growing text with a limit
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/output.h"

#include <stdlib.h>
#include <string.h>

#include <ec/status.h>

static int make_room(output_t *out, size_t more)
{
    size_t room = out->room > 0 ? out->room : 4096;

    if (out->is_cut || more > out->max - out->length) {
        out->is_cut = 1;
        return 0;
    }
    while (room < out->length + more + 1) {
        room *= 2;
    }
    if (room > out->room) {
        out->text = realloc(out->text, room);
        EC_ASSERT(out->text != NULL);
        out->room = room;
    }
    return 1;
}

void output_bytes(output_t *out, const char *bytes, size_t length)
{
    if (make_room(out, length)) {
        memcpy(out->text + out->length, bytes, length);
        out->length += length;
        out->text[out->length] = '\0';
    }
}

void output_text(output_t *out, const char *text)
{
    output_bytes(out, text, strlen(text));
}

void output_char(output_t *out, char c, int times)
{
    if (times > 0 && make_room(out, (size_t)times)) {
        memset(out->text + out->length, c, (size_t)times);
        out->length += (size_t)times;
        out->text[out->length] = '\0';
    }
}

/* wire.c - frames between console and server
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/wire.h"

#include <string.h>
#include <strings.h>

static const unsigned char magic[3] = { 'E', 'C', 1 };

void wire_header_put(unsigned char bytes[WIRE_HEADER], int kind, uint32_t length)
{
    memcpy(bytes, magic, sizeof magic);
    bytes[3] = (unsigned char)kind;
    for (int i = 0; i < 4; i++) {
        bytes[4 + i] = (unsigned char)(length >> (24 - 8 * i));
    }
}

int wire_header_get(wire_header_t *header, const unsigned char *bytes, size_t length, int kinds, uint32_t max)
{
    size_t known = length < sizeof magic ? length : sizeof magic;

    if (memcmp(bytes, magic, known) != 0 || (length > 3 && bytes[3] >= kinds)) {
        return -1;
    }
    if (length < WIRE_HEADER) {
        return 0;
    }
    header->kind = bytes[3];
    header->length = 0;
    for (int i = 0; i < 4; i++) {
        header->length = header->length << 8 | bytes[4 + i];
    }
    return header->length <= max ? 1 : -1;
}

int wire_words_get(const char **words, int max, const char *bytes, size_t length)
{
    const char *end = bytes + length;
    int n = 0;

    while (bytes < end) {
        const char *nul = memchr(bytes, '\0', (size_t)(end - bytes));

        if (nul == NULL || n == max) {
            return -1;
        }
        words[n++] = bytes;
        bytes = nul + 1;
    }
    return n;
}

size_t wire_words_put(char *bytes, size_t room, const char *const *words, int n)
{
    size_t used = 0;

    for (int i = 0; i < n; i++) {
        size_t length = strlen(words[i]) + 1;

        if (length > room - used) {
            return 0;
        }
        memcpy(bytes + used, words[i], length);
        used += length;
    }
    return used;
}

int wire_form_parse(const char *name)
{
    static const char *const names[WIRE_FORMS] = { "text", "xml", "json" };

    for (int form = 0; form < WIRE_FORMS; form++) {
        if (strcasecmp(name, names[form]) == 0) {
            return form;
        }
    }
    return -1;
}

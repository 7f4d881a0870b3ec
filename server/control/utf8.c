/* utf8.c - which bytes may go to a terminal or into XML as they are
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/utf8.h"

int utf8_decode(uint32_t *character, const char *text, size_t length)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *bytes = (const unsigned char *)text;
    int n = bytes[0] < 0x80       ? 1
            : bytes[0] >> 5 == 6  ? 2
            : bytes[0] >> 4 == 14 ? 3
            : bytes[0] >> 3 == 30 ? 4
                                  : 0;
    uint32_t c;

    if (n == 1) {
        *character = bytes[0];
        return 1;
    }
    if (n == 0 || (size_t)n > length) {
        return 0;
    }
    c = bytes[0] & (0x7fu >> n);
    for (int i = 1; i < n; i++) {
        if (bytes[i] >> 6 != 2) {
            return 0;
        }
        c = c << 6 | (bytes[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
        return 0;
    }
    *character = c;
    return n;
}

int utf8_is_harmless(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } harmful[] = {
        { 0, 8 },           { 11, 31 },         { 0x7f, 0x9f },     { 0x200e, 0x200f }, { 0x2028, 0x202e },
        { 0x2066, 0x2069 }, { 0xd800, 0xdfff }, { 0xfeff, 0xfeff }, { 0xfffe, 0xffff },
    };

    if (c >= 0x20 && c < 0x7f) {
        return 1;
    }
    for (size_t i = 0; i < sizeof harmful / sizeof harmful[0]; i++) {
        if (c >= harmful[i].first && c <= harmful[i].last) {
            return 0;
        }
    }
    return 1;
}

/* utf8.h - which bytes may go to a terminal or into XML as they are
 * SPDX-License-Identifier: Apache-2.0
 * Pure. */
#ifndef CONTROL_UTF8_H
#define CONTROL_UTF8_H

#include <stddef.h>
#include <stdint.h>

/** The character at `bytes` (at least one byte); returns its length, or 0 when it is not UTF-8. */
int utf8_decode(uint32_t *character, const char *bytes, size_t length);

/** 0 for what could steer a terminal or hide text: control characters (but newline and tab), C1 controls, marks that
 * change the direction of writing; and for what XML does not allow. */
int utf8_is_harmless(uint32_t character);
#endif

/* utf8.h - texts of mail in UTF-8
 * SPDX-License-Identifier: Apache-2.0
 * Pure, any thread. */
#ifndef MESSAGE_UTF8_H
#define MESSAGE_UTF8_H

#include <apr.h>

#include "util/text.h"

/** Length of the character at `text` (1 to 4), 0 when it is none (overlong, surrogate, cut off). */
int message_utf8_length(const char *text, apr_size_t length);
int message_utf8_is_valid(const char *text, apr_size_t length);
/** Add bytes of `charset` (a name as mail has it) as UTF-8; "?" for what has no meaning in it, and control characters. */
void message_utf8_add(util_text_t *to, const char *charset, const char *bytes, apr_size_t length);
#endif

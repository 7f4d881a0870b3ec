/* format.c - records, checkpoints and settings to bytes and back
 * SPDX-License-Identifier: Apache-2.0 */
#include "log/jlog/format.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "util/bytes.h"
#include "util/crc32c.h"

void jlog_nonce_write(unsigned char to[JLOG_NONCE], apr_uint64_t nonce)
{
    util_bytes_put(to, nonce, JLOG_NONCE);
}

/* ---- records ----------------------------------------------------------------------- */

enum { AT_LENGTH = 8, AT_TIME = 12, AT_CRC = 20 };

static apr_uint32_t crc_of(const unsigned char *record, apr_size_t length)
{
    return util_crc32c(util_crc32c(0, record, AT_CRC), record + JLOG_HEAD, length);
}

jlog_look_t jlog_record_read(ec_jlog_record_t *record, const unsigned char *data, apr_size_t room,
                             apr_uint64_t nonce)
{
    record->length = 0;
    if (room < JLOG_HEAD) {
        return JLOG_SHORT;
    }
    if (util_bytes_get(data, JLOG_NONCE) != nonce || util_bytes_get(data + AT_LENGTH, 4) > EC_JLOG_RECORD_MAX) {
        return JLOG_BAD;
    }
    record->length = (apr_size_t)util_bytes_get(data + AT_LENGTH, 4);
    if (room - JLOG_HEAD < record->length) {
        return JLOG_SHORT;
    }
    if (util_bytes_get(data + AT_CRC, 4) != crc_of(data, record->length)) {
        return JLOG_BAD;
    }
    record->data = (const char *)data + JLOG_HEAD;
    record->when = (apr_time_t)util_bytes_get(data + AT_TIME, 8);
    return JLOG_WHOLE;
}

void jlog_record_write(unsigned char *to, const char *line, apr_size_t length, apr_time_t when,
                       apr_uint64_t nonce)
{
    util_bytes_put(to, nonce, JLOG_NONCE);
    util_bytes_put(to + AT_LENGTH, length, 4);
    util_bytes_put(to + AT_TIME, (apr_uint64_t)when, 8);
    memmove(to + JLOG_HEAD, line, length);
    util_bytes_put(to + AT_CRC, crc_of(to, length), 4);
}

/* ---- texts: what is read must be what would be written ----------------------------- */

/* The check sum stands at the end of the text and covers all before it. */
static int seal(char *text, int length)
{
    return length + snprintf(text + length, (size_t)(JLOG_TEXT - length), " %08x\n",
                             (unsigned)util_crc32c(0, text, (apr_size_t)length));
}

static int is_same(const char *text, apr_size_t length, const char *want, int want_length)
{
    return length == (apr_size_t)want_length && memcmp(text, want, length) == 0;
}

/* With a NUL behind it; "" when it is too long. */
static const char *copy(char to[JLOG_TEXT], const char *text, apr_size_t length)
{
    if (length >= JLOG_TEXT) {
        length = 0;
    }
    memcpy(to, text, length);
    to[length] = '\0';
    return to;
}

int jlog_settings_write(char to[JLOG_TEXT], const struct jlog_settings *settings)
{
    return seal(to, snprintf(to, JLOG_TEXT, "jlog 1\nsegment_size %u\nnonce %016llx\ncheck",
                             (unsigned)settings->segment_size, (unsigned long long)settings->nonce));
}

int jlog_settings_read(struct jlog_settings *settings, const char *text, apr_size_t length)
{
    char buffer[JLOG_TEXT];
    unsigned long long nonce;
    unsigned size;

    if (sscanf(copy(buffer, text, length), "jlog 1 segment_size %10u nonce %16llx", &size, &nonce) != 2) {
        return 0;
    }
    *settings = (struct jlog_settings){ size, nonce };
    return size >= JLOG_SEGMENT_MIN && size <= JLOG_SEGMENT_MAX &&
           is_same(text, length, buffer, jlog_settings_write(buffer, settings));
}

const char *ec_jlog_position_text(char buffer[EC_JLOG_POSITION_TEXT], ec_jlog_position_t position)
{
    snprintf(buffer, EC_JLOG_POSITION_TEXT, "%08x:%08x", (unsigned)position.segment,
             (unsigned)position.marker);
    return buffer;
}

int jlog_checkpoint_write(char to[JLOG_TEXT], ec_jlog_position_t position)
{
    return seal(to, (int)strlen(ec_jlog_position_text(to, position)));
}

int jlog_checkpoint_read(ec_jlog_position_t *position, const char *text, apr_size_t length)
{
    char buffer[JLOG_TEXT];
    unsigned segment, marker;

    if (sscanf(copy(buffer, text, length), "%8x:%8x", &segment, &marker) != 2) {
        return 0;
    }
    *position = (ec_jlog_position_t){ segment, marker };
    return is_same(text, length, buffer, jlog_checkpoint_write(buffer, *position));
}

int jlog_is_name(const char *name)
{
    apr_size_t length = strlen(name);

    for (apr_size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)name[i]) && strchr("-_.@:", name[i]) == NULL) {
            return 0;
        }
    }
    return length > 0 && length <= EC_JLOG_NAME_MAX && name[0] != '.';
}

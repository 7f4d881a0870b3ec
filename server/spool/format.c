/* format.c - heads of records and segments, and bounded cursors over meta
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "spool/format.h"
#include "util/bytes.h"
#include "util/crc32c.h"

static const char header_magic[8] = "ECSPOOL";
enum { HEADER_USED = 48, HEAD_CHECKED = 28, FLAG_REUSED = 1 };

static apr_uint32_t head_crc(const unsigned char *from, apr_uint32_t meta)
{
    return util_crc32c(util_crc32c(0, from, HEAD_CHECKED), from + SPOOL_HEAD, meta);
}

void spool_record_finish(unsigned char *to, const spool_record_t *record, apr_uint64_t nonce)
{
    util_bytes_put(to, nonce, 8);
    util_bytes_put(to + 8, record->length, 4);
    to[12] = record->type;
    to[13] = record->flags;
    util_bytes_put(to + 14, 0, 2);
    util_bytes_put(to + 16, record->commit, 4);
    util_bytes_put(to + 20, record->meta, 4);
    util_bytes_put(to + 24, record->body_crc, 4);
    util_bytes_put(to + 28, head_crc(to, record->meta), 4);
}

int spool_record_head(spool_record_t *record, const unsigned char *from, apr_uint64_t nonce, apr_size_t room)
{
    if (util_bytes_get(from, 8) != nonce) {
        return 0;
    }
    record->length = (apr_uint32_t)util_bytes_get(from + 8, 4);
    record->type = from[12];
    record->flags = from[13];
    record->commit = (apr_uint32_t)util_bytes_get(from + 16, 4);
    record->meta = (apr_uint32_t)util_bytes_get(from + 20, 4);
    record->body_crc = (apr_uint32_t)util_bytes_get(from + 24, 4);
    return record->length >= SPOOL_HEAD && record->length <= room &&
           record->meta <= record->length - SPOOL_HEAD;
}

int spool_record_is_sound(const spool_record_t *record, const unsigned char *from)
{
    return head_crc(from, record->meta) == util_bytes_get(from + 28, 4);
}

void spool_header_write(unsigned char to[SPOOL_PAGE], const spool_header_t *header)
{
    memset(to, 0, SPOOL_PAGE);
    memcpy(to, header_magic, sizeof header_magic);
    util_bytes_put(to + 8, SPOOL_VERSION, 4);
    util_bytes_put(to + 12, header->sequence, 4);
    util_bytes_put(to + 16, header->size, 8);
    util_bytes_put(to + 24, header->nonce, 8);
    util_bytes_put(to + 32, header->is_reused ? FLAG_REUSED : 0, 4);
    util_bytes_put(to + HEADER_USED - 4, util_crc32c(0, to, HEADER_USED - 4), 4);
}

apr_status_t spool_header_read(spool_header_t *header, const unsigned char from[SPOOL_PAGE])
{
    if (memcmp(from, header_magic, sizeof header_magic) != 0 || util_bytes_get(from + 8, 4) != SPOOL_VERSION ||
        util_bytes_get(from + HEADER_USED - 4, 4) != util_crc32c(0, from, HEADER_USED - 4)) {
        return EC_E_SPOOL_CORRUPT;
    }
    header->sequence = (apr_uint32_t)util_bytes_get(from + 12, 4);
    header->size = util_bytes_get(from + 16, 8);
    header->nonce = util_bytes_get(from + 24, 8);
    header->is_reused = (util_bytes_get(from + 32, 4) & FLAG_REUSED) != 0;
    return APR_SUCCESS;
}

/* `bytes` at the cursor, which goes on behind them; NULL when there are not as many. */
static unsigned char *take(spool_cursor_t *cursor, apr_size_t bytes)
{
    unsigned char *at = cursor->at;

    if (cursor->is_cut || (apr_size_t)(cursor->end - at) < bytes) {
        cursor->is_cut = 1;
        return NULL;
    }
    cursor->at += bytes;
    return at;
}

void spool_put_number(spool_cursor_t *cursor, apr_uint64_t value, int bytes)
{
    unsigned char *to = take(cursor, (apr_size_t)bytes);

    if (to != NULL) {
        util_bytes_put(to, value, bytes);
    }
}

void spool_put_text(spool_cursor_t *cursor, const char *text)
{
    apr_size_t length = strlen(text);
    unsigned char *to = take(cursor, 4 + length + 1);

    if (to != NULL) {
        util_bytes_put(to, length, 4);
        memcpy(to + 4, text, length + 1);
    }
}

void spool_put_id(spool_cursor_t *cursor, ec_id_t id)
{
    spool_put_number(cursor, id.slot, 4);
    spool_put_number(cursor, id.process, 4);
    spool_put_number(cursor, id.counter, 2);
}

void spool_put_place(spool_cursor_t *cursor, spool_place_t place)
{
    spool_put_number(cursor, place.sequence, 4);
    spool_put_number(cursor, place.offset, 4);
}

apr_uint64_t spool_get_number(spool_cursor_t *cursor, int bytes)
{
    const unsigned char *from = take(cursor, (apr_size_t)bytes);

    return from == NULL ? 0 : util_bytes_get(from, bytes);
}

/* The NUL must be where the length says and nowhere before, or the record is not one of ours. */
const char *spool_get_text(spool_cursor_t *cursor)
{
    apr_size_t length = (apr_size_t)spool_get_number(cursor, 4);
    const char *text = (const char *)take(cursor, length + 1);

    if (text == NULL || memchr(text, '\0', length + 1) != text + length) {
        cursor->is_cut = 1;
        return "";
    }
    return text;
}

ec_id_t spool_get_id(spool_cursor_t *cursor)
{
    ec_id_t id;

    id.slot = (apr_uint32_t)spool_get_number(cursor, 4);
    id.process = (apr_uint32_t)spool_get_number(cursor, 4);
    id.counter = (apr_uint16_t)spool_get_number(cursor, 2);
    return id;
}

spool_place_t spool_get_place(spool_cursor_t *cursor)
{
    spool_place_t place;

    place.sequence = (apr_uint32_t)spool_get_number(cursor, 4);
    place.offset = (apr_uint32_t)spool_get_number(cursor, 4);
    return place;
}

/* message.c - one message on its way in: envelope, size, and for --record its header and digest
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bodies are never kept.  Without --record they are only counted; with it the header is kept until its blank
 * line (bounded by HEADER_MAX), and what follows goes through the digest. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* memmem */
#endif
#include "message.h"

#include <string.h>
#include <strings.h>

enum { HEADER_MAX = 256 * 1024 };

static bool is_recording(const struct conn *conn)
{
    return conn->sink->record_fd >= 0;
}

/* An address in a record line: tabs, commas and what cannot be printed would break the line's form. */
static void add_clean(struct bytes *bytes, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = (unsigned char)text[i] < ' ' || text[i] == 127 ? ' ' : text[i];

        bytes_add(bytes, &c, 1);
    }
}

void message_sender(struct conn *conn, const char *address)
{
    conn->has_sender = true;
    conn->transaction.recipients = 0;
    conn->transaction.sender.length = conn->transaction.list.length = 0;
    if (is_recording(conn))
        add_clean(&conn->transaction.sender, address, strlen(address));
}

void message_recipient(struct conn *conn, const char *address)
{
    struct transaction *transaction = &conn->transaction;

    transaction->recipients++;
    if (!is_recording(conn))
        return;
    if (transaction->list.length > 0)
        bytes_add(&transaction->list, ",", 1);
    add_clean(&transaction->list, address, strlen(address));
}

void message_start(struct conn *conn)
{
    struct transaction *transaction = &conn->transaction;

    transaction->size = 0;
    transaction->header.length = 0;
    transaction->is_header_done = transaction->is_header_too_big = false;
    conn->dot = (struct dot_scan){ 0 };
    if (is_recording(conn))
        digest_start(&transaction->digest);
}

/* Where the body begins in `header`, looking only at what may have become complete with the last `fresh`
 * bytes. */
static size_t find_body(const struct bytes *header, size_t fresh)
{
    size_t before = header->length - fresh, from = before > 3 ? before - 3 : 0;
    const char *found;

    if (header->length >= 2 && memcmp(header->data, "\r\n", 2) == 0)
        return 2;
    found = memmem(header->data + from, header->length - from, "\r\n\r\n", 4);
    return found ? (size_t)(found - header->data) + 4 : 0;
}

static void record_text(struct transaction *transaction, const char *data, size_t length)
{
    size_t body;

    if (transaction->is_header_done) {
        digest_add(&transaction->digest, data, length);
        return;
    }
    if (transaction->is_header_too_big)
        return;
    bytes_add(&transaction->header, data, length);
    body = find_body(&transaction->header, length);
    if (body > 0) {
        transaction->is_header_done = true;
        digest_add(&transaction->digest, transaction->header.data + body, transaction->header.length - body);
        transaction->header.length = body;
    }
    transaction->is_header_too_big = transaction->header.length > HEADER_MAX;
}

size_t message_input(struct conn *conn, const char *data, size_t length, bool *is_complete)
{
    bool keep = is_recording(conn);
    const char *at = data;
    struct dot_piece piece;
    enum dot_result result;

    while ((result = dot_next(&conn->dot, &at, data + length, &piece)) == DOT_PIECE) {
        conn->transaction.size += piece.length;
        if (keep)
            record_text(&conn->transaction, piece.data, piece.length);
    }
    *is_complete = result == DOT_END;
    return (size_t)(at - data);
}

const char *message_objection(const struct conn *conn)
{
    if (conn->transaction.size > conn->sink->max_size)
        return "552 5.3.4 message is larger than the announced SIZE";
    if (conn->transaction.is_header_too_big)
        return "552 5.3.4 header is larger than a record can be made of";
    return NULL;
}

/* The next header field's end: a line end that no white space follows. */
static const char *field_end(const char *at, const char *end)
{
    while ((at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        at++;
        if (at == end || (*at != ' ' && *at != '\t'))
            return at;
    }
    return end;
}

static void add_field(struct bytes *line, const struct bytes *header, const char *name)
{
    const char *at = header->data, *end = at + header->length, *next;
    size_t length = strlen(name);

    for (; at < end; at = next) {
        next = field_end(at, end);
        if ((size_t)(next - at) <= length || strncasecmp(at, name, length) != 0 || at[length] != ':')
            continue;
        at += length + 1;
        while (at < next && strchr(" \t\r\n", *at) != NULL)
            at++;
        while (next > at && strchr(" \t\r\n", next[-1]) != NULL)
            next--;
        if (next > at) {
            add_clean(line, at, (size_t)(next - at));
            return;
        }
        break;
    }
    bytes_add(line, "-", 1);
}

static void add_record(struct conn *conn)
{
    struct transaction *transaction = &conn->transaction;
    struct bytes *line = &conn->sink->record;
    char digest[DIGEST_TEXT];
    int64_t now = clock_us(CLOCK_REALTIME);

    digest_finish(&transaction->digest, digest);
    bytes_print(line, "%lld.%03d\t", (long long)(now / 1000000), (int)(now % 1000000 / 1000));
    add_field(line, &transaction->header, "X-Load-Id");
    bytes_add(line, "\t", 1);
    add_field(line, &transaction->header, "Message-ID");
    bytes_add(line, "\t", 1);
    bytes_add(line, transaction->sender.length ? transaction->sender.data : "<>",
              transaction->sender.length ? transaction->sender.length : 2);
    bytes_add(line, "\t", 1);
    bytes_add(line, transaction->list.data, transaction->list.length);
    bytes_print(line, "\t%llu\t%s\t%llu\n", (unsigned long long)transaction->size, digest,
                (unsigned long long)conn->number);
}

void message_accept(struct conn *conn)
{
    struct counters *counters = &conn->sink->counters;

    counters->messages++;
    counters->recipients += conn->transaction.recipients;
    counters->bytes += conn->transaction.size;
    if (is_recording(conn))
        add_record(conn);
}

void message_reset(struct conn *conn)
{
    conn->has_sender = false;
    conn->transaction.recipients = 0;
    conn->transaction.sender.length = conn->transaction.list.length = conn->transaction.header.length = 0;
}

void message_free(struct conn *conn)
{
    bytes_free(&conn->transaction.sender);
    bytes_free(&conn->transaction.list);
    bytes_free(&conn->transaction.header);
    digest_free(&conn->transaction.digest);
}

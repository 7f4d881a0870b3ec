/* bounce.c - building a delivery status notice
 * SPDX-License-Identifier: Apache-2.0
 *
 * Everything that came from outside (addresses, reply texts) is cleaned and folded before it goes into a line
 * of ours, so that no reply can add a header or a part.  The boundary is not to be guessed, for the same
 * reason: the failed message is copied as it is.  Of that, at most ORIGINAL_MAX bytes. */
#include "bounce/bounce.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "util/hash.h"
#include "util/text.h"

enum {
    ORIGINAL_MAX = 64 * 1024,
    LINE_MAX_OUT = 1200, /* room for one formatted line */
    TEXT_MAX = 1024,     /* of a reply */
    FOLD_AT = 74,
    WORD_MAX = 400, /* a longer word is broken */
    NONE = 0,
    HEADERS = 1,
    ALL = 2 /* bounces_inline_original */
};

struct writer {
    ec_batch_t *batch;
    apr_status_t rv; /* of the first append that failed */
    char boundary[64];
};

static void add_bytes(struct writer *w, const char *data, apr_size_t length)
{
    static const body_limits_t limits = { .block_size = 16 * 1024, .large_threshold = 1024 * 1024 };

    if (w->rv == APR_SUCCESS && length > 0) {
        w->rv = batch_body_append(w->batch, &limits, data, length);
    }
}

static void line(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void line(struct writer *w, const char *format, ...)
{
    char text[LINE_MAX_OUT];
    va_list args;
    int n;

    va_start(args, format);
    n = apr_vsnprintf(text, sizeof text - 2, format, args);
    va_end(args);
    memcpy(text + n, "\r\n", 2);
    add_bytes(w, text, (apr_size_t)n + 2);
}

/* Printable ASCII only. */
static const char *clean(char *to, apr_size_t room, const char *from)
{
    apr_size_t n = 0;

    for (; from[n] != '\0' && n + 1 < room; n++) {
        unsigned char c = (unsigned char)from[n];

        to[n] = c == '\r' || c == '\n' || c == '\t' ? ' ' : c < 0x20 || c >= 0x7f ? '?' : from[n];
    }
    to[n] = '\0';
    return to;
}

/* `start`, then the words of `text`; lines after the first begin with `indent`. */
static void folded(struct writer *w, const char *start, const char *indent, const char *text)
{
    apr_size_t column = strlen(start);
    int is_first = 1;

    add_bytes(w, start, column);
    while (*text != '\0') {
        apr_size_t word = strcspn(text, " ");

        word = word > WORD_MAX ? WORD_MAX : word;
        if (!is_first && column + 1 + word > FOLD_AT) {
            add_bytes(w, "\r\n", 2);
            add_bytes(w, indent, strlen(indent));
            column = strlen(indent);
        } else if (!is_first) {
            add_bytes(w, " ", 1);
            column++;
        }
        is_first = 0;
        add_bytes(w, text, word);
        column += word;
        text += word;
        text += strspn(text, " ");
    }
    add_bytes(w, "\r\n", 2);
}

/* ---- the failed message ------------------------------------------------------------------ */

struct original {
    char *data;
    apr_size_t length;
    int is_whole, is_8bit;
};

static apr_size_t header_length(const char *data, apr_size_t length)
{
    apr_size_t end = 0;

    for (apr_size_t at = 0; at + 1 < length; at++) {
        if (data[at] == '\r' && data[at + 1] == '\n') {
            if (at == end) {
                return end; /* the empty line */
            }
            end = at + 2;
        }
    }
    return end;
}

static apr_size_t read_all(const ec_batch_t *batch, char *data, apr_size_t room)
{
    apr_size_t length = 0, n;

    do {
        n = room - length;
        if (n == 0 || ec_batch_read(batch, length, data + length, &n) != APR_SUCCESS) {
            break;
        }
        length += n;
    } while (n > 0);
    return length;
}

static void read_original(struct original *original, const bounce_facts_t *facts)
{
    const ec_batch_t *batch = facts->batch;
    int has_body = batch != NULL && (batch->body.first != NULL || ec_batch_is_large(batch));

    *original = (struct original){ 0 };
    if (facts->inline_original == NONE || !has_body) {
        return;
    }
    original->data = malloc(ORIGINAL_MAX);
    if (original->data == NULL) {
        return;
    }
    original->length = read_all(batch, original->data, ORIGINAL_MAX);
    original->is_whole = facts->inline_original == ALL && original->length == ec_batch_size(batch);
    if (!original->is_whole) {
        original->length = header_length(original->data, original->length);
    }
    for (apr_size_t i = 0; i < original->length; i++) {
        original->is_8bit |= original->data[i] & 0x80;
    }
}

/* ---- parts --------------------------------------------------------------------------------- */

static void add_header(struct writer *w, const bounce_facts_t *facts, int is_8bit)
{
    char text[TEXT_MAX], id[EC_ID_TEXT], date[UTIL_DATE_TEXT];

    line(w, "From: Mail Delivery System <%s>", clean(text, sizeof text, facts->from));
    line(w, "To: <%s>", clean(text, sizeof text, facts->batch->sender));
    line(w, "Subject: Undelivered mail returned to sender");
    line(w, "Date: %s", util_text_mail_date(date, facts->now));
    line(w, "Message-ID: <%s@%s>", ec_id_text(w->batch->id, id), clean(text, sizeof text, facts->hostname));
    line(w, "Auto-Submitted: auto-replied");
    line(w, "MIME-Version: 1.0");
    line(w, "Content-Type: multipart/report; report-type=delivery-status;");
    line(w, "\tboundary=\"%s\"", w->boundary);
    if (is_8bit) {
        line(w, "Content-Transfer-Encoding: 8bit");
    }
    line(w, "%s", "");
}

static void begin_part(struct writer *w, const char *type)
{
    line(w, "--%s", w->boundary);
    line(w, "Content-Type: %s", type);
}

static void add_explanation(struct writer *w, const bounce_facts_t *facts)
{
    char text[TEXT_MAX];

    begin_part(w, "text/plain; charset=us-ascii");
    line(w, "%s", "");
    line(w, "This is the mail system at %s.", clean(text, sizeof text, facts->hostname));
    line(w, "%s", "");
    if (facts->is_expired) {
        line(w, "Your message could not be delivered in time. It was tried %d times and is given up.",
             facts->attempts);
    } else {
        line(w, "Your message could not be delivered to the recipient below.");
    }
    line(w, "%s", "");
    line(w, "Recipient: <%s>", clean(text, sizeof text, facts->recipient));
    if (facts->remote[0] != '\0') {
        line(w, "Server:    %s", clean(text, sizeof text, facts->remote));
    }
    folded(w, "Reason:    ", "           ", clean(text, sizeof text, facts->text));
    line(w, "%s", "");
}

static void add_remote(struct writer *w, const char *remote)
{
    char text[TEXT_MAX];
    int is_address = strchr(remote, ':') != NULL || strspn(remote, "0123456789.") == strlen(remote);

    clean(text, sizeof text, remote);
    line(w, is_address ? "Remote-MTA: dns; [%s]" : "Remote-MTA: dns; %s", text);
}

/* Type "smtp" is for what a server has said (RFC 3464 2.3.6); our own words are marked. */
static int is_from_remote(const bounce_facts_t *facts)
{
    return facts->remote[0] != '\0' && strstr(facts->text, "[internal]") == NULL;
}

static void add_status(struct writer *w, const bounce_facts_t *facts)
{
    char text[TEXT_MAX], date[UTIL_DATE_TEXT], code[16];

    begin_part(w, "message/delivery-status");
    line(w, "%s", "");
    line(w, "Reporting-MTA: dns; %s", clean(text, sizeof text, facts->hostname));
    line(w, "Arrival-Date: %s", util_text_mail_date(date, facts->batch->received));
    line(w, "%s", "");
    line(w, "Final-Recipient: rfc822; %s", clean(text, sizeof text, facts->recipient));
    line(w, "Action: failed");
    bounce_status_code(facts->text, 1, code);
    line(w, "Status: %s", code);
    if (facts->remote[0] != '\0') {
        add_remote(w, facts->remote);
    }
    folded(w, is_from_remote(facts) ? "Diagnostic-Code: smtp; " : "Diagnostic-Code: x-ecelerity; ", "\t",
           clean(text, sizeof text, facts->text[0] != '\0' ? facts->text : "unknown"));
    line(w, "Last-Attempt-Date: %s", util_text_mail_date(date, facts->now));
    line(w, "%s", "");
}

static void add_original(struct writer *w, const struct original *original)
{
    if (original->length == 0) {
        return;
    }
    begin_part(w, original->is_whole ? "message/rfc822" : "text/rfc822-headers");
    if (original->is_8bit) {
        line(w, "Content-Transfer-Encoding: 8bit");
    }
    line(w, "%s", "");
    add_bytes(w, original->data, original->length);
    if (original->data[original->length - 1] != '\n') {
        line(w, "%s", "");
    }
    line(w, "%s", "");
}

static void make_boundary(struct writer *w)
{
    char id[EC_ID_TEXT];
    apr_size_t length = strlen(ec_id_text(w->batch->id, id));

    apr_snprintf(w->boundary, sizeof w->boundary, "=_%" APR_UINT64_T_HEX_FMT "_%" APR_UINT64_T_HEX_FMT,
                 util_hash(util_hash_seed(), id, length), util_hash(~util_hash_seed(), id, length));
}

ec_batch_t *bounce_make(const bounce_facts_t *facts)
{
    struct writer w = { 0 };
    struct original original;

    if (facts->batch->sender[0] == '\0' || (w.batch = batch_create(facts->now, "internal")) == NULL) {
        return NULL;
    }
    read_original(&original, facts);
    make_boundary(&w);
    batch_set_sender(w.batch, "");
    batch_add_rcpt(w.batch, facts->batch->sender);
    w.batch->flags |= EC_BATCH_INTERNAL | (original.is_8bit ? EC_BATCH_8BIT : 0);
    add_header(&w, facts, original.is_8bit);
    add_explanation(&w, facts);
    add_status(&w, facts);
    add_original(&w, &original);
    line(&w, "--%s--", w.boundary);
    free(original.data);
    if (w.rv != APR_SUCCESS) {
        ec_batch_unref(w.batch);
        return NULL;
    }
    return w.batch;
}

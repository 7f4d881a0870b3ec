/* mime.c - the parts of a message, found in one pass over its lines
 * SPDX-License-Identifier: Apache-2.0
 *
 * A stack has the containers that are open (multipart with its boundary, message/rfc822).  A line that begins with the
 * boundary of one of them ends all that is inside of it.  The message comes from anybody: parts, depth and the length of
 * what is looked at of a line are bounded. */
#include <ec/mime.h>

#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "message/decode.h"
#include "message/message.h"
#include "message/mimetype.h"
#include "message/utf8.h"

enum { BUFFER = 16 * 1024, BOUNDARY_MAX = 200, FIELD_ROOM = 4096 };

/* ---- lines ---------------------------------------------------------------------------------- */

struct reader {
    const ec_batch_t *batch;
    apr_size_t offset;           /* in the message, of buffer[start] */
    apr_size_t start, filled;
    apr_status_t rv;
    int is_whole;                /* the piece before ended its line */
    char buffer[BUFFER];
};

/* A line, or a piece of one that is too long. */
struct line {
    const char *text;
    apr_size_t length;           /* without its end */
    apr_size_t offset, next;     /* in the message: its beginning, and that of what follows */
    int is_start;                /* of a line */
};

static void fill(struct reader *reader)
{
    apr_size_t n;

    memmove(reader->buffer, reader->buffer + reader->start, reader->filled - reader->start);
    reader->filled -= reader->start;
    reader->start = 0;
    n = BUFFER - reader->filled;
    reader->rv = ec_batch_read(reader->batch, reader->offset + reader->filled, reader->buffer + reader->filled, &n);
    reader->filled += reader->rv == APR_SUCCESS ? n : 0;
}

static int next_line(struct reader *reader, struct line *line)
{
    const char *lf = memchr(reader->buffer + reader->start, '\n', reader->filled - reader->start);
    apr_size_t length;

    if (lf == NULL && reader->filled - reader->start < BUFFER) {
        fill(reader);
        lf = memchr(reader->buffer, '\n', reader->filled);
    }
    length = lf != NULL ? (apr_size_t)(lf + 1 - (reader->buffer + reader->start)) : reader->filled - reader->start;
    if (length == 0 || reader->rv != APR_SUCCESS) {
        return 0;
    }
    *line = (struct line){ .text = reader->buffer + reader->start,
                           .offset = reader->offset,
                           .next = reader->offset + length,
                           .length = length - (lf != NULL),
                           .is_start = reader->is_whole };
    if (lf != NULL && line->length > 0 && line->text[line->length - 1] == '\r') {
        line->length--;
    }
    reader->is_whole = lf != NULL;
    reader->start += length;
    reader->offset += length;
    return 1;
}

/* ---- the walk ---------------------------------------------------------------------------------- */

/* A container that is open. */
struct open {
    int part;
    char boundary[BOUNDARY_MAX + 1]; /* "" for message/rfc822 */
};

enum place { IN_HEADER, IN_BODY };

struct walk {
    apr_pool_t *pool;
    apr_array_header_t *parts; /* ec_part_t */
    struct open open[EC_MIME_DEPTH_MAX + 1];
    int n_open;
    int current; /* part whose header or body is being read */
    enum place place;
    char field[FIELD_ROOM]; /* the one being gathered */
    apr_size_t field_length;
    apr_size_t line_end; /* of the last line, without its CR LF */
    mime_header_t header;
};

static ec_part_t *part_at(struct walk *walk, int i)
{
    return &APR_ARRAY_IDX(walk->parts, i, ec_part_t);
}

static void begin_part(struct walk *walk, apr_size_t offset)
{
    ec_part_t *part = apr_array_push(walk->parts);
    int parent = walk->n_open > 0 ? walk->open[walk->n_open - 1].part : -1;

    *part = (ec_part_t){ .depth = walk->n_open, .parent = parent, .header = offset, .body = offset };
    walk->current = walk->parts->nelts - 1;
    walk->place = IN_HEADER;
    walk->field_length = 0;
    mime_header_init(&walk->header, walk->pool);
}

static void end_part(struct walk *walk, int i, apr_size_t end)
{
    ec_part_t *part = part_at(walk, i);

    part->length = end > part->body ? end - part->body : 0;
}

static void take_field(struct walk *walk)
{
    walk->field[walk->field_length] = '\0';
    mime_header_field(&walk->header, walk->field);
    walk->field_length = 0;
}

static int may_open(const struct walk *walk)
{
    return walk->n_open < EC_MIME_DEPTH_MAX && walk->parts->nelts < EC_MIME_PARTS_MAX;
}

static void open_container(struct walk *walk, const char *boundary)
{
    struct open *open = &walk->open[walk->n_open++];

    open->part = walk->current;
    apr_cpystrn(open->boundary, boundary, sizeof open->boundary);
}

/* The empty line has come: what kind of part is it? */
static void end_header(struct walk *walk, apr_size_t body)
{
    ec_part_t *part = part_at(walk, walk->current);

    take_field(walk);
    mime_header_finish(&walk->header, part);
    body = body > part->header ? body : part->header; /* a boundary right behind a boundary */
    part->body = body;
    walk->place = IN_BODY;
    if (!may_open(walk)) {
        return;
    }
    if (strncmp(part->type, "multipart/", 10) == 0 && walk->header.boundary[0] != '\0') {
        open_container(walk, walk->header.boundary);
    } else if (strcmp(part->type, "message/rfc822") == 0 &&
               (strcmp(part->encoding, "7bit") == 0 || strcmp(part->encoding, "8bit") == 0 ||
                strcmp(part->encoding, "binary") == 0)) {
        open_container(walk, "");
        begin_part(walk, body);
    }
}

static void take_header_line(struct walk *walk, const struct line *line)
{
    apr_size_t room = FIELD_ROOM - 1 - walk->field_length, n;

    if (line->length == 0 && line->is_start) {
        end_header(walk, line->next);
        return;
    }
    if (line->is_start && line->text[0] != ' ' && line->text[0] != '\t') {
        take_field(walk);
        room = FIELD_ROOM - 1;
    }
    n = line->length < room ? line->length : room;
    memcpy(walk->field + walk->field_length, line->text, n);
    walk->field_length += n;
}

/* The container whose boundary the line is, or -1; *is_last: the closing one. */
static int find_boundary(const struct walk *walk, const struct line *line, int *is_last)
{
    if (!line->is_start || line->length < 3 || line->text[0] != '-' || line->text[1] != '-') {
        return -1;
    }
    for (int i = walk->n_open - 1; i >= 0; i--) {
        apr_size_t length = strlen(walk->open[i].boundary), rest;

        if (length == 0 || line->length < length + 2 || memcmp(line->text + 2, walk->open[i].boundary, length) != 0) {
            continue;
        }
        rest = length + 2;
        *is_last = line->length >= rest + 2 && line->text[rest] == '-' && line->text[rest + 1] == '-';
        rest += *is_last ? 2 : 0;
        while (rest < line->length && (line->text[rest] == ' ' || line->text[rest] == '\t')) {
            rest++;
        }
        if (rest == line->length) {
            return i;
        }
    }
    return -1;
}

/* All that is open inside of container `level` ends before the boundary. */
static void close_inside(struct walk *walk, int level, apr_size_t end)
{
    int container = walk->open[level].part;

    while (walk->place == IN_HEADER) { /* twice for a message/rfc822 that ends at once */
        end_header(walk, end);
    }
    while (walk->n_open - 1 > level) {
        if (walk->current != walk->open[walk->n_open - 1].part) {
            end_part(walk, walk->current, end);
        }
        walk->current = walk->open[--walk->n_open].part;
    }
    if (walk->current != container) {
        end_part(walk, walk->current, end);
    }
    walk->current = container;
    walk->place = IN_BODY;
}

static void take_boundary(struct walk *walk, const struct line *line, int level, int is_last)
{
    close_inside(walk, level, walk->line_end);
    if (is_last) {
        walk->n_open = level;
    } else if (walk->parts->nelts < EC_MIME_PARTS_MAX) {
        begin_part(walk, line->next);
    }
}

static void finish(struct walk *walk, apr_size_t end)
{
    while (walk->place == IN_HEADER) {
        end_header(walk, end);
    }
    end_part(walk, walk->current, end);
    while (walk->n_open > 0) {
        end_part(walk, walk->open[--walk->n_open].part, end);
    }
    if (part_at(walk, 0)->length == 0) {
        end_part(walk, 0, end);
    }
}

apr_status_t ec_mime_parts(const ec_batch_t *batch, const ec_part_t **parts, int *n, apr_pool_t *pool)
{
    struct reader *reader = apr_pcalloc(pool, sizeof *reader);
    struct walk *walk = apr_pcalloc(pool, sizeof *walk);
    struct line line;
    int level, is_last;

    *reader = (struct reader){ .batch = batch, .is_whole = 1 };
    walk->pool = pool;
    walk->parts = apr_array_make(pool, 8, sizeof(ec_part_t));
    begin_part(walk, 0);
    while (next_line(reader, &line)) {
        if ((level = find_boundary(walk, &line, &is_last)) >= 0) {
            take_boundary(walk, &line, level, is_last);
        } else if (walk->place == IN_HEADER) {
            take_header_line(walk, &line);
        }
        walk->line_end = line.offset + line.length;
    }
    if (reader->rv != APR_SUCCESS) {
        return reader->rv;
    }
    finish(walk, reader->offset);
    *parts = (const ec_part_t *)walk->parts->elts;
    *n = walk->parts->nelts;
    return APR_SUCCESS;
}

/* ---- decoding ------------------------------------------------------------------------------------- */

static int decode_line(const ec_part_t *part, const struct line *line, decode_t *state, ec_mime_sink_fn *sink, void *baton)
{
    char out[BUFFER + 4];
    apr_size_t n;
    int is_soft;

    if (strcmp(part->encoding, "base64") == 0) {
        n = decode_base64(state, line->text, line->length, out);
        return n > 0 ? sink(baton, out, n) : 0;
    }
    n = decode_quoted_printable(line->text, line->length, out, &is_soft);
    if (!is_soft && line->next > line->offset + line->length) {
        out[n++] = '\r';
        out[n++] = '\n';
    }
    return n > 0 ? sink(baton, out, n) : 0;
}

apr_status_t ec_mime_decode(const ec_batch_t *batch, const ec_part_t *part, ec_mime_sink_fn *sink, void *baton)
{
    apr_size_t end = part->body + part->length;
    int is_plain = strcmp(part->encoding, "base64") != 0 && strcmp(part->encoding, "quoted-printable") != 0;
    struct reader reader = { .batch = batch, .offset = part->body, .is_whole = 1 };
    decode_t state = { 0 };
    struct line line;

    while (reader.offset < end && next_line(&reader, &line)) {
        apr_size_t most = end - line.offset;
        int is_over;

        if (is_plain) {
            apr_size_t length = line.next - line.offset;

            is_over = sink(baton, line.text, length < most ? length : most);
        } else {
            line.length = line.length < most ? line.length : most;
            line.next = line.next < end ? line.next : end;
            is_over = decode_line(part, &line, &state, sink, baton);
        }
        if (is_over) {
            return APR_SUCCESS;
        }
    }
    return reader.rv;
}

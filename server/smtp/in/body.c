/* body.c - what follows DATA
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bytes are looked at a line at a time with memchr().  Lines of a body that need nothing
 * done to them are not copied one by one: they grow a run, which is appended whole.  A run
 * ends at a dot to be taken out, at a line with a rule to it, and at the end of the bytes.
 *
 * Two notions of "beginning of a line", which must not be mixed:
 *   is_after_crlf  on the wire: only here a dot means anything;
 *   is_fresh       in the message that we keep: after a mended LF this is 1, the other 0. */
#include <string.h>

#include "smtp/in/body.h"
#include "smtp/in/header.h"

typedef enum { END_NONE, END_LF, END_CRLF } line_end_t;

static const char lone_text[] = "5.6.0 Message has a CR or LF that stands alone (lines end in CR LF)";

void in_body_refuse(in_body_t *body, int code, const char *text)
{
    if (body->code == 0) {
        body->code = code;
        body->text = text;
    }
}

void in_body_append(in_body_t *body, const char *data, apr_size_t len)
{
    const in_body_rules_t *rules = body->rules;
    apr_status_t rv;

    if (body->code != 0 || len == 0) {
        return;
    }
    if (rules->max_size != 0 && ec_batch_size(body->batch) + len > rules->max_size + body->ours) {
        in_body_refuse(body, 552, "5.3.4 Message too big");
        return;
    }
    rv = batch_body_append(body->batch, &rules->store, data, len);
    if (APR_STATUS_IS_ENOSPC(rv)) {
        in_body_refuse(body, 452, "4.3.1 Insufficient system storage");
    } else if (rv != APR_SUCCESS) {
        in_body_refuse(body, 451, "4.3.0 Message can not be stored now");
    } else if (body->watch != NULL && body->is_behind) {
        body->watch->bytes(body, body->watch->baton, data, len);
    }
}

void in_body_begin(in_body_t *body, const in_body_rules_t *rules, ec_batch_t *batch)
{
    memset(body, 0, sizeof *body);
    body->rules = rules;
    body->batch = batch;
    body->ours = ec_batch_size(batch);
    body->in_header = 1;
    body->is_after_crlf = 1;
    body->is_fresh = 1;
}

/* ---- lines -------------------------------------------------------------------------- */

/* Breaks what is too long: a header line is folded, a body line cut. */
static void append_broken(in_body_t *body, const char *text, apr_size_t len)
{
    const char *with = body->in_header ? "\r\n " : "\r\n";

    while (body->column + len > body->rules->line_max) {
        apr_size_t n = body->rules->line_max - body->column;

        in_body_append(body, text, n);
        in_body_append(body, with, strlen(with));
        text += n;
        len -= n;
        body->column = strlen(with) - 2;
    }
    in_body_append(body, text, len);
    body->column += len;
}

static void take_text(in_body_t *body, const char *text, apr_size_t len)
{
    if (body->rules->long_lines == IN_RULE_IGNORE || body->column + len <= body->rules->line_max) {
        in_body_append(body, text, len);
        body->column += len;
    } else if (body->rules->long_lines == IN_RULE_REFUSE) {
        in_body_refuse(body, 550, "5.6.0 Message has a line that is too long");
    } else {
        append_broken(body, text, len);
    }
}

/* A line, or a piece of one, without its end. */
static void take_line(in_body_t *body, const char *text, apr_size_t len, const char *end)
{
    if (body->is_fresh) {
        body->column = 0;
        if (body->in_header) {
            in_header_line(body, text, len, *end != '\0');
        }
    }
    if (body->in_header) {
        in_header_count(body, len);
    }
    take_text(body, text, len);
    in_body_append(body, end, strlen(end));
    body->is_fresh = *end != '\0';
    body->is_behind = !body->in_header;
}

/* Every CR and LF becomes CR LF.  `text` is without its end, `end` is what ended it. */
static void take_fixed(in_body_t *body, const char *text, apr_size_t len, const char *end)
{
    const char *stop = text + len;

    for (const char *p = text; p < stop; p++) {
        if (*p == '\r') {
            take_line(body, text, (apr_size_t)(p - text), "\r\n");
            text = p + 1;
        }
    }
    take_line(body, text, (apr_size_t)(stop - text), *end == '\0' ? "" : "\r\n");
}

/* One line with its end, or a piece of a long one; the dot is off. */
static void take_piece(in_body_t *body, const char *p, apr_size_t len, line_end_t how)
{
    static const char *const ends[] = { "", "\n", "\r\n" };
    apr_size_t text = len - strlen(ends[how]);
    int has_lone = how == END_LF || memchr(p, '\r', text) != NULL;
    in_lone_t rule = body->in_header ? body->rules->lone_in_header : body->rules->lone_in_body;

    if (has_lone && rule == IN_LONE_REFUSE) {
        in_body_refuse(body, 550, lone_text);
    }
    if (has_lone && rule == IN_LONE_FIX) {
        take_fixed(body, p, text, ends[how]);
    } else {
        take_line(body, p, text, ends[how]);
    }
}

/* ---- the wire ----------------------------------------------------------------------- */

/* May the line go into the run as it is? */
static int is_plain(const in_body_t *body, const char *line, apr_size_t len, line_end_t how)
{
    if (body->in_header || how != END_CRLF || !body->is_fresh) {
        return 0;
    }
    if (body->rules->long_lines != IN_RULE_IGNORE && len - 2 > body->rules->line_max) {
        return 0;
    }
    return memchr(line, '\r', len - 2) == NULL;
}

static void finish(in_body_t *body)
{
    if (body->in_header) {
        in_header_end(body);
    }
}

struct scan {
    const char *run; /* plain lines not yet appended: [run, p) */
    const char *p;
};

static void end_run(in_body_t *body, struct scan *scan, const char *next)
{
    in_body_append(body, scan->run, (apr_size_t)(scan->p - scan->run));
    scan->run = scan->p = next;
}

/* One whole line [scan->p, next).  1: it was the end of data. */
static int scan_line(in_body_t *body, struct scan *scan, const char *next)
{
    apr_size_t len = (apr_size_t)(next - scan->p);
    line_end_t how = len >= 2 && next[-2] == '\r' ? END_CRLF : END_LF;

    if (body->is_after_crlf && *scan->p == '.') {
        int is_end = len == 3 && how == END_CRLF;

        end_run(body, scan, is_end ? next : scan->p + 1);
        if (is_end) {
            finish(body);
            return 1;
        }
        len--;
    }
    if (is_plain(body, scan->p, len, how)) {
        scan->p = next;
    } else {
        const char *line = scan->p;

        end_run(body, scan, next);
        take_piece(body, line, len, how);
    }
    body->is_after_crlf = how == END_CRLF;
    return 0;
}

/* A line that is longer than what the stream holds is taken in pieces.  A CR at the end stays: it may be half
 * of an end. */
static void scan_fragment(in_body_t *body, struct scan *scan, apr_size_t len)
{
    if (scan->p[len - 1] == '\r') {
        len--;
    }
    if (body->is_after_crlf && *scan->p == '.') {
        end_run(body, scan, scan->p + 1);
        len--;
    }
    take_piece(body, scan->p, len, END_NONE);
    scan->run = scan->p = scan->p + len;
    body->is_after_crlf = 0;
}

apr_size_t in_body_take(in_body_t *body, const char *data, apr_size_t len, int *is_end)
{
    struct scan scan = { data, data };
    const char *end = data + len;
    const char *lf;

    *is_end = 0;
    while (scan.p < end && (lf = memchr(scan.p, '\n', (apr_size_t)(end - scan.p))) != NULL) {
        if (scan_line(body, &scan, lf + 1)) {
            *is_end = 1;
            break;
        }
    }
    end_run(body, &scan, scan.p);
    if (!*is_end && (apr_size_t)(end - scan.p) >= IN_BODY_FRAGMENT) {
        scan_fragment(body, &scan, (apr_size_t)(end - scan.p));
    }
    if (body->code != 0) {
        body->drained += (apr_uint64_t)(scan.p - data);
    }
    return (apr_size_t)(scan.p - data);
}

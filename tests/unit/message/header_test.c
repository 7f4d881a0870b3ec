/* header_test.c - header fields: read, written, folded, encoded, decoded
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "message/head.h"
#include "runner.h"
#include "util/crc32c.h"

static ec_batch_t *batch;
static body_limits_t limits = { .block_size = 64, .large_threshold = 1 << 20 };

static void fill(const char *text)
{
    batch = batch_create(0, "test");
    ck_assert_int_eq(batch_body_append(batch, &limits, text, strlen(text)), APR_SUCCESS);
}

static const char *whole(void)
{
    apr_size_t length = ec_batch_size(batch);
    char *text = apr_pcalloc(test_pool, length + 2);

    length++;
    ck_assert_int_eq(ec_batch_read(batch, 0, text, &length), APR_SUCCESS);
    ck_assert_uint_eq(length, ec_batch_size(batch));
    return text;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static const char sample[] = "Received: one\r\n\tby here\r\nSubject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?= to\r\n =?iso-8859-1?q?J=F6rg?=\r\n"
                             "received : two\r\nEmpty:\r\n\r\nSubject: body\r\n";

static const struct {
    const char *name;
    int n;
    apr_status_t want;
    const char *value, *text;
} reads[] = {
    { "subject", 0, APR_SUCCESS, "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= to =?iso-8859-1?q?J=F6rg?=", "Gr\303\274\303\237e to J\303\266rg" },
    { "Received", 0, APR_SUCCESS, "one\tby here", "one by here" },
    { "Received", 1, APR_SUCCESS, "two", "two" },
    { "Received", -1, APR_SUCCESS, "two", "two" },
    { "Subject", -1, APR_SUCCESS, "=?UTF-8?Q?Gr=C3=BC=C3=9Fe?= to =?iso-8859-1?q?J=F6rg?=", "Gr\303\274\303\237e to J\303\266rg" },
    { "Received", 2, EC_E_NOT_FOUND, "", "" },
    { "Empty", 0, APR_SUCCESS, "", "" },
    { "None", 0, EC_E_NOT_FOUND, "", "" },
    { "None", -1, EC_E_NOT_FOUND, "", "" },
};

START_TEST(fields_are_read)
{
    char value[200], text[200];

    fill(sample);
    ck_assert_int_eq(ec_header_get(batch, reads[_i].name, reads[_i].n, value, sizeof value), reads[_i].want);
    ck_assert_str_eq(value, reads[_i].value);
    ck_assert_int_eq(ec_header_get_text(batch, reads[_i].name, reads[_i].n, text, sizeof text), reads[_i].want);
    ck_assert_str_eq(text, reads[_i].text);
    ec_batch_unref(batch);
}
END_TEST

START_TEST(what_is_cut_is_said)
{
    char value[6];

    fill(sample);
    ck_assert_int_eq(ec_header_get(batch, "Received", 0, value, sizeof value), EC_E_TOO_LONG);
    ck_assert_str_eq(value, "one\tb");
    ec_batch_unref(batch);
}
END_TEST

static int add_name(void *baton, const char *name, const char *value)
{
    strcat(strcat(strcat(baton, name), "="), value);
    strcat(baton, ";");
    return strcmp(name, "received") == 0;
}

START_TEST(all_are_visited)
{
    char seen[400] = "";

    fill(sample);
    ck_assert_int_eq(ec_header_each(batch, add_name, seen), APR_SUCCESS);
    ck_assert_str_eq(seen, "Received=one\tby here;Subject==?UTF-8?Q?Gr=C3=BC=C3=9Fe?= to =?iso-8859-1?q?J=F6rg?=;received=two;");
    ec_batch_unref(batch);
}
END_TEST

/* ---- writing ------------------------------------------------------------------------------------ */

typedef apr_status_t change_fn(ec_batch_t *of, const char *name, const char *value);

static apr_status_t drop(ec_batch_t *of, const char *name, const char *value)
{
    return ec_header_remove(of, name);
}

static const struct {
    const char *before;
    change_fn *change;
    const char *name, *value;
    apr_status_t want;
    const char *after;
} changes[] = {
    { "A: 1\r\n\r\nbody\r\n", ec_header_add, "B", "2", APR_SUCCESS, "A: 1\r\nB: 2\r\n\r\nbody\r\n" },
    { "A: 1\r\n\r\nbody\r\n", ec_header_prepend, "B", "2", APR_SUCCESS, "B: 2\r\nA: 1\r\n\r\nbody\r\n" },
    { "A: 1\r\nB: 0\r\n x\r\nb: 9\r\nC: 3\r\n\r\nbody\r\n", ec_header_set, "B", "2", APR_SUCCESS,
      "A: 1\r\nB: 2\r\nC: 3\r\n\r\nbody\r\n" },
    { "A: 1\r\n\r\n", ec_header_set, "B", "2", APR_SUCCESS, "A: 1\r\nB: 2\r\n\r\n" },
    { "A: 1\r\nB: 0\r\n\r\nB: 7\r\n", drop, "b", NULL, APR_SUCCESS, "A: 1\r\n\r\nB: 7\r\n" },
    { "A: 1\r\n\r\nB: 7\r\n", drop, "b", NULL, EC_E_NOT_FOUND, "A: 1\r\n\r\nB: 7\r\n" },
    { "", ec_header_add, "A", "1", APR_SUCCESS, "A: 1\r\n" },
    { "A: 1", ec_header_add, "B", "2", APR_SUCCESS, "A: 1\r\nB: 2\r\n" },
    { "\r\nbody\r\n", ec_header_add, "A", "1", APR_SUCCESS, "A: 1\r\n\r\nbody\r\n" },
    { "A: 1\r\n\r\n", ec_header_add, "Bad name", "1", EC_E_SYNTAX, "A: 1\r\n\r\n" },
    { "A: 1\r\n\r\n", ec_header_add, "B", "1\r\nEvil: 2", EC_E_SYNTAX, "A: 1\r\n\r\n" },
    { "A: 1\r\n\r\n", ec_header_add, "B", "\303", EC_E_SYNTAX, "A: 1\r\n\r\n" },
    { "A: 1\r\n\r\n", ec_header_add, "", "1", EC_E_SYNTAX, "A: 1\r\n\r\n" },
};

START_TEST(fields_are_written)
{
    fill(changes[_i].before);
    ck_assert_int_eq(changes[_i].change(batch, changes[_i].name, changes[_i].value), changes[_i].want);
    ck_assert_str_eq(whole(), changes[_i].after);
    ec_batch_unref(batch);
}
END_TEST

START_TEST(fields_are_written_into_a_file)
{
    char dir[] = "/tmp/header_test.XXXXXX";
    const char *text;
    char *body;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    limits.large_threshold = 10;
    limits.large_dir = dir;
    body = apr_psprintf(test_pool, "A: 1\r\n\r\n%0100000d\r\n", 7);
    fill(body);
    ck_assert(ec_batch_is_large(batch));
    ck_assert_int_eq(ec_header_add(batch, "B", "2"), APR_SUCCESS);
    text = whole();
    ck_assert(strncmp(text, "A: 1\r\nB: 2\r\n\r\n0000", 18) == 0);
    ck_assert_str_eq(text + 14, body + 8);
    ck_assert_uint_eq(batch->body.crc, util_crc32c(0, text, strlen(text)));
    ck_assert_int_eq(batch_body_append(batch, &limits, "more", 4), APR_SUCCESS);
    ck_assert_uint_eq(batch->body.crc, util_crc32c(0, whole(), strlen(whole())));
    ec_batch_unref(batch);
    ck_assert_int_eq(rmdir(dir), 0); /* nothing is left in it */
}
END_TEST

START_TEST(a_stored_message_is_constant)
{
    fill("A: 1\r\n\r\n");
    batch_add_rcpt(batch, "a@b.example");
    batch_seal(batch);
    ck_assert_int_eq(ec_header_add(batch, "B", "2"), EC_E_DENIED);
    ck_assert_int_eq(ec_header_remove(batch, "A"), EC_E_DENIED);
    ck_assert_int_eq(ec_batch_set_sender(batch, ""), EC_E_DENIED);
    ck_assert_int_eq(ec_batch_add_recipient(batch, "c@d.example"), EC_E_DENIED);
    ck_assert_int_eq(ec_batch_remove_recipient(batch, 0), EC_E_DENIED);
    ck_assert_int_eq(ec_batch_set_route(batch, 0, "x.example"), EC_E_DENIED);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "a", "b"), EC_E_DENIED);
    ec_batch_unref(batch);
}
END_TEST

START_TEST(addresses_are_checked)
{
    static const char *const bad[] = { "", "a", "a@", "@b", "a b@c", "a\r\n@c", "<a@b>", "a@b\001" };

    fill("\r\n");
    for (int i = 0; i < TEST_COUNT(bad); i++) {
        ck_assert_int_eq(ec_batch_add_recipient(batch, bad[i]), EC_E_SYNTAX);
    }
    ck_assert_int_eq(ec_batch_add_recipient(batch, "one@A.example"), APR_SUCCESS);
    ck_assert_int_eq(ec_batch_add_recipient(batch, "two@b.example"), APR_SUCCESS);
    ck_assert_str_eq(ec_batch_domain(batch, 0), "a.example");
    ck_assert_int_eq(ec_batch_set_route(batch, 0, "Hub.Example"), APR_SUCCESS);
    ck_assert_str_eq(ec_batch_domain(batch, 0), "hub.example");
    ck_assert_int_eq(ec_batch_set_route(batch, 0, "a b"), EC_E_SYNTAX);
    ck_assert_int_eq(ec_batch_remove_recipient(batch, 0), APR_SUCCESS);
    ck_assert_str_eq(ec_batch_recipient(batch, 0), "two@b.example");
    ck_assert_int_eq(ec_batch_remove_recipient(batch, 1), APR_EINVAL);
    ck_assert_int_eq(ec_batch_set_sender(batch, "x y@z"), EC_E_SYNTAX);
    ck_assert_int_eq(ec_batch_set_sender(batch, ""), APR_SUCCESS);
    ec_batch_unref(batch);
}
END_TEST

/* ---- folding and encoding ------------------------------------------------------------------------- */

static const struct {
    const char *name, *value, *want;
} formats[] = {
    { "Subject", "plain", "Subject: plain\r\n" },
    { "Subject", "", "Subject:\r\n" },
    { "Subject", "Gr\303\274\303\237e", "Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe?=\r\n" },
    { "Subject", "an Gr\303\274\303\237e \303\244h ende", "Subject: an =?UTF-8?Q?Gr=C3=BC=C3=9Fe_=C3=A4h?= ende\r\n" },
    { "Subject", "=?fake?=", "Subject: =?UTF-8?Q?=3D=3Ffake=3F=3D?=\r\n" },
    { "Subject", "\346\227\245\346\234\254\350\252\236", "Subject: =?UTF-8?B?5pel5pys6Kqe?=\r\n" },
    { "Subject", "\"quoted \303\244\" text", "Subject: \"quoted =?UTF-8?B?w6Qi?= text\r\n" },
    { "From", "\"J\303\266rg M\303\274ller\" <j@m.example>", "From: =?UTF-8?Q?J=C3=B6rg_M=C3=BCller?= <j@m.example>\r\n" },
    { "From", "J\303\266rg <j@m.example>, \"A, B\" <a@b.example>", "From: =?UTF-8?Q?J=C3=B6rg?= <j@m.example>, \"A, B\" <a@b.example>\r\n" },
    { "X", "a  b\t c", "X: a  b\t c\r\n" },
    { "X", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa   bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
      "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n   bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n" },
    { "X", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb c",
      "X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb c\r\n" },
};

START_TEST(fields_are_formatted)
{
    char line[500];

    ck_assert_int_eq(ec_header_format(formats[_i].name, formats[_i].value, line, sizeof line), APR_SUCCESS);
    ck_assert_str_eq(line, formats[_i].want);
}
END_TEST

/* Any text comes back as it was, no line is longer than 78, and no encoded word than 75. */
START_TEST(formatted_text_comes_back)
{
    static const char *const pieces[] = { "word", "\303\244\303\266", "\346\227\245\346\234\254\350\252\236", "=?", "\360\237\230\200",
                                          "long-long-long-word-of-ascii", "?=", "_", "=41" };
    static const char *const spaces[] = { "", "", " ", " ", "  ", "   ", "      " };
    char value[2000], line[8000], back[4000];

    srand((unsigned)_i);
    value[0] = '\0';
    for (int n = 1 + rand() % 40; n > 0; n--) {
        strcat(value, pieces[rand() % TEST_COUNT(pieces)]);
        strcat(value, n > 1 ? spaces[(unsigned)rand() % TEST_COUNT(spaces)] : "");
    }
    ck_assert_int_eq(ec_header_format("Subject", value, line, sizeof line), APR_SUCCESS);
    for (const char *at = line, *end; *at != '\0'; at = end + 2) {
        end = strstr(at, "\r\n");
        ck_assert_ptr_nonnull(end);
        at += strspn(at, " \t"); /* of a fold; a long word stands alone */
        ck_assert_msg(end - at <= 78 || memchr(at, ' ', (size_t)(end - at)) == NULL || strncmp(at, "Subject:", 8) == 0, "%s", line);
    }
    fill(apr_pstrcat(test_pool, line, "\r\n", NULL));
    ck_assert_int_eq(ec_header_get_text(batch, "Subject", 0, back, sizeof back), APR_SUCCESS);
    ck_assert_str_eq(back, value);
    ec_batch_unref(batch);
}
END_TEST

static const struct {
    const char *value, *want;
} decodes[] = {
    { "plain", "plain" },
    { "=?utf-8?b?w6Q=?= =?utf-8?b?w7Y=?=", "\303\244\303\266" },
    { "=?utf-8*de?q?=C3=A4?=", "\303\244" },
    { "=?utf-8?b?w6Q?=", "\303\244" },
    { "a =?utf-8?q?b?= c", "a b c" },
    { "=?utf-8?x?b?=", "=?utf-8?x?b?=" },
    { "=?utf-8?q?open", "=?utf-8?q?open" },
    { "=?", "=?" },
    { "=?utf-8?q?=0D=0Ax?=", "??x" },
    { "=?koi8-r?q?=C1?=", "\320\260" },
    { "=?no/such//x?q?=C3=A4?=", "\303\244" },
    { "\344", "?" },
};

START_TEST(encoded_words_are_decoded)
{
    char out[200];

    ck_assert_int_eq(ec_header_decode(decodes[_i].value, out, sizeof out), APR_SUCCESS);
    ck_assert_str_eq(out, decodes[_i].want);
}
END_TEST

/* ---- context -------------------------------------------------------------------------------------- */

static void list(void *baton, const char *name, const char *value)
{
    strcat(strcat(strcat(strcat(baton, name), "="), value), ";");
}

START_TEST(context_variables)
{
    static char large[EC_CONTEXT_VALUE_MAX + 2];
    context_t copy = { 0 };
    char seen[200] = "";

    fill("\r\n");
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "a", "1"), APR_SUCCESS);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_CONN, "a", "2"), APR_SUCCESS);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "b", ""), APR_SUCCESS);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "a", "long value"), APR_SUCCESS);
    ck_assert_str_eq(ec_batch_context_get(batch, EC_CONTEXT_MESS, "a"), "long value");
    ck_assert_str_eq(ec_batch_context_get(batch, EC_CONTEXT_CONN, "a"), "2");
    ck_assert_ptr_null(ec_batch_context_get(batch, EC_CONTEXT_CONN, "b"));
    ec_batch_context_each(batch, EC_CONTEXT_MESS, list, seen);
    ck_assert_str_eq(seen, "b=;a=long value;");
    ck_assert_int_eq(context_take(&copy, batch->context.data, batch->context.used), APR_SUCCESS);
    ck_assert_str_eq(context_get(&copy, EC_CONTEXT_MESS, "a"), "long value");
    for (apr_size_t cut = 1; cut < batch->context.used; cut++) { /* cut anywhere: refused or fewer, never read beyond */
        char *part = malloc(cut);

        memcpy(part, batch->context.data, cut);
        context_free(&copy);
        (void)context_take(&copy, part, cut);
        free(part);
    }
    context_free(&copy);
    ck_assert_int_eq(context_take(&copy, "xa\0b", 5), EC_E_SPOOL_CORRUPT);
    ck_assert_int_eq(context_take(&copy, "m\0b", 4), EC_E_SPOOL_CORRUPT);
    /* a value that is one of its own */
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "b", ec_batch_context_get(batch, EC_CONTEXT_MESS, "a")), APR_SUCCESS);
    ck_assert_str_eq(ec_batch_context_get(batch, EC_CONTEXT_MESS, "b"), "long value");
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "a", NULL), APR_SUCCESS);
    ck_assert_ptr_null(ec_batch_context_get(batch, EC_CONTEXT_MESS, "a"));
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "", "x"), EC_E_SYNTAX);
    memset(large, 'x', sizeof large - 1);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "a", large), EC_E_TOO_LONG);
    large[EC_CONTEXT_VALUE_MAX] = '\0';
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, apr_itoa(test_pool, i), large), APR_SUCCESS);
    }
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "3", large), EC_E_TOO_LONG);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "2", large), APR_SUCCESS);
    ec_batch_unref(batch);
}
END_TEST

/* ---- slots ------------------------------------------------------------------------------------------- */

struct note {
    long double n; /* needs the widest alignment */
};
EC_SLOT_TYPE(note_slot, struct note)

static int ended;

static void on_end(void *data)
{
    ended += (int)((struct note *)data)->n;
}

START_TEST(slots_of_a_batch)
{
    ec_instance_t one = { .module = "m", .name = "one" }, two = { .module = "m", .name = "two" };
    note_slot_t a, b, again;

    fill("\r\n");
    note_slot_init(&a, &one, on_end);
    note_slot_init(&b, &two, on_end);
    note_slot_init(&again, &one, on_end);
    note_slot_of_batch(&a, batch)->n = 1;
    ck_assert_int_eq((int)note_slot_of_batch(&b, batch)->n, 0);
    note_slot_of_batch(&b, batch)->n = 20;
    ck_assert_int_eq((int)note_slot_of_batch(&again, batch)->n, 1); /* the next generation finds it */
    ck_assert_int_eq(util_slot_bytes("m", "one"), sizeof(struct note));
    batch_seal(batch);
    ck_assert_int_eq((int)note_slot_of_batch(&a, batch)->n, 1);
    ec_batch_unref(batch);
    ck_assert_int_eq(ended, 21);
    ck_assert_int_eq(util_slot_bytes("m", "one"), 0);
    fill("\r\n");
    batch_seal(batch);
    ck_assert_ptr_null(note_slot_of_batch(&a, batch)); /* too late to make one */
    ec_batch_unref(batch);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "header", 60);

    tcase_add_loop_test(tcase, fields_are_read, 0, TEST_COUNT(reads));
    tcase_add_test(tcase, what_is_cut_is_said);
    tcase_add_test(tcase, all_are_visited);
    tcase_add_loop_test(tcase, fields_are_written, 0, TEST_COUNT(changes));
    tcase_add_test(tcase, fields_are_written_into_a_file);
    tcase_add_test(tcase, a_stored_message_is_constant);
    tcase_add_test(tcase, addresses_are_checked);
    tcase_add_loop_test(tcase, fields_are_formatted, 0, TEST_COUNT(formats));
    tcase_add_loop_test(tcase, formatted_text_comes_back, 0, 300);
    tcase_add_loop_test(tcase, encoded_words_are_decoded, 0, TEST_COUNT(decodes));
    tcase_add_test(tcase, context_variables);
    tcase_add_test(tcase, slots_of_a_batch);
}

TEST_MAIN("message/header", add)

/* batch_test.c - batches, bodies in memory and in files, header fields
 * SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "runner.h"
#include "message/message.h"
#include "util/crc32c.h"

static char dir[] = "/tmp/ec-message-test-XXXXXX";
static const body_limits_t in_memory = { 16384, 1 << 20, NULL };

static void add_text(ec_batch_t *batch, const char *text)
{
    ck_assert_int_eq(batch_body_append(batch, &in_memory, text, strlen(text)), APR_SUCCESS);
}

static int files(void)
{
    DIR *open_dir = opendir(dir);
    int n = 0;

    while (readdir(open_dir) != NULL) {
        n++;
    }
    closedir(open_dir);
    return n - 2; /* . and .. */
}

START_TEST(envelope)
{
    ec_batch_t *batch = batch_create(123, "esmtp");
    char address[64];

    ck_assert_str_eq(ec_batch_sender(batch), "");
    ck_assert_str_eq(ec_batch_source(batch), "");
    batch_set_sender(batch, "a@b.example");
    batch_set_source(batch, "192.0.2.7", "client.example", ec_id_new());
    for (int i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "User%d@Sub.EXAMPLE", i);
        batch_add_rcpt(batch, address);
    }
    ck_assert_int_eq(ec_batch_recipients(batch), 1000);
    ck_assert_str_eq(ec_batch_recipient(batch, 999), "User999@Sub.EXAMPLE");
    ck_assert_str_eq(ec_batch_domain(batch, 999), "sub.example");
    ck_assert(!ec_id_equal(ec_batch_message_id(batch, 0), ec_batch_message_id(batch, 1)));
    ck_assert_str_eq(ec_batch_protocol(batch), "esmtp");
    ck_assert(ec_batch_received(batch) == 123);
    ck_assert_uint_gt(batch_memory(batch), 1000 * sizeof(batch_rcpt_t));
    ec_batch_ref(batch);
    ec_batch_unref(batch);
    ck_assert_str_eq(ec_batch_sender(batch), "a@b.example");
    ec_batch_unref(batch);
}
END_TEST

static const struct {
    const char *address, *domain;
} domains[] = {
    { "a@b.c", "b.c" }, { "postmaster", "" }, { "\"a@b\"@C.D", "c.d" }, { "a@[192.0.2.1]", "[192.0.2.1]" },
    { "a@", "" },
};

START_TEST(domain_of_recipient)
{
    ec_batch_t *batch = batch_create(0, "esmtp");

    batch_add_rcpt(batch, domains[_i].address);
    ck_assert_str_eq(ec_batch_domain(batch, 0), domains[_i].domain);
    ec_batch_unref(batch);
}
END_TEST

/* size of the body, size of each append, room of a block, threshold of large ones */
static const struct {
    apr_size_t size, step, block, threshold;
} bodies[] = {
    { 0, 1, 16384, 1000 },      { 1, 1, 16384, 1000 },       { 1000, 7, 16384, 1000 },
    { 1001, 7, 16384, 1000 },   { 5000, 5000, 16, 1 << 20 }, { 70000, 333, 512, 1 << 20 },
    { 70000, 333, 0, 1 << 20 }, { 70000, 70000, 16384, 0 },
};

START_TEST(body)
{
    body_limits_t limits = { bodies[_i].block, bodies[_i].threshold, dir };
    ec_batch_t *batch = batch_create(0, "esmtp");
    apr_size_t size = bodies[_i].size, length = size + 10;
    char *text = malloc(size + 1), *back = malloc(length);

    for (apr_size_t i = 0; i < size; i++) {
        text[i] = (char)(i * 31 + i / 256);
    }
    for (apr_size_t at = 0; at < size; at += bodies[_i].step) {
        apr_size_t n = size - at < bodies[_i].step ? size - at : bodies[_i].step;

        ck_assert_int_eq(batch_body_append(batch, &limits, text + at, n), APR_SUCCESS);
    }
    ck_assert_uint_eq(ec_batch_size(batch), size);
    ck_assert_int_eq(ec_batch_is_large(batch), size > bodies[_i].threshold);
    ck_assert_int_eq(files(), size > bodies[_i].threshold);
    ck_assert_int_eq(ec_batch_read(batch, 0, back, &length), APR_SUCCESS);
    ck_assert_uint_eq(length, size);
    ck_assert_int_eq(memcmp(back, text, size), 0);
    length = 10;
    ck_assert_int_eq(ec_batch_read(batch, size / 2, back, &length), APR_SUCCESS);
    ck_assert_uint_eq(length, size - size / 2 < 10 ? size - size / 2 : 10);
    ck_assert_int_eq(memcmp(back, text + size / 2, length), 0);
    length = 10;
    ck_assert_int_eq(ec_batch_read(batch, size + 5, back, &length), APR_SUCCESS);
    ck_assert_uint_eq(length, 0);
    if (ec_batch_is_large(batch)) {
        ck_assert_uint_eq(batch->body.crc, util_crc32c(0, text, size));
    }
    ec_batch_unref(batch);
    ck_assert_int_eq(files(), 0); /* never stored: the file goes with it */
    free(text);
    free(back);
}
END_TEST

START_TEST(forgotten_body)
{
    ec_batch_t *batch = batch_create(0, "esmtp");
    const char *data;
    apr_size_t length, before;

    add_text(batch, "A: b\r\n\r\ntext\r\n");
    before = batch_memory(batch);
    batch_body_forget(batch);
    ck_assert_uint_lt(batch_memory(batch), before);
    ck_assert_uint_eq(ec_batch_size(batch), 14);
    ck_assert_int_eq(ec_batch_peek(batch, 0, &data, &length), APR_ENOTIMPL);
    ec_batch_unref(batch);
}
END_TEST

/* The file's directory is gone: the body is as before, in memory. */
START_TEST(no_place_for_a_large_body)
{
    body_limits_t limits = { 16384, 10, "/nonexistent/dir" };
    ec_batch_t *batch = batch_create(0, "esmtp");
    char back[20];
    apr_size_t length = sizeof back;

    ck_assert_int_eq(batch_body_append(batch, &limits, "12345678", 8), APR_SUCCESS);
    ck_assert_int_ne(batch_body_append(batch, &limits, "12345678", 8), APR_SUCCESS);
    ck_assert_uint_eq(ec_batch_size(batch), 8);
    ck_assert_int_eq(ec_batch_read(batch, 0, back, &length), APR_SUCCESS);
    ck_assert_uint_eq(length, 8);
    ec_batch_unref(batch);
}
END_TEST

static const char header[] = "Received: from a\r\n\tby b; date\r\nSubject:  hello\r\n  world \r\nX-Empty:\r\n"
                             "X-Long : 0123456789\r\nsubject: second\r\n\r\nTo: body\r\n";

static const struct {
    const char *name, *value;
    apr_size_t room;
} fields[] = {
    { "Subject", "hello  world", 100 },
    { "SUBJECT", "hello  world", 100 },
    { "Received", "from a\tby b; date", 100 },
    { "X-Empty", "", 100 },
    { "X-Long", "01234", 6 },
    { "To", NULL, 100 },
    { "Subj", NULL, 100 },
    { "X-Long", "", 1 },
};

START_TEST(field)
{
    ec_batch_t *batch = batch_create(0, "esmtp");
    body_limits_t limits = { 1, 1 << 20, NULL }; /* a block for each byte */
    char value[100];

    ck_assert_int_eq(batch_body_append(batch, &limits, header, sizeof header - 1), APR_SUCCESS);
    ck_assert_int_eq(batch_header(batch, fields[_i].name, value, fields[_i].room), fields[_i].value != NULL);
    if (fields[_i].value != NULL) {
        ck_assert_str_eq(value, fields[_i].value);
    }
    ec_batch_unref(batch);
}
END_TEST

static void make_dir(void)
{
    test_setup();
    strcpy(dir + sizeof dir - 7, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void remove_dir(void)
{
    rmdir(dir);
    test_teardown();
}

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("batch");

    tcase_add_checked_fixture(tcase, make_dir, remove_dir);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, envelope);
    tcase_add_loop_test(tcase, domain_of_recipient, 0, TEST_COUNT(domains));
    tcase_add_loop_test(tcase, body, 0, TEST_COUNT(bodies));
    tcase_add_test(tcase, forgotten_body);
    tcase_add_test(tcase, no_place_for_a_large_body);
    tcase_add_loop_test(tcase, field, 0, TEST_COUNT(fields));
}

TEST_MAIN("message/batch", add)

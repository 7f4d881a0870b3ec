/* format_test.c - from an event to its line
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "modules/ec_logger/format.h"
#include "runner.h"
#include "smtp/in/session.h"

/* log-formats.md section 1: slot 0x4AC1DD6C prints as C6DD1CA4, counter 1 as 10/00 */
#define ID                                                 \
    {                                                      \
        .slot = 0x4AC1DD6C, .process = 29081, .counter = 1 \
    }
#define IDS  "10/00-29081-C6DD1CA4@10/00-29081-C6DD1CA4@10/00-29081-C6DD1CA4"
#define WHEN APR_INT64_C(1254227113123456)

static const ec_event_t event = {
    .when = WHEN,
    .id = ID,
    .batch_id = ID,
    .connection = ID,
    .sender = "from@sender.test",
    .recipient = "to@example.com",
    .domain = "example.com",
    .binding = "b",
    .group = "g",
    .protocol = "esmtp",
    .address = "192.0.2.1",
    .text = "250 2.0.0 ok",
    .size = 1234,
    .stage = EC_STAGE_RCPT,
    .retries = 2,
    .age = APR_INT64_C(3723000042),
};

static char line[EC_LINE_MAX];

START_TEST(reception)
{
    apr_size_t length = format_reception(line, &event, 0);

    ck_assert_str_eq(line, "1254227113@" IDS "@R@to@example.com@from@sender.test@192.0.2.1@1234@esmtp@g@b");
    ck_assert_uint_eq(length, strlen(line));
}
END_TEST

START_TEST(delivery)
{
    format_delivery(line, &event, 0);
    ck_assert_str_eq(line, "1254227113@" IDS "@D@example.com@1234@g@b@2@3723.000042@192.0.2.1");
}
END_TEST

START_TEST(failures)
{
    format_failure(line, 'T', &event, 0);
    ck_assert_str_eq(line,
                     "1254227113@" IDS "@T@example.com@1234@g@b@4@2@3723.000042@192.0.2.1@250 2.0.0 ok");
    format_failure(line, 'P', &event, 0);
    ck_assert_ptr_nonnull(strstr(line, "@P@example.com@"));
}
END_TEST

START_TEST(times)
{
    format_delivery(line, &event, 1);
    ck_assert_int_eq(strncmp(line, "1254227113123456@10/00", 22), 0);
    format_heartbeat(line, WHEN, 0);
    ck_assert_str_eq(line, "1254227113@@@@M");
    format_heartbeat(line, WHEN, 1);
    ck_assert_str_eq(line, "1254227113123456@@@@M");
    format_panic(line, WHEN, "loop 1: no@escape\n", 0);
    ck_assert_str_eq(line, "1254227113:loop 1: no@escape\\n");
    format_reject_heartbeat(line, WHEN, 0);
    ck_assert_str_eq(line, "1254227113: Marker 1");
}
END_TEST

/* recipient, the two fields it makes */
static const struct {
    const char *address, *fields;
} addresses[] = {
    { "a@b", "@R@a@b@" },
    { "", "@R@@@" },
    { "postmaster", "@R@postmaster@@" },
    { "\"a@b\"@c.test", "@R@\"a\\@b\"@c.test@" },
    { "a\\b@c", "@R@a\\\\b@c@" },
    { "a\nb\r\t\001\177@c", "@R@a\\nb\\r\\t\\x01\\x7F@c@" },
    { "\xc3\xa4@\xc3\xa4.test", "@R@\xc3\xa4@\xc3\xa4.test@" },
};

START_TEST(fields_are_escaped)
{
    ec_event_t hostile = event;

    hostile.recipient = addresses[_i].address;
    format_reception(line, &hostile, 0);
    ck_assert_msg(strstr(line, addresses[_i].fields) != NULL, "%s", line);
}
END_TEST

START_TEST(last_field_is_free_text)
{
    ec_event_t hostile = event;

    hostile.text = "550 <a@b> \\ no\r\nfake@line";
    format_failure(line, 'P', &hostile, 0);
    ck_assert_ptr_nonnull(strstr(line, "@192.0.2.1@550 <a@b> \\ no\\r\\nfake@line"));
    ck_assert_ptr_null(strchr(line, '\n'));
}
END_TEST

START_TEST(odd_values)
{
    ec_event_t odd = event;

    odd.address = "";
    format_reception(line, &odd, 0);
    ck_assert_ptr_nonnull(strstr(line, "@unknown@1234@"));
    odd.age = -5; /* the wall clock was set back */
    format_delivery(line, &odd, 0);
    ck_assert_ptr_nonnull(strstr(line, "@2@0.000000@"));
}
END_TEST

START_TEST(too_long_is_cut)
{
    static char text[2 * EC_LINE_MAX];
    ec_event_t huge = event;

    memset(text, '\n', sizeof text - 1);
    huge.text = huge.recipient = huge.domain = text;
    ck_assert_uint_eq(format_failure(line, 'T', &huge, 0), EC_LINE_MAX - 1);
    ck_assert_uint_eq(strlen(line), EC_LINE_MAX - 1);
    format_reception(line, &huge, 0);
}
END_TEST

START_TEST(rejections)
{
    const ec_rejection_t rejection = { .when = WHEN,
                                       .connection = ID,
                                       .remote = "192.0.2.9:4242",
                                       .local = "192.0.2.1:25",
                                       .state = 6,
                                       .code = 550,
                                       .module = "greet",
                                       .text = "5.7.1 relaying\ndenied" };

    format_rejection(line, &rejection, 0);
    ck_assert_str_eq(
        line, "1254227113: R=\"192.0.2.9:4242\" L=\"192.0.2.1:25\" C=\"10/00-29081-C6DD1CA4\" PATH=\"\" "
              "PATH_GRP=\"\" P=\"awaiting rcptto\" E=550 M=greet CTXCONN=[] CTXMESS=[] "
              "5.7.1 relaying\\ndenied");
}
END_TEST

START_TEST(commands)
{
    ec_access_event_t access = { .when = WHEN,
                                 .listener = "/run/2025",
                                 .remote = "",
                                 .user = "root",
                                 .result = 1,
                                 .command = "domain a@b\nx",
                                 .role = "local" };

    format_access(line, &access, 0);
    ck_assert_str_eq(line, "1254227113@Z@/run/2025@@root@1@domain a\\@b\\nx@local");
    access.result = 0;
    access.remote = "127.0.0.1:4000";
    access.user = "";
    format_access(line, &access, 1);
    ck_assert_ptr_nonnull(strstr(line, "@Z@/run/2025@127.0.0.1:4000@@0@domain"));
    ck_assert_ptr_null(strstr(line, "local"));
}
END_TEST

START_TEST(variables_of_a_rejection)
{
    ec_batch_t *batch = batch_create(WHEN, "esmtp");
    ec_conn_t conn = { 0 };
    const ec_rejection_t rejection = { .remote = "", .local = "", .module = "", .text = "no", .conn = &conn,
                                       .batch = batch };

    ck_assert_int_eq(ec_conn_context_set(&conn, "can_relay", "true"), APR_SUCCESS);
    ck_assert_int_eq(ec_conn_context_set(&conn, "two words", "a \"b\"\n"), APR_SUCCESS);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "job", "7,8"), APR_SUCCESS);
    format_rejection(line, &rejection, 0);
    ck_assert_msg(strstr(line, " CTXCONN=[can_relay=true,two\\ words=\"a \\\"b\\\"\\n\"] CTXMESS=[job=\"7,8\"] no") != NULL,
                  "%s", line);
    context_free(&conn.context);
    ec_batch_unref(batch);
}
END_TEST

/* What the client was told is never lost behind them. */
START_TEST(many_variables_of_a_rejection)
{
    ec_batch_t *batch = batch_create(WHEN, "esmtp");
    ec_conn_t conn = { 0 };
    const ec_rejection_t rejection = { .remote = "", .local = "", .module = "", .text = "5.7.1 this is why", .conn = &conn,
                                       .batch = batch };
    char value[EC_CONTEXT_VALUE_MAX];

    memset(value, '"', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    ck_assert_int_eq(ec_conn_context_set(&conn, "small", "1"), APR_SUCCESS);
    ck_assert_int_eq(ec_conn_context_set(&conn, "large", value), APR_SUCCESS);
    ck_assert_int_eq(ec_conn_context_set(&conn, "last", "2"), APR_SUCCESS);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "large", value), APR_SUCCESS);
    format_rejection(line, &rejection, 0);
    ck_assert_msg(strstr(line, " CTXCONN=[small=1,...] CTXMESS=[...] 5.7.1 this is why") != NULL, "%.300s", line);
    context_free(&conn.context);
    ec_batch_unref(batch);
}
END_TEST

START_TEST(unknown_state)
{
    ec_rejection_t rejection = {
        .remote = "", .local = "", .module = "", .text = "", .state = _i == 0 ? -1 : 22
    };

    format_rejection(line, &rejection, 0);
    ck_assert_ptr_nonnull(strstr(line, " P=\"unknown\" "));
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "format", 10);

    tcase_add_test(tcase, reception);
    tcase_add_test(tcase, delivery);
    tcase_add_test(tcase, failures);
    tcase_add_test(tcase, times);
    tcase_add_loop_test(tcase, fields_are_escaped, 0, TEST_COUNT(addresses));
    tcase_add_test(tcase, last_field_is_free_text);
    tcase_add_test(tcase, odd_values);
    tcase_add_test(tcase, too_long_is_cut);
    tcase_add_test(tcase, rejections);
    tcase_add_test(tcase, commands);
    tcase_add_test(tcase, variables_of_a_rejection);
    tcase_add_test(tcase, many_variables_of_a_rejection);
    tcase_add_loop_test(tcase, unknown_state, 0, 2);
}

TEST_MAIN("ec_logger/format", add)

/* format_test.c - each line is one JSON object
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "modules/json_logger/format.h"
#include "runner.h"

#define ID                                                 \
    {                                                      \
        .slot = 0x4AC1DD6C, .process = 29081, .counter = 1 \
    }
#define IDS                                                                \
    "\"id\":\"10/00-29081-C6DD1CA4\",\"batch\":\"10/00-29081-C6DD1CA4\"," \
    "\"connection\":\"10/00-29081-C6DD1CA4\","
#define ENVELOPE                                                                                       \
    "\"sender\":\"from@sender.test\",\"recipient\":\"to@example.com\",\"domain\":\"example.com\","     \
    "\"binding_group\":\"g\",\"binding\":\"b\",\"message_size\":1234"
#define ATTEMPT "\"retries\":2,\"age\":3723.000042,\"server\":\"192.0.2.1\",\"bytes_sent\":99"
#define WHEN    APR_INT64_C(1254227113000456)

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
    .text = "550 5.1.1 \"to\"\xff",
    .size = 99,
    .message_size = 1234,
    .stage = EC_STAGE_RCPT,
    .retries = 2,
    .age = APR_INT64_C(3723000042),
};

static char line[EC_LINE_MAX];

START_TEST(reception)
{
    ck_assert_uint_eq(format_json_reception(line, &event), strlen(line));
    ck_assert_str_eq(line, "{\"type\":\"reception\",\"time\":1254227113.000456," IDS ENVELOPE
                           ",\"protocol\":\"esmtp\",\"source\":\"192.0.2.1\"}");
}
END_TEST

START_TEST(delivery)
{
    format_json_delivery(line, &event);
    ck_assert_str_eq(line, "{\"type\":\"delivery\",\"time\":1254227113.000456," IDS ENVELOPE "," ATTEMPT "}");
}
END_TEST

START_TEST(failure)
{
    format_json_failure(line, "permanent_failure", &event, ec_bounce_class(10));
    ck_assert_str_eq(line, "{\"type\":\"permanent_failure\",\"time\":1254227113.000456," IDS ENVELOPE "," ATTEMPT
                           ",\"stage\":4,\"stage_name\":\"during RCPT TO\",\"reply\":\"550 5.1.1 \\\"to\\\"\\uFFFD\","
                           "\"class\":10,\"class_name\":\"Invalid Recipient\",\"category\":\"Hard\"}");
}
END_TEST

START_TEST(rejection)
{
    const ec_rejection_t refused = { .when = WHEN,
                                     .connection = ID,
                                     .remote = "192.0.2.9:4242",
                                     .local = "192.0.2.1:25",
                                     .state = 6,
                                     .code = 550,
                                     .module = "greet",
                                     .text = "5.7.1 relaying denied",
                                     .recipient = "to@there.example" };

    format_json_rejection(line, &refused);
    ck_assert_str_eq(line, "{\"type\":\"rejection\",\"time\":1254227113.000456,\"connection\":\"10/00-29081-C6DD1CA4\","
                           "\"remote\":\"192.0.2.9:4242\",\"local\":\"192.0.2.1:25\",\"state\":6,"
                           "\"state_name\":\"awaiting rcptto\",\"sender\":\"\",\"recipient\":\"to@there.example\",\"code\":550,\"module\":\"greet\","
                           "\"reply\":\"5.7.1 relaying denied\"}");
}
END_TEST

START_TEST(heartbeat)
{
    format_json_heartbeat(line, WHEN);
    ck_assert_str_eq(line, "{\"type\":\"heartbeat\",\"time\":1254227113.000456}");
}
END_TEST

/* A reply of 4 KiB in Latin-1: each byte of it takes six. */
START_TEST(a_long_reply_is_cut)
{
    static const char end[] = "\\uFFFD\",\"class\":1,\"class_name\":\"Undetermined\",\"category\":\"Undetermined\"}";
    const ec_rejection_t refused = { .remote = "", .local = "", .module = "", .text = "no", .recipient = "" };
    char text[4096];
    ec_event_t huge = event;
    apr_size_t length;

    memset(text, 0xFC, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    huge.text = text;
    length = format_json_failure(line, "transient_failure", &huge, ec_bounce_class(1));
    ck_assert_uint_gt(length, EC_LINE_MAX / 2);
    ck_assert_str_eq(line + length - (sizeof end - 1), end);
    format_json_rejection(line, &refused);
    ck_assert_ptr_nonnull(strstr(line, "\"reply\":\"no\"}"));
}
END_TEST

/* No half object. */
START_TEST(too_long_is_nothing)
{
    static char text[2 * EC_LINE_MAX];
    ec_event_t huge = event;

    memset(text, 'x', sizeof text - 1);
    huge.recipient = text;
    ck_assert_uint_eq(format_json_failure(line, "transient_failure", &huge, ec_bounce_class(1)), 0);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "format", 10);

    tcase_add_test(tcase, reception);
    tcase_add_test(tcase, delivery);
    tcase_add_test(tcase, failure);
    tcase_add_test(tcase, rejection);
    tcase_add_test(tcase, heartbeat);
    tcase_add_test(tcase, a_long_reply_is_cut);
    tcase_add_test(tcase, too_long_is_nothing);
}

TEST_MAIN("json_logger/format", add)

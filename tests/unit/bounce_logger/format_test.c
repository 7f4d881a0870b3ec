/* format_test.c - the 16 fields of the bouncelog
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "modules/bounce_logger/format.h"
#include "runner.h"

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
    .domain = "gateway.test",
    .binding = "b",
    .group = "g",
    .protocol = "",
    .address = "192.0.2.1",
    .text = "550 5.1.1 <to@example.com>: unknown",
    .size = 1,
    .message_size = 1234,
    .stage = EC_STAGE_RCPT,
};

static char line[EC_LINE_MAX];

START_TEST(bounce)
{
    format_bounce(line, 'B', &event, 10, 0);
    ck_assert_str_eq(line, "1254227113@" IDS "@B@to@example.com@from@sender.test@g@b@4@10@1234@192.0.2.1@"
                           "550 5.1.1 <to@example.com>: unknown");
}
END_TEST

/* The T form has the same 16 fields. */
START_TEST(transient)
{
    format_bounce(line, 'T', &event, 70, 1);
    ck_assert_str_eq(line, "1254227113123456@" IDS "@T@to@example.com@from@sender.test@g@b@4@70@1234@192.0.2.1@"
                           "550 5.1.1 <to@example.com>: unknown");
}
END_TEST

START_TEST(hostile_texts_stay_one_line)
{
    ec_event_t hostile = event;

    hostile.recipient = "\"a@b\n\"@c";
    hostile.sender = "";
    hostile.text = "550 no\r\nfake@line";
    format_bounce(line, 'B', &hostile, 1, 0);
    ck_assert_ptr_nonnull(strstr(line, "@B@\"a\\@b\\n\"@c@@@g@b@"));
    ck_assert_ptr_nonnull(strstr(line, "@550 no\\r\\nfake@line"));
}
END_TEST

START_TEST(heartbeat)
{
    format_bounce_heartbeat(line, WHEN, 0);
    ck_assert_str_eq(line, "1254227113@@@@M1");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "format", 10);

    tcase_add_test(tcase, bounce);
    tcase_add_test(tcase, transient);
    tcase_add_test(tcase, hostile_texts_stay_one_line);
    tcase_add_test(tcase, heartbeat);
}

TEST_MAIN("bounce_logger/format", add)

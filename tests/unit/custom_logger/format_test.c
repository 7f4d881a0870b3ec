/* format_test.c - the macros of custom_logger, and the formats that are refused
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>
#include <time.h>

#include "message/message.h"
#include "modules/custom_logger/format.h"
#include "runner.h"

#define ID(n)                                              \
    {                                                      \
        .slot = 0x4AC1DD6C, .process = 29081, .counter = n \
    }

static char line[EC_LINE_MAX];
static sanitize_t plain;
static ec_batch_t *batch;

static ec_event_t event = {
    .when = APR_INT64_C(1254227113123456),
    .id = ID(1),
    .batch_id = ID(2),
    .connection = ID(3),
    .sender = "from@sender.test",
    .recipient = "to@example.com",
    .domain = "gateway.test",
    .binding = "b",
    .group = "g",
    .protocol = "",
    .address = "192.0.2.1",
    .text = "550 5.1.1 no\nsuch",
    .size = 1,
    .message_size = 1234,
    .stage = EC_STAGE_RCPT,
    .retries = 2,
    .age = APR_INT64_C(3723987654),
};

static void setup(void)
{
    static const char message[] = "Subject: a\r\n folded one\r\nX-Job: 7\r\n\r\nbody\r\n";
    const body_limits_t limits = { 4096, 1024 * 1024, "/nowhere" };

    setenv("TZ", "UTC", 1);
    tzset();
    ck_assert_ptr_null(sanitize_parse(&plain, "", test_pool));
    batch = batch_create(event.when, "esmtp");
    batch_set_source(batch, "192.0.2.9", "client.test", (ec_id_t)ID(4));
    ck_assert_int_eq(batch_body_append(batch, &limits, message, sizeof message - 1), APR_SUCCESS);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_MESS, "job", "a\nb"), APR_SUCCESS);
    ck_assert_int_eq(ec_batch_context_set(batch, EC_CONTEXT_CONN, "job", "c"), APR_SUCCESS);
    event.batch = batch;
}

static void teardown(void)
{
    ec_batch_unref(batch);
}

static const char *expand(const char *text, log_stage_t stage, const sanitize_t *sanitize, int is_hires)
{
    const record_t record = { stage, &event, sanitize, is_hires, NULL };
    format_t format;
    const char *wrong = format_parse(&format, text, test_pool);

    ck_assert_msg(wrong == NULL, "%s", wrong);
    ck_assert_uint_eq(format_line(line, &format, &record), strlen(line));
    return line;
}

static const struct {
    log_stage_t stage;
    const char *format, *want;
} cases[] = {
    { STAGE_DELIVERY, "", "" },
    { STAGE_DELIVERY, "literal 100%%", "literal 100%" },
    { STAGE_DELIVERY, "%i", "10/00-29081-C6DD1CA4" },
    { STAGE_DELIVERY, "%BI", "20/00-29081-C6DD1CA4" },
    { STAGE_DELIVERY, "%CI %OC", "40/00-29081-C6DD1CA4 30/00-29081-C6DD1CA4" },
    { STAGE_RECEPTION, "%CI-%OC", "30/00-29081-C6DD1CA4-" },
    { STAGE_DELIVERY, "%m@%M>%r@%R", "from@sender.test>to@example.com" },
    { STAGE_DELIVERY, "%b %g %d %H %B %p", "b g gateway.test 192.0.2.1 1234 esmtp" },
    { STAGE_DELIVERY, "%t|%T|%T{0}|%T{3}|%us{1}|%us{6}",
      "1254227113|3723.98|3723|3723.987|1254227113.1|1254227113.123456" },
    { STAGE_DELIVERY, "[%t{%Y-%m-%d %H:%M:%S}]", "[2009-09-29 12:25:13]" },
    { STAGE_DELIVERY, "%N %c%C", "3 " },
    { STAGE_RECEPTION, "%s %S", "reception 22" },
    { STAGE_TRANSIENT_FAILURE, "%N %c(%C) %s %S", "3 Undetermined(1) during RCPT TO 4" },
    { STAGE_PERMANENT_FAILURE, "<%n>", "<550 5.1.1 no\\nsuch>" },
    { STAGE_REJECTION, "%H %n %S", "192.0.2.1 550 5.1.1 no\\nsuch 22" },
    { STAGE_DELIVERY, "%h{Subject}|%h{x-job}|%h{None}", "a folded one|7|" },
    { STAGE_DELIVERY, "%vctx_mess{job} %vctx_conn{job} %vctx_mess{x}.", "a\\nb c ." },
    { STAGE_DELIVERY, "%A%U%P%PG", "" },
    { STAGE_DELIVERY, "%b%%b%m", "b%bfrom" },
};

START_TEST(macros_expand)
{
    ck_assert_str_eq(expand(cases[_i].format, cases[_i].stage, &plain, 0), cases[_i].want);
}
END_TEST

START_TEST(hires)
{
    ck_assert_str_eq(expand("%t %t{%T}", STAGE_DELIVERY, &plain, 1), "1254227113123456 12:25:13.123456");
}
END_TEST

/* format, what the answer says of it */
static const struct {
    const char *format, *why;
} refused[] = {
    { "%", "no macro" },          { "%z", "no macro" },         { "a %h b", "%h needs a text" },
    { "%vctx_mess", "%vctx_mess needs a text" }, { "%h{}", "%h needs a text" }, { "%h{Subject", "%h needs" }, { "%us", "%us needs a number" },
    { "%us{0}", "%us needs" },    { "%us{7}", "%us needs" },    { "%T{x}", "%T needs a number" },
    { "%T{-1}", "%T needs" },     { "%T{11}", "%T needs" },
};

START_TEST(mistakes_are_refused)
{
    format_t format;
    const char *wrong = format_parse(&format, refused[_i].format, test_pool);

    ck_assert_ptr_nonnull(wrong);
    ck_assert_msg(strstr(wrong, refused[_i].why) != NULL, "%s", wrong);
}
END_TEST

static const struct {
    const char *rules, *want; /* NULL: refused */
} sanitizers[] = {
    { "", "550 5.1.1 no\\nsuch" },
    { "special_characters", "550 5.1.1 no\\nsuch" },
    { "special_characters, non_printable", "550 5.1.1 no\\010such" },
    { "tr/5 /x_/", "xx0_x.1.1_no\\nsuch" },
    { "tr/5/x/,tr/\n/;/", "xx0 x.1.1 no;such" },
    { "nonsense", NULL },
    { "tr/ab/c/", NULL },
    { "tr/a/c", NULL },
    { "tr//c/", NULL },
    { "non_printablex", NULL },
};

START_TEST(texts_are_sanitized)
{
    sanitize_t sanitize;
    const char *wrong = sanitize_parse(&sanitize, sanitizers[_i].rules, test_pool);

    ck_assert_int_eq(wrong == NULL, sanitizers[_i].want != NULL);
    if (wrong == NULL) {
        ck_assert_str_eq(expand("%n", STAGE_PERMANENT_FAILURE, &sanitize, 0), sanitizers[_i].want);
    }
}
END_TEST

START_TEST(every_macro_survives_empty_events)
{
    const ec_event_t none = { .sender = "", .recipient = "", .domain = "", .binding = "", .group = "",
                              .protocol = "", .address = "", .text = "" };

    for (const macro_t *macro = macros; macro->name != NULL; macro++) {
        for (int stage = 0; stage < STAGES; stage++) {
            const record_t record = { (log_stage_t)stage, &none, &plain, 0, NULL };
            const step_t step = { .macro = macro, .argument = "x", .number = 1 };
            ec_line_t to;

            ec_line_begin(&to, line, sizeof line);
            macro->expand(&to, &record, &step);
            ck_assert_uint_lt(to.length, 64);
        }
    }
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "format", 10);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, macros_expand, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, hires);
    tcase_add_loop_test(tcase, mistakes_are_refused, 0, TEST_COUNT(refused));
    tcase_add_loop_test(tcase, texts_are_sanitized, 0, TEST_COUNT(sanitizers));
    tcase_add_test(tcase, every_macro_survives_empty_events);
}

TEST_MAIN("custom_logger/format", add)

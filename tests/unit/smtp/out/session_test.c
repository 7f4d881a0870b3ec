/* session_test.c - sessions against a scripted peer: what every answer at every stage comes to
 * SPDX-License-Identifier: Apache-2.0 */
#include "sessions.h"

/* ---- every stage, every kind of answer ------------------------------------------------------- */

/* Two recipients.  `plain` is the story without PIPELINING, NULL when it is the same. */
static const struct {
    const char *name;
    peer_rule_t rules[4];
    const char *story, *plain, *text;
} cases[] = {
    { "all well", { { 0 } }, "D9 D9 / ", NULL, "250 2.0.0 taken" },
    { "banner 421", { { "", 0, "421 busy" } }, "uT12 ", NULL, "421 busy" },
    { "banner 554", { { "", 0, "554-no|554 service" } }, "uT12 ", NULL, "554-no 554 service" },
    { "banner closes",
      { { "", 0, "!drop" } },
      "uT12 ",
      NULL,
      "451 4.4.2 [internal] the banner failed: the peer closed" },
    { "banner garbage",
      { { "", 0, "hello" } },
      "uT12 ",
      NULL,
      "451 4.4.2 [internal] the banner failed: the peer sent" },
    { "banner silent",
      { { "", 0, "!silent" } },
      "uT12 ",
      NULL,
      "451 4.4.2 [internal] the banner failed: no answer" },
    { "ehlo 451", { { "EHLO", 0, "451 later" } }, "uT10 ", NULL, "451 later" },
    { "ehlo 5xx, helo", { { "EHLO", 0, "500 what" } }, "D9 D9 / ", NULL, NULL },
    { "ehlo and helo 5xx", { { "EHLO", 0, "500 what" }, { "HELO", 0, "502 no" } }, "uT10 ", NULL, "502 no" },
    { "ehlo closes", { { "EHLO", 0, "!drop" } }, "uT10 ", NULL, "451 4.4.2" },
    { "ehlo silent", { { "EHLO", 0, "!silent" } }, "uT10 ", NULL, "451 4.4.2" },
    { "ehlo garbage", { { "EHLO", 0, "250-a|251 b" } }, "uT10 ", NULL, "451 4.4.2" },
    { "mail 4xx",
      { { "MAIL", 0, "451 4.7.1 grey" }, { "RCPT", 0, "503 no" }, { "DATA", 0, "503 no" } },
      "T2 T2 / ",
      NULL,
      "451 4.7.1 grey" },
    { "mail 5xx",
      { { "MAIL", 0, "550 5.7.1 no" }, { "RCPT", 0, "503 no" }, { "DATA", 0, "503 no" } },
      "P2 P2 / ",
      NULL,
      "550 5.7.1 no" },
    { "mail 5xx and 354", { { "MAIL", 0, "550 no" }, { "RCPT", 0, "503 no" } }, "P2 P2 / ", NULL, "550 no" },
    { "mail 5xx, all else taken", { { "MAIL", 0, "550 no" } }, "P2 P2 / ", NULL, "550 no" },
    { "mail 421", { { "MAIL", 0, "421 bye" } }, "T2 T2 / ", NULL, "421 bye" },
    { "mail closes",
      { { "MAIL", 0, "!drop" } },
      "T2 T2 / ",
      NULL,
      "451 4.4.2 [internal] MAIL FROM failed: the peer closed" },
    { "mail silent",
      { { "MAIL", 0, "!silent" } },
      "T2 T2 / ",
      NULL,
      "451 4.4.2 [internal] MAIL FROM failed: no answer" },
    { "mail garbage", { { "MAIL", 0, "what" } }, "T2 T2 / ", NULL, "451 4.4.2" },
    { "mail 354", { { "MAIL", 0, "354 go" } }, "T2 T2 / ", NULL, "451 4.4.2" },
    { "first rcpt 4xx", { { "RCPT", 1, "450 4.2.1 wait" } }, "T4 D9 / ", NULL, "450 4.2.1 wait" },
    { "first rcpt 5xx", { { "RCPT", 1, "550 5.1.1 who" } }, "P4 D9 / ", NULL, "550 5.1.1 who" },
    { "second rcpt 5xx", { { "RCPT", 2, "550 5.1.1 who" } }, "D9 P4 / ", NULL, NULL },
    { "all rcpts 5xx",
      { { "RCPT", 0, "550 5.1.1 who" }, { "DATA", 0, "554 no" } },
      "P4 P4 / ",
      NULL,
      "550 5.1.1 who" },
    { "all rcpts 5xx and 354", { { "RCPT", 0, "550 5.1.1 who" } }, "P4 P4 / ", NULL, "550 5.1.1 who" },
    { "second rcpt too many", { { "RCPT", 2, "452 4.5.3 too many" } }, "D9 R / ", NULL, NULL },
    { "first rcpt too many", { { "RCPT", 1, "452 4.5.3 too many" } }, "T4 D9 / ", NULL, "452 4.5.3" },
    { "rcpt mailbox full", { { "RCPT", 2, "452 4.2.2 full" } }, "D9 T4 / ", NULL, NULL },
    { "rcpt 421", { { "RCPT", 2, "421 bye" } }, "T4 T4 / ", NULL, "421 bye" },
    { "rcpt 5xx, then 421",
      { { "RCPT", 1, "550 who" }, { "RCPT", 2, "421 bye" } },
      "P4 T4 / ",
      NULL,
      "550 who" },
    { "rcpt closes", { { "RCPT", 2, "!drop" } }, "T4 T4 / ", NULL, "451 4.4.2 [internal] RCPT TO failed" },
    { "rcpt silent", { { "RCPT", 2, "!silent" } }, "T4 T4 / ", NULL, "451 4.4.2 [internal] RCPT TO failed" },
    { "rcpt garbage", { { "RCPT", 1, "250_ok" } }, "T4 T4 / ", NULL, "451 4.4.2" },
    { "data 4xx", { { "DATA", 0, "451 4.3.0 no" } }, "T6 T6 / ", NULL, "451 4.3.0 no" },
    { "data 5xx", { { "DATA", 0, "554 5.7.1 no" } }, "P6 P6 / ", NULL, "554 5.7.1 no" },
    { "data 250", { { "DATA", 0, "250 what" } }, "T6 T6 / ", NULL, "451 4.4.2" },
    { "data 421", { { "DATA", 0, "421 bye" } }, "T6 T6 / ", NULL, "421 bye" },
    { "data closes", { { "DATA", 0, "!drop" } }, "T6 T6 / ", NULL, "451 4.4.2 [internal] DATA failed" },
    { "data silent", { { "DATA", 0, "!silent" } }, "T6 T6 / ", NULL, "451 4.4.2 [internal] DATA failed" },
    { "dot 4xx", { { ".", 0, "451 4.3.0 no" } }, "T9 T9 / ", NULL, "451 4.3.0 no" },
    { "dot 5xx", { { ".", 0, "554-5.7.1 a|554 5.7.1 b" } }, "P9 P9 / ", NULL, "554-5.7.1 a 554 5.7.1 b" },
    { "dot 421", { { ".", 0, "421 bye" } }, "T9 T9 / ", NULL, "421 bye" },
    { "dot closes",
      { { ".", 0, "!drop" } },
      "?9 ?9 / ",
      NULL,
      "451 4.4.2 [internal] the final dot failed: the peer closed" },
    { "dot silent",
      { { ".", 0, "!silent" } },
      "?9 ?9 / ",
      NULL,
      "451 4.4.2 [internal] the final dot failed: no answer" },
    { "dot garbage", { { ".", 0, "ok" } }, "?9 ?9 / ", NULL, "451 4.4.2" },
    { "dot 354", { { ".", 0, "354 more" } }, "?9 ?9 / ", NULL, "451 4.4.2" },
    { "dot half a reply", { { ".", 0, "!drop 250-a" } }, "?9 ?9 / ", NULL, "451 4.4.2" },
    { "dot, taken, closes", { { ".", 0, "!drop 250 ok" } }, "D9 D9 / ", NULL, "250 ok" },
};

static void check_case(int i, const char *offers, const char *story)
{
    peer_script_t script = { offers, { { 0 } } };

    memcpy(script.rules, cases[i].rules, sizeof(cases[i].rules));
    run(&script, "", 2);
    ck_assert_msg(strcmp(fake_queue_story(), story) == 0, "%s: \"%s\", not \"%s\"; %s; %s", cases[i].name,
                  fake_queue_story(), story, fake_queue_result(0)->text, peer_transcript());
    if (cases[i].text != NULL) {
        ck_assert_msg(strncmp(fake_queue_result(0)->text, cases[i].text, strlen(cases[i].text)) == 0,
                      "%s: %s", cases[i].name, fake_queue_result(0)->text);
    }
    ck_assert_str_eq(fake_queue_result(0)->address, "127.0.0.1");
}

START_TEST(pipelined)
{
    check_case(_i, OFFERS_ALL, cases[_i].story);
}
END_TEST

START_TEST(step_by_step)
{
    check_case(_i, NULL, cases[_i].plain != NULL ? cases[_i].plain : cases[_i].story);
    ck_assert_int_le(peer_burst(), 1);
}
END_TEST

/* ---- the dialogue --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    peer_script_t script;
    const char *conf;
    const char *transcript;
} dialogues[] = {
    { "esmtp",
      { OFFERS_ALL, { { 0 } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|<21 bytes>|QUIT|" },
    { "esmtp without extensions",
      { NULL, { { 0 } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT TO:<r2@domain.test>|DATA|<21 "
      "bytes>|QUIT|" },
    { "helo",
      { OFFERS_ALL, { { "EHLO", 0, "502 no" } } },
      "",
      "EHLO me.test|HELO me.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|<21 bytes>|QUIT|" },
    { "smtp",
      { OFFERS_ALL, { { 0 } } },
      "Delivery_Method = \"SMTP\"\n",
      "HELO me.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT TO:<r2@domain.test>|DATA|<21 "
      "bytes>|QUIT|" },
    { "name of its own",
      { "SIZE", { { 0 } } },
      "EHLO_Hostname = \"other.test\"\n",
      "EHLO other.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|<21 bytes>|QUIT|" },
    { "name of the sender",
      { NULL, { { 0 } } },
      "EHLO_Hostname = \"__message__\"\n",
      "EHLO from.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT TO:<r2@domain.test>|DATA|<21 "
      "bytes>|QUIT|" },
    { "nobody wanted, step by step",
      { NULL, { { "RCPT", 0, "550 who" } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test>|RCPT TO:<r1@domain.test>|RCPT TO:<r2@domain.test>|RSET|QUIT|" },
    { "nobody wanted, data refused",
      { OFFERS_ALL, { { "RCPT", 0, "550 who" }, { "DATA", 0, "554 no" } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|RSET|QUIT|" },
    { "nobody wanted, data accepted: a lone dot",
      { OFFERS_ALL, { { "RCPT", 0, "550 who" }, { ".", 0, "554 nobody" } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|<0 bytes>|QUIT|" },
    { "sender refused, data accepted, recipients too: no dot",
      { OFFERS_ALL, { { "MAIL", 0, "550 no" } } },
      "",
      "EHLO me.test|MAIL FROM:<s@from.test> SIZE=21|RCPT TO:<r1@domain.test>|RCPT "
      "TO:<r2@domain.test>|DATA|" },
    { "too large", { "SIZE 20", { { 0 } } }, "", "EHLO me.test|QUIT|" },
};

START_TEST(dialogue)
{
    run(&dialogues[_i].script, dialogues[_i].conf, 2);
    if (strstr(dialogues[_i].transcript, "QUIT") != NULL) {
        until(has_quit);
    }
    ck_assert_msg(strcmp(peer_transcript(), dialogues[_i].transcript) == 0, "%s: %s", dialogues[_i].name,
                  peer_transcript());
}
END_TEST

/* ---- several transactions ------------------------------------------------------------------------- */

static const struct {
    const char *name;
    peer_script_t script;
    const char *conf;
    int recipients[3];
    const char *story;
    int connections, marks;
} series[] = {
    { "one connection", { OFFERS_ALL, { { 0 } } }, "", { 1, 2, 1 }, "D9 / D9 D9 / D9 / ", 1, 3 },
    { "one connection, step by step", { NULL, { { 0 } } }, "", { 1, 2, 1 }, "D9 / D9 D9 / D9 / ", 1, 3 },
    { "a refusal does not end it",
      { OFFERS_ALL, { { "RCPT", 1, "550 who" }, { "DATA", 1, "554 no" } } },
      "",
      { 1, 1 },
      "P4 / D9 / ",
      1,
      2 },
    { "nor does a lone dot",
      { OFFERS_ALL, { { "RCPT", 1, "550 who" }, { ".", 1, "554 no" } } },
      "",
      { 1, 1 },
      "P4 / D9 / ",
      1,
      2 },
    { "a refused RSET ends it",
      { NULL, { { "RCPT", 1, "550 who" }, { "RSET", 1, "500 no" } } },
      "",
      { 1, 1 },
      "P4 / ",
      1,
      1 },
    { "deliveries per connection",
      { OFFERS_ALL, { { 0 } } },
      "max_deliveries_per_connection = 2\n",
      { 1, 1, 1 },
      "D9 / D9 / ",
      1,
      2 },
    { "deliveries per connection cut an attempt",
      { OFFERS_ALL, { { 0 } } },
      "max_deliveries_per_connection = 2\n",
      { 3 },
      "D9 D9 R / ",
      1,
      1 },
    { "recipients per connection cut an attempt",
      { OFFERS_ALL, { { "RCPT", 1, "550 no" } } },
      "max_recipients_per_connection = 3\n",
      { 2, 3 },
      "P4 D9 / D9 R R / ",
      1,
      2 },
    { "a worn connection that closes",
      { OFFERS_ALL, { { "MAIL", 2, "!drop" } } },
      "",
      { 1, 2 },
      "D9 / R R / ",
      1,
      2 },
    { "a worn connection that says 421",
      { NULL, { { "MAIL", 2, "421 enough" } } },
      "",
      { 1, 1 },
      "D9 / R / ",
      1,
      1 },
    { "a worn connection that closes later",
      { NULL, { { "RCPT", 2, "!drop" } } },
      "",
      { 1, 1 },
      "D9 / T4 / ",
      1,
      2 },
    { "a worn connection that refuses",
      { NULL, { { "MAIL", 2, "450 no" } } },
      "",
      { 1, 1 },
      "D9 / T2 / ",
      1,
      1 },
    { "second banner", { OFFERS_ALL, { { "", 1, "421 busy" } } }, "", { 1 }, "uT12 ", 1, 0 },
};

START_TEST(several)
{
    peer_start(&series[_i].script, test_pool);
    fake_queue_start(apr_pstrcat(test_pool, CONF, series[_i].conf, NULL), here, peer_port(), test_pool);
    for (int i = 0; i < 3 && series[_i].recipients[i] > 0; i++) {
        add_message(MESSAGE, series[_i].recipients[i]);
    }
    fake_queue_open();
    until(fake_queue_is_closed);
    ck_assert_msg(strcmp(fake_queue_story(), series[_i].story) == 0, "%s: \"%s\"; %s", series[_i].name,
                  fake_queue_story(), peer_transcript());
    ck_assert_int_eq(peer_connections(), series[_i].connections);
    ck_assert_msg(fake_queue_marks() == series[_i].marks, "%s: %d marks", series[_i].name,
                  fake_queue_marks());
}
END_TEST

static void add(Suite *suite)
{
    TCase *stages = add_case(suite, "stages");

    tcase_add_loop_test(stages, pipelined, 0, TEST_COUNT(cases));
    tcase_add_loop_test(stages, step_by_step, 0, TEST_COUNT(cases));
    tcase_add_loop_test(stages, dialogue, 0, TEST_COUNT(dialogues));
    tcase_add_loop_test(stages, several, 0, TEST_COUNT(series));
}

TEST_MAIN("smtp/out/session", add)

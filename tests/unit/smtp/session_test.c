/* session_test.c - whole dialogues with the receiving server
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each dialogue is held once as it stands, once for every place where its bytes can be
 * cut in two, and some times cut at random: the answers must not depend on it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dialogue.h"

typedef struct {
    const char *say, *hear;        /* hear NULL: the server has closed */
} step_t;

enum { STEPS = 14 };

#define GREET { "", BANNER }, { "EHLO client.example\r\n", EHLO_ANSWER }
#define MAIL { "MAIL FROM:<a@b.example>\r\n", "250 2.1.0 Sender ok\r\n" }
#define RCPT { "RCPT TO:<c@d.example>\r\n", "250 2.1.5 Recipient ok\r\n" }
#define DATA { "DATA\r\n", "354 Send the message, end with CR LF . CR LF\r\n" }
#define QUIT { "QUIT\r\n", "221 2.0.0 Bye\r\n" }, { "", NULL }
#define STORED "250 2.0.0 OK */*\r\n"
#define BARE "500 5.5.2 Lines end in CR LF\r\n421 4.7.0 Closing after a line that ends in a lone CR or LF\r\n"

static const struct {
    const char *name;
    const char *global, *listener; /* configuration */
    step_t steps[STEPS];
    const char *envelope;          /* of what was accepted */
} dialogues[] = {
    { "one message", "", "",
      { GREET, MAIL, RCPT, DATA, { "Subject: x\r\n\r\nhello\r\n.\r\n", "250 2.0.0 OK *\r\n" }, QUIT },
      "a@b.example>c@d.example,\n" },
    { "pipelined", "", "",
      { GREET,
        { "MAIL FROM:<a@b.example> SIZE=100 BODY=8BITMIME\r\nRCPT TO:<c@d.example>\r\nRCPT TO:<e@f.example>\r\nDATA\r\n",
          "250 2.1.0 Sender ok\r\n250 2.1.5 Recipient ok\r\n250 2.1.5 Recipient ok\r\n"
          "354 Send the message, end with CR LF . CR LF\r\n" },
        { "A: b\r\n\r\n..c\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<g@h.example>\r\nDATA\r\n",
          "250 2.0.0 OK *\r\n250 2.1.0 Sender ok\r\n250 2.1.5 Recipient ok\r\n"
          "354 Send the message, end with CR LF . CR LF\r\n" },
        { ".\r\nQUIT\r\nNOOP\r\n", "250 2.0.0 OK *\r\n221 2.0.0 Bye\r\n" },
        { "", NULL } },
      "a@b.example>c@d.example,e@f.example,\n>g@h.example,\n" },
    { "commands after 354 are the body", "", "",
      { GREET, MAIL, RCPT,
        { "DATA\r\nQUIT\r\nRSET\r\n.\r\nNOOP\r\n",
          "354 Send the message, end with CR LF . CR LF\r\n250 2.0.0 OK *\r\n250 2.0.0 OK\r\n" },
        QUIT },
      "a@b.example>c@d.example,\n" },
    { "order", "", "",
      { { "", BANNER }, { "RCPT TO:<c@d.example>\r\n", "503 5.5.1 MAIL first\r\n" },
        { "DATA\r\n", "503 5.5.1 MAIL and RCPT first\r\n" }, { "helo x\r\n", "250 mx.example\r\n" }, MAIL,
        { "MAIL FROM:<x@y.example>\r\n", "501 5.5.1 MAIL was given already\r\n" },
        { "DATA\r\n", "503 5.5.1 MAIL and RCPT first\r\n" }, RCPT, { "RSET\r\n", "250 2.0.0 OK\r\n" },
        { "RCPT TO:<c@d.example>\r\n", "503 5.5.1 MAIL first\r\n" }, QUIT },
      "" },
    { "small commands", "", "",
      { GREET, { "NOOP\r\n", "250 2.0.0 OK\r\n" }, { "noop with words\r\n", "250 2.0.0 OK\r\n" },
        { "VRFY a\r\n", "252 2.5.2 Send the message, it will be tried\r\n" },
        { "VRFY\r\n", "501 5.5.4 Syntax: VRFY address\r\n" },
        { "HELP\r\n", "214 2.0.0 EHLO HELO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP; see RFC 5321\r\n" },
        { "EXPN x\r\n", "500 5.5.2 Unknown command\r\n" }, { "\r\n", "500 5.5.2 Unknown command\r\n" },
        { "RSET x\r\n", "501 5.5.4 No argument, please\r\n" }, { "DATA x\r\n", "503 5.5.1 MAIL and RCPT first\r\n" },
        QUIT },
      "" },
    { "names", "", "",
      { { "", BANNER }, { "EHLO\r\n", "501 5.5.4 Say who you are\r\n" },
        { "EHLO a b\r\n", "501 5.5.4 Bad host name\r\n" }, { "EHLO (evil)\r\n", "501 5.5.4 Bad host name\r\n" },
        { "EHLO \303\251\r\n", "501 5.5.4 Bad host name\r\n" }, { "EHLO [127.0.0.1]\r\n", EHLO_ANSWER },
        { "HELO my_pc\r\n", "250 mx.example\r\n" }, QUIT },
      "" },
    { "parameters", "", "",
      { GREET, { "MAIL FROM:<a@b.example> SIZE=104857601\r\n", "552 5.3.4 Message too big\r\n" },
        { "MAIL FROM:<a@b.example> SIZE=99999999999999999999\r\n", "552 5.3.4 Message too big\r\n" },
        { "MAIL FROM:<a@b.example> SIZE=000000000000000000001\r\n", "501 5.5.4 Bad SIZE\r\n" },
        { "MAIL FROM:<a@b.example> SIZE=-1\r\n", "501 5.5.4 Bad SIZE\r\n" },
        { "MAIL FROM:<a@b.example> BODY=BINARYMIME\r\n", "501 5.5.4 Bad BODY\r\n" },
        { "MAIL FROM:<a@b.example> RET=HDRS\r\n", "555 5.5.4 Unknown MAIL parameter\r\n" },
        { "MAIL FROM:<a@b.example>SIZE=1\r\n", "501 5.5.4 Bad MAIL parameters\r\n" }, MAIL,
        { "RCPT TO:<c@d.example> NOTIFY=NEVER\r\n", "555 5.5.4 Unknown RCPT parameter\r\n" }, QUIT },
      "" },
    { "addresses", "", "",
      { GREET, { "MAIL FROM: <a@b.example>\r\n", "501 5.5.2 Syntax: MAIL FROM:<address>\r\n" },
        { "MAIL FROM:a@b.example\r\n", "501 5.5.2 Syntax: MAIL FROM:<address>\r\n" },
        { "MAIL FROM:<a@@b.example>\r\n", "501 5.1.7 Bad sender address syntax\r\n" },
        { "MAIL FROM:<nobody>\r\n", "501 5.1.7 Sender address needs a domain\r\n" }, MAIL,
        { "RCPT TO:<>\r\n", "501 5.1.3 Recipient address is empty\r\n" },
        { "RCPT TO:<nobody>\r\n", "501 5.1.3 Recipient address needs a domain\r\n" },
        { "RCPT TO:<a b@c.example>\r\n", "501 5.1.3 Bad address syntax\r\n" },
        { "RCPT TO:<PostMaster>\r\n", "250 2.1.5 Recipient ok\r\n" }, QUIT },
      "" },
    { "spaces are allowed when configured", "allow_trailing_whitespace_in_commands = true", "",
      { GREET, { "MAIL FROM: <a@b.example> SIZE=1\r\n", "250 2.1.0 Sender ok\r\n" },
        { "RCPT TO: <c@d.example>\r\n", "250 2.1.5 Recipient ok\r\n" }, QUIT },
      "" },
    { "domains are added when configured",
      "domain_for_unqualified_sender_address = \"s.example\"\n"
      "domain_for_unqualified_recipient_addresses = \"r.example\"", "",
      { GREET, { "MAIL FROM:<a>\r\n", "250 2.1.0 Sender ok\r\n" },
        { "RCPT TO:<b>\r\n", "250 2.1.5 Recipient ok\r\n" }, DATA, { ".\r\n", "250 2.0.0 OK *\r\n" }, QUIT },
      "a@s.example>b@r.example,\n" },
    { "no null sender, no literals", "allow_null_envelope_sender = false\nallow_ip_literal = false", "",
      { GREET, { "MAIL FROM:<>\r\n", "550 5.7.1 Null sender not accepted\r\n" },
        { "MAIL FROM:<a@[127.0.0.1]>\r\n", "550 5.1.8 Address literals not accepted\r\n" }, MAIL,
        { "RCPT TO:<a@[127.0.0.1]>\r\n", "550 5.1.2 Address literals not accepted\r\n" }, QUIT },
      "" },
    { "a greeting first", "require_ehlo = true", "",
      { { "", BANNER }, { "MAIL FROM:<a@b.example>\r\n", "550 5.5.1 EHLO or HELO first\r\n" }, QUIT },
      "" },
    { "relaying denied", "relay_hosts = ( \"10.0.0.0/8\" )\nrelay_domains = ( \"ours.example\" \"*.below.example\" )", "",
      { GREET, MAIL, { "RCPT TO:<c@d.example>\r\n", "550 5.7.1 relaying denied\r\n" },
        { "RCPT TO:<c@OURS.example>\r\n", "250 2.1.5 Recipient ok\r\n" },
        { "RCPT TO:<c@x.below.example>\r\n", "250 2.1.5 Recipient ok\r\n" },
        { "RCPT TO:<c@below.example>\r\n", "550 5.7.1 relaying denied\r\n" },
        { "RCPT TO:<c@ours.example.evil.example>\r\n", "550 5.7.1 relaying denied\r\n" },
        { "RCPT TO:<\"x@ours.example\"@evil.example>\r\n", "550 5.7.1 relaying denied\r\n" },
        { "RCPT TO:<@ours.example:x@evil.example>\r\n", "550 5.7.1 relaying denied\r\n" },
        { "RCPT TO:<x%evil.example@ours.example>\r\n", "250 2.1.5 Recipient ok\r\n" }, QUIT },
      "" },
    { "relaying for senders", "relay_hosts = ( \"10.0.0.0/8\" )", "relay_for_sending_domains = ( \"b.example\" )",
      { GREET, MAIL, RCPT, { "RSET\r\n", "250 2.0.0 OK\r\n" },
        { "MAIL FROM:<a@c.example>\r\n", "250 2.1.0 Sender ok\r\n" },
        { "RCPT TO:<c@d.example>\r\n", "550 5.7.1 relaying denied\r\n" }, QUIT },
      "" },
    { "open relay by will", "relay_hosts = ( \"10.0.0.0/8\" )", "open_relay = true", { GREET, MAIL, RCPT, QUIT }, "" },
    { "bounded recipients", "", "max_recipients_per_message = 2",
      { GREET, MAIL, RCPT, RCPT, { "RCPT TO:<c@d.example>\r\n", "452 4.5.3 Too many recipients in this message\r\n" },
        DATA, { ".\r\n", "250 2.0.0 OK *\r\n" }, QUIT },
      "a@b.example>c@d.example,c@d.example,\n" },
    { "bounded messages", "max_receptions_per_connection = 1", "",
      { GREET, MAIL, RCPT, DATA, { ".\r\n", "250 2.0.0 OK *\r\n" },
        { "MAIL FROM:<a@b.example>\r\n", "421 4.4.5 Too many messages in this connection\r\n" }, { "", NULL } },
      "a@b.example>c@d.example,\n" },
    { "bounded size", "", "max_message_size = 20",
      { { "", BANNER }, { "EHLO x\r\n", "250-*\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 20\r\n" },
        MAIL, RCPT, DATA, { "A: b\r\n\r\n0123456789\r\n.\r\n", "250 2.0.0 OK *\r\n" }, MAIL, RCPT, DATA,
        { "A: b\r\n\r\n01234567890\r\n.\r\n", "552 5.3.4 Message too big\r\n" }, MAIL, QUIT },
      "a@b.example>c@d.example,\n" },
    { "smuggling", "", "",
      { GREET, MAIL, RCPT, DATA,
        { "A: b\r\n\r\nx\n.\r\nMAIL FROM:<evil@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n\r\n.\r\n",
          "550 5.6.0 Message has a CR or LF that stands alone (lines end in CR LF)\r\n" },
        QUIT },
      "" },
    { "LF in a command", "", "", { GREET, { "NOOP\nNOOP\r\n", BARE }, { "", NULL } }, "" },
    { "CR in a command", "", "", { GREET, { "NOOP\rNOOP\r\n", BARE }, { "", NULL } }, "" },
    { "CR CR LF", "", "", { GREET, { "NOOP\r\r\n", BARE }, { "", NULL } }, "" },
    { "control characters", "", "",
      { GREET, { "NO\001OP\r\n", "500 5.5.2 Control characters in command\r\n" }, QUIT }, "" },
    { "pipelining before the answer to EHLO", "", "",
      { { "", BANNER }, { "EHLO x\r\nNOOP\r\n", "554 5.5.0 Pipelining before it was offered\r\n" }, { "", NULL } }, "" },
};

/* Index of the byte, over all steps, after which the client pauses; -1: none; -2: at random. */
static void send_cut(client_t *client, const char *bytes, int *cut)
{
    apr_size_t length = strlen(bytes);
    apr_size_t first = *cut >= 0 && (apr_size_t)*cut < length ? (apr_size_t)*cut : 0;

    if (*cut == -2) {
        while (length > 0) {
            first = 1 + (apr_size_t)rand() % (length < 9 ? length : 9);
            client_send(client, bytes, first);
            turn();
            bytes += first;
            length -= first;
        }
        return;
    }
    if (*cut >= 0) {
        *cut -= (int)length;
    }
    if (first > 0) {
        client_send(client, bytes, first);
        turn();
    }
    if (length > 0) {
        client_send(client, bytes + first, length - first);
    }
}

static void hold(const step_t *steps, int cut)
{
    client_t client;

    client_open(&client);
    for (int i = 0; i < STEPS && steps[i].say != NULL; i++) {
        send_cut(&client, steps[i].say, &cut);
        if (steps[i].hear == NULL) {
            hear_end(&client);
            break;
        }
        hear(&client, steps[i].hear);
    }
    client_close(&client);
}

static int bytes_of(const step_t *steps)
{
    int n = 0;

    for (int i = 0; i < STEPS && steps[i].say != NULL; i++) {
        n += (int)strlen(steps[i].say);
    }
    return n;
}

/* Pipelining before EHLO is the one thing where the cut matters. */
static int may_cut(int i)
{
    return strstr(dialogues[i].name, "before the answer") == NULL;
}

START_TEST(dialogue)
{
    const step_t *steps = dialogues[_i].steps;
    int n = may_cut(_i) ? bytes_of(steps) : 0;

    server_start(dialogues[_i].global, dialogues[_i].listener);
    hold(steps, -1);
    ck_assert_str_eq(store.envelope, dialogues[_i].envelope);
    for (int cut = 1; cut < n; cut++) {
        store_reset();
        hold(steps, cut);
        ck_assert_msg(strcmp(store.envelope, dialogues[_i].envelope) == 0, "cut at %d: %s", cut, store.envelope);
    }
    srand(4711);
    for (int i = 0; i < 10 && n > 0; i++) {
        store_reset();
        hold(steps, -2);
        ck_assert_str_eq(store.envelope, dialogues[_i].envelope);
    }
}
END_TEST

/* ---- one thing each ------------------------------------------------------------------------ */

static client_t client;

static void begin(const char *global, const char *listener)
{
    server_start(global, listener);
    client_greet(&client);
}

static void send_message(const char *text, const char *answer)
{
    say(&client, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n");
    hear(&client, "250 2.1.0 *\r\n250 2.1.5 *\r\n354 *\r\n");
    say(&client, text);
    if (answer != NULL) {
        hear(&client, answer);
    }
}

START_TEST(stored_form)
{
    static const char trace[] =
        "Received: from client.example ([127.0.0.1])\r\n\tby mx.example (ecelerity) with ESMTP\r\n\tid ";

    begin("", "");
    send_message("Subject: x\r\n\r\n..dot\r\n.\r\n", "250 2.0.0 OK *\r\n");
    ck_assert_msg(strncmp(store.text, trace, sizeof trace - 1) == 0, "%s", store.text);
    ck_assert_ptr_nonnull(strstr(store.text, "; Tue, 14 Nov 2023 22:13:20 +0000\r\nSubject: x\r\nDate: Tue, 14 Nov 2023 "));
    ck_assert_ptr_nonnull(strstr(store.text, "\r\nMessage-ID: <"));
    ck_assert_ptr_nonnull(strstr(store.text, "@mx.example>\r\n\r\n.dot\r\n"));
}
END_TEST

START_TEST(no_trace_when_configured)
{
    begin("rfc2822_trace_headers = false\nrfc2822_date_header = ignore\nrfc2822_messageid_header = ignore", "");
    send_message("Subject: x\r\n\r\n.\r\n", "250 2.0.0 OK *\r\n");
    ck_assert_str_eq(store.text, "Subject: x\r\n\r\n");
}
END_TEST

START_TEST(line_too_long)
{
    static char line[5000];

    begin("", "");
    memset(line, 'x', sizeof line);
    client_send(&client, line, sizeof line);
    turn();
    client_send(&client, line, sizeof line);
    say(&client, "\r");
    turn();
    say(&client, "\nNOOP\r\n");
    hear(&client, "500 5.5.2 Line too long\r\n250 2.0.0 OK\r\n");
    memcpy(line, "NOOP ", 5);
    client_send(&client, line, IN_LINE_MAX - 2);
    say(&client, "\r\n");
    hear(&client, "250 2.0.0 OK\r\n");
    client_send(&client, line, IN_LINE_MAX - 1);
    say(&client, "\r\n");
    hear(&client, "500 5.5.2 Line too long\r\n");
}
END_TEST

START_TEST(too_many_errors)
{
    begin("", "");
    for (int i = 0; i < IN_ERRORS_MAX; i++) {
        say(&client, "FOO\r\n");
        hear(&client, "500 5.5.2 Unknown command\r\n");
    }
    say(&client, "FOO\r\n");
    hear(&client, "500 5.5.2 Unknown command\r\n421 4.7.0 Too many errors\r\n");
    hear_end(&client);
}
END_TEST

START_TEST(early_talker)
{
    server_start("", "");
    client_open(&client);
    say(&client, "EHLO x\r\n");
    hear(&client, "554 5.5.0 You spoke before the banner\r\n");
    hear_end(&client);
}
END_TEST

START_TEST(idle_client)
{
    begin("", "");
    event_clock_advance(clock_, 299 * APR_USEC_PER_SEC);
    say(&client, "NO");
    turn();
    event_clock_advance(clock_, 2 * APR_USEC_PER_SEC);      /* half a command buys no time */
    hear(&client, "421 4.4.2 Idle too long\r\n");
    hear_end(&client);
}
END_TEST

START_TEST(idle_in_a_message)
{
    begin("", "");
    send_message("Subject: x\r\n", NULL);
    turn();
    event_clock_advance(clock_, 301 * APR_USEC_PER_SEC);
    hear(&client, "421 4.4.2 Idle too long\r\n");
    hear_end(&client);
    ck_assert_int_eq(store.stores, 0);
}
END_TEST

/* A client that ends its side after QUIT, or without it, still gets all answers. */
START_TEST(half_close)
{
    begin("", "");
    say(&client, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n.\r\nNOOP\r\n");
    shutdown(client.fd, SHUT_WR);
    hear(&client, "250 *\r\n250 *\r\n354 *\r\n250 2.0.0 OK *\r\n250 2.0.0 OK\r\n");
    hear_end(&client);
    ck_assert_int_eq(store.accepts, 1);
}
END_TEST

/* ---- the spool ----------------------------------------------------------------------------- */

START_TEST(nothing_is_said_before_the_disk_has_it)
{
    begin("", "");
    store.is_held = 1;
    send_message(".\r\nNOOP\r\n", NULL);
    for (int i = 0; i < 3; i++) {
        turn();
    }
    ck_assert_int_eq(store.stores, 1);
    ck_assert_int_eq(store.accepts, 0);
    client.lines = 1;
    ck_assert(!has_answer(&client));
    ck_assert_str_eq(client.got, "");
    event_clock_advance(clock_, 3600 * APR_USEC_PER_SEC);  /* waiting for the disk is not idling */
    turn();
    store_end(store.waiting);
    hear(&client, "250 2.0.0 OK *\r\n250 2.0.0 OK\r\n");
    ck_assert_int_eq(store.accepts, 1);
}
END_TEST

START_TEST(others_go_on_meanwhile)
{
    client_t other;

    begin("", "");
    store.is_held = 1;
    send_message(".\r\n", NULL);
    turn();
    ck_assert_ptr_nonnull(store.waiting);
    client_greet(&other);
    store_end(store.waiting);
    hear(&client, "250 2.0.0 OK *\r\n");
    client_close(&other);
}
END_TEST

static const struct {
    apr_status_t rv;
    const char *answer;
} failures[] = {
    { ENOSPC, "452 4.3.1 Insufficient system storage\r\n" },
    { EIO, "451 4.3.0 Message can not be stored now\r\n" },
    { EROFS, "451 4.3.0 Message can not be stored now\r\n" },
    { EC_E_SPOOL_FAILED, "451 4.3.0 Message can not be stored now\r\n" },
};

START_TEST(store_fails)
{
    begin("", "");
    store.rv = failures[_i].rv;
    send_message("A: b\r\n.\r\n", failures[_i].answer);
    ck_assert_int_eq(store.accepts, 0);
    store.rv = APR_SUCCESS;
    send_message("A: b\r\n.\r\n", "250 2.0.0 OK *\r\n");
    ck_assert_int_eq(store.accepts, 1);
}
END_TEST

START_TEST(spool_is_not_ready)
{
    begin("", "");
    store.is_ready = 0;
    say(&client, "MAIL FROM:<a@b.example>\r\n");
    hear(&client, "452 4.3.1 Insufficient system storage\r\n");
    store.is_ready = 1;
    send_message(".\r\n", "250 2.0.0 OK *\r\n");
}
END_TEST

/* The client goes while the message is on its way to the disk: what the disk has is ours. */
START_TEST(client_goes_during_commit)
{
    begin("", "");
    store.is_held = 1;
    send_message(".\r\n", NULL);
    turn();
    ck_assert_ptr_nonnull(store.waiting);
    reset_peer(&client);
    for (int i = 0; i < 3; i++) {
        turn();
    }
    store_end(store.waiting);
    for (int i = 0; i < 5; i++) {
        turn();
    }
    ck_assert_int_eq(store.accepts, 1);
    ck_assert_int_eq(ec_counter_value(ec_counter("smtp.in.sessions", "")), 0);
}
END_TEST

/* ---- limits, changes, the end ------------------------------------------------------------------ */

START_TEST(session_limits)
{
    client_t second, third;

    server_start("", _i == 0 ? "listener_sessions = 2" : "service_sessions = 2");
    client_greet(&client);
    client_greet(&second);
    client_open(&third);
    hear(&third, "421 4.4.5 Too many connections, try again later\r\n");
    hear_end(&third);
    client_close(&third);
    say(&second, "QUIT\r\n");
    hear(&second, "221 2.0.0 Bye\r\n");
    client_close(&second);
    client_greet(&third);
    client_close(&third);
}
END_TEST

/* A limit in a Peer stanza counts that network alone. */
START_TEST(peer_limit)
{
    client_t second;

    server_start("", "listener_sessions = 5\n Peer \"127.0.0.0/8\" { listener_sessions = 1 }");
    client_greet(&client);
    client_open(&second);
    hear(&second, "421 4.4.5 *\r\n");
    hear_end(&second);
    client_close(&second);
}
END_TEST

START_TEST(unrelated_change_goes_unnoticed)
{
    begin("", "");
    configure("retry_interval = 77", "");
    send_message(".\r\n", "250 2.0.0 OK *\r\n");
    say(&client, "RSET\r\n");
    hear(&client, "250 2.0.0 OK\r\n");
}
END_TEST

START_TEST(change_that_concerns_us)
{
    begin("", "reconfig_message = \"4.3.2 come back\"");
    configure("relay_domains = ( \"new.example\" )", "reconfig_message = \"4.3.2 come back\"");
    say(&client, "NOOP\r\n");
    hear(&client, "250 2.0.0 OK\r\n");
    say(&client, _i == 0 ? "MAIL FROM:<a@b.example>\r\n" : "RSET\r\n");
    hear(&client, "421 4.3.2 come back\r\n");
    hear_end(&client);
}
END_TEST

/* A transaction that has begun ends under the settings it began with. */
START_TEST(change_during_a_message)
{
    begin("", "");
    say(&client, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
    hear(&client, "250 *\r\n250 *\r\n");
    configure("relay_hosts = ( \"10.0.0.0/8\" )", "");
    say(&client, "RCPT TO:<e@f.example>\r\nDATA\r\n.\r\n");
    hear(&client, "250 *\r\n354 *\r\n250 2.0.0 OK *\r\n");
}
END_TEST

START_TEST(stop_with_idle_sessions)
{
    begin("", "");
    smtp_in_stop(10 * APR_USEC_PER_SEC, on_stopped, NULL);
    hear(&client, "421 4.3.2 Service is closing\r\n");
    hear_end(&client);
    ck_assert_int_eq(stopped, 1);
    ck_assert_int_eq(smtp_in_port(LISTEN), 0);
}
END_TEST

START_TEST(stop_lets_a_message_end)
{
    begin("", "");
    send_message("A: b\r\n", NULL);
    turn();
    smtp_in_stop(10 * APR_USEC_PER_SEC, on_stopped, NULL);
    turn();
    say(&client, ".\r\n");
    hear(&client, "250 2.0.0 OK *\r\n421 4.3.2 Service is closing\r\n");
    hear_end(&client);
    ck_assert_int_eq(stopped, 1);
    ck_assert_int_eq(store.accepts, 1);
}
END_TEST

/* When the grace is over sessions end, but a message on its way to the disk is waited for. */
START_TEST(stop_after_the_grace)
{
    begin("", "");
    store.is_held = 1;
    send_message(".\r\n", NULL);
    turn();
    smtp_in_stop(10 * APR_USEC_PER_SEC, on_stopped, NULL);
    turn();
    event_clock_advance(clock_, 11 * APR_USEC_PER_SEC);
    hear(&client, "421 4.3.2 Service is closing\r\n");
    ck_assert_int_eq(stopped, 0);
    store_end(store.waiting);
    hear_end(&client);
    for (int i = 0; i < 3; i++) {
        turn();
    }
    ck_assert_int_eq(stopped, 1);
    ck_assert_int_eq(store.accepts, 1);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "session", 120);

    tcase_add_checked_fixture(tcase, NULL, server_end);
    tcase_add_loop_test(tcase, dialogue, 0, TEST_COUNT(dialogues));
    tcase_add_test(tcase, stored_form);
    tcase_add_test(tcase, no_trace_when_configured);
    tcase_add_test(tcase, line_too_long);
    tcase_add_test(tcase, too_many_errors);
    tcase_add_test(tcase, early_talker);
    tcase_add_test(tcase, idle_client);
    tcase_add_test(tcase, idle_in_a_message);
    tcase_add_test(tcase, half_close);
    tcase_add_test(tcase, nothing_is_said_before_the_disk_has_it);
    tcase_add_test(tcase, others_go_on_meanwhile);
    tcase_add_loop_test(tcase, store_fails, 0, TEST_COUNT(failures));
    tcase_add_test(tcase, spool_is_not_ready);
    tcase_add_test(tcase, client_goes_during_commit);
    tcase_add_loop_test(tcase, session_limits, 0, 2);
    tcase_add_test(tcase, peer_limit);
    tcase_add_test(tcase, unrelated_change_goes_unnoticed);
    tcase_add_loop_test(tcase, change_that_concerns_us, 0, 2);
    tcase_add_test(tcase, change_during_a_message);
    tcase_add_test(tcase, stop_with_idle_sessions);
    tcase_add_test(tcase, stop_lets_a_message_end);
    tcase_add_test(tcase, stop_after_the_grace);
}

TEST_MAIN("smtp/session", add)

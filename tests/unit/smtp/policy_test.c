/* policy_test.c - policy hooks: refusing, suspending, resuming from anywhere, also too late
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "dialogue.h"

/* Two instances with every policy hook; they write down what they see and say what they are told. */
static struct instance {
    const char *name;
    ec_verdict_t verdicts[EC_HOOK_COUNT];
    int code;                      /* for ec_conn_reply(), 0: none */
    const char *text;
    ec_conn_t *suspended;
    ec_batch_t *batch;
} first, second;

static char seen[4000];
static char rejections[4000];
static int receptions;

static ec_verdict_t see(struct instance *instance, ec_hook_id_t hook, ec_conn_t *conn, const char *what)
{
    char line[400];

    snprintf(line, sizeof line, "%s %s %s\n", instance->name, hook_name(hook), what);
    strcat(seen, line);
    if (instance->code != 0 && instance->verdicts[hook] == EC_REJECT) {
        ec_conn_reply(conn, instance->code, instance->text);
    }
    if (instance->verdicts[hook] == EC_SUSPEND) {
        instance->suspended = conn;
    }
    return instance->verdicts[hook];
}

static ec_verdict_t on_connect(void *self, ec_conn_t *conn)
{
    return see(self, EC_HOOK_smtp_connect, conn, ec_conn_peer(conn));
}

static ec_verdict_t on_ehlo(void *self, ec_conn_t *conn, const char *name)
{
    return see(self, EC_HOOK_smtp_ehlo, conn, name);
}

static ec_verdict_t on_mail(void *self, ec_conn_t *conn, const char *sender)
{
    ck_assert_str_eq(ec_conn_sender(conn), sender);
    return see(self, EC_HOOK_smtp_mail, conn, sender);
}

static ec_verdict_t on_rcpt(void *self, ec_conn_t *conn, const char *recipient)
{
    return see(self, EC_HOOK_smtp_rcpt, conn, recipient);
}

static ec_verdict_t on_data(void *self, ec_conn_t *conn)
{
    return see(self, EC_HOOK_smtp_data, conn, "");
}

static ec_verdict_t on_message(void *self, ec_conn_t *conn, ec_batch_t *batch)
{
    ((struct instance *)self)->batch = batch;
    return see(self, EC_HOOK_smtp_message, conn, ec_batch_sender(batch));
}

static void on_rejection(void *self, const ec_rejection_t *rejection)
{
    char line[400];

    snprintf(line, sizeof line, "%d %d %s %s\n", rejection->state, rejection->code, rejection->module,
             rejection->text);
    strcat(rejections, line);
    ck_assert_int_eq(strncmp(rejection->remote, "127.0.0.1:", 10), 0);
    ck_assert_int_eq(strncmp(rejection->local, "127.0.0.1:", 10), 0);
}

static void on_reception(void *self, const ec_event_t *event)
{
    receptions++;
    ck_assert_str_eq(event->sender, "a@b.example");
    ck_assert_str_eq(event->recipient, "c@d.example");
    ck_assert_str_eq(event->domain, "d.example");
    ck_assert_str_eq(event->protocol, "esmtp");
    ck_assert_str_eq(event->address, "127.0.0.1");
}

static const ec_hook_t policy[] = {
    EC_HOOK(smtp_connect, on_connect), EC_HOOK(smtp_ehlo, on_ehlo), EC_HOOK(smtp_mail, on_mail),
    EC_HOOK(smtp_rcpt, on_rcpt),       EC_HOOK(smtp_data, on_data), EC_HOOK(smtp_message, on_message),
    EC_HOOK_END,
};
static const ec_hook_t logs[] = {
    EC_HOOK(log_rejection, on_rejection),
    EC_HOOK(log_reception, on_reception),
    EC_HOOK_END,
};

static client_t client;

static void setup(void)
{
    memset(&first, 0, sizeof first);
    memset(&second, 0, sizeof second);
    first.name = "one";
    second.name = "two";
    seen[0] = rejections[0] = '\0';
    server_start("", "");
    hook_add(policy, &first, "one");
    hook_add(policy, &second, "two");
    hook_add(logs, rejections, "log");
}

static void end(void)
{
    server_end();
    hook_clear();
}

#define SEND_ENVELOPE "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"

START_TEST(all_are_asked_in_order)
{
    client_greet(&client);
    say(&client, SEND_ENVELOPE);
    hear(&client, "250 *\r\n250 *\r\n354 *\r\n");
    say(&client, ".\r\n");
    hear(&client, "250 2.0.0 OK *\r\n");
    ck_assert_str_eq(seen, "one smtp_connect 127.0.0.1\ntwo smtp_connect 127.0.0.1\n"
                           "one smtp_ehlo client.example\ntwo smtp_ehlo client.example\n"
                           "one smtp_mail a@b.example\ntwo smtp_mail a@b.example\n"
                           "one smtp_rcpt c@d.example\ntwo smtp_rcpt c@d.example\n"
                           "one smtp_data \ntwo smtp_data \n"
                           "one smtp_message a@b.example\ntwo smtp_message a@b.example\n");
    ck_assert_int_eq(receptions, 1);
    ck_assert_str_eq(rejections, "");
}
END_TEST

START_TEST(done_ends_the_asking)
{
    first.verdicts[EC_HOOK_smtp_connect] = EC_DONE;
    client_open(&client);
    hear(&client, BANNER);
    ck_assert_str_eq(seen, "one smtp_connect 127.0.0.1\n");
}
END_TEST

static const struct {
    ec_hook_id_t hook;
    int code;
    const char *text;
    const char *hear;              /* of the whole dialogue below */
    const char *rejection;
} refusals[] = {
    { EC_HOOK_smtp_connect, 554, "5.7.1 go away", "554 5.7.1 go away\r\n", "0 554 one 5.7.1 go away\n" },
    { EC_HOOK_smtp_ehlo, 550, "5.7.1 bad\r\nname\001", NULL, "2 550 one 5.7.1 bad??name?\n" },
    { EC_HOOK_smtp_mail, 0, "", BANNER EHLO_ANSWER "550 5.7.1 Refused by policy\r\n250 2.0.0 OK\r\n221 *\r\n",
      "4 550 one 5.7.1 Refused by policy\n" },
    { EC_HOOK_smtp_rcpt, 250, "not a refusal",
      BANNER EHLO_ANSWER "250 2.1.0 *\r\n550 not a refusal\r\n250 2.0.0 OK\r\n221 *\r\n", "6 550 one not a refusal\n" },
    { EC_HOOK_smtp_data, 451, "4.7.1 later",
      BANNER EHLO_ANSWER "250 2.1.0 *\r\n250 2.1.5 *\r\n451 4.7.1 later\r\n250 2.0.0 OK\r\n221 *\r\n",
      "8 451 one 4.7.1 later\n" },
    { EC_HOOK_smtp_message, 550, "5.7.1 spam",
      BANNER EHLO_ANSWER "250 2.1.0 *\r\n250 2.1.5 *\r\n354 *\r\n550 5.7.1 spam\r\n250 2.0.0 OK\r\n221 *\r\n",
      "10 550 one 5.7.1 spam\n" },
    { EC_HOOK_smtp_message, 421, "4.7.1 enough",
      BANNER EHLO_ANSWER "250 2.1.0 *\r\n250 2.1.5 *\r\n354 *\r\n421 4.7.1 enough\r\n", "10 421 one 4.7.1 enough\n" },
};

/* Goes on until the server refuses, then says NOOP and QUIT. */
static void refused_dialogue(const char *wanted)
{
    static const struct {
        const char *say;
        int lines;                 /* of the answer, when it is a good one */
    } script[] = { { "", 1 },
                   { "EHLO client.example\r\n", 5 },
                   { "MAIL FROM:<a@b.example>\r\n", 1 },
                   { "RCPT TO:<c@d.example>\r\n", 1 },
                   { "DATA\r\n", 1 },
                   { ".\r\n", 1 } };
    int lines = lines_of(wanted) - (strstr(wanted, "221") != NULL ? 2 : 0);

    client_open(&client);
    for (int i = 0; i < TEST_COUNT(script) && count_lines(&client) < lines; i++) {
        client.lines = count_lines(&client) + script[i].lines;
        say(&client, script[i].say);
        (void)event_run_until(loop, has_answer, &client, 300);
    }
    if (strstr(wanted, "221") != NULL) {
        say(&client, "NOOP\r\nQUIT\r\n");
    }
    hear(&client, wanted);
    hear_end(&client);
}

START_TEST(refusals_at_every_point)
{
    first.verdicts[refusals[_i].hook] = EC_REJECT;
    first.code = refusals[_i].code;
    first.text = refusals[_i].text;
    if (refusals[_i].hook == EC_HOOK_smtp_ehlo) {
        client_open(&client);
        hear(&client, BANNER);
        say(&client, "EHLO client.example\r\n");
        hear(&client, "550 5.7.1 bad??name?\r\n");
        say(&client, "NOOP\r\n");
        hear(&client, "250 2.0.0 OK\r\n");
    } else {
        refused_dialogue(refusals[_i].hear);
    }
    ck_assert_str_eq(rejections, refusals[_i].rejection);
    ck_assert_int_eq(store.stores, 0);
    ck_assert_int_eq(receptions, 0);
}
END_TEST

/* ---- suspending ------------------------------------------------------------------------------ */

static const ec_hook_id_t points[] = { EC_HOOK_smtp_ehlo, EC_HOOK_smtp_mail, EC_HOOK_smtp_rcpt, EC_HOOK_smtp_data,
                                       EC_HOOK_smtp_message };

static int is_suspended(void *baton)
{
    return first.suspended != NULL;
}

static void *resume_thread(void *conn)
{
    ec_conn_resume(conn, EC_CONTINUE);
    return NULL;
}

static void run_to_suspension(ec_hook_id_t hook)
{
    first.verdicts[hook] = EC_SUSPEND;
    client_open(&client);
    hear(&client, BANNER);
    say(&client, "EHLO client.example\r\n");
    if (hook != EC_HOOK_smtp_ehlo) {
        hear(&client, EHLO_ANSWER);
        say(&client, SEND_ENVELOPE ".\r\nQUIT\r\n");
    }
    (void)event_run_until(loop, is_suspended, NULL, 100);
    ck_assert(is_suspended(NULL));
}

START_TEST(resumed_from_another_thread)
{
    ec_hook_id_t hook = points[_i];
    pthread_t thread;

    run_to_suspension(hook);
    event_clock_advance(clock_, IN_SUSPEND_MAX - APR_USEC_PER_SEC);  /* a session that waits for us is not idle */
    turn();
    ck_assert_int_eq(pthread_create(&thread, NULL, resume_thread, first.suspended), 0);
    pthread_join(thread, NULL);
    if (hook == EC_HOOK_smtp_ehlo) {
        hear(&client, EHLO_ANSWER);
    } else {
        hear(&client, "250 2.1.0 *\r\n250 2.1.5 *\r\n354 *\r\n250 2.0.0 OK *\r\n221 *\r\n");
        ck_assert_int_eq(store.accepts, 1);
    }
    ck_assert_ptr_nonnull(strstr(seen, apr_psprintf(test_pool, "two %s", hook_name(hook))));
}
END_TEST

START_TEST(resumed_with_refusal)
{
    ec_hook_id_t hook = points[_i];

    run_to_suspension(hook);
    ec_conn_reply(first.suspended, 450, "4.7.1 not now");
    ec_conn_resume(first.suspended, EC_REJECT);
    client.lines = hook == EC_HOOK_smtp_ehlo ? 1 : 5;
    (void)event_run_until(loop, has_answer, &client, 20);
    ck_assert_ptr_nonnull(strstr(client.got, "450 4.7.1 not now\r\n"));
    ck_assert_ptr_null(strstr(seen, apr_psprintf(test_pool, "two %s", hook_name(hook))));
    ck_assert_int_eq(store.accepts, 0);
}
END_TEST

/* The client goes while a hook has its session: message and session stay until the hook lets go. */
START_TEST(resumed_too_late)
{
    ec_hook_id_t hook = points[_i];

    run_to_suspension(hook);
    reset_peer(&client);
    smtp_in_stop(1, on_stopped, NULL);
    turn();
    event_clock_advance(clock_, 10);
    (void)event_run_until(loop, is_stopped, NULL, 100);
    ck_assert_int_eq(stopped, 1);
    ck_assert_str_eq(ec_conn_peer(first.suspended), "127.0.0.1");
    if (hook == EC_HOOK_smtp_message) {
        ck_assert_str_eq(ec_batch_sender(first.batch), "a@b.example");
    }
    ec_conn_resume(first.suspended, EC_CONTINUE);
    turn();
    ck_assert_int_eq(store.stores, 0);
}
END_TEST

/* A hook that forgets a session: the client is told, and resuming it after all only lets go of it. */
START_TEST(never_resumed)
{
    static const char *const heard[] = {
        "421 4.3.2 *\r\n", "421 4.3.2 *\r\n", "250 *\r\n421 4.3.2 *\r\n", "250 *\r\n250 *\r\n421 4.3.2 *\r\n",
        "250 *\r\n250 *\r\n354 *\r\n421 4.3.2 *\r\n",
    };

    run_to_suspension(points[_i]);
    event_clock_advance(clock_, IN_SUSPEND_MAX + APR_USEC_PER_SEC);
    turn();
    hear(&client, heard[_i]);
    hear_end(&client);
    ck_assert_str_eq(ec_conn_peer(first.suspended), "127.0.0.1");
    ec_conn_resume(first.suspended, EC_CONTINUE);
    turn();
    ck_assert_int_eq(store.stores, 0);
}
END_TEST

/* A client that speaks while smtp_connect is being decided has not waited for the banner. */
START_TEST(early_talker_during_connect)
{
    first.verdicts[EC_HOOK_smtp_connect] = EC_SUSPEND;
    client_open(&client);
    (void)event_run_until(loop, is_suspended, NULL, 100);
    say(&client, "EHLO x\r\n");
    hear(&client, "554 5.5.0 You spoke before the banner\r\n");
    hear_end(&client);
    ec_conn_resume(first.suspended, EC_CONTINUE);
    turn();
}
END_TEST

START_TEST(patient_client_during_connect)
{
    first.verdicts[EC_HOOK_smtp_connect] = EC_SUSPEND;
    client_open(&client);
    (void)event_run_until(loop, is_suspended, NULL, 100);
    ec_conn_set_can_relay(first.suspended, 0);
    ec_conn_resume(first.suspended, EC_CONTINUE);
    hear(&client, BANNER);
    say(&client, "EHLO client.example\r\n");
    hear(&client, EHLO_ANSWER);
    say(&client, "MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n");
    hear(&client, "250 *\r\n550 5.7.1 relaying denied\r\n");
}
END_TEST

/* The suspending instance is unregistered meanwhile: the others are still asked once. */
START_TEST(table_changes_while_suspended)
{
    run_to_suspension(EC_HOOK_smtp_mail);
    hook_remove(rejections, NULL, NULL);
    hook_add(logs, rejections, "log");
    turn();
    ec_conn_resume(first.suspended, EC_CONTINUE);
    hear(&client, "250 2.1.0 *\r\n250 2.1.5 *\r\n354 *\r\n250 2.0.0 OK *\r\n221 *\r\n");
    ck_assert_int_eq(receptions, 1);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "policy", 60);

    tcase_add_checked_fixture(tcase, setup, end);
    tcase_add_test(tcase, all_are_asked_in_order);
    tcase_add_test(tcase, done_ends_the_asking);
    tcase_add_loop_test(tcase, refusals_at_every_point, 0, TEST_COUNT(refusals));
    tcase_add_loop_test(tcase, resumed_from_another_thread, 0, TEST_COUNT(points));
    tcase_add_loop_test(tcase, resumed_with_refusal, 0, TEST_COUNT(points));
    tcase_add_loop_test(tcase, resumed_too_late, 0, TEST_COUNT(points));
    tcase_add_loop_test(tcase, never_resumed, 0, TEST_COUNT(points));
    tcase_add_test(tcase, early_talker_during_connect);
    tcase_add_test(tcase, patient_client_during_connect);
    tcase_add_test(tcase, table_changes_while_suspended);
}

TEST_MAIN("smtp/policy", add)

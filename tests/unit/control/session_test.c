/* session_test.c - consoles on a real socket: frames in pieces, refusals, long answers, the end
 * SPDX-License-Identifier: Apache-2.0
 *
 * Client and server share the thread: the client's descriptor is non-blocking and is
 * looked at between two turns of the loop. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <apr_strings.h>

#include "control/control.h"
#include "control/rundir.h"
#include "control/session.h"
#include "control/wire.h"
#include "event/runtime.h"
#include "runner.h"

enum { LONG = 4 * 1024 * 1024, TURNS = 100000 };

static char dir[] = "/tmp/ec-session-test.XXXXXX";
static char path[RUNDIR_PATH];
static event_clock_t *virtual_clock;

struct client {
    int fd;
    char *bytes; /* what has come */
    size_t length, wanted;
    int is_closed;
};

static void echo(void *self, ec_answer_t *answer)
{
    ec_node_text(ec_answer_root(answer), "word", ec_answer_arg(answer, "word"));
}

static void say_much(void *self, ec_answer_t *answer)
{
    char *text = malloc(LONG + 1);

    memset(text, 'x', LONG);
    text[LONG] = '\0';
    ec_node_text(ec_answer_root(answer), "much", text);
    free(text);
}

static ec_answer_t *held;

static void hold(void *self, ec_answer_t *answer)
{
    ec_answer_hold(answer);
    held = answer;
}

/* What a session keeps; `ended` says in order what was destroyed. */
static const char key_a, key_b;
static char ended[64];

static void end_value(void *value)
{
    strcat(ended, value);
    free(value);
}

static void keep(void *self, ec_answer_t *answer)
{
    const void *key = ec_answer_arg(answer, "key")[0] == 'a' ? &key_a : &key_b;
    const char *value = ec_answer_arg(answer, "value");

    ec_answer_session_set(answer, key, value != NULL ? strdup(value) : NULL, end_value);
    ec_node_text(ec_answer_root(answer), "kept", value);
}

static void kept(void *self, ec_answer_t *answer)
{
    const char *a = ec_answer_session_get(answer, &key_a), *b = ec_answer_session_get(answer, &key_b);

    ec_node_format(ec_answer_root(answer), "kept", "%s%s", a != NULL ? a : "-", b != NULL ? b : "-");
}

static const ec_command_t commands[] = {
    { "keep <key> [<value>]", EC_CMD_READ, keep, "x" },
    { "kept", EC_CMD_READ, kept, "x" },
    { "echo <word>", EC_CMD_READ, echo, "x" },
    { "much", EC_CMD_READ, say_much, "x" },
    { "hold", EC_CMD_READ, hold, "x" },
    EC_COMMAND_END,
};

/* What stands before and after the path. */
static apr_status_t listen_to(const char *before, const char *after, const char **why)
{
    apr_array_header_t *problems;
    const char *text = apr_pstrcat(test_pool, before, path, after, NULL);
    apr_status_t rv;
    conf_t *conf;

    ck_assert_int_eq(conf_load_text(&conf, &problems, "test.conf", text, strlen(text), test_pool),
                     APR_SUCCESS);
    rv = control_listen(conf, why);
    conf_unref(conf);
    return rv;
}

static void start(const char *before, const char *after)
{
    const char *why = NULL;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    setenv("EC_RUNDIR", dir, 1);
    snprintf(path, sizeof path, "%s/control", dir);
    virtual_clock = event_clock_virtual(apr_time_from_sec(1000000000), test_pool);
    event_clock_hold(virtual_clock);
    ck_assert_int_eq(event_runtime_create(1, virtual_clock, test_pool), APR_SUCCESS);
    control_start(NULL, ec_log_root());
    control_add(commands, NULL, NULL, "test");
    ck_assert_msg(listen_to(before, after, &why) == APR_SUCCESS, "%s", why);
}

static void start_default(void)
{
    start("Control_Listener { Listen \"", "-socket\" {} timeout = 60 }\n");
    strcat(path, "-socket");
}

/* ---- client --------------------------------------------------------------------------------- */

static int look(struct client *client)
{
    char buffer[65536];
    ssize_t n;

    while ((n = recv(client->fd, buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
        client->bytes = realloc(client->bytes, client->length + (size_t)n + 1);
        memcpy(client->bytes + client->length, buffer, (size_t)n);
        client->length += (size_t)n;
        client->bytes[client->length] = '\0';
    }
    client->is_closed |= n == 0 || (n < 0 && errno != EAGAIN);
    return client->is_closed;
}

static int has_answer(void *baton)
{
    struct client *client = baton;
    wire_header_t header;

    look(client);
    return client->is_closed || (client->length >= WIRE_HEADER &&
                                 wire_header_get(&header, (unsigned char *)client->bytes, client->length, 2,
                                                 WIRE_ANSWER_MAX) == 1 &&
                                 client->length >= WIRE_HEADER + header.length);
}

static int has_closed(void *baton)
{
    return look(baton);
}

static struct client open_client(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    struct client client = { .fd = socket(AF_UNIX, SOCK_STREAM, 0) };

    strcpy(address.sun_path, path);
    ck_assert_int_eq(connect(client.fd, (struct sockaddr *)&address, sizeof address), 0);
    return client;
}

static void close_client(struct client *client)
{
    close(client->fd);
    free(client->bytes);
}

static size_t request(char *bytes, const char *const *words, int n)
{
    size_t length = wire_words_put(bytes + WIRE_HEADER, 4096, words, n);

    wire_header_put((unsigned char *)bytes, WIRE_TEXT, (uint32_t)length);
    return WIRE_HEADER + length;
}

static void send_bytes(struct client *client, const char *bytes, size_t length)
{
    ck_assert_int_eq(send(client->fd, bytes, length, MSG_NOSIGNAL), (ssize_t)length);
}

static void await(struct client *client, event_pred_fn *pred)
{
    ck_assert(event_run_until(ec_loop_at(0), pred, client, TURNS));
}

/* The answer, taken off the client. */
static const char *take_answer(struct client *client)
{
    static char text[4096];
    wire_header_t header;

    await(client, has_answer);
    ck_assert_int_eq(
        wire_header_get(&header, (unsigned char *)client->bytes, client->length, 2, WIRE_ANSWER_MAX), 1);
    ck_assert_uint_lt(header.length, sizeof text);
    snprintf(text, sizeof text, "%d:%.*s", header.kind, (int)header.length, client->bytes + WIRE_HEADER);
    client->length -= WIRE_HEADER + header.length;
    memmove(client->bytes, client->bytes + WIRE_HEADER + header.length, client->length);
    return text;
}

static void turns(int n)
{
    event_run_turns(ec_loop_at(0), n);
}

/* ---- tests ------------------------------------------------------------------------------------ */

START_TEST(a_request_split_at_every_byte)
{
    static const char *const words[] = { "echo", "hello" };
    char bytes[128];
    size_t length = request(bytes, words, 2);
    struct client client;

    start_default();
    client = open_client();
    for (size_t at = 0; at < length; at++) {
        send_bytes(&client, bytes, at);
        turns(3);
        ck_assert(!look(&client) && client.length == 0);
        send_bytes(&client, bytes + at, length - at);
        ck_assert_str_eq(take_answer(&client), "0:hello\n");
    }
    for (size_t i = 0; i < length; i++) {
        send_bytes(&client, bytes + i, 1);
        turns(2);
    }
    ck_assert_str_eq(take_answer(&client), "0:hello\n");
    close_client(&client);
}
END_TEST

START_TEST(requests_in_one_piece_are_answered_in_order)
{
    static const char *const one[] = { "echo", "1" }, *const two[] = { "nosuch" },
                             *const three[] = { "echo", "3" };
    char bytes[512];
    size_t length = 0;
    struct client client;

    start_default();
    client = open_client();
    length += request(bytes + length, one, 2);
    length += request(bytes + length, two, 1);
    length += request(bytes + length, three, 2);
    send_bytes(&client, bytes, length);
    ck_assert_str_eq(take_answer(&client), "0:1\n");
    ck_assert_int_eq(strncmp(take_answer(&client), "1:unknown command", 17), 0);
    ck_assert_str_eq(take_answer(&client), "0:3\n");
    close_client(&client);
}
END_TEST

static const struct {
    const char *bytes;
    size_t length;
} nonsense[] = {
    { "GET / HTTP/1.0\r\n\r\n", 18 }, { "EC\2\0\0\0\0\0", 8 },       { "EC\1\7\0\0\0\0", 8 },
    { "EC\1\0\377\377\377\377", 8 },  { "EC\1\0\0\0\0\5hello", 13 }, /* words do not end in a NUL */
};

static const char *say(struct client *client, const char *a, const char *b, const char *c)
{
    const char *const words[] = { a, b, c };
    char bytes[128];

    send_bytes(client, bytes, request(bytes, words, b == NULL ? 1 : c == NULL ? 2 : 3));
    return take_answer(client);
}

static int is_ended(void *text)
{
    return strcmp(ended, text) == 0;
}

START_TEST(a_session_keeps_values)
{
    struct client one, two;

    start_default();
    one = open_client();
    two = open_client();
    ck_assert_str_eq(say(&one, "kept", NULL, NULL), "0:--\n");
    ck_assert_str_eq(say(&one, "keep", "a", "1"), "0:1\n");
    ck_assert_str_eq(say(&one, "keep", "b", "2"), "0:2\n");
    ck_assert_str_eq(say(&two, "kept", NULL, NULL), "0:--\n"); /* each has its own */
    ck_assert_str_eq(say(&one, "kept", NULL, NULL), "0:12\n");
    say(&one, "keep", "a", "3");
    ck_assert_str_eq(ended, "1");
    say(&one, "keep", "b", NULL);
    ck_assert_str_eq(ended, "12");
    ck_assert_str_eq(say(&one, "kept", NULL, NULL), "0:3-\n");
    say(&two, "keep", "a", "4");
    close_client(&one);
    ck_assert(event_run_until(ec_loop_at(0), is_ended, (char *)"123", TURNS));
    ck_assert_str_eq(say(&two, "kept", NULL, NULL), "0:4-\n");
    close_client(&two);
    ck_assert(event_run_until(ec_loop_at(0), is_ended, (char *)"1234", TURNS));
}
END_TEST

/* Its values are there as long as a command of the session is under way. */
START_TEST(values_outlive_an_answer_under_way)
{
    static const char *const words[] = { "hold" };
    struct client client;
    char bytes[64];

    start_default();
    client = open_client();
    say(&client, "keep", "a", "1");
    send_bytes(&client, bytes, request(bytes, words, 1));
    while (held == NULL) {
        turns(1);
    }
    close_client(&client);
    turns(10);
    ck_assert_str_eq(ended, "");
    ck_assert_str_eq(ec_answer_session_get(held, &key_a), "1");
    ec_answer_finish(held);
    ck_assert(event_run_until(ec_loop_at(0), is_ended, (char *)"1", TURNS));
}
END_TEST

START_TEST(who_has_begun_something_is_not_closed)
{
    struct client client;

    start_default();
    client = open_client();
    say(&client, "keep", "a", "1");
    turns(3);
    event_clock_advance(virtual_clock, apr_time_from_sec(3600));
    turns(3);
    ck_assert(!look(&client));
    say(&client, "keep", "a", NULL);
    turns(3);
    event_clock_advance(virtual_clock, apr_time_from_sec(61));
    await(&client, has_closed);
    close_client(&client);
}
END_TEST

static int line_answers;

static void on_line(void *baton, int is_error, const char *text, apr_size_t length)
{
    ck_assert_str_eq(text, baton);
    line_answers++;
}

START_TEST(a_line_of_the_server_has_a_session_for_itself)
{
    start_default();
    control_run("keep a 1", "text", on_line, (char *)"1\n");
    ck_assert_str_eq(ended, "1");
    control_run("kept", "text", on_line, (char *)"--\n");
    ck_assert_int_eq(line_answers, 2);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    struct client client;

    start_default();
    client = open_client();
    send_bytes(&client, nonsense[_i].bytes, nonsense[_i].length);
    ck_assert_int_eq(strncmp(take_answer(&client), "1:this is ", 10), 0);
    await(&client, has_closed);
    ck_assert_int_eq(session_count(), 0);
    close_client(&client);
}
END_TEST

START_TEST(a_long_answer_arrives_whole)
{
    static const char *const words[] = { "much" }, *const next[] = { "echo", "next" };
    char bytes[64];
    struct client client;

    start_default();
    client = open_client();
    send_bytes(&client, bytes, request(bytes, words, 1));
    await(&client, has_answer);
    ck_assert_uint_eq(client.length, WIRE_HEADER + LONG + 1);
    client.length = 0;
    send_bytes(&client, bytes, request(bytes, next, 2));
    ck_assert_str_eq(take_answer(&client), "0:next\n");
    close_client(&client);
}
END_TEST

START_TEST(who_stops_in_the_middle_is_closed)
{
    struct client client;

    start_default();
    client = open_client();
    send_bytes(&client, "EC\1\0", 4);
    turns(10);
    ck_assert(!look(&client));
    event_clock_advance(virtual_clock, apr_time_from_sec(59));
    turns(3);
    ck_assert(!look(&client));
    event_clock_advance(virtual_clock, apr_time_from_sec(2));
    await(&client, has_closed);
    close_client(&client);
}
END_TEST

/* It asks for much and reads nothing. */
START_TEST(who_does_not_take_the_answer_is_closed)
{
    static const char *const words[] = { "much" };
    char bytes[64];
    struct client client;

    start_default();
    client = open_client();
    send_bytes(&client, bytes, request(bytes, words, 1));
    turns(10);
    ck_assert_int_eq(session_count(), 1);
    event_clock_advance(virtual_clock, apr_time_from_sec(61));
    turns(10);
    ck_assert_int_eq(session_count(), 0);
    close_client(&client);
}
END_TEST

static int is_held(void *unused)
{
    return held != NULL;
}

START_TEST(a_console_may_go_before_its_answer)
{
    static const char *const words[] = { "hold" };
    char bytes[64];
    struct client client;

    start_default();
    client = open_client();
    send_bytes(&client, bytes, request(bytes, words, 1));
    ck_assert(event_run_until(ec_loop_at(0), is_held, NULL, TURNS));
    close_client(&client);
    if (_i == 1) {
        control_close();
    }
    turns(5);
    ec_answer_finish(held);
    turns(10);
    ck_assert_int_eq(session_count(), 0);
}
END_TEST

START_TEST(there_is_a_most_of_consoles)
{
    struct client clients[SESSIONS_MAX + 1];

    start_default();
    for (int i = 0; i <= SESSIONS_MAX; i++) {
        clients[i] = open_client();
        turns(3);
    }
    await(&clients[SESSIONS_MAX], has_closed);
    ck_assert_ptr_nonnull(strstr(clients[SESSIONS_MAX].bytes + WIRE_HEADER, "too many consoles"));
    ck_assert_int_eq(session_count(), SESSIONS_MAX);
    for (int i = 0; i <= SESSIONS_MAX; i++) {
        close_client(&clients[i]);
    }
}
END_TEST

START_TEST(the_socket_is_closed_to_others)
{
    struct stat st;

    umask(0);
    start_default();
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0660);
}
END_TEST

static const char *const refused[] = {
    "\nControl_Listener { Listen \"*:2025\" {} }\n",
    "\nControl_Listener { Listen \"0.0.0.0:2025\" {} }\n",
    "\nControl_Listener { Listen \"192.0.2.1:2025\" {} }\n",
    "\nControl_Listener { Listen \"[::]:2025\" {} }\n",
};

START_TEST(tcp_is_for_loopback_only)
{
    const char *why = NULL;

    start_default();
    ck_assert_int_ne(listen_to("#", refused[_i], &why), APR_SUCCESS);
    ck_assert_ptr_nonnull(strstr(why, "test.conf:2"));
    open_client(); /* the old socket is still there */
}
END_TEST

START_TEST(reload_keeps_opens_and_closes)
{
    struct client before, after;
    const char *why = NULL;
    char other[RUNDIR_PATH];

    start_default();
    before = open_client();
    turns(5);
    snprintf(other, sizeof other, "%s/other", dir);
    *strrchr(path, '/') = '\0';
    ck_assert_int_eq(listen_to("Control_Listener { Listen \"", "/other\" {} }\n", &why), APR_SUCCESS);
    turns(5);
    ck_assert(!look(&before)); /* an open console stays */
    ck_assert_int_ne(access(strcat(path, "/control-socket"), F_OK), 0);
    strcpy(path, other);
    after = open_client();
    turns(5);
    ck_assert_int_eq(session_count(), 2);
    close_client(&before);
    close_client(&after);
    control_close();
    turns(5);
    ck_assert_int_ne(access(other, F_OK), 0);
}
END_TEST

START_TEST(the_default_socket_is_announced)
{
    rundir_t dirs[RUNDIR_MAX];
    char found[RUNDIR_PATH];

    start("#", "\n");
    ck_assert_int_eq(rundir_list(dirs), 1);
    rundir_socket(found, &dirs[0]);
    snprintf(path, sizeof path, "%s/2025", dir);
    ck_assert_str_eq(found, path);
    struct client client = open_client();
    close_client(&client);
}
END_TEST

static void remove_dir(void)
{
    char command[128];

    control_close();
    snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "session", 60);

    tcase_add_checked_fixture(tcase, NULL, remove_dir);
    tcase_add_test(tcase, a_request_split_at_every_byte);
    tcase_add_test(tcase, requests_in_one_piece_are_answered_in_order);
    tcase_add_test(tcase, a_session_keeps_values);
    tcase_add_test(tcase, values_outlive_an_answer_under_way);
    tcase_add_test(tcase, who_has_begun_something_is_not_closed);
    tcase_add_test(tcase, a_line_of_the_server_has_a_session_for_itself);
    tcase_add_loop_test(tcase, nonsense_is_refused, 0, TEST_COUNT(nonsense));
    tcase_add_test(tcase, a_long_answer_arrives_whole);
    tcase_add_test(tcase, who_stops_in_the_middle_is_closed);
    tcase_add_test(tcase, who_does_not_take_the_answer_is_closed);
    tcase_add_loop_test(tcase, a_console_may_go_before_its_answer, 0, 2);
    tcase_add_test(tcase, there_is_a_most_of_consoles);
    tcase_add_test(tcase, the_socket_is_closed_to_others);
    tcase_add_loop_test(tcase, tcp_is_for_loopback_only, 0, TEST_COUNT(refused));
    tcase_add_test(tcase, reload_keeps_opens_and_closes);
    tcase_add_test(tcase, the_default_socket_is_announced);
}

TEST_MAIN("control/session", add)

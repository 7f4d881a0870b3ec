/* remote_test.c - the consoles of a cluster: answers as bytes, requests under way, replies that are kept, one answer of all
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cluster/remote/asking.h"
#include "cluster/remote/merge.h"
#include "cluster/remote/outbox.h"
#include "cluster/remote/replies.h"
#include "control/answer.h"
#include "control/control.h"
#include "control/render.h"
#include "runner.h"

/* ---- an answer to look at ---------------------------------------------------------------------- */

static wire_writer_t bytes;
static char shown[65536];

static void show(ec_answer_t *answer, wire_form_t form)
{
    output_t out;
    int status;

    render_answer(&out, &status, answer, form);
    snprintf(shown, sizeof(shown), "%.*s", (int)out.length, out.text != NULL ? out.text : "");
    free(out.text);
}

static void say_much(void *self, ec_answer_t *answer)
{
    ec_node_t *root = ec_answer_root(answer), *group = ec_node_group(root, "memory"), *table = ec_node_table(root, "queues");

    ec_node_int(group, "used", -5);
    ec_node_text(group, "state", "high");
    for (int i = 0; i < 2; i++) {
        ec_node_t *row = ec_node_row(table);

        ec_node_format(row, "domain", "d%d\x1b[2J\\", i); /* escaped on its way, not twice */
        ec_node_float(row, "load", i + 0.25, 2);
    }
    ec_node_int(root, "uptime", 17);
    ec_node_note(root, "All is well.");
}

static void say_error(void *self, ec_answer_t *answer)
{
    ec_answer_error(answer, "can not: \"%s\"", ec_answer_arg(answer, "what"));
}

static void say_many(void *self, ec_answer_t *answer)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "rows");

    for (int i = 0; i < 1000; i++)
        ec_node_int(ec_node_row(table), "number", i);
}

static const ec_command_t commands[] = {
    { "much", EC_CMD_READ, say_much, "help" },
    { "error <what>", EC_CMD_READ, say_error, "help" },
    { "many", EC_CMD_READ, say_many, "help" },
    EC_COMMAND_END,
};

static int max_bytes;

static void on_run(void *baton, ec_answer_t *answer)
{
    wire_free(&bytes);
    remote_tree_write(&bytes, answer, (apr_size_t)max_bytes);
    show(answer, WIRE_JSON);
}

static void setup(void)
{
    test_setup();
    max_bytes = TREE_BYTES_MAX;
    control_start(NULL, ec_log_root());
    control_add(commands, &max_bytes, NULL, "test");
}

static void teardown(void)
{
    wire_free(&bytes);
    control_hide(&max_bytes);
    test_teardown();
}

static void run(const char *first, const char *second)
{
    const char *const words[] = { first, second };

    ec_command_run(words, second != NULL ? 2 : 1, on_run, NULL);
}

/* ---- trees ------------------------------------------------------------------------------------------ */

static struct remote_tree tree;

static void on_copy(void *baton, ec_answer_t *answer)
{
    answer->error = tree.error;
    remote_tree_add(ec_answer_root(answer), tree.first);
    show(answer, WIRE_JSON);
}

/* Show what a tree makes, in an answer that has nothing else. */
static void show_tree(void)
{
    const char *const words[] = { "nothing" };

    answer_returned(answer_create(words, 1, on_copy, NULL));
}

START_TEST(trees_come_back_the_same)
{
    char before[sizeof(shown)];

    run("much", NULL);
    strcpy(before, shown);
    ck_assert(remote_tree_read(&tree, bytes.data, bytes.length, test_pool));
    show_tree();
    ck_assert_str_eq(shown, before);
    run("error", "x\ny");
    ck_assert(remote_tree_read(&tree, bytes.data, bytes.length, test_pool));
    ck_assert_str_eq(tree.error, "can not: \"x\ny\"");
}
END_TEST

START_TEST(cut_trees_are_whole_trees)
{
    max_bytes = 3000;
    run("many", NULL);
    ck_assert_uint_le(bytes.length, 3000);
    ck_assert(remote_tree_read(&tree, bytes.data, bytes.length, test_pool));
    ck_assert(tree.is_cut);
    show_tree();
    ck_assert_ptr_nonnull(strstr(shown, "\"number\": 10\n"));
}
END_TEST

START_TEST(damaged_trees_are_refused)
{
    run("much", NULL);
    for (apr_size_t length = 0; length < bytes.length; length++)
        ck_assert(!remote_tree_read(&tree, bytes.data, length, test_pool));
    for (apr_size_t i = 0; i < bytes.length; i++) { /* read, or not; shown, if read */
        bytes.data[i] ^= 0x55;
        if (remote_tree_read(&tree, bytes.data, bytes.length, test_pool))
            show_tree();
        bytes.data[i] ^= 0x55;
    }
}
END_TEST

START_TEST(deep_trees_are_refused)
{
    wire_writer_t writer = { 0 };

    wire_write(&writer, 0);
    for (int i = 0; i < 100000; i++) {
        wire_write(&writer, EC_NODE_GROUP + 1);
        wire_write_bytes(&writer, "g", 1);
    }
    for (int i = 0; i < 100002; i++)
        wire_write(&writer, 0);
    ck_assert(!remote_tree_read(&tree, writer.data, writer.length, test_pool));
    wire_free(&writer);
}
END_TEST

/* ---- messages ------------------------------------------------------------------------------------------ */

START_TEST(requests_back)
{
    const char *const words[] = { "config", "set", "a b", "" };
    struct remote_request request = { 7, REMOTE_SUBCLUSTER, "east", 4, words }, back;
    wire_writer_t writer = { 0 };

    remote_write_request(&writer, &request);
    ck_assert_ptr_null(remote_read_request(&back, writer.data, writer.length, test_pool));
    ck_assert(back.id == 7 && back.target == REMOTE_SUBCLUSTER && back.n == 4);
    ck_assert(remote_peek_id(writer.data, writer.length) == 7);
    ck_assert_str_eq(back.name, "east");
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(back.words[i], words[i]);
    ck_assert(remote_is_meant(&back, "n1", "EAST") && !remote_is_meant(&back, "east", "west"));
    for (apr_size_t length = 0; length < writer.length; length++)
        ck_assert_ptr_nonnull(remote_read_request(&back, writer.data, length, test_pool));
    wire_free(&writer);
}
END_TEST

START_TEST(large_requests_are_refused)
{
    static char word[REMOTE_COMMAND_MAX / 2 + 1];
    const char *const words[] = { word, word, "x" };
    struct remote_request request = { 7, REMOTE_ALL, "", 3, words }, back;
    wire_writer_t writer = { 0 };

    memset(word, 'x', sizeof(word) - 1);
    remote_write_request(&writer, &request);
    ck_assert_ptr_nonnull(remote_read_request(&back, writer.data, writer.length, test_pool));
    request.n = 2;
    wire_free(&writer);
    remote_write_request(&writer, &request);
    ck_assert_ptr_null(remote_read_request(&back, writer.data, writer.length, test_pool));
    request.n = 0;
    wire_free(&writer);
    remote_write_request(&writer, &request);
    ck_assert_ptr_nonnull(remote_read_request(&back, writer.data, writer.length, test_pool));
    wire_free(&writer);
}
END_TEST

static const struct {
    struct remote_piece piece;
    int is_good;
} pieces[] = {
    { { 1, "n1", "default", 10, 0, "0123456789", 10 }, 1 },
    { { 1, "n1", "default", 10, 6, "6789", 4 }, 1 },
    { { 1, "n1", "default", 10, 7, "6789", 4 }, 0 },  /* beyond its end */
    { { 1, "n1", "default", 10, 11, "6789", 4 }, 0 },
    { { 1, "n1", "default", 3, 0, "0123", 4 }, 0 },
    { { 1, "n1", "default", 10, 0, "", 0 }, 0 },
    { { 1, "", "default", 10, 0, "0123", 4 }, 0 },
    { { 1, "n1", "default", TREE_BYTES_MAX + 1, 0, "0123", 4 }, 0 },
};

START_TEST(pieces_are_checked)
{
    struct remote_piece back;
    wire_writer_t writer = { 0 };

    remote_write_piece(&writer, &pieces[_i].piece);
    ck_assert_int_eq(remote_read_piece(&back, writer.data, writer.length, test_pool) == NULL, pieces[_i].is_good);
    if (pieces[_i].is_good) {
        ck_assert_str_eq(back.node, "n1");
        ck_assert_uint_eq(back.length, pieces[_i].piece.length);
        ck_assert_mem_eq(back.data, pieces[_i].piece.data, back.length);
    }
    wire_free(&writer);
}
END_TEST

/* ---- the outbox, and a group in which everybody hears it ------------------------------------------------ */

struct group {
    asking_t *asking;
    bus_node_t sender;
    int messages, is_busy;
};

static apr_status_t deliver(void *baton, const void *data, apr_size_t length)
{
    struct group *group = baton;
    struct remote_piece piece;
    apr_pool_t *pool;

    ck_assert_uint_lt(length, BUS_MESSAGE_MAX);
    if (group->is_busy)
        return EC_E_BUSY;
    group->messages++;
    ck_assert_int_eq(apr_pool_create(&pool, test_pool), APR_SUCCESS);
    if (*(const unsigned char *)data == REMOTE_REPLY) {
        ck_assert_ptr_null(remote_read_piece(&piece, data, length, pool));
        asking_piece(group->asking, group->sender, 100 + group->sender, &piece);
    }
    apr_pool_destroy(pool);
    return APR_SUCCESS;
}

static char heard[4096];

static void on_node(void *baton, const struct asking_node *node)
{
    sprintf(heard + strlen(heard), "%s:%d:%d ", node->name, (int)node->end, (int)node->bytes.length);
}

static void on_done(void *baton, const struct asking_node *nodes)
{
    strcat(heard, "done");
    for (; nodes != NULL; nodes = nodes->next)
        strcat(strcat(heard, " "), nodes->name);
    ++*(int *)baton;
}

static const struct asking_events events = { on_node, on_done };
static const struct asking_node three[] = {
    { .id = 2, .pid = 102, .name = "n2", .subcluster = "a" },
    { .id = 1, .pid = 101, .name = "n1", .subcluster = "a" },
    { .id = 3, .pid = 103, .name = "n3", .subcluster = "b" },
};

static void say(struct group *group, bus_node_t sender, apr_uint64_t id, const char *text)
{
    char name[8];
    struct remote_piece piece = { id, name, "a", strlen(text), 0, text, strlen(text) };

    snprintf(name, sizeof(name), "n%u", (unsigned)sender);
    asking_piece(group->asking, sender, 100 + sender, &piece);
}

START_TEST(answers_end_a_request)
{
    struct group group = { .asking = asking_create(9) };
    int done = 0;
    apr_uint64_t id = asking_begin(group.asking, three, 3, 1000, &events, &done);

    heard[0] = '\0';
    ck_assert(asking_is_ours(group.asking, id) && !asking_is_ours(group.asking, id ^ 1ull << 40));
    ck_assert(asking_next(group.asking) == 1000);
    say(&group, 3, id, "xyz");
    say(&group, 3, id, "again");
    say(&group, 1, id + 1, "to nothing");
    say(&group, 1, id, "1");
    ck_assert_int_eq(done, 0);
    say(&group, 4, id, "came in just now");
    say(&group, 2, id, "22");
    ck_assert_int_eq(done, 1);
    ck_assert_str_eq(heard, "n3:1:3 n1:1:1 n4:1:16 n2:1:2 done n1 n2 n3 n4");
    ck_assert(asking_next(group.asking) == 0);
    say(&group, 2, id, "late");
    ck_assert_int_eq(done, 1);
    asking_destroy(group.asking);
}
END_TEST

START_TEST(who_leaves_does_not_answer)
{
    const struct asking_node again[] = { three[0], { .id = 1, .pid = 555, .name = "n1" }, three[2] };
    struct group group = { .asking = asking_create(9) };
    int done = 0;
    apr_uint64_t id = asking_begin(group.asking, three, 3, 1000, &events, &done);

    heard[0] = '\0';
    asking_members(group.asking, three, 3, ASKING_LEFT);
    ck_assert_str_eq(heard, "");
    asking_members(group.asking, again, 3, ASKING_LEFT); /* another process of the same host */
    say(&group, 2, id, "22");
    asking_time(group.asking, 999);
    ck_assert_int_eq(done, 0);
    asking_time(group.asking, 1000);
    ck_assert_int_eq(done, 1);
    ck_assert_str_eq(heard, "n1:2:0 n2:1:2 n3:3:0 done n1 n2 n3");
    asking_begin(group.asking, three, 1, 5000, &events, &done);
    asking_begin(group.asking, three + 1, 1, 2000, &events, &done);
    ck_assert(asking_next(group.asking) == 2000);
    heard[0] = '\0';
    asking_destroy(group.asking);
    ck_assert_ptr_nonnull(strstr(heard, "n2:7:0 ")); /* told that nothing will come */
    ck_assert_int_eq(done, 3);
}
END_TEST

START_TEST(pieces_with_gaps_are_damage)
{
    struct group group = { .asking = asking_create(9) };
    int done = 0;
    apr_uint64_t id = asking_begin(group.asking, three, 1, 1000, &events, &done);
    struct remote_piece piece = { id, "n2", "a", 10, 0, "0123", 4 };

    heard[0] = '\0';
    asking_piece(group.asking, 2, 102, &piece);
    piece.offset = 5;
    asking_piece(group.asking, 2, 102, &piece);
    ck_assert_str_eq(heard, "n2:4:0 done n2");
    asking_destroy(group.asking);
}
END_TEST

START_TEST(requests_are_bounded)
{
    struct group group = { .asking = asking_create(9) };
    int done = 0;

    heard[0] = '\0';
    for (int i = 0; i < ASKING_MAX; i++)
        ck_assert(asking_begin(group.asking, three, 1, 1000, &events, &done) != 0);
    ck_assert(asking_begin(group.asking, three, 1, 1000, &events, &done) == 0);
    asking_time(group.asking, 1000);
    ck_assert_int_eq(done, ASKING_MAX);
    ck_assert(asking_begin(group.asking, three, 0, 1000, &events, &done) == 0);
    asking_destroy(group.asking);
}
END_TEST

START_TEST(large_replies_go_in_pieces)
{
    struct group group = { .asking = asking_create(9), .sender = 2 };
    outbox_t *outbox = outbox_create("n2", "a");
    wire_writer_t large = { 0 }, small = { 0 };
    int done = 0;
    apr_uint64_t one = asking_begin(group.asking, three, 1, 1000, &events, &done);
    apr_uint64_t two = asking_begin(group.asking, three, 1, 1000, &events, &done);
    static char zeros[10 * REMOTE_PIECE + 1];
    apr_time_t now = 1;

    heard[0] = '\0';
    wire_write_raw(&large, zeros, sizeof(zeros));
    wire_write_raw(&small, zeros, 3);
    ck_assert(outbox_next(outbox) == 0);
    outbox_add_reply(outbox, one, &large);
    outbox_add_reply(outbox, two, &small);
    group.is_busy = 1;
    outbox_turn(outbox, deliver, &group, now);
    ck_assert(outbox_next(outbox) > now);
    group.is_busy = 0;
    outbox_turn(outbox, deliver, &group, now); /* not yet */
    ck_assert_int_eq(group.messages, 0);
    for (int i = 0; outbox_next(outbox) != 0; i++) {
        ck_assert_int_lt(i, 100);
        outbox_turn(outbox, deliver, &group, now = outbox_next(outbox));
        if (group.messages == 2)
            ck_assert_str_eq(heard, "n2:1:3 done n2"); /* the small one has not waited for the large one */
    }
    ck_assert_int_eq(group.messages, 12);
    ck_assert_ptr_nonnull(strstr(heard, "n2:1:327681 done n2"));
    outbox_destroy(outbox);
    asking_destroy(group.asking);
}
END_TEST

START_TEST(outbox_is_bounded)
{
    struct group group = { .asking = asking_create(9), .sender = 2 };
    outbox_t *outbox = outbox_create("n2", "a");
    static char zeros[TREE_BYTES_MAX];
    int done = 0;

    heard[0] = '\0';
    for (int i = 0; i < 5; i++) {
        wire_writer_t large = { 0 };

        wire_write_raw(&large, zeros, sizeof(zeros));
        outbox_add_reply(outbox, asking_begin(group.asking, three, 1, 1000, &events, &done), &large);
    }
    while (outbox_next(outbox) != 0)
        outbox_turn(outbox, deliver, &group, outbox_next(outbox));
    ck_assert_int_eq(done, 5);
    ck_assert_int_lt(group.messages, 4 * TREE_BYTES_MAX / REMOTE_PIECE + 2); /* the fifth says that it was too much */
    outbox_destroy(outbox);
    asking_destroy(group.asking);
}
END_TEST

/* ---- replies that are kept -------------------------------------------------------------------------------- */

static void store(replies_t *replies, const char *command, apr_uint64_t request, int node, const char *text)
{
    struct asking_node from = three[node];

    from.end = text != NULL ? ASKING_ANSWERED : ASKING_LEFT;
    if (text != NULL)
        wire_write_raw(&from.bytes, text, strlen(text));
    replies_store(replies, command, request, &from, 77);
    wire_free(&from.bytes);
}

/* "command node bytes;" of all. */
static const char *list(const replies_t *replies, const char *command, const char *node, const char *subcluster)
{
    static char text[1024];

    text[0] = '\0';
    for (const struct reply *reply = NULL; (reply = replies_next(replies, reply, command, node, subcluster)) != NULL;)
        sprintf(text + strlen(text), "%s %s %.*s;", reply->command, reply->node, (int)reply->length,
                reply->bytes != NULL ? (const char *)reply->bytes : "");
    return text;
}

START_TEST(replies_are_found_by_command)
{
    replies_t replies = { 0 };

    for (int i = 0; i < 3; i++)
        replies_expect(&replies, "pid", 5, &three[i], 1);
    store(&replies, "pid", 5, 0, "two");
    store(&replies, "pid", 5, 2, NULL);
    store(&replies, "version", 6, 1, "v");
    ck_assert_str_eq(list(&replies, "pid", NULL, NULL), "pid n1 ;pid n2 two;pid n3 ;");
    ck_assert_str_eq(list(&replies, "pid", "N2", NULL), "pid n2 two;");
    ck_assert_str_eq(list(&replies, "pid", NULL, "b"), "pid n3 ;");
    ck_assert_str_eq(list(&replies, "version", NULL, NULL), "version n1 v;");
    replies_expect(&replies, "pid", 8, &three[0], 1); /* asked again: the old one goes */
    ck_assert_str_eq(list(&replies, "pid", "n2", NULL), "pid n2 ;");
    store(&replies, "pid", 5, 0, "to the first request");
    ck_assert_str_eq(list(&replies, "pid", "n2", NULL), "pid n2 ;");
    store(&replies, "pid", 8, 0, "new");
    ck_assert_str_eq(list(&replies, "pid", "n2", NULL), "pid n2 new;");
    replies_clear(&replies);
    store(&replies, "pid", 8, 1, "after the flush");
    ck_assert_str_eq(list(&replies, NULL, NULL, NULL), "");
    ck_assert(replies.count == 0 && replies.bytes == 0);
}
END_TEST

START_TEST(replies_are_bounded)
{
    static char text[1024 * 1024];
    replies_t replies = { 0 };
    char command[32];

    memset(text, 'x', sizeof(text) - 1);
    for (int i = 0; i < 40; i++) {
        sprintf(command, "large %d", i);
        store(&replies, command, 1, 0, text);
    }
    ck_assert_uint_le(replies.bytes, REPLIES_BYTES_MAX);
    ck_assert_str_eq(list(&replies, "large 1", NULL, NULL), "");
    ck_assert_ptr_nonnull(replies_next(&replies, NULL, "large 39", NULL, NULL));
    for (int i = 0; i < REPLIES_MAX + 10; i++) {
        sprintf(command, "small %d", i);
        store(&replies, command, 1, 0, "x");
    }
    ck_assert_int_eq(replies.count, REPLIES_MAX);
    replies_clear(&replies);
}
END_TEST

START_TEST(replies_survive)
{
    replies_t replies = { 0 }, back = { 0 };
    const struct reply *reply;
    wire_writer_t writer = { 0 };

    store(&replies, "pid", 5, 0, "two");
    replies_expect(&replies, "pid", 5, &three[1], 1);
    replies_write(&replies, &writer);
    ck_assert(replies_read(&back, writer.data, writer.length));
    reply = replies_next(&back, NULL, "pid", "n2", "a");
    ck_assert(reply->when == 77 && reply->end == ASKING_ANSWERED && reply->length == 3);
    reply = replies_next(&back, NULL, "pid", "n1", NULL);
    ck_assert_int_eq(reply->end, ASKING_ENDED); /* nobody waits for it any more */
    for (apr_size_t length = 0; length < writer.length; length++) {
        replies_t cut = { 0 };

        if (replies_read(&cut, writer.data, length))
            ck_assert_int_le(cut.count, 1); /* just between two */
        replies_clear(&cut);
    }
    writer.data[0] ^= 1;
    replies_clear(&back);
    ck_assert(!replies_read(&back, writer.data, writer.length));
    replies_clear(&replies);
    wire_free(&writer);
}
END_TEST

/* ---- one answer of all ---------------------------------------------------------------------------------------- */

static struct merge_part parts[3];

static void on_merge(void *baton, ec_answer_t *answer)
{
    merge_show(ec_answer_root(answer), parts, 3, test_pool);
    show(answer, WIRE_TEXT);
}

static void merge(void)
{
    const char *const words[] = { "nothing" };

    answer_returned(answer_create(words, 1, on_merge, NULL));
}

START_TEST(merged)
{
    run("much", NULL);
    parts[0].node = "n1";
    ck_assert(remote_tree_read(&parts[0].tree, bytes.data, bytes.length, test_pool));
    parts[1] = (struct merge_part){ .node = "n2", .tree = parts[0].tree };
    parts[2] = (struct merge_part){ .node = "n3", .reason = "left" };
    merge();
    ck_assert_str_eq(shown, "Answers:\n"
                            "  NODE  UPTIME  NOTE          ERROR\n"
                            "  n1        17  All is well.  \n"
                            "  n2        17  All is well.  \n"
                            "  n3                          left\n"
                            "\n"
                            "Memory:\n"
                            "  NODE  USED  STATE\n"
                            "  n1      -5  high\n"
                            "  n2      -5  high\n"
                            "\n"
                            "Queues:\n"
                            "  NODE  DOMAIN       LOAD\n"
                            "  n1    d0\\x1B[2J\\\\  0.25\n"
                            "  n1    d1\\x1B[2J\\\\  1.25\n"
                            "  n2    d0\\x1B[2J\\\\  0.25\n"
                            "  n2    d1\\x1B[2J\\\\  1.25\n");
    run("many", NULL); /* a table alone is a table alone */
    for (int i = 0; i < 3; i++) {
        parts[i].reason = NULL;
        ck_assert(remote_tree_read(&parts[i].tree, bytes.data, bytes.length, test_pool));
    }
    merge();
    ck_assert_mem_eq(shown, "NODE  NUMBER\nn1         0\n", 24);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("remote");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, trees_come_back_the_same);
    tcase_add_test(tcase, cut_trees_are_whole_trees);
    tcase_add_test(tcase, damaged_trees_are_refused);
    tcase_add_test(tcase, deep_trees_are_refused);
    tcase_add_test(tcase, requests_back);
    tcase_add_test(tcase, large_requests_are_refused);
    tcase_add_loop_test(tcase, pieces_are_checked, 0, TEST_COUNT(pieces));
    tcase_add_test(tcase, answers_end_a_request);
    tcase_add_test(tcase, who_leaves_does_not_answer);
    tcase_add_test(tcase, pieces_with_gaps_are_damage);
    tcase_add_test(tcase, requests_are_bounded);
    tcase_add_test(tcase, large_replies_go_in_pieces);
    tcase_add_test(tcase, outbox_is_bounded);
    tcase_add_test(tcase, replies_are_found_by_command);
    tcase_add_test(tcase, replies_are_bounded);
    tcase_add_test(tcase, replies_survive);
    tcase_add_test(tcase, merged);
}

TEST_MAIN("cluster/remote", add)

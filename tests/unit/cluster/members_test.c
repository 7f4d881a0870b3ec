/* members_test.c - what processes say of themselves, and who is known
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/node/members.h"
#include "runner.h"

static struct node_member a_member(bus_node_t id, apr_uint32_t pid, const char *name)
{
    struct node_member member = { .id = id, .pid = pid, .in_control = 1 };

    strcpy(member.name, name);
    strcpy(member.subcluster, "default");
    strcpy(member.address, "10.0.0.1:4802");
    strcpy(member.version, "1.0");
    return member;
}

START_TEST(there_and_back)
{
    struct node_member said = a_member(0, 0, "n1"), heard;
    wire_writer_t writer = { 0 };

    said.is_manager = _i;
    members_write(&said, &writer);
    ck_assert_ptr_null(members_read(&heard, writer.data, writer.length));
    ck_assert_mem_eq(&said, &heard, sizeof(said));
    for (apr_size_t length = 0; length < writer.length; length++)
        ck_assert_ptr_nonnull(members_read(&heard, writer.data, length)); /* cut anywhere: refused */
    wire_free(&writer);
}
END_TEST

START_TEST(two_of_one_name)
{
    struct node_member one = a_member(1, 10, "n1"), two = a_member(2, 20, "N1"), again = a_member(1, 11, "n1");
    members_t members = { .count = 0 };

    ck_assert(members_set(&members, &one));
    ck_assert_ptr_null(members_namesake(&members, &one));
    ck_assert_ptr_null(members_namesake(&members, &again)); /* the same host, started again */
    ck_assert_ptr_nonnull(members_namesake(&members, &two));
}
END_TEST

static const struct {
    const char *name, *why;
} bad[] = { { "", "it has no name" }, { "line\nbreak", "not" }, { "\033[2J", "not" } };

START_TEST(what_is_not_shown)
{
    struct node_member said = a_member(0, 0, bad[_i].name), heard;
    wire_writer_t writer = { 0 };

    members_write(&said, &writer);
    ck_assert_ptr_nonnull(strstr(members_read(&heard, writer.data, writer.length), bad[_i].why));
    wire_free(&writer);
}
END_TEST

START_TEST(who_is_here)
{
    static members_t members;
    const struct bus_cpg_member here[] = { { 2, 20 }, { 1, 11 }, { 3, 30 } };
    struct node_member n1 = a_member(1, 10, "n1"), again = a_member(1, 11, "n1"), n2 = a_member(2, 20, "a");

    members.count = 0;
    ck_assert(members_set(&members, &n1) && members_set(&members, &n2));
    ck_assert(!members_set(&members, &n1)); /* nothing new */
    ck_assert_str_eq(members.list[0].name, "a");
    ck_assert(members_set(&members, &again));
    ck_assert_int_eq(members.count, 3);
    /* the first process of n1 is gone; of the third host nothing is known */
    ck_assert(members_keep(&members, here, 3));
    ck_assert_int_eq(members.count, 2);
    ck_assert_ptr_null(members_find(&members, 1, 10));
    ck_assert_ptr_nonnull(members_find(&members, 1, 11));
    ck_assert(!members_keep(&members, here, 2));
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "members", 10);

    tcase_add_loop_test(tcase, there_and_back, 0, 2);
    tcase_add_loop_test(tcase, what_is_not_shown, 0, TEST_COUNT(bad));
    tcase_add_test(tcase, who_is_here);
    tcase_add_test(tcase, two_of_one_name);
}

TEST_MAIN("cluster/members", add)

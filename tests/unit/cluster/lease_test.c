/* lease_test.c - until when a node may use what it holds; who goes on after a new ring
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/lease/clock.h"
#include "cluster/lease/lease.h"
#include "cluster/view/settle.h"
#include "runner.h"

static void on_change(void *baton, const struct lease_change *change)
{
}

START_TEST(renewal_needs_two)
{
    struct lease_clock clock;

    lease_clock_init(&clock, 2000, 250);
    lease_clock_sent(&clock, 100, 1);
    lease_clock_applied(&clock, 1);
    ck_assert(!lease_clock_is_good(&clock, 101)); /* seeing one's own message proves nothing */
    ck_assert(lease_clock_wants(&clock, 101));
    lease_clock_sent(&clock, 150, 1);
    lease_clock_applied(&clock, 1);
    ck_assert(lease_clock_is_good(&clock, 2099));
    ck_assert(!lease_clock_is_good(&clock, 2100)); /* from when the first one was sent */
}
END_TEST

START_TEST(renewal_in_one_ring)
{
    struct lease_clock clock;

    lease_clock_init(&clock, 2000, 250);
    lease_clock_sent(&clock, 100, 1);
    lease_clock_applied(&clock, 1);
    lease_clock_broken(&clock);
    lease_clock_sent(&clock, 150, 1);
    lease_clock_applied(&clock, 1);
    ck_assert(!lease_clock_is_good(&clock, 160));
}
END_TEST

/* Two that were under way together prove nothing of each other. */
START_TEST(renewal_in_turn)
{
    struct lease_clock clock;

    lease_clock_init(&clock, 2000, 250);
    lease_clock_sent(&clock, 100, 1);
    lease_clock_sent(&clock, 110, 1);
    lease_clock_applied(&clock, 1);
    lease_clock_applied(&clock, 1);
    ck_assert(!lease_clock_is_good(&clock, 120));
}
END_TEST

START_TEST(eviction_is_conditional)
{
    lease_t lease;
    apr_uint64_t stay;

    lease_start(&lease, 0, 0, on_change, NULL);
    ck_assert(lease_join(&lease, 5, 77, 1));
    ck_assert(!lease_join(&lease, 5, 77, 1)); /* a duplicate */
    stay = lease_find(&lease, 5)->stay;
    lease_sender(&lease, 5, stay)->heard = 3;
    ck_assert_ptr_null(lease_sender(&lease, 5, stay + 1));
    lease_evict(&lease, 5, stay, 2);
    ck_assert_ptr_nonnull(lease_find(&lease, 5));
    lease_evict(&lease, 5, stay, 3);
    ck_assert_ptr_null(lease_find(&lease, 5));
}
END_TEST

/* However often nodes come and go, a departure always has room. */
START_TEST(departures_are_bounded)
{
    lease_t lease;
    int joined = 0;

    lease_start(&lease, 0, 0, on_change, NULL);
    for (apr_uint64_t i = 1; i < 1000; i++) {
        joined += lease_join(&lease, 1, i, 1);
        lease_left(&lease, 1);
        ck_assert_int_le(lease.departure_count, LEASE_DEPARTURES_MAX);
    }
    ck_assert_int_lt(joined, 999);
}
END_TEST

static const struct {
    const char *about;
    struct settle_state states[3];
    int is_possible, is_quorate, is_founding, keeper_count;
    bus_node_t keeper;
} decisions[] = {
    { "nobody has a state: the first one founds it",
      { { .node = 3, .is_quorate = 1 }, { .node = 2, .is_quorate = 1 } },
      1,
      1,
      1,
      1,
      2 },
    { "no quorum", { { .node = 3, .is_in_step = 1, .epoch = 4 } }, 1, 0, 0, 1, 3 },
    { "the highest epoch keeps",
      { { .node = 1, .is_quorate = 1, .is_in_step = 1, .epoch = 4, .position = 99 },
        { .node = 2, .is_quorate = 1, .is_in_step = 1, .epoch = 5, .position = 1 } },
      1,
      1,
      0,
      1,
      2 },
    { "the same position with another digest is another state",
      { { .node = 1, .is_quorate = 1, .is_in_step = 1, .epoch = 4, .position = 9, .digest = 1 },
        { .node = 2, .is_quorate = 1, .is_in_step = 1, .epoch = 4, .position = 9, .digest = 2 },
        { .node = 3, .is_quorate = 1, .is_in_step = 1, .epoch = 4, .position = 9, .digest = 2 } },
      1,
      1,
      0,
      2,
      2 },
    { "who came late does not decide", { { .node = 1, .is_quorate = 1, .is_late = 1 } }, 0, 0, 1, 0, 0 },
};

START_TEST(decides)
{
    struct settle settle;
    struct settle_decision decision;

    settle_clear(&settle);
    for (int i = 0; i < 3 && decisions[_i].states[i].node != 0; i++)
        settle_add(&settle, &decisions[_i].states[i]);
    settle_decide(&settle, 0, &decision);
    ck_assert_msg(decision.is_possible == decisions[_i].is_possible, "%s", decisions[_i].about);
    ck_assert_msg(decision.is_quorate == decisions[_i].is_quorate, "%s", decisions[_i].about);
    ck_assert_msg(decision.is_founding == decisions[_i].is_founding, "%s", decisions[_i].about);
    ck_assert_msg(decision.keeper_count == decisions[_i].keeper_count, "%s", decisions[_i].about);
    ck_assert_msg(decision.keepers[0] == decisions[_i].keeper, "%s", decisions[_i].about);
}
END_TEST

/* One host alone of two has no quorum, but begins a state of its own; together they begin again. */
START_TEST(one_of_two)
{
    struct settle_state alone = { .node = 2, .is_one_of_two = 1, .is_in_step = 1, .epoch = 4 },
                        other = { .node = 1, .is_quorate = 1, .is_one_of_two = 1 };
    struct settle settle;
    struct settle_decision decision;

    settle_clear(&settle);
    settle_add(&settle, &alone);
    settle_decide(&settle, 2, &decision);
    ck_assert(!decision.is_quorate && decision.is_half && decision.is_founding && decision.is_tainted);
    ck_assert_int_eq(decision.keepers[0], 2);
    alone.is_in_step = 0;
    settle_add(&settle, &alone);
    settle_add(&settle, &other);
    settle_decide(&settle, 2, &decision);
    ck_assert(decision.is_quorate && !decision.is_half && decision.is_founding && !decision.is_tainted);
}
END_TEST

/* Rates may have been used just now by one that is not here, or by one that is. */
START_TEST(foundings_are_tainted)
{
    struct settle_state first = { .node = 1, .is_quorate = 1 }, second = { .node = 2, .is_quorate = 1 };
    struct settle settle;
    struct settle_decision decision;

    settle_clear(&settle);
    settle_add(&settle, &first);
    settle_add(&settle, &second);
    settle_decide(&settle, 2, &decision);
    ck_assert(!decision.is_tainted);
    settle_decide(&settle, 3, &decision);
    ck_assert(decision.is_tainted);
    settle_decide(&settle, 0, &decision);
    ck_assert(decision.is_tainted);
    second.was_active = 1;
    settle_add(&settle, &second);
    settle_decide(&settle, 2, &decision);
    ck_assert(decision.is_tainted);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "lease", 10);

    tcase_add_test(tcase, renewal_needs_two);
    tcase_add_test(tcase, renewal_in_one_ring);
    tcase_add_test(tcase, renewal_in_turn);
    tcase_add_test(tcase, eviction_is_conditional);
    tcase_add_test(tcase, departures_are_bounded);
    tcase_add_loop_test(tcase, decides, 0, TEST_COUNT(decisions));
    tcase_add_test(tcase, one_of_two);
    tcase_add_test(tcase, foundings_are_tainted);
}

TEST_MAIN("cluster/lease", add)

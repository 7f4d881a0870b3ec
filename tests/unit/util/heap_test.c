/* heap_test.c - heap and list
 * SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "runner.h"
#include "util/heap.h"
#include "util/list.h"

enum { ITEMS = 2000 };

struct item {
    apr_time_t key;
    apr_size_t slot;
    util_link_t link;
};

static struct item items[ITEMS];
static util_heap_t heap;

/* Same numbers in every run. */
static unsigned next_random(void)
{
    static unsigned state = 12345;

    state = state * 1103515245u + 12345u;
    return state >> 8;
}

static void fill(void)
{
    util_heap_init(&heap, offsetof(struct item, slot));
    for (int i = 0; i < ITEMS; i++) {
        items[i].key = next_random() % 1000;
        util_heap_add(&heap, &items[i], items[i].key);
    }
}

static int drain_in_order(void)
{
    apr_time_t last = -1;
    struct item *item;
    int count = 0;

    while ((item = util_heap_first(&heap)) != NULL) {
        ck_assert_int_eq(item->key, util_heap_first_key(&heap));
        ck_assert_int_ge(item->key, last);
        last = item->key;
        util_heap_remove(&heap, item);
        ck_assert_uint_eq(item->slot, 0);
        count++;
    }
    return count;
}

START_TEST(comes_out_in_order)
{
    fill();
    ck_assert_int_eq(drain_in_order(), ITEMS);
    util_heap_free(&heap);
}
END_TEST

START_TEST(moves_and_removes)
{
    int removed = 0;

    fill();
    for (int i = 0; i < ITEMS; i++) {
        struct item *item = &items[next_random() % ITEMS];

        if (item->slot == 0) {
            continue;
        }
        if (next_random() % 3 == 0) {
            util_heap_remove(&heap, item);
            removed++;
        } else {
            item->key = next_random() % 1000;
            util_heap_move(&heap, item, item->key);
        }
    }
    ck_assert_int_eq(drain_in_order(), ITEMS - removed);
    ck_assert_uint_le(heap.size, 64); /* gave back what it does not need */
    util_heap_free(&heap);
}
END_TEST

START_TEST(list_keeps_order)
{
    util_list_t list;
    int i = 0;

    util_list_init(&list);
    ck_assert(util_list_is_empty(&list) && util_list_first(&list) == NULL && util_list_last(&list) == NULL);
    for (i = 1; i < 10; i++) {
        items[i].link = (util_link_t){ 0 };
        util_list_add_last(&list, &items[i].link);
    }
    util_list_add_first(&list, &items[0].link);
    i = 0;
    UTIL_LIST_EACH(link, &list)
    {
        ck_assert_ptr_eq(UTIL_OWNER(link, struct item, link), &items[i]);
        if (i++ % 2 == 0) {
            util_list_remove(link);
            ck_assert(!util_link_is_linked(link));
            util_list_remove(link);
        }
    }
    ck_assert_int_eq(i, 10);
    for (i = 1; i < 10; i += 2) {
        ck_assert_ptr_eq(util_list_take_first(&list), &items[i].link);
    }
    ck_assert_ptr_null(util_list_take_first(&list));
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "heap and list", 10);

    tcase_add_test(tcase, comes_out_in_order);
    tcase_add_test(tcase, moves_and_removes);
    tcase_add_test(tcase, list_keeps_order);
}

TEST_MAIN("util/heap", add)

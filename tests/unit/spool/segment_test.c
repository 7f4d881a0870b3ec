/* segment_test.c - which segments may go, and records to bytes and back
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runner.h"
#include "spool/envelope.h"
#include "spool/store.h"

/* A segment a letter: L live, D dead; then the lowest sequence each speaks of; which stay. */
static const struct {
    const char *what, *live, *low, *stay;
} sweeps[] = {
    { "nothing live", "DDD", "123", "" },
    { "live ones stay", "LDL", "123", "13" },
    { "kept by an older live one that it speaks of", "LDD", "113", "12" },
    { "kept through a chain", "LDD", "112", "123" },
    { "what it speaks of is gone", "DLD", "121", "23" },
    { "speaks of the oldest, a younger one is in between", "DLDD", "1213", "234" },
    { "a copy's segment stays until what it was copied from is gone", "LDD", "122", "1" },
};

START_TEST(sweep)
{
    spool_t spool = { .is_recovered = 1 };
    spool_ref_t *refs[8] = { NULL };
    char stay[16] = "";

    for (int i = 0; sweeps[_i].live[i] != '\0'; i++) {
        spool_segment_t *segment = spool_segment_create((apr_uint32_t)i + 1, 1, 4096);

        segment->is_sealed = 1;
        spool_segment_refer(segment, (apr_uint32_t)(sweeps[_i].low[i] - '0'));
        if (sweeps[_i].live[i] == 'L') {
            refs[i] = spool_ref_create(NULL, 1);
            spool_segment_add(segment, refs[i], 4096, 100);
        }
        spool_segments_insert(&spool, segment);
    }
    spool_segments_sweep(&spool);
    for (apr_size_t i = 0; i < spool.n_segments; i++) {
        stay[i] = (char)('0' + spool.segments[i]->sequence);
    }
    ck_assert_str_eq(stay, sweeps[_i].stay);
    for (int i = 0; i < 8; i++) {
        if (refs[i] != NULL) {
            spool_segment_remove(refs[i]);
            spool_ref_destroy(refs[i]);
        }
    }
    spool_segments_sweep(&spool);
    ck_assert_uint_eq(spool.n_segments, 0);
    for (spool_segment_t *segment; (segment = spool_segment_pop(&spool.dead)) != NULL;) {
        spool_segment_destroy(segment);
    }
    free(spool.segments);
}
END_TEST

START_TEST(nothing_goes_before_recovery)
{
    spool_t spool = { .is_recovered = 0 };
    spool_segment_t *segment = spool_segment_create(1, 1, 4096);

    segment->is_sealed = 1;
    spool_segments_insert(&spool, segment);
    spool_segments_sweep(&spool);
    ck_assert_uint_eq(spool.n_segments, 1);
    spool_segment_destroy(segment);
    free(spool.segments);
}
END_TEST

START_TEST(a_reference_is_small)
{
    ck_assert_uint_le(sizeof(spool_ref_t), 40);
}
END_TEST

START_TEST(cursor_is_bounded)
{
    unsigned char bytes[64];

    for (apr_size_t room = 0; room < sizeof bytes; room++) {
        spool_cursor_t to = { bytes, bytes + room, 0 }, from;
        ec_id_t id = { 1, 2, 3 }, back;

        memset(bytes, 0, sizeof bytes);
        spool_put_id(&to, id);
        spool_put_text(&to, "text");
        spool_put_place(&to, (spool_place_t){ 7, 8 });
        ck_assert_int_eq(to.is_cut, room < 10 + 9 + 8);
        ck_assert(to.at <= bytes + room);
        from = (spool_cursor_t){ bytes, bytes + room, 0 };
        back = spool_get_id(&from);
        ck_assert_int_eq(ec_id_equal(id, back), room >= 10);
        ck_assert_str_eq(spool_get_text(&from), room >= 19 ? "text" : "");
        ck_assert_uint_eq(spool_get_place(&from).offset, room >= 27 ? 8 : 0);
        ck_assert_int_eq(from.is_cut, room < 27);
    }
}
END_TEST

START_TEST(record_checks)
{
    unsigned char bytes[64] = { 0 };
    spool_record_t record = { .length = 48, .meta = 8, .commit = 4096, .body_crc = 5, .type = 2 }, back;

    spool_record_finish(bytes, &record, 99);
    ck_assert_int_eq(spool_record_head(&back, bytes, 99, 48), 1);
    ck_assert_int_eq(spool_record_is_sound(&back, bytes), 1);
    ck_assert(back.length == 48 && back.meta == 8 && back.commit == 4096 && back.body_crc == 5 &&
              back.type == 2);
    ck_assert_int_eq(spool_record_head(&back, bytes, 98, 48), 0);
    ck_assert_int_eq(spool_record_head(&back, bytes, 99, 47), 0);
    for (int i = 0; i < 40; i++) { /* every bit of head and meta counts */
        bytes[i] ^= 4;
        ck_assert(!spool_record_head(&back, bytes, 99, 64) || !spool_record_is_sound(&back, bytes));
        bytes[i] ^= 4;
    }
}
END_TEST

START_TEST(header_checks)
{
    spool_header_t header = { 5, 4096 * 9, 77, 1 }, back;
    unsigned char page[SPOOL_PAGE];

    spool_header_write(page, &header);
    ck_assert_int_eq(spool_header_read(&back, page), APR_SUCCESS);
    ck_assert(back.sequence == 5 && back.size == 4096 * 9 && back.nonce == 77 && back.is_reused == 1);
    page[20] ^= 1;
    ck_assert_int_eq(spool_header_read(&back, page), EC_E_SPOOL_CORRUPT);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "segment", 10);

    tcase_add_loop_test(tcase, sweep, 0, TEST_COUNT(sweeps));
    tcase_add_test(tcase, nothing_goes_before_recovery);
    tcase_add_test(tcase, a_reference_is_small);
    tcase_add_test(tcase, cursor_is_bounded);
    tcase_add_test(tcase, record_checks);
    tcase_add_test(tcase, header_checks);
}

TEST_MAIN("spool/segment", add)

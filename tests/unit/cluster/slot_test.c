/* slot_test.c - one gate and its key: what comes into the gate, and when the key has it back
 * SPDX-License-Identifier: Apache-2.0
 *
 * For rules that whole servers (slots_test.c) break too rarely to be seen.  The gate is a few numbers, the
 * key is set by hand. */
#include "cluster/slots/slot.h"
#include "runner.h"
#include "slots_mutant.h"

/* ---- ec/gate.h ------------------------------------------------------------------------------------ */

struct ec_gate {
    apr_int64_t units, resting, used, losing;
    void *note;
    int is_leased;
};

static ec_gate_t gate;

void ec_gate_state(ec_gate_t *of, ec_gate_state_t *state)
{
    *state = (ec_gate_state_t){ .key = "k",
                                .limit = 10,
                                .wanted = 10,
                                .units = of->units,
                                .used = of->used + of->resting,
                                .losing = of->losing };
}

void ec_gate_give(ec_gate_t *to, apr_int64_t n, apr_int64_t resting)
{
    to->units += n;
    to->resting += resting;
}

apr_int64_t ec_gate_take_back(ec_gate_t *from, apr_int64_t n)
{
    apr_int64_t unused = from->units - from->used - from->resting;

    n = n < unused ? n : unused;
    from->units -= n;
    return n;
}

void ec_gate_lose(ec_gate_t *from, apr_int64_t n)
{
    from->units -= n;
    from->losing += n;
    from->used -= n;
}

void ec_gate_shed(ec_gate_t *of, apr_int64_t n)
{
}

void ec_gate_set_leased(ec_gate_t *of, int is_leased)
{
    of->is_leased = is_leased;
}

void ec_gate_set_note(ec_gate_t *of, void *note)
{
    of->note = note;
}

/* ---- a slot with its key ------------------------------------------------------------------------------- */

enum { NODES = 2 };

static limit_t state;
static limit_client_t client;
static struct lease_clock lease;
static struct slot slot;
static const apr_time_t now = apr_time_from_sec(100);

static void on_key(void *baton, struct limit_client_key *key)
{
}

static void on_count(void *baton, struct limit_client_key *key, apr_uint32_t count)
{
}

static const struct limit_client_events events = { on_key, on_count, on_count, on_count };

static void begin(apr_interval_time_t window, enum limit_mode mode, int has_lease)
{
    choose_mutant();
    limit_init(&state, window > 0);
    lease_clock_init(&lease, apr_time_from_sec(2), apr_time_from_msec(250));
    lease.until = has_lease ? now + apr_time_from_sec(1000) : 0;
    limit_client_init(&client, &state, 1, NODES, apr_time_from_msec(200), &lease, &events, NULL);
    client.is_active = has_lease;
    memset(&gate, 0, sizeof gate);
    memset(&slot, 0, sizeof slot);
    slot.client = &client;
    slot.key = limit_client_key(&client, "k", 1, 10, mode);
    slot.key->user = &slot;
    slot.gate = &gate;
    slot.window = window;
}

static void settle(void)
{
    ec_gate_state_t as;

    ec_gate_state(&gate, &as);
    as.window = slot.window;
    slot_settle(&slot, &as, now);
}

static void end(void)
{
    limit_client_free(&client);
}

/* Units that somebody may have used just now are granted: they wait for being firm, and then rest. */
START_TEST(tainted_units_come_when_they_are_firm)
{
    begin(apr_time_from_msec(300), LIMIT_STRICT, 1);
    slot.key->fresh = 4; /* in an order that may have a gap */
    slot_reserve(&slot, 4, now);
    settle();
    ck_assert_int_eq(gate.units, 0);
    ck_assert_uint_eq(slot.key->used, 4);
    slot.key->firm = 3;
    slot.key->fresh = 1;
    settle();
    ck_assert_int_eq(gate.units, 3);
    ck_assert_int_eq(gate.resting, 3);
    end();
}
END_TEST

/* The window is another: others may not have what was used under the old one before that is over. */
START_TEST(what_was_in_use_rests_without_its_gate)
{
    begin(apr_time_from_sec(5), LIMIT_STRICT, 1);
    slot.key->firm = 4;
    settle();
    ck_assert_int_eq(gate.units, 4);
    gate.used = 3;
    slot_leave_gate(&slot, now);
    ck_assert_uint_eq(slot.key->used, 3); /* the fourth is free at once */
    ck_assert(!slot_end(&slot, now + apr_time_from_sec(5) - 1));
    ck_assert_uint_eq(slot.key->used, 3);
    slot_end(&slot, now + apr_time_from_sec(5));
    ck_assert_uint_eq(slot.key->used, 0);
    end();
}
END_TEST

/* Without a lease, in available mode, a node has its equal part; when that becomes less, the rest is closed.
 */
START_TEST(a_smaller_part_without_a_lease)
{
    begin(0, LIMIT_AVAILABLE, 0);
    settle();
    ck_assert_int_eq(gate.units, 5);
    ck_assert(!gate.is_leased);
    gate.used = 5;
    limit_client_key(&client, "k", 1, 4, LIMIT_AVAILABLE); /* another limit in the configuration */
    settle();
    ck_assert_int_eq(gate.units, 2);
    ck_assert_int_eq(gate.losing, 3);
    ck_assert_uint_eq(slot.key->used, 5); /* until they are closed */
    gate.losing = 0;
    settle();
    ck_assert_uint_eq(slot.key->used, 2);
    end();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "slot", 10);

    tcase_add_test(tcase, tainted_units_come_when_they_are_firm);
    tcase_add_test(tcase, what_was_in_use_rests_without_its_gate);
    tcase_add_test(tcase, a_smaller_part_without_a_lease);
}

TEST_MAIN("cluster/slot", add)

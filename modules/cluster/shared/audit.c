/* audit.c - audit series and gauge caches of this process, shared with other nodes
 * SPDX-License-Identifier: Apache-2.0 */
#include "cluster/shared/audit.h"

#include <string.h>

#include "cluster/metrics/metrics.h"

/* What is taken out of the tables in a turn; while more is due, turns come this often.  So a node puts 1.6 MB in a second on the bus at
 * most, which leases share, and is late when more has changed. */
enum { SLICE = 64, TURN_BYTES = 32 * 1024 };
static const apr_interval_time_t while_more = apr_time_from_msec(20);
static const apr_interval_time_t step_least = apr_time_from_msec(50);

/* ---- what is shared ----------------------------------------------------------------------------------- */

int audit_is_wanted(unsigned wants, const ec_series_id_t *id)
{
    static const struct {
        const char *name;
        enum metrics_series word;
    } of_inbound_audit[] = {
        { "connections", METRICS_CONNECT },
        { "receptions", METRICS_RECEPTION },
        { "rejections", METRICS_REJECTION },
    };

    for (int i = 0; i < 3 && id->type == EC_SERIES_CIDR; i++) {
        if (strcmp(id->name, of_inbound_audit[i].name) == 0)
            return (wants & 1u << of_inbound_audit[i].word) != 0;
    }
    return (wants & AUDIT_SERIES) != 0;
}

/* Under the locks of series, on any thread. */
static int on_wants(void *baton, const ec_series_id_t *id)
{
    audit_t *audit = baton;

    return audit_is_wanted(atomic_load(&audit->series), id);
}

/* ---- what others say ------------------------------------------------------------------------------------- */

static void feed_key(void *baton, const ec_series_id_t *id, const void *key, apr_size_t length)
{
    audit_t *audit = baton;
    apr_uint32_t counts[EC_SERIES_WINDOWS_MAX];
    apr_int64_t newest;
    int is_there;

    if (audit->self == 0 || !audit_is_wanted(audit->wants.all, id))
        return;
    is_there = series_sum(&audit->kept, id, key, length, SERIES_OF_OTHERS, audit->self, &newest, counts);
    ec_series_set_others(id, key, length, newest, is_there ? counts : NULL);
}

static void on_joined(void *baton, bus_node_t node)
{
    audit_t *audit = baton;

    /* a manager has nobody to get a snapshot of its own series from */
    if (node == node_self(audit->node) || audit->wants.manager != 0)
        audit->must_tell = 1;
}

static void on_changed(void *baton, bus_node_t sender, const ec_gauge_change_t *change)
{
    audit_t *audit = baton;

    if (sender != node_self(audit->node))
        ec_gauge_apply(change);
}

static void on_cleared(void *baton)
{
    ec_gauge_reset();
}

static int fill_one(void *baton, const ec_gauge_change_t *value)
{
    ec_gauge_fill(value);
    return 1;
}

static void feed_gauges(audit_t *audit)
{
    if (!ec_gauge_waits())
        return;
    numbers_each(&audit->numbers, fill_one, NULL);
    numbers_unsent_each(&audit->added, fill_one, NULL);
    ec_gauge_filled();
}

static void feed_series(audit_t *audit)
{
    bus_node_t self = node_self(audit->node);
    unsigned made = ec_series_made();

    if (self == 0 || (self == audit->self && made == audit->made && !audit->must_feed))
        return;
    audit->self = self;
    audit->made = made;
    audit->must_feed = 0;
    series_watch_all(&audit->kept);
}

/* ---- what we say -------------------------------------------------------------------------------------------- */

static void on_tell(void *baton, const ec_series_id_t *id, const void *key, apr_size_t length, apr_int64_t newest,
                    const apr_uint32_t *counts)
{
    audit_t *audit = baton;

    if (audit_is_wanted(audit->wants.all, id))
        series_tell(&audit->told, id, key, length, newest, counts);
    if (audit_is_wanted(audit->wants.manager, id))
        series_tell(&audit->manager_told, id, key, length, newest, counts);
}

static void on_added(void *baton, const ec_gauge_change_t *change)
{
    audit_t *audit = baton;

    numbers_tell(&audit->added, change);
}

/* R1: max_pending are there, or max_delay is over. */
static int is_due(const audit_t *audit, apr_size_t changes, apr_time_t *since, apr_time_t now)
{
    if (changes == 0)
        *since = 0;
    else if (*since == 0)
        *since = now;
    return *since != 0 &&
           (changes >= (apr_size_t)audit->wants.max_pending || now - *since >= audit->wants.max_delay);
}

static void tell_series(audit_t *audit, apr_time_t now)
{
    if (!is_due(audit, ec_series_changes(), &audit->series_since, now))
        return;
    while (audit->told.unsent.length + audit->manager_told.unsent.length < TURN_BYTES) {
        if (ec_series_tell(SLICE, on_tell, audit) < SLICE) {
            audit->series_since = 0;
            return;
        }
    }
    audit->has_more = 1;
}

static void tell_gauges(audit_t *audit, apr_time_t now)
{
    if (!is_due(audit, ec_gauge_changes(), &audit->gauges_since, now))
        return;
    while (audit->added.unsent.length < TURN_BYTES) {
        if (ec_gauge_tell(SLICE, on_added, audit) < SLICE) {
            audit->gauges_since = 0;
            return;
        }
    }
    audit->has_more = 1;
}

/* What can not be sent stays in the tables, where it is bounded. */
static int is_active(const audit_t *audit)
{
    struct replica_info info;

    replica_info(node_replica(audit->node), &info);
    return info.is_active;
}

void audit_turn(audit_t *audit, apr_time_t now)
{
    feed_series(audit);
    feed_gauges(audit);
    if (audit->must_tell && audit->is_sharing)
        ec_series_share(on_wants, audit);
    audit->must_tell = audit->has_more = 0;
    if (!is_active(audit))
        return;
    tell_series(audit, now);
    tell_gauges(audit, now);
}

apr_time_t audit_next(const audit_t *audit, apr_time_t now)
{
    apr_time_t step = audit->wants.max_delay / 4;

    if (!audit->is_sharing && !audit->has_gauges)
        return 0;
    if (audit->has_more)
        step = while_more;
    else if (step < step_least)
        step = step_least;
    return now + step;
}

/* ---- configuration --------------------------------------------------------------------------------------------- */

struct ending {
    audit_t *audit;
    const struct audit_wants *wants;
    ec_series_id_t id;
    int is_ending, is_ending_for_manager;
};

static int end_key(void *baton, const void *key, apr_size_t length, apr_int64_t newest, const apr_uint32_t *counts)
{
    struct ending *ending = baton;

    if (ending->is_ending)
        series_tell(&ending->audit->told, &ending->id, key, length, 0, NULL);
    if (ending->is_ending_for_manager)
        series_tell(&ending->audit->manager_told, &ending->id, key, length, 0, NULL);
    return 1;
}

static int ends(unsigned before, unsigned now, const ec_series_id_t *id)
{
    return audit_is_wanted(before, id) && !audit_is_wanted(now, id);
}

static void end_series(void *baton, ec_series_t *series)
{
    struct ending *ending = baton;

    ending->id = ec_series_info(series).id;
    ending->is_ending = ends(ending->audit->wants.all, ending->wants->all, &ending->id);
    ending->is_ending_for_manager = ends(ending->audit->wants.manager, ending->wants->manager, &ending->id);
    if (ending->is_ending || ending->is_ending_for_manager)
        ec_series_keys(series, end_key, ending);
}

static const unsigned series_bits =
    AUDIT_SERIES | 1u << METRICS_CONNECT | 1u << METRICS_RECEPTION | 1u << METRICS_REJECTION;

void audit_configure(audit_t *audit, const struct audit_wants *wants)
{
    struct ending ending = { .audit = audit, .wants = wants };
    unsigned bits = (wants->all | wants->manager) & series_bits;
    int is_other = audit->wants.all != wants->all || audit->wants.manager != wants->manager;

    if (is_other) /* others are to forget what is not shared any more */
        ec_series_each(end_series, &ending);
    audit->wants = *wants;
    if (is_other) {
        atomic_store(&audit->series, bits);
        audit->is_sharing = bits != 0;
        audit->must_feed = 1;
        ec_series_share(audit->is_sharing ? on_wants : NULL, audit);
    }
    audit->has_gauges = (wants->all & AUDIT_GAUGES) != 0;
    ec_gauge_share(audit->has_gauges);
}

/* ---- life ----------------------------------------------------------------------------------------------------------- */

void audit_open(audit_t *audit, node_t *node)
{
    const struct machine machines[] = {
        { &series_machine, &audit->kept, &series_local, &audit->told },
        { &manager_series_machine, &audit->manager_kept, &series_local, &audit->manager_told },
        { &numbers_machine, &audit->numbers, &numbers_local, &audit->added },
    };

    audit->node = node;
    audit->kept.watch = feed_key;
    audit->kept.joined = on_joined;
    audit->kept.baton = audit;
    audit->manager_kept.is_deaf = !node_settings(node)->is_manager;
    audit->numbers.changed = on_changed;
    audit->numbers.cleared = on_cleared;
    audit->numbers.baton = audit;
    for (unsigned i = 0; i < sizeof(machines) / sizeof(machines[0]); i++)
        node_add_machine(node, &machines[i]);
}

void audit_close(audit_t *audit)
{
    ec_series_share(NULL, NULL);
    ec_gauge_share(0);
}

void audit_free(audit_t *audit)
{
    audit->numbers.cleared = NULL;
    series_free(&audit->kept);
    series_free(&audit->manager_kept);
    series_local_free(&audit->told);
    series_local_free(&audit->manager_told);
    numbers_free(&audit->numbers);
    numbers_local_free(&audit->added);
}

/* recovery.c - spool_recover(): seals, scan, hand-over
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The seals of all segments: where each of them ends.
 * 2. All segments from the oldest on, into the model (found.h).  A message may be settled by
 *    any later record, so nothing is reported before the end.
 * 3. The segments with what is live in them become the spool's; from then on the references
 *    belong to the writer, and the envelopes to this thread, which reports them.
 * 4. Large bodies that no message names were being received when the process ended. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "spool/found.h"
#include "spool/recovery.h"
#include "spool/scan.h"
#include "util/text.h"

typedef struct {
    char name[BATCH_LARGE_NAME];
    int is_used;
} large_t;

struct spool_recovery {
    spool_t *spool;
    pthread_t thread;
    int is_started;
    int is_ending; /* atomic */
    spool_model_t model;
    spool_old_t *current; /* being scanned */
    large_t *large;       /* what was in large/ at open, by name */
    apr_size_t n_large, room_large;
    spool_report_t report;
    spool_each_fn *each;
    spool_recovered_fn *done;
    void *baton;
};

/* On its way to the master loop; it may arrive when the spool is closed already. */
typedef struct {
    ec_post_t post;
    spool_recovered_fn *done;
    void *baton;
    spool_report_t report;
} outcome_t;

/* ---- at open ---------------------------------------------------------------------------------- */

static void on_segment_name(spool_recovery_t *recovery, const char *name)
{
    unsigned sequence;
    int end = 0;

    if (sscanf(name, "segment-%8x%n", &sequence, &end) == 1 && name[end] == '\0' && sequence > 0) {
        spool_model_add_segment(&recovery->model, sequence);
    }
}

static void on_large_name(spool_recovery_t *recovery, const char *name)
{
    large_t *large;

    if (strncmp(name, "body-", 5) != 0 || strlen(name) >= BATCH_LARGE_NAME) {
        return; /* not ours */
    }
    if (recovery->n_large == recovery->room_large) {
        apr_size_t room = recovery->room_large == 0 ? 16 : recovery->room_large * 2;
        large_t *grown = realloc(recovery->large, room * sizeof *grown);

        EC_ASSERT(grown != NULL);
        recovery->large = grown;
        recovery->room_large = room;
    }
    large = &recovery->large[recovery->n_large++];
    strcpy(large->name, name);
    large->is_used = 0;
}

static apr_status_t each_name(spool_recovery_t *recovery, const char *path,
                              void (*fn)(spool_recovery_t *, const char *))
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    if (dir == NULL) {
        return errno;
    }
    while ((entry = readdir(dir)) != NULL) {
        fn(recovery, entry->d_name);
    }
    closedir(dir);
    return APR_SUCCESS;
}

static int compare_large(const void *a, const void *b)
{
    return strcmp(((const large_t *)a)->name, ((const large_t *)b)->name);
}

apr_status_t spool_recovery_prepare(spool_t *spool, const char **why, apr_pool_t *pool)
{
    spool_recovery_t *recovery = calloc(1, sizeof *recovery);
    spool_model_t *model = &recovery->model;
    char text[120];
    apr_status_t rv;

    EC_ASSERT(recovery != NULL);
    recovery->spool = spool;
    rv = each_name(recovery, spool->segment_dir, on_segment_name);
    if (rv == APR_SUCCESS) {
        rv = each_name(recovery, spool->large_dir, on_large_name);
    }
    if (rv != APR_SUCCESS) {
        *why = apr_psprintf(pool, "can not read the spool directory %s: %s", spool->dir,
                            ec_strerror(rv, text, sizeof text));
        spool_model_free(model);
        free(recovery->large);
        free(recovery);
        return rv;
    }
    spool_model_sort(model);
    if (recovery->n_large > 1) {
        qsort(recovery->large, recovery->n_large, sizeof *recovery->large, compare_large);
    }
    spool->next_sequence = model->n_segments == 0 ? 1 : model->segments[model->n_segments - 1].sequence + 1;
    spool->recovery = recovery;
    return APR_SUCCESS;
}

/* ---- scan ----------------------------------------------------------------------------------------- */

static void on_seal(void *baton, const spool_record_t *record, apr_size_t offset, unsigned char *meta)
{
    spool_recovery_t *recovery = baton;
    spool_cursor_t cursor = { meta, meta + record->meta, 0 };
    spool_old_t *old = spool_model_find(&recovery->model, (apr_uint32_t)spool_get_number(&cursor, 4));
    apr_size_t end = (apr_size_t)spool_get_number(&cursor, 4);

    if (old != NULL && !cursor.is_cut && end >= SPOOL_START && old < recovery->current) {
        old->seal = end;
    }
}

static void on_record(void *baton, const spool_record_t *record, apr_size_t offset, unsigned char *meta)
{
    spool_recovery_t *recovery = baton;

    spool_model_record(&recovery->model, recovery->current, record, offset, meta);
}

static int is_ending(const spool_recovery_t *recovery)
{
    return __atomic_load_n(&recovery->is_ending, __ATOMIC_RELAXED);
}

static void read_seals(spool_recovery_t *recovery)
{
    for (apr_size_t i = 0; i < recovery->model.n_segments && !is_ending(recovery); i++) {
        spool_scan_t scan = { .spool = recovery->spool, .is_ending = &recovery->is_ending };

        recovery->current = &recovery->model.segments[i];
        scan.sequence = recovery->current->sequence;
        spool_scan_seals(&scan, on_seal, recovery); /* what is wrong is told by the scan that follows */
    }
}

static void scan_segment(spool_recovery_t *recovery, spool_old_t *old)
{
    spool_scan_t scan = { .spool = recovery->spool,
                          .sequence = old->sequence,
                          .seal = old->seal,
                          .is_ending = &recovery->is_ending };
    apr_status_t rv;

    recovery->current = old;
    old->segment = spool_segment_create(old->sequence, 0, 0);
    rv = spool_scan_run(&scan, on_record, recovery);
    recovery->report.segments++;
    recovery->report.torn_bytes += scan.torn_bytes;
    recovery->report.damaged += scan.damaged;
    old->segment->size = scan.file_size;
    old->segment->end = scan.end;
    old->segment->is_sealed = rv == APR_SUCCESS && !scan.is_unsaved;
    if (rv != APR_SUCCESS) {
        recovery->report.damaged++;
        ec_log_rv(
            recovery->spool->log, EC_LOG_ERROR, rv,
            "spool segment can not be read, what is in it is not delivered until it can: see to the disk and "
            "start again file=%s",
            scan.path);
    }
}

/* ---- large bodies -------------------------------------------------------------------------------------- */

static void check_large(spool_recovery_t *recovery, const spool_envelope_t *envelope)
{
    char path[SPOOL_PATH];
    large_t key, *large;
    struct stat st;

    batch_large_name(envelope->id, key.name);
    large = recovery->n_large == 0
                ? NULL
                : bsearch(&key, recovery->large, recovery->n_large, sizeof key, compare_large);
    if (large != NULL) {
        large->is_used = 1;
    }
    spool_large_path(recovery->spool, envelope->id, path);
    if (stat(path, &st) != 0 || (apr_uint64_t)st.st_size < envelope->size) {
        recovery->report.damaged++;
        ec_log(recovery->spool->log, EC_LOG_ERROR,
               "body of a message is missing or too short path=%s size=%lu", path,
               (unsigned long)envelope->size);
    }
}

static void remove_unused(spool_recovery_t *recovery)
{
    char path[SPOOL_PATH];

    for (apr_size_t i = 0; i < recovery->n_large; i++) {
        if (!recovery->large[i].is_used) {
            snprintf(path, sizeof path, "%s/%s", recovery->spool->large_dir, recovery->large[i].name);
            if (unlink(path) == 0) {
                ec_log(recovery->spool->log, EC_LOG_INFO, "body of an unfinished reception removed path=%s",
                       path);
            }
        }
    }
}

/* ---- hand-over ------------------------------------------------------------------------------------------
 */

static void envelope_of(const spool_found_message_t *message, spool_cursor_t *cursor,
                        spool_envelope_t *envelope)
{
    *cursor = (spool_cursor_t){ message->meta, message->meta + message->n_meta, 0 };
    EC_ASSERT(spool_envelope_get(cursor, envelope) == APR_SUCCESS); /* it was read once already */
}

static void count(spool_recovery_t *recovery, const spool_found_message_t *message,
                  const spool_envelope_t *envelope)
{
    spool_report_t *report = &recovery->report;

    report->batches++;
    report->bytes += envelope->size;
    for (apr_uint32_t i = 0; i < envelope->n_rcpts; i++) {
        int flags = *spool_ref_flags(message->ref, i);

        report->recipients += (flags & SPOOL_IS_DROPPED) == 0;
        report->in_doubt += (flags & SPOOL_IS_DROPPED) == 0 && (flags & SPOOL_IS_MARKED) != 0;
    }
}

/* What is live in `old` becomes its segment's. */
static void fill_segment(spool_recovery_t *recovery, spool_old_t *old)
{
    for (apr_size_t i = 0; i < old->n_messages; i++) {
        spool_found_message_t *message = &old->messages[i];
        spool_envelope_t envelope;
        spool_cursor_t cursor;

        if (message->ref != NULL) {
            envelope_of(message, &cursor, &envelope);
            count(recovery, message, &envelope);
            if (message->ref->is_large) {
                check_large(recovery, &envelope);
            }
            spool_segment_add(old->segment, message->ref, message->offset, message->ref->length);
        }
    }
}

static void hand_over(spool_recovery_t *recovery)
{
    spool_t *spool = recovery->spool;

    for (apr_size_t i = 0; i < recovery->model.n_segments; i++) {
        fill_segment(recovery, &recovery->model.segments[i]);
    }
    spool_lock(spool);
    for (apr_size_t i = 0; i < recovery->model.n_segments; i++) {
        spool_segments_insert(spool, recovery->model.segments[i].segment);
        recovery->model.segments[i].segment = NULL;
    }
    spool->is_recovered = 1;
    spool_segments_sweep(spool);
    spool_unlock(spool);
}

/* ---- report
 * ------------------------------------------------------------------------------------------------ */

static void domain_of(const char *address, char *domain, apr_size_t room)
{
    const char *at = strrchr(address, '@');

    snprintf(domain, room, "%s", at == NULL ? "" : at + 1);
    util_text_lower(domain, strlen(domain));
}

/* What the reference says is read before the first recipient is told of: from then on its loop may settle it,
 * and with the last open one the reference is gone. */
static unsigned char *flags_of(spool_ref_t *ref, apr_uint32_t n)
{
    unsigned char *flags = malloc(n);

    EC_ASSERT(flags != NULL);
    for (apr_uint32_t i = 0; i < n; i++) {
        flags[i] = *spool_ref_flags(ref, i);
    }
    return flags;
}

/* What was chosen for recipients: routing domains and bindings; NULL: nothing for any.  free(). */
struct way {
    const char *domain, *group, *binding; /* NULL: as the address says; the default one */
};
struct routes {
    apr_uint32_t n;
    struct way *way;
};

static struct way *way_of(struct routes *routes, apr_uint32_t rcpt)
{
    if (routes->way == NULL) {
        routes->way = calloc(routes->n, sizeof *routes->way);
        EC_ASSERT(routes->way != NULL);
    }
    return &routes->way[rcpt];
}

static void note_route(void *baton, apr_uint32_t rcpt, const char *domain)
{
    way_of(baton, rcpt)->domain = domain;
}

static void note_binding(void *baton, apr_uint32_t rcpt, const char *group, const char *name)
{
    struct way *way = way_of(baton, rcpt);

    way->group = group;
    way->binding = name;
}

static struct way *read_routes(spool_cursor_t cursor, apr_uint32_t n)
{
    struct routes routes = { .n = n };
    spool_extra_t extra = { .each = note_route, .bound = note_binding, .baton = &routes };

    for (apr_uint32_t i = 0; i < n; i++) {
        spool_rcpt_t rcpt;

        EC_ASSERT(spool_rcpt_get(&cursor, &rcpt) == APR_SUCCESS);
    }
    if (spool_extra_get(&cursor, &extra, n) != APR_SUCCESS) {
        free(routes.way); /* the message itself is sound: it goes where its addresses say */
        return NULL;
    }
    return routes.way;
}

static void tell(spool_recovery_t *recovery, const spool_found_message_t *message)
{
    spool_found_t found = { .ref = message->ref };
    spool_envelope_t envelope;
    spool_cursor_t cursor;
    unsigned char *flags;
    struct way *routes;
    char domain[512];

    envelope_of(message, &cursor, &envelope);
    routes = read_routes(cursor, envelope.n_rcpts);
    flags = flags_of(message->ref, envelope.n_rcpts);
    found.batch_id = envelope.id;
    found.received = envelope.received;
    found.size = (apr_size_t)envelope.size;
    found.sender = envelope.sender;
    for (apr_uint32_t i = 0; i < envelope.n_rcpts; i++) {
        spool_rcpt_t rcpt;

        EC_ASSERT(spool_rcpt_get(&cursor, &rcpt) == APR_SUCCESS);
        if ((flags[i] & SPOOL_IS_DROPPED) != 0) {
            continue;
        }
        found.rcpt = (int)i;
        found.id = rcpt.id;
        found.recipient = rcpt.address;
        domain_of(rcpt.address, domain, sizeof domain);
        found.domain = routes != NULL && routes[i].domain != NULL ? routes[i].domain : domain;
        found.group = routes != NULL ? routes[i].group : NULL;
        found.binding = routes != NULL ? routes[i].binding : NULL;
        found.is_in_doubt = (flags[i] & SPOOL_IS_MARKED) != 0;
        found.state = (spool_state_t){ 0 };
        if (message->known != NULL) {
            found.state.attempts = message->known[i].attempts;
            found.state.next = message->known[i].next;
            found.state.reply = message->known[i].reply;
        }
        recovery->each(recovery->baton, &found);
    }
    free(routes);
    free(flags);
}

/* Memory goes as the messages are told of, while the queues' grows. */
static void tell_all(spool_recovery_t *recovery)
{
    for (apr_size_t s = 0; s < recovery->model.n_segments; s++) {
        spool_old_t *old = &recovery->model.segments[s];

        for (apr_size_t i = 0; i < old->n_messages; i++) {
            if (old->messages[i].ref != NULL && !is_ending(recovery)) {
                tell(recovery, &old->messages[i]);
            }
            old->messages[i].ref = NULL; /* the spool's */
        }
        spool_old_forget(old);
    }
}

static void on_done(void *baton)
{
    outcome_t *outcome = baton;

    outcome->done(outcome->baton, APR_SUCCESS, &outcome->report);
    free(outcome);
}

static void post_outcome(const spool_recovery_t *recovery)
{
    outcome_t *outcome = calloc(1, sizeof *outcome);

    EC_ASSERT(outcome != NULL);
    outcome->done = recovery->done;
    outcome->baton = recovery->baton;
    outcome->report = recovery->report;
    ec_loop_post(ec_loop_at(0), &outcome->post, on_done, outcome);
}

static void log_report(const spool_recovery_t *recovery)
{
    const spool_report_t *report = &recovery->report;

    ec_log(recovery->spool->log, EC_LOG_NOTICE,
           "spool recovered batches=%lu recipients=%lu in_doubt=%lu segments=%lu torn_bytes=%lu damaged=%lu "
           "ms=%lu",
           (unsigned long)report->batches, (unsigned long)report->recipients, (unsigned long)report->in_doubt,
           (unsigned long)report->segments, (unsigned long)report->torn_bytes, (unsigned long)report->damaged,
           (unsigned long)(report->duration_us / 1000));
}

static void *recovery_main(void *baton)
{
    spool_recovery_t *recovery = baton;
    apr_time_t began = apr_time_now();

    read_seals(recovery);
    for (apr_size_t i = 0; i < recovery->model.n_segments && !is_ending(recovery); i++) {
        scan_segment(recovery, &recovery->model.segments[i]);
    }
    if (is_ending(recovery)) {
        return NULL;
    }
    ec_id_raise(recovery->model.highest_slot);
    hand_over(recovery);
    remove_unused(recovery);
    tell_all(recovery);
    recovery->report.duration_us = (apr_uint64_t)(apr_time_now() - began);
    if (!is_ending(recovery)) {
        log_report(recovery);
        post_outcome(recovery);
    }
    return NULL;
}

void spool_recover(spool_t *spool, spool_each_fn *each, spool_recovered_fn *done, void *baton)
{
    spool_recovery_t *recovery = spool->recovery;

    EC_ASSERT(!recovery->is_started);
    recovery->each = each;
    recovery->done = done;
    recovery->baton = baton;
    recovery->is_started = pthread_create(&recovery->thread, NULL, recovery_main, recovery) == 0;
    EC_ASSERT(recovery->is_started);
}

void spool_recovery_stop(spool_t *spool)
{
    spool_recovery_t *recovery = spool->recovery;

    if (recovery == NULL) {
        return;
    }
    if (recovery->is_started) {
        __atomic_store_n(&recovery->is_ending, 1, __ATOMIC_SEQ_CST);
        pthread_join(recovery->thread, NULL);
    }
    spool_model_free(&recovery->model);
    free(recovery->large);
    free(recovery);
    spool->recovery = NULL;
}

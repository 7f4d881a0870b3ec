/* harness.h - a spool in a directory of its own, driven step by step from one thread
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each step waits for its answer, so a test reads as a story.  A crash is a copy of the
 * directory while the spool is open: what a process that dies at this moment leaves. */
#ifndef TESTS_SPOOL_HARNESS_H
#define TESTS_SPOOL_HARNESS_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner.h"
#include "event/runtime.h"
#include "spool/io.h"
#include "spool/keeper.h"
#include "spool/spool.h"

typedef struct {
    ec_id_t id, batch_id;
    char sender[64], recipient[128], domain[64], reply[64];
    spool_ref_t *ref;
    int rcpt, is_in_doubt;
    spool_state_t state;
    apr_size_t size;
} harness_found_t;

typedef struct {
    char dir[128];
    spool_options_t options;
    const spool_io_t *io;
    spool_t *spool;
    spool_report_t report;
    harness_found_t *found;
    int n_found, room_found, is_recovered;
} harness_t;

static inline void harness_runtime(int loops)
{
    ck_assert_int_eq(event_runtime_create(loops, NULL, test_pool), APR_SUCCESS);
    ec_log_stderr(getenv("TEST_LOG") != NULL);
}

static inline void harness_init(harness_t *h, apr_size_t segment_size)
{
    memset(h, 0, sizeof *h);
    snprintf(h->dir, sizeof h->dir, "%s/ec-spool-test-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(h->dir));
    h->options.dir = h->dir;
    h->options.segment_size = segment_size;
    h->options.is_synced = 1;
    h->options.reserve = 1;
    h->io = &spool_io_system;
}

static inline int harness_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static inline void harness_end(harness_t *h)
{
    ck_assert_int_eq(nftw(h->dir, harness_remove, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(h->found);
    h->found = NULL;
}

/* Every third recipient leaves by a binding, whose name is known from the address. */
static inline binding_t *harness_binding(const char *address)
{
    char name[16];
    unsigned i, seed;

    if (sscanf(address, "user%u@Example%u.ORG", &i, &seed) != 2 || (i + seed) % 3 != 1) {
        return &binding_default;
    }
    snprintf(name, sizeof name, "b%u", seed);
    return binding_of("group", name);
}

static inline void harness_on_found(void *baton, const spool_found_t *found)
{
    harness_t *h = baton;
    harness_found_t *to;

    if (h->n_found == h->room_found) {
        h->room_found = h->room_found == 0 ? 64 : h->room_found * 2;
        h->found = realloc(h->found, (size_t)h->room_found * sizeof *h->found);
    }
    to = &h->found[h->n_found++];
    memset(to, 0, sizeof *to);
    to->id = found->id;
    to->batch_id = found->batch_id;
    to->ref = found->ref;
    to->rcpt = found->rcpt;
    to->is_in_doubt = found->is_in_doubt;
    to->state = found->state;
    to->state.reply = NULL; /* was borrowed */
    snprintf(to->reply, sizeof to->reply, "%s", found->state.reply == NULL ? "" : found->state.reply);
    to->size = found->size;
    ck_assert_str_eq(found->binding != NULL ? found->binding : "default", harness_binding(found->recipient)->name);
    ck_assert_str_eq(found->group != NULL ? found->group : "default", harness_binding(found->recipient)->group);
    snprintf(to->sender, sizeof to->sender, "%s", found->sender);
    snprintf(to->recipient, sizeof to->recipient, "%s", found->recipient);
    snprintf(to->domain, sizeof to->domain, "%s", found->domain);
}

static inline void harness_on_recovered(void *baton, apr_status_t rv, const spool_report_t *report)
{
    harness_t *h = baton;

    ck_assert_int_eq(rv, APR_SUCCESS);
    h->report = *report;
    h->is_recovered = 1;
}

static inline int harness_is_set(void *baton)
{
    return *(int *)baton;
}

static inline void harness_await(int *flag)
{
    while (!event_run_until(ec_loop_at(0), harness_is_set, flag, 1000)) {
    }
}

static inline void harness_recover(harness_t *h)
{
    h->n_found = 0;
    h->is_recovered = 0;
    spool_recover(h->spool, harness_on_found, harness_on_recovered, h);
    harness_await(&h->is_recovered);
}

static inline void harness_open_only(harness_t *h)
{
    const char *why = NULL;
    apr_status_t rv = spool_open_io(&h->spool, &h->options, h->io, ec_log_root(), &why, test_pool);

    ck_assert_msg(rv == APR_SUCCESS, "%s", why);
}

static inline void harness_open(harness_t *h)
{
    harness_open_only(h);
    harness_recover(h);
}

static inline void harness_close(harness_t *h)
{
    spool_close(h->spool);
    h->spool = NULL;
}

static inline int harness_is_busy(harness_t *h)
{
    int is_busy;

    spool_lock(h->spool);
    is_busy = h->spool->dead.first != NULL || h->spool->leftovers != NULL || h->spool->ready.first == NULL;
    spool_unlock(h->spool);
    return is_busy;
}

static inline void harness_copy_file(const char *from, const char *to)
{
    static char buffer[1 << 20];
    int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0600);
    ssize_t n;

    ck_assert(in >= 0 && out >= 0);
    while ((n = read(in, buffer, sizeof buffer)) > 0) {
        ck_assert_int_eq((int)write(out, buffer, (size_t)n), (int)n);
    }
    close(in);
    close(out);
}

static inline void harness_copy_files(const char *from, const char *to, const char *sub)
{
    char in[512], out[512];
    const struct dirent *entry;
    struct stat st;
    DIR *dir;

    snprintf(in, sizeof in, "%s/%s", from, sub);
    snprintf(out, sizeof out, "%s/%s", to, sub);
    mkdir(out, 0700);
    dir = opendir(in);
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL) {
        snprintf(in, sizeof in, "%s/%s/%s", from, sub, entry->d_name);
        snprintf(out, sizeof out, "%s/%s/%s", to, sub, entry->d_name);
        if (stat(in, &st) == 0 && S_ISREG(st.st_mode)) {
            harness_copy_file(in, out);
        }
    }
    closedir(dir);
}

/* What a process that is killed now leaves behind, in another directory.  A copy takes time and a death
 * does not, so no file may come or go meanwhile. */
static inline void harness_crash(harness_t *h, harness_t *copy)
{
    static const char *const subs[] = { "", "segments", "large", "damaged" };

    spool_compact_stop(h->spool);
    while (harness_is_busy(h)) {
        usleep(200);
    }
    harness_init(copy, h->options.segment_size);
    copy->options.is_synced = h->options.is_synced;
    for (int i = 0; i < TEST_COUNT(subs); i++) {
        harness_copy_files(h->dir, copy->dir, subs[i]);
    }
    spool_lock(h->spool);
    h->spool->keeper->is_compactor_ended = 0;
    spool_unlock(h->spool);
}

/* ---- steps ---------------------------------------------------------------------------------- */

typedef struct {
    spool_request_t request;
    apr_status_t rv;
    int is_done;
} harness_step_t;

static inline void harness_step_done(void *baton, apr_status_t rv)
{
    harness_step_t *step = baton;

    step->rv = rv;
    step->is_done = 1;
}

static inline void harness_start(harness_t *h, harness_step_t *step)
{
    step->request.loop = ec_loop_at(0);
    step->request.done = harness_step_done;
    step->request.baton = step;
    step->is_done = 0;
    spool_submit(h->spool, &step->request);
}

static inline apr_status_t harness_do(harness_t *h, harness_step_t *step)
{
    harness_start(h, step);
    harness_await(&step->is_done);
    return step->rv;
}

static inline apr_status_t harness_store(harness_t *h, ec_batch_t *batch)
{
    harness_step_t step = { .request = { .verb = SPOOL_STORE, .batch = batch } };

    return harness_do(h, &step);
}

static inline apr_status_t harness_bounce(harness_t *h, ec_batch_t *batch, spool_ref_t *ref, int rcpt)
{
    harness_step_t step = { .request = { .verb = SPOOL_STORE, .batch = batch, .ref = ref, .rcpt = rcpt } };

    return harness_do(h, &step);
}

static inline apr_status_t harness_note(harness_t *h, spool_verb_t verb, spool_ref_t *ref, int rcpt)
{
    harness_step_t step = { .request = { .verb = verb, .ref = ref, .rcpt = rcpt } };

    return harness_do(h, &step);
}

static inline apr_status_t harness_state(harness_t *h, spool_ref_t *ref, int rcpt, int attempts,
                                         apr_time_t next, const char *reply)
{
    harness_step_t step = { .request = { .verb = SPOOL_STATE, .ref = ref, .rcpt = rcpt } };

    step.request.state = (spool_state_t){ (apr_uint16_t)attempts, next, reply };
    return harness_do(h, &step);
}

/* ---- mail ------------------------------------------------------------------------------------- */

static const body_limits_t harness_limits = { 16384, 1024 * 1024, NULL };

/* The body of `size` bytes tells from `seed` what it must be. */
static inline void harness_fill(char *bytes, apr_size_t size, unsigned seed)
{
    for (apr_size_t i = 0; i < size; i++) {
        seed = seed * 1103515245u + 12345u;
        bytes[i] = (char)(seed >> 16);
    }
}

static inline ec_batch_t *harness_mail(int n_rcpts, apr_size_t size, unsigned seed,
                                       const body_limits_t *limits)
{
    ec_batch_t *batch = batch_create(1000000 + (apr_time_t)seed, "esmtp");
    char *body = malloc(size + 1), address[64];

    batch_set_sender(batch, "sender@example.com");
    batch_set_source(batch, "192.0.2.1", "client.example.com", ec_id_new());
    for (int i = 0; i < n_rcpts; i++) {
        snprintf(address, sizeof address, "user%d@Example%u.ORG", i, seed % 10);
        batch_add_rcpt(batch, address);
        batch->rcpts[i].binding = harness_binding(address);
    }
    harness_fill(body, size, seed);
    for (apr_size_t at = 0; at < size; at += 3000) {
        ck_assert_int_eq(batch_body_append(batch, limits == NULL ? &harness_limits : limits, body + at,
                                           size - at < 3000 ? size - at : 3000),
                         APR_SUCCESS);
    }
    free(body);
    return batch;
}

static inline int harness_body_is(const ec_batch_t *batch, apr_size_t size, unsigned seed)
{
    char *want = malloc(size + 1), *have = malloc(size + 1);
    apr_size_t length = size + 1;
    int is_same;

    harness_fill(want, size, seed);
    is_same = ec_batch_size(batch) == size && ec_batch_read(batch, 0, have, &length) == APR_SUCCESS &&
              length == size && memcmp(want, have, size) == 0;
    free(want);
    free(have);
    return is_same;
}

static inline int harness_files(const harness_t *h, const char *sub, const char *prefix)
{
    char path[256];
    DIR *dir;
    const struct dirent *entry;
    int n = 0;

    snprintf(path, sizeof path, "%s/%s", h->dir, sub);
    dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0 && entry->d_name[0] != '.';
    }
    if (dir != NULL) {
        closedir(dir);
    }
    return n;
}

#endif

/* spool_fuzz.c - recovery over arbitrary segments
 * SPDX-License-Identifier: Apache-2.0
 *
 * First byte even: the rest is what follows a sound segment header.  Odd: the rest is a list of
 * records (type, flags, length of meta and of body in 2 bytes each, meta, body) that get right
 * check sums, so that what is behind the sums is reached, too; type 255 begins the next segment.
 * What recovery finds is loaded and settled, and a second recovery must find nothing open. */
#include <fcntl.h>
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>

#include "event/runtime.h"
#include "spool/format.h"
#include "spool/io.h"
#include "spool/spool.h"
#include "util/crc32c.h"

enum { SEGMENT = 64 * 1024, FOUND = 64, NONCE = 0x5eed5eed };

static apr_pool_t *pool;
static char dir[64];

typedef struct {
    spool_ref_t *ref;
    int rcpt;
} open_t;

static open_t open_rcpts[FOUND];
static int n_open, n_told, is_recovered;

/* ---- segments from the input ---------------------------------------------------------------- */

static void write_segment(unsigned sequence, unsigned char *bytes, apr_size_t length)
{
    spool_header_t header = {
        .sequence = sequence, .size = SEGMENT, .nonce = NONCE, .is_reused = (int)(length & 1)
    };
    char path[128];
    int fd;

    spool_header_write(bytes, &header);
    snprintf(path, sizeof path, "%s/segments/segment-%08x", dir, sequence);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, bytes, length) != (ssize_t)length) {
        abort();
    }
    close(fd);
}

/* One record from the input to `to`; returns what it took, or 0 when there is no room or no input. */
static apr_size_t put_record(unsigned char *to, apr_size_t room, apr_size_t offset, const uint8_t *in,
                             apr_size_t left)
{
    spool_record_t record = { .commit = (apr_uint32_t)offset };
    apr_size_t body;

    if (left < 6) {
        return 0;
    }
    record.type = in[0];
    record.flags = in[1];
    record.meta = (apr_uint32_t)(in[2] | in[3] << 8);
    body = (apr_size_t)(in[4] | in[5] << 8);
    record.length = (apr_uint32_t)(SPOOL_HEAD + record.meta + body);
    if (left - 6 < record.meta + body || room < spool_align(record.length)) {
        return 0;
    }
    memcpy(to + SPOOL_HEAD, in + 6, record.meta + body);
    record.body_crc = util_crc32c(0, to + SPOOL_HEAD + record.meta, body);
    spool_record_finish(to, &record, NONCE);
    return spool_align(record.length);
}

static void write_records(const uint8_t *in, apr_size_t left)
{
    static unsigned char segment[SEGMENT];
    apr_size_t at = SPOOL_START;
    unsigned sequence = 1;

    memset(segment, 0, sizeof segment);
    while (left > 0 && sequence < 4) {
        apr_size_t length = in[0] == 255 ? 0 : put_record(segment + at, SEGMENT - at, at, in, left);

        if (length > 0) {
            apr_size_t used = 6 + (apr_size_t)(in[2] | in[3] << 8) + (apr_size_t)(in[4] | in[5] << 8);

            at += length;
            in += used;
            left -= used;
        } else {
            write_segment(sequence++, segment, SEGMENT);
            memset(segment, 0, sizeof segment);
            at = SPOOL_START;
            in++;
            left--;
        }
    }
    write_segment(sequence, segment, SEGMENT);
}

static void write_raw(const uint8_t *in, apr_size_t left)
{
    static unsigned char segment[SEGMENT];

    left = left < SEGMENT - SPOOL_START ? left : SEGMENT - SPOOL_START;
    memcpy(segment + SPOOL_START, in, left);
    write_segment(1, segment, SPOOL_START + left);
}

/* ---- recovery ----------------------------------------------------------------------------------- */

static void on_found(void *baton, const spool_found_t *found)
{
    n_told++;
    if (n_open < FOUND) {
        open_rcpts[n_open++] = (open_t){ found->ref, found->rcpt };
    }
}

static void on_recovered(void *baton, apr_status_t rv, const spool_report_t *report)
{
    is_recovered = 1;
}

static int has_recovered(void *baton)
{
    return is_recovered;
}

static spool_t *recover(void)
{
    spool_options_t options = { .dir = dir, .segment_size = SEGMENT, .reserve = 1 };
    const char *why;
    spool_t *spool;

    n_open = n_told = is_recovered = 0;
    if (spool_open(&spool, &options, ec_log_root(), &why, pool) != APR_SUCCESS) {
        abort();
    }
    spool_recover(spool, on_found, on_recovered, NULL);
    while (!event_run_until(ec_loop_at(0), has_recovered, NULL, 1000)) {
    }
    return spool;
}

static void settle_all(spool_t *spool)
{
    char reply[64];

    for (int i = 0; i < n_open; i++) {
        spool_request_t *drop = calloc(1, sizeof *drop);
        ec_batch_t *batch;

        if (spool_load(spool, open_rcpts[i].ref, &batch) == APR_SUCCESS) {
            ec_batch_unref(batch);
        }
        spool_load_reply(spool, open_rcpts[i].ref, open_rcpts[i].rcpt, reply, sizeof reply);
        *drop = (spool_request_t){ .verb = SPOOL_DROP, .ref = open_rcpts[i].ref, .rcpt = open_rcpts[i].rcpt };
        spool_submit_owned(spool, drop);
    }
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    return remove(path);
}

static void fresh_dir(void)
{
    char path[128];

    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    mkdir(dir, 0700);
    snprintf(path, sizeof path, "%s/segments", dir);
    mkdir(path, 0700);
}

/* There when the leak sanitizer is. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

/* The runtime stays, and APR keeps what it is made of out of the sanitizer's sight. */
static void setup(void)
{
    if (__lsan_disable != NULL) {
        __lsan_disable();
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    event_runtime_create(1, NULL, pool);
    ec_log_stderr(0);
    snprintf(dir, sizeof dir, "%s/ec-spool-fuzz-%ld", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
             (long)getpid());
    if (__lsan_enable != NULL) {
        __lsan_enable();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    spool_t *spool;
    int all_settled;

    if (pool == NULL) {
        setup();
    }
    if (size == 0) {
        return 0;
    }
    fresh_dir();
    if (data[0] & 1) {
        write_records(data + 1, size - 1);
    } else {
        write_raw(data + 1, size - 1);
    }
    spool = recover();
    settle_all(spool);
    all_settled = n_told == n_open;
    spool_close(spool);
    if (all_settled && n_told > 0) {
        spool = recover();
        if (n_told > 0) {
            abort(); /* settled mail came back */
        }
        spool_close(spool);
    }
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}

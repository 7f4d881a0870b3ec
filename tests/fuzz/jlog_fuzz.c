/* jlog_fuzz.c - a journal with arbitrary bytes in its files
 * SPDX-License-Identifier: Apache-2.0
 *
 * First byte, modulo 4:
 *   0  the rest is a checkpoint       1  the rest is the settings
 *   2  the rest is a segment; in it the byte 0xff stands for the journal's nonce
 *   3  the rest is a list of pieces: a length, and that many bytes; they become whole records,
 *      those with an odd length torn or wrong ones
 *
 * Whatever it is: a reader comes to an end and its positions grow; then a writer opens the journal and appends
 * a line, and the reader gets it. */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_general.h>

#include "log/jlog/subscribers.h"
#include "log/jlog/writer.h"

enum { NONCE = 0x5eed5eed, SEGMENT = 64 * 1024 };

static char dir[64];
static unsigned char segment[SEGMENT + 512];

static void must(int is_so)
{
    if (!is_so) {
        abort();
    }
}

static void write_file(const char *name, const void *bytes, size_t length)
{
    char path[128];
    int fd;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    must(fd >= 0 && write(fd, bytes, length) == (ssize_t)length);
    close(fd);
}

static void clear(void)
{
    char path[512];
    DIR *open_dir = opendir(dir);
    struct dirent *entry;

    while (open_dir != NULL && (entry = readdir(open_dir)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        unlink(path);
    }
    if (open_dir != NULL) {
        closedir(open_dir);
    }
    rmdir(dir);
}

static void begin(void)
{
    char text[JLOG_TEXT];

    clear();
    mkdir(dir, 0700);
    write_file("settings", text,
               (size_t)jlog_settings_write(text, &(struct jlog_settings){ JLOG_SEGMENT_MIN, NONCE }));
    write_file("checkpoint.a", text, (size_t)jlog_checkpoint_write(text, (ec_jlog_position_t){ 1, 0 }));
    write_file("segment-00000001", "", 0);
}

/* ---- from the input to a segment --------------------------------------------------- */

static size_t raw_segment(const uint8_t *data, size_t size)
{
    size_t length = 0;

    for (size_t i = 0; i < size && length < SEGMENT; i++) {
        if (data[i] == 0xff) {
            jlog_nonce_write(segment + length, NONCE);
            length += JLOG_NONCE;
        } else {
            segment[length++] = data[i];
        }
    }
    return length;
}

static size_t record_segment(const uint8_t *data, size_t size)
{
    size_t length = 0;

    while (size > 0 && length < SEGMENT) {
        size_t bytes = data[0] < size - 1 ? data[0] : size - 1;

        jlog_record_write(segment + length, (const char *)data + 1, bytes, 1, NONCE);
        if (bytes & 1) {
            segment[length + bytes] ^= 1;
            length += bytes;
        } else {
            length += JLOG_HEAD + bytes;
        }
        data += 1 + bytes;
        size -= 1 + bytes;
    }
    return length;
}

static void write_input(const uint8_t *data, size_t size)
{
    switch (data[0] % 4) {
    case 0:
        write_file("checkpoint.a", data + 1, size - 1);
        break;
    case 1:
        write_file("settings", data + 1, size - 1);
        break;
    case 2:
        write_file("segment-00000001", segment, raw_segment(data + 1, size - 1));
        break;
    default:
        write_file("segment-00000001", segment, record_segment(data + 1, size - 1));
        write_file("segment-00000002", segment, record_segment(data + 1, (size - 1) / 2));
        break;
    }
}

/* ---- reading ----------------------------------------------------------------------- */

/* To the end; 1 when `last` came as the last line. */
static int read_to_end(ec_jlog_reader_t *reader, const char *last)
{
    ec_jlog_position_t before = ec_jlog_reader_position(reader);
    ec_jlog_record_t record;
    apr_status_t rv;
    int is_last = 0;

    while ((rv = ec_jlog_read(reader, &record)) == APR_SUCCESS) {
        must(!jlog_is_before(record.begins, before) && jlog_is_before(record.begins, record.ends));
        must(record.ends.marker - record.begins.marker == JLOG_HEAD + record.length);
        is_last = record.length == strlen(last) && memcmp(record.data, last, record.length) == 0;
        before = record.ends;
    }
    must(APR_STATUS_IS_EOF(rv));
    return is_last;
}

static void append(const char *line)
{
    static const char *const subscribers[] = { "a", NULL };
    const jlog_folder_options_t options = { 0600, (uid_t)-1, (gid_t)-1, JLOG_SEGMENT_MIN };
    jlog_writer_t *writer;
    apr_size_t taken;
    apr_status_t rv;

    must(jlog_writer_open(&writer, dir, subscribers, &options, ec_log_root()) == APR_SUCCESS);
    rv = jlog_writer_append(writer, line, strlen(line), &taken);
    must(rv == APR_SUCCESS || APR_STATUS_IS_ENOSPC(rv)); /* a checkpoint at the last segment that can be */
    jlog_writer_close(writer);
}

static void read_and_write(apr_pool_t *pool)
{
    static const char marked[] = "the line that is appended";
    ec_jlog_reader_t *reader;
    ec_jlog_status_t status;
    const char *why;

    if (ec_jlog_reader_open(&reader, dir, "a", ec_log_root(), &why, pool) != APR_SUCCESS) {
        must(ec_jlog_status(&status, dir, &why, pool) == EC_E_JLOG_DAMAGED);
        return;
    }
    read_to_end(reader, marked);
    append("the line that is appended\n");
    must(ec_jlog_status(&status, dir, &why, pool) == APR_SUCCESS);
    must(read_to_end(reader, marked) || status.subscribers[0].position.segment > 1);
    must(ec_jlog_checkpoint(reader, ec_jlog_reader_position(reader)) == APR_SUCCESS);
    ec_jlog_reader_close(reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;

    if (dir[0] == '\0') {
        apr_initialize();
        ec_log_stderr(0);
        snprintf(dir, sizeof dir, "%s/ec-jlog-fuzz-%ld", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp",
                 (long)getpid());
    }
    if (size == 0) {
        return 0;
    }
    begin();
    write_input(data, size);
    apr_pool_create(&pool, NULL);
    read_and_write(pool);
    apr_pool_destroy(pool);
    clear();
    return 0;
}

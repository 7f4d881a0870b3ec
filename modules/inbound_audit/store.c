/* store.c - an audit series as a file
 * SPDX-License-Identifier: Apache-2.0 */
#include "store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_file_io.h>
#include <apr_strings.h>

static const char *const type_words[] = { [EC_SERIES_STRING] = "string", [EC_SERIES_CIDR] = "cidr" };

/* ---- reading ----------------------------------------------------------------------------------- */

struct reader {
    const char *at, *end;
    int line;
    ec_series_id_t *id;
    apr_uint32_t counts[EC_SERIES_WINDOWS_MAX];
    ec_series_key_fn *each; /* NULL: only look */
    void *baton;
};

/* The next word of this line, in place; 0: there is none. */
static apr_size_t read_word(struct reader *reader, const char **word)
{
    while (reader->at < reader->end && *reader->at == ' ')
        reader->at++;
    *word = reader->at;
    while (reader->at < reader->end && *reader->at > ' ' && *reader->at <= '~')
        reader->at++;
    return (apr_size_t)(reader->at - *word);
}

static int is_line_end(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at == '\n';
}

static void next_line(struct reader *reader)
{
    reader->at++;
    reader->line++;
}

/* -1: there is no number of at most `max`. */
static apr_int64_t read_number(struct reader *reader, apr_int64_t max)
{
    const char *word;
    apr_size_t length = read_word(reader, &word);
    apr_int64_t number = 0;

    if (length == 0)
        return -1;
    for (apr_size_t i = 0; i < length; i++) {
        if (word[i] < '0' || word[i] > '9' || number > (max - (word[i] - '0')) / 10)
            return -1;
        number = number * 10 + (word[i] - '0');
    }
    return number;
}

static int is_word(const char *word, apr_size_t length, const char *text)
{
    return strlen(text) == length && memcmp(word, text, length) == 0;
}

static const char *read_head(struct reader *reader, char *name)
{
    ec_series_id_t *id = reader->id;
    const char *word;
    apr_size_t length = read_word(reader, &word);

    if (!is_word(word, length, "audit-series") || read_number(reader, 1) != 1)
        return "it does not begin with \"audit-series 1\"";
    length = read_word(reader, &word);
    if (length == 0 || length > EC_SERIES_NAME_MAX || memchr(word, '/', length) != NULL)
        return "the name of the series is to have 1 to 64 characters without /";
    memcpy(name, word, length);
    name[length] = '\0';
    id->name = name;
    length = read_word(reader, &word);
    id->type = is_word(word, length, "cidr") ? EC_SERIES_CIDR : EC_SERIES_STRING;
    if (!is_word(word, length, type_words[id->type]))
        return "the type is to be cidr or string";
    id->interval = (int)read_number(reader, EC_SERIES_INTERVAL_MAX);
    id->windows = (int)read_number(reader, EC_SERIES_WINDOWS_MAX);
    if (id->interval < 1 || id->windows < 1 || !is_line_end(reader))
        return "interval and number of windows are to end the line";
    return NULL;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Length of the key, 0: it is none. */
static apr_size_t read_text_key(unsigned char *key, const char *word, apr_size_t length)
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < length; i++) {
        if (n == EC_SERIES_KEY_MAX)
            return 0;
        key[n++] = (unsigned char)word[i];
        if (word[i] != '%')
            continue;
        if (i + 2 >= length || hex_digit(word[i + 1]) < 0 || hex_digit(word[i + 2]) < 0)
            return 0;
        key[n - 1] = (unsigned char)(hex_digit(word[i + 1]) * 16 + hex_digit(word[i + 2]));
        i += 2;
    }
    return n;
}

static apr_size_t read_address_key(unsigned char *key, const char *word, apr_size_t length)
{
    ec_series_network_t network;
    char text[INET6_ADDRSTRLEN];

    if (length >= sizeof(text) || memchr(word, '/', length) != NULL)
        return 0;
    memcpy(text, word, length);
    text[length] = '\0';
    if (!ec_series_network(&network, text))
        return 0;
    memcpy(key, network.address, (apr_size_t)network.bytes);
    return (apr_size_t)network.bytes;
}

/* The rest of the line.  `*goes_on` is what `each` said. */
static const char *read_key(struct reader *reader, const char *word, apr_size_t length, int *goes_on)
{
    unsigned char key[EC_SERIES_KEY_MAX];
    apr_size_t key_length = reader->id->type == EC_SERIES_CIDR ? read_address_key(key, word, length)
                                                              : read_text_key(key, word, length);
    apr_int64_t newest = read_number(reader, APR_INT64_MAX / 2);
    int n = 0;

    if (key_length == 0)
        return "this is no key of this type of series";
    if (newest < 0)
        return "the number of a window is missing";
    memset(reader->counts, 0, (apr_size_t)reader->id->windows * sizeof(reader->counts[0]));
    while (!is_line_end(reader)) {
        apr_int64_t count = read_number(reader, APR_UINT32_MAX);

        if (count < 0 || n == reader->id->windows)
            return "a count is wrong, or there are more than the series has windows";
        reader->counts[n++] = (apr_uint32_t)count;
    }
    *goes_on = reader->each == NULL || reader->each(reader->baton, key, key_length, newest, reader->counts);
    return NULL;
}

static const char *read_end(struct reader *reader, apr_int64_t keys)
{
    if (read_number(reader, APR_INT64_MAX / 2) != keys || !is_line_end(reader) || reader->at + 1 != reader->end)
        return "the last line does not agree with the number of keys, or is not the last";
    return NULL;
}

static const char *read_lines(struct reader *reader, char *name)
{
    const char *why = read_head(reader, name), *word;
    int goes_on = 1;

    for (apr_int64_t keys = 0; why == NULL && goes_on; keys++) {
        apr_size_t length;

        next_line(reader);
        length = read_word(reader, &word);
        if (length == 0)
            return "the end is missing, or there is a character that is not allowed";
        if (is_word(word, length, "end"))
            return read_end(reader, keys);
        why = read_key(reader, word, length, &goes_on);
    }
    return why;
}

static const char *read_whole(const char *text, apr_size_t length, ec_series_id_t *id, char *name, int *line,
                              ec_series_key_fn *each, void *baton)
{
    struct reader reader = { .at = text, .end = text + length, .line = 1, .id = id, .each = each, .baton = baton };
    const char *why = read_lines(&reader, name);

    *line = reader.line;
    return why;
}

const char *store_parse(const char *text, apr_size_t length, ec_series_id_t *id,
                        char name[EC_SERIES_NAME_MAX + 1], int *line, ec_series_key_fn *each, void *baton)
{
    const char *why = read_whole(text, length, id, name, line, NULL, NULL);

    if (why == NULL && each != NULL)
        read_whole(text, length, id, name, line, each, baton);
    return why;
}

static apr_status_t slurp(const char *path, const char **text, apr_size_t *length, apr_pool_t *pool)
{
    apr_file_t *file;
    apr_finfo_t info;
    char *bytes;

    EC_TRY(apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, pool));
    EC_TRY(apr_file_info_get(&info, APR_FINFO_SIZE | APR_FINFO_TYPE, file));
    if (info.filetype != APR_REG || info.size > STORE_BYTES_MAX)
        return EC_E_TOO_LONG;
    *length = (apr_size_t)info.size;
    bytes = apr_palloc(pool, *length + 1);
    EC_TRY(apr_file_read_full(file, bytes, *length, length));
    *text = bytes;
    return apr_file_close(file);
}

struct putting {
    ec_series_t *series;
    apr_time_t now;
    int keys;
};

static int put(void *baton, const void *key, apr_size_t length, apr_int64_t newest, const apr_uint32_t *counts)
{
    struct putting *putting = baton;

    ec_series_put(putting->series, key, length, newest, counts, putting->now);
    putting->keys++;
    return 1;
}

static int is_same(const ec_series_id_t *one, const ec_series_id_t *other)
{
    return strcmp(one->name, other->name) == 0 && one->type == other->type && one->interval == other->interval &&
           one->windows == other->windows;
}

apr_status_t store_read(ec_series_t *series, const char *path, apr_time_t now, int *keys, const char **why,
                        apr_pool_t *pool)
{
    ec_series_id_t id, wanted = ec_series_info(series).id;
    char name[EC_SERIES_NAME_MAX + 1], error[120];
    struct putting putting = { series, now, 0 };
    const char *text, *said;
    apr_size_t length;
    int line;
    apr_status_t rv = slurp(path, &text, &length, pool);

    if (rv != APR_SUCCESS) {
        *why = apr_psprintf(pool, "%s: %s", path, ec_strerror(rv, error, sizeof(error)));
        return rv;
    }
    said = store_parse(text, length, &id, name, &line, NULL, NULL);
    if (said == NULL && !is_same(&id, &wanted))
        said = apr_psprintf(pool, "it is of the series %s %s %d,%d", name, type_words[id.type], id.interval, id.windows);
    if (said != NULL) {
        *why = apr_psprintf(pool, "%s:%d: %s", path, line, said);
        return EC_E_CONFIG;
    }
    read_whole(text, length, &id, name, &line, put, &putting);
    *keys = putting.keys;
    return APR_SUCCESS;
}

/* ---- writing ------------------------------------------------------------------------------------- */

const char *store_path(const char *folder, const ec_series_id_t *id, apr_pool_t *pool)
{
    return apr_psprintf(pool, "%s/%s,%d,%d.series", folder, id->name, id->interval, id->windows);
}

struct writer {
    FILE *file;
    ec_series_id_t id;
    int keys;
};

static void write_key(FILE *file, ec_series_type_t type, const unsigned char *key, apr_size_t length)
{
    char text[INET6_ADDRSTRLEN];
    int is_bare;

    if (type == EC_SERIES_CIDR) {
        fputs(inet_ntop(length == 4 ? AF_INET : AF_INET6, key, text, sizeof(text)), file);
        return;
    }
    is_bare = length != 3 || memcmp(key, "end", 3) != 0; /* the last line begins so */
    for (apr_size_t i = 0; i < length; i++)
        fprintf(file, is_bare && key[i] > ' ' && key[i] <= '~' && key[i] != '%' ? "%c" : "%%%02X", key[i]);
}

static int write_line(void *baton, const void *key, apr_size_t length, apr_int64_t newest, const apr_uint32_t *counts)
{
    struct writer *writer = baton;
    int n = writer->id.windows;

    while (n > 0 && counts[n - 1] == 0)
        n--;
    if (n == 0)
        return 1;
    write_key(writer->file, writer->id.type, key, length);
    fprintf(writer->file, " %lld", (long long)newest);
    for (int i = 0; i < n; i++)
        fprintf(writer->file, " %u", counts[i]);
    fputc('\n', writer->file);
    writer->keys++;
    return !ferror(writer->file);
}

static apr_status_t write_all(ec_series_t *series, FILE *file)
{
    struct writer writer = { file, ec_series_info(series).id, 0 };

    fprintf(file, "audit-series 1 %s %s %d %d\n", writer.id.name, type_words[writer.id.type], writer.id.interval,
            writer.id.windows);
    ec_series_keys(series, write_line, &writer);
    fprintf(file, "end %d\n", writer.keys);
    if (fflush(file) != 0 || fsync(fileno(file)) != 0)
        return APR_FROM_OS_ERROR(errno);
    return ferror(file) ? APR_FROM_OS_ERROR(EIO) : APR_SUCCESS;
}

static apr_status_t write_file(ec_series_t *series, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    apr_status_t rv;

    if (file == NULL) {
        rv = APR_FROM_OS_ERROR(errno);
        if (fd >= 0)
            close(fd);
        return rv;
    }
    rv = write_all(series, file);
    if (fclose(file) != 0 && rv == APR_SUCCESS)
        rv = APR_FROM_OS_ERROR(errno);
    return rv;
}

/* Two may come at a time: a round of maintenance, and the end of the server or of an instance of older code, which has variables
 * of its own.  Each writes what there is now, so the order does not matter.  Closing what is returned lets the next go on. */
static int lock_folder(const char *folder)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    while (fd >= 0 && flock(fd, LOCK_EX) != 0 && errno == EINTR) {
    }
    return fd;
}

static apr_status_t replace_file(ec_series_t *series, const char *folder, const char *path, const char *temporary)
{
    int lock = lock_folder(folder);
    apr_status_t rv;

    if (lock < 0)
        return APR_FROM_OS_ERROR(errno);
    rv = write_file(series, temporary);
    if (rv == APR_SUCCESS && rename(temporary, path) != 0)
        rv = APR_FROM_OS_ERROR(errno);
    if (rv != APR_SUCCESS)
        unlink(temporary);
    close(lock);
    return rv;
}

apr_status_t store_write(ec_series_t *series, const char *folder, const char **why, apr_pool_t *pool)
{
    ec_series_id_t id = ec_series_info(series).id;
    const char *path = store_path(folder, &id, pool), *temporary = apr_pstrcat(pool, path, ".new", NULL);
    char error[120];
    apr_status_t rv = apr_dir_make_recursive(folder, APR_FPROT_UREAD | APR_FPROT_UWRITE | APR_FPROT_UEXECUTE | APR_FPROT_GREAD |
                                                         APR_FPROT_GEXECUTE, pool);

    if (rv == APR_SUCCESS)
        rv = replace_file(series, folder, path, temporary);
    if (rv != APR_SUCCESS)
        *why = apr_psprintf(pool, "%s is not written: %s", path, ec_strerror(rv, error, sizeof(error)));
    return rv;
}

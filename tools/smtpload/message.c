/* message.c - the messages that are sent
 * SPDX-License-Identifier: Apache-2.0
 *
 * A body is not made for each message: it is one line of its own and then a cut from a text made once,
 * beginning at another line each time.  So messages differ, and making one costs a header and a few random
 * numbers. */
#include "message.h"

#include "../common/cli.h"
#include "../common/digest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { STARTS = 1024, SPREAD = 128 * 1024, LINE_LONG = 996 };

struct source {
    struct bytes
        text; /* what a body is cut from; for --body FILE the body as it is sent, with dot stuffing */
    struct bytes plain; /* --body FILE: without dot stuffing */
    bool is_file;
    size_t starts[STARTS]; /* lines within the first SPREAD bytes at which a cut may begin */
    unsigned start_count;
    uint64_t random;
    struct digest digest;
    time_t date_second;
    char date[64];
};

/* A cut's end: the line end and the final dot.  A cut that would end between CR and LF gives way to a letter.
 */
static const char tail[] = "\r\n.\r\n";
static const char tail_letter[] = "x\r\n.\r\n";
enum { FINAL_DOT = 3 };

static void add_random_line(struct source *source)
{
    char line[LINE_LONG + 2];
    uint64_t lot = random_next(&source->random);
    size_t length = lot % 64 == 0 ? 1 + (lot >> 8) % LINE_LONG : 40 + (lot >> 8) % 40;

    for (size_t i = 0; i < length; i++)
        line[i] = (char)(' ' + (random_next(&source->random) >> 32) % 95);
    if (line[0] == '.' || line[0] == ' ')
        line[0] = ':'; /* a cut must not need dot stuffing, and must not look like a folded header */
    memcpy(line + length, "\r\n", 2);
    bytes_add(&source->text, line, length + 2);
}

static void add_text_line(struct source *source)
{
    static const char *const lines[] = {
        "The quick brown fox jumps over the lazy dog, and the dog does not mind.\r\n",
        "This line is here to fill a message to the size that was asked for.\r\n",
        "Nobody will read it, but it should look like something that people write.\r\n",
        "\r\n",
    };
    const char *line = lines[random_next(&source->random) % (sizeof(lines) / sizeof(lines[0]))];

    bytes_add(&source->text, line, strlen(line));
}

static void make_text(struct source *source, size_t size, void (*add_line)(struct source *))
{
    while (source->text.length < SPREAD + size) {
        if (source->text.length < SPREAD && source->start_count < STARTS)
            source->starts[source->start_count++] = source->text.length;
        add_line(source);
    }
}

static void add_file_line(struct source *source, const char *line, size_t length)
{
    if (length > 0 && line[length - 1] == '\r')
        length--;
    if (length > 0 && line[0] == '.')
        bytes_add(&source->text, ".", 1);
    bytes_add(&source->text, line, length);
    bytes_add(&source->text, "\r\n", 2);
    bytes_add(&source->plain, line, length);
    bytes_add(&source->plain, "\r\n", 2);
}

static void read_file(struct source *source, const char *path)
{
    FILE *file = fopen(path, "re");
    char chunk[65536];
    struct bytes raw = { 0 };
    size_t count;

    if (file == NULL)
        cli_die("%s: %s", path, strerror(errno));
    while ((count = fread(chunk, 1, sizeof(chunk), file)) > 0)
        bytes_add(&raw, chunk, count);
    if (ferror(file))
        cli_die("%s: cannot be read", path);
    fclose(file);
    for (const char *at = raw.data, *end = at + raw.length; at < end;) {
        const char *next = memchr(at, '\n', (size_t)(end - at));

        add_file_line(source, at, (size_t)((next ? next : end) - at));
        at = next ? next + 1 : end;
    }
    bytes_free(&raw);
    source->is_file = true;
}

void message_prepare(struct load *load)
{
    const struct options *options = &load->options;
    struct source *source = cli_alloc(sizeof(*source));

    load->source = source;
    source->random = (uint64_t)clock_us(CLOCK_REALTIME);
    if (strcmp(options->body, "random") == 0)
        make_text(source, options->size, add_random_line);
    else if (strcmp(options->body, "text") == 0)
        make_text(source, options->size, add_text_line);
    else
        read_file(source, options->body);
}

void message_recipient(const struct load *load, uint64_t number, unsigned index, char mailbox[MAILBOX_MAX])
{
    const struct options *options = &load->options;
    uint64_t turn = (number - 1) * options->recipients + index;

    if (options->rcpt.count > 0)
        snprintf(mailbox, MAILBOX_MAX, "%s", options->rcpt.list[turn % options->rcpt.count]);
    else if (load->domains.count > 0)
        snprintf(mailbox, MAILBOX_MAX, "user%u@%s", index, load->domains.list[turn % load->domains.count]);
    else if (options->domains > 0)
        snprintf(mailbox, MAILBOX_MAX, "user%u@d%llu.%s", index,
                 (unsigned long long)(turn % options->domains), options->domain);
    else
        snprintf(mailbox, MAILBOX_MAX, "user%u@%s", index, options->domain);
}

static const char *date_now(struct source *source)
{
    time_t now = time(NULL);
    struct tm parts;

    if (now != source->date_second) {
        source->date_second = now;
        gmtime_r(&now, &parts);
        strftime(source->date, sizeof(source->date), "%a, %d %b %Y %H:%M:%S +0000", &parts);
    }
    return source->date;
}

/* Write the header; returns its length, blank line included. */
static size_t make_header(struct load *load, struct message *message)
{
    const struct options *options = &load->options;
    char to[MAILBOX_MAX];
    int length;

    message_recipient(load, message->number, 0, to);
    length = snprintf(message->head, sizeof(message->head),
                      "From: <%s>\r\nTo: <%s>\r\nSubject: load %llu\r\nDate: %s\r\n"
                      "Message-ID: <%s-%llu@smtpload.test>\r\nX-Load-Id: %s-%llu\r\n\r\n",
                      *options->from ? options->from : "postmaster@load.test", to,
                      (unsigned long long)message->number, date_now(load->source), options->id_prefix,
                      (unsigned long long)message->number, options->id_prefix,
                      (unsigned long long)message->number);
    return (size_t)length;
}

static void add_piece(struct message *message, const void *data, size_t length)
{
    message->pieces[message->piece_count++] =
        (struct iovec){ .iov_base = (void *)(uintptr_t)data, .iov_len = length };
    message->size += length;
}

static void cut_body(struct load *load, struct message *message, size_t header)
{
    struct source *source = load->source;
    size_t head = header, size = load->options.size, cut;
    const char *start;

    head += (size_t)snprintf(message->head + header, sizeof(message->head) - header,
                             "Message %s-%llu, line of its own %016llx\r\n", load->options.id_prefix,
                             (unsigned long long)message->number,
                             (unsigned long long)random_next(&source->random));
    add_piece(message, message->head, head);
    if (size < head + 2) {
        add_piece(message, tail + 2, sizeof(tail) - 3);
        return;
    }
    start = source->text.data + source->starts[random_next(&source->random) % source->start_count];
    cut = size - head - 2;
    if (cut > 0 && start[cut - 1] == '\r') {
        add_piece(message, start, cut - 1);
        add_piece(message, tail_letter, sizeof(tail_letter) - 1);
    } else {
        add_piece(message, start, cut);
        add_piece(message, tail, sizeof(tail) - 1);
    }
}

static void take_file(struct load *load, struct message *message, size_t header)
{
    add_piece(message, message->head, header);
    add_piece(message, load->source->text.data, load->source->text.length);
    add_piece(message, tail + 2, FINAL_DOT);
}

/* The pieces are what is sent; what is digested has no header, no final dot and no dot stuffing. */
static void make_digest(struct load *load, struct message *message, size_t header)
{
    struct digest *digest = &load->source->digest;
    unsigned last = message->piece_count - 1;

    digest_start(digest);
    if (load->source->is_file) {
        digest_add(digest, load->source->plain.data, load->source->plain.length);
    } else {
        digest_add(digest, message->head + header, message->pieces[0].iov_len - header);
        for (unsigned i = 1; i < last; i++)
            digest_add(digest, message->pieces[i].iov_base, message->pieces[i].iov_len);
        digest_add(digest, message->pieces[last].iov_base, message->pieces[last].iov_len - FINAL_DOT);
    }
    digest_finish(digest, message->digest);
}

void message_make(struct load *load, struct message *message, uint64_t number)
{
    size_t header;

    message->number = number;
    message->piece_count = 0;
    message->size = 0;
    header = make_header(load, message);
    if (load->source->is_file)
        take_file(load, message, header);
    else
        cut_body(load, message, header);
    message->size -= FINAL_DOT;
    if (load->record_fd >= 0)
        make_digest(load, message, header);
}

/* floor.c - the least that durable acceptance of mail can cost
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread, just enough SMTP for smtpload, and no more work than any honest server must do: find the end of
 * data, append the message to one file (length, then the text as it came, dot stuffing included), sync,
 * answer.  The commit is for a group: what one epoll turn completed is written with one writev, synced with
 * one fdatasync, and then answered. The benchmark gives a server's rate as a share of this one. */
#include "../../../tools/common/address.h"
#include "../../../tools/common/bytes.h"
#include "../../../tools/common/cli.h"
#include "../../../tools/common/dot.h"
#include "../../../tools/common/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { READ_ROOM = 8 * 1024, INPUT_MAX = 256 * 1024 * 1024, OUT_MAX = 1024, PIECES = 1024, FINAL_DOT = 3 };

struct conn {
    struct loop_source source;
    struct floor *floor;
    int fd;
    bool is_data, is_waiting, is_closing; /* waiting: for the commit */
    struct dot_scan dot;
    struct bytes input;
    size_t used;       /* input that is done with */
    size_t scanned;    /* input in which the end of data was looked for */
    uint32_t length;   /* the length prefix, while waiting */
    struct conn *next; /* in the group */
    struct conn *all_next, **all_link;
    char out[OUT_MAX];
    size_t out_length;
};

struct floor {
    struct loop_source source; /* the listener */
    struct loop loop;
    struct address address;
    int listener, file;
    bool no_sync;
    char path[4096];
    struct conn *all;
    struct conn *group, **group_end;
    uint64_t messages, commits;
};

static void conn_close(struct conn *conn)
{
    *conn->all_link = conn->all_next;
    if (conn->all_next != NULL)
        conn->all_next->all_link = conn->all_link;
    close(conn->fd);
    bytes_free(&conn->input);
    free(conn);
}

static void reply(struct conn *conn, const char *text)
{
    size_t length = strlen(text);

    if (conn->out_length + length > OUT_MAX) {
        conn->is_closing = true;
        return;
    }
    memcpy(conn->out + conn->out_length, text, length);
    conn->out_length += length;
}

/* A client that does not read its answers is of no use here, so what cannot be sent at once ends the
 * connection. */
static void send_replies(struct conn *conn)
{
    if (conn->out_length > 0 &&
        send(conn->fd, conn->out, conn->out_length, MSG_NOSIGNAL) != (ssize_t)conn->out_length)
        conn->is_closing = true;
    conn->out_length = 0;
}

static void start_data(struct conn *conn)
{
    conn->is_data = true;
    conn->dot = (struct dot_scan){ 0 };
    conn->scanned = conn->used;
    reply(conn, "354 go on\r\n");
}

static void command(struct conn *conn, const char *line)
{
    if (strncasecmp(line, "DATA", 4) == 0) {
        start_data(conn);
    } else if (strncasecmp(line, "EHLO", 4) == 0) {
        reply(conn, "250-floor\r\n250 PIPELINING\r\n");
    } else if (strncasecmp(line, "QUIT", 4) == 0) {
        reply(conn, "221 bye\r\n");
        conn->is_closing = true;
    } else {
        reply(conn, "250 ok\r\n");
    }
}

static bool use_line(struct conn *conn)
{
    const char *line = conn->input.data + conn->used;
    const char *end = memchr(line, '\n', conn->input.length - conn->used);

    if (end == NULL || end - line < 4)
        return false;
    conn->used += (size_t)(end - line) + 1;
    command(conn, line);
    return true;
}

static bool use_data(struct conn *conn)
{
    const char *at = conn->input.data + conn->scanned;
    struct dot_piece piece;
    enum dot_result result;

    do
        result = dot_next(&conn->dot, &at, conn->input.data + conn->input.length, &piece);
    while (result == DOT_PIECE);
    conn->scanned = (size_t)(at - conn->input.data);
    if (result != DOT_END)
        return false;
    conn->is_data = false;
    conn->is_waiting = true;
    conn->length = (uint32_t)(conn->scanned - conn->used - FINAL_DOT);
    conn->next = NULL;
    *conn->floor->group_end = conn;
    conn->floor->group_end = &conn->next;
    return false;
}

static void use_input(struct conn *conn)
{
    while (!conn->is_closing && (conn->is_data ? use_data(conn) : use_line(conn)))
        ;
    if (!conn->is_data && !conn->is_waiting) {
        bytes_skip(&conn->input, conn->used);
        conn->used = 0;
    }
    send_replies(conn);
}

static void conn_ready(struct loop_source *source, uint32_t events)
{
    struct conn *conn = (struct conn *)source;
    ssize_t count;

    if (conn->is_waiting)
        return; /* its answer comes at the end of this turn; what it says meanwhile is reported again */
    if (conn->input.room - conn->input.length < READ_ROOM) {
        conn->input.room = 2 * conn->input.room + READ_ROOM;
        conn->input.data = cli_realloc(conn->input.data, conn->input.room);
    }
    count = recv(conn->fd, conn->input.data + conn->input.length, conn->input.room - conn->input.length, 0);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0 || conn->input.length > INPUT_MAX) {
        conn_close(conn);
        return;
    }
    conn->input.length += (size_t)count;
    use_input(conn);
    if (conn->is_closing)
        conn_close(conn);
}

static void write_pieces(struct floor *floor, struct iovec *piece, int count)
{
    while (count > 0) {
        ssize_t done = writev(floor->file, piece, count);

        if (done < 0)
            cli_die("%s: %s", floor->path, strerror(errno));
        while (count > 0 && (size_t)done >= piece->iov_len) {
            done -= (ssize_t)piece->iov_len;
            piece++;
            count--;
        }
        if (count > 0) {
            piece->iov_base = (char *)piece->iov_base + done;
            piece->iov_len -= (size_t)done;
        }
    }
}

static void write_group(struct floor *floor)
{
    struct iovec pieces[PIECES];
    int count = 0;

    for (struct conn *conn = floor->group; conn != NULL; conn = conn->next) {
        pieces[count++] = (struct iovec){ &conn->length, sizeof(conn->length) };
        pieces[count++] = (struct iovec){ conn->input.data + conn->used, conn->length };
        if (count == PIECES || conn->next == NULL) {
            write_pieces(floor, pieces, count);
            count = 0;
        }
    }
}

static void commit(struct floor *floor)
{
    struct conn *conn = floor->group, *next;

    if (conn == NULL)
        return;
    write_group(floor);
    if (!floor->no_sync && fdatasync(floor->file) != 0)
        cli_die("%s: %s", floor->path, strerror(errno));
    floor->commits++;
    floor->group = NULL;
    floor->group_end = &floor->group;
    for (; conn != NULL; conn = next) {
        next = conn->next;
        floor->messages++;
        conn->is_waiting = false;
        conn->used = conn->scanned;
        reply(conn, "250 safe\r\n");
        use_input(conn);
        if (conn->is_closing && !conn->is_waiting)
            conn_close(conn);
    }
}

static void listener_ready(struct loop_source *source, uint32_t events)
{
    struct floor *floor = (struct floor *)source;
    int fd = accept(floor->listener, NULL, NULL), on = 1;
    struct conn *conn;

    if (fd < 0)
        return;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    conn = cli_alloc(sizeof(*conn));
    conn->source.ready = conn_ready;
    conn->floor = floor;
    conn->fd = fd;
    conn->all_next = floor->all;
    conn->all_link = &floor->all;
    if (conn->all_next != NULL)
        conn->all_next->all_link = &conn->all_next;
    floor->all = conn;
    loop_add(&floor->loop, fd, EPOLLIN, &conn->source);
    reply(conn, "220 floor\r\n");
    send_replies(conn);
}

static void set_address(void *options, const char *value)
{
    if (!address_parse(&((struct floor *)options)->address, value))
        cli_misuse("--listen: \"%s\" is not ADDR:PORT", value);
}

static const struct cli_option options[] = {
    { 'l', "listen", "ADDR:PORT", "listen here (default 127.0.0.1:2527); port 0 lets the kernel choose",
      CLI_CALL, 0, 0, 0, set_address },
    { 0, "no-sync", NULL, "leave fdatasync out", CLI_FLAG, offsetof(struct floor, no_sync), 0, 0, NULL },
    CLI_END
};

static const struct cli_program program = {
    .name = "floor",
    .operands = "DIR",
    .summary = "Accept mail and do nothing but make it durable in DIR/floor.data (emptied at start).",
    .options = options,
    .notes = "Prints \"listening on ADDR:PORT\" when ready; SIGTERM or SIGINT ends it and prints messages, "
             "commits and\n"
             "the CPU time of a message.",
};

static void print_summary(const struct floor *floor)
{
    double cpu = (double)clock_us(CLOCK_PROCESS_CPUTIME_ID);

    printf("messages=%llu\ncommits=%llu\ncpu_us_per_message=%.1f\n", (unsigned long long)floor->messages,
           (unsigned long long)floor->commits, floor->messages ? cpu / (double)floor->messages : 0);
}

static void open_file(struct floor *floor, const char *directory)
{
    if ((size_t)snprintf(floor->path, sizeof(floor->path), "%s/floor.data", directory) >= sizeof(floor->path))
        cli_misuse("the path is too long");
    floor->file = open(floor->path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (floor->file < 0)
        cli_die("%s: %s", floor->path, strerror(errno));
}

int main(int argc, char **argv)
{
    static struct floor floor;
    char name[ADDRESS_TEXT];
    int operand;

    set_address(&floor, "127.0.0.1:2527");
    operand = cli_parse(&program, &floor, argc, argv);
    if (operand + 1 != argc)
        cli_misuse("exactly one DIR is wanted");
    cli_raise_files();
    loop_open(&floor.loop);
    open_file(&floor, argv[operand]);
    floor.group_end = &floor.group;
    floor.listener = address_listen(&floor.address);
    address_format(&floor.address, name);
    if (floor.listener < 0)
        cli_die("cannot listen on %s: %s", name, strerror(errno));
    floor.source.ready = listener_ready;
    loop_add(&floor.loop, floor.listener, EPOLLIN, &floor.source);
    printf("listening on %s\n", name);
    fflush(stdout);
    while (!loop_stop_asked) {
        loop_turn(&floor.loop, -1);
        while (floor.group != NULL)
            commit(&floor);
    }
    while (floor.all != NULL)
        conn_close(floor.all);
    print_summary(&floor);
    return 0;
}

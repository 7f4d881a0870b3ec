/* smtpsink.c - accept mail, count it, and fail in every way that is asked for
 * SPDX-License-Identifier: Apache-2.0
 *
 * The far end for tests and benchmarks: it must cost less than any server in front of it, and what it says it
 * received must be true. */
#include "actions.h"
#include "conn.h"
#include "counters.h"
#include "domains.h"

#include "../common/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void add_listener(void *options, const char *value)
{
    struct sink *sink = options;

    if (sink->listener_count == LISTENERS_MAX)
        cli_misuse("--listen: at most %d addresses", LISTENERS_MAX);
    if (!address_parse(&sink->listeners[sink->listener_count].address, value))
        cli_misuse("--listen: \"%s\" is not ADDR:PORT, for example 127.0.0.1:2526 or [::1]:2526", value);
    sink->listener_count++;
}

static void add_action(void *options, const char *value)
{
    actions_add(((struct sink *)options)->actions, value);
}

#define AT(field)                 offsetof(struct sink, field), 0, 0, NULL
#define AT_RANGE(field, min, max) offsetof(struct sink, field), min, max, NULL
#define BY(function)              0, 0, 0, function

static const struct cli_option options[] = {
    { 'l', "listen", "ADDR:PORT",
      "listen here, IPv4 or [IPv6]; may be repeated (default 127.0.0.1:2526);\n"
      "port 0 lets the kernel choose; \"listening on ADDR:PORT\" is printed for each when ready",
      CLI_CALL, BY(add_listener) },
    { 0, "at", "STAGE=ACTION[:PROB]",
      "step in at a stage, with probability PROB from 0 to 1 (default 1); may be repeated, see below",
      CLI_CALL, BY(add_action) },
    { 0, "seed", "N", "start of the random numbers that PROB draws from; the same seed repeats a run",
      CLI_NUMBER, AT_RANGE(seed, 0, 9e15) },
    { 0, "no-pipelining", NULL, "do not offer PIPELINING (pipelined input still works)", CLI_FLAG,
      AT(no_pipelining) },
    { 0, "no-esmtp", NULL, "refuse EHLO with 502; HELO works", CLI_FLAG, AT(no_esmtp) },
    { 0, "max-size", "BYTES", "offer this SIZE and refuse larger messages with 552 (default 1G)", CLI_NUMBER,
      AT_RANGE(max_size, 1, 1e15) },
    { 0, "max-connections", "N",
      "answer 421 and close when more than N connections are open (default 0: any)", CLI_NUMBER,
      AT_RANGE(max_connections, 0, 1e9) },
    { 0, "record", "FILE",
      "append one line for each message answered with 2xx after its final dot, before that answer is sent;\n"
      "tab-separated: unix time with milliseconds, X-Load-Id or -, Message-ID or -, sender (<> when null),\n"
      "recipients with commas, size, SHA-256 of the body behind the header's blank line, connection number",
      CLI_TEXT, AT(record_path) },
    { 0, "trace-connections", "FILE",
      "append one line each time a connection opens or closes; tab-separated: unix time with microseconds,\n"
      "open or close, connection number, listening address, remote address, connections now open at that\n"
      "listening address, connections now open in all. With --domains also a line rcpt for each recipient\n"
      "that is named, which has its domain behind the others",
      CLI_TEXT, AT(trace_path) },
    { 0, "domains", NULL,
      "count connections and recipients of each recipient domain, too: connections:DOMAIN, current:DOMAIN,\n"
      "peak:DOMAIN, recipients:DOMAIN; a connection is one of a domain from its first recipient there",
      CLI_FLAG, AT(by_domain) },
    { 0, "count-file", "FILE",
      "SIGUSR1 writes the counters to FILE (replaced whole) instead of stdout, the end writes them to both",
      CLI_TEXT, AT(count_path) },
    { 0, "json", NULL, "print counters as one JSON object instead of name=value lines", CLI_FLAG, AT(json) },
    CLI_END
};

#define COUNTER_HELP(name, help) "  " #name ": " help "\n"

static const struct cli_program program = {
    .name = "smtpsink",
    .operands = "",
    .summary = "Accept mail over SMTP, count it and throw it away.",
    .options = options,
    .notes =
        "stages: connect (before anything is said), banner, ehlo (also HELO), mail, rcpt, data,\n"
        "        body (after the final dot), quit\n"
        "actions:\n"
        "  reply CODE text   answer this; 2xx (354 for data) goes on as usual, anything else refuses;\n"
        "                    421 also closes, and any refusal at connect and quit closes\n"
        "  drop              close without an answer\n"
        "  reset             close with RST\n"
        "  delay MS          wait before going on; delays of a stage add up\n"
        "  hang              never answer, keep the connection\n"
        "Rules of a stage are drawn in the order given; the first that is not a delay and fires decides.\n"
        "example: smtpsink --at 'rcpt=reply 451 4.2.0 busy:0.1' --at body=drop:0.01 --at 'mail=delay 50'\n"
        "\n"
        "SIGTERM or SIGINT ends the sink and prints the counters, SIGUSR1 prints them and goes on. "
        "connections,\n"
        "current and peak are also counted for each listening address, as NAME@ADDR:PORT. Counters:\n"
    /* clang-format off */
        COUNTERS(COUNTER_HELP)
    /* clang-format on */
    "  cpu_us: CPU time used by the sink, in microseconds\n"
    "exit status: 0, 1 when something outside failed, 2 for a wrong command line",
};

static void listener_ready(struct loop_source *source, uint32_t events)
{
    ((struct listener *)source)->is_ready = true;
}

static void listen_all(struct sink *sink)
{
    if (sink->listener_count == 0)
        add_listener(sink, "127.0.0.1:2526");
    for (unsigned i = 0; i < sink->listener_count; i++) {
        struct listener *listener = &sink->listeners[i];

        address_format(&listener->address, listener->name);
        listener->sink = sink;
        listener->source.ready = listener_ready;
        listener->fd = address_listen(&listener->address);
        if (listener->fd < 0)
            cli_die("cannot listen on %s: %s", listener->name, strerror(errno));
        address_format(&listener->address, listener->name);
        loop_add(&sink->loop, listener->fd, EPOLLIN, &listener->source);
    }
    for (unsigned i = 0; i < sink->listener_count; i++)
        printf("listening on %s\n", sink->listeners[i].name);
    fflush(stdout);
}

static int open_log(const char *path)
{
    int fd;

    if (path == NULL)
        return -1;
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0)
        cli_die("%s: %s", path, strerror(errno));
    return fd;
}

static void run(struct sink *sink)
{
    int timeout = -1;

    while (!loop_stop_asked) {
        loop_turn(&sink->loop, timeout);
        conn_resume_due(sink);
        conn_send_all(sink);
        conn_accept_all(sink);
        timeout = conn_resume_due(sink);
        conn_send_all(sink);
        if (loop_counters_asked) {
            loop_counters_asked = 0;
            counters_publish(sink);
        }
    }
}

int main(int argc, char **argv)
{
    struct sink *sink = cli_alloc(sizeof(*sink));

    sink->actions = actions_create();
    sink->max_size = UINT64_C(1) << 30;
    sink->seed = (uint64_t)now_us() % UINT64_C(1000000000);
    if (cli_parse(&program, sink, argc, argv) != argc)
        cli_misuse("unexpected argument \"%s\"", argv[argc - 1]);
    cli_raise_files();
    loop_open(&sink->loop);
    sink->record_fd = open_log(sink->record_path);
    sink->trace_fd = open_log(sink->trace_path);
    listen_all(sink);
    run(sink);
    if (sink->count_path != NULL)
        counters_publish(sink);
    counters_print(sink);
    conn_end_all(sink);
    bytes_free(&sink->record);
    bytes_free(&sink->trace);
    domains_free(sink);
    free(sink->actions);
    free(sink);
    return 0;
}

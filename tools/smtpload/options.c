/* options.c - smtpload's command line
 * SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include "../common/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void names_add(struct names *names, const char *name)
{
    names->list = cli_realloc(names->list, (names->count + 1) * sizeof(*names->list));
    names->list[names->count++] = strcpy(cli_alloc(strlen(name) + 1), name);
}

/* An address or a domain goes into commands and headers as it is, so it must not carry anything that ends
 * them. */
static void check_name(const char *option, const char *text)
{
    if (strlen(text) >= MAILBOX_MAX - 32)
        cli_misuse("--%s: longer than %d characters", option, MAILBOX_MAX - 33);
    for (const char *at = text; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == '<' || *at == '>' || *at == 127)
            cli_misuse("--%s: \"%s\" has a character that is not allowed here", option, text);
}

static void add_rcpt(void *options, const char *value)
{
    check_name("rcpt", value);
    names_add(&((struct options *)options)->rcpt, value);
}

#define AT(field)                 offsetof(struct options, field), 0, 0, NULL
#define AT_RANGE(field, min, max) offsetof(struct options, field), min, max, NULL
#define BY(function)              0, 0, 0, function

static const struct cli_option options[] = {
    { 'c', "connections", "N", "connections at the same time (default 1)", CLI_NUMBER,
      AT_RANGE(connections, 1, 100000) },
    { 'n', "messages", "N", "messages to try in all (default 1, with -t without end)", CLI_NUMBER,
      AT_RANGE(messages, 1, 1e15) },
    { 't', "seconds", "SECONDS", "start no message later than this; with -n whichever comes first", CLI_REAL,
      AT_RANGE(seconds, 0.001, 1e7) },
    { 's', "size", "BYTES",
      "size of a message, header included, dot stuffing not (default 4096; K and M are known);\n"
      "never less than the header and a line, about 400; not used with --body FILE",
      CLI_NUMBER, AT_RANGE(size, 0, 1073741824) },
    { 'r', "recipients", "N", "recipients of each message (default 1)", CLI_NUMBER,
      AT_RANGE(recipients, 1, 10000) },
    { 'm', "per-connection", "N",
      "messages on one connection, then QUIT and a new one (default 0: any number)", CLI_NUMBER,
      AT_RANGE(per_connection, 0, 1e15) },
    { 0, "rate", "R", "start at most R messages a second over all connections", CLI_REAL,
      AT_RANGE(rate, 0.001, 1e7) },
    { 0, "pipeline", NULL, "send MAIL, RCPT and DATA in one write when the server offers PIPELINING",
      CLI_FLAG, AT(pipeline) },
    { 0, "from", "ADDR", "sender (default smtpload@load.test; empty: the null sender)", CLI_TEXT, AT(from) },
    { 0, "domain", "D", "domain of the recipients user0@D, user1@D ... of each message (default sink.test)",
      CLI_TEXT, AT(domain) },
    { 0, "domains", "N", "let the recipients take the domains d0.D to d(N-1).D in turn", CLI_NUMBER,
      AT_RANGE(domains, 1, 10000000) },
    { 0, "domain-file", "FILE", "let the recipients take the domains of FILE in turn, one a line", CLI_TEXT,
      AT(domain_file) },
    { 0, "rcpt", "ADDR", "a recipient instead of those; may be repeated, then they are taken in turn",
      CLI_CALL, BY(add_rcpt) },
    { 0, "id-prefix", "P",
      "every message carries \"X-Load-Id: P-NUMBER\", numbers from 1, never used twice\n"
      "(default: made from time and process id)",
      CLI_TEXT, AT(id_prefix) },
    { 0, "record", "FILE",
      "append a line for each message that got 2xx after its final dot, as soon as that is read;\n"
      "tab-separated: id, SHA-256 of the body behind the header's blank line, recipients accepted",
      CLI_TEXT, AT(record) },
    { 0, "body", "random|text|FILE",
      "text below the header: random printable lines of under 998 characters (default), plain text,\n"
      "or what FILE holds (lone LF becomes CR LF); the first two differ from message to message",
      CLI_TEXT, AT(body) },
    { 0, "ignore-errors", NULL,
      "go on after refusals and broken connections, and connect again; without it the first of them\n"
      "ends the run",
      CLI_FLAG, AT(ignore_errors) },
    { 0, "retry-connect", "SECONDS",
      "with --ignore-errors: how long a connection keeps trying while the server does not let it in (default "
      "10)",
      CLI_REAL, AT_RANGE(retry_connect, 0, 1e7) },
    { 0, "timeout", "SECONDS", "longest wait for a reply, then the connection counts as broken (default 300)",
      CLI_NUMBER, AT_RANGE(timeout, 1, 1000000) },
    { 0, "json", NULL, "print the summary as one JSON object", CLI_FLAG, AT(json) },
    CLI_END
};

static const struct cli_program program = {
    .name = "smtpload",
    .operands = "ADDR:PORT",
    .summary = "Send mail over SMTP as fast as asked for, and say how fast the server took it.",
    .options = options,
    .notes = "Printed at the end: messages tried, sent (2xx after the final dot), refused by code, "
             "unfinished (the\n"
             "connection broke before the final dot was sent) and in_doubt (it broke between the final dot "
             "and its\n"
             "reply), recipients, connections, elapsed time, messages/s, the tool's own CPU time, and the "
             "latency of the\n"
             "accepted messages from sending MAIL to the final reply. On a terminal a line on stderr tells "
             "each second.\n"
             "A message some of whose recipients are refused goes to the others; refused recipients are "
             "counted apart.\n"
             "SIGTERM or SIGINT ends the run and prints the summary.\n"
             "example: smtpload -c 20 -n 100000 --pipeline 127.0.0.1:2525\n"
             "exit status: 0 when all requested messages were accepted (with --ignore-errors: when the run "
             "came to its\n"
             "end), 1 otherwise, 2 for a wrong command line",
};

static void read_domain_file(struct load *load)
{
    const char *path = load->options.domain_file;
    FILE *file = fopen(path, "re");
    char line[1024];

    if (file == NULL)
        cli_die("%s: %s", path, strerror(errno));
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, " \t\r\n#")] = '\0';
        if (*line == '\0')
            continue;
        check_name("domain-file", line);
        names_add(&load->domains, line);
    }
    fclose(file);
    if (load->domains.count == 0)
        cli_die("%s: no domain in it", path);
}

static void set_default_prefix(struct options *chosen)
{
    char *prefix = cli_alloc(64);

    snprintf(prefix, 64, "%llx.%x", (unsigned long long)clock_us(CLOCK_REALTIME), (unsigned)getpid());
    chosen->id_prefix = prefix;
}

static void check(struct load *load)
{
    struct options *chosen = &load->options;

    if (chosen->messages == 0 && chosen->seconds == 0)
        chosen->messages = 1;
    if (chosen->domain_file != NULL && chosen->domains > 0)
        cli_misuse("--domains and --domain-file exclude each other");
    if (chosen->rcpt.count > 0 && (chosen->domain_file != NULL || chosen->domains > 0))
        cli_misuse("--rcpt excludes --domains and --domain-file");
    check_name("from", chosen->from);
    check_name("domain", chosen->domain);
    if (chosen->id_prefix == NULL)
        set_default_prefix(chosen);
    check_name("id-prefix", chosen->id_prefix);
    if (strlen(chosen->id_prefix) > 200)
        cli_misuse("--id-prefix: longer than 200 characters");
}

void options_read(struct load *load, int argc, char **argv)
{
    int operand;

    load->options = (struct options){ .connections = 1,
                                      .size = 4096,
                                      .recipients = 1,
                                      .timeout = 300,
                                      .retry_connect = 10,
                                      .from = "smtpload@load.test",
                                      .domain = "sink.test",
                                      .body = "random" };
    operand = cli_parse(&program, &load->options, argc, argv);
    if (operand + 1 != argc)
        cli_misuse("exactly one ADDR:PORT is wanted");
    if (!address_parse(&load->target, argv[operand]))
        cli_misuse("\"%s\" is not ADDR:PORT, for example 127.0.0.1:2525 or [::1]:2525", argv[operand]);
    check(load);
    if (load->options.domain_file != NULL)
        read_domain_file(load);
}

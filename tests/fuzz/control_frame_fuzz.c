/* control_frame_fuzz.c - any bytes as a console's request: refused, or answered harmlessly
 * SPDX-License-Identifier: Apache-2.0
 *
 * A request that is well-formed is run against a few commands that give its words back in
 * all shapes an answer has; XML must be readable, text must not steer a terminal. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_general.h>
#include <libxml/parser.h>

#include "control/control.h"
#include "control/run.h"
#include "control/words.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void echo(void *self, ec_answer_t *answer)
{
    ec_node_t *root = ec_answer_root(answer), *group = ec_node_group(root, "words"),
              *table = ec_node_table(group, "table");

    for (int i = 0; i < ec_answer_argc(answer); i++) {
        const char *word = ec_answer_argv(answer, i);
        ec_node_t *row = ec_node_row(table);

        ec_node_text(row, "word", word);
        ec_node_text(row, word, "name");
        ec_node_note(root, "%s", word);
        ec_node_text(group, word, word);
    }
    ec_node_format(root, "argument", "%s",
                   ec_answer_arg(answer, "a") != NULL ? ec_answer_arg(answer, "a") : "-");
}

static void fail(void *self, ec_answer_t *answer)
{
    ec_answer_error(answer, "%s", ec_answer_arg(answer, "text"));
}

static const ec_command_t commands[] = {
    { "echo <a> ...", EC_CMD_READ, echo, "all words" },
    { "echo none", EC_CMD_READ, echo, "no words" },
    { "e [<a>]", EC_CMD_READ, echo, "perhaps one" },
    { "f <text>", EC_CMD_READ, fail, "an error" },
    EC_COMMAND_END,
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    apr_initialize();
    control_start(NULL, ec_log_root());
    control_add(commands, NULL, "p:q", "fuzz");
    control_add(commands, NULL, NULL, "fuzz");
    return 0;
}

static void check_harmless(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
            abort();
        }
    }
}

static void on_answer(void *is_xml, int status, char *text, size_t length)
{
    check_harmless(text, length);
    if (*(int *)is_xml) {
        xmlDocPtr doc = xmlReadMemory(text, (int)length, NULL, NULL, XML_PARSE_HUGE);

        if (doc == NULL) {
            abort();
        }
        xmlFreeDoc(doc);
    }
    free(text);
}

/* "shutdown" and "reopen logs" are harmless here; "config" and what posts need a server. */
static int needs_server(const char *const *words, int n)
{
    static const char *const names[] = { "config", "loops", "shutdown", "threads", "sysinfo" };

    for (int i = 0; i < n && i < 2; i++) {
        for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
            if (strcasecmp(words[i], names[k]) == 0) {
                return 1;
            }
        }
    }
    return 0;
}

static void run_frame(const uint8_t *data, size_t size)
{
    const char *words[WIRE_WORDS_MAX];
    wire_header_t header;
    store_t store = { 0 };
    int n, prefix, is_xml;

    if (wire_header_get(&header, data, size, WIRE_FORMS, WIRE_REQUEST_MAX) != 1 ||
        size - WIRE_HEADER < header.length ||
        (n = wire_words_get(words, WIRE_WORDS_MAX, (const char *)data + WIRE_HEADER, header.length)) < 0 ||
        needs_server(words, n)) {
        return;
    }
    prefix = n > 1 ? wire_form_parse(words[0]) : -1;
    is_xml = (prefix >= 0 ? prefix : header.kind) == WIRE_XML;
    run_words(words, n, (wire_form_t)header.kind, NULL, &store, on_answer, &is_xml);
    store_clear(&store);
}

static void run_line(const uint8_t *data, size_t size)
{
    char *line = malloc(size + 1);
    const char *words[16], *why;

    memcpy(line, data, size);
    line[size] = '\0';
    for (int i = 0, n = words_split(line, words, 16, &why); i < n; i++) {
        if (words[i] < line || words[i] + strlen(words[i]) > line + size) {
            abort();
        }
    }
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    run_frame(data, size);
    run_line(data, size);
    return 0;
}

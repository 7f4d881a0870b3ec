/* render_json.c - an answer for programs: JSON
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/render.h"

#include <stdio.h>
#include <string.h>

#include "control/utf8.h"

/* ---- strings --------------------------------------------------------------------------- */

static void add_unit(output_t *out, unsigned unit)
{
    char text[16];

    snprintf(text, sizeof text, "\\u%04x", unit);
    output_text(out, text);
}

static void add_character(output_t *out, uint32_t c, const char *bytes, int n)
{
    if (c == '"' || c == '\\') {
        output_char(out, '\\', 1);
        output_char(out, (char)c, 1);
    } else if (c == '\n' || c == '\t') {
        output_text(out, c == '\n' ? "\\n" : "\\t");
    } else if (!utf8_is_harmless(c)) {
        add_unit(out, c); /* all harmful ones are below 0x10000 */
    } else {
        output_bytes(out, bytes, (size_t)n);
    }
}

static void add_bytes(output_t *out, const char *bytes, size_t length)
{
    output_char(out, '"', 1);
    while (length > 0) {
        uint32_t c;
        int n = utf8_decode(&c, bytes, length);

        if (n > 0) {
            add_character(out, c, bytes, n);
        } else {
            add_unit(out, 0xfffd);
            n = 1;
        }
        bytes += n;
        length -= (size_t)n;
    }
    output_char(out, '"', 1);
}

static int hex_digit(char c)
{
    return c >= 'A' ? c - 'A' + 10 : c - '0';
}

/* The bytes that were escaped when they entered the tree (answer.c). */
static void add_unescaped(output_t *out, const char *text)
{
    output_t raw = { .max = WIRE_ANSWER_MAX };

    for (; *text != '\0'; text++) {
        if (text[0] == '\\' && text[1] == 'x') {
            output_char(&raw, (char)(hex_digit(text[2]) << 4 | hex_digit(text[3])), 1);
            text += 3;
        } else if (text[0] == '\\') {
            output_char(&raw, *++text, 1);
        } else {
            output_char(&raw, *text, 1);
        }
    }
    add_bytes(out, raw.text, raw.length);
    free(raw.text);
}

static void add_string(output_t *out, const xmlNode *node)
{
    int is_escaped;
    const char *text = node_value(node, &is_escaped);

    if (is_escaped) {
        add_unescaped(out, text);
    } else {
        add_bytes(out, text, strlen(text));
    }
}

/* ---- the tree --------------------------------------------------------------------------- */

static void add_group(output_t *out, const xmlNode *group, int indent);

static void add_line(output_t *out, int indent)
{
    output_char(out, '\n', 1);
    output_char(out, ' ', indent);
}

static void add_table(output_t *out, const xmlNode *table, int indent)
{
    output_char(out, '[', 1);
    for (const xmlNode *row = table->children; row != NULL; row = row->next) {
        add_line(out, indent + 2);
        add_group(out, row, indent + 2);
        output_text(out, row->next != NULL ? "," : "");
    }
    if (table->children != NULL) {
        add_line(out, indent);
    }
    output_char(out, ']', 1);
}

static void add_value(output_t *out, const xmlNode *node, int indent)
{
    int is_escaped;

    switch (node_kind(node)) {
    case EC_NODE_TABLE:
        add_table(out, node, indent);
        break;
    case EC_NODE_NUMBER:
        output_text(out, node_value(node, &is_escaped));
        break;
    case EC_NODE_TEXT:
    case EC_NODE_NOTE:
        add_string(out, node);
        break;
    default:
        add_group(out, node, indent);
    }
}

static const xmlNode *next_of_name(const xmlNode *node)
{
    const xmlChar *name = node->name;

    do {
        node = node->next;
    } while (node != NULL && strcmp((const char *)node->name, (const char *)name) != 0);
    return node;
}

static int is_first_of_name(const xmlNode *node)
{
    for (const xmlNode *other = node->prev; other != NULL; other = other->prev) {
        if (strcmp((const char *)other->name, (const char *)node->name) == 0) {
            return 0;
        }
    }
    return 1;
}

/* One name with all that it has in this group. */
static void add_member(output_t *out, const xmlNode *node, int indent)
{
    const char *name = node_kind(node) == EC_NODE_NOTE ? "note" : (const char *)node->name;

    add_bytes(out, name, strlen(name));
    output_text(out, ": ");
    if (node_kind(node) != EC_NODE_NOTE && next_of_name(node) == NULL) {
        add_value(out, node, indent);
        return;
    }
    output_char(out, '[', 1);
    for (; node != NULL; node = next_of_name(node)) {
        add_value(out, node, indent);
        output_text(out, next_of_name(node) != NULL ? ", " : "");
    }
    output_char(out, ']', 1);
}

static void add_members(output_t *out, const xmlNode *group, int indent, int n)
{
    for (const xmlNode *node = group->children; node != NULL; node = node->next) {
        if (!is_first_of_name(node)) {
            continue;
        }
        output_text(out, n++ > 0 ? "," : "");
        add_line(out, indent + 2);
        add_member(out, node, indent + 2);
    }
    if (n > 0) {
        add_line(out, indent);
    }
}

static void add_group(output_t *out, const xmlNode *group, int indent)
{
    output_char(out, '{', 1);
    add_members(out, group, indent, 0);
    output_char(out, '}', 1);
}

void render_json(output_t *out, const ec_answer_t *answer)
{
    output_char(out, '{', 1);
    if (answer->error != NULL) {
        output_text(out, "\n  \"error\": ");
        add_bytes(out, answer->error, strlen(answer->error));
    }
    add_members(out, answer->root, 0, answer->error != NULL);
    output_text(out, "}\n");
}

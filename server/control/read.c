/* read.c - reading an answer's tree
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <apr_strings.h>

#include "control/answer.h"

const ec_node_t *ec_node_first(const ec_node_t *parent)
{
    return (const ec_node_t *)((const xmlNode *)parent)->children;
}

const ec_node_t *ec_node_next(const ec_node_t *node)
{
    return (const ec_node_t *)((const xmlNode *)node)->next;
}

ec_node_kind_t ec_node_kind(const ec_node_t *node)
{
    return node_kind((const xmlNode *)node);
}

const char *ec_node_name(const ec_node_t *node)
{
    return (const char *)((const xmlNode *)node)->name;
}

static int hex(char digit)
{
    return digit <= '9' ? digit - '0' : digit - 'A' + 10;
}

/* What answer.c's escape() has made of it, back. */
static const char *unescape(const char *text, apr_pool_t *pool)
{
    char *result = apr_palloc(pool, strlen(text) + 1), *to = result;

    while (*text != '\0') {
        if (text[0] == '\\' && text[1] == 'x') {
            *to++ = (char)(hex(text[2]) << 4 | hex(text[3]));
            text += 4;
        } else {
            text += text[0] == '\\';
            *to++ = *text++;
        }
    }
    *to = '\0';
    return result;
}

const char *ec_node_value(const ec_node_t *node, apr_pool_t *pool)
{
    int is_escaped;
    const char *text = node_value((const xmlNode *)node, &is_escaped);

    return is_escaped ? unescape(text, pool) : text;
}

const char *ec_answer_error_text(const ec_answer_t *answer)
{
    return answer->error;
}

/* answer.c - building the tree, and the way of an answer through the loops
 * SPDX-License-Identifier: Apache-2.0
 *
 * Texts come from anywhere (a header field, a remote server's reply), so what could not
 * stand in XML or would steer a terminal is escaped when it enters the tree, and the node
 * says so: no renderer can forget it. */
#include "control/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "control/utf8.h"

static ec_answer_t *under_way;
static void (*on_end)(void);

/* ---- texts ------------------------------------------------------------------------------ */

static int is_harmless_text(const char *text)
{
    const char *end = text + strlen(text);

    while (text < end) {
        uint32_t c;
        int n = utf8_decode(&c, text, (size_t)(end - text));

        if (n == 0 || !utf8_is_harmless(c)) {
            return 0;
        }
        text += n;
    }
    return 1;
}

/* Returned text is malloc'd: texts of an answer may be many and are short-lived. */
static char *escape(const char *text)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *end = text + strlen(text);
    char *result = xmlMalloc(4 * (size_t)(end - text) + 1), *to = result;

    EC_ASSERT(result != NULL);
    while (text < end) {
        uint32_t c;
        int n = utf8_decode(&c, text, (size_t)(end - text)), is_good = n > 0 && utf8_is_harmless(c);

        if (is_good && c == '\\') {
            *to++ = '\\';
        }
        for (n = n > 0 ? n : 1; n > 0; n--, text++) {
            if (is_good) {
                *to++ = *text;
                continue;
            }
            *to++ = '\\';
            *to++ = 'x';
            *to++ = hex[(unsigned char)*text >> 4];
            *to++ = hex[*text & 15];
        }
    }
    *to = '\0';
    return result;
}

/* ---- the tree ------------------------------------------------------------------------------ */

ec_node_kind_t node_kind(const xmlNode *node)
{
    return (ec_node_kind_t)(intptr_t)node->_private;
}

const char *node_value(const xmlNode *node, int *is_escaped)
{
    *is_escaped = node->properties != NULL;
    return node->children != NULL && node->children->content != NULL ? (const char *)node->children->content
                                                                     : "";
}

/* A name has to be one in XML too: anything else becomes an underscore. */
static xmlNodePtr add_node(xmlNodePtr parent, const char *name, ec_node_kind_t kind)
{
    char clean[64];
    size_t n = 0;
    xmlNodePtr node;

    for (; name[n] != '\0' && n < sizeof clean - 1; n++) {
        char c = name[n];
        int is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';

        clean[n] = is_letter || (n > 0 && ((c >= '0' && c <= '9') || c == '-' || c == '.')) ? c : '_';
    }
    clean[n] = '\0';
    node = xmlNewDocNode(parent->doc, NULL, BAD_CAST(n > 0 ? clean : "_"), NULL);
    EC_ASSERT(node != NULL);
    node->_private = (void *)(intptr_t)kind;
    return xmlAddChild(parent, node);
}

static void add_value(ec_node_t *parent, const char *name, const char *value, ec_node_kind_t kind)
{
    xmlNodePtr node = add_node((xmlNodePtr)parent, name, kind), text;

    if (is_harmless_text(value)) {
        text = xmlNewDocText(node->doc, BAD_CAST value);
    } else {
        char *escaped = escape(value);

        text = xmlNewDocText(node->doc, BAD_CAST escaped);
        xmlFree(escaped);
        xmlNewProp(node, BAD_CAST "escaped", BAD_CAST "backslash");
    }
    EC_ASSERT(text != NULL);
    xmlAddChild(node, text);
}

static void add_format(ec_node_t *parent, const char *name, ec_node_kind_t kind, const char *format,
                       va_list args) __attribute__((format(printf, 4, 0)));
static void add_format(ec_node_t *parent, const char *name, ec_node_kind_t kind, const char *format,
                       va_list args)
{
    char *text;

    EC_ASSERT(vasprintf(&text, format, args) >= 0);
    add_value(parent, name, text, kind);
    free(text);
}

ec_node_t *ec_answer_root(ec_answer_t *answer)
{
    return (ec_node_t *)answer->root;
}

ec_node_t *ec_node_group(ec_node_t *parent, const char *name)
{
    return (ec_node_t *)add_node((xmlNodePtr)parent, name, EC_NODE_GROUP);
}

ec_node_t *ec_node_table(ec_node_t *parent, const char *name)
{
    return (ec_node_t *)add_node((xmlNodePtr)parent, name, EC_NODE_TABLE);
}

ec_node_t *ec_node_row(ec_node_t *table)
{
    return (ec_node_t *)add_node((xmlNodePtr)table, "row", EC_NODE_ROW);
}

void ec_node_text(ec_node_t *parent, const char *name, const char *value)
{
    add_value(parent, name, value != NULL ? value : "", EC_NODE_TEXT);
}

void ec_node_format(ec_node_t *parent, const char *name, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_format(parent, name, EC_NODE_TEXT, format, args);
    va_end(args);
}

void ec_node_int(ec_node_t *parent, const char *name, apr_int64_t value)
{
    char text[32];

    apr_snprintf(text, sizeof text, "%" APR_INT64_T_FMT, value);
    add_value(parent, name, text, EC_NODE_NUMBER);
}

void ec_node_float(ec_node_t *parent, const char *name, double value, int decimals)
{
    char text[400];

    if (value != value || value - value != 0) { /* no number, or infinite: JSON has no word for them */
        add_value(parent, name, "-", EC_NODE_TEXT);
        return;
    }
    snprintf(text, sizeof text, "%.*f", decimals < 0 ? 0 : decimals > 9 ? 9 : decimals, value);
    add_value(parent, name, text, EC_NODE_NUMBER);
}

static int is_number(const char *text)
{
    size_t digits = strspn(text += *text == '-', "0123456789"), decimals;

    if (digits == 0 || digits > 300 || (text[0] == '0' && digits > 1)) {
        return 0;
    }
    text += digits;
    decimals = *text == '.' ? strspn(text + 1, "0123456789") : 0;
    return text[decimals > 0 ? decimals + 1 : 0] == '\0';
}

void ec_node_number(ec_node_t *parent, const char *name, const char *value)
{
    add_value(parent, name, value, is_number(value) ? EC_NODE_NUMBER : EC_NODE_TEXT);
}

void ec_node_note(ec_node_t *parent, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add_format(parent, "note", EC_NODE_NOTE, format, args);
    va_end(args);
}

/* ---- arguments -------------------------------------------------------------------------------- */

const char *ec_answer_arg(const ec_answer_t *answer, const char *name)
{
    for (int i = 0; i < answer->n_args; i++) {
        if (strcmp(answer->arg_name[i], name) == 0) {
            return answer->arg_value[i];
        }
    }
    return NULL;
}

int ec_answer_argc(const ec_answer_t *answer)
{
    return answer->argc;
}

const char *ec_answer_argv(const ec_answer_t *answer, int i)
{
    return i >= 0 && i < answer->argc ? answer->argv[i] : NULL;
}

apr_pool_t *ec_answer_pool(ec_answer_t *answer)
{
    return answer->pool;
}

void ec_answer_error(ec_answer_t *answer, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    answer->error = apr_pvsprintf(answer->pool, format, args);
    va_end(args);
    if (!is_harmless_text(answer->error)) {
        char *escaped = escape(answer->error);

        answer->error = apr_pstrdup(answer->pool, escaped);
        xmlFree(escaped);
    }
}

void *ec_answer_session_get(const ec_answer_t *answer, const void *key)
{
    return answer->store != NULL ? store_get(answer->store, key) : NULL;
}

void ec_answer_session_set(ec_answer_t *answer, const void *key, void *value, void (*destroy)(void *value))
{
    if (answer->store != NULL) {
        store_set(answer->store, key, value, destroy);
    } else if (value != NULL && destroy != NULL) {
        destroy(value); /* no session: it has ended at once */
    }
}

/* ---- life --------------------------------------------------------------------------------------- */

ec_answer_t *answer_create(const char *const *words, int n_words, answer_done_fn *done, void *baton)
{
    apr_pool_t *pool;
    ec_answer_t *answer;
    const char **argv;

    EC_ASSERT(apr_pool_create_unmanaged_ex(&pool, NULL, NULL) == APR_SUCCESS);
    answer = apr_pcalloc(pool, sizeof *answer);
    answer->pool = pool;
    answer->doc = xmlNewDoc(BAD_CAST "1.0");
    EC_ASSERT(answer->doc != NULL);
    answer->root = xmlNewDocNode(answer->doc, NULL, BAD_CAST "answer", NULL);
    xmlDocSetRootElement(answer->doc, answer->root);
    argv = apr_palloc(pool, (apr_size_t)(n_words + 1) * sizeof *argv);
    for (int i = 0; i < n_words; i++) {
        argv[i] = apr_pstrdup(pool, words[i]);
    }
    answer->argv = argv;
    answer->argc = n_words;
    answer->done = done;
    answer->done_baton = baton;
    answer->link = &under_way;
    answer->next = under_way;
    if (under_way != NULL) {
        under_way->link = &answer->next;
    }
    under_way = answer;
    return answer;
}

int answer_is_under_way(const void *self)
{
    for (const ec_answer_t *answer = under_way; answer != NULL; answer = answer->next) {
        if (answer->self == self) {
            return 1;
        }
    }
    return 0;
}

void answer_on_end(void (*fn)(void))
{
    on_end = fn;
}

static void end(ec_answer_t *answer)
{
    answer->done(answer->done_baton, answer);
    *answer->link = answer->next;
    if (answer->next != NULL) {
        answer->next->link = answer->link;
    }
    xmlFreeDoc(answer->doc);
    apr_pool_destroy(answer->pool);
    if (on_end != NULL) {
        on_end();
    }
}

void answer_returned(ec_answer_t *answer)
{
    if (!answer->is_held) {
        end(answer);
    }
}

static void on_finish(void *baton)
{
    end(baton);
}

void ec_answer_hold(ec_answer_t *answer)
{
    answer->is_held = 1;
}

void ec_answer_finish(ec_answer_t *answer)
{
    EC_ASSERT(answer->is_held);
    ec_loop_post(ec_loop_at(0), &answer->post, on_finish, answer);
}

/* ---- gathering ---------------------------------------------------------------------------------- */

static void on_last(void *baton)
{
    ec_answer_t *answer = baton;

    if (answer->last != NULL) {
        answer->last(answer->gather_baton, answer, ec_loop_at(0));
    }
    end(answer);
}

static void on_loop(void *baton)
{
    ec_answer_t *answer = baton;

    answer->each(answer->gather_baton, answer, ec_loop_at(answer->loop));
    if (++answer->loop < ec_loop_count()) {
        ec_loop_post(ec_loop_at(answer->loop), &answer->post, on_loop, answer);
    } else {
        ec_loop_post(ec_loop_at(0), &answer->post, on_last, answer);
    }
}

void ec_answer_gather(ec_answer_t *answer, ec_answer_fn *each, ec_answer_fn *last, void *baton)
{
    ec_answer_hold(answer);
    answer->loop = 0;
    answer->each = each;
    answer->last = last;
    answer->gather_baton = baton;
    ec_loop_post(ec_loop_at(0), &answer->post, on_loop, answer);
}

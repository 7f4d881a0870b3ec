/* screen.c - which of many texts are in a text, in one pass
 * SPDX-License-Identifier: Apache-2.0
 *
 * Bytes that occur in no text share one column, so a row of the table is as wide as the
 * alphabet of the texts.  A node's fallback is the node of its longest proper suffix; all
 * missing transitions are filled in from there when the table is built. */
#include "screen.h"

#include <string.h>

#include <apr_tables.h>

struct output {
    int number;
    int next;                      /* index + 1 */
};

struct node {
    int fallback;
    int outputs;                   /* of itself: index + 1 */
    int shorter;                   /* the nearest fallback that has outputs */
};

struct word {
    const char *text;
    int number;
};

struct screen {
    apr_pool_t *pool;
    apr_array_header_t *words;     /* until built */
    apr_size_t bytes;
    unsigned char column[256];
    int columns, n_nodes;
    struct node *nodes;
    int *to;                       /* n_nodes rows of `columns` */
    struct output *outputs;
};

screen_t *screen_create(apr_pool_t *pool)
{
    screen_t *screen = apr_pcalloc(pool, sizeof *screen);

    screen->pool = pool;
    screen->words = apr_array_make(pool, 64, sizeof(struct word));
    screen->columns = 1;
    return screen;
}

int screen_add(screen_t *screen, const char *text, int number)
{
    apr_size_t length = strlen(text);

    if (screen->bytes + length > SCREEN_BYTES) {
        return 0;
    }
    screen->bytes += length;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (screen->column[c] == 0) {
            screen->column[c] = (unsigned char)screen->columns++;
        }
    }
    *(struct word *)apr_array_push(screen->words) = (struct word){ text - length, number };
    return 1;
}

static int *cell(const screen_t *screen, int node, char c)
{
    return &screen->to[node * screen->columns + screen->column[(unsigned char)c]];
}

static void insert(screen_t *screen, const struct word *word, int output)
{
    int node = 0;

    for (const char *at = word->text; *at != '\0'; at++) {
        int *to = cell(screen, node, *at);

        if (*to == 0) {
            *to = screen->n_nodes++;
        }
        node = *to;
    }
    screen->outputs[output] = (struct output){ word->number, screen->nodes[node].outputs };
    screen->nodes[node].outputs = output + 1;
}

/* Breadth first: the fallback of a node is nearer to the root, so it is complete. */
static void link_fallbacks(screen_t *screen)
{
    int *queue = apr_palloc(screen->pool, (apr_size_t)screen->n_nodes * sizeof *queue), head = 0, tail = 0;

    queue[tail++] = 0;
    while (head < tail) {
        int node = queue[head++];
        int fallback = screen->nodes[node].fallback;

        for (int c = 0; c < screen->columns; c++) {
            int *to = &screen->to[node * screen->columns + c];
            int other = node == 0 ? 0 : screen->to[fallback * screen->columns + c];

            if (*to == 0) {
                *to = other;
                continue;
            }
            screen->nodes[*to].fallback = other;
            screen->nodes[*to].shorter = screen->nodes[other].outputs != 0 ? other : screen->nodes[other].shorter;
            queue[tail++] = *to;
        }
    }
}

void screen_build(screen_t *screen)
{
    apr_size_t rows = screen->bytes + 1;

    screen->n_nodes = 1;
    screen->nodes = apr_pcalloc(screen->pool, rows * sizeof *screen->nodes);
    screen->to = apr_pcalloc(screen->pool, rows * (apr_size_t)screen->columns * sizeof *screen->to);
    screen->outputs = apr_pcalloc(screen->pool, (apr_size_t)(screen->words->nelts + 1) * sizeof *screen->outputs);
    for (int i = 0; i < screen->words->nelts; i++) {
        insert(screen, &APR_ARRAY_IDX(screen->words, i, struct word), i);
    }
    link_fallbacks(screen);
}

static void report(const screen_t *screen, int node, screen_found_fn *found, void *baton)
{
    if (screen->nodes[node].outputs == 0) {
        node = screen->nodes[node].shorter;
    }
    for (; node != 0; node = screen->nodes[node].shorter) {
        for (int i = screen->nodes[node].outputs; i != 0; i = screen->outputs[i - 1].next) {
            found(baton, screen->outputs[i - 1].number);
        }
    }
}

void screen_run(const screen_t *screen, const char *text, apr_size_t length, screen_found_fn *found, void *baton)
{
    int node = 0;

    for (apr_size_t i = 0; i < length; i++) {
        node = *cell(screen, node, text[i]);
        if (node != 0) {
            report(screen, node, found, baton);
        }
    }
}

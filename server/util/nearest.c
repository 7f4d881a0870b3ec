/* nearest.c - the known name that is most like a mistyped one
 * SPDX-License-Identifier: Apache-2.0 */
#include "util/nearest.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

enum { NAME_MAX_LENGTH = 80 };

static int is_same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static int min3(int a, int b, int c)
{
    int least = a < b ? a : b;

    return least < c ? least : c;
}

/* Optimal string alignment: three rows of the usual table are enough. */
static int distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int rows[3][NAME_MAX_LENGTH + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];

    for (size_t j = 0; j <= b_length; j++)
        last[j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        int *recycled = before;

        row[0] = (int)i;
        for (size_t j = 1; j <= b_length; j++) {
            row[j] = min3(row[j - 1] + 1, last[j] + 1, last[j - 1] + !is_same(a[i - 1], b[j - 1]));
            if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) && is_same(a[i - 2], b[j - 1]) &&
                before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        before = last;
        last = row;
        row = recycled;
    }
    return last[b_length];
}

void nearest_start(struct nearest *nearest, const char *wanted)
{
    int limit = (int)(strlen(wanted) / 3) + 1;

    nearest->wanted = wanted;
    nearest->best = NULL;
    memset(nearest->also, 0, sizeof(nearest->also));
    nearest->distance = (limit > 4 ? 4 : limit) + 1;
}

/* Put `name` into its place among the equally near ones; what falls off the end is forgotten. */
static void keep_in_order(struct nearest *nearest, const char *name)
{
    const char **place[NEAREST_ALSO + 1] = { &nearest->best };

    for (int i = 0; i < NEAREST_ALSO; i++)
        place[i + 1] = &nearest->also[i];
    for (int i = 0; i <= NEAREST_ALSO && name != NULL; i++) {
        const char *other = *place[i];
        int order = other != NULL ? strcasecmp(name, other) : -1;

        if (order == 0)
            return;
        if (order < 0) {
            *place[i] = name;
            name = other;
        }
    }
}

void nearest_offer(struct nearest *nearest, const char *name)
{
    size_t a = strlen(nearest->wanted), b = strlen(name);
    int found;

    if (a > NAME_MAX_LENGTH || b > NAME_MAX_LENGTH || labs((long)a - (long)b) > nearest->distance)
        return;
    found = distance(nearest->wanted, a, name, b);
    if (found > nearest->distance || (nearest->best == NULL && found == nearest->distance))
        return;
    if (found < nearest->distance) {
        nearest->distance = found;
        nearest->best = NULL;
        memset(nearest->also, 0, sizeof(nearest->also));
    }
    keep_in_order(nearest, name);
}

const char *nearest_text(const struct nearest *nearest, apr_pool_t *pool)
{
    const char *text;

    if (nearest->best == NULL)
        return "";
    text = apr_pstrcat(pool, "; did you mean \"", nearest->best, "\"", NULL);
    for (int i = 0; i < NEAREST_ALSO && nearest->also[i] != NULL; i++)
        text = apr_pstrcat(pool, text, i + 1 < NEAREST_ALSO && nearest->also[i + 1] != NULL ? ", \"" : " or \"",
                           nearest->also[i], "\"", NULL);
    return apr_pstrcat(pool, text, "?", NULL);
}

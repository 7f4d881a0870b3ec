/* recent.c - a ring of the last lines of each level
 * SPDX-License-Identifier: Apache-2.0
 *
 * Readers copy under the lock and call back without it, so a slow reader holds up
 * nobody who logs. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "log/recent.h"

enum { KEPT = 10 };

struct line {
    apr_time_t when;
    char *text;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct line lines[EC_LOG_LEVELS][KEPT]; /* oldest at next[level] */
static unsigned next[EC_LOG_LEVELS];

void log_recent_add(ec_log_level_t level, apr_time_t when, const char *text)
{
    struct line line = { when, strdup(text) };
    char *old;

    if (line.text == NULL) {
        return;
    }
    pthread_mutex_lock(&lock);
    old = lines[level][next[level]].text;
    lines[level][next[level]] = line;
    next[level] = (next[level] + 1) % KEPT;
    pthread_mutex_unlock(&lock);
    free(old);
}

static unsigned copy_out(struct line *copies, ec_log_level_t level)
{
    unsigned count = 0;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < KEPT; i++) {
        const struct line *line = &lines[level][(next[level] + i) % KEPT];
        char *text = line->text != NULL ? strdup(line->text) : NULL;

        if (text != NULL) {
            copies[count++] = (struct line){ line->when, text };
        }
    }
    pthread_mutex_unlock(&lock);
    return count;
}

void ec_log_recent(ec_log_level_t level, ec_log_sink_fn *each, void *baton)
{
    struct line copies[KEPT];
    unsigned count = copy_out(copies, level);

    for (unsigned i = 0; i < count; i++) {
        each(baton, level, copies[i].when, copies[i].text);
        free(copies[i].text);
    }
}

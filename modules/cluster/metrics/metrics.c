/* metrics.c - what this node tells others about its traffic
 * SPDX-License-Identifier: Apache-2.0
 *
 * The counts of the machine take a new value at most once in max_delay, so the gauge sends what it is given
 * at once. */
#include "cluster/metrics/metrics.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = {
#define METRICS_NAME(id, name, text) name,
    METRICS_SERIES(METRICS_NAME)
#undef METRICS_NAME
};

const char *metrics_name(enum metrics_series series)
{
    return names[series];
}

int metrics_find(const char *name)
{
    for (int i = 0; i < METRICS_COUNT; i++) {
        if (strcasecmp(names[i], name) == 0)
            return i;
    }
    return -1;
}

const char *metrics_minute_key(enum metrics_series series, char *key)
{
    snprintf(key, 32, "%s/minute", names[series]);
    return key;
}

static void begin(metrics_t *metrics, const apr_uint64_t totals[METRICS_COUNT], apr_time_t second)
{
    metrics->is_begun = 1;
    metrics->second = second;
    metrics->counts.max_pending = 1;
    for (int i = 0; i < METRICS_COUNT; i++) {
        for (int j = 0; j < METRICS_SECONDS; j++)
            metrics->marks[i][j] = totals[i];
    }
}

/* The seconds that are over, up to a minute of them. */
static void pass_seconds(metrics_t *metrics, apr_time_t second)
{
    apr_time_t from = metrics->second;

    if (second - from > METRICS_SECONDS)
        from = second - METRICS_SECONDS;
    for (; from < second; from++) {
        for (int i = 0; i < METRICS_COUNT; i++)
            metrics->marks[i][from % METRICS_SECONDS] = metrics->seen[i];
    }
    metrics->second = second;
}

/* The mark that is overwritten next is a minute old. */
static apr_uint64_t last_minute(const metrics_t *metrics, int series)
{
    return metrics->seen[series] - metrics->marks[series][metrics->second % METRICS_SECONDS];
}

static void tell(metrics_t *metrics, apr_time_t now)
{
    char key[32];

    for (int i = 0; i < METRICS_COUNT; i++) {
        if ((metrics->series & 1u << i) == 0)
            continue;
        gauge_set(&metrics->counts, names[i], strlen(names[i]), metrics->seen[i], now);
        metrics_minute_key((enum metrics_series)i, key);
        gauge_set(&metrics->counts, key, strlen(key), last_minute(metrics, i), now);
    }
    memcpy(metrics->told, metrics->seen, sizeof(metrics->told));
    metrics->told_at = now;
}

void metrics_look(metrics_t *metrics, const apr_uint64_t totals[METRICS_COUNT], apr_time_t now)
{
    apr_uint64_t pending = 0;

    if (!metrics->is_begun)
        begin(metrics, totals, now / APR_USEC_PER_SEC);
    pass_seconds(metrics, now / APR_USEC_PER_SEC);
    memcpy(metrics->seen, totals, sizeof(metrics->seen));
    for (int i = 0; i < METRICS_COUNT; i++)
        pending += (metrics->series & 1u << i) != 0 ? metrics->seen[i] - metrics->told[i] : 0;
    if (pending >= (apr_uint64_t)metrics->max_pending || now - metrics->told_at >= metrics->max_delay)
        tell(metrics, now);
}

/* Often enough to see max_pending come. */
apr_time_t metrics_next(const metrics_t *metrics, apr_time_t now)
{
    apr_time_t step = metrics->max_delay / 4, due = metrics->told_at + metrics->max_delay;

    if (step < apr_time_from_msec(50))
        step = apr_time_from_msec(50);
    return due > now && due < now + step ? due : now + step;
}

void metrics_free(metrics_t *metrics)
{
    gauge_local_free(&metrics->counts);
}

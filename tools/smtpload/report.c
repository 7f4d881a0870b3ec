/* report.c - latencies, the summary and the line on the terminal
 * SPDX-License-Identifier: Apache-2.0
 *
 * Latencies are counted in buckets, 64 for each doubling, so that a percentile is right within 1.6 percent
 * and memory does not grow with the run. */
#include "report.h"

#include "../common/cli.h"

#include <stdio.h>

enum { STEPS = 64, DOUBLINGS = 40 };

struct histogram {
    uint64_t count, max;
    uint64_t buckets[STEPS * DOUBLINGS];
};

static const struct {
    const char *name;
    double share;
} percentiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p99.9", 0.999 } };

enum { PERCENTILES = sizeof(percentiles) / sizeof(percentiles[0]) };

struct histogram *report_histogram(void)
{
    return cli_alloc(sizeof(struct histogram));
}

/* Values below STEPS have a bucket each; above, the top seven bits choose. */
static unsigned bucket_of(uint64_t us)
{
    unsigned shift, bucket;

    if (us < STEPS)
        return (unsigned)us;
    shift = 63 - (unsigned)__builtin_clzll(us) - 6;
    bucket = (shift + 1) * STEPS + (unsigned)((us >> shift) - STEPS);
    return bucket < STEPS * DOUBLINGS ? bucket : STEPS * DOUBLINGS - 1;
}

static uint64_t bucket_top(unsigned bucket)
{
    unsigned shift = bucket / STEPS;

    return shift == 0 ? bucket : ((STEPS + bucket % STEPS + UINT64_C(1)) << (shift - 1)) - 1;
}

void report_latency(struct histogram *histogram, int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;

    histogram->count++;
    histogram->buckets[bucket_of(value)]++;
    if (value > histogram->max)
        histogram->max = value;
}

static double percentile_ms(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)(share * (double)histogram->count + 0.999999), seen = 0;

    for (unsigned i = 0; i < STEPS * DOUBLINGS; i++) {
        seen += histogram->buckets[i];
        if (seen >= wanted && seen > 0) {
            uint64_t top = bucket_top(i);

            return (double)(top < histogram->max ? top : histogram->max) / 1000;
        }
    }
    return 0;
}

struct summary {
    double elapsed, rate, cpu_us;
    uint64_t errors;
};

static struct summary summarize(const struct load *load)
{
    const struct counts *counts = &load->counts;
    double elapsed = (double)(load->end - load->start) / 1e6;

    return (struct summary){
        .elapsed = elapsed,
        .rate = elapsed > 0 ? (double)counts->sent / elapsed : 0,
        .cpu_us = counts->sent ? (double)clock_us(CLOCK_PROCESS_CPUTIME_ID) / (double)counts->sent : 0,
        .errors = counts->connect_failures + counts->broken,
    };
}

#define COUNTS(X)         \
    X(tried)              \
    X(sent)               \
    X(refused)            \
    X(unfinished)         \
    X(in_doubt)           \
    X(recipients)         \
    X(recipients_refused) \
    X(bytes)              \
    X(connections)        \
    X(connect_failures)   \
    X(broken)

static void json_codes(const char *name, const uint64_t codes[CODES])
{
    const char *comma = "";

    printf("\"%s\": {", name);
    for (unsigned i = 0; i < CODES; i++) {
        if (codes[i] == 0)
            continue;
        printf("%s\"%u\": %llu", comma, i, (unsigned long long)codes[i]);
        comma = ", ";
    }
    printf("}, ");
}

static void print_json(const struct load *load, const struct summary *summary)
{
    const struct counts *counts = &load->counts;

    putchar('{');
#define COUNT_JSON(name) printf("\"" #name "\": %llu, ", (unsigned long long)counts->name);
    COUNTS(COUNT_JSON)
#undef COUNT_JSON
    json_codes("refused_by_code", counts->refused_by_code);
    json_codes("recipients_refused_by_code", counts->recipients_refused_by_code);
    printf("\"errors\": %llu, \"elapsed\": %.6f, \"rate\": %.1f, \"cpu_us_per_message\": %.1f, "
           "\"latency_ms\": {",
           (unsigned long long)summary->errors, summary->elapsed, summary->rate, summary->cpu_us);
    for (unsigned i = 0; i < PERCENTILES; i++)
        printf("\"%s\": %.3f, ", percentiles[i].name, percentile_ms(load->latency, percentiles[i].share));
    printf("\"max\": %.3f}}\n", (double)load->latency->max / 1000);
}

static void text_codes(const char *what, const uint64_t codes[CODES])
{
    for (unsigned i = 0; i < CODES; i++)
        if (codes[i] > 0)
            printf("%s with %u: %llu\n", what, i, (unsigned long long)codes[i]);
}

static void print_text(const struct load *load, const struct summary *summary)
{
    const struct counts *counts = &load->counts;

#define COUNT_TEXT(name) printf(#name ": %llu\n", (unsigned long long)counts->name);
    COUNTS(COUNT_TEXT)
#undef COUNT_TEXT
    text_codes("refused", counts->refused_by_code);
    text_codes("recipients_refused", counts->recipients_refused_by_code);
    printf("errors: %llu\nelapsed: %.3f s\nrate: %.1f messages/s\ncpu: %.1f us/message\nlatency:",
           (unsigned long long)summary->errors, summary->elapsed, summary->rate, summary->cpu_us);
    for (unsigned i = 0; i < PERCENTILES; i++)
        printf(" %s %.3f", percentiles[i].name, percentile_ms(load->latency, percentiles[i].share));
    printf(" max %.3f ms\n", (double)load->latency->max / 1000);
}

void report_summary(const struct load *load)
{
    struct summary summary = summarize(load);

    if (load->options.json)
        print_json(load, &summary);
    else
        print_text(load, &summary);
    fflush(stdout);
}

void report_progress(const struct load *load, int64_t now)
{
    double elapsed = (double)(now - load->start) / 1e6;

    fprintf(stderr, "\r%.0f s: %llu sent, %llu refused, %llu errors, %.0f messages/s ", elapsed,
            (unsigned long long)load->counts.sent, (unsigned long long)load->counts.refused,
            (unsigned long long)(load->counts.broken + load->counts.connect_failures),
            elapsed > 0 ? (double)load->counts.sent / elapsed : 0);
}

/* counters.c - what the sink counts, and where it says so
 * SPDX-License-Identifier: Apache-2.0 */
#include "counters.h"

#include "../common/cli.h"
#include "domains.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void counters_trace(const struct conn *conn, const char *what, const char *extra)
{
    struct sink *sink = conn->sink;
    int64_t now;

    if (sink->trace_fd < 0)
        return;
    now = clock_us(CLOCK_REALTIME);
    bytes_print(&sink->trace, "%lld.%06d\t%s\t%llu\t%s\t%s\t%llu\t%llu%s%s\n", (long long)(now / 1000000),
                (int)(now % 1000000), what, (unsigned long long)conn->number, conn->listener->name,
                conn->remote, (unsigned long long)conn->listener->current,
                (unsigned long long)sink->counters.current, extra ? "\t" : "", extra ? extra : "");
}

void counters_open(struct sink *sink, struct conn *conn)
{
    struct listener *listener = conn->listener;

    sink->counters.connections++;
    sink->counters.current++;
    if (sink->counters.current > sink->counters.peak)
        sink->counters.peak = sink->counters.current;
    listener->connections++;
    listener->current++;
    if (listener->current > listener->peak)
        listener->peak = listener->current;
    counters_trace(conn, "open", NULL);
}

void counters_close(struct sink *sink, struct conn *conn)
{
    sink->counters.current--;
    conn->listener->current--;
    domains_close(conn);
    counters_trace(conn, "close", NULL);
}

static unsigned long long cpu_us(void)
{
    return (unsigned long long)clock_us(CLOCK_PROCESS_CPUTIME_ID);
}

static void write_text(const struct sink *sink, FILE *out)
{
#define COUNTER_TEXT(name, help) fprintf(out, #name "=%llu\n", (unsigned long long)sink->counters.name);
    COUNTERS(COUNTER_TEXT)
#undef COUNTER_TEXT
    fprintf(out, "cpu_us=%llu\n", cpu_us());
    for (unsigned i = 0; i < sink->listener_count; i++) {
        const struct listener *listener = &sink->listeners[i];

        fprintf(out, "connections@%s=%llu\ncurrent@%s=%llu\npeak@%s=%llu\n", listener->name,
                (unsigned long long)listener->connections, listener->name,
                (unsigned long long)listener->current, listener->name, (unsigned long long)listener->peak);
    }
    domains_write_text(sink, out);
}

static void write_json(const struct sink *sink, FILE *out)
{
    fputc('{', out);
#define COUNTER_JSON(name, help) \
    fprintf(out, "\"" #name "\": %llu, ", (unsigned long long)sink->counters.name);
    COUNTERS(COUNTER_JSON)
#undef COUNTER_JSON
    fprintf(out, "\"cpu_us\": %llu, \"listeners\": {", cpu_us());
    for (unsigned i = 0; i < sink->listener_count; i++) {
        const struct listener *listener = &sink->listeners[i];

        fprintf(out, "%s\"%s\": {\"connections\": %llu, \"current\": %llu, \"peak\": %llu}", i ? ", " : "",
                listener->name, (unsigned long long)listener->connections,
                (unsigned long long)listener->current, (unsigned long long)listener->peak);
    }
    fputs("}, \"domains\": {", out);
    domains_write_json(sink, out);
    fputs("}}\n", out);
}

static void write_counters(const struct sink *sink, FILE *out)
{
    if (sink->json)
        write_json(sink, out);
    else
        write_text(sink, out);
    fflush(out);
}

void counters_print(const struct sink *sink)
{
    write_counters(sink, stdout);
}

/* A reader must never see half a file, so it is written beside and renamed. */
static void replace_file(const struct sink *sink)
{
    char path[4096];
    FILE *out;

    if ((size_t)snprintf(path, sizeof(path), "%s.new", sink->count_path) >= sizeof(path))
        cli_die("--count-file: the path is too long");
    out = fopen(path, "we");
    if (out == NULL)
        cli_die("%s: %s", path, strerror(errno));
    write_counters(sink, out);
    if (ferror(out) | fclose(out) || rename(path, sink->count_path) != 0)
        cli_die("%s: %s", sink->count_path, strerror(errno));
}

void counters_publish(const struct sink *sink)
{
    if (sink->count_path != NULL)
        replace_file(sink);
    else
        counters_print(sink);
}

/* smtpload.c - send mail as fast as asked for, and say how fast the server took it
 * SPDX-License-Identifier: Apache-2.0
 *
 * One thread and one epoll set: a generator that needs more than a part of one core would measure itself. */
#include "load.h"

#include "../common/cli.h"
#include "conn.h"
#include "dialogue.h"
#include "message.h"
#include "options.h"
#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TROUBLES_SHOWN = 10, TICK_US = 200000, TICK_RETRY_US = 20000 };

void load_trouble(struct load *load, const char *format, ...)
{
    static unsigned shown;
    va_list args;

    if (!load->options.ignore_errors)
        load->is_stopping = load->has_failed = true;
    if (shown >= TROUBLES_SHOWN)
        return;
    fputs("smtpload: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs(++shown == TROUBLES_SHOWN ? " (further trouble is only counted)\n" : "\n", stderr);
}

bool load_has_more(const struct load *load)
{
    return !load->is_stopping && (load->options.messages == 0 || load->counts.tried < load->options.messages);
}

int64_t load_due(const struct load *load)
{
    if (load->options.rate == 0)
        return 0;
    return load->start + (int64_t)((double)load->counts.tried * 1e6 / load->options.rate);
}

static void open_all(struct load *load)
{
    uint64_t count = load->options.connections;

    if (load->options.messages > 0 && load->options.messages < count)
        count = load->options.messages;
    if (count + 16 > cli_raise_files())
        cli_die("%llu connections need more open files than the limit allows (ulimit -n)",
                (unsigned long long)count);
    load->conns = cli_alloc(count * sizeof(*load->conns));
    load->conn_count = load->live = (unsigned)count;
    load->idle_end = &load->idle;
    for (unsigned i = 0; i < count; i++) {
        load->conns[i] = (struct conn){ .load = load, .index = i + 1, .fd = -1 };
        conn_open(&load->conns[i]);
    }
}

/* Let waiting connections send what --rate allows by now, or QUIT when there is nothing more. */
static void wake_idle(struct load *load)
{
    while (load->idle != NULL && (!load_has_more(load) || load_due(load) <= now_us()))
        dialogue_wake(load->idle);
}

static int next_timeout(const struct load *load, int64_t now, int64_t tick)
{
    int64_t wait = tick - now;

    if (load->idle != NULL && load_due(load) - now < wait)
        wait = load_due(load) - now;
    return wait <= 0 ? 0 : (int)((wait + 999) / 1000);
}

static void every_second(struct load *load, int64_t now)
{
    static int64_t next;

    if (now < next)
        return;
    next = now + 1000000;
    if (isatty(STDERR_FILENO))
        report_progress(load, now);
}

static void run(struct load *load)
{
    int64_t now = load->start, tick = now;
    int64_t stop = load->options.seconds > 0 ? now + (int64_t)(load->options.seconds * 1e6) : INT64_MAX;

    while (load->live > 0 && !loop_stop_asked) {
        loop_turn(&load->loop, next_timeout(load, now, tick < stop ? tick : stop));
        now = now_us();
        if (now >= stop) {
            load->is_stopping = true;
            stop = INT64_MAX;
        }
        wake_idle(load);
        if (now >= tick) {
            conn_tick(load, now);
            every_second(load, now);
            tick = now + TICK_US;
        }
        if (load->retrying > 0 && tick > now + TICK_RETRY_US)
            tick = now + TICK_RETRY_US;
    }
}

static void stop_all(struct load *load)
{
    if (loop_stop_asked)
        load->has_failed = true;
    load->is_stopping = true;
    for (unsigned i = 0; i < load->conn_count; i++)
        conn_close(&load->conns[i]);
}

static int exit_status(const struct load *load)
{
    bool is_short = load->options.messages > 0 && load->options.seconds == 0 &&
                    load->counts.tried < load->options.messages;

    if (load->options.ignore_errors)
        return load->has_failed || is_short;
    return load->has_failed || is_short || load->counts.sent < load->counts.tried;
}

int main(int argc, char **argv)
{
    static struct load load;

    options_read(&load, argc, argv);
    load.record_fd = -1;
    load.latency = report_histogram();
    if (load.options.record != NULL)
        load.record_fd = open(load.options.record, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (load.options.record != NULL && load.record_fd < 0)
        cli_die("%s: %s", load.options.record, strerror(errno));
    message_prepare(&load);
    loop_open(&load.loop);
    load.start = now_us();
    open_all(&load);
    run(&load);
    load.end = now_us();
    stop_all(&load);
    if (isatty(STDERR_FILENO))
        fputc('\n', stderr);
    report_summary(&load);
    return exit_status(&load);
}

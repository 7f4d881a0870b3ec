/* to_syslog.c - lines to the system's logger, each a datagram
 * SPDX-License-Identifier: Apache-2.0
 *
 *   syslog://[?facility=mail&priority=error&ident=ecelerity&format=rfc3164&socket=/dev/log]
 *
 * rfc3164 is what syslog(3) of the C library writes to the local socket, without a host
 * name; rfc5424 is the newer form.  We speak to the socket ourselves because syslog(3)
 * blocks, and because it has one ident for the whole process. */
#include "log/destination.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <apr_strings.h>
#include <ec/logline.h>

enum { IDENT_MAX = 48 };

struct state {
    int facility, priority, is_5424;
    const char *ident, *socket;
    char host[256];
};

struct word {
    const char *name;
    int code;
};

static const struct word facilities[] = {
    { "kern", 0 },    { "user", 1 },    { "mail", 2 },    { "daemon", 3 },    { "auth", 4 },
    { "syslog", 5 },  { "lpr", 6 },     { "news", 7 },    { "uucp", 8 },      { "cron", 9 },
    { "authpriv", 10 }, { "ftp", 11 },  { "local0", 16 }, { "local1", 17 },   { "local2", 18 },
    { "local3", 19 }, { "local4", 20 }, { "local5", 21 }, { "local6", 22 },   { "local7", 23 },
    { NULL, -1 },
};
static const struct word priorities[] = {
    { "emerg", 0 },   { "panic", 0 },  { "alert", 1 }, { "crit", 2 },  { "critical", 2 }, { "err", 3 }, { "error", 3 },
    { "warning", 4 }, { "warn", 4 },   { "notice", 5 }, { "info", 6 }, { "debug", 7 },    { NULL, -1 },
};
static const struct word formats[] = { { "rfc3164", 0 }, { "rfc5424", 1 }, { NULL, -1 } };

static int find_word(const struct word *words, const char *name)
{
    while (words->name != NULL && strcasecmp(words->name, name) != 0) {
        words++;
    }
    return words->code;
}

/* ---- parameters --------------------------------------------------------------------------- */

static int is_ident(const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~' || strchr("[]:", text[i]) != NULL) {
            return 0;
        }
    }
    return length > 0 && length <= IDENT_MAX;
}

/* 0: refused. */
static int set_parameter(struct state *state, const char *key, const char *value)
{
    static const struct {
        const char *key;
        size_t offset;
        const struct word *words;
    } choices[] = {
        { "facility", offsetof(struct state, facility), facilities },
        { "priority", offsetof(struct state, priority), priorities },
        { "format", offsetof(struct state, is_5424), formats },
    };

    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        if (strcasecmp(key, choices[i].key) == 0) {
            int code = find_word(choices[i].words, value);

            *(int *)(void *)((char *)state + choices[i].offset) = code;
            return code >= 0;
        }
    }
    if (strcasecmp(key, "ident") == 0) {
        state->ident = value;
        return is_ident(value);
    }
    if (strcasecmp(key, "socket") == 0) {
        state->socket = value;
        return value[0] == '/' && strlen(value) < sizeof((struct sockaddr_un *)0)->sun_path;
    }
    return 0;
}

static apr_status_t parse(destination_t *to, const char *rest, const char **why)
{
    struct state *state = apr_pcalloc(to->pool, sizeof *state);
    char *copy = apr_pstrdup(to->pool, rest);
    const char *const *list = destination_parameters(copy, to->pool);

    *state = (struct state){ .facility = 2, .priority = 3, .ident = "ecelerity", .socket = "/dev/log" };
    if (gethostname(state->host, sizeof state->host - 1) != 0 || !is_ident(state->host)) {
        strcpy(state->host, "-"); /* "unknown", in RFC 5424 */
    }
    to->state = state;
    if (list == NULL || (copy[0] != '\0' && strcmp(copy, "/") != 0)) {
        *why = "use syslog://?key=value&key=value with the keys facility, priority, ident, format and socket";
        return EC_E_CONFIG;
    }
    for (; *list != NULL; list += 2) {
        if (!set_parameter(state, list[0], list[1])) {
            *why = apr_psprintf(to->pool, "%s=%s is not possible", list[0], list[1]);
            return EC_E_CONFIG;
        }
    }
    return APR_SUCCESS;
}

/* ---- the socket ---------------------------------------------------------------------------- */

static apr_status_t open_socket(destination_t *to)
{
    const struct state *state = to->state;
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        return errno;
    }
    apr_cpystrn(address.sun_path, state->socket, sizeof address.sun_path);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        apr_status_t rv = errno;

        close(fd);
        return rv;
    }
    to->fd = fd;
    return APR_SUCCESS;
}

static void close_socket(destination_t *to)
{
    if (to->fd >= 0) {
        close(to->fd);
        to->fd = -1;
    }
}

/* A new connection is cheap, so the next write makes it. */
static apr_status_t reopen_socket(destination_t *to)
{
    close_socket(to);
    return APR_SUCCESS;
}

/* ---- a line ------------------------------------------------------------------------------------ */

static void add_header(ec_line_t *line, const struct state *state)
{
    static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    apr_time_t now = apr_time_now();
    time_t seconds = (time_t)apr_time_sec(now);
    char text[160];
    struct tm tm;

    if (state->is_5424) {
        gmtime_r(&seconds, &tm);
        snprintf(text, sizeof text, "<%d>1 %04d-%02d-%02dT%02d:%02d:%02d.%06dZ ", state->facility * 8 + state->priority,
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                 (int)apr_time_usec(now));
        ec_line_text(line, text);
        ec_line_text(line, state->host);
        snprintf(text, sizeof text, " %s %ld - - ", state->ident, (long)getpid());
    } else {
        localtime_r(&seconds, &tm);
        snprintf(text, sizeof text, "<%d>%s %2d %02d:%02d:%02d %s[%ld]: ", state->facility * 8 + state->priority,
                 months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, state->ident, (long)getpid());
    }
    ec_line_text(line, text);
}

static apr_status_t send_line(destination_t *to, const char *data, size_t length)
{
    char buffer[EC_LINE_MAX + 512];
    ec_line_t line;
    ssize_t n;

    ec_line_begin(&line, buffer, sizeof buffer); /* less than the system takes in a datagram */
    add_header(&line, to->state);
    ec_line_bytes(&line, data, length);
    n = send(to->fd, buffer, line.length, MSG_NOSIGNAL);
    return n >= 0 ? APR_SUCCESS : errno == EINTR || errno == ENOBUFS ? EAGAIN : errno;
}

static apr_status_t write_lines(destination_t *to, const char *data, size_t length, size_t *taken)
{
    const char *end = memchr(data, '\n', length);
    size_t bytes = end != NULL ? (size_t)(end - data) : length;
    apr_status_t rv = send_line(to, data, bytes);

    *taken = 0;
    if (rv == APR_SUCCESS) {
        *taken = bytes + (end != NULL);
    } else if (!APR_STATUS_IS_EAGAIN(rv)) { /* the logger has gone: connect anew when it is there again */
        close_socket(to);
    }
    return rv;
}

const destination_ops_t destination_syslog = {
    .scheme = "syslog",
    .may_come_later = 1,
    .parse = parse,
    .open = open_socket,
    .write = write_lines,
    .reopen = reopen_socket,
    .close = close_socket,
};

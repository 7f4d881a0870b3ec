/* link.c - a program's connection to a server's console socket
 * SPDX-License-Identifier: Apache-2.0
 *
 * Blocking: there is one server and one person.  Ctrl-C ends a wait. */
#include "link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/rundir.h"

volatile sig_atomic_t link_interrupted;

static void say(const console_link_t *link, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(const console_link_t *link, const char *format, ...)
{
    va_list args;

    if (link->is_quiet) {
        return;
    }
    if (format[0] != ' ') { /* else it goes on with what was said before */
        fprintf(stderr, "%s: ", program_invocation_short_name);
    }
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

/* ---- endpoints ---------------------------------------------------------------------------- */

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un path;
} address_t;

/* Digits after the last colon: 0 when it is no port. */
static int port_of(const char *word)
{
    const char *colon = strrchr(word, ':');
    char *end;
    long port;

    if (colon == NULL || colon[1] < '0' || colon[1] > '9') {
        return 0;
    }
    port = strtol(colon + 1, &end, 10);
    return *end == '\0' && port > 0 && port < 65536 ? (int)port : 0;
}

int link_is_endpoint(const char *word)
{
    return strchr(word, '/') != NULL || port_of(word) > 0;
}

static socklen_t parse_tcp(address_t *to, const char *endpoint)
{
    char host[64] = "";
    size_t length = (size_t)(strrchr(endpoint, ':') - endpoint);
    uint16_t port = htons((uint16_t)port_of(endpoint));

    if (length >= sizeof host) {
        return 0;
    }
    memcpy(host, endpoint, length);
    if (strcmp(host, "localhost") == 0 || host[0] == '\0') {
        strcpy(host, "127.0.0.1");
    }
    if (host[0] == '[' && host[length - 1] == ']') {
        host[length - 1] = '\0';
        to->v6.sin6_family = AF_INET6;
        to->v6.sin6_port = port;
        return inet_pton(AF_INET6, host + 1, &to->v6.sin6_addr) == 1 ? sizeof to->v6 : 0;
    }
    to->v4.sin_family = AF_INET;
    to->v4.sin_port = port;
    return inet_pton(AF_INET, host, &to->v4.sin_addr) == 1 ? sizeof to->v4 : 0;
}

static socklen_t parse(address_t *to, const char *endpoint)
{
    memset(to, 0, sizeof *to);
    if (strchr(endpoint, '/') == NULL && port_of(endpoint) > 0) {
        return parse_tcp(to, endpoint);
    }
    to->path.sun_family = AF_UNIX;
    if (strlen(endpoint) >= sizeof to->path.sun_path) {
        return 0;
    }
    strcpy(to->path.sun_path, endpoint);
    return sizeof to->path;
}

/* ---- connecting --------------------------------------------------------------------------- */

static int try_connect(console_link_t *link, const char *endpoint)
{
    address_t address;
    socklen_t length = parse(&address, endpoint);
    int fd;

    if (length == 0) {
        errno = EINVAL;
        return -1;
    }
    if ((fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0) {
        return -1;
    }
    if (connect(fd, &address.any, length) != 0) {
        int error = errno;

        close(fd);
        errno = error;
        return -1;
    }
    link->fd = fd;
    snprintf(link->path, sizeof link->path, "%s", endpoint);
    return 0;
}

static int open_given(console_link_t *link)
{
    if (try_connect(link, link->endpoint) == 0) {
        return 0;
    }
    if (errno == EINVAL) {
        say(link, "%s is no socket path and no address:port\n", link->endpoint);
        return -1;
    }
    say(link, "can not connect to %s: %s%s\n", link->endpoint, strerror(errno),
            errno == ENOENT || errno == ECONNREFUSED ? ": is the server running?" : "");
    return -1;
}

static int open_found(console_link_t *link)
{
    rundir_t dirs[RUNDIR_MAX];
    int n = rundir_list(dirs);
    char paths[RUNDIR_MAX][RUNDIR_PATH] = { "" };
    const char *errors[RUNDIR_MAX];

    for (int i = 0; i < n; i++) {
        dirs[i].is_manager = link->is_manager;
        rundir_socket(paths[i], &dirs[i]);
        if (!rundir_is_trusted(&dirs[i])) {
            errors[i] =
                access(dirs[i].path, F_OK) != 0 ? "no such folder" : "not trusted: others may write there";
            continue;
        }
        if (try_connect(link, paths[i]) == 0) {
            return 0;
        }
        errors[i] = strerror(errno);
    }
    say(link, "no running %s was found; looked for\n", link->is_manager ? "manager" : "server");
    for (int i = 0; i < n; i++) {
        say(link, "  %s (%s)\n", errors[i][0] == 'n' && errors[i][1] == 'o' ? dirs[i].path : paths[i],
                errors[i]);
    }
    say(link, "start it, or name its control socket\n");
    return -1;
}

int link_open(console_link_t *link)
{
    link_close(link);
    return link->endpoint != NULL ? open_given(link) : open_found(link);
}

void link_close(console_link_t *link)
{
    if (link->fd >= 0) {
        close(link->fd);
        link->fd = -1;
    }
}

int link_is_stale(const console_link_t *link)
{
    struct pollfd pfd = { .fd = link->fd, .events = POLLIN };

    return link->fd < 0 || poll(&pfd, 1, 0) != 0; /* it speaks only when asked: readable means closed */
}

/* ---- asking --------------------------------------------------------------------------------- */

int link_wait(int fd, short events)
{
    struct pollfd pfd = { .fd = fd, .events = events };
    sigset_t none;

    sigemptyset(&none);
    while (!link_interrupted) {
        if (ppoll(&pfd, 1, NULL, &none) > 0) {
            return 0;
        }
    }
    errno = EINTR;
    return -1;
}

static int send_all(int fd, const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n;

        if (link_wait(fd, POLLOUT) != 0) {
            return -1;
        }
        if ((n = send(fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && errno != EAGAIN) {
            return -1;
        }
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int receive_all(int fd, char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t n;

        if (link_wait(fd, POLLIN) != 0) {
            return -1;
        }
        if ((n = recv(fd, bytes, length, MSG_DONTWAIT)) == 0) {
            errno = ECONNRESET;
            return -1;
        }
        if (n < 0 && errno != EAGAIN) {
            return -1;
        }
        bytes += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int receive_answer(int fd, console_answer_t *answer)
{
    unsigned char bytes[WIRE_HEADER];
    wire_header_t header;

    if (receive_all(fd, (char *)bytes, sizeof bytes) != 0) {
        return -1;
    }
    if (wire_header_get(&header, bytes, sizeof bytes, WIRE_STATUSES, WIRE_ANSWER_MAX) != 1) {
        errno = EPROTO;
        return -1;
    }
    if ((answer->text = malloc(header.length + 1)) == NULL) {
        return -1;
    }
    answer->text[header.length] = '\0';
    answer->length = header.length;
    answer->status = header.kind;
    if (receive_all(fd, answer->text, header.length) != 0) {
        free(answer->text);
        return -1;
    }
    return 0;
}

link_result_t link_ask(console_link_t *link, console_answer_t *answer, wire_form_t form,
                       const char *const *words, int n)
{
    static char request[WIRE_HEADER + WIRE_REQUEST_MAX];
    size_t length = wire_words_put(request + WIRE_HEADER, WIRE_REQUEST_MAX, words, n);

    if (length == 0 || n > WIRE_WORDS_MAX) {
        say(link, "the command is too long\n");
        return LINK_REFUSED;
    }
    wire_header_put((unsigned char *)request, form, (uint32_t)length);
    link_interrupted = 0;
    if (send_all(link->fd, request, WIRE_HEADER + length) == 0 && receive_answer(link->fd, answer) == 0) {
        return LINK_OK;
    }
    if (link_interrupted) {
        link_close(link);
        return LINK_INTERRUPTED;
    }
    say(link, "the connection to %s is lost: %s; the command may have run or not\n",
            link->path, strerror(errno));
    link_close(link);
    return LINK_BROKEN;
}

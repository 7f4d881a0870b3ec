/* link.h - a program's connection to a server's console socket
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_LINK_H
#define TOOLS_LINK_H

#include <signal.h>
#include <stddef.h>

#include "control/wire.h"

typedef struct {
    const char *endpoint;          /* as given; NULL: look for a running server */
    char path[512];                /* what it is connected to, for messages */
    int fd;                        /* -1: not connected */
    int is_quiet;                  /* say nothing when something is wrong */
    int is_manager;                /* without an endpoint: look for a cluster manager and nothing else */
} console_link_t;

/** Is this word an endpoint (a path, address:port) and not part of a command? */
int link_is_endpoint(const char *word);

/** Connect, or connect again.  0; or -1 after having said on standard error what is wrong. */
int link_open(console_link_t *link);
void link_close(console_link_t *link);
/** Has the server closed its side since?  (It does so to consoles that say nothing for long.) */
int link_is_stale(const console_link_t *link);

typedef struct {
    int status;                    /* wire_status_t */
    char *text;                    /* malloc'd, NUL-ended */
    size_t length;
} console_answer_t;

typedef enum {
    LINK_OK,
    LINK_REFUSED,                  /* the words do not fit a request; nothing was sent */
    LINK_BROKEN,                   /* the connection is lost and closed; said so */
    LINK_INTERRUPTED               /* a signal came while the answer was awaited; closed */
} link_result_t;

/** Send a command and wait for its answer. */
link_result_t link_ask(console_link_t *link, console_answer_t *answer, wire_form_t form, const char *const *words, int n);

/** Set by the signal handler of a dialogue: stop waiting. */
extern volatile sig_atomic_t link_interrupted;
/** Wait until `fd` is ready for `events` (of poll.h).  A dialogue keeps SIGINT blocked everywhere else, so that Ctrl-C can not
 * fall between a look at link_interrupted and the wait.  0; or -1 with errno EINTR when Ctrl-C came. */
int link_wait(int fd, short events);
#endif

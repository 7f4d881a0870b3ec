/* greet.c - banner, EHLO and what the peer offers
 * SPDX-License-Identifier: Apache-2.0
 *
 * Whatever goes wrong here concerns the host and not a message: the next host is tried. */
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "smtp/out/classify.h"
#include "smtp/out/session.h"

static const char method_smtp[] = "SMTP";

static void lost(session_t *session, const char *why)
{
    char text[CLASSIFY_TEXT_MAX];

    connect_failed(session, classify_lost(session_stage(session), why, text, sizeof(text)));
}

void banner_lost(session_t *session, const char *why)
{
    lost(session, why);
}

void ehlo_lost(session_t *session, const char *why)
{
    lost(session, why);
}

void helo_lost(session_t *session, const char *why)
{
    lost(session, why);
}

static int is_good(const session_t *session)
{
    return session->reply.code >= 200 && session->reply.code <= 299;
}

static void refused(session_t *session)
{
    char text[CLASSIFY_TEXT_MAX];

    apr_cpystrn(text, session->reply.text, sizeof(text));
    connect_failed(session, text);
}

static void say_hello(session_t *session, const char *verb, session_state_t state)
{
    memset(&session->peer, 0, sizeof(session->peer));
    stream_printf(session->stream, "%s %s\r\n", verb, session_hostname(session));
    session_enter(session, state);
}

static void greeted(session_t *session)
{
    hosts_worked(&session->hosts, session->queue);
    session_enter(session, SESSION_SETTLE);
    session_continue(session);
}

void banner_reply(session_t *session)
{
    const ec_value_t *method = conf_get(queue_view(session->queue), CONF_O_DELIVERY_METHOD);
    const char *refusal = policy_greeting(session);

    queue_connect_seen(session->handle);
    if (refusal != NULL) {
        connect_failed(session, refusal);
    } else if (!is_good(session)) {
        refused(session);
    } else if (method != NULL && method->s != NULL && strcasecmp(method->s, method_smtp) == 0) {
        say_hello(session, "HELO", SESSION_HELO);
    } else {
        say_hello(session, session->is_lmtp ? "LHLO" : "EHLO", SESSION_EHLO);
    }
}

/* RFC 5321 3.2: who does not know EHLO may know HELO. */
void ehlo_reply(session_t *session)
{
    if (is_good(session)) {
        greeted(session);
    } else if (session->reply.code >= 500 && !session->is_lmtp) {
        say_hello(session, "HELO", SESSION_HELO);
    } else {
        refused(session);
    }
}

void helo_reply(session_t *session)
{
    if (is_good(session)) {
        greeted(session);
    } else {
        refused(session);
    }
}

/* ---- extensions ------------------------------------------------------------------------- */

static void has_pipelining(peer_t *peer, const char *value, apr_size_t len)
{
    peer->has_pipelining = 1;
}

static void has_8bitmime(peer_t *peer, const char *value, apr_size_t len)
{
    peer->has_8bitmime = 1;
}

static void has_enhanced_codes(peer_t *peer, const char *value, apr_size_t len)
{
    peer->has_enhanced_codes = 1;
}

/* RFC 1870 4: no number, and 0, mean that there is no fixed bound.  A number beyond our own is none either.
 */
static void has_size(peer_t *peer, const char *value, apr_size_t len)
{
    apr_size_t bound = 0;

    peer->has_size = 1;
    for (apr_size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9' || bound > (APR_SIZE_MAX - 9) / 10) {
            return;
        }
        bound = bound * 10 + (apr_size_t)(value[i] - '0');
    }
    peer->size_max = bound;
}

static const struct {
    const char *keyword;
    void (*set)(peer_t *peer, const char *value, apr_size_t len);
} extensions[] = {
    { "PIPELINING", has_pipelining },
    { "SIZE", has_size },
    { "8BITMIME", has_8bitmime },
    { "ENHANCEDSTATUSCODES", has_enhanced_codes },
};

/* "250-KEYWORD value" of the answer to EHLO; its first line is the peer's name. */
void greet_line(session_t *session, const char *line, apr_size_t len)
{
    const char *space;
    apr_size_t word;

    if (session->state != SESSION_EHLO || session->reply.code != 250 || session->reply.lines < 2 || len < 5) {
        return;
    }
    line += 4;
    len -= 4;
    space = memchr(line, ' ', len);
    word = space == NULL ? len : (apr_size_t)(space - line);
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        if (strlen(extensions[i].keyword) == word && strncasecmp(line, extensions[i].keyword, word) == 0) {
            extensions[i].set(&session->peer, line + word + 1, len > word ? len - word - 1 : 0);
        }
    }
}

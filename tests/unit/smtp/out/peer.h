/* peer.h - a scripted SMTP server on the test's own loop
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTS_SMTP_OUT_PEER_H
#define TESTS_SMTP_OUT_PEER_H

#include <apr_pools.h>

/** What the peer does instead of being friendly.  `verb`: "" the banner, "." the final dot, "mid" once it has
 * seen some of the message, else the command.  `nth`: only the nth time (1...) the verb comes, counted over
 * all connections; 0: always.  `act`: reply lines joined by "|", or "!drop" closes, "!silent" never answers,
 * "!stall" does not even read, and anything behind a space is first sent: "!drop 250 ok". */
typedef struct {
    const char *verb;
    int nth;
    const char *act;
} peer_rule_t;

enum { PEER_RULES_MAX = 8 };

typedef struct {
    const char *offers; /* lines of the answer to EHLO behind the first, joined by "|"; NULL: none */
    peer_rule_t rules[PEER_RULES_MAX];
} peer_script_t;

/** Listen on 127.0.0.1; keeps the script. */
void peer_start(const peer_script_t *script, apr_pool_t *pool);
int peer_port(void);
/** All commands so far, each followed by "|"; messages as "<n bytes>". */
const char *peer_transcript(void);
/** The last message as it came, dot-stuffed, without the final dot's line. */
const char *peer_message(apr_size_t *length);
int peer_connections(void);
/** A rule "!silent" was met: from now on only time can help. */
int peer_is_silent(void);
/** Most commands that came in one read. */
int peer_burst(void);
#endif

/* domains.h - what the sink counts for each recipient domain (--domains)
 * SPDX-License-Identifier: Apache-2.0
 *
 * A connection is one of a domain from the first recipient of that domain that it names until its end; it may
 * be one of several.  What happened before its first recipient is in --trace-connections, which has all
 * times. */
#ifndef SMTPSINK_DOMAINS_H
#define SMTPSINK_DOMAINS_H

#include "sink.h"

#include <stdio.h>

/** The connection names a recipient: counters, and the line of --trace-connections. */
void domains_recipient(struct conn *conn, const char *address);
/** The connection is gone. */
void domains_close(struct conn *conn);
/** One group of lines, or members of an object, for each domain in the order of their first recipients. */
void domains_write_text(const struct sink *sink, FILE *out);
void domains_write_json(const struct sink *sink, FILE *out);
void domains_free(struct sink *sink);

#endif

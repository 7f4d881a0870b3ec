/* msgc.h - options that the documented stanzas of the message service have in common
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef MSGC_H
#define MSGC_H

#include <ec/module.h>

/* corosync has taken the place of what these would tune */
#define MSGC_NO_EFFECT(type_, field_, kind_, deflt_, help_) \
    EC_OPT_ROW(type_, field_, deflt_, .type = EC_TYPE_##kind_, .help = (help_), .flags = EC_OPTION_NO_EFFECT)

#define MSGC_COMMON(type_)                                                                                           \
    MSGC_NO_EFFECT(type_, connect_timeout, INTERVAL, "60", "Time to connect; corosync's token decides."),            \
        MSGC_NO_EFFECT(type_, idle_timeout, INTERVAL, "30", "Time without a packet; corosync's token decides."),     \
        MSGC_NO_EFFECT(type_, keepalive_interval, INTERVAL, "5", "Time between packets; corosync's token decides."), \
        MSGC_NO_EFFECT(type_, reconnect_interval, INTERVAL, "5", "Time to the next attempt; it is one second."),     \
        MSGC_NO_EFFECT(type_, max_backlog, INT, "5000", "Messages that may wait; corosync bounds them."),            \
        MSGC_NO_EFFECT(type_, messages_per_iter, INT, "20", "Messages handled at a time."),                          \
        MSGC_NO_EFFECT(type_, tcpbuf_size, INT, "131072", "Buffer of a connection.")

#endif

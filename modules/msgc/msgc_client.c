/* msgc_client.c - the documented stanza of the cluster's message client
 * SPDX-License-Identifier: Apache-2.0
 *
 * Messages go through the corosync of the host, which needs no client to be configured: the stanza is
 * accepted. */
#include <ec/module.h>

#include "msgc.h"

struct msgc_client {
    const char *const *server;
    const char *bind_address;
    apr_int64_t max_backlog, messages_per_iter, tcpbuf_size;
    apr_interval_time_t connect_timeout, idle_timeout, keepalive_interval, reconnect_interval;
};

static const ec_option_t options[] = {
    MSGC_NO_EFFECT(struct msgc_client, server, LIST, "(\"127.0.0.1:4809\")",
                   "Message services to connect to."),
    MSGC_NO_EFFECT(struct msgc_client, bind_address, STRING, NULL, "Address to connect from."),
    MSGC_COMMON(struct msgc_client), EC_OPT_END
};

EC_MODULE(msgc_client, struct msgc_client, .summary = "accepted; corosync carries the messages",
          .options = options, .is_resident = 1);

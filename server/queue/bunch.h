/* bunch.h - messages on their way into queues, many in one post
 * SPDX-License-Identifier: Apache-2.0
 *
 * What a start finds in the spool, and what leaves a queue whose binding is gone, travels so: a post for each
 * of a million would cost more than reading them.  A loop takes disk_queue_drain_rate of a bunch per turn,
 * so that mail which arrives meanwhile is not held up. */
#ifndef QUEUE_BUNCH_H
#define QUEUE_BUNCH_H

#include "queue/inside.h"

enum { BUNCH = 512 };

/** A message without its batch, which stays in the spool. */
struct found {
    spool_ref_t *ref;
    apr_time_t received, next;
    apr_uint64_t hash;
    binding_t *binding;
    ec_id_t id;
    apr_uint32_t rcpt;
    apr_uint32_t domain, reply; /* places in the bunch's texts; reply 0: none */
    apr_uint16_t attempts;
    unsigned char flags, dns_failures; /* of the entry */
    unsigned char is_marked;           /* the mark is to be taken back */
    unsigned char is_gateway;
};

typedef struct bunch {
    ec_post_t post;
    queue_set_t *set;
    int n, taken, room;
    void (*worked_off)(void); /* on the loop; NULL: nobody asks */
    char *texts;
    apr_size_t texts_used, texts_room;
    struct found found[];
} bunch_t;

/** For `room` messages, at most BUNCH; room for their texts grows. */
bunch_t *bunch_create(queue_set_t *set, int room);
void bunch_destroy(bunch_t *bunch);
apr_uint32_t bunch_text(bunch_t *bunch, const char *text);
/** Takes the bunch; the queues answer for its messages already (gauge "held"). */
void bunch_send(bunch_t *bunch);
#endif

/* events.c - messages that wait: for a decision, for a snapshot, for room in the bus
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "cluster/machine/replica_private.h"

void replica_events_add(struct replica_events *events, bus_node_t sender, const void *data, apr_size_t length)
{
    struct replica_event *event = malloc(sizeof(*event) + length);

    if (event == NULL)
        abort();
    event->next = NULL;
    event->sender = sender;
    event->length = length;
    memcpy(event->data, data, length);
    *(events->last != NULL ? &events->last->next : &events->first) = event;
    events->last = event;
    events->bytes += length;
}

struct replica_event *replica_events_take(struct replica_events *events)
{
    struct replica_event *event = events->first;

    if (event == NULL)
        return NULL;
    events->first = event->next;
    if (event->next == NULL)
        events->last = NULL;
    events->bytes -= event->length;
    return event;
}

void replica_events_clear(struct replica_events *events)
{
    struct replica_event *event;

    while ((event = replica_events_take(events)) != NULL)
        free(event);
}

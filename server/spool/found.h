/* found.h - what recovery has found so far: old segments and the messages in them
 * SPDX-License-Identifier: Apache-2.0
 *
 * A model of the store, built record by record in the order of the log.  Each old segment has
 * its messages in the order of their offsets, so a record's place is looked up by two binary
 * searches and there is no table of all messages.  Envelopes are kept as they are in the
 * record, in areas that go with their segment.
 * Thread: recovery. */
#ifndef SPOOL_FOUND_H
#define SPOOL_FOUND_H

#include "spool/store.h"

typedef struct spool_area spool_area_t;

typedef struct {
    apr_time_t next;
    char *reply;                  /* in the segment's areas; NULL: none */
    apr_uint16_t attempts;
    apr_uint16_t room;            /* of reply */
} spool_known_t;

/** A message.  `ref` is NULL when it is settled or was replaced by a copy. */
typedef struct {
    spool_ref_t *ref;
    unsigned char *meta;          /* of its record, in the segment's areas */
    spool_known_t *known;         /* one each recipient, likewise; NULL: nobody was tried */
    apr_uint32_t offset, n_meta;
} spool_found_message_t;

/** An old segment. */
typedef struct {
    apr_uint32_t sequence;
    apr_size_t seal;              /* its end, by a later segment; 0: none */
    spool_segment_t *segment;     /* made when it has been scanned */
    spool_found_message_t *messages;
    apr_size_t n_messages, room_messages, n_live;
    spool_area_t *areas;
} spool_old_t;

typedef struct {
    spool_old_t *segments;        /* by sequence */
    apr_size_t n_segments, room_segments;
    apr_uint32_t highest_slot;    /* of all ids */
} spool_model_t;

void spool_model_add_segment(spool_model_t *model, apr_uint32_t sequence);
void spool_model_sort(spool_model_t *model);
spool_old_t *spool_model_find(spool_model_t *model, apr_uint32_t sequence);
/** A record of `old`, whose segment exists.  Nonsense in it is ignored. */
void spool_model_record(spool_model_t *model, spool_old_t *old, const spool_record_t *record, apr_size_t offset,
                        unsigned char *meta);
/** All envelopes of `old` are gone. */
void spool_old_forget(spool_old_t *old);
/** Frees everything; references that are still here, too. */
void spool_model_free(spool_model_t *model);

#endif

/* reader.h - single records back from disk, on any thread
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef SPOOL_READER_H
#define SPOOL_READER_H

#include "spool/store.h"

/** A whole record whose check sums are right. */
typedef struct {
    unsigned char *bytes;         /* malloc'd */
    spool_record_t record;
} spool_image_t;

/** Read the record at `place`; `most` is the longest it can be.  EC_E_SPOOL_CORRUPT when there is none;
 * an errno code when it can not be read. */
apr_status_t spool_image_read(spool_image_t *image, const spool_t *spool, spool_place_t place,
                              apr_size_t most);
void spool_image_free(spool_image_t *image);

/** The batch of a MESSAGE record, with its body; all recipients as the record has them.  `rcpts` NULL, or
 * set to a malloc'd array whose texts point into the image. */
apr_status_t spool_image_batch(ec_batch_t **batch, const spool_t *spool, const spool_image_t *image,
                               spool_rcpt_t **rcpts);

#endif

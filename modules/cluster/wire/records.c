/* records.c - blocks that wait to be sent, as many in one message as fit
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cluster/wire/records.h"

int records_take(wire_writer_t *waiting, wire_writer_t *writer)
{
    wire_reader_t reader = wire_reader(waiting->data, waiting->length);
    apr_size_t taken = 0;

    while (wire_has_more(&reader)) {
        wire_read_block(&reader);
        if (taken > 0 && (apr_size_t)(reader.at - waiting->data) > RECORDS_BYTES)
            break;
        taken = (apr_size_t)(reader.at - waiting->data);
    }
    if (taken == 0)
        return 0;
    wire_write_raw(writer, waiting->data, taken);
    waiting->length -= taken;
    memmove(waiting->data, waiting->data + taken, waiting->length);
    return 1;
}

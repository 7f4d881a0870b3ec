/* id.h - message, batch and connection ids
 * SPDX-License-Identifier: Apache-2.0
 *
 * log-formats.md section 1: text form XX/XX-PPPPP-XXXXXXXX = counter, process, slot.
 * Each number is written least significant byte first with the two hex digits of each
 * byte swapped.  The slot is the second of issue; when a second has issued 65,536 ids
 * the next slot is taken, so an id is never given twice by one process, and slots only
 * grow. */
#ifndef EC_ID_H
#define EC_ID_H

#include <apr.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    apr_uint32_t slot;
    apr_uint32_t process;
    apr_uint16_t counter;
} ec_id_t;

enum { EC_ID_TEXT = 32 };      /* room for the text form and its NUL */

/** A new id.  Any thread, lock-free. */
ec_id_t ec_id_new(void);
/** Ids issued from now on have slots above this one (recovery calls it with what it finds). */
void ec_id_raise(apr_uint32_t slot);
/** Writes the text into `text` (at least EC_ID_TEXT bytes) and returns it. */
char *ec_id_text(ec_id_t id, char *text);
/** Returns 1 and the id, or 0 when `text` is no id. */
int ec_id_parse(ec_id_t *id, const char *text);
int ec_id_equal(ec_id_t a, ec_id_t b);
int ec_id_is_null(ec_id_t id);

#ifdef __cplusplus
}
#endif
#endif

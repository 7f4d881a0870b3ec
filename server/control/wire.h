/* wire.h - frames between console and server
 * SPDX-License-Identifier: Apache-2.0
 *
 *   0  'E' 'C'      magic
 *   2  1            version of the protocol
 *   3  kind         request: the form wanted (0 text, 1 XML, 2 JSON); answer: its status (0 done, 1 error)
 *   4  length       of what follows, 32 bits, most significant byte first
 *   8  bytes        request: the words of the command, each ended by a NUL; answer: UTF-8 text
 *
 * One answer follows each request, in order.  Pure, without APR: the console uses it as well. */
#ifndef CONTROL_WIRE_H
#define CONTROL_WIRE_H

#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_HEADER = 8,
    WIRE_REQUEST_MAX = 64 * 1024,          /* bytes after the header */
    WIRE_ANSWER_MAX = 64 * 1024 * 1024,
    WIRE_WORDS_MAX = 1024
};

typedef enum { WIRE_TEXT, WIRE_XML, WIRE_JSON, WIRE_FORMS } wire_form_t;
typedef enum { WIRE_DONE, WIRE_ERROR, WIRE_STATUSES } wire_status_t;

typedef struct {
    int kind;
    uint32_t length;
} wire_header_t;

void wire_header_put(unsigned char bytes[WIRE_HEADER], int kind, uint32_t length);

/** Read the header at the beginning of `bytes`.  1: it is there; 0: more bytes are needed; -1: this is not our
 * protocol, or the kind is not below `kinds`, or the length above `max` (known as soon as a byte is wrong). */
int wire_header_get(wire_header_t *header, const unsigned char *bytes, size_t length, int kinds, uint32_t max);

/** Split the bytes of a request into words, which point into `bytes`.  Returns how many, or -1 when it is no list of
 * NUL-ended words or has more than `max`. */
int wire_words_get(const char **words, int max, const char *bytes, size_t length);

/** Put words into `bytes` as a request has them.  Returns their length, or 0 when they do not fit `room` (or there are
 * none). */
size_t wire_words_put(char *bytes, size_t room, const char *const *words, int n);

/** "text", "xml", "json"; -1 when unknown. */
int wire_form_parse(const char *name);
#endif

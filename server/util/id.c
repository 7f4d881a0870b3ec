/* id.c - issue, print and read ids
 * SPDX-License-Identifier: Apache-2.0
 *
 * The last id issued is one number, slot << 16 | counter.  The next one is the larger
 * of "now, counter 0" and "the last one plus 1", so a full second carries over into
 * the next slot, and a clock that steps back changes nothing.  Thread: any. */
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <apr_time.h>
#include <ec/id.h>

enum { COUNTER_BITS = 16, COUNTER_MAX = 0xFFFF, PROCESS_DIGITS = 5 };

static _Atomic apr_uint64_t last_issued;

ec_id_t ec_id_new(void)
{
    apr_uint64_t now = (apr_uint64_t)apr_time_sec(apr_time_now()) << COUNTER_BITS;
    apr_uint64_t last = atomic_load_explicit(&last_issued, memory_order_relaxed);
    apr_uint64_t next;
    ec_id_t id;

    do {
        next = last + 1 > now ? last + 1 : now;
    } while (!atomic_compare_exchange_weak(&last_issued, &last, next));
    id.slot = (apr_uint32_t)(next >> COUNTER_BITS);
    id.counter = (apr_uint16_t)(next & COUNTER_MAX);
    id.process = (apr_uint32_t)getpid(); /* asked each time: a daemon forks after start */
    return id;
}

void ec_id_raise(apr_uint32_t slot)
{
    apr_uint64_t floor = ((apr_uint64_t)slot << COUNTER_BITS) | COUNTER_MAX;
    apr_uint64_t last = atomic_load_explicit(&last_issued, memory_order_relaxed);

    while (last < floor && !atomic_compare_exchange_weak(&last_issued, &last, floor)) {
    }
}

/* ---- text form ------------------------------------------------------------ */

static const char hex[] = "0123456789ABCDEF";

static char *put_byte(char *text, unsigned byte)
{
    *text++ = hex[byte & 15];
    *text++ = hex[byte >> 4 & 15];
    return text;
}

/* Decimal, with PROCESS_DIGITS at least.  This runs three times for every line of a log. */
static char *put_process(char *text, apr_uint32_t process)
{
    char digits[10];
    int n = 0;

    do {
        digits[n++] = (char)('0' + process % 10);
        process /= 10;
    } while (process > 0);
    while (n < PROCESS_DIGITS) {
        digits[n++] = '0';
    }
    while (n > 0) {
        *text++ = digits[--n];
    }
    return text;
}

char *ec_id_text(ec_id_t id, char *text)
{
    char *at = put_byte(text, id.counter & 255);

    *at++ = '/';
    at = put_byte(at, id.counter >> 8);
    *at++ = '-';
    at = put_process(at, id.process);
    *at++ = '-';
    for (int shift = 0; shift < 32; shift += 8) {
        at = put_byte(at, id.slot >> shift & 255);
    }
    *at = '\0';
    return text;
}

/* Reads a byte written by put_byte(); -1 when it is none. */
static int get_byte(const char *text)
{
    const char *low = text[0] != '\0' ? strchr(hex, text[0]) : NULL;
    const char *high = low != NULL && text[1] != '\0' ? strchr(hex, text[1]) : NULL;

    return high == NULL ? -1 : (int)((high - hex) << 4 | (low - hex));
}

/* Only the form that ec_id_text() writes is an id, so that equal ids have equal texts. */
static const char *get_process(apr_uint32_t *process, const char *text)
{
    apr_uint64_t value = 0;
    int digits = 0;

    while (text[digits] >= '0' && text[digits] <= '9') {
        value = value * 10 + (apr_uint64_t)(text[digits++] - '0');
        if (value > APR_UINT32_MAX) {
            return NULL;
        }
    }
    if (digits < PROCESS_DIGITS || (digits > PROCESS_DIGITS && text[0] == '0')) {
        return NULL;
    }
    *process = (apr_uint32_t)value;
    return text + digits;
}

int ec_id_parse(ec_id_t *id, const char *text)
{
    int low = get_byte(text);
    int high = low >= 0 && text[2] == '/' ? get_byte(text + 3) : -1;
    const char *at = high >= 0 && text[5] == '-' ? get_process(&id->process, text + 6) : NULL;

    if (at == NULL || *at++ != '-') {
        return 0;
    }
    id->counter = (apr_uint16_t)(high << 8 | low);
    id->slot = 0;
    for (int shift = 0; shift < 32; shift += 8, at += 2) {
        int byte = get_byte(at);

        if (byte < 0) {
            return 0;
        }
        id->slot |= (apr_uint32_t)byte << shift;
    }
    return *at == '\0';
}

int ec_id_equal(ec_id_t a, ec_id_t b)
{
    return a.slot == b.slot && a.process == b.process && a.counter == b.counter;
}

int ec_id_is_null(ec_id_t id)
{
    return id.slot == 0 && id.process == 0 && id.counter == 0;
}

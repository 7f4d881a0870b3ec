/* packet.c - what we want to know of a DNS answer, read from its wire form
 * SPDX-License-Identifier: Apache-2.0 (RFC 1035 4.1)
 *
 * The resolver has already followed CNAME chains and thrown away records that do not belong to the question,
 * so here the type alone decides. */
#include <arpa/inet.h>
#include <stddef.h>
#include <string.h>

#include "dns/packet.h"

enum { HEADER_SIZE = 12, CLASS_IN = 1, POINTERS_MAX = 64, WIRE_NAME_MAX = 255 };
enum { TTL_MAX = 0x7fffffff, TTL_UNKNOWN = 60 }; /* the second: of an answer that says nothing about it */

/* A place in the packet.  Reading past the end sets is_bad and gives 0 from then on. */
struct cursor {
    const unsigned char *packet;
    apr_size_t length, at;
    int is_bad;
};

struct record {
    int type, class;
    apr_uint32_t ttl;
    apr_size_t data, size; /* rdata: offset and length, inside the packet */
};

static int has(struct cursor *from, apr_size_t bytes)
{
    if (from->is_bad || from->length - from->at < bytes) {
        from->is_bad = 1;
        return 0;
    }
    return 1;
}

static apr_uint32_t read_number(struct cursor *from, int bytes)
{
    apr_uint32_t value = 0;

    if (!has(from, (apr_size_t)bytes)) {
        return 0;
    }
    for (int i = 0; i < bytes; i++) {
        value = value << 8 | from->packet[from->at++];
    }
    return value;
}

/* Go over a name without looking into it; a pointer ends it. */
static void skip_name(struct cursor *from)
{
    while (has(from, 1)) {
        unsigned char length = from->packet[from->at++];

        if (length == 0) {
            return;
        }
        if ((length & 0xc0) == 0xc0) {
            from->at += has(from, 1);
            return;
        }
        if ((length & 0xc0) != 0 || !has(from, length)) {
            from->is_bad = 1;
            return;
        }
        from->at += length;
    }
}

/* Follow compression pointers at `at`.  Pointers must go backwards, which ends every loop.  0: malformed. */
static int follow(const struct cursor *in, apr_size_t *at)
{
    apr_size_t target;

    for (int i = 0; i < POINTERS_MAX; i++) {
        if (*at >= in->length) {
            return 0;
        }
        if ((in->packet[*at] & 0xc0) == 0) {
            return 1;
        }
        if ((in->packet[*at] & 0xc0) != 0xc0 || *at + 1 >= in->length) {
            return 0;
        }
        target = (apr_size_t)(in->packet[*at] & 0x3f) << 8 | in->packet[*at + 1];
        if (target >= *at) {
            return 0;
        }
        *at = target;
    }
    return 0;
}

enum name_kind { NAME_BAD, NAME_ROOT, NAME_HOST };

/* Text of the name at `at`.  Labels that would be ambiguous as text (a dot or a NUL inside) are bad. */
static enum name_kind read_name(const struct cursor *in, apr_size_t at, char name[DNS_NAME_ROOM])
{
    char text[WIRE_NAME_MAX + 1];
    apr_size_t used = 0, label;

    for (;;) {
        if (!follow(in, &at)) {
            return NAME_BAD;
        }
        label = in->packet[at++];
        if (label == 0) {
            break;
        }
        if (in->length - at < label || used + label + 1 > WIRE_NAME_MAX ||
            memchr(in->packet + at, '.', label) != NULL) {
            return NAME_BAD;
        }
        memcpy(text + used, in->packet + at, label);
        used += label;
        text[used++] = '.';
        at += label;
    }
    if (used == 0) {
        return NAME_ROOT;
    }
    return dns_name_clean(name, text, used) ? NAME_HOST : NAME_BAD;
}

static int read_record(struct cursor *from, struct record *record)
{
    skip_name(from);
    record->type = (int)read_number(from, 2);
    record->class = (int)read_number(from, 2);
    record->ttl = read_number(from, 4);
    record->size = read_number(from, 2);
    record->data = from->at;
    if (!has(from, record->size)) {
        return 0;
    }
    from->at += record->size;
    if (record->ttl > TTL_MAX) {
        record->ttl = 0; /* RFC 2181 8: the top bit set means 0 */
    }
    return 1;
}

static void lower_ttl(dns_answer_t *answer, apr_uint32_t ttl)
{
    if (ttl < answer->ttl) {
        answer->ttl = ttl;
    }
}

/* Readers of one record's data; 0: of no use. */
typedef int data_fn(dns_answer_t *answer, const struct cursor *in, const struct record *record);

static int read_mx(dns_answer_t *answer, const struct cursor *in, const struct record *record)
{
    dns_mx_t *mx = &answer->mx[answer->n_mx];
    enum name_kind kind;

    if (record->size < 3 || answer->n_mx == DNS_MX_MAX) {
        return 0;
    }
    kind = read_name(in, record->data + 2, mx->name);
    mx->preference = in->packet[record->data] << 8 | in->packet[record->data + 1];
    answer->n_root += kind == NAME_ROOT;
    answer->n_mx += kind == NAME_HOST;
    return kind != NAME_BAD;
}

static int read_address(dns_answer_t *answer, const struct cursor *in, const struct record *record,
                        int family, apr_size_t size)
{
    if (record->size != size || answer->n_addresses == DNS_MAX_ADDRESSES) {
        return 0;
    }
    inet_ntop(family, in->packet + record->data, answer->address[answer->n_addresses++], DNS_ADDRESS_ROOM);
    return 1;
}

static int read_a(dns_answer_t *answer, const struct cursor *in, const struct record *record)
{
    return read_address(answer, in, record, AF_INET, 4);
}

static int read_aaaa(dns_answer_t *answer, const struct cursor *in, const struct record *record)
{
    return read_address(answer, in, record, AF_INET6, 16);
}

static int read_txt(dns_answer_t *answer, const struct cursor *in, const struct record *record)
{
    apr_size_t at = record->data, end = record->data + record->size, used = 0;
    char *text;

    if (answer->n_texts == DNS_TEXTS_MAX || record->size == 0) {
        return 0;
    }
    text = answer->text[answer->n_texts];
    while (at < end) {
        apr_size_t length = in->packet[at++];

        if (length > end - at || used + length + 1 > DNS_TEXT_ROOM ||
            memchr(in->packet + at, '\0', length) != NULL) {
            return 0;
        }
        memcpy(text + used, in->packet + at, length);
        used += length;
        at += length;
    }
    text[used] = '\0';
    answer->n_texts++;
    return 1;
}

static int read_ptr(dns_answer_t *answer, const struct cursor *in, const struct record *record)
{
    char name[DNS_NAME_ROOM];

    if (answer->n_texts == DNS_TEXTS_MAX || record->size == 0 || read_name(in, record->data, name) != NAME_HOST) {
        return 0;
    }
    strcpy(answer->text[answer->n_texts++], name);
    return 1;
}

static const struct {
    int type;
    data_fn *read;
} readers[] = {
    { DNS_TYPE_A, read_a },
    { DNS_TYPE_AAAA, read_aaaa },
    { DNS_TYPE_MX, read_mx },
    { DNS_TYPE_TXT, read_txt },
    { DNS_TYPE_PTR, read_ptr },
};

static data_fn *reader_of(int type)
{
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (readers[i].type == type) {
            return readers[i].read;
        }
    }
    return NULL;
}

static void read_answers(dns_answer_t *answer, struct cursor *from, int count, int type, data_fn *read)
{
    struct record record;

    for (int i = 0; i < count && read_record(from, &record); i++) {
        if (record.class != CLASS_IN || (record.type != type && record.type != DNS_TYPE_CNAME)) {
            continue;
        }
        lower_ttl(answer, record.ttl);
        if (record.type == type) {
            answer->n_refused += !read(answer, from, &record);
        }
    }
}

/* A negative answer lives as long as the SOA beside it says (RFC 2308 5). */
static void read_authority(dns_answer_t *answer, struct cursor *from, int count)
{
    struct record record;

    for (int i = 0; i < count && read_record(from, &record); i++) {
        if (record.type == DNS_TYPE_SOA && record.class == CLASS_IN && record.size >= 22) {
            struct cursor minimum = { from->packet, from->length, record.data + record.size - 4, 0 };

            lower_ttl(answer, record.ttl);
            lower_ttl(answer, read_number(&minimum, 4));
        }
    }
}

apr_status_t dns_packet_read(dns_answer_t *answer, const unsigned char *packet, apr_size_t length, int type)
{
    struct cursor from = { packet, length, 0, 0 };
    data_fn *read = reader_of(type);
    int flags, questions, answers, authorities;

    memset(answer, 0, offsetof(dns_answer_t, mx));
    answer->n_root = answer->n_refused = answer->n_addresses = answer->n_texts = 0;
    answer->ttl = TTL_MAX;
    EC_ASSERT(read != NULL);
    if (length < HEADER_SIZE) {
        return EC_E_SYNTAX;
    }
    from.at = 2;
    flags = (int)read_number(&from, 2);
    questions = (int)read_number(&from, 2);
    answers = (int)read_number(&from, 2);
    authorities = (int)read_number(&from, 2);
    from.at = HEADER_SIZE;
    answer->rcode = flags & 0x0f;
    if ((flags & 0x8000) == 0 || questions > 1 || answers > DNS_RECORDS_MAX ||
        authorities > DNS_RECORDS_MAX) {
        return EC_E_SYNTAX;
    }
    if (questions == 1) {
        skip_name(&from);
        read_number(&from, 4);
    }
    read_answers(answer, &from, answers, type, read);
    if (answer->n_mx + answer->n_root + answer->n_addresses == 0) {
        read_authority(answer, &from, authorities);
    }
    if (answer->ttl == TTL_MAX) {
        answer->ttl = TTL_UNKNOWN;
    }
    return from.is_bad ? EC_E_SYNTAX : APR_SUCCESS;
}

/* packet_test.c - reading DNS answers, also hostile ones
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "dns/packet.h"
#include "runner.h"

/* clang-format off: wire forms are easier to read as they are */
/* header: id, flags (answer), 1 question, counts; question: a.test <type> IN */
#define HEAD(answers, authorities) "\x12\x34\x81\x80\0\x1\0" answers "\0" authorities "\0\0"
#define ASK(type) \
    "\x1"         \
    "a\x4test\0\0" type "\0\x1"
#define NAME                    "\xc0\x0c" /* pointer to the question's name */
#define RECORD(type, ttl, size) NAME "\0" type "\0\x1" ttl "\0" size
#define TTL60                   "\0\0\0\x3c"
#define TTL10                   "\0\0\0\x0a"
#define W(text)                 text, sizeof(text) - 1

static const struct {
    const char *name;
    const char *wire;
    apr_size_t length;
    int type;
    apr_status_t rv;
    int rcode;
    unsigned ttl;
    int n_mx, n_root, n_refused, n_addresses;
    const char *first;
} cases[] = {
    { "one address", W(HEAD("\x1", "\0") ASK("\x1") RECORD("\x1", TTL60, "\x4") "\x7f\0\0\x2"), DNS_TYPE_A,
      APR_SUCCESS, 0, 60, 0, 0, 0, 1, "127.0.0.2" },
    { "least ttl",
      W(HEAD("\x2", "\0") ASK("\x1")
            RECORD("\x1", TTL60, "\x4") "\x7f\0\0\x2" RECORD("\x1", TTL10, "\x4") "\x7f\0\0\x3"),
      DNS_TYPE_A, APR_SUCCESS, 0, 10, 0, 0, 0, 2, "127.0.0.2" },
    { "address of a wrong size", W(HEAD("\x1", "\0") ASK("\x1") RECORD("\x1", TTL60, "\x3") "\x7f\0\0"),
      DNS_TYPE_A, APR_SUCCESS, 0, 60, 0, 0, 1, 0, NULL },
    { "six",
      W(HEAD("\x1", "\0") ASK("\x1c") RECORD("\x1c", TTL60, "\x10") "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x1"),
      DNS_TYPE_AAAA, APR_SUCCESS, 0, 60, 0, 0, 0, 1, "::1" },
    { "mx, pointer inside", W(HEAD("\x1", "\0") ASK("\xf") RECORD("\xf", TTL60, "\x6") "\0\xa\x1M" NAME),
      DNS_TYPE_MX, APR_SUCCESS, 0, 60, 1, 0, 0, 0, "m.a.test" },
    { "null mx", W(HEAD("\x1", "\0") ASK("\xf") RECORD("\xf", TTL60, "\x3") "\0\0\0"), DNS_TYPE_MX,
      APR_SUCCESS, 0, 60, 0, 1, 0, 0, NULL },
    { "mx with a dot in a label",
      W(HEAD("\x1", "\0") ASK("\xf") RECORD("\xf", TTL60, "\x8") "\0\xa\x3"
                                                                 "a.b" NAME),
      DNS_TYPE_MX, APR_SUCCESS, 0, 60, 0, 0, 1, 0, NULL },
    { "mx with a NUL in a label",
      W(HEAD("\x1", "\0") ASK("\xf") RECORD("\xf", TTL60, "\x8") "\0\xa\x3"
                                                                 "a\0b" NAME),
      DNS_TYPE_MX, APR_SUCCESS, 0, 60, 0, 0, 1, 0, NULL },
    { "mx with a line feed",
      W(HEAD("\x1", "\0") ASK("\xf") RECORD("\xf", TTL60, "\x8") "\0\xa\x3"
                                                                 "a\nb" NAME),
      DNS_TYPE_MX, APR_SUCCESS, 0, 60, 0, 0, 1, 0, NULL },
    { "pointer to itself", W(HEAD("\x1", "\0") ASK("\xf") RECORD("\xf", TTL60, "\x4") "\0\xa\xc0\x26"),
      DNS_TYPE_MX, APR_SUCCESS, 0, 60, 0, 0, 1, 0, NULL },
    { "pointer forward", W(HEAD("\x1", "\0") ASK("\xf") RECORD("\xf", TTL60, "\x4") "\0\xa\xc0\xff"),
      DNS_TYPE_MX, APR_SUCCESS, 0, 60, 0, 0, 1, 0, NULL },
    { "name runs out",
      W(HEAD("\x1", "\0") ASK("\xf") RECORD("\xf", TTL60, "\x5") "\0\xa\x9"
                                                                 "ab"),
      DNS_TYPE_MX, APR_SUCCESS, 0, 60, 0, 0, 1, 0, NULL },
    { "record runs out", W(HEAD("\x1", "\0") ASK("\xf") RECORD("\xf", TTL60, "\x9") "\0\xa"), DNS_TYPE_MX,
      EC_E_SYNTAX, 0, 60, 0, 0, 0, 0, NULL },
    { "fewer records than told", W(HEAD("\x2", "\0") ASK("\x1") RECORD("\x1", TTL60, "\x4") "\x7f\0\0\x2"),
      DNS_TYPE_A, EC_E_SYNTAX, 0, 0, 0, 0, 0, 1, NULL },
    { "too many records", W("\x12\x34\x81\x80\0\x1\xff\xff\0\0\0\0" ASK("\x1")), DNS_TYPE_A, EC_E_SYNTAX, 0,
      0, 0, 0, 0, 0, NULL },
    { "a question", W("\x12\x34\x01\x00\0\x1\0\0\0\0\0\0" ASK("\x1")), DNS_TYPE_A, EC_E_SYNTAX, 0, 0, 0, 0, 0,
      0, NULL },
    { "too short", W("\x12\x34\x81\x80\0\x1\0\0\0\0"), DNS_TYPE_A, EC_E_SYNTAX, 0, 0, 0, 0, 0, 0, NULL },
    { "nxdomain", W("\x12\x34\x81\x83\0\x1\0\0\0\0\0\0" ASK("\x1")), DNS_TYPE_A, APR_SUCCESS, 3, 60, 0, 0, 0,
      0, NULL },
    { "other class", W(HEAD("\x1", "\0") ASK("\x1") NAME "\0\x1\0\x3" TTL60 "\0\x4\x7f\0\0\x2"), DNS_TYPE_A,
      APR_SUCCESS, 0, 60, 0, 0, 0, 0, NULL },
    { "ttl of no data",
      W(HEAD("\0", "\x1") ASK("\x1")
            RECORD("\x6", TTL60, "\x16") "\0\0\0\0\0\x1\0\0\0\x1\0\0\0\x1\0\0\0\x1\0\0\0\x7"),
      DNS_TYPE_A, APR_SUCCESS, 0, 7, 0, 0, 0, 0, NULL },
    { "ttl with the top bit",
      W(HEAD("\x1", "\0") ASK("\x1") RECORD("\x1", "\x80\0\0\x1", "\x4") "\x7f\0\0\x2"), DNS_TYPE_A,
      APR_SUCCESS, 0, 0, 0, 0, 0, 1, "127.0.0.2" },
};

/* clang-format on */
START_TEST(read_packet)
{
    static dns_answer_t answer;
    apr_size_t length = cases[_i].length;
    unsigned char *wire = malloc(length); /* its own block, so that the sanitizer sees the end */
    apr_status_t rv;

    memcpy(wire, cases[_i].wire, length);
    rv = dns_packet_read(&answer, wire, length, cases[_i].type);
    free(wire);
    ck_assert_msg(rv == cases[_i].rv, "%s: rv %d", cases[_i].name, rv);
    if (rv != APR_SUCCESS) {
        return;
    }
    ck_assert_msg(answer.rcode == cases[_i].rcode && answer.ttl == cases[_i].ttl &&
                      answer.n_mx == cases[_i].n_mx && answer.n_root == cases[_i].n_root &&
                      answer.n_refused == cases[_i].n_refused && answer.n_addresses == cases[_i].n_addresses,
                  "%s: rcode %d ttl %u mx %d root %d refused %d addresses %d", cases[_i].name, answer.rcode,
                  answer.ttl, answer.n_mx, answer.n_root, answer.n_refused, answer.n_addresses);
    if (cases[_i].first != NULL) {
        ck_assert_str_eq(answer.n_mx > 0 ? answer.mx[0].name : answer.address[0], cases[_i].first);
    }
}
END_TEST

static void add(Suite *suite)
{
    tcase_add_loop_test(test_case(suite, "packet", 10), read_packet, 0, TEST_COUNT(cases));
}

TEST_MAIN("dns/packet", add)

/* address_test.c - paths and parameters of MAIL and RCPT
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "smtp/address.h"
#include "runner.h"

#define X10 "xxxxxxxxxx"
#define X60 X10 X10 X10 X10 X10 X10
#define L63 X60 "xxx"

static const struct {
    const char *path;
    const char *want; /* NULL: refused */
    const char *rest; /* what is left, or the beginning of the refusal */
} paths[] = {
    { "<>", "", "" },
    { "<a@b.example>", "a@b.example", "" },
    { "<a@b.example> SIZE=1", "a@b.example", " SIZE=1" },
    { "<A.b+c-d_e@B.Example>", "A.b+c-d_e@B.Example", "" },
    { "<!#$%&'*+-/=?^_`{|}~@b.example>", "!#$%&'*+-/=?^_`{|}~@b.example", "" },
    { "<postmaster>", "postmaster", "" },
    { "<a@localhost>", "a@localhost", "" },
    { "<a@1.example>", "a@1.example", "" },
    { "<a@x-1.example>", "a@x-1.example", "" },
    { "<\"a b\"@b.example>", "\"a b\"@b.example", "" },
    { "<\"a@b\"@c.example>", "\"a@b\"@c.example", "" },
    { "<\"a\\\"b>\"@c.example>", "\"a\\\"b>\"@c.example", "" },
    { "<\"\"@c.example>", "\"\"@c.example", "" },
    { "<a@[127.0.0.1]>", "a@[127.0.0.1]", "" },
    { "<a@[IPv6:2001:db8::1]>", "a@[IPv6:2001:db8::1]", "" },
    { "<a@[ipv6:::1]>", "a@[ipv6:::1]", "" },
    { "<@r.example:a@b.example>", "a@b.example", "" },
    { "<@r.example,@s.example:a@b.example>", "a@b.example", "" },
    { "<" X60 "xxxx@b.example>", X60 "xxxx@b.example", "" },
    { "<a@" L63 "." L63 "." L63 ".example>", "a@" L63 "." L63 "." L63 ".example", "" },
    /* refused */
    { "", NULL, "5.1.3" },
    { "a@b.example", NULL, "5.1.3" },
    { "<", NULL, "5.1.3" },
    { "<a@b.example", NULL, "5.1.3" },
    { "<a@b.example\">", NULL, "5.1.3" },
    { "<a@>", NULL, "5.1.3" },
    { "<@b.example>", NULL, "5.1.3" },
    { "<@b.example:>", NULL, "5.1.3" },
    { "<@b.example,a@b.example>", NULL, "5.1.3" },
    { "<@:a@b.example>", NULL, "5.1.3" },
    { "< a@b.example>", NULL, "5.1.3" },
    { "<a@b.example >", NULL, "5.1.3" },
    { "<a b@c.example>", NULL, "5.1.3" },
    { "<a@b@c.example>", NULL, "5.1.3" },
    { "<a..b@c.example>", NULL, "5.1.3" },
    { "<.a@c.example>", NULL, "5.1.3" },
    { "<a.@c.example>", NULL, "5.1.3" },
    { "<a@.example>", NULL, "5.1.3" },
    { "<a@b..example>", NULL, "5.1.3" },
    { "<a@b.example.>", NULL, "5.1.3" },
    { "<a@-b.example>", NULL, "5.1.3" },
    { "<a@b-.example>", NULL, "5.1.3" },
    { "<a@b-.>", NULL, "5.1.3" },
    { "<a@b_c.example>", NULL, "5.1.3" },
    { "<a@" L63 "x.example>", NULL, "5.1.3" },
    { "<a@" L63 "." L63 "." L63 "." L63 ">", NULL, "5.1.3" },
    { "<" X60 "xxxxx@b.example>", NULL, "5.1.3 Address too long" },
    { "<\"a@b.example>", NULL, "5.1.3" },
    { "<\"a\"b@c.example>", NULL, "5.1.3" },
    { "<\"a\\>", NULL, "5.1.3" },
    { "<\"a\001\"@c.example>", NULL, "5.1.3" },
    { "<a\001@c.example>", NULL, "5.1.3" },
    { "<a(comment)@c.example>", NULL, "5.1.3" },
    { "<caf\303\251@c.example>", NULL, "5.6.7" },
    { "<a@caf\303\251.example>", NULL, "5.6.7" },
    { "<\"caf\303\251\"@c.example>", NULL, "5.6.7" },
    { "<a@[127.0.0.1>", NULL, "5.1.3" },
    { "<a@[127.0.0.1]x>", NULL, "5.1.3" },
    { "<a@[127.0.0.256]>", NULL, "5.1.3" },
    { "<a@[]>", NULL, "5.1.3" },
    { "<a@[IPv6:]>", NULL, "5.1.3" },
    { "<a@[IPv6:127.0.0.1]>", NULL, "5.1.3" },
    { "<a@[2001:db8::1]>", NULL, "5.1.3" },
    { "<a@[tag:content]>", NULL, "5.1.3" },
    { "<<a@b.example>>", NULL, "5.1.3" },
    { "<a@b.example;>", NULL, "5.1.3" },
    { "<a%b@c.example>x", "a%b@c.example", "x" },
};

START_TEST(path)
{
    const char *text = paths[_i].path;
    const char *why = NULL;
    smtp_address_t address;
    apr_status_t rv = smtp_address_parse(&address, &text, &why);

    if (paths[_i].want == NULL) {
        ck_assert_msg(rv != APR_SUCCESS, "accepted: %s", paths[_i].path);
        ck_assert_str_eq(text, paths[_i].path);
        ck_assert_msg(strncmp(why, paths[_i].rest, strlen(paths[_i].rest)) == 0, "%s: %s", paths[_i].path,
                      why);
        return;
    }
    ck_assert_msg(rv == APR_SUCCESS, "refused: %s: %s", paths[_i].path, why);
    ck_assert_str_eq(address.text, paths[_i].want);
    ck_assert_str_eq(text, paths[_i].rest);
    if (address.text[address.local_length] != '\0') {
        ck_assert_int_eq(address.text[address.local_length], '@');
    }
}
END_TEST

static const struct {
    const char *text;
    int n;            /* -1: malformed */
    const char *want; /* name=value;name=value */
} params[] = {
    { "", 0, "" },
    { " ", 0, "" },
    { " SIZE=100", 1, "SIZE=100;" },
    { " SIZE=100 BODY=8BITMIME", 2, "SIZE=100;BODY=8BITMIME;" },
    { "  SIZE=100  X ", 2, "SIZE=100;X;" },
    { " X-Y-1", 1, "X-Y-1;" },
    { " 1a=b", 1, "1a=b;" },
    { " A=~!@#$%^&*()", 1, "A=~!@#$%^&*();" },
    { "SIZE=100", -1, NULL },
    { " SIZE=", -1, NULL },
    { " =1", -1, NULL },
    { " -a", -1, NULL },
    { " a==b", -1, NULL },
    { " a=b=c", -1, NULL },
    { " a_b=c", -1, NULL },
    { " a=\303\251", -1, NULL },
    { " a\tb", -1, NULL },
    { " a=b\tc", -1, NULL },
    { " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16", 16, "1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;" },
    { " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17", -1, NULL },
};

START_TEST(param)
{
    smtp_param_t found[SMTP_PARAMS_MAX];
    char text[200];
    char got[200] = "";
    int n;

    strcpy(text, params[_i].text);
    n = smtp_params_split(text, found);
    ck_assert_int_eq(n, params[_i].n);
    for (int i = 0; i < n; i++) {
        apr_size_t at = strlen(got);

        snprintf(got + at, sizeof got - at, "%s%s%s;", found[i].name, found[i].value == NULL ? "" : "=",
                 found[i].value == NULL ? "" : found[i].value);
    }
    if (n >= 0) {
        ck_assert_str_eq(got, params[_i].want);
    }
}
END_TEST

/* Every text cut at every place, and every byte in place of every other: no crash, and never an answer that
 * could not be written into a command again. */
START_TEST(hostile)
{
    const char *base = paths[_i].path;
    char text[600];

    for (apr_size_t at = 0; at < strlen(base); at++) {
        for (int byte = 0; byte < 256; byte++) {
            smtp_address_t address;
            const char *p = text;
            const char *why;

            strcpy(text, base);
            text[at] = (char)byte;
            if (smtp_address_parse(&address, &p, &why) == APR_SUCCESS) {
                int is_right = strlen(address.text) < sizeof address.text && p > text && p <= text + strlen(text);

                for (const char *c = address.text; *c != '\0'; c++) {
                    is_right &= *c >= ' ' && *c <= '~';
                }
                if (!is_right) { /* each assertion costs a system call: not one a byte */
                    ck_abort_msg("\"%s\" gives \"%s\"", text, address.text);
                }
            }
        }
    }
}
END_TEST

START_TEST(domains)
{
    ck_assert(smtp_domain_valid("a.example"));
    ck_assert(smtp_domain_valid("1.2.3.4"));
    ck_assert(!smtp_domain_valid(""));
    ck_assert(!smtp_domain_valid("."));
    ck_assert(!smtp_domain_valid("a."));
    ck_assert(!smtp_domain_valid("a b"));
    ck_assert(!smtp_domain_valid("[127.0.0.1]"));
    ck_assert(!smtp_domain_valid("a@b"));
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "address", 60);

    tcase_add_loop_test(tcase, path, 0, TEST_COUNT(paths));
    tcase_add_loop_test(tcase, hostile, 0, TEST_COUNT(paths));
    tcase_add_loop_test(tcase, param, 0, TEST_COUNT(params));
    tcase_add_test(tcase, domains);
}

TEST_MAIN("smtp/address", add)

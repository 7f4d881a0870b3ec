/* stuff_test.c - dot-stuffing, with the text cut at every place
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "runner.h"
#include "smtp/out/stuff.h"

static const struct {
    const char *text, *stuffed;
} cases[] = {
    { "", "" },
    { "a", "a" },
    { ".", ".." },
    { "..", "..." },
    { "a.b", "a.b" },
    { "a\r\n.b", "a\r\n..b" },
    { "\r\n.\r\n", "\r\n..\r\n" },
    { ".\r\n.\r\n.", "..\r\n..\r\n.." },
    { "a\n.b", "a\n..b" },
    { "a\r.b", "a\r.b" },
    { "\n\n..\n", "\n\n...\n" },
};

struct out {
    char text[100];
    apr_size_t used;
};

static void put(void *baton, const char *data, apr_size_t len)
{
    struct out *out = baton;

    ck_assert_int_gt(len, 0);
    memcpy(out->text + out->used, data, len);
    out->used += len;
}

START_TEST(stuffed)
{
    const char *text = cases[_i].text;
    apr_size_t length = strlen(text);

    for (apr_size_t cut = 0; cut <= length; cut++) {
        struct out out = { "", 0 };
        char last[2] = { '\r', '\n' };

        stuff(text, cut, last, put, &out);
        stuff(text + cut, length - cut, last, put, &out);
        ck_assert_int_eq(out.used, strlen(cases[_i].stuffed));
        ck_assert_mem_eq(out.text, cases[_i].stuffed, out.used);
        if (length > 1) {
            ck_assert_mem_eq(last, text + length - 2, 2);
        }
    }
}
END_TEST

static void add(Suite *suite)
{
    tcase_add_loop_test(test_case(suite, "stuff", 10), stuffed, 0, TEST_COUNT(cases));
}

TEST_MAIN("smtp/out/stuff", add)

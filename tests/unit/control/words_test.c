/* words_test.c - splitting command lines
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "control/words.h"
#include "runner.h"

static const struct {
    const char *line;
    int n;              /* -1: refused */
    const char *joined; /* words with | between them */
} cases[] = {
    { "", 0, "" },
    { "  \t\r\n", 0, "" },
    { "version", 1, "version" },
    { " config  eval\tx \n", 3, "config|eval|x" },
    { "domain \"a b\"", 2, "domain|a b" },
    { "a\"b c\"d e", 2, "ab cd|e" },
    { "\"\"", 1, "" },
    { "\"\" x", 2, "|x" },
    { "\"say \\\"hi\\\" \\\\ \\n\"", 1, "say \"hi\" \\ \\n" },
    { "a\\b", 1, "a\\b" }, /* outside of quotes a backslash is a letter like others */
    { "a \"b", -1, NULL },
    { "\"a\\\"", -1, NULL },
    { "1 2 3 4", 4, "1|2|3|4" },
    { "1 2 3 4 5", -1, NULL },
};

START_TEST(split)
{
    char line[64], joined[64] = "";
    const char *words[4], *why = NULL;
    int n;

    strcpy(line, cases[_i].line);
    n = words_split(line, words, 4, &why);
    ck_assert_int_eq(n, cases[_i].n);
    if (n < 0) {
        ck_assert_ptr_nonnull(why);
        return;
    }
    for (int i = 0; i < n; i++) {
        strcat(joined, i > 0 ? "|" : "");
        strcat(joined, words[i]);
    }
    ck_assert_str_eq(joined, cases[_i].joined);
}
END_TEST

static void add(Suite *suite)
{
    tcase_add_loop_test(test_case(suite, "words", 10), split, 0, TEST_COUNT(cases));
}

TEST_MAIN("control/words", add)

/* environment_test.c - the lines of etc/environment
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <apr_strings.h>

#include "tools/ec_ctl/environment.h"

/* "NAME=value " of each variable, or "!why". */
static const char *parse_text(const char *text, size_t length, apr_pool_t *pool)
{
    static environment_t environment;
    const char *result = "";
    char why[512];

    memset(&environment, 0, sizeof environment);
    if (environment_parse(&environment, "env", text, length, why, sizeof why) != 0)
        result = apr_pstrcat(pool, "!", why, NULL);
    else
        for (int i = 0; i < environment.n; i++)
            result = apr_pstrcat(pool, result, environment.name[i], "=", environment.value[i], " ", NULL);
    environment_free(&environment);
    return result;
}

static const struct {
    const char *text, *want;
} cases[] = {
    { "", "" },
    { "# comment\n\n  \t\n", "" },
    { "A=b\n", "A=b " },
    { "A=b", "A=b " }, /* no end of the last line */
    { "A=b\r\nC=d\r\n", "A=b C=d " },
    { "  export A=b # why\n", "A=b " },
    { "A=\n", "A= " },
    { "A=b#c\n", "A=b#c " },
    { "A=\"b c\"\nB='d \"e\" $A'\n", "A=b c B=d \"e\" $A " },
    { "A=\"b \\\"c\\\" \\$ \\\\ \\n\"\n", "A=b \"c\" $ \\ \\n " },
    { "A=b'c d'\"e f\"g\n", "A=bc de fg " },
    { "A=x\\ y\n", "A=x y " },
    { "A=/opt\nB=$A/bin\nC=\"${A}/etc:$A\"\n", "A=/opt B=/opt/bin C=/opt/etc:/opt " },
    { "A=1\nA=2\nB=$A\n", "A=1 A=2 B=2 " },
    { "A=[$NOT_SET_ANYWHERE]\n", "A=[] " },
    { "A=[$FROM_US]\n", "A=[ours] " },
    { "A=1\nexport A\n", "A=1 " },
    { "EC_CONF_SEARCH_PATH=/a/{NODENAME}:/b\n", "EC_CONF_SEARCH_PATH=/a/{NODENAME}:/b " },

    { "A=b c\n", "!env:1: there is text behind the value; put a value with spaces in quotes" },
    { "\nA = b\n", "!env:2: not understood; a line is NAME=value without spaces around the \"=\"" },
    { "A\n", "!env:1: not understood; a line is NAME=value without spaces around the \"=\"" },
    { "1A=b\n", "!env:1: not understood; a line is NAME=value, and this file is not run by a shell" },
    { "if true; then\n", "!env:1: not understood; a line is NAME=value without spaces around the \"=\"" },
    { ". /etc/other\n", "!env:1: not understood; a line is NAME=value, and this file is not run by a shell" },
    { "A='b\n", "!env:1: the closing ' is missing" },
    { "A=\"b\n", "!env:1: the closing \" is missing" },
    { "A=\"b\\", "!env:1: the closing \" is missing" },
    { "A=`id`\n", "!env:1: this file is not run by a shell; put a value with ; & | < > ( ) ` in quotes" },
    { "A=\"`id`\"\n", "!env:1: commands in backquotes are not run; write the value itself" },
    { "A=$(id)\n", "!env:1: \"$\" is followed by no name; put the value in '...' when it has a \"$\" in it" },
    { "A=${B:-c}\n", "!env:1: only ${NAME} is understood in braces" },
    { "A=$", "!env:1: \"$\" is followed by no name; put the value in '...' when it has a \"$\" in it" },
    { "A=b;id\n", "!env:1: this file is not run by a shell; put a value with ; & | < > ( ) ` in quotes" },
    { "A=b\\\n", "!env:1: a value does not go on in the next line" },
    { "export\n", "!env:1: not understood; a line is NAME=value without spaces around the \"=\"" },
};

START_TEST(lines)
{
    setenv("FROM_US", "ours", 1);
    ck_assert_str_eq(parse_text(cases[_i].text, strlen(cases[_i].text), test_pool), cases[_i].want);
}
END_TEST

START_TEST(bounds)
{
    char *text = apr_palloc(test_pool, ENVIRONMENT_VALUE_MAX + 16);
    char *many = apr_palloc(test_pool, (ENVIRONMENT_VARIABLES + 1) * 8), *to = many;

    memset(text, 'x', ENVIRONMENT_VALUE_MAX + 16);
    memcpy(text, "A=", 2);
    ck_assert_ptr_nonnull(
        strstr(parse_text(text, ENVIRONMENT_VALUE_MAX + 2, test_pool), "longer than 64 KiB"));
    for (int i = 0; i <= ENVIRONMENT_VARIABLES; i++)
        to += sprintf(to, "A=b\n");
    ck_assert_ptr_nonnull(
        strstr(parse_text(many, (size_t)(to - many), test_pool), "!env:257: more than 256"));
    ck_assert_ptr_nonnull(strstr(parse_text("A=b\0c\n", 6, test_pool), "NUL"));
}
END_TEST

START_TEST(files)
{
    static environment_t environment;
    char path[] = "/tmp/environment_testXXXXXX", why[512] = "";
    int fd = mkstemp(path);

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "A_B_C=7\n", 8), 8);
    ck_assert_msg(environment_read(&environment, path, why, sizeof why) == 1, "%s", why);
    environment_apply(&environment);
    environment_free(&environment);
    ck_assert_str_eq(getenv("A_B_C"), "7");
    fchmod(fd, 0666);
    ck_assert_int_eq(environment_read(&environment, path, why, sizeof why), -1);
    ck_assert_ptr_nonnull(strstr(why, "everyone may write it"));
    unlink(path);
    ck_assert_int_eq(environment_read(&environment, path, why, sizeof why), 0);
    ck_assert_int_eq(environment_read(&environment, "/", why, sizeof why), -1);
    close(fd);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "environment", 60);

    tcase_add_loop_test(tcase, lines, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, bounds);
    tcase_add_test(tcase, files);
}
TEST_MAIN("ec_ctl/environment", add)

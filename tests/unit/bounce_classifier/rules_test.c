/* rules_test.c - rules and their mistakes; the screen changes nothing; agreement with a labelled set of replies
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include <apr_strings.h>

#include "modules/bounce_classifier/literal.h"
#include "modules/bounce_classifier/rules.h"
#include "modules/bounce_classifier/screen.h"
#include "runner.h"

#define RULES   TOP "/modules/bounce_classifier/smtp_classification.ovr"
#define REPLIES TOP "/tests/unit/bounce_classifier/replies.tsv"

static ruleset_t *set;
static matcher_t *matcher;

static void setup(void)
{
    static const char *const custom[] = { "7", "Own", "15", "Policy/Block", NULL };
    const char *why = NULL;

    set = ruleset_create(custom, &why, test_pool);
    ck_assert_msg(set != NULL, "%s", why);
    matcher = matcher_create();
}

static void teardown(void)
{
    ruleset_unref(set);
    matcher_destroy(matcher);
}

static void add_lines(const char *const *lines)
{
    for (int i = 0; lines[i] != NULL; i++) {
        const char *wrong = ruleset_add_line(set, lines[i], "test", i + 1, test_pool);

        ck_assert_msg(wrong == NULL, "%s: %s", lines[i], wrong);
    }
    ruleset_complete(set);
}

/* ---- rules ------------------------------------------------------------------------------------ */

static const char *const some_rules[] = {
    "# a comment",                    /* 1 */
    "   ",                            /* 2 */
    "example.com,15,mailbox",         /* 3 */
    ",22,Mailbox Full",               /* 4 */
    " , 10 , no such|user ",          /* 5 */
    ",7,/^5\\d\\d own[, ]rule$/",     /* 6 */
    ",52,/(?:spam|junk) mail/",       /* 7 */
    ",40,/x?y?/",                     /* 8: fits everything */
    NULL,
};

/* reply, domain, line of the rule, class */
static const struct {
    const char *reply, *domain;
    int line, class;
} matches[] = {
    { "550 MAILBOX  full", "example.org", 4, 22 },
    { "550 mailbox full", "Example.COM", 3, 15 },
    { "550 mailbox\r\nfull", "", 4, 22 },
    { "550 No such thing as this User", "", 5, 10 },
    { "550 user: no such", "", 8, 40 },
    { "550 Own,rule", "", 6, 7 },
    { "550 own rules", "", 8, 40 },
    { "554 JUNK mail", "", 7, 52 },
    { "", "", 8, 40 },
};

START_TEST(the_first_that_fits_decides)
{
    const rule_t *rule;

    add_lines(some_rules);
    ck_assert_int_eq(ruleset_count(set), 6);
    rule = ruleset_match(set, matcher, matches[_i].reply, matches[_i].domain);
    ck_assert_ptr_nonnull(rule);
    ck_assert_int_eq(rule->line, matches[_i].line);
    ck_assert_int_eq(rule->class->code, matches[_i].class);
    ck_assert_str_eq(rule->file, "test");
    ck_assert_ptr_eq(ruleset_match_slowly(set, matcher, matches[_i].reply, matches[_i].domain), rule);
}
END_TEST

START_TEST(no_rule_is_no_answer)
{
    ruleset_complete(set);
    ck_assert_ptr_null(ruleset_match(set, matcher, "550 x", ""));
}
END_TEST

/* line, what is said of it */
static const struct {
    const char *line, *why;
} mistakes[] = {
    { "550 no such user", "domain,code,rule" }, { ",10", "domain,code,rule" }, { ",10,", "is empty" },
    { ",11,x", "no class" },                    { ",,x", "no class" },         { ",1x,x", "no class" },
    { ",10,/(/", "expression is wrong" },       { ",10,|", "wildcards alone" }, { ",-1,x", "no class" },
};

START_TEST(mistakes_are_told)
{
    const char *wrong = ruleset_add_line(set, mistakes[_i].line, "test", 1, test_pool);

    ck_assert_ptr_nonnull(wrong);
    ck_assert_msg(strstr(wrong, mistakes[_i].why) != NULL, "%s", wrong);
}
END_TEST

static const char *const bad_classes[][3] = {
    { "100", "x" }, { "0", "x" }, { "10", "x" }, { "x", "x" }, { "7", "" }, { "7", "x/Odd" }, { "7x", "x" },
};

START_TEST(custom_classes_are_checked)
{
    const char *why = NULL;

    ck_assert_ptr_null(ruleset_create(bad_classes[_i], &why, test_pool));
    ck_assert_ptr_nonnull(strstr(why, "custom_classes"));
}
END_TEST

START_TEST(a_file_is_told_with_its_line)
{
    char path[] = "/tmp/ec-rules-test.XXXXXX";
    FILE *file = fdopen(mkstemp(path), "w");
    const char *why = NULL;

    fputs("# rules\n,10,unknown\n,10\n", file);
    fclose(file);
    ck_assert_int_ne(ruleset_add_file(set, path, &why, test_pool), APR_SUCCESS);
    ck_assert_ptr_nonnull(strstr(why, apr_pstrcat(test_pool, path, ":3: ", NULL)));
    remove(path);
    ck_assert_int_ne(ruleset_add_file(set, path, &why, test_pool), APR_SUCCESS);
    ck_assert_ptr_nonnull(strstr(why, path));
    ck_assert_int_ne(ruleset_add_file(set, "/tmp", &why, test_pool), APR_SUCCESS);
}
END_TEST

/* An expression that explodes on a hostile reply is given up, and the next rule is tried. */
START_TEST(hostile_replies_are_bounded)
{
    static const char *const lines[] = { ",50,/(?:a+)+(?:a+)+(?:a+)+[bc]/", ",40,aaa", NULL };
    char reply[RULES_REPLY_MAX];

    memset(reply, 'a', sizeof reply - 1);
    reply[sizeof reply - 1] = '\0';
    add_lines(lines);
    ck_assert_int_eq(ruleset_match(set, matcher, reply, "")->line, 2);
    ck_assert_uint_eq(matcher_given_up(matcher), 1);
}
END_TEST

START_TEST(long_replies_are_cut)
{
    static const char *const lines[] = { ",50,the end", NULL };
    static char reply[4 * RULES_REPLY_MAX];

    memset(reply, 'x', sizeof reply - 16);
    strcpy(reply + sizeof reply - 16, "the end");
    add_lines(lines);
    ck_assert_ptr_null(ruleset_match(set, matcher, reply, ""));
    strcpy(reply + RULES_REPLY_MAX - 8, "the end");
    ck_assert_ptr_nonnull(ruleset_match(set, matcher, reply, ""));
}
END_TEST

/* ---- texts of expressions ------------------------------------------------------------------------ */

static const struct {
    const char *pattern, *texts; /* joined by commas; "" when nothing can be said */
} expressions[] = {
    { "mailbox full", "mailbox full" },
    { "Mail\\.Box", "mail.box" },
    { "ab", "" },
    { "", "" },
    { "abc|def", "abc,def" },
    { "abc|d", "" },
    { "abc|", "" },
    { "abcd?", "abc" },
    { "abcde*f", "abcd" },
    { "ab+cdef", "cdef" },
    { "abcd{2,3}efgh", "efgh" },
    { "abc{", "" },
    { "x[abc]yyy[^]z]www1", "www1" },
    { "[[:alpha:]]abc", "" },
    { "(?:abc|defg) x", "abc,defg" },
    { "(?:abc|defg)? xyz", " xyz" },
    { "(?:abc|defg)+", "abc,defg" },
    { "(?:abc|x)zzz", "zzz" },
    { "(abc(?:def|ghi)jkl)", "abc" }, /* the first of those that are equally good */
    { "(?=lookahead)abc", "abc" },
    { "(?!not this)abc", "abc" },
    { "(?<!not this)abc", "abc" },
    { "(?i)abc", "" },
    { "(*ANYCRLF)abc", "" },
    { "\\babc\\b", "abc" },
    { "abc\\x41def", "" },
    { "\\Qabc\\E", "" },
    { "(abc)\\1", "" },
    { "abc.def1", "def1" },
    { "^abc$", "abc" },
    { "abc)", "" },
    { "(abc", "" },
    { "abc+?def", "abc" },
    { "abc{2,3}defg", "defg" },
    { "abc.{0|||def}", "" }, /* a brace that is no quantifier, and an alternative that is empty */
    { "abc{2}{3}", "" },
    { "caf\xc3\xa9 unknown", " unknown" },
};

START_TEST(texts_of_expressions)
{
    const char *texts[LITERALS_MAX], *joined = "";
    int n = literals_of(texts, expressions[_i].pattern, test_pool);

    for (int i = 0; i < n; i++) {
        joined = apr_pstrcat(test_pool, joined, i > 0 ? "," : "", texts[i], NULL);
    }
    ck_assert_str_eq(joined, expressions[_i].texts);
}
END_TEST

static void on_found(void *baton, int number)
{
    unsigned *found = baton;

    *found |= 1u << number;
}

static const struct {
    const char *text;
    unsigned want;
} screened[] = {
    { "ushers", 0x0f }, { "he", 0x01 }, { "she", 0x03 }, { "his", 0x10 }, { "hhhers", 0x0d }, { "xyz", 0 }, { "", 0 },
};

START_TEST(one_pass_finds_all)
{
    static const char *const words[] = { "he", "she", "hers", "er", "his" };
    screen_t *screen = screen_create(test_pool);
    unsigned found = 0;

    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(screen_add(screen, words[i], i), 1);
    }
    screen_build(screen);
    screen_run(screen, screened[_i].text, strlen(screened[_i].text), on_found, &found);
    ck_assert_uint_eq(found, screened[_i].want);
}
END_TEST

/* ---- the rules of the server ------------------------------------------------------------------------ */

static void load_ours(void)
{
    const char *why = NULL;

    ck_assert_msg(ruleset_add_file(set, RULES, &why, test_pool) == APR_SUCCESS, "%s", why);
    ruleset_complete(set);
}

/* Calls `each` for every labelled reply; returns how many there are. */
static int each_reply(void (*each)(int class, const char *reply, void *baton), void *baton)
{
    FILE *file = fopen(REPLIES, "r");
    char line[4096], *text;
    int n = 0;

    ck_assert_ptr_nonnull(file);
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#' && (text = strchr(line, '\t')) != NULL) {
            each(atoi(line), text + 1, baton);
            n++;
        }
    }
    fclose(file);
    return n;
}

static void count_agreement(int class, const char *reply, void *baton)
{
    const rule_t *rule = ruleset_match(set, matcher, reply, "");
    int *agreed = baton;

    if ((rule != NULL ? rule->class->code : EC_BOUNCE_UNDETERMINED) == class) {
        (*agreed)++;
    } else if (getenv("EC_SHOW_DISAGREEMENT") != NULL) {
        printf("wanted %d, got %d by line %d: %s\n", class, rule != NULL ? rule->class->code : 1,
               rule != NULL ? rule->line : 0, reply);
    }
}

START_TEST(nine_of_ten_replies_are_understood)
{
    int agreed = 0, n;

    load_ours();
    n = each_reply(count_agreement, &agreed);
    printf("bounce classification: %d of %d replies agree, %.1f%%\n", agreed, n, 100.0 * agreed / n);
    ck_assert_int_ge(n, 300);
    ck_assert_int_ge(agreed * 10, n * 9);
    ck_assert_uint_eq(matcher_given_up(matcher), 0);
}
END_TEST

static void compare(int class, const char *reply, void *baton)
{
    const rule_t *rule = ruleset_match(set, matcher, reply, "");

    ck_assert_msg(rule == ruleset_match_slowly(set, matcher, reply, ""), "the screen hides a rule from: %s", reply);
}

START_TEST(the_screen_hides_no_rule)
{
    load_ours();
    each_reply(compare, NULL);
    ck_assert_int_lt(ruleset_count_unscreened(set) * 10, ruleset_count(set)); /* else it saves little */
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "rules", 60);

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, the_first_that_fits_decides, 0, TEST_COUNT(matches));
    tcase_add_test(tcase, no_rule_is_no_answer);
    tcase_add_loop_test(tcase, mistakes_are_told, 0, TEST_COUNT(mistakes));
    tcase_add_loop_test(tcase, custom_classes_are_checked, 0, TEST_COUNT(bad_classes));
    tcase_add_test(tcase, a_file_is_told_with_its_line);
    tcase_add_test(tcase, hostile_replies_are_bounded);
    tcase_add_test(tcase, long_replies_are_cut);
    tcase_add_loop_test(tcase, texts_of_expressions, 0, TEST_COUNT(expressions));
    tcase_add_loop_test(tcase, one_pass_finds_all, 0, TEST_COUNT(screened));
    tcase_add_test(tcase, nine_of_ten_replies_are_understood);
    tcase_add_test(tcase, the_screen_hides_no_rule);
}

TEST_MAIN("bounce_classifier/rules", add)

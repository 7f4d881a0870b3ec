/* edit_test.c - changes to a file's bytes: what was meant, and nothing else
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"
#include "conf/live/edit.h"
#include "conf/loading.h"

/* What is done: "set" a value that is there, "unset" it, "add" an option to the last place of the stanza, "append" it at
 * the end of the file, "remove" a stanza.  `scope` is "type name", "" for the top level. */
struct step {
    const char *verb, *scope, *option, *value;
};

static const struct {
    const char *before;
    struct step steps[4];
    const char *after;
} cases[] = {
    /* scalars */
    { "spoolbase = x\n", { { "set", "", "spoolbase", "y" } }, "spoolbase = y\n" },
    { "spoolbase=\"x\"\n", { { "set", "", "spoolbase", "y" } }, "spoolbase=\"y\"\n" },
    { "  Spoolbase /* a */ = /* b */ x # c\n", { { "set", "", "spoolbase", "y" } },
      "  Spoolbase /* a */ = /* b */ y # c\n" },
    { "spoolbase\r\n=\r\nx\r\nretry_interval = 1\r\n", { { "set", "", "spoolbase", "\"y z\"" } },
      "spoolbase\r\n=\r\n\"y z\"\r\nretry_interval = 1\r\n" },
    { "spoolbase=\"x y\"retry_interval=1", { { "set", "", "spoolbase", "z" } }, "spoolbase=\"z\"retry_interval=1" },
    { "domain a{retry_interval=1}", { { "set", "domain a", "retry_interval", "2" } }, "domain a{retry_interval=2}" },
    { "\xef\xbb\xbfspoolbase = x", { { "set", "", "spoolbase", "\"\"" } }, "\xef\xbb\xbfspoolbase = \"\"" },
    { "spoolbase = \"a \\\"b\\\"\"", { { "set", "", "spoolbase", "\"c \\\" d\"" } }, "spoolbase = \"c \\\" d\"" },
    /* lists */
    { "relay_domains = ( a b c )", { { "set", "", "relay_domains", "( a x c )" } }, "relay_domains = ( a x c )" },
    { "relay_domains = ( a b c )", { { "set", "", "relay_domains", "( a c )" } }, "relay_domains = ( a c )" },
    { "relay_domains = ( a, b, c )", { { "set", "", "relay_domains", "( a b )" } }, "relay_domains = ( a, b )" },
    { "relay_domains = (a,b)", { { "set", "", "relay_domains", "( a b c )" } }, "relay_domains = (a,b,c)" },
    { "relay_domains = (a\"b\"c)", { { "set", "", "relay_domains", "( a c )" } }, "relay_domains = (a c)" },
    { "relay_domains = ( a )", { { "set", "", "relay_domains", "( z a )" } }, "relay_domains = ( z a )" },
    { "relay_domains = (a)", { { "set", "", "relay_domains", "()" } }, "relay_domains = ( )" },
    { "relay_domains (a)", { { "set", "", "relay_domains", "b" } }, "relay_domains = b" },
    { "relay_domains = a # one\n", { { "set", "", "relay_domains", "( a b )" } }, "relay_domains = ( a b ) # one\n" },
    { "relay_domains = (\n  a # about a\n  b # about b\n  c\n)\n", { { "set", "", "relay_domains", "( a c )" } },
      "relay_domains = (\n  a # about a\n  # about b\n  c\n)\n" },
    { "relay_domains = (\n  a # about a\n  b # about b\n)\n", { { "set", "", "relay_domains", "( a b c )" } },
      "relay_domains = (\n  a # about a\n  b # about b\n  c\n)\n" },
    { "relay_domains = (\r\n  a # about a\r\n  b # about b\r\n)\r\n", { { "set", "", "relay_domains", "( a b c )" } },
      "relay_domains = (\r\n  a # about a\r\n  b # about b\r\n  c\r\n)\r\n" },
    { "relay_domains = (\n\ta\n\tb\n\tc\n)\n", { { "set", "", "relay_domains", "( a b )" } },
      "relay_domains = (\n\ta\n\tb\n)\n" },
    /* dictionaries */
    { "esmtp_listener { context = [ a = 1 # one\n b = 2 ] }", { { "set", "esmtp_listener", "context", "[ a = 1 b = 3 ]" } },
      "esmtp_listener { context = [ a = 1 # one\n b = 3 ] }" },
    { "esmtp_listener { context [a=1] }", { { "set", "esmtp_listener", "context", "[ a = 1 \"b c\" = \"\" ]" } },
      "esmtp_listener { context [a=1 \"b c\" = \"\"] }" },
    /* taking away */
    { "spoolbase = x\nretry_interval = 1\n", { { "unset", "", "spoolbase", NULL } }, "retry_interval = 1\n" },
    { "# about it\nspoolbase = x # beside it\nretry_interval = 1", { { "unset", "", "spoolbase", NULL } },
      "# about it\n# beside it\nretry_interval = 1" },
    { "spoolbase = x retry_interval = 1\n", { { "unset", "", "spoolbase", NULL }, { "unset", "", "retry_interval", NULL } }, "" },
    { "spoolbase = x retry_interval = 1\r\n", { { "unset", "", "retry_interval", NULL } }, "spoolbase = x\r\n" },
    { "domain a { retry_interval = 1 }\n", { { "unset", "domain a", "retry_interval", NULL } }, "domain a { }\n" },
    { "domain a {retry_interval = 1}\n", { { "unset", "domain a", "retry_interval", NULL } }, "domain a {}\n" },
    { "domain a {\n  retry_interval = 1\n  # c\n}\n", { { "unset", "domain a", "retry_interval", NULL } },
      "domain a {\n  # c\n}\n" },
    { "spoolbase = x\ndomain a {\n  retry_interval = 1\n}\nretry_interval = 2", { { "remove", "domain a", NULL, NULL } },
      "spoolbase = x\nretry_interval = 2" },
    { "domain a { } domain b { }\n", { { "remove", "domain a", NULL, NULL } }, "domain b { }\n" },
    { "domain a { retry_interval = 1 }\n",
      { { "set", "domain a", "retry_interval", "2" }, { "add", "domain a", "max_retries", "3" }, { "remove", "domain a", NULL, NULL } },
      "" },
    /* adding */
    { "spoolbase = x", { { "append", "", "retry_interval", "1" } }, "spoolbase = x\nretry_interval = 1\n" },
    { "spoolbase = x # c", { { "append", "", "retry_interval", "1" } }, "spoolbase = x # c\nretry_interval = 1\n" },
    { "spoolbase = x\r\n", { { "append", "", "retry_interval", "1" } }, "spoolbase = x\r\nretry_interval = 1\r\n" },
    { "", { { "append", "", "relay_domains", "( a \"b c\" )" } }, "relay_domains = ( a \"b c\" )\n" },
    { "domain a {}\n", { { "add", "domain a", "retry_interval", "1" } }, "domain a { retry_interval = 1 }\n" },
    { "domain a { max_retries = 2 }\n", { { "add", "domain a", "retry_interval", "1" } },
      "domain a { max_retries = 2 retry_interval = 1 }\n" },
    { "domain a {max_retries = 2}\n",
      { { "unset", "domain a", "max_retries", NULL }, { "add", "domain a", "retry_interval", "1" } },
      "domain a { retry_interval = 1 }\n" },
    { "domain a {\n}\n", { { "add", "domain a", "retry_interval", "1" } }, "domain a {\n    retry_interval = 1\n}\n" },
    { "domain a {\n  max_retries = 2\n}\n", { { "add", "domain a", "retry_interval", "1" } },
      "domain a {\n  max_retries = 2\n  retry_interval = 1\n}\n" },
    { "domain a {\n\tmax_retries = 2 # last\n\t}\n", { { "add", "domain a", "retry_interval", "1" } },
      "domain a {\n\tmax_retries = 2 # last\n\tretry_interval = 1\n\t}\n" },
    { "binding b {\r\n  domain a {\r\n  }\r\n}\r\n", { { "add", "domain a", "retry_interval", "1" } },
      "binding b {\r\n  domain a {\r\n    retry_interval = 1\r\n  }\r\n}\r\n" },
    { "domain a {\n  max_retries = 2 }\n", { { "add", "domain a", "retry_interval", "1" } },
      "domain a {\n  max_retries = 2 retry_interval = 1 }\n" },
};

static conf_stanza_t *find(conf_stanza_t *from, const char *type, const char *name)
{
    conf_stanza_t *found = NULL;

    if (strcmp(from->type, type) == 0 && strcmp(from->name, name) == 0)
        return from;
    for (conf_stanza_t *child = from->first; found == NULL && child != NULL; child = child->next)
        found = find(child, type, name);
    return found;
}

static conf_stanza_t *find_scope(conf_t *conf, const char *scope)
{
    char *type = apr_pstrdup(test_pool, scope), *name = strchr(type, ' ');
    conf_stanza_t *stanza;

    if (*scope == '\0')
        return conf->root;
    if (name != NULL)
        *name++ = '\0';
    stanza = find(conf->root, type, name != NULL ? name : "");
    ck_assert_msg(stanza != NULL, "no %s", scope);
    return stanza;
}

static conf_setting_t *find_setting(conf_stanza_t *stanza, const char *name)
{
    conf_setting_t *setting = stanza->settings;

    while (setting != NULL && strcmp(setting->option->row->name, name) != 0)
        setting = setting->next;
    return setting;
}

static raw_value_t raw_of(const char *text)
{
    raw_value_t raw = { 0 };
    const char *why = "";

    ck_assert_msg(raw_value_parse(&raw, text, &why, test_pool) == APR_SUCCESS, "%s: %s", text, why);
    return raw;
}

static void take_step(edit_t *edit, conf_t *conf, const struct step *step)
{
    conf_stanza_t *stanza = find_scope(conf, step->scope);
    conf_setting_t *setting = step->option != NULL ? find_setting(stanza, step->option) : NULL;
    raw_value_t raw = { 0 };
    apr_status_t rv = APR_SUCCESS;

    if (step->value != NULL)
        raw = raw_of(step->value);
    if (strcmp(step->verb, "set") == 0)
        rv = edit_value(edit, setting->span, &raw);
    else if (strcmp(step->verb, "unset") == 0)
        edit_remove(edit, setting->span);
    else if (strcmp(step->verb, "remove") == 0)
        edit_remove(edit, stanza->places->span);
    else if (strcmp(step->verb, "add") == 0)
        rv = edit_add_setting(edit_place(edit, stanza->last_place), step->option, &raw);
    else
        rv = edit_add_setting(edit_end(edit), step->option, &raw);
    ck_assert_int_eq(rv, APR_SUCCESS);
}

START_TEST(before_and_after)
{
    const char *before = cases[_i].before, *after;
    conf_t *conf = load_right(before, NULL, test_pool);
    edit_t *edit = edit_open(before, strlen(before), test_pool);
    apr_size_t length;

    for (int i = 0; i < 4 && cases[_i].steps[i].verb != NULL; i++)
        take_step(edit, conf, &cases[_i].steps[i]);
    edit_apply(&after, &length, edit);
    ck_assert_str_eq(after, cases[_i].after);
    ck_assert_uint_eq(length, strlen(after));
    conf_unref(conf);
    conf_unref(load_right(after, NULL, test_pool));
}
END_TEST

/* New stanzas: one for each name, with the file's indentation; on one line where the stanza around them is. */
START_TEST(new_stanzas)
{
    static const struct {
        const char *before, *after;
    } both[] = {
        { "binding b { }\n",
          "binding b { domain \"a\" { retry_interval = 1 max_retries = 2 } }\n" },
        { "binding b {\n\tmax_retries = 1\n}\n",
          "binding b {\n\tmax_retries = 1\n\tdomain \"a\" {\n\t\tretry_interval = 1\n\t\tmax_retries = 2\n\t}\n}\n" },
    };
    conf_t *conf = load_right(both[_i].before, NULL, test_pool);
    edit_t *edit = edit_open(both[_i].before, strlen(both[_i].before), test_pool);
    raw_value_t one = raw_of("1"), two = raw_of("2");
    edit_block_t *place = edit_place(edit, conf->root->first->places), *domain, *again;
    const char *after;
    apr_size_t length;

    ck_assert_int_eq(edit_add_stanza(&domain, place, "domain", "a"), APR_SUCCESS);
    ck_assert_int_eq(edit_add_setting(domain, "retry_interval", &one), APR_SUCCESS);
    ck_assert_int_eq(edit_add_stanza(&again, edit_place(edit, conf->root->first->places), "domain", "a"), APR_SUCCESS);
    ck_assert_ptr_eq(domain, again);
    ck_assert_int_eq(edit_add_setting(again, "max_retries", &two), APR_SUCCESS);
    edit_apply(&after, &length, edit);
    ck_assert_str_eq(after, both[_i].after);
    conf_unref(conf);
}
END_TEST

/* What the language has no way to write is refused, not written as something else. */
START_TEST(unsayable)
{
    static const char *const texts[] = { "a b\\", "a\\\"b", "\x01", "a\r\nb", "\xff" };
    const char *before = "spoolbase = x\n";
    conf_t *conf = load_right(before, NULL, test_pool);
    edit_t *edit = edit_open(before, strlen(before), test_pool);
    raw_value_t raw = { .kind = RAW_SCALAR, .count = 1, .length = strlen(texts[_i]) + 1 };
    edit_block_t *block;

    raw.text = apr_pstrdup(test_pool, texts[_i]);
    ck_assert_ptr_null(raw_item_text(texts[_i], 0, test_pool));
    ck_assert_int_eq(edit_value(edit, conf->root->settings->span, &raw), EC_E_SYNTAX);
    ck_assert_int_eq(edit_add_setting(edit_end(edit), "spoolbase", &raw), EC_E_SYNTAX);
    ck_assert_int_eq(edit_add_stanza(&block, edit_end(edit), "domain", texts[_i]), EC_E_SYNTAX);
    conf_unref(conf);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "edit", 10);

    tcase_add_loop_test(tcase, before_and_after, 0, TEST_COUNT(cases));
    tcase_add_loop_test(tcase, new_stanzas, 0, 2);
    tcase_add_loop_test(tcase, unsayable, 0, 5);
}
TEST_MAIN("conf/edit", add)

/* show_test.c - what is shown means what was loaded
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <libxml/parser.h>

#include "runner.h"
#include "conf/ask/show.h"
#include "conf/loading.h"

/* ---- the same meaning, in the same order ----------------------------------------------- */

static void compare_settings(const conf_stanza_t *a, const conf_stanza_t *b)
{
    const conf_setting_t *x = a->settings, *y = b->settings;

    for (; x != NULL && y != NULL; x = x->next, y = y->next) {
        ck_assert_ptr_eq(x->option->row, y->option->row);
        ck_assert_int_eq(x->raw.kind, y->raw.kind);
        ck_assert_int_eq(x->raw.count, y->raw.count);
        ck_assert_uint_eq(x->raw.length, y->raw.length);
        ck_assert_mem_eq(x->raw.text, y->raw.text, x->raw.length);
    }
    ck_assert(x == NULL && y == NULL);
}

static void compare(const conf_stanza_t *a, const conf_stanza_t *b)
{
    const conf_stanza_t *x = a->first, *y = b->first;

    ck_assert_str_eq(a->type, b->type);
    ck_assert_str_eq(a->name, b->name);
    ck_assert_str_eq(a->written, b->written);
    compare_settings(a, b);
    for (; x != NULL && y != NULL; x = x->next, y = y->next)
        compare(x, y);
    ck_assert(x == NULL && y == NULL);
}

static void check_again(const char *text)
{
    conf_t *conf = load_right(text, NULL, test_pool), *again;
    const char *shown = show_text(conf, NULL, SHOW_TEXT, SHOW_CHILDREN | SHOW_SECRETS | SHOW_ORIGIN, test_pool);

    again = load_right(shown, NULL, test_pool);
    compare(conf->root, again->root);
    conf_unref(again);
    conf_unref(conf);
}

static const char *const texts[] = {
    "",
    "spoolbase = \"a \\\"b\\\" # c\" relay_domains = () retry_interval = 5 # c\n",
    "spoolbase = \"one\ntwo\"\nmailerdaemon = \"\"\nspool_mode = 0640",
    "esmtp_listener { context = [ a = \"\" \"b c\" = x 99 = \"y z\" a = 2 ] Listen /tmp/2025 {} listen \":2525\" { } }",
    "domain \"/^a\\.b$/\" { retry_interval = 1 } domain \"[IPv6:2001:db8::1]\" {} domain \"Ex.COM\" { max_retries = none }",
    "binding_group g { binding b { domain d { retry_interval = 1 } } domain d { retry_interval = 2 } } binding default { }",
    "esmtp_listener { static_banner = \"220 \\r\\n \\w\" } threadpool \"IO\" { concurrency = 4 } security { user = nobody }",
};

START_TEST(loads_to_the_same)
{
    check_again(texts[_i]);
}
END_TEST

/* ---- by seed ------------------------------------------------------------------------------ */

static unsigned seed;

static unsigned dice(unsigned sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

/* A text that a file can say, made of what is special in the language. */
static const char *nasty_text(void)
{
    static const char *const bits[] = { "a", "B", " ", "\\", "\\\\", "\"", "#", "/*", "*/", "{", "}", "(", ")", "[",
                                        "]", "=", ",", "'", "\n", "\t", "\xc3\xa9", ":", "[::]:25", "220", "include" };
    const char *text;

    do {
        text = "";
        for (unsigned n = dice(6); n > 0; n--)
            text = apr_pstrcat(test_pool, text, bits[dice(TEST_COUNT(bits))], NULL);
    } while (raw_item_text(text, 0, test_pool) == NULL);
    return raw_item_text(text, (int)dice(2), test_pool);
}

static const char *random_options(void)
{
    const char *text = "";

    for (unsigned n = dice(4); n > 0; n--) {
        static const char *const begins[] = { "spoolbase = ", "relay_domains = ( a ", "relay_domains = ", "mailerdaemon=" };
        static const char *const ends[] = { "\n", " b )\n", "\n", " /* = */ " };
        unsigned form = dice(TEST_COUNT(begins));

        text = apr_pstrcat(test_pool, text, begins[form], nasty_text(), ends[form], NULL);
    }
    return text;
}

START_TEST(random_configurations)
{
    for (int i = 0; i < 40; i++) {
        const char *options, *context;

        seed = (unsigned)(_i * 40 + i);
        options = random_options();
        context = apr_psprintf(test_pool, "esmtp_listener { context = [ %s = %s k = %s ] }\n", nasty_text(), nasty_text(),
                               nasty_text());
        if (strstr(context, "[ [::]") != NULL) /* would be an address */
            continue;
        check_again(apr_pstrcat(test_pool, options, context, NULL));
    }
}
END_TEST

/* ---- forms ----------------------------------------------------------------------------------- */

static const char sample[] = "spoolbase = \"a<b\"\nrelay_domains = ( a b )\n"
                             "esmtp_listener { context = [ k = 1 k = \"2\\3\" ] }\n"
                             "binding b { domain d { retry_interval = 1 } }\n";

static const struct {
    show_form_t form;
    int flags;
    const char *want;
} forms[] = {
    { SHOW_TEXT, 0,
      "spoolbase = a<b\nrelay_domains = ( a b )\nesmtp_listener { ... }\nbinding \"b\" { ... }\n" },
    { SHOW_TEXT, SHOW_CHILDREN,
      "spoolbase = a<b\nrelay_domains = ( a b )\nesmtp_listener {\n    context = [ k = 1 k = 2\\3 ]\n}\n"
      "binding \"b\" {\n    domain \"d\" {\n        retry_interval = 1\n    }\n}\n" },
    { SHOW_TEXT, SHOW_ORIGIN,
      "spoolbase = a<b    # t.conf:1\nrelay_domains = ( a b )    # t.conf:2\nesmtp_listener { ... }\nbinding \"b\" { ... }\n" },
    { SHOW_XML, SHOW_CHILDREN,
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<configuration>\n    <option name=\"spoolbase\">a&lt;b</option>\n"
      "    <option name=\"relay_domains\"><item>a</item><item>b</item></option>\n    <stanza type=\"esmtp_listener\">\n"
      "        <option name=\"context\"><entry key=\"k\">1</entry><entry key=\"k\">2\\3</entry></option>\n    </stanza>\n"
      "    <stanza type=\"binding\" name=\"b\">\n        <stanza type=\"domain\" name=\"d\">\n"
      "            <option name=\"retry_interval\">1</option>\n        </stanza>\n    </stanza>\n</configuration>\n" },
    { SHOW_JSON, 0,
      "{ \"options\": {\n    \"spoolbase\": \"a<b\",\n    \"relay_domains\": [\"a\", \"b\"] },\n    \"stanzas\": [\n"
      "    { \"type\": \"esmtp_listener\", \"name\": \"\" },\n    { \"type\": \"binding\", \"name\": \"b\" } ] }\n" },
    { SHOW_JSON, SHOW_CHILDREN | SHOW_ORIGIN,
      "{ \"options\": {\n    \"spoolbase\": { \"value\": \"a<b\", \"file\": \"t.conf\", \"line\": 1 },\n"
      "    \"relay_domains\": { \"value\": [\"a\", \"b\"], \"file\": \"t.conf\", \"line\": 2 } },\n    \"stanzas\": [\n"
      "    { \"type\": \"esmtp_listener\", \"name\": \"\", \"file\": \"t.conf\", \"line\": 3, \"options\": {\n"
      "        \"context\": { \"value\": {\"k\": \"2\\\\3\"}, \"file\": \"t.conf\", \"line\": 3 } },\n"
      "        \"stanzas\": [ ] },\n"
      "    { \"type\": \"binding\", \"name\": \"b\", \"file\": \"t.conf\", \"line\": 4, \"options\": { }, \"stanzas\": [\n"
      "        { \"type\": \"domain\", \"name\": \"d\", \"file\": \"t.conf\", \"line\": 4, \"options\": {\n"
      "            \"retry_interval\": { \"value\": \"1\", \"file\": \"t.conf\", \"line\": 4 } },\n"
      "            \"stanzas\": [ ] } ] } ] }\n" },
};

START_TEST(form)
{
    conf_t *conf = load_right(sample, NULL, test_pool);

    ck_assert_str_eq(show_text(conf, NULL, forms[_i].form, forms[_i].flags, test_pool), forms[_i].want);
    conf_unref(conf);
}
END_TEST

START_TEST(one_stanza)
{
    conf_t *conf = load_right(sample, NULL, test_pool);

    ck_assert_str_eq(show_text(conf, conf->root->last, SHOW_TEXT, 0, test_pool), "binding \"b\" {\n    domain \"d\" { ... }\n}\n");
    conf_unref(conf);
}
END_TEST

/* Whatever a value holds, the XML is well-formed. */
START_TEST(xml_of_anything)
{
    conf_t *conf = load_right("spoolbase = \"\f & <x> \\ \xc3\xa9 \"\n", NULL, test_pool);
    const char *xml = show_text(conf, NULL, SHOW_XML, SHOW_CHILDREN, test_pool);
    xmlDocPtr doc = xmlReadMemory(xml, (int)strlen(xml), "x", NULL, XML_PARSE_NONET | XML_PARSE_NOERROR);
    xmlChar *content;

    ck_assert_msg(doc != NULL, "%s", xml);
    content = xmlNodeGetContent(xmlDocGetRootElement(doc));
    ck_assert_ptr_nonnull(strstr((const char *)content, "\\x0c & <x> \\\\ \xc3\xa9 "));
    xmlFree(content);
    xmlFreeDoc(doc);
    conf_unref(conf);
}
END_TEST

START_TEST(secrets)
{
    static const ec_option_t rows[] = {
        { .name = "password", .type = EC_TYPE_STRING, .flags = EC_OPTION_SECRET, .help = "a secret" }, { .name = NULL }
    };
    conf_t *conf;

    ck_assert_int_eq(conf_register("secretive", rows, "secretive"), APR_SUCCESS);
    conf = load_right("secretive { password = pssst }", NULL, test_pool);
    for (int i = SHOW_TEXT; i <= SHOW_JSON; i++) {
        ck_assert_ptr_null(strstr(show_text(conf, NULL, (show_form_t)i, SHOW_CHILDREN, test_pool), "pssst"));
        ck_assert_ptr_nonnull(strstr(show_text(conf, NULL, (show_form_t)i, SHOW_CHILDREN, test_pool), "password"));
        ck_assert_ptr_nonnull(
            strstr(show_text(conf, NULL, (show_form_t)i, SHOW_CHILDREN | SHOW_SECRETS, test_pool), "pssst"));
    }
    conf_unref(conf);
    conf_unregister("secretive");
}
END_TEST

/* ---- streams ------------------------------------------------------------------------------------- */

static apr_status_t refuse_third(void *baton, const char *bytes, apr_size_t length)
{
    return ++*(int *)baton == 3 ? APR_ENOSPC : APR_SUCCESS;
}

START_TEST(writer_that_fails)
{
    conf_t *conf = load_right(sample, NULL, test_pool);
    int calls = 0;

    ck_assert_int_eq(show_write(conf, NULL, SHOW_TEXT, SHOW_CHILDREN, refuse_third, &calls), APR_ENOSPC);
    ck_assert_int_eq(calls, 3);
    conf_unref(conf);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "show", 60);

    tcase_add_loop_test(tcase, loads_to_the_same, 0, TEST_COUNT(texts));
    tcase_add_loop_test(tcase, random_configurations, 0, 25);
    tcase_add_loop_test(tcase, form, 0, TEST_COUNT(forms));
    tcase_add_test(tcase, one_stanza);
    tcase_add_test(tcase, xml_of_anything);
    tcase_add_test(tcase, secrets);
    tcase_add_test(tcase, writer_that_fails);
}
TEST_MAIN("conf/show", add)

/* render_test.c - one tree in three forms; hostile bytes in none
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <libxml/parser.h>

#include "control/render.h"
#include "runner.h"

static output_t out;

static void on_done(void *baton, ec_answer_t *answer)
{
    int status;

    render_answer(&out, &status, answer, *(wire_form_t *)baton);
    ck_assert_int_eq(status, answer->error != NULL ? WIRE_ERROR : WIRE_DONE);
}

typedef void build_fn(ec_answer_t *answer);

static const char *render(build_fn *build, wire_form_t form)
{
    ec_answer_t *answer = answer_create(NULL, 0, on_done, &form);

    free(out.text);
    build(answer);
    answer_returned(answer);
    return out.text != NULL ? out.text : "";
}

/* ---- trees ------------------------------------------------------------------------------- */

static void nothing(ec_answer_t *answer)
{
}

static void one_value(ec_answer_t *answer)
{
    ec_node_int(ec_answer_root(answer), "pid", 42);
}

static void values(ec_answer_t *answer)
{
    ec_node_t *root = ec_answer_root(answer), *group;

    ec_node_int(root, "active_queue", 3);
    ec_node_text(root, "state", "ready");
    ec_node_float(root, "rate", 2.5, 2);
    group = ec_node_group(root, "account");
    ec_node_int(group, "residual", 0);
    ec_node_text(group, "empty", "");
    ec_node_note(root, "That is %s.", "all");
}

static void table(ec_answer_t *answer)
{
    ec_node_t *rows = ec_node_table(ec_answer_root(answer), "domains"), *row;

    row = ec_node_row(rows);
    ec_node_text(row, "domain", "a.test");
    ec_node_int(row, "active", 12345678);
    ec_node_text(row, "note_", "x\ny");
    row = ec_node_row(rows);
    ec_node_text(row, "domain", "b\xc3\xa4.test");
    ec_node_int(row, "active", 1);
    row = ec_node_row(rows);
    ec_node_text(row, "extra", "only here");
}

static void empty_table(ec_answer_t *answer)
{
    ec_node_table(ec_answer_root(answer), "domains");
}

static void hostile(ec_answer_t *answer)
{
    ec_node_t *root = ec_answer_root(answer);

    ec_node_text(root, "reply", "550 \033[2J\r\nStatus: fine\\x\001");
    ec_node_text(root, "bytes", "\xff\xc2\x9b\xe2\x80\xae<&>\"");
    ec_node_text(root, "plain", "a\\x41");
    ec_node_text(root, "Bad Name<", "v");
}

static void lines(ec_answer_t *answer)
{
    ec_node_text(ec_answer_root(answer), "body", "one\npid: 1\n");
    ec_node_text(ec_answer_root(answer), "x", "y");
}

static void failure(ec_answer_t *answer)
{
    ec_node_int(ec_answer_root(answer), "done", 1);
    ec_answer_error(answer, "no domain \"%s\"", "x\033");
}

static void repeated(ec_answer_t *answer)
{
    ec_node_t *root = ec_answer_root(answer);

    ec_node_text(root, "mx", "a");
    ec_node_int(root, "n", 1);
    ec_node_text(root, "mx", "b");
    ec_node_note(root, "once");
}

static const struct {
    build_fn *build;
    wire_form_t form;
    const char *want;
} cases[] = {
    { nothing, WIRE_TEXT, "" },
    { nothing, WIRE_JSON, "{}\n" },
    { one_value, WIRE_TEXT, "42\n" },
    { one_value, WIRE_JSON, "{\n  \"pid\": 42\n}\n" },
    { values, WIRE_TEXT,
      "Active queue: 3\n"
      "State:        ready\n"
      "Rate:         2.50\n"
      "\n"
      "Account:\n"
      "  Residual: 0\n"
      "  Empty:\n"
      "That is all.\n" },
    { values, WIRE_JSON,
      "{\n"
      "  \"active_queue\": 3,\n"
      "  \"state\": \"ready\",\n"
      "  \"rate\": 2.50,\n"
      "  \"account\": {\n"
      "    \"residual\": 0,\n"
      "    \"empty\": \"\"\n"
      "  },\n"
      "  \"note\": [\"That is all.\"]\n"
      "}\n" },
    { table, WIRE_TEXT,
      "DOMAIN     ACTIVE  NOTE   EXTRA\n"
      "a.test   12345678  x\\ny   \n"
      "b\xc3\xa4.test         1         \n"
      "                          only here\n" },
    { table, WIRE_JSON,
      "{\n"
      "  \"domains\": [\n"
      "    {\n"
      "      \"domain\": \"a.test\",\n"
      "      \"active\": 12345678,\n"
      "      \"note_\": \"x\\ny\"\n"
      "    },\n"
      "    {\n"
      "      \"domain\": \"b\xc3\xa4.test\",\n"
      "      \"active\": 1\n"
      "    },\n"
      "    {\n"
      "      \"extra\": \"only here\"\n"
      "    }\n"
      "  ]\n"
      "}\n" },
    { empty_table, WIRE_TEXT, "(none)\n" },
    { empty_table, WIRE_JSON, "{\n  \"domains\": []\n}\n" },
    { hostile, WIRE_TEXT,
      "Reply:     550 \\x1B[2J\\x0D\n           Status: fine\\\\x\\x01\n"
      "Bytes:     \\xFF\\xC2\\x9B\\xE2\\x80\\xAE<&>\"\n"
      "Plain:     a\\x41\n"
      "Bad Name : v\n" },
    { hostile, WIRE_JSON,
      "{\n"
      "  \"reply\": \"550 \\u001b[2J\\u000d\\nStatus: fine\\\\x\\u0001\",\n"
      "  \"bytes\": \"\\ufffd\\u009b\\u202e<&>\\\"\",\n"
      "  \"plain\": \"a\\\\x41\",\n"
      "  \"Bad_Name_\": \"v\"\n"
      "}\n" },
    { lines, WIRE_TEXT, "Body: one\n      pid: 1\n\nX:    y\n" },
    { failure, WIRE_TEXT, "Done: 1\nno domain \"x\\x1B\"\n" },
    { failure, WIRE_JSON, "{\n  \"error\": \"no domain \\\"x\\\\x1B\\\"\",\n  \"done\": 1\n}\n" },
    { repeated, WIRE_JSON, "{\n  \"mx\": [\"a\", \"b\"],\n  \"n\": 1,\n  \"note\": [\"once\"]\n}\n" },
};

START_TEST(forms)
{
    ck_assert_str_eq(render(cases[_i].build, cases[_i].form), cases[_i].want);
}
END_TEST

/* XML is judged by a parser. */
START_TEST(xml_is_well_formed)
{
    build_fn *const builds[] = { nothing, values, table, hostile, failure, repeated };
    const char *text = render(builds[_i], WIRE_XML);
    xmlDocPtr doc = xmlReadMemory(text, (int)strlen(text), NULL, NULL, 0);
    xmlNodePtr root;
    xmlChar *status;

    ck_assert_ptr_nonnull(doc);
    root = xmlDocGetRootElement(doc);
    ck_assert_str_eq((const char *)root->name, "answer");
    status = xmlGetProp(root, BAD_CAST "status");
    ck_assert_str_eq((const char *)status, builds[_i] == failure ? "error" : "done");
    xmlFree(status);
    xmlFreeDoc(doc);
}
END_TEST

START_TEST(xml_says_what_is_escaped)
{
    const char *text = render(hostile, WIRE_XML);

    ck_assert_ptr_nonnull(
        strstr(text, "<reply escaped=\"backslash\">550 \\x1B[2J\\x0D\nStatus: fine\\\\x\\x01</reply>"));
    ck_assert_ptr_nonnull(strstr(text, "<plain>a\\x41</plain>"));
}
END_TEST

/* No byte may come through that a terminal would obey. */
START_TEST(every_byte_is_harmless)
{
    for (wire_form_t form = 0; form < WIRE_FORMS; form++) {
        const unsigned char *text;
        ec_answer_t *answer = answer_create(NULL, 0, on_done, &form);

        for (int c = 1; c < 256; c++) {
            const char value[] = { 'a', (char)c, 'b', '\0' };

            ec_node_text(ec_answer_root(answer), "v", value);
        }
        answer_returned(answer);
        for (text = (const unsigned char *)out.text; *text != '\0'; text++) {
            ck_assert_msg(*text == '\n' || *text == '\t' || (*text >= 0x20 && *text < 0x7f), "byte %02x",
                          *text);
        }
        free(out.text);
    }
}
END_TEST

static void huge(ec_answer_t *answer)
{
    char *text = malloc(1024 * 1024 + 1);

    memset(text, 'x', 1024 * 1024);
    text[1024 * 1024] = '\0';
    for (int i = 0; i < 65; i++) {
        ec_node_text(ec_answer_root(answer), "v", text);
    }
    free(text);
}

START_TEST(too_large_is_an_error)
{
    const char *text = render(huge, (wire_form_t)_i);

    ck_assert_uint_lt(strlen(text), 1000);
    ck_assert_ptr_nonnull(strstr(text, "larger than 64 MiB"));
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "render", 60);

    tcase_add_loop_test(tcase, forms, 0, TEST_COUNT(cases));
    tcase_add_loop_test(tcase, xml_is_well_formed, 0, 6);
    tcase_add_test(tcase, xml_says_what_is_escaped);
    tcase_add_test(tcase, every_byte_is_harmless);
    tcase_add_loop_test(tcase, too_large_is_an_error, 0, WIRE_FORMS);
}

TEST_MAIN("control/render", add)

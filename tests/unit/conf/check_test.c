/* check_test.c - references that lead nowhere, and places that two want: refused, with file and line of both ends
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "conf/loading.h"
#include "control/control.h"
#include "dns/dns.h"
#include "runner.h"

static const struct {
    const char *text, *want; /* "": right; the problems end so; "all:" are so */
} cases[] = {
    /* pathways */
    { "esmtp_listener {\nlisten \":25\" { pathway = nowhere } }",
      "t.conf:2: option \"pathway\": there is no pathway of this name: \"nowhere\"\n" },
    { "esmtp_listener { listen \":25\" { pathway = p } }\npathway p { }", "" },
    { "esmtp_listener { pathway = p }\npathway_group g { pathway p { } }", "" },
    /* pools */
    { "\nesmtp_listener { pool_name = many }", "t.conf:2: option \"pool_name\": there is no threadpool of this name: \"many\"\n" },
    { "esmtp_listener { pool_name = many }\nthreadpool Many { }", "" },
    { "esmtp_listener { pool_name = CPU listen \":25\" { pool_name = io } }", "" },
    { "ds_core { }\nDatasource d { pool = none }",
      "t.conf:2: option \"pool\": there is no threadpool of this name: \"none\"\n" },
    { "esmtp_listener { event_loop = fast }", "t.conf:1: option \"event_loop\": there is no eventloop of this name: \"fast\"\n" },
    { "esmtp_listener { event_loop = fast }\neventloop fast { concurrency = 2 }", "" },
    { "delivery_pool = x", "t.conf:1: option \"delivery_pool\": there is no eventloop of this name: \"x\"\n" },
    { "maintainer_pool = x", "t.conf:1: option \"maintainer_pool\": there is no eventloop of this name: \"x\"\n" },
    /* bindings and groups */
    { "cluster { replicate a { binding_group = g } }",
      "t.conf:1: option \"binding_group\": there is no binding_group of this name: \"g\"\n" },
    { "binding_group g { }\ncluster { replicate a { binding_group = g } }", "" },
    { "cluster { replicate a { binding_group = default } }", "" },
    { "esmtp_listener { listen \":25\" { duravip_follow = b } }",
      "t.conf:1: option \"duravip_follow\": there is no binding of this name: \"b\"\n" },
    { "esmtp_listener { listen \":25\" { duravip_follow = 10.0.0.1 } }", "" },
    { "esmtp_listener { listen \":25\" { duravip_follow = b } } binding_group g { binding b { } }", "" },
    /* routes */
    { "domain a { gateway = mx.example.com }", "" },
    { "domain a { gateway = \"[2001:db8::1]\" }", "" },
    { "domain a {\n gateway = \"a b\" }",
      "t.conf:2: option \"gateway\": a gateway is host, host:port, an address, [IPv6] or [IPv6]:port: \"a b\"\n" },
    { "gateway = \"mx.example.com:70000\"",
      "t.conf:1: option \"gateway\": a gateway is host, host:port, an address, [IPv6] or [IPv6]:port: "
      "\"mx.example.com:70000\"\n" },
    { "gateway = \"\"", "" },
    { "domain a { routes = ( a.example.com \"smtp://b?port=26&pref=5\" __mx__ \"[::1]:25\" ) }", "" },
    { "domain a { routes = ( a.example.com \"smtp://b?prot=26\" \"a b\" ) }",
      "t.conf:1: option \"routes\": a route is a host, an address, host:port, __mx__ or smtp://host?pref=&ttl=&port=&type=mx|a: "
      "\"smtp://b?prot=26\"\n"
      "t.conf:1: option \"routes\": a route is a host, an address, host:port, __mx__ or smtp://host?pref=&ttl=&port=&type=mx|a: "
      "\"a b\"\n" },
    { "domain a { routes = ( \"xfer://other\" ) }",
      "t.conf:1: warning: option \"routes\": a route of this scheme has no effect yet: \"xfer://other\"\n" },
    /* listeners */
    { "esmtp_listener { listen \":25\" { } }\nesmtp_listener { listen \"*:25\" { } }", "" }, /* one, merged */
    { "esmtp_listener {\nlisten \":25\" { } }\ncontrol_listener {\nlisten \"*:25\" { } }",
      "t.conf:4: listen *:25 in control_listener: an endpoint belongs to one listener; the other is listen *:25 in "
      "esmtp_listener at t.conf:2\n" },
    { "esmtp_listener { listen \"[::1]:25\" { } }\ncontrol_listener { listen \"[0:0::1]:25\" { } }",
      "t.conf:2: listen [::1]:25 in control_listener: an endpoint belongs to one listener; the other is listen [::1]:25 in "
      "esmtp_listener at t.conf:1\n" },
    { "esmtp_listener { listen \":25\" { enable = no } }\ncontrol_listener { listen \":25\" { } }", "" },
    { "esmtp_listener { enable = no listen \":25\" { } }\ncontrol_listener { listen \":25\" { } }", "" },
    { "esmtp_listener { listen \"127.0.0.1:0\" { } }\ncontrol_listener { listen \"127.0.0.1:0\" { } }", "" },
    { "esmtp_listener { listen \":25\" { } }\ncontrol_listener { listen \"127.0.0.1:25\" { } }",
      "t.conf:2: listen 127.0.0.1:25 in control_listener: these addresses overlap, and only one of them can have the port; the "
      "other is listen *:25 in esmtp_listener at t.conf:1\n" },
    { "esmtp_listener { listen \"10.0.0.1:25\" { } listen \"10.0.0.2:25\" { }\nlisten \"0.0.0.0:25\" { } }",
      "t.conf:2: listen 0.0.0.0:25 in esmtp_listener: these addresses overlap, and only one of them can have the port; the "
      "other is listen 10.0.0.1:25 in esmtp_listener at t.conf:1\n" },
    { "esmtp_listener { listen \":25\" { }\nlisten \"0.0.0.0:25\" { } }",
      "t.conf:2: listen 0.0.0.0:25 in esmtp_listener: these addresses overlap, and only one of them can have the port; the "
      "other is listen *:25 in esmtp_listener at t.conf:1\n" },
    { "esmtp_listener { listen \"[::1]:25\" { }\nlisten \"[*]:25\" { } }",
      "t.conf:2: listen [::]:25 in esmtp_listener: these addresses overlap, and only one of them can have the port; the "
      "other is listen [::1]:25 in esmtp_listener at t.conf:1\n" },
    { "esmtp_listener { listen \":25\" { } listen \"[*]:25\" { } listen \"10.0.0.1:587\" { } listen \"10.0.0.1:26\" { enable = no } "
      "listen \":26\" { } }", "" },
    /* names that are said in SMTP */
    { "hostname = mx.example.com\nehlo_hostname = __message__\nbinding b { ehlo_hostname = \"\" }", "" },
    { "\nhostname = \"a b\"", "t.conf:2: option \"hostname\": a host name is one word: \"a b\"\n" },
    { "esmtp_listener { banner_hostname = \"a b\" }", "t.conf:1: option \"banner_hostname\": a host name is one word: \"a b\"\n" },
    { "binding b {\nehlo_hostname = __sender__ }",
      "t.conf:2: option \"ehlo_hostname\": a host name is one word, and __hostname__ or __message__ when the server is to choose: "
      "\"__sender__\"\n" },
    /* what is wrong in different ways is told at once; but not what may only follow from a stanza that is lacking */
    { "nonsense = 5\nretry_interval = x\ngateway = \"a b\"\nesmtp_listener { pathway = p idle_time = y listen \":25\" { } }\n"
      "control_listener { listen \":25\" { } }",
      "all:t.conf:1: unknown option \"nonsense\" in scope \"global\": missing capability config.Global:nonsense\n"
      "t.conf:2: option \"retry_interval\": a time is wanted: seconds, or with a unit, such as 30m or \"4 hours\", found x\n"
      "t.conf:4: option \"idle_time\": a time is wanted: seconds, or with a unit, such as 30m or \"4 hours\", found y\n"
      "t.conf:3: option \"gateway\": a gateway is host, host:port, an address, [IPv6] or [IPv6]:port: \"a b\"\n"
      "t.conf:4: option \"pathway\": there is no pathway of this name: \"p\"\n"
      "t.conf:5: listen *:25 in control_listener: an endpoint belongs to one listener; the other is listen *:25 in "
      "esmtp_listener at t.conf:4\n" },
    { "gateway = \"a b\"\nhostname = \"a b\"\nesmtp_listener { pathway = p }\nnonsense { pathway p { } }\n= x",
      "all:t.conf:4: unknown stanza \"nonsense\" in scope \"global\"\n"
      "t.conf:5: expected the name of an option or a stanza, found \"=\"\n"
      "t.conf:1: option \"gateway\": a gateway is host, host:port, an address, [IPv6] or [IPv6]:port: \"a b\"\n"
      "t.conf:2: option \"hostname\": a host name is one word: \"a b\"\n" },
    { "esmtp_listener { pathway = p }\nnonsense { pathway p { } }",
      "all:t.conf:2: unknown stanza \"nonsense\" in scope \"global\"\n" },
    /* scriptlets (section 5) */
    { "scriptlet a { gc_pause = 1 }\nscriptlet a { gc_pause = 2 }", "" },
    { "scriptlet a { }\n\nscriptlet b { }",
      "t.conf:3: scriptlet b: all scriptlet stanzas have one instance name; the other is scriptlet a at t.conf:1\n" },
};

START_TEST(whole)
{
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    const char *text, *want = cases[_i].want;
    int is_right = *want == '\0' || strstr(want, ": warning: ") != NULL;
    size_t length;

    dns_check_values();
    conf_load_text(&conf, &problems, "t.conf", cases[_i].text, strlen(cases[_i].text), test_pool);
    text = problems_text(problems, test_pool);
    ck_assert_msg((conf != NULL) == is_right, "%s", text);
    conf_unref(conf);
    if (strncmp(want, "all:", 4) == 0) {
        ck_assert_str_eq(text, want + 4);
        return;
    }
    length = strlen(text) > strlen(want) ? strlen(text) - strlen(want) : 0;
    ck_assert_str_eq(text + length, want);
}
END_TEST

/* Numbers stay what they are: operators look them up. */
static const struct {
    const char *text;
    int number;
} numbers[] = {
    { "= 5", 10001 },
    { "nonsense = 5", 10002 },
    { "domain a { spoolbase = b }", 10003 },
    { "nonsense { }", 10004 },
    { "listen \":25\" { }", 10005 },
    { "retry_interval = x", 10006 },
    { "domain { }", 10007 },
    { "include x", 10008 },
    { "esmtp_listener { pathway = x }", 10010 },
    { "scriptlet a { } scriptlet b { }", 10011 },
    { "tls = required", 20001 },
};

START_TEST(kinds)
{
    apr_array_header_t *problems;
    conf_t *conf = NULL;
    const conf_problem_t *last;

    conf_load_text(&conf, &problems, "t.conf", numbers[_i].text, strlen(numbers[_i].text), test_pool);
    ck_assert_int_gt(problems->nelts, 0);
    last = &APR_ARRAY_IDX(problems, problems->nelts - 1, conf_problem_t);
    ck_assert_int_eq(last->kind, numbers[_i].number);
    ck_assert_str_eq(conf_problem_text(last, test_pool),
                     apr_psprintf(test_pool, "CFG-%d t.conf:1: %s", numbers[_i].number, last->text));
    conf_unref(conf);
}
END_TEST

/* Where a console may not listen is said when the file is checked, not when the server starts. */
START_TEST(consoles)
{
    static const char text[] = "control_listener {\nlisten \"*:2025\" { }\nlisten \"127.0.0.1:2026\" { } listen \"/x\" { }\n"
                               "listen \"192.0.2.1:2025\" { enable = no } }\nesmtp_listener { listen \"192.0.2.1:25\" { } }";

    control_check_values();
    ck_assert_str_eq(load_wrong(text, sizeof text - 1, test_pool),
                     "t.conf:2: listen \"*:2025\": the console has no authentication yet, so Control_Listener takes a socket path or "
                     "a loopback address\n");
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "check", 30);

    tcase_add_loop_test(tcase, whole, 0, TEST_COUNT(cases));
    tcase_add_loop_test(tcase, kinds, 0, TEST_COUNT(numbers));
    tcase_add_test(tcase, consoles);
}

TEST_MAIN("conf/check", add)

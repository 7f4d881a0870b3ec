/* parse_test.c - statements, repeated definitions, and errors with file and line
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"
#include "conf/loading.h"

/* ---- statement forms (config-language.md section 2) --------------------------------------- */

static const struct {
    const char *text, *option, *want;   /* an option of the top level */
} forms[] = {
    { "retry_interval = 10", "retry_interval", "10 from global" },
    { "Retry_Interval=10", "retry_interval", "10 from global" },
    { "retry_interval\n=\n10", "retry_interval", "10 from global" },
    { "retry_interval = \"10\"", "retry_interval", "10 from global" },
    { "relay_domains = ( a.com b.com )", "relay_domains", "( a.com b.com ) from global" },
    { "relay_domains = ( a.com, \"b.com\",\nc.com )", "relay_domains", "( a.com b.com c.com ) from global" },
    { "relay_domains = a.com", "relay_domains", "a.com from global" },
    { "relay_domains = ()", "relay_domains", "( ) from global" },
    { "relay_domains ( a.com )", "relay_domains", "( a.com ) from global" },
    { "mailerdaemon = \"a \\\"b\\\" c\"", "mailerdaemon", "\"a \\\"b\\\" c\" from global" },
    { "hostname = a hostname = b", "hostname", "b from global" },                         /* last wins */
    { "relay_domains = ( a b ) relay_domains = ( c )", "relay_domains", "( c ) from global" },   /* no append */
    { "\xef\xbb\xbfhostname = x", "hostname", "x from global" },
    { "hostname = x\r\nretry_interval = 5\r\n", "hostname", "x from global" },
    { "/* a { */ hostname = x # }", "hostname", "x from global" },
    { "# a comment ends with its line\r\nhostname = x\r\n", "hostname", "x from global" },
};

START_TEST(statement_forms)
{
    const char *none[] = { NULL };
    conf_t *conf = load_right(forms[_i].text, NULL, test_pool);

    ck_assert_str_eq(eval_text(conf, none, forms[_i].option, test_pool), forms[_i].want);
    conf_unref(conf);
}
END_TEST

static const char tree_text[] =
    "ESMTP_Listener = {\n"
    "  Listen /tmp/2025 {}\n"
    "  listen \":2525\" { enable = false }\n"
    "  Context = [ a = 1 \"b c\" = x 0.0.0.1 = \"y\" a = 2 ]\n"
    "}\n"
    "esmtp_listener { Context [ k = v ] listen \"*:2525\" { listen_backlog = 7 } }\n"
    "domain \"Example.COM\" { retry_interval = 1 }\n"
    "domain example.com { max_retries = none }\n"
    "threadpool \"IO\" { concurrency = 4 }\n"
    "ThreadPool CPU { concurrency = 2 }\n";

START_TEST(tree)
{
    conf_t *conf = load_right(tree_text, NULL, test_pool);
    const conf_stanza_t *listener = conf_next(conf, NULL, "esmtp_listener", NULL), *listen, *domain;
    const ec_value_t *value;

    ck_assert_ptr_nonnull(listener);
    ck_assert_ptr_null(conf_next(conf, NULL, "ESMTP_Listener", listener));      /* merged */
    ck_assert_str_eq(conf_stanza_type(listener), "esmtp_listener");
    ck_assert_str_eq(conf_stanza_name(listener), "");
    ck_assert_int_eq(conf_stanza_line(listener), 1);
    ck_assert_str_eq(conf_stanza_file(listener), "t.conf");
    value = conf_stanza_get(conf, listener, "context");
    ck_assert_str_eq(value->dict[0], "k");
    ck_assert_str_eq(value->dict[1], "v");
    ck_assert_ptr_null(value->dict[2]);
    listen = conf_next(conf, listener, "listen", NULL);
    ck_assert_str_eq(conf_stanza_name(listen), "/tmp/2025");
    listen = conf_next(conf, listener, "listen", listen);
    ck_assert_str_eq(conf_stanza_name(listen), "*:2525");                       /* :25 equals *:25 */
    ck_assert_int_eq(conf_stanza_get(conf, listen, "enable")->i, 0);
    ck_assert_int_eq(conf_stanza_get(conf, listen, "listen_backlog")->i, 7);
    ck_assert_ptr_null(conf_stanza_get(conf, listen, "disable_nagle_algorithm"));
    ck_assert_int_eq(conf_stanza_eval(conf, listen, "disable_nagle_algorithm")->i, 0);
    ck_assert_ptr_null(conf_next(conf, listener, NULL, listen));
    domain = conf_next(conf, NULL, "domain", NULL);
    ck_assert_str_eq(conf_stanza_name(domain), "example.com");
    ck_assert_int_eq(conf_stanza_get(conf, domain, "retry_interval")->i, 1);
    ck_assert_int_eq(conf_stanza_get(conf, domain, "max_retries")->i, -2);
    ck_assert_ptr_null(conf_next(conf, NULL, "domain", domain));
    ck_assert_ptr_nonnull(conf_next(conf, NULL, "threadpool", conf_next(conf, NULL, "threadpool", NULL)));
    ck_assert_int_eq(conf_stanza_eval(conf, NULL, "spool_mode")->i, 0640);
    conf_unref(conf);
}
END_TEST

START_TEST(dict_keys)
{
    conf_t *conf = load_right("esmtp_listener { context = [ a = 1, \"b c\" = x 99 = \"y z\" a = 2 ] }", NULL, test_pool);
    const ec_value_t *value = conf_stanza_get(conf, conf_next(conf, NULL, "esmtp_listener", NULL), "context");
    static const char *const want[] = { "a", "2", "b c", "x", "99", "y z" };

    for (int i = 0; i < TEST_COUNT(want); i++)
        ck_assert_str_eq(value->dict[i], want[i]);
    ck_assert_ptr_null(value->dict[6]);
    conf_unref(conf);
}
END_TEST

/* ---- names (section 3, "Address notation") --------------------------------------------------- */

static const struct {
    const char *first, *second;         /* two spellings of one stanza under `in` */
    const char *in;
} spellings[] = {
    { "listen \":25\"", "listen \"*:25\"", "esmtp_listener" },
    { "listen \"[*]:25\"", "listen \"[::]:25\"", "esmtp_listener" },
    { "listen \"[::]:25\"", "listen \"[0:0:0:0:0:0:0:0]:025\"", "esmtp_listener" },
    { "listen \"127.0.0.1:60000\"", "Listen 127.0.0.1:60000", "esmtp_listener" },
    { "peer \"2001:DB8::/32\"", "peer \"2001:0db8:0::/32\"", "esmtp_listener" },
    { "peer \"10.0.0.1\"", "peer \"10.0.0.1/32\"", "esmtp_listener" },
    { "peer \"10.0.0.0/8\"", "peer \"10.1.2.3/8\"", "esmtp_listener" },
    { "peer \"10.0.0.0/8\"", "peer \"::ffff:10.0.0.0/104\"", "esmtp_listener" },
    { "domain \"[IPv6:2001:DB8::1]\"", "domain [ipv6:2001:db8:0:0::1]", NULL },
    { "domain \"A.b\"", "domain a.B", NULL },
    { "esmtp_listener", "ESMTP_LISTENER", NULL },
};

START_TEST(one_stanza)
{
    const char *text = apr_psprintf(test_pool, "%s%s%s {} %s {} %s", spellings[_i].in != NULL ? spellings[_i].in : "",
                                    spellings[_i].in != NULL ? " { " : "", spellings[_i].first, spellings[_i].second,
                                    spellings[_i].in != NULL ? "}" : "");
    conf_t *conf = load_right(text, NULL, test_pool);
    const conf_stanza_t *parent = spellings[_i].in != NULL ? conf_next(conf, NULL, NULL, NULL) : NULL;
    const conf_stanza_t *only = conf_next(conf, parent, NULL, NULL);

    ck_assert_ptr_nonnull(only);
    ck_assert_ptr_null(conf_next(conf, parent, NULL, only));
    conf_unref(conf);
}
END_TEST

START_TEST(two_stanzas)
{
    static const char *const texts[] = {
        "binding default {} binding Default {}",
        "esmtp_listener { listen \":25\" {} listen \"[*]:25\" {} }",
        "domain a.com {} domain \"/a.com/\" {}",
        "binding_group default { binding default {} } binding default {}",
    };
    conf_t *conf = load_right(texts[_i], NULL, test_pool);
    const conf_stanza_t *parent = _i == 1 ? conf_next(conf, NULL, NULL, NULL) : NULL;

    ck_assert_ptr_nonnull(conf_next(conf, parent, NULL, conf_next(conf, parent, NULL, NULL)));
    conf_unref(conf);
}
END_TEST

/* ---- errors -------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *want;
} errors[] = {
    { "retry_intervall = 5", "t.conf:1: unknown option \"retry_intervall\" in scope \"global\": missing capability config.Global:retry_intervall; did you mean "
                             "\"retry_interval\"?\n" },
    { "retry_interval = 5\n\xef\xbb\xbfmax_retries = 2\nmax_retries = x",
      "t.conf:2: a byte order mark (U+FEFF) inside the file, where it can not be seen: take it away\n"
      "t.conf:3: option \"max_retries\": a number, auto or none is wanted, found x\n" },
    { "\xef\xbb\xbf\xef\xbb\xbfmax_retries = 2", "t.conf:1: a byte order mark (U+FEFF) inside the file, where it can not be seen: take it away\n" },
    { "include = \"x.conf\"", "t.conf:1: \"include\" is not an option: write include \"x.conf\", without \"=\"\n" },
    { "domain a { Readonly_Include = x }", "t.conf:1: \"Readonly_Include\" is not an option: write Readonly_Include \"x\", without \"=\"\n" },
    { "\n\nxyzzy = 5", "t.conf:3: unknown option \"xyzzy\" in scope \"global\": missing capability config.Global:xyzzy\n" },
    { "domain a { routs = b }", "t.conf:1: unknown option \"routs\" in scope \"domain\": missing capability config.Domain:routs; did you mean \"routes\"?\n" },
    { "domain a { spoolbase = /x }", "t.conf:1: option \"spoolbase\" is not legal in scope \"domain\"; it belongs in: "
                                     "global\n" },
    { "retry_interval = ten", "t.conf:1: option \"retry_interval\": a time is wanted: seconds, or with a unit, such as "
                              "30m or \"4 hours\", found ten\n" },
    { "retry_interval = ten retry_interval = 10", "t.conf:1: option \"retry_interval\": a time is wanted: seconds, or "
                                                  "with a unit, such as 30m or \"4 hours\", found ten\n" },
    { "esmtp_lisener { listen \":25\" { nonsense = 1 } }\nretry_interval = x\n",
      "t.conf:1: unknown stanza \"esmtp_lisener\" in scope \"global\"; did you mean \"esmtp_listener\"?\n"
      "t.conf:2: option \"retry_interval\": a time is wanted: seconds, or with a unit, such as 30m or \"4 hours\", "
      "found x\n" },
    { "listen \":25\" {}", "t.conf:1: stanza \"listen\" is not legal in scope \"global\"; it belongs in: esmtp_listener "
                           "control_listener ecstream_listener http_listener eccluster_listener msgcserver_listener "
                           "xmpp_listener\n" },
    { "retry_interval = 5 minutes\nmax_retries = x",
      "t.conf:1: a value of several words must be in quotes: write retry_interval = \"5 minutes\"\n"
      "t.conf:2: option \"max_retries\": a number, auto or none is wanted, found x\n" },
    { "domain a { retry_interval = 5 minutes }",
      "t.conf:1: a value of several words must be in quotes: write retry_interval = \"5 minutes\"\n" },
    { "retry_interval = 5 minutes",
      "t.conf:1: a value of several words must be in quotes: write retry_interval = \"5 minutes\"\n" },
    { "retry_interval = 5 routes", "t.conf:1: a value of several words must be in quotes: write retry_interval = \"5 "
                                   "routes\"\n" },
    { "retry_interval = \"5\" routes", "t.conf:1: expected \"=\" or \"{\" after \"routes\", found end of file\n" },
    { "retry_interval = 5 max_retries = x",
      "t.conf:1: option \"max_retries\": a number, auto or none is wanted, found x\n" },
    { "domain { }", "t.conf:1: stanza \"domain\" needs a name: write domain \"name\" { ... }\n" },
    { "security x { }", "t.conf:1: stanza \"security\" takes no name, found \"x\"\n" },
    { "domain { retry_interval = x }\nsecurity y { users = z }\nesmtp_listener { listen 25 { enable = x } domain a { routs = b } }",
      "t.conf:1: stanza \"domain\" needs a name: write domain \"name\" { ... }\n"
      "t.conf:1: option \"retry_interval\": a time is wanted: seconds, or with a unit, such as 30m or \"4 hours\", found x\n"
      "t.conf:2: stanza \"security\" takes no name, found \"y\"\n"
      "t.conf:2: unknown option \"users\" in scope \"security\": missing capability config.Security:users; did you mean \"user\"?\n"
      "t.conf:3: listen \"25\": the port is missing; write address:port, [IPv6 address]:port or the path of a socket\n"
      "t.conf:3: option \"enable\": true or false is wanted (also on/off, yes/no, enabled/disabled, 1/0), found x\n"
      "t.conf:3: stanza \"domain\" is not legal in scope \"esmtp_listener\"; it belongs in: global binding_group binding\n"
      "t.conf:3: unknown option \"routs\" in scope \"domain\": missing capability config.Domain:routs; did you mean \"routes\"?\n" },
    { "hostname { }", "t.conf:1: \"hostname\" is an option, not a stanza: write hostname = value\n" },
    { "domain = x", "t.conf:1: \"domain\" is a stanza, not an option: write domain { ... }\n" },
    { "hostname", "t.conf:1: expected \"=\" or \"{\" after \"hostname\", found end of file\n" },
    { "hostname =", "t.conf:1: expected the value of \"hostname\", found end of file\n" },
    { "hostname = = b", "t.conf:1: expected the value of \"hostname\", found \"=\"\n" },
    { "hostname b\nretry_interval = x", "t.conf:1: expected \"hostname = b\", or \"{\" after it to open a stanza\n"
                                        "t.conf:2: option \"retry_interval\": a time is wanted: seconds, or with a unit, "
                                        "such as 30m or \"4 hours\", found x\n" },
    { "domain a {\nretry_interval = 1\n", "t.conf:1: the \"}\" that closes \"domain\" is missing\n" },
    { "}", "t.conf:1: \"}\" without a stanza that it closes\n" },
    { "hostname = (a b)", "t.conf:1: option \"hostname\": one value is wanted, not a list, found ( a b )\n" },
    { "relay_domains = ( a b", "t.conf:1: expected an item or the \")\" that ends this list, found end of file\n" },
    { "relay_domains = ( a = b )\nhostname = x",
      "t.conf:1: expected an item or the \")\" that ends this list, found \"=\"\n" },
    { "esmtp_listener { context = [ a b ] }", "t.conf:1: expected \"=\" between key and value, found \"b\"\n" },
    { "hostname = \"abc\nretry_interval = 5\n", "t.conf:1: the quote that ends this string is missing\n" },
    { "hostname = 'abc'", "t.conf:1: single quotes are not used here: write double quotes\n" },
    { "domain \"/(/\" { }", "t.conf:1: domain /(/ is not a regular expression: missing closing parenthesis at "
                            "character 2\n" },
    { "domain \"/a\" { }\nhost \"/a/i\" { }", "t.conf:1: domain \"/a\": a regular expression has a slash at its end, too, and no "
                                            "domain begins with one\nt.conf:2: host \"/a/i\": a regular expression has a "
                                            "slash at its end, too, and no domain begins with one\n" },
    { "binding \"a b\" { }", "t.conf:1: binding \"a b\": a binding's name may not contain spaces or colons\n" },
    { "binding \"a:b\" { }", "t.conf:1: binding \"a:b\": a binding's name may not contain spaces or colons\n" },
    { "esmtp_listener { peer \"10.0.0.0/33\" {} }", "t.conf:1: peer \"10.0.0.0/33\": not an IP address or network "
                                                    "(address/length)\n" },
    { "esmtp_listener { listen \"::1:25\" {} }", "t.conf:1: listen \"::1:25\": not an IP address; IPv6 addresses stand in "
                                                 "brackets here\n" },
    { "esmtp_listener { listen \"127.0.0.1\" {} }", "t.conf:1: listen \"127.0.0.1\": the port is missing; write "
                                                    "address:port, [IPv6 address]:port or the path of a socket\n" },
    { "esmtp_listener { listen \":65536\" {} }", "t.conf:1: listen \":65536\": a port is a number from 0 to 65535\n" },
    { "include \"x.conf\"", "t.conf:1: files can not be included here\n" },
    { "\"hostname\" = a", "t.conf:1: expected the name of an option or a stanza, found \"hostname\"\n" },
    { "/x = a", "t.conf:1: expected the name of an option or a stanza, found \"/x\"\n" },
    { "esmtp_listener { pathway = nowhere }", "t.conf:1: option \"pathway\": there is no pathway of this name: "
                                              "\"nowhere\"\n" },
    { "esmtp_listener { static_banner = hello }", "t.conf:1: option \"static_banner\": a banner begins with 220: "
                                                  "\"hello\"\n" },
    { "a = 1\nb = 2\nhostname = x\nc = 3", "t.conf:1: unknown option \"a\" in scope \"global\": missing capability config.Global:a\n"
                                          "t.conf:2: unknown option \"b\" in scope \"global\": missing capability config.Global:b\n"
                                          "t.conf:4: unknown option \"c\" in scope \"global\": missing capability config.Global:c\n" },
};

START_TEST(refused)
{
    ck_assert_str_eq(load_wrong(errors[_i].text, strlen(errors[_i].text), test_pool), errors[_i].want);
}
END_TEST

START_TEST(error_cap)
{
    const char *text = "", *got, *last = NULL;
    int count = 0;

    for (int i = 0; i < 300; i++)
        text = apr_pstrcat(test_pool, text, "xyzzy = 1\n", NULL);
    got = load_wrong(text, strlen(text), test_pool);
    for (; *got != '\0'; got = strchr(got, '\n') + 1, count++)
        last = got;
    ck_assert_int_eq(count, 101);
    ck_assert_str_eq(last, "t.conf:100: too many errors; the rest is not looked at\n");
}
END_TEST

START_TEST(deep_nesting)
{
    char *text = apr_palloc(test_pool, 100000 * 3 + 1);

    for (int i = 0; i < 100000; i++)
        memcpy(text + i * 3, "a{ ", 4);
    ck_assert_ptr_nonnull(strstr(load_wrong(text, strlen(text), test_pool), "stanzas are nested deeper than 16"));
}
END_TEST

/* ---- what is accepted without effect ---------------------------------------------------------------- */

static const struct {
    const char *text, *want;
} warned[] = {
    { "tls = required\ntls = no\ndomain a { tls = ifavailable }",
      "t.conf:1: warning: option \"tls\" is accepted but has no effect yet\n" },
    { "\nsnmp_traps { trap_destination t { } }\nsnmp {}",
      "t.conf:2: warning: stanza \"snmp_traps\" is accepted but has no effect yet\n"
      "t.conf:2: warning: stanza \"trap_destination\" is accepted but has no effect yet\n"
      "t.conf:3: warning: stanza \"snmp\" is accepted but has no effect yet\n" },
    { "binding_group g { binding b { } }\nbinding c {}", "" },
    { "binding default { retry_interval = 5 }", "" },
    { "opendkim \"x\" { dkim_domain \"y\" { key = z } }\nopendkim { key = z }",
      "t.conf:1: warning: module \"opendkim\" is accepted but has no effect yet\n"
      "t.conf:1: warning: option \"dkim_domain.key\" is accepted but has no effect yet\n"
      "t.conf:2: warning: option \"opendkim.key\" is accepted but has no effect yet\n" },
    { "smpp \"x\" { anything { goes = [ 1 = 2 ] } }", /* what stands in it is not documented */
      "t.conf:1: warning: module \"smpp\" is accepted but has no effect yet\n" },
    { "http_listener { listen \":80\" { } }",
      "t.conf:1: warning: stanza \"http_listener\" is accepted but has no effect yet\n" },
    { "authorization { role \"a\" { allow = ( \".*\" ) } }",
      "t.conf:1: warning: stanza \"authorization\" is accepted but has no effect yet\n"
      "t.conf:1: warning: stanza \"role\" is accepted but has no effect yet\n"
      "t.conf:1: warning: option \"allow\" is accepted but has no effect yet\n" },
};

START_TEST(warnings)
{
    const char *got;

    conf_unref(load_right(warned[_i].text, &got, test_pool));
    ck_assert_str_eq(got, warned[_i].want);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "parse", 60);

    tcase_add_loop_test(tcase, statement_forms, 0, TEST_COUNT(forms));
    tcase_add_test(tcase, tree);
    tcase_add_test(tcase, dict_keys);
    tcase_add_loop_test(tcase, one_stanza, 0, TEST_COUNT(spellings));
    tcase_add_loop_test(tcase, two_stanzas, 0, 4);
    tcase_add_loop_test(tcase, refused, 0, TEST_COUNT(errors));
    tcase_add_test(tcase, error_cap);
    tcase_add_test(tcase, deep_nesting);
    tcase_add_loop_test(tcase, warnings, 0, TEST_COUNT(warned));
}
TEST_MAIN("conf/parse", add)

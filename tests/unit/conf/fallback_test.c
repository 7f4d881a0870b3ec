/* fallback_test.c - which scope gives a value: config-language.md sections 8 and 9, by rule
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"
#include "conf/loading.h"

/* ---- section 8: the eight steps --------------------------------------------------------------- */

#define STEP(n) "retry_interval = " #n

/* One level after the other is left away; what is left answers. */
static const char *const levels[] = {
    "binding_group g { binding b { domain d { " STEP(1) " } } }",
    "binding b { domain d { " STEP(2) " } }",
    "binding_group g { domain d { " STEP(3) " } }",
    "binding_group g { binding b { " STEP(4) " } }",
    "binding_group g { " STEP(5) " }",
    "domain d { " STEP(6) " }",
    STEP(7),
};

START_TEST(outbound_steps)
{
    const char *text = "";
    conf_t *conf;

    for (int i = TEST_COUNT(levels) - 1; i >= _i; i--)
        text = apr_pstrcat(test_pool, text, levels[i], "\n", NULL);
    conf = load_right(text, NULL, test_pool);
    ck_assert_int_eq(conf_int(conf_outbound(conf, "g", "b", "d"), CONF_O_RETRY_INTERVAL), _i == 7 ? 1200 : _i + 1);
    conf_unref(conf);
}
END_TEST

static const struct {
    const char *rule, *text, *group, *binding, *domain;
    conf_opt_t opt;
    apr_int64_t want;
} outbound[] = {
    { "R1", "binding b { retry_interval = 1 } domain d { retry_interval = 2 }", NULL, "b", "d", CONF_O_RETRY_INTERVAL, 1 },
    { "R2 binding", "binding b { retry_interval = 1 domain d { idle_timeout = 9 } } domain d { retry_interval = 2 }",
      NULL, "b", "d", CONF_O_RETRY_INTERVAL, 1 },
    { "R2 global domain", "retry_interval = 3 binding b { domain d { idle_timeout = 9 } } domain d { retry_interval = 2 }",
      NULL, "b", "d", CONF_O_RETRY_INTERVAL, 2 },
    { "R2 global", "retry_interval = 3 binding b { domain d { idle_timeout = 9 } } domain d { idle_timeout = 8 }",
      NULL, "b", "d", CONF_O_RETRY_INTERVAL, 3 },
    { "R3 exact first", "domain \"/example/\" { retry_interval = 1 } domain example.com { retry_interval = 2 }",
      NULL, NULL, "example.com", CONF_O_RETRY_INTERVAL, 2 },
    { "R3 per option", "domain \"/example/\" { retry_interval = 1 } domain example.com { idle_timeout = 2 }",
      NULL, NULL, "example.com", CONF_O_RETRY_INTERVAL, 1 },
    { "R3 order", "domain \"/com$/\" { retry_interval = 1 } domain \"/example/\" { retry_interval = 2 }",
      NULL, NULL, "example.com", CONF_O_RETRY_INTERVAL, 1 },
    { "R3 order per option", "domain \"/com$/\" { idle_timeout = 1 } domain \"/example/\" { retry_interval = 2 }",
      NULL, NULL, "example.com", CONF_O_RETRY_INTERVAL, 2 },
    { "R3 only in one container", "binding b { domain \"/example/\" { retry_interval = 1 } } "
                                  "domain example.com { retry_interval = 2 }",
      NULL, "b", "example.com", CONF_O_RETRY_INTERVAL, 1 },
    { "R4 unanchored", "domain \"/amp/\" { retry_interval = 1 }", NULL, NULL, "example.com", CONF_O_RETRY_INTERVAL, 1 },
    { "R4 anchored", "domain \"/^amp/\" { retry_interval = 1 }", NULL, NULL, "example.com", CONF_O_RETRY_INTERVAL, 1200 },
    { "R4 escapes", "domain \"/^a\\.b$/\" { retry_interval = 1 }", NULL, NULL, "axb", CONF_O_RETRY_INTERVAL, 1200 },
    { "R4 case", "domain \"/^A\\.B$/\" { retry_interval = 1 }", NULL, NULL, "a.b", CONF_O_RETRY_INTERVAL, 1 },
    { "R5 zero is set", "retry_interval = 7 domain d { retry_interval = 0 }", NULL, NULL, "d", CONF_O_RETRY_INTERVAL, 0 },
    { "R5 default is set", "retry_interval = 7 domain d { retry_interval = 1200 }", NULL, NULL, "d",
      CONF_O_RETRY_INTERVAL, 1200 },
    { "R6 default binding", "binding default { retry_interval = 1 }", NULL, "default", "d", CONF_O_RETRY_INTERVAL, 1 },
    { "R6 default group", "binding_group default { retry_interval = 1 }", "default", "default", "d",
      CONF_O_RETRY_INTERVAL, 1 },
    { "R6 undeclared", "retry_interval = 4", "default", "default", "d", CONF_O_RETRY_INTERVAL, 4 },
    { "group of a binding", "binding_group g { retry_interval = 5 binding b { } }", NULL, "b", "d",
      CONF_O_RETRY_INTERVAL, 5 },
    { "group before global domain", "binding_group g { retry_interval = 5 binding b { } } domain d { retry_interval = 6 }",
      "g", "b", "d", CONF_O_RETRY_INTERVAL, 5 },
    { "other group", "binding_group g { retry_interval = 5 binding b { } }", "h", "b", "d", CONF_O_RETRY_INTERVAL, 1200 },
    { "IPv6", "domain \"[IPv6:2001:DB8:0::1]\" { retry_interval = 1 }", NULL, NULL, "[ipv6:2001:db8::1]",
      CONF_O_RETRY_INTERVAL, 1 },
    { "no catastrophe", "domain \"/^(a+)+$/\" { retry_interval = 1 }", NULL, NULL,
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", CONF_O_RETRY_INTERVAL, 1200 },
};

START_TEST(outbound_rules)
{
    conf_t *conf = load_right(outbound[_i].text, NULL, test_pool);
    const conf_view_t *view = conf_outbound(conf, outbound[_i].group, outbound[_i].binding, outbound[_i].domain);

    ck_assert_msg(conf_int(view, outbound[_i].opt) == outbound[_i].want, "%s", outbound[_i].rule);
    /* once more, from the caches: the very same view */
    ck_assert_ptr_eq(conf_outbound(conf, outbound[_i].group, outbound[_i].binding, outbound[_i].domain), view);
    conf_unref(conf);
}
END_TEST

/* R5 for lists: an empty one is a value. */
START_TEST(empty_list)
{
    conf_t *conf = load_right("relay_domains = ( a ) relay_hosts = ( 10.0.0.0/8 ) "
                              "esmtp_listener { relay_hosts = () listen \":25\" { } }", NULL, test_pool);
    const conf_stanza_t *listen = conf_next(conf, conf_next(conf, NULL, "esmtp_listener", NULL), "listen", NULL);

    ck_assert(ec_cidr_set_has(conf_get(conf_global(conf), CONF_O_RELAY_HOSTS)->cidr, "10.1.1.1"));
    ck_assert(!ec_cidr_set_has(conf_get(conf_inbound(conf, listen, NULL), CONF_O_RELAY_HOSTS)->cidr, "10.1.1.1"));
    conf_unref(conf);
}
END_TEST

START_TEST(shared_views)
{
    conf_t *conf = load_right("domain \"/x$/\" { retry_interval = 1 } match_cache_size = 1", NULL, test_pool);

    ck_assert_ptr_eq(conf_outbound(conf, NULL, NULL, "a"), conf_global(conf));
    ck_assert_ptr_eq(conf_outbound(conf, NULL, "b", "ax"), conf_outbound(conf, NULL, NULL, "bx"));
    for (int i = 0; i < 100; i++) {     /* more names than the cache holds */
        const char *name = apr_psprintf(test_pool, "%d%s", i, i % 2 == 0 ? "x" : "y");

        ck_assert_int_eq(conf_int(conf_outbound(conf, NULL, "b", name), CONF_O_RETRY_INTERVAL), i % 2 == 0 ? 1 : 1200);
    }
    conf_unref(conf);
}
END_TEST

/* ---- section 9 ------------------------------------------------------------------------------------ */

static const char *const inbound_levels[] = {
    "esmtp_listener { listen \":25\" { peer \"10.0.0.0/8\" { listener_sessions = 1 } } }",
    "esmtp_listener { listen \":25\" { listener_sessions = 2 } }",
    "esmtp_listener { peer \"10.0.0.1\" { listener_sessions = 3 } }",
    "esmtp_listener { listener_sessions = 4 }",
    "pathway_group pg { pathway p { listener_sessions = 5 } }",
    "pathway p { listener_sessions = 6 }",
    "pathway_group pg { listener_sessions = 7 }",
};

START_TEST(inbound_steps)
{
    const char *text = "esmtp_listener { listen \":25\" { pathway = p } } pathway_group pg { pathway p { } }\n";
    const conf_stanza_t *listen;
    conf_t *conf;

    for (int i = _i; i < TEST_COUNT(inbound_levels); i++)
        text = apr_pstrcat(test_pool, text, inbound_levels[i], "\n", NULL);
    conf = load_right(text, NULL, test_pool);
    listen = conf_next(conf, conf_next(conf, NULL, "esmtp_listener", NULL), "listen", NULL);
    ck_assert_int_eq(conf_int(conf_inbound(conf, listen, "10.0.0.1"), CONF_O_LISTENER_SESSIONS), _i == 7 ? 0 : _i + 1);
    conf_unref(conf);
}
END_TEST

static const char acl_text[] =
    "relay_hosts = ( 127.0.0.0/8 )\n"
    "pathway inside { require_ehlo = true }\n"
    "esmtp_listener {\n"
    "  peer \"10.10.0.0/16\" { open_relay = true max_message_size = 1K }\n"
    "  peer \"10.0.0.0/8\" { max_recipients_per_message = 5 pathway = inside }\n"
    "  peer \"2001:db8::/32\" { max_message_size = 3K }\n"
    "  max_message_size = 9K\n"
    "  listen \":25\" { peer \"10.10.1.1\" { open_relay = false } }\n"
    "  listen \":26\" { max_message_size = 5K }\n"
    "}\n";

static const struct {
    int listen;
    const char *peer;
    conf_opt_t opt;
    apr_int64_t want;
} peers[] = {
    { 0, "10.10.1.1", CONF_O_OPEN_RELAY, 0 },               /* the listen's /32 outranks the listener's /16 */
    { 1, "10.10.1.1", CONF_O_OPEN_RELAY, 1 },
    { 0, "10.10.1.1", CONF_O_MAX_MESSAGE_SIZE, 1024 },      /* per option: falls on to the listener's peer */
    { 0, "10.10.2.2", CONF_O_MAX_MESSAGE_SIZE, 1024 },
    { 0, "10.10.2.2", CONF_O_MAX_RECIPIENTS_PER_MESSAGE, 10000 },   /* only the most specific network */
    { 0, "10.11.2.2", CONF_O_MAX_RECIPIENTS_PER_MESSAGE, 5 },
    { 0, "10.11.2.2", CONF_O_REQUIRE_EHLO, 1 },             /* by the pathway of the peer */
    { 0, "10.10.2.2", CONF_O_REQUIRE_EHLO, 0 },
    { 0, "11.1.1.1", CONF_O_MAX_MESSAGE_SIZE, 9216 },
    { 1, "10.10.2.2", CONF_O_MAX_MESSAGE_SIZE, 5120 },      /* listen before the listener's peer */
    { 0, "2001:db8::5", CONF_O_MAX_MESSAGE_SIZE, 3072 },
    { 0, "::ffff:10.10.2.2", CONF_O_OPEN_RELAY, 1 },
    { 0, "unknown", CONF_O_MAX_MESSAGE_SIZE, 9216 },
    { 0, NULL, CONF_O_MAX_MESSAGE_SIZE, 9216 },
};

START_TEST(peer_networks)
{
    conf_t *conf = load_right(acl_text, NULL, test_pool);
    const conf_stanza_t *listener = conf_next(conf, NULL, "esmtp_listener", NULL), *listen = NULL;

    for (int i = 0; i <= peers[_i].listen; i++)
        listen = conf_next(conf, listener, "listen", listen);
    ck_assert_int_eq(conf_int(conf_inbound(conf, listen, peers[_i].peer), peers[_i].opt), peers[_i].want);
    conf_unref(conf);
}
END_TEST

/* ---- conf_eval --------------------------------------------------------------------------------------- */

static const char eval_conf[] =
    "retry_interval = 7\n"
    "domain a.com { retry_interval = 8 routes = ( \"[::1]:25\" b.com ) }\n"
    "domain \"/com/\" { max_retries = none }\n"
    "binding_group g { binding b { domain a.com { retry_interval = 9 } } }\n"
    "esmtp_listener { peer \"10.0.0.0/8\" { open_relay = true } listen \"*:25\" { listener_sessions = 3 } }\n"
    "threadpool IO { concurrency = 7 }\n"
    "pathway p { require_ehlo = on }\n"
    "binding b { host mx.a.com { max_outbound_connections = 3 } }\n"
    "max_outbound_connections = 100\n";

static const struct {
    const char *scopes[9];
    const char *option, *want;
} evals[] = {
    { { NULL }, "retry_interval", "7 from global" },
    { { "global", "", NULL }, "Retry_Interval", "7 from global" },
    { { NULL }, "hostname", NULL },
    { { NULL }, "gateway", "(unset) from default" },
    { { NULL }, "relay_hosts", "( \"127.0.0.0/8\" ::1 ) from default" },
    { { "domain", "A.com", NULL }, "retry_interval", "8 from domain a.com" },
    { { "domain", "a.com", NULL }, "routes", "( \"[::1]:25\" b.com ) from domain a.com" },
    { { "domain", "a.com", NULL }, "max_retries", "none from domain /com/" },
    { { "domain", "x.org", NULL }, "retry_interval", "7 from global" },
    { { "domain", "x.org", NULL }, "max_retries", "auto from default" },
    { { "binding_group", "g", "binding", "b", "domain", "a.com", NULL }, "retry_interval",
      "9 from domain a.com in binding b in binding_group g" },
    { { "esmtp_listener", "", "listen", ":25", NULL }, "listener_sessions", "3 from listen *:25 in esmtp_listener" },
    { { "esmtp_listener", "", "listen", "*:25", "peer", "10.1.1.1", NULL }, "open_relay",
      "true from peer 10.0.0.0/8 in esmtp_listener" },
    { { "esmtp_listener", "", "peer", "11.1.1.1", NULL }, "open_relay", "false from default" },
    { { "esmtp_listener", "listen", "[::1]:25", NULL }, "pathway", "(unset) from default" },
    { { "security", NULL }, "user", "ecuser from default" },
    { { "domain", "a.com", "retry_interval", NULL }, "x", "!\"retry_interval\" is an option of domain a.com; "
                                                          "nothing may follow it, found \"x\"" },
    { { "domain", NULL }, "a.com", "!which option of domain a.com?" },
    { { "apn", NULL }, "x", "!nothing is known of the options of apn: no module of this name is loaded" },
    { { "threadpool", "IO", NULL }, "concurrency", "7 from threadpool IO" },
    { { "threadpool", "CPU", NULL }, "concurrency", "0 from default" },
    { { "pathway", "p", NULL }, "require_ehlo", "on from pathway p" },
    { { "binding", "b", "host", "mx.a.com", NULL }, "max_outbound_connections", "3 from host mx.a.com in binding b" },
    { { "host", "mx.a.com", NULL }, "max_outbound_connections", "-1 from default" },        /* H3 */
    { { "domain", "a.com", NULL }, "spoolbase", "!option \"spoolbase\" is not legal in scope \"domain\"; it belongs in: global" },
    { { NULL }, "retry_intervall",
      "!\"retry_intervall\" is not an option of scope \"global\" and not a scope; did you mean \"retry_interval\"?" },
    { { "nonsense", "x", NULL }, "retry_interval", "!\"nonsense\" is not an option of scope \"global\" and not a scope" },
    { { "esmtp_listener", "peer", "x", NULL }, "open_relay", "!peer \"x\": not an IP address or network (address/length)" },
};

START_TEST(eval)
{
    conf_t *conf = load_right(eval_conf, NULL, test_pool);
    const char *got = eval_text(conf, evals[_i].scopes, evals[_i].option, test_pool);

    if (evals[_i].want != NULL)
        ck_assert_str_eq(got, evals[_i].want);
    else
        ck_assert_ptr_nonnull(strstr(got, " from default"));
    conf_unref(conf);
}
END_TEST

START_TEST(eval_place)
{
    conf_t *conf = load_right(eval_conf, NULL, test_pool);
    const char *scopes[] = { "domain", "a.com" }, *why;
    conf_eval_t result;

    ck_assert_int_eq(conf_eval(&result, conf, scopes, 2, "retry_interval", &why, test_pool), APR_SUCCESS);
    ck_assert_str_eq(result.file, "t.conf");
    ck_assert_int_eq(result.line, 2);
    ck_assert_int_eq(result.value->i, 8);
    ck_assert_ptr_eq(result.option, conf_option(CONF_O_RETRY_INTERVAL));
    ck_assert_int_eq(conf_eval(&result, conf, scopes, 2, "idle_timeout", &why, test_pool), APR_SUCCESS);
    ck_assert_ptr_null(result.file);
    ck_assert_int_eq(result.value->i, 5);
    conf_unref(conf);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "fallback", 60);

    tcase_add_loop_test(tcase, outbound_steps, 0, TEST_COUNT(levels) + 1);
    tcase_add_loop_test(tcase, outbound_rules, 0, TEST_COUNT(outbound));
    tcase_add_test(tcase, empty_list);
    tcase_add_test(tcase, shared_views);
    tcase_add_loop_test(tcase, inbound_steps, 0, TEST_COUNT(inbound_levels) + 1);
    tcase_add_loop_test(tcase, peer_networks, 0, TEST_COUNT(peers));
    tcase_add_loop_test(tcase, eval, 0, TEST_COUNT(evals));
    tcase_add_test(tcase, eval_place);
}
TEST_MAIN("conf/fallback", add)

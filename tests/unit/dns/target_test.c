/* target_test.c - gateways and routes
 * SPDX-License-Identifier: Apache-2.0 */
#include "dns/target.h"
#include "runner.h"

static const struct {
    const char *text;
    int is_good;
    dns_target_kind_t kind;
    const char *name;
    int port;
} gateways[] = {
    { "Relay.test", 1, DNS_TARGET_MX, "relay.test", 0 },
    { "relay.test:2525", 1, DNS_TARGET_MX, "relay.test", 2525 },
    { "127.0.0.1", 1, DNS_TARGET_ADDRESS, "127.0.0.1", 0 },
    { "127.0.0.1:2525", 1, DNS_TARGET_ADDRESS, "127.0.0.1", 2525 },
    { "[::1]", 1, DNS_TARGET_ADDRESS, "::1", 0 },
    { "[::1]:2525", 1, DNS_TARGET_ADDRESS, "::1", 2525 },
    { "[127.0.0.1]:2525", 1, DNS_TARGET_ADDRESS, "127.0.0.1", 2525 },
    { "[IPv6:::1]", 1, DNS_TARGET_ADDRESS, "::1", 0 },
    { "::1", 1, DNS_TARGET_ADDRESS, "::1", 0 },
    { "relay.test:0", 0, 0, NULL, 0 },
    { "relay.test:65536", 0, 0, NULL, 0 },
    { "relay.test:x", 0, 0, NULL, 0 },
    { "relay.test:", 0, 0, NULL, 0 },
    { ":25", 0, 0, NULL, 0 },
    { "[::1", 0, 0, NULL, 0 },
    { "[::1]x", 0, 0, NULL, 0 },
    { "a b", 0, 0, NULL, 0 },
    { "", 0, 0, NULL, 0 },
};

START_TEST(gateway)
{
    dns_target_t target;
    int is_good = dns_target_gateway(&target, gateways[_i].text);

    ck_assert_msg(is_good == gateways[_i].is_good, "%s", gateways[_i].text);
    if (is_good) {
        ck_assert_int_eq(target.kind, gateways[_i].kind);
        ck_assert_str_eq(target.name, gateways[_i].name);
        ck_assert_int_eq(target.port, gateways[_i].port);
    }
}
END_TEST

static const struct {
    const char *text;
    int is_good;
    dns_target_kind_t kind;
    const char *name;
    int port, group;
    unsigned ttl;
} routes[] = {
    { "mail.test", 1, DNS_TARGET_HOST, "mail.test", 0, 5, 0 },
    { "mail.test:26", 1, DNS_TARGET_HOST, "mail.test", 26, 5, 0 },
    { "127.0.0.3", 1, DNS_TARGET_ADDRESS, "127.0.0.3", 0, 5, 0 },
    { "__MX__", 1, DNS_TARGET_MX, "domain.test", 0, 5, 0 },
    { "smtp://mail.test", 1, DNS_TARGET_HOST, "mail.test", 0, 5, 0 },
    { "SMTP://mail.test/?pref=10&port=2525", 1, DNS_TARGET_HOST, "mail.test", 2525, 10, 0 },
    { "smtp://mail.test?type=mx&ttl=30", 1, DNS_TARGET_MX, "mail.test", 0, 5, 30 },
    { "smtp://mail.test?pref=&ttl=&port=&type=a", 1, DNS_TARGET_HOST, "mail.test", 0, 5, 0 },
    { "smtp://[::1]:26?pref=1", 1, DNS_TARGET_ADDRESS, "::1", 26, 1, 0 },
    { "smtp://mail.test?type=srv", 0, 0, NULL, 0, 0, 0 },
    { "smtp://mail.test?color=red", 0, 0, NULL, 0, 0, 0 },
    { "smtp://mail.test?pref=99999", 0, 0, NULL, 0, 0, 0 },
    { "smtp://mail.test/path", 0, 0, NULL, 0, 0, 0 },
    { "smtp://", 0, 0, NULL, 0, 0, 0 },
    { "xfer://mail.test", 0, 0, NULL, 0, 0, 0 },
};

START_TEST(route)
{
    dns_target_t target = { .group = 5 };
    int is_good = dns_target_route(&target, routes[_i].text, "domain.test");

    ck_assert_msg(is_good == routes[_i].is_good, "%s", routes[_i].text);
    if (is_good) {
        ck_assert_int_eq(target.kind, routes[_i].kind);
        ck_assert_str_eq(target.name, routes[_i].name);
        ck_assert_int_eq(target.port, routes[_i].port);
        ck_assert_int_eq(target.group, routes[_i].group);
        ck_assert_uint_eq(target.ttl, routes[_i].ttl);
    }
}
END_TEST

/* A recipient's domain is an address only in brackets. */
START_TEST(domain)
{
    static const struct {
        const char *domain;
        int n;
        dns_target_kind_t kind;
    } domains[] = {
        { "a.test", 1, DNS_TARGET_MX },
        { "[127.0.0.1]", 1, DNS_TARGET_ADDRESS },
        { "127.0.0.1", 1, DNS_TARGET_MX },
        { "a:25", 0, 0 },
        { "", 0, 0 },
        { "[x]", 0, 0 },
    };
    dns_target_t targets[DNS_TARGETS_MAX];
    int refused;

    for (int i = 0; i < TEST_COUNT(domains); i++) {
        dns_question_t question = { .domain = domains[i].domain };

        ck_assert_msg(dns_targets(targets, &question, &refused) == domains[i].n, "%s", domains[i].domain);
        if (domains[i].n == 1) {
            ck_assert_int_eq(targets[0].kind, domains[i].kind);
        }
    }
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "target", 10);

    tcase_add_loop_test(tcase, gateway, 0, TEST_COUNT(gateways));
    tcase_add_loop_test(tcase, route, 0, TEST_COUNT(routes));
    tcase_add_test(tcase, domain);
}

TEST_MAIN("dns/target", add)

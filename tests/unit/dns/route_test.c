/* route_test.c - the choice of hosts, over a table instead of name servers
 * SPDX-License-Identifier: Apache-2.0
 *
 * A route is written as "host:preference=address,address host2:..." and compared as text. */
#include <string.h>

#include <apr_strings.h>

#include "dns/route.h"
#include "event/runtime.h"
#include "runner.h"

#define MAIL "10 m1.test 20 m2.test"

/* What the table knows: MX as "preference name ...", addresses as a list; "!" is a server failure, "-" no
 * data, "?" no answer at all; a name that is missing does not exist. */
static const struct {
    const char *name;
    int type;
    const char *data;
} records[] = {
    { "a.test", DNS_TYPE_MX, MAIL },
    { "m1.test", DNS_TYPE_A, "127.0.0.1" },
    { "m1.test", DNS_TYPE_AAAA, "::1" },
    { "m2.test", DNS_TYPE_A, "127.0.0.2 127.0.0.3" },
    { "m2.test", DNS_TYPE_AAAA, "-" },
    { "even.test", DNS_TYPE_MX, "5 m1.test 5 m2.test" },
    { "twice.test", DNS_TYPE_MX, "20 m1.test 10 m1.test" },
    { "implicit.test", DNS_TYPE_MX, "-" },
    { "implicit.test", DNS_TYPE_A, "127.0.0.4" },
    { "nothing.test", DNS_TYPE_MX, "-" },
    { "nothing.test", DNS_TYPE_A, "-" },
    { "null.test", DNS_TYPE_MX, "0 ." },
    { "nullish.test", DNS_TYPE_MX, "0 . 10 m1.test" },
    { "broken.test", DNS_TYPE_MX, "!" },
    { "mxless.test", DNS_TYPE_MX, "!" },
    { "mxless.test", DNS_TYPE_A, "127.0.0.6" },
    { "half.test", DNS_TYPE_MX, "10 b1.test 20 m2.test" },
    { "b1.test", DNS_TYPE_A, "!" },
    { "down.test", DNS_TYPE_MX, "10 b1.test 20 gone.test" },
    { "lost.test", DNS_TYPE_MX, "10 gone.test" },
    { "silent.test", DNS_TYPE_MX, "?" },
    { "slow.test", DNS_TYPE_MX, "10 mute.test 20 m2.test" },
    { "mute.test", DNS_TYPE_A, "?" },
};

static dns_lookup_fn *kept_fn[8];
static void *kept_baton[8];
static int kept;

static void fill(dns_answer_t *answer, int type, const char *data)
{
    char *copy = apr_pstrdup(test_pool, data), *last;

    for (char *word = apr_strtok(copy, " ", &last); word != NULL; word = apr_strtok(NULL, " ", &last)) {
        if (type != DNS_TYPE_MX) {
            apr_cpystrn(answer->address[answer->n_addresses++], word, DNS_ADDRESS_ROOM);
            continue;
        }
        answer->mx[answer->n_mx].preference = atoi(word);
        word = apr_strtok(NULL, " ", &last);
        if (strcmp(word, ".") == 0) {
            answer->n_root++;
        } else {
            apr_cpystrn(answer->mx[answer->n_mx++].name, word, DNS_NAME_ROOM);
        }
    }
}

static void fake_ask(void *self, const char *name, int type, dns_lookup_fn *fn, void *baton)
{
    dns_answer_t *answer = apr_pcalloc(test_pool, sizeof(*answer));
    const char *data = NULL;

    answer->ttl = 300;
    for (int i = 0; i < TEST_COUNT(records); i++) {
        data = strcmp(records[i].name, name) == 0 && records[i].type == type ? records[i].data : data;
    }
    if (data == NULL) {
        fn(baton, EC_E_DNS_NXDOMAIN, answer);
    } else if (*data == '!') {
        fn(baton, EC_E_DNS_TRANSIENT, NULL);
    } else if (*data == '-') {
        fn(baton, EC_E_DNS_NODATA, answer);
    } else if (*data == '?') {
        kept_fn[kept] = fn;
        kept_baton[kept++] = baton;
    } else {
        fill(answer, type, data);
        fn(baton, APR_SUCCESS, answer);
    }
}

static const dns_resolver_t fake = { fake_ask, NULL };

struct result {
    int count;
    apr_status_t rv;
    char text[1000], why[200];
    apr_time_t expires;
    int is_implicit;
};

static void on_route(void *baton, apr_status_t rv, dns_route_t *route, const char *why)
{
    struct result *result = baton;
    char *to = result->text, *end = to + sizeof(result->text);

    result->count++;
    result->rv = rv;
    apr_cpystrn(result->why, why != NULL ? why : "", sizeof(result->why));
    if (route == NULL) {
        return;
    }
    result->expires = route->expires;
    result->is_implicit = route->is_implicit;
    for (int i = 0; i < route->n_hosts; i++) {
        const dns_host_t *host = &route->host[i];

        to += apr_snprintf(to, (apr_size_t)(end - to), "%s%s:%d", i > 0 ? " " : "", host->name,
                           host->preference);
        for (int k = 0; k < host->n_addresses; k++) {
            to += apr_snprintf(to, (apr_size_t)(end - to), "%c%s", k > 0 ? ',' : '=', host->address[k]);
        }
    }
    dns_route_unref(route);
}

static apr_uint64_t random_state = 1;

static void find(struct result *result, dns_question_t question)
{
    memset(result, 0, sizeof(*result));
    question.max_ttl = question.max_ttl != 0 ? question.max_ttl : 0xffffffffu;
    dns_plan_run(ec_loop_at(0), &fake, &question, &random_state, on_route, result);
}

static void start(void)
{
    test_setup();
    ck_assert_int_eq(
        event_runtime_create(1, event_clock_virtual(apr_time_from_sec(1000000), test_pool), test_pool),
        APR_SUCCESS);
    kept = 0;
}

static const char *const in_order[] = { "m2.test", "127.0.0.9:26", "__mx__", NULL };
static const char *const by_pref[] = { "smtp://m2.test?pref=20", "smtp://m1.test?pref=10", NULL };
static const char *const useless[] = { "xfer://a", NULL };
static const char *const partly[] = { "gone.test", "m1.test", NULL };

static const struct {
    dns_question_t question;
    apr_status_t rv;
    const char *text;
} cases[] = {
    { { .domain = "a.test" }, APR_SUCCESS, "m1.test:10=127.0.0.1 m2.test:20=127.0.0.2,127.0.0.3" },
    { { .domain = "A.TEST." }, APR_SUCCESS, "m1.test:10=127.0.0.1 m2.test:20=127.0.0.2,127.0.0.3" },
    { { .domain = "a.test", .use_ipv6 = 1 },
      APR_SUCCESS,
      "m1.test:10=127.0.0.1,::1 m2.test:20=127.0.0.2,127.0.0.3" },
    { { .domain = "a.test", .use_ipv6 = 1, .prefer_ipv6 = 1 },
      APR_SUCCESS,
      "m1.test:10=::1,127.0.0.1 m2.test:20=127.0.0.2,127.0.0.3" },
    { { .domain = "twice.test" }, APR_SUCCESS, "m1.test:10=127.0.0.1" },
    { { .domain = "implicit.test" }, APR_SUCCESS, "implicit.test:0=127.0.0.4" },
    { { .domain = "nothing.test" }, EC_E_DNS_NODATA, "" },
    { { .domain = "null.test" }, EC_E_DNS_NULL_MX, "" },
    { { .domain = "nullish.test" }, APR_SUCCESS, "m1.test:10=127.0.0.1" },
    { { .domain = "missing.test" }, EC_E_DNS_NXDOMAIN, "" },
    { { .domain = "bad name" }, EC_E_DNS_NXDOMAIN, "" },
    { { .domain = "broken.test" }, EC_E_DNS_TRANSIENT, "" },
    { { .domain = "broken.test", .may_fall_back = 1 }, EC_E_DNS_TRANSIENT, "" },
    { { .domain = "mxless.test" }, EC_E_DNS_TRANSIENT, "" },
    { { .domain = "mxless.test", .may_fall_back = 1 }, APR_SUCCESS, "mxless.test:0=127.0.0.6" },
    { { .domain = "half.test" }, APR_SUCCESS, "m2.test:20=127.0.0.2,127.0.0.3" },
    { { .domain = "down.test" }, EC_E_DNS_TRANSIENT, "" },
    { { .domain = "lost.test" }, EC_E_DNS_NODATA, "" },
    { { .domain = "[127.0.0.7]" }, APR_SUCCESS, "127.0.0.7:0=127.0.0.7" },
    { { .domain = "[IPv6:::1]" }, APR_SUCCESS, "::1:0=::1" },
    { { .domain = "127.0.0.5:2525", .is_gateway = 1 }, APR_SUCCESS, "127.0.0.5:0=127.0.0.5" },
    { { .domain = "a.test:26", .is_gateway = 1 },
      APR_SUCCESS,
      "m1.test:10=127.0.0.1 m2.test:20=127.0.0.2,127.0.0.3" },
    { { .domain = "implicit.test", .is_gateway = 1 }, APR_SUCCESS, "implicit.test:0=127.0.0.4" },
    { { .domain = "implicit.test", .routes = in_order },
      APR_SUCCESS,
      "m2.test:0=127.0.0.2,127.0.0.3 127.0.0.9:65536=127.0.0.9 implicit.test:131072=127.0.0.4" },
    { { .domain = "null.test", .routes = by_pref },
      APR_SUCCESS,
      "m1.test:655360=127.0.0.1 m2.test:1310720=127.0.0.2,127.0.0.3" },
    { { .domain = "a.test", .routes = useless }, EC_E_DNS_NODATA, "" },
    { { .domain = "a.test", .routes = partly }, APR_SUCCESS, "m1.test:65536=127.0.0.1" },
};

START_TEST(choice)
{
    struct result result;

    find(&result, cases[_i].question);
    ck_assert_msg(result.count == 1 && result.rv == cases[_i].rv, "%s: %d times, rv %d %s",
                  cases[_i].question.domain, result.count, result.rv, result.why);
    ck_assert_str_eq(result.text, cases[_i].text);
    ck_assert_msg(result.rv == APR_SUCCESS || result.why[0] != '\0', "%s: no reason",
                  cases[_i].question.domain);
    ck_assert_int_eq(result.is_implicit,
                     result.rv == APR_SUCCESS && strstr(cases[_i].text, "implicit") == cases[_i].text);
}
END_TEST

/* Hosts of one preference come in either order, and never before a better one. */
START_TEST(equal_hosts_share)
{
    struct result result;
    int first = 0;

    for (int i = 0; i < 200; i++) {
        find(&result, (dns_question_t){ .domain = "even.test" });
        first += strncmp(result.text, "m1.test", 7) == 0;
    }
    ck_assert_msg(first > 50 && first < 150, "m1 was first %d times of 200", first);
}
END_TEST

START_TEST(ttl_is_bounded)
{
    static const struct {
        apr_uint32_t min, max;
        int seconds;
    } bounds[] = { { 0, 1000, 300 }, { 600, 1000, 600 }, { 0, 20, 20 } };
    struct result result;

    for (int i = 0; i < TEST_COUNT(bounds); i++) {
        find(&result,
             (dns_question_t){ .domain = "a.test", .min_ttl = bounds[i].min, .max_ttl = bounds[i].max });
        ck_assert_int_eq(apr_time_sec(result.expires - ec_loop_now(ec_loop_at(0))), bounds[i].seconds);
    }
    find(&result, (dns_question_t){ .domain = "half.test" });
    ck_assert_int_eq(apr_time_sec(result.expires - ec_loop_now(ec_loop_at(0))), DNS_RETRY_TTL_SECONDS);
}
END_TEST

static int is_answered(void *baton)
{
    return ((struct result *)baton)->count > 0;
}

/* Servers that do not answer end a question after 30 s; what is known by then is used; late answers do no
 * harm. */
START_TEST(silence)
{
    static const struct {
        const char *domain;
        apr_status_t rv;
        const char *text;
    } silent[] = {
        { "silent.test", EC_E_DNS_TRANSIENT, "" },
        { "slow.test", APR_SUCCESS, "m2.test:20=127.0.0.2,127.0.0.3" },
    };
    ec_loop_t *loop = ec_loop_at(0);
    apr_time_t before = ec_loop_now(loop);
    struct result result;

    find(&result, (dns_question_t){ .domain = silent[_i].domain });
    ck_assert_int_eq(result.count, 0);
    ck_assert(event_run_until(loop, is_answered, &result, 1000));
    ck_assert_int_eq(result.rv, silent[_i].rv);
    ck_assert_str_eq(result.text, silent[_i].text);
    ck_assert_int_eq(apr_time_sec(ec_loop_now(loop) - before), DNS_PLAN_LIMIT_SECONDS);
    for (int i = 0; i < kept; i++) {
        kept_fn[i](kept_baton[i], EC_E_DNS_TRANSIENT, NULL);
    }
    ck_assert_int_eq(result.count, 1);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = tcase_create("route");

    tcase_add_checked_fixture(tcase, start, test_teardown);
    suite_add_tcase(suite, tcase);
    tcase_add_loop_test(tcase, choice, 0, TEST_COUNT(cases));
    tcase_add_test(tcase, equal_hosts_share);
    tcase_add_test(tcase, ttl_is_bounded);
    tcase_add_loop_test(tcase, silence, 0, 2);
}

TEST_MAIN("dns/route", add)

/* value_test.c - every type of value, what it takes and what it refuses
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"
#include "conf/loading.h"
#include "conf/value.h"

static const char *const words[] = { "auto", "none", NULL };
static const char *const truths[] = { "false", "true", "inline", NULL };
static const char *const switches[] = { "disabled", "enabled", NULL };

static const ec_option_t rows[] = {
#define ROW(type_, unit_, words_, min_, max_) \
    [EC_TYPE_##type_] = { .name = "x", .type = EC_TYPE_##type_, .unit = (unit_), .words = (words_), .min = (min_), .max = (max_) }
    ROW(STRING, NULL, NULL, 0, 0),  ROW(INT, NULL, NULL, -1, 1000),    ROW(SIZE, "bytes", NULL, 0, 0),
    ROW(FLOAT, NULL, NULL, 0, 0),   ROW(BOOL, NULL, NULL, 0, 0),       ROW(PERMS, NULL, NULL, 0, 0),
    ROW(INTERVAL, "seconds", NULL, 0, 0), ROW(ENUM, NULL, truths, 0, 0), ROW(ENUM_INT, NULL, words, 0, 100),
    ROW(LIST, NULL, NULL, 0, 0),    ROW(CIDR_LIST, NULL, NULL, 0, 0),  ROW(DICT, NULL, NULL, 0, 0),
    ROW(SOCKADDR, NULL, NULL, 0, 0), ROW(REGEX, NULL, NULL, 0, 0),
    ROW(SOCKADDR_PORTLESS, NULL, NULL, 0, 0), ROW(THROTTLE, NULL, NULL, 0, 0),
};

enum { REFUSED = -999999 };

static const struct {
    ec_type_t type;
    const char *text;
    apr_int64_t want;
} numbers[] = {
    { EC_TYPE_INT, "12", 12 },
    { EC_TYPE_INT, "\"12\"", 12 },
    { EC_TYPE_INT, "-1", -1 },
    { EC_TYPE_INT, "+5", 5 },
    { EC_TYPE_INT, "010", 10 },
    { EC_TYPE_INT, "1000", 1000 },
    { EC_TYPE_INT, "1001", REFUSED },
    { EC_TYPE_INT, "-2", REFUSED },
    { EC_TYPE_INT, "1.5", REFUSED },
    { EC_TYPE_INT, "0x10", REFUSED },
    { EC_TYPE_INT, "\" 1\"", REFUSED },
    { EC_TYPE_INT, "\"\"", REFUSED },
    { EC_TYPE_INT, "-", REFUSED },
    { EC_TYPE_INT, "99999999999999999999", REFUSED },
    { EC_TYPE_INT, "( 1 )", REFUSED },
    { EC_TYPE_SIZE, "4096", 4096 },
    { EC_TYPE_SIZE, "64K", 65536 },
    { EC_TYPE_SIZE, "64kb", 65536 },
    { EC_TYPE_SIZE, "\"10 M\"", 10 << 20 },
    { EC_TYPE_SIZE, "2G", 2LL << 30 },
    { EC_TYPE_SIZE, "-1", REFUSED },
    { EC_TYPE_SIZE, "1X", REFUSED },
    { EC_TYPE_SIZE, "K", REFUSED },
    { EC_TYPE_SIZE, "99999999999999G", REFUSED },
    { EC_TYPE_BOOL, "on", 1 },
    { EC_TYPE_BOOL, "OFF", 0 },
    { EC_TYPE_BOOL, "True", 1 },
    { EC_TYPE_BOOL, "\"false\"", 0 },
    { EC_TYPE_BOOL, "enabled", 1 },
    { EC_TYPE_BOOL, "disabled", 0 },
    { EC_TYPE_BOOL, "yes", 1 },
    { EC_TYPE_BOOL, "no", 0 },
    { EC_TYPE_BOOL, "1", 1 },
    { EC_TYPE_BOOL, "0", 0 },
    { EC_TYPE_BOOL, "2", REFUSED },
    { EC_TYPE_BOOL, "maybe", REFUSED },
    { EC_TYPE_PERMS, "0644", 0644 },
    { EC_TYPE_PERMS, "660", 0660 },
    { EC_TYPE_PERMS, "0698", REFUSED },
    { EC_TYPE_PERMS, "17777", REFUSED },
    { EC_TYPE_INTERVAL, "90", 90 },
    { EC_TYPE_INTERVAL, "90s", 90 },
    { EC_TYPE_INTERVAL, "5m", 300 },
    { EC_TYPE_INTERVAL, "\"4 hours\"", 14400 },
    { EC_TYPE_INTERVAL, "2d", 172800 },
    { EC_TYPE_INTERVAL, "1h30m", 5400 },
    { EC_TYPE_INTERVAL, "\"1 hour 30 minutes\"", 5400 },
    { EC_TYPE_INTERVAL, "2000ms", 2 },
    { EC_TYPE_INTERVAL, "250ms", REFUSED },
    { EC_TYPE_INTERVAL, "5x", REFUSED },
    { EC_TYPE_INTERVAL, "-5", REFUSED },
    { EC_TYPE_INTERVAL, "h", REFUSED },
    { EC_TYPE_INTERVAL, "\"4 \"", REFUSED },
    { EC_TYPE_INTERVAL, "9999999999999w", REFUSED },
    { EC_TYPE_ENUM, "Inline", 2 },
    { EC_TYPE_ENUM, "true", 1 },
    { EC_TYPE_ENUM, "on", 1 },
    { EC_TYPE_ENUM, "0", 0 },
    { EC_TYPE_ENUM, "inl", REFUSED },
    { EC_TYPE_ENUM_INT, "AUTO", -1 },
    { EC_TYPE_ENUM_INT, "none", -2 },
    { EC_TYPE_ENUM_INT, "7", 7 },
    { EC_TYPE_ENUM_INT, "0", 0 },
    { EC_TYPE_ENUM_INT, "-1", REFUSED },
    { EC_TYPE_ENUM_INT, "101", REFUSED },
    { EC_TYPE_FLOAT, "2.5", 2 },
    { EC_TYPE_FLOAT, "1e2", 100 },
    { EC_TYPE_FLOAT, "nan", REFUSED },
    { EC_TYPE_FLOAT, "1e999", REFUSED },
    { EC_TYPE_FLOAT, "0x1p3", REFUSED },
    { EC_TYPE_REGEX, "\"^a(b|c)\\.d$\"", 0 },
    { EC_TYPE_REGEX, "\"(\"", REFUSED },
    { EC_TYPE_CIDR_LIST, "( 10.0.0.0/8 ::1 )", 0 },
    { EC_TYPE_CIDR_LIST, "10.0.0.1", 0 },
    { EC_TYPE_CIDR_LIST, "()", 0 },
    { EC_TYPE_CIDR_LIST, "( 10.0.0.0/8 nonsense )", REFUSED },
    { EC_TYPE_CIDR_LIST, "( 10.0.0.0/ )", REFUSED },
    { EC_TYPE_CIDR_LIST, "[ a = b ]", REFUSED },
    { EC_TYPE_LIST, "[ a = b ]", REFUSED },
    { EC_TYPE_DICT, "( a )", REFUSED },
    { EC_TYPE_DICT, "a", REFUSED },
    { EC_TYPE_DICT, "[]", 0 },
    { EC_TYPE_STRING, "( a )", REFUSED },
    { EC_TYPE_THROTTLE, "0", 0 },
    { EC_TYPE_THROTTLE, "10", 10 },
    { EC_TYPE_THROTTLE, "\"10/60\"", 10 },
    { EC_TYPE_THROTTLE, "\"0/60\"", 0 },
    { EC_TYPE_THROTTLE, "\"10/0\"", REFUSED },
    { EC_TYPE_THROTTLE, "\"10/\"", REFUSED },
    { EC_TYPE_THROTTLE, "\"/60\"", REFUSED },
    { EC_TYPE_THROTTLE, "\"10/60/2\"", REFUSED },
    { EC_TYPE_THROTTLE, "\"10 / 60\"", REFUSED },
    { EC_TYPE_THROTTLE, "-1", REFUSED },
    { EC_TYPE_THROTTLE, "1.5", REFUSED },
    { EC_TYPE_THROTTLE, "( 1 )", REFUSED },
    { EC_TYPE_SOCKADDR_PORTLESS, "10.0.0.1", 0 },
    { EC_TYPE_SOCKADDR_PORTLESS, "10.0.0.1:25", REFUSED },
    { EC_TYPE_SOCKADDR_PORTLESS, "10.0.0.0/8", REFUSED },
    { EC_TYPE_SOCKADDR_PORTLESS, "\"[10.0.0.1]\"", REFUSED },
    { EC_TYPE_SOCKADDR_PORTLESS, "\"[::1]:25\"", REFUSED },
    { EC_TYPE_SOCKADDR_PORTLESS, "\"[::1\"", REFUSED },
    { EC_TYPE_SOCKADDR_PORTLESS, "mx.example.com", REFUSED },
    { EC_TYPE_SOCKADDR_PORTLESS, "\"\"", REFUSED },
};

static apr_status_t make(ec_value_t *value, const ec_option_t *row, const char *text, const char **why)
{
    raw_value_t *raw = apr_pcalloc(test_pool, sizeof(*raw));
    apr_status_t rv = raw_value_parse(raw, text, why, test_pool);

    return rv != APR_SUCCESS ? rv : value_make(value, row, raw, why, test_pool);
}

START_TEST(numeric)
{
    ec_value_t value;
    const char *why = NULL;
    apr_status_t rv = make(&value, &rows[numbers[_i].type], numbers[_i].text, &why);

    if (numbers[_i].want == REFUSED) {
        ck_assert_msg(rv == EC_E_SYNTAX, "%s was taken", numbers[_i].text);
        ck_assert_ptr_nonnull(why);
    } else {
        ck_assert_msg(rv == APR_SUCCESS, "%s was refused: %s", numbers[_i].text, why);
        ck_assert_int_eq(value.i, numbers[_i].want);
    }
}
END_TEST

START_TEST(enum_spellings)
{
    static const ec_option_t row = { .name = "x", .type = EC_TYPE_ENUM, .words = switches };
    ec_value_t value;
    const char *why;

    ck_assert_int_eq(make(&value, &row, "on", &why), APR_SUCCESS);
    ck_assert_str_eq(value.s, "enabled");
    ck_assert_int_eq(make(&value, &row, "false", &why), APR_SUCCESS);
    ck_assert_str_eq(value.s, "disabled");
}
END_TEST

START_TEST(milliseconds)
{
    static const ec_option_t row = { .name = "x", .type = EC_TYPE_INTERVAL, .unit = "milliseconds" };
    ec_value_t value;
    const char *why;

    ck_assert_int_eq(make(&value, &row, "5000", &why), APR_SUCCESS);
    ck_assert_int_eq(value.i, 5000);
    ck_assert_int_eq(make(&value, &row, "\"2 seconds\"", &why), APR_SUCCESS);
    ck_assert_int_eq(value.i, 2000);
}
END_TEST

static const struct {
    const char *text, *want;            /* NULL: refused */
} endpoints[] = {
    { ":25", "*:25" },                       { "*:25", "*:25" },           { "127.0.0.1:40000", "127.0.0.1:40000" },
    { "[2001:DB8:0::1]:25", "[2001:db8::1]:25" }, { "[*]:25", "[::]:25" }, { "/tmp/x", "/tmp/x" },
    { "\"[::ffff:1.2.3.4]:25\"", "[::ffff:1.2.3.4]:25" },
    { "127.0.0.1", NULL },                   { "2001:db8::1:25", NULL },   { "host:25", NULL },
    { "1.2.3.4:65536", NULL },               { "1.2.3.4:-1", NULL },       { "[::1]", NULL },
    { "[1.2.3.4]:25", NULL },                { "[:25", NULL },             { "\"[::1:25\"", NULL },
};

START_TEST(sockaddr)
{
    ec_value_t value;
    const char *why;
    apr_status_t rv = make(&value, &rows[EC_TYPE_SOCKADDR], endpoints[_i].text, &why);

    if (endpoints[_i].want == NULL) {
        ck_assert_int_ne(rv, APR_SUCCESS);
    } else {
        ck_assert_int_eq(rv, APR_SUCCESS);
        ck_assert_str_eq(value.s, endpoints[_i].want);
    }
}
END_TEST

static const struct {
    const char *text, *want;
} addresses[] = {
    { "10.0.0.1", "10.0.0.1" }, { "\"2001:DB8:0::1\"", "2001:db8::1" }, { "\"[2001:DB8::1]\"", "2001:db8::1" },
    { "*", "*" },
};

START_TEST(portless)
{
    const char *why = "";
    ec_value_t value;

    ck_assert_msg(make(&value, &rows[EC_TYPE_SOCKADDR_PORTLESS], addresses[_i].text, &why) == APR_SUCCESS, "%s", why);
    ck_assert_str_eq(value.s, addresses[_i].want);
}
END_TEST

START_TEST(throttle_periods)
{
    const char *why = "";
    ec_value_t value;

    ck_assert_int_eq(make(&value, &rows[EC_TYPE_THROTTLE], "\"10/60\"", &why), APR_SUCCESS);
    ck_assert_int_eq(value.period, 60);
    ck_assert_int_eq(make(&value, &rows[EC_TYPE_THROTTLE], "10", &why), APR_SUCCESS);
    ck_assert_int_eq(value.period, 1);
}
END_TEST

/* Every scalar type as an array; each item is judged as a value of its own would be. */
START_TEST(arrays)
{
    static const ec_type_t types[] = { EC_TYPE_INT, EC_TYPE_SIZE, EC_TYPE_FLOAT, EC_TYPE_BOOL, EC_TYPE_PERMS,
                                       EC_TYPE_INTERVAL, EC_TYPE_THROTTLE, EC_TYPE_ENUM_INT };
    ec_option_t row = rows[types[_i]];
    const char *why = "";
    ec_value_t value;

    row.flags = EC_OPTION_ARRAY;
    ck_assert_msg(make(&value, &row, "( 1 \"0\", 1 )", &why) == APR_SUCCESS, "%s", why);
    ck_assert_int_eq(value.n_items, 3);
    ck_assert_int_eq(value.items[0].i, 1);
    ck_assert_int_eq(value.items[1].i, 0);
    ck_assert_str_eq(value.list[1], "0");
    ck_assert_int_eq(make(&value, &row, "1", &why), APR_SUCCESS);
    ck_assert_int_eq(value.n_items, 1);
    ck_assert_int_eq(make(&value, &row, "()", &why), APR_SUCCESS);
    ck_assert_int_eq(value.n_items, 0);
    ck_assert_int_eq(make(&value, &row, "( 1 x )", &why), EC_E_SYNTAX);
    ck_assert_ptr_nonnull(strstr(why, "item 2, \"x\": "));
    ck_assert_int_eq(make(&value, &row, "[ 1 = 1 ]", &why), EC_E_SYNTAX);
}
END_TEST

START_TEST(lists)
{
    ec_value_t value;
    const char *why;

    ck_assert_int_eq(make(&value, &rows[EC_TYPE_LIST], "( a \"b c\" )", &why), APR_SUCCESS);
    ck_assert_str_eq(value.list[0], "a");
    ck_assert_str_eq(value.list[1], "b c");
    ck_assert_ptr_null(value.list[2]);
    ck_assert_int_eq(make(&value, &rows[EC_TYPE_CIDR_LIST], "( 10.0.0.0/8, ::1 )", &why), APR_SUCCESS);
    ck_assert(ec_cidr_set_has(value.cidr, "10.200.1.1"));
    ck_assert(ec_cidr_set_has(value.cidr, "::1"));
    ck_assert(!ec_cidr_set_has(value.cidr, "11.0.0.1"));
    ck_assert_int_eq(make(&value, &rows[EC_TYPE_CIDR_LIST], "( 10.0.0.0/8 x/y )", &why), EC_E_SYNTAX);
    ck_assert_str_eq(why, "\"x/y\" is not an IP address or network");
}
END_TEST

/* Text of a value reads back as the same value. */
START_TEST(written_again)
{
    static const char *const texts[] = { "a", "\"a b\"", "\"a \\\"b\\\"\"", "( a \"10.0.0.0/8\" \"\" )", "( )",
                                         "[ k = v \"a b\" = x\\ny ]", "\"\\w+\\.\\\\\"" };
    raw_value_t raw = { 0 };
    const char *why;

    ck_assert_int_eq(raw_value_parse(&raw, texts[_i], &why, test_pool), APR_SUCCESS);
    if (_i == 6)                        /* quotes are only written where they are needed */
        ck_assert_str_eq(raw_value_text(&raw, test_pool), "\\w+\\.\\\\");
    else
        ck_assert_str_eq(raw_value_text(&raw, test_pool), texts[_i]);
}
END_TEST

static void check_default(void *baton, const ec_option_t *row)
{
    raw_value_t raw = { 0 };
    ec_value_t value;
    const char *why = "";

    if (row->deflt != NULL)
        ck_assert_msg(value_make_default(&value, &raw, row, &why, test_pool) == APR_SUCCESS, "%s: %s", row->name, why);
    ck_assert_ptr_nonnull(row->help);
}

START_TEST(core_defaults)
{
    for (int i = 0; i < CONF_O_COUNT; i++)
        check_default(NULL, conf_option((conf_opt_t)i));
}
END_TEST

/* The defaults that message-flow.md lists for assertion, and the ones that are ours. */
static const struct {
    conf_opt_t opt;
    apr_int64_t want;
} known[] = {
    { CONF_O_RETRY_INTERVAL, 1200 },       { CONF_O_MAX_RETRY_INTERVAL, 43200 },   { CONF_O_MESSAGE_EXPIRATION, 86400 },
    { CONF_O_MAX_RETRIES, -1 },            { CONF_O_MAX_OUTBOUND_CONNECTIONS, 32 }, { CONF_O_MAX_RECIPIENTS_PER_BATCH, 100 },
    { CONF_O_IDLE_TIMEOUT, 5 },            { CONF_O_HOST_FAILURE_RETRY, 120 },     { CONF_O_MX_FAILURES_TO_DELAY, 50 },
    { CONF_O_CONNECT_TIMEOUT_TO_DELAY, 900 }, { CONF_O_DNS_FAILURES_TO_PURGE, 10 },
    { CONF_O_MAX_RESIDENT_ACTIVE_QUEUE, 250 }, { CONF_O_MAX_RESIDENT_MESSAGES, 32768 },
    { CONF_O_DELAYED_QUEUE_SCAN_INTERVAL, 15 },
    { CONF_O_GROWBUF_SIZE, 16384 },        { CONF_O_LARGE_MESSAGE_THRESHOLD, 131072 }, { CONF_O_FORCE_FSYNC, 1 },
    { CONF_O_FILE_MODE, 0660 },            { CONF_O_IDLE_TIME, 300 },              { CONF_O_OPEN_RELAY, 0 },
};

START_TEST(documented_defaults)
{
    conf_t *conf = load_right("", NULL, test_pool);
    const conf_view_t *view = conf_global(conf);

    for (int i = 0; i < TEST_COUNT(known); i++)
        ck_assert_msg(conf_int(view, known[i].opt) == known[i].want, "%s", conf_option(known[i].opt)->name);
    ck_assert_int_eq(conf_interval(view, CONF_O_RETRY_INTERVAL), 1200 * APR_USEC_PER_SEC);
    ck_assert(ec_cidr_set_has(conf_get(view, CONF_O_RELAY_HOSTS)->cidr, "127.0.0.1"));
    ck_assert(ec_cidr_set_has(conf_get(view, CONF_O_RELAY_HOSTS)->cidr, "::1"));
    ck_assert(!ec_cidr_set_has(conf_get(view, CONF_O_RELAY_HOSTS)->cidr, "10.0.0.1"));
    ck_assert_ptr_nonnull(conf_str(view, CONF_O_HOSTNAME));
    ck_assert_str_eq(conf_str(view, CONF_O_MAILERDAEMON),
                     apr_pstrcat(test_pool, "mailer-daemon@", conf_str(view, CONF_O_HOSTNAME), NULL));
    ck_assert_ptr_null(conf_get(view, CONF_O_GATEWAY));
    conf_unref(conf);
    conf = load_right("hostname = mail.example.com", NULL, test_pool);
    ck_assert_str_eq(conf_str(conf_global(conf), CONF_O_MAILERDAEMON), "mailer-daemon@mail.example.com");
    conf_unref(conf);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "value", 60);

    tcase_add_loop_test(tcase, numeric, 0, TEST_COUNT(numbers));
    tcase_add_test(tcase, enum_spellings);
    tcase_add_test(tcase, milliseconds);
    tcase_add_loop_test(tcase, sockaddr, 0, TEST_COUNT(endpoints));
    tcase_add_loop_test(tcase, portless, 0, TEST_COUNT(addresses));
    tcase_add_test(tcase, throttle_periods);
    tcase_add_loop_test(tcase, arrays, 0, 8);
    tcase_add_test(tcase, lists);
    tcase_add_loop_test(tcase, written_again, 0, 7);
    tcase_add_test(tcase, core_defaults);
    tcase_add_test(tcase, documented_defaults);
}
TEST_MAIN("conf/value", add)

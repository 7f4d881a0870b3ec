/* same_test.c - whether two generations say the same, and which generations there are
 * SPDX-License-Identifier: Apache-2.0 */
#include "runner.h"
#include "conf/loading.h"
#include "conf/view.h"

#define COUNT(array) (int)(sizeof array / sizeof array[0])

static const conf_opt_t some[] = { CONF_O_RETRY_INTERVAL, CONF_O_RELAY_HOSTS, CONF_O_GATEWAY };

/* What d.test's mail is told in two configurations: the same in all options, in `some` of them? */
static const struct {
    const char *a, *b;
    int is_same, is_same_in_some;
} cases[] = {
    { "", "", 1, 1 },
    { "", "domain other.test { retry_interval = 7 }", 1, 1 },
    { "retry_interval = 7", "domain d.test { retry_interval = 7 }", 1, 1 },
    { "retry_interval = 7", "retry_interval = 8", 0, 0 },
    { "retry_interval = 600", "retry_interval = 10m", 0,
      1 }, /* written another way: only single options tell */
    { "idle_timeout = 3", "idle_timeout = 4", 0, 1 },
    { "gateway = a.test", "gateway = b.test", 0, 0 },
    { "gateway = a.test", "", 0, 0 },
    { "relay_hosts = ( 10.0.0.1 10.0.0.2 )", "relay_hosts = ( 10.0.0.1 10.0.0.2 )", 1, 1 },
    { "relay_hosts = ( 10.0.0.1 10.0.0.2 )", "relay_hosts = ( 10.0.0.1 )", 0, 0 },
    { "relay_hosts = ( 10.0.0.1 10.0.0.2 )", "relay_hosts = ( 10.0.0.2 10.0.0.1 )", 0, 0 },
    { "domain d.test { idle_timeout = 3 retry_interval = 7 }",
      "domain d.test { retry_interval = 7 idle_timeout = 3 }", 1, 1 },
    { "domain d.test { idle_timeout = 3 }", "domain d.test { idle_timeout = 3 idle_timeout = 3 }", 1, 1 },
    { "domain d.test { idle_timeout = 3 }",
      "domain /d/ { idle_timeout = 4 } domain d.test { idle_timeout = 3 }", 1, 1 },
};

START_TEST(is_same)
{
    conf_t *a = load_right(cases[_i].a, NULL, test_pool), *b = load_right(cases[_i].b, NULL, test_pool);
    const conf_view_t *x = conf_outbound(a, "default", "default", "d.test");
    const conf_view_t *y = conf_outbound(b, "default", "default", "d.test");

    ck_assert_int_eq(conf_view_is_same(x, y, NULL, 0), cases[_i].is_same);
    ck_assert_int_eq(conf_view_is_same(y, x, some, COUNT(some)), cases[_i].is_same_in_some);
    conf_unref(a);
    conf_unref(b);
}
END_TEST

/* Values come through shared blocks just as through own ones. */
START_TEST(shared_blocks)
{
    static const char text[] = "idle_timeout = 3 retry_interval = 7 domain a.test { idle_timeout = 4 }\n"
                               "domain /test/ { retry_interval = 8 idle_timeout = 5 }";
    conf_t *conf = load_right(text, NULL, test_pool);
    const conf_view_t *view = conf_outbound(conf, NULL, NULL, "a.test");
    apr_size_t bytes;

    ck_assert_int_eq(conf_int(view, CONF_O_IDLE_TIMEOUT), 4);
    ck_assert_int_eq(conf_int(view, CONF_O_RETRY_INTERVAL), 8);
    ck_assert_int_eq(conf_int(conf_global(conf), CONF_O_IDLE_TIMEOUT), 3);
    for (int opt = 0; opt < CONF_O_COUNT; opt++) {
        if (opt != CONF_O_IDLE_TIMEOUT && opt != CONF_O_RETRY_INTERVAL)
            ck_assert_ptr_eq(conf_get(view, (conf_opt_t)opt), conf_get(conf_global(conf), (conf_opt_t)opt));
    }
    ck_assert_ptr_eq(conf_outbound(conf, NULL, NULL, "a.test"), view);
    ck_assert_uint_eq(views_count(conf, &bytes), 1);
    conf_unref(conf);
}
END_TEST

static const char *types_of(const conf_t *conf, const conf_stanza_t *parent, const char *type)
{
    const char *text = "";

    for (const conf_stanza_t *s = NULL; (s = conf_next(conf, parent, type, s)) != NULL;)
        text = apr_pstrcat(test_pool, text, conf_stanza_name(s), " ", NULL);
    return text;
}

START_TEST(stanzas_by_type)
{
    static const char text[] =
        "domain a {} binding x {} domain b {} binding y { domain in {} } domain a {} domain c {}";
    conf_t *conf = load_right(text, NULL, test_pool);

    ck_assert_str_eq(types_of(conf, NULL, "Domain"), "a b c ");
    ck_assert_str_eq(types_of(conf, NULL, "binding"), "x y ");
    ck_assert_str_eq(types_of(conf, NULL, NULL), "a x b y c ");
    ck_assert_str_eq(types_of(conf, NULL, "host"), "");
    ck_assert_str_eq(types_of(conf, tree_find(conf, conf->root, "binding", "y"), "domain"), "in ");
    tree_remove(conf, tree_find(conf, conf->root, "domain", "c"));
    tree_remove(conf, tree_find(conf, conf->root, "domain", "a"));
    ck_assert_str_eq(types_of(conf, NULL, "domain"), "b ");
    tree_add(conf, conf->root, options_scope("domain"), "domain", "d", "d");
    ck_assert_str_eq(types_of(conf, NULL, "domain"), "b d ");
    ck_assert_str_eq(types_of(conf, NULL, NULL), "x b y d ");
    tree_remove(conf, tree_find(conf, conf->root, "binding", "x"));
    tree_remove(conf, tree_find(conf, conf->root, "binding", "y"));
    ck_assert_str_eq(types_of(conf, NULL, "binding"), "");
    conf_unref(conf);
}
END_TEST

static int n_live, n_in_force;

static void count(void *baton, const conf_live_t *live)
{
    n_live++;
    n_in_force += live->is_in_force;
    ck_assert_uint_gt(live->bytes, 1000);
}

static int live(void)
{
    n_live = n_in_force = 0;
    conf_each_live(count, NULL);
    return n_live;
}

START_TEST(in_memory)
{
    conf_t *held = load_right("", NULL, test_pool);

    load_wrong("x = (", 5, test_pool);
    ck_assert_int_eq(live(), 1);
    conf_install(conf_ref(held));
    ck_assert_int_eq(live(), 1);
    ck_assert_int_eq(n_in_force, 1);
    conf_install(load_right("", NULL, test_pool));
    ck_assert_int_eq(live(), 2);
    ck_assert_int_eq(n_in_force, 1);
    conf_unref(held);
    ck_assert_int_eq(live(), 1);
    conf_install(NULL);
    ck_assert_int_eq(live(), 0);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "same", 60);

    tcase_add_loop_test(tcase, is_same, 0, COUNT(cases));
    tcase_add_test(tcase, shared_blocks);
    tcase_add_test(tcase, stanzas_by_type);
    tcase_add_test(tcase, in_memory);
}
TEST_MAIN("conf/same", add)

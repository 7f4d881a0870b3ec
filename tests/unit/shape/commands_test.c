/* commands_test.c - what the console says about limits
 * SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <string.h>

#include "control/control.h"
#include "event/runtime.h"
#include "runner.h"
#include "shape/shape.h"
#include "shape/show.h"

static char answer[8192];
static int is_answered;

static void on_answer(void *baton, int is_error, const char *text, apr_size_t len)
{
    apr_size_t n = 0;

    for (apr_size_t i = 0; i < len && n + 1 < sizeof answer; i++) { /* without white space */
        if (!isspace((unsigned char)text[i])) {
            answer[n++] = text[i];
        }
    }
    answer[n] = '\0';
    is_answered = 1;
}

static int has_answer(void *baton)
{
    return is_answered;
}

static void ask(const char *line, const char *form)
{
    is_answered = 0;
    control_run(line, form, on_answer, NULL);
    ck_assert(event_run_until(ec_loop_at(0), has_answer, NULL, 100000));
}

static void has(const char *what)
{
    ck_assert_msg(strstr(answer, what) != NULL, "\"%s\" is not in: %s", what, answer);
}

static void told(void *baton)
{
}

static void wake(void *baton)
{
}

static void join(shape_user_t *user, const shape_place_t *place)
{
    ec_gate_t *gate = shape_gate(place);

    shape_join(user, gate, ec_loop_at(0), told, user);
    shape_gate_unref(gate);
}

START_TEST(limits)
{
    static const ec_gate_provider_t provider = { wake };
    shape_user_t slots[2], rate, cluster;

    ck_assert_int_eq(event_runtime_create(1, NULL, test_pool), APR_SUCCESS);
    control_start(NULL, ec_log_root());
    control_add(shape_commands, NULL, NULL, "limits");
    ask("limits", "text");
    has("nolimitisinuse");
    ck_assert_int_eq(ec_gate_provide(&provider, NULL), APR_SUCCESS);
    join(&slots[0], &(shape_place_t){ .key = "b.example", .limit = 1 });
    join(&slots[1], &(shape_place_t){ .key = "b.example", .limit = 1 });
    join(&rate, &(shape_place_t){ .key = "a.example", .limit = 9, .window = 1500000 });
    join(&cluster, &(shape_place_t){ .key = "c.test", .limit = 7, .is_cluster = 1 });
    ck_assert(shape_take(&slots[0]) && !shape_take(&slots[1]) && shape_take(&rate) && !shape_take(&cluster));
    ask("limits *.example", "json");
    has("{\"limit_key\":\"a.example\",\"limit\":9,\"seconds\":1.500,\"units\":9,\"used\":1,\"wanted\":1,"
        "\"users\":1,\"waiting\":0,\"lease\":\"-\"}");
    has("{\"limit_key\":\"b.example\",\"limit\":1,\"seconds\":0,\"units\":1,\"used\":1,\"wanted\":2,"
        "\"users\":2,\"waiting\":1,\"lease\":\"-\"}");
    ck_assert_ptr_null(strstr(answer, "c.test"));
    ask("limits", "json");
    has("{\"limit_key\":\"c.test\",\"limit\":7,\"seconds\":0,\"units\":0,\"used\":0,\"wanted\":1,"
        "\"users\":1,\"waiting\":1,\"lease\":\"over\"}");
    ask("limits nowhere*", "text");
    has("nolimitisinusethatmatchesnowhere*");
    for (int i = 0; i < 2; i++) {
        shape_leave(&slots[i]);
    }
    shape_leave(&rate);
    shape_leave(&cluster);
    ck_assert_int_eq(ec_gate_provide(NULL, NULL), APR_SUCCESS);
    event_runtime_destroy();
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "commands", 30);

    tcase_add_test(tcase, limits);
}

TEST_MAIN("shape/commands", add)

/* again.c - a module that is built several times over: each file is another one with other options
 * SPDX-License-Identifier: Apache-2.0
 *
 * AGAIN 1: the first; 2: fields elsewhere, one option more; 3: the same options with other types; 4: for another API;
 * 5: wants an option that another module has; 6: its start fails; 7: as 1, and can not be replaced. */
#include <stdio.h>

#include <ec/module.h>

#include "again.h"

#if AGAIN == 3
#define TEXT(again) (again->word == 5 ? "five" : "number")
#else
#define TEXT(again) again->word
#endif

struct again {
#if AGAIN == 2
    apr_int64_t extra;
    char space[100];
    ec_option_handle_t again_level;
    const char *word;
#elif AGAIN == 3
    ec_option_handle_t again_level;
    apr_int64_t word;
#else
    const char *word;
    ec_option_handle_t again_level, shape_level;
#endif
};

static int n_made; /* each file's own */

static const ec_option_t options[] = {
#if AGAIN == 3
    EC_OPT_INT(struct again, word, "5", 0, 100, "a number here"),
    EC_OPT_ADDED(struct again, again_level, STRING, "high", "global", "a text here"),
#else
    EC_OPT_STRING(struct again, word, "deflt", "a word"),
    EC_OPT_ADDED(struct again, again_level, INT, "1", "global", "a level"),
#endif
#if AGAIN == 2
    EC_OPT_INT(struct again, extra, "2", 0, 100, "one option more"),
#elif AGAIN == 5
    EC_OPT_ADDED(struct again, shape_level, INT, "1", "global", "somebody else's"),
#endif
    EC_OPT_END
};

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    const struct again *again = self;

    again_event(AGAIN, n_made++ == 0 ? "first" : "init", TEXT(again));
    return APR_SUCCESS;
}

static apr_status_t start(void *self, const char **why)
{
    *why = "it is told to fail";
    return AGAIN == 6 ? EC_E_MODULE : APR_SUCCESS;
}

static void stop(void *self)
{
    const struct again *again = self;

    again_event(AGAIN, "stop", TEXT(again));
}

static void on_reopen(void *self)
{
    const struct again *again = self;
    const ec_value_t *level = ec_option_value(ec_options_global(), again->again_level);
    char text[64];

#if AGAIN == 3
    snprintf(text, sizeof text, "%s level=%s", TEXT(again), level != NULL ? level->s : "none");
#else
    snprintf(text, sizeof text, "%s level=%d", TEXT(again), level != NULL ? (int)level->i : -1);
#endif
    again_event(AGAIN, "hook", text);
}

static const ec_hook_t hooks[] = { EC_HOOK(log_reopen, on_reopen), EC_HOOK_END };

#if AGAIN == 4
#undef EC_MODULE_API
#define EC_MODULE_API 99
#endif
EC_MODULE(again, struct again, .summary = "built several times over", .version = "1.0", .options = options, .hooks = hooks,
          .init = init, .start = start, .stop = stop, .is_resident = AGAIN == 7);

/* probe.c - a module that tells the test what happens to it
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <apr_strings.h>
#include <ec/module.h>

#include "probe.h"

static void tell(struct probe *probe, const char *what)
{
    probe_event(what, probe);
}

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct probe *probe = self;

    probe->instance = instance;
    tell(probe, "init");
    if (strcmp(probe->fail, "init") == 0) {
        *why = "it was told to fail";
        return EC_E_MODULE;
    }
    return APR_SUCCESS;
}

static apr_status_t start(void *self, const char **why)
{
    struct probe *probe = self;

    tell(probe, "start");
    return strcmp(probe->fail, "start") == 0 ? EC_E_MODULE : APR_SUCCESS;
}

static void stop(void *self)
{
    tell(self, "stop");
}

static void on_reopen(void *self)
{
    tell(self, "hook");
}

static void say(void *self, ec_answer_t *answer)
{
    struct probe *probe = self;

    ec_node_text(ec_answer_root(answer), "word", probe->word);
}

static const ec_option_t options[] = { EC_OPT_STRING(struct probe, word, "deflt", "a word"),
                                       EC_OPT_STRING(struct probe, fail, "", "where to fail"),
                                       EC_OPT_INT(struct probe, number, "7", 0, 100, "a number"),
                                       EC_OPT_SIZE(struct probe, size, "1K", "a size"),
                                       EC_OPT_BOOL(struct probe, flag, "true", "a flag"),
                                       EC_OPT_PERMS(struct probe, mode, "0640", "a mode"),
                                       EC_OPT_TIME(struct probe, time, "60", "a time"),
                                       EC_OPT_END };

static const ec_hook_t hooks[] = { EC_HOOK(log_reopen, on_reopen), EC_HOOK_END };
static const ec_command_t commands[] = { { "say", EC_CMD_READ, say, "the word" }, EC_COMMAND_END };

EC_MODULE(probe, struct probe, .summary = "tells the test what happens", .options = options, .hooks = hooks,
          .commands = commands, .init = init, .start = start, .stop = stop);

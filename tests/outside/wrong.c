/* wrong.c - a module that is refused, in the way that its macros say
 * SPDX-License-Identifier: Apache-2.0
 * NAME: what it is called; MODULE_API, MODULE_SIZE, NO_EXPORT, NO_SYMBOL, CRASHES, CRASHES_AT_WORK: what is wrong with it. */
#include <ec/module.h>

#include <string.h>
#include <unistd.h>

#ifndef MODULE_API
#define MODULE_API EC_MODULE_API
#endif
#ifndef MODULE_SIZE
#define MODULE_SIZE sizeof(ec_module_t)
#endif
#define TEXT(x)  #x
#define QUOTE(x) TEXT(x)

struct wrong {
    const char *fail;
};

#ifdef NO_SYMBOL
void ec_nobody_has_this(void);
#endif

#ifdef CRASHES
__attribute__((constructor)) static void crash(void)
{
    *(volatile int *)8 = 1;
}
#endif

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct wrong *wrong = self;

#ifdef CRASHES_AT_WORK
    wrong->fail = "crash";
#endif
    if (strcmp(wrong->fail, "crash") == 0)
        *(volatile int *)8 = 1;
    if (strcmp(wrong->fail, "exit") == 0)
        _exit(0); /* at an exit() a leak checker would speak */
    *why = "it was told to fail";
    return strcmp(wrong->fail, "init") == 0 ? EC_E_MODULE : APR_SUCCESS;
}

static void stop(void *self)
{
#ifdef NO_SYMBOL
    ec_nobody_has_this();
#endif
    if (strcmp(((struct wrong *)self)->fail, "stop") == 0)
        *(volatile int *)8 = 1;
}

static const ec_option_t options[] = { EC_OPT_STRING(struct wrong, fail, "", "where to fail"), EC_OPT_END };

#ifdef NO_EXPORT
#define ec_module_export something_else
#endif
__attribute__((visibility("default"))) extern const ec_module_t ec_module_export;
const ec_module_t ec_module_export = { .api = MODULE_API,
                                       .struct_size = MODULE_SIZE,
                                       .name = QUOTE(NAME),
                                       .self_size = sizeof(struct wrong),
                                       .options = options,
                                       .init = init,
                                       .stop = stop };

/* wrong.c - modules that must be refused, one by each definition
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/module.h>

#if defined WRONG_API
#define EXPORT ec_module_export
#define WRONG \
    .api = EC_MODULE_API + 1, .struct_size = sizeof(ec_module_t), .name = "wrong_api", .self_size = 1
#elif defined WRONG_SIZE
#define EXPORT ec_module_export
#define WRONG \
    .api = EC_MODULE_API, .struct_size = sizeof(ec_module_t) - 8, .name = "wrong_size", .self_size = 1
#elif defined WRONG_OLD
#define EXPORT ec_module_export
#define WRONG \
    .api = EC_MODULE_API - 1, .struct_size = sizeof(ec_module_t), .name = "wrong_old", .self_size = 1
#elif defined WRONG_SYMBOL
#define EXPORT ec_module_export
#define WRONG                                                                                  \
    .api = EC_MODULE_API, .struct_size = sizeof(ec_module_t), .name = "wrong_symbol", .self_size = 1, \
    .stop = stop
void ec_nobody_has_this(void);
static void stop(void *self)
{
    ec_nobody_has_this(); /* a function: without care it would be missed only when stop is called */
}
#elif defined WRONG_OPTION
#define EXPORT ec_module_export
#define WRONG                                                                                  \
    .api = EC_MODULE_API, .struct_size = sizeof(ec_module_t), .name = "wrong_option", .self_size = 1, \
    .options = options
struct wide {
    char near[64];
    const char *far;
};
static const ec_option_t options[] = { EC_OPT_STRING(struct wide, far, "", "too far"), EC_OPT_END };
#elif defined WRONG_NAME
#define EXPORT ec_module_export
#define WRONG  .api = EC_MODULE_API, .struct_size = sizeof(ec_module_t), .name = "another", .self_size = 1
#else
#define EXPORT something_else
#define WRONG  .api = EC_MODULE_API
#endif

__attribute__((visibility("default"))) extern const ec_module_t EXPORT;
const ec_module_t EXPORT = { WRONG };

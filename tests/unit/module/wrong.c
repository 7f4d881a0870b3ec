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
#elif defined WRONG_NAME
#define EXPORT ec_module_export
#define WRONG  .api = EC_MODULE_API, .struct_size = sizeof(ec_module_t), .name = "another", .self_size = 1
#else
#define EXPORT something_else
#define WRONG  .api = EC_MODULE_API
#endif

__attribute__((visibility("default"))) extern const ec_module_t EXPORT;
const ec_module_t EXPORT = { WRONG };

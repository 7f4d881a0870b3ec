/* module.h - what a module exports
 * SPDX-License-Identifier: Apache-2.0
 *
 * A module is one folder and one exported constant struct.  The server reads its tables;
 * state is per instance (a stanza of ecelerity.conf), never file-scope. */
#ifndef EC_MODULE_H
#define EC_MODULE_H

#include <ec/command.h>
#include <ec/conn.h>
#include <ec/counter.h>
#include <ec/event.h>
#include <ec/hook.h>
#include <ec/job.h>
#include <ec/log.h>
#include <ec/loop.h>
#include <ec/message.h>
#include <ec/option.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Raised when a struct or function changes incompatibly; a module built for another is refused. */
#define EC_MODULE_API 1

/** What an instance gets at init; lives until stop has returned. */
typedef struct {
    const char *module, *name;     /* instance name, "" when anonymous */
    ec_log_t *log;
    apr_pool_t *pool;              /* the instance's */
    const char *hostname;          /* of this server, as configured */
    int is_hires;                  /* log_hires_timestamp: times in logs with microseconds */
} ec_instance_t;

typedef struct {
    apr_uint32_t api;              /* EC_MODULE_API */
    apr_uint32_t struct_size;      /* sizeof(ec_module_t) of the module's compiler */
    const char *name;
    const char *summary;           /* one line */
    const char *version;           /* the module's own, for example "1.2"; NULL: the server's */
    size_t self_size;              /* bytes of the instance struct; made zero, then options are set, then init */
    const ec_option_t *options;    /* EC_OPT_* rows: each names a field of the instance struct */
    const ec_hook_t *hooks;
    const ec_command_t *commands;
    /* Each may be NULL; master loop.  `why` may be set to a sentence (constant or in instance->pool).
     * init: options are set; check them, open things.  Failing refuses the configuration; what was opened is init's
     * to close then.  start: the loops exist; its hooks and commands come into force right after.
     * stop: no hook or command of this instance runs any more; called for whatever init has accepted, even when start
     * failed or was never called. */
    apr_status_t (*init)(void *self, const ec_instance_t *instance, const char **why);
    apr_status_t (*start)(void *self, const char **why);
    void (*stop)(void *self);
} ec_module_t;

/* Rows of a module's option table; `field` is a member of the instance struct.
 * STRING: const char *; INT, SIZE: apr_int64_t; BOOL, PERMS: int; TIME: apr_interval_time_t. */
#define EC_OPT_STRING(type, field, deflt, help) \
    { #field, EC_TYPE_STRING, deflt, 0, 0, help, 0, 0, 0, 0, offsetof(type, field) }
#define EC_OPT_INT(type, field, deflt, lo, hi, help) \
    { #field, EC_TYPE_INT, deflt, 0, 0, help, 0, lo, hi, 0, offsetof(type, field) }
#define EC_OPT_SIZE(type, field, deflt, help) \
    { #field, EC_TYPE_SIZE, deflt, 0, "bytes", help, 0, 0, 0, 0, offsetof(type, field) }
#define EC_OPT_BOOL(type, field, deflt, help) \
    { #field, EC_TYPE_BOOL, deflt, 0, 0, help, 0, 0, 0, 0, offsetof(type, field) }
#define EC_OPT_PERMS(type, field, deflt, help) \
    { #field, EC_TYPE_PERMS, deflt, 0, 0, help, 0, 0, 0, 0, offsetof(type, field) }
#define EC_OPT_TIME(type, field, deflt, help) \
    { #field, EC_TYPE_INTERVAL, deflt, 0, "seconds", help, 0, 0, 0, 0, offsetof(type, field) }
#define EC_OPT_END { 0, EC_TYPE_STRING, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** The one exported name.  Use: EC_MODULE(greet, struct greet, .summary = "...", .options = options); */
#define EC_MODULE(module_name, instance_type, ...)                                                \
    __attribute__((visibility("default"))) extern const ec_module_t ec_module_export;             \
    const ec_module_t ec_module_export = { .api = EC_MODULE_API, .struct_size = sizeof(ec_module_t), \
                                           .name = #module_name, .self_size = sizeof(instance_type), \
                                           __VA_ARGS__ }

#ifdef __cplusplus
}
#endif
#endif

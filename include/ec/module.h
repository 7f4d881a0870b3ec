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
#include <ec/stanza.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Raised when a struct or function changes incompatibly; a module built for another is refused. */
#define EC_MODULE_API 2

/** What an instance gets at init; lives until stop has returned. */
typedef struct {
    const char *module, *name;     /* instance name, "" when anonymous */
    ec_log_t *log;
    apr_pool_t *pool;              /* the instance's */
    const char *hostname;          /* of this server, as configured */
    int is_hires;                  /* log_hires_timestamp: times in logs with microseconds */
    const ec_stanza_t *stanza;     /* what configures it, see stanza.h; during init only */
} ec_instance_t;

/** Keep an instance while something of it is under way that comes back with it as baton: an injection, a look-up, a job, a
 * post.  A reload may take its stanza away meanwhile, and then no hook or command of it runs any more, but `stop` waits
 * until all that was held is released.  `instance` is what init was given.  Not for timers: `stop` cancels them.  At the end of
 * the server nobody waits.  Any thread; hold only in init, start, a hook, a command, or while it is held. */
void ec_instance_hold(const ec_instance_t *instance);
/** As often as it was held, from then on it may be gone. */
void ec_instance_release(const ec_instance_t *instance);

/** 1: this process only looks whether a configuration is good (validate_config, `config check`, and what a server runs before
 * code that is new to it): init is called and then stop, never start; loops exist but do not run; what init refuses is told as
 * an error of the configuration.  Ask before init changes anything outside of this process: makes, cuts or locks a file,
 * connects, claims what is there once.  What the server offers asks by itself: ec_logfile_open() looks at the text of the
 * destination and opens nothing.  The same for the whole life of a process; any thread. */
int ec_is_trial(void);

typedef struct {
    apr_uint32_t api;              /* EC_MODULE_API */
    apr_uint32_t struct_size;      /* sizeof(ec_module_t) of the module's compiler */
    const char *name;
    const char *summary;           /* one line */
    const char *version;           /* the module's own, for example "1.2"; NULL: the server's */
    size_t self_size;              /* bytes of the instance struct; made zero, then options are set, then init */
    const ec_option_t *options;    /* EC_OPT_* rows: each names a field of the instance struct */
    const ec_stanza_kind_t *stanzas; /* stanzas that may stand inside of its own, up to one without name; or NULL */
    const ec_hook_t *hooks;
    const ec_command_t *commands;
    const ec_command_t *manager_commands; /* in place of them in eccmgr, as they stand: without the module's name before
                                           * each; NULL: `commands`, there as well */
    /* Each may be NULL; master loop.  `why` may be set to a sentence (constant or in instance->pool).
     * init: options are set; check them, open things (unless ec_is_trial()).  Failing refuses the configuration; what was opened is init's
     * to close then.  start: the loops exist; its hooks and commands come into force right after.  Not called with
     * `enabled = false` in the stanza: then there are no hooks, commands and services either.
     * stop: no hook or command of this instance runs any more, and nobody holds it; called for whatever init has accepted, even when start
     * failed or was never called. */
    apr_status_t (*init)(void *self, const ec_instance_t *instance, const char **why);
    apr_status_t (*start)(void *self, const char **why);
    void (*stop)(void *self);
    int is_resident;               /* 1: state of the process hangs on its code, so a new file of it is not used before the
                                    * server is started again; else a reload loads the new file beside the old one, makes
                                    * new instances of it and lets the old ones end: both are in use for a while.  Static
                                    * variables are each file's own; the old code stays mapped */
} ec_module_t;

/* Rows of a module's option table; `field` is a member of the instance struct and its name is the option's.
 * What a field points to lives as long as the instance.  C type of the field:
 *   STRING, SOCKADDR, SOCKADDR_PORTLESS  const char *           LIST, DICT   const char *const *, up to NULL
 *   INT, SIZE, ENUM_INT                  apr_int64_t            CIDR_LIST    const ec_cidr_set_t *
 *   BOOL, PERMS, ENUM                    int                    REGEX        const ec_regex_t *
 *   TIME, MSECS                          apr_interval_time_t    THROTTLE     ec_throttle_t
 *   FLOAT                                double                 an ARRAY     ec_values_t
 * Unset and without default: the field stays zero. */
#ifdef __cplusplus
/* C++ wants members in the order of their declaration, so what is given here is filled up by a function. */
static constexpr inline ec_option_t ec_option_row_(ec_option_t row, const char *name, const char *deflt, size_t offset)
{
    row.name = name;
    row.deflt = deflt;
    row.offset = offset;
    return row;
}
#define EC_OPT_ROW(type_, field, deflt_, ...) \
    ec_option_row_(ec_option_t{ __VA_ARGS__ }, #field, (deflt_), offsetof(type_, field))
#else
#define EC_OPT_ROW(type_, field, deflt_, ...) \
    { .name = #field, .deflt = (deflt_), .offset = offsetof(type_, field), __VA_ARGS__ }
#endif
#define EC_OPT_STRING(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_STRING, .help = (help_))
/** With a check of the text, see option.h. */
#define EC_OPT_STRING_CHECKED(type_, field, deflt_, check_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_STRING, .help = (help_), .check = (check_))
#define EC_OPT_SECRET(type_, field, help_) \
    EC_OPT_ROW(type_, field, 0, .type = EC_TYPE_STRING, .help = (help_), .flags = EC_OPTION_SECRET)
#define EC_OPT_INT(type_, field, deflt_, lo, hi, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_INT, .help = (help_), .min = (lo), .max = (hi))
#define EC_OPT_SIZE(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_SIZE, .unit = "bytes", .help = (help_))
#define EC_OPT_FLOAT(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_FLOAT, .help = (help_))
#define EC_OPT_BOOL(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_BOOL, .help = (help_))
#define EC_OPT_PERMS(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_PERMS, .help = (help_))
#define EC_OPT_TIME(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_INTERVAL, .unit = "seconds", .help = (help_))
#define EC_OPT_MSECS(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_INTERVAL, .unit = "milliseconds", .help = (help_))
/** `words_`: NULL-terminated, static; the field is the index of the word. */
#define EC_OPT_ENUM(type_, field, deflt_, words_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_ENUM, .help = (help_), .words = (words_))
/** A number, or -1 - index of a word. */
#define EC_OPT_ENUM_INT(type_, field, deflt_, words_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_ENUM_INT, .help = (help_), .words = (words_))
#define EC_OPT_LIST(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_LIST, .help = (help_))
#define EC_OPT_DICT(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_DICT, .help = (help_))
#define EC_OPT_CIDR_LIST(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_CIDR_LIST, .help = (help_))
#define EC_OPT_SOCKADDR(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_SOCKADDR, .help = (help_))
#define EC_OPT_SOCKADDR_PORTLESS(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_SOCKADDR_PORTLESS, .help = (help_))
#define EC_OPT_REGEX(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_REGEX, .help = (help_))
#define EC_OPT_THROTTLE(type_, field, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_THROTTLE, .help = (help_))
/** A list whose items are each of scalar type `item_type` (INT, REGEX, ...). */
#define EC_OPT_ARRAY(type_, field, item_type, deflt_, help_) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_##item_type, .help = (help_), .flags = EC_OPTION_ARRAY)
/** An option that the module adds to scopes of the core, `scopes_` ("global domain").  The field is an
 * ec_option_handle_t, set before init; ec_option_value() and its like read the value. */
#define EC_OPT_ADDED(type_, field, item_type, deflt_, scopes_, help_, ...) \
    EC_OPT_ROW(type_, field, deflt_, .type = EC_TYPE_##item_type, .scopes = (scopes_), .help = (help_), ##__VA_ARGS__)
#define EC_OPT_END { .name = 0 }

/** The one exported name.  Use: EC_MODULE(greet, struct greet, .summary = "...", .options = options);
 * In C++ the members go in the order in which ec_module_t has them, those of a row as ec_option_t does. */
#ifdef __cplusplus
static constexpr inline ec_module_t ec_module_made_(ec_module_t made, const char *name, size_t self_size)
{
    made.api = EC_MODULE_API;
    made.struct_size = sizeof(ec_module_t);
    made.name = name;
    made.self_size = self_size;
    return made;
}
#define EC_MODULE(module_name, instance_type, ...)                                                \
    extern "C" __attribute__((visibility("default"))) const ec_module_t ec_module_export =        \
        ec_module_made_(ec_module_t{ __VA_ARGS__ }, #module_name, sizeof(instance_type))
#else
#define EC_MODULE(module_name, instance_type, ...)                                                \
    __attribute__((visibility("default"))) extern const ec_module_t ec_module_export;             \
    const ec_module_t ec_module_export = { .api = EC_MODULE_API, .struct_size = sizeof(ec_module_t), \
                                           .name = #module_name, .self_size = sizeof(instance_type), \
                                           __VA_ARGS__ }
#endif

#ifdef __cplusplus
}
#endif
#endif

/* context.c - log contexts: prefix and level, and how a message becomes a line
 * SPDX-License-Identifier: Apache-2.0
 *
 * A context without a level of its own asks its parent, up to the root.  To keep a
 * muted debug message at the cost of one load, the lowest level that any context has
 * is kept apart and looked at first.  Contexts are made without a lock; only setting
 * a level takes one. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>
#include <apr_time.h>
#include <ec/log.h>

#include "log/output.h"
#include "util/text.h"

enum { FOLLOWS = -1, ROOT_LEVEL = EC_LOG_NOTICE };

struct ec_log {
    ec_log_t *parent;
    const char *prefix; /* the parents' included; ends in ": " unless empty */
    _Atomic int level;  /* or FOLLOWS */
};

static ec_log_t root = { .prefix = "", .level = ROOT_LEVEL };

/* How many contexts have each level of their own, and the lowest such level. */
static pthread_mutex_t levels_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned levels_used[EC_LOG_LEVELS] = { [ROOT_LEVEL] = 1 };
static _Atomic int level_lowest = ROOT_LEVEL;

static const char *const level_names[EC_LOG_LEVELS] = { "DEBUG",   "INFO",  "NOTICE",
                                                        "WARNING", "ERROR", "CRITICAL" };

const char *ec_log_level_name(ec_log_level_t level)
{
    return level_names[level];
}

int ec_log_level_parse(const char *name)
{
    for (int level = 0; level < EC_LOG_LEVELS; level++) {
        if (strcasecmp(name, level_names[level]) == 0) {
            return level;
        }
    }
    return -1;
}

/* ---- levels -------------------------------------------------------------------- */

static void change_level(ec_log_t *log, int level)
{
    int lowest = 0, old;

    pthread_mutex_lock(&levels_lock);
    old = atomic_exchange(&log->level, level);
    if (old != FOLLOWS) {
        levels_used[old]--;
    }
    if (level != FOLLOWS) {
        levels_used[level]++;
    }
    while (levels_used[lowest] == 0) { /* ends: the root always has one */
        lowest++;
    }
    atomic_store(&level_lowest, lowest);
    pthread_mutex_unlock(&levels_lock);
}

void ec_log_follow(ec_log_t *log)
{
    EC_ASSERT(log->parent != NULL);
    change_level(log, FOLLOWS);
}

/* The pool ends: the lowest level is found anew. */
static apr_status_t forget_level(void *baton)
{
    ec_log_t *log = baton;

    if (atomic_load(&log->level) != FOLLOWS) {
        change_level(log, FOLLOWS);
    }
    return APR_SUCCESS;
}

void ec_log_set_level(ec_log_t *log, ec_log_level_t level)
{
    change_level(log, level);
}

/* ---- contexts ----------------------------------------------------------------- */

ec_log_t *ec_log_root(void)
{
    return &root;
}

ec_log_t *ec_log_child(ec_log_t *parent, apr_pool_t *pool, const char *prefix_format, ...)
{
    ec_log_t *log = apr_palloc(pool, sizeof *log);
    char own[256];
    va_list args;

    va_start(args, prefix_format);
    vsnprintf(own, sizeof own, prefix_format, args);
    va_end(args);
    log->parent = parent;
    log->prefix = apr_pstrcat(pool, parent->prefix, own, ": ", NULL);
    atomic_init(&log->level, FOLLOWS);
    apr_pool_cleanup_register(pool, log, forget_level, apr_pool_cleanup_null);
    return log;
}

ec_log_t *log_context_copy(const ec_log_t *log, apr_pool_t *pool)
{
    ec_log_t *copy = apr_palloc(pool, sizeof *copy);

    copy->parent = &root;
    copy->prefix = apr_pstrdup(pool, log->prefix);
    atomic_init(&copy->level, FOLLOWS);
    return copy;
}

int ec_log_enabled(const ec_log_t *log, ec_log_level_t level)
{
    int least;

    if ((int)level < atomic_load_explicit(&level_lowest, memory_order_relaxed)) {
        return 0;
    }
    while ((least = atomic_load_explicit(&log->level, memory_order_relaxed)) == FOLLOWS) {
        log = log->parent;
    }
    return (int)level >= least;
}

/* ---- messages ------------------------------------------------------------------- */

static void emit(ec_log_t *log, ec_log_level_t level, const char *error, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static void emit(ec_log_t *log, ec_log_level_t level, const char *error, const char *format, va_list args)
{
    static const char dots[] = "...";
    char raw[LOG_TEXT], line[LOG_TEXT];
    util_text_t message, text;

    util_text_init(&message, raw, sizeof raw);
    util_text_addv(&message, format, args);
    if (error != NULL) {
        util_text_add_pair(&message, "error", error);
    }
    util_text_init(&text, line, sizeof line - sizeof dots);
    util_text_add_line(&text, log->prefix, strlen(log->prefix));
    util_text_add_line(&text, raw, message.length);
    if (text.is_cut || message.is_cut) {
        memcpy(line + text.length, dots, sizeof dots);
    }
    log_output(level, apr_time_now(), line);
}

void ec_log(ec_log_t *log, ec_log_level_t level, const char *format, ...)
{
    int saved_errno = errno;
    va_list args;

    if (!ec_log_enabled(log, level)) {
        return;
    }
    va_start(args, format);
    emit(log, level, NULL, format, args);
    va_end(args);
    errno = saved_errno;
}

void ec_log_rv(ec_log_t *log, ec_log_level_t level, apr_status_t rv, const char *format, ...)
{
    int saved_errno = errno;
    char buf[256];
    va_list args;

    if (!ec_log_enabled(log, level)) {
        return;
    }
    va_start(args, format);
    emit(log, level, ec_strerror(rv, buf, sizeof buf), format, args);
    va_end(args);
    errno = saved_errno;
}

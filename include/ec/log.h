/* log.h - log contexts with levels; every long-lived thing carries one
 * SPDX-License-Identifier: Apache-2.0
 *
 * A message is a fact in lower case, values as key=value, no full stop, no secret.
 * Level = who must act: CRITICAL and ERROR somebody now, WARNING soon, the rest
 * nobody.  All functions: any thread; they never block on a slow destination. */
#ifndef EC_LOG_H
#define EC_LOG_H

#include <apr_pools.h>
#include <apr_time.h>
#include <ec/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The documented levels (log-formats.md section 6), least to most urgent. */
typedef enum {
    EC_LOG_DEBUG, EC_LOG_INFO, EC_LOG_NOTICE, EC_LOG_WARNING, EC_LOG_ERROR, EC_LOG_CRITICAL,
    EC_LOG_LEVELS
} ec_log_level_t;

typedef struct ec_log ec_log_t;

/** The process's first context: no prefix.  Never destroyed. */
ec_log_t *ec_log_root(void);

/** A child of `parent` whose messages start with the parent's prefix and this one.
 * Lives as long as `pool`.  Follows the parent's level until ec_log_set_level(). */
ec_log_t *ec_log_child(ec_log_t *parent, apr_pool_t *pool, const char *prefix_format, ...)
    __attribute__((format(printf, 3, 4)));

/** Messages below `level` are not made.  Atomic, any time. */
void ec_log_set_level(ec_log_t *log, ec_log_level_t level);
/** Follow the parent's level again.  Not the root.  Atomic, any time. */
void ec_log_follow(ec_log_t *log);

/** Would a message of this level be made?  Cheap; for guarding costly arguments. */
int ec_log_enabled(const ec_log_t *log, ec_log_level_t level);

/** Say something: one line, printf-like.  Nothing is made below the level of `log`. */
void ec_log(ec_log_t *log, ec_log_level_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** As ec_log(), followed by `error="text of rv"`. */
void ec_log_rv(ec_log_t *log, ec_log_level_t level, apr_status_t rv, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

const char *ec_log_level_name(ec_log_level_t level);      /* "DEBUG" ... "CRITICAL" */
int ec_log_level_parse(const char *name);                 /* -1 when unknown; case-insensitive */

/** Where finished messages go besides standard error.  `text` is one line without
 * newline, borrowed for the call.  Must not block and must not log. */
typedef void ec_log_sink_fn(void *baton, ec_log_level_t level, apr_time_t when, const char *text);

/** Keeps `baton` until removed.  Calls may still be running in other threads until remove returns. */
void ec_log_sink_add(ec_log_sink_fn *sink, void *baton);
void ec_log_sink_remove(ec_log_sink_fn *sink, void *baton);

/** Stop (0) or resume (1) the copy on standard error.  On at start. */
void ec_log_stderr(int is_on);

/** The last 10 messages of each level (console command paniclog). Calls `each` oldest
 * first, borrowing text for the call. */
void ec_log_recent(ec_log_level_t level, ec_log_sink_fn *each, void *baton);

#ifdef __cplusplus
}
#endif
#endif

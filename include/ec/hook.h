/* hook.h - named points where modules take part
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each hook is declared once, here, with its type; a provider with another signature
 * does not compile.  Providers run in the order of their modules' stanzas, on the loop
 * where the thing happens.  A point where nobody is registered costs one load and a test. */
#ifndef EC_HOOK_H
#define EC_HOOK_H

#include <ec/bounce.h>
#include <ec/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a policy hook may say. */
typedef enum {
    EC_CONTINUE,           /* next provider */
    EC_DONE,               /* accept as far as this point is concerned; remaining providers are skipped */
    EC_REJECT,             /* refuse; ec_conn_reply() has set the answer */
    EC_SUSPEND             /* the answer comes later by ec_conn_resume(); policy hooks only */
} ec_verdict_t;

typedef struct ec_conn ec_conn_t;      /* inbound session, see conn.h */

/** The list of hooks: X(name, result type, parameters after the instance).
 * Policy hooks (ec_verdict_t): smtp_connect before the banner; smtp_ehlo, smtp_mail, smtp_rcpt before the
 * answer; smtp_data before 354; smtp_message when the end of data is there, before the spool.
 * Log hooks (void): after the fact, on the loop where it happened; they must not block.
 * smtp_error_classify: any loop, for ec_bounce_classify(): what a reply means, or NULL when the provider does not know
 * (the next one is asked); the answer is valid until the callback ends; must not block. */
#define EC_HOOK_LIST(X)                                                                         \
    X(smtp_connect, ec_verdict_t, (void *self, ec_conn_t *conn))                                \
    X(smtp_ehlo, ec_verdict_t, (void *self, ec_conn_t *conn, const char *name))                 \
    X(smtp_mail, ec_verdict_t, (void *self, ec_conn_t *conn, const char *sender))               \
    X(smtp_rcpt, ec_verdict_t, (void *self, ec_conn_t *conn, const char *recipient))            \
    X(smtp_data, ec_verdict_t, (void *self, ec_conn_t *conn))                                   \
    X(smtp_message, ec_verdict_t, (void *self, ec_conn_t *conn, ec_batch_t *batch))             \
    X(log_reception, void, (void *self, const ec_event_t *event))                               \
    X(log_delivery, void, (void *self, const ec_event_t *event))                                \
    X(log_transient_failure, void, (void *self, const ec_event_t *event))                       \
    X(log_permanent_failure, void, (void *self, const ec_event_t *event))                       \
    X(log_rejection, void, (void *self, const ec_rejection_t *rejection))                       \
    X(log_reopen, void, (void *self))                                                           \
    X(smtp_error_classify, const ec_bounce_class_t *, (void *self, const char *reply, const char *domain))

#define EC_HOOK_TYPE(name, result, params) typedef result ec_hook_##name##_fn params;
EC_HOOK_LIST(EC_HOOK_TYPE)
#undef EC_HOOK_TYPE

typedef enum {
#define EC_HOOK_ENUM(name, result, params) EC_HOOK_##name,
    EC_HOOK_LIST(EC_HOOK_ENUM)
#undef EC_HOOK_ENUM
    EC_HOOK_COUNT
} ec_hook_id_t;

typedef void ec_hook_any_fn(void);

/** A row of a module's hook table. */
typedef struct {
    int hook;                      /* ec_hook_id_t, -1 ends the table */
    ec_hook_any_fn *fn;
} ec_hook_t;

#ifdef __cplusplus
#define EC_HOOK(name, fn) { EC_HOOK_##name, (ec_hook_any_fn *)(1 ? (fn) : (ec_hook_##name##_fn *)0) }
#else
/* A function of another type is an error of the compiler whatever its warnings are. */
#define EC_HOOK(name, fn) { EC_HOOK_##name, _Generic((fn), ec_hook_##name##_fn * : (ec_hook_any_fn *)(fn)) }
#endif
#define EC_HOOK_END { -1, (ec_hook_any_fn *)0 }

#ifdef __cplusplus
}
#endif
#endif

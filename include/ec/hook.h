/* hook.h - named points where modules take part
 * SPDX-License-Identifier: Apache-2.0
 *
 * Each hook is declared once, here, with its type; a provider with another signature
 * does not compile.  Providers run in the order of their modules' stanzas, on the loop
 * where the thing happens.  A point where nobody is registered costs one load and a test. */
#ifndef EC_HOOK_H
#define EC_HOOK_H

#include <ec/bounce.h>
#include <ec/command.h>
#include <ec/event.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a hook that is asked may say.  The first that says something else than EC_CONTINUE decides. */
typedef enum {
    EC_CONTINUE,           /* next provider */
    EC_DONE,               /* accept as far as this point is concerned; remaining providers are skipped */
    EC_REJECT,             /* refuse; ec_conn_reply() or ec_out_set_reply() has said with which words */
    EC_SUSPEND             /* the answer comes later by ec_conn_resume(); only where hooks.md says so, elsewhere it
                              counts as EC_CONTINUE and is reported */
} ec_verdict_t;

typedef struct ec_conn ec_conn_t;      /* inbound session, see conn.h */
typedef struct ec_out ec_out_t;        /* outbound session, see out.h */

/** The list of hooks, in the order of a message's life: X(name, result type, parameters after the instance).
 * doc/hooks.md says of each when it runs, on which loop, what may be read and changed, and what verdicts mean; a
 * test holds that page against this list. */
#define EC_HOOK_LIST(X)                                                                                            \
    X(smtp_connect, ec_verdict_t, (void *self, ec_conn_t *conn))                                                   \
    X(smtp_ehlo, ec_verdict_t, (void *self, ec_conn_t *conn, const char *name))                                    \
    X(smtp_mail, ec_verdict_t, (void *self, ec_conn_t *conn, const char *sender))                                  \
    X(smtp_rcpt, ec_verdict_t, (void *self, ec_conn_t *conn, const char *recipient))                               \
    X(smtp_data, ec_verdict_t, (void *self, ec_conn_t *conn))                                                      \
    X(smtp_header, ec_verdict_t, (void *self, ec_conn_t *conn, ec_batch_t *batch))                                 \
    X(smtp_body, ec_verdict_t, (void *self, ec_conn_t *conn, const char *data, apr_size_t len))                    \
    X(smtp_message, ec_verdict_t, (void *self, ec_conn_t *conn, ec_batch_t *batch))                                \
    X(smtp_disconnect, void, (void *self, ec_conn_t *conn))                                                        \
    X(message_spool, void, (void *self, ec_batch_t *batch))                                                        \
    X(message_route, void, (void *self, ec_batch_t *batch, int rcpt))                                              \
    X(binding_group_choose_binding, const char *, (void *self, ec_batch_t *batch, int rcpt, const char *group))    \
    X(message_accepted, void, (void *self, ec_batch_t *batch))                                                     \
    X(out_connect, ec_verdict_t, (void *self, ec_out_t *out))                                                      \
    X(out_connected, void, (void *self, ec_out_t *out))                                                            \
    X(out_greeting, ec_verdict_t, (void *self, ec_out_t *out, int code, const char *text))                         \
    X(out_attempt, ec_verdict_t, (void *self, ec_out_t *out, const ec_batch_t *batch, const int *rcpts, int n))     \
    X(out_reply, void, (void *self, ec_out_t *out, ec_stage_t stage, int code, const char *text))                  \
    X(out_disconnect, void, (void *self, ec_out_t *out))                                                           \
    X(bounce_made, ec_verdict_t, (void *self, const ec_batch_t *failed, int rcpt, ec_batch_t *bounce))             \
    X(log_reception, void, (void *self, const ec_event_t *event))                                                  \
    X(log_delivery, void, (void *self, const ec_event_t *event))                                                   \
    X(log_transient_failure, void, (void *self, const ec_event_t *event))                                          \
    X(log_permanent_failure, void, (void *self, const ec_event_t *event))                                          \
    X(log_expiry, void, (void *self, const ec_event_t *event))                                                     \
    X(log_rejection, void, (void *self, const ec_rejection_t *rejection))                                          \
    X(log_access, void, (void *self, const ec_access_event_t *event))                                              \
    X(log_reopen, void, (void *self))                                                                              \
    X(server_start, void, (void *self))                                                                            \
    X(server_stop, void, (void *self))                                                                             \
    X(server_reload, void, (void *self, int is_ok, const char *text))                                              \
    X(conf_change, void, (void *self, apr_uint64_t generation))                                                    \
    X(console_command, ec_verdict_t, (void *self, ec_answer_t *answer, ec_access_t access))                        \
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

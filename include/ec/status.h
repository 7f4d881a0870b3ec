/* status.h - one list of our own error codes, and how to return early
 * SPDX-License-Identifier: Apache-2.0
 *
 * Fallible functions return apr_status_t: APR_SUCCESS, an APR or errno code, or
 * one of ours below.  Statuses are for the world; assertions (EC_ASSERT) are for
 * our own mistakes. */
#ifndef EC_STATUS_H
#define EC_STATUS_H

#include <apr_errno.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EC_STATUS_LIST(X)                                              \
    X(SYNTAX,         "syntax error")                                  \
    X(TOO_LONG,       "too long")                                      \
    X(LIMIT,          "limit reached")                                 \
    X(NOT_FOUND,      "not found")                                     \
    X(CONFIG,         "configuration error")                           \
    X(SPOOL_CORRUPT,  "spool data is damaged")                         \
    X(SPOOL_LOCKED,   "spool is locked by another process")            \
    X(SPOOL_FAILED,   "spool can not be written")                      \
    X(DNS_TRANSIENT,  "name server failure")                           \
    X(DNS_NXDOMAIN,   "domain does not exist")                         \
    X(DNS_NODATA,     "domain has no records of this type")            \
    X(DNS_NULL_MX,    "domain does not accept mail (null MX)")         \
    X(MODULE,         "module can not be loaded")                      \
    X(CLOSED,         "closed by the other side")                      \
    X(TIMEOUT,        "timed out")                                     \
    X(SHUTDOWN,       "server is shutting down")                       \
    X(BUSY,           "busy, try again")                               \
    X(DENIED,         "not permitted")                                 \
    X(JLOG_DAMAGED,   "a file of the journal is damaged")              \
    X(JLOG_FOREIGN,   "the directory is something else than a journal")

#define EC_STATUS_ENUM(name, text) EC_E_##name,
enum ec_status {
    EC_E_BASE = APR_OS_START_USERERR + 7000,
    EC_STATUS_LIST(EC_STATUS_ENUM)
    EC_E_END
};
#undef EC_STATUS_ENUM

/** Text of any status: ours, APR's or errno's.  Borrows `buf` for the text when it
 * needs room; returns `buf` or a constant.  Any thread. */
const char *ec_strerror(apr_status_t rv, char *buf, apr_size_t len);

/** Return early on failure. */
#define EC_TRY(expr)                            \
    do {                                        \
        apr_status_t ec_try_rv_ = (expr);       \
        if (ec_try_rv_ != APR_SUCCESS) {        \
            return ec_try_rv_;                  \
        }                                       \
    } while (0)

/** A broken promise of our own code: says where, and aborts.  Never for outside input. */
#define EC_ASSERT(cond) ((cond) ? (void)0 : ec_assert_failed(#cond, __FILE__, __LINE__))
void ec_assert_failed(const char *cond, const char *file, int line) __attribute__((noreturn));

#ifdef __cplusplus
}
#endif
#endif

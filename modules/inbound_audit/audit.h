/* audit.h - inbound_audit: for its files only
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef INBOUND_AUDIT_AUDIT_H
#define INBOUND_AUDIT_AUDIT_H

#include <ec/module.h>
#include <ec/series.h>

/* What is counted of each address: name of the series, and what the console calls it. */
#define AUDIT_KINDS(X)                     \
    X(CONNECTIONS, "connections", "Connections") \
    X(RECEPTIONS, "receptions", "Receptions")    \
    X(REJECTIONS, "rejections", "Rejections")
#define AUDIT_ENUM(id, name, title) AUDIT_##id,
enum audit_kind { AUDIT_KINDS(AUDIT_ENUM) AUDIT_KIND_COUNT };
#undef AUDIT_ENUM

enum { AUDIT_MONITORS_MAX = 16 };

struct monitor {
    int interval, windows;
    ec_series_t *series[AUDIT_KIND_COUNT];
};

struct monitors {
    struct monitor at[AUDIT_MONITORS_MAX];
    int count;
};

struct saving;

struct inbound_audit {
    const char *const *monitors;
    const char *log_dir, *serialize_dir;
    apr_interval_time_t maintenance_interval;
    apr_int64_t max_keys;

    ec_log_t *log;
    struct monitors counting;
    ec_timer_t timer;
    struct saving *saving; /* under way; NULL: none */
    int is_started;
    int is_stopping;       /* the server, not only this instance */
};

/** commands.c */
extern const ec_command_t audit_commands[];

/** "seconds,windows"; returns whether it was understood. */
int audit_monitor(const char *text, int *interval, int *windows);

#endif

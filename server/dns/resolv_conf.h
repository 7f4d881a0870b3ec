/* resolv_conf.h - which name servers to ask
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef DNS_RESOLV_CONF_H
#define DNS_RESOLV_CONF_H

#include <apr_pools.h>
#include <apr_tables.h>
#include <ec/status.h>

enum { RESOLV_SERVERS_MAX = 16, RESOLV_FILE_MAX = 64 * 1024, RESOLV_SERVER_ROOM = 80 };

typedef struct {
    int n;
    char server[RESOLV_SERVERS_MAX][RESOLV_SERVER_ROOM]; /* "192.0.2.1" or "127.0.0.1@5300" */
} resolv_conf_t;

/** Read the text of a resolv.conf: `nameserver ADDRESS[@PORT]` lines count, all else is passed over.  A text
 * without any gives 127.0.0.1, as resolv.conf(5) says.  EC_E_SYNTAX with `*why` (in `pool`) for a nameserver
 * line that is wrong. */
apr_status_t resolv_conf_parse(resolv_conf_t *conf, const char *text, apr_size_t length, const char **why,
                               apr_pool_t *pool);
/** The same from a file. */
apr_status_t resolv_conf_read(resolv_conf_t *conf, const char *path, const char **why, apr_pool_t *pool);
#endif

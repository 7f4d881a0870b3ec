/* out.h - the outbound session as hooks see it
 * SPDX-License-Identifier: Apache-2.0
 * Loop thread of the session; the pointer is valid for the call. */
#ifndef EC_OUT_H
#define EC_OUT_H

#include <ec/hook.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Whose queue it serves: routing domain (lower case), binding, binding group. */
const char *ec_out_domain(const ec_out_t *out);
const char *ec_out_binding(const ec_out_t *out);
const char *ec_out_group(const ec_out_t *out);

/** The other side: host name as the route has it, address text, port.  "" and 0 before there is one. */
const char *ec_out_host(const ec_out_t *out);
const char *ec_out_address(const ec_out_t *out);
int ec_out_port(const ec_out_t *out);

/** Id of the connection, as the logs name it; null before it is made. */
ec_id_t ec_out_connection(const ec_out_t *out);

/** Set the words for EC_REJECT, for example (451, "4.7.0 Not now").  4xx and 5xx; copies; control characters are
 * replaced. */
void ec_out_set_reply(ec_out_t *out, int code, const char *text);

#ifdef __cplusplus
}
#endif
#endif

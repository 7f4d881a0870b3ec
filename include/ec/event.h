/* event.h - what loggers are told: one record per thing that happened to a message
 * SPDX-License-Identifier: Apache-2.0
 * log-formats.md section 2; stages are its section 9, reception states its section 11. */
#ifndef EC_EVENT_H
#define EC_EVENT_H

#include <ec/message.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Delivery stages, with their documented codes. */
typedef enum {
    EC_STAGE_NOT_CONNECTED = 0, EC_STAGE_IDLE = 1, EC_STAGE_MAIL = 2, EC_STAGE_AFTER_MAIL = 3, EC_STAGE_RCPT = 4,
    EC_STAGE_AFTER_RCPT = 5, EC_STAGE_DATA = 6, EC_STAGE_AFTER_DATA = 7, EC_STAGE_BODY = 8, EC_STAGE_CONFIRM = 9,
    EC_STAGE_EHLO = 10, EC_STAGE_AFTER_EHLO = 11, EC_STAGE_BANNER = 12, EC_STAGE_RSET = 13, EC_STAGE_AFTER_RSET = 14,
    EC_STAGE_UNKNOWN = 22
} ec_stage_t;

/** All texts are borrowed for the call and never NULL ("" when unknown). */
typedef struct {
    apr_time_t when;              /* wall time, microseconds */
    ec_id_t id, batch_id;
    ec_id_t connection;           /* reception: inbound; else outbound connection of the attempt */
    const char *sender, *recipient;
    const char *domain;           /* routing domain */
    const char *binding, *group;
    const char *protocol;         /* reception */
    const char *address;          /* reception: source address; else the server that answered */
    const char *text;             /* failures: reply or internal error text */
    apr_size_t size;              /* reception, delivery: bytes; failures: message bytes sent before */
    ec_stage_t stage;             /* failures */
    int retries;                  /* 0 on the first attempt */
    apr_interval_time_t age;      /* since reception, microseconds */
    apr_size_t message_size;      /* bytes of the whole message, whatever happened to it */
    const ec_batch_t *batch;      /* what the message belongs to; NULL when it is not at hand */
} ec_event_t;

/** A refused command or message (rejectlog). */
typedef struct {
    apr_time_t when;
    ec_id_t connection;
    const char *remote, *local;   /* ip:port */
    int state;                    /* reception state, log-formats.md section 11 */
    int code;                     /* reply code */
    const char *module;           /* last module that ran, "" for the core */
    const char *text;             /* the reply without its code */
    const struct ec_conn *conn;   /* the session; NULL when it is not at hand */
    const ec_batch_t *batch;      /* the message that was refused; NULL when there is none yet */
    const char *recipient;        /* whom RCPT named that was refused; "" when it was something else, or no address */
} ec_rejection_t;

/** A command that somebody asked for on a console (acctlog). */
typedef struct {
    apr_time_t when;
    const char *listener;         /* endpoint, or path of the socket; "" for the server itself */
    const char *remote;           /* ip:port; "" on a UNIX socket */
    const char *user;             /* who connected to a UNIX socket: name, or "#" and the number; else "" */
    int result;                   /* 1 allowed, 0 refused, -1: the server could not find out */
    const char *command;          /* its words; what `config set` sets is left out */
    const char *role;             /* why it is allowed: "local", the permissions of the socket */
} ec_access_event_t;

/** Words for a delivery stage and a reception state; "unknown" for other numbers.  Constant.  Any thread. */
const char *ec_stage_name(int stage);
const char *ec_reception_state_name(int state);

#ifdef __cplusplus
}
#endif
#endif

/* commands.c - console: inbound sessions
 * SPDX-License-Identifier: Apache-2.0
 *
 * Rows are gathered loop by loop, since a session may be looked at by its own loop only. */
#include "smtp/in/session.h"
#include "smtp/in/smtp_in.h"

enum { ROWS_MAX = 10000 };

typedef struct {
    ec_node_t *table;
    int rows, sessions;
} inbound_t;

static const char *const state_names[IN_STATES_COUNT] = {
#define STATE_NAME(id, number, text) text,
    IN_STATES(STATE_NAME)
#undef STATE_NAME
};

static void add_row(inbound_t *inbound, const ec_conn_t *conn)
{
    ec_node_t *row = ec_node_row(inbound->table);
    char id[EC_ID_TEXT];

    ec_node_text(row, "id", ec_id_text(conn->id, id));
    ec_node_format(row, "peer", "%s:%d", conn->peer.text, conn->peer.port);
    ec_node_text(row, "state", state_names[conn->state]);
    ec_node_int(row, "seconds", (ec_loop_now(conn->loop) - conn->since) / APR_USEC_PER_SEC);
    ec_node_int(row, "bytes", (apr_int64_t)conn->bytes);
    ec_node_int(row, "messages", conn->receptions);
    ec_node_int(row, "loop", ec_loop_index(conn->loop));
}

static void of_loop(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    inbound_t *inbound = baton;

    UTIL_LIST_EACH(link, in_sessions(loop))
    {
        inbound->sessions++;
        if (inbound->rows < ROWS_MAX) {
            inbound->rows++;
            add_row(inbound, UTIL_OWNER(link, ec_conn_t, link));
        }
    }
}

static void last(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    const inbound_t *inbound = baton;

    ec_node_int(ec_answer_root(answer), "sessions", inbound->sessions);
    if (inbound->sessions > inbound->rows) {
        ec_node_note(ec_answer_root(answer), "only %d of %d sessions are shown", inbound->rows,
                     inbound->sessions);
    }
}

static void show_inbound(void *self, ec_answer_t *answer)
{
    inbound_t *inbound = apr_pcalloc(ec_answer_pool(answer), sizeof *inbound);

    inbound->table = ec_node_table(ec_answer_root(answer), "inbound");
    ec_answer_gather(answer, of_loop, last, inbound);
}

const ec_command_t smtp_in_commands[] = {
    { "show inbound", EC_CMD_READ, show_inbound, "inbound SMTP sessions: peer, state, age, bytes, messages" },
    EC_COMMAND_END,
};

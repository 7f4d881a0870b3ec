/* show.c - console command "show outbound"
 * SPDX-License-Identifier: Apache-2.0 */
#include "smtp/out/show.h"
#include "smtp/out/session.h"
#include "smtp/out/smtp_out.h"

enum { SHOW_MAX = 500 }; /* sessions of one loop in one answer */

static void show_session(ec_node_t *table, const session_t *session)
{
    ec_node_t *row = ec_node_row(table);
    char id[EC_ID_TEXT];

    ec_node_text(row, "binding", queue_binding(session->queue));
    ec_node_text(row, "domain", queue_domain(session->queue));
    ec_node_text(row, "host", session->hosts.name != NULL ? session->hosts.name : "");
    ec_node_text(row, "address", session->hosts.text);
    ec_node_text(row, "connection",
                 ec_id_is_null(session->connection) ? "" : ec_id_text(session->connection, id));
    ec_node_text(row, "state", session_state_name(session->state));
    ec_node_float(row, "seconds",
                  (double)(ec_loop_now(session->loop) - session->state_since) / APR_USEC_PER_SEC, 1);
    ec_node_int(row, "delivered", session->deliveries);
    ec_node_text(row, "why", session_meaning(session->state));
}

static void show_loop(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    ec_node_t *table = baton;
    int n = 0;

    UTIL_LIST_EACH(link, transport_sessions(loop))
    {
        if (n++ < SHOW_MAX) {
            show_session(table, UTIL_OWNER(link, session_t, link));
        }
    }
    if (n > SHOW_MAX) {
        ec_node_note(ec_answer_root(answer), "%d more sessions of loop %d are not shown", n - SHOW_MAX,
                     ec_loop_index(loop));
    }
}

static void show_outbound(void *self, ec_answer_t *answer)
{
    ec_node_t *table = ec_node_table(ec_answer_root(answer), "sessions");

    ec_answer_gather(answer, show_loop, NULL, table);
}

const ec_command_t smtp_out_commands[] = {
    { "show outbound", EC_CMD_READ, show_outbound,
      "Outbound connections: where each goes and what it waits for." },
    EC_COMMAND_END,
};

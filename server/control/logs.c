/* logs.c - the state of a log in an answer
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/logfile.h>

void ec_logfile_status(ec_node_t *table, const char *log, ec_logfile_t *file)
{
    ec_logfile_stats_t stats;
    ec_node_t *row;

    if (file == NULL) {
        return;
    }
    ec_logfile_stats(file, &stats);
    row = ec_node_row(table);
    ec_node_text(row, "log", log);
    ec_node_int(row, "written", (apr_int64_t)stats.written);
    ec_node_int(row, "dropped", (apr_int64_t)stats.dropped);
    ec_node_int(row, "reopened", (apr_int64_t)stats.reopened);
    ec_node_int(row, "waiting_bytes", (apr_int64_t)stats.waiting);
}

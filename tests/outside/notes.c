/* notes.c - a module that sets and reads shared caches, and reads what is counted
 * SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include <ec/cluster.h>
#include <ec/module.h>

struct notes {
    const ec_cluster_t *cluster;
    void *of;
};

static apr_status_t start(void *self, const char **why)
{
    struct notes *notes = self;

    notes->cluster = ec_service_get(ec_service(EC_CLUSTER_SERVICE), EC_CLUSTER_VERSION, &notes->of);
    *why = "there is no cluster";
    return notes->cluster != NULL ? APR_SUCCESS : EC_E_MODULE;
}

static void set(void *self, ec_answer_t *answer)
{
    struct notes *notes = self;
    const char *key = ec_answer_arg(answer, "key"), *value = ec_answer_arg(answer, "value");
    apr_status_t rv = notes->cluster->cache_set(notes->of, ec_answer_arg(answer, "cache"), key, strlen(key), value,
                                                value != NULL ? strlen(value) : 0);
    char text[100];

    if (rv != APR_SUCCESS)
        ec_answer_error(answer, "%s", ec_strerror(rv, text, sizeof text));
}

static void get(void *self, ec_answer_t *answer)
{
    struct notes *notes = self;
    const char *key = ec_answer_arg(answer, "key"), *value;
    apr_size_t length;

    value = notes->cluster->cache_get(notes->of, ec_answer_arg(answer, "cache"), key, strlen(key), &length,
                                      ec_answer_pool(answer));
    ec_node_format(ec_answer_root(answer), "value", "%.*s", value != NULL ? (int)length : 4, value != NULL ? value : "none");
}

static void count(void *self, ec_answer_t *answer)
{
    struct notes *notes = self;
    const char *key = ec_answer_arg(answer, "key");

    ec_node_int(ec_answer_root(answer), "count",
                (apr_int64_t)notes->cluster->count(notes->of, ec_answer_arg(answer, "object"), key, strlen(key), 0));
}

static const ec_command_t commands[] = {
    { "set <cache> <key> [<value>]", EC_CMD_WRITE, set, "set a key on all nodes" },
    { "get <cache> <key>", EC_CMD_READ, get, "its value here" },
    { "count <object> <key>", EC_CMD_READ, count, "what all nodes count" },
    EC_COMMAND_END
};

EC_MODULE(notes, struct notes, .summary = "sets and reads caches", .commands = commands, .start = start);

/* visits.c - how many messages all nodes together have taken
 * SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>
#include <string.h>

#include <ec/cluster.h>
#include <ec/module.h>

enum { NODES_MAX = 64 };

struct visits {
    const char *title;          /* of the sum */
    const ec_cluster_t *cluster;
    void *of;                   /* what its functions are called with */
    ec_cluster_group_t *group;
    ec_counter_t *accepted;     /* by this node */
    pthread_mutex_t lock;       /* of all that follows: the cluster's thread writes, the console reads */
    int is_in_step;
    int n;
    struct count {
        ec_cluster_node_t node;
        apr_uint64_t accepted;
    } counts[NODES_MAX];
};

/* ---- the state: a count of each member ------------------------------------------------------ */

static struct count *find(struct visits *visits, ec_cluster_node_t node)
{
    for (int i = 0; i < visits->n; i++) {
        if (visits->counts[i].node == node)
            return &visits->counts[i];
    }
    return NULL;
}

static void on_message(void *baton, ec_cluster_node_t sender, const void *data, apr_size_t length)
{
    struct visits *visits = baton;
    struct count *count;

    if (length != sizeof count->accepted)
        return;
    pthread_mutex_lock(&visits->lock);
    if ((count = find(visits, sender)) == NULL && visits->n < NODES_MAX) {
        count = &visits->counts[visits->n++];
        count->node = sender;
    }
    if (count != NULL)
        memcpy(&count->accepted, data, length);
    pthread_mutex_unlock(&visits->lock);
}

static void on_member(void *baton, ec_cluster_node_t node, int is_there)
{
    struct visits *visits = baton;
    struct count *count;

    pthread_mutex_lock(&visits->lock);
    if (!is_there && (count = find(visits, node)) != NULL)
        *count = visits->counts[--visits->n];
    pthread_mutex_unlock(&visits->lock);
}

static void write_state(void *baton, ec_cluster_put_fn *put, void *to)
{
    struct visits *visits = baton;

    put(to, visits->counts, (apr_size_t)visits->n * sizeof visits->counts[0]);
}

static int read_state(void *baton, const void *data, apr_size_t length)
{
    struct visits *visits = baton;

    if (length % sizeof visits->counts[0] != 0 || length > sizeof visits->counts)
        return 0;
    pthread_mutex_lock(&visits->lock);
    memcpy(visits->counts, data, length);
    visits->n = (int)(length / sizeof visits->counts[0]);
    pthread_mutex_unlock(&visits->lock);
    return 1;
}

/* ---- this node's part ------------------------------------------------------------------------- */

static void tell(struct visits *visits)
{
    apr_uint64_t accepted = (apr_uint64_t)ec_counter_value(visits->accepted);

    /* while we are out of the group nobody has to be told: joined tells all */
    (void)visits->cluster->send(visits->of, visits->group, &accepted, sizeof accepted);
}

static void on_joined(void *baton, ec_cluster_node_t self, int is_first)
{
    struct visits *visits = baton;

    pthread_mutex_lock(&visits->lock);
    visits->is_in_step = 1;
    pthread_mutex_unlock(&visits->lock);
    tell(visits);
}

static void on_lost(void *baton)
{
    struct visits *visits = baton;

    pthread_mutex_lock(&visits->lock);
    visits->is_in_step = 0;
    visits->n = 0; /* what the others have is theirs */
    pthread_mutex_unlock(&visits->lock);
}

static void on_accepted(void *self, ec_batch_t *batch)
{
    struct visits *visits = self;

    ec_counter_add(visits->accepted, 1);
    tell(visits);
}

/* ---- console ------------------------------------------------------------------------------------ */

static void show(void *self, ec_answer_t *answer)
{
    struct visits *visits = self;
    ec_node_t *root = ec_answer_root(answer), *table;
    struct count counts[NODES_MAX];
    apr_uint64_t sum = 0;
    int n;

    pthread_mutex_lock(&visits->lock);
    n = visits->n;
    memcpy(counts, visits->counts, sizeof counts);
    ec_node_text(root, "title", visits->title);
    ec_node_text(root, "in_step", visits->is_in_step ? "yes" : "no");
    pthread_mutex_unlock(&visits->lock);
    for (int i = 0; i < n; i++)
        sum += counts[i].accepted;
    ec_node_int(root, "accepted", (apr_int64_t)sum);
    table = ec_node_table(root, "nodes");
    for (int i = 0; i < n; i++) {
        char name[64] = "?";
        ec_node_t *row = ec_node_row(table);

        (void)visits->cluster->node_name(visits->of, counts[i].node, name, sizeof name);
        ec_node_text(row, "node", name);
        ec_node_int(row, "accepted", (apr_int64_t)counts[i].accepted);
    }
}

/* ---- life ------------------------------------------------------------------------------------------ */

static const ec_cluster_calls_t calls = {
    .message = on_message,
    .member = on_member,
    .joined = on_joined,
    .lost = on_lost,
    .write = write_state,
    .read = read_state,
};

static apr_status_t init(void *self, const ec_instance_t *instance, const char **why)
{
    struct visits *visits = self;

    pthread_mutex_init(&visits->lock, NULL);
    visits->accepted = ec_counter("visits.accepted", "messages that this node has taken");
    return APR_SUCCESS;
}

static apr_status_t start(void *self, const char **why)
{
    struct visits *visits = self;

    visits->cluster = ec_service_get(ec_service(EC_CLUSTER_SERVICE), 1, &visits->of);
    if (visits->cluster == NULL) {
        *why = "it needs the module cluster: add a cluster stanza";
        return EC_E_MODULE;
    }
    visits->group = visits->cluster->join(visits->of, "visits", &calls, visits);
    return APR_SUCCESS;
}

static void stop(void *self)
{
    struct visits *visits = self;

    if (visits->group != NULL)
        visits->cluster->leave(visits->of, visits->group);
    pthread_mutex_destroy(&visits->lock);
}

static const ec_option_t options[] = {
    EC_OPT_STRING(struct visits, title, "all nodes", "what show calls the sum"),
    EC_OPT_END
};
static const ec_hook_t hooks[] = { EC_HOOK(message_accepted, on_accepted), EC_HOOK_END };
static const ec_command_t commands[] = {
    { "show", EC_CMD_READ, show, "messages that all nodes have taken" },
    EC_COMMAND_END
};

EC_MODULE(visits, struct visits, .summary = "counts messages on all nodes", .options = options, .hooks = hooks, .commands = commands,
          .init = init, .start = start, .stop = stop);

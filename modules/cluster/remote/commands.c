/* commands.c - what a manager's console does on the nodes
 * SPDX-License-Identifier: Apache-2.0
 *
 * The documented commands do not wait: their replies are kept until they are fetched.  "on" waits, and shows
 * one answer made of all. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

#include "cluster/module.h"
#include "cluster/remote/merge.h"
#include "cluster/remote/remote.h"

/* How long replies that nobody waits for may take; how long "on" waits. */
static const apr_interval_time_t patience = apr_time_from_sec(3600);
enum { TIMEOUT = 10, TIMEOUT_MAX = 3600, NODES_MAX = 2 * BUS_NODES_MAX };

/* NULL: the answer says why there is none. */
static remote_t *remote_of(ec_answer_t *answer)
{
    remote_t *remote = remote_current();

    if (remote == NULL)
        ec_answer_error(
            answer,
            "this manager is in no cluster: its configuration needs a cluster stanza that is enabled");
    return remote;
}

/* The words behind the first `skip`, as a request has them. */
static void take_words(struct remote_request *request, ec_answer_t *answer, int skip)
{
    const char **words =
        apr_pcalloc(ec_answer_pool(answer), (apr_size_t)ec_answer_argc(answer) * sizeof(*words));

    request->n = 0;
    for (int i = skip; i < ec_answer_argc(answer); i++)
        words[request->n++] = ec_answer_argv(answer, i);
    request->words = words;
}

/* The command's text: by it replies are found again. */
static const char *text_of(const struct remote_request *request, apr_pool_t *pool)
{
    const char **parts = apr_pcalloc(pool, (apr_size_t)(request->n * 2 + 1) * sizeof(*parts));
    apr_array_header_t array = {
        .pool = pool, .elt_size = sizeof(char *), .nelts = request->n, .elts = (char *)parts
    };

    memcpy(parts, request->words, (apr_size_t)request->n * sizeof(*parts));
    return apr_array_pstrcat(pool, &array, ' ');
}

static const char *names_of(const struct asking_node *nodes, int n, apr_pool_t *pool)
{
    const char *names = "";

    for (int i = 0; i < n; i++)
        names = apr_pstrcat(pool, names, i > 0 ? ", " : "", nodes[i].name, NULL);
    return names;
}

/* ---- without waiting --------------------------------------------------------------------------------------
 */

struct broadcast {
    remote_t *remote;
    apr_uint64_t request;
    char command[];
};

static void on_reply(void *baton, const struct asking_node *node)
{
    struct broadcast *broadcast = baton;

    replies_store(remote_replies(broadcast->remote), broadcast->command, broadcast->request, node,
                  apr_time_now());
    remote_replies_changed(broadcast->remote);
}

static void on_replies(void *baton, const struct asking_node *nodes)
{
    free(baton);
}

static const struct asking_events broadcast_events = { on_reply, on_replies };

static void acknowledge(ec_answer_t *answer, const struct remote_request *request, const char *command,
                        const struct asking_node *nodes, int n)
{
    static const char *const fetch[] = { [REMOTE_ALL] = "retrieve",
                                         [REMOTE_NODE] = "retrieve_node",
                                         [REMOTE_SUBCLUSTER] = "subcluster retrieve" };

    ec_node_note(ec_answer_root(answer), "sent to %s; read the %s with \"%s%s%s %s\"",
                 names_of(nodes, n, ec_answer_pool(answer)), n > 1 ? "replies" : "reply",
                 fetch[request->target], request->name[0] != '\0' ? " " : "", request->name, command);
}

static void send_off(ec_answer_t *answer, struct remote_request *request)
{
    struct asking_node nodes[NODES_MAX];
    remote_t *remote = remote_of(answer);
    const char *command = text_of(request, ec_answer_pool(answer)), *why;
    struct broadcast *broadcast;
    int n;

    if (remote == NULL)
        return;
    broadcast = malloc(sizeof(*broadcast) + strlen(command) + 1);
    EC_ASSERT(broadcast != NULL);
    broadcast->remote = remote;
    strcpy(broadcast->command, command);
    n = remote_meant(remote, request, nodes, NODES_MAX);
    if (remote_ask(remote, request, patience, &broadcast_events, broadcast, &why, ec_answer_pool(answer)) !=
        APR_SUCCESS) {
        free(broadcast);
        ec_answer_error(answer, "%s", why);
        return;
    }
    broadcast->request = request->id;
    for (int i = 0; i < n; i++)
        replies_expect(remote_replies(remote), command, request->id, &nodes[i], apr_time_now());
    remote_replies_changed(remote);
    acknowledge(answer, request, command, nodes, n);
}

static void broadcast(void *self, ec_answer_t *answer)
{
    struct remote_request request = { .target = REMOTE_ALL, .name = "" };

    take_words(&request, answer, 1);
    send_off(answer, &request);
}

static void unicast(void *self, ec_answer_t *answer)
{
    struct remote_request request = { .target = REMOTE_NODE, .name = ec_answer_arg(answer, "node") };

    take_words(&request, answer, 2);
    send_off(answer, &request);
}

static void subcluster_broadcast(void *self, ec_answer_t *answer)
{
    struct remote_request request = { .target = REMOTE_SUBCLUSTER,
                                      .name = ec_answer_arg(answer, "subcluster") };

    take_words(&request, answer, 3);
    send_off(answer, &request);
}

/* ---- fetching
 * --------------------------------------------------------------------------------------------------- */

static const char *date_of(apr_time_t when, apr_pool_t *pool)
{
    apr_time_exp_t t;

    apr_time_exp_gmt(&t, when);
    return apr_psprintf(pool, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", t.tm_year + 1900, t.tm_mon + 1,
                        t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, t.tm_usec);
}

/* What a node said, as it would have said it itself. */
static void show_tree(ec_answer_t *answer, ec_node_t *to, const struct reply *reply, const char **error)
{
    struct remote_tree tree;

    *error = NULL;
    if (reply->end != ASKING_ANSWERED) {
        *error = asking_end_text(reply->end);
    } else if (!remote_tree_read(&tree, reply->bytes, reply->length, ec_answer_pool(answer))) {
        *error = asking_end_text(ASKING_DAMAGED);
    } else {
        remote_tree_add(to, tree.first);
        *error = tree.error;
        if (tree.is_cut)
            ec_node_note(to, "The answer was too large: its end is missing.");
    }
}

static void show_reply(ec_answer_t *answer, const struct reply *reply)
{
    ec_node_t *group = ec_node_group(ec_answer_root(answer), "reply");
    const char *error;

    ec_node_text(group, "node", reply->node);
    ec_node_text(group, reply->end == ASKING_WAITING ? "sent" : "received",
                 date_of(reply->when, ec_answer_pool(answer)));
    show_tree(answer, group, reply, &error);
    if (error != NULL)
        ec_node_text(group, "error", error);
}

/* It was sent, but not to the one that is asked about. */
static int say_others_there(ec_answer_t *answer, const replies_t *replies, const char *command, const char *kind,
                            const char *name)
{
    const struct reply *reply = NULL;
    const char *nodes = "";

    while ((reply = replies_next(replies, reply, command, NULL, NULL)) != NULL)
        nodes = apr_pstrcat(ec_answer_pool(answer), nodes, nodes[0] != '\0' ? ", " : "", reply->node, NULL);
    if (nodes[0] == '\0')
        return 0;
    ec_answer_error(answer, "there is no reply of %s \"%s\" to \"%s\" here; there are those of %s", kind, name, command,
                    nodes);
    return 1;
}

/* What was sent, newest last; each text once. */
static void say_nothing_there(ec_answer_t *answer, const replies_t *replies, const char *command)
{
    enum { NAMED = 8 };
    const char *list = "", *named[NAMED];
    int n = 0;

    for (const struct reply *reply = NULL;
         n < NAMED && (reply = replies_next(replies, reply, NULL, NULL, NULL)) != NULL;) {
        int is_named = 0;

        for (int i = 0; i < n; i++)
            is_named |= strcmp(named[i], reply->command) == 0;
        if (is_named)
            continue;
        list = apr_pstrcat(ec_answer_pool(answer), list, n > 0 ? ", " : "; there are replies to ", "\"",
                           reply->command, "\"", NULL);
        named[n++] = reply->command;
    }
    ec_answer_error(answer,
                    "there is no reply to \"%s\" here: it was not sent, or its replies were flushed%s",
                    command, list);
}

static int by_node(const void *left, const void *right)
{
    return strcasecmp((*(const struct reply *const *)left)->node,
                      (*(const struct reply *const *)right)->node);
}

static void fetch(ec_answer_t *answer, const char *subcluster, int skip)
{
    remote_t *remote = remote_of(answer);
    apr_array_header_t *found = apr_array_make(ec_answer_pool(answer), 4, sizeof(const struct reply *));
    struct remote_request request;
    const struct reply *reply = NULL;
    const char *command;

    if (remote == NULL)
        return;
    take_words(&request, answer, skip);
    command = text_of(&request, ec_answer_pool(answer));
    while ((reply = replies_next(remote_replies(remote), reply, command, NULL, subcluster)) != NULL)
        APR_ARRAY_PUSH(found, const struct reply *) = reply;
    if (found->nelts == 0) {
        if (subcluster == NULL ||
            !say_others_there(answer, remote_replies(remote), command, "subcluster", subcluster))
            say_nothing_there(answer, remote_replies(remote), command);
        return;
    }
    qsort(found->elts, (size_t)found->nelts, (size_t)found->elt_size, by_node);
    for (int i = 0; i < found->nelts; i++)
        show_reply(answer, APR_ARRAY_IDX(found, i, const struct reply *));
}

static void retrieve(void *self, ec_answer_t *answer)
{
    fetch(answer, NULL, 1);
}

static void subcluster_retrieve(void *self, ec_answer_t *answer)
{
    fetch(answer, ec_answer_arg(answer, "subcluster"), 3);
}

static void retrieve_node(void *self, ec_answer_t *answer)
{
    remote_t *remote = remote_of(answer);
    struct remote_request request;
    const struct reply *reply;
    const char *command, *error;

    if (remote == NULL)
        return;
    take_words(&request, answer, 2);
    command = text_of(&request, ec_answer_pool(answer));
    reply = replies_next(remote_replies(remote), NULL, command, ec_answer_arg(answer, "node"), NULL);
    if (reply == NULL) {
        if (!say_others_there(answer, remote_replies(remote), command, "node", ec_answer_arg(answer, "node")))
            say_nothing_there(answer, remote_replies(remote), command);
        return;
    }
    show_tree(answer, ec_answer_root(answer), reply, &error);
    if (error != NULL)
        ec_answer_error(answer, "%s: %s", reply->node, error);
}

static void flush(void *self, ec_answer_t *answer)
{
    remote_t *remote = remote_of(answer);

    if (remote == NULL)
        return;
    ec_node_int(ec_answer_root(answer), "flushed", remote_replies(remote)->count);
    replies_clear(remote_replies(remote));
    remote_replies_changed(remote);
}

/* ---- waiting: "on TARGET [with timeout SECONDS]: COMMAND"
 * -------------------------------------------------------- */

static const char *tell(const char *list, const char *name, apr_pool_t *pool)
{
    return list[0] == '\0' ? name : apr_pstrcat(pool, list, ", ", name, NULL);
}

static void tell_failures(ec_answer_t *answer, const struct merge_part *parts, int n)
{
    apr_pool_t *pool = ec_answer_pool(answer);
    const char *missing = "", *failed = "";

    for (int i = 0; i < n; i++) {
        if (parts[i].reason != NULL)
            missing = tell(missing, parts[i].node, pool);
        else if (parts[i].tree.error != NULL)
            failed = tell(failed, parts[i].node, pool);
    }
    if (missing[0] != '\0' || failed[0] != '\0')
        ec_answer_error(answer, "%s%s%s%s%s", missing[0] != '\0' ? "no answer from " : "", missing,
                        missing[0] != '\0' && failed[0] != '\0' ? "; " : "",
                        failed[0] != '\0' ? "failed on " : "", failed);
}

static void on_answers(void *baton, const struct asking_node *nodes)
{
    ec_answer_t *answer = baton;
    apr_pool_t *pool = ec_answer_pool(answer);
    struct merge_part *parts;
    int n = 0;

    for (const struct asking_node *node = nodes; node != NULL; node = node->next)
        n++;
    parts = apr_pcalloc(pool, (apr_size_t)n * sizeof(*parts));
    n = 0;
    for (const struct asking_node *node = nodes; node != NULL; node = node->next, n++) {
        parts[n].node = node->name;
        if (node->end != ASKING_ANSWERED)
            parts[n].reason = asking_end_text(node->end);
        else if (!remote_tree_read(&parts[n].tree, node->bytes.data, node->bytes.length, pool))
            parts[n].reason = asking_end_text(ASKING_DAMAGED);
    }
    merge_show(ec_answer_root(answer), parts, n, pool);
    tell_failures(answer, parts, n);
    ec_answer_finish(answer);
}

static const struct asking_events on_events = { NULL, on_answers };

/* The words in front of the colon, which ends the last of them or stands alone. */
struct head {
    const char **word;
    int n;
    int used; /* of all words of the command line */
};

static int take_head(struct head *head, ec_answer_t *answer)
{
    *head = (struct head){
        apr_pcalloc(ec_answer_pool(answer), (apr_size_t)ec_answer_argc(answer) * sizeof(*head->word)), 0, 1
    };
    for (int is_last = 0; !is_last; head->used++) {
        const char *word = ec_answer_argv(answer, head->used);
        apr_size_t length;

        if (word == NULL)
            return 0;
        length = strlen(word);
        is_last = length > 0 && word[length - 1] == ':';
        if (length > (apr_size_t)is_last)
            head->word[head->n++] =
                apr_pstrmemdup(ec_answer_pool(answer), word, length - (apr_size_t)is_last);
    }
    return head->used < ec_answer_argc(answer);
}

/* "with timeout N" at the end of the head, which gets shorter by it.  Returns seconds, or -1. */
static long take_timeout(struct head *head)
{
    const char **last = head->word + head->n;
    char *end;
    long seconds;

    if (head->n < 4 || strcasecmp(last[-3], "with") != 0 || strcasecmp(last[-2], "timeout") != 0)
        return TIMEOUT;
    seconds = strtol(last[-1], &end, 10);
    if (*end == 's' && end != last[-1])
        end++;
    head->n -= 3;
    return *end == '\0' && seconds > 0 && seconds <= TIMEOUT_MAX ? seconds : -1;
}

static int take_target(struct remote_request *request, const struct head *head)
{
    int is_subcluster = head->n == 2 && strcasecmp(head->word[0], "subcluster") == 0;

    if (head->n != 1 && !is_subcluster)
        return 0;
    request->name = head->word[head->n - 1];
    request->target = is_subcluster ? REMOTE_SUBCLUSTER : REMOTE_NODE;
    if (!is_subcluster && strcasecmp(request->name, "all") == 0) {
        request->target = REMOTE_ALL;
        request->name = "";
    }
    return 1;
}

static void on(void *self, ec_answer_t *answer)
{
    struct remote_request request;
    remote_t *remote = remote_of(answer);
    struct head head;
    const char *why;
    long timeout;

    if (remote == NULL)
        return;
    if (!take_head(&head, answer) || (timeout = take_timeout(&head)) < 0 || !take_target(&request, &head)) {
        ec_answer_error(
            answer, "usage: on all|NODE|subcluster NAME [with timeout SECONDS]: COMMAND (at most %d seconds)",
            TIMEOUT_MAX);
        return;
    }
    take_words(&request, answer, head.used);
    ec_answer_hold(answer);
    if (remote_ask(remote, &request, apr_time_from_sec(timeout), &on_events, answer, &why,
                   ec_answer_pool(answer)) != APR_SUCCESS) {
        ec_answer_error(answer, "%s", why);
        ec_answer_finish(answer);
    }
}

/* ---- the table
 * ------------------------------------------------------------------------------------------------------- */

const ec_command_t remote_commands[] = {
    { "broadcast <command> ...", EC_CMD_WRITE, broadcast,
      "run a command on every node; its replies are kept" },
    { "unicast <node> <command> ...", EC_CMD_WRITE, unicast, "run a command on one node; its reply is kept" },
    { "subcluster broadcast <subcluster> <command> ...", EC_CMD_WRITE, subcluster_broadcast,
      "run a command on the nodes of a subcluster; their replies are kept" },
    { "retrieve <command> ...", EC_CMD_READ, retrieve, "replies to a command that was sent" },
    { "retrieve_node <node> <command> ...", EC_CMD_READ, retrieve_node, "the reply of one node" },
    { "subcluster retrieve <subcluster> <command> ...", EC_CMD_READ, subcluster_retrieve,
      "replies of the nodes of a subcluster" },
    { "flush control cache", EC_CMD_WRITE, flush, "throw kept replies away" },
    { "on <target> <words> ...", EC_CMD_WRITE, on,
      "on all|NODE|subcluster NAME [with timeout SECONDS]: COMMAND - run it, wait, show all answers as one" },
    { "show cluster membership", EC_CMD_READ, cluster_show_membership, "who is in the cluster" },
    { "show cluster shared", EC_CMD_READ, cluster_show_shared_list,
      "what nodes share by Replicate stanzas, as this manager sees it" },
    { "show cluster shared <object>", EC_CMD_READ, cluster_show_shared,
      "a shared object: the sum of all nodes" },
    { "show cluster shared <object> from <node>", EC_CMD_READ, cluster_show_shared, "what one node counts" },
    { "info", EC_CMD_READ, cluster_show_info, "this manager: groups, state" },
    EC_COMMAND_END
};

/* bindings.c - console: what bindings do, and the largest queues
 * SPDX-License-Identifier: Apache-2.0
 *
 * Gathered loop by loop.  A binding's numbers are those of its queues, and of its queues that have ended
 * (message/binding.h). */
#include "queue/show.h"

#include <stdlib.h>
#include <string.h>

#include <apr_hash.h>
#include <apr_strings.h>

#include "util/text.h"
#include "util/units.h"

enum { QUEUES_DEFAULT = 20, QUEUES_MOST = 1000, DOMAIN_ROOM = 256 };

/* ---- which bindings ------------------------------------------------------------------------- */

int show_bindings(ec_answer_t *answer, binding_t ***of, int *n)
{
    const char *name = ec_answer_arg(answer, "binding");

    if (name != NULL && strcmp(name, "all") == 0) {
        *of = binding_all(NULL, n, ec_answer_pool(answer));
        return 1;
    }
    *of = binding_all(name != NULL ? name : binding_default.name, n, ec_answer_pool(answer));
    if (*n == 0 && bind_named(conf_current(), name) == NULL) {
        ec_answer_error(answer, "there is no binding %s", name);
        return 0;
    }
    return 1;
}

/* ---- binding summary ---------------------------------------------------------------------------- */

struct sums {
    apr_int64_t connections, active, total, resident;
    apr_int64_t delivered, failed, received;
};

struct summary {
    apr_hash_t *sums; /* binding_t to struct sums */
    const char *binding, *group;
    ec_node_t *table;
    struct sums total;
};

static struct sums *sums_of(struct summary *summary, const binding_t *binding)
{
    struct sums *sums = apr_hash_get(summary->sums, &binding, sizeof binding);

    if (sums == NULL) {
        apr_pool_t *pool = apr_hash_pool_get(summary->sums);

        sums = apr_pcalloc(pool, sizeof *sums);
        apr_hash_set(summary->sums, apr_pmemdup(pool, &binding, sizeof binding), sizeof binding, sums);
    }
    return sums;
}

static void sum_queue(void *baton, queue_t *queue)
{
    struct sums *sums = sums_of(baton, queue->bound);

    sums->connections += queue->n_sessions;
    sums->active += (apr_int64_t)show_active(queue);
    sums->total += (apr_int64_t)(show_active(queue) + queue->delayed.count);
    sums->resident += (apr_int64_t)queue->n_resident;
    sums->delivered += (apr_int64_t)queue->n_delivered;
    sums->failed += (apr_int64_t)queue->n_failed;
    sums->received += (apr_int64_t)queue->n_received;
}

static void sum_loop(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    queue_each(queue_sets[ec_loop_index(loop)], sum_queue, baton);
}

static void add_sums(const struct summary *summary, const char *group, const char *name,
                     const struct sums *sums)
{
    double uptime = (double)(ec_loop_now(ec_loop_at(0)) - queue_started) / APR_USEC_PER_SEC;
    ec_node_t *row = ec_node_row(summary->table);

    ec_node_text(row, "group", group);
    ec_node_text(row, "binding", name);
    ec_node_int(row, "connections", sums->connections);
    ec_node_int(row, "active", sums->active);
    ec_node_int(row, "total", sums->total);
    ec_node_int(row, "delivered", sums->delivered);
    ec_node_int(row, "failed", sums->failed);
    ec_node_int(row, "received", sums->received);
    ec_node_int(row, "resident", sums->resident);
    ec_node_float(row, "delivered_per_s", uptime > 0 ? (double)sums->delivered / uptime : 0, 2);
    ec_node_float(row, "received_per_s", uptime > 0 ? (double)sums->received / uptime : 0, 2);
}

static void add_to(struct sums *total, const struct sums *sums)
{
    total->connections += sums->connections;
    total->active += sums->active;
    total->total += sums->total;
    total->resident += sums->resident;
    total->delivered += sums->delivered;
    total->failed += sums->failed;
    total->received += sums->received;
}

static int compare_bindings(const void *a, const void *b)
{
    const binding_t *x = *(binding_t *const *)a, *y = *(binding_t *const *)b;
    int groups = strcmp(x->group, y->group);

    return groups != 0 ? groups : strcmp(x->name, y->name);
}

static int is_wanted(const struct summary *summary, const binding_t *binding)
{
    return (summary->binding == NULL || strcmp(summary->binding, binding->name) == 0) &&
           (summary->group == NULL || strcmp(summary->group, binding->group) == 0);
}

static void sum_end(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    struct summary *summary = baton;
    binding_t **all;
    int n;

    all = binding_all(NULL, &n, ec_answer_pool(answer));
    qsort(all, (apr_size_t)n, sizeof all[0], compare_bindings);
    for (int i = 0; i < n; i++) {
        struct sums *sums = sums_of(summary, all[i]);

        if (is_wanted(summary, all[i])) {
            sums->received += (apr_int64_t)atomic_load(&all[i]->received);
            sums->delivered += (apr_int64_t)atomic_load(&all[i]->delivered);
            sums->failed += (apr_int64_t)atomic_load(&all[i]->failed);
            add_sums(summary, all[i]->group, all[i]->name, sums);
            add_to(&summary->total, sums);
        }
    }
    if (summary->binding == NULL) {
        add_sums(summary, summary->group != NULL ? summary->group : "", "Total", &summary->total);
    }
    ec_node_float(ec_answer_root(answer), "uptime_seconds",
                  (double)(ec_loop_now(ec_loop_at(0)) - queue_started) / APR_USEC_PER_SEC, 0);
}

/* Bindings of the configuration that no mail had yet are listed, too. */
static void know(conf_t *conf, const conf_stanza_t *in)
{
    const conf_stanza_t *next = NULL;

    while ((next = conf_next(conf, in, "binding", next)) != NULL) {
        binding_of(conf_binding_owner(next), conf_stanza_name(next));
    }
}

static void know_all(conf_t *conf)
{
    const conf_stanza_t *group = NULL;

    know(conf, NULL);
    while ((group = conf_next(conf, NULL, "binding_group", group)) != NULL) {
        know(conf, group);
    }
}

void show_binding_summary(void *self, ec_answer_t *answer)
{
    static const char group[] = "group:";
    struct summary *summary = apr_pcalloc(ec_answer_pool(answer), sizeof *summary);
    const char *name = ec_answer_arg(answer, "binding");
    binding_t **of;
    int n;

    know_all(conf_current());
    if (name != NULL && strncmp(name, group, sizeof group - 1) == 0) {
        summary->group = name + sizeof group - 1;
        if (strcmp(summary->group, binding_default.group) != 0 &&
            conf_binding_group(conf_current(), summary->group) == NULL) {
            ec_answer_error(answer, "there is no binding_group %s", summary->group);
            return;
        }
    } else if (name != NULL && strcmp(name, "all") != 0) {
        if (!show_bindings(answer, &of, &n)) {
            return;
        }
        summary->binding = name;
    }
    summary->sums = apr_hash_make(ec_answer_pool(answer));
    summary->table = ec_node_table(ec_answer_root(answer), "bindings");
    ec_answer_gather(answer, sum_loop, sum_end, summary);
}

/* ---- mailq -------------------------------------------------------------------------------------------- */

struct size {
    const binding_t *binding;
    apr_size_t active, delayed;
    char domain[DOMAIN_ROOM];
};

struct mailq {
    apr_array_header_t *domains, *bindings; /* of const char *; empty: any */
    apr_size_t limit, n, n_more;
    struct size *size; /* a heap: the smallest first */
};

static int is_among(const apr_array_header_t *names, const char *name)
{
    for (int i = 0; i < names->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(names, i, const char *), name) == 0) {
            return 1;
        }
    }
    return names->nelts == 0;
}

static int compare_sizes(const void *a, const void *b)
{
    const struct size *x = a, *y = b;
    apr_size_t one = x->active + x->delayed, two = y->active + y->delayed;

    if (one != two) {
        return one > two ? -1 : 1;
    }
    return strcmp(x->domain, y->domain) != 0 ? strcmp(x->domain, y->domain)
                                             : strcmp(x->binding->name, y->binding->name);
}

static void sift_down(struct size *size, apr_size_t n, apr_size_t at)
{
    for (apr_size_t child; (child = 2 * at + 1) < n; at = child) {
        struct size moved;

        if (child + 1 < n && compare_sizes(&size[child + 1], &size[child]) > 0) {
            child++;
        }
        if (compare_sizes(&size[at], &size[child]) >= 0) {
            return;
        }
        moved = size[at];
        size[at] = size[child];
        size[child] = moved;
    }
}

static void keep_queue(void *baton, queue_t *queue)
{
    struct mailq *mailq = baton;
    struct size size = { .binding = queue->bound,
                         .active = show_active(queue),
                         .delayed = queue->delayed.count };

    if (queue_is_empty(queue) || !is_among(mailq->domains, queue->domain) ||
        !is_among(mailq->bindings, queue->binding)) {
        return;
    }
    apr_cpystrn(size.domain, queue->domain, sizeof size.domain);
    if (mailq->n < mailq->limit) {
        mailq->size[mailq->n++] = size;
        if (mailq->n == mailq->limit) {
            for (apr_size_t i = mailq->n / 2; i-- > 0;) {
                sift_down(mailq->size, mailq->n, i);
            }
        }
        return;
    }
    mailq->n_more++;
    if (compare_sizes(&size, &mailq->size[0]) < 0) {
        mailq->size[0] = size;
        sift_down(mailq->size, mailq->n, 0);
    }
}

static void keep_loop(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    queue_each(queue_sets[ec_loop_index(loop)], keep_queue, baton);
}

static void mailq_end(void *baton, ec_answer_t *answer, ec_loop_t *loop)
{
    struct mailq *mailq = baton;
    ec_node_t *root = ec_answer_root(answer), *table = ec_node_table(root, "queues");

    qsort(mailq->size, mailq->n, sizeof mailq->size[0], compare_sizes);
    for (apr_size_t i = 0; i < mailq->n; i++) {
        const struct size *size = &mailq->size[i];
        ec_node_t *row = ec_node_row(table);

        ec_node_format(row, "binding", "%s/%s", size->binding->group, size->binding->name);
        ec_node_text(row, "domain", size->domain);
        ec_node_int(row, "aq", (apr_int64_t)size->active);
        ec_node_int(row, "dq", (apr_int64_t)size->delayed);
    }
    if (mailq->n_more > 0) {
        ec_node_note(root, "%" APR_SIZE_T_FMT " smaller queues are not shown: see --limit.", mailq->n_more);
    }
}

static int is_option(const char *word, const char *name)
{
    return strcmp(word, name) == 0 || (word[0] == '-' && word[1] == name[2] && word[2] == '\0');
}

/* The words behind "mailq". */
static int parse_mailq(struct mailq *mailq, ec_answer_t *answer)
{
    apr_int64_t limit;

    for (int i = 1; i < ec_answer_argc(answer); i += 2) {
        const char *option = ec_answer_argv(answer, i);
        char *value;

        if (i + 1 == ec_answer_argc(answer)) {
            ec_answer_error(answer, "%s needs a value: mailq [--domain NAME] [--binding NAME] [--limit N]",
                            option);
            return 0;
        }
        value = apr_pstrdup(ec_answer_pool(answer), ec_answer_argv(answer, i + 1));
        if (is_option(option, "--domain")) {
            util_text_lower(value, strlen(value));
            APR_ARRAY_PUSH(mailq->domains, const char *) = value;
        } else if (is_option(option, "--binding")) {
            APR_ARRAY_PUSH(mailq->bindings, const char *) = value;
        } else if (is_option(option, "--limit") && units_parse_int(value, &limit) && limit > 0) {
            mailq->limit = limit < QUEUES_MOST ? (apr_size_t)limit : QUEUES_MOST;
        } else {
            ec_answer_error(answer,
                            "%s %s is not understood: mailq [--domain NAME] [--binding NAME] [--limit N]",
                            option, value);
            return 0;
        }
    }
    return 1;
}

void show_mailq(void *self, ec_answer_t *answer)
{
    apr_pool_t *pool = ec_answer_pool(answer);
    struct mailq *mailq = apr_pcalloc(pool, sizeof *mailq);

    mailq->limit = QUEUES_DEFAULT;
    mailq->domains = apr_array_make(pool, 2, sizeof(const char *));
    mailq->bindings = apr_array_make(pool, 2, sizeof(const char *));
    if (parse_mailq(mailq, answer)) {
        mailq->size = apr_palloc(pool, mailq->limit * sizeof *mailq->size);
        ec_answer_gather(answer, keep_loop, mailq_end, mailq);
    }
}

/* show.c - console: showqueue and message
 * SPDX-License-Identifier: Apache-2.0
 *
 * A waiting entry does not know its addresses, they are in its batch, and that may be in the spool alone.  So
 * a command looks at the queue on its loop and takes rows; a job reads what is not in memory, the entries
 * being E_BUSY meanwhile; back on the loop the answer is built from the rows.
 * Thread: the handlers on the master loop, then the queue's loop; read_work() on the pool's. */
#include "queue/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "util/text.h"
#include "util/units.h"

enum { ROWS_DEFAULT = 100, ROWS_MOST = 10000, SORTED_MOST = 200000, BODY_MOST = 64 * 1024 };
enum { SHOW_FACTS = 1, SHOW_BODY = 2 };

struct row {
    queue_entry_t *entry; /* valid while pinned; NULL afterwards */
    spool_ref_t *ref;
    ec_batch_t *batch; /* our reference, or NULL: not known */
    const char *state;
    ec_id_t id;
    apr_time_t received, next; /* next 0: no time decides */
    int rcpt, attempts, is_pinned, is_in_doubt;
    char reply[REPLY_MAX];
};

struct show {
    ec_answer_t *answer;
    ec_post_t post;
    ec_job_t job;
    queue_t *queue;
    int loop; /* message: the one to ask next */
    /* what is asked for */
    int is_message, what;
    ec_id_t id;
    const char *domain;
    binding_t **of; /* showqueue: by these bindings, one after the other */
    int n_of, at;
    ec_node_t *table;
    apr_size_t limit, offset, shown;
    /* what was found */
    apr_size_t n, room, seen;
    struct row *row;
    char *body;
    apr_size_t body_length;
};

static void forget_rows(struct show *show)
{
    for (apr_size_t i = 0; i < show->n; i++) {
        if (show->row[i].batch != NULL) {
            ec_batch_unref(show->row[i].batch);
        }
    }
    show->n = 0;
}

static void end(struct show *show)
{
    ec_answer_t *answer = show->answer;

    forget_rows(show);
    free(show->row);
    free(show->body);
    free(show);
    ec_answer_finish(answer);
}

/* ---- taking rows ------------------------------------------------------------------------- */

static int wants(struct show *show, const queue_entry_t *entry)
{
    if (show->is_message) {
        return ec_id_equal(entry->id, show->id);
    }
    return show->seen++ >= show->offset && show->shown + show->n < show->limit;
}

static void take(struct show *show, queue_entry_t *entry, const char *state, apr_time_t next)
{
    struct row *row;

    if (!wants(show, entry)) {
        return;
    }
    if (show->n == show->room) {
        show->room = show->room == 0 ? 16 : show->room * 2;
        show->row = realloc(show->row, show->room * sizeof *show->row);
        EC_ASSERT(show->row != NULL);
    }
    row = &show->row[show->n++];
    *row = (struct row){ .entry = entry,
                         .ref = entry->ref,
                         .state = state,
                         .id = entry->id,
                         .received = entry->received,
                         .next = next,
                         .rcpt = (int)entry->rcpt,
                         .attempts = entry->attempts,
                         .is_in_doubt = (entry->flags & E_IN_DOUBT) != 0 };
    apr_cpystrn(row->reply, reply_text(entry->reply), sizeof row->reply);
    if (entry->batch != NULL) {
        row->batch = ec_batch_ref(entry->batch);
    }
}

static void take_attempts(struct show *show, queue_t *queue)
{
    UTIL_LIST_EACH(link, &queue->attempts)
    {
        attempt_t *attempt = attempt_of(link);

        for (int i = 0; i < attempt_n(attempt); i++) {
            if (attempt_entry(attempt, i) != NULL) {
                take(show, attempt_entry(attempt, i), "in attempt", 0);
            }
        }
    }
}

static void take_list(struct show *show, const queue_list_t *list, const char *state)
{
    for (queue_entry_t *entry = list->first; entry != NULL; entry = entry->at.next) {
        take(show, entry, state, 0);
    }
}

static int compare_next(const void *a, const void *b)
{
    const util_heap_entry_t *x = a, *y = b;

    return x->key < y->key ? -1 : x->key > y->key;
}

/* In order of time, unless there are so many that sorting would hold up the loop. */
static void take_delayed(struct show *show, const queue_t *queue)
{
    apr_size_t n = queue->delayed.count;
    util_heap_entry_t *copy = NULL;
    const util_heap_entry_t *from = queue->delayed.entries;

    if (!show->is_message && n > 0 && n <= SORTED_MOST && show->n < show->limit) {
        copy = malloc(n * sizeof *copy);
        EC_ASSERT(copy != NULL);
        memcpy(copy, from, n * sizeof *copy);
        qsort(copy, n, sizeof *copy, compare_next);
        from = copy;
    }
    for (apr_size_t i = 0; i < n; i++) {
        take(show, from[i].item, "delayed", from[i].key);
    }
    free(copy);
}

static void look_at(void *baton, queue_t *queue)
{
    struct show *show = baton;

    if (show->is_message && show->n > 0) {
        return;
    }
    take_attempts(show, queue);
    take_list(show, &queue->doomed, "failing");
    take_list(show, &queue->active, "active");
    take_delayed(show, queue);
    if (show->n > 0) {
        show->queue = queue;
    }
}

/* ---- reading ---------------------------------------------------------------------------------- */

/* CR LF to LF, for people's eyes. */
static apr_size_t unix_lines(char *text, apr_size_t length)
{
    apr_size_t to = 0;

    for (apr_size_t from = 0; from < length; from++) {
        if (text[from] != '\r' || from + 1 == length || text[from + 1] != '\n') {
            text[to++] = text[from];
        }
    }
    return to;
}

static void read_body(struct show *show, const ec_batch_t *batch)
{
    apr_size_t n;

    show->body = malloc(BODY_MOST + 1);
    EC_ASSERT(show->body != NULL);
    do {
        n = BODY_MOST - show->body_length;
        if (n == 0 ||
            ec_batch_read(batch, show->body_length, show->body + show->body_length, &n) != APR_SUCCESS) {
            break;
        }
        show->body_length += n;
    } while (n > 0);
    show->body_length = unix_lines(show->body, show->body_length);
    show->body[show->body_length] = '\0';
}

static void read_work(void *baton)
{
    struct show *show = baton;

    for (apr_size_t i = 0; i < show->n; i++) {
        struct row *row = &show->row[i];

        if (row->is_pinned) {
            if (spool_load(queue_spool, row->ref, &row->batch) != APR_SUCCESS) {
                row->batch = NULL;
            }
            if (row->attempts > 0 && row->reply[0] == '\0' &&
                spool_load_reply(queue_spool, row->ref, row->rcpt, row->reply, sizeof row->reply) !=
                    APR_SUCCESS) {
                row->reply[0] = '\0';
            }
        }
        if (show->what & SHOW_BODY && row->batch != NULL) {
            read_body(show, row->batch);
        }
    }
}

static void on_read(void *baton);

/* Entries without a batch are pinned; one that another job reads right now is shown without addresses. */
static void read_rows(struct show *show)
{
    for (apr_size_t i = 0; i < show->n; i++) {
        struct row *row = &show->row[i];

        if (row->batch == NULL && !(row->entry->flags & E_BUSY)) {
            row->entry->flags |= E_BUSY;
            row->is_pinned = 1;
        } else {
            row->entry = NULL;
        }
    }
    show->queue->n_loads++; /* keeps the queue */
    ec_job_run(ec_threadpool_find("SwapIn"), show->queue->set->loop, &show->job, read_work, on_read, show);
}

/* ---- answers -------------------------------------------------------------------------------------- */

static const char *sender_of(const struct row *row)
{
    return row->batch != NULL ? row->batch->sender : "(can not be read now)";
}

static const char *recipient_of(const struct row *row)
{
    return row->batch != NULL ? row->batch->rcpts[row->rcpt].address : "(can not be read now)";
}

static void add_queue_row(ec_node_t *table, const struct row *row, const queue_t *queue)
{
    ec_node_t *node = ec_node_row(table);
    char id[EC_ID_TEXT], date[UTIL_DATE_TEXT];

    ec_node_format(node, "queue", "%s/%s", row->state, queue->binding);
    ec_node_text(node, "id", ec_id_text(row->id, id));
    ec_node_text(node, "created", util_text_iso_date(date, row->received));
    ec_node_text(node, "sender", sender_of(row));
    ec_node_text(node, "recipient", recipient_of(row));
    ec_node_int(node, "attempts", row->attempts);
    ec_node_text(node, "next_attempt", row->next != 0 ? util_text_iso_date(date, row->next) : "");
}

static void add_why(ec_node_t *root, const struct row *row, queue_t *queue)
{
    char text[2048], date[UTIL_DATE_TEXT];

    if (strcmp(row->state, "active") == 0) {
        queue_why(queue, text, sizeof text);
        ec_node_text(root, "why", text);
    } else if (row->next != 0) {
        ec_node_text(root, "next_attempt", util_text_iso_date(date, row->next));
        ec_node_text(root, "why", "waits for its next attempt after a transient failure");
    } else if (strcmp(row->state, "failing") == 0) {
        ec_node_text(root, "why", "its failure is being recorded");
    } else {
        ec_node_text(root, "why", "is being delivered");
    }
}

static void add_envelope(ec_node_t *root, const struct row *row)
{
    char id[EC_ID_TEXT];

    ec_node_text(root, "sender", sender_of(row));
    ec_node_text(root, "recipient", recipient_of(row));
    if (row->batch != NULL) {
        ec_node_int(root, "size", (apr_int64_t)ec_batch_size(row->batch));
        ec_node_text(root, "batch_id", ec_id_text(row->batch->id, id));
        ec_node_int(root, "batch_recipients", row->batch->n_rcpts);
        ec_node_text(root, "received_via", row->batch->protocol);
        ec_node_text(root, "received_from", row->batch->source);
    }
}

static void answer_message(struct show *show)
{
    ec_node_t *root = ec_answer_root(show->answer);
    const struct row *row = &show->row[0];
    char id[EC_ID_TEXT], date[UTIL_DATE_TEXT];

    if (show->what & SHOW_FACTS) {
        ec_node_text(root, "id", ec_id_text(row->id, id));
        ec_node_text(root, "state", row->state);
        ec_node_text(root, "domain", show->queue->domain);
        ec_node_text(root, "binding", show->queue->binding);
        ec_node_text(root, "created", util_text_iso_date(date, row->received));
        ec_node_int(root, "age_seconds",
                    (ec_loop_now(show->queue->set->loop) - row->received) / APR_USEC_PER_SEC);
        add_envelope(root, row);
        ec_node_int(root, "attempts", row->attempts);
        ec_node_text(root, "last_reply", row->reply);
        if (row->is_in_doubt) {
            ec_node_note(root, "It was in doubt at the last start: it may have been delivered before.");
        }
        add_why(root, row, show->queue);
    }
    if (show->body != NULL) {
        ec_node_text(root, "text", show->body);
    }
}

static void answer_rows(struct show *show);
static void next_binding(struct show *show);

static void on_read(void *baton)
{
    struct show *show = baton;
    queue_t *queue = show->queue;

    queue->n_loads--;
    for (apr_size_t i = 0; i < show->n; i++) {
        if (show->row[i].is_pinned) {
            show->row[i].entry->flags &= (unsigned char)~E_BUSY;
        }
    }
    queue_kick(queue);
    if (show->is_message) {
        answer_message(show);
        end(show);
    } else {
        answer_rows(show);
        next_binding(show);
    }
}

/* ---- showqueue ---------------------------------------------------------------------------------------- */

static void answer_rows(struct show *show)
{
    for (apr_size_t i = 0; i < show->n; i++) {
        add_queue_row(show->table, &show->row[i], show->queue);
    }
    show->shown += show->n;
    forget_rows(show);
}

static void queue_on_loop(void *baton)
{
    struct show *show = baton;
    const binding_t *binding = show->of[show->at++];
    apr_uint64_t hash = name_hash(binding, show->domain);
    queue_t *queue = queue_find(queue_set_of(hash), hash, binding, show->domain);

    if (queue != NULL) {
        look_at(show, queue);
    }
    if (show->n > 0) {
        read_rows(show);
    } else {
        next_binding(show);
    }
}

static void next_binding(struct show *show)
{
    ec_node_t *root = ec_answer_root(show->answer);

    if (show->at < show->n_of) {
        ec_loop_post(queue_set_of(name_hash(show->of[show->at], show->domain))->loop, &show->post, queue_on_loop, show);
        return;
    }
    if (show->shown > 0) {
        ec_node_int(root, "total", (apr_int64_t)show->seen);
    } else {
        ec_node_note(root, "No message of this range is queued for %s.", show->domain);
    }
    end(show);
}

/* "limit" or "limit,offset". */
static int parse_range(struct show *show, const char *text)
{
    apr_int64_t limit, offset = 0;
    const char *comma = strchr(text, ',');
    char head[32];

    apr_cpystrn(head, text,
                comma != NULL && (apr_size_t)(comma - text) < sizeof head - 1 ? (apr_size_t)(comma - text) + 1
                                                                              : sizeof head);
    if (!units_parse_int(head, &limit) || (comma != NULL && !units_parse_int(comma + 1, &offset)) ||
        limit < 1 || offset < 0) {
        return 0;
    }
    show->limit = limit < ROWS_MOST ? (apr_size_t)limit : ROWS_MOST;
    show->offset = (apr_size_t)offset;
    return 1;
}

void show_queue(void *self, ec_answer_t *answer)
{
    const char *range = ec_answer_arg(answer, "limit,offset");
    char *domain = apr_pstrdup(ec_answer_pool(answer), ec_answer_arg(answer, "domain"));
    struct show *show = calloc(1, sizeof *show);

    EC_ASSERT(show != NULL);
    *show = (struct show){ .answer = answer, .domain = domain, .limit = ROWS_DEFAULT };
    util_text_lower(domain, strlen(domain));
    if (!show_bindings(answer, &show->of, &show->n_of)) {
        free(show);
    } else if (range != NULL && !parse_range(show, range)) {
        ec_answer_error(answer, "%s is no range: give a limit, or limit,offset", range);
        free(show);
    } else {
        ec_answer_hold(answer);
        show->table = ec_node_table(ec_answer_root(answer), "messages");
        next_binding(show);
    }
}

/* ---- message
 * ------------------------------------------------------------------------------------------------ */

static void message_on_loop(void *baton)
{
    struct show *show = baton;
    char id[EC_ID_TEXT];

    queue_each(queue_sets[show->loop], look_at, show);
    if (show->n > 0) {
        read_rows(show);
    } else if (++show->loop < queue_n_sets) {
        ec_loop_post(queue_sets[show->loop]->loop, &show->post, message_on_loop, show);
    } else {
        ec_answer_error(show->answer,
                        "message %s is not queued here: it is delivered, has failed, or never was",
                        ec_id_text(show->id, id));
        end(show);
    }
}

static void ask_message(ec_answer_t *answer, int what)
{
    const char *text = ec_answer_arg(answer, "id");
    struct show *show;
    ec_id_t id;

    if (!ec_id_parse(&id, text)) {
        ec_answer_error(answer, "%s is no message id: it looks like 10/00-01234-C6DD1CA4", text);
        return;
    }
    show = calloc(1, sizeof *show);
    EC_ASSERT(show != NULL);
    *show = (struct show){ .answer = answer, .is_message = 1, .what = what, .id = id, .limit = 1 };
    ec_answer_hold(answer);
    ec_loop_post(queue_sets[0]->loop, &show->post, message_on_loop, show);
}

void show_message(void *self, ec_answer_t *answer)
{
    ask_message(answer, SHOW_FACTS);
}

void show_message_full(void *self, ec_answer_t *answer)
{
    ask_message(answer, SHOW_FACTS | SHOW_BODY);
}

void show_message_body(void *self, ec_answer_t *answer)
{
    ask_message(answer, SHOW_BODY);
}

/* remote_fuzz.c - any bytes as a message among the consoles of a cluster, as an answer, as a file of replies
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <apr_general.h>

#include "cluster/remote/merge.h"
#include "cluster/remote/replies.h"
#include "control/answer.h"
#include "control/render.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize();
}

/* What a message may say is within bounds. */
static void read_messages(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    struct remote_request request;
    struct remote_piece piece;

    remote_peek_id(data, size);
    if (remote_read_request(&request, data, size, pool) == NULL &&
        (request.n < 1 || request.n > REMOTE_WORDS_MAX || strlen(request.name) > REMOTE_NAME_MAX))
        abort();
    if (remote_read_piece(&piece, data, size, pool) == NULL &&
        (piece.offset + piece.length > piece.total || piece.total > TREE_BYTES_MAX))
        abort();
}

/* An answer can be shown in every form, alone and merged with itself. */
static void on_answer(void *baton, ec_answer_t *answer)
{
    const struct remote_tree *tree = baton;
    struct merge_part parts[] = { { "n1", *tree, NULL }, { "n2", *tree, NULL }, { "n3", { 0 }, "left" } };

    answer->error = tree->error != NULL ? "error" : NULL;
    remote_tree_add(ec_answer_root(answer), tree->first);
    merge_show(ec_answer_root(answer), parts, 3, ec_answer_pool(answer));
    for (int form = 0; form < WIRE_FORMS; form++) {
        output_t out;
        int status;

        render_answer(&out, &status, answer, (wire_form_t)form);
        free(out.text);
    }
}

static void read_answer(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    struct remote_tree tree;

    if (remote_tree_read(&tree, data, size, pool))
        answer_returned(answer_create(NULL, 0, on_answer, &tree));
}

static void read_file(const uint8_t *data, size_t size)
{
    replies_t replies = { 0 };
    wire_writer_t writer = { 0 };

    replies_read(&replies, data, size);
    replies_write(&replies, &writer);
    replies_clear(&replies);
    if (replies.count != 0 || replies.bytes != 0 || !replies_read(&replies, writer.data, writer.length))
        abort();
    replies_clear(&replies);
    wire_free(&writer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;

    if (size == 0 || apr_pool_create(&pool, NULL) != APR_SUCCESS)
        return 0;
    if (*data == 't')
        read_answer(data + 1, size - 1, pool);
    else if (*data == 'e')
        read_file(data, size);
    else
        read_messages(data, size, pool);
    apr_pool_destroy(pool);
    return 0;
}

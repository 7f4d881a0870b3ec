/* post.c - a loop's inbox: many threads put in, one takes all
 * SPDX-License-Identifier: Apache-2.0
 *
 * Senders push onto a stack with one compare-and-swap; the loop takes the whole stack
 * with one exchange and turns it round, which restores each sender's order.  There is
 * no pop of single items, hence no ABA problem.
 *
 * Waking: only the sender that finds the inbox empty may have to wake the loop, and
 * only when the loop said that it is going to sleep.  The loop says so first and looks
 * into the inbox after; the sender puts in first and looks at the flag after.  All four
 * are sequentially consistent, so at least one of the two sees the other. */
#include "event/loop.h"

void ec_loop_post(ec_loop_t *loop, ec_post_t *post, ec_post_fn *fn, void *baton)
{
    ec_post_t *head = atomic_load_explicit(&loop->inbox, memory_order_relaxed);

    post->fn = fn;
    post->baton = baton;
    do {
        post->next = head;
    } while (!atomic_compare_exchange_weak(&loop->inbox, &head, post));
    if (head == NULL) { /* `post` may be gone by now */
        loop_rouse(loop);
    }
}

int post_is_pending(ec_loop_t *loop)
{
    return atomic_load(&loop->inbox) != NULL;
}

static ec_post_t *reversed(ec_post_t *post)
{
    ec_post_t *result = NULL;

    while (post != NULL) {
        ec_post_t *next = post->next;

        post->next = result;
        result = post;
        post = next;
    }
    return result;
}

/* Runs what is there now; what is posted meanwhile waits for the next turn. */
int post_run_all(ec_loop_t *loop)
{
    ec_post_t *post;
    int count = 0;

    if (atomic_load_explicit(&loop->inbox, memory_order_relaxed) == NULL) {
        return 0;
    }
    post = reversed(atomic_exchange(&loop->inbox, NULL));
    while (post != NULL) {
        ec_post_t *next = post->next; /* fn may free or re-post it */

        post->fn(post->baton);
        loop_measure(loop, "post");
        count++;
        post = next;
    }
    loop_count(&loop->stats.posts, count);
    return count;
}

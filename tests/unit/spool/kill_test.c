/* kill_test.c - kill -9 in the middle of a story
 * SPDX-License-Identifier: Apache-2.0
 *
 * A child process tells a story; its model is in shared memory.  The parent kills it after a
 * random number of steps, opens the spool and compares: what was answered holds, what was under
 * way has happened wholly or not at all.  The next child goes on with the same spool. */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "spool/story.h"

enum { ROUNDS = 25, DEATHS = 8, STEPS_MAX = 120 };

/* ---- the child ------------------------------------------------------------------------------- */

static void adopt_refs(void)
{
    for (int i = 0; i < MAILS; i++) {
        story->mails[i].ref = NULL;
        story->mails[i].n_open = 0;
        for (int k = 0; k < RCPTS; k++) {
            story->mails[i].rcpts[k].is_open = 0;
        }
    }
    for (int i = 0; i < h.n_found; i++) {
        const harness_found_t *found = &h.found[i];
        int mail = 0;

        while (!ec_id_equal(story->mails[mail].id, found->batch_id)) {
            mail++;
        }
        story->mails[mail].ref = found->ref;
        story->mails[mail].n_open++;
        story->mails[mail].rcpts[found->rcpt].is_open = 1;
        story->mails[mail].rcpts[found->rcpt].is_marked = found->is_in_doubt;
        story->mails[mail].rcpts[found->rcpt].attempts = found->state.attempts;
        story->mails[mail].rcpts[found->rcpt].next = found->state.next;
        memcpy(story->mails[mail].rcpts[found->rcpt].reply, found->reply, sizeof story->works[0].reply);
    }
}

/* Check writes what assertions say into a file whose offset child and parent share: two that write at once spoil it. */
static void leave_checks_file(void)
{
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct stat st;

    for (int fd = 3; fd < 64; fd++) {
        if (fd != nowhere && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
            dup2(nowhere, fd);
        }
    }
}

static void tell_until_killed(void)
{
    leave_checks_file();
    harness_runtime(1);
    harness_open(&h);
    adopt_refs();
    for (;;) {
        step_together();
    }
}

/* ---- the parent --------------------------------------------------------------------------------- */

static void live_and_die(int steps)
{
    pid_t child;
    int status;

    story->steps = story->n_works = story->is_under_way = 0;
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        tell_until_killed();
    }
    while (__atomic_load_n(&story->steps, __ATOMIC_SEQ_CST) < steps) {
        ck_assert_msg(waitpid(child, &status, WNOHANG) == 0, "the child ended by itself: %d", status);
        usleep(100);
    }
    usleep((useconds_t)(steps * 7 % 900)); /* somewhere in the next step */
    kill(child, SIGKILL);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
}

static const harness_found_t *find_found(ec_id_t id, int rcpt)
{
    for (int i = 0; i < h.n_found; i++) {
        if (ec_id_equal(h.found[i].batch_id, id) && h.found[i].rcpt == rcpt) {
            return &h.found[i];
        }
    }
    return NULL;
}

/* What was under way about this recipient; NULL: nothing. */
static const work_t *work_about(int mail, int rcpt)
{
    for (int i = 0; i < story->n_works; i++) {
        const work_t *work = &story->works[i];

        if ((work->mail == mail && (work->step.request.verb == SPOOL_STORE || work->rcpt == rcpt)) ||
            (work->settles == mail && work->rcpt == rcpt)) {
            return work;
        }
    }
    return NULL;
}

static int is_stored(const work_t *work)
{
    return find_found(story->mails[work->mail].id, 0) != NULL;
}

static void compare_state(const harness_found_t *found, const model_rcpt_t *rcpt, const work_t *work)
{
    int is_old = found->is_in_doubt == rcpt->is_marked && found->state.attempts == rcpt->attempts &&
                 found->state.next == rcpt->next;

    if (work != NULL && work->step.request.verb == SPOOL_STATE) {
        const spool_state_t *new = &work->step.request.state;

        ck_assert(is_old || (!found->is_in_doubt && found->state.attempts == new->attempts &&
                             found->state.next == new->next));
    } else if (work != NULL && work->step.request.verb == SPOOL_MARK) {
        ck_assert(found->state.attempts == rcpt->attempts && (is_old || found->is_in_doubt));
    } else {
        ck_assert(is_old);
    }
}

/* A recipient that was known before the step in which the child died. */
static void compare_known(const model_mail_t *mail, int i, int k)
{
    const work_t *work = work_about(i, k);
    const harness_found_t *found = find_found(mail->id, k);
    const model_rcpt_t *rcpt = &mail->rcpts[k];

    if (!rcpt->is_open) {
        ck_assert_msg(found == NULL, "settled recipient came back");
    } else if (work != NULL && work->settles == i) {
        ck_assert_msg((found == NULL) == is_stored(work), "a bounce and what it settles came apart");
    } else if (work == NULL || work->step.request.verb != SPOOL_DROP) {
        ck_assert_msg(found != NULL, "acknowledged mail was lost");
    }
    if (found != NULL) {
        compare_state(found, rcpt, work);
    }
}

/* A message that was being stored: all its recipients or none. */
static void compare_new(const model_mail_t *mail)
{
    int n = 0;

    for (int k = 0; k < mail->n_rcpts; k++) {
        n += find_found(mail->id, k) != NULL;
    }
    ck_assert(n == 0 || n == mail->n_rcpts);
}

static void check_bodies(void)
{
    for (int i = 0; i < h.n_found; i++) {
        int mail = 0;
        ec_batch_t *batch;

        while (mail < MAILS && !ec_id_equal(story->mails[mail].id, h.found[i].batch_id)) {
            mail++;
        }
        ck_assert_msg(mail < MAILS, "settled mail came back");
        ck_assert_int_eq(spool_load(h.spool, h.found[i].ref, &batch), APR_SUCCESS);
        ck_assert(harness_body_is(batch, story->mails[mail].size, story->mails[mail].seed));
        ec_batch_unref(batch);
    }
}

static void examine(void)
{
    const model_mail_t *known = story->is_under_way ? story->before : story->mails;

    if (!story->is_under_way) {
        story->n_works = 0;
    }
    harness_open(&h);
    ck_assert_int_eq((int)h.report.damaged, 0);
    for (int i = 0; i < MAILS; i++) {
        if (known[i].ref != NULL) {
            for (int k = 0; k < known[i].n_rcpts; k++) {
                compare_known(&known[i], i, k);
            }
        } else if (story->mails[i].n_rcpts > 0 && story->is_under_way) {
            compare_new(&story->mails[i]);
        }
    }
    check_bodies();
    harness_close(&h);
}

START_TEST(deaths)
{
    unsigned seed = (unsigned)_i;

    story = mmap(NULL, sizeof *story, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(story, MAP_FAILED);
    story->state = seed * 7919u + 1;
    harness_init(&h, SEGMENT);
    h.options.compact_rate = 1 << 30;
    for (int i = 0; i < DEATHS; i++) {
        seed = seed * 1664525u + 1013904223u;
        live_and_die(1 + (int)((seed >> 8) % STEPS_MAX));
        harness_runtime(1);
        examine();
        event_runtime_destroy();
    }
    harness_end(&h);
    munmap(story, sizeof *story);
}
END_TEST

static void add(Suite *suite)
{
    tcase_add_loop_test(test_case(suite, "kill", 120), deaths, 0, ROUNDS);
}

TEST_MAIN("spool/kill", add)

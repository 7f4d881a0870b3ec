/* thread.c - threads with a name, a stack size and no signals
 * SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <apr_strings.h>

#include "event/thread.h"

/* Never blocked: they come from what the thread itself did, or from a profiler. */
static const int own_fault[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGPROF };

struct start {
    event_thread_fn *fn;
    void *baton;
    char name[16]; /* what the kernel keeps */
};

static void *thread_main(void *baton)
{
    struct start start = *(struct start *)baton;

    free(baton);
    pthread_setname_np(pthread_self(), start.name);
    start.fn(start.baton);
    return NULL;
}

static int set_stack_size(pthread_attr_t *attr, apr_size_t stack_size)
{
    if (stack_size == 0) {
        return 0;
    }
    if (stack_size < (apr_size_t)PTHREAD_STACK_MIN) {
        stack_size = (apr_size_t)PTHREAD_STACK_MIN;
    }
    return pthread_attr_setstacksize(attr, stack_size);
}

apr_status_t event_thread_start(pthread_t *thread, const char *name, apr_size_t stack_size,
                                event_thread_fn *fn, void *baton)
{
    struct start *start = malloc(sizeof *start);
    sigset_t all, saved;
    pthread_attr_t attr;
    int rv;

    if (start == NULL) {
        return APR_ENOMEM;
    }
    *start = (struct start){ .fn = fn, .baton = baton };
    apr_cpystrn(start->name, name, sizeof start->name);
    pthread_attr_init(&attr);
    rv = set_stack_size(&attr, stack_size);
    if (rv == 0) {
        sigfillset(&all);
        for (size_t i = 0; i < sizeof own_fault / sizeof own_fault[0]; i++) {
            sigdelset(&all, own_fault[i]);
        }
        pthread_sigmask(SIG_SETMASK, &all, &saved); /* inherited: no moment without the mask */
        rv = pthread_create(thread, &attr, thread_main, start);
        pthread_sigmask(SIG_SETMASK, &saved, NULL);
    }
    pthread_attr_destroy(&attr);
    if (rv != 0) {
        free(start);
    }
    return APR_FROM_OS_ERROR(rv);
}

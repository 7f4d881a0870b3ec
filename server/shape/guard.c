/* guard.c - the child that ends leased connections
 * SPDX-License-Identifier: Apache-2.0
 *
 * The child is made by a bare clone(CLONE_FILES): a copy of this process with one thread, in which any lock
 * of any library may be held for ever.  So it calls nothing but syscall(), from its own stack, and all its
 * signals are blocked.  It is no SIGCHLD child: who waits for any child does not see it.  PR_SET_PDEATHSIG
 * ends it with the thread that made it; the server's descriptors are closed when both are gone.
 *
 * What the two share is one page of marks and the time of the lease.
 *
 * A mark is looked at and acted on in two steps, so a descriptor that is closed and opened anew between them
 * could be hit. That takes a server that runs and has not closed its connections when its lease had ended. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <apr.h>
#include <ec/status.h>

#include "shape/guard.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

/* The child's code: nothing may be added to it that calls into a library. */
#define CHILD __attribute__((no_sanitize("address"), no_sanitize("thread"), no_sanitize("undefined")))

enum {
    DESCRIPTORS = 1 << 20,
    BITS = 64,
    GRACE_MS = 20,      /* after the lease: for the server to do it itself */
    ROUND_MS = 50,      /* between two looks while the lease is over */
    SMALL = 256 * 1024, /* memory that is not worth giving back */
    READY_MS = 2000
};

struct page {
    _Atomic apr_time_t until;
    _Atomic unsigned ready; /* futex: the number of the guard that runs */
    _Atomic int top;        /* words of `marks` that were ever used */
    _Atomic apr_uint64_t marks[DESCRIPTORS / BITS];
};

static _Atomic(struct page *) shared;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pid_t guard; /* 0: none.  The lock */
static unsigned n_guards;

/* ---- the child ------------------------------------------------------------------------------------- */

CHILD static apr_time_t clock_now(void)
{
    struct timespec t;

    syscall(SYS_clock_gettime, CLOCK_BOOTTIME, &t);
    return (apr_time_t)t.tv_sec * APR_USEC_PER_SEC + t.tv_nsec / 1000;
}

CHILD static void sleep_until(apr_time_t time)
{
    struct timespec t;

    t.tv_sec = time / APR_USEC_PER_SEC;
    t.tv_nsec = time % APR_USEC_PER_SEC * 1000;
    syscall(SYS_clock_nanosleep, CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL);
}

/* At first so that a reply which is on its way can still be read; if that was not enough, with a reset, which
 * also drops what has not been sent. */
CHILD static void end_connection(int fd, int is_first)
{
    struct sockaddr nowhere;

    if (is_first) {
        syscall(SYS_shutdown, fd, SHUT_WR);
        return;
    }
    nowhere.sa_family = AF_UNSPEC;
    syscall(SYS_connect, fd, &nowhere, sizeof nowhere);
    syscall(SYS_shutdown, fd, SHUT_RDWR);
}

CHILD static void sweep(struct page *page, int is_first)
{
    for (int i = 0; i < page->top; i++) {
        apr_uint64_t marks = page->marks[i];

        for (; marks != 0; marks &= marks - 1) {
            end_connection(i * BITS + __builtin_ctzll(marks), is_first);
        }
    }
}

/* A line of /proc/self/maps, as far as it has been read. */
struct mapping {
    unsigned long from, to, inode;
    int field;
    char perms[4];
    int n_perms;
};

CHILD static void give_back(const struct mapping *map, unsigned long stack, unsigned long thread)
{
    if (map->perms[1] == 'w' && map->perms[3] == 'p' && map->inode == 0 && map->to - map->from >= SMALL &&
        !(stack >= map->from && stack < map->to) && !(thread >= map->from && thread < map->to)) {
        syscall(SYS_madvise, map->from, map->to - map->from, MADV_DONTNEED);
    }
}

CHILD static unsigned long digit(char c)
{
    return c >= '0' && c <= '9' ? (unsigned long)(c - '0') : (unsigned long)(c - 'a' + 10);
}

enum { FROM, TO, PERMS, OFFSET, DEVICE, INODE, REST };

CHILD static void read_char(struct mapping *map, char c)
{
    if (c == (map->field == FROM ? '-' : ' ') && map->field < REST) {
        map->field++;
    } else if (map->field == FROM) {
        map->from = map->from << 4 | digit(c);
    } else if (map->field == TO) {
        map->to = map->to << 4 | digit(c);
    } else if (map->field == PERMS && map->n_perms < 4) {
        map->perms[map->n_perms++] = c;
    } else if (map->field == INODE) {
        map->inode = map->inode * 10 + digit(c);
    }
}

CHILD static void next_line(struct mapping *map)
{
    map->from = map->to = map->inode = 0;
    map->field = map->n_perms = 0;
}

/* The copy of the server's memory would cost as much as the server changes of its own. */
CHILD static void drop_memory(unsigned long thread)
{
    char buffer[512];
    struct mapping map;
    long fd = syscall(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC), n;

    if (fd < 0) {
        return;
    }
    next_line(&map);
    while ((n = syscall(SYS_read, fd, buffer, sizeof buffer)) > 0) {
        for (long i = 0; i < n; i++) {
            if (buffer[i] != '\n') {
                read_char(&map, buffer[i]);
                continue;
            }
            give_back(&map, (unsigned long)buffer, thread);
            next_line(&map);
        }
    }
    syscall(SYS_close, fd);
}

/* Handlers are the server's: they would write into its pipes. */
CHILD static void reset_signals(void)
{
    unsigned long action[8];

    for (int i = 0; i < 8; i++) {
        ((volatile unsigned long *)action)[i] = 0; /* SIG_DFL, whatever the layout; no call of memset */
    }
    for (int i = 1; i < NSIG; i++) {
        syscall(SYS_rt_sigaction, i, action, NULL, NSIG / 8);
    }
}

CHILD static void __attribute__((noreturn))
run(struct page *page, pid_t server, unsigned number, unsigned long thread)
{
    int rounds = 0;

    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (syscall(SYS_getppid) != server) {
        syscall(SYS_exit_group, 0);
    }
    syscall(SYS_prctl, PR_SET_NAME, "ec-guard", 0, 0, 0);
    reset_signals();
    syscall(SYS_setsid);
    page->ready = number;
    syscall(SYS_futex, &page->ready, FUTEX_WAKE, 1, NULL, NULL, 0);
    if (!IS_SANITIZED) {
        drop_memory(thread);
    }
    for (;;) {
        apr_time_t end = page->until + GRACE_MS * 1000, now = clock_now();

        if (syscall(SYS_getppid) != server) {
            syscall(SYS_exit_group, 0);
        }
        if (now < end) {
            rounds = 0;
            sleep_until(end);
        } else {
            sweep(page, rounds == 0);
            rounds = 1;
            sleep_until(now + ROUND_MS * 1000);
        }
    }
}

/* ---- the server's side ------------------------------------------------------------------------------- */

static struct page *the_page(void)
{
    struct page *page = shared, *made;

    if (page != NULL) {
        return page;
    }
    made =
        mmap(NULL, sizeof *made, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (made == MAP_FAILED) {
        return NULL;
    }
    if (!atomic_compare_exchange_strong(&shared, &page, made)) {
        munmap(made, sizeof *made);
        return page;
    }
    return made;
}

void guard_mark(int fd, int is_leased)
{
    struct page *page = is_leased ? the_page() : shared;
    int word = fd / BITS, top;

    if (page == NULL || fd < 0 || fd >= DESCRIPTORS) {
        return;
    }
    if (!is_leased) {
        page->marks[word] &= ~(1ull << fd % BITS);
        return;
    }
    page->marks[word] |= 1ull << fd % BITS;
    for (top = page->top; top <= word && !atomic_compare_exchange_weak(&page->top, &top, word + 1);) {
    }
}

/* Has it ended?  Then its remains go. */
static int is_alive(void)
{
    if (guard != 0 && waitpid(guard, NULL, WNOHANG | __WALL) != 0) {
        guard = 0;
    }
    return guard != 0;
}

static int await_ready(struct page *page, unsigned number)
{
    struct timespec most = { READY_MS / 1000, 0 };
    unsigned before;

    while ((before = page->ready) != number) {
        if (syscall(SYS_futex, &page->ready, FUTEX_WAIT, before, &most, NULL, 0) != 0 && errno == ETIMEDOUT) {
            return 0;
        }
    }
    return 1;
}

static void end_guard(void)
{
    if (guard != 0) {
        kill(guard, SIGKILL);
        while (waitpid(guard, NULL, __WALL) < 0 && errno == EINTR) {
        }
        guard = 0;
    }
}

static apr_status_t make_guard(struct page *page)
{
    unsigned number = ++n_guards;
    pid_t server = getpid();
    unsigned long thread = (unsigned long)&errno; /* somewhere in the memory of this thread */
    sigset_t all, before;
    long pid;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = syscall(SYS_clone, CLONE_FILES, NULL, NULL, NULL, NULL);
    if (pid == 0) {
        run(page, server, number, thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid < 0) {
        return errno;
    }
    guard = (pid_t)pid;
    if (!await_ready(page, number)) {
        end_guard();
        return APR_TIMEUP;
    }
    return APR_SUCCESS;
}

apr_status_t guard_lease(apr_time_t until)
{
    struct page *page = the_page();
    apr_status_t rv = APR_SUCCESS;

    if (page == NULL) {
        return APR_ENOMEM;
    }
    page->until = until;
    pthread_mutex_lock(&lock);
    if (until > 0 && !is_alive()) {
        rv = make_guard(page);
    }
    pthread_mutex_unlock(&lock);
    return rv;
}

void guard_stop(void)
{
    pthread_mutex_lock(&lock);
    end_guard();
    pthread_mutex_unlock(&lock);
}

int guard_pid(void)
{
    int pid;

    pthread_mutex_lock(&lock);
    pid = is_alive() ? guard : 0;
    pthread_mutex_unlock(&lock);
    return pid;
}

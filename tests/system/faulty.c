/* faulty.c - preloaded into a server under test: a disk that answers EIO
 * SPDX-License-Identifier: Apache-2.0
 *
 * While the file named by FAULTY_SWITCH exists, writes and syncs to files below FAULTY_DIR
 * fail with the errno in that file's text (EIO when empty). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_ours(int fd)
{
    const char *dir = getenv("FAULTY_DIR");
    char link[64], path[PATH_MAX];
    ssize_t n;

    if (dir == NULL) {
        return 0;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0) {
        return 0;
    }
    path[n] = '\0';
    return strncmp(path, dir, strlen(dir)) == 0;
}

static int fault(int fd)
{
    const char *name = getenv("FAULTY_SWITCH");
    int code = EIO;
    FILE *f;

    if (name == NULL || access(name, F_OK) != 0 || !is_ours(fd)) {
        return 0;
    }
    if ((f = fopen(name, "r")) != NULL) {
        if (fscanf(f, "%d", &code) != 1) {
            code = EIO;
        }
        fclose(f);
    }
    return code;
}

#define NEXT(type, name) type next = (type)dlsym(RTLD_NEXT, name)
#define FAIL_IF_FAULTY(fd)            \
    do {                              \
        int code_ = fault(fd);        \
        if (code_ != 0) {             \
            errno = code_;            \
            return -1;                \
        }                             \
    } while (0)

typedef ssize_t write_fn(int, const void *, size_t);
typedef ssize_t writev_fn(int, const struct iovec *, int);
typedef ssize_t pwrite_fn(int, const void *, size_t, off_t);
typedef ssize_t pwritev_fn(int, const struct iovec *, int, off_t);
typedef int sync_fn(int);
typedef int fallocate_fn(int, off_t, off_t);
typedef int linux_fallocate_fn(int, int, off_t, off_t);

ssize_t write(int fd, const void *data, size_t len)
{
    NEXT(write_fn *, "write");
    FAIL_IF_FAULTY(fd);
    return next(fd, data, len);
}

ssize_t writev(int fd, const struct iovec *iov, int n)
{
    NEXT(writev_fn *, "writev");
    FAIL_IF_FAULTY(fd);
    return next(fd, iov, n);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    NEXT(pwrite_fn *, "pwrite");
    FAIL_IF_FAULTY(fd);
    return next(fd, data, len, at);
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t at)
{
    NEXT(pwrite_fn *, "pwrite64");
    FAIL_IF_FAULTY(fd);
    return next(fd, data, len, at);
}

ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
    NEXT(pwritev_fn *, "pwritev");
    FAIL_IF_FAULTY(fd);
    return next(fd, iov, n, at);
}

ssize_t pwritev64(int fd, const struct iovec *iov, int n, off_t at)
{
    NEXT(pwritev_fn *, "pwritev64");
    FAIL_IF_FAULTY(fd);
    return next(fd, iov, n, at);
}

int fdatasync(int fd)
{
    NEXT(sync_fn *, "fdatasync");
    FAIL_IF_FAULTY(fd);
    return next(fd);
}

int fsync(int fd)
{
    NEXT(sync_fn *, "fsync");
    FAIL_IF_FAULTY(fd);
    return next(fd);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    NEXT(fallocate_fn *, "posix_fallocate");
    int code = fault(fd);
    return code != 0 ? code : next(fd, at, len);
}

int posix_fallocate64(int fd, off_t at, off_t len)
{
    NEXT(fallocate_fn *, "posix_fallocate64");
    int code = fault(fd);
    return code != 0 ? code : next(fd, at, len);
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    NEXT(linux_fallocate_fn *, "fallocate");
    FAIL_IF_FAULTY(fd);
    return next(fd, mode, at, len);
}

int fallocate64(int fd, int mode, off_t at, off_t len)
{
    NEXT(linux_fallocate_fn *, "fallocate64");
    FAIL_IF_FAULTY(fd);
    return next(fd, mode, at, len);
}

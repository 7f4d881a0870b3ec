/* bytes.c - a growing byte buffer and whole writes
 * SPDX-License-Identifier: Apache-2.0 */
#include "bytes.h"

#include "cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void reserve(struct bytes *bytes, size_t more)
{
    size_t room = bytes->room ? bytes->room : 256;

    if (bytes->room - bytes->length >= more)
        return;
    while (room - bytes->length < more)
        room *= 2;
    bytes->data = cli_realloc(bytes->data, room);
    bytes->room = room;
}

void bytes_add(struct bytes *bytes, const void *data, size_t length)
{
    if (length == 0)
        return;
    reserve(bytes, length);
    memcpy(bytes->data + bytes->length, data, length);
    bytes->length += length;
}

void bytes_print(struct bytes *bytes, const char *format, ...)
{
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0)
        return;
    reserve(bytes, (size_t)length + 1);
    va_start(args, format);
    vsnprintf(bytes->data + bytes->length, (size_t)length + 1, format, args);
    va_end(args);
    bytes->length += (size_t)length;
}

void bytes_free(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){ 0 };
}

void bytes_skip(struct bytes *bytes, size_t count)
{
    bytes->length -= count;
    if (bytes->length > 0)
        memmove(bytes->data, bytes->data + count, bytes->length);
}

void bytes_write(struct bytes *bytes, int fd, const char *path)
{
    size_t done = 0;

    while (done < bytes->length) {
        ssize_t count = write(fd, bytes->data + done, bytes->length - done);

        if (count < 0 && errno != EINTR)
            cli_die("%s: %s; what follows could not be recorded, so the run ends here", path,
                    strerror(errno));
        if (count > 0)
            done += (size_t)count;
    }
    bytes->length = 0;
}

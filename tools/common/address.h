/* address.h - ADDR:PORT texts and the sockets made from them
 * SPDX-License-Identifier: Apache-2.0
 *
 * Numeric only: a load tool that waits for a resolver measures the resolver. */
#ifndef TOOLS_ADDRESS_H
#define TOOLS_ADDRESS_H

#include <stdbool.h>
#include <sys/socket.h>

enum { ADDRESS_TEXT = 64 };

struct address {
    struct sockaddr_storage sa;
    socklen_t length;
};

/** Read "127.0.0.1:25" or "[::1]:25"; false when it is neither. */
bool address_parse(struct address *address, const char *text);

/** Write the same form. */
void address_format(const struct address *address, char text[ADDRESS_TEXT]);

/** A non-blocking listening socket; updates `address` to what the kernel chose for port 0.
 * Returns -1 with errno set. */
int address_listen(struct address *address);

/** A non-blocking socket on its way to `address`; -1 with errno set when it failed at once. */
int address_connect(const struct address *address);

#endif

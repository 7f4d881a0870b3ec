/* digest.h - SHA-256 of a message body, fed in pieces
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_DIGEST_H
#define TOOLS_DIGEST_H

#include <stddef.h>

enum { DIGEST_TEXT = 65 };

struct digest {
    void *context; /* OpenSSL's; made at the first start and kept for the next */
};

void digest_start(struct digest *digest);
void digest_add(struct digest *digest, const void *data, size_t length);
void digest_finish(struct digest *digest, char text[DIGEST_TEXT]);
void digest_free(struct digest *digest);

#endif

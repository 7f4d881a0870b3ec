/* digest.c - SHA-256 of a message body, fed in pieces
 * SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include "cli.h"

#include <openssl/evp.h>

void digest_start(struct digest *digest)
{
    static EVP_MD
        *method; /* fetched once: the implicit fetch of EVP_sha256() costs more than a small body's digest */

    if (method == NULL)
        method = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (digest->context == NULL)
        digest->context = EVP_MD_CTX_new();
    if (method == NULL || digest->context == NULL || EVP_DigestInit_ex2(digest->context, method, NULL) != 1)
        cli_die("SHA-256 is not available from OpenSSL");
}

void digest_add(struct digest *digest, const void *data, size_t length)
{
    if (EVP_DigestUpdate(digest->context, data, length) != 1)
        cli_die("SHA-256 failed");
}

void digest_finish(struct digest *digest, char text[DIGEST_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned length = 0;

    if (EVP_DigestFinal_ex(digest->context, raw, &length) != 1 || length * 2 + 1 != DIGEST_TEXT)
        cli_die("SHA-256 failed");
    for (unsigned i = 0; i < length; i++) {
        text[2 * i] = hex[raw[i] >> 4];
        text[2 * i + 1] = hex[raw[i] & 15];
    }
    text[2 * length] = '\0';
}

void digest_free(struct digest *digest)
{
    EVP_MD_CTX_free(digest->context);
    digest->context = NULL;
}

/* address_fuzz.c - any text as the arguments of MAIL and RCPT
 * SPDX-License-Identifier: Apache-2.0
 *
 * What is accepted must be accepted again, and be the same, when it is written into a
 * command: that is how it goes to the next host. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const smtp_address_t *address)
{
    char path[sizeof address->text + 2];
    const char *text = path;
    smtp_address_t again;
    const char *why;

    snprintf(path, sizeof path, "<%s>", address->text);
    if (smtp_address_parse(&again, &text, &why) != APR_SUCCESS || *text != '\0' ||
        strcmp(again.text, address->text) != 0 || again.local_length != address->local_length ||
        again.is_literal != address->is_literal) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    smtp_param_t params[SMTP_PARAMS_MAX];
    char *text = malloc(size + 1);
    const char *rest = text;
    smtp_address_t address;
    const char *why;
    int n;

    memcpy(text, data, size);
    text[size] = '\0';
    if (smtp_address_parse(&address, &rest, &why) == APR_SUCCESS) {
        check_again(&address);
        n = smtp_params_split(text + (rest - text), params);
        for (int i = 0; i < n; i++) {
            if (params[i].name[0] == '\0' || (params[i].value != NULL && params[i].value[0] == '\0')) {
                abort();
            }
        }
    } else if (why == NULL || rest != text) {
        abort();
    }
    (void)smtp_domain_valid(text);
    free(text);
    return 0;
}

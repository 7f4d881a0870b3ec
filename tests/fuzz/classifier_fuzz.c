/* classifier_fuzz.c - any file as rules of the bounce_classifier: refused with a reason, or the same rule
 * fits fast and slowly SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <apr_general.h>

#include "bounce_classifier/rules.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return apr_initialize();
}

/* The loader reads files: a file in memory. */
static ruleset_t *load(const uint8_t *data, size_t size, apr_pool_t *pool)
{
    const char *why = NULL;
    ruleset_t *set = ruleset_create(NULL, &why, pool);
    int file = memfd_create("rules", 0);
    char path[64];

    if (set == NULL || file < 0 || write(file, data, size) != (ssize_t)size)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
    if (ruleset_add_file(set, path, &why, pool) != APR_SUCCESS) {
        if (why == NULL)
            abort(); /* refused without a reason */
        ruleset_unref(set);
        set = NULL;
    }
    close(file);
    return set;
}

static void ask(const ruleset_t *set)
{
    static const char *const replies[] = { "550 5.1.1 no such user", "421 try again later",
                                           "552 5.2.2 mailbox full: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "" };
    matcher_t *matcher = matcher_create();

    for (unsigned i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        const rule_t *fast = ruleset_match(set, matcher, replies[i], "example.com");
        const rule_t *slow = ruleset_match_slowly(set, matcher, replies[i], "example.com");

        /* an expression that takes too long is given up, perhaps only where it is tried */
        if (fast != slow && matcher_given_up(matcher) == 0)
            abort();
    }
    matcher_destroy(matcher);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *pool;
    ruleset_t *set;

    apr_pool_create(&pool, NULL);
    set = load(data, size, pool);
    if (set != NULL) {
        ruleset_complete(set);
        ask(set);
        ruleset_unref(set);
    }
    apr_pool_destroy(pool);
    return 0;
}

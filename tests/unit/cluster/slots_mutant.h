/* slots_mutant.h - which rule of the gates a test is to break: EC_MUTANT (SLOT_MUTANTS, slots_mutants.sh)
 * SPDX-License-Identifier: Apache-2.0
 *
 * For one file of a test program. */
#ifndef TESTS_SLOTS_MUTANT_H
#define TESTS_SLOTS_MUTANT_H

#include <stdlib.h>
#include <string.h>

#include "cluster/machine/mutant.h"

enum mutant mutant_now;

/** Before the test begins. */
static void choose_mutant(void)
{
    static const char *const names[] = {
#define MUTANT_NAME(name, text) #name,
        SLOT_MUTANTS(MUTANT_NAME)
#undef MUTANT_NAME
    };
    const char *name = getenv("EC_MUTANT");

    mutant_now = MUTANT_NONE;
    for (int i = 0; name != NULL && i < (int)(sizeof(names) / sizeof(names[0])); i++) {
        if (strcmp(names[i], name) == 0)
            mutant_now = (enum mutant)(MUTANT_END + 1 + i);
    }
}

#endif

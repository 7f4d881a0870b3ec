/* members_fuzz.c - any bytes as what a process says of itself: refused, or texts within bounds
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/node/members.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *text, size_t size)
{
    size_t length = strnlen(text, size);

    if (length == size)
        abort();
    while (length-- > 0) {
        if ((unsigned char)text[length] < ' ')
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static members_t members;
    struct node_member member;
    const struct bus_cpg_member here = { 1, 1 };

    if (members_read(&member, data, size) != NULL)
        return 0;
    check(member.name, sizeof(member.name));
    check(member.subcluster, sizeof(member.subcluster));
    check(member.address, sizeof(member.address));
    check(member.version, sizeof(member.version));
    member.id = member.pid = 1;
    members_set(&members, &member);
    members_keep(&members, &here, 1);
    if (members.count != 1)
        abort();
    return 0;
}

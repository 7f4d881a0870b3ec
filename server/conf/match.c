/* match.c - names against regular expression stanzas
 * SPDX-License-Identifier: Apache-2.0 */
#include "conf/view.h"
#include "util/regex.h"

#include <string.h>

int match_regex(const conf_stanza_t *stanza, const char *name)
{
    return regex_run(stanza->regex, name, strlen(name));
}

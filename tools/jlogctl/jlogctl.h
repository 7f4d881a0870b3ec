/* jlogctl.h - the actions of jlogctl; each is done to every journal that is named
 * SPDX-License-Identifier: Apache-2.0 */
#ifndef TOOLS_JLOGCTL_H
#define TOOLS_JLOGCTL_H

#include <stdbool.h>
#include <stdint.h>

#include <ec/jlog.h>

struct settings {
    const char *add, *erase, *progress, *read, *peek; /* names of subscribers */
    bool at_end, list, sizes, info, clean, check, print, verbose;
    uint64_t count;                                   /* records to print at most; 0: all */
};

/** Does something to the journal at `path` and returns whether that went well; what went wrong is said on standard error. */
typedef bool action_fn(const char *path, const struct settings *settings, apr_pool_t *pool);

/* show.c */
action_fn show_list, show_progress, show_sizes, show_info;
/* print.c */
action_fn print_all, print_read, print_peek, check_records;

#endif

/* scripts.c - start.* and stop.* of BINDIR/rc.includes
 * SPDX-License-Identifier: Apache-2.0
 *
 * They are programs: each runs in a process of its own, so that none can change or end what runs it.  What
 * they export is gone with them; variables belong into etc/environment. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "child.h"
#include "ctl.h"

static const char *wanted;

static int is_wanted(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return strncmp(entry->d_name, wanted, strlen(wanted)) == 0 && entry->d_name[length - 1] != '~';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int run(const char *folder, const char *name)
{
    char path[CTL_PATH], *argv[] = { path, NULL };
    struct stat info;
    int status;

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path || stat(path, &info) != 0 ||
        !S_ISREG(info.st_mode))
        return 0;
    if (access(path, X_OK) != 0) {
        ctl_complain(
            "%s is not executable and was not run: scripts are run, not sourced; begin it with #!/bin/sh and "
            "chmod +x, and put variables into the environment file",
            path);
        return 0;
    }
    status = child_run(argv, 0);
    if (status == 0)
        return 0;
    if (status == CHILD_STARTED_NOT)
        ctl_complain("%s can not be run: %s", path, strerror(errno));
    else
        ctl_complain("%s failed with status %d", path, status);
    return -1;
}

int scripts_run(const char *prefix)
{
    char folder[CTL_PATH];
    struct dirent **entries;
    int n, result = 0;

    if (snprintf(folder, sizeof folder, "%s/rc.includes", ctl_bindir()) >= (int)sizeof folder)
        return 0;
    wanted = prefix;
    if ((n = scandir(folder, &entries, is_wanted, by_name)) < 0)
        return 0;
    for (int i = 0; i < n; i++) {
        if (result == 0)
            result = run(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return result;
}

/* environment.h - etc/environment: variables for the server, one assignment a line
 * SPDX-License-Identifier: Apache-2.0
 *
 *   [export] NAME=value     the value bare, in '...' as it stands, or in "..."; parts may follow each other
 *   export NAME             nothing more to do: all are exported
 *   # comment               also behind a value
 *
 * $NAME and ${NAME} stand for what is set further up, else in our own environment, but not in '...'.  The file is
 * never run: what only a shell understands is an error.  One thread. */
#ifndef EC_CTL_ENVIRONMENT_H
#define EC_CTL_ENVIRONMENT_H

#include <stddef.h>

enum {
    ENVIRONMENT_VARIABLES = 256,
    ENVIRONMENT_FILE_MAX = 1 << 20,
    ENVIRONMENT_VALUE_MAX = 64 * 1024
};

typedef struct {
    int n;
    char *name[ENVIRONMENT_VARIABLES]; /* malloc'd, as the values are */
    char *value[ENVIRONMENT_VARIABLES];
} environment_t;

/** Read a text; `file` is its name in `why`.  0, or -1 and a sentence with file and line. */
int environment_parse(environment_t *environment, const char *file, const char *text, size_t length, char *why,
                      size_t room);
/** Read a file that only its owner (root or us) may write.  1: read; 0: there is none; -1: `why`. */
int environment_read(environment_t *environment, const char *file, char *why, size_t room);
/** Set all of it in our own environment, for us and for what we start. */
void environment_apply(const environment_t *environment);
void environment_free(environment_t *environment);

#endif

/* destination.c - from the text of a destination to its kind and parameters
 * SPDX-License-Identifier: Apache-2.0 */
#include "log/destination.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <apr_strings.h>

enum { PARAMETERS_MAX = 128, LOOKUP_ROOM = 16 * 1024 };

static const destination_ops_t *const kinds[] = { &destination_file, &destination_syslog, &destination_pipe,
                                                  &destination_jlog, &destination_cluster };
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* ---- owner ------------------------------------------------------------------------------- */

/* A number stands for itself. */
static int parse_number(unsigned *id, const char *text)
{
    char *end;
    unsigned long n;

    errno = 0;
    n = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n >= (unsigned)-1) {
        return 0;
    }
    *id = (unsigned)n;
    return 1;
}

static int find_user(destination_t *to, const char *name)
{
    struct passwd entry, *found = NULL;
    unsigned id;

    if (parse_number(&id, name)) {
        to->uid = (uid_t)id;
        return 1;
    }
    getpwnam_r(name, &entry, apr_palloc(to->pool, LOOKUP_ROOM), LOOKUP_ROOM, &found);
    if (found != NULL) {
        to->uid = found->pw_uid;
    }
    return found != NULL;
}

static int find_group(destination_t *to, const char *name)
{
    struct group entry, *found = NULL;
    unsigned id;

    if (parse_number(&id, name)) {
        to->gid = (gid_t)id;
        return 1;
    }
    getgrnam_r(name, &entry, apr_palloc(to->pool, LOOKUP_ROOM), LOOKUP_ROOM, &found);
    if (found != NULL) {
        to->gid = found->gr_gid;
    }
    return found != NULL;
}

static apr_status_t parse_owner(destination_t *to, const char *owner, const char **why)
{
    char *user = apr_pstrdup(to->pool, owner != NULL ? owner : ""), *group = strchr(user, ':');

    to->uid = (uid_t)-1;
    to->gid = (gid_t)-1;
    if (group != NULL) {
        *group++ = '\0';
    }
    if (user[0] != '\0' && !find_user(to, user)) {
        *why = apr_psprintf(to->pool, "there is no user \"%s\" to own it", user);
        return EC_E_CONFIG;
    }
    if (group != NULL && group[0] != '\0' && !find_group(to, group)) {
        *why = apr_psprintf(to->pool, "there is no group \"%s\" to own it", group);
        return EC_E_CONFIG;
    }
    return APR_SUCCESS;
}

/* ---- parameters ----------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

/* %XX in place; 0 when a sequence is broken or makes a NUL. */
static int decode(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        if (*text == '%') {
            int high = hex_digit(text[1]), low = high >= 0 ? hex_digit(text[2]) : -1;

            if (low < 0 || (high | low) == 0) {
                return 0;
            }
            *to++ = (char)(high << 4 | low);
            text += 2;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
    return 1;
}

const char *const *destination_parameters(char *rest, apr_pool_t *pool)
{
    const char **list = apr_pcalloc(pool, (2 * PARAMETERS_MAX + 1) * sizeof *list);
    char *query = strchr(rest, '?'), *last, *item;
    int n = 0;

    if (query != NULL) {
        *query++ = '\0';
    }
    for (item = query != NULL ? apr_strtok(query, "&", &last) : NULL; item != NULL;
         item = apr_strtok(NULL, "&", &last)) {
        char *value = strchr(item, '=');

        if (value == NULL || value == item || n == 2 * PARAMETERS_MAX) {
            return NULL;
        }
        *value++ = '\0';
        if (!decode(item) || !decode(value)) {
            return NULL;
        }
        list[n++] = item;
        list[n++] = value;
    }
    return decode(rest) ? list : NULL;
}

/* ---- kind --------------------------------------------------------------------------------------- */

static const destination_ops_t *find_kind(const char **rest, const char *text)
{
    const char *end = strstr(text, "://");

    *rest = text;
    if (end == NULL) {
        return &destination_file;
    }
    for (int i = 0; i < KINDS; i++) {
        size_t length = strlen(kinds[i]->scheme);

        if ((size_t)(end - text) == length && strncasecmp(text, kinds[i]->scheme, length) == 0) {
            *rest = end + 3;
            return kinds[i];
        }
    }
    return NULL;
}

apr_status_t destination_parse(destination_t *to, const char *text, const ec_logfile_options_t *options,
                               const char **why)
{
    const char *rest, *reason = NULL;
    apr_status_t rv;

    to->fd = -1;
    to->is_settled = 1;
    to->mode = options->mode & 0777;
    to->name = apr_pstrdup(to->pool, text);
    if ((to->ops = find_kind(&rest, text)) == NULL) {
        *why = apr_psprintf(to->pool,
                            "log destination \"%s\": use a path, file:///path, jlog:///path, syslog:// or pipe:///program",
                            text);
        return EC_E_CONFIG;
    }
    if ((rv = parse_owner(to, options->owner, &reason)) != APR_SUCCESS ||
        (rv = to->ops->parse(to, rest, &reason)) != APR_SUCCESS) {
        *why = apr_psprintf(to->pool, "log destination \"%s\": %s", text, reason);
    }
    return rv;
}

/* show.c - what a journal consists of, and how far its subscribers are
 * SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "jlogctl.h"

static bool get_status(ec_jlog_status_t *status, const char *path, apr_pool_t *pool)
{
    const char *why;
    apr_status_t rv = ec_jlog_status(status, path, &why, pool);

    if (rv != APR_SUCCESS)
        fprintf(stderr, "jlogctl: %s\n", why);
    return rv == APR_SUCCESS;
}

static const char *position_text(char text[EC_JLOG_POSITION_TEXT], const ec_jlog_subscriber_t *subscriber)
{
    return subscriber->is_damaged ? "damaged" : ec_jlog_position_text(text, subscriber->position);
}

bool show_list(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    char text[EC_JLOG_POSITION_TEXT];
    ec_jlog_status_t status;

    if (!get_status(&status, path, pool))
        return false;
    printf("%s\n", path);
    for (int i = 0; i < status.subscriber_count; i++)
        printf("  %-20s %s %14" PRIu64 " bytes unread\n", status.subscribers[i].name,
               position_text(text, &status.subscribers[i]), (uint64_t)status.subscribers[i].unread);
    if (status.subscriber_count == 0)
        printf("  no subscribers: what is written is not kept\n");
    return true;
}

bool show_progress(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    char text[EC_JLOG_POSITION_TEXT];
    ec_jlog_status_t status;

    if (!get_status(&status, path, pool))
        return false;
    for (int i = 0; i < status.subscriber_count; i++) {
        if (strcmp(status.subscribers[i].name, settings->progress) == 0) {
            printf("%s\n  %-20s %s\n", path, "checkpoint", position_text(text, &status.subscribers[i]));
            printf("  %-20s %s\n", "end", ec_jlog_position_text(text, status.end));
            printf("  %-20s %" PRIu64 " bytes\n", "unread", (uint64_t)status.subscribers[i].unread);
            return true;
        }
    }
    fprintf(stderr, "jlogctl: the journal %s has no subscriber \"%s\"\n", path, settings->progress);
    return false;
}

bool show_sizes(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    ec_jlog_status_t status;

    if (!get_status(&status, path, pool))
        return false;
    printf("%s\n", path);
    for (int i = 0; i < status.segment_count; i++)
        printf("  segment-%08x %14" PRIu64 " bytes\n", (unsigned)status.segments[i].number,
               (uint64_t)status.segments[i].bytes);
    return true;
}

bool show_info(const char *path, const struct settings *settings, apr_pool_t *pool)
{
    char text[EC_JLOG_POSITION_TEXT];
    ec_jlog_status_t status;

    if (!get_status(&status, path, pool))
        return false;
    printf("%s\n  %-20s %u bytes\n", path, "segment size", (unsigned)status.segment_size);
    printf("  %-20s %d\n", "segments", status.segment_count);
    printf("  %-20s %" PRIu64 " bytes\n", "on disk", (uint64_t)status.bytes);
    printf("  %-20s %s\n", "first", ec_jlog_position_text(text, status.first));
    printf("  %-20s %s\n", "end", ec_jlog_position_text(text, status.end));
    printf("  %-20s %d\n", "subscribers", status.subscriber_count);
    return true;
}

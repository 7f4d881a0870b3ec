/* status.c - looking at a journal, and its subscribers by name
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>
#include <apr_tables.h>

#include "log/jlog/segment.h"
#include "log/jlog/subscribers.h"

/* ---- status ------------------------------------------------------------------------ */

static void add_segment(void *baton, apr_uint32_t number)
{
    APR_ARRAY_PUSH((apr_array_header_t *)baton, ec_jlog_segment_t) = (ec_jlog_segment_t){ number, 0 };
}

static int by_number(const void *a, const void *b)
{
    apr_uint32_t first = ((const ec_jlog_segment_t *)a)->number,
                 second = ((const ec_jlog_segment_t *)b)->number;

    return (first > second) - (first < second);
}

/* One that is removed meanwhile has no bytes. */
static apr_status_t add_segments(apr_array_header_t *list, const struct jlog_folder *folder)
{
    ec_jlog_segment_t *all;

    EC_TRY(jlog_folder_each_segment(folder, add_segment, list));
    all = (ec_jlog_segment_t *)list->elts;
    qsort(all, (size_t)list->nelts, sizeof *all, by_number);
    for (int i = 0; i < list->nelts; i++) {
        struct jlog_segment segment;
        apr_status_t rv = jlog_segment_open(&segment, folder, all[i].number);

        if (rv == APR_SUCCESS) {
            all[i].bytes = jlog_segment_size(&segment);
            jlog_segment_close(&segment);
        } else if (!APR_STATUS_IS_ENOENT(rv)) {
            return rv;
        }
    }
    return APR_SUCCESS;
}

struct subscribers_search {
    apr_array_header_t *list;
    const struct jlog_folder *folder;
    apr_status_t rv;
};

static void add_subscriber(void *baton, const char *name)
{
    struct subscribers_search *search = baton;
    ec_jlog_subscriber_t subscriber = { .name = apr_pstrdup(search->list->pool, name) };
    apr_status_t rv = jlog_subscriber_load(search->folder, name, &subscriber.position);

    if (rv == APR_SUCCESS || rv == EC_E_JLOG_DAMAGED) {
        subscriber.is_damaged = rv != APR_SUCCESS;
        APR_ARRAY_PUSH(search->list, ec_jlog_subscriber_t) = subscriber;
    } else if (rv != EC_E_NOT_FOUND) {
        search->rv = rv;
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const ec_jlog_subscriber_t *)a)->name, ((const ec_jlog_subscriber_t *)b)->name);
}

static apr_status_t add_subscribers(apr_array_header_t *list, const struct jlog_folder *folder)
{
    struct subscribers_search search = { list, folder, APR_SUCCESS };

    EC_TRY(jlog_folder_each(folder, JLOG_CHECKPOINT, add_subscriber, &search));
    qsort(list->elts, (size_t)list->nelts, sizeof(ec_jlog_subscriber_t), by_name);
    return search.rv;
}

static apr_uint64_t unread(const ec_jlog_status_t *status, ec_jlog_position_t from)
{
    apr_uint64_t bytes = 0;

    for (int i = 0; i < status->segment_count; i++) {
        const ec_jlog_segment_t *segment = &status->segments[i];

        if (segment->number > from.segment) {
            bytes += segment->bytes;
        } else if (segment->number == from.segment && segment->bytes > from.marker) {
            bytes += segment->bytes - from.marker;
        }
    }
    return bytes;
}

static void sum_up(ec_jlog_status_t *status, apr_array_header_t *segments, apr_array_header_t *subscribers)
{
    ec_jlog_subscriber_t *all = (ec_jlog_subscriber_t *)subscribers->elts;
    const ec_jlog_segment_t *first = (const ec_jlog_segment_t *)segments->elts;

    status->segments = first;
    status->segment_count = segments->nelts;
    status->subscribers = all;
    status->subscriber_count = subscribers->nelts;
    status->bytes = unread(status, (ec_jlog_position_t){ 0 });
    if (segments->nelts > 0) {
        const ec_jlog_segment_t *last = first + segments->nelts - 1;

        status->first = (ec_jlog_position_t){ first->number, 0 };
        status->end = (ec_jlog_position_t){ last->number, (apr_uint32_t)last->bytes };
    }
    for (int i = 0; i < subscribers->nelts; i++) {
        all[i].unread = unread(status, all[i].position);
    }
}

apr_status_t ec_jlog_status(ec_jlog_status_t *status, const char *path, const char **why, apr_pool_t *pool)
{
    apr_array_header_t *segments = apr_array_make(pool, 16, sizeof(ec_jlog_segment_t));
    apr_array_header_t *subscribers = apr_array_make(pool, 4, sizeof(ec_jlog_subscriber_t));
    struct jlog_folder folder;
    apr_status_t rv = jlog_folder_open(&folder, path, NULL);

    *status = (ec_jlog_status_t){ 0 };
    if (rv == APR_SUCCESS) {
        status->segment_size = folder.settings.segment_size;
        rv = add_subscribers(subscribers, &folder); /* first: none is then behind the end that we see */
        if (rv == APR_SUCCESS) {
            rv = add_segments(segments, &folder);
        }
        jlog_folder_close(&folder);
    }
    if (rv != APR_SUCCESS) {
        *why = jlog_folder_why(rv, path, pool);
        return rv;
    }
    sum_up(status, segments, subscribers);
    return APR_SUCCESS;
}

/* ---- changes, with the lock -------------------------------------------------------- */

struct change {
    const char *path, *name;
    int at_end;
};

typedef apr_status_t change_fn(const struct jlog_folder *folder, const struct change *change);

static apr_status_t do_locked(change_fn *fn, const struct change *change, const char **why, apr_pool_t *pool)
{
    struct jlog_folder folder;
    apr_status_t rv = jlog_folder_open(&folder, change->path, NULL);

    if (rv == APR_SUCCESS) {
        rv = jlog_folder_lock(&folder, JLOG_PATIENCE);
        if (rv == APR_SUCCESS) {
            rv = fn(&folder, change);
            jlog_folder_unlock(&folder);
        }
        jlog_folder_close(&folder);
    }
    if (rv == EC_E_NOT_FOUND) {
        *why = apr_psprintf(pool, "the journal %s has no subscriber \"%s\"", change->path, change->name);
    } else if (APR_STATUS_IS_EEXIST(rv)) {
        *why =
            apr_psprintf(pool, "the journal %s has a subscriber \"%s\" already", change->path, change->name);
    } else if (rv != APR_SUCCESS) {
        *why = jlog_folder_why(rv, change->path, pool);
    }
    return rv;
}

/* Behind the last whole record; with the lock nobody writes. */
static apr_status_t find_end(ec_jlog_position_t *end, const struct jlog_folder *folder)
{
    struct jlog_extent extent;
    struct jlog_segment segment;
    ec_jlog_record_t record;
    jlog_found_t found;
    apr_status_t rv;

    EC_TRY(jlog_folder_extent(&extent, folder, 0));
    *end = (ec_jlog_position_t){ extent.count > 0 ? extent.last : 1, 0 };
    if (extent.count == 0) {
        return APR_SUCCESS;
    }
    EC_TRY(jlog_segment_open(&segment, folder, extent.last));
    while ((rv = jlog_segment_next(&segment, end->marker, &found, &record)) == APR_SUCCESS &&
           found == JLOG_FOUND) {
        *end = record.ends;
    }
    jlog_segment_close(&segment);
    return rv;
}

static apr_status_t add(const struct jlog_folder *folder, const struct change *change)
{
    ec_jlog_position_t end;

    if (change->at_end) {
        EC_TRY(find_end(&end, folder));
    }
    return jlog_subscriber_add(folder, change->name, change->at_end ? &end : NULL);
}

apr_status_t ec_jlog_subscriber_add(const char *path, const char *name, int at_end, const char **why,
                                    apr_pool_t *pool)
{
    if (!jlog_is_name(name)) {
        *why = apr_psprintf(
            pool,
            "\"%s\" is no name for a subscriber: up to %d letters, digits and \"-_.@:\", without '.' "
            "at the beginning",
            name, EC_JLOG_NAME_MAX);
        return APR_EINVAL;
    }
    return do_locked(add, &(struct change){ path, name, at_end }, why, pool);
}

static apr_status_t erase(const struct jlog_folder *folder, const struct change *change)
{
    EC_TRY(jlog_subscriber_remove(folder, change->name));
    return jlog_trim(folder);
}

apr_status_t ec_jlog_subscriber_remove(const char *path, const char *name, const char **why, apr_pool_t *pool)
{
    return do_locked(erase, &(struct change){ path, name, 0 }, why, pool);
}

static apr_status_t clean(const struct jlog_folder *folder, const struct change *change)
{
    return jlog_trim(folder);
}

apr_status_t ec_jlog_clean(const char *path, const char **why, apr_pool_t *pool)
{
    return do_locked(clean, &(struct change){ path, "", 0 }, why, pool);
}

/* subscribers.c - who reads a journal, how far each is, and what nobody needs any more
 * SPDX-License-Identifier: Apache-2.0 */
#include "log/jlog/subscribers.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const char *file_name(char buffer[JLOG_NAME], const char *name)
{
    snprintf(buffer, JLOG_NAME, JLOG_CHECKPOINT "%s", name);
    return buffer;
}

apr_status_t jlog_subscriber_load(const struct jlog_folder *folder, const char *name,
                                  ec_jlog_position_t *position)
{
    char file[JLOG_NAME], text[JLOG_TEXT];
    apr_size_t length;
    apr_status_t rv;

    *position = (ec_jlog_position_t){ 0 };
    if (!jlog_is_name(name)) {
        return EC_E_NOT_FOUND;
    }
    rv = jlog_folder_read(folder, file_name(file, name), text, &length);
    if (rv != APR_SUCCESS) {
        return APR_STATUS_IS_ENOENT(rv) ? EC_E_NOT_FOUND : rv;
    }
    if (!jlog_checkpoint_read(position, text, length)) {
        *position = (ec_jlog_position_t){ 0 };
        return EC_E_JLOG_DAMAGED;
    }
    return APR_SUCCESS;
}

apr_status_t jlog_subscriber_store(const struct jlog_folder *folder, const char *name,
                                   ec_jlog_position_t position)
{
    char file[JLOG_NAME], text[JLOG_TEXT];

    return jlog_folder_replace(folder, file_name(file, name), text,
                               (apr_size_t)jlog_checkpoint_write(text, position));
}

apr_status_t jlog_subscriber_add(const struct jlog_folder *folder, const char *name,
                                 const ec_jlog_position_t *position)
{
    ec_jlog_position_t there, begin;
    struct jlog_extent extent;
    apr_status_t rv = jlog_subscriber_load(folder, name, &there);

    if (rv != EC_E_NOT_FOUND) {
        return rv == APR_SUCCESS || rv == EC_E_JLOG_DAMAGED ? EEXIST : rv;
    }
    EC_TRY(jlog_folder_extent(&extent, folder, 0));
    begin = (ec_jlog_position_t){ extent.count > 0 ? extent.first : 1, 0 };
    return jlog_subscriber_store(folder, name, position != NULL ? *position : begin);
}

apr_status_t jlog_subscriber_remove(const struct jlog_folder *folder, const char *name)
{
    char file[JLOG_NAME];

    if (!jlog_is_name(name)) {
        return EC_E_NOT_FOUND;
    }
    if (unlinkat(folder->fd, file_name(file, name), 0) != 0) {
        return errno == ENOENT ? EC_E_NOT_FOUND : errno;
    }
    return jlog_folder_sync(folder);
}

/* ---- trimming ---------------------------------------------------------------------- */

struct bounds_search {
    struct jlog_bounds *bounds;
    const struct jlog_folder *folder;
    apr_status_t rv;
};

static void add_bound(void *baton, const char *name)
{
    struct bounds_search *search = baton;
    struct jlog_bounds *bounds = search->bounds;
    ec_jlog_position_t position;
    apr_status_t rv = jlog_subscriber_load(search->folder, name, &position);

    if (rv == EC_E_NOT_FOUND) {
        return; /* not the name of one */
    }
    if (rv != APR_SUCCESS && rv != EC_E_JLOG_DAMAGED) {
        search->rv = rv;
        return;
    }
    if (bounds->count == 0 || jlog_is_before(position, bounds->min)) {
        bounds->min = position;
    }
    if (bounds->count++ == 0 || jlog_is_before(bounds->max, position)) {
        bounds->max = position;
    }
}

apr_status_t jlog_subscriber_bounds(struct jlog_bounds *bounds, const struct jlog_folder *folder)
{
    struct bounds_search search = { bounds, folder, APR_SUCCESS };

    *bounds = (struct jlog_bounds){ 0 };
    EC_TRY(jlog_folder_each(folder, JLOG_CHECKPOINT, add_bound, &search));
    return search.rv;
}

struct trim {
    const struct jlog_folder *folder;
    apr_uint32_t keep; /* this and what follows */
    apr_status_t rv;
};

static void drop_segment(void *baton, apr_uint32_t number)
{
    struct trim *trim = baton;
    apr_status_t rv = number < trim->keep ? jlog_folder_unlink_segment(trim->folder, number) : APR_SUCCESS;

    if (rv != APR_SUCCESS) {
        trim->rv = rv;
    }
}

apr_status_t jlog_trim(const struct jlog_folder *folder)
{
    struct jlog_bounds bounds;
    struct jlog_extent extent;
    struct trim trim = { folder, 0, APR_SUCCESS };

    EC_TRY(jlog_subscriber_bounds(&bounds, folder));
    EC_TRY(jlog_folder_extent(&extent, folder, 0));
    trim.keep = bounds.count > 0 && bounds.min.segment < extent.last ? bounds.min.segment : extent.last;
    if (extent.count == 0 || extent.first >= trim.keep) {
        return APR_SUCCESS;
    }
    EC_TRY(jlog_folder_each_segment(folder, drop_segment, &trim));
    return trim.rv;
}

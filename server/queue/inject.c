/* inject.c - messages of modules
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/inject.h>

#include <stdlib.h>
#include <string.h>

#include <apr_strings.h>

#include "queue/inside.h"
#include "util/text.h"

struct module_injection {
    ec_batch_t *batch;
    ec_injected_fn *done;
    void *baton;
    apr_status_t rv;
    ec_post_t post;
};

ec_batch_t *ec_batch_create(void)
{
    ec_batch_t *batch = batch_create(ec_loop_now(ec_loop_self()), "internal");

    EC_ASSERT(batch != NULL);
    batch->is_own = 1;
    batch->flags |= EC_BATCH_INTERNAL;
    return batch;
}

/* ---- body -------------------------------------------------------------------------------------- */

static apr_status_t append(ec_batch_t *batch, const char *data, apr_size_t length)
{
    const conf_view_t *global = conf_global(conf_current());
    body_limits_t limits = {
        .block_size = (apr_size_t)conf_int(global, CONF_O_GROWBUF_SIZE),
        .large_threshold = (apr_size_t)conf_int(global, CONF_O_LARGE_MESSAGE_THRESHOLD),
        .large_dir = queue_spool != NULL ? spool_large_dir(queue_spool) : NULL,
    };

    return length > 0 ? batch_body_append(batch, &limits, data, length) : APR_SUCCESS;
}

static apr_status_t end_header(ec_batch_t *batch)
{
    if (batch->has_header) {
        return APR_SUCCESS;
    }
    batch->has_header = 1;
    return append(batch, "\r\n", 2);
}

static void note_8bit(ec_batch_t *batch, const char *data, apr_size_t length)
{
    for (apr_size_t i = 0; i < length; i++) {
        if (data[i] & 0x80) {
            batch->flags |= EC_BATCH_8BIT;
            return;
        }
    }
}

apr_status_t ec_batch_append(ec_batch_t *batch, const void *data, apr_size_t len)
{
    const char *at = data, *end = at + len;

    if (!batch->is_own || batch->is_sealed) {
        return EC_E_DENIED;
    }
    EC_TRY(end_header(batch));
    note_8bit(batch, data, len);
    while (at < end) {
        apr_size_t n = 0;

        while (at + n < end && at[n] != '\r' && at[n] != '\n') {
            n++;
        }
        EC_TRY(append(batch, at, n));
        at += n;
        if (at < end && *at++ == '\n') {
            EC_TRY(append(batch, "\r\n", 2));
        }
    }
    return APR_SUCCESS;
}

/* ---- on its way --------------------------------------------------------------------------------- */

static apr_status_t add_missing(ec_batch_t *batch)
{
    char text[EC_ID_TEXT + 300], date[UTIL_DATE_TEXT], id[EC_ID_TEXT], host[256], have[8];

    if (ec_header_get(batch, "Date", 0, have, sizeof have) == EC_E_NOT_FOUND) {
        EC_TRY(ec_header_add(batch, "Date", util_text_mail_date(date, batch->received)));
    }
    if (ec_header_get(batch, "Message-ID", 0, have, sizeof have) == EC_E_NOT_FOUND) {
        queue_hostname(host, sizeof host);
        ec_id_text(batch->id, id);
        for (char *p = id; *p != '\0'; p++) {
            *p = *p == '/' ? '.' : *p;
        }
        apr_snprintf(text, sizeof text, "<%s@%s>", id, host);
        EC_TRY(ec_header_add(batch, "Message-ID", text));
    }
    return APR_SUCCESS;
}

static apr_status_t make_ready(ec_batch_t *batch)
{
    if (queue_spool == NULL || queue_sets == NULL) {
        return EC_E_BUSY;
    }
    if (batch->n_rcpts == 0) {
        return EC_E_SYNTAX;
    }
    EC_TRY(end_header(batch));
    return add_missing(batch);
}

static void on_refused(void *baton)
{
    struct module_injection *injection = baton;

    ec_batch_unref(injection->batch);
    if (injection->done != NULL) {
        injection->done(injection->baton, injection->rv);
    }
    free(injection);
}

static void on_stored(void *baton, apr_status_t rv)
{
    struct module_injection *injection = baton;

    if (injection->done != NULL) {
        injection->done(injection->baton, rv);
    }
    free(injection);
}

void ec_batch_inject(ec_batch_t *batch, ec_injected_fn *done, void *baton)
{
    struct module_injection *injection = calloc(1, sizeof *injection);
    ec_loop_t *loop = ec_loop_self();

    EC_ASSERT(injection != NULL && loop != NULL && batch->is_own && !batch->is_sealed);
    *injection = (struct module_injection){ .batch = batch, .done = done, .baton = baton };
    injection->rv = make_ready(batch);
    if (injection->rv != APR_SUCCESS) {
        ec_loop_post(loop, &injection->post, on_refused, injection);
    } else {
        queue_inject(loop, batch, NULL, 0, on_stored, injection);
    }
}

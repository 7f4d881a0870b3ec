/* syncer.c - large bodies: written if need be, synced, then passed to the writer
 * SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "spool/syncer.h"

struct spool_syncer {
    spool_t *spool;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    spool_queue_t queue;
    int is_ending;
};

char *spool_large_path(const spool_t *spool, ec_id_t id, char path[SPOOL_PATH])
{
    char name[BATCH_LARGE_NAME];

    snprintf(path, SPOOL_PATH, "%s/%s", spool->large_dir, batch_large_name(id, name));
    return path;
}

int spool_is_large(const spool_t *spool, const spool_request_t *request)
{
    return request->verb == SPOOL_STORE &&
           (ec_batch_is_large(request->batch) || request->batch->body.size > spool->inline_max);
}

spool_large_t *spool_large_of(const spool_request_t *request)
{
    return request->verb == SPOOL_STORE ? request->post.baton : NULL;
}

void spool_large_finish(spool_request_t *request, apr_status_t rv)
{
    spool_large_t *large = spool_large_of(request);

    if (large == NULL) {
        return;
    }
    if (large->path != NULL && rv != APR_SUCCESS) {
        unlink(large->path);
    }
    free(large->path);
    free(large);
    request->post.baton = NULL;
}

static apr_status_t sync_fd(const spool_t *spool, int fd)
{
    return spool->is_synced && spool->io->fdatasync(fd) != 0 ? errno : APR_SUCCESS;
}

static apr_status_t sync_body(const spool_t *spool, spool_request_t *request)
{
    const body_t *body = &request->batch->body;
    spool_large_t *large = calloc(1, sizeof *large);
    batch_file_t file;
    apr_status_t rv;

    if (large == NULL) {
        return APR_ENOMEM;
    }
    request->post.baton = large;
    if (body->fd >= 0) {
        large->crc = body->crc;
        return sync_fd(spool, body->fd);
    }
    EC_TRY(batch_body_write(request->batch, spool->large_dir, &file));
    large->crc = file.crc;
    large->path = file.path;
    rv = sync_fd(spool, file.fd);
    close(file.fd);
    return rv;
}

/* Each body, then the directory once, then on to the writer. */
static void pass_on(spool_t *spool, spool_queue_t *todo)
{
    spool_queue_t synced = { NULL, NULL, 0 };
    spool_request_t *request;
    apr_status_t rv;

    while ((request = spool_queue_pop(todo)) != NULL) {
        rv = sync_body(spool, request);
        if (rv == APR_SUCCESS) {
            spool_queue_push(&synced, request);
        } else {
            ec_log_rv(spool->log, EC_LOG_ERROR, rv, "large body can not be stored dir=%s", spool->large_dir);
            spool_complete(spool, request, rv);
        }
    }
    rv = synced.first != NULL && spool->is_synced ? spool_io_sync_dir(spool->large_dir) : APR_SUCCESS;
    while ((request = spool_queue_pop(&synced)) != NULL) {
        if (rv == APR_SUCCESS) {
            spool_push(spool, request);
        } else {
            spool_complete(spool, request, rv);
        }
    }
}

static void *syncer_main(void *baton)
{
    spool_syncer_t *syncer = baton;

    pthread_mutex_lock(&syncer->lock);
    for (;;) {
        spool_queue_t todo = syncer->queue;

        if (todo.first != NULL) {
            syncer->queue = (spool_queue_t){ NULL, NULL, 0 };
            pthread_mutex_unlock(&syncer->lock);
            pass_on(syncer->spool, &todo);
            pthread_mutex_lock(&syncer->lock);
        } else if (syncer->is_ending) {
            break;
        } else {
            pthread_cond_wait(&syncer->wake, &syncer->lock);
        }
    }
    pthread_mutex_unlock(&syncer->lock);
    return NULL;
}

void spool_syncer_push(spool_t *spool, spool_request_t *request)
{
    spool_syncer_t *syncer = spool->syncer;

    pthread_mutex_lock(&syncer->lock);
    spool_queue_push(&syncer->queue, request);
    pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->lock);
}

apr_status_t spool_syncer_start(spool_t *spool)
{
    spool_syncer_t *syncer = calloc(1, sizeof *syncer);

    if (syncer == NULL) {
        return APR_ENOMEM;
    }
    syncer->spool = spool;
    pthread_mutex_init(&syncer->lock, NULL);
    pthread_cond_init(&syncer->wake, NULL);
    if (pthread_create(&syncer->thread, NULL, syncer_main, syncer) != 0) {
        free(syncer);
        return EAGAIN;
    }
    spool->syncer = syncer;
    return APR_SUCCESS;
}

void spool_syncer_stop(spool_t *spool)
{
    spool_syncer_t *syncer = spool->syncer;

    if (syncer == NULL) {
        return;
    }
    pthread_mutex_lock(&syncer->lock);
    syncer->is_ending = 1;
    pthread_cond_signal(&syncer->wake);
    pthread_mutex_unlock(&syncer->lock);
    pthread_join(syncer->thread, NULL);
    pthread_mutex_destroy(&syncer->lock);
    pthread_cond_destroy(&syncer->wake);
    free(syncer);
    spool->syncer = NULL;
}

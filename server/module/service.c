/* service.c - what modules offer to each other (ec/service.h)
 * SPDX-License-Identifier: Apache-2.0
 *
 * A place has at most one offer in force, behind an atomic pointer; the offer is memory of its instance,
 * which stays until every loop has passed a turn.  All offers that were made and whose instances live hang at
 * their place, so that start can see what comes. */
#include "module/service.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct offer {
    struct offer *next; /* of the same place, latest first */
    struct ec_service *place;
    const ec_instance_t *instance;
    int version, is_begun;
    const void *functions;
    void *self;
};

struct ec_service {
    ec_service_t *next;
    _Atomic(struct offer *) in_force;
    struct offer *offers;
    char name[];
};

static struct {
    pthread_mutex_t lock; /* of the list of places; the rest is the master loop's */
    ec_service_t *places;
} services = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local int is_starting_here;

ec_service_t *ec_service(const char *name)
{
    size_t length = strlen(name) + 1;
    ec_service_t *place;

    pthread_mutex_lock(&services.lock);
    for (place = services.places; place != NULL && strcmp(place->name, name) != 0;)
        place = place->next;
    if (place == NULL) {
        place = calloc(1, sizeof(*place) + length);
        EC_ASSERT(place != NULL);
        memcpy(place->name, name, length);
        place->next = services.places;
        services.places = place;
    }
    pthread_mutex_unlock(&services.lock);
    return place;
}

/* The latest offer of those that have begun. */
static void choose(ec_service_t *place)
{
    struct offer *offer = place->offers;

    while (offer != NULL && !offer->is_begun)
        offer = offer->next;
    atomic_store_explicit(&place->in_force, offer, memory_order_release);
}

/* The instance has stopped, or never came into force. */
static apr_status_t forget_offer(void *data)
{
    struct offer *offer = data, **at = &offer->place->offers;

    while (*at != offer)
        at = &(*at)->next;
    *at = offer->next;
    choose(offer->place);
    return APR_SUCCESS;
}

void ec_service_offer(const ec_instance_t *instance, const char *name, int version, const void *functions,
                      void *self)
{
    struct offer *offer = apr_pcalloc(instance->pool, sizeof(*offer));

    EC_ASSERT(version > 0 && functions != NULL);
    offer->place = ec_service(name);
    offer->instance = instance;
    offer->version = version;
    offer->functions = functions;
    offer->self = self;
    offer->next = offer->place->offers;
    offer->place->offers = offer;
    apr_pool_pre_cleanup_register(instance->pool, offer, forget_offer);
}

const void *ec_service_get(const ec_service_t *service, int version, void **self)
{
    struct offer *offer = atomic_load_explicit(&((ec_service_t *)service)->in_force, memory_order_acquire);

    if (is_starting_here && service->offers != NULL)
        offer = service->offers;
    if (offer == NULL || offer->version < version)
        return NULL;
    *self = offer->self;
    return offer->functions;
}

void service_starting(int is_starting)
{
    is_starting_here = is_starting;
}

static ec_service_t *first_place(void)
{
    ec_service_t *place;

    pthread_mutex_lock(&services.lock); /* new ones come in front of it */
    place = services.places;
    pthread_mutex_unlock(&services.lock);
    return place;
}

static void set_begun(const ec_instance_t *instance, int is_begun)
{
    for (ec_service_t *place = first_place(); place != NULL; place = place->next) {
        for (struct offer *offer = place->offers; offer != NULL; offer = offer->next)
            offer->is_begun = offer->instance == instance ? is_begun : offer->is_begun;
        choose(place);
    }
}

void service_begin(const ec_instance_t *instance)
{
    set_begun(instance, 1);
}

void service_end(const ec_instance_t *instance)
{
    set_begun(instance, 0);
}

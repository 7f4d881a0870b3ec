/* counter.c - one row of numbers per thread
 * SPDX-License-Identifier: Apache-2.0
 *
 * Only its owner writes a row, by a relaxed load and store (a plain add in machine
 * code, without a lock prefix); readers load.  Rows begin on a cache line of their
 * own, so two loops never write the same line. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <ec/status.h>

#include "stats/counter.h"

enum { COUNTERS = 1024, CACHE_LINE = 64 };

struct ec_counter {
    unsigned index;
    char *name;
    char *help;
};

struct row {
    _Alignas(CACHE_LINE) _Atomic apr_int64_t values[COUNTERS];
    struct row *next; /* all rows; never changes once linked */
    int is_owned;     /* under registry_lock */
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static ec_counter_t counters[COUNTERS];          /* in order of making: pointers stay good */
static ec_counter_t *counters_by_name[COUNTERS]; /* in order of name */
static unsigned n_counters;

static struct row shared_row;
static struct row *_Atomic rows = &shared_row;
static _Thread_local struct row *own_row;

/* ---- registry ---------------------------------------------------------------- */

/* Place of `name` in the order of names; *is_there says whether it is taken. */
static unsigned find_place(const char *name, int *is_there)
{
    unsigned low = 0, high = n_counters;

    *is_there = 0;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        int order = strcmp(name, counters_by_name[middle]->name);

        if (order == 0) {
            *is_there = 1;
            return middle;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static ec_counter_t *make_at(unsigned place, const char *name, const char *help)
{
    ec_counter_t *counter = &counters[n_counters];

    EC_ASSERT(n_counters < COUNTERS);
    counter->index = n_counters;
    counter->name = strdup(name);
    counter->help = strdup(help);
    EC_ASSERT(counter->name != NULL && counter->help != NULL);
    memmove(counters_by_name + place + 1, counters_by_name + place,
            (n_counters - place) * sizeof counters_by_name[0]);
    counters_by_name[place] = counter;
    n_counters++;
    return counter;
}

ec_counter_t *ec_counter(const char *name, const char *help)
{
    ec_counter_t *counter;
    unsigned place;
    int is_there;

    pthread_mutex_lock(&registry_lock);
    place = find_place(name, &is_there);
    counter = is_there ? counters_by_name[place] : make_at(place, name, help);
    pthread_mutex_unlock(&registry_lock);
    return counter;
}

void ec_counter_each(ec_counter_each_fn *each, void *baton)
{
    ec_counter_t *seen[COUNTERS]; /* a copy, so that `each` may take its time */
    unsigned count;

    pthread_mutex_lock(&registry_lock);
    count = n_counters;
    memcpy(seen, counters_by_name, count * sizeof seen[0]);
    pthread_mutex_unlock(&registry_lock);
    for (unsigned i = 0; i < count; i++) {
        each(baton, seen[i]->name, seen[i]->help, ec_counter_value(seen[i]));
    }
}

/* ---- rows ----------------------------------------------------------------------- */

void counter_thread_begin(void)
{
    struct row *row;

    EC_ASSERT(own_row == NULL);
    pthread_mutex_lock(&registry_lock);
    for (row = atomic_load(&rows); row != NULL && (row->is_owned || row == &shared_row); row = row->next) {
    }
    if (row == NULL) {
        row = aligned_alloc(CACHE_LINE, sizeof *row);
        EC_ASSERT(row != NULL);
        memset(row, 0, sizeof *row);
        row->next = atomic_load(&rows);
        atomic_store(&rows, row);
    }
    row->is_owned = 1;
    pthread_mutex_unlock(&registry_lock);
    own_row = row;
}

void counter_thread_end(void)
{
    EC_ASSERT(own_row != NULL);
    pthread_mutex_lock(&registry_lock);
    own_row->is_owned = 0;
    pthread_mutex_unlock(&registry_lock);
    own_row = NULL;
}

void ec_counter_add(ec_counter_t *counter, apr_int64_t n)
{
    struct row *row = own_row;

    if (row != NULL) {
        _Atomic apr_int64_t *value = &row->values[counter->index];

        atomic_store_explicit(value, atomic_load_explicit(value, memory_order_relaxed) + n,
                              memory_order_relaxed);
    } else {
        atomic_fetch_add_explicit(&shared_row.values[counter->index], n, memory_order_relaxed);
    }
}

apr_int64_t ec_counter_value(const ec_counter_t *counter)
{
    apr_int64_t sum = 0;

    for (struct row *row = atomic_load(&rows); row != NULL; row = row->next) {
        sum += atomic_load_explicit(&row->values[counter->index], memory_order_relaxed);
    }
    return sum;
}

/* slot.h - data of a module's own at a connection, a message, or a loop
 * SPDX-License-Identifier: Apache-2.0
 *
 * A slot is a place of the module's type.  Declare it once, keep it in the instance struct, name it in init:
 *
 *     struct seen { int commands; };
 *     EC_SLOT_TYPE(seen_slot, struct seen)
 *
 *     struct watch { seen_slot_t seen; };
 *     ... init:  seen_slot_init(&watch->seen, instance, NULL);
 *     ... hook:  seen_slot_of_conn(&watch->seen, conn)->commands++;
 *
 * The data is made, all zero, when it is first asked for, and ends with what it is kept at.  It belongs to the
 * module's instance by name: after a reload the new instance finds what the old one has left, so it may not point
 * into an instance.  The new instance may be of new code: a layout that has changed needs another name (another size is
 * another slot). */
#ifndef EC_SLOT_H
#define EC_SLOT_H

#include <ec/conn.h>
#include <ec/message.h>
#include <ec/module.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ec_slot_kind ec_slot_kind_t;
typedef struct {
    ec_slot_kind_t *kind;
} ec_slot_t;

/** The data is about to end: release what it holds.  On the thread that ends the connection or message: the loop of the
 * connection; any thread for a message. */
typedef void ec_slot_end_fn(void *data);

/** Name a slot of `size` bytes; `end` may be NULL.  Copies the texts.  Master loop, in init.  EC_SLOT_TYPE does it with
 * the type. */
void ec_slot_init(ec_slot_t *slot, const ec_instance_t *instance, const char *name, apr_size_t size, ec_slot_end_fn *end);

/** The data at a connection; made when it is not there.  Never NULL.  Loop of the connection, or whoever was given the
 * connection by EC_SUSPEND. */
void *ec_conn_slot(ec_conn_t *conn, const ec_slot_t *slot);

/** The data at a batch; made when it is not there and the batch is not stored yet, else NULL.  Like the batch itself
 * it is in memory only: what shall be there after a restart, or after a long wait, goes into the context
 * (context.h).  From its store on a batch is read by many threads: the data is then constant, or guards itself. */
void *ec_batch_slot(ec_batch_t *batch, const ec_slot_t *slot);

#define EC_SLOT_TYPE(name, type)                                                                        \
    typedef struct {                                                                                    \
        ec_slot_t slot;                                                                                 \
    } name##_t;                                                                                         \
    __attribute__((unused)) static inline void name##_init(name##_t *of_, const ec_instance_t *instance_, \
                                                           ec_slot_end_fn *end_)                         \
    {                                                                                                   \
        ec_slot_init(&of_->slot, instance_, #name, sizeof(type), end_);                                    \
    }                                                                                                   \
    __attribute__((unused)) static inline type *name##_of_conn(const name##_t *of_, ec_conn_t *conn_)     \
    {                                                                                                   \
        return (type *)ec_conn_slot(conn_, &of_->slot);                                                   \
    }                                                                                                   \
    __attribute__((unused)) static inline type *name##_of_batch(const name##_t *of_, ec_batch_t *batch_)  \
    {                                                                                                   \
        return (type *)ec_batch_slot(batch_, &of_->slot);                                                 \
    }

/* ---- loops -------------------------------------------------------------------------- */

typedef struct {
    char *data;
    apr_size_t stride;
} ec_loop_slot_t;

/** `size` bytes for every loop, all zero, in the instance's pool, each on cache lines of its own.  Master loop, in init.
 * They end with the instance: `stop` can look at all of them. */
void ec_loop_slot_init(ec_loop_slot_t *slot, const ec_instance_t *instance, apr_size_t size);

#define EC_LOOP_SLOT_TYPE(name, type)                                                                        \
    typedef struct {                                                                                         \
        ec_loop_slot_t slot;                                                                                 \
    } name##_t;                                                                                              \
    __attribute__((unused)) static inline void name##_init(name##_t *of_, const ec_instance_t *instance_)      \
    {                                                                                                        \
        ec_loop_slot_init(&of_->slot, instance_, sizeof(type));                                                \
    }                                                                                                        \
    /* of the loop that runs */                                                                              \
    __attribute__((unused)) static inline type *name##_here(const name##_t *of_)                              \
    {                                                                                                        \
        return (type *)(void *)(of_->slot.data + of_->slot.stride * (apr_size_t)ec_loop_index(ec_loop_self())); \
    }                                                                                                        \
    __attribute__((unused)) static inline type *name##_at(const name##_t *of_, int index_)                     \
    {                                                                                                        \
        return (type *)(void *)(of_->slot.data + of_->slot.stride * (apr_size_t)index_);                        \
    }

#ifdef __cplusplus
}
#endif
#endif

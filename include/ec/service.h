/* service.h - what one module offers to others
 * SPDX-License-Identifier: Apache-2.0
 *
 * A service is a constant struct of functions with a name and a version.  The struct is declared in a header of
 * the module that offers it, beside the macros of its name and version; nobody links anybody:
 *
 *     provider, in init:  ec_service_offer(instance, GREET_SERVICE, GREET_VERSION, &functions, self);
 *     user, in init:      user->greet = ec_service(GREET_SERVICE);
 *     user, anywhere:     const greet_t *greet = ec_service_get(user->greet, 1, &of);
 *                         if (greet != NULL) greet->hello(of);
 *
 * A higher version has more functions at the end of the struct and keeps those that were there; what can not be kept gets
 * another name.
 *
 * Order: who can not do without another module says so in its manifest (msys.requires), so that that one is loaded when it
 * is.  init of all instances comes before start of the first, so what was offered in init is there in
 * start, whatever the order of the stanzas is.
 *
 * Reload: when the instance that offers is replaced, the new one's offer takes its place between two events, and the
 * old instance ends when every loop has passed a turn.  So ask again in each callback and keep nothing of a service
 * beyond it, unless the service says that it may be kept.  The new one may be of new code: the same name and version is
 * the same struct.  When nobody offers, the answer is NULL: users live with that. */
#ifndef EC_SERVICE_H
#define EC_SERVICE_H

#include <ec/module.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A place for a service; lives as long as the process. */
typedef struct ec_service ec_service_t;

/** The place of this name (any text), made when it is new.  Not on the mail path: keep it.  Any thread. */
ec_service_t *ec_service(const char *name);

/** Offer `functions`, which are called with `self`.  Keeps both until the instance has stopped.  Comes into force with the
 * instance's hooks.  Of several instances that offer the same name the latest has it.  `version` is 1 or more.
 * Master loop, in init or start. */
void ec_service_offer(const ec_instance_t *instance, const char *name, int version, const void *functions, void *self);

/** The functions, if `version` or a higher one is offered, else NULL; `*self` is what to call them with.  One atomic read.
 * On a loop, valid until the callback ends; in start also what is offered by instances that are about to come into
 * force. */
const void *ec_service_get(const ec_service_t *service, int version, void **self);

#ifdef __cplusplus
}
#endif
#endif

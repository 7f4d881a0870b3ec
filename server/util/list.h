/* list.h - doubly linked list whose links are inside the items
 * SPDX-License-Identifier: Apache-2.0
 *
 * A ring with a head: an empty head points at itself, a link outside any list is all
 * zero or points at itself.  Nothing is allocated.  Thread: the owner's. */
#ifndef UTIL_LIST_H
#define UTIL_LIST_H

#include <stddef.h>

typedef struct util_link util_link_t;
struct util_link {
    util_link_t *next, *prev;
};
typedef util_link_t util_list_t;

/** The struct of `type` that has `pointer` as its `member`. */
#define UTIL_OWNER(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/** `for` head over all links; the current one may be removed (and freed) in the body. */
#define UTIL_LIST_EACH(link, list)                                                     \
    for (util_link_t *link = (list)->next, *link##_next_ = link->next; link != (list); \
         link = link##_next_, link##_next_ = link->next)

static inline void util_list_init(util_list_t *list)
{
    list->next = list->prev = list;
}

static inline int util_list_is_empty(const util_list_t *list)
{
    return list->next == list;
}

static inline int util_link_is_linked(const util_link_t *link)
{
    return link->next != NULL && link->next != link;
}

static inline void util_list_insert_after(util_link_t *place, util_link_t *link)
{
    link->prev = place;
    link->next = place->next;
    place->next->prev = link;
    place->next = link;
}

static inline void util_list_add_first(util_list_t *list, util_link_t *link)
{
    util_list_insert_after(list, link);
}

static inline void util_list_add_last(util_list_t *list, util_link_t *link)
{
    util_list_insert_after(list->prev, link);
}

/** Does nothing to a link that is in no list. */
static inline void util_list_remove(util_link_t *link)
{
    if (link->next != NULL) {
        link->next->prev = link->prev;
        link->prev->next = link->next;
    }
    link->next = link->prev = NULL;
}

/** First link, or NULL. */
static inline util_link_t *util_list_first(const util_list_t *list)
{
    return list->next == list ? NULL : list->next;
}

/** Last link, or NULL. */
static inline util_link_t *util_list_last(const util_list_t *list)
{
    return list->prev == list ? NULL : list->prev;
}

/** Takes the first link out and returns it, or NULL. */
static inline util_link_t *util_list_take_first(util_list_t *list)
{
    util_link_t *link = util_list_first(list);

    if (link != NULL) {
        util_list_remove(link);
    }
    return link;
}

#endif

/* keys.c - items by key, in the order of the keys and in the order of their use
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include <ec/status.h>

#include "series/keys.h"
#include "util/hash.h"

void keys_init(keys_t *keys)
{
    keys->root = NULL;
    keys->count = 0;
    util_list_init(&keys->use);
}

static int compare(const struct keys_item *item, const void *key, apr_size_t length)
{
    if (item->length != length)
        return item->length < length ? -1 : 1;
    return memcmp(item->key, key, length);
}

void *keys_find(const keys_t *keys, const void *key, apr_size_t length)
{
    struct keys_item *item = keys->root;

    while (item != NULL) {
        int order = compare(item, key, length);

        if (order == 0)
            return item;
        item = order < 0 ? item->right : item->left;
    }
    return NULL;
}

/* The first with compare() of `least` or more. */
static void *first_from(const keys_t *keys, const void *key, apr_size_t length, int least)
{
    struct keys_item *item = keys->root, *best = NULL;

    while (item != NULL) {
        if (compare(item, key, length) >= least) {
            best = item;
            item = item->left;
        } else {
            item = item->right;
        }
    }
    return best;
}

void *keys_from(const keys_t *keys, const void *key, apr_size_t length)
{
    return first_from(keys, key, length, 0);
}

void *keys_after(const keys_t *keys, const void *key, apr_size_t length)
{
    return first_from(keys, key, length, 1);
}

/* What is before the item's key becomes its left side, what is after it the right one. */
static void split(struct keys_item *tree, struct keys_item *item)
{
    struct keys_item **left = &item->left, **right = &item->right;

    while (tree != NULL) {
        if (compare(tree, item->key, item->length) < 0) {
            *left = tree;
            left = &tree->right;
            tree = tree->right;
        } else {
            *right = tree;
            right = &tree->left;
            tree = tree->left;
        }
    }
    *left = *right = NULL;
}

/* Of two trees, all of one before all of the other. */
static struct keys_item *join(struct keys_item *left, struct keys_item *right)
{
    struct keys_item *root = NULL, **at = &root;

    while (left != NULL && right != NULL) {
        if (left->weight > right->weight) {
            *at = left;
            at = &left->right;
            left = left->right;
        } else {
            *at = right;
            at = &right->left;
            right = right->left;
        }
    }
    *at = left != NULL ? left : right;
    return root;
}

void *keys_add(keys_t *keys, apr_size_t size, const void *key, apr_size_t length)
{
    struct keys_item *item = calloc(1, size + length), **at = &keys->root;

    EC_ASSERT(item != NULL);
    memcpy((char *)item + size, key, length);
    item->key = (unsigned char *)item + size;
    item->length = length;
    item->weight = util_hash(util_hash_seed(), key, length);
    while (*at != NULL && (*at)->weight > item->weight)
        at = compare(*at, key, length) < 0 ? &(*at)->right : &(*at)->left;
    split(*at, item);
    *at = item;
    util_list_add_last(&keys->use, &item->use);
    keys->count++;
    return item;
}

void keys_use(keys_t *keys, struct keys_item *item)
{
    util_list_remove(&item->use);
    util_list_add_last(&keys->use, &item->use);
}

static void *item_of(util_link_t *link)
{
    return link != NULL ? UTIL_OWNER(link, struct keys_item, use) : NULL;
}

void *keys_oldest(const keys_t *keys)
{
    return item_of(util_list_first(&keys->use));
}

void *keys_next_used(const keys_t *keys, struct keys_item *item)
{
    return item_of(item->use.next != &keys->use ? item->use.next : NULL);
}

void keys_remove(keys_t *keys, struct keys_item *item)
{
    struct keys_item **at = &keys->root;

    while (*at != item)
        at = compare(*at, item->key, item->length) < 0 ? &(*at)->right : &(*at)->left;
    *at = join(item->left, item->right);
    util_list_remove(&item->use);
    keys->count--;
    free(item);
}

void keys_clear(keys_t *keys)
{
    util_link_t *link;

    while ((link = util_list_take_first(&keys->use)) != NULL)
        free(UTIL_OWNER(link, struct keys_item, use));
    keys_init(keys);
}

/* SPDX-License-Identifier: MIT */
#ifndef TURBO__BASE_LIST_H
#define TURBO__BASE_LIST_H

/*
 * An intrusive, doubly linked, circular list. The head is a node of its own; an unlinked node
 * points to itself. One thread at a time.
 */

#include <stdbool.h>

typedef struct turbo__list {
    struct turbo__list *next;
    struct turbo__list *prev;
} turbo__list;

static inline void turbo__list_init(turbo__list *node)
{
    node->next = node;
    node->prev = node;
}

static inline bool turbo__list_empty(const turbo__list *head)
{
    return head->next == head;
}

/** Unlinks `node`; harmless when it is in no list. */
static inline void turbo__list_remove(turbo__list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    turbo__list_init(node);
}

/** Links the unlinked `node` in as the last of `head`. */
static inline void turbo__list_append(turbo__list *head, turbo__list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

#endif

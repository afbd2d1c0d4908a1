/* SPDX-License-Identifier: MIT */
#include "base/list.h"

#include <stddef.h>

#include <criterion/criterion.h>

#include "base/compat.h"

typedef struct item {
    int number;
    turbo__list link;
} item;

static int digits_of(const turbo__list *head)
{
    int digits = 0;
    int backwards = 0;
    int place = 1;
    for (turbo__list *at = head->next; at != head; at = at->next) {
        digits = digits * 10 + turbo__container_of(at, item, link)->number;
    }
    for (turbo__list *at = head->prev; at != head; at = at->prev) {
        backwards += place * turbo__container_of(at, item, link)->number;
        place *= 10;
    }
    cr_assert_eq(digits, backwards, "both directions agree");
    return digits;
}

Test(list, keeps_order)
{
    turbo__list head;
    item items[4];
    turbo__list_init(&head);
    cr_assert(turbo__list_empty(&head));
    for (int i = 0; i < 4; i++) {
        items[i].number = i + 1;
        turbo__list_init(&items[i].link);
        turbo__list_append(&head, &items[i].link);
    }
    cr_assert_eq(digits_of(&head), 1234);
    turbo__list_remove(&items[1].link);
    cr_assert_eq(digits_of(&head), 134);
    turbo__list_remove(&items[1].link); /* in no list: harmless */
    cr_assert_eq(digits_of(&head), 134);
    turbo__list_append(&head, &items[1].link);
    cr_assert_eq(digits_of(&head), 1342);
    for (int i = 0; i < 4; i++) {
        cr_assert_not(turbo__list_empty(&head));
        turbo__list_remove(&items[i].link);
    }
    cr_assert(turbo__list_empty(&head));
}

#include "lookup.h"

#include <stdint.h>

#include "base/str.h"

enum { FIRST_ROOM = 64 }; /* a power of two, as it stays; at most half of it is used */

/* FNV-1a. */
static size_t hash_of(const char *name) {
    uint64_t hash = 14695981039346656037U;
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 1099511628211U;
    }
    return (size_t)(hash ^ hash >> 32);
}

/* Where the name is, or belongs. */
static struct lookup_slot *slot_of(const struct lookup *lookup, const char *name) {
    size_t at = hash_of(name) & (lookup->room - 1);
    while (lookup->slots[at].name != NULL && !str_equal(lookup->slots[at].name, name)) {
        at = (at + 1) & (lookup->room - 1);
    }
    return &lookup->slots[at];
}

static void grow(struct lookup *lookup) {
    struct lookup before = *lookup;
    lookup->room = before.room == 0 ? FIRST_ROOM : 2 * before.room;
    lookup->slots = arena_array(lookup->arena, lookup->room, sizeof *lookup->slots);
    for (size_t i = 0; i < before.room; i++) {
        if (before.slots[i].name != NULL) {
            *slot_of(lookup, before.slots[i].name) = before.slots[i];
        }
    }
}

void lookup_add(struct lookup *lookup, const char *name, size_t number) {
    if (2 * (lookup->count + 1) > lookup->room) {
        grow(lookup);
    }
    *slot_of(lookup, name) = (struct lookup_slot){name, number};
    lookup->count++;
}

bool lookup_find(const struct lookup *lookup, const char *name, size_t *ret_number) {
    const struct lookup_slot *slot = name == NULL || lookup->room == 0 ? NULL : slot_of(lookup, name);
    if (slot == NULL || slot->name == NULL) {
        return false;
    }
    *ret_number = slot->number;
    return true;
}

#ifndef GP_CONFIG_LOOKUP_H
#define GP_CONFIG_LOOKUP_H

/* Numbers by name, found in the same time however many there are. Names are borrowed; its memory is the arena's. */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct lookup {
    struct arena *arena;
    struct lookup_slot {
        const char *name; /* NULL = free */
        size_t number;
    } * slots;
    size_t room, count;
};

/* The number of the name, which must be new. */
void lookup_add(struct lookup *lookup, const char *name, size_t number);
/* False if there is none. `name` may be NULL. */
bool lookup_find(const struct lookup *lookup, const char *name, size_t *ret_number);

#endif

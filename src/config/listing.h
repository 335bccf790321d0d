#ifndef GP_SRC_CONFIG_LISTING_H
#define GP_SRC_CONFIG_LISTING_H

#include "table.h"

enum { LISTING_MAX = 64 };

/* Every table once, in the order in which the file meets them, with the path where it is met first. */
struct listing {
    const struct table *tables[LISTING_MAX];
    char *paths[LISTING_MAX]; /* owned; "projects.NAME.steps[]" */
    size_t count;
};

void listing_init(struct listing *listing);
void listing_finish(struct listing *listing);

#endif

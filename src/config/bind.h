#ifndef GP_SRC_CONFIG_BIND_H
#define GP_SRC_CONFIG_BIND_H

/*
 * Puts a tree of nodes into a struct config, as the tables say. Everything that is wrong is reported and the
 * rest is bound all the same: an element of an array is there even if all of it is wrong, so that the n-th
 * element of a struct's array always belongs to the n-th item of its node.
 */

#include <regex.h>

#include "document.h"
#include "table.h"

/* A name that must exist somewhere else in the configuration. */
struct reference {
    enum refers to;
    const char *name;
    const char *path; /* "environments.production.room" */
    struct problem_place place;
};

struct binder {
    struct arena *arena;   /* of the config */
    struct arena *scratch; /* until it is checked */
    struct config_problems *problems;
    const char *folder;
    struct reference *references;
    size_t reference_count;
    regex_t rules[RULE_COUNT];
    bool compiled[RULE_COUNT];
    size_t compared; /* pairs of letters, in search of what was meant */
};

void bind_config(struct binder *binder, const struct node *root, struct config *config);
void bind_finish(struct binder *binder);

/* " (did you mean 'x'?)", or "" if nothing is near, or if so much was searched already that it would take too long. */
const char *bind_did_you_mean(struct binder *binder, const char *word, const char *const *candidates, size_t count);

#endif

#ifndef GP_SRC_CONFIG_CHECK_H
#define GP_SRC_CONFIG_CHECK_H

/*
 * What a table cannot say: names that must exist, settings that exclude each other, steps without machines.
 * Called once everything was bound, with whatever could be bound: the n-th element of an array belongs to the
 * n-th item of its node.
 */

#include "bind.h"

void check_config(struct binder *binder, const struct node *root, struct config *config);

/* check_project.c: one project and its steps. `node` is its mapping, or whatever stands there instead. */
void check_project(struct binder *binder, const struct config *config, struct config_project *project,
                   const struct node *node);

/* check_guided.c: a guided_failure section; `path` is that of its owner. */
void check_guided(struct binder *binder, const struct config_guided *guided, const struct node *owner,
                  const char *path);
/* check_guided.c: warns of environments where a question can be asked that nobody may end. */
void check_answerable(struct binder *binder, const struct config *config, const struct node *root);

/* Where the value of a key is, or else the map itself. */
struct problem_place check_place(const struct node *map, const char *key);

/* Reports each that has the same text, but for case, as an earlier one in the file. Sorts the items. */
struct check_unique {
    const char *text;
    const char *path;
    struct problem_place place;
};
void check_unique(struct binder *binder, struct check_unique *items, size_t count);

#endif

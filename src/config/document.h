#ifndef GP_SRC_CONFIG_DOCUMENT_H
#define GP_SRC_CONFIG_DOCUMENT_H

/*
 * YAML text as a tree of nodes that know where they stand. The tree is built from libyaml's events and not
 * by its own loader, because a bomb must be refused before its tree exists: nodes and bytes are counted as if
 * every alias were written out, and depth is measured the same way. An alias then is the anchored node itself.
 *
 * Refused here, whatever the keys mean: tags, merge keys, duplicate keys, keys that are not plain text,
 * NUL bytes, broken UTF-8, a second document, and more than base/limits.h allows.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "problem.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    struct problem_place place;
    enum node_kind kind : 8;
    bool plain;         /* a scalar without quotes, which can be a number, true, false or nothing */
    bool duplicate;     /* a key that is there already; only while the document is read */
    uint8_t height;     /* 1 for a scalar */
    uint32_t total;     /* nodes in it, aliases written out */
    uint32_t bytes;     /* of all its texts, the same way */
    uint32_t count;     /* of items, and of the keys of a map */
    const char *text;   /* of a scalar */
    struct node **keys; /* of a map, always scalars */
    struct node **items;
};

/* Returns the root, which is a map, or NULL after telling why. With `may_be_empty` NULL can also mean that
 * there is nothing in the text but comments. `text` is only read; the tree lives in the arena. */
struct node *document_read(struct arena *arena, const char *name, const char *text, size_t size, bool may_be_empty,
                           struct config_problems *problems);

/* Adds what `other` sets to `base`, two levels deep (sections and their names) and lists at their end. What both
 * set is an error that names both places. */
void document_merge(struct arena *arena, struct node *base, const struct node *other, struct config_problems *problems);

/* The value of a key, or NULL. `map` may be NULL or of another kind. */
struct node *node_get(const struct node *map, const char *key);

/* A plain scalar that stands for nothing: "key:", "key: ~", "key: null". */
bool node_is_nothing(const struct node *node);

#endif

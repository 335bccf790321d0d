#ifndef GP_SRC_CONFIG_BIND_VALUE_H
#define GP_SRC_CONFIG_BIND_VALUE_H

/* Single values: everything that is no mapping or list of further fields. */

#include "bind.h"

/* Where a value is, for messages: a chain on the stack, written out only when there is something to say. */
struct path {
    const struct path *parent; /* NULL at the top */
    const char *key;           /* NULL in a list */
    size_t index;
};

void bind_report(struct binder *binder, const struct path *path, const struct node *node, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* What stands there instead of what was expected: "'eighty'", "a list", "nothing". */
const char *bind_describe(const struct binder *binder, const struct node *node);

/* True if the text keeps to a rule; reports otherwise. */
bool bind_rule(struct binder *binder, enum rule_id id, const struct path *path, const struct node *node);

/* Binds a field of a simple type into the struct at `base`. */
void bind_value(struct binder *binder, const struct field *field, void *base, const struct path *path,
                const struct node *node);

#endif

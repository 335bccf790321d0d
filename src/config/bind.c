#include "bind.h"

#include <string.h>

#include "base/str.h"
#include "bind_value.h"

enum { CANDIDATES_MAX = 300, COMPARED_MAX = 10 * 1000 * 1000 };

static void bind_defaults(struct binder *binder, const struct table *table, void *base);
static void bind_fields(struct binder *binder, const struct table *table, void *base, const struct path *path,
                        const struct node *node);

void bind_config(struct binder *binder, const struct node *root, struct config *config) {
    bind_defaults(binder, &table_root, config);
    bind_fields(binder, &table_root, config, NULL, root);
}

void bind_finish(struct binder *binder) {
    for (size_t i = 0; i < RULE_COUNT; i++) {
        if (binder->compiled[i]) {
            regfree(&binder->rules[i]);
            binder->compiled[i] = false;
        }
    }
}

const char *bind_did_you_mean(struct binder *binder, const char *word, const char *const *candidates, size_t count) {
    size_t searched = count < CANDIDATES_MAX ? count : CANDIDATES_MAX;
    for (size_t i = 0; i < searched; i++) {
        binder->compared += strlen(word) * strlen(candidates[i]);
    }
    if (problem_full(binder->problems) || binder->compared > COMPARED_MAX) {
        return "";
    }
    const char *nearest = str_nearest(word, candidates, searched);
    return nearest == NULL ? "" : arena_printf(binder->scratch, " (did you mean '%s'?)", nearest);
}

static void *at(void *base, size_t offset) {
    return (char *)base + offset;
}

/* What a field holds when the file does not say it. */
static void bind_left_out(struct binder *binder, const struct field *field, void *base) {
    if (field->inherits) {
        if (field->type == FIELD_NUMBER) {
            *(int *)at(base, field->offset) = -1;
        } else if (field->type == FIELD_DURATION) {
            *(int64_t *)at(base, field->offset) = -1;
        }
        return;
    }
    if (field->fallback == NULL) {
        return;
    }
    struct node node = {.kind = NODE_SCALAR, .plain = true, .text = field->fallback};
    if (field->type == FIELD_NAMES) {
        char *rest = arena_strdup(binder->scratch, field->fallback);
        node = (struct node){.kind = NODE_LIST};
        for (char *word = strtok_r(rest, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
            struct node *item = arena_alloc(binder->scratch, sizeof *item);
            *item = (struct node){.kind = NODE_SCALAR, .text = word};
            node.items = arena_push(binder->scratch, node.items, node.count, sizeof(struct node *));
            node.items[node.count++] = item;
        }
    }
    bind_value(binder, field, base, NULL, &node);
}

/* Before a table is read, so that a section that is not there has its values too. */
static void bind_defaults(struct binder *binder, const struct table *table, void *base) {
    for (const struct field *field = table->fields; field->key != NULL; field++) {
        if (field->type == FIELD_TABLE) {
            bind_defaults(binder, field->table, at(base, field->offset));
        } else {
            bind_left_out(binder, field, base);
        }
    }
}

static bool expect_map(struct binder *binder, const struct path *path, const struct node *node) {
    if (node->kind == NODE_MAP) {
        return true;
    }
    bind_report(binder, path, node, "expected a mapping, got %s%s", bind_describe(binder, node),
                node_is_nothing(node) ? " (write {} for an empty one)" : "");
    return false;
}

static void *add_element(struct binder *binder, const struct field *field, void *base) {
    void **array = at(base, field->offset);
    size_t *count = at(base, field->count_offset);
    *array = arena_push(binder->arena, *array, *count, field->table->size);
    void *element = (char *)*array + *count * field->table->size;
    memset(element, 0, field->table->size);
    (*count)++;
    bind_defaults(binder, field->table, element);
    return element;
}

static void bind_map(struct binder *binder, const struct field *field, void *base, const struct path *path,
                     const struct node *node) {
    if (!expect_map(binder, path, node)) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct path below = {.parent = path, .key = node->keys[i]->text};
        void *element = add_element(binder, field, base);
        (void)bind_rule(binder, RULE_NAME, &below, node->keys[i]);
        *(const char **)element = arena_strdup(binder->arena, node->keys[i]->text);
        bind_fields(binder, field->table, element, &below, node->items[i]);
    }
}

static void bind_list(struct binder *binder, const struct field *field, void *base, const struct path *path,
                      const struct node *node) {
    if (node->kind != NODE_LIST) {
        bind_report(binder, path, node, "expected a list, got %s", bind_describe(binder, node));
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct path below = {.parent = path, .index = i};
        bind_fields(binder, field->table, add_element(binder, field, base), &below, node->items[i]);
    }
}

static void bind_field(struct binder *binder, const struct field *field, void *base, const struct path *path,
                       const struct node *node) {
    if (field->type == FIELD_TABLE) {
        if (field->count_offset != 0) {
            *(bool *)at(base, field->count_offset) = true;
        }
        bind_fields(binder, field->table, at(base, field->offset), path, node);
    } else if (field->type == FIELD_MAP) {
        bind_map(binder, field, base, path, node);
    } else if (field->type == FIELD_LIST) {
        bind_list(binder, field, base, path, node);
    } else {
        bind_value(binder, field, base, path, node);
    }
}

static void report_unknown(struct binder *binder, const struct table *table, const struct path *path,
                           const struct node *key) {
    const char *candidates[64];
    size_t count = 0;
    for (const struct field *field = table->fields; field->key != NULL && count < 64; field++) {
        candidates[count++] = field->key;
    }
    bind_report(binder, path, key, "unknown key%s", bind_did_you_mean(binder, key->text, candidates, count));
}

static void bind_fields(struct binder *binder, const struct table *table, void *base, const struct path *path,
                        const struct node *node) {
    if (!expect_map(binder, path, node)) {
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const char *key = node->keys[i]->text;
        const struct path below = {.parent = path, .key = key};
        const struct field *field = table->fields;
        while (field->key != NULL && !str_equal(field->key, key)) {
            field++;
        }
        if (field->key != NULL) {
            bind_field(binder, field, base, &below, node->items[i]);
        } else if (path != NULL || !str_starts(key, "x-")) {
            report_unknown(binder, table, &below, node->keys[i]);
        }
    }
    for (const struct field *field = table->fields; field->key != NULL; field++) {
        if (field->required && node_get(node, field->key) == NULL) {
            bind_report(binder, path, node, "missing key '%s'", field->key);
        }
    }
}

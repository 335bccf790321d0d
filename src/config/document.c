#include "document.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "base/limits.h"
#include "base/str.h"

enum {
    ANCHORS_MAX = 100, /* they are searched one by one */
    BYTES_MAX = 2 * LIMIT_CONFIG_BYTES,
};

struct anchor {
    const char *name;
    struct node *node; /* NULL while it is still being read */
};

struct composer {
    yaml_parser_t parser;
    struct arena *arena;
    struct config_problems *problems;
    const char *name;
    const char *text;
    size_t size;
    size_t total, bytes;
    struct anchor *anchors;
    size_t anchor_count;
};

static struct node *compose(struct composer *composer, const yaml_event_t *event, unsigned depth);

static struct problem_place place_at(const struct composer *composer, yaml_mark_t mark) {
    return (struct problem_place){composer->name, (unsigned)mark.line + 1, (unsigned)mark.column + 1};
}

static void step_over(struct problem_place *place, char c) {
    if (c == '\n') {
        place->line++;
        place->column = 1;
    } else if (((unsigned char)c & 0xc0) != 0x80) {
        place->column++;
    }
}

/* The reader of libyaml tells only the offset of a byte that it does not like. */
static struct problem_place place_of_byte(const struct composer *composer, size_t offset) {
    struct problem_place place = {composer->name, 1, 1};
    for (size_t i = 0; i < offset && i < composer->size; i++) {
        step_over(&place, composer->text[i]);
    }
    return place;
}

static char character_at(const struct composer *composer, yaml_mark_t mark) {
    struct problem_place wanted = place_at(composer, mark), place = {composer->name, 1, 1};
    for (size_t i = 0; i < composer->size; i++) {
        if (place.line == wanted.line && place.column == wanted.column) {
            return composer->text[i];
        }
        step_over(&place, composer->text[i]);
    }
    return '\0';
}

/* What to write instead where a character stands that YAML keeps for itself. */
static const char *syntax_hint(const struct composer *composer) {
    const yaml_parser_t *parser = &composer->parser;
    if (parser->context != NULL && strstr(parser->context, "an alias") != NULL) {
        return " (a text that begins with * must be quoted: \"*\")";
    }
    switch (character_at(composer, parser->problem_mark)) {
    case '\t':
        return " (indent with blanks, not with tabs)";
    case '@':
    case '`':
    case '%':
        return " (a text that begins with @, ` or % must be quoted)";
    default:
        return "";
    }
}

static void report_syntax(struct composer *composer) {
    const yaml_parser_t *parser = &composer->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "cannot be read";
    if (parser->error == YAML_READER_ERROR) {
        problem_error(composer->problems, place_of_byte(composer, parser->problem_offset), "%s", problem);
    } else if (parser->problem != NULL) {
        problem_error(composer->problems, place_at(composer, parser->problem_mark), "%s%s%s%s", problem,
                      parser->context != NULL ? " " : "", parser->context != NULL ? parser->context : "",
                      syntax_hint(composer));
    } else {
        problem_error(composer->problems, (struct problem_place){composer->name, 0, 0}, "%s", problem);
    }
}

static bool next_event(struct composer *composer, yaml_event_t *event) {
    if (yaml_parser_parse(&composer->parser, event)) {
        return true;
    }
    report_syntax(composer);
    return false;
}

/* Counts a node, or all nodes of an alias, against the limits. */
static bool admit(struct composer *composer, struct problem_place place, const struct node *node, unsigned depth) {
    if (depth > LIMIT_CONFIG_DEPTH) {
        problem_error(composer->problems, place, "nested deeper than %d levels", LIMIT_CONFIG_DEPTH);
        return false;
    }
    composer->total += node->total;
    composer->bytes += node->bytes;
    if (composer->total > LIMIT_CONFIG_NODES || composer->bytes > BYTES_MAX) {
        problem_error(composer->problems, place, "too large: more than %d values or %d bytes, aliases written out",
                      LIMIT_CONFIG_NODES, BYTES_MAX);
        return false;
    }
    return true;
}

/* `extra` bytes behind the node are for the text of a scalar: a small file of many values takes little memory. */
static struct node *create_node(struct composer *composer, enum node_kind kind, const yaml_event_t *event,
                                size_t extra) {
    struct node *node = arena_alloc(composer->arena, sizeof *node + extra);
    node->kind = kind;
    node->height = 1;
    node->total = 1;
    node->place = place_at(composer, event->start_mark);
    return node;
}

/* Remembers the place of an anchor; its node is filled in when it is complete, so that it cannot contain itself. */
static size_t open_anchor(struct composer *composer, const yaml_char_t *name) {
    composer->anchors =
        arena_push(composer->arena, composer->anchors, composer->anchor_count, sizeof *composer->anchors);
    composer->anchors[composer->anchor_count] =
        (struct anchor){.name = arena_strdup(composer->arena, (const char *)name)};
    return composer->anchor_count++;
}

static struct node *compose_alias(struct composer *composer, const yaml_event_t *event, unsigned depth) {
    const char *name = (const char *)event->data.alias.anchor;
    struct problem_place place = place_at(composer, event->start_mark);
    for (size_t i = composer->anchor_count; i-- > 0;) {
        const struct anchor *anchor = &composer->anchors[i];
        if (!str_equal(anchor->name, name)) {
            continue;
        }
        if (anchor->node == NULL) {
            problem_error(composer->problems, place, "*%s stands inside the value that it names", name);
            return NULL;
        }
        if (!admit(composer, place, anchor->node, depth + anchor->node->height - 1)) {
            return NULL;
        }
        return anchor->node;
    }
    problem_error(composer->problems, place,
                  "there is no anchor &%s before this (a text that begins with * must be quoted)", name);
    return NULL;
}

static struct node *compose_scalar(struct composer *composer, const yaml_event_t *event, unsigned depth) {
    size_t length = event->data.scalar.length;
    struct node *node = create_node(composer, NODE_SCALAR, event, length + 1);
    memcpy(node + 1, event->data.scalar.value, length);
    node->text = (const char *)(node + 1);
    node->bytes = (uint32_t)length;
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    if (strlen(node->text) != length) {
        problem_error(composer->problems, node->place, "a text cannot contain a NUL byte");
        return NULL;
    }
    return admit(composer, node->place, node, depth) ? node : NULL;
}

static void append(struct arena *arena, struct node *node, struct node *key, struct node *item) {
    if (key != NULL) {
        node->keys = arena_push(arena, node->keys, node->count, sizeof(struct node *));
        node->keys[node->count] = key;
        node->total += key->total;
        node->bytes += key->bytes;
    }
    node->items = arena_push(arena, node->items, node->count, sizeof(struct node *));
    node->items[node->count++] = item;
    node->total += item->total;
    node->bytes += item->bytes;
    if (node->height <= item->height) {
        node->height = (uint8_t)(item->height + 1);
    }
}

static struct node *compose_list(struct composer *composer, const yaml_event_t *start, unsigned depth) {
    struct node *node = create_node(composer, NODE_LIST, start, 0);
    if (!admit(composer, node->place, node, depth)) {
        return NULL;
    }
    for (;;) {
        yaml_event_t event;
        if (!next_event(composer, &event)) {
            return NULL;
        }
        if (event.type == YAML_SEQUENCE_END_EVENT) {
            yaml_event_delete(&event);
            return node;
        }
        struct node *item = compose(composer, &event, depth + 1);
        yaml_event_delete(&event);
        if (item == NULL) {
            return NULL;
        }
        append(composer->arena, node, NULL, item);
    }
}

static int compare_keys(const void *left, const void *right) {
    const struct node *a = *(struct node *const *)left, *b = *(struct node *const *)right;
    int order = strcmp(a->text, b->text);
    if (order != 0) {
        return order;
    }
    return a->place.line != b->place.line ? (a->place.line < b->place.line ? -1 : 1)
                                          : (a->place.column < b->place.column ? -1 : 1);
}

/* Reports them and drops them, so that a map has each key once whatever the file says. */
static void remove_duplicates(struct composer *composer, struct node *map) {
    if (map->count < 2) {
        return;
    }
    struct node **sorted = arena_array(composer->arena, map->count, sizeof(struct node *));
    memcpy(sorted, map->keys, map->count * sizeof(struct node *));
    qsort(sorted, map->count, sizeof(struct node *), compare_keys);
    for (size_t i = 1; i < map->count; i++) {
        if (str_equal(sorted[i - 1]->text, sorted[i]->text)) {
            sorted[i]->duplicate = true;
            problem_error(composer->problems, sorted[i]->place, "%s: duplicate key (it is also in line %u)",
                          sorted[i]->text, sorted[i - 1]->place.line);
        }
    }
    uint32_t kept = 0;
    for (size_t i = 0; i < map->count; i++) {
        if (!map->keys[i]->duplicate) {
            map->keys[kept] = map->keys[i];
            map->items[kept++] = map->items[i];
        }
    }
    map->count = kept;
}

static bool check_key(struct composer *composer, const struct node *key) {
    if (key->kind != NODE_SCALAR) {
        problem_error(composer->problems, key->place, "a key must be a text");
        return false;
    }
    if (key->plain && str_equal(key->text, "<<")) {
        problem_error(composer->problems, key->place,
                      "merge keys (<<) are not supported; write the keys out, or let an alias stand for a whole value");
        return false;
    }
    return true;
}

static struct node *compose_map(struct composer *composer, const yaml_event_t *start, unsigned depth) {
    struct node *node = create_node(composer, NODE_MAP, start, 0);
    if (!admit(composer, node->place, node, depth)) {
        return NULL;
    }
    struct node *key = NULL;
    for (;;) {
        yaml_event_t event;
        if (!next_event(composer, &event)) {
            return NULL;
        }
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            remove_duplicates(composer, node);
            return node;
        }
        struct node *item = compose(composer, &event, depth + 1);
        yaml_event_delete(&event);
        if (item == NULL) {
            return NULL;
        }
        if (key != NULL) {
            append(composer->arena, node, key, item);
            key = NULL;
        } else if (check_key(composer, item)) {
            key = item;
        } else {
            return NULL;
        }
    }
}

/* What is said of a node by its event alone: its tag, which is refused, and its anchor. */
static bool event_marks(const yaml_event_t *event, const yaml_char_t **ret_anchor) {
    const yaml_char_t *tag = NULL;
    *ret_anchor = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        tag = event->data.scalar.tag;
        *ret_anchor = event->data.scalar.anchor;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        tag = event->data.sequence_start.tag;
        *ret_anchor = event->data.sequence_start.anchor;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        tag = event->data.mapping_start.tag;
        *ret_anchor = event->data.mapping_start.anchor;
    }
    return tag == NULL;
}

/* Builds the node that begins with an event and takes all its other events. */
static struct node *compose(struct composer *composer, const yaml_event_t *event, unsigned depth) {
    if (event->type == YAML_ALIAS_EVENT) {
        return compose_alias(composer, event, depth);
    }
    const yaml_char_t *name;
    if (!event_marks(event, &name)) {
        problem_error(composer->problems, place_at(composer, event->start_mark),
                      "tags (!...) are not supported (a text that begins with ! must be quoted)");
        return NULL;
    }
    if (name != NULL && composer->anchor_count == ANCHORS_MAX) {
        problem_error(composer->problems, place_at(composer, event->start_mark), "more than %d anchors", ANCHORS_MAX);
        return NULL;
    }
    size_t anchor = name != NULL ? open_anchor(composer, name) : 0;
    struct node *node = event->type == YAML_SCALAR_EVENT           ? compose_scalar(composer, event, depth)
                        : event->type == YAML_SEQUENCE_START_EVENT ? compose_list(composer, event, depth)
                                                                   : compose_map(composer, event, depth);
    if (node != NULL && name != NULL) {
        composer->anchors[anchor].node = node;
    }
    return node;
}

/* Takes the events around the root: stream and document starts before it, their ends after it. */
static struct node *compose_stream(struct composer *composer, bool *ret_empty) {
    struct node *root = NULL;
    *ret_empty = false;
    for (;;) {
        yaml_event_t event;
        if (!next_event(composer, &event)) {
            return NULL;
        }
        yaml_event_type_t type = event.type;
        struct problem_place place = place_at(composer, event.start_mark);
        bool is_node = type == YAML_ALIAS_EVENT || type == YAML_SCALAR_EVENT || type == YAML_SEQUENCE_START_EVENT ||
                       type == YAML_MAPPING_START_EVENT;
        bool second = type == YAML_DOCUMENT_START_EVENT && root != NULL;
        if (is_node) {
            root = compose(composer, &event, 1);
        }
        yaml_event_delete(&event);
        if (second) {
            problem_error(composer->problems, place, "a second document begins here; only one is allowed");
            return NULL;
        }
        if (is_node && root == NULL) {
            return NULL;
        }
        if (type == YAML_STREAM_END_EVENT) {
            *ret_empty = root == NULL || node_is_nothing(root);
            return root;
        }
    }
}

static bool check_bytes(const struct composer *composer) {
    struct problem_place place = {composer->name, 0, 0};
    if (composer->size > LIMIT_CONFIG_BYTES) {
        problem_error(composer->problems, place, "larger than %d bytes", LIMIT_CONFIG_BYTES);
        return false;
    }
    if (str_is_utf8(composer->text, composer->size)) {
        return true;
    }
    size_t start = 0;
    for (size_t i = 0; i <= composer->size; i++) {
        if (i == composer->size || composer->text[i] == '\n') {
            if (!str_is_utf8(composer->text + start, i - start)) {
                break;
            }
            start = i + 1;
        }
    }
    problem_error(composer->problems, place_of_byte(composer, start), "this line is not UTF-8 text");
    return false;
}

struct node *document_read(struct arena *arena, const char *name, const char *text, size_t size, bool may_be_empty,
                           struct config_problems *problems) {
    struct composer composer = {.arena = arena, .problems = problems, .name = name, .text = text, .size = size};
    if (!check_bytes(&composer)) {
        return NULL;
    }
    struct problem_place start = {name, 1, 1};
    if (!yaml_parser_initialize(&composer.parser)) {
        problem_error(problems, start, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&composer.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&composer.parser, (const unsigned char *)text, size);
    bool empty;
    struct node *root = compose_stream(&composer, &empty);
    yaml_parser_delete(&composer.parser);
    if (empty) {
        if (!may_be_empty) {
            problem_error(problems, start, "the file is empty");
        }
        return NULL;
    }
    if (root != NULL && root->kind != NODE_MAP) {
        problem_error(problems, root->place, "expected a mapping such as 'projects: ...' at the top");
        return NULL;
    }
    return root;
}

struct node *node_get(const struct node *map, const char *key) {
    if (map == NULL || map->kind != NODE_MAP) {
        return NULL;
    }
    for (size_t i = 0; i < map->count; i++) {
        if (str_equal(map->keys[i]->text, key)) {
            return map->items[i];
        }
    }
    return NULL;
}

bool node_is_nothing(const struct node *node) {
    return node->kind == NODE_SCALAR && node->plain &&
           (str_equal(node->text, "") || str_equal(node->text, "~") || str_equal(node->text, "null"));
}

static void report_twice(struct config_problems *problems, const struct node *second, const struct node *first) {
    problem_error(problems, second->place, "%s: already set at %s:%u:%u", second->text, first->place.file,
                  first->place.line, first->place.column);
}

/* Adds to one section, or to the root, what the other file sets in it. */
static void merge(struct arena *arena, struct node *base, const struct node *other, unsigned levels,
                  struct config_problems *problems) {
    for (size_t i = 0; i < other->count; i++) {
        struct node *key = other->keys[i], *item = other->items[i];
        size_t at = 0;
        while (at < base->count && !str_equal(base->keys[at]->text, key->text)) {
            at++;
        }
        if (at == base->count) {
            append(arena, base, key, item);
        } else if (levels > 1 && item->kind == NODE_MAP && base->items[at]->kind == NODE_MAP) {
            merge(arena, base->items[at], item, levels - 1, problems);
        } else if (levels > 1 && item->kind == NODE_LIST && base->items[at]->kind == NODE_LIST) {
            for (size_t k = 0; k < item->count; k++) {
                append(arena, base->items[at], NULL, item->items[k]);
            }
        } else if (levels == 1 || !str_starts(key->text, "x-")) {
            report_twice(problems, key, base->keys[at]);
        }
    }
}

void document_merge(struct arena *arena, struct node *base, const struct node *other,
                    struct config_problems *problems) {
    merge(arena, base, other, 2, problems);
}

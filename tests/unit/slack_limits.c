#include "slack_limits.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"

enum { IDS = 400, ALL_UNITS = 13200, VIEW_BYTES = 250000 };

static char broken[512];
static size_t all_units;
static const char *seen_blocks[IDS], *seen_actions[IDS];
static size_t seen_block_count, seen_action_count;

static bool breaks(const char *format, ...) PRINTF_LIKE(1, 2);

static bool breaks(const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (broken[0] == '\0') {
        (void)vsnprintf(broken, sizeof broken, format, args);
    }
    va_end(args);
    return false;
}

static size_t units_of(const char *text) {
    size_t units = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        units += (size_t)((*p & 0xC0) != 0x80) + (size_t)(*p >= 0xF0);
    }
    return units;
}

/* A string member of 1 to `most` units; one that is optional may be missing. */
static bool has_string(const struct json *node, const char *key, size_t most, bool optional) {
    const struct json *member = json_get(node, key);
    const char *text = json_string(member);
    if (text == NULL) {
        return (optional && member == NULL) || breaks("%s is no string", key);
    }
    if (text[strspn(text, " \n\t")] == '\0') {
        return breaks("%s is blank", key);
    }
    size_t units = units_of(text);
    all_units += units;
    return (units >= 1 && units <= most) || breaks("%s has %zu units, not 1 to %zu", key, units, most);
}

static bool is_known(const char *word, const char *const *words, size_t count) {
    for (size_t i = 0; i < count && word != NULL; i++) {
        if (str_equal(word, words[i])) {
            return true;
        }
    }
    return false;
}

static bool is_new(const char *id, const char **seen, size_t *count) {
    if (is_known(id, seen, *count)) {
        return breaks("%s is there twice", id);
    }
    if (*count == IDS) {
        return breaks("more ids than this test can remember");
    }
    seen[(*count)++] = id;
    return true;
}

static size_t id_end(const char *text) {
    return strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
}

/* How long a <...> is that may stand in mrkdwn; 0 = it may not. */
static size_t markup_size(const char *p) {
    static const char *const ids[] = {"<@", "<!subteam^"};
    for (size_t i = 0; i < 2; i++) {
        size_t head = strlen(ids[i]);
        if (strncmp(p, ids[i], head) == 0) {
            size_t id = id_end(p + head);
            return id > 0 && p[head + id] == '>' ? head + id + 1 : 0;
        }
    }
    if (strncmp(p, "<https://", 9) == 0 || strncmp(p, "<http://", 8) == 0) {
        size_t size = strcspn(p + 1, "<> \n");
        return p[1 + size] == '>' ? size + 2 : 0;
    }
    return 0;
}

static bool is_escaped(const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '<') {
            size_t size = markup_size(p);
            if (size == 0) {
                return breaks("markup that nobody wrote: %.60s", p);
            }
            p += size - 1;
        } else if (*p == '>') {
            return breaks("a > alone: %.60s", p);
        } else if (*p == '&' && !str_starts(p, "&amp;") && !str_starts(p, "&lt;") && !str_starts(p, "&gt;")) {
            return breaks("an & alone: %.60s", p);
        }
    }
    return true;
}

/* A text object; plain = mrkdwn is not allowed there. */
static bool is_text(const struct json *parent, const char *key, size_t most, bool plain) {
    const struct json *text = key == NULL ? parent : json_get(parent, key);
    const char *type = json_string(json_get(text, "type"));
    if (!json_is_object(text) || type == NULL) {
        return breaks("%s is no text object", key == NULL ? "element" : key);
    }
    if (!has_string(text, "text", most, false)) {
        return false;
    }
    if (str_equal(type, "mrkdwn")) {
        return !plain ? is_escaped(json_string(json_get(text, "text"))) : breaks("mrkdwn in %s", key);
    }
    return str_equal(type, "plain_text") || breaks("text of type %s", type);
}

static bool may_have_text(const struct json *parent, const char *key, size_t most) {
    return json_get(parent, key) == NULL || is_text(parent, key, most, true);
}

static bool is_style(const struct json *node) {
    static const char *const styles[] = {"primary", "danger"};
    const struct json *style = json_get(node, "style");
    return style == NULL || is_known(json_string(style), styles, 2) || breaks("a style that does not exist");
}

static bool is_confirm(const struct json *confirm) {
    return confirm == NULL ||
           (is_text(confirm, "title", 100, true) && is_text(confirm, "text", 300, true) &&
            is_text(confirm, "confirm", 30, true) && is_text(confirm, "deny", 30, true) && is_style(confirm));
}

static bool is_button(const struct json *button) {
    return is_text(button, "text", 75, true) && has_string(button, "url", 3000, true) &&
           has_string(button, "value", 2000, true) && has_string(button, "accessibility_label", 75, true) &&
           is_style(button) && is_confirm(json_get(button, "confirm"));
}

static bool are_options(const struct json *options, size_t most) {
    if (json_size(options) < 1 || json_size(options) > most) {
        return breaks("%zu options", json_size(options));
    }
    const char *values[100];
    size_t count = 0;
    for (const struct json *option = json_first(options); option != NULL; option = json_next(option)) {
        const char *value = json_string(json_get(option, "value"));
        if (!is_text(option, "text", 75, true) || !has_string(option, "value", 75, false) ||
            !may_have_text(option, "description", 75)) {
            return false;
        }
        if (is_known(value, values, count)) {
            return breaks("the option %s is there twice", value);
        }
        values[count++] = value;
    }
    return true;
}

static bool is_element(const struct json *element) {
    const char *type = json_string(json_get(element, "type"));
    if (!has_string(element, "action_id", 255, false) ||
        !is_new(json_string(json_get(element, "action_id")), seen_actions, &seen_action_count)) {
        return false;
    }
    if (str_equal(type, "button")) {
        return is_button(element);
    }
    if (str_equal(type, "radio_buttons")) {
        return are_options(json_get(element, "options"), 10);
    }
    if (str_equal(type, "multi_static_select") || str_equal(type, "static_select")) {
        return are_options(json_get(element, "options"), 100);
    }
    if (str_equal(type, "plain_text_input")) {
        int64_t most = json_int(json_get(element, "max_length"), 1);
        return (most >= 1 && most <= 3000) || breaks("max_length %lld", (long long)most);
    }
    return breaks("an element of type %s", type == NULL ? "?" : type);
}

typedef bool is_item(const struct json *item);

static bool are_items(const struct json *list, size_t most, is_item *is) {
    if (!json_is_array(list) || json_size(list) < 1 || json_size(list) > most) {
        return breaks("%zu elements, not 1 to %zu", json_size(list), most);
    }
    for (const struct json *item = json_first(list); item != NULL; item = json_next(item)) {
        if (!is(item)) {
            return false;
        }
    }
    return true;
}

static bool is_context_item(const struct json *item) {
    return is_text(item, NULL, 2000, false);
}

static bool is_rich_leaf(const struct json *item) {
    return str_equal(json_string(json_get(item, "type")), "text") ? has_string(item, "text", 3000, false)
                                                                  : breaks("rich text that is not text");
}

static bool is_rich_item(const struct json *item) {
    return str_equal(json_string(json_get(item, "type")), "rich_text_preformatted")
               ? are_items(json_get(item, "elements"), 10, is_rich_leaf)
               : breaks("rich text that is not preformatted");
}

static bool is_input(const struct json *block) {
    return is_text(block, "label", 2000, true) && may_have_text(block, "hint", 2000) &&
           is_element(json_get(block, "element"));
}

static bool is_block(const struct json *block) {
    const char *type = json_string(json_get(block, "type")), *id = json_string(json_get(block, "block_id"));
    seen_action_count = 0;
    if (!has_string(block, "block_id", 255, true) || (id != NULL && !is_new(id, seen_blocks, &seen_block_count))) {
        return false;
    }
    if (str_equal(type, "section")) {
        const struct json *accessory = json_get(block, "accessory");
        return is_text(block, "text", 3000, false) && (accessory == NULL || is_element(accessory));
    }
    if (str_equal(type, "context")) {
        return are_items(json_get(block, "elements"), 10, is_context_item);
    }
    if (str_equal(type, "actions")) {
        return are_items(json_get(block, "elements"), 25, is_element);
    }
    if (str_equal(type, "rich_text")) {
        return are_items(json_get(block, "elements"), 10, is_rich_item);
    }
    if (str_equal(type, "input")) {
        return is_input(block);
    }
    return breaks("a block of type %s", type == NULL ? "?" : type);
}

static bool are_blocks(const struct json *blocks, size_t most) {
    return json_is_array(blocks) && json_size(blocks) == 0 ? true : are_items(blocks, most, is_block);
}

static bool has_no(const struct json *blocks, const char *type) {
    for (const struct json *block = json_first(blocks); block != NULL; block = json_next(block)) {
        if (str_equal(json_string(json_get(block, "type")), type)) {
            return breaks("a message has a block of type %s", type);
        }
    }
    return true;
}

static bool is_message(const struct json *root) {
    bool fine = has_string(root, "text", 4000, false) && is_escaped(json_string(json_get(root, "text")));
    all_units = 0;
    const struct json *blocks = json_get(root, "blocks");
    fine = fine && are_blocks(blocks, 50) && has_no(blocks, "input");
    return fine && (all_units <= ALL_UNITS || breaks("%zu units in all blocks", all_units));
}

static bool is_view(const struct json *root) {
    return (str_equal(json_string(json_get(root, "type")), "modal") || breaks("it is no modal")) &&
           has_string(root, "callback_id", 255, false) && has_string(root, "private_metadata", 3000, false) &&
           is_text(root, "title", 24, true) && is_text(root, "submit", 24, true) && is_text(root, "close", 24, true) &&
           are_blocks(json_get(root, "blocks"), 100);
}

static const char *check(const char *json, bool (*is)(const struct json *root)) {
    struct json *root = NULL;
    struct err err;
    broken[0] = '\0';
    seen_block_count = seen_action_count = 0;
    if (json_parse(json, strlen(json), &root, &err) < 0) {
        (void)breaks("no JSON: %s", err.text);
        return broken;
    }
    bool fine = is(root);
    json_free(root);
    return fine ? NULL : broken;
}

const char *slack_limits_message(const char *json) {
    return check(json, is_message);
}

const char *slack_limits_view(const char *json) {
    return strlen(json) <= VIEW_BYTES ? check(json, is_view) : "it has more than 250 kB";
}

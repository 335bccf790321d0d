#include "block.h"

#include "base/limits.h"
#include "base/str.h"

void block_begin(struct json_out *out, const char *type) {
    json_object_begin(out, NULL);
    json_add_string(out, "type", type);
}

void block_write_section(struct text *text, struct json_out *out) {
    block_begin(out, "section");
    text_write(text, out, "text");
    json_object_end(out);
}

void block_write_context(struct text *text, struct json_out *out) {
    block_begin(out, "context");
    json_array_begin(out, "elements");
    text_write(text, out, NULL);
    json_array_end(out);
    json_object_end(out);
}

void block_write_output(const char *data, size_t size, struct json_out *out) {
    size_t blanks = 0;
    while (blanks < size && (data[blanks] == ' ' || data[blanks] == '\n' || data[blanks] == '\t')) {
        blanks++;
    }
    block_begin(out, "rich_text");
    json_array_begin(out, "elements");
    json_object_begin(out, NULL);
    json_add_string(out, "type", "rich_text_preformatted");
    json_array_begin(out, "elements");
    json_object_begin(out, NULL);
    json_add_string(out, "type", "text");
    json_add_bytes(out, "text", blanks < size ? data : "-", blanks < size ? size : 1);
    json_object_end(out);
    json_array_end(out);
    json_object_end(out);
    json_array_end(out);
    json_object_end(out);
}

void block_input_begin(const char *block, const char *label, bool optional, struct json_out *out) {
    json_object_begin(out, NULL);
    json_add_string(out, "type", "input");
    json_add_string(out, "block_id", block);
    json_add_bool(out, "optional", optional);
    text_write_plain(label, LIMIT_SLACK_CONTEXT, out, "label");
}

void block_element_begin(const char *type, struct json_out *out) {
    json_object_begin(out, "element");
    json_add_string(out, "type", type);
    json_add_string(out, "action_id", BLOCK_ELEMENT);
}

void block_write_option(const char *label, const char *value, const char *description, struct json_out *out) {
    json_object_begin(out, NULL);
    text_write_plain(label, LIMIT_SLACK_BUTTON, out, "text");
    json_add_string(out, "value", value);
    if (!str_empty(description)) {
        text_write_plain(description, LIMIT_SLACK_BUTTON, out, "description");
    }
    json_object_end(out);
}

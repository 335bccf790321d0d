#include "block.h"

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

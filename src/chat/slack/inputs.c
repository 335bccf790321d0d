#include "inputs.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "block.h"

enum { TITLE_UNITS = 24, FIELDS = 50 };

/* --- writing ----------------------------------------------------------------------------------------------------- */

static bool is_missing(const struct inputs *inputs, const struct config_input *input) {
    for (size_t i = 0; i < inputs->command->input_count; i++) {
        if (str_equal(inputs->command->inputs[i].key, input->name)) {
            return false;
        }
    }
    return input->required && input->fallback == NULL;
}

/* A value that was cut would be another one. */
static bool fits_list(const struct config_input *input) {
    bool fits = input->choices.count > 0 && input->choices.count <= LIMIT_SLACK_OPTIONS;
    for (size_t i = 0; i < input->choices.count && fits; i++) {
        fits = strlen(input->choices.items[i]) <= LIMIT_SLACK_BUTTON;
    }
    return fits;
}

static void write_text_field(const struct config_input *input, struct json_out *out) {
    if (input->type == INPUT_CHOICE) {
        struct buf words = BUF_INIT(LIMIT_SLACK_CONTEXT);
        for (size_t i = 0; i < input->choices.count; i++) {
            buf_printf(&words, "%s%s", i == 0 ? "One of: " : ", ", input->choices.items[i]);
        }
        text_write_plain(words.data, LIMIT_SLACK_CONTEXT, out, "hint");
        buf_finish(&words);
    }
    block_element_begin("plain_text_input", out);
    json_add_int(out, "max_length", LIMIT_SLACK_INPUT);
}

static void write_field(const struct config_input *input, struct json_out *out) {
    block_input_begin(input->name, input->label != NULL ? input->label : input->name, false, out);
    if (input->type == INPUT_BOOLEAN) {
        block_element_begin("radio_buttons", out);
        json_array_begin(out, "options");
        block_write_option("Yes", "true", NULL, out);
        block_write_option("No", "false", NULL, out);
        json_array_end(out);
    } else if (input->type == INPUT_CHOICE && fits_list(input)) {
        block_element_begin("static_select", out);
        json_array_begin(out, "options");
        for (size_t i = 0; i < input->choices.count; i++) {
            block_write_option(input->choices.items[i], input->choices.items[i], NULL, out);
        }
        json_array_end(out);
    } else {
        write_text_field(input, out);
    }
    json_object_end(out);
    json_object_end(out);
}

static bool write_metadata(const struct inputs *inputs, struct buf *json) {
    struct json_out out = {.buf = json};
    json_object_begin(&out, NULL);
    json_add_string(&out, "line", inputs->line);
    json_add_string(&out, "channel", inputs->channel);
    json_object_end(&out);
    return !json->overflow;
}

static void write_view(const struct inputs *inputs, const char *metadata, struct json_out *out) {
    struct text about;
    json_add_string(out, "type", "modal");
    json_add_string(out, "callback_id", INPUTS_CALLBACK);
    json_add_string(out, "private_metadata", metadata);
    text_write_plain(inputs->project->name, TITLE_UNITS, out, "title");
    text_write_plain("Deploy", TITLE_UNITS, out, "submit");
    text_write_plain("Cancel", TITLE_UNITS, out, "close");
    json_array_begin(out, "blocks");
    text_begin(&about, TEXT_MRKDWN, LIMIT_SLACK_SECTION);
    text_bold(&about, inputs->line);
    text_markup(&about, "\nThis is still needed:");
    block_write_section(&about, out);
    for (size_t i = 0; i < inputs->project->input_count; i++) {
        if (is_missing(inputs, &inputs->project->inputs[i])) {
            write_field(&inputs->project->inputs[i], out);
        }
    }
    json_array_end(out);
}

bool inputs_write(const struct inputs *inputs, struct json_out *out, const char *key) {
    struct buf metadata = BUF_INIT(LIMIT_SLACK_METADATA);
    size_t missing = 0;
    for (size_t i = 0; i < inputs->project->input_count; i++) {
        missing += is_missing(inputs, &inputs->project->inputs[i]);
    }
    bool fits = write_metadata(inputs, &metadata) && missing > 0 && missing <= FIELDS;
    if (fits) {
        json_object_begin(out, key);
        write_view(inputs, metadata.data, out);
        json_object_end(out);
    }
    buf_finish(&metadata);
    return fits;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* What was typed or chosen, without blanks at its ends; or NULL. */
static const char *read_value(const struct json *element, struct arena *arena) {
    static const char blanks[] = " \n\t\r";
    const char *value = json_string(json_path(element, "selected_option.value"));
    value = value != NULL ? value : json_string(json_get(element, "value"));
    if (value == NULL) {
        return NULL;
    }
    value += strspn(value, blanks);
    size_t size = strlen(value);
    while (size > 0 && strchr(blanks, value[size - 1]) != NULL) {
        size--;
    }
    return size == 0 ? NULL : arena_strndup(arena, value, size);
}

static int wrong(struct inputs_answer *answer, const char *block, struct err *err, const char *text) {
    answer->wrong_block = block;
    return err_set(err, ERR_INVALID, "%s", text);
}

/* Together they are no longer than what can be typed. */
static int read_fields(const struct json *state, struct arena *arena, struct inputs_answer *answer, struct err *err) {
    size_t size = strlen(answer->line);
    answer->items = arena_array(arena, json_size(state) + 1, sizeof *answer->items);
    for (const struct json *block = json_first(state); block != NULL; block = json_next(block)) {
        const char *name = arena_strdup(arena, json_key(block));
        const char *value = read_value(json_get(block, BLOCK_ELEMENT), arena);
        if (value == NULL) {
            return wrong(answer, name, err, "This is needed.");
        }
        size += strlen(name) + strlen(value);
        if (size > LIMIT_COMMAND_BYTES) {
            return wrong(answer, name, err, "This is too long.");
        }
        answer->items[answer->count++] = (struct command_input){name, value};
    }
    return 0;
}

int inputs_parse(const char *metadata, const struct json *state, struct arena *arena, struct inputs_answer *ret_answer,
                 struct err *err) {
    struct json *root = NULL;
    *ret_answer = (struct inputs_answer){0};
    if (metadata != NULL && json_parse(metadata, strlen(metadata), &root, NULL) == 0) {
        ret_answer->line = arena_strdup(arena, json_string(json_get(root, "line")));
        ret_answer->channel = arena_strdup(arena, json_string(json_get(root, "channel")));
        json_free(root);
    }
    if (ret_answer->line == NULL) {
        return err_set(err, ERR_INVALID, "This window is not one that guidepost has opened.");
    }
    return read_fields(state, arena, ret_answer, err);
}

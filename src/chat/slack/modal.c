#include "modal.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "block.h"

/* The names of the window's fields. */
#define BLOCK_ANSWER "answer"
#define BLOCK_MACHINES "machines"
#define BLOCK_NOTE "note"

enum { TITLE_UNITS = 24, NOTE_UNITS = 500, FACTS_UNITS = 1000 };

/* --- writing ----------------------------------------------------------------------------------------------------- */

static bool is_open(const struct card_row *row) {
    return str_equal(row->state, "asking") || str_equal(row->state, "unknown");
}

static size_t open_rows(const struct card *card) {
    size_t count = 0;
    for (size_t i = 0; i < card->row_count; i++) {
        count += is_open(&card->rows[i]);
    }
    return count;
}

static bool is_offered(const struct modal *modal, const struct card_action *action) {
    return modal->verb == NULL ? guidance_parse(action->verb) != GUIDANCE_NONE : str_equal(modal->verb, action->verb);
}

static void write_metadata(const struct modal *modal, struct json_out *view) {
    struct buf json = BUF_INIT(LIMIT_SLACK_METADATA);
    struct json_out out = {.buf = &json};
    json_object_begin(&out, NULL);
    json_add_int(&out, "question", (int64_t)modal->card->question);
    json_add_int(&out, "revision", modal->card->revision);
    json_add_string(&out, "channel", modal->channel);
    json_add_string(&out, "verb", modal->verb);
    json_array_begin(&out, "noted");
    for (size_t i = 0; i < modal->card->action_count; i++) {
        const struct card_action *action = &modal->card->actions[i];
        if (action->note_required && guidance_parse(action->verb) != GUIDANCE_NONE) {
            json_add_string(&out, NULL, action->verb);
        }
    }
    json_array_end(&out);
    json_object_end(&out);
    json_add_string(view, "private_metadata", json.data);
    buf_finish(&json);
}

/* What it is about, and what the answer does; of several answers what each does, if they are for all machines. */
static void write_question(const struct modal *modal, bool several, struct json_out *out) {
    const struct card *card = modal->card;
    struct text about, consequences;
    text_begin(&about, TEXT_MRKDWN, LIMIT_SLACK_SECTION);
    text_bold(&about, card->fact_count > 0 ? card->facts[0] : card->title);
    text_markup(&about, "\n");
    text_line(&about, card->subject);
    block_write_section(&about, out);
    text_begin(&consequences, TEXT_MRKDWN, LIMIT_SLACK_SECTION);
    for (size_t i = 0; i < card->action_count && !several; i++) {
        if (is_offered(modal, &card->actions[i])) {
            text_markup(&consequences, consequences.buf.size > 0 ? "\n" : "");
            text_bold(&consequences, card->actions[i].label);
            text_markup(&consequences, ": ");
            text_line(&consequences, card->actions[i].consequence);
        }
    }
    if (consequences.buf.size > 0) {
        block_write_section(&consequences, out);
    }
    text_finish(&consequences);
}

/* An answer for some machines, whose number is not known yet: the words of the card are about all of them. */
static void write_answer_for_some(const struct card *card, const char *verb, struct json_out *out) {
    bool unknown = str_equal(card->state, "unknown");
    const char *label = guidance_title(guidance_parse(verb)), *description = "";
    switch (guidance_parse(verb)) {
    case GUIDANCE_RETRY:
        label = unknown ? "Run it again" : label;
        description = "Runs the step again on these machines";
        break;
    case GUIDANCE_IGNORE:
        label = unknown ? "I checked: it worked" : label;
        description = unknown ? "Counts the step as done on these machines" : "Goes on there as if it had worked";
        break;
    case GUIDANCE_EXCLUDE:
        description = "Leaves these machines out of the rest of the deployment";
        break;
    case GUIDANCE_FAIL:
        label = "Fail deployment";
        description = "Ends the whole deployment as failed, whatever is chosen below";
        break;
    case GUIDANCE_PROCEED:
    case GUIDANCE_ABORT:
    case GUIDANCE_NONE:
        break;
    }
    block_write_option(label, verb, description, out);
}

static void write_answers(const struct modal *modal, bool several, struct json_out *out) {
    const struct card *card = modal->card;
    block_input_begin(BLOCK_ANSWER, "What now?", false, out);
    block_element_begin("radio_buttons", out);
    json_array_begin(out, "options");
    for (size_t i = 0; i < card->action_count; i++) {
        if (!is_offered(modal, &card->actions[i])) {
            continue;
        }
        if (several) {
            if (card->excludes_some && guidance_parse(card->actions[i].verb) == GUIDANCE_FAIL) {
                write_answer_for_some(card, guidance_word(GUIDANCE_EXCLUDE), out);
            }
            write_answer_for_some(card, card->actions[i].verb, out);
        } else {
            block_write_option(card->actions[i].label, card->actions[i].verb, "", out);
        }
    }
    json_array_end(out);
    json_object_end(out);
    json_object_end(out);
}

/* A list holds so many, and a name must fit as it is: one that was cut would name another machine, and a number would as
 * soon as the card has changed. */
static bool fits_list(const struct card *card) {
    bool fits = open_rows(card) <= LIMIT_SLACK_OPTIONS && card->rows_left_out == 0;
    for (size_t i = 0; i < card->row_count && fits; i++) {
        fits = str_is_name(card->rows[i].name) && strlen(card->rows[i].name) < LIMIT_SLACK_BUTTON;
    }
    return fits;
}

/* Optional, since Fail needs none; what is missing is said when it comes back. */
static void write_machines(const struct card *card, struct json_out *out) {
    bool list = fits_list(card);
    block_input_begin(BLOCK_MACHINES, "On which machines?", true, out);
    if (!list) {
        text_write_plain("Their names, with blanks between them.", LIMIT_SLACK_CONTEXT, out, "hint");
    }
    block_element_begin(list ? "multi_static_select" : "plain_text_input", out);
    if (list) {
        json_array_begin(out, "options");
        for (size_t i = 0; i < card->row_count; i++) {
            if (is_open(&card->rows[i])) {
                block_write_option(card->rows[i].name, card->rows[i].name, card->rows[i].detail, out);
            }
        }
        json_array_end(out);
    }
    json_object_end(out);
    json_object_end(out);
}

static void write_note(const struct modal *modal, struct json_out *out) {
    struct text hint;
    text_begin(&hint, TEXT_PLAIN, LIMIT_SLACK_CONTEXT);
    text_markup(&hint, "Kept in the log and shown in the room.");
    const char *needed = " Needed for: ";
    for (size_t i = 0; i < modal->card->action_count && modal->verb == NULL; i++) {
        const struct card_action *action = &modal->card->actions[i];
        if (action->note_required && is_offered(modal, action)) {
            text_markup(&hint, needed);
            text_line(&hint, guidance_title(guidance_parse(action->verb)));
            needed = ", ";
        }
    }
    block_input_begin(BLOCK_NOTE, "Note", modal->verb == NULL, out);
    text_write(&hint, out, "hint");
    block_element_begin("plain_text_input", out);
    json_add_bool(out, "multiline", true);
    json_add_int(out, "max_length", NOTE_UNITS);
    json_object_end(out);
    json_object_end(out);
}

void modal_write(const struct modal *modal, struct json_out *out, const char *key) {
    bool several = modal->verb == NULL && open_rows(modal->card) > 1;
    struct text title;
    json_object_begin(out, key);
    json_add_string(out, "type", "modal");
    json_add_string(out, "callback_id", MODAL_CALLBACK);
    write_metadata(modal, out);
    struct buf name = BUF_INIT(TITLE_UNITS);
    buf_printf(&name, "Q%llu", (unsigned long long)modal->card->question);
    text_begin(&title, TEXT_PLAIN, TITLE_UNITS);
    text_markup(&title, name.data);
    text_write(&title, out, "title");
    buf_finish(&name);
    text_write_plain("Answer", TITLE_UNITS, out, "submit");
    text_write_plain("Keep waiting", TITLE_UNITS, out, "close");
    json_array_begin(out, "blocks");
    write_question(modal, several, out);
    if (modal->verb == NULL) {
        write_answers(modal, several, out);
    }
    if (several) {
        write_machines(modal->card, out);
    }
    write_note(modal, out);
    json_array_end(out);
    json_object_end(out);
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static const struct json *element(const struct json *state, const char *block) {
    return json_get(json_get(state, block), BLOCK_ELEMENT);
}

static bool read_metadata(const struct json *root, struct arena *arena, struct modal_answer *answer) {
    int64_t question = json_int(json_get(root, "question"), 0), revision = json_int(json_get(root, "revision"), 0);
    if (question <= 0 || revision <= 0 || revision > UINT32_MAX) {
        return false;
    }
    answer->question = (uint64_t)question;
    answer->revision = (uint32_t)revision;
    answer->channel = arena_strdup(arena, json_string(json_get(root, "channel")));
    return true;
}

/* What was clicked, or else what was chosen. */
static enum guidance read_guidance(const struct json *root, const struct json *state) {
    const char *verb = json_string(json_get(root, "verb"));
    if (verb == NULL) {
        verb = json_string(json_path(element(state, BLOCK_ANSWER), "selected_option.value"));
    }
    return verb == NULL ? GUIDANCE_NONE : guidance_parse(verb);
}

static void add_target(struct modal_answer *answer, const char *name, struct arena *arena) {
    answer->targets.items = arena_push(arena, answer->targets.items, answer->targets.count, sizeof(char *));
    answer->targets.items[answer->targets.count++] = name;
}

static void read_targets(const struct json *machines, struct arena *arena, struct modal_answer *answer) {
    const char *typed = json_string(json_get(machines, "value"));
    const struct json *option = json_first(json_get(machines, "selected_options"));
    for (; option != NULL; option = json_next(option)) {
        const char *name = json_string(json_get(option, "value"));
        if (!str_empty(name)) {
            add_target(answer, arena_strdup(arena, name), arena);
        }
    }
    while (typed != NULL && *typed != '\0') {
        size_t size = strcspn(typed, " ,;\n\t");
        if (size > 0) {
            add_target(answer, arena_strndup(arena, typed, size), arena);
        }
        typed += size + (typed[size] != '\0');
    }
}

static const char *read_note(const struct json *state, struct arena *arena) {
    static const char blanks[] = " \n\t\r";
    const char *note = json_string(json_get(element(state, BLOCK_NOTE), "value"));
    if (note == NULL) {
        return NULL;
    }
    note += strspn(note, blanks);
    size_t size = strlen(note);
    while (size > 0 && strchr(blanks, note[size - 1]) != NULL) {
        size--;
    }
    return size == 0 ? NULL : arena_strndup(arena, note, size);
}

static bool needs_note(const struct json *root, enum guidance guidance) {
    for (const struct json *verb = json_first(json_get(root, "noted")); verb != NULL; verb = json_next(verb)) {
        if (str_equal(json_string(verb), guidance_word(guidance))) {
            return true;
        }
    }
    return false;
}

static int wrong(struct modal_answer *answer, const char *block, struct err *err, const char *text) {
    answer->wrong_block = block;
    return err_set(err, ERR_INVALID, "%s", text);
}

/* Fail, Proceed and Abort are about the deployment: machines that were chosen before do not count. */
static bool is_for_machines(enum guidance guidance) {
    return guidance == GUIDANCE_RETRY || guidance == GUIDANCE_IGNORE || guidance == GUIDANCE_EXCLUDE;
}

static int read_answer(const struct json *root, const struct json *state, struct arena *arena,
                       struct modal_answer *answer, struct err *err) {
    if (!read_metadata(root, arena, answer)) {
        return err_set(err, ERR_INVALID, "This window is not one that guidepost has opened.");
    }
    answer->guidance = read_guidance(root, state);
    answer->note = read_note(state, arena);
    if (answer->guidance == GUIDANCE_NONE) {
        return wrong(answer, BLOCK_ANSWER, err, "Choose an answer.");
    }
    if (is_for_machines(answer->guidance) && json_get(state, BLOCK_MACHINES) != NULL) {
        read_targets(element(state, BLOCK_MACHINES), arena, answer);
        if (answer->targets.count == 0) {
            return wrong(answer, BLOCK_MACHINES, err, "Choose machines. For all of them, use a button of the message.");
        }
    }
    if (answer->note == NULL && needs_note(root, answer->guidance)) {
        return wrong(answer, BLOCK_NOTE, err,
                     arena_printf(arena, "%s needs a note: say why.", guidance_title(answer->guidance)));
    }
    if (answer->note != NULL && strlen(answer->note) > LIMIT_NOTE_BYTES) {
        return wrong(answer, BLOCK_NOTE, err, "The note is too long.");
    }
    return 0;
}

int modal_parse(const char *metadata, const struct json *state, struct arena *arena, struct modal_answer *ret_answer,
                struct err *err) {
    struct json *root = NULL;
    *ret_answer = (struct modal_answer){0};
    if (metadata == NULL || json_parse(metadata, strlen(metadata), &root, NULL) < 0) {
        return err_set(err, ERR_INVALID, "This window is not one that guidepost has opened.");
    }
    int result = read_answer(root, state, arena, ret_answer, err);
    json_free(root);
    return result;
}

void modal_write_errors(const char *block, const struct err *err, struct json_out *out) {
    json_add_string(out, "response_action", "errors");
    json_object_begin(out, "errors");
    json_add_string(out, block, err->text);
    json_object_end(out);
}

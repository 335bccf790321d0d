#include "blocks.h"

#include <assert.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "block.h"
#include "text.h"

/* How much of a message each part may take, so that the whole stays below what Slack takes at once. */
enum {
    HEAD_UNITS = 1200,
    ROWS_UNITS = 2000,
    EXCERPT_UNITS = 2000,
    FACTS_UNITS = 1500,
    FOOT_UNITS = 600,
    ROWS_SHOWN = 20,
    ROWS_BEFORE = 5, /* the one that matters now, when there are too many */
    BUTTONS = 8,
    MENTIONS = 20,
};

enum {
    BUTTON_UNITS =
        2 * LIMIT_SLACK_BUTTON + LIMIT_SLACK_CONFIRM_TITLE + LIMIT_SLACK_CONFIRM_TEXT + 2 * LIMIT_SLACK_CONFIRM_BUTTON,
};
static_assert(HEAD_UNITS + ROWS_UNITS + EXCERPT_UNITS + FACTS_UNITS + FOOT_UNITS + BUTTONS * BUTTON_UNITS <=
                  LIMIT_SLACK_BLOCKS_UNITS,
              "Slack takes the whole of a message");

struct drawing {
    const struct card *card;
    const struct slack_names *names;
    const char *url;
    struct json_out *out;
};

/* --- words and links ------------------------------------------------------------------------------------------------- */

static const char *state_emoji(const char *state) {
    static const struct {
        const char *state, *emoji;
    } emojis[] = {
        {"answered", ":white_check_mark:"},  {"asking", ":raised_hand:"},
        {"canceled", ":no_entry_sign:"},     {"canceling", ":no_entry_sign:"},
        {"closed", ":hourglass:"},           {"delayed", ":repeat:"},
        {"excluded", ":heavy_minus_sign:"},  {"failed", ":x:"},
        {"lost", ":grey_question:"},         {"paused", ":raised_hand:"},
        {"pending", ":white_circle:"},       {"queued", ":hourglass_flowing_sand:"},
        {"running", ":arrow_forward:"},      {"skipped", ":fast_forward:"},
        {"succeeded", ":white_check_mark:"}, {"succeeded_with_warnings", ":warning:"},
        {"unknown", ":grey_question:"},      {"warned", ":warning:"},
    };
    for (size_t i = 0; i < sizeof emojis / sizeof *emojis; i++) {
        if (str_equal(emojis[i].state, state)) {
            return emojis[i].emoji;
        }
    }
    return "";
}

static void add_emoji(struct text *text, const char *emoji) {
    if (*emoji != '\0') {
        text_markup(text, emoji);
        text_markup(text, " ");
    }
}

/* A sentence whose beginning is the title: that is set off. */
static void add_titled(struct text *text, const char *title, const char *sentence) {
    size_t size = str_empty(title) ? 0 : strlen(title);
    if (size > 0 && str_starts(sentence, title)) {
        text_bold(text, title);
        text_line(text, sentence + size);
    } else {
        text_line(text, sentence);
    }
}

static struct buf deployment_url(const struct drawing *drawing) {
    struct buf url = BUF_INIT(LIMIT_SLACK_URL);
    if (!str_empty(drawing->url) && strpbrk(drawing->url, "<>|\" \n") == NULL) {
        buf_printf(&url, "%s/d/%llu", drawing->url, (unsigned long long)drawing->card->deployment);
    }
    return url;
}

/* "webshop 1.4.2 → production · D311", with a link to the page if there is one. */
static void add_subject(struct text *text, const struct drawing *drawing) {
    struct buf url = deployment_url(drawing), link = BUF_INIT(LIMIT_SLACK_URL + LIMIT_NAME_BYTES);
    bool linked = url.size > 0;
    text_bold(text, drawing->card->subject);
    buf_printf(&link, " · %s%s%sD%llu%s", linked ? "<" : "", url.data, linked ? "|" : "",
               (unsigned long long)drawing->card->deployment, linked ? ">" : "");
    text_markup(text, link.data);
    buf_finish(&link);
    buf_finish(&url);
}

/* --- mentions ---------------------------------------------------------------------------------------------------------- */

static bool is_slack_id(const char *id) {
    return !str_empty(id) && strlen(id) <= 32 && id[strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")] == '\0';
}

static bool add_mention(struct text *text, const char *format, const char *id) {
    struct buf mention = BUF_INIT(LIMIT_NAME_BYTES);
    if (!is_slack_id(id)) {
        return false;
    }
    buf_printf(&mention, format, id);
    text_markup(text, mention.data);
    buf_finish(&mention);
    return true;
}

static bool mention_person(struct text *text, const struct slack_names *names, const char *name) {
    return names != NULL && names->person != NULL && add_mention(text, " <@%s>", names->person(name, names->user));
}

static bool mention_team(struct text *text, const struct slack_names *names, const char *name) {
    return names != NULL && names->group != NULL &&
           add_mention(text, " <!subteam^%s>", names->group(name, names->user));
}

/* A team without a group in Slack is called by its people. */
static bool mention_members(struct text *text, const struct slack_names *names, const char *team) {
    struct plan_names members = {0};
    if (names != NULL && names->members != NULL) {
        members = names->members(team, names->user);
    }
    bool any = false;
    for (size_t i = 0; i < members.count && i < MENTIONS; i++) {
        any = mention_person(text, names, members.items[i]) || any;
    }
    return any;
}

static void add_mentions(struct text *text, const struct drawing *drawing) {
    const struct card *card = drawing->card;
    struct text_mark start = text_here(text);
    text_markup(text, " ·");
    bool any = false;
    for (size_t i = 0; i < card->mention.count && i < MENTIONS; i++) {
        const char *name = card->mention.items[i];
        bool known = mention_team(text, drawing->names, name) || mention_person(text, drawing->names, name) ||
                     mention_members(text, drawing->names, name);
        if (!known && strstr(card->title, name) == NULL) {
            text_markup(text, " ");
            text_line(text, name);
            known = true;
        }
        any = any || known;
    }
    if (!any) {
        text_back(text, start);
    }
}

/* --- blocks ------------------------------------------------------------------------------------------------------------ */

static void write_link_button(const char *label, const struct drawing *drawing, const char *key) {
    struct buf url = deployment_url(drawing);
    if (url.size > 0) {
        json_object_begin(drawing->out, key);
        json_add_string(drawing->out, "type", "button");
        json_add_string(drawing->out, "action_id", "gp.open");
        text_write_plain(label, LIMIT_SLACK_BUTTON, drawing->out, "text");
        json_add_string(drawing->out, "url", url.data);
        json_object_end(drawing->out);
    }
    buf_finish(&url);
}

static void write_excerpt(const struct drawing *drawing) {
    struct buf tail = BUF_INIT(EXCERPT_UNITS * 4);
    if (drawing->card->excerpt != NULL) {
        text_tail(drawing->card->excerpt, EXCERPT_UNITS, &tail);
    }
    if (tail.size > 0) {
        block_write_output(tail.data, tail.size, drawing->out);
    }
    buf_finish(&tail);
}

/* --- rows ------------------------------------------------------------------------------------------------------------- */

static void add_count(struct text *text, const char *format, size_t count) {
    struct buf line = BUF_INIT(LIMIT_NAME_BYTES);
    buf_printf(&line, format, count);
    text_markup(text, line.data);
    buf_finish(&line);
}

static void add_row(struct text *text, const struct card_row *row) {
    add_emoji(text, state_emoji(row->state));
    text_bold(text, row->name);
    if (!str_empty(row->detail)) {
        text_markup(text, " · ");
        text_line(text, row->detail);
    }
    text_markup(text, "\n");
}

/* Of many rows those around the first that moves or waits. */
static size_t first_row(const struct card *card, size_t count) {
    size_t now = 0;
    while (now < count && !str_equal(card->rows[now].state, "asking") && !str_equal(card->rows[now].state, "running")) {
        now++;
    }
    if (count <= ROWS_SHOWN || now == count || now <= ROWS_BEFORE) {
        return 0;
    }
    return now - ROWS_BEFORE < count - ROWS_SHOWN ? now - ROWS_BEFORE : count - ROWS_SHOWN;
}

static void write_rows(const struct drawing *drawing) {
    const struct card *card = drawing->card;
    /* The card's own last row says how many it leaves out; here they are counted together. */
    size_t count = card->row_count - (card->rows_left_out > 0), first = first_row(card, count), shown = first;
    struct text text;
    text_begin(&text, TEXT_MRKDWN, ROWS_UNITS);
    if (first > 0) {
        add_count(&text, "%zu before these\n", first);
    }
    while (shown < count && shown < first + ROWS_SHOWN) {
        struct text_mark before = text_here(&text);
        add_row(&text, &card->rows[shown]);
        /* A place is kept for the line that counts the rest; the first row is shown even if it had to be cut. */
        if ((text.cut || text.left < LIMIT_NAME_BYTES) && shown > first) {
            text_back(&text, before);
            break;
        }
        shown++;
    }
    size_t rest = count - shown + card->rows_left_out;
    if (rest > 0) {
        add_count(&text, "and %zu more", rest);
    }
    if (count > 0) {
        block_write_section(&text, drawing->out);
    }
    text_finish(&text);
}

/* --- buttons ----------------------------------------------------------------------------------------------------------- */

static void write_confirm(const struct card_action *action, const struct drawing *drawing) {
    struct json_out *out = drawing->out;
    struct text title;
    text_begin(&title, TEXT_PLAIN, LIMIT_SLACK_CONFIRM_TITLE);
    text_line(&title, action->label);
    text_markup(&title, "?");
    json_object_begin(out, "confirm");
    text_write(&title, out, "title");
    text_write_plain(action->consequence, LIMIT_SLACK_CONFIRM_TEXT, out, "text");
    text_write_plain(action->label, LIMIT_SLACK_CONFIRM_BUTTON, out, "confirm");
    text_write_plain(drawing->card->kind == CARD_CLOSING ? "Leave it" : "Keep waiting", LIMIT_SLACK_CONFIRM_BUTTON, out,
                     "deny");
    if (action->danger) {
        json_add_string(out, "style", "danger");
    }
    json_object_end(out);
}

static void write_button_begin(const char *id, const char *label, bool more, const struct drawing *drawing) {
    struct json_out *out = drawing->out;
    struct buf value = BUF_INIT(LIMIT_NAME_BYTES);
    struct text text;
    json_object_begin(out, NULL);
    json_add_string(out, "type", "button");
    json_add_string(out, "action_id", id);
    if (drawing->card->kind == CARD_CLOSING) {
        buf_printf(&value, "D%llu", (unsigned long long)drawing->card->deployment);
    } else {
        buf_printf(&value, "Q%llu:%u", (unsigned long long)drawing->card->question, drawing->card->revision);
    }
    json_add_string(out, "value", value.data);
    buf_finish(&value);
    text_begin(&text, TEXT_PLAIN, LIMIT_SLACK_BUTTON);
    text_line(&text, label);
    if (more && !text.cut) {
        text_markup(&text, "…");
    }
    text_write(&text, out, "text");
}

/* What a screen reader says of a button: "Retry: Install on web-3". */
static void write_button_name(const char *label, const struct drawing *drawing) {
    struct text name;
    text_begin(&name, TEXT_PLAIN, LIMIT_SLACK_BUTTON);
    text_line(&name, label);
    if (!str_empty(drawing->card->place)) {
        text_markup(&name, ": ");
        text_line(&name, drawing->card->place);
    }
    if (!text_is_blank(&name)) {
        json_add_string(drawing->out, "accessibility_label", name.buf.data);
    }
    text_finish(&name);
}

static void write_button(const struct card_action *action, const struct drawing *drawing) {
    struct json_out *out = drawing->out;
    struct buf id = BUF_INIT(LIMIT_SLACK_ID_BYTES);
    buf_printf(&id, action->note_required ? "gp.%s.note" : "gp.%s", action->verb);
    write_button_begin(id.data, action->label, action->note_required, drawing);
    write_button_name(action->label, drawing);
    if (action->danger || action->primary) {
        json_add_string(out, "style", action->danger ? "danger" : "primary");
    }
    if (action->confirm && !action->note_required) {
        write_confirm(action, drawing);
    }
    json_object_end(out);
    buf_finish(&id);
}

static void write_buttons(const struct drawing *drawing) {
    const struct card *card = drawing->card;
    struct json_out *out = drawing->out;
    bool answers = false;
    if (card->action_count == 0) {
        return;
    }
    block_begin(out, "actions");
    json_array_begin(out, "elements");
    for (size_t i = 0; i < card->action_count && i < BUTTONS; i++) {
        write_button(&card->actions[i], drawing);
        answers = answers || guidance_parse(card->actions[i].verb) != GUIDANCE_NONE;
    }
    if (answers) {
        write_button_begin("gp.choose", card->row_count > 1 ? "Choose machines" : "Answer with a note", true, drawing);
        json_object_end(out);
    }
    write_link_button("Log", drawing, NULL);
    json_array_end(out);
    json_object_end(out);
}

/* --- cards ------------------------------------------------------------------------------------------------------------ */

static void write_facts(const struct drawing *drawing, size_t from) {
    const struct card *card = drawing->card;
    struct text text;
    text_begin(&text, TEXT_MRKDWN, FACTS_UNITS);
    for (size_t i = from; i < card->fact_count; i++) {
        text_markup(&text, i > from ? "\n" : "");
        text_linked(&text, card->facts[i]);
    }
    if (!text_is_blank(&text)) {
        block_write_context(&text, drawing->out);
    }
    text_finish(&text);
}

static bool is_command(const char *word) {
    size_t count = 0;
    const struct command_entry *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (str_equal(table[i].name, word)) {
            return true;
        }
    }
    return false;
}

/* A click can get lost on its way, a typed word does not: what to type is said with the buttons. */
static void add_typed(struct text *text, const struct card *card) {
    bool any = false;
    for (size_t i = 0; i < card->action_count && i < BUTTONS; i++) {
        const char *verb = card->actions[i].verb;
        if (is_command(verb)) {
            text_markup(text, any ? " `" : " · or reply in this thread: `");
            text_line(text, verb);
            text_markup(text, "`");
            any = true;
        }
    }
}

static void write_open_question(const struct drawing *drawing) {
    const struct card *card = drawing->card;
    struct text head, foot;
    text_begin(&head, TEXT_MRKDWN, HEAD_UNITS);
    add_emoji(&head, card->kind == CARD_ESCALATION ? ":rotating_light:" : state_emoji(card->state));
    text_bold(&head, card->title);
    add_mentions(&head, drawing);
    if (card->fact_count > 0) {
        text_markup(&head, "\n");
        text_line(&head, card->facts[0]);
    }
    block_write_section(&head, drawing->out);
    write_excerpt(drawing);
    write_rows(drawing);
    write_facts(drawing, 1);
    write_buttons(drawing);
    text_begin(&foot, TEXT_MRKDWN, FOOT_UNITS);
    add_subject(&foot, drawing);
    add_typed(&foot, card);
    block_write_context(&foot, drawing->out);
}

/* "Q42 · Retry by alice after 4 min · worked on attempt 2 · Install on web-3", the notes, and what it was about. */
static void write_closed_question(const struct drawing *drawing) {
    const struct card *card = drawing->card;
    struct text text;
    text_begin(&text, TEXT_MRKDWN, LIMIT_SLACK_CONTEXT);
    add_emoji(&text, state_emoji(card->state));
    add_count(&text, "*Q%zu* · ", (size_t)card->question);
    text_line(&text, card->outcome);
    for (size_t i = 0; i < card->fact_count; i++) {
        text_markup(&text, i == 0 ? " · " : "\n");
        text_line(&text, card->facts[i]);
    }
    text_markup(&text, "\n");
    add_subject(&text, drawing);
    block_write_context(&text, drawing->out);
}

static void write_status(const struct drawing *drawing) {
    const struct card *card = drawing->card;
    struct text head;
    text_begin(&head, TEXT_MRKDWN, HEAD_UNITS);
    add_emoji(&head, state_emoji(card->state));
    if (card->outcome != NULL) {
        add_titled(&head, card->title, card->outcome);
    } else {
        text_bold(&head, card->title);
        text_markup(&head, " · ");
        text_bold(&head, card->subject);
    }
    block_begin(drawing->out, "section");
    text_write(&head, drawing->out, "text");
    write_link_button("Open", drawing, "accessory");
    json_object_end(drawing->out);
    if (card->outcome == NULL) {
        write_rows(drawing);
    }
    write_facts(drawing, 0);
}

static void write_digest(const struct drawing *drawing) {
    struct text head;
    text_begin(&head, TEXT_MRKDWN, HEAD_UNITS);
    add_emoji(&head, ":spiral_calendar_pad:");
    text_bold(&head, drawing->card->title);
    block_write_section(&head, drawing->out);
    write_rows(drawing);
}

/* One line, with a mention if somebody is to hear of it; and what can be done when it is over. */
static void write_line(const struct drawing *drawing) {
    const struct card *card = drawing->card;
    struct text text;
    text_begin(&text, TEXT_MRKDWN, LIMIT_SLACK_SECTION);
    add_emoji(&text, card->kind == CARD_REMINDER ? ":alarm_clock:" : state_emoji(card->state));
    add_titled(&text, card->title, card->outcome != NULL ? card->outcome : card->text);
    add_mentions(&text, drawing);
    block_write_section(&text, drawing->out);
    write_buttons(drawing);
}

static void write_card(const struct drawing *drawing) {
    switch (drawing->card->kind) {
    case CARD_STATUS:
        write_status(drawing);
        break;
    case CARD_QUESTION:
    case CARD_ESCALATION:
        if (drawing->card->outcome != NULL) {
            write_closed_question(drawing);
        } else {
            write_open_question(drawing);
        }
        break;
    case CARD_DIGEST:
        write_digest(drawing);
        break;
    case CARD_CLOSING:
    case CARD_REMINDER:
        write_line(drawing);
        break;
    }
}

void blocks_card(const struct card *card, const struct slack_names *names, const char *url, struct json_out *out) {
    struct drawing drawing = {.card = card, .names = names, .url = url, .out = out};
    text_write_message(card->text, LIMIT_SLACK_TEXT, out, "text");
    json_array_begin(out, "blocks");
    write_card(&drawing);
    json_array_end(out);
}

/* An empty list takes the blocks of a message away; without one they would stay. */
void blocks_text(const struct card *card, struct json_out *out) {
    text_write_message(card->text, LIMIT_SLACK_TEXT, out, "text");
    json_array_begin(out, "blocks");
    json_array_end(out);
}

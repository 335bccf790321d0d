/*
 * docs/SLACK-MESSAGES.md: what people see in Slack, drawn from the JSON that is sent. The test fails if the page says
 * anything else than the program does; with GUIDEPOST_WRITE_DOCS=1 it writes the page.
 */

#include "fakes/view_test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "chat/slack/blocks.h"
#include "chat/slack/modal.h"
#include "slack_limits.h"

static const char PAGE[] = "docs/SLACK-MESSAGES.md";
static const char URL[] = "https://deploy.example.org";

enum { PAGE_BYTES = 1 << 20 };

static struct buf page = BUF_INIT(PAGE_BYTES);
static int number;

static const char *group_id(const char *team, void *user) {
    (void)user;
    return str_equal(team, "web-oncall") ? "S0WEBONCALL" : str_equal(team, "release-managers") ? "S0RELEASES" : NULL;
}

static const char *person_id(const char *person, void *user) {
    (void)user;
    return str_equal(person, "alice") ? "U0ALICE" : NULL;
}

static const struct slack_names names = {.person = person_id, .group = group_id};

/* --- Block Kit as Markdown ------------------------------------------------------------------------------------- */

/* Each line of the message is a line of a quote. */
static void quote(const char *text) {
    for (const char *p = text; *p != '\0'; p++) {
        buf_addc(&page, *p);
        if (*p == '\n') {
            buf_adds(&page, "> ");
        }
    }
}

static const char *link_text(const char *p, size_t size) {
    if (str_starts(p, "<!subteam^S0WEBONCALL>")) {
        return "**@web-oncall**";
    }
    if (str_starts(p, "<!subteam^S0RELEASES>")) {
        return "**@release-managers**";
    }
    if (str_starts(p, "<@U0ALICE>")) {
        return "**@alice**";
    }
    const char *bar = memchr(p, '|', size);
    return bar == NULL ? arena_printf(arena, "<%.*s>", (int)size - 2, p + 1)
                       : arena_printf(arena, "[%.*s](%.*s)", (int)(size - (size_t)(bar - p) - 2), bar + 1,
                                      (int)(bar - p) - 1, p + 1);
}

/* Slack's *bold* is **bold**, its <url|text> is [text](url), and a line ends with two blanks. */
static const char *markdown(const char *text) {
    struct buf out = BUF_INIT(PAGE_BYTES);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '*') {
            buf_adds(&out, "**");
        } else if (*p == '\n') {
            buf_adds(&out, p[1] == '\0' ? "" : "  \n");
        } else if (*p == '<') {
            size_t size = strcspn(p, ">") + 1;
            buf_adds(&out, link_text(p, size));
            p += size - 1;
        } else {
            buf_addc(&out, *p);
        }
    }
    const char *copy = arena_strdup(arena, out.data);
    buf_finish(&out);
    return copy;
}

static const char *text_of(const struct json *node, const char *path) {
    const char *text = json_string(json_path(node, path));
    return text == NULL ? "" : text;
}

static void draw_text(const struct json *text, const char *around) {
    buf_printf(&page, "> %s", around);
    quote(markdown(text_of(text, "text")));
    buf_printf(&page, "%s%s\n>\n", *around == '\0' ? "" : "</", *around == '\0' ? "" : around + 1);
}

static void draw_output(const struct json *block) {
    buf_adds(&page, "> ```text\n> ");
    quote(text_of(json_first(json_get(json_first(json_get(block, "elements")), "elements")), "text"));
    buf_adds(&page, "\n> ```\n>\n");
}

static void draw_buttons(const struct json *elements) {
    buf_adds(&page, ">");
    for (const struct json *e = json_first(elements); e != NULL; e = json_next(e)) {
        const char *style = json_string(json_get(e, "style"));
        buf_printf(&page, " <kbd>%s%s</kbd>", text_of(e, "text.text"),
                   str_equal(style, "primary")  ? " (green)"
                   : str_equal(style, "danger") ? " (red)"
                                                : "");
    }
    buf_adds(&page, "\n>\n");
}

static void draw_input(const struct json *block) {
    const struct json *element = json_get(block, "element"), *options = json_get(element, "options");
    buf_printf(&page, "> **%s**%s ", text_of(block, "label.text"),
               json_bool(json_get(block, "optional"), false) ? " (optional)" : "");
    for (const struct json *option = json_first(options); option != NULL; option = json_next(option)) {
        const char *description = text_of(option, "description.text");
        buf_printf(&page, "%s %s%s%s", str_equal(text_of(element, "type"), "radio_buttons") ? "◯" : "☐",
                   text_of(option, "text.text"), *description == '\0' ? "" : ": ", description);
        buf_adds(&page, json_next(option) == NULL ? "" : " · ");
    }
    buf_printf(&page, "%s\n>\n", options == NULL ? "<kbd>…………</kbd>" : "");
    if (*text_of(block, "hint.text") != '\0') {
        buf_printf(&page, "> <sub>%s</sub>\n>\n", text_of(block, "hint.text"));
    }
}

static void draw_block(const struct json *block) {
    const char *type = text_of(block, "type");
    if (str_equal(type, "section")) {
        draw_text(json_get(block, "text"), "");
        const struct json *accessory = json_get(block, "accessory");
        if (accessory != NULL) {
            buf_printf(&page, "> <kbd>%s</kbd>\n>\n", text_of(accessory, "text.text"));
        }
    } else if (str_equal(type, "context")) {
        draw_text(json_first(json_get(block, "elements")), "<sub>");
    } else if (str_equal(type, "rich_text")) {
        draw_output(block);
    } else if (str_equal(type, "actions")) {
        draw_buttons(json_get(block, "elements"));
    } else {
        draw_input(block);
    }
}

static void draw_blocks(const struct json *blocks) {
    for (const struct json *block = json_first(blocks); block != NULL; block = json_next(block)) {
        draw_block(block);
    }
    page.size -= 2; /* the empty line of the quote behind the last block */
    page.data[page.size] = '\0';
}

/* --- what the buttons do -------------------------------------------------------------------------------------------- */

static const char *button_effect(const struct json *button, const struct card *card) {
    const char *id = text_of(button, "action_id");
    if (str_equal(id, "gp.open")) {
        return "Opens the page of the deployment.";
    }
    if (str_equal(id, "gp.choose")) {
        return card->row_count > 1 ? "Opens a window to choose an answer and the machines that it is for."
                                   : "Opens a window to choose an answer and to write a note.";
    }
    for (size_t i = 0; i < card->action_count; i++) {
        const struct card_action *action = &card->actions[i];
        if (str_equal(id, arena_printf(arena, "gp.%s", action->verb))) {
            return action->consequence;
        }
        if (str_equal(id, arena_printf(arena, "gp.%s.note", action->verb))) {
            return arena_printf(arena, "Opens a window for a note first. %s", action->consequence);
        }
    }
    return "";
}

static void draw_effects(const struct json *blocks, const struct card *card) {
    for (const struct json *block = json_first(blocks); block != NULL; block = json_next(block)) {
        if (!str_equal(text_of(block, "type"), "actions")) {
            continue;
        }
        buf_adds(&page, "\n| button | `action_id` | asks first | what it does |\n| --- | --- | --- | --- |\n");
        for (const struct json *e = json_first(json_get(block, "elements")); e != NULL; e = json_next(e)) {
            buf_printf(&page, "| %s | `%s` | %s | %s |\n", text_of(e, "text.text"), text_of(e, "action_id"),
                       json_get(e, "confirm") == NULL ? "" : text_of(e, "confirm.title.text"), button_effect(e, card));
        }
    }
}

/* --- the page ------------------------------------------------------------------------------------------------------ */

static void head(const char *title, const char *how) {
    buf_printf(&page, "\n## %d. %s\n\n%s\n\n", ++number, title, how);
}

static struct json *parsed(struct buf *json, const char *broken) {
    struct json *root = NULL;
    struct err err;
    if (broken != NULL) {
        fail_msg("%s in %s", broken, json->data);
    }
    assert_int_equal(json_parse(json->data, json->size, &root, &err), 0);
    buf_finish(json);
    return root;
}

static void show(const char *title, const char *how, const struct card *card) {
    struct buf json = BUF_INIT(PAGE_BYTES);
    struct json_out out = {.buf = &json};
    json_object_begin(&out, NULL);
    blocks_card(card, &names, URL, &out);
    json_object_end(&out);
    struct json *root = parsed(&json, slack_limits_message(json.data));
    head(title, how);
    draw_blocks(json_get(root, "blocks"));
    buf_printf(&page, "\nNotification: %s\n", text_of(root, "text"));
    draw_effects(json_get(root, "blocks"), card);
    json_free(root);
}

static void show_reply(const char *title, const char *text, enum command_id command, enum err_code code) {
    struct buf json = BUF_INIT(PAGE_BYTES);
    struct json_out out = {.buf = &json};
    struct err err = {.code = code};
    struct operation_reply reply = {.text = text, .err = code == ERR_NONE ? NULL : &err};
    json_object_begin(&out, NULL);
    blocks_reply(&reply, command, &out);
    json_object_end(&out);
    struct json *root = parsed(&json, slack_limits_message(json.data));
    head(title, "Only who asked sees it.");
    draw_blocks(json_get(root, "blocks"));
    json_free(root);
}

static void show_window(const char *title, const struct card *card, const char *verb) {
    struct buf json = BUF_INIT(PAGE_BYTES);
    struct json_out out = {.buf = &json};
    struct modal modal = {.card = card, .verb = verb, .channel = "C0WEBDEPLOYS"};
    modal_write(&modal, &out, NULL);
    struct json *root = parsed(&json, slack_limits_view(json.data));
    head(title, "A window, only for who clicked.");
    buf_printf(&page, "> **%s**\n>\n", text_of(root, "title.text"));
    draw_blocks(json_get(root, "blocks"));
    buf_printf(&page, ">\n> <kbd>%s</kbd> <kbd>%s</kbd>\n", text_of(root, "close.text"), text_of(root, "submit.text"));
    json_free(root);
}

/* A deployment from its beginning to where the next card is drawn. */
static void again(size_t machines) {
    record_count = 0;
    next_question = 42;
    now_ms = START_MS;
    make_world(machines);
    steps[INSTALL].guided.confirm = GUIDANCE_EXCLUDE | GUIDANCE_FAIL;
    steps[INSTALL].guided.answer_within_ms = 2 * 3600 * 1000;
    steps[INSTALL].guided.fail_unanswered = true;
    begin();
}

static void install_all_but(size_t failing) {
    succeed(FETCH, 0);
    now_ms += 2 * 60000;
    for (size_t i = failing; i < plan.target_count; i++) {
        succeed(INSTALL, i);
    }
    for (size_t i = 0; i < failing; i++) {
        end(INSTALL, i, (struct outcome){OUTCOME_EXIT, 100},
            "Unpacking webshop (1.4.2) over (1.4.1) ...\ndpkg: error processing archive: cannot copy extracted data:\n"
            " failed to write (No space left on device)\n");
    }
}

static void show_progress(void) {
    record_count = 0;
    now_ms = START_MS;
    make_world(3);
    deployment_init(&d, &plan, arena);
    d.id = 311;
    d.version = "1.4.2";
    d.actor = "alice";
    d.created_ms = now_ms;
    show("A deployment waits for its turn", "One message for each deployment, edited in place.",
         view_status(&d, now_ms, arena));
    again(3);
    now_ms += 6000;
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    start(INSTALL, 1);
    show("It runs", "The same message. An edit notifies nobody.", view_status(&d, now_ms, arena));
    again(3);
    install_all_but(1);
    show("It waits for people", "The same message; the question is a message of its own.",
         view_status(&d, now_ms, arena));
}

static void show_one_machine(void) {
    static const char *managers[] = {"release-managers"};
    const struct plan_names next = {managers, 1};
    again(3);
    steps[INSTALL].guided.note_required = GUIDANCE_IGNORE;
    steps[INSTALL].guided.hint = "Is the disk full?";
    steps[INSTALL].guided.runbook = "https://wiki.example.org/install";
    install_all_but(1);
    show("A step failed on one machine", "A new message, so that it notifies. Here the step wants a note for Ignore.",
         question_card());
    show_window("The window for a note that is required", question_card(), "ignore");
    show_window("The window for an answer with a note", question_card(), NULL);
    now_ms += 10 * 60000;
    show("Reminder", "In the thread of the question.",
         view_reminder(&d, records, record_count, &next, now_ms + 5 * 60000, now_ms, arena));
    now_ms += 5 * 60000;
    show("Escalation", "A new message, perhaps in another room.",
         view_escalation(&d, records, record_count, &next, now_ms, arena));
    const struct digest_item open = view_digest_item(&d, question_card(), NULL, arena);
    show("Digest", "Once a day in a room that wants it.", view_digest(&open, 1, now_ms, arena));
    answer(42, GUIDANCE_RETRY, "alice", "freed /var/cache, 12 GB");
    start(INSTALL, 0);
    show("Answered", "The question's message, edited: the buttons are gone.", question_card());
    succeed(INSTALL, 0);
    show("Answered, and what came of it", "The same once more, when the retry has ended.", question_card());
    again(3);
    install_all_but(1);
    now_ms += 2 * 3600 * 1000;
    give((struct event){.kind = EVENT_DEADLINE, .question = 42});
    show("Nobody answered in time", "The question's message, edited.", question_card());
}

static void show_many_machines(void) {
    again(40);
    install_all_but(7);
    show("A step failed on many machines with the same error", "One card, one mention, one click.", question_card());
    show_window("The window to choose machines", question_card(), NULL);
    answer(42, GUIDANCE_EXCLUDE, "bob", "disk is broken");
    answer(44, GUIDANCE_RETRY, "alice", NULL);
    records[2].taken_by = "carol";
    show("Some machines are answered", "The question's message, edited. Who clicked on the old one is told so.",
         question_card());
}

static void show_special_questions(void) {
    again(3);
    succeed(FETCH, 0);
    lose(INSTALL, 2);
    show("The outcome is unknown", "Nothing is suggested, and looking comes first.", question_card());
    again(3);
    succeed(FETCH, 0);
    start(INSTALL, 1);
    give((struct event){.kind = EVENT_CANCEL, .actor = "bob"});
    now_ms += LIMIT_CANCEL_MS;
    give((struct event){.kind = EVENT_CANCEL_LATE});
    show("A cancel could not be completed", "A worker does not answer, so people decide.", question_card());
    again(3);
    steps[FETCH] = (struct plan_step){.name = "Approve",
                                      .instructions = "Is the change window open?",
                                      .approve = true,
                                      .on_worker = true,
                                      .slot_count = 1,
                                      .max_parallel = 1,
                                      .guided = steps[INSTALL].guided};
    begin();
    show("An approval", "A step of the deployment that waits for a yes.", question_card());
}

static void show_ends(void) {
    again(3);
    install_all_but(0);
    now_ms += 4 * 60000;
    succeed(SMOKE, 0);
    show("Succeeded", "In the thread of the deployment's message.", view_closing(&d, records, record_count, arena));
    show("The deployment's message at the end", "Edited once more.", view_status(&d, now_ms, arena));
    again(3);
    install_all_but(1);
    now_ms += 4 * 60000;
    answer(42, GUIDANCE_EXCLUDE, "alice", "disk is broken");
    break_down(SMOKE, 0);
    answer(43, GUIDANCE_IGNORE, "bob", "known flake");
    show("Succeeded with warnings", "It says who let what pass, and what was last confirmed.",
         view_closing(&d, records, record_count, arena));
    again(3);
    install_all_but(1);
    answer(42, GUIDANCE_FAIL, "alice", "needs a fix");
    show("Failed", "It says where each machine stands.", view_closing(&d, records, record_count, arena));
    again(3);
    succeed(FETCH, 0);
    succeed(INSTALL, 0);
    start(INSTALL, 1);
    give((struct event){.kind = EVENT_CANCEL, .actor = "bob", .note = "wrong version"});
    end(INSTALL, 1, (struct outcome){OUTCOME_CANCELED, 0}, "");
    show("Canceled", "It says where each machine stands.", view_closing(&d, records, record_count, arena));
}

static void show_replies(void) {
    struct buf help = BUF_INIT(PAGE_BYTES);
    show_reply("Open questions: `pending`",
               "2 questions wait, oldest first:\nQ42 webshop 1.4.2 to production, Install on web-3: 12 min\n"
               "Q45 billing 2.0.0 to staging, Migrate on db-2: 2 min, taken by bob\n",
               COMMAND_PENDING, ERR_NONE);
    show_reply("Output: `log D311`",
               "D311, Install on web-3, attempt 1:\nUnpacking webshop (1.4.2) over (1.4.1) ...\n"
               "dpkg: error processing archive\n",
               COMMAND_LOG, ERR_NONE);
    show_reply("A refusal",
               "You may not answer Ignore for webshop in production. Nothing was changed. release-managers may.",
               COMMAND_IGNORE, ERR_DENIED);
    assert_int_equal(command_help("retry", &help, NULL), 0);
    show_reply("Help: `help retry`", help.data, COMMAND_HELP, ERR_NONE);
    buf_finish(&help);
}

static const char INTRODUCTION[] =
    "# What people see in Slack\n\n"
    "Generated by `make docs` from the messages that the program sends; do not edit. The deployments are played "
    "through "
    "by the\nreal state machine, so that each consequence is what would happen then. Slack draws the buttons and asks "
    "the question of a\nconfirm dialog, whose way out is \"Keep waiting\"; the typed words under the buttons do the "
    "same "
    "as the buttons.\n";

static void write_page(void) {
    FILE *file = fopen(PAGE, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(page.data, 1, page.size, file), page.size);
    assert_int_equal(fclose(file), 0);
}

static void compare_page(void) {
    char *written = mem_alloc(PAGE_BYTES);
    FILE *file = fopen(PAGE, "r");
    size_t size = file == NULL ? 0 : fread(written, 1, PAGE_BYTES - 1, file);
    written[size] = '\0';
    if (file != NULL) {
        (void)fclose(file);
    }
    bool same = str_equal(written, page.data);
    mem_free(written);
    if (!same) {
        fail_msg("%s is not what the program sends; run: make docs", PAGE);
    }
}

static void the_page_shows_what_is_sent(void **state) {
    (void)state;
    buf_adds(&page, INTRODUCTION);
    show_progress();
    show_one_machine();
    show_many_machines();
    show_special_questions();
    show_ends();
    show_replies();
    assert_false(page.overflow);
    assert_true(number >= 20);
    if (getenv("GUIDEPOST_WRITE_DOCS") != NULL) {
        write_page();
    } else {
        compare_page();
    }
    buf_finish(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {view_test(the_page_shows_what_is_sent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

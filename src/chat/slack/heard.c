/*
 * heard_parse, at the end, reads as the contents: each type of envelope has its reader. A reader fills in what it finds
 * and says why it is nothing, or NULL.
 */

#include "heard.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "core/command.h"
#include "inputs.h"
#include "modal.h"
#include "plain.h"

struct reader {
    const struct json *payload;
    const struct heard_self *self;
    struct arena *arena;
    struct heard *heard;
};

/* A string of the payload if it can be an id, a time stamp or a trigger: short, and nothing but these characters.
 * So none can forge a key, a mention or a line of the log. */
static const char *read_id(struct reader *r, const struct json *node) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+/=";
    const char *text = json_string(node);
    size_t size = text ? strspn(text, letters) : 0;
    return size > 0 && size <= LIMIT_SLACK_ID_BYTES && text[size] == '\0' ? arena_strdup(r->arena, text) : NULL;
}

static const char *read_path(struct reader *r, const char *path) {
    return read_id(r, json_path(r->payload, path));
}

static const char *read_url(struct reader *r, const struct json *node) {
    const char *text = json_string(node);
    if (!text || (!str_starts(text, "https://") && !str_starts(text, "http://"))) {
        return NULL;
    }
    for (const char *at = text; *at; at++) {
        if (*at <= ' ' || *at > '~') {
            return NULL;
        }
    }
    return arena_strdup(r->arena, text);
}

/* Anything but nothing: of a mark that makes a message none of a person, the type does not matter. */
static bool is_set(const struct json *node) {
    return node && !json_is_null(node) && !str_equal(json_string(node), "") && json_bool(node, true);
}

static void read_team(struct reader *r, const char *team) {
    r->heard->team = team;
    r->heard->foreign = team && r->self->team && !str_equal(team, r->self->team);
}

static void read_channel(struct reader *r, const char *channel) {
    r->heard->channel = channel;
    r->heard->direct |= channel && *channel == 'D';
}

/* The size of the first word; words end like those of the command parser. */
static size_t word_size(const char *text) {
    return strcspn(text, " \t\r\n,:");
}

static bool word_is(const char *text, size_t size, const char *word) {
    return word && strlen(word) == size && str_starts_nocase(text, word);
}

/* The name of a command for a question, or of an answer to one; else NULL. */
static const char *question_verb(const char *text, size_t size) {
    static const enum guidance ANSWERS[] = {GUIDANCE_RETRY, GUIDANCE_IGNORE,  GUIDANCE_EXCLUDE,
                                            GUIDANCE_FAIL,  GUIDANCE_PROCEED, GUIDANCE_ABORT};
    for (size_t i = 0; i < sizeof ANSWERS / sizeof *ANSWERS; i++) {
        if (word_is(text, size, guidance_word(ANSWERS[i]))) {
            return guidance_word(ANSWERS[i]);
        }
    }
    size_t count;
    const struct command_entry *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        if (str_starts(table[i].usage, "Q42") && word_is(text, size, table[i].name)) {
            return table[i].name;
        }
    }
    return NULL;
}

/* messages */

/* Skips our mention, <@U1> or <@U1|name>, and what is put behind it. Read from the raw text: see plain.h. */
static bool skip_mention(const char **text, const char *user) {
    const char *at = *text + plain_skip(*text);
    size_t size = user ? strlen(user) : 0;
    if (size == 0 || !str_starts(at, "<@") || strncmp(at + 2, user, size) != 0) {
        return false;
    }
    at += 2 + size;
    const char *end = strchr(at, '>');
    if (!end || (*at != '>' && *at != '|')) {
        return false;
    }
    at = end + 1;
    at += plain_skip(at);
    *text = at + (*at == ',' || *at == ':');
    return true;
}

/* Skips our name where it is typed as a word: in threads Slack has no slash commands, and people type them all the same. */
static bool skip_name(const char **line, const char *command) {
    const char *text = *line + (**line == '/');
    size_t size = word_size(text);
    if (!word_is(text, size, "guidepost") && !(command && word_is(text, size, command + (*command == '/')))) {
        return false;
    }
    text += size + (text[size] == ',' || text[size] == ':');
    *line = text + plain_skip(text);
    return true;
}

/* In a thread people also talk. `retry`, `exclude web-3` are answers; "take your time" and "who did this" are not: behind
 * a verb that is no answer only a number may stand. */
static bool is_answer(const char *line) {
    size_t size = word_size(line);
    const char *verb = question_verb(line, size);
    const char *rest = line + size + plain_skip(line + size);
    bool number = *rest >= '0' && *rest <= '9';
    number |= (*rest == 'Q' || *rest == 'q') && rest[1] >= '0' && rest[1] <= '9';
    return verb && (guidance_parse(verb) != GUIDANCE_NONE || *rest == '\0' || number);
}

/* Why these are no fresh words of a person, or NULL. */
static const char *read_author(struct reader *r, const struct json *event) {
    const char *subtype = json_string(json_get(event, "subtype"));
    bool kept = str_equal(subtype, "thread_broadcast") || str_equal(subtype, "file_share");
    if (is_set(json_get(event, "subtype")) && !kept) {
        return "a message of a subtype that nobody typed";
    }
    if (is_set(json_get(event, "edited"))) {
        return "an edited message";
    }
    if (is_set(json_get(event, "bot_id")) || is_set(json_get(event, "app_id")) ||
        is_set(json_get(event, "bot_profile"))) {
        return "a message of a bot or an app";
    }
    if (is_set(json_get(event, "hidden"))) {
        return "a hidden message";
    }
    r->heard->user = read_id(r, json_get(event, "user"));
    if (!r->heard->user) {
        return "a message without a user";
    }
    if (str_equal(r->heard->user, r->self->user) || str_equal(r->heard->user, "USLACKBOT")) {
        return "a message of ourselves or of Slack";
    }
    return NULL;
}

static const char *read_place(struct reader *r, const struct json *event) {
    struct heard *heard = r->heard;
    const char *home = read_path(r, "team_id");
    read_channel(r, read_id(r, json_get(event, "channel")));
    heard->direct |= str_equal(json_string(json_get(event, "channel_type")), "im");
    heard->message = read_id(r, json_get(event, "ts"));
    heard->thread = read_id(r, json_get(event, "thread_ts"));
    if (str_equal(heard->thread, heard->message)) {
        heard->thread = NULL;
    }
    heard->thread_reply = heard->thread != NULL;
    const char *const TEAMS[] = {"user_team", "source_team", "team"};
    const char *team = NULL;
    for (size_t i = 0; i < sizeof TEAMS / sizeof *TEAMS && !team; i++) {
        team = read_id(r, json_get(event, TEAMS[i]));
    }
    read_team(r, team ? team : home);
    if (!home || !heard->channel || !heard->message) {
        return "a message without a workspace, channel or time stamp";
    }
    heard->key = arena_printf(r->arena, "%s:%s:%s", home, heard->channel, heard->message);
    return NULL;
}

static const char *read_message(struct reader *r, const struct json *event) {
    const char *text = json_string(json_get(event, "text"));
    const char *why = read_author(r, event);
    why = why ? why : read_place(r, event);
    if (why || !text) {
        return why ? why : "a message without text";
    }
    bool mentioned = skip_mention(&text, r->self->user);
    if (!mentioned && str_equal(json_string(json_get(event, "type")), "app_mention")) {
        return "a mention that is not at the beginning";
    }
    r->heard->addressed = mentioned || r->heard->direct;
    r->heard->line = plain_text(text, r->arena);
    bool named = skip_name(&r->heard->line, r->self->command);
    if (!r->heard->addressed && !r->heard->thread_reply) {
        return "a message in a channel that is not for us";
    }
    if (!r->heard->addressed && !named && !is_answer(r->heard->line)) {
        return "talk in a thread";
    }
    r->heard->kind = HEARD_COMMAND;
    return NULL;
}

/* events */

static const char *read_changed(struct reader *r, const char *user, const char *group) {
    r->heard->user = user;
    r->heard->group = group;
    if (!user && !group) {
        return "a change of nobody";
    }
    r->heard->kind = HEARD_CHANGED;
    return NULL;
}

static const char *read_event(struct reader *r) {
    const struct json *event = json_get(r->payload, "event");
    const char *type = json_string(json_get(event, "type"));
    if (str_equal(type, "message") || str_equal(type, "app_mention")) {
        return read_message(r, event);
    }
    if (str_equal(type, "user_change") || str_equal(type, "team_join")) {
        return read_changed(r, read_id(r, json_path(event, "user.id")), NULL);
    }
    if (str_equal(type, "subteam_members_changed")) {
        return read_changed(r, NULL, read_id(r, json_get(event, "subteam_id")));
    }
    if (str_equal(type, "subteam_updated")) {
        return read_changed(r, NULL, read_id(r, json_path(event, "subteam.id")));
    }
    /* Tokens of users are none of ours. */
    if (str_equal(type, "app_uninstalled") ||
        (str_equal(type, "tokens_revoked") && json_first(json_path(event, "tokens.bot")) != NULL)) {
        r->heard->kind = HEARD_REVOKED;
        return NULL;
    }
    return "an event that does not matter";
}

/* slash commands */

static const char *read_slash(struct reader *r) {
    struct heard *heard = r->heard;
    const char *text = json_string(json_get(r->payload, "text"));
    if (!str_equal(json_string(json_get(r->payload, "command")), r->self->command)) {
        return "a slash command that is not ours";
    }
    heard->user = read_path(r, "user_id");
    heard->trigger_id = read_path(r, "trigger_id");
    heard->response_url = read_url(r, json_get(r->payload, "response_url"));
    read_channel(r, read_path(r, "channel_id"));
    read_team(r, read_path(r, "team_id"));
    if (!heard->user || !heard->team || !heard->trigger_id) {
        return "a slash command without a user, workspace or trigger";
    }
    heard->key = arena_printf(r->arena, "slash:%s:%s", heard->team, heard->trigger_id);
    heard->line = plain_text(text ? text : "", r->arena);
    (void)skip_name(&heard->line, r->self->command);
    heard->addressed = true;
    heard->kind = HEARD_COMMAND;
    return NULL;
}

/* buttons and modals */

/* Who did it, where, for both. */
static const char *read_person(struct reader *r) {
    struct heard *heard = r->heard;
    const char *team = read_path(r, "user.team_id");
    heard->user = read_path(r, "user.id");
    heard->trigger_id = read_path(r, "trigger_id");
    read_team(r, team ? team : read_path(r, "team.id"));
    return heard->user ? NULL : "an act without a user";
}

/* A whole number that is written in the one way, and what must follow it; else NULL. */
static const char *read_number(const char *text, char end, uint64_t max, uint64_t *ret_number) {
    enum { DIGITS = 20 };
    char digits[DIGITS + 1] = "";
    size_t size = strspn(text, "0123456789");
    struct err err;
    if (size == 0 || size > DIGITS || *text == '0' || text[size] != end) {
        return NULL;
    }
    memcpy(digits, text, size);
    return str_to_u64(digits, ret_number, &err) == 0 && *ret_number <= max ? text + size : NULL;
}

/* "Q42:3": the question and how many the card showed. */
static bool read_value(const char *value, struct heard *heard) {
    uint64_t question, revision;
    const char *rest = value && *value == 'Q' ? read_number(value + 1, ':', UINT64_MAX, &question) : NULL;
    if (!rest || !read_number(rest + 1, '\0', UINT32_MAX, &revision)) {
        return false;
    }
    heard->question = question;
    heard->revision = (uint32_t)revision;
    return true;
}

/* "D311" */
static bool read_deployment(const char *value, struct heard *heard) {
    return value && *value == 'D' && read_number(value + 1, '\0', UINT64_MAX, &heard->deployment);
}

/* gp.choose, gp.resume, gp.<verb>, gp.<verb>.note; anything else leaves HEARD_NOTHING. */
static enum heard_kind read_action(const char *action, const char **ret_verb) {
    if (!action || !str_starts(action, "gp.")) {
        return HEARD_NOTHING;
    }
    action += strlen("gp.");
    if (str_equal(action, "choose")) {
        return HEARD_CHOOSE;
    }
    static const char *const RESUMES[] = {"resume", "rerun-unknown"};
    for (size_t i = 0; i < sizeof RESUMES / sizeof *RESUMES; i++) {
        if (str_equal(action, RESUMES[i])) {
            *ret_verb = RESUMES[i];
            return HEARD_RESUME;
        }
    }
    size_t size = strcspn(action, ".");
    bool note = str_equal(action + size, ".note");
    const char *verb = question_verb(action, size);
    bool exact = verb && strncmp(verb, action, size) == 0 && (note || action[size] == '\0');
    if (!exact || (note && guidance_parse(verb) == GUIDANCE_NONE)) {
        return HEARD_NOTHING;
    }
    *ret_verb = verb;
    return note ? HEARD_NOTE : HEARD_ANSWER_CLICK;
}

static const char *read_click(struct reader *r) {
    struct heard *heard = r->heard;
    const struct json *action = json_first(json_get(r->payload, "actions"));
    const char *action_ts = read_id(r, json_get(action, "action_ts"));
    const char *channel = read_path(r, "container.channel_id");
    enum heard_kind kind = read_action(json_string(json_get(action, "action_id")), &heard->verb);
    if (kind == HEARD_NOTHING) {
        return "a click that asks for nothing";
    }
    const char *value = json_string(json_get(action, "value"));
    if (kind == HEARD_RESUME ? !read_deployment(value, heard) : !read_value(value, heard)) {
        return "a click on a button without a question or deployment";
    }
    heard->response_url = read_url(r, json_get(r->payload, "response_url"));
    heard->message = read_path(r, "container.message_ts");
    heard->thread = read_path(r, "container.thread_ts");
    heard->thread_reply = heard->thread != NULL;
    read_channel(r, channel ? channel : read_path(r, "channel.id"));
    if (!heard->channel || !heard->message || !action_ts) {
        return "a click without a channel, message or time stamp";
    }
    if ((kind == HEARD_CHOOSE || kind == HEARD_NOTE) && !heard->trigger_id) {
        return "a click without the trigger for a modal";
    }
    heard->key = arena_printf(r->arena, "click:%s:%s:%s:%s", heard->channel, heard->message, action_ts, heard->user);
    heard->kind = kind;
    return NULL;
}

static const char *read_submission(struct reader *r) {
    const struct json *view = json_get(r->payload, "view");
    const char *id = read_path(r, "view.id");
    const char *hash = read_path(r, "view.hash");
    const char *callback = json_string(json_get(view, "callback_id"));
    bool inputs = str_equal(callback, INPUTS_CALLBACK);
    if (!inputs && !str_equal(callback, MODAL_CALLBACK)) {
        return "a modal that is not ours";
    }
    if (!id || !hash) {
        return "a modal without its id";
    }
    r->heard->view = view;
    r->heard->window = id;
    /* A window that was sent, found wrong and sent again has the same hash, but a trigger of its own. */
    const char *trigger = r->heard->trigger_id ? r->heard->trigger_id : "";
    r->heard->key = arena_printf(r->arena, "view:%s:%s:%s", id, hash, trigger);
    r->heard->kind = inputs ? HEARD_INPUTS : HEARD_SUBMISSION;
    return NULL;
}

static const char *read_interactive(struct reader *r) {
    const char *type = json_string(json_get(r->payload, "type"));
    const char *why = read_person(r);
    if (why) {
        return why;
    }
    if (str_equal(type, "block_actions")) {
        return read_click(r);
    }
    if (str_equal(type, "view_submission")) {
        return read_submission(r);
    }
    return "an act that does not matter";
}

void heard_parse(const char *type, const struct json *payload, const struct heard_self *self, struct arena *arena,
                 struct heard *ret_heard) {
    struct heard heard = {0};
    struct reader r = {.payload = payload, .self = self, .arena = arena, .heard = &heard};
    const char *app = json_string(json_get(payload, "api_app_id"));
    const char *why = "an envelope of an unknown type";
    if (!str_empty(app) && self->app_id && !str_equal(app, self->app_id)) {
        why = "a payload for another app";
    } else if (str_equal(type, "events_api")) {
        why = read_event(&r);
    } else if (str_equal(type, "slash_commands")) {
        why = read_slash(&r);
    } else if (str_equal(type, "interactive")) {
        why = read_interactive(&r);
    }
    *ret_heard = why ? (struct heard){.kind = HEARD_NOTHING, .why = why} : heard;
}

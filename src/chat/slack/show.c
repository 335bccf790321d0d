/*
 * Cards out. A post that may have happened before is looked for by the nonce in its metadata; blocks that Slack refuses are
 * left out, since a question must get through.
 */

#include "adapter.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "blocks.h"

#define EVENT_TYPE "guidepost_card"

struct showing {
    struct slack *slack;
    const struct card *card; /* borrowed until shown */
    char *room, *thread, *nonce;
    char *message; /* of an edit, or found */
    char *cursor;
    int64_t since_ms; /* of a post that is looked for: it is not older */
    bool bare;        /* without blocks */
    chat_shown *shown;
    void *user;
};

static void showing_look(struct showing *showing);
static void showing_send(struct showing *showing);

static struct showing *showing_create(struct chat *chat, const char *room, const struct card *card, chat_shown *shown,
                                      void *user) {
    struct showing *showing = mem_alloc(sizeof *showing);
    showing->slack = (struct slack *)chat;
    showing->room = mem_strdup(room);
    showing->card = card;
    showing->shown = shown;
    showing->user = user;
    return showing;
}

static void showing_end(struct showing *showing, const char *message, const struct err *err) {
    showing->shown(message, err, showing->user);
    mem_free(showing->room);
    mem_free(showing->thread);
    mem_free(showing->nonce);
    mem_free(showing->message);
    mem_free(showing->cursor);
    mem_free(showing);
}

/* What only people can mend in a room, and how. */
static const char *remedy(const char *error) {
    static const struct {
        const char *error, *text;
    } remedies[] = {
        {"channel_not_found",
         "the bot sees no channel with this id. Correct the id, or invite the bot if it is private"},
        {"not_in_channel", "the bot is not in this channel. Write in it: /invite @guidepost"},
        {"is_archived", "the channel is archived. Unarchive it, or name another one"},
        {"restricted_action", "the bot may not write in this channel. Let it, in the channel's permissions"},
        {"restricted_action_read_only_channel", "only some may write in this channel. Let the bot, in its permissions"},
    };
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++) {
        if (str_equal(error, remedies[i].error)) {
            return remedies[i].text;
        }
    }
    return NULL;
}

/* What cannot be edited any more is as good as deleted: people must see the truth in a new message. */
static bool is_gone(const char *error) {
    return str_equal(error, "message_not_found") || str_equal(error, "cant_update_message") ||
           str_equal(error, "edit_window_closed");
}

/* What a reply was to go under. */
static bool is_orphan(const char *error) {
    return str_equal(error, "thread_not_found") || str_equal(error, "message_not_found");
}

static const char *said(const struct call_reply *reply) {
    if (str_equal(reply->error, "no_reply")) {
        return "no reply came";
    }
    return reply->detail[0] != '\0' ? reply->detail : "it refuses";
}

static void showing_fail(struct showing *showing, const struct call_reply *reply) {
    struct err err;
    const char *help = remedy(reply->error);
    bool gone = showing->message != NULL ? is_gone(reply->error) : showing->thread != NULL && is_orphan(reply->error);
    enum err_code code = gone           ? ERR_NOT_FOUND
                         : help != NULL ? ERR_DENIED
                         : reply->maybe ? ERR_UNKNOWN
                                        : ERR_UNAVAILABLE;
    (void)err_set(&err, code, "Slack: %s (%s).", help != NULL ? help : said(reply), reply->error);
    showing_end(showing, NULL, &err);
}

/* --- writing -------------------------------------------------------------------------------------------------- */

static const char *name_person(const char *person, void *user) {
    const struct config_person *found = config_find_person(user, person);
    return found == NULL ? NULL : found->slack;
}

static const char *name_group(const char *team, void *user) {
    const struct config_team *found = config_find_team(user, team);
    return found == NULL ? NULL : found->slack_usergroup;
}

static struct plan_names name_members(const char *team, void *user) {
    const struct config_team *found = config_find_team(user, team);
    return found == NULL ? (struct plan_names){0} : (struct plan_names){found->members.items, found->members.count};
}

static void write_body(const struct showing *showing, struct buf *body) {
    const struct config *config = slack_config(showing->slack);
    struct json_out out = {.buf = body};
    json_object_begin(&out, NULL);
    json_add_string(&out, "channel", showing->room);
    if (showing->message != NULL) {
        json_add_string(&out, "ts", showing->message);
    } else {
        if (showing->thread != NULL) {
            json_add_string(&out, "thread_ts", showing->thread);
        }
        json_object_begin(&out, "metadata");
        json_add_string(&out, "event_type", EVENT_TYPE);
        json_object_begin(&out, "event_payload");
        json_add_string(&out, "nonce", showing->nonce);
        json_object_end(&out);
        json_object_end(&out);
        json_add_bool(&out, "unfurl_links", false);
        json_add_bool(&out, "unfurl_media", false);
    }
    if (showing->bare) {
        blocks_text(showing->card, &out);
    } else {
        const struct slack_names names = {name_person, name_group, name_members, (void *)config};
        blocks_card(showing->card, &names, config->url, &out);
    }
    json_object_end(&out);
}

static bool blames_blocks(const char *error) {
    static const char *const errors[] = {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        if (str_equal(error, errors[i])) {
            return true;
        }
    }
    return false;
}

static void showing_sent(const struct call_reply *reply, void *user) {
    struct showing *showing = user;
    if (reply->ok) {
        const char *ts = json_string(json_get(reply->body, "ts"));
        char *message = mem_strdup(ts != NULL ? ts : showing->message);
        if (message == NULL) {
            showing_fail(showing, &(struct call_reply){.error = "a reply without ts", .detail = ""});
        } else {
            showing_end(showing, message, NULL);
        }
        mem_free(message);
    } else if (showing->nonce != NULL && showing->message != NULL && is_gone(reply->error)) {
        mem_free(showing->message); /* It was found, and cannot be edited any more. */
        showing->message = NULL;
        showing_send(showing);
    } else if (!showing->bare && blames_blocks(reply->error)) {
        showing->bare = true;
        showing_send(showing);
    } else {
        showing_fail(showing, reply);
    }
}

/* A card may wait long for its turn: another process may show it by then. */
static bool is_ours(void *user) {
    const struct showing *showing = user;
    return showing->slack->options.leads_surely(showing->slack->options.user);
}

static void showing_send(struct showing *showing) {
    static const enum call_priority priorities[] = {
        [CARD_STATUS] = CALL_PROGRESS, [CARD_QUESTION] = CALL_QUESTION,   [CARD_CLOSING] = CALL_REPLY,
        [CARD_REMINDER] = CALL_REPLY,  [CARD_ESCALATION] = CALL_QUESTION, [CARD_DIGEST] = CALL_REPLY,
    };
    struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES * 4), key = BUF_INIT(512);
    bool edits = showing->message != NULL;
    write_body(showing, &body);
    buf_printf(&key, "%s:%s", showing->room, edits ? showing->message : "");
    calls_send(showing->slack->calls,
               &(struct call){
                   .method = edits ? CALL_CHAT_UPDATE : CALL_CHAT_POST_MESSAGE,
                   .json = body.data,
                   .channel = showing->room,
                   .priority = priorities[showing->card->kind],
                   .still = is_ours,
                   .key = edits ? key.data : NULL,
                   .once = true, /* the next try shows what is true by then */
               },
               showing_sent, showing);
    buf_finish(&body);
    buf_finish(&key);
}

/* --- looking for the nonce ------------------------------------------------------------------------------------------ */

/* Only our own messages count: anybody may write metadata. */
static const char *find_nonce(const struct json *messages, const char *nonce, const char *self) {
    for (const struct json *item = json_first(messages); item != NULL; item = json_next(item)) {
        const struct json *metadata = json_get(item, "metadata");
        if (str_equal(json_string(json_get(item, "user")), self) &&
            str_equal(json_string(json_get(metadata, "event_type")), EVENT_TYPE) &&
            str_equal(json_string(json_path(metadata, "event_payload.nonce")), nonce)) {
            return json_string(json_get(item, "ts"));
        }
    }
    return NULL;
}

/* What was found may show an older card, so it is edited. */
static void showing_looked(const struct call_reply *reply, void *user) {
    struct showing *showing = user;
    if (!reply->ok) {
        showing_fail(showing, reply);
        return;
    }
    if (showing->slack->user[0] == '\0') { /* None would be found, and it would be posted twice. */
        showing_fail(showing,
                     &(struct call_reply){.error = "auth.test", .detail = "it is not known yet who the bot is"});
        return;
    }
    const char *cursor = json_string(json_path(reply->body, "response_metadata.next_cursor"));
    showing->message = mem_strdup(find_nonce(json_get(reply->body, "messages"), showing->nonce, showing->slack->user));
    mem_free(showing->cursor);
    showing->cursor = mem_strdup(cursor);
    if (showing->message == NULL && !str_empty(cursor)) {
        showing_look(showing);
    } else {
        showing_send(showing);
    }
}

static void showing_look(struct showing *showing) {
    char oldest[32];
    int64_t since_ms = showing->since_ms > LIMIT_SLACK_CLOCK_MS ? showing->since_ms - LIMIT_SLACK_CLOCK_MS : 0;
    (void)snprintf(oldest, sizeof oldest, "%lld.%06lld", (long long)(since_ms / 1000),
                   (long long)(since_ms % 1000 * 1000));
    struct call_field fields[6] = {
        {"channel", showing->room}, {"limit", "200"}, {"include_all_metadata", "true"}, {"oldest", oldest}};
    size_t count = 4;
    if (showing->cursor != NULL) {
        fields[count++] = (struct call_field){"cursor", showing->cursor};
    }
    if (showing->thread != NULL) {
        fields[count++] = (struct call_field){"ts", showing->thread};
    }
    calls_send(showing->slack->calls,
               &(struct call){
                   .method = showing->thread != NULL ? CALL_CONVERSATIONS_REPLIES : CALL_CONVERSATIONS_HISTORY,
                   .fields = fields,
                   .field_count = count,
                   .priority = CALL_REPLY,
                   .once = true,
               },
               showing_looked, showing);
}

void show_post(struct chat *chat, const struct chat_post *post, chat_shown *shown, void *user) {
    struct showing *showing = showing_create(chat, post->room, post->card, shown, user);
    showing->thread = mem_strdup(post->thread);
    showing->nonce = mem_strdup(post->nonce);
    showing->since_ms = post->since_ms;
    if (post->again) {
        showing_look(showing);
    } else {
        showing_send(showing);
    }
}

void show_edit(struct chat *chat, const char *room, const char *message, const struct card *card, chat_shown *shown,
               void *user) {
    struct showing *showing = showing_create(chat, room, card, shown, user);
    showing->message = mem_strdup(message);
    showing_send(showing);
}

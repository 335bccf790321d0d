#include "chat/console.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/mem.h"
#include "config/config.h"
#include "core/view_json.h"
#include "store/feed.h"

struct console {
    struct chat chat; /* first: the adapter's handle */
    struct store *store;
};

/* A message under way. */
struct saying {
    chat_shown *shown;
    void *user;
    char *message;
};

static const char *console_room(struct chat *chat, const struct config_room *room) {
    (void)chat;
    return room->name;
}

static void console_body(struct buf *body, const char *author, const char *text, const struct card *card) {
    struct json_out out = {.buf = body};
    json_object_begin(&out, NULL);
    json_add_string(&out, "author", author);
    json_add_string(&out, "text", text);
    if (card != NULL) {
        view_write_card(&out, "card", card);
    } else {
        json_add_null(&out, "card");
    }
    json_object_end(&out);
}

static void saying_recorded(const struct commit_reply *reply, void *user) {
    struct saying *saying = user;
    struct err err;
    if (reply->result == COMMIT_DONE) {
        saying->shown(saying->message, NULL, saying->user);
    } else {
        (void)err_set(&err, ERR_UNAVAILABLE, "The store is away.");
        saying->shown(NULL, &err, saying->user);
    }
    mem_free(saying->message);
    mem_free(saying);
}

/* The nonce is the message's id, so that a post that is repeated writes the same message. */
static void console_put(struct chat *chat, const char *room, const char *message, const struct card *card,
                        chat_shown *shown, void *user) {
    struct console *console = (struct console *)chat;
    struct saying *saying = mem_alloc(sizeof *saying);
    *saying = (struct saying){shown, user, mem_strdup(message)};
    struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    console_body(&body, "guidepost", card->text, card);
    struct commit *commit = commit_create(console->store, NULL);
    commit_room_put(commit, room, message, body.data, clock_wall_ms());
    buf_finish(&body);
    commit_send(commit, saying_recorded, saying);
}

static void console_post(struct chat *chat, const struct chat_post *post, chat_shown *shown, void *user) {
    console_put(chat, post->room, post->nonce, post->card, shown, user);
}

static void console_edit(struct chat *chat, const char *room, const char *message, const struct card *card,
                         chat_shown *shown, void *user) {
    console_put(chat, room, message, card, shown, user);
}

static void console_stop(struct chat *chat) {
    (void)chat;
}

static const char *console_trouble(struct chat *chat) {
    (void)chat;
    return NULL;
}

static void console_destroy(struct chat *chat) {
    mem_free(chat);
}

static const struct chat_functions console_functions = {
    .name = "console",
    .idempotent = true,
    .room = console_room,
    .post = console_post,
    .edit = console_edit,
    .trouble = console_trouble,
    .stop = console_stop,
    .destroy = console_destroy,
};

struct chat *console_create(struct store *store) {
    struct console *console = mem_alloc(sizeof *console);
    console->chat.functions = &console_functions;
    console->store = store;
    return &console->chat;
}

void console_say(struct store *store, const char *room, const char *author, const char *text, int64_t now_ms) {
    char id[ID_RANDOM_SIZE];
    id_random(id);
    struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    console_body(&body, author, text, NULL);
    struct commit *commit = commit_create(store, NULL);
    commit_room_put(commit, room, id, body.data, now_ms);
    buf_finish(&body);
    commit_send(commit, NULL, NULL);
}

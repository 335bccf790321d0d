#include "fakes/fake_chat.h"

#include <assert.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"

static void copy(char out[FAKE_TEXT], const char *text) {
    (void)snprintf(out, FAKE_TEXT, "%s", text == NULL ? "" : text);
}

struct fake_message *fake_chat_find(struct fake_chat *fake, const char *nonce) {
    for (size_t i = fake->message_count; i-- > 0;) {
        struct fake_message *message = &fake->messages[i];
        if (!message->deleted && str_equal(message->nonce, nonce)) {
            return message;
        }
    }
    return NULL;
}

size_t fake_chat_shown(const struct fake_chat *fake, const char *nonce) {
    size_t count = 0;
    for (size_t i = 0; i < fake->message_count; i++) {
        const struct fake_message *message = &fake->messages[i];
        count += !message->deleted && (nonce == NULL || str_equal(message->nonce, nonce));
    }
    return count;
}

static struct fake_message *message_by_id(struct fake_chat *fake, const char *id) {
    for (size_t i = 0; i < fake->message_count; i++) {
        if (!fake->messages[i].deleted && str_equal(fake->messages[i].id, id)) {
            return &fake->messages[i];
        }
    }
    return NULL;
}

static struct fake_message *new_message(struct fake_chat *fake, const char *nonce) {
    assert(fake->message_count < FAKE_MESSAGES);
    struct fake_message *message = &fake->messages[fake->message_count++];
    (void)snprintf(message->id, sizeof message->id, "m%zu", fake->message_count);
    copy(message->nonce, nonce);
    return message;
}

static void answer(struct fake_chat *fake, struct fake_call *call) {
    enum err_code code = fake->verdict == NULL ? ERR_NONE : fake->verdict(call);
    struct fake_message *message = NULL;
    call->open = false;
    if (call->thread[0] != '\0' && message_by_id(fake, call->thread) == NULL) {
        code = ERR_NOT_FOUND;
    }
    if (code == ERR_NONE || code == ERR_UNKNOWN) {
        message = call->edits   ? message_by_id(fake, call->message)
                  : call->again ? fake_chat_find(fake, call->nonce)
                                : NULL;
        message = message != NULL || call->edits ? message : new_message(fake, call->nonce);
        code = message == NULL ? ERR_NOT_FOUND : code;
    }
    if (message != NULL) {
        copy(message->title, call->title);
    }
    const struct err err = {.code = code, .text = "The fake refuses."};
    call->shown(code == ERR_NONE ? message->id : NULL, code == ERR_NONE ? NULL : &err, call->user);
}

void fake_chat_answer(struct fake_chat *fake) {
    for (size_t i = 0; i < fake->call_count; i++) {
        if (fake->calls[i].open && (fake->holds == NULL || !fake->holds(&fake->calls[i]))) {
            answer(fake, &fake->calls[i]);
        }
    }
}

static void answer_soon(void *user) {
    fake_chat_answer(user);
}

static struct fake_call *call_begin(struct chat *chat, const char *room, const struct card *card, chat_shown *shown,
                                    void *user) {
    struct fake_chat *fake = (struct fake_chat *)chat;
    assert(fake->call_count < FAKE_CALLS);
    struct fake_call *call = &fake->calls[fake->call_count++];
    *call = (struct fake_call){
        .open = true, .kind = card->kind, .at_ms = clock_monotonic_ms(), .shown = shown, .user = user};
    copy(call->room, room);
    copy(call->title, card->title);
    timer_start(fake->timer, 0);
    return call;
}

static void fake_post(struct chat *chat, const struct chat_post *post, chat_shown *shown, void *user) {
    struct fake_call *call = call_begin(chat, post->room, post->card, shown, user);
    call->again = post->again;
    copy(call->thread, post->thread);
    copy(call->nonce, post->nonce);
}

static void fake_edit(struct chat *chat, const char *room, const char *message, const struct card *card,
                      chat_shown *shown, void *user) {
    struct fake_call *call = call_begin(chat, room, card, shown, user);
    call->edits = true;
    copy(call->message, message);
}

static const char *fake_room(struct chat *chat, const struct config_room *room) {
    (void)chat;
    return room->slack;
}

static void fake_destroy(struct chat *chat) {
    struct fake_chat *fake = (struct fake_chat *)chat;
    const struct err err = {.code = ERR_UNAVAILABLE, .text = "It is closed."};
    for (size_t i = 0; i < fake->call_count; i++) {
        if (fake->calls[i].open) {
            fake->calls[i].shown(NULL, &err, fake->calls[i].user);
        }
    }
    timer_destroy(fake->timer);
    mem_free(fake);
}

struct fake_chat *fake_chat_create(struct loop *loop) {
    struct fake_chat *fake = mem_alloc(sizeof *fake);
    fake->functions = (struct chat_functions){
        .name = "fake", .room = fake_room, .post = fake_post, .edit = fake_edit, .destroy = fake_destroy};
    fake->chat.functions = &fake->functions;
    fake->timer = loop_timer(loop, answer_soon, fake);
    return fake;
}

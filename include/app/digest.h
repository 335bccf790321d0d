#ifndef GP_APP_DIGEST_H
#define GP_APP_DIGEST_H

/*
 * Once a day each room that wants it (digest: "09:00") is told which of its questions are open; nothing if there are none.
 * One of these for each chat platform. The day is recorded before the message is posted and after it, so that a room gets
 * one a day over restarts, whoever leads: after a crash in between the next leader looks for the message first.
 */

#include "chat/chat.h"
#include "config/config.h"
#include "net/loop.h"
#include "store/store.h"

struct digest;

struct digest_options {
    struct loop *loop;
    struct store *store;
    struct chat *chat;
    struct config *(*config)(void *user);
    bool (*leads_surely)(void *user);                 /* no other process can show anything now */
    void (*fence)(struct commit *commit, void *user); /* has it refused if another process leads by then */
    void *user;
};

struct digest *digest_create(const struct digest_options *options);
void digest_lead(struct digest *digest, bool leads);
void digest_destroy(struct digest *digest); /* after the chat */

#endif

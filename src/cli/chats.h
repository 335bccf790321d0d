#ifndef GP_CLI_CHATS_H
#define GP_CLI_CHATS_H

/*
 * The chat platforms of one server process: the console always, the others if the configuration has them; each with the
 * reconciler that keeps its rooms true.
 */

#include "chat/chat.h"
#include "config/config.h"
#include "net/loop.h"
#include "store/store.h"

struct chats_options {
    struct loop *loop;
    struct store *store;
    struct config *(*config)(void *user); /* the one in force */
    struct chat_up up;
    bool (*leads_surely)(void *user); /* as in app/reconciler.h */
    void (*fence)(struct commit *commit, void *user);
    void *user;
};

struct chats;

/* Reads the platforms' secrets; one that cannot be read is an error. */
int chats_create(const struct chats_options *options, struct chats **ret_chats, struct err *err) MUST_USE;
void chats_lead(struct chats *chats, bool leads);             /* only the leader shows */
void chats_changed(struct chats *chats, uint64_t deployment); /* what is shown of it may be stale */
void chats_retry(struct chats *chats);                        /* what could not be shown, at once */
void chats_reload(struct chats *chats);                       /* there may be other secrets */
void chats_stop(struct chats *chats);                         /* hears nothing more */
void chats_destroy(struct chats *chats);                      /* after the store; NULL does nothing */

/* A line for each platform: "slack: connected", or what is the matter. */
void chats_write_health(const struct chats *chats, struct buf *out);

#endif

#ifndef GP_CHAT_SLACK_H
#define GP_CHAT_SLACK_H

/*
 * Slack: commands and clicks in by Socket Mode, cards out by the Web API. Every server process has an adapter with a socket
 * of its own, and Slack gives each envelope to one of them; cards are shown by whoever leads. Nothing waits for Slack but
 * what is shown in it.
 */

#include "chat/chat.h"
#include "config/config.h"
#include "net/loop.h"
#include "store/store.h"

struct slack_options {
    struct loop *loop;
    struct store *store;
    struct config *(*config)(void *user); /* the one in force; borrowed until the next turn */
    void *user;
    struct chat_up up;
    bool (*leads_surely)(void *user); /* asked before each card goes out, which may have waited for its turn */
    const char *app_token, *bot_token, *api_url, *ca_file; /* copied */
    bool unpaced;                                          /* for tests: see chat/slack/calls.h */
};

/* Connects by itself and goes on trying; an error here is about what can never work, such as a ca_file. */
int slack_create(const struct slack_options *options, struct chat **ret_chat, struct err *err) MUST_USE;

/* What may be another while it runs. */
struct slack_keys {
    const char *app_token, *bot_token, *ca_file; /* copied */
};

/* They are tried beside those that are used, and taken if Slack takes them: a new connection is there before the old one
 * ends. Else all stays as it was, and `trouble` says so, as it does if they could not be read. */
void slack_renew(struct chat *chat, const struct slack_keys *keys);
void slack_not_renewed(struct chat *chat, const struct err *why);

#endif

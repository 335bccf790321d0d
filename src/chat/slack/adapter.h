#ifndef GP_CHAT_SLACK_ADAPTER_H
#define GP_CHAT_SLACK_ADAPTER_H

/* What the parts of the adapter share: slack.c (its life), listen.c (in), show.c (out), people.c (who is who). */

#include "base/id.h"
#include "chat/slack.h"

#include "calls.h"
#include "heard.h"
#include "people.h"
#include "socket.h"

struct slack {
    struct chat chat; /* first: the adapter's handle */
    struct slack_options options;
    struct calls *calls;
    struct socket *socket;
    struct people *people;
    struct listener *listener;
    struct feed *feed;           /* what the other servers have heard */
    char id[ID_RANDOM_SIZE];     /* of this process among those that listen to Slack */
    struct timer *listen;        /* to say again that it does */
    int64_t processes;           /* that listen, with this one; as it was last known */
    char team[64], user[64];     /* of the bot, by auth.test; "" = not known yet */
    bool revoked;                /* Slack says that our token works no more */
    char trouble[ERR_TEXT_SIZE]; /* "" = none */

    char *api_url;                                            /* or NULL */
    char digest[ID_DIGEST_SIZE], authorities[ID_DIGEST_SIZE]; /* of the tokens and of the ca_file that are used */
    unsigned keys_count, keys_opening; /* how often they were renewed; by when a connection was asked for */
    bool stopped;                      /* Slack takes them no more */
    struct renewal *renewal;           /* or NULL */
    char not_renewed[ERR_TEXT_SIZE];   /* why new ones are not used; "" = there are none */
};

const struct config *slack_config(const struct slack *slack);

/* The room of the configuration that this channel is, or NULL. */
const char *slack_room_of(const struct slack *slack, const char *channel);

/* It connects, or tries to, with the tokens that it has. */
bool slack_connects(const struct slack *slack);

/* The app was removed, or its token revoked. */
void slack_revoked(struct slack *slack);

void show_post(struct chat *chat, const struct chat_post *post, chat_shown *shown, void *user);
void show_edit(struct chat *chat, const char *room, const char *message, const struct card *card, chat_shown *shown,
               void *user);

struct listener *listener_create(struct slack *slack);
/* After calls and operations have ended what they owed. */
void listener_destroy(struct listener *listener);
void listener_hear(struct listener *listener, const struct envelope *envelope, uint64_t token);

#endif

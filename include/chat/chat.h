#ifndef GP_CHAT_CHAT_H
#define GP_CHAT_CHAT_H

/*
 * Talking with people. An adapter shows cards in rooms and hears people; it decides nothing. The whole interface is five functions
 * down and two callbacks up, so that a new platform is small and the console and the test fake are about a hundred lines each.
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/command.h"
#include "core/view.h"

/* Who says something, from the authenticated transport alone: never from what was said. */
struct actor {
    const char *name; /* of a person in the configuration, or "local:<OS user>" */
    const char *via;  /* slack, matrix, console, api, cli */
    bool everything;  /* the local user of `up` and `demo`: may do anything */
    /* Teams of the configuration that the platform says they are in, beside those whose members the configuration names. */
    struct plan_names teams;
};

/* Where it was said. */
struct place {
    const char *adapter, *room; /* may be NULL: the command line */
    uint64_t question;          /* said in the thread of this question's card; 0 = none */
};

/* What somebody wants, from whichever side it comes: a typed command, a click, a REST call. */
struct operation {
    struct actor actor;
    struct place place;
    struct command command;
    bool single;            /* an answer for exactly this question (REST), not for its card */
    uint32_t card_revision; /* a click: how many questions the card showed; 0 = as it is now */
    const char *event_id;   /* the platform's id of this event, for deduplication; or NULL */
};

struct operation_reply {
    const struct err *err;         /* NULL = done */
    const char *text;              /* fit for the room; never NULL */
    const char *json;              /* the same as data for programs: a JSON object; may be NULL */
    uint64_t deployment, question; /* what it is about; 0 = nothing */
    bool lacks_inputs;             /* refused, but would be possible with the required inputs that it does not name */
};

/* Each operation gets exactly one reply, never before the call has returned; borrowed until it returns. */
typedef void operation_done(const struct operation_reply *reply, void *user);
typedef void operation_start(const struct operation *operation, operation_done *done, void *done_user, void *user);

/* Whether an actor may give this command there, before a window is opened for it; if not, appends the sentence that the
 * operation would be refused with. */
typedef bool operation_may(const struct actor *actor, enum command_id command, const char *project,
                           const char *environment, struct buf *why, void *user);

struct chat_up {
    operation_start *start; /* a command was heard, or an answer was given */
    void *user;
    operation_may *may;
};

/* message: the platform's id of the message that now shows the card; borrowed. err NULL = shown. */
typedef void chat_shown(const char *message, const struct err *err, void *user);

struct chat;
struct config_room;

/* A new message. Everything is borrowed until `shown`. */
struct chat_post {
    const char *room;
    const char *thread; /* the message that it belongs under, or NULL; ignored where there are no threads */
    const struct card *card;
    const char *nonce; /* names this post for ever */
    bool again;        /* it may have been posted before: look for the nonce first */
    int64_t since_ms;  /* it cannot have been posted before this */
};

struct chat_functions {
    const char *name; /* slack, matrix, console */
    bool
        idempotent; /* a post that is repeated with its nonce appears once by itself, so that nobody need remember a try */
    /* The platform's id of a room of the configuration, or NULL if the room is not on this platform. */
    const char *(*room)(struct chat *chat, const struct config_room *room);
    /* Shows the card in a new message. ERR_UNKNOWN: it may have appeared, or will yet. ERR_NOT_FOUND: somebody has
     * deleted the message that it belongs under. ERR_DENIED, also of an edit: the room takes nothing until people act. */
    void (*post)(struct chat *chat, const struct chat_post *post, chat_shown *shown, void *user);
    /* Shows the card, borrowed until `shown`, in that message. ERR_NOT_FOUND: somebody has deleted it. */
    void (*edit)(struct chat *chat, const char *room, const char *message, const struct card *card, chat_shown *shown,
                 void *user);
    /* How it is, for people: NULL = connected, or needs no connection; else a sentence. */
    const char *(*trouble)(struct chat *chat);
    void (*stop)(struct chat *chat);    /* hears nothing more */
    void (*destroy)(struct chat *chat); /* what is under way is told as failed */
};

struct chat {
    const struct chat_functions *functions;
};

#endif

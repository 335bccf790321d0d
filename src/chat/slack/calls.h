#ifndef GP_CHAT_SLACK_CALLS_H
#define GP_CHAT_SLACK_CALLS_H

/*
 * Slack's Web API (https://docs.slack.dev/apis/web-api/): calls of methods, at the pace that Slack allows. Those that
 * wait go out by priority and then by age. Faults (no network, timeouts, 5xx, replies that are no JSON) are tried again
 * with growing pauses and full jitter while the deadline lasts; but a call that must not happen twice only if it has
 * surely not happened: else its reply says `maybe`, and the caller looks whether it did.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "net/loop.h"

/*
 * Every method that is used: name; the token it takes (the app's xapp- or the bot's xoxb-); the form of its body; calls
 * a minute that Slack allows to one app in one workspace; the scopes that it needs, separated by spaces; what may be
 * done when it is not known whether it happened: AGAIN (it may happen twice) or ONCE. tests/lint compares the scopes
 * with config/slack-manifest.yaml.
 */
#define CALL_METHODS(X)                                                                                        \
    X(APPS_CONNECTIONS_OPEN, "apps.connections.open", APP, FORM, 50, "connections:write", AGAIN)               \
    X(AUTH_TEST, "auth.test", BOT, FORM, 100, "", AGAIN)                                                       \
    X(CHAT_POST_EPHEMERAL, "chat.postEphemeral", BOT, JSON, 100, "chat:write", ONCE)                           \
    X(CHAT_POST_MESSAGE, "chat.postMessage", BOT, JSON, 300, "chat:write",                                     \
      ONCE) /* and one a second in each channel */                                                             \
    X(CHAT_UPDATE, "chat.update", BOT, JSON, 50, "chat:write", AGAIN)                                          \
    X(CONVERSATIONS_HISTORY, "conversations.history", BOT, FORM, 50, "channels:history groups:history", AGAIN) \
    X(CONVERSATIONS_INFO, "conversations.info", BOT, FORM, 50, "channels:read groups:read", AGAIN)             \
    X(CONVERSATIONS_REPLIES, "conversations.replies", BOT, FORM, 50, "channels:history groups:history", AGAIN) \
    X(USERGROUPS_USERS_LIST, "usergroups.users.list", BOT, FORM, 20, "usergroups:read", AGAIN)                 \
    X(USERS_INFO, "users.info", BOT, FORM, 100, "users:read", AGAIN)                                           \
    X(VIEWS_OPEN, "views.open", BOT, JSON, 100, "", ONCE)

enum call_method {
#define X(id, name, token, body, per_minute, scopes, repeat) CALL_##id,
    CALL_METHODS(X)
#undef X
        CALL_METHOD_COUNT
};

enum call_priority { CALL_PROGRESS, CALL_REPLY, CALL_QUESTION }; /* the later, the sooner */

struct call_field {
    const char *name, *value;
};

/* Everything is copied. */
struct call {
    enum call_method method;
    const char *json;                /* the body of a JSON method: an object; NULL = {} */
    const struct call_field *fields; /* the arguments of a FORM method */
    size_t field_count;
    const char *channel; /* chat.postMessage: whose pace is kept; or NULL */
    enum call_priority priority;
    bool (*still)(void *user); /* asked when its turn comes, with the callback's user: is it wanted? NULL = yes */
    /* One thing that is shown anew, such as a message; or NULL. Calls of a method with the same key go out in order and
     * one at a time, LIMIT_SLACK_EDIT_MS apart; one that still waits is replaced by a later one, which takes its place.
     */
    const char *key;
    bool once; /* not tried again after a fault, but still after a 429: who calls has something newer to say by then */
    int64_t
        deadline_ms; /* from now, for all attempts; 0 = LIMIT_SLACK_CALL_MS, for views.open LIMIT_SLACK_TRIGGER_MS */
};

/*
 * What came of a call; borrowed until the callback returns. `error` is Slack's word (docs of each method), or one of:
 *   no_reply   the network failed or was too slow      closed     by calls_destroy
 *   bad_reply  not what Slack replies with             replaced   by a later call with the same key
 *   http_<n>   an HTTP status that is no success       used_up    the response_url
 *   unwanted   `still` said no when its turn came
 *   deadline   it passed while the call waited         full       LIMIT_SLACK_WAITING calls wait already
 */
struct call_reply {
    bool ok;
    const char *error;       /* NULL if ok */
    bool maybe;              /* not ok, but it may have happened: look before it is done again */
    bool fatal;              /* the token is no good, for every call: people must act */
    const char *detail;      /* for the log: what the error is about; "" if nothing is known; never NULL */
    const char *scopes;      /* of the token, separated by commas, as Slack says; NULL if it does not */
    const struct json *body; /* the whole reply, also of an error; NULL if none came */
};

typedef void call_done(const struct call_reply *reply, void *user);

struct calls_options {
    const char *api_url;               /* NULL = https://slack.com/api */
    const char *app_token, *bot_token; /* masked in logs from here on; wiped by calls_destroy */
    const char *ca_file;               /* as in struct http_options */
    bool unpaced;                      /* for tests: no rate is kept but what Retry-After asks for */
};

struct calls;

struct calls *calls_create(struct loop *loop, const struct calls_options *options); /* copies the options */

/* From now on with these. What is on its way goes on with the old ones. Not to be called inside a callback. */
void calls_renew(struct calls *calls, const char *app_token, const char *bot_token, const char *ca_file);

/* What is not done yet is ended with "closed" before this returns; a call made by its callback is dropped without one.
 * NULL does nothing. Must not be called inside a callback. */
void calls_destroy(struct calls *calls);

/* Each call gets exactly one callback, never inside calls_send. views.open waits for nobody. done may be NULL:
 * then a failure is logged. */
void calls_send(struct calls *calls, const struct call *call, call_done *done, void *user);

/* Answers by the response_url of a command or a click, which works LIMIT_SLACK_RESPONSES times: a JSON object as for
 * chat.postEphemeral. */
void calls_respond(struct calls *calls, const char *response_url, const char *json, call_done *done, void *user);

#endif

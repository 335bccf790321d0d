/* The adapter's life: it connects, learns who it is, and says how it is. */

#include "adapter.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "renew.h"
#include "store/feed.h"
#include "store/listeners.h"

const struct config *slack_config(const struct slack *slack) {
    return slack->options.config(slack->options.user);
}

const char *slack_room_of(const struct slack *slack, const char *channel) {
    const struct config *config = slack_config(slack);
    for (size_t i = 0; i < config->room_count; i++) {
        if (str_equal(config->rooms[i].slack, channel)) {
            return config->rooms[i].name;
        }
    }
    return NULL;
}

static const char *slack_room(struct chat *chat, const struct config_room *room) {
    (void)chat;
    return room->slack;
}

static const char *slack_trouble(struct chat *chat) {
    const struct slack *slack = (const struct slack *)chat;
    if (slack->not_renewed[0] != '\0') {
        return slack->not_renewed;
    }
    if (slack->revoked) {
        return "Slack has removed the app or revoked its token. Install it again, put the new token into its file, "
               "then "
               "reload guidepost (SIGHUP).";
    }
    return slack->trouble[0] == '\0' ? people_trouble(slack->people) : slack->trouble;
}

void slack_revoked(struct slack *slack) {
    slack->revoked = true;
    log_error("slack: the app was removed or its token revoked; install it again, then reload guidepost", LOG_END);
}

/* --- who we are ------------------------------------------------------------------------------------------------- */

bool slack_connects(const struct slack *slack) {
    return !slack->stopped && !slack->revoked;
}

static void copy_text(char *out, size_t size, const struct json *node) {
    const char *text = json_string(node);
    (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

static void open_now(struct slack *slack);

/* Fails to open for now, or for good. */
static void open_failed(struct slack *slack, const char *method, const struct call_reply *reply) {
    char text[ERR_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "%s: %s%s%s", method, reply->error, reply->detail[0] == '\0' ? "" : ", ",
                   reply->detail);
    bool current = slack->keys_opening == slack->keys_count; /* else it says nothing about those that are used now */
    if (slack->socket != NULL) {
        socket_opened(slack->socket, NULL, &(struct socket_open_error){.text = text, .fatal = reply->fatal && current});
    }
}

static void slack_known(const struct call_reply *reply, void *user) {
    struct slack *slack = user;
    if (reply->ok) {
        copy_text(slack->team, sizeof slack->team, json_get(reply->body, "team_id"));
        copy_text(slack->user, sizeof slack->user, json_get(reply->body, "user_id"));
        log_info("slack knows the bot", LOG_STR("team", slack->team), LOG_STR("user", slack->user), LOG_END);
        open_now(slack);
    } else {
        open_failed(slack, "auth.test", reply);
    }
}

/* --- the socket ------------------------------------------------------------------------------------------------- */

static void slack_opened(const struct call_reply *reply, void *user) {
    struct slack *slack = user;
    const char *url = reply->ok ? json_string(json_get(reply->body, "url")) : NULL;
    if (!reply->ok) {
        open_failed(slack, "apps.connections.open", reply);
    } else if (slack->socket != NULL) {
        socket_opened(slack->socket, url, &(struct socket_open_error){.text = "apps.connections.open gave no url"});
    }
}

static void open_now(struct slack *slack) {
    calls_send(slack->calls,
               &(struct call){
                   .method = CALL_APPS_CONNECTIONS_OPEN, .priority = CALL_QUESTION, .deadline_ms = LIMIT_SLACK_OPEN_MS},
               slack_opened, slack);
}

/* Our own user id is needed to know our mentions, so it is asked for before the first connection. */
static void slack_open(void *user) {
    struct slack *slack = user;
    slack->keys_opening = slack->keys_count;
    if (slack->user[0] != '\0') {
        open_now(slack);
    } else {
        calls_send(
            slack->calls,
            &(struct call){.method = CALL_AUTH_TEST, .priority = CALL_QUESTION, .deadline_ms = LIMIT_SLACK_OPEN_MS},
            slack_known, slack);
    }
}

/* Which connections beside ours are right? */
static void listeners_known(size_t count, const struct err *err, void *user) {
    struct slack *slack = user;
    if (err == NULL) {
        slack->processes = (int64_t)count;
    } else if (slack->socket != NULL) {
        timer_start(slack->listen, LIMIT_HEARTBEAT_MS / 10); /* the others shall know of us before Slack counts us */
    }
    if (slack->socket != NULL) {
        socket_set_processes(slack->socket, slack->processes);
    }
}

static void slack_listens(void *user) {
    struct slack *slack = user;
    timer_start(slack->listen, LIMIT_LISTENER_SECONDS * 1000 / 3);
    store_put_listener(slack->options.store, "slack", slack->id, LIMIT_LISTENER_SECONDS, listeners_known, slack);
    if (slack->user[0] != '\0') {
        people_prepare(slack->people); /* also what the configuration names anew */
    }
}

static void slack_state(enum socket_state state, const char *why, void *user) {
    struct slack *slack = user;
    slack->stopped = state == SOCKET_STOPPED;
    switch (state) {
    case SOCKET_CONNECTED:
        (void)snprintf(slack->trouble, sizeof slack->trouble, "%s%s", why[0] == '\0' ? "" : "connected, but: ", why);
        if (why[0] == '\0') {
            timer_start(slack->listen, 0);
        }
        break;
    case SOCKET_CONNECTING:
        (void)snprintf(slack->trouble, sizeof slack->trouble, "not connected%s%s", why[0] == '\0' ? "" : ": ", why);
        break;
    case SOCKET_STOPPED:
        (void)snprintf(slack->trouble, sizeof slack->trouble,
                       "stopped. Correct the cause, then reload guidepost (SIGHUP): %s", why);
        timer_stop(slack->listen);
        break;
    }
}

static void slack_envelope(const struct envelope *envelope, uint64_t token, void *user) {
    struct slack *slack = user;
    listener_hear(slack->listener, envelope, token);
}

/* --- what other servers were told ---------------------------------------------------------------------------------- */

/* Whom Slack told another server of; or NULL. */
static const char *told_of(const struct slack *slack, const struct change *change) {
    const char *from =
        change->kind == CHANGE_PEOPLE && str_starts(change->people, "slack:") ? change->people + strlen("slack:") : "";
    const char *who = strchr(from, ':');
    bool own = who != NULL && str_starts(from, slack->id) && (size_t)(who - from) == strlen(slack->id);
    return who == NULL || own ? NULL : who + 1;
}

static void slack_told(const struct change *changes, size_t count, void *user) {
    const struct slack *slack = user;
    for (size_t i = 0; i < count; i++) {
        const char *who = told_of(slack, &changes[i]);
        if (who != NULL) {
            (void)people_changed(slack->people, who);
        }
    }
}

static void slack_missed(void *user) {
    const struct slack *slack = user;
    (void)people_changed(slack->people, NULL);
}

/* --- new tokens ------------------------------------------------------------------------------------------------------ */

void slack_renew(struct chat *chat, const struct slack_keys *keys) {
    renewal_begin((struct slack *)chat, keys);
}

void slack_not_renewed(struct chat *chat, const struct err *why) {
    struct slack *slack = (struct slack *)chat;
    const char *kept = slack_connects(slack) ? "the new tokens or ca_file do not work, so the old ones stay in use"
                                             : "stopped: the new tokens or ca_file do not work either";
    (void)snprintf(slack->not_renewed, sizeof slack->not_renewed, "%s: %.400s", kept, why->text);
    log_error("slack: the new tokens or ca_file do not work", LOG_ERR(why), LOG_END);
}

/* --- life ----------------------------------------------------------------------------------------------------------- */

static void slack_end(struct slack *slack) {
    renewal_destroy(slack->renewal);
    timer_stop(slack->listen);
    feed_destroy(slack->feed);
    slack->feed = NULL;
    socket_destroy(slack->socket);
    slack->socket = NULL;
}

static void slack_stop(struct chat *chat) {
    struct slack *slack = (struct slack *)chat;
    slack_end(slack);
    store_drop_listener(slack->options.store, "slack", slack->id);
}

/* The store may be gone. */
static void slack_destroy(struct chat *chat) {
    struct slack *slack = (struct slack *)chat;
    slack_end(slack);
    timer_destroy(slack->listen);
    calls_destroy(slack->calls);
    listener_destroy(slack->listener);
    people_destroy(slack->people);
    mem_free(slack->api_url);
    mem_free(slack);
}

static const struct chat_functions slack_functions = {
    .name = "slack",
    .room = slack_room,
    .post = show_post,
    .edit = show_edit,
    .trouble = slack_trouble,
    .stop = slack_stop,
    .destroy = slack_destroy,
};

int slack_create(const struct slack_options *options, struct chat **ret_chat, struct err *err) {
    struct slack *slack = mem_alloc(sizeof *slack);
    slack->chat.functions = &slack_functions;
    slack->options = *options;
    slack->api_url = mem_strdup(options->api_url);
    renewal_digest(&(struct slack_keys){options->app_token, options->bot_token, options->ca_file}, slack->digest,
                   slack->authorities);
    slack->processes = 1;
    slack->listen = loop_timer(options->loop, slack_listens, slack);
    id_random(slack->id);
    timer_start(slack->listen, 0);
    slack->calls = calls_create(options->loop, &(struct calls_options){
                                                   .api_url = options->api_url,
                                                   .app_token = options->app_token,
                                                   .bot_token = options->bot_token,
                                                   .ca_file = options->ca_file,
                                                   .unpaced = options->unpaced,
                                               });
    slack->people = people_create(&(struct people_options){
        .loop = options->loop, .calls = slack->calls, .config = options->config, .user = options->user});
    slack->listener = listener_create(slack);
    slack->feed = feed_create(options->loop, options->store, slack_told, slack_missed, slack);
    slack_state(SOCKET_CONNECTING, "", slack);
    int r = socket_create(&(struct socket_options){.loop = options->loop,
                                                   .ca_file = options->ca_file,
                                                   .open = slack_open,
                                                   .envelope = slack_envelope,
                                                   .state = slack_state,
                                                   .user = slack},
                          &slack->socket, err);
    if (r < 0) {
        slack_destroy(&slack->chat);
        return r;
    }
    *ret_chat = &slack->chat;
    return 0;
}

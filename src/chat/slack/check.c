#include "chat/slack_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#include "calls.h"

/* What is asked for, in this order; the later ones once for each that the configuration names. */
enum stage { STAGE_BOT, STAGE_APP, STAGE_ROOMS, STAGE_PEOPLE, STAGE_GROUPS, STAGE_END };

struct slack_check {
    struct slack_check_options options;
    struct calls *calls;
    struct timer *soon; /* the first question; NULL = asked */
    enum stage stage;
    size_t index;     /* within the stage */
    struct buf about; /* the subject of the question under way */
    bool bot_works;
    char team[LIMIT_SLACK_ID_BYTES + 1]; /* the workspace */
    char bot[LIMIT_NAME_BYTES + 1];      /* how the app is mentioned */
};

/* The scopes of what is heard, which no method asks for; tests/lint compares them with the manifest. */
static const char heard_scopes[] = "app_mentions:read commands im:history";

static const char renew_scopes[] =
    "Paste config/slack-manifest.yaml into App Manifest in the app's menu, Save Changes, "
    "then Install App, Reinstall";

static void next(struct slack_check *check);

/* --- telling ---------------------------------------------------------------------------------------------------- */

PRINTF_LIKE(4, 5)
static void tell(struct slack_check *check, enum slack_check_result result, const char *about, const char *format,
                 ...) {
    struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    check->options.found(&(struct slack_check_finding){.result = result, .about = about, .text = text.data},
                         check->options.user);
    buf_finish(&text);
}

#define TELL_OK(check, ...) tell(check, SLACK_CHECK_OK, (check)->about.data, __VA_ARGS__)
#define TELL_WRONG(check, ...) tell(check, SLACK_CHECK_WRONG, (check)->about.data, __VA_ARGS__)

static bool is_silence(const char *error) {
    static const char *const SILENT[] = {"no_reply", "bad_reply", "ratelimited", "deadline"};
    for (size_t i = 0; i < sizeof SILENT / sizeof *SILENT; i++) {
        if (str_equal(error, SILENT[i])) {
            return true;
        }
    }
    return str_starts(error, "http_5");
}

/* What is wrong with the question's subject if Slack refuses with this word; NULL = nothing that is known. */
static const char *advice(const char *error) {
    static const struct {
        const char *error, *text;
    } ADVICE[] = {
        {"invalid_auth", "Slack does not know this token. Copy it again from the app's menu (docs/how-to/slack.md, 2)"},
        {"not_allowed_token_type", "this token is of another kind: app_token is xapp-, bot_token is xoxb-"},
        {"account_inactive", "the app was removed from the workspace. Install it again and copy the new token"},
        {"token_revoked", "the token was revoked. Install the app again and copy the new token"},
        {"token_expired", "the token has expired. Switch token rotation off in the app's menu and copy a new one"},
        {"team_disabled", "the workspace is disabled"},
        {"http_404", "this is no address of Slack's Web API. Correct chat.slack.api_url"},
        {"channel_not_found",
         "the app sees no channel with this id. Copy the id from the channel's About; if the channel "
         "is private, write in it: /invite @guidepost"},
        {"user_not_found", "Slack knows nobody with this id. Copy it from the profile: the three dots, Copy member ID"},
        {"user_not_visible", "the app may not see this person, who is of another workspace"},
        {"no_such_subteam",
         "there is no user group with this id. Copy it from the group: the three dots, Copy group ID"},
    };
    for (size_t i = 0; i < sizeof ADVICE / sizeof *ADVICE; i++) {
        if (str_equal(ADVICE[i].error, error)) {
            return ADVICE[i].text;
        }
    }
    return NULL;
}

/* A question that Slack did not answer, or answered with no. */
static void tell_error(struct slack_check *check, const struct call_reply *reply) {
    const char *detail_mark = reply->detail[0] == '\0' ? "" : ": ", *known = advice(reply->error);
    if (is_silence(reply->error)) {
        bool distrusted = strstr(reply->detail, "certificate") != NULL;
        TELL_WRONG(check, "Slack does not answer (%s%s%s)%s", reply->error, detail_mark, reply->detail,
                   distrusted ? ". If a proxy opens TLS, name its authority in chat.slack.ca_file" : "");
        tell(check, SLACK_CHECK_SKIPPED, "the rest", "not checked, since no answer came");
        check->stage = STAGE_END;
    } else if (str_equal(reply->error, "missing_scope") && check->stage == STAGE_APP) {
        TELL_WRONG(check, "it has not the scope connections:write. Make another one in Basic Information, App-Level "
                          "Tokens");
    } else if (str_equal(reply->error, "missing_scope")) {
        TELL_WRONG(check, "cannot be checked: the bot token %s", reply->detail);
    } else if (known != NULL) {
        TELL_WRONG(check, "%s (%s)", known, reply->error);
    } else {
        TELL_WRONG(check, "Slack refuses with %s%s%s", reply->error, detail_mark, reply->detail);
    }
}

/* --- scopes ----------------------------------------------------------------------------------------------------- */

/* scope is one of the `size` first bytes; provided: "a,b,c". */
static bool has_scope(const char *provided, const char *scope, size_t size) {
    for (const char *at = provided; *at != '\0'; at += *at == ',') {
        at += strspn(at, " ");
        size_t length = strcspn(at, ", ");
        if (length == size && memcmp(at, scope, size) == 0) {
            return true;
        }
        at += strcspn(at, ",");
    }
    return false;
}

/* Adds those of `needed`, separated by spaces, that are neither provided nor among the missing already. */
static void add_missing(struct buf *missing, const char *provided, const char *needed) {
    while (*needed != '\0') {
        size_t size = strcspn(needed, " ");
        if (!has_scope(provided, needed, size) && !has_scope(missing->data, needed, size)) {
            buf_printf(missing, "%s%.*s", missing->size > 0 ? ", " : "", (int)size, needed);
        }
        needed += size + (needed[size] == ' ');
    }
}

static void check_scopes(struct slack_check *check, const char *provided) {
    enum { APP, BOT };
    static const struct {
        int token;
        const char *scopes;
    } METHODS[] = {
#define X(id, name, token, body, per_minute, scopes, repeat) {token, scopes},
        CALL_METHODS(X)
#undef X
    };
    struct buf missing = BUF_INIT(LIMIT_MESSAGE_BYTES);
    if (provided == NULL) {
        tell(check, SLACK_CHECK_SKIPPED, "scopes", "Slack did not say which the bot token has");
        return;
    }
    add_missing(&missing, provided, heard_scopes);
    for (size_t i = 0; i < CALL_METHOD_COUNT; i++) {
        if (METHODS[i].token == BOT) {
            add_missing(&missing, provided, METHODS[i].scopes);
        }
    }
    if (missing.size > 0) {
        tell(check, SLACK_CHECK_WRONG, "scopes", "the bot token lacks %s. %s", missing.data, renew_scopes);
    } else {
        tell(check, SLACK_CHECK_OK, "scopes", "the bot token has all that it needs");
    }
    buf_finish(&missing);
}

/* --- what Slack says -------------------------------------------------------------------------------------------- */

static const char *text_of(const struct json *node, const char *fallback) {
    const char *text = json_string(node);
    return text != NULL ? text : fallback;
}

static void read_bot(struct slack_check *check, const struct call_reply *reply) {
    const struct json *body = reply->body;
    (void)snprintf(check->team, sizeof check->team, "%s", text_of(json_get(body, "team_id"), ""));
    (void)snprintf(check->bot, sizeof check->bot, "%s", text_of(json_get(body, "user"), "guidepost"));
    check->bot_works = true;
    TELL_OK(check, "it is @%s in the workspace %s", check->bot, text_of(json_get(body, "team"), check->team));
    check_scopes(check, reply->scopes);
}

/* Whether Socket Mode is on, Slack says only to a connection; none is opened, since it would get a share of the clicks. */
static void read_app(struct slack_check *check, const struct call_reply *reply) {
    if (json_string(json_get(reply->body, "url")) != NULL) {
        TELL_OK(check, "Slack offers a connection for Socket Mode");
    } else {
        TELL_WRONG(check, "Slack offers no connection. Enable Socket Mode in the app's menu");
    }
}

static void read_room(struct slack_check *check, const struct call_reply *reply) {
    const struct json *channel = json_get(reply->body, "channel");
    const char *name = text_of(json_get(channel, "name"), "this channel");
    if (json_bool(json_get(channel, "is_archived"), false)) {
        TELL_WRONG(check, "#%s is archived. Unarchive it, or give the room another channel", name);
    } else if (!json_bool(json_get(channel, "is_member"), false)) {
        TELL_WRONG(check, "the app is not in #%s. Invite it, by writing there: /invite @%s", name, check->bot);
    } else {
        TELL_OK(check, "#%s, and the app is in it", name);
    }
}

/* In an organisation of several workspaces, people have the id of the one that they came from. */
static bool is_of_team(const struct slack_check *check, const struct json *user) {
    const char *team = json_string(json_get(user, "team_id"));
    return !json_bool(json_get(user, "is_stranger"), false) &&
           (team == NULL || str_equal(team, check->team) || json_get(user, "enterprise_user") != NULL);
}

static void read_person(struct slack_check *check, const struct call_reply *reply) {
    const struct json *user = json_get(reply->body, "user");
    const char *name = text_of(json_get(user, "name"), "this user");
    if (json_bool(json_get(user, "deleted"), false)) {
        TELL_WRONG(check, "@%s is deactivated and will be refused. Remove the person from people", name);
    } else if (json_bool(json_get(user, "is_bot"), false)) {
        TELL_WRONG(check, "@%s is a bot and will be refused. Copy the id of the person", name);
    } else if (!is_of_team(check, user)) {
        TELL_WRONG(check, "@%s is of another workspace and will be refused", name);
    } else if (json_bool(json_get(user, "is_restricted"), false) ||
               json_bool(json_get(user, "is_ultra_restricted"), false)) {
        TELL_WRONG(check, "@%s is a guest and will be refused. Make a member of the guest, or remove the id", name);
    } else {
        TELL_OK(check, "@%s, a member", name);
    }
}

static bool is_known(const struct config *config, const char *slack_user) {
    for (size_t i = 0; i < config->person_count; i++) {
        if (str_equal(config->people[i].slack, slack_user)) {
            return true;
        }
    }
    return false;
}

static void read_group(struct slack_check *check, const struct call_reply *reply) {
    const struct json *users = json_get(reply->body, "users");
    size_t known = 0;
    for (const struct json *user = json_first(users); user != NULL; user = json_next(user)) {
        known += json_is_string(user) && is_known(check->options.config, json_string(user));
    }
    TELL_OK(check, "the user group has %zu member%s, %zu of them in people", json_size(users),
            json_size(users) == 1 ? "" : "s", known);
}

/* --- asking ----------------------------------------------------------------------------------------------------- */

static const struct {
    enum call_method method;
    const char *argument; /* the name of the id; NULL = none */
    void (*read)(struct slack_check *check, const struct call_reply *reply);
} STAGES[STAGE_END] = {
    [STAGE_BOT] = {CALL_AUTH_TEST, NULL, read_bot},
    [STAGE_APP] = {CALL_APPS_CONNECTIONS_OPEN, NULL, read_app},
    [STAGE_ROOMS] = {CALL_CONVERSATIONS_INFO, "channel", read_room},
    [STAGE_PEOPLE] = {CALL_USERS_INFO, "user", read_person},
    [STAGE_GROUPS] = {CALL_USERGROUPS_USERS_LIST, "usergroup", read_group},
};

static void answered(const struct call_reply *reply, void *user) {
    struct slack_check *check = user;
    if (reply->error != NULL && str_equal(reply->error, "closed")) {
        return;
    }
    if (reply->ok) {
        STAGES[check->stage].read(check, reply);
    } else {
        tell_error(check, reply);
    }
    next(check);
}

static void ask(struct slack_check *check, const char *id) {
    calls_send(check->calls,
               &(struct call){
                   .method = STAGES[check->stage].method,
                   .fields = &(struct call_field){STAGES[check->stage].argument, id},
                   .field_count = id != NULL ? 1 : 0,
                   .deadline_ms = LIMIT_SLACK_OPEN_MS,
               },
               answered, check);
}

/* True if it is asked for; a token that cannot be the right one is not sent. */
static bool ask_token(struct slack_check *check, const char *name, const char *token, const char *prefix) {
    buf_adds(&check->about, name);
    if (token == NULL) {
        return false;
    }
    if (!str_starts(token, prefix)) {
        TELL_WRONG(check, "it does not begin with %s, so it is another one (docs/how-to/slack.md, 2)", prefix);
        return false;
    }
    ask(check, NULL);
    return true;
}

/* True if it is asked for; id is NULL if the platform has none. */
static bool ask_id(struct slack_check *check, const char *kind, const char *name, const char *id) {
    if (id == NULL) {
        return false;
    }
    buf_printf(&check->about, "%s %s", kind, name);
    ask(check, id);
    return true;
}

static size_t subject_count(const struct slack_check *check) {
    switch (check->stage) {
    case STAGE_BOT:
    case STAGE_APP:
        return 1;
    case STAGE_ROOMS:
        return check->options.config->room_count;
    case STAGE_PEOPLE:
        return check->options.config->person_count;
    case STAGE_GROUPS:
        return check->options.config->team_count;
    case STAGE_END:
        break;
    }
    return 0;
}

static bool ask_subject(struct slack_check *check, size_t at) {
    const struct config *config = check->options.config;
    buf_clear(&check->about);
    switch (check->stage) {
    case STAGE_BOT:
        return ask_token(check, "bot token", check->options.bot_token, "xoxb-");
    case STAGE_APP:
        return ask_token(check, "app token", check->options.app_token, "xapp-");
    case STAGE_ROOMS:
        return ask_id(check, "room", config->rooms[at].name, config->rooms[at].slack);
    case STAGE_PEOPLE:
        return ask_id(check, "person", config->people[at].name, config->people[at].slack);
    case STAGE_GROUPS:
        return ask_id(check, "team", config->teams[at].name, config->teams[at].slack_usergroup);
    case STAGE_END:
        break;
    }
    return false;
}

static void next_stage(struct slack_check *check) {
    check->index = 0;
    check->stage++;
    if (check->stage == STAGE_ROOMS && !check->bot_works) {
        tell(check, SLACK_CHECK_SKIPPED, "the rest", "not checked, since the bot token does not work");
        check->stage = STAGE_END;
    }
}

/* Asks for what comes next, or ends. */
static void next(struct slack_check *check) {
    while (check->stage != STAGE_END) {
        if (check->index == subject_count(check)) {
            next_stage(check);
        } else if (ask_subject(check, check->index++)) {
            return;
        }
    }
    check->options.done(check->options.user);
}

static void begin(void *user) {
    struct slack_check *check = user;
    check->soon = NULL;
    next(check);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

struct slack_check *slack_check_create(const struct slack_check_options *options) {
    struct slack_check *check = mem_alloc(sizeof *check);
    check->options = *options;
    buf_init(&check->about, LIMIT_MESSAGE_BYTES);
    check->calls = calls_create(options->loop, &(struct calls_options){
                                                   .api_url = options->config->slack_api_url,
                                                   .app_token = options->app_token,
                                                   .bot_token = options->bot_token,
                                                   .ca_file = options->config->slack_ca_file,
                                                   .unpaced = !options->config->slack_paced,
                                               });
    check->soon = loop_soon(options->loop, begin, check);
    return check;
}

void slack_check_destroy(struct slack_check *check) {
    if (check == NULL) {
        return;
    }
    if (check->soon != NULL) {
        loop_cancel_soon(check->soon);
    }
    calls_destroy(check->calls);
    buf_finish(&check->about);
    mem_free(check);
}

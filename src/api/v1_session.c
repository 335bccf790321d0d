/* Signing in and out, and who one is. */

#include <stdio.h>

#include "auth.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "core/permission.h"
#include "limiter.h"
#include "session.h"
#include "v1.h"

enum { COOKIE_LINE_SIZE = 256 };

struct opening {
    const char *name;
    char secret[SESSION_SECRET_SIZE];
};

/* Strict: no other site's page can make a browser send it, not even by a link. */
static void answer_with_cookie(struct call *call, int status, const char *value, long seconds) {
    char line[COOKIE_LINE_SIZE];
    (void)snprintf(line, sizeof line, "%s=%s; Path=/; Max-Age=%ld; HttpOnly; SameSite=Strict%s", call->cookie, value,
                   seconds, str_starts(call->cookie, "__Host-") ? "; Secure" : "");
    const struct web_header_line cookie = {"Set-Cookie", line};
    call_answer_as(call, status, "application/json; charset=utf-8", &cookie, 1);
}

static void session_stored(const struct commit_reply *reply, void *user) {
    struct call *call = user;
    const struct opening *opening = call->state;
    (void)reply; /* unstored it is good in this process, until Redis is back */
    if (!call_continues(call, NULL)) {
        return;
    }
    json_object_begin(&call->out, NULL);
    json_add_string(&call->out, "name", opening->name);
    json_object_end(&call->out);
    answer_with_cookie(call, 200, opening->secret, LIMIT_SESSION_SECONDS);
}

static bool identify(const struct call *call, struct auth_identity *ret_identity) {
    const struct api *api = call->api;
    const char *link = json_string(json_get(call->body, "link")), *token = json_string(json_get(call->body, "token"));
    const char *name = json_string(json_get(call->body, "name"));
    const char *password = json_string(json_get(call->body, "password"));
    if (link != NULL && session_use_link(api->sessions, link, clock_monotonic_ms())) {
        auth_local(api->auth, ret_identity);
        return true;
    }
    if (token != NULL && config_names_have(&call->config->console_auth, "token")) {
        return auth_by_token(api->auth, token, ret_identity);
    }
    return name != NULL && password != NULL && config_names_have(&call->config->console_auth, "password") &&
           auth_by_password(api->auth, name, password, ret_identity);
}

void v1_sign_in(struct call *call) {
    const char *peer = web_peer(call->request);
    struct auth_identity identity;
    if (!limiter_allows(call->api->limiter, peer, clock_monotonic_ms())) {
        call_problem(call, 429, "denied", "Too many tries from your address; try again in a minute.", NULL);
        return;
    }
    if (!identify(call, &identity)) {
        limiter_failed(call->api->limiter, peer, clock_monotonic_ms());
        log_warn("sign-in refused", LOG_STR("address", peer), LOG_END);
        call_refuse(call, ERR_UNAUTHENTICATED, "That did not sign anybody in.");
        return;
    }
    struct opening *opening = call->state = arena_alloc(call->arena, sizeof *opening);
    opening->name = arena_strdup(call->arena, identity.name);
    log_info("signed in", LOG_STR("actor", identity.name), LOG_STR("address", peer), LOG_END);
    session_open(call->api->sessions, identity.name, identity.mark, clock_wall_ms(), opening->secret, session_stored,
                 call);
}

void v1_sign_out(struct call *call) {
    const char *secret = web_cookie(call->request, call->cookie);
    if (!str_empty(secret)) {
        session_close(call->api->sessions, secret);
    }
    buf_adds(&call->text, "{}");
    answer_with_cookie(call, 200, "", 0);
}

void v1_me(struct call *call) {
    unsigned mine = call_permissions(call, NULL, NULL);
    json_object_begin(&call->out, NULL);
    json_add_string(&call->out, "name", call->actor.name);
    json_add_string(&call->out, "via", call->actor.via);
    json_array_begin(&call->out, "permissions");
    for (unsigned bit = 1; bit < PERMISSION_ALL; bit <<= 1) {
        if ((mine & bit) != 0) {
            json_add_string(&call->out, NULL, permission_word(bit));
        }
    }
    json_array_end(&call->out);
    json_array_begin(&call->out, "teams");
    for (size_t i = 0; i < call->config->team_count; i++) {
        if (config_names_have(&call->config->teams[i].members, call->actor.name)) {
            json_add_string(&call->out, NULL, call->config->teams[i].name);
        }
    }
    json_array_end(&call->out);
    json_object_end(&call->out);
    call_answer(call, 200);
}

#include "renew.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

struct renewal {
    struct slack *slack;
    struct calls *calls; /* with the new tokens */
    struct slack_keys keys;
    char digest[ID_DIGEST_SIZE], authorities[ID_DIGEST_SIZE];
    char team[64], user[64];
    char *url; /* of a new connection; NULL = it was refused, as err says */
    struct err err;
    struct timer *soon; /* the end, outside the callbacks of the calls */
};

static void copy_keys(struct slack_keys *copy, const struct slack_keys *keys) {
    *copy = (struct slack_keys){mem_strdup(keys->app_token), mem_strdup(keys->bot_token), mem_strdup(keys->ca_file)};
}

static void wipe(const char *secret) {
    if (secret != NULL) {
        explicit_bzero((char *)secret, strlen(secret));
    }
    mem_free((char *)secret);
}

void renewal_destroy(struct renewal *renewal) {
    if (renewal == NULL) {
        return;
    }
    renewal->slack->renewal = NULL;
    calls_destroy(renewal->calls);
    if (renewal->soon != NULL) {
        loop_cancel_soon(renewal->soon);
    }
    wipe(renewal->keys.app_token);
    wipe(renewal->keys.bot_token);
    wipe(renewal->url);
    mem_free((char *)renewal->keys.ca_file);
    mem_free(renewal);
}

void renewal_digest(const struct slack_keys *keys, char *out, char *ret_authorities) {
    struct buf all = BUF_INIT(LIMIT_SECRET_BYTES * 3), file = BUF_INIT(LIMIT_CA_BYTES);
    if (keys->ca_file != NULL && file_read(keys->ca_file, LIMIT_CA_BYTES, &file, NULL) < 0) {
        buf_clear(&file); /* What is wrong with it, the calls say. */
    }
    buf_printf(&file, " %s", keys->ca_file != NULL ? keys->ca_file : "");
    id_digest(ret_authorities, file.data, file.size);
    buf_printf(&all, "%s %s %s", keys->app_token, keys->bot_token, ret_authorities);
    id_digest(out, all.data, all.size);
    explicit_bzero(all.data, all.size);
    buf_finish(&all);
    buf_finish(&file);
}

/* --- what came of it --------------------------------------------------------------------------------------------- */

static int take(struct renewal *renewal, struct err *err) {
    struct slack *slack = renewal->slack;
    const struct slack_keys *keys = &renewal->keys;
    if (!str_equal(slack->authorities, renewal->authorities)) {
        int r = socket_trust(slack->socket, keys->ca_file, err);
        if (r < 0) {
            return r;
        }
    }
    calls_renew(slack->calls, keys->app_token, keys->bot_token, keys->ca_file);
    memcpy(slack->digest, renewal->digest, sizeof slack->digest);
    memcpy(slack->authorities, renewal->authorities, sizeof slack->authorities);
    memcpy(slack->team, renewal->team, sizeof slack->team);
    memcpy(slack->user, renewal->user, sizeof slack->user);
    slack->keys_count++;
    slack->revoked = false;
    slack->not_renewed[0] = '\0';
    (void)people_changed(slack->people, NULL);
    socket_renew(slack->socket, renewal->url);
    log_info("slack: new tokens are used", LOG_END);
    return 0;
}

static void renewal_end(void *user) {
    struct renewal *renewal = user;
    renewal->soon = NULL;
    struct err err = renewal->err;
    if (renewal->url == NULL || take(renewal, &err) < 0) {
        slack_not_renewed(&renewal->slack->chat, &err);
    }
    renewal_destroy(renewal);
}

static void renewal_refused(struct renewal *renewal, const char *method, const struct call_reply *reply) {
    (void)err_set(&renewal->err, ERR_UNAVAILABLE, "%s: %s%s%s", method, reply->error,
                  reply->detail[0] == '\0' ? "" : ", ", reply->detail);
    renewal->soon = loop_soon(renewal->slack->options.loop, renewal_end, renewal);
}

/* --- trying ------------------------------------------------------------------------------------------------------ */

static void opened(const struct call_reply *reply, void *user) {
    struct renewal *renewal = user;
    const char *url = reply->ok ? json_string(json_get(reply->body, "url")) : NULL;
    if (str_equal(reply->error, "closed")) {
        return;
    }
    if (url == NULL) {
        const struct call_reply none = {.error = "it gave no url", .detail = ""};
        renewal_refused(renewal, "apps.connections.open", reply->ok ? &none : reply);
        return;
    }
    renewal->url = mem_strdup(url);
    renewal->soon = loop_soon(renewal->slack->options.loop, renewal_end, renewal);
}

static void known(const struct call_reply *reply, void *user) {
    struct renewal *renewal = user;
    const char *team = reply->ok ? json_string(json_get(reply->body, "team_id")) : NULL;
    const char *bot = reply->ok ? json_string(json_get(reply->body, "user_id")) : NULL;
    if (str_equal(reply->error, "closed")) {
        return;
    }
    if (!reply->ok) {
        renewal_refused(renewal, "auth.test", reply);
        return;
    }
    (void)snprintf(renewal->team, sizeof renewal->team, "%s", team != NULL ? team : "");
    (void)snprintf(renewal->user, sizeof renewal->user, "%s", bot != NULL ? bot : "");
    if (renewal->slack->team[0] != '\0' && !str_equal(renewal->team, renewal->slack->team)) {
        const struct call_reply other = {.error = "the bot token is of another workspace", .detail = ""};
        renewal_refused(renewal, "auth.test", &other);
        return;
    }
    calls_send(renewal->calls,
               &(struct call){
                   .method = CALL_APPS_CONNECTIONS_OPEN, .priority = CALL_QUESTION, .deadline_ms = LIMIT_SLACK_OPEN_MS},
               opened, renewal);
}

void renewal_begin(struct slack *slack, const struct slack_keys *keys) {
    char digest[ID_DIGEST_SIZE], authorities[ID_DIGEST_SIZE];
    renewal_digest(keys, digest, authorities);
    renewal_destroy(slack->renewal);
    if (slack->socket == NULL || (str_equal(digest, slack->digest) && slack_connects(slack))) {
        slack->not_renewed[0] = '\0';
        return;
    }
    struct renewal *renewal = slack->renewal = mem_alloc(sizeof *renewal);
    renewal->slack = slack;
    copy_keys(&renewal->keys, keys);
    memcpy(renewal->digest, digest, sizeof digest);
    memcpy(renewal->authorities, authorities, sizeof authorities);
    renewal->calls = calls_create(slack->options.loop, &(struct calls_options){
                                                           .api_url = slack->api_url,
                                                           .app_token = keys->app_token,
                                                           .bot_token = keys->bot_token,
                                                           .ca_file = keys->ca_file,
                                                           .unpaced = slack->options.unpaced,
                                                       });
    calls_send(renewal->calls,
               &(struct call){.method = CALL_AUTH_TEST, .priority = CALL_QUESTION, .deadline_ms = LIMIT_SLACK_OPEN_MS},
               known, renewal);
}

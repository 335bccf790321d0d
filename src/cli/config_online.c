#include "config_online.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "chat/slack_check.h"
#include "net/loop.h"
#include "net/redis.h"

struct online {
    struct loop *loop;
    const struct terminal *terminal;
    struct json_out *json; /* or NULL */
    bool wrong;            /* something is */
};

static void tell(const struct slack_check_finding *finding, void *user) {
    static const struct {
        const char *word;
        enum terminal_color color;
    } RESULTS[] = {[SLACK_CHECK_OK] = {"ok", TERMINAL_GREEN},
                   [SLACK_CHECK_WRONG] = {"wrong", TERMINAL_RED},
                   [SLACK_CHECK_SKIPPED] = {"skipped", TERMINAL_YELLOW}};
    struct online *online = user;
    const char *word = RESULTS[finding->result].word;
    online->wrong |= finding->result == SLACK_CHECK_WRONG;
    if (online->json != NULL) {
        json_object_begin(online->json, NULL);
        json_add_string(online->json, "result", word);
        json_add_string(online->json, "about", finding->about);
        json_add_string(online->json, "text", finding->text);
        json_object_end(online->json);
        return;
    }
    struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES + LIMIT_NAME_BYTES);
    buf_printf(&text, "%*s %s: %s.\n", (int)(sizeof "skipped" - 1 - strlen(word)), "", finding->about, finding->text);
    terminal_write(online->terminal, stdout, RESULTS[finding->result].color, word);
    terminal_write(online->terminal, stdout, TERMINAL_PLAIN, text.data);
    (void)fflush(stdout);
    buf_finish(&text);
}

static void tell_result(struct online *online, enum slack_check_result result, const char *about, const char *text) {
    tell(&(struct slack_check_finding){.result = result, .about = about, .text = text}, online);
}

/* NULL, and told, if it cannot be read. */
static char *read_secret(struct online *online, const struct config_secret *secret, const char *about) {
    char *value = NULL;
    struct err err;
    if (secret_read(secret, &value, &err) < 0) {
        tell_result(online, SLACK_CHECK_WRONG, about, err.text);
        return NULL;
    }
    return value;
}

static void stop(void *user) {
    const struct online *online = user;
    loop_stop(online->loop);
}

/* --- Redis ------------------------------------------------------------------------------------------------------ */

static void redis_answers(void *user) {
    tell_result(user, SLACK_CHECK_OK, "redis", "it answers");
    stop(user);
}

static void redis_fails(const char *why, void *user) {
    tell_result(user, SLACK_CHECK_WRONG, "redis", why);
    stop(user);
}

static void check_redis(struct online *online, const struct config *config) {
    char *password = NULL;
    if (config->redis_password.source != SECRET_NONE) {
        password = read_secret(online, &config->redis_password, "redis");
        if (password == NULL) {
            return;
        }
    }
    struct redis *redis = NULL;
    struct err err;
    int r = redis_create(online->loop,
                         &(struct redis_options){.url = config->redis_url,
                                                 .password = password,
                                                 .connected = redis_answers,
                                                 .lost = redis_fails,
                                                 .user = online},
                         &redis, &err);
    if (r < 0) {
        tell_result(online, SLACK_CHECK_WRONG, "redis", err.text);
    } else {
        loop_run(online->loop);
    }
    redis_destroy(redis);
    secret_free(password);
}

/* --- Slack ------------------------------------------------------------------------------------------------------ */

static void check_slack(struct online *online, const struct config *config) {
    char *bot_token = read_secret(online, &config->slack_bot_token, "bot token");
    char *app_token = read_secret(online, &config->slack_app_token, "app token");
    struct slack_check *check = slack_check_create(&(struct slack_check_options){
        .loop = online->loop,
        .config = config,
        .app_token = app_token,
        .bot_token = bot_token,
        .found = tell,
        .done = stop,
        .user = online,
    });
    loop_run(online->loop);
    slack_check_destroy(check);
    secret_free(bot_token);
    secret_free(app_token);
}

bool config_online_check(const struct config *config, const struct terminal *terminal, struct json_out *json) {
    struct online online = {.loop = loop_create(), .terminal = terminal, .json = json};
    if (config->redis_url != NULL) {
        check_redis(&online, config);
    }
    if (config->slack_app_token.source != SECRET_NONE) {
        check_slack(&online, config);
    } else {
        tell_result(&online, SLACK_CHECK_SKIPPED, "slack", "the configuration has no chat.slack");
    }
    (void)loop_destroy(online.loop);
    return !online.wrong;
}

#include "daemon.h"

#include <stdio.h>

#include "base/log.h"
#include "base/limits.h"
#include "base/str.h"
#include "client.h"
#include "config_verbs.h"
#include "server.h"

static int set_log_level(const char *word, struct err *err) {
    static const char *const LEVELS[] = {
        [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
    for (size_t level = 0; level < sizeof LEVELS / sizeof *LEVELS; level++) {
        if (str_equal(LEVELS[level], word)) {
            log_set_level((enum log_level)level);
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "'%s' is no level of the log; write: --log-level debug, info, warn or error",
                   word);
}

/* Fills in what the options say and runs. */
static int run(struct invocation *invocation, struct server_options *server) {
    const struct options *options = &invocation->options;
    const char *level = option_value(options, OPTION_LOG_LEVEL);
    const char *state_dir = option_value(options, OPTION_STATE_DIR);
    struct err err;
    int r = level ? set_log_level(level, &err) : 0;
    if (r == 0 && options->word_count > 0) {
        r = err_set(&err, ERR_INVALID, "%s takes no '%s'. See: guidepost help %s", invocation->verb->name,
                    options->words[0], invocation->verb->name);
    }
    r = r < 0 ? r : config_find_path(options, &server->config_path, &err);
    if (r < 0) {
        return terminal_fail(&invocation->terminal, &err);
    }
    server->state_dir = state_dir ? state_dir : server->state_dir;
    server->listen = option_value(options, OPTION_LISTEN);
    server->web_dir = option_value(options, OPTION_WEB_DIR);
    return server_run(server);
}

int daemon_serve_run(struct invocation *invocation) {
    return run(invocation, &(struct server_options){.state_dir = "/var/lib/guidepost", .serves = true});
}

int daemon_worker_run(struct invocation *invocation) {
    return run(invocation, &(struct server_options){.state_dir = "/var/lib/guidepost", .works = true});
}

int daemon_up_run(struct invocation *invocation) {
    return run(invocation, &(struct server_options){
                               .state_dir = ".guidepost",
                               .serves = true,
                               .works = true,
                               .private_redis = true,
                               .announce = true,
                           });
}

/* Containers know 0 and 1 only. */
int daemon_healthcheck_run(struct invocation *invocation) {
    struct access access = {0};
    struct client *client = NULL;
    struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES);
    struct err err;
    int r = access_find(&invocation->options, invocation->arena, &access, &err);
    access.token = NULL; /* not needed, so not sent */
    r = r < 0 ? r : client_open(&access, &client, &err);
    r = r < 0 ? r : client_get_text(client, "/livez", &text, &err);
    if (r < 0) {
        (void)terminal_fail(&invocation->terminal, &err);
    } else {
        terminal_say(&invocation->terminal, "%s is alive.", access.server);
    }
    client_close(client);
    buf_finish(&text);
    return r < 0 ? 1 : 0;
}

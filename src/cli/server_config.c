#include "server_internal.h"

#include <stdio.h>

#include "api/api.h"
#include "app/inventories.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "chats.h"
#include "config/config.h"
#include "store/records.h"

struct config *server_load(const char *path) {
    struct config_problems problems;
    struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES);
    struct config *config = config_load(path, &problems);
    config_problems_write(&problems, &text);
    if (text.size > 0) {
        (void)fputs(text.data, stderr);
    }
    if (config == NULL) {
        (void)fprintf(stderr, "guidepost: %zu error%s in the configuration. Nothing was %s.\n", problems.errors,
                      problems.errors == 1 ? "" : "s", "changed");
    }
    buf_finish(&text);
    config_problems_finish(&problems);
    return config;
}

static void generation_recorded(const struct commit_reply *reply, void *user) {
    struct server *server = user;
    server->generation_put = reply->result == COMMIT_DONE;
}

void server_put_generation(struct server *server) {
    store_put_generation(server->store, server->config->generation, generation_recorded, server);
}

/* Targets have come or gone; people and permissions are the same, so that nothing else need know. */
static void targets_changed(struct config *config, void *user) {
    struct server *server = user;
    config_unref(server->config);
    server->config = config;
}

void server_build_inventories(struct server *server) {
    struct config *loaded = server->config;
    server->inventories = inventories_create(
        &(struct inventories_options){.loop = server->loop, .changed = targets_changed, .user = server});
    server->config = inventories_use(server->inventories, loaded);
    config_unref(loaded);
}

void server_reload(struct server *server, bool wanted) {
    struct err err;
    struct config *old = server->config, *config = server_load(server->options.config_path);
    if (config == NULL) {
        (void)snprintf(server->banner, sizeof server->banner,
                       "The configuration file has errors; the one before is still in force.");
        log_error("reload refused, the configuration before stays in force", LOG_END);
        return;
    }
    if (!wanted && str_equal(config->generation, old->generation)) {
        config_unref(config);
        (void)snprintf(server->banner, sizeof server->banner,
                       "Another server has other people and permissions in force than this one's configuration file. "
                       "Nobody can answer or "
                       "deploy here until the file is the same, or SIGHUP puts it in force.");
        log_error("another server has another configuration in force", LOG_END);
        return;
    }
    server->config = config;
    if (server->api != NULL && api_reload(server->api, &err) < 0) {
        server->config = old;
        config_unref(config);
        (void)snprintf(server->banner, sizeof server->banner, "The configuration was not taken over: %.900s", err.text);
        log_error("reload refused, the configuration before stays in force", LOG_ERR(&err), LOG_END);
        return;
    }
    config_unref(old);
    if (server->inventories != NULL) {
        server->config = inventories_use(server->inventories, config);
        config_unref(config);
        config = server->config;
    }
    if (!server->store_wrong) {
        server->banner[0] = '\0';
    }
    log_info("configuration reloaded", LOG_END);
    clock_set_zone(config->time_zone);
    if (server->options.serves) {
        chats_reload(server->chats);
        chats_retry(server->chats);
        server->generation_put = false;
        server_put_generation(server);
    }
}

void server_reload_stale(void *user) {
    server_reload(user, false);
}

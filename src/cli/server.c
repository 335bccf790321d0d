/*
 * A contents page: server_run builds the parts in order, runs the loop, and takes them down in reverse. The configuration and the ordered
 * stop have files of their own.
 */

#include "server_internal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "app/engine.h"
#include "app/escalation.h"
#include "app/inventories.h"
#include "app/operations.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/str.h"
#include "config/config.h"
#include "exec/worker.h"
#include "net/loop.h"
#include "net/redis_server.h"
#include "chats.h"
#include "paths.h"
#include "state_dir.h"
#include "store/feed.h"

enum { PATH_SIZE = 1024 };

/* --- what the parts ask of us ---------------------------------------------------------------------------------- */

static struct config *current_config(void *user) {
    struct server *server = user;
    return server->config;
}

static unsigned current_permissions(const struct actor *actor, const char *project, const char *environment,
                                    void *user) {
    struct server *server = user;
    return actor_permissions(server->config, actor, project, environment);
}

static struct api_status current_status(void *user) {
    struct server *server = user;
    return (struct api_status){
        .leads = server->engine != NULL && engine_leads(server->engine),
        .banner = server->banner[0] == '\0' ? NULL : server->banner,
    };
}

static void write_health(struct buf *out, void *user) {
    const struct server *server = user;
    chats_write_health(server->chats, out);
    inventories_write_health(server->inventories, out);
    escalation_write_health(server->escalation, out);
}

static void store_came(void *user) {
    struct server *server = user;
    server->store_came = true;
    log_info("store ready", LOG_END);
    if (server->store_wrong) {
        server->store_wrong = false;
        server->banner[0] = '\0';
    }
    if (server->engine != NULL) {
        engine_ready(server->engine, server->rolled_back);
    }
    server->rolled_back = false;
    /* The configuration of the server that started or reloaded last is the one in force. */
    if (server->options.serves && !server->generation_put) {
        server_put_generation(server);
    }
}

static void store_went(const char *why, void *user) {
    struct server *server = user;
    if (server->redis != NULL && !server->store_came) {
        return; /* The private redis-server is only just starting. */
    }
    metric_add(METRIC_REDIS_RECONNECTS, 1, NULL, NULL, NULL);
    log_warn("store lost, trying again", LOG_STR("error", why), LOG_END);
}

static void store_refused(const struct err *err, void *user) {
    struct server *server = user;
    log_error("the store can't be used", LOG_ERR(err), LOG_END);
    (void)snprintf(server->banner, sizeof server->banner, "%s", err->text);
    server->store_wrong = true;
    server->rolled_back = err->code == ERR_CONFLICT;
}

static void store_weak(const char *text, void *user) {
    struct server *server = user;
    log_warn("the store may lose what was acknowledged (durability: accept_loss)", LOG_STR("settings", text), LOG_END);
    (void)snprintf(server->banner, sizeof server->banner, "Redis may lose what was acknowledged: %s", text);
    server->store_wrong = false;
}

static void leads_now(bool leads, void *user) {
    struct server *server = user;
    chats_lead(server->chats, leads);
    escalation_lead(server->escalation, leads);
}

static void escalates(void *user) {
    struct server *server = user;
    escalation_due(server->escalation);
}

static bool leads_surely(void *user) {
    const struct server *server = user;
    return server->engine != NULL && engine_leads_surely(server->engine);
}

static void fence(struct commit *commit, void *user) {
    const struct server *server = user;
    engine_fence(server->engine, commit);
}

static bool surely_dead(const char *token, void *user) {
    const struct server *server = user;
    return state_dir_surely_dead(server->state_dir, token);
}

static void feed_told(const struct change *changes, size_t count, void *user) {
    struct server *server = user;
    for (size_t i = 0; i < count; i++) {
        if (changes[i].kind == CHANGE_DEPLOYMENT) {
            chats_changed(server->chats, changes[i].deployment);
        }
    }
}

static void feed_missed(void *user) {
    struct server *server = user;
    if (engine_leads(server->engine)) {
        chats_lead(server->chats, true);
    }
}

static void hup(int number, void *user) {
    struct server *server = user;
    (void)number;
    if (!server->stopping) {
        server_reload(server, true);
    }
}

/* --- building ----------------------------------------------------------------------------------------------------- */

static int build_store(struct server *server, struct err *err) {
    char witness[PATH_SIZE + 64], folder[PATH_SIZE + 64];
    const char *url = server->config->redis_url;
    char *password = NULL;
    int r = 0;
    if (url == NULL && !server->options.private_redis) {
        return err_set(
            err, ERR_INVALID,
            "The configuration names no Redis (redis: url:). `guidepost up` starts a private one by itself.");
    }
    if (url == NULL) {
        (void)snprintf(folder, sizeof folder, "%s/redis", state_dir_path(server->state_dir));
        r = redis_server_create(server->loop, folder, &server->redis, err);
        url = r < 0 ? NULL : redis_server_url(server->redis);
    }
    if (r == 0 && server->config->redis_password.source != SECRET_NONE) {
        r = secret_read(&server->config->redis_password, &password, err);
    }
    (void)snprintf(witness, sizeof witness, "%s/seq", state_dir_path(server->state_dir));
    r = r < 0 ? r
              : store_create(server->loop,
                             &(struct store_options){
                                 .url = url,
                                 .password = password,
                                 .prefix = server->config->key_prefix,
                                 .accept_loss = server->config->accept_loss,
                                 .witness_path = witness,
                                 .ready = store_came,
                                 .lost = store_went,
                                 .refused = store_refused,
                                 .weak = store_weak,
                                 .user = server,
                             },
                             &server->store, err);
    secret_free(password);
    return r;
}

static int listen_all(struct server *server, struct err *err) {
    const struct config *config = server->config;
    if (server->options.listen != NULL) {
        return api_listen(server->api, server->options.listen, config->tls_certificate, config->tls_key, err);
    }
    int r = 0;
    for (size_t i = 0; i < config->listen.count && r == 0; i++) {
        r = api_listen(server->api, config->listen.items[i], config->tls_certificate, config->tls_key, err);
    }
    return r;
}

static int announce(struct server *server, struct err *err) {
    char link[128], text[PATH_SIZE];
    const char *address = api_address(server->api, 0);
    bool local = str_starts(address, "unix:");
    const char *scheme = local ? "" : server->config->tls_certificate != NULL ? "https://" : "http://";
    (void)snprintf(text, sizeof text, "%s%s\n", scheme, address);
    int r = state_dir_write(server->state_dir, "address", text, err);
    log_info("listening", LOG_STR("address", address), LOG_END);
    if (r == 0 && server->options.announce) {
        (void)printf("guidepost listens on %s%s\n", scheme, address);
        if (!local) { /* A browser can't open a unix socket. */
            api_make_link(server->api, link);
            (void)printf("Sign in once, within 15 minutes: %s%s%s\n", scheme, address, link);
        }
        (void)fflush(stdout);
    }
    return r;
}

static int build_serving(struct server *server, struct err *err) {
    struct operations_options operations = {server->loop, server->store, current_config, server_reload_stale, server};
    server->operations = operations_create(&operations);
    struct chats_options chats = {
        .loop = server->loop,
        .store = server->store,
        .config = current_config,
        .up = {operations_start, server->operations, operations_may},
        .leads_surely = leads_surely,
        .fence = fence,
        .user = server,
    };
    int r = chats_create(&chats, &server->chats, err);
    server->escalation = escalation_create(&(struct escalation_options){
        .loop = server->loop,
        .store = server->store,
        .config = current_config,
        .leads_surely = leads_surely,
        .fence = fence,
        .user = server,
    });
    server->engine = engine_create(&(struct engine_options){
        .loop = server->loop,
        .store = server->store,
        .token = state_dir_token(server->state_dir),
        .lost_after_ms = server->config->lost_after_ms,
        .retention_ms = server->config->retention_ms,
        .surely_dead = surely_dead,
        .leads = leads_now,
        .escalates = escalates,
        .user = server,
    });
    server->feed = feed_create(server->loop, server->store, feed_told, feed_missed, server);
    r = r < 0 ? r : state_dir_local_token(server->state_dir, server->local_token, err);
    struct api_options api = {
        .loop = server->loop,
        .store = server->store,
        .config = current_config,
        .up = {.start = operations_start, .user = server->operations},
        .status = current_status,
        .health = write_health,
        .permissions = current_permissions,
        .user = server,
        .local_token = server->local_token,
        .web_dir = server->options.web_dir,
    };
    r = r < 0 ? r : api_create(&api, &server->api, err);
    r = r < 0 ? r : listen_all(server, err);
    return r < 0 ? r : announce(server, err);
}

static struct worker_ssh current_ssh(void *user) {
    const struct server *server = user;
    const struct config *config = server->config;
    return (struct worker_ssh){config->ssh_config, config->ssh_known_hosts, config->ssh_options.items,
                               config->ssh_options.count};
}

static int build_working(struct server *server, struct err *err) {
    char program[PATH_SIZE];
    int r = path_of_step_program(program, sizeof program, err);
    return r < 0 ? r
                 : worker_create(
                       &(struct worker_options){
                           .loop = server->loop,
                           .store = server->store,
                           .state_dir = state_dir_path(server->state_dir),
                           .step_program = program,
                           .ssh = current_ssh,
                           .user = server,
                           .url = server->config->url,
                           .slots = (unsigned)server->config->worker_slots,
                           .heartbeat_ms = server->config->heartbeat_ms,
                       },
                       &server->worker, err);
}

static int build(struct server *server, struct err *err) {
    int r = state_dir_open(server->options.state_dir, server->options.private_redis, &server->state_dir, err);
    server->loop = loop_create();
    if (r == 0 && server->options.serves) {
        server_build_inventories(server);
    }
    r = r < 0 ? r : build_store(server, err);
    r = r < 0 || !server->options.serves ? r : build_serving(server, err);
    r = r < 0 || !server->options.works ? r : build_working(server, err);
    if (r == 0) {
        server->signals[0] = signal_watch_create(server->loop, SIGTERM, server_stop, server);
        server->signals[1] = signal_watch_create(server->loop, SIGINT, server_stop, server);
        server->signals[2] = signal_watch_create(server->loop, SIGHUP, hup, server);
    }
    return r;
}

static void demolish(struct server *server) {
    server_destroy_with_store(server);
    engine_destroy(server->engine);
    chats_destroy(server->chats);
    redis_server_destroy(server->redis);
    for (size_t i = 0; i < sizeof server->signals / sizeof server->signals[0]; i++) {
        signal_watch_destroy(server->signals[i]);
    }
    timer_destroy(server->timer);
    inventories_destroy(server->inventories);
    if (server->loop != NULL && !loop_destroy(server->loop)) {
        log_error("something was left open at the end", LOG_END);
        server->exit_code = 1;
    }
    state_dir_close(server->state_dir);
    config_unref(server->config);
}

int server_run(const struct server_options *options) {
    struct server server = {.options = *options};
    struct err err;
    (void)signal(SIGPIPE, SIG_IGN);
    server.config = server_load(options->config_path);
    if (server.config == NULL) {
        return 1;
    }
    clock_set_zone(server.config->time_zone);
    metric_set(METRIC_BUILD_INFO, 1, GUIDEPOST_VERSION, NULL, NULL);
    if (build(&server, &err) < 0) {
        (void)fprintf(stderr, "guidepost: %s\n", err.text);
        server.exit_code = 1;
    } else {
        loop_run(server.loop);
    }
    demolish(&server);
    return server.exit_code;
}

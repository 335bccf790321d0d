#include "server_internal.h"

#include "api/api.h"
#include "app/engine.h"
#include "app/escalation.h"
#include "app/operations.h"
#include "base/log.h"
#include "chats.h"
#include "exec/worker.h"
#include "net/loop.h"
#include "net/redis_server.h"
#include "store/feed.h"
#include "store/store.h"

enum { LAST_WORDS_MS = 300, UP_DRAIN_MS = 10000 };

static void stop_end(void *user) {
    struct server *server = user;
    loop_stop(server->loop);
}

void server_destroy_with_store(struct server *server) {
    worker_destroy(server->worker);
    server->worker = NULL;
    feed_destroy(server->feed);
    server->feed = NULL;
    store_destroy(server->store);
    server->store = NULL;
    operations_destroy(server->operations);
    server->operations = NULL;
    escalation_destroy(server->escalation);
    server->escalation = NULL;
    api_destroy(server->api);
    server->api = NULL;
}

static void stop_store(void *user) {
    struct server *server = user;
    server_destroy_with_store(server);
    if (server->redis != NULL) {
        redis_server_stop(server->redis, stop_end, server);
    } else {
        stop_end(server);
    }
}

static void stop_leading(void *user) {
    struct server *server = user;
    if (server->engine != NULL) {
        engine_stop(server->engine);
    }
    timer_destroy(server->timer);
    server->timer = loop_timer(server->loop, stop_store, server);
    timer_start(server->timer, LAST_WORDS_MS);
}

static void stop_talking(struct server *server) {
    if (server->chats != NULL) {
        chats_stop(server->chats);
    }
    if (server->api != NULL) {
        api_stop(server->api, stop_leading, server);
    } else {
        stop_leading(server);
    }
}

/* Nothing runs here any more, or it was waited long enough: what runs is adopted by the next worker of this host. */
static void stop_drained(void *user) {
    struct server *server = user;
    if (!server->drain_over) {
        server->drain_over = true;
        timer_stop(server->timer);
        stop_talking(server);
    }
}

void server_stop(int number, void *user) {
    struct server *server = user;
    if (server->stopping) {
        stop_drained(server); /* Asked twice: no more waiting. */
        return;
    }
    server->stopping = true;
    log_info("stopping", LOG_INT("signal", number), LOG_END);
    server->timer = loop_timer(server->loop, stop_drained, server);
    if (server->worker != NULL) {
        worker_drain(server->worker, stop_drained, server);
    } else {
        timer_start(server->timer, 0);
    }
    if (server->options.serves) {
        timer_start(server->timer, server->worker != NULL && worker_busy(server->worker) > 0 ? UP_DRAIN_MS : 0);
    }
}

/* The servers, and what all requests share. A request itself is a call: see call.h. */

#include "api/api.h"

#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "call.h"
#include "guard.h"
#include "limiter.h"
#include "session.h"
#include "streams.h"

static struct config *config_of(const struct api *api) {
    return api->options.config(api->options.user);
}

/* The names that we are called by come from the configuration and from the addresses that are listened on. */
static void know_names(struct api *api) {
    const struct config *config = config_of(api);
    guard_destroy(api->guard);
    api->guard = guard_create();
    if (config->url != NULL) {
        guard_allow_url(api->guard, config->url);
    }
    for (size_t i = 0; i < api->listener_count; i++) {
        const struct listener *listener = &api->listeners[i];
        guard_allow_listen(api->guard, listener->listen, web_address(listener->web), listener->tls);
    }
}

int api_create(const struct api_options *options, struct api **ret_api, struct err *err) {
    struct api *api = mem_alloc(sizeof *api);
    api->options = *options;
    api->references = 1;
    int result = auth_create(config_of(api), options->local_token, &api->auth, err);
    if (result < 0) {
        mem_free(api);
        return result;
    }
    api->web_dir = mem_strdup(options->web_dir);
    api->limiter = limiter_create();
    api->sessions = sessions_create(options->store);
    api->streams = streams_create(options->loop, options->store);
    know_names(api);
    *ret_api = api;
    return 0;
}

static void close_all(struct api *api) {
    for (size_t i = 0; i < api->listener_count; i++) {
        web_destroy(api->listeners[i].web);
        mem_free(api->listeners[i].listen);
    }
    mem_free(api->listeners);
    api->listeners = NULL;
    api->listener_count = 0;
    streams_destroy(api->streams);
    api->streams = NULL;
}

void api_unref(struct api *api) {
    if (--api->references > 0) {
        return;
    }
    guard_destroy(api->guard);
    auth_destroy(api->auth);
    limiter_destroy(api->limiter);
    sessions_destroy(api->sessions);
    mem_free(api->web_dir);
    mem_free(api);
}

void api_destroy(struct api *api) {
    if (api != NULL) {
        close_all(api);
        api_unref(api);
    }
}

int api_reload(struct api *api, struct err *err) {
    int result = auth_reload(api->auth, config_of(api), err);
    if (result == 0) {
        know_names(api);
    }
    return result;
}

/* --- listening ---------------------------------------------------------------------------------------------------- */

static void request_came(struct web_request *request, void *user) {
    call_begin(user, request);
}

static void request_gone(struct web_request *request, void *user) {
    (void)user;
    call_gone(web_data(request));
}

int api_listen(struct api *api, const char *listen, const char *certificate, const char *key, struct err *err) {
    const struct web_options options = {
        .listen = listen,
        .certificate = certificate,
        .key = key,
        .handle = request_came,
        .gone = request_gone,
        .user = api,
    };
    struct web *web = NULL;
    int result = web_create(api->options.loop, &options, &web, err);
    if (result < 0) {
        return result;
    }
    api->listeners = mem_grow(api->listeners, api->listener_count + 1, sizeof *api->listeners);
    api->listeners[api->listener_count++] =
        (struct listener){web, mem_strdup(listen), certificate != NULL && key != NULL};
    know_names(api);
    return 0;
}

const char *api_address(const struct api *api, size_t index) {
    return index < api->listener_count ? web_address(api->listeners[index].web) : NULL;
}

void api_make_link(struct api *api, char out[128]) {
    char secret[SESSION_SECRET_SIZE];
    session_make_link(api->sessions, secret, clock_monotonic_ms());
    (void)snprintf(out, 128, "/login#%s", secret);
}

/* --- stopping ----------------------------------------------------------------------------------------------------- */

static void web_stopped(void *user) {
    struct api *api = user;
    if (--api->listening == 0) {
        api->stopped(api->stopped_user); /* may destroy us */
    }
}

void api_stop(struct api *api, void (*stopped)(void *user), void *user) {
    api->stopped = stopped;
    api->stopped_user = user;
    api->listening = api->listener_count;
    for (size_t i = 0; i < api->listener_count; i++) {
        web_stop(api->listeners[i].web, web_stopped, api);
    }
    if (api->listener_count == 0) {
        api->listening = 1;
        (void)loop_soon(api->options.loop, web_stopped, api);
    }
}

#include "call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "auth.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "core/permission.h"
#include "guard.h"
#include "routes.h"
#include "session.h"

enum { HEADERS_MAX = 16 };

/* --- arriving ----------------------------------------------------------------------------------------------------- */

static enum call_family family_of(const char *path) {
    if (str_starts_nocase(path, "/api/") || str_equal_nocase(path, "/api")) {
        return CALL_OCTOPUS;
    }
    return str_starts(path, "/v1/") ? CALL_V1 : CALL_PLAIN;
}

/* Clients of Octopus Deploy send POST and say in a header what they mean. */
static const char *method_of(const struct web_request *request, enum call_family family) {
    const char *method = web_method(request), *meant = web_header(request, "X-HTTP-Method-Override");
    bool counts = family == CALL_OCTOPUS && str_equal(method, "POST");
    if (counts && str_equal_nocase(meant, "PUT")) {
        return "PUT";
    }
    if (counts && str_equal_nocase(meant, "DELETE")) {
        return "DELETE";
    }
    return method;
}

/* Cookies do not tell ports apart, so their name does; and one that may travel by TLS only has a name that only such
 * have. */
static void name_cookie(struct call *call) {
    const char *host = web_header(call->request, "Host");
    const char *port = host == NULL ? NULL : strrchr(host, ':');
    bool has_port = port != NULL && strchr(port, ']') == NULL;
    bool secure = web_is_tls(call->request) || guard_is_secure(call->api->guard, host);
    (void)snprintf(call->cookie, sizeof call->cookie, "%sguidepost-%.8s", secure ? "__Host-" : "",
                   has_port ? port + 1 : "page");
}

static struct call *call_create(struct api *api, struct web_request *request) {
    struct call *call = mem_alloc(sizeof *call);
    call->api = api;
    api->references++;
    call->request = request;
    web_set_data(request, call);
    call->arena = arena_create();
    call->config = config_ref(api->options.config(api->options.user));
    call->family = family_of(web_path(request));
    call->method = arena_strdup(call->arena, method_of(request, call->family));
    call->path = route_path(web_path(request), call->arena);
    buf_init(&call->text, LIMIT_HTTP_RESPONSE_BYTES);
    call->out.buf = &call->text;
    call->began_us = clock_monotonic_us();
    name_cookie(call);
    return call;
}

static void call_end(struct call *call) {
    struct api *api = call->api;
    for (size_t i = 0; i < call->record_count; i++) {
        deployment_record_free(call->records[i]);
    }
    json_free(call->body);
    buf_finish(&call->text);
    config_unref(call->config);
    arena_destroy(call->arena);
    mem_free(call);
    api_unref(api);
}

void call_gone(struct call *call) {
    call->request = NULL; /* what it waits for will end it */
}

bool call_continues(struct call *call, const struct err *err) {
    if (call->request == NULL) {
        call_end(call);
        return false;
    }
    if (err != NULL) {
        call_fail(call, err);
        return false;
    }
    return true;
}

/* --- who asks ----------------------------------------------------------------------------------------------------- */

static const char *token_of(const struct web_request *request) {
    static const char bearer[] = "Bearer ";
    const char *key = web_header(request, "X-Octopus-ApiKey"), *authorization = web_header(request, "Authorization");
    if (key == NULL && authorization != NULL && str_starts_nocase(authorization, bearer)) {
        key = authorization + sizeof bearer - 1;
    }
    return key;
}

/* Behind a proxy on this machine everybody would seem to be near. */
static bool is_near(const struct web_request *request) {
    const char *peer = web_peer(request);
    bool local = str_equal(peer, "unix") || str_equal(peer, "::1") || str_starts(peer, "127.");
    return local && web_header(request, "X-Forwarded-For") == NULL && web_header(request, "Forwarded") == NULL;
}

static void call_dispatch(struct call *call) {
    size_t size = 0;
    const char *body = web_body(call->request, &size);
    struct err err;
    if (size > 0 && json_parse(body, size, &call->body, &err) < 0) {
        call_fail(call, &err);
        return;
    }
    call->route->handle(call);
}

static void call_identified(struct call *call, const struct auth_identity *identity, const char *via) {
    call->actor = (struct actor){
        .name = arena_strdup(call->arena, identity->name),
        .via = via,
        .everything = identity->everything,
    };
    call_dispatch(call);
}

static void call_unknown(struct call *call) {
    call_refuse(call, ERR_UNAUTHENTICATED,
                call->family == CALL_OCTOPUS
                    ? "You must be logged in to request this resource. Please provide a valid API key or log in again."
                    : "Sign in first, or send a token that is good.");
}

static void session_came(const char *name, const char *mark, const struct err *err, void *user) {
    struct call *call = user;
    struct auth_identity identity;
    if (!call_continues(call, err)) {
        return;
    }
    if (name != NULL && auth_by_mark(call->api->auth, name, mark, &identity)) {
        call_identified(call, &identity, "console");
    } else {
        call_unknown(call);
    }
}

static void call_identify(struct call *call) {
    const char *token = token_of(call->request), *cookie = web_cookie(call->request, call->cookie);
    const char *agent = web_header(call->request, "User-Agent");
    struct auth_identity identity;
    if (token != NULL && auth_by_token(call->api->auth, token, &identity)) {
        call_identified(call, &identity, agent != NULL && str_starts(agent, "guidepost/") ? "cli" : "api");
    } else if (token == NULL && !str_empty(cookie)) {
        session_find(call->api->sessions, cookie, session_came, call);
    } else {
        call_unknown(call);
    }
}

static int call_guard(const struct call *call, struct err *err) {
    const struct web_request *request = call->request;
    const struct guard_request asked = {
        .method = web_method(request),
        .host = web_header(request, "Host"),
        .origin = web_header(request, "Origin"),
        .fetch_site = web_header(request, "Sec-Fetch-Site"),
        .fetch_mode = web_header(request, "Sec-Fetch-Mode"),
        .content_type = web_header(request, "Content-Type"),
        .csrf = web_header(request, "X-Csrf"),
        .by_cookie = token_of(request) == NULL && web_cookie(request, call->cookie) != NULL,
    };
    return guard_check(call->api->guard, &asked, err);
}

void call_begin(struct api *api, struct web_request *request) {
    struct call *call = call_create(api, request);
    struct err err;
    bool other_method = false;
    if (call_guard(call, &err) < 0) {
        call_fail(call, &err);
        return;
    }
    call->route = route_find(call->method, call->path, call->arena, call->params, &other_method);
    if (call->route == NULL && other_method) {
        call_problem(call, 405, "invalid", "This can't be done to this address with this method.", NULL);
    } else if (call->route == NULL) {
        call_refuse(call, ERR_NOT_FOUND, "There is nothing at %.200s.", web_path(request));
    } else if (call->route->need == ROUTE_OPEN || (call->route->need == ROUTE_NEAR && is_near(request))) {
        call_dispatch(call);
    } else {
        call_identify(call);
    }
}

/* --- answering ---------------------------------------------------------------------------------------------------- */

int call_status(enum err_code code, enum call_family family) {
    switch (code) {
    case ERR_NONE:
        return 200;
    case ERR_INVALID:
        return 400;
    case ERR_UNAUTHENTICATED:
        return 401;
    case ERR_DENIED:
        return 403;
    case ERR_NOT_FOUND:
        return 404;
    case ERR_CONFLICT:
        return family == CALL_OCTOPUS ? 400 : 409; /* Octopus Deploy has no 409 for this */
    case ERR_TOO_BIG:
        return 413;
    case ERR_UNAVAILABLE:
        return 503;
    case ERR_UNKNOWN:
    case ERR_TIMEOUT:
        return 504;
    case ERR_IO:
        return 500;
    }
    return 500;
}

static void count(const struct call *call, int status) {
    char code[16];
    const char *route = call->route == NULL ? "none" : call->route->pattern;
    (void)snprintf(code, sizeof code, "%d", status);
    metric_add(METRIC_HTTP_REQUESTS, 1, call->route == NULL ? "other" : call->route->method, route, code);
    metric_observe(METRIC_HTTP_SECONDS, (double)(clock_monotonic_us() - call->began_us) / 1e6, route, NULL, NULL);
}

static size_t all_headers(struct web_header_line lines[HEADERS_MAX], const struct web_header_line *more,
                          size_t more_count) {
    size_t total = 0, fixed = 0;
    const struct web_header_line *always = guard_headers(&fixed);
    bool cached = false;
    for (size_t i = 0; i < fixed; i++) {
        lines[total++] = always[i];
    }
    for (size_t i = 0; i < more_count && total < HEADERS_MAX - 1; i++) {
        cached = cached || str_equal(more[i].name, "Cache-Control");
        lines[total++] = more[i];
    }
    if (!cached) {
        lines[total++] = (struct web_header_line){"Cache-Control", "no-store"};
    }
    return total;
}

void call_answer_bytes(struct call *call, int status, const struct web_header_line *more, size_t more_count,
                       const void *bytes, size_t size) {
    if (call->request != NULL) {
        struct web_header_line lines[HEADERS_MAX];
        size_t total = all_headers(lines, more, more_count);
        struct web_request *request = call->request;
        call->request = NULL;
        count(call, status);
        web_answer(request, status, lines, total, bytes, size);
    }
    call_end(call);
}

void call_answer_as(struct call *call, int status, const char *content_type, const struct web_header_line *more,
                    size_t more_count) {
    struct web_header_line lines[HEADERS_MAX] = {{"Content-Type", content_type}};
    size_t total = 1;
    for (size_t i = 0; i < more_count && total < HEADERS_MAX; i++) {
        lines[total++] = more[i];
    }
    if (call->text.overflow) {
        call_refuse(call, ERR_TOO_BIG, "The answer is larger than %d MiB; ask for less.",
                    LIMIT_HTTP_RESPONSE_BYTES >> 20);
        return;
    }
    call_answer_bytes(call, status, lines, total, call->text.data, call->text.size);
}

void call_answer(struct call *call, int status) {
    call_answer_as(call, status, "application/json; charset=utf-8", NULL, 0);
}

static void write_octopus_error(struct json_out *out, const char *detail) {
    json_object_begin(out, NULL);
    json_add_string(out, "ErrorMessage", detail);
    json_array_begin(out, "Errors");
    json_add_string(out, NULL, detail);
    json_array_end(out);
    json_object_end(out);
}

static void write_problem(struct json_out *out, int status, const char *title, const char *detail, const char *data) {
    json_object_begin(out, NULL);
    json_add_string(out, "type", "about:blank");
    json_add_int(out, "status", status);
    json_add_string(out, "title", title);
    json_add_string(out, "detail", detail);
    if (data != NULL) {
        json_add_raw(out, "data", data);
    }
    json_object_end(out);
}

void call_problem(struct call *call, int status, const char *title, const char *detail, const char *data) {
    const struct web_header_line bearer = {"WWW-Authenticate", "Bearer"};
    size_t more = status == 401 ? 1 : 0;
    char *copy = arena_strdup(call->arena, detail); /* it may lie in what is cleared now */
    buf_clear(&call->text);
    call->out = (struct json_out){.buf = &call->text};
    switch (call->family) {
    case CALL_V1:
        write_problem(&call->out, status, title, copy, data);
        call_answer_as(call, status, "application/problem+json", &bearer, more);
        break;
    case CALL_OCTOPUS:
        write_octopus_error(&call->out, copy);
        call_answer_as(call, status, "application/json; charset=utf-8", &bearer, more);
        break;
    case CALL_PLAIN:
        buf_printf(&call->text, "%s\n", copy);
        call_answer_as(call, status, "text/plain; charset=utf-8", &bearer, more);
        break;
    }
}

void call_fail_with(struct call *call, const struct err *err, const char *data) {
    call_problem(call, call_status(err->code, call->family), err_word((int)err->code), err->text, data);
}

void call_fail(struct call *call, const struct err *err) {
    call_fail_with(call, err, NULL);
}

void call_refuse(struct call *call, enum err_code code, const char *format, ...) {
    struct err err = {.code = code};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err.text, sizeof err.text, format, args);
    va_end(args);
    call_fail(call, &err);
}

struct web_stream *call_stream(struct call *call, const struct web_header_line *more, size_t more_count,
                               void (*closed)(struct web_stream *stream, void *user), void *user) {
    struct web_header_line lines[HEADERS_MAX];
    size_t total = all_headers(lines, more, more_count);
    struct web_stream *stream = web_stream_begin(call->request, lines, total, closed, user);
    call->request = NULL;
    count(call, stream == NULL ? 503 : 200);
    call_end(call);
    return stream;
}

/* --- what handlers ask for ---------------------------------------------------------------------------------------- */

unsigned call_permissions(const struct call *call, const char *project, const char *environment) {
    return call->api->options.permissions(&call->actor, project, environment, call->api->options.user);
}

bool call_may_view(const struct call *call, const struct deployment *d) {
    return (call_permissions(call, d->plan->project, d->plan->environment) & PERMISSION_VIEW) != 0;
}

bool call_number(struct call *call, const char *name, uint64_t fallback, uint64_t most, uint64_t *ret_value) {
    const char *text = web_query(call->request, name);
    uint64_t value = fallback;
    if (!str_empty(text) && str_to_u64(text, &value, NULL) < 0) {
        call_refuse(call, ERR_INVALID, "%s is a whole number, not '%.40s'.", name, text);
        return false;
    }
    *ret_value = value < most ? value : most;
    return true;
}

#include "web_internal.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include <uv.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

enum {
    TARGET_BYTES = LIMIT_HTTP_HEADER_BYTES / 2,
    THROWN_AWAY_BYTES = LIMIT_HTTP_BODY_BYTES * 16, /* of a body that is too large */
};

/* Arriving: called by the library. */

void *web_request_target_came(void *user, const char *target, struct MHD_Connection *connection) {
    (void)user;
    struct client *client = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    struct web_request *request = mem_alloc(sizeof *request);
    request->client = client;
    request->connection = connection;
    buf_init(&request->body, LIMIT_HTTP_BODY_BYTES);
    request->target_size = strlen(target);
    request->path = web_parse_path(target);
    request->malformed = !web_parse_query(&request->query, target) || request->path == NULL;
    client->request = request;
    if (client->phase == PHASE_IDLE) {
        web_client_enter(client, PHASE_HEADER);
    }
    return request;
}

struct tally {
    size_t count, bytes, lengths, encodings, hosts;
    bool malformed, expects;
    uint64_t length;
};

static bool is_token(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++) {
        char lower = (char)(text[i] | 0x20);
        bool letter = (lower >= 'a' && lower <= 'z') || (text[i] >= '0' && text[i] <= '9');
        if (!letter && (text[i] == '\0' || strchr("!#$%&'*+-.^_`|~", text[i]) == NULL)) {
            return false;
        }
    }
    return size > 0;
}

static enum MHD_Result tally_header(void *user, enum MHD_ValueKind kind, const char *name, size_t name_size,
                                    const char *value, size_t value_size) {
    struct tally *tally = user;
    (void)kind;
    tally->count++;
    tally->bytes += name_size + value_size + strlen(": \r\n");
    if (!is_token(name, name_size) || value == NULL || memchr(value, '\0', value_size) != NULL) {
        tally->malformed = true;
        return MHD_YES;
    }
    if (str_equal_nocase(name, "Content-Length")) {
        tally->lengths++;
        tally->malformed = tally->malformed || str_to_u64(value, &tally->length, NULL) != 0;
    } else if (str_equal_nocase(name, "Transfer-Encoding")) {
        tally->encodings++;
        tally->malformed = tally->malformed || !str_equal_nocase(value, "chunked");
    } else if (str_equal_nocase(name, "Host")) {
        tally->hosts++;
    } else if (str_equal_nocase(name, "Expect")) {
        tally->expects = true;
    }
    return MHD_YES;
}

/* The status with which a request must be refused, or 0. What a proxy in front may read in another way than we do is
 * refused: two lengths, a length and an encoding, two hosts. */
static int judge(const struct web_request *request, const char *version) {
    struct tally tally = {.malformed = request->malformed};
    MHD_get_connection_values_n(request->connection, MHD_HEADER_KIND, tally_header, &tally);
    bool old = str_equal(version, "HTTP/1.0");
    if (request->target_size > TARGET_BYTES) {
        return MHD_HTTP_URI_TOO_LONG;
    }
    if (tally.count > LIMIT_HTTP_HEADERS || tally.bytes + request->target_size > LIMIT_HTTP_HEADER_BYTES) {
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    }
    if (tally.malformed || tally.lengths + tally.encodings > 1 || tally.hosts > 1 || (tally.hosts == 0 && !old) ||
        (old && tally.encodings > 0)) {
        return MHD_HTTP_BAD_REQUEST;
    }
    /* Whoever asks first can be told at once. Others read the answer only when they have sent all: their body is taken
     * and thrown away, unless it is far too large. */
    uint64_t most = tally.expects ? LIMIT_HTTP_BODY_BYTES : THROWN_AWAY_BYTES;
    return tally.length > most ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

static const char *reason(int status) {
    switch (status) {
    case MHD_HTTP_BAD_REQUEST:
        return "The request is malformed.\n";
    case MHD_HTTP_CONTENT_TOO_LARGE:
        return "The body of the request is too large.\n";
    case MHD_HTTP_URI_TOO_LONG:
        return "The address of the request is too long.\n";
    case MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE:
        return "The request has too many or too large header fields.\n";
    case MHD_HTTP_SERVICE_UNAVAILABLE:
        return "The server has too many open streams, or is about to stop; try again later.\n";
    default:
        return "The server made an answer that cannot be sent.\n";
    }
}

static struct MHD_Response *refusal(int status) {
    const char *text = reason(status);
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), (char *)text, MHD_RESPMEM_PERSISTENT);
    assert(response != NULL); /* out of memory */
    MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cache-Control", "no-store");
    return response;
}

static enum MHD_Result send_response(struct web_request *request, int status, struct MHD_Response *response) {
    enum MHD_Result result = MHD_queue_response(request->connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct web_request *request, int status) {
    request->state = REQUEST_ANSWERED;
    web_client_enter(request->client, PHASE_REPLY);
    return send_response(request, status, refusal(status));
}

static void name_peer(struct web_request *request) {
    const struct sockaddr *address =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    if (address != NULL && address->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, request->peer,
                  sizeof request->peer);
    } else if (address != NULL && address->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, request->peer,
                  sizeof request->peer);
    } else {
        memcpy(request->peer, "unix", sizeof "unix");
    }
}

/* The request is whole. */
static enum MHD_Result suspend(struct web_request *request) {
    struct web *web = request->client->web;
    const char *cookies = web_header(request, "Cookie");
    web_parse_cookies(&request->cookies, cookies != NULL ? cookies : "");
    name_peer(request);
    request->state = REQUEST_READY;
    web_client_enter(request->client, PHASE_HANDLER);
    *web->ready_end = request;
    web->ready_end = &request->next_ready;
    MHD_suspend_connection(request->connection);
    return MHD_YES;
}

static enum MHD_Result receive(struct web_request *request, const char *version, const char *piece,
                               size_t *piece_size) {
    if (!request->judged) {
        request->judged = true;
        web_client_enter(request->client, PHASE_BODY);
        int status = judge(request, version);
        return status != 0 ? refuse(request, status) : MHD_YES;
    }
    if (*piece_size > 0) {
        request->client->bytes += *piece_size;
        buf_add(&request->body, piece, *piece_size);
        *piece_size = 0;
        return MHD_YES;
    }
    return request->body.overflow ? refuse(request, MHD_HTTP_CONTENT_TOO_LARGE) : suspend(request);
}

/* Called for the header, for each piece of the body, at its end, and after a suspended request is resumed. */
enum MHD_Result web_request_came(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                 const char *version, const char *piece, size_t *piece_size, void **context) {
    struct web_request *request = *context;
    (void)user;
    (void)connection;
    (void)url;
    switch (request->state) {
    case REQUEST_RECEIVING:
        request->method = method;
        return receive(request, version, piece, piece_size);
    case REQUEST_ANSWERED:
        if (request->response != NULL) {
            struct MHD_Response *response = request->response;
            request->response = NULL;
            return send_response(request, request->status, response);
        }
        *piece_size = 0;
        return MHD_YES;
    case REQUEST_READY:
    case REQUEST_HANDED:
        return MHD_YES;
    case REQUEST_GONE:
        return MHD_NO;
    }
    return MHD_NO;
}

/* Suspended. */

struct watch {
    uv_poll_t poll;
    struct web_request *request;
};

static void watch_closed(uv_handle_t *handle) {
    mem_free(handle->data);
}

static void client_left(uv_poll_t *poll, int status, int events) {
    (void)status;
    (void)events;
    web_request_give_up(((struct watch *)poll->data)->request);
}

void web_request_watch(struct web_request *request) {
    struct watch *watch = mem_alloc(sizeof *watch);
    if (uv_poll_init(loop_uv(request->client->web->loop), &watch->poll, request->client->fd) != 0) {
        mem_free(watch); /* then its going is seen when something is sent */
        return;
    }
    watch->poll.data = watch;
    watch->request = request;
    request->watch = watch;
    uv_poll_start(&watch->poll, UV_DISCONNECT, client_left);
}

static void unwatch(struct web_request *request) {
    if (request->watch != NULL) {
        uv_close((uv_handle_t *)&request->watch->poll, watch_closed);
        request->watch = NULL;
    }
}

void web_request_resume(struct web_request *request) {
    unwatch(request);
    MHD_resume_connection(request->connection);
    web_plan_run(request->client->web); /* the library does not wake itself */
}

void web_request_give_up(struct web_request *request) {
    struct web *web = request->client->web;
    if (request->stream != NULL) {
        web_stream_lose(request->stream);
    } else if (request->state == REQUEST_READY) {
        request->state = REQUEST_GONE;
        web_request_resume(request);
    } else if (request->state == REQUEST_HANDED) {
        request->state = REQUEST_GONE;
        web->calling = true;
        web->options.gone(request, web->options.user);
        web->calling = false;
        web_request_resume(request);
    }
}

void web_request_hand_over(struct web *web) {
    while (web->ready != NULL) {
        struct web_request *request = web->ready;
        web->ready = request->next_ready;
        if (web->ready == NULL) {
            web->ready_end = &web->ready;
        }
        request->state = REQUEST_HANDED;
        web->options.handle(request, web->options.user);
        if (request->state == REQUEST_HANDED) {
            web_request_watch(request);
        }
    }
}

/* Answering. */

struct MHD_Response *web_request_headers(struct web *web, struct MHD_Response *response,
                                         const struct web_header_line *headers, size_t count) {
    bool valid = true;
    for (size_t i = 0; i < count; i++) {
        /* The library refuses a value with a line end, which would be a header of somebody else's making. */
        valid = MHD_add_response_header(response, headers[i].name, headers[i].value) == MHD_YES && valid;
    }
    if (!valid) {
        MHD_destroy_response(response);
        return NULL;
    }
    if (web->stopping) {
        MHD_add_response_header(response, "Connection", "close");
    }
    return response;
}

void web_request_respond(struct web_request *request, int status, struct MHD_Response *response) {
    assert(request->state == REQUEST_HANDED);
    request->state = REQUEST_ANSWERED;
    request->status = status;
    request->response = response != NULL ? response : refusal(status);
    web_client_enter(request->client, PHASE_REPLY);
    web_request_resume(request);
}

void web_answer(struct web_request *request, int status, const struct web_header_line *headers, size_t header_count,
                const char *body, size_t body_size) {
    struct MHD_Response *response = MHD_create_response_from_buffer(body_size, (void *)body, MHD_RESPMEM_MUST_COPY);
    assert(response != NULL); /* out of memory */
    response = web_request_headers(request->client->web, response, headers, header_count);
    web_request_respond(request, response != NULL ? status : MHD_HTTP_INTERNAL_SERVER_ERROR, response);
    request->client->bytes = body_size;
}

/* The library has sent the reply, or the connection is gone. */
void web_request_ended(void *user, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode how) {
    struct web_request *request = *context;
    (void)user;
    (void)connection;
    (void)how;
    *context = NULL;
    if (request->stream != NULL) {
        web_stream_finish(request->stream);
    }
    request->client->request = NULL;
    web_client_enter(request->client, PHASE_IDLE);
    if (request->client->web->stopping) {
        web_client_cut(request->client);
    }
    unwatch(request);
    if (request->response != NULL) {
        MHD_destroy_response(request->response);
    }
    mem_free(request->path);
    web_parse_finish(&request->query);
    web_parse_finish(&request->cookies);
    buf_finish(&request->body);
    mem_free(request);
}

/* Parts. */

const char *web_method(const struct web_request *request) {
    return request->method;
}

const char *web_path(const struct web_request *request) {
    return request->path;
}

const char *web_header(const struct web_request *request, const char *name) {
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

const char *web_query(const struct web_request *request, const char *name) {
    return web_parse_find(&request->query, name);
}

const char *web_cookie(const struct web_request *request, const char *name) {
    return web_parse_find(&request->cookies, name);
}

const char *web_body(const struct web_request *request, size_t *ret_size) {
    if (ret_size != NULL) {
        *ret_size = request->body.size;
    }
    return request->body.data;
}

const char *web_peer(const struct web_request *request) {
    return request->peer;
}

bool web_is_tls(const struct web_request *request) {
    return request->client->web->tls;
}

void web_set_data(struct web_request *request, void *data) {
    request->data = data;
}

void *web_data(const struct web_request *request) {
    return request->data;
}

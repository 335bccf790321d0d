#include "net/http.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>

#include <curl/curl.h>
#include <uv.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

struct http {
    struct loop *loop; /* borrowed */
    CURLM *multi;      /* owned */
    struct timer *timer;
    char *ca_file;
    struct request *active[LIMIT_REQUEST_CONNECTIONS]; /* owned; NULL = free */
    struct request *first, *last;                      /* owned; they wait for one of these places */
    size_t waiting;
    unsigned depth; /* > 0 while a callback runs */
    bool closing;
};

struct request {
    struct http *http;          /* borrowed */
    struct request *next;       /* of those that wait */
    CURL *easy;                 /* owned */
    struct curl_slist *headers; /* owned: curl does not copy them */
    struct timer *patience;     /* while it waits */
    int64_t deadline_ms;        /* monotonic */
    struct buf body;            /* of the reply */
    size_t header_size;         /* of the reply, so far */
    bool sent;
    char detail[CURL_ERROR_SIZE];
    http_done *done;
    void *user;
};

/* One of curl's sockets on the loop. */
struct watch {
    uv_poll_t handle;
    struct http *http; /* borrowed */
    curl_socket_t fd;
};

static void act(struct http *http, curl_socket_t fd, int events);

/* Making a request. */

/* It has a connection and is about to be sent. curl would send it again when a kept connection breaks before the first
 * byte of the reply, even if the server has read all of it. */
static int about_to_be_sent(void *user, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    struct request *request = user;
    bool again = request->sent;
    request->sent = true;
    return again ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static size_t header_came(char *data, size_t size, size_t count, void *user) {
    (void)data;
    struct request *request = user;
    request->header_size += size * count;
    return request->header_size <= LIMIT_REQUEST_HEADER_BYTES ? size * count : 0;
}

static size_t body_came(char *data, size_t size, size_t count, void *user) {
    struct request *request = user;
    buf_add(&request->body, data, size * count);
    return request->body.overflow ? 0 : size * count;
}

/* A started program must not inherit it. */
static int socket_opened(void *user, curl_socket_t fd, curlsocktype purpose) {
    (void)user, (void)purpose;
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    return CURL_SOCKOPT_OK;
}

static void set_headers(struct request *request, const struct http_request *given) {
    struct buf line = BUF_INIT(LIMIT_REQUEST_HEADER_BYTES);
    for (size_t i = 0; i < given->header_count; i++) {
        const struct http_header_line *header = &given->headers[i];
        buf_clear(&line);
        buf_printf(&line, "%s: %s", header->name, header->value);
        if (!line.overflow && strpbrk(line.data, "\r\n") == NULL) {
            request->headers = curl_slist_append(request->headers, line.data);
        }
    }
    buf_finish(&line);
    request->headers = curl_slist_append(request->headers, "Expect:"); /* nobody answers 100-continue in time */
    (void)curl_easy_setopt(request->easy, CURLOPT_HTTPHEADER, request->headers);
}

static void set_transport(struct request *request) {
    CURL *easy = request->easy;
    (void)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (request->http->ca_file != NULL) {
        (void)curl_easy_setopt(easy, CURLOPT_CAINFO, request->http->ca_file);
    }
    /* HTTP/2 of libcurl 7.88 loses one request in about a thousand on a kept connection (curl issue 10634). */
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)LIMIT_REQUEST_IDLE_SECONDS);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT,
                           1L); /* else the loop stands still until a slow name server answers */
    (void)curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, socket_opened);
    (void)curl_easy_setopt(easy, CURLOPT_USERAGENT, "guidepost/" GUIDEPOST_VERSION);
}

static struct request *request_create(struct http *http, const struct http_request *given) {
    struct request *request = mem_alloc(sizeof *request);
    request->http = http;
    int64_t timeout_ms = given->timeout_ms > 0 ? given->timeout_ms : LIMIT_REQUEST_MS;
    request->deadline_ms = clock_monotonic_ms() + timeout_ms;
    buf_init(&request->body, given->reply_max > 0 ? given->reply_max : LIMIT_REQUEST_REPLY_BYTES);
    CURL *easy = curl_easy_init();
    assert(easy != NULL); /* out of memory */
    request->easy = easy;
    set_transport(request);
    set_headers(request, given);
    (void)curl_easy_setopt(easy, CURLOPT_URL, given->url);
    if (given->body != NULL || str_equal(given->method, "POST")) {
        (void)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)given->body_size);
        (void)curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, given->body != NULL ? given->body : "");
    }
    (void)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, given->method);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, about_to_be_sent);
    (void)curl_easy_setopt(easy, CURLOPT_PREREQDATA, request);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, header_came);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, request);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, body_came);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
    (void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, request->detail);
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
    return request;
}

static void request_destroy(struct request *request) {
    timer_destroy(request->patience);
    curl_easy_cleanup(request->easy);
    curl_slist_free_all(request->headers);
    buf_finish(&request->body);
    mem_free(request);
}

/* Ending a request. */

/* The host of the URL, which is all of it that may be shown. */
static void add_host(struct buf *out, CURL *easy) {
    const char *url = NULL;
    (void)curl_easy_getinfo(easy, CURLINFO_EFFECTIVE_URL, &url);
    CURLU *parts = curl_url();
    char *host = NULL;
    if (url != NULL && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK) {
        (void)curl_url_get(parts, CURLUPART_HOST, &host, 0);
    }
    buf_adds(out, host != NULL ? host : "the server");
    curl_free(host);
    curl_url_cleanup(parts);
}

static void explain(const struct request *request, CURLcode result, struct err *err) {
    struct buf host = BUF_INIT(ERR_TEXT_SIZE);
    add_host(&host, request->easy);
    enum err_code code = request->sent ? ERR_UNKNOWN : ERR_UNAVAILABLE;
    if (result == CURLE_OPERATION_TIMEDOUT) {
        err_set(err, ERR_TIMEOUT, "%s did not answer in time.", host.data);
    } else if (result == CURLE_ABORTED_BY_CALLBACK) {
        err_set(err, code, "The connection to %s broke before the reply came.", host.data);
    } else if (result == CURLE_WRITE_ERROR) {
        err_set(err, code, "The reply of %s is too large.", host.data);
    } else {
        const char *why = request->detail[0] != '\0' ? request->detail : curl_easy_strerror(result);
        err_set(err, code, "No reply from %s: %s.", host.data, why);
    }
    buf_finish(&host);
}

/* The request is in no list any more. */
static void finish(struct request *request, const struct http_reply *reply) {
    struct http *http = request->http;
    http->depth++;
    request->done(reply, request->user);
    http->depth--;
    request_destroy(request);
}

static void finish_without(struct request *request, const struct err *err) {
    finish(request, &(struct http_reply){.maybe = request->sent, .body = "", .err = err});
}

/* curl is done with it, well or not. */
static void finish_active(struct request *request, CURLcode result) {
    long status = 0;
    (void)curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_OK && status > 0) {
        finish(request, &(struct http_reply){.status = (int)status,
                                             .body = request->body.data,
                                             .size = request->body.size,
                                             .source = request->easy});
    } else {
        struct err err;
        explain(request, result, &err);
        finish_without(request, &err);
    }
}

const char *http_reply_header(const struct http_reply *reply, const char *name) {
    struct curl_header *header = NULL;
    CURL *easy = (CURL *)reply->source;
    size_t last = 0;
    if (easy == NULL || curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) {
        return NULL;
    }
    last = header->amount - 1;
    return curl_easy_header(easy, name, last, CURLH_HEADER, -1, &header) == CURLHE_OK ? header->value : NULL;
}

/* Taking turns. */

static struct request *take_first(struct http *http) {
    struct request *request = http->first;
    http->first = request->next;
    http->last = http->first != NULL ? http->last : NULL;
    http->waiting--;
    return request;
}

static void start(struct request *request, struct request **place) {
    *place = request;
    timer_destroy(request->patience);
    request->patience = NULL;
    int64_t left_ms = request->deadline_ms - clock_monotonic_ms();
    left_ms = left_ms > 0 ? left_ms : 1;
    int64_t connect_ms = left_ms < LIMIT_REQUEST_CONNECT_MS ? left_ms : LIMIT_REQUEST_CONNECT_MS;
    (void)curl_easy_setopt(request->easy, CURLOPT_TIMEOUT_MS, (long)left_ms);
    (void)curl_easy_setopt(request->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    CURLMcode result = curl_multi_add_handle(request->http->multi, request->easy);
    assert(result == CURLM_OK);
    (void)result;
}

static void start_waiting(struct http *http) {
    for (size_t i = 0; i < LIMIT_REQUEST_CONNECTIONS && http->first != NULL; i++) {
        if (http->active[i] == NULL) {
            start(take_first(http), &http->active[i]);
        }
    }
}

/* The request has waited in vain for its turn. */
static void patience_ended(void *user) {
    struct request *request = user;
    struct http *http = request->http;
    struct request *before = NULL;
    for (struct request *each = http->first; each != request; each = each->next) {
        before = each;
    }
    if (before == NULL) {
        (void)take_first(http);
    } else {
        before->next = request->next;
        http->last = http->last == request ? before : http->last;
        http->waiting--;
    }
    struct err err;
    err_set(&err, ERR_TIMEOUT, "Too many other requests are under way.");
    finish_without(request, &err);
}

void http_send(struct http *http, const struct http_request *given, http_done *done, void *user) {
    if (http->closing) {
        return;
    }
    struct request *request = request_create(http, given);
    request->done = done;
    request->user = user;
    if (http->first == NULL) {
        http->first = request;
    } else {
        http->last->next = request;
    }
    http->last = request;
    http->waiting++;
    start_waiting(http);
    if (http->last == request) {
        int64_t left_ms = request->deadline_ms - clock_monotonic_ms();
        request->patience = loop_timer(http->loop, patience_ended, request);
        timer_start(request->patience, http->waiting <= LIMIT_REQUEST_WAITING ? left_ms : 0);
    }
}

/* curl on the loop: it names the sockets and the time that it waits for, and is told when they come. */

static void finish_ended(struct http *http) {
    int left = 0;
    for (CURLMsg *message = NULL; (message = curl_multi_info_read(http->multi, &left)) != NULL;) {
        CURLcode result = message->data.result; /* the message does not outlive the handle's removal */
        CURL *easy = message->easy_handle;
        struct request *request = NULL;
        (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &request);
        curl_multi_remove_handle(http->multi, easy);
        for (size_t i = 0; i < LIMIT_REQUEST_CONNECTIONS; i++) {
            http->active[i] = http->active[i] == request ? NULL : http->active[i];
        }
        finish_active(request, result);
    }
}

static void act(struct http *http, curl_socket_t fd, int events) {
    int running = 0;
    (void)curl_multi_socket_action(http->multi, fd, events, &running);
    finish_ended(http);
    start_waiting(http);
}

static void time_came(void *user) {
    act(user, CURL_SOCKET_TIMEOUT, 0);
}

static int time_wanted(CURLM *multi, long delay_ms, void *user) {
    (void)multi;
    struct http *http = user;
    if (delay_ms < 0) {
        timer_stop(http->timer);
    } else {
        timer_start(http->timer, delay_ms);
    }
    return 0;
}

static void watch_came(uv_poll_t *handle, int status, int events) {
    const struct watch *watch = handle->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    act(watch->http, watch->fd, flags);
}

static void watch_closed(uv_handle_t *handle) {
    mem_free(handle->data);
}

static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user) {
    (void)easy;
    struct http *http = user;
    struct watch *watch = socket_user;
    if (what == CURL_POLL_REMOVE) {
        if (watch != NULL) {
            (void)curl_multi_assign(http->multi, fd, NULL);
            uv_close((uv_handle_t *)&watch->handle, watch_closed);
        }
        return 0;
    }
    if (watch == NULL) {
        watch = mem_alloc(sizeof *watch);
        watch->http = http;
        watch->fd = fd;
        watch->handle.data = watch;
        (void)uv_poll_init_socket(loop_uv(http->loop), &watch->handle, fd);
        (void)curl_multi_assign(http->multi, fd, watch);
    }
    int events = (what & CURL_POLL_IN) != 0 ? UV_READABLE : 0;
    events |= (what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0;
    (void)uv_poll_start(&watch->handle, events, watch_came);
    return 0;
}

struct http *http_create(struct loop *loop, const struct http_options *options) {
    struct http *http = mem_alloc(sizeof *http);
    http->loop = loop;
    http->timer = loop_timer(loop, time_came, http);
    http->ca_file = mem_strdup(options != NULL ? options->ca_file : NULL);
    CURLcode result = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(result == CURLE_OK);
    (void)result;
    http->multi = curl_multi_init();
    assert(http->multi != NULL);
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    (void)curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, time_wanted);
    (void)curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    (void)curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)LIMIT_REQUEST_CONNECTIONS);
    return http;
}

void http_destroy(struct http *http) {
    if (http == NULL) {
        return;
    }
    assert(http->depth == 0);
    http->closing = true;
    struct err err;
    err_set(&err, ERR_UNAVAILABLE, "The connection was closed by this program.");
    for (size_t i = 0; i < LIMIT_REQUEST_CONNECTIONS; i++) {
        struct request *request = http->active[i];
        http->active[i] = NULL;
        if (request != NULL) {
            curl_multi_remove_handle(http->multi, request->easy);
            finish_without(request, &err);
        }
    }
    while (http->first != NULL) {
        finish_without(take_first(http), &err);
    }
    curl_multi_cleanup(http->multi);
    curl_global_cleanup();
    timer_destroy(http->timer);
    mem_free(http->ca_file);
    mem_free(http);
}

#include "request.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"

static void add_encoded(struct buf *out, const char *text) {
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;
        buf_printf(out, plain ? "%c" : "%%%02X", c);
    }
}

static void add_form(struct buf *out, const struct call_field *fields, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buf_adds(out, i > 0 ? "&" : "");
        add_encoded(out, fields[i].name);
        buf_addc(out, '=');
        add_encoded(out, fields[i].value);
    }
}

char *request_body(const struct call *call, bool json, size_t *size) {
    struct buf body = BUF_INIT(LIMIT_HTTP_BODY_BYTES);
    if (json) {
        buf_adds(&body, call->json != NULL ? call->json : "{}");
    } else {
        add_form(&body, call->fields, call->field_count);
    }
    assert(!body.overflow); /* Slack's own limits are far below. */
    *size = body.size;
    return buf_take(&body);
}

void request_send(struct http *http, const struct request *request, http_done *done, void *user) {
    struct buf bearer = BUF_INIT(LIMIT_SECRET_BYTES), url = BUF_INIT(LIMIT_SECRET_BYTES);
    struct http_header_line headers[2] = {
        {"Content-Type", request->json ? "application/json; charset=utf-8" : "application/x-www-form-urlencoded"}};
    struct http_request sent = {.method = "POST",
                                .url = request->url,
                                .headers = headers,
                                .header_count = 1,
                                .body = request->body,
                                .body_size = request->body_size,
                                .timeout_ms = request->timeout_ms};
    if (request->method != NULL) {
        buf_printf(&url, "%s/%s", request->url, request->method);
        buf_printf(&bearer, "Bearer %s", request->token != NULL ? request->token : "");
        headers[sent.header_count++] = (struct http_header_line){"Authorization", bearer.data};
        sent.url = url.data;
    }
    http_send(http, &sent, done, user);
    if (bearer.size > 0) {
        explicit_bzero(bearer.data, bearer.size);
    }
    buf_finish(&bearer);
    buf_finish(&url);
}

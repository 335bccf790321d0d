#include "client.h"

#include <string.h>

#include <curl/curl.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "terminal.h"

enum { CONNECT_MS = 5000, REQUEST_MS = 30000 };

struct client {
    CURL *curl;
    struct curl_slist *headers;
    char *server; /* as it was named */
    char *base;   /* what paths are put behind */
};

static int stop_asked(void *user, curl_off_t total_in, curl_off_t in, curl_off_t total_out, curl_off_t out) {
    (void)user, (void)total_in, (void)in, (void)total_out, (void)out;
    return terminal_stopped();
}

static size_t body_came(char *data, size_t size, size_t count, void *user) {
    struct buf *body = user;
    buf_add(body, data, size * count);
    return body->overflow ? 0 : size * count;
}

static bool is_loopback(const char *server) {
    const char *host = strstr(server, "://");
    host = host ? host + 3 : server;
    return str_starts(host, "127.") || str_starts_nocase(host, "localhost") || str_starts(host, "[::1]");
}

static void set_address(struct client *client, const char *server) {
    struct buf base = BUF_INIT(LIMIT_MESSAGE_BYTES);
    if (str_starts(server, "unix:")) {
        (void)curl_easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH, server + strlen("unix:"));
        buf_adds(&base, "http://localhost");
    } else {
        buf_printf(&base, "%s%s", strstr(server, "://") ? "" : "http://", server);
        while (base.size > 0 && base.data[base.size - 1] == '/') {
            base.data[--base.size] = '\0';
        }
        if (is_loopback(server)) {
            (void)curl_easy_setopt(client->curl, CURLOPT_PROXY, ""); /* whatever $http_proxy says */
        }
    }
    client->base = buf_take(&base);
}

static void add_header(struct client *client, const char *name, const char *value) {
    struct buf line = BUF_INIT(LIMIT_HTTP_HEADER_BYTES);
    buf_printf(&line, "%s: %s", name, value);
    client->headers = curl_slist_append(client->headers, line.data);
    buf_finish(&line);
}

int client_open(const struct access *access, struct client **ret_client, struct err *err) {
    struct client *client = mem_alloc(sizeof *client);
    client->curl = curl_easy_init();
    if (!client->curl) {
        client_close(client);
        return err_set(err, ERR_IO, "libcurl cannot be started.");
    }
    client->server = mem_strdup(access->server);
    set_address(client, access->server);
    add_header(client, "Content-Type", "application/json");
    if (access->token) {
        add_header(client, "X-Octopus-ApiKey", access->token);
    }
    (void)curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, client->headers);
    (void)curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, "http,https");
    (void)curl_easy_setopt(client->curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    (void)curl_easy_setopt(client->curl, CURLOPT_USERAGENT,
                           "guidepost/" GUIDEPOST_VERSION); /* it is recorded as "via cli" */
    (void)curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    (void)curl_easy_setopt(client->curl, CURLOPT_TIMEOUT_MS, (long)REQUEST_MS);
    (void)curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, body_came);
    (void)curl_easy_setopt(client->curl, CURLOPT_XFERINFOFUNCTION, stop_asked);
    (void)curl_easy_setopt(client->curl, CURLOPT_NOPROGRESS, 0L);
    *ret_client = client;
    return 0;
}

void client_close(struct client *client) {
    if (!client) {
        return;
    }
    if (client->curl) {
        curl_easy_cleanup(client->curl);
    }
    curl_slist_free_all(client->headers);
    mem_free(client->server);
    mem_free(client->base);
    mem_free(client);
}

const char *client_server(const struct client *client) {
    return client->server;
}

static int explain(const struct client *client, CURLcode result, const char *detail, bool changes, struct err *err) {
    bool surely_not = result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST ||
                      result == CURLE_COULDNT_RESOLVE_PROXY || result == CURLE_URL_MALFORMAT ||
                      result == CURLE_UNSUPPORTED_PROTOCOL || result == CURLE_PEER_FAILED_VERIFICATION ||
                      result == CURLE_SSL_CONNECT_ERROR;
    const char *why = str_empty(detail) ? curl_easy_strerror(result) : detail;
    if (changes && !surely_not) {
        return err_set(err, ERR_UNKNOWN,
                       "%s did not answer (%s). It is not known whether that was recorded; look with: guidepost status",
                       client->server, why);
    }
    return err_set(err, ERR_UNAVAILABLE, "No guidepost answers at %s (%s). Is it running there?", client->server, why);
}

/* The words of errors are those of base/err.h on both sides. */
static enum err_code code_of(const char *word) {
    for (int code = 1; word && code <= ERR_IO; code++) {
        if (str_equal(err_word(code), word)) {
            return (enum err_code)code;
        }
    }
    return ERR_NONE;
}

static enum err_code code_of_status(long status) {
    switch (status) {
    case 400:
    case 422:
        return ERR_INVALID;
    case 401:
        return ERR_UNAUTHENTICATED;
    case 403:
        return ERR_DENIED;
    case 404:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 502:
    case 503:
        return ERR_UNAVAILABLE;
    default:
        return ERR_UNKNOWN;
    }
}

/* Both families' errors: {"title", "detail"} and {"ErrorMessage"}. */
static int translate(const struct client *client, long status, const struct buf *body, struct err *err) {
    struct json *problem = NULL;
    if (json_parse(body->data, body->size, &problem, NULL) < 0) {
        problem = NULL;
    }
    enum err_code code = code_of(json_string(json_get(problem, "title")));
    const char *text = json_string(json_get(problem, "detail"));
    text = text ? text : json_string(json_get(problem, "ErrorMessage"));
    code = code == ERR_NONE ? code_of_status(status) : code;
    if (code == ERR_UNAUTHENTICATED) {
        (void)err_set(err, code,
                      "%s does not know who you are: name a token with --token-file or GUIDEPOST_TOKEN_FILE.",
                      client->server);
    } else if (text) {
        (void)err_set(err, code, "%s", text);
    } else {
        (void)err_set(err, code, "%s answered with status %ld. Is it a guidepost?", client->server, status);
    }
    json_free(problem);
    return -(int)code;
}

/* body NULL: a GET. */
static int exchange(struct client *client, const char *path, const char *body, struct buf *out, struct err *err) {
    char detail[CURL_ERROR_SIZE] = "";
    long status = 0;
    struct buf url = BUF_INIT(LIMIT_MESSAGE_BYTES);
    buf_printf(&url, "%s%s", client->base, path);
    (void)curl_easy_setopt(client->curl, CURLOPT_URL, url.data);
    (void)curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, detail);
    (void)curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, out);
    if (body) {
        (void)curl_easy_setopt(client->curl, CURLOPT_POST, 1L);
        (void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        (void)curl_easy_setopt(client->curl, CURLOPT_POSTFIELDS, body);
    } else {
        (void)curl_easy_setopt(client->curl, CURLOPT_HTTPGET, 1L);
    }
    CURLcode result = curl_easy_perform(client->curl);
    (void)curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
    (void)curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    buf_finish(&url);
    if (result != CURLE_OK) {
        return explain(client, result, detail, body != NULL, err);
    }
    return status >= 200 && status <= 299 ? 0 : translate(client, status, out, err);
}

int client_get_text(struct client *client, const char *path, struct buf *out, struct err *err) {
    return exchange(client, path, NULL, out, err);
}

static int exchange_json(struct client *client, const char *path, const char *body, struct json **ret_reply,
                         struct err *err) {
    struct buf out = BUF_INIT(LIMIT_HTTP_RESPONSE_BYTES);
    int r = exchange(client, path, body, &out, err);
    r = r < 0 ? r : json_parse_reply(out.data, out.size, ret_reply, err);
    buf_finish(&out);
    return r;
}

int client_get(struct client *client, const char *path, struct json **ret_reply, struct err *err) {
    return exchange_json(client, path, NULL, ret_reply, err);
}

int client_post(struct client *client, const char *path, const char *body, struct json **ret_reply, struct err *err) {
    return exchange_json(client, path, body, ret_reply, err);
}

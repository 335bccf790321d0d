#include "api_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/json.h"
#include "fakes/api_rig.h"
#include "fakes/store_rig.h"

void api_client_open(struct api_client *client, const char *text, size_t size) {
    const char *colon = strrchr(api_address(api_rig.api, 0), ':');
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *client = (struct api_client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    buf_init(&client->got, 32 << 20);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(write(client->fd, text, size), size);
    assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
}

void api_client_close(struct api_client *client) {
    (void)close(client->fd);
    buf_finish(&client->got);
}

bool api_client_has(void *user) {
    struct api_client *client = user;
    char piece[16384];
    for (;;) {
        ssize_t count = read(client->fd, piece, sizeof piece);
        if (count <= 0) {
            client->over = client->over || count == 0 || errno != EAGAIN;
            break;
        }
        buf_add(&client->got, piece, (size_t)count);
    }
    return client->over || (client->wanted != NULL && strstr(client->got.data, client->wanted) != NULL);
}

void api_answer_free(struct api_answer *answer) {
    json_free(answer->json);
    answer->json = NULL;
}

/* `more` are header lines. Host is ours unless it is among them. */
struct api_answer api_ask(const char *method, const char *target, const char *more, const char *body) {
    struct buf text = BUF_INIT(1 << 20);
    struct api_client client;
    buf_printf(&text, "%s %s HTTP/1.1\r\nConnection: close\r\n%s", method, target, more);
    if (strstr(more, "Host:") == NULL) {
        buf_printf(&text, "Host: %s\r\n", api_address(api_rig.api, 0));
    }
    if (body != NULL) {
        buf_printf(&text, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    } else {
        buf_adds(&text, "\r\n");
    }
    api_client_open(&client, text.data, text.size);
    buf_finish(&text);
    rig_until(&api_rig.store, api_client_has, &client);
    struct api_answer answer = {.head = arena_strdup(api_rig.arena, client.got.data)};
    api_client_close(&client);
    char *end = strstr(answer.head, "\r\n\r\n");
    assert_non_null(end);
    *end = '\0';
    answer.body = end + 4;
    answer.status = (int)strtol(answer.head + strlen("HTTP/1.1 "), NULL, 10);
    assert_non_null(strcasestr(answer.head, "content-security-policy: default-src 'none'"));
    assert_non_null(strcasestr(answer.head, "x-content-type-options: nosniff"));
    assert_null(strcasestr(answer.head, "access-control"));
    if (strcasestr(answer.head, "json") != NULL &&
        json_parse(answer.body, strlen(answer.body), &answer.json, NULL) < 0) {
        fail_msg("%s", answer.body);
    }
    return answer;
}

struct api_answer api_get(const char *target, const char *more) {
    return api_ask("GET", target, more, NULL);
}

void api_expect(const char *method, const char *target, const char *more, const char *body, int status) {
    struct api_answer answer = api_ask(method, target, more, body);
    if (answer.status != status) {
        fail_msg("%s %s: %d %s", method, target, answer.status, answer.body);
    }
    api_answer_free(&answer);
}

const char *api_text(const struct api_answer *answer, const char *path) {
    return json_string(json_path(answer->json, path));
}

int64_t api_number(const struct api_answer *answer, const char *path) {
    return json_int(json_path(answer->json, path), -1);
}

bool api_flag(const struct api_answer *answer, const char *path) {
    assert_true(json_is_bool(json_path(answer->json, path)));
    return json_bool(json_path(answer->json, path), false);
}

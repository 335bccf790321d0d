#ifndef GP_TESTS_WS_TEST_H
#define GP_TESTS_WS_TEST_H

/* What every test of the websocket client begins with: include it first. A rig is a client and one connection of it to
 * the peer, with what it has told. */

#include "fakes/ws_peer_test.h"

#include <dirent.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/loop.h"
#include "net/ws.h"

struct rig {
    struct loop *loop;
    struct ws_client *client;
    struct ws *ws;
    int number; /* the peer's of the connection */
    int opened, closed, texts;
    struct buf last; /* text */
    struct err reason;
    bool destroy_on_text, destroy_on_open, destroy_on_close;
};

static inline void drop(struct rig *rig) {
    ws_destroy(rig->ws);
    rig->ws = NULL;
}

static inline void opened(void *user) {
    struct rig *rig = user;
    rig->opened++;
    if (rig->destroy_on_open) {
        drop(rig);
    }
}

static inline void text_came(const char *text, size_t size, void *user) {
    struct rig *rig = user;
    rig->texts++;
    assert_int_equal(text[size], 0);
    if (rig->destroy_on_text) {
        drop(rig);
    }
    buf_clear(&rig->last);
    buf_add(&rig->last, text, size); /* still there */
}

static inline void closed(const struct err *reason, void *user) {
    struct rig *rig = user;
    rig->closed++;
    assert_int_not_equal(reason->code, ERR_NONE);
    rig->reason = *reason;
    assert_null(strstr(reason->text, "secret"));
    if (rig->destroy_on_close) {
        drop(rig);
    }
}

static inline const char *await(struct rig *rig, const char *beginning) {
    return await_line(rig->loop, beginning, rig->reason.text);
}

static inline void rig_open(struct rig *rig, const char *ca_file) {
    struct err err = {0};
    forget_lines();
    rig->loop = loop_create();
    buf_init(&rig->last, 4 << 20);
    if (ws_client_create(rig->loop, ca_file, &rig->client, &err) != 0) {
        fail_msg("%s", err.text);
    }
}

static inline void rig_close(struct rig *rig) {
    ws_destroy(rig->ws);
    ws_client_destroy(rig->client);
    assert_true(loop_destroy(rig->loop));
    buf_finish(&rig->last);
    ws_peer_tell(peer, "status 101");
}

static inline void start(struct rig *rig, struct ws_options options, const char *url) {
    struct err err = {0};
    options.url = url;
    options.opened = opened;
    options.text = text_came;
    options.closed = closed;
    options.user = rig;
    if (ws_create(rig->client, &options, &rig->ws, &err) != 0) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(rig->opened + rig->closed + rig->texts, 0);
}

/* A rig with an open connection. */
static inline void connect_with(struct rig *rig, struct ws_options options) {
    rig_open(rig, ws_peer_ca_file(peer));
    char url[128];
    (void)snprintf(url, sizeof url, "wss://localhost:%d/link/?ticket=secret", ws_peer_port(peer));
    start(rig, options, url);
    turns_until(rig->loop, rig->opened + rig->closed > 0);
    if (rig->opened != 1) {
        fail_msg("%s", rig->reason.text);
    }
    assert_int_equal(sscanf(await(rig, "open "), "open %d", &rig->number), 1);
}

static inline void connect_(struct rig *rig) {
    connect_with(rig, (struct ws_options){0});
}

/* How many files this process has open. */
static inline int files(void) {
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    assert_non_null(directory);
    while (readdir(directory) != NULL) {
        count++;
    }
    (void)closedir(directory);
    return count;
}

#endif

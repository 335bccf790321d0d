#ifndef GP_TESTS_HTTP_TEST_H
#define GP_TESTS_HTTP_TEST_H

/*
 * What every test of the HTTP client begins with: include it first, and give set_up and tear_down to the group. A rig
 * is a client with its loop; a result is what came of a request. There are two certificates for 127.0.0.1: the one that
 * is trusted, and a strange one.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "fakes/bad_server.h"
#include "net/http.h"
#include "net/loop.h"

enum { HTTP_PATIENCE_MS = 20000, BIG = 300000 };
static char folder[] = "/tmp/guidepost_http.XXXXXX";
static char certificate[64], key[64], strange[64];

struct rig {
    struct loop *loop;
    struct http *http;
    int wanted;
};

/* What came of a request. */
struct result {
    struct rig *rig;
    int count, status;
    bool maybe;
    char body[64], retry_after[32], two[32], error[ERR_TEXT_SIZE];
    size_t size;
    enum err_code code;
};

static inline void came(const struct http_reply *reply, void *user) {
    struct result *result = user;
    result->count++;
    result->status = reply->status;
    result->maybe = reply->maybe;
    result->size = reply->size;
    assert_true((reply->err == NULL) == (reply->status != 0));
    assert_int_equal(reply->body[reply->size], '\0');
    result->code = reply->err != NULL ? reply->err->code : ERR_NONE;
    const char *after = http_reply_header(reply, "Retry-After"), *two = http_reply_header(reply, "x-two");
    (void)snprintf(result->body, sizeof result->body, "%s", reply->body);
    (void)snprintf(result->retry_after, sizeof result->retry_after, "%s", after != NULL ? after : "-");
    (void)snprintf(result->two, sizeof result->two, "%s", two != NULL ? two : "-");
    (void)snprintf(result->error, sizeof result->error, "%s", reply->err != NULL ? reply->err->text : "");
    if (--result->rig->wanted == 0) {
        loop_stop(result->rig->loop);
    }
}

static inline void patience_ended(void *user) {
    (void)user;
    fail_msg("the loop did not get what it waited for");
}

static inline void rig_wait(struct rig *rig) {
    struct timer *patience = loop_timer(rig->loop, patience_ended, NULL);
    timer_start(patience, HTTP_PATIENCE_MS);
    loop_run(rig->loop);
    timer_destroy(patience);
}

static inline void rig_open(struct rig *rig, const char *ca_file) {
    rig->wanted = 0;
    rig->loop = loop_create();
    rig->http = http_create(rig->loop, &(struct http_options){.ca_file = ca_file});
}

static inline void rig_close(struct rig *rig) {
    http_destroy(rig->http);
    assert_true(loop_destroy(rig->loop));
}

static inline void ask(struct rig *rig, const struct http_request *request, struct result *result) {
    *result = (struct result){.rig = rig};
    rig->wanted++;
    http_send(rig->http, request, came, result);
    assert_int_equal(result->count, 0);
}

/* One POST to the server that misbehaves. */
static inline void post(struct rig *rig, const char *path, struct result *result) {
    char url[128];
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%u%s", bad_server_port, path);
    const struct http_request request = {
        .method = "POST", .url = url, .body = "{}", .body_size = 2, .timeout_ms = 500, .reply_max = BIG};
    ask(rig, &request, result);
    rig_wait(rig);
    assert_int_equal(result->count, 1);
}

static inline void make_certificate(const char *file, const char *key_file) {
    char command[512];
    (void)snprintf(command, sizeof command,
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test "
                   "-addext subjectAltName=IP:127.0.0.1 -out %s -keyout %s 2>/dev/null",
                   file, key_file);
    assert_int_equal(system(command), 0);
}

static inline int set_up(void **state) {
    (void)state;
    static const char *const proxies[] = {"http_proxy",  "https_proxy", "all_proxy", "no_proxy",
                                          "HTTPS_PROXY", "ALL_PROXY",   "NO_PROXY"};
    for (size_t i = 0; i < sizeof proxies / sizeof proxies[0]; i++) {
        unsetenv(proxies[i]);
    }
    assert_non_null(mkdtemp(folder));
    (void)snprintf(certificate, sizeof certificate, "%s/cert.pem", folder);
    (void)snprintf(key, sizeof key, "%s/key.pem", folder);
    (void)snprintf(strange, sizeof strange, "%s/strange.pem", folder);
    make_certificate(strange, key);
    make_certificate(certificate, key);
    bad_server_prepare();
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    (void)unlink(certificate);
    (void)unlink(key);
    (void)unlink(strange);
    return rmdir(folder);
}

#endif

#ifndef GP_TESTS_CALLS_TEST_H
#define GP_TESTS_CALLS_TEST_H

/*
 * What every test of calls to Slack begins with: include it first, and give set_up to the group. A rig has a small
 * Slack in the same process, which answers each request with the next line of a script, and the calls that are made of
 * it.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "chat/slack/calls.h"
#include "net/loop.h"
#include "net/web.h"

enum { MANY = 64, PATIENCE_MS = 20000 };
#define OK "{\"ok\":true,\"ts\":\"1.1\"}"

/* An answer of the script. */
struct line {
    int status; /* 0 = never */
    const char *body, *retry_after;
};

/* What Slack has seen. */
struct seen {
    int64_t at_ms;
    char path[64], body[256], authorization[64], type[64];
};

struct rig {
    struct loop *loop;
    struct web *web;
    struct calls *calls;
    const struct line *script; /* what is beyond it is answered OK */
    size_t script_count;
    const char *scopes; /* of the token, as each answer says; or NULL */
    struct seen seen[MANY];
    size_t seen_count;
    int wanted;
    struct web_request *held[MANY]; /* those that are never answered, until they are let go */
    size_t held_count;
};

/* What came of a call. */
struct result {
    struct rig *rig;
    int count;
    bool ok, maybe, fatal;
    char error[64], detail[128], ts[16], scopes[64];
    int order; /* 1 = the first callback */
    int64_t at_ms;
};

static int callbacks;

static inline void note(char *out, size_t capacity, const char *text) {
    (void)snprintf(out, capacity, "%s", text != NULL ? text : "");
}

static inline void handle(struct web_request *request, void *user) {
    struct rig *rig = user;
    assert_true(rig->seen_count < MANY);
    size_t index = rig->seen_count++;
    struct seen *seen = &rig->seen[index];
    seen->at_ms = clock_monotonic_ms();
    note(seen->path, sizeof seen->path, web_path(request));
    note(seen->body, sizeof seen->body, web_body(request, NULL));
    note(seen->authorization, sizeof seen->authorization, web_header(request, "Authorization"));
    note(seen->type, sizeof seen->type, web_header(request, "Content-Type"));
    assert_string_equal(web_method(request), "POST");
    const struct line line = index < rig->script_count ? rig->script[index] : (struct line){200, OK, NULL};
    if (line.status == 0) {
        rig->held[rig->held_count++] = request;
    } else {
        struct web_header_line headers[2];
        size_t count = 0;
        if (line.retry_after != NULL) {
            headers[count++] = (struct web_header_line){"Retry-After", line.retry_after};
        }
        if (rig->scopes != NULL) {
            headers[count++] = (struct web_header_line){"x-oauth-scopes", rig->scopes};
        }
        web_answer(request, line.status, headers, count, line.body, strlen(line.body));
    }
}

static inline void gone(struct web_request *request, void *user) {
    struct rig *rig = user;
    for (size_t i = 0; i < rig->held_count; i++) {
        rig->held[i] = rig->held[i] == request ? NULL : rig->held[i];
    }
}

static inline void rig_open(struct rig *rig, bool unpaced) {
    struct err err = {0};
    char url[64];
    callbacks = 0;
    rig->loop = loop_create();
    if (web_create(rig->loop,
                   &(struct web_options){.listen = "127.0.0.1:0", .handle = handle, .gone = gone, .user = rig},
                   &rig->web, &err) != 0) {
        fail_msg("%s", err.text);
    }
    (void)snprintf(url, sizeof url, "http://%s/api", web_address(rig->web));
    const struct calls_options options = {
        .api_url = url, .app_token = "xapp-secret", .bot_token = "xoxb-secret", .unpaced = unpaced};
    rig->calls = calls_create(rig->loop, &options);
}

static inline void rig_close(struct rig *rig) {
    calls_destroy(rig->calls);
    web_destroy(rig->web);
    assert_true(loop_destroy(rig->loop));
}

static inline void patience_ended(void *user) {
    (void)user;
    fail_msg("the loop did not get what it waited for");
}

static inline void rig_wait(struct rig *rig) {
    struct timer *patience = loop_timer(rig->loop, patience_ended, NULL);
    timer_start(patience, PATIENCE_MS);
    if (rig->wanted > 0) {
        loop_run(rig->loop);
    }
    timer_destroy(patience);
}

static inline void stop(void *user) {
    loop_stop(user);
}

static inline void rig_run_for(struct rig *rig, int64_t ms) {
    struct timer *timer = loop_timer(rig->loop, stop, rig->loop);
    timer_start(timer, ms);
    loop_run(rig->loop);
    timer_destroy(timer);
}

/* Until Slack has got so many requests. */
static inline void rig_until(struct rig *rig, size_t requests) {
    int64_t begun_ms = clock_monotonic_ms();
    while (rig->seen_count < requests) {
        assert_true(clock_monotonic_ms() - begun_ms < PATIENCE_MS);
        rig_run_for(rig, 5);
    }
}

static inline void came(const struct call_reply *reply, void *user) {
    struct result *result = user;
    result->count++;
    result->ok = reply->ok;
    result->maybe = reply->maybe;
    result->fatal = reply->fatal;
    result->order = ++callbacks;
    result->at_ms = clock_monotonic_ms();
    assert_true(reply->ok == (reply->error == NULL));
    note(result->error, sizeof result->error, reply->error);
    (void)snprintf(result->detail, sizeof result->detail, "%.127s", reply->detail);
    note(result->scopes, sizeof result->scopes, reply->scopes);
    note(result->ts, sizeof result->ts, json_string(json_get(reply->body, "ts")));
    if (--result->rig->wanted == 0) {
        loop_stop(result->rig->loop);
    }
}

static inline void call(struct rig *rig, struct call given, struct result *result) {
    *result = (struct result){.rig = rig};
    rig->wanted++;
    calls_send(rig->calls, &given, came, result);
    assert_int_equal(result->count, 0);
}

static inline void post(struct rig *rig, const char *channel, enum call_priority priority, const char *json,
                        struct result *result) {
    call(rig, (struct call){.method = CALL_CHAT_POST_MESSAGE, .json = json, .channel = channel, .priority = priority},
         result);
}

static inline void update(struct rig *rig, const char *key, const char *json, struct result *result) {
    call(rig, (struct call){.method = CALL_CHAT_UPDATE, .json = json, .key = key}, result);
}

static inline int set_up(void **state) {
    (void)state;
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    unsetenv("ALL_PROXY");
    return 0;
}

#endif

#include "verdict.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"

enum { SECONDS_MAX = 3600 };

/* The token will be no better next time; from Slack's own clients. A missing scope is final for a method, but fatal
 * only if it is that of the app's token, which has no other purpose: see below. */
static const char *const fatal_errors[] = {
    "account_inactive", "forbidden_team", "invalid_auth",  "not_allowed_token_type", "not_authed",
    "team_disabled",    "token_expired",  "token_revoked", "user_removed_from_team",
};

/* Slack's own trouble: "some aspect of the operation may have succeeded before the error was raised". */
static const char *const fault_errors[] = {"fatal_error", "internal_error", "request_timeout", "service_unavailable"};

static const char *const limit_errors[] = {"rate_limited", "ratelimited"};

#define IN(list, word) in(list, sizeof(list) / sizeof(list)[0], word)

static bool in(const char *const *list, size_t count, const char *word) {
    for (size_t i = 0; i < count; i++) {
        if (str_equal(list[i], word)) {
            return true;
        }
    }
    return false;
}

static int64_t read_retry_after(const char *text) {
    uint64_t seconds = 0;
    if (text == NULL || str_to_u64(text, &seconds, NULL) != 0) {
        return 0;
    }
    return (int64_t)(seconds < SECONDS_MAX ? seconds : SECONDS_MAX) * 1000;
}

static void set_error(struct verdict *verdict, enum verdict_kind kind, const char *error) {
    verdict->kind = kind;
    size_t size = str_utf8_cut(error, strlen(error), sizeof verdict->error - 1);
    memcpy(verdict->error, error, size);
    verdict->error[size] = '\0';
}

/* What Slack says about an error beside its word: which scope is missing, which block is wrong. */
static void set_detail(struct verdict *verdict) {
    struct buf detail = BUF_INIT(1 << 20);
    const char *needed = json_string(json_get(verdict->body, "needed"));
    if (needed != NULL) {
        buf_printf(&detail, "needs the scope %s", needed);
    }
    const struct json *messages = json_path(verdict->body, "response_metadata.messages");
    for (const struct json *each = json_first(messages); each != NULL; each = json_next(each)) {
        const char *message = json_string(each);
        if (message != NULL) {
            buf_printf(&detail, "%s%s", detail.size > 0 ? "; " : "", message);
        }
    }
    size_t size = str_utf8_cut(detail.data, detail.size, sizeof verdict->detail - 1);
    memcpy(verdict->detail, detail.data, size);
    verdict->detail[size] = '\0';
    buf_finish(&detail);
}

static void read_json(struct verdict *verdict, int status) {
    const char *error = json_string(json_get(verdict->body, "error"));
    error = error != NULL ? error : "unknown_error";
    if (status >= 500 || IN(fault_errors, error)) {
        set_error(verdict, VERDICT_FAULT, error);
        verdict->maybe = true;
    } else if (IN(limit_errors, error)) {
        set_error(verdict, VERDICT_LIMITED, "ratelimited");
    } else {
        set_error(verdict, VERDICT_ERROR, error);
        verdict->fatal =
            IN(fatal_errors, error) || (str_equal(error, "missing_scope") &&
                                        str_equal(json_string(json_get(verdict->body, "needed")), "connections:write"));
    }
    set_detail(verdict);
}

/* A page of a proxy or of a server in trouble, or half of a reply. It says nothing about the call, but for a response_url,
 * whose end is told without JSON. */
static void read_other(struct verdict *verdict, int status, bool response_url) {
    bool success = status >= 200 && status < 300;
    if (success) {
        set_error(verdict, VERDICT_FAULT, "bad_reply");
    } else {
        char word[32];
        (void)snprintf(word, sizeof word, "http_%d", status);
        set_error(verdict, status == 404 && response_url ? VERDICT_ERROR : VERDICT_FAULT, word);
    }
    verdict->maybe = success || status >= 500;
}

void verdict_read(struct verdict *verdict, const struct http_reply *reply, const char *retry_after, bool response_url) {
    *verdict = (struct verdict){.kind = VERDICT_OK, .retry_after_ms = read_retry_after(retry_after)};
    if (reply->status == 0) {
        set_error(verdict, VERDICT_FAULT, "no_reply");
        verdict->maybe = reply->maybe;
        (void)snprintf(verdict->detail, sizeof verdict->detail, "%s", reply->err->text);
        return;
    }
    bool success = reply->status >= 200 && reply->status < 300;
    if (json_parse_reply(reply->body, reply->size, &verdict->body, NULL) != 0) {
        verdict->body = NULL;
    }
    const struct json *ok = json_get(verdict->body, "ok");
    if (reply->status == 429) {
        set_error(verdict, VERDICT_LIMITED, "ratelimited");
    } else if (response_url && success && str_equal(reply->body, "ok")) {
        verdict->kind = VERDICT_OK;
    } else if (!json_is_bool(ok)) {
        read_other(verdict, reply->status, response_url);
    } else if (!success || !json_bool(ok, false)) {
        read_json(verdict, reply->status);
    }
    if (verdict->kind == VERDICT_LIMITED && verdict->retry_after_ms == 0) {
        verdict->retry_after_ms = LIMIT_SLACK_RETRY_AFTER_MS;
    }
}

const char *verdict_word(enum verdict_kind kind) {
    static const char *const words[] = {"ok", "error", "limited", "fault"};
    return words[kind];
}

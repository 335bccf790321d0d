#ifndef GP_CHAT_SLACK_VERDICT_H
#define GP_CHAT_SLACK_VERDICT_H

/* What a reply of Slack's means. */

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "net/http.h"

enum verdict_kind {
    VERDICT_OK,
    VERDICT_ERROR,   /* Slack has said no, and would again */
    VERDICT_LIMITED, /* not now: after retry_after_ms */
    VERDICT_FAULT,   /* no answer, or one that says nothing about the call */
};

struct verdict {
    enum verdict_kind kind;
    bool maybe;     /* a fault, but the call may have had its effect */
    bool fatal;     /* an error of the token, in Slack's own words */
    char error[64]; /* the word for call_reply */
    char detail[ERR_TEXT_SIZE];
    int64_t retry_after_ms; /* if limited; or if the server of a fault has said it; else 0 */
    struct json *body;      /* owned: json_free; or NULL */
};

/* retry_after is that header of the reply, or NULL. A response_url is answered with "ok", or like a method. */
void verdict_read(struct verdict *verdict, const struct http_reply *reply, const char *retry_after, bool response_url);

/* The word for the metric: ok, error, limited, fault. */
const char *verdict_word(enum verdict_kind kind);

#endif

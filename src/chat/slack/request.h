#ifndef GP_CHAT_SLACK_REQUEST_H
#define GP_CHAT_SLACK_REQUEST_H

/* What a call of Slack's Web API is in HTTP: an address, the token, and an object or a form. */

#include "calls.h"
#include "net/http.h"

/* Borrowed by request_send for as long as it runs. */
struct request {
    const char *url;    /* of the API, or of an answer */
    const char *method; /* joined to the URL of the API; NULL for an answer */
    const char *token;  /* NULL for an answer: its URL is a secret by itself */
    bool json;          /* the body is an object, not a form */
    const char *body;
    size_t body_size;
    int64_t timeout_ms;
};

/* The body of a call; the caller's, to be freed with mem_free. */
char *request_body(const struct call *call, bool json, size_t *size);

void request_send(struct http *http, const struct request *request, http_done *done, void *user);

#endif

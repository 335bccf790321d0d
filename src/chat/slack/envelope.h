#ifndef GP_CHAT_SLACK_ENVELOPE_H
#define GP_CHAT_SLACK_ENVELOPE_H

/* The frames of Slack's Socket Mode: reading what comes and writing the acknowledgement. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

enum envelope_kind {
    ENVELOPE_HELLO,
    ENVELOPE_DISCONNECT,
    ENVELOPE_DELIVERY, /* it has an id and a type; the type may be one that nobody knows */
    ENVELOPE_UNKNOWN,  /* all else, also what is no JSON; with the id, if one could be found in it */
};

/* Why Slack ends a connection. */
#define ENVELOPE_REASONS(X)                   \
    X(WARNING, "warning") /* in about 10 s */ \
    X(REFRESH_REQUESTED, "refresh_requested") \
    X(LINK_DISABLED, "link_disabled")         \
    X(TOO_MANY_WEBSOCKETS, "too_many_websockets")

enum envelope_reason {
    ENVELOPE_REASON_OTHER,
#define X(id, word) ENVELOPE_REASON_##id,
    ENVELOPE_REASONS(X)
#undef X
};

enum { ENVELOPE_ID_SIZE = 128 };

/* Texts and the payload are borrowed from `root`; absent ones are "". */
struct envelope {
    enum envelope_kind kind;
    char id[ENVELOPE_ID_SIZE];  /* "" if there is none that is of use */
    const char *type;           /* "events_api", "slash_commands", "interactive" */
    const struct json *payload; /* of a delivery: an object, or NULL */

    int64_t num_connections;     /* of a hello: sockets of the app, with this one; 0 if not told */
    int64_t connection_seconds;  /* of a hello: the life that Slack intends; 0 if not told */
    enum envelope_reason reason; /* of a disconnect */

    struct json *root; /* owned */
};

/* Never fails: what cannot be understood is ENVELOPE_UNKNOWN. */
void envelope_read(struct envelope *ret_envelope, const char *text, size_t size);
void envelope_finish(struct envelope *envelope); /* frees the tree */

const char *envelope_reason_word(enum envelope_reason reason);

/* The acknowledgement with the bare id. Texts go out by the Web API, since Slack drops long frames. */
void envelope_write_acknowledgement(struct buf *out, const char *id);

/* The same with an answer, a JSON object. */
void envelope_write_response(struct buf *out, const char *id, const char *payload);

#endif

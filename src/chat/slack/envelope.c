#include "envelope.h"

#include <string.h>

#include "base/str.h"

static const char *const reason_words[] = {[ENVELOPE_REASON_OTHER] = "other",
#define X(id, word) [ENVELOPE_REASON_##id] = word,
                                           ENVELOPE_REASONS(X)
#undef X
};

const char *envelope_reason_word(enum envelope_reason reason) {
    return reason_words[reason];
}

static enum envelope_reason reason_of(const char *word) {
    for (size_t i = 0; i < sizeof reason_words / sizeof reason_words[0]; i++) {
        if (str_equal(word, reason_words[i])) {
            return (enum envelope_reason)i;
        }
    }
    return ENVELOPE_REASON_OTHER;
}

static const char *text_of(const struct json *object, const char *key) {
    const char *text = json_string(json_get(object, key));
    return text != NULL ? text : "";
}

/* Takes an id that is worth answering: not empty, of printable ASCII, and it fits. */
static void take_id(struct envelope *envelope, const char *text, size_t size) {
    if (size == 0 || size >= sizeof envelope->id) {
        return;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '"' || text[i] == '\\') {
            return;
        }
    }
    memcpy(envelope->id, text, size);
    envelope->id[size] = 0;
}

/* --- Finding the id in what is no JSON -------------------------------------------------------------------------------- */

struct scan {
    const char *text;
    size_t size, at;
};

static void skip_blanks(struct scan *scan) {
    while (scan->at < scan->size && strchr(" \t\r\n", scan->text[scan->at]) != NULL && scan->text[scan->at] != 0) {
        scan->at++;
    }
}

/* Goes behind the string whose opening quote is at the place. Its content is from *ret_from on; if it does not end, to the end. */
static size_t pass_string(struct scan *scan, size_t *ret_from) {
    *ret_from = ++scan->at;
    while (scan->at < scan->size && scan->text[scan->at] != '"') {
        scan->at += scan->text[scan->at] == '\\' ? 2 : 1;
    }
    scan->at = scan->at < scan->size ? scan->at : scan->size;
    size_t length = scan->at - *ret_from;
    scan->at += scan->at < scan->size;
    return length;
}

/* Slack sends an envelope again and again until it is acknowledged, so even of a broken one the id is wanted: the value
 * behind the first "envelope_id" that is a member of the outermost object, not of the payload. */
static void scrape_id(struct envelope *envelope, const char *text, size_t size) {
    static const char key[] = "envelope_id";
    struct scan scan = {.text = text, .size = size};
    size_t depth = 0;
    while (scan.at < size && envelope->id[0] == 0) {
        char c = text[scan.at];
        if (c != '"') {
            depth += c == '{' || c == '[';
            depth -= (c == '}' || c == ']') && depth > 0;
            scan.at++;
            continue;
        }
        size_t from = 0;
        size_t length = pass_string(&scan, &from);
        if (depth != 1 || length != strlen(key) || memcmp(text + from, key, length) != 0) {
            continue;
        }
        skip_blanks(&scan);
        if (scan.at < size && text[scan.at] == ':') {
            scan.at++;
            skip_blanks(&scan);
            if (scan.at < size && text[scan.at] == '"') {
                length = pass_string(&scan, &from);
                if (from + length < size) { /* else it was cut off */
                    take_id(envelope, text + from, length);
                }
            }
        }
    }
}

/* ---------------------------------------------------------------------------------------------------------------------- */

static void read_delivery(struct envelope *envelope, const struct json *root) {
    const struct json *payload = json_get(root, "payload");
    envelope->kind = ENVELOPE_DELIVERY;
    envelope->payload = json_is_object(payload) ? payload : NULL;
}

void envelope_read(struct envelope *ret_envelope, const char *text, size_t size) {
    struct envelope envelope = {.kind = ENVELOPE_UNKNOWN, .type = ""};
    if (json_parse(text, size, &envelope.root, NULL) != 0) {
        envelope.root = NULL;
        scrape_id(&envelope, text, size);
        *ret_envelope = envelope;
        return;
    }
    const struct json *root = envelope.root;
    const char *id = text_of(root, "envelope_id");
    take_id(&envelope, id, strlen(id));
    envelope.type = text_of(root, "type");
    if (envelope.id[0] != 0 && envelope.type[0] != 0) {
        read_delivery(&envelope, root);
    } else if (str_equal(envelope.type, "hello")) {
        envelope.kind = ENVELOPE_HELLO;
        envelope.num_connections = json_int(json_get(root, "num_connections"), 0);
        envelope.connection_seconds = json_int(json_path(root, "debug_info.approximate_connection_time"), 0);
    } else if (str_equal(envelope.type, "disconnect")) {
        envelope.kind = ENVELOPE_DISCONNECT;
        envelope.reason = reason_of(json_string(json_get(root, "reason")));
    }
    *ret_envelope = envelope;
}

void envelope_finish(struct envelope *envelope) {
    json_free(envelope->root);
    *envelope = (struct envelope){.kind = ENVELOPE_UNKNOWN, .type = ""};
}

void envelope_write_acknowledgement(struct buf *out, const char *id) {
    struct json_out json = {.buf = out};
    json_object_begin(&json, NULL);
    json_add_string(&json, "envelope_id", id);
    json_object_end(&json);
}

void envelope_write_response(struct buf *out, const char *id, const char *payload) {
    struct json_out json = {.buf = out};
    json_object_begin(&json, NULL);
    json_add_string(&json, "envelope_id", id);
    json_add_raw(&json, "payload", payload);
    json_object_end(&json);
}

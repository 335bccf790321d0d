/*
 * Reads any bytes as a frame of Slack's Socket Mode. An id that is found can always be acknowledged, in one short line
 * of JSON that gives the same id back.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "chat/slack/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition) {
    if (!condition) {
        abort();
    }
}

static void acknowledge(const char *id) {
    struct buf text = BUF_INIT(512);
    struct json *root = NULL;
    expect(strlen(id) < ENVELOPE_ID_SIZE);
    envelope_write_acknowledgement(&text, id);
    expect(!text.overflow && json_parse(text.data, text.size, &root, NULL) == 0);
    expect(str_equal(json_string(json_get(root, "envelope_id")), id));
    json_free(root);
    buf_finish(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct envelope envelope;
    envelope_read(&envelope, (const char *)data, size);
    expect(envelope.type != NULL);
    expect(envelope.payload == NULL || json_is_object(envelope.payload));
    expect(envelope_reason_word(envelope.reason) != NULL);
    expect(envelope.kind != ENVELOPE_DELIVERY || (envelope.id[0] != 0 && envelope.type[0] != 0));
    expect((envelope.kind != ENVELOPE_HELLO && envelope.kind != ENVELOPE_DISCONNECT) || envelope.id[0] == 0);
    if (envelope.id[0] != 0) {
        acknowledge(envelope.id);
    }
    envelope_finish(&envelope);
    return 0;
}

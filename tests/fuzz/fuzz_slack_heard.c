/* Goal: whatever an envelope of Slack holds, what is heard is either nothing, with a reason, or fit to be acted on. */

#include <assert.h>
#include <stdint.h>

#include "base/json.h"
#include "fuzz/heard_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const struct heard_self SELF = {.app_id = "A1", .team = "T1", .user = "UBOT", .command = "/guidepost"};
    struct json *root = NULL;
    struct err err = {0};
    if (json_parse((const char *)data, size, &root, &err) < 0) {
        return 0;
    }
    struct arena *arena = arena_create();
    struct heard heard;
    heard_parse(json_string(json_get(root, "type")), json_get(root, "payload"), &SELF, arena, &heard);
    assert(heard_check(&heard) == NULL);
    arena_destroy(arena);
    json_free(root);
    return 0;
}

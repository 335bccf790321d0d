#include "core/permission.h"
#include "store/rows_json.h"
#include "v1.h"

void v1_replied(struct call *call, const struct operation_reply *reply) {
    if (reply->err != NULL) {
        call_fail_with(call, reply->err, reply->json);
        return;
    }
    json_object_begin(&call->out, NULL);
    json_add_bool(&call->out, "ok", true);
    json_add_string(&call->out, "text", reply->text);
    json_add_int(&call->out, "deployment", (int64_t)reply->deployment);
    if (reply->question != 0) {
        json_add_int(&call->out, "question", (int64_t)reply->question);
    }
    json_add_raw(&call->out, "data", reply->json == NULL ? "null" : reply->json);
    json_object_end(&call->out);
    call_answer(call, 200);
}

static bool may_view(const struct call *call, const char *project, const char *environment) {
    return (call_permissions(call, project, environment) & PERMISSION_VIEW) != 0;
}

void v1_write_versions(struct call *call, const char *key, const struct version_row *rows, size_t count) {
    json_array_begin(&call->out, key);
    for (size_t i = 0; i < count; i++) {
        if (may_view(call, rows[i].project, rows[i].environment)) {
            version_write(&call->out, NULL, &rows[i]);
        }
    }
    json_array_end(&call->out);
}

void v1_write_freezes(struct call *call, const char *key, const struct freeze *freezes, size_t count) {
    json_array_begin(&call->out, key);
    for (size_t i = 0; i < count; i++) {
        if (may_view(call, NULL, freezes[i].environment)) {
            freeze_write(&call->out, NULL, &freezes[i]);
        }
    }
    json_array_end(&call->out);
}

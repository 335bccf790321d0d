#include "store/rows_json.h"

static void write_version(struct json_out *out, const char *key, const struct version *version) {
    if (version->version == NULL) {
        json_add_null(out, key);
        return;
    }
    json_object_begin(out, key);
    json_add_string(out, "version", version->version);
    json_add_int(out, "deployment", (int64_t)version->deployment);
    json_add_int(out, "when", version->when_ms);
    json_object_end(out);
}

void version_write(struct json_out *out, const char *key, const struct version_row *row) {
    json_object_begin(out, key);
    json_add_string(out, "project", row->project);
    json_add_string(out, "environment", row->environment);
    json_add_string(out, "target", row->target);
    json_add_string(out, "version", row->confirmed.version);
    json_add_int(out, "deployment", (int64_t)row->confirmed.deployment);
    json_add_int(out, "when", row->confirmed.when_ms);
    write_version(out, "owed", &row->owed);
    write_version(out, "unconfirmed", &row->unconfirmed);
    json_add_bool(out, "unknown", row->unknown);
    json_object_end(out);
}

void freeze_write(struct json_out *out, const char *key, const struct freeze *freeze) {
    json_object_begin(out, key);
    json_add_string(out, "environment", freeze->environment);
    json_add_string(out, "actor", freeze->actor);
    json_add_string(out, "via", freeze->via);
    json_add_string(out, "reason", freeze->reason);
    json_add_int(out, "when", freeze->when_ms);
    json_object_end(out);
}

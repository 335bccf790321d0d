#include "base/json.h"

#include <inttypes.h>
#include <string.h>

#include "base/str.h"

static void begin_value(struct json_out *out, const char *key) {
    if (out->comma) {
        buf_addc(out->buf, ',');
    }
    out->comma = true;
    if (key != NULL) {
        str_json(out->buf, key, strlen(key));
        buf_addc(out->buf, ':');
    }
}

static void begin(struct json_out *out, const char *key, char bracket) {
    begin_value(out, key);
    buf_addc(out->buf, bracket);
    out->comma = false;
}

static void end(struct json_out *out, char bracket) {
    buf_addc(out->buf, bracket);
    out->comma = true;
}

void json_object_begin(struct json_out *out, const char *key) {
    begin(out, key, '{');
}

void json_object_end(struct json_out *out) {
    end(out, '}');
}

void json_array_begin(struct json_out *out, const char *key) {
    begin(out, key, '[');
}

void json_array_end(struct json_out *out) {
    end(out, ']');
}

void json_add_string(struct json_out *out, const char *key, const char *value) {
    if (value == NULL) {
        json_add_null(out, key);
    } else {
        json_add_bytes(out, key, value, strlen(value));
    }
}

void json_add_bytes(struct json_out *out, const char *key, const char *data, size_t size) {
    begin_value(out, key);
    str_json(out->buf, data, size);
}

void json_add_int(struct json_out *out, const char *key, int64_t value) {
    begin_value(out, key);
    buf_printf(out->buf, "%" PRId64, value);
}

void json_add_bool(struct json_out *out, const char *key, bool value) {
    json_add_raw(out, key, value ? "true" : "false");
}

void json_add_null(struct json_out *out, const char *key) {
    json_add_raw(out, key, "null");
}

void json_add_raw(struct json_out *out, const char *key, const char *json) {
    begin_value(out, key);
    buf_adds(out->buf, json);
}

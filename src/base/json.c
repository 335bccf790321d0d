#include "base/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "json_scan.h"

/*
 * The tree is cJSON's; a struct json is a cJSON seen from outside. cJSON only gets text that json_scan has
 * found to be well-formed (RFC 8259) and within the limits.
 */

static const cJSON *inside(const struct json *node) {
    return (const cJSON *)node;
}

static const struct json *outside(const cJSON *node) {
    return (const struct json *)node;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Compares the names as they are after unescaping, sorted, because there may be thousands of them. */
static int refuse_duplicates(const cJSON *node, const char **names, struct err *err) {
    size_t count = 0;
    for (const cJSON *child = node->child; child != NULL && cJSON_IsObject(node); child = child->next) {
        names[count++] = child->string;
    }
    if (count > 1) {
        qsort(names, count, sizeof *names, compare_names);
    }
    for (size_t i = 1; i < count; i++) {
        if (strcmp(names[i - 1], names[i]) == 0) {
            struct buf shown = BUF_INIT(1024);
            str_show(&shown, names[i], str_utf8_cut(names[i], strlen(names[i]), 100));
            int result = err_set(err, ERR_INVALID, "The JSON has the name '%s' twice in one object.", shown.data);
            buf_finish(&shown);
            return result;
        }
    }
    int result = 0;
    for (const cJSON *child = node->child; child != NULL && result == 0; child = child->next) {
        result = refuse_duplicates(child, names, err); /* as deep as LIMIT_JSON_DEPTH */
    }
    return result;
}

static int parse(const char *text, size_t size, size_t token_limit, struct json **ret_root, struct err *err) {
    size_t tokens = 0;
    int result = json_scan(text, size, token_limit, &tokens, err);
    if (result != 0) {
        return result;
    }
    cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = mem_alloc, .free_fn = mem_free});
    cJSON *root = cJSON_ParseWithLength(text, size);
    if (root == NULL) {
        return err_set(err, ERR_INVALID, "The JSON cannot be read.");
    }
    const char **names = mem_array(tokens, sizeof *names);
    result = refuse_duplicates(root, names, err);
    mem_free(names);
    if (result != 0) {
        cJSON_Delete(root);
        return result;
    }
    *ret_root = (struct json *)root;
    return 0;
}

int json_parse(const char *text, size_t size, struct json **ret_root, struct err *err) {
    return parse(text, size, LIMIT_JSON_TOKENS, ret_root, err);
}

int json_parse_reply(const char *text, size_t size, struct json **ret_root, struct err *err) {
    return parse(text, size, LIMIT_JSON_REPLY_TOKENS, ret_root, err);
}

void json_free(struct json *root) {
    cJSON_Delete((cJSON *)root);
}

bool json_is_object(const struct json *node) {
    return cJSON_IsObject(inside(node));
}

bool json_is_array(const struct json *node) {
    return cJSON_IsArray(inside(node));
}

bool json_is_string(const struct json *node) {
    return cJSON_IsString(inside(node));
}

bool json_is_number(const struct json *node) {
    return cJSON_IsNumber(inside(node));
}

bool json_is_bool(const struct json *node) {
    return cJSON_IsBool(inside(node));
}

bool json_is_null(const struct json *node) {
    return cJSON_IsNull(inside(node));
}

const struct json *json_get(const struct json *object, const char *key) {
    return json_is_object(object) ? outside(cJSON_GetObjectItemCaseSensitive(inside(object), key)) : NULL;
}

const struct json *json_get_nocase(const struct json *object, const char *key) {
    const struct json *found = json_get(object, key);
    if (found != NULL || !json_is_object(object)) {
        return found;
    }
    for (const struct json *member = json_first(object); member != NULL; member = json_next(member)) {
        if (str_equal_nocase(json_key(member), key)) {
            return member;
        }
    }
    return NULL;
}

const struct json *json_path(const struct json *object, const char *path) {
    const struct json *node = object;
    for (;;) {
        const char *dot = strchr(path, '.');
        if (dot == NULL) {
            return json_get(node, path);
        }
        char *key = mem_strndup(path, (size_t)(dot - path));
        node = json_get(node, key);
        mem_free(key);
        path = dot + 1;
    }
}

const char *json_string(const struct json *node) {
    return json_is_string(node) ? inside(node)->valuestring : NULL;
}

/* A double holds every whole number up to 2^53; beyond, it may be another one than was written. */
int64_t json_int(const struct json *node, int64_t fallback) {
    if (!json_is_number(node)) {
        return fallback;
    }
    double value = inside(node)->valuedouble;
    const double most = 9007199254740992.0;
    bool exact = value >= -most && value <= most && (double)(int64_t)value == value;
    return exact ? (int64_t)value : fallback;
}

bool json_bool(const struct json *node, bool fallback) {
    return json_is_bool(node) ? cJSON_IsTrue(inside(node)) : fallback;
}

size_t json_size(const struct json *node) {
    size_t count = 0;
    for (const struct json *child = json_first(node); child != NULL; child = json_next(child)) {
        count++;
    }
    return count;
}

const struct json *json_first(const struct json *node) {
    return node == NULL ? NULL : outside(inside(node)->child);
}

const struct json *json_next(const struct json *node) {
    return node == NULL ? NULL : outside(inside(node)->next);
}

const char *json_key(const struct json *node) {
    return node == NULL ? NULL : inside(node)->string;
}

void json_add_node(struct json_out *out, const char *key, const struct json *node) {
    const cJSON *value = inside(node);
    if (json_is_object(node) || json_is_array(node)) {
        bool object = json_is_object(node);
        object ? json_object_begin(out, key) : json_array_begin(out, key);
        for (const struct json *child = json_first(node); child != NULL; child = json_next(child)) {
            json_add_node(out, json_key(child), child);
        }
        object ? json_object_end(out) : json_array_end(out);
    } else if (json_is_string(node)) {
        json_add_string(out, key, value->valuestring);
    } else if (json_is_bool(node)) {
        json_add_bool(out, key, cJSON_IsTrue(value));
    } else if (json_is_number(node)) {
        char number[32]; /* 17 digits bring every double back */
        (void)snprintf(number, sizeof number, "%.17g", value->valuedouble);
        json_add_raw(out, key, number);
    } else {
        json_add_null(out, key);
    }
}

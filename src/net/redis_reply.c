#include "net/redis.h"

#include <string.h>

#include "base/str.h"
#include "redis_internal.h"

/* struct redis_reply is hiredis' own reply under another name. */
static const redisReply *inside(const struct redis_reply *reply) {
    return (const redisReply *)(const void *)reply;
}

enum redis_kind redis_kind(const struct redis_reply *reply) {
    switch (reply == NULL ? REDIS_REPLY_NIL : inside(reply)->type) {
    case REDIS_REPLY_STRING:
        return REDIS_STRING;
    case REDIS_REPLY_STATUS:
        return REDIS_STATUS;
    case REDIS_REPLY_ERROR:
        return REDIS_ERROR;
    case REDIS_REPLY_INTEGER:
        return REDIS_INTEGER;
    case REDIS_REPLY_ARRAY:
        return REDIS_ARRAY;
    default:
        return REDIS_NIL;
    }
}

const char *redis_text(const struct redis_reply *reply, size_t *ret_size) {
    enum redis_kind kind = redis_kind(reply);
    if (kind != REDIS_STRING && kind != REDIS_STATUS && kind != REDIS_ERROR) {
        return NULL;
    }
    if (ret_size != NULL) {
        *ret_size = (size_t)inside(reply)->len;
    }
    return inside(reply)->str;
}

int64_t redis_integer(const struct redis_reply *reply) {
    if (redis_kind(reply) == REDIS_INTEGER) {
        return inside(reply)->integer;
    }
    int64_t value = 0;
    const char *text = redis_text(reply, NULL);
    return text != NULL && str_to_i64(text, &value, NULL) == 0 ? value : 0;
}

size_t redis_count(const struct redis_reply *reply) {
    return redis_kind(reply) == REDIS_ARRAY ? inside(reply)->elements : 0;
}

const struct redis_reply *redis_at(const struct redis_reply *reply, size_t index) {
    return index < redis_count(reply) ? (const struct redis_reply *)(const void *)inside(reply)->element[index] : NULL;
}

const struct redis_reply *redis_field(const struct redis_reply *reply, const char *field) {
    for (size_t i = 0; i + 1 < redis_count(reply); i += 2) {
        size_t size = 0;
        const char *name = redis_text(redis_at(reply, i), &size);
        if (name != NULL && size == strlen(field) && memcmp(name, field, size) == 0) {
            return redis_at(reply, i + 1);
        }
    }
    return NULL;
}

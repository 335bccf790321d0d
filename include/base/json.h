#ifndef GP_BASE_JSON_H
#define GP_BASE_JSON_H

/*
 * Reading: json_parse checks the text before a tree is built from it: depth, number of tokens, number
 * and string length (base/limits.h), UTF-8, no NUL, no duplicate keys. Names are compared with case.
 * Strings that a getter returns are borrowed from the tree.
 *
 * Writing: struct json_out appends to a buf. It puts the commas; the caller pairs begin and end.
 * Overflow shows in the buf. Passing key NULL is for elements of an array and for the root.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct json; /* a node; the root owns the tree */

int json_parse(const char *text, size_t size, struct json **ret_root, struct err *err) MUST_USE;

/* The same for the reply of a server that was asked by us, which may have LIMIT_JSON_REPLY_TOKENS. */
int json_parse_reply(const char *text, size_t size, struct json **ret_root, struct err *err) MUST_USE;

void json_free(struct json *root); /* the root only; NULL does nothing */

bool json_is_object(const struct json *node);
bool json_is_array(const struct json *node);
bool json_is_string(const struct json *node);
bool json_is_number(const struct json *node);
bool json_is_bool(const struct json *node);
bool json_is_null(const struct json *node);

/* A member, or NULL. json_get_nocase is for commands of clients that write camelCase as well as
 * PascalCase; if both are there, the exact name wins. `object` may be NULL. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_get_nocase(const struct json *object, const char *key);

/* "a.b.c" through nested objects, or NULL. */
const struct json *json_path(const struct json *object, const char *path);

/* The node's own value; NULL or the fallback if the node is NULL or of another type. json_int also gives the fallback
 * for a number that is not whole or beyond 2^53, where it could not be told from its neighbours. */
const char *json_string(const struct json *node);
int64_t json_int(const struct json *node, int64_t fallback);
bool json_bool(const struct json *node, bool fallback);

/* Array elements and object members in order; json_key is the member's name. */
size_t json_size(const struct json *node);
const struct json *json_first(const struct json *node);
const struct json *json_next(const struct json *node);
const char *json_key(const struct json *node);

struct json_out {
    struct buf *buf; /* borrowed */
    bool comma;
};

void json_object_begin(struct json_out *out, const char *key);
void json_object_end(struct json_out *out);
void json_array_begin(struct json_out *out, const char *key);
void json_array_end(struct json_out *out);
void json_add_string(struct json_out *out, const char *key, const char *value); /* NULL gives null */
void json_add_bytes(struct json_out *out, const char *key, const char *data, size_t size);
void json_add_int(struct json_out *out, const char *key, int64_t value);
void json_add_bool(struct json_out *out, const char *key, bool value);
void json_add_null(struct json_out *out, const char *key);
void json_add_raw(struct json_out *out, const char *key, const char *json); /* ready-made JSON text */
void json_add_node(struct json_out *out, const char *key, const struct json *node);

#endif

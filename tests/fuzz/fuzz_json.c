/*
 * Reads any bytes as JSON. What is read is walked, written, and read again: the second tree must be written in the
 * same bytes as the first.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition) {
    if (!condition) {
        abort();
    }
}

static void walk(const struct json *node, size_t depth) {
    expect(depth <= LIMIT_JSON_DEPTH);
    int types = json_is_object(node) + json_is_array(node) + json_is_string(node) + json_is_number(node) +
                json_is_bool(node) + json_is_null(node);
    expect(types == 1);
    expect(json_is_string(node) == (json_string(node) != NULL));
    expect(!json_is_string(node) || str_is_utf8(json_string(node), strlen(json_string(node))));
    int64_t number = json_int(node, 1);
    expect(number == json_int(node, 2) || json_int(node, 2) == 2);
    size_t count = 0;
    for (const struct json *child = json_first(node); child != NULL; child = json_next(child)) {
        count++;
        if (json_is_object(node)) {
            expect(json_get(node, json_key(child)) == child || count > 100); /* looking is linear */
            expect(count > 100 || json_get_nocase(node, json_key(child)) == child);
            (void)json_path(node, json_key(child));
        }
        walk(child, depth + 1);
    }
    expect(json_size(node) == count);
}

static void write_tree(const struct json *root, struct buf *out) {
    json_add_node(&(struct json_out){.buf = out}, NULL, root);
    expect(!out->overflow);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct json *root = NULL;
    struct err err = {0};
    int result = json_parse((const char *)data, size, &root, &err);
    if (result != 0) {
        expect(root == NULL && err.code == (enum err_code) - result);
        expect(err.text[0] != 0 && str_is_utf8(err.text, strlen(err.text)));
        return 0;
    }
    struct buf first = BUF_INIT(8 * size + 64);
    struct buf second = BUF_INIT(8 * size + 64);
    walk(root, 0);
    write_tree(root, &first);
    json_free(root);
    expect(str_is_utf8(first.data, first.size));
    if (json_parse(first.data, first.size, &root, &err) == 0) {
        write_tree(root, &second);
        json_free(root);
        expect(str_equal(first.data, second.data));
    } else {
        expect(err.code == ERR_TOO_BIG); /* a control character is six bytes when it is written */
    }
    buf_finish(&first);
    buf_finish(&second);
    return 0;
}

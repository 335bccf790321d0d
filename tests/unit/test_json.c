#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"

/* A copy of exactly this size, so that AddressSanitizer sees a read beyond it. */
static int parse(const char *text, size_t size, struct json **ret_root, struct err *err) {
    char *copy = mem_alloc(size);
    memcpy(copy, text, size);
    int result = json_parse(copy, size, ret_root, err);
    mem_free(copy);
    return result;
}

static struct json *good(const char *text) {
    struct json *root = NULL;
    struct err err = {0};
    if (parse(text, strlen(text), &root, &err) != 0) {
        fail_msg("%s: %s", text, err.text);
    }
    return root;
}

static void expect_refused(const char *text, size_t size, int code) {
    struct json *root = NULL;
    struct err err = {0};
    int result = parse(text, size, &root, &err);
    if (result != code || root != NULL || strncmp(err.text, "The JSON ", 9) != 0) {
        fail_msg("%.60s: %d %s", text, result, err.text);
    }
}

static void what_is_json_is_read_and_written_back(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *written;
    } cases[] = {
        {"{}", "{}"},
        {"[]", "[]"},
        {" \t\r\n[ ] ", "[]"},
        {"null", "null"},
        {"true", "true"},
        {"false", "false"},
        {"0", "0"},
        {"-0", "-0"},
        {"-12", "-12"},
        {"1.5e3", "1500"},
        {"1E+2", "100"},
        {"0.1", "0.10000000000000001"},
        {"12345678901234567890123456789012", "1.2345678901234567e+31"},
        {"1e-999", "0"},
        {"\"\"", "\"\""},
        {"[1,[2,[]],{\"a\":{\"b\":[null]}}]", "[1,[2,[]],{\"a\":{\"b\":[null]}}]"},
        {"{\"a\" : 1 , \"b\" : [ true , \"x\" ] }", "{\"a\":1,\"b\":[true,\"x\"]}"},
        {"{\"\":1}", "{\"\":1}"},
        {"{\"a\":1,\"A\":2}", "{\"a\":1,\"A\":2}"},
        {"[{\"a\":1},{\"a\":2}]", "[{\"a\":1},{\"a\":2}]"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\""},
        {"\"\\u00e4\\uD83D\\ude00\\u001b\"", "\"\xC3\xA4\xF0\x9F\x98\x80\\u001b\""},
        {"\"\\uFFFF\\u0800\"", "\"\xEF\xBF\xBF\xE0\xA0\x80\""},
        {"\"\\\\u0000\"", "\"\\\\u0000\""},
        {"\"\x7F\"", "\"\\u007f\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json *root = good(cases[i].text);
        struct buf text = BUF_INIT(1000);
        json_add_node(&(struct json_out){.buf = &text}, NULL, root);
        assert_string_equal(text.data, cases[i].written);
        buf_finish(&text);
        json_free(root);
    }
}

static void what_is_no_json_is_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        " ",
        "{",
        "[",
        "[1",
        "[1,",
        "[,1]",
        "[1,,2]",
        "[1,]",
        "[1 2]",
        "]",
        "[}",
        "{]",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{\"a\" 1}",
        "{a:1}",
        "{1:1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":}",
        "{:1}",
        "{'a':1}",
        "{}x",
        "[]]",
        "1 2",
        "nul",
        "nulll",
        "True",
        "NaN",
        "Infinity",
        "-",
        "+1",
        "01",
        "-01",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "1_0",
        "- 1",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\",
        "\"\\x41\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\U0041\"",
        "\"\\u\"",
        "\"\t\"",
        "\"\n\"",
        "\"\x1F\"",
        "'a'",
        "/* x */ 1",
        "// x\n1",
        "\xEF\xBB\xBF{}",
        "\v1",
        "[1]\f",
        "\xC2\xA0[]",
        "\"\\uD800\"",
        "\"\\uDC00\"",
        "\"\\uD800x\"",
        "\"\\uD800\\n\"",
        "\"\\uD800\\uD800\"",
        "\"\\uD800\\u0041\"",
        "\"\\uD800\\u",
        "\"\\uD800\\uDC0",
        "\"\\u0000\"",
        "\"a\\u0000b\"",
        "\"\xFF\"",
        "\"\xC3\"",
        "\"\xED\xA0\x80\"",
        "\"\xC0\x80\"",
        "{\"\xFF\":1}",
        "{\"a\\u0000\":1}",
        "\xFF",
        "{\"a\":tru}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_refused(cases[i], strlen(cases[i]), -ERR_INVALID);
    }
    expect_refused("[1]\0", 4, -ERR_INVALID);
    expect_refused("\"a\0b\"", 5, -ERR_INVALID);
    expect_refused("[\0]", 3, -ERR_INVALID);
    expect_refused("1\0", 2, -ERR_INVALID);
}

static void every_beginning_of_a_text_is_refused(void **state) {
    (void)state;
    const char *text = "{\"a\":[1.5e+3,true,false,null,\"x\\n\\u00e4\\ud83d\\ude00\xC3\xA4\"],\"b\":{}}";
    for (size_t size = 0; size < strlen(text); size++) {
        expect_refused(text, size, -ERR_INVALID);
    }
    json_free(good(text));
}

static void names_that_come_twice_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "{\"a\":1,\"a\":2}", "{\"a\":1,\"b\":2,\"a\":{}}",    "{\"a\":1,\"\\u0061\":2}",
        "{\"\":1,\"\":2}",   "[[{\"x\":{\"a\":1,\"a\":1}}]]", "{\"first\":{},\"second\":{\"a\":1,\"a\":1}}",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_refused(cases[i], strlen(cases[i]), -ERR_INVALID);
    }
    struct json *root;
    struct err err;
    const char *text = "{\"Answer\":1,\"Answer\":2}";
    assert_int_equal(json_parse(text, strlen(text), &root, &err), -ERR_INVALID);
    assert_string_equal(err.text, "The JSON has the name 'Answer' twice in one object.");
}

static void repeat(struct buf *out, const char *text, size_t count) {
    for (size_t i = 0; i < count; i++) {
        buf_adds(out, text);
    }
}

/* The text with `count` pieces is read, and that with one more is too big. */
static void expect_limit(const char *before, const char *piece, const char *after, size_t count) {
    for (size_t more = 0; more < 2; more++) {
        struct buf text = BUF_INIT(4 << 20);
        buf_adds(&text, before);
        repeat(&text, piece, count + more);
        buf_adds(&text, after);
        if (more > 0) {
            expect_refused(text.data, text.size, -ERR_TOO_BIG);
        } else {
            json_free(good(text.data));
        }
        buf_finish(&text);
    }
}

static void limits_are_kept_to_the_byte(void **state) {
    (void)state;
    expect_limit("", "1", "", LIMIT_JSON_NUMBER);
    expect_limit("[0.", "1", "]", LIMIT_JSON_NUMBER - 2);
    expect_limit("\"", "x", "\"", LIMIT_JSON_STRING);
    expect_limit("{\"", "x", "\":1}", LIMIT_JSON_STRING);
    expect_limit("[0", ",0", "]", LIMIT_JSON_TOKENS - 2);
    expect_limit("[0", ",[]", "]", LIMIT_JSON_TOKENS - 2);
    expect_refused("1e309", 5, -ERR_TOO_BIG);
    for (size_t depth = LIMIT_JSON_DEPTH; depth <= LIMIT_JSON_DEPTH + 1; depth++) {
        struct buf text = BUF_INIT(1000);
        repeat(&text, "{\"a\":[", depth / 2);
        repeat(&text, "[", depth % 2);
        repeat(&text, "]", depth % 2);
        repeat(&text, "]}", depth / 2);
        if (depth > LIMIT_JSON_DEPTH) {
            expect_refused(text.data, text.size, -ERR_TOO_BIG);
        } else {
            json_free(good(text.data));
        }
        buf_finish(&text);
    }
}

static void a_reply_may_have_more_values_than_a_request(void **state) {
    (void)state;
    struct buf text = BUF_INIT(4 << 20);
    struct json *root = NULL;
    buf_adds(&text, "[0");
    repeat(&text, ",0", LIMIT_JSON_TOKENS);
    buf_adds(&text, "]");
    expect_refused(text.data, text.size, -ERR_TOO_BIG);
    assert_int_equal(json_parse_reply(text.data, text.size, &root, NULL), 0);
    assert_int_equal(json_size(root), LIMIT_JSON_TOKENS + 1);
    json_free(root);
    buf_finish(&text);
}

/* The bound is generous because the tests run under sanitizers; anything quadratic takes far longer. */
static void bombs_are_dealt_with_at_once(void **state) {
    (void)state;
    struct buf deep = BUF_INIT(4 << 20);
    repeat(&deep, "[", 1 << 20);
    struct buf digits = BUF_INIT(4 << 20);
    repeat(&digits, "9", 1 << 20);
    struct buf names = BUF_INIT(4 << 20);
    buf_addc(&names, '{');
    for (int i = 0; i < LIMIT_JSON_TOKENS / 2 - 1; i++) {
        buf_printf(&names, "\"a name with a long common beginning, so that comparing takes long %d\":1,", i);
    }
    buf_consume(&names, 0);
    names.data[names.size - 1] = '}';

    int64_t before = clock_monotonic_ms();
    expect_refused(deep.data, deep.size, -ERR_TOO_BIG);
    expect_refused(digits.data, digits.size, -ERR_TOO_BIG);
    json_free(good(names.data));
    assert_in_range(clock_monotonic_ms() - before, 0, 1000);
    buf_finish(&deep);
    buf_finish(&digits);
    buf_finish(&names);
}

static void members_are_found_by_name(void **state) {
    (void)state;
    struct json *root =
        good("{\"taskId\":1,\"Guidance\":\"Retry\",\"guidance\":\"Fail\",\"a\":{\"b\":{\"c\":true}},\"list\":[1]}");
    assert_string_equal(json_string(json_get(root, "Guidance")), "Retry");
    assert_null(json_get(root, "GUIDANCE"));
    assert_null(json_get(root, ""));
    assert_string_equal(json_string(json_get_nocase(root, "guidance")), "Fail");
    assert_string_equal(json_string(json_get_nocase(root, "GUIDANCE")), "Retry");
    assert_int_equal(json_int(json_get_nocase(root, "TaskId"), 0), 1);
    assert_null(json_get_nocase(root, "Task"));
    assert_true(json_bool(json_path(root, "a.b.c"), false));
    assert_true(json_is_object(json_path(root, "a.b")));
    assert_true(json_path(root, "a") == json_get(root, "a"));
    static const char *const absent[] = {"", ".", "a.", ".a", "a.x.c", "a.b.c.d", "list.0", "Guidance.x"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++) {
        assert_null(json_path(root, absent[i]));
    }
    json_free(root);
}

static void children_come_in_order(void **state) {
    (void)state;
    struct json *root = good("{\"z\":[1,2,3],\"a\":{},\"m\":[]}");
    assert_int_equal(json_size(root), 3);
    const struct json *member = json_first(root);
    assert_string_equal(json_key(member), "z");
    assert_int_equal(json_size(member), 3);
    assert_int_equal(json_int(json_next(json_first(member)), 0), 2);
    assert_null(json_key(json_first(member)));
    member = json_next(member);
    assert_string_equal(json_key(member), "a");
    assert_null(json_first(member));
    member = json_next(member);
    assert_string_equal(json_key(member), "m");
    assert_int_equal(json_size(member), 0);
    assert_null(json_next(member));
    assert_null(json_next(root));
    json_free(root);
}

static void values_of_another_type_give_the_fallback(void **state) {
    (void)state;
    struct json *root = good("[\"1\",true,null,{},[],1.5,9007199254740992,9007199254740994,-9007199254740994,1e300]");
    const struct json *node = json_first(root);
    assert_int_equal(json_int(node, -7), -7);
    assert_true(json_bool(node, true));
    node = json_next(node);
    assert_null(json_string(node));
    assert_int_equal(json_int(node, -7), -7);
    assert_true(json_is_bool(node));
    node = json_next(node);
    assert_true(json_is_null(node));
    assert_null(json_string(node));
    node = json_next(node);
    assert_false(json_is_array(node));
    assert_null(json_string(node));
    node = json_next(node);
    assert_true(json_is_array(node));
    assert_null(json_get(node, "a"));
    node = json_next(node);
    assert_true(json_is_number(node));
    assert_int_equal(json_int(node, -7), -7);
    node = json_next(node);
    assert_int_equal(json_int(node, -7), INT64_C(9007199254740992));
    while ((node = json_next(node)) != NULL) {
        assert_int_equal(json_int(node, -7), -7);
    }
    json_free(root);
}

static void no_node_is_like_an_absent_one(void **state) {
    (void)state;
    assert_null(json_get(NULL, "a"));
    assert_null(json_get_nocase(NULL, "a"));
    assert_null(json_path(NULL, "a.b"));
    assert_null(json_string(NULL));
    assert_int_equal(json_int(NULL, 5), 5);
    assert_true(json_bool(NULL, true));
    assert_int_equal(json_size(NULL), 0);
    assert_null(json_first(NULL));
    assert_null(json_next(NULL));
    assert_null(json_key(NULL));
    assert_false(json_is_object(NULL) || json_is_array(NULL) || json_is_string(NULL));
    assert_false(json_is_number(NULL) || json_is_bool(NULL) || json_is_null(NULL));
    json_free(NULL);
    assert_int_equal(json_parse("[", 1, NULL, NULL), -ERR_INVALID);
}

static void the_writer_puts_the_commas(void **state) {
    (void)state;
    struct buf text = BUF_INIT(1000);
    struct json_out out = {.buf = &text};
    json_object_begin(&out, NULL);
    json_add_string(&out, "s\n", "a\"b");
    json_add_string(&out, "none", NULL);
    json_add_bytes(&out, "bytes", "a\0b", 3);
    json_object_begin(&out, "empty");
    json_object_end(&out);
    json_array_begin(&out, "list");
    json_add_int(&out, NULL, INT64_MIN);
    json_array_begin(&out, NULL);
    json_array_end(&out);
    json_add_bool(&out, NULL, true);
    json_object_begin(&out, NULL);
    json_add_raw(&out, "raw", "[1]");
    json_object_end(&out);
    json_add_null(&out, NULL);
    json_array_end(&out);
    json_add_node(&out, "node", NULL);
    json_object_end(&out);
    assert_string_equal(text.data, "{\"s\\n\":\"a\\\"b\",\"none\":null,\"bytes\":\"a\\u0000b\",\"empty\":{},"
                                   "\"list\":[-9223372036854775808,[],true,{\"raw\":[1]},null],\"node\":null}");
    buf_finish(&text);
}

static void overflow_of_the_writer_shows_in_the_buf(void **state) {
    (void)state;
    struct buf text = BUF_INIT(10);
    struct json_out out = {.buf = &text};
    json_array_begin(&out, NULL);
    json_add_string(&out, NULL, "more than ten bytes");
    json_array_end(&out);
    assert_true(text.overflow);
    buf_finish(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_json_is_read_and_written_back),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(every_beginning_of_a_text_is_refused),
        cmocka_unit_test(names_that_come_twice_are_refused),
        cmocka_unit_test(limits_are_kept_to_the_byte),
        cmocka_unit_test(a_reply_may_have_more_values_than_a_request),
        cmocka_unit_test(bombs_are_dealt_with_at_once),
        cmocka_unit_test(members_are_found_by_name),
        cmocka_unit_test(children_come_in_order),
        cmocka_unit_test(values_of_another_type_give_the_fallback),
        cmocka_unit_test(no_node_is_like_an_absent_one),
        cmocka_unit_test(the_writer_puts_the_commas),
        cmocka_unit_test(overflow_of_the_writer_shows_in_the_buf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * What is made safe to show must be well-formed, free of controls, and stay as it is when it is shown again. A cut of
 * it must be well-formed. A duration must come back the same when it is written in milliseconds.
 */

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition) {
    if (!condition) {
        abort();
    }
}

static void show(const char *text, size_t size) {
    struct buf shown = BUF_INIT(8 * size + 1);
    struct buf again = BUF_INIT(8 * size + 1);
    str_show(&shown, text, size);
    expect(!shown.overflow && str_is_utf8(shown.data, shown.size));
    for (size_t i = 0; i < shown.size; i++) {
        unsigned char byte = (unsigned char)shown.data[i];
        unsigned char next = (unsigned char)shown.data[i + 1];
        expect(byte == '\n' || byte == '\t' || (byte >= 0x20 && byte != 0x7F));
        expect(byte != 0xC2 || next >= 0xA0);
    }
    str_show(&again, shown.data, shown.size);
    expect(str_equal(shown.data, again.data));
    for (size_t limit = 0; limit < 16; limit++) {
        size_t cut = str_utf8_cut(shown.data, shown.size, limit);
        expect(cut <= limit && (cut == shown.size || cut + 3 >= limit) && str_is_utf8(shown.data, cut));
    }
    buf_finish(&shown);
    buf_finish(&again);
}

static void cut(const char *text, size_t size) {
    for (size_t limit = 0; limit <= size + 1 && limit < 64; limit++) {
        size_t n = str_utf8_cut(text, size, limit);
        expect(n <= limit && n <= size && (n == size || n + 3 >= limit));
    }
}

static void duration(const char *text) {
    int64_t ms = 0;
    struct err err = {0};
    if (str_to_duration_ms(text, &ms, &err) != 0) {
        expect(err.code == ERR_INVALID && str_is_utf8(err.text, strlen(err.text)));
        return;
    }
    int64_t again = 0;
    char written[32];
    (void)snprintf(written, sizeof written, "%" PRId64 "ms", ms);
    expect(ms > 0 && str_to_duration_ms(written, &again, NULL) == 0 && again == ms);
    struct buf shown = BUF_INIT(100);
    str_duration(&shown, ms);
    expect(shown.size > 0 && !shown.overflow);
    buf_finish(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    show((const char *)data, size);
    cut((const char *)data, size);
    char *text = mem_strndup(size > 0 ? (const char *)data : "", size);
    duration(text);
    uint64_t number;
    (void)str_to_u64(text, &number, NULL);
    (void)str_is_name(text);
    (void)str_nearest(text, (const char *const[]){"retry", "ignore", "exclude", "fail"}, 4);
    mem_free(text);
    return 0;
}

#ifndef GP_TESTS_FUZZ_MASKER_NAIVE_H
#define GP_TESTS_FUZZ_MASKER_NAIVE_H

/* What masker.h promises, in the plainest way: looks for every text at every place of the whole output. */

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NAIVE_TEXTS = 1024, NAIVE_BYTES_MIN = 6 };

struct masker_naive {
    struct {
        char *bytes; /* owned */
        size_t size;
    } texts[NAIVE_TEXTS];
    size_t count;
};

/* Fits spelling_each. */
static bool masker_naive_add(void *user, const char *bytes, size_t size) {
    struct masker_naive *naive = user;

    if (size < NAIVE_BYTES_MIN) {
        return true;
    }
    if (naive->count == NAIVE_TEXTS) {
        return false;
    }
    naive->texts[naive->count].bytes = malloc(size);
    memcpy(naive->texts[naive->count].bytes, bytes, size);
    naive->texts[naive->count++].size = size;
    return true;
}

/* `out` has room for `size` bytes. */
static size_t masker_naive_mask(const struct masker_naive *naive, const char *text, size_t size, char *out) {
    bool *secret = calloc(size + 1, sizeof *secret);
    size_t given = 0;

    for (size_t i = 0; i < naive->count; i++) {
        size_t length = naive->texts[i].size;
        for (size_t at = 0; at + length <= size; at++) {
            if (memcmp(text + at, naive->texts[i].bytes, length) == 0) {
                memset(secret + at, true, length);
            }
        }
    }
    for (size_t at = 0; at < size; at++) {
        if (!secret[at]) {
            out[given++] = text[at];
        } else if (at == 0 || !secret[at - 1]) {
            memcpy(out + given, "***", 3);
            given += 3;
        }
    }
    free(secret);
    return given;
}

static void masker_naive_finish(struct masker_naive *naive) {
    for (size_t i = 0; i < naive->count; i++) {
        free(naive->texts[i].bytes);
    }
    naive->count = 0;
}

#endif

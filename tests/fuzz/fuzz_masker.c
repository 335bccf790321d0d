/*
 * Masks one output twice: by the masker, cut into random pieces, and in the plainest way. Both must agree, and no
 * more may be held back than the masker says.
 *
 * Input: a byte with the number of texts; each text as a size byte and its bytes; then the output. The first size byte
 * with its high bit set makes its text a secret, in all spellings.
 */

#include "exec/step/masker.h"
#include "exec/step/spelling.h"
#include "fuzz/masker_naive.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition) {
    if (!condition) {
        abort();
    }
}

/* A small generator of its own: the cuts depend on the input alone. */
static size_t piece_size(uint32_t *state, size_t left) {
    *state = *state * 1664525 + 1013904223;
    size_t size = (*state >> 16) % 9;
    return size < left ? size : left;
}

static void compare(struct masker *masker, const struct masker_naive *naive, const char *text, size_t size) {
    size_t room = size + masker_held_max(masker);
    char *wanted = malloc(room + 3);
    char *out = malloc(room + 3);
    size_t wanted_size = masker_naive_mask(naive, text, size, wanted);
    size_t given = 0;
    uint32_t state = (uint32_t)size;

    for (size_t at = 0; at < size;) {
        size_t piece = piece_size(&state, size - at);
        size_t count = masker_feed(masker, text + at, piece, out + given);
        expect(count <= piece + masker_held_max(masker));
        given += count;
        at += piece;
    }
    given += masker_finish(masker, out + given);
    expect(given == wanted_size);
    expect(memcmp(out, wanted, given) == 0);
    free(out);
    free(wanted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct masker_naive naive;
    struct masker *masker = masker_create();
    const char *at = (const char *)data;
    const char *end = at + size;
    size_t texts = size > 0 ? (unsigned char)*at++ % 8 : 0;
    bool spelled = false;

    for (size_t i = 0; i < texts && at < end; i++) {
        unsigned char head = (unsigned char)*at++;
        size_t length = (size_t)(end - at) < (head & 31U) ? (size_t)(end - at) : (head & 31U);
        if (head & 0x80 && !spelled) {
            expect(masker_add_secret(masker, at, length));
            expect(spelling_each(at, length, masker_naive_add, &naive));
            spelled = true;
        } else {
            expect(masker_add(masker, at, length));
            expect(masker_naive_add(&naive, at, length));
        }
        at += length;
    }
    expect(masker_build(masker));
    compare(masker, &naive, at, (size_t)(end - at));
    masker_destroy(masker);
    masker_naive_finish(&naive);
    return 0;
}

/* Reads any bytes as what a target says, whole and cut in two: the frames must be the same, and lie where they should. */

#include "exec/ssh/framing.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition) {
    if (!condition) {
        abort();
    }
}

static void mix(uint64_t *sum, const void *bytes, size_t size) {
    for (size_t i = 0; i < size; i++) {
        *sum = (*sum ^ ((const unsigned char *)bytes)[i]) * UINT64_C(1099511628211);
    }
}

/* Reads a piece of its exact size, and adds its frames to the sum; the cuts within output do not count. */
static void read_piece(struct framing *framing, const uint8_t *data, size_t size, uint64_t *sum) {
    char *piece = malloc(size + (size == 0));
    const char *cursor = piece;
    struct frame frame;
    enum frame_kind kind;

    memcpy(piece, data, size);
    while ((kind = framing_next(framing, &cursor, piece + size, &frame)) != FRAME_NONE && kind != FRAME_BROKEN) {
        if (kind == FRAME_OUTPUT) {
            expect(frame.size == 0 || (frame.text >= piece && frame.text + frame.size <= piece + size));
            for (size_t i = 0; i < frame.size; i++) {
                uint64_t offset = frame.offset + i;
                mix(sum, &offset, sizeof offset);
                mix(sum, frame.text + i, 1);
            }
        } else {
            expect(strlen(frame.text) < FRAMING_LINE_BYTES && strlen(frame.boot) < sizeof frame.boot);
            mix(sum, &kind, sizeof kind);
            mix(sum, &frame.number, sizeof frame.number);
            mix(sum, frame.text, strlen(frame.text));
        }
        expect(cursor >= piece && cursor <= piece + size);
    }
    expect(kind == FRAME_BROKEN || cursor == piece + size);
    free(piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const uint8_t hello[] = "guidepost 1 boot\n";
    struct framing whole = {0}, cut = {0};
    uint64_t sums[2] = {1, 1};
    size_t at = size > 0 ? data[0] % size : 0;

    if (size > 0 && data[0] % 2 == 0) { /* else few would get beyond the greeting */
        read_piece(&whole, hello, sizeof hello - 1, &sums[0]);
        read_piece(&cut, hello, sizeof hello - 1, &sums[1]);
    }
    read_piece(&whole, data, size, &sums[0]);
    read_piece(&cut, data, at, &sums[1]);
    read_piece(&cut, data + at, size - at, &sums[1]);
    expect(sums[0] == sums[1] && whole.broken == cut.broken);
    return 0;
}

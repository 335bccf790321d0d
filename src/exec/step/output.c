#include "output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { PIECE_BYTES = 64 << 10, SAID_BYTES = 8000 };

void output_init(struct output *output, const char *prefix) {
    *output = (struct output){0};
    segments_init(&output->segments, prefix, LIMIT_OUTPUT_SEGMENT, LIMIT_OUTPUT_SEGMENTS_HEAD,
                  LIMIT_OUTPUT_SEGMENTS_TAIL);
}

/* NULL: no memory. */
static struct masker *masker_of(const struct instructions *in) {
    struct masker *masker = masker_create();
    bool ok = masker != NULL;

    for (size_t i = 0; ok && i < in->secret_count; i++) {
        ok = masker_add_secret(masker, in->secrets[i].bytes, in->secrets[i].size);
    }
    if (!ok || !masker_build(masker)) {
        masker_destroy(masker);
        return NULL;
    }
    return masker;
}

bool output_set_up(struct output *output, const struct instructions *in) {
    segments_init(&output->segments, output->segments.prefix, (size_t)in->segment_bytes, (uint64_t)in->head_segments,
                  (uint64_t)in->tail_segments);
    if (in->secret_count == 0) {
        return true;
    }
    output->masker = masker_of(in);
    output->masked = output->masker ? malloc(PIECE_BYTES + masker_held_max(output->masker)) : NULL;
    if (!output->masked) {
        masker_destroy(output->masker);
        output->masker = NULL;
    }
    return output->masker != NULL;
}

static void output_write(struct output *output, const char *bytes, size_t size) {
    size_t skip = size < output->skip ? size : (size_t)output->skip;

    output->skip -= skip;
    segments_write(&output->segments, bytes + skip, size - skip);
}

void output_put(struct output *output, const char *bytes, size_t size) {
    if (!output->masker) {
        output_write(output, bytes, size);
        return;
    }
    while (size > 0) {
        size_t piece = size < PIECE_BYTES ? size : PIECE_BYTES;
        output_write(output, output->masked, masker_feed(output->masker, bytes, piece, output->masked));
        bytes += piece;
        size -= piece;
    }
}

void output_say(struct output *output, const char *format, ...) {
    char text[SAID_BYTES];
    va_list values;

    va_start(values, format);
    int size = vsnprintf(text, sizeof text, format, values);
    va_end(values);
    output_end(output);
    segments_write(&output->segments, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

void output_end(struct output *output) {
    if (output->masker) {
        output_write(output, output->masked, masker_finish(output->masker, output->masked));
    }
}

void output_finish(struct output *output) {
    output_end(output);
    segments_finish(&output->segments);
    masker_destroy(output->masker);
    free(output->masked);
}

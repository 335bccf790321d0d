/* Parses any bytes as instructions: every accepted value must lie within the text and end with a zero byte. */

#include "exec/step/instructions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition) {
    if (!condition) {
        abort();
    }
}

static void expect_within(const char *value, const char *text, size_t size) {
    expect(value >= text && value < text + size);
    expect(memchr(value, '\0', (size_t)(text + size - value)) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct instructions in;
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    const char *problem = instructions_parse(&in, text, size);
    if (!problem) {
        expect(in.script || in.ssh.destination);
        expect_within(in.script ? in.script : in.ssh.destination, text, size);
        for (size_t i = 0; i < in.ssh.option_count; i++) {
            expect_within(in.ssh.options[i], text, size);
        }
        for (size_t i = 0; i < in.env_count; i++) {
            expect_within(in.env[i], text, size);
            expect(strchr(in.env[i], '=') > in.env[i]);
        }
        expect(in.env[in.env_count] == NULL);
        for (size_t i = 0; i < in.secret_count; i++) {
            expect_within(in.secrets[i].bytes + in.secrets[i].size, text, size);
        }
        expect(in.timeout_ms >= 0 && in.quiet_ms >= 0 && in.kill_ms >= 0);
        expect(in.segment_bytes > 0 && in.tail_segments > 0);
    } else {
        expect(*problem != '\0');
    }
    free(text);
    return 0;
}

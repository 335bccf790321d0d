#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

static const struct {
    const char *word;
    int exit_code;
} codes[] = {[ERR_NONE] = {"ok", 0},
#define X(name, text, exit) [ERR_##name] = {text, exit},
             ERR_CODES(X)
#undef X
};

int err_set(struct err *err, enum err_code code, const char *format, ...) {
    if (err != NULL) {
        /* Room for the whole of a character that begins before the border. The text is built aside because
         * the old text of err may be among the arguments. */
        char text[ERR_TEXT_SIZE + 4];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);

        size_t size = str_utf8_cut(text, strlen(text), ERR_TEXT_SIZE - 1);
        memcpy(err->text, text, size);
        err->text[size] = 0;
        err->code = code;
    }
    return -(int)code;
}

static size_t code_index(int code) {
    size_t index = code < 0 ? 0 - (size_t)code : (size_t)code;
    return index < sizeof codes / sizeof codes[0] ? index : ERR_UNKNOWN;
}

const char *err_word(int code) {
    return codes[code_index(code)].word;
}

int err_exit_code(int code) {
    return codes[code_index(code)].exit_code;
}

#include "core/view.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_word(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The last line with something on it, without the blanks around it. */
static const char *last_line(const char *text, size_t *ret_size) {
    const char *end = text + strlen(text);
    while (end > text && is_blank(end[-1])) {
        end--;
    }
    const char *start = end;
    while (start > text && start[-1] != '\n') {
        start--;
    }
    while (start < end && is_blank(*start)) {
        start++;
    }
    *ret_size = (size_t)(end - start);
    return start;
}

/* Numbers, and long hexadecimal words like addresses and digests, differ between machines with the same trouble. */
static void add_word(struct buf *out, const char *word, size_t size) {
    enum { HEX_SIZE = 6 };
    bool hex = true, digits = false;
    for (size_t i = 0; i < size; i++) {
        hex = hex && is_hex(word[i]);
        digits = digits || is_digit(word[i]);
    }
    bool prefixed = size > 2 && word[0] == '0' && (word[1] | 0x20) == 'x';
    if (prefixed || (hex && digits && size >= HEX_SIZE)) {
        buf_addc(out, '#');
        return;
    }
    for (size_t i = 0; i < size; i++) {
        if (!is_digit(word[i])) {
            buf_addc(out, word[i]);
        } else if (i == 0 || !is_digit(word[i - 1])) {
            buf_addc(out, '#');
        }
    }
}

static void add_normalised(struct buf *out, const char *line, size_t size, const char *target) {
    size_t target_size = str_empty(target) ? 0 : strlen(target);
    for (size_t i = 0; i < size;) {
        size_t word = 0;
        if (target_size > 0 && size - i >= target_size && memcmp(line + i, target, target_size) == 0 &&
            (i + target_size == size || !is_word(line[i + target_size]))) {
            buf_addc(out, '@');
            i += target_size;
            continue;
        }
        while (i + word < size && is_word(line[i + word])) {
            word++;
        }
        if (word > 0) {
            add_word(out, line + i, word);
        } else {
            buf_addc(out, line[i]);
        }
        i += word > 0 ? word : 1;
    }
}

const char *view_error_key(struct outcome outcome, const char *excerpt, const char *target, struct arena *arena) {
    enum { LINE_BYTES = 200 };
    size_t size;
    const char *line = last_line(excerpt ? excerpt : "", &size);
    struct buf text = BUF_INIT(2 * LIMIT_NAME_BYTES + LINE_BYTES);
    buf_printf(&text, "%s %lld: ", outcome_word(outcome.kind), (long long)outcome.number);
    add_normalised(&text, line, str_utf8_cut(line, size, LINE_BYTES), target);
    const char *key = arena_strdup(arena, text.data);
    buf_finish(&text);
    return key;
}

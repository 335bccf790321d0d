#include "base/str.h"

#include <string.h>

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Text as bytes of UTF-8, and how it is made safe. Table 3-7 of the Unicode standard says what is well-formed. */

static bool is_continuation(unsigned char byte) {
    return (byte & 0xC0) == 0x80;
}

/* The size of the well-formed character at p, or 0. */
static size_t character_size(const unsigned char *p, size_t size) {
    unsigned char first = p[0];
    if (first < 0x80) {
        return 1;
    }
    size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (first < 0xC2 || first > 0xF4 || size < length) {
        return 0;
    }
    for (size_t i = 1; i < length; i++) {
        if (!is_continuation(p[i])) {
            return 0;
        }
    }
    bool too_long = (first == 0xE0 && p[1] < 0xA0) || (first == 0xF0 && p[1] < 0x90);
    bool surrogate = first == 0xED && p[1] > 0x9F;
    bool beyond = first == 0xF4 && p[1] > 0x8F;
    return too_long || surrogate || beyond ? 0 : length;
}

/* Of a well-formed character. */
static unsigned code_point(const unsigned char *p, size_t length) {
    if (length == 1) {
        return p[0];
    }
    unsigned code = p[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        code = code << 6 | (p[i] & 0x3Fu);
    }
    return code;
}

bool str_is_utf8(const char *data, size_t size) {
    const unsigned char *p = (const unsigned char *)data;
    for (size_t i = 0; i < size;) {
        size_t length = p[i] == 0 ? 0 : character_size(p + i, size - i);
        if (length == 0) {
            return false;
        }
        i += length;
    }
    return true;
}

size_t str_utf8_cut(const char *data, size_t size, size_t limit) {
    const unsigned char *p = (const unsigned char *)data;
    if (size <= limit) {
        return size;
    }
    for (size_t back = 1; back <= 3 && back <= limit && is_continuation(p[limit - back + 1]); back++) {
        size_t start = limit - back;
        if (!is_continuation(p[start])) {
            return character_size(p + start, size - start) > back ? start : limit;
        }
    }
    return limit;
}

/* The number of bytes of the escape sequence whose introducer has been read (ECMA-48). A sequence that is
 * broken off ends where it breaks; a string ends at the end of the line at the latest, so that it cannot hide
 * the lines behind it. */
static size_t csi_size(const unsigned char *p, size_t size) {
    size_t i = 0;
    while (i < size && p[i] >= 0x20 && p[i] <= 0x3F) {
        i++;
    }
    return i < size && p[i] >= 0x40 && p[i] <= 0x7E ? i + 1 : i;
}

static size_t string_size(const unsigned char *p, size_t size) {
    for (size_t i = 0; i < size; i++) {
        if (p[i] == '\n') {
            return i;
        }
        if (p[i] == '\a') {
            return i + 1;
        }
        bool terminator = i + 1 < size && ((p[i] == 0x1B && p[i + 1] == '\\') || (p[i] == 0xC2 && p[i + 1] == 0x9C));
        if (terminator) {
            return i + 2;
        }
    }
    return size;
}

static size_t escape_size(const unsigned char *p, size_t size) {
    if (size == 0) {
        return 0;
    }
    if (p[0] == '[') {
        return 1 + csi_size(p + 1, size - 1);
    }
    if (strchr("]PX^_", p[0]) != NULL && p[0] != 0) {
        return 1 + string_size(p + 1, size - 1);
    }
    size_t i = 0;
    while (i < size && p[i] >= 0x20 && p[i] <= 0x2F) {
        i++;
    }
    return i < size && p[i] >= 0x30 && p[i] <= 0x7E ? i + 1 : i;
}

/* Behind a control character; the single-byte forms of C1 (U+0080 to U+009F) are introducers too. */
static size_t sequence_size(unsigned code, const unsigned char *p, size_t size) {
    switch (code) {
    case 0x1B:
        return escape_size(p, size);
    case 0x9B:
        return csi_size(p, size);
    case 0x90:
    case 0x98:
    case 0x9D:
    case 0x9E:
    case 0x9F:
        return string_size(p, size);
    default:
        return 0;
    }
}

static bool is_control(unsigned code) {
    return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

static bool is_bidirectional(unsigned code) {
    return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
           (code >= 0x2066 && code <= 0x2069);
}

void str_show(struct buf *out, const char *data, size_t size) {
    const unsigned char *p = (const unsigned char *)data;
    for (size_t i = 0; i < size;) {
        size_t length = character_size(p + i, size - i);
        if (length == 0) {
            buf_adds(out, REPLACEMENT);
            i++;
            continue;
        }
        unsigned code = code_point(p + i, length);
        if (is_bidirectional(code)) {
            buf_printf(out, "<U+%04X>", code);
        } else if (code == '\n' || code == '\t' || !is_control(code)) {
            buf_add(out, data + i, length);
        } else {
            i += sequence_size(code, p + i + length, size - i - length);
        }
        i += length;
    }
}

void str_json(struct buf *out, const char *data, size_t size) {
    static const char short_names[] = "\b\f\n\r\t\"\\";
    const unsigned char *p = (const unsigned char *)data;
    buf_addc(out, '"');
    for (size_t i = 0; i < size;) {
        size_t length = character_size(p + i, size - i);
        if (length == 0) {
            buf_adds(out, REPLACEMENT);
            i++;
            continue;
        }
        unsigned code = code_point(p + i, length);
        const char *name = code != 0 && code < 0x80 ? strchr(short_names, (int)code) : NULL;
        if (name != NULL) {
            buf_addc(out, '\\');
            buf_addc(out, "bfnrt\"\\"[name - short_names]);
        } else if (is_control(code)) {
            buf_printf(out, "\\u%04x", code);
        } else {
            buf_add(out, data + i, length);
        }
        i += length;
    }
    buf_addc(out, '"');
}

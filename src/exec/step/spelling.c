#include "spelling.h"

#include <stdlib.h>
#include <string.h>

typedef bool spelling_sink(void *user, const char *bytes, size_t size);

static bool value_spell(const char *value, size_t size, spelling_sink *each, void *user);

/* The first and last characters of a line that programs are likely to strip. */
static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

bool spelling_each(const char *value, size_t size, spelling_sink *each, void *user) {
    const char *end = value + size;

    if (!value_spell(value, size, each, user)) {
        return false;
    }
    for (const char *line = value; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *next = newline ? newline + 1 : end;
        const char *last = newline ? newline : end;
        while (line < last && is_blank(*line)) {
            line++;
        }
        while (last > line && is_blank(last[-1])) {
            last--;
        }
        size_t line_size = (size_t)(last - line);
        if (line_size > 0 && line_size < size && !value_spell(line, line_size, each, user)) {
            return false;
        }
        line = next;
    }
    return true;
}

/* Writes how one byte of a value is spelled and returns the size, at most 6. */
typedef size_t byte_spelling(char *out, unsigned char byte);

static size_t put(char *out, const char *text) {
    size_t size = strlen(text);
    memcpy(out, text, size);
    return size;
}

static size_t put_byte(char *out, unsigned char byte) {
    out[0] = (char)byte;
    return 1;
}

static size_t put_hex(char *out, const char *digits, unsigned char byte) {
    out[0] = digits[byte >> 4];
    out[1] = digits[byte & 15];
    return 2;
}

static const char hex_digits[] = "0123456789abcdef";
static const char hex_capitals[] = "0123456789ABCDEF";

static size_t spell_plain(char *out, unsigned char byte) {
    return put_byte(out, byte);
}

static size_t spell_hex(char *out, unsigned char byte) {
    return put_hex(out, hex_digits, byte);
}

static size_t spell_hex_capitals(char *out, unsigned char byte) {
    return put_hex(out, hex_capitals, byte);
}

static bool is_alphanumeric(unsigned char byte) {
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
}

static size_t spell_url(char *out, unsigned char byte, const char *safe, const char *digits) {
    if (is_alphanumeric(byte) || (byte != '\0' && strchr(safe, byte))) {
        return put_byte(out, byte);
    }
    out[0] = '%';
    return 1 + put_hex(out + 1, digits, byte);
}

/* As RFC 3986 says, and curl does. */
static size_t spell_url_strict(char *out, unsigned char byte) {
    return spell_url(out, byte, "-._~", hex_capitals);
}

static size_t spell_url_small(char *out, unsigned char byte) {
    return spell_url(out, byte, "-._~", hex_digits);
}

/* As encodeURIComponent of JavaScript does. */
static size_t spell_url_component(char *out, unsigned char byte) {
    return spell_url(out, byte, "-._~!*'()", hex_capitals);
}

/* As quote of Python does, which leaves slashes. */
static size_t spell_url_path(char *out, unsigned char byte) {
    return spell_url(out, byte, "-._~/", hex_capitals);
}

/* As an HTML form does. */
static size_t spell_url_form(char *out, unsigned char byte) {
    return byte == ' ' ? put(out, "+") : spell_url(out, byte, "-._*", hex_capitals);
}

static size_t put_json_code(char *out, unsigned code) {
    size_t size = put(out, "\\u");
    size += put_hex(out + size, hex_digits, (unsigned char)(code >> 8));
    return size + put_hex(out + size, hex_digits, (unsigned char)(code & 0xff));
}

static size_t spell_json(char *out, unsigned char byte) {
    static const char named[] = "\b\f\n\r\t\"\\";
    static const char *const names[] = {"\\b", "\\f", "\\n", "\\r", "\\t", "\\\"", "\\\\"};
    const char *found = byte == '\0' ? NULL : strchr(named, byte);

    if (found) {
        return put(out, names[found - named]);
    }
    return byte < 0x20 ? put_json_code(out, byte) : put_byte(out, byte);
}

/* As PHP does. */
static size_t spell_json_slash(char *out, unsigned char byte) {
    return byte == '/' ? put(out, "\\/") : spell_json(out, byte);
}

/* As Go does, which keeps strings safe to put into HTML. */
static size_t spell_json_html(char *out, unsigned char byte) {
    return byte == '<' || byte == '>' || byte == '&' ? put_json_code(out, byte) : spell_json(out, byte);
}

/* Within single quotes: as bash does, and its `set -x`. */
static size_t spell_shell_single(char *out, unsigned char byte) {
    return byte == '\'' ? put(out, "'\\''") : put_byte(out, byte);
}

/* Within single quotes: as dash and Python do. */
static size_t spell_shell_mixed(char *out, unsigned char byte) {
    return byte == '\'' ? put(out, "'\"'\"'") : put_byte(out, byte);
}

static size_t spell_shell_double(char *out, unsigned char byte) {
    size_t size = byte != '\0' && strchr("$`\"\\", byte) ? put(out, "\\") : 0;
    return size + put_byte(out + size, byte);
}

/* As printf %q of bash does. */
static size_t spell_shell_backslash(char *out, unsigned char byte) {
    bool is_bare = byte >= 0x80 || is_alphanumeric(byte) || (byte != '\0' && strchr("%+-./:=@_", byte));
    size_t size = is_bare ? 0 : put(out, "\\");
    return size + put_byte(out + size, byte);
}

/* Within $'...', as bash does when a value has control characters. */
static size_t spell_shell_ansi(char *out, unsigned char byte) {
    static const char named[] = "\a\b\f\n\r\t\v\033'\\";
    static const char *const names[] = {"\\a", "\\b", "\\f", "\\n", "\\r", "\\t", "\\v", "\\E", "\\'", "\\\\"};
    const char *found = byte == '\0' ? NULL : strchr(named, byte);

    if (found) {
        return put(out, names[found - named]);
    }
    if (byte >= 0x20 && byte < 0x7f) {
        return put_byte(out, byte);
    }
    out[0] = '\\';
    out[1] = (char)('0' + (byte >> 6));
    out[2] = (char)('0' + ((byte >> 3) & 7));
    out[3] = (char)('0' + (byte & 7));
    return 4;
}

static byte_spelling *const byte_spellings[] = {
    spell_plain,       spell_hex,           spell_hex_capitals,    spell_url_strict,
    spell_url_small,   spell_url_component, spell_url_path,        spell_url_form,
    spell_json,        spell_json_slash,    spell_json_html,       spell_shell_single,
    spell_shell_mixed, spell_shell_double,  spell_shell_backslash, spell_shell_ansi,
};

enum { SPELLED_MAX = 6 }; /* bytes of any spelling for one byte of a value */

/*
 * Takes one character of UTF-8 and returns its size; a byte that begins none counts as itself. Overlong forms need
 * no care: they are no text that a JSON writer would take.
 */
static size_t utf8_take(const unsigned char *at, size_t size, unsigned *ret_code) {
    size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : at[0] >= 0xc0 ? 2 : 1;
    unsigned code = length == 1 ? at[0] : at[0] & (0x7fU >> length);

    for (size_t i = 1; i < length; i++) {
        if (i >= size || (at[i] & 0xc0) != 0x80) {
            *ret_code = at[0];
            return 1;
        }
        code = code << 6 | (at[i] & 0x3f);
    }
    *ret_code = code;
    return length;
}

/* As a JSON writer that stays within ASCII does, Python's for one. */
static size_t json_ascii_spell(char *out, const unsigned char *value, size_t size) {
    size_t spelled = 0;
    unsigned code;

    for (size_t i = 0; i < size;) {
        i += utf8_take(value + i, size - i, &code);
        if (code < 0x80) {
            spelled += spell_json(out + spelled, (unsigned char)code);
        } else if (code < 0x10000) {
            spelled += put_json_code(out + spelled, code);
        } else {
            spelled += put_json_code(out + spelled, 0xd800 + (((code - 0x10000) >> 10) & 0x3ff));
            spelled += put_json_code(out + spelled, 0xdc00 + (code & 0x3ff));
        }
    }
    return spelled;
}

static const char base64_standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* The programs base64 and openssl break lines after so many characters. */
static const size_t base64_widths[] = {76, 64};

/* Encodes `before` unknown bytes (as zeros), then the value, without padding; a last character may be incomplete. */
static size_t base64_encode(char *out, const char *alphabet, size_t before, const unsigned char *value, size_t size) {
    unsigned bits = 0;
    unsigned bit_count = 0;
    size_t spelled = 0;

    for (size_t i = 0; i < before + size; i++) {
        bits = bits << 8 | (i < before ? 0 : value[i - before]);
        for (bit_count += 8; bit_count >= 6; bit_count -= 6) {
            out[spelled++] = alphabet[bits >> (bit_count - 6) & 63];
        }
        bits &= (1U << bit_count) - 1;
    }
    if (bit_count > 0) {
        out[spelled++] = alphabet[bits << (6 - bit_count) & 63];
    }
    return spelled;
}

static size_t base64_pad(char *out, size_t size) {
    while (size % 4 != 0) {
        out[size++] = '=';
    }
    return size;
}

static size_t smaller(size_t a, size_t b) {
    return a < b ? a : b;
}

/*
 * The characters that depend on the value alone, and the ones with the incomplete last character and its padding
 * that come out when nothing follows the value.
 */
static bool base64_spell(const char *alphabet, size_t before, const unsigned char *value, size_t size, char *out,
                         spelling_sink *each, void *user) {
    size_t spelled = base64_encode(out, alphabet, before, value, size);
    size_t whole = (before + size) * 8 / 6;
    size_t start = (before * 8 + 5) / 6;

    if (!each(user, out + start, whole > start ? whole - start : 0)) {
        return false;
    }
    if (whole == spelled) {
        return true;
    }
    return each(user, out + start, base64_pad(out, spelled) - start);
}

/* The lines of a value encoded by itself, the last one with and without what ends it. */
static bool base64_lines_spell(const unsigned char *value, size_t size, char *out, spelling_sink *each, void *user) {
    size_t whole = size * 8 / 6;
    size_t spelled = base64_pad(out, base64_encode(out, base64_standard, 0, value, size));

    for (size_t i = 0; i < sizeof base64_widths / sizeof base64_widths[0]; i++) {
        size_t width = base64_widths[i];
        for (size_t start = 0; start < whole; start += width) {
            if (!each(user, out + start, smaller(width, whole - start)) ||
                !each(user, out + start, smaller(width, spelled - start))) {
                return false;
            }
        }
    }
    return true;
}

static bool value_spell(const char *value, size_t size, spelling_sink *each, void *user) {
    const unsigned char *bytes = (const unsigned char *)value;
    char *out = malloc(size * SPELLED_MAX + 8);
    bool ok = out != NULL;

    for (size_t i = 0; ok && i < sizeof byte_spellings / sizeof byte_spellings[0]; i++) {
        size_t spelled = 0;
        for (size_t j = 0; j < size; j++) {
            spelled += byte_spellings[i](out + spelled, bytes[j]);
        }
        ok = each(user, out, spelled);
    }
    ok = ok && each(user, out, json_ascii_spell(out, bytes, size));
    for (size_t before = 0; ok && before < 3; before++) {
        ok = base64_spell(base64_standard, before, bytes, size, out, each, user) &&
             base64_spell(base64_url, before, bytes, size, out, each, user);
    }
    ok = ok && base64_lines_spell(bytes, size, out, each, user);
    free(out);
    return ok;
}

#include "base/log.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

enum { SECRET_MIN = 6, LINE_MIN = 16 };

static struct form {
    char *text; /* owned */
    size_t size;
} * forms; /* owned; grows, never shrinks: a secret stays one after the configuration has changed */
static size_t form_count;
static bool begins_form[256]; /* by the first byte */

static void add_form(const char *text, size_t size) {
    for (size_t i = 0; i < form_count; i++) {
        if (forms[i].size == size && memcmp(forms[i].text, text, size) == 0) {
            return;
        }
    }
    forms = mem_grow(forms, form_count + 1, sizeof *forms);
    forms[form_count++] = (struct form){.text = mem_strndup(text, size), .size = size};
    begins_form[(unsigned char)text[0]] = true;
}

/* Inside longer text that is base64, the secret begins at one of three places in a group of three bytes. The
 * digits that depend on no neighbour are searched for, and one more for a secret that nothing follows. */
static void add_base64(const char *secret, size_t size, const char *digits) {
    struct buf text = BUF_INIT(2 * (size + 4));
    for (size_t shift = 0; shift < 3; shift++) {
        const size_t end = (shift + size) * 8;
        buf_clear(&text);
        for (size_t bit = (shift * 8 + 5) / 6 * 6; bit < end; bit += 6) {
            if (bit + 6 > end) {
                add_form(text.data, text.size);
            }
            size_t at = bit / 8 - shift;
            unsigned high = (unsigned char)secret[at];
            unsigned low = at + 1 < size ? (unsigned char)secret[at + 1] : 0;
            buf_addc(&text, digits[(high << 8 | low) >> (10 - bit % 8) & 63]);
        }
        add_form(text.data, text.size);
    }
    buf_finish(&text);
}

static void add_percent(const char *secret, size_t size, const char *digits) {
    struct buf text = BUF_INIT(3 * size);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)secret[i];
        if (c < 0x80 && (isalnum(c) || strchr("-._~", c) != NULL)) {
            buf_addc(&text, (char)c);
        } else {
            buf_addc(&text, '%');
            buf_addc(&text, digits[c >> 4]);
            buf_addc(&text, digits[c & 15]);
        }
    }
    add_form(text.data, text.size);
    buf_finish(&text);
}

/* Of a key in a file, somebody may show only a part; its lines are told from other words if they are long. */
static void add_lines(const char *secret) {
    static const char line_ends[] = "\r\n";
    for (const char *line = secret; *line != '\0'; line += strspn(line, line_ends)) {
        size_t size = strcspn(line, line_ends);
        if (size >= LINE_MIN) {
            add_form(line, size);
        }
        line += size;
    }
}

void log_mask(const char *secret) {
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char base64_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t size = secret == NULL ? 0 : strlen(secret);
    if (size < SECRET_MIN) {
        return; /* so short a text would be found everywhere */
    }
    add_form(secret, size);
    add_lines(secret);
    add_base64(secret, size, base64);
    add_base64(secret, size, base64_url);
    add_percent(secret, size, "0123456789ABCDEF");
    add_percent(secret, size, "0123456789abcdef");
}

void log_mask_text(struct buf *out, const char *text, size_t size) {
    size_t covered = 0; /* up to here by a secret */
    for (size_t i = 0; i < size; i++) {
        size_t longest = 0;
        for (size_t j = 0; begins_form[(unsigned char)text[i]] && j < form_count; j++) {
            size_t length = forms[j].size;
            if (length > longest && length <= size - i && memcmp(forms[j].text, text + i, length) == 0) {
                longest = length;
            }
        }
        if (i + longest > covered && longest > 0) {
            if (i >= covered) {
                buf_adds(out, "***");
            }
            covered = i + longest;
        }
        if (i >= covered) {
            buf_addc(out, text[i]);
        }
    }
}

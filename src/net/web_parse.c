#include "web_parse.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Decodes in place. An escaped control character is as bad as a plain one: nothing behind this may meet a NUL or a
 * line end in a name. */
static bool decode(char *text, bool plus_is_blank) {
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        char c = *from;
        if (c == '+' && plus_is_blank) {
            c = ' ';
        } else if (c == '%') {
            int high = hex_value(from[1]);
            int low = high < 0 ? -1 : hex_value(from[2]);
            if (low < 0) {
                return false;
            }
            c = (char)(high * 16 + low);
            from += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f) {
            return false;
        }
        *to++ = c;
    }
    *to = '\0';
    return true;
}

char *web_parse_path(const char *target) {
    if (target[0] != '/' || strchr(target, '#') != NULL) {
        return NULL;
    }
    char *path = mem_strndup(target, strcspn(target, "?"));
    if (!decode(path, false) || !str_is_utf8(path, strlen(path))) {
        mem_free(path);
        return NULL;
    }
    return path;
}

/* Cuts the text at each separator, and each piece at its first '='. */
static void cut(struct web_pairs *pairs, const char *text, char separator) {
    size_t most = 1;
    for (const char *c = text; *c != '\0'; c++) {
        most += *c == separator;
    }
    pairs->text = mem_strdup(text);
    pairs->items = mem_array(most, sizeof *pairs->items);
    pairs->count = 0;
    for (char *piece = pairs->text; piece != NULL;) {
        char *end = strchr(piece, separator);
        if (end != NULL) {
            *end++ = '\0';
        }
        while (separator == ';' && *piece == ' ') {
            piece++;
        }
        char *value = strchr(piece, '=');
        if (value != NULL) {
            *value++ = '\0';
        }
        if (piece[0] != '\0') {
            pairs->items[pairs->count++] = (struct web_pair){piece, value != NULL ? value : piece + strlen(piece)};
        }
        piece = end;
    }
}

bool web_parse_query(struct web_pairs *pairs, const char *target) {
    const char *query = strchr(target, '?');
    cut(pairs, query == NULL ? "" : query + 1, '&');
    for (size_t i = 0; i < pairs->count; i++) {
        if (!decode((char *)pairs->items[i].name, true) || !decode((char *)pairs->items[i].value, true)) {
            return false;
        }
    }
    return true;
}

void web_parse_cookies(struct web_pairs *pairs, const char *header) {
    cut(pairs, header, ';');
}

const char *web_parse_find(const struct web_pairs *pairs, const char *name) {
    for (size_t i = 0; i < pairs->count; i++) {
        if (str_equal(pairs->items[i].name, name)) {
            return pairs->items[i].value;
        }
    }
    return NULL;
}

void web_parse_finish(struct web_pairs *pairs) {
    mem_free(pairs->text);
    mem_free(pairs->items);
    *pairs = (struct web_pairs){0};
}

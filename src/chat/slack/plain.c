#include "plain.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

enum kind { KIND_TEXT, KIND_BLANK, KIND_INVISIBLE };

/* U+2000 to U+206F and a few more, as they come out of word processors, web pages and chat clients. The joiners U+200C
 * and U+200D are left alone: words of some languages need them. */
static const struct {
    unsigned first, last;
    enum kind kind;
} SPECIALS[] = {
    {0x00A0, 0x00A0, KIND_BLANK},     /* no-break space */
    {0x00AD, 0x00AD, KIND_INVISIBLE}, /* soft hyphen */
    {0x2000, 0x200A, KIND_BLANK},     /* typographic spaces */
    {0x200B, 0x200B, KIND_INVISIBLE}, /* zero-width space */
    {0x200E, 0x200F, KIND_INVISIBLE}, /* direction marks */
    {0x2028, 0x2029, KIND_BLANK},     /* line and paragraph separator */
    {0x202A, 0x202E, KIND_INVISIBLE}, /* direction embeddings */
    {0x202F, 0x202F, KIND_BLANK},     /* narrow no-break space */
    {0x205F, 0x205F, KIND_BLANK},     /* mathematical space */
    {0x2060, 0x2064, KIND_INVISIBLE}, /* word joiner, invisible operators */
    {0x2066, 0x2069, KIND_INVISIBLE}, /* direction isolates */
    {0x3000, 0x3000, KIND_BLANK},     /* ideographic space */
    {0xFEFF, 0xFEFF, KIND_INVISIBLE}, /* byte order mark */
};

/* The character of two or three bytes at `at`; 0 for any other. The text is UTF-8, as all JSON that was read. */
static unsigned wide_at(const char *at, size_t *ret_size) {
    unsigned a = (unsigned char)at[0];
    size_t size = a >= 0xC0 && a < 0xE0 ? 2 : a >= 0xE0 && a < 0xF0 ? 3 : 0;
    unsigned wide = size == 2 ? a & 0x1FU : a & 0x0FU;
    for (size_t i = 1; i < size; i++) {
        unsigned next = (unsigned char)at[i];
        if ((next & 0xC0U) != 0x80U) {
            return 0;
        }
        wide = wide << 6 | (next & 0x3FU);
    }
    if (size > 0) {
        *ret_size = size;
    }
    return size > 0 ? wide : 0;
}

static enum kind kind_at(const char *at, size_t *ret_size) {
    unsigned char byte = (unsigned char)*at;
    *ret_size = 1;
    if (byte < 0x80) {
        return byte != '\0' && (byte <= ' ' || byte == 0x7F) ? KIND_BLANK : KIND_TEXT;
    }
    unsigned wide = wide_at(at, ret_size);
    for (size_t i = 0; i < sizeof SPECIALS / sizeof *SPECIALS; i++) {
        if (wide >= SPECIALS[i].first && wide <= SPECIALS[i].last) {
            return SPECIALS[i].kind;
        }
    }
    return KIND_TEXT;
}

size_t plain_skip(const char *text) {
    const char *at = text;
    size_t size;
    while (kind_at(at, &size) != KIND_TEXT) {
        at += size;
    }
    return (size_t)(at - text);
}

/* Appends text without tags. What is written is never longer than what is read. */
static char *put_text(char *out, const char *at, const char *end) {
    static const struct {
        const char *entity;
        char c;
    } ENTITIES[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}};
    while (at < end) {
        size_t size;
        enum kind kind = kind_at(at, &size);
        char c = kind == KIND_BLANK && size > 1 ? ' ' : '\0';
        for (size_t i = 0; *at == '&' && i < sizeof ENTITIES / sizeof *ENTITIES; i++) {
            if (str_starts(at, ENTITIES[i].entity)) {
                c = ENTITIES[i].c;
                size = strlen(ENTITIES[i].entity);
            }
        }
        if (c != '\0') {
            *out++ = c;
        } else if (kind != KIND_INVISIBLE) {
            memcpy(out, at, size);
            out += size;
        }
        at += size;
    }
    return out;
}

/* What <...> stands for. Both ends are of its inside; label is what follows the first |, or NULL. */
static char *put_tag(char *out, const char *start, const char *end) {
    const char *bar = memchr(start, '|', (size_t)(end - start));
    const char *label = bar && bar + 1 < end ? bar + 1 : NULL;
    const char *stop = bar ? bar : end;
    if (*start == '@' || (*start == '!' && !label && memchr(start, '^', (size_t)(end - start)))) {
        memcpy(out, start - 1, (size_t)(end - start) + 2);
        return out + (end - start) + 2;
    }
    if (label) {
        return put_text(out, label, end);
    }
    if (*start == '!') {
        *out++ = '@';
        return put_text(out, start + 1, stop);
    }
    return put_text(out, str_starts(start, "mailto:") ? start + strlen("mailto:") : start + (*start == '#'), stop);
}

/* A bullet of a list, of which the command is the only item. */
static bool drop_bullet(char **text) {
    static const char *const BULLETS[] = {"-", "*", "\xE2\x80\xA2", "\xE2\x97\xA6", "\xE2\x96\xAA"};
    for (size_t i = 0; i < sizeof BULLETS / sizeof *BULLETS; i++) {
        size_t size = strlen(BULLETS[i]);
        if (str_starts(*text, BULLETS[i]) && (*text)[size] == ' ') {
            *text += size + plain_skip(*text + size);
            return true;
        }
    }
    return false;
}

/* Marks of code or of bold print, as around the whole and as around its beginning only: `retry 42` -- disk is full */
static bool drop_marks(char **text) {
    char mark[] = {**text, '\0'};
    if (*mark != '`' && *mark != '*') {
        return false;
    }
    size_t size = strspn(*text, mark), run = 0;
    char *inside = *text + size;
    char *close = strchr(inside, *mark);
    while (close && (run = strspn(close, mark)) < size) {
        close = strchr(close + run, *mark);
    }
    if (!close) {
        return false;
    }
    memmove(close, close + size, strlen(close + size) + 1);
    *text = inside + plain_skip(inside);
    return true;
}

static void cut_blanks(char *text) {
    size_t size = strlen(text);
    while (size > 0 && (unsigned char)text[size - 1] <= ' ') {
        size--;
    }
    text[size] = '\0';
}

char *plain_text(const char *text, struct arena *arena) {
    enum { LAYERS = 3 }; /* a bullet, bold, code: more is not worth the time that a hostile text would take */
    char *plain = arena_alloc(arena, strlen(text) + 1);
    char *out = plain;
    for (const char *at = text; *at;) {
        size_t size = strcspn(at, "<");
        out = put_text(out, at, at + size);
        at += size;
        size = *at ? strcspn(at + 1, "<>") : 0; /* inside of the tag */
        if (size > 0 && at[1 + size] == '>') {
            out = put_tag(out, at + 1, at + 1 + size);
            at += size + 2;
        } else if (*at) {
            *out++ = *at++;
        }
    }
    *out = '\0';
    plain += plain_skip(plain);
    for (int i = 0; i < LAYERS && (drop_bullet(&plain) || drop_marks(&plain)); i++) {
    }
    cut_blanks(plain);
    return plain;
}

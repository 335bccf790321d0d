#include "text.h"

#include <string.h>

#include "base/str.h"

#define CUT "…"

/* --- characters of well-formed text ------------------------------------------------------------------------------ */

static size_t character_size(const char *p) {
    unsigned char first = (unsigned char)*p;
    return first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

static const char *escape(char c, enum text_kind kind) {
    if (kind == TEXT_PLAIN) {
        return NULL;
    }
    return c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;" : NULL;
}

/* In UTF-16 units, as it is written. */
static size_t character_cost(const char *p, enum text_kind kind) {
    const char *escaped = escape(*p, kind);
    return escaped != NULL ? strlen(escaped) : character_size(p) == 4 ? 2 : 1;
}

size_t text_fit(const char *data, size_t size, enum text_kind kind, size_t limit) {
    size_t units = 0, i = 0;
    while (i < size) {
        units += character_cost(data + i, kind);
        if (units > limit) {
            return i;
        }
        i += character_size(data + i);
    }
    return size;
}

/* Where the longest end of at most `limit` units begins. */
static size_t fit_end(const char *data, size_t size, enum text_kind kind, size_t limit) {
    size_t units = 0, i = size;
    while (i > 0) {
        size_t before = i - 1;
        while (((unsigned char)data[before] & 0xC0) == 0x80) {
            before--;
        }
        units += character_cost(data + before, kind);
        if (units > limit) {
            return i;
        }
        i = before;
    }
    return 0;
}

static void add_escaped(struct buf *out, const char *data, size_t size, enum text_kind kind) {
    for (size_t i = 0; i < size; i++) {
        const char *escaped = escape(data[i], kind);
        if (escaped != NULL) {
            buf_adds(out, escaped);
        } else {
            buf_addc(out, data[i]);
        }
    }
}

/* Harmless, on one line if wanted; the caller finishes it. */
static struct buf make_harmless(const char *outside, bool one_line) {
    size_t size = outside == NULL ? 0 : strlen(outside);
    struct buf shown = BUF_INIT(size * 3 + 64);
    str_show(&shown, outside == NULL ? "" : outside, size);
    for (size_t i = 0; i < shown.size && one_line; i++) {
        if (shown.data[i] == '\n' || shown.data[i] == '\t') {
            shown.data[i] = ' ';
        }
    }
    return shown;
}

/* --- a text that grows ------------------------------------------------------------------------------------------ */

void text_begin(struct text *text, enum text_kind kind, size_t limit) {
    *text = (struct text){.kind = kind, .left = limit - 1};
    buf_init(&text->buf, limit * 4 + sizeof CUT);
}

void text_finish(struct text *text) {
    buf_finish(&text->buf);
}

static void cut_here(struct text *text) {
    if (!text->cut) {
        buf_adds(&text->buf, CUT);
        text->cut = true;
        text->left = 0;
    }
}

/* Of harmless bytes as many as fit. */
static void add_harmless(struct text *text, const char *data, size_t size) {
    if (text->cut) {
        return;
    }
    size_t fits = text_fit(data, size, text->kind, text->left);
    for (size_t i = 0; i < fits; i += character_size(data + i)) {
        text->left -= character_cost(data + i, text->kind);
    }
    add_escaped(&text->buf, data, fits, text->kind);
    if (fits < size) {
        cut_here(text);
    }
}

void text_add(struct text *text, const char *outside) {
    struct buf shown = make_harmless(outside, false);
    add_harmless(text, shown.data, shown.size);
    buf_finish(&shown);
}

void text_line(struct text *text, const char *outside) {
    struct buf shown = make_harmless(outside, true);
    add_harmless(text, shown.data, shown.size);
    buf_finish(&shown);
}

void text_markup(struct text *text, const char *markup) {
    size_t size = strlen(markup);
    if (text->cut) {
        return;
    }
    if (text_fit(markup, size, TEXT_PLAIN, text->left) < size) {
        cut_here(text);
        return;
    }
    for (size_t i = 0; i < size; i += character_size(markup + i)) {
        text->left -= character_cost(markup + i, TEXT_PLAIN);
    }
    buf_add(&text->buf, markup, size);
}

void text_bold(struct text *text, const char *outside) {
    struct buf shown = make_harmless(outside, true);
    bool can = text->kind == TEXT_MRKDWN && shown.size > 0 && strchr(shown.data, '*') == NULL && shown.data[0] != ' ' &&
               shown.data[shown.size - 1] != ' ' && text->left > 2 && !text->cut;
    if (can) {
        text->left -= 2;
        buf_addc(&text->buf, '*');
    }
    add_harmless(text, shown.data, shown.size);
    if (can) {
        buf_addc(&text->buf, '*');
    }
    buf_finish(&shown);
}

/* How long the address is that begins here; 0 = none. */
static size_t address_size(const char *word) {
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t scheme = strlen(schemes[i]);
        if (strncmp(word, schemes[i], scheme) == 0) {
            size_t size = strcspn(word, " <>|\"`");
            while (size > scheme && strchr(".,;:!?)'*_~", word[size - 1]) != NULL) {
                size--;
            }
            return size > scheme ? size : 0;
        }
    }
    return 0;
}

void text_linked(struct text *text, const char *outside) {
    struct buf shown = make_harmless(outside, true);
    size_t done = 0;
    for (size_t i = 0; i < shown.size && text->kind == TEXT_MRKDWN; i++) {
        size_t size = i == 0 || shown.data[i - 1] == ' ' ? address_size(shown.data + i) : 0;
        if (size > 0) {
            struct buf link = BUF_INIT(size * 5 + 3);
            buf_addc(&link, '<');
            add_escaped(&link, shown.data + i, size, TEXT_MRKDWN);
            buf_addc(&link, '>');
            add_harmless(text, shown.data + done, i - done);
            text_markup(text, link.data);
            buf_finish(&link);
            done = i + size;
            i = done - 1;
        }
    }
    add_harmless(text, shown.data + done, shown.size - done);
    buf_finish(&shown);
}

struct text_mark text_here(const struct text *text) {
    return (struct text_mark){.size = text->buf.size, .left = text->left, .cut = text->cut};
}

void text_back(struct text *text, struct text_mark mark) {
    text->left = mark.left;
    text->cut = mark.cut;
    if (text->buf.size > mark.size) {
        text->buf.size = mark.size;
        text->buf.data[mark.size] = '\0';
    }
}

/* --- into JSON ------------------------------------------------------------------------------------------------------- */

static bool is_blank(const char *text) {
    return text[strspn(text, " \n\t")] == '\0';
}

bool text_is_blank(const struct text *text) {
    return is_blank(text->buf.data);
}

void text_write(struct text *text, struct json_out *out, const char *key) {
    bool mrkdwn = text->kind == TEXT_MRKDWN;
    json_object_begin(out, key);
    json_add_string(out, "type", mrkdwn ? "mrkdwn" : "plain_text");
    json_add_string(out, "text", text_is_blank(text) ? "-" : text->buf.data);
    /* Nothing in it is taken for a mention, a link or an emoji that was not written as one. */
    json_add_bool(out, mrkdwn ? "verbatim" : "emoji", mrkdwn);
    json_object_end(out);
    text_finish(text);
}

void text_write_plain(const char *outside, size_t limit, struct json_out *out, const char *key) {
    struct text text;
    text_begin(&text, TEXT_PLAIN, limit);
    text_line(&text, outside);
    text_write(&text, out, key);
}

void text_write_message(const char *outside, size_t limit, struct json_out *out, const char *key) {
    struct buf shown = make_harmless(outside, false), message = BUF_INIT(limit * 4);
    size_t head = text_fit(shown.data, shown.size, TEXT_MRKDWN, limit);
    size_t tail = shown.size;
    if (head < shown.size) {
        head = text_fit(shown.data, shown.size, TEXT_MRKDWN, limit * 2 / 3);
        tail = fit_end(shown.data, shown.size, TEXT_MRKDWN, limit - limit * 2 / 3 - 3);
    }
    add_escaped(&message, shown.data, head, TEXT_MRKDWN);
    if (head < shown.size) {
        buf_adds(&message, " " CUT " ");
        add_escaped(&message, shown.data + tail, shown.size - tail, TEXT_MRKDWN);
    }
    json_add_string(out, key, is_blank(message.data) ? "-" : message.data);
    buf_finish(&message);
    buf_finish(&shown);
}

void text_tail(const char *outside, size_t limit, struct buf *out) {
    struct buf shown = make_harmless(outside, false);
    size_t size = shown.size;
    while (size > 0 && strchr(" \n\t", shown.data[size - 1]) != NULL) {
        size--;
    }
    size_t from = fit_end(shown.data, size, TEXT_PLAIN, limit);
    if (from > 0) {
        from = fit_end(shown.data, size, TEXT_PLAIN, limit - 2);
        const char *line = memchr(shown.data + from - 1, '\n', size - from + 1);
        buf_adds(out, line != NULL ? CUT "\n" : CUT);
        from = line != NULL ? (size_t)(line - shown.data) + 1 : from;
    }
    buf_add(out, shown.data + from, size - from);
    buf_finish(&shown);
}

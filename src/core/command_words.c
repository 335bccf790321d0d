#include "command_words.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"

enum kind { KIND_END, KIND_TEXT, KIND_BLANK, KIND_COMMA, KIND_NOTHING, KIND_SINGLE, KIND_DOUBLE, KIND_DASH };

/* What keyboards and chat clients put in the place of plain ASCII. */
static const struct {
    const char *bytes;
    enum kind kind;
} SPECIALS[] = {
    {"\xC2\xA0", KIND_BLANK},       /* U+00A0 no-break space */
    {"\xE2\x80\xAF", KIND_BLANK},   /* U+202F narrow no-break space */
    {"\xE2\x80\x8B", KIND_NOTHING}, /* U+200B zero-width space */
    {"\xE2\x81\xA0", KIND_NOTHING}, /* U+2060 word joiner */
    {"\xEF\xBB\xBF", KIND_NOTHING}, /* U+FEFF byte order mark */
    {"\xE2\x80\x98", KIND_SINGLE},  /* U+2018 */
    {"\xE2\x80\x99", KIND_SINGLE},  /* U+2019 */
    {"\xE2\x80\x9C", KIND_DOUBLE},  /* U+201C */
    {"\xE2\x80\x9D", KIND_DOUBLE},  /* U+201D */
    {"\xE2\x80\x9E", KIND_DOUBLE},  /* U+201E */
    {"\xE2\x80\x93", KIND_DASH},    /* U+2013 en dash */
    {"\xE2\x80\x94", KIND_DASH},    /* U+2014 em dash */
};

static enum kind kind_at(const char *at, size_t *ret_size) {
    unsigned char c = (unsigned char)*at;
    *ret_size = 1;
    switch (c) {
    case '\0':
        return KIND_END;
    case ',':
        return KIND_COMMA;
    case '\'':
        return KIND_SINGLE;
    case '"':
        return KIND_DOUBLE;
    default:
        if (c < 0x80) {
            return c <= ' ' || c == 0x7F ? KIND_BLANK : KIND_TEXT;
        }
    }
    for (size_t i = 0; i < sizeof SPECIALS / sizeof *SPECIALS; i++) {
        if (str_starts(at, SPECIALS[i].bytes)) {
            *ret_size = strlen(SPECIALS[i].bytes);
            return SPECIALS[i].kind;
        }
    }
    return KIND_TEXT;
}

/* Chat clients wrap what looks like an address: `<https://x|text>` was typed as text, `<https://x>` as https://x.
 * Returns the size of the whole, or 0 if there is no link here. */
static size_t link_at(const char *at, const char **ret_text, size_t *ret_size) {
    if (!str_starts(at, "<http://") && !str_starts(at, "<https://") && !str_starts(at, "<mailto:")) {
        return 0;
    }
    const char *end = strchr(at, '>');
    if (!end) {
        return 0;
    }
    const char *bar = memchr(at, '|', (size_t)(end - at));
    *ret_text = bar ? bar + 1 : at + 1;
    *ret_size = (size_t)(end - *ret_text);
    return (size_t)(end - at) + 1;
}

/* The size of a `--`, or of the long dash that a phone made of it, that stands alone as a word; else 0. */
static size_t note_mark_at(const char *at) {
    size_t size, next_size;
    if (str_starts(at, "--")) {
        size = 2;
    } else if (kind_at(at, &size) != KIND_DASH) {
        return 0;
    }
    enum kind next = kind_at(at + size, &next_size);
    return next == KIND_END || next == KIND_BLANK ? size : 0;
}

static int note_keep(const char *text, struct arena *arena, const char **ret_note, struct err *err) {
    size_t size;
    while (kind_at(text, &size) == KIND_BLANK) {
        text += size;
    }
    size = strlen(text);
    while (size > 0 && (unsigned char)text[size - 1] <= ' ') {
        size--;
    }
    if (size > LIMIT_NOTE_BYTES) {
        return err_set(err, ERR_TOO_BIG, "The note is too long: at most %d bytes are kept", (int)LIMIT_NOTE_BYTES);
    }
    *ret_note = size > 0 ? arena_strndup(arena, text, size) : NULL;
    return 0;
}

struct splitter {
    const char *at;  /* borrowed: the rest of the line */
    char *out;       /* where the next byte of a word goes; the words together are never longer than the line */
    enum kind quote; /* KIND_SINGLE or KIND_DOUBLE within quotes, else KIND_END */
    bool has_equals; /* the word is key=value */
};

static void put(struct splitter *s, const char *data, size_t size) {
    memcpy(s->out, data, size);
    s->out += size;
}

/* Takes one character of a word; false at its end. */
static bool word_step(struct splitter *s, const char *start) {
    size_t size, link_size;
    const char *link_text;
    enum kind kind = kind_at(s->at, &size);
    size_t whole = link_at(s->at, &link_text, &link_size);
    bool opens = s->out == start || s->out[-1] == '=';
    if (kind == KIND_END) {
        return false;
    }
    if (whole > 0) {
        put(s, link_text, link_size);
        size = whole;
    } else if (s->quote != KIND_END) {
        if (kind == s->quote) {
            s->quote = KIND_END;
        } else if (kind == KIND_BLANK) {
            put(s, " ", 1);
        } else if (kind != KIND_NOTHING) {
            put(s, s->at, size);
        }
    } else if (kind == KIND_BLANK || (kind == KIND_COMMA && !s->has_equals)) {
        return false;
    } else if (kind == KIND_SINGLE || kind == KIND_DOUBLE) {
        if (opens) {
            s->quote = kind;
        } else {
            put(s, kind == KIND_SINGLE ? "'" : "\"", 1);
        }
    } else if (kind == KIND_DASH && s->out == start) {
        put(s, "--", 2);
    } else if (kind != KIND_NOTHING) {
        s->has_equals |= *s->at == '=';
        put(s, s->at, size);
    }
    s->at += size;
    return true;
}

static int word_read(struct splitter *s, struct command_word *ret_word, struct err *err) {
    size_t size;
    char *start = s->out;
    enum kind first = kind_at(s->at, &size);
    s->quote = KIND_END;
    s->has_equals = false;
    while (word_step(s, start)) {
    }
    if (s->quote != KIND_END) {
        return err_set(err, ERR_INVALID, "A quote is opened and not closed; write for example: skip \"Smoke test\"");
    }
    *s->out++ = '\0';
    ret_word->text = start;
    ret_word->quoted = first == KIND_SINGLE || first == KIND_DOUBLE;
    return 0;
}

static int refuse_count(struct err *err) {
    return err_set(err, ERR_TOO_BIG, "That are too many words: a command has at most %d", (int)LIMIT_COMMAND_WORDS);
}

static int refuse_size(struct err *err) {
    return err_set(err, ERR_TOO_BIG, "That is too long: a command has at most %d bytes", (int)LIMIT_COMMAND_BYTES);
}

static int refuse_bytes(struct err *err) {
    return err_set(err, ERR_INVALID, "That is not readable text (not UTF-8); please type it again");
}

bool command_word_is(const struct command_word *word, const char *keyword) {
    return word && !word->quoted && str_equal_nocase(word->text, keyword);
}

int command_split(const char *line, struct arena *arena, struct command_line *ret_line, struct err *err) {
    size_t length = strnlen(line, (size_t)LIMIT_COMMAND_BYTES + 1);
    if (length > LIMIT_COMMAND_BYTES) {
        return refuse_size(err);
    }
    if (!str_is_utf8(line, length)) {
        return refuse_bytes(err);
    }
    struct command_line result = {0};
    struct splitter s = {.at = line, .out = arena_alloc(arena, length + 2)};
    for (;;) {
        size_t size;
        enum kind kind = kind_at(s.at, &size);
        size_t mark = note_mark_at(s.at);
        int rc = 0;
        if (kind == KIND_END) {
            break;
        } else if (kind == KIND_BLANK || kind == KIND_COMMA || kind == KIND_NOTHING) {
            s.at += size;
        } else if (mark > 0) {
            rc = note_keep(s.at + mark, arena, &result.note, err);
            s.at += strlen(s.at);
        } else if (result.count == LIMIT_COMMAND_WORDS) {
            rc = refuse_count(err);
        } else {
            result.words = arena_push(arena, result.words, result.count, sizeof *result.words);
            rc = word_read(&s, &result.words[result.count++], err);
        }
        if (rc < 0) {
            return rc;
        }
    }
    *ret_line = result;
    return 0;
}

static const char *join(const char *const *words, size_t count, struct arena *arena) {
    size_t size = 1;
    for (size_t i = 0; i < count; i++) {
        size += strlen(words[i]) + 1;
    }
    char *text = arena_alloc(arena, size);
    char *out = text;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(words[i]);
        memcpy(out, words[i], length);
        out += length;
        *out++ = ' ';
    }
    return text;
}

int command_gather(const char *const *words, size_t count, struct arena *arena, struct command_line *ret_line,
                   struct err *err) {
    struct command_line result = {0};
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = strnlen(words[i], (size_t)LIMIT_COMMAND_BYTES + 1);
        bytes += length + 1;
        if (bytes > (size_t)LIMIT_COMMAND_BYTES + 1) {
            return refuse_size(err);
        }
        if (!str_is_utf8(words[i], length)) {
            return refuse_bytes(err);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (str_equal(words[i], "--")) {
            int rc = note_keep(join(words + i + 1, count - i - 1, arena), arena, &result.note, err);
            if (rc < 0) {
                return rc;
            }
            break;
        }
        if (result.count == LIMIT_COMMAND_WORDS) {
            return refuse_count(err);
        }
        result.words = arena_push(arena, result.words, result.count, sizeof *result.words);
        result.words[result.count++] = (struct command_word){.text = arena_strdup(arena, words[i])};
    }
    *ret_line = result;
    return 0;
}

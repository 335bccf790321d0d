#include "framing.h"

#include <string.h>

static enum frame_kind line_take(struct framing *framing, struct frame *ret);

static enum frame_kind broken(struct framing *framing) {
    framing->broken = true;
    return FRAME_BROKEN;
}

static enum frame_kind output_take(struct framing *framing, const char **cursor, const char *end, struct frame *ret) {
    size_t size = (size_t)(end - *cursor);

    ret->text = *cursor;
    ret->size = framing->left < size ? (size_t)framing->left : size;
    ret->offset = framing->offset;
    *cursor += ret->size;
    framing->offset += ret->size;
    framing->left -= ret->size;
    return FRAME_OUTPUT;
}

/* Takes bytes of a line into `line`. True: it is whole, without its newline. */
static bool line_fill(struct framing *framing, const char **cursor, const char *end) {
    const char *newline = memchr(*cursor, '\n', (size_t)(end - *cursor));
    size_t size = (size_t)((newline ? newline : end) - *cursor);
    size_t room = sizeof framing->line - 1 - framing->line_size;
    size_t taken = size < room ? size : room;

    memcpy(framing->line + framing->line_size, *cursor, taken);
    framing->line_size += taken;
    framing->line[framing->line_size] = '\0';
    framing->noise += framing->greeted ? 0 : size + (newline != NULL);
    *cursor = newline ? newline + 1 : end;
    if (taken < size && framing->greeted) {
        framing->broken = true;
    }
    return newline != NULL;
}

enum frame_kind framing_next(struct framing *framing, const char **cursor, const char *end, struct frame *ret) {
    enum frame_kind kind = FRAME_NONE;

    *ret = (struct frame){.text = ""};
    if (framing->broken) {
        return FRAME_BROKEN;
    }
    while (kind == FRAME_NONE && *cursor < end) {
        if (framing->left > 0) {
            return output_take(framing, cursor, end, ret);
        }
        bool whole = line_fill(framing, cursor, end);
        if (framing->broken || framing->noise > FRAMING_NOISE_BYTES) {
            return broken(framing);
        }
        if (whole) {
            kind = line_take(framing, ret);
            framing->line_size = 0;
        }
    }
    return kind;
}

/* Takes a decimal number and moves the cursor behind it. */
static bool number_take(const char **cursor, uint64_t max, uint64_t *ret) {
    const char *at = *cursor;
    uint64_t number = 0;

    while (*at >= '0' && *at <= '9') {
        uint64_t digit = (uint64_t)(*at - '0');
        if (number > (max - digit) / 10) {
            return false;
        }
        number = number * 10 + digit;
        at++;
    }
    if (at == *cursor) {
        return false;
    }
    *cursor = at;
    *ret = number;
    return true;
}

static bool space_take(const char **cursor) {
    if (**cursor != ' ') {
        return false;
    }
    (*cursor)++;
    return true;
}

/* "guidepost 1 <boot>[ <missing> ...]". Anything else is noise of the login. */
static enum frame_kind greeting_take(struct framing *framing, struct frame *ret) {
    static const char greeting[] = "guidepost 1 ";
    const char *boot = framing->line + sizeof greeting - 1;

    if (strncmp(framing->line, greeting, sizeof greeting - 1) != 0) {
        return FRAME_NONE;
    }
    size_t size = strcspn(boot, " ");
    if (size == 0 || size >= sizeof ret->boot) {
        return broken(framing);
    }
    memcpy(ret->boot, boot, size);
    ret->boot[size] = '\0';
    ret->text = boot + size + (boot[size] == ' ');
    framing->greeted = true;
    return FRAME_HELLO;
}

/* "o <offset> <size>": an empty piece says where output goes on. */
static enum frame_kind output_begin(struct framing *framing, const char *at, struct frame *ret) {
    if (!number_take(&at, INT64_MAX, &framing->offset) || !space_take(&at) ||
        !number_take(&at, FRAMING_PIECE_BYTES, &framing->left) || *at != '\0') {
        return broken(framing);
    }
    ret->offset = framing->offset;
    return framing->left == 0 ? FRAME_OUTPUT : FRAME_NONE;
}

/* "<word> <number>" */
static enum frame_kind end_take(struct framing *framing, char *word, struct frame *ret) {
    char *space = strchr(word, ' ');
    const char *at = space ? space + 1 : "";
    uint64_t number;

    if (!space || space == word || !number_take(&at, INT64_MAX, &number) || *at != '\0') {
        return broken(framing);
    }
    *space = '\0';
    ret->text = word;
    ret->number = (int64_t)number;
    return FRAME_END;
}

/* "<errno>", and " <why>" where there is one. */
static enum frame_kind number_kind(struct framing *framing, const char *at, bool why, enum frame_kind kind,
                                   struct frame *ret) {
    uint64_t number;

    if (!number_take(&at, 1000, &number) || (why ? !space_take(&at) : *at != '\0')) {
        return broken(framing);
    }
    ret->number = (int64_t)number;
    ret->text = at;
    return kind;
}

static enum frame_kind line_take(struct framing *framing, struct frame *ret) {
    char *line = framing->line;

    if (!framing->greeted) {
        return greeting_take(framing, ret);
    }
    if (line[0] == '\0' || memchr(line, '\0', framing->line_size)) {
        return broken(framing);
    }
    if (line[1] == '\0') {
        switch (line[0]) {
        case 's':
            return FRAME_STARTED;
        case 'h':
            return FRAME_ALIVE;
        case 'v':
            return FRAME_VOID;
        default:
            return broken(framing);
        }
    }
    if (line[1] != ' ') {
        return broken(framing);
    }
    switch (line[0]) {
    case 'o':
        return output_begin(framing, line + 2, ret);
    case 'x':
        return end_take(framing, line + 2, ret);
    case 'n':
        return number_kind(framing, line + 2, true, FRAME_REFUSED, ret);
    case 'g':
        return number_kind(framing, line + 2, false, FRAME_GONE, ret);
    case 'u':
        ret->text = line + 2;
        return FRAME_UNDECIDED;
    default:
        return broken(framing);
    }
}

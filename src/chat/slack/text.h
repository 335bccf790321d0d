#ifndef GP_CHAT_SLACK_TEXT_H
#define GP_CHAT_SLACK_TEXT_H

/*
 * Text for Slack, built within a limit. Slack counts UTF-16 units; a text here never has more than its limit, is cut at the
 * border of a character and never within an escape, and shows by "…" that something is missing.
 *
 * What comes from outside goes through text_add or text_line, which make it harmless: broken UTF-8 becomes U+FFFD, control
 * characters go, and in mrkdwn & < > are escaped, so that no mention, link or date can be made by it. Only text_markup writes
 * markup, and only what the caller composed itself.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"

enum text_kind { TEXT_PLAIN, TEXT_MRKDWN };

struct text {
    struct buf buf;
    enum text_kind kind;
    size_t left;   /* units that still fit */
    bool cut;      /* something did not fit: nothing more is taken */
    char previous; /* what the last byte was, to join blanks */
};

/* Where a text was, to take back what was added since. */
struct text_mark {
    size_t size, left;
    bool cut;
};

void text_begin(struct text *text, enum text_kind kind, size_t limit);
void text_finish(struct text *text);

void text_add(struct text *text, const char *outside);  /* with its line breaks */
void text_line(struct text *text, const char *outside); /* line breaks become blanks */
/* In bold, if mrkdwn can show it so: not with a * inside or a blank at its ends. */
void text_bold(struct text *text, const char *outside);
/* As text_line, where http:// and https:// words can be followed by a click. */
void text_linked(struct text *text, const char *outside);
/* As it is, whole or not at all. */
void text_markup(struct text *text, const char *markup);

struct text_mark text_mark(const struct text *text);
void text_back(struct text *text, struct text_mark mark);

/* {"type": "mrkdwn" or "plain_text", "text": ...}, never with an empty text; ends the text. */
void text_write(struct text *text, struct json_out *out, const char *key);

/* Appends the first units of a plain text, made harmless: for the short texts of buttons and dialogs. */
void text_write_plain(const char *outside, size_t limit, struct json_out *out, const char *key);

/* A text that is too long loses its middle: what happened stands at its beginning, what to do at its end. Escaped. */
void text_write_message(const char *outside, size_t limit, struct json_out *out, const char *key);

/* Appends the last lines of an output, made harmless but not escaped, for rich text: at most `limit` units. */
void text_tail(const char *outside, size_t limit, struct buf *out);

/* UTF-16 units of well-formed text. */
size_t text_units(const char *data, size_t size);

#endif

#ifndef GP_CHAT_SLACK_TEXT_H
#define GP_CHAT_SLACK_TEXT_H

/*
 * Text for Slack, built within a limit. Slack counts UTF-16 units; a text here never has more than its limit, is cut
 * at the border of a character, never within an escape, and shows by "…" that something is missing.
 *
 * What comes from outside goes through text_add and its like, which make it harmless: broken UTF-8 becomes U+FFFD,
 * control characters go, and in mrkdwn & < > are escaped, so that it can make no mention, link or date. Only
 * text_markup writes markup, and only what the caller composed itself.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"

enum text_kind { TEXT_PLAIN, TEXT_MRKDWN };

struct text {
    struct buf buf;
    enum text_kind kind;
    size_t left; /* units that still fit, beside the "…" */
    bool cut;    /* something did not fit: nothing more is taken */
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

/* A line in bold, if mrkdwn can show it so: not with a * in it or a blank at an end. */
void text_bold(struct text *text, const char *outside);

/* A line whose http:// and https:// words can be clicked. */
void text_linked(struct text *text, const char *outside);

/* As it is, whole or not at all. */
void text_markup(struct text *text, const char *markup);

struct text_mark text_here(const struct text *text);
void text_back(struct text *text, struct text_mark mark);

/* Nothing to see: Slack refuses such a text. */
bool text_is_blank(const struct text *text);

/* Writes {"type": "mrkdwn" or "plain_text", "text": ...}, which is never blank, and finishes the text. */
void text_write(struct text *text, struct json_out *out, const char *key);

/* The same for one line of plain text: what buttons and dialogs have. */
void text_write_plain(const char *outside, size_t limit, struct json_out *out, const char *key);

/* A string, escaped. One that is too long loses its middle: what happened stands at the beginning, what to do at the
 * end. */
void text_write_message(const char *outside, size_t limit, struct json_out *out, const char *key);

/* Appends the last lines of an output, made harmless but not escaped, for rich text: at most `limit` units. */
void text_tail(const char *outside, size_t limit, struct buf *out);

/* How many bytes of well-formed text take at most `limit` units, as they are written in that kind of text. */
size_t text_fit(const char *data, size_t size, enum text_kind kind, size_t limit);

#endif

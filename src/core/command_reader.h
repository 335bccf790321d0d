#ifndef GP_CORE_COMMAND_READER_H
#define GP_CORE_COMMAND_READER_H

/*
 * The words of a command, read from left to right. What reads (reader_take_...) goes behind the words that it understands; what refuses
 * says what is wrong and which form would be accepted, and returns the error.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "command_words.h"
#include "core/command.h"

struct reader {
    struct command_word *words; /* behind the verb; options are taken out before the rest is read */
    size_t count, at;
    const char *note;
    const struct command_entry *entry;
    struct command *command;
    struct arena *arena;
    struct err *err;
};

/* What a person typed, fit to be shown: short, and without control characters. */
const char *reader_show(struct reader *r, const char *text);

/* The form that would be accepted is that of the whole command, or `form`. */
int reader_refuse(struct reader *r, const char *what) MUST_USE;
int reader_refuse_with(struct reader *r, const char *what, const char *form) MUST_USE;

/* The next word; NULL at the end. */
const struct command_word *reader_peek(const struct reader *r);

/* Whether the next word is meant as the number of a question ('Q') or a deployment ('D') rather than as a name. */
bool reader_at_number(const struct reader *r, char letter);

/* `what` the name is of: "project". There is a next word; or it is missing. */
int reader_take_name(struct reader *r, const char *what, const char **ret_name) MUST_USE;
int reader_take_needed_name(struct reader *r, const char *what, const char **ret_name) MUST_USE;

/* One of the words that join the parts of a sentence: "in", "from", "to". */
int reader_take_keyword(struct reader *r, const char *keyword) MUST_USE;

/* The number if it is there: in the thread of a question or deployment it may be left out. */
int reader_take_question(struct reader *r) MUST_USE;
int reader_take_deployment(struct reader *r) MUST_USE;
int reader_take_needed_deployment(struct reader *r) MUST_USE;

/* Nothing more may follow. */
int reader_take_end(struct reader *r) MUST_USE;

/* Adds a name that is not among them. */
void reader_add_name(struct reader *r, struct plan_names *names, const char *name);

/* One word names one target, or several with commas when a shell or a quote has kept them together. */
int reader_add_targets(struct reader *r, struct plan_names *targets, const char *text) MUST_USE;

#endif

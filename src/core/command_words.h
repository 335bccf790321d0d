#ifndef GP_CORE_COMMAND_WORDS_H
#define GP_CORE_COMMAND_WORDS_H

/*
 * The lower half of the command parser: a typed line becomes words and a note. Here phones' and word processors'
 * improvements are undone: smart quotes, long dashes, no-break and zero-width spaces, links around a word.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/command.h"

struct command_word {
    const char *text;
    bool quoted; /* begins with a quote: never a keyword, an option or an input */
};

struct command_line {
    struct command_word *words;
    size_t count;
    const char *note; /* what follows the word `--`, as written; NULL if there is nothing */
};

/* Whether it is this keyword; not if it is quoted, or NULL. */
bool command_word_is(const struct command_word *word, const char *keyword);

/* Commas separate words like blanks, but for those within quotes and in the value of key=value. */
int command_split(const char *line, struct arena *arena, struct command_line *ret_line, struct err *err) MUST_USE;

/* The same for words that a shell has split already. */
int command_gather(const char *const *words, size_t count, struct arena *arena, struct command_line *ret_line,
                   struct err *err) MUST_USE;

/* The row of the table for a name, without regard to case. If there is none: NULL, and the name that may be meant. */
const struct command_entry *command_find(const char *name, const char **ret_near);

#endif

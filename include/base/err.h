#ifndef GP_BASE_ERR_H
#define GP_BASE_ERR_H

/*
 * What went wrong, in a form that can be shown to a person.
 *
 * A function that can fail returns 0 or a negative enum err_code and takes a
 * struct err as its last parameter. The text is a full sentence that is fit for
 * a chat room: what is wrong, why, and what to do next. It is written only on
 * failure; a caller that passes NULL does not want the text.
 *
 * Three kinds of failure are kept apart: a bug is an assert, the outside world
 * is a struct err, and out of memory ends the process (see base/mem.h).
 */

#include <stdarg.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(format_index, first) __attribute__((format(printf, format_index, first)))

/* One list for the codes, their names and the exit codes of the client verbs. */
#define ERR_CODES(X)                                                               \
    X(INVALID, "invalid", 2)     /* the request itself is wrong */                 \
    X(NOT_FOUND, "not_found", 5) /* no such project, deployment, question */       \
    X(UNAUTHENTICATED, "unauthenticated", 4)                                       \
    X(DENIED, "denied", 4)           /* known person, not allowed */               \
    X(CONFLICT, "conflict", 6)       /* already answered, already over */          \
    X(TOO_BIG, "too_big", 2)         /* a limit of base/limits.h */                \
    X(UNAVAILABLE, "unavailable", 7) /* surely nothing was recorded */             \
    X(UNKNOWN, "unknown", 1)         /* it is not known whether it was recorded */ \
    X(TIMEOUT, "timeout", 8)                                                       \
    X(IO, "io", 1)

enum err_code {
    ERR_NONE = 0,
#define X(name, word, exit_code) ERR_##name,
    ERR_CODES(X)
#undef X
};

enum { ERR_TEXT_SIZE = 512 };

struct err {
    enum err_code code;
    char text[ERR_TEXT_SIZE]; /* cut at a character border if longer */
};

/* Fills err (which may be NULL) and returns -(int)code, so that a function can end with
 * `return err_set(err, ERR_INVALID, "...")`. The old err->text may be among the arguments. */
int err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* The word for a code as REST and logs show it, for example "not_found". Takes the negative
 * return value or the code itself. */
const char *err_word(int code);

/* The exit code of the client verbs for a code (docs/COMMANDS.md lists them). */
int err_exit_code(int code);

#endif

#ifndef GP_CLI_TERMINAL_H
#define GP_CLI_TERMINAL_H

/*
 * How the verbs speak: results on standard output, messages and errors on standard error. Colour is for terminals
 * only, and not with NO_COLOR, TERM=dumb or --no-color. What came from outside (output, notes, replies) is made
 * harmless before a terminal sees it.
 */

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

struct terminal {
    bool quiet; /* no messages */
    bool no_color;
    bool no_input; /* never ask */
};

enum terminal_color { TERMINAL_PLAIN, TERMINAL_GREEN, TERMINAL_YELLOW, TERMINAL_RED, TERMINAL_FAINT, TERMINAL_BOLD };

/* Writes text from outside to a stream, in a colour if that may have one. Control characters are taken out on terminals
 * only: a file gets what there is. */
void terminal_write(const struct terminal *terminal, FILE *stream, enum terminal_color color, const char *text);

/* A line on standard error, unless --quiet. */
void terminal_say(const struct terminal *terminal, const char *format, ...) PRINTF_LIKE(2, 3);

/* "guidepost: <text>" on standard error, and the exit code of err. */
int terminal_fail(const struct terminal *terminal, const struct err *err);

/* True if a person can be asked: both ends are a terminal, and --no-input was not given. */
bool terminal_has_person(const struct terminal *terminal);

/* Asks on standard error; only a typed y means yes. */
bool terminal_confirm(const char *question);

/* SIGINT, SIGTERM and SIGHUP no longer end the process: they make terminal_stopped true and cut pauses short. */
void terminal_catch_stop(void);
bool terminal_stopped(void);

/* Waits, at most this long, for a stop or for input on `fd` (-1 = none). True if there is input. */
bool terminal_pause(int fd, int ms);

#endif

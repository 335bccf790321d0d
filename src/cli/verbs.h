#ifndef GP_CLI_VERBS_H
#define GP_CLI_VERBS_H

/*
 * The verbs of the command line, in one sorted table. The words that are the same in chat have their usage and help
 * from core's table of commands; help, completion and docs/COMMANDS.md come from here.
 */

#include <stddef.h>

#include "base/arena.h"
#include "core/command.h"
#include "options.h"
#include "terminal.h"

/* A verb that was called. Everything lives in the arena or in argv. */
struct invocation {
    const struct verb *verb;
    struct options options;
    struct terminal terminal;
    struct arena *arena;
};

enum verb_group { VERB_DEPLOY, VERB_ANSWER, VERB_LOOK, VERB_SERVER, VERB_OTHER, VERB_GROUP_COUNT };

struct verb {
    const char *name;
    enum verb_group group;
    enum command_id command;  /* COMMAND_NONE: no word of the chat */
    const char *usage, *help; /* NULL: as the command's */
    option_set options;
    int (*run)(struct invocation *invocation); /* returns the exit code */
};

const struct verb *verb_table(size_t *ret_count);
const struct verb *verb_find(const char *name); /* NULL if there is none */
const char *verb_usage(const struct verb *verb);
const char *verb_help(const struct verb *verb);

/* Runs what the command line says; args begin behind the program's name. Returns the exit code. */
int verbs_run(const char *const *args, size_t count);

#endif

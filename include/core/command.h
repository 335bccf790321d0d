#ifndef GP_CORE_COMMAND_H
#define GP_CORE_COMMAND_H

/*
 * The words that people say to guidepost, the same in chat, on the page and on the command line. One table defines
 * name, usage, permission and help; help texts, docs/COMMANDS.md and completion come from it.
 *
 * Typed text is normalised first: smart quotes and dashes, no-break and zero-width spaces, `<url|text>` links. Words may be
 * quoted with ' or ". `--` begins a note that reaches to the end and is kept as written.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "core/permission.h"
#include "core/plan.h"

/* id, name, usage behind the name, permission (0 = everybody known), one line of help */
#define COMMANDS(X)                                                                                                  \
    X(ABORT, "abort", "Q42 [-- note]", PERMISSION_APPROVE, "Refuse an approval: end the deployment as failed.")      \
    X(AGAIN, "again", "D311 [with excluded]", PERMISSION_DEPLOY,                                                     \
      "Deploy the same once more: the same plan, from its first step, and without the machines that were excluded.") \
    X(CANCEL, "cancel", "D311 [-- reason]", PERMISSION_CANCEL, "Stop a deployment at any time.")                     \
    X(CATCH, "catch", "up <project> in <environment>", PERMISSION_DEPLOY,                                            \
      "Bring the version that the environment has to the machines that were excluded; or: catch up D311.")           \
    X(CHECK, "check", "Q42", PERMISSION_TAKE, "Look again what became of a step whose outcome is unknown.")          \
    X(DEPLOY, "deploy",                                                                                              \
      "<project> <version> to <environment> [on <targets>] [without <targets>] [skip <step>] [guided|unguided] "     \
      "[key=value]... [--dry-run]",                                                                                  \
      PERMISSION_DEPLOY, "Start a deployment.")                                                                      \
    X(EXCLUDE, "exclude", "Q42 [targets] [-- note]", PERMISSION_EXCLUDE,                                             \
      "Answer a question: leave the machine out of the rest of this deployment.")                                    \
    X(EXTEND, "extend", "Q42 [time]", PERMISSION_TAKE, "Put the deadline of a question off, as by 1h from now.")     \
    X(FAIL, "fail", "Q42 [-- note]", PERMISSION_FAIL, "Answer a question: end the deployment as failed.")            \
    X(FREEZE, "freeze", "<environment> [-- reason]", PERMISSION_FREEZE,                                              \
      "Start nothing new in an environment; what runs goes on.")                                                     \
    X(HELP, "help", "[command]", 0, "Show the commands, or one of them.")                                            \
    X(HISTORY, "history", "<project> [environment]", PERMISSION_VIEW, "Show the last deployments.")                  \
    X(IGNORE, "ignore", "Q42 [targets] [-- note]", PERMISSION_IGNORE,                                                \
      "Answer a question: count the step as done on this machine, with a warning.")                                  \
    X(LOG, "log", "D311 [step] [target]", PERMISSION_VIEW, "Show the output of a step.")                             \
    X(PARK, "park", "Q42", PERMISSION_TAKE, "Let a question wait without deadline, reminders and escalation.")       \
    X(PENDING, "pending", "", PERMISSION_VIEW, "Show the open questions, oldest first.")                             \
    X(PROCEED, "proceed", "Q42 [-- note]", PERMISSION_APPROVE, "Give an approval: the deployment goes on.")          \
    X(PROMOTE, "promote", "<project> from <environment> to <environment>", PERMISSION_DEPLOY,                        \
      "Deploy the version that another environment has on all its machines.")                                        \
    X(RESUME, "resume", "D311 [rerun-unknown|unknown-worked]", PERMISSION_DEPLOY,                                    \
      "Go on with a failed or canceled deployment where it stopped.")                                                \
    X(RETRY, "retry", "Q42 [targets] [-- note]", PERMISSION_RETRY,                                                   \
      "Answer a question: run the failed step again on this machine.")                                               \
    X(ROLLBACK, "rollback", "<project> in <environment>", PERMISSION_DEPLOY,                                         \
      "Deploy the version that was confirmed before the present one.")                                               \
    X(SHOW, "show", "Q42", PERMISSION_VIEW, "Show a question with its output and choices.")                          \
    X(STATUS, "status", "[D311 | project]", PERMISSION_VIEW, "Show what runs and what waits.")                       \
    X(TAKE, "take", "Q42", PERMISSION_TAKE, "Say that you are on it.")                                               \
    X(UNFREEZE, "unfreeze", "<environment> [-- reason]", PERMISSION_FREEZE, "End a freeze.")                         \
    X(UNPARK, "unpark", "Q42", PERMISSION_TAKE, "Let the clocks of a parked question run again.")                    \
    X(VERSIONS, "versions", "[project]", PERMISSION_VIEW, "Show what runs where, and what is owed.")                 \
    X(WHEN_BACK, "when-back", "Q42 [-- note]", PERMISSION_RETRY,                                                     \
      "Retry by itself when a machine that is away is back; the same as: retry Q42 when back.")                      \
    X(WHO, "who", "Q42", PERMISSION_VIEW, "Show who may answer a question, and who did.")                            \
    X(WHOAMI, "whoami", "", 0, "Show who guidepost takes you for and what you may do.")

enum command_id {
    COMMAND_NONE,
#define X(id, name, usage, permission, help) COMMAND_##id,
    COMMANDS(X)
#undef X
        COMMAND_COUNT
};

struct command_entry {
    enum command_id id;
    const char *name, *usage, *help;
    unsigned permission;
};

/* The table, sorted by name; entry of an id. */
const struct command_entry *command_table(size_t *ret_count);
const struct command_entry *command_entry(enum command_id id);

/* The command that gives this answer; NONE for none. */
enum command_id command_answering(enum guidance guidance);

struct command_input {
    const char *key, *value;
};

struct command {
    enum command_id id;
    const char *project, *version, *environment;
    const char *from; /* of promote: another environment */
    struct plan_names on, without, skip;
    int guided; /* 1, 0, -1 = as configured */
    struct command_input *inputs;
    size_t input_count;
    bool dry_run;
    bool rerun_unknown;        /* of resume: what has an unknown outcome is run again; */
    bool unknown_worked;       /* or somebody has looked, and it worked */
    bool with_excluded;        /* of again */
    enum guidance guidance;    /* of retry, ignore, exclude, fail; of proceed, abort */
    uint64_t question;         /* Q42; 0 = left out (in the thread of a question) */
    uint64_t deployment;       /* D311; 0 = left out */
    int64_t extend_ms;         /* of extend; 0 = left out */
    struct plan_names targets; /* of an answer */
    const char *step, *target; /* of log */
    const char *topic;         /* of help; a project of status and versions */
    const char *note;          /* or NULL */
};

/* Parses a line a person typed. On failure the text of err is one sentence that says what was wrong and shows the
 * right form; an unknown verb gets "did you mean"; and ret_command holds what was understood, so that the caller can help
 * further: after `retry D311` its deployment is 311. Allocates from the arena. */
int command_parse(const char *line, struct arena *arena, struct command *ret_command, struct err *err) MUST_USE;

/* The same for words that a shell has split: options --target T, --exclude-target T, --skip S, --input K=V,
 * --guided-failure true|false|default, --note TEXT, --dry-run and --when-back are understood too. */
int command_parse_words(const char *const *words, size_t count, struct arena *arena, struct command *ret_command,
                        struct err *err) MUST_USE;

/* Help as plain text: all commands, or one (NULL = all). ERR_NOT_FOUND with "did you mean". */
int command_help(const char *name, struct buf *out, struct err *err) MUST_USE;

/* docs/COMMANDS.md's table of commands. */
void command_write_reference(struct buf *out);

#endif

#ifndef GP_CLI_OPTIONS_H
#define GP_CLI_OPTIONS_H

/*
 * The options of all verbs, in one table: parsing, help, completion and docs/COMMANDS.md read it. A verb takes a set
 * of them.
 *
 * `--name value`, `--name=value` and `-n value` mean the same; switches take no value. Words and options may be
 * mixed. `--` ends the options; the words behind it are kept apart, because for commands they are a note.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

/* id, name, letter or 0, name of its value (NULL = a switch), help; sorted by name */
#define OPTIONS(X)                                                                                                     \
    X(ALLOW_WARNINGS, "allow-warnings", 0, NULL, "Exit code 0 also if something was ignored, excluded or skipped.")    \
    X(CONFIG, "config", 'c', "FILE", "The configuration, a file or a folder (./guidepost.yaml, else /etc/guidepost).") \
    X(DRY_RUN, "dry-run", 0, NULL, "Show what would be done, and do nothing.")                                         \
    X(EXCLUDE_TARGET, "exclude-target", 0, "TARGET", "Leave this target out; may be repeated.")                        \
    X(FOLLOW, "follow", 'f', NULL, "Go on printing output until the end.")                                             \
    X(GUIDED_FAILURE, "guided-failure", 0, "MODE", "Ask after a failure: true, false or default (as configured).")     \
    X(HELP, "help", 'h', NULL, "Show how to use this verb.")                                                           \
    X(INPUT, "input", 0, "KEY=VALUE", "A value for the deployment; may be repeated.")                                  \
    X(JSON, "json", 0, NULL, "Print JSON, for programs.")                                                              \
    X(LISTEN, "listen", 0, "ADDRESS", "Listen here instead, as 127.0.0.1:8080 or unix:/path; port 0 is any free one.") \
    X(LOG_LEVEL, "log-level", 0, "LEVEL", "Log from here on: debug, info (the default), warn or error.")               \
    X(MARKDOWN, "markdown", 0, NULL, "Print docs/COMMANDS.md.")                                                        \
    X(NO_COLOR, "no-color", 0, NULL, "No colours; the variable NO_COLOR says the same.")                               \
    X(NO_INPUT, "no-input", 0, NULL, "Never ask on the terminal.")                                                     \
    X(NOTE, "note", 0, "TEXT", "A note for the record; what stands behind -- is one too.")                             \
    X(ONLINE, "online", 0, NULL, "Ask Slack and Redis too whether what the configuration says of them is true.")       \
    X(QUIET, "quiet", 'q', NULL, "Print results and errors only.")                                                     \
    X(SERVER, "server", 0, "URL", "The server, as https://deploy.example.com or unix:/path.")                          \
    X(SKIP, "skip", 0, "STEP", "Leave this step out; may be repeated.")                                                \
    X(STATE_DIR, "state-dir", 0, "DIR", "Where the server keeps its state (./.guidepost or /var/lib/guidepost).")      \
    X(TARGET, "target", 0, "TARGET", "Only this target; may be repeated.")                                             \
    X(TIMEOUT, "timeout", 0, "TIME", "Wait no longer than this, as 90s or 5m; then exit code 8.")                      \
    X(TOKEN_FILE, "token-file", 0, "FILE", "A file that holds the token to sign in with.")                             \
    X(VERSION, "version", 0, NULL, "Print the version.")                                                               \
    X(WAIT, "wait", 'w', NULL, "Wait for the end; the exit code says how it ended.")                                   \
    X(WEB_DIR, "web-dir", 0, "DIR", "Serve the page from the files here, for work on the page.")                       \
    X(WHEN_BACK, "when-back", 0, NULL, "Retry by itself once the machine can be reached again.")                       \
    X(YES, "yes", 'y', NULL, "Do not ask for confirmation.")

enum option_id {
#define X(id, name, letter, value, help) OPTION_##id,
    OPTIONS(X)
#undef X
        OPTION_COUNT
};

typedef uint64_t option_set; /* OPTION_BIT of each member */
#define OPTION_BIT(id) ((option_set)1 << OPTION_##id)

struct option {
    const char *name, *value, *help;
    char letter;
};

const struct option *option_entry(enum option_id id);

/* What was given. Texts are borrowed from argv; arrays live in the arena. */
struct options {
    struct option_values {
        const char **items;
        size_t count;
    } given[OPTION_COUNT]; /* of a switch the items are NULL */
    const char **words;
    size_t word_count;
    size_t note_at; /* index of the first word behind `--`; word_count if there is none */
};

/* Options that are not in `allowed` are refused with "did you mean"; `verb` is named in the text and may be NULL. */
int options_parse(const char *const *args, size_t count, option_set allowed, const char *verb, struct arena *arena,
                  struct options *ret_options, struct err *err) MUST_USE;

bool option_given(const struct options *options, enum option_id id);
const char *option_value(const struct options *options, enum option_id id); /* the last one given, or NULL */

#endif

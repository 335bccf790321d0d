#include "verbs.h"

#include <stdio.h>

#include "base/str.h"
#include "config_verbs.h"
#include "daemon.h"
#include "demo.h"
#include "help.h"
#include "rollback.h"
#include "talk.h"
#include "watch.h"

#define COMMON (OPTION_BIT(HELP) | OPTION_BIT(NO_COLOR) | OPTION_BIT(QUIET))
#define ACCESS (COMMON | OPTION_BIT(SERVER) | OPTION_BIT(STATE_DIR) | OPTION_BIT(TOKEN_FILE))
#define TALK (ACCESS | OPTION_BIT(JSON))
#define CONFIRM (OPTION_BIT(NO_INPUT) | OPTION_BIT(YES))
#define WAIT (OPTION_BIT(ALLOW_WARNINGS) | OPTION_BIT(TIMEOUT))
#define ANSWER (TALK | CONFIRM | OPTION_BIT(NOTE) | OPTION_BIT(TARGET))
#define START (TALK | WAIT | OPTION_BIT(FOLLOW) | OPTION_BIT(WAIT))
#define DEPLOY                                                                             \
    (TALK | WAIT | OPTION_BIT(DRY_RUN) | OPTION_BIT(EXCLUDE_TARGET) | OPTION_BIT(FOLLOW) | \
     OPTION_BIT(GUIDED_FAILURE) | OPTION_BIT(INPUT) | OPTION_BIT(SKIP) | OPTION_BIT(TARGET) | OPTION_BIT(WAIT))
#define DAEMON (COMMON | OPTION_BIT(CONFIG) | OPTION_BIT(LOG_LEVEL) | OPTION_BIT(STATE_DIR))
#define SERVE (DAEMON | OPTION_BIT(LISTEN) | OPTION_BIT(WEB_DIR))

static const struct verb TABLE[] = {
    {"abort", VERB_ANSWER, COMMAND_ABORT, NULL, NULL, TALK | CONFIRM | OPTION_BIT(NOTE), talk_run},
    {"again", VERB_DEPLOY, COMMAND_AGAIN, NULL, NULL, START, talk_run},
    {"cancel", VERB_DEPLOY, COMMAND_CANCEL, NULL, NULL, TALK | CONFIRM | OPTION_BIT(NOTE), talk_run},
    {"catch", VERB_DEPLOY, COMMAND_CATCH, NULL, NULL, START, talk_run},
    {"check", VERB_ANSWER, COMMAND_CHECK, NULL, NULL, TALK, talk_run},
    {"completion", VERB_OTHER, COMMAND_NONE, "bash|zsh|fish", "Print the completion script for a shell.", COMMON,
     help_completion_run},
    {"config", VERB_SERVER, COMMAND_NONE, "check|docs|schema|import [...]",
     "Check the configuration, describe its keys, or import targets.",
     COMMON | OPTION_BIT(CONFIG) | OPTION_BIT(JSON) | OPTION_BIT(ONLINE), config_verb_run},
    {"demo", VERB_OTHER, COMMAND_NONE, "", "Show a deployment that fails on one machine, and go on from your answer.",
     COMMON | OPTION_BIT(CONFIG) | OPTION_BIT(NO_INPUT), demo_run},
    {"deploy", VERB_DEPLOY, COMMAND_DEPLOY, NULL, NULL, DEPLOY, talk_run},
    {"docs", VERB_OTHER, COMMAND_NONE, "states", "Print docs/STATES.md: the states of deployments and runs.", COMMON,
     help_docs_run},
    {"exclude", VERB_ANSWER, COMMAND_EXCLUDE, NULL, NULL, ANSWER, talk_run},
    {"extend", VERB_ANSWER, COMMAND_EXTEND, NULL, NULL, TALK, talk_run},
    {"fail", VERB_ANSWER, COMMAND_FAIL, NULL, NULL, TALK | CONFIRM | OPTION_BIT(NOTE), talk_run},
    {"freeze", VERB_DEPLOY, COMMAND_FREEZE, NULL, NULL, TALK | OPTION_BIT(NOTE), talk_run},
    {"healthcheck", VERB_SERVER, COMMAND_NONE, "", "Ask the server whether it is alive; for containers.",
     COMMON | OPTION_BIT(SERVER) | OPTION_BIT(STATE_DIR), daemon_healthcheck_run},
    {"help", VERB_OTHER, COMMAND_NONE, "[verb]", "Show the verbs, or how to use one of them.",
     COMMON | OPTION_BIT(MARKDOWN), help_run},
    {"history", VERB_LOOK, COMMAND_HISTORY, NULL, NULL, TALK, talk_run},
    {"ignore", VERB_ANSWER, COMMAND_IGNORE, NULL, NULL, ANSWER, talk_run},
    {"log", VERB_DEPLOY, COMMAND_LOG, NULL, NULL, TALK | OPTION_BIT(FOLLOW), watch_log_run},
    {"park", VERB_ANSWER, COMMAND_PARK, NULL, NULL, TALK, talk_run},
    {"pending", VERB_ANSWER, COMMAND_PENDING, NULL, NULL, TALK, talk_run},
    {"proceed", VERB_ANSWER, COMMAND_PROCEED, NULL, NULL, TALK | CONFIRM | OPTION_BIT(NOTE), talk_run},
    {"promote", VERB_DEPLOY, COMMAND_PROMOTE, NULL, NULL, START, talk_run},
    {"resume", VERB_DEPLOY, COMMAND_RESUME, NULL, NULL, START, talk_run},
    {"retry", VERB_ANSWER, COMMAND_RETRY, NULL, NULL, ANSWER | OPTION_BIT(WHEN_BACK), talk_run},
    {"rollback", VERB_DEPLOY, COMMAND_ROLLBACK, NULL, NULL, START, talk_run},
    {"rollback-seen", VERB_SERVER, COMMAND_NONE, "confirm",
     "Redis has lost commits, and you have looked at what runs: go on from what it has.", TALK, rollback_seen_run},
    {"serve", VERB_SERVER, COMMAND_NONE, "", "Run the server: chat, API and page. One of several leads.", SERVE,
     daemon_serve_run},
    {"show", VERB_ANSWER, COMMAND_SHOW, NULL, NULL, TALK, talk_run},
    {"status", VERB_DEPLOY, COMMAND_STATUS, NULL, NULL, TALK, talk_run},
    {"take", VERB_ANSWER, COMMAND_TAKE, NULL, NULL, TALK, talk_run},
    {"unfreeze", VERB_DEPLOY, COMMAND_UNFREEZE, NULL, NULL, TALK | OPTION_BIT(NOTE), talk_run},
    {"unpark", VERB_ANSWER, COMMAND_UNPARK, NULL, NULL, TALK, talk_run},
    {"up", VERB_SERVER, COMMAND_NONE, "", "Run server and worker together, with a Redis of their own.", SERVE,
     daemon_up_run},
    {"versions", VERB_LOOK, COMMAND_VERSIONS, NULL, NULL, TALK, talk_run},
    {"wait", VERB_DEPLOY, COMMAND_NONE, "D311", "Wait for the end of a deployment; the exit code says how it ended.",
     TALK | WAIT, watch_wait_run},
    {"when-back", VERB_ANSWER, COMMAND_WHEN_BACK, NULL, NULL, TALK | OPTION_BIT(NOTE), talk_run},
    {"who", VERB_ANSWER, COMMAND_WHO, NULL, NULL, TALK, talk_run},
    {"whoami", VERB_LOOK, COMMAND_WHOAMI, NULL, NULL, TALK, talk_run},
    {"worker", VERB_SERVER, COMMAND_NONE, "", "Run a worker: it takes steps and runs them.", DAEMON, daemon_worker_run},
};

enum { TABLE_COUNT = sizeof TABLE / sizeof *TABLE };

const struct verb *verb_table(size_t *ret_count) {
    *ret_count = TABLE_COUNT;
    return TABLE;
}

const struct verb *verb_find(const char *name) {
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (str_equal(TABLE[i].name, name)) {
            return &TABLE[i];
        }
    }
    return NULL;
}

const char *verb_usage(const struct verb *verb) {
    return verb->usage ? verb->usage : command_entry(verb->command)->usage;
}

const char *verb_help(const struct verb *verb) {
    return verb->help ? verb->help : command_entry(verb->command)->help;
}

static int refuse_verb(const char *name, struct err *err) {
    const char *names[TABLE_COUNT];
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        names[i] = TABLE[i].name;
    }
    const char *near = str_nearest(name, names, TABLE_COUNT);
    return near ? err_set(err, ERR_INVALID, "There is no verb '%s'; did you mean: %s", name, near)
                : err_set(err, ERR_INVALID, "There is no verb '%s'. See: guidepost help", name);
}

/* What stands before a verb: only --help and --version may. */
static int run_without_verb(const char *const *args, size_t count, struct invocation *invocation) {
    struct err err;
    int r = options_parse(args, count, OPTION_BIT(HELP) | OPTION_BIT(VERSION), NULL, invocation->arena,
                          &invocation->options, &err);
    if (r == 0 && invocation->options.word_count > 0) {
        r = err_set(&err, ERR_INVALID, "Options come behind the verb, as in: guidepost status --json");
    }
    if (r < 0) {
        return terminal_fail(&invocation->terminal, &err);
    }
    if (option_given(&invocation->options, OPTION_VERSION)) {
        (void)printf("guidepost %s\n", GUIDEPOST_VERSION);
    } else {
        help_overview();
    }
    return 0;
}

static int run_verb(const char *const *args, size_t count, struct invocation *invocation) {
    struct err err;
    invocation->verb = verb_find(args[0]);
    int r = invocation->verb ? options_parse(args + 1, count - 1, invocation->verb->options, args[0], invocation->arena,
                                             &invocation->options, &err)
                             : refuse_verb(args[0], &err);
    if (r < 0) {
        return terminal_fail(&invocation->terminal, &err);
    }
    const struct options *options = &invocation->options;
    invocation->terminal = (struct terminal){
        .quiet = option_given(options, OPTION_QUIET),
        .no_color = option_given(options, OPTION_NO_COLOR),
        .no_input = option_given(options, OPTION_NO_INPUT),
    };
    if (option_given(options, OPTION_HELP)) {
        help_verb(invocation->verb);
        return 0;
    }
    return invocation->verb->run(invocation);
}

int verbs_run(const char *const *args, size_t count) {
    struct invocation invocation = {.arena = arena_create()};
    bool has_verb = count > 0 && args[0][0] != '-';
    int exit_code = has_verb ? run_verb(args, count, &invocation) : run_without_verb(args, count, &invocation);
    if (fflush(stdout) != 0) {
        (void)fprintf(stderr, "guidepost: standard output cannot be written to.\n");
        exit_code = exit_code == 0 ? 1 : exit_code;
    }
    arena_destroy(invocation.arena);
    return exit_code;
}

#include "help.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "core/deployment.h"

static const char *const GROUPS[] = {[VERB_DEPLOY] = "Deploy",
                                     [VERB_ANSWER] = "Answer",
                                     [VERB_LOOK] = "Look",
                                     [VERB_SERVER] = "Run",
                                     [VERB_OTHER] = "More"};

static const struct {
    int code;
    const char *meaning;
} EXIT_CODES[] = {
    {0, "done; of a deployment that was waited for: succeeded"},
    {1, "it could not be carried out; of a deployment that was waited for: failed or canceled"},
    {2, "the command line is wrong"},
    {3, "the deployment that was waited for succeeded with warnings (`--allow-warnings` makes that 0)"},
    {4, "not signed in, or not allowed"},
    {5, "there is no such project, deployment or question"},
    {6, "in conflict with what was done before: already answered, already over"},
    {7, "the server cannot be reached, and nothing was recorded"},
    {8, "`--timeout` passed, and the deployment still runs or waits for guidance"},
    {130, "interrupted"},
};

enum { EXIT_CODE_COUNT = sizeof EXIT_CODES / sizeof *EXIT_CODES };

void help_overview(void) {
    size_t count;
    const struct verb *verbs = verb_table(&count);
    (void)printf("guidepost %s: deployments from chat that ask what to do when a step fails.\n\n"
                 "  guidepost demo                                       see it happen, here and now\n"
                 "  guidepost deploy webshop 1.4.2 to production --wait  deploy; the exit code says how it ended\n\n",
                 GUIDEPOST_VERSION);
    for (size_t group = 0; group < VERB_GROUP_COUNT; group++) {
        (void)printf("%-8s", GROUPS[group]);
        for (size_t i = 0; i < count; i++) {
            if (verbs[i].group == group) {
                (void)printf(" %s", verbs[i].name);
            }
        }
        (void)printf("\n");
    }
    (void)printf("\nHow to use a verb: guidepost help VERB\n");
}

static void write_option(enum option_id id, struct buf *out) {
    const struct option *option = option_entry(id);
    if (option->letter) {
        buf_printf(out, "-%c, ", option->letter);
    }
    buf_printf(out, "--%s%s%s", option->name, option->value ? " " : "", option->value ? option->value : "");
}

void help_verb(const struct verb *verb) {
    const char *usage = verb_usage(verb);
    (void)printf("Usage: guidepost %s%s%s [options]\n\n%s\n\nOptions:\n", verb->name, *usage ? " " : "", usage,
                 verb_help(verb));
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        if (verb->options >> id & 1) {
            struct buf text = BUF_INIT(LIMIT_NAME_BYTES);
            write_option((enum option_id)id, &text);
            (void)printf("  %-25s %s\n", text.data, option_entry((enum option_id)id)->help);
            buf_finish(&text);
        }
    }
}

/* --- docs/COMMANDS.md ------------------------------------------------------------------------------------------- */

/* Within a table of Markdown a bar would end the cell, even in code. */
static void write_cell(const char *text, struct buf *out) {
    for (; *text; text++) {
        buf_adds(out, *text == '|' ? "\\" : "");
        buf_addc(out, *text);
    }
}

static void write_verbs(struct buf *out) {
    size_t count;
    const struct verb *verbs = verb_table(&count);
    buf_adds(out, "| Verb | What it does | Options |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < count; i++) {
        const char *usage = verb_usage(&verbs[i]);
        buf_printf(out, "| `%s%s", verbs[i].name, *usage ? " " : "");
        write_cell(usage, out);
        buf_printf(out, "` | %s |", verb_help(&verbs[i]));
        for (size_t id = 0; id < OPTION_COUNT; id++) {
            if (verbs[i].options >> id & 1) {
                buf_printf(out, " `--%s`", option_entry((enum option_id)id)->name);
            }
        }
        buf_adds(out, " |\n");
    }
}

static void write_options(struct buf *out) {
    buf_adds(out, "| Option | Meaning |\n| --- | --- |\n");
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        buf_adds(out, "| `");
        write_option((enum option_id)id, out);
        buf_printf(out, "` | %s |\n", option_entry((enum option_id)id)->help);
    }
}

/* An error of the API has the exit code that base/err.h gives it. */
static void write_exit_codes(struct buf *out) {
    buf_adds(out, "| Exit code | Meaning | `title` of the API's error |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < EXIT_CODE_COUNT; i++) {
        buf_printf(out, "| %d | %s |", EXIT_CODES[i].code, EXIT_CODES[i].meaning);
        for (int code = 1; code <= ERR_IO; code++) {
            if (err_exit_code(code) == EXIT_CODES[i].code) {
                buf_printf(out, " `%s`", err_word(code));
            }
        }
        buf_adds(out, " |\n");
    }
}

void help_write_reference(struct buf *out) {
    buf_adds(out, "# Commands\n\n"
                  "Written by `guidepost help --markdown` from the tables that the program works by; do not edit.\n\n"
                  "## Words in chat, on the page and on the command line\n\n");
    command_write_reference(out);
    buf_adds(
        out,
        "\nIn the thread of a question its number can be left out. A note follows `--`. On the command line the same "
        "words stand "
        "behind\n`guidepost`, as in `guidepost retry Q42 web-2 -- freed some disk space`.\n\n"
        "## The command line\n\n"
        "Results go to standard output, messages and errors to standard error. Options stand behind the verb.\n\n");
    write_verbs(out);
    buf_adds(out, "\n");
    write_options(out);
    buf_adds(out, "\n### Which server, and who asks\n\n"
                  "The first of these that is there counts.\n\n"
                  "* The server: `--server`; the file `address` in `--state-dir`; `$GUIDEPOST_SERVER`; `server:` in "
                  "`cli.yaml`; the file `address`\n"
                  "  in `./.guidepost` or `/var/lib/guidepost`.\n"
                  "* The token: `--token-file`; `$GUIDEPOST_TOKEN_FILE`; `$GUIDEPOST_API_KEY` (the token itself); "
                  "`token_file:` in `cli.yaml`; the\n"
                  "  file `local.token` beside the file `address`, if the server was found by that.\n\n"
                  "`cli.yaml` is `$XDG_CONFIG_HOME/guidepost/cli.yaml` (usually in `~/.config`), else "
                  "`/etc/guidepost/cli.yaml`.\n\n"
                  "### Exit codes\n\n");
    write_exit_codes(out);
}

/* --- the verbs -------------------------------------------------------------------------------------------------- */

static int print(struct buf *text) {
    (void)fputs(text->data, stdout);
    int exit_code = text->overflow ? 1 : 0;
    buf_finish(text);
    return exit_code;
}

int help_run(struct invocation *invocation) {
    const struct options *options = &invocation->options;
    struct err err;
    if (option_given(options, OPTION_MARKDOWN)) {
        struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
        help_write_reference(&text);
        return print(&text);
    }
    if (options->word_count == 0) {
        help_overview();
        return 0;
    }
    const struct verb *verb = verb_find(options->words[0]);
    if (!verb) {
        (void)err_set(&err, ERR_INVALID, "There is no verb '%s'. See: guidepost help", options->words[0]);
        return terminal_fail(&invocation->terminal, &err);
    }
    help_verb(verb);
    return 0;
}

int help_docs_run(struct invocation *invocation) {
    const struct options *options = &invocation->options;
    if (options->word_count != 1 || !str_equal(options->words[0], "states")) {
        struct err err;
        (void)err_set(&err, ERR_INVALID, "Which page? Write: guidepost docs states");
        return terminal_fail(&invocation->terminal, &err);
    }
    struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
    deployment_write_states(&text);
    return print(&text);
}

int help_completion_run(struct invocation *invocation) {
    const struct options *options = &invocation->options;
    struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
    struct err err;
    int r = options->word_count == 1
                ? help_write_completion(options->words[0], &text, &err)
                : err_set(&err, ERR_INVALID, "For which shell? Write: guidepost completion bash|zsh|fish");
    if (r < 0) {
        buf_finish(&text);
        return terminal_fail(&invocation->terminal, &err);
    }
    return print(&text);
}

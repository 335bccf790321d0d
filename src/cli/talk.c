#include "talk.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"
#include "client.h"
#include "watch.h"

struct talk {
    struct invocation *invocation;
    const char **words;
    size_t word_count;
    struct command command;
    struct client *client;
};

static void add_word(struct talk *talk, const char *word) {
    talk->words = arena_push(talk->invocation->arena, talk->words, talk->word_count, sizeof *talk->words);
    talk->words[talk->word_count++] = word;
}

/* The options that belong to the command itself go on to the server. */
static void gather_words(struct talk *talk) {
    static const enum option_id OWN[] = {OPTION_DRY_RUN, OPTION_EXCLUDE_TARGET, OPTION_GUIDED_FAILURE,
                                         OPTION_INPUT,   OPTION_NOTE,           OPTION_SKIP,
                                         OPTION_TARGET,  OPTION_WHEN_BACK};
    const struct options *options = &talk->invocation->options;
    add_word(talk, talk->invocation->verb->name);
    for (size_t i = 0; i < options->note_at; i++) {
        add_word(talk, options->words[i]);
    }
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++) {
        const struct option *option = option_entry(OWN[i]);
        const struct option_values *given = &options->given[OWN[i]];
        for (size_t k = 0; k < given->count; k++) {
            add_word(talk, option->value
                               ? arena_printf(talk->invocation->arena, "--%s=%s", option->name, given->items[k])
                               : arena_printf(talk->invocation->arena, "--%s", option->name));
        }
    }
    if (options->note_at < options->word_count) {
        add_word(talk, "--");
    }
    for (size_t i = options->note_at; i < options->word_count; i++) {
        add_word(talk, options->words[i]);
    }
}

/* --- asking before it is done ------------------------------------------------------------------------------------ */

/* True if the configuration wants this answer confirmed; *ret_consequence says what it does. */
static bool wants_confirm(struct talk *talk, const char **ret_consequence) {
    char path[64];
    struct json *question = NULL;
    bool confirm = false;
    (void)snprintf(path, sizeof path, "/v1/questions/%" PRIu64, talk->command.question);
    if (client_get(talk->client, path, &question, NULL) < 0) {
        return false; /* What is wrong is said when the answer is refused. */
    }
    for (const struct json *option = json_first(json_get(question, "options")); option; option = json_next(option)) {
        if (str_equal(json_string(json_get(option, "guidance")), talk->invocation->verb->name)) {
            confirm = json_bool(json_get(option, "confirm"), false);
            *ret_consequence = arena_strdup(talk->invocation->arena, json_string(json_get(option, "consequence")));
        }
    }
    json_free(question);
    return confirm;
}

static int confirm(struct talk *talk, struct err *err) {
    struct invocation *invocation = talk->invocation;
    bool cancels = talk->command.id == COMMAND_CANCEL, answers = talk->command.guidance != GUIDANCE_NONE;
    bool has_person = terminal_has_person(&invocation->terminal);
    const char *consequence = cancels ? "What runs is stopped; what was done stays done." : "";
    if (option_given(&invocation->options, OPTION_YES) ||
        !(cancels ? has_person : answers && wants_confirm(talk, &consequence))) {
        return 0;
    }
    const char *number = cancels ? arena_printf(invocation->arena, "D%" PRIu64, talk->command.deployment)
                                 : arena_printf(invocation->arena, "Q%" PRIu64, talk->command.question);
    if (!has_person) {
        return err_set(err, ERR_INVALID, "Here %s has to be confirmed: add --yes. (%s)", invocation->verb->name,
                       consequence);
    }
    if (!terminal_confirm(arena_printf(invocation->arena, "%s %s? %s", invocation->verb->name, number, consequence))) {
        return err_set(err, ERR_IO, "Nothing was done.");
    }
    return 0;
}

/* --- the reply ---------------------------------------------------------------------------------------------------- */

static void print_reply(const struct talk *talk, const struct json *reply) {
    const struct json *data = json_get(reply, "data");
    const char *text = json_string(json_get(reply, "text"));
    if (option_given(&talk->invocation->options, OPTION_JSON)) {
        struct buf line = BUF_INIT(LIMIT_HTTP_RESPONSE_BYTES);
        struct json_out out = {.buf = &line};
        json_add_node(&out, NULL, data && !json_is_null(data) ? data : reply);
        (void)printf("%s\n", line.data);
        buf_finish(&line);
    } else if (!str_empty(text)) {
        terminal_write(&talk->invocation->terminal, stdout, TERMINAL_PLAIN, text);
        (void)fputs(text[strlen(text) - 1] == '\n' ? "" : "\n", stdout);
    }
    (void)fflush(stdout);
}

/* After a change: what to look at next. */
static void say_next(const struct talk *talk, int64_t deployment) {
    const struct command *command = &talk->command;
    if (deployment <= 0 || option_given(&talk->invocation->options, OPTION_JSON)) {
        return;
    }
    const struct command_entry *entry = command_entry(command->id);
    if (entry->permission == PERMISSION_DEPLOY) {
        terminal_say(&talk->invocation->terminal, "Next: guidepost log D%" PRId64 " -f, or guidepost wait D%" PRId64,
                     deployment, deployment);
    } else if (command->guidance != GUIDANCE_NONE || command->id == COMMAND_CANCEL) {
        terminal_say(&talk->invocation->terminal, "Next: guidepost wait D%" PRId64, deployment);
    }
}

static int conclude(struct talk *talk, const struct json *reply) {
    const struct options *options = &talk->invocation->options;
    int64_t deployment = json_int(json_get(reply, "deployment"), 0);
    if (!json_bool(json_get(reply, "ok"), false)) {
        const char *text = json_string(json_get(reply, "text"));
        struct err err;
        (void)err_set(&err, ERR_IO, "%s", text ? text : "The server refused it and did not say why.");
        int code = (int)json_int(json_get(reply, "exit_code"), 1);
        (void)terminal_fail(&talk->invocation->terminal, &err);
        return code > 0 && code < 126 ? code : 1;
    }
    bool waits = (option_given(options, OPTION_WAIT) || option_given(options, OPTION_FOLLOW)) && deployment > 0;
    if (waits && option_given(options, OPTION_JSON)) {
        return watch_until_end(talk->invocation, talk->client, (uint64_t)deployment);
    }
    print_reply(talk, reply);
    if (waits) {
        return watch_until_end(talk->invocation, talk->client, (uint64_t)deployment);
    }
    say_next(talk, deployment);
    return 0;
}

static int send_words(struct talk *talk, struct json **ret_reply, struct err *err) {
    struct buf body = BUF_INIT(LIMIT_HTTP_BODY_BYTES);
    struct json_out out = {.buf = &body};
    json_object_begin(&out, NULL);
    json_array_begin(&out, "words");
    for (size_t i = 0; i < talk->word_count; i++) {
        json_add_string(&out, NULL, talk->words[i]);
    }
    json_array_end(&out);
    json_object_end(&out);
    int r = body.overflow ? err_set(err, ERR_TOO_BIG, "The command is too long.")
                          : client_post(talk->client, "/v1/commands", body.data, ret_reply, err);
    buf_finish(&body);
    return r;
}

int talk_run(struct invocation *invocation) {
    struct talk talk = {.invocation = invocation};
    struct access access;
    struct json *reply = NULL;
    struct err err;
    gather_words(&talk);
    int r = command_parse_words(talk.words, talk.word_count, invocation->arena, &talk.command, &err);
    r = r < 0 ? r : access_find(&invocation->options, invocation->arena, &access, &err);
    r = r < 0 ? r : client_open(&access, &talk.client, &err);
    r = r < 0 ? r : confirm(&talk, &err);
    r = r < 0 ? r : send_words(&talk, &reply, &err);
    int exit_code = r < 0 ? terminal_fail(&invocation->terminal, &err) : conclude(&talk, reply);
    json_free(reply);
    client_close(talk.client);
    return exit_code;
}

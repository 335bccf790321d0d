/*
 * The grammar. parse_line, at the end, reads as the contents: the verb, its options, then what the verb itself takes.
 * Every refusal is one sentence that ends with a form that would be accepted.
 */

#include <assert.h>

#include "base/str.h"
#include "command_deploy.h"
#include "command_options.h"
#include "command_reader.h"

/* "retry Q42 when back": it is about the whole card. */
static int parse_when_back(struct reader *r) {
    if (r->command->targets.count > 0 || r->at < r->count) {
        return reader_refuse(r, "when back takes no targets: it waits for all machines of the question");
    }
    *r->command = (struct command){.guided = -1, .id = COMMAND_WHEN_BACK, .question = r->command->question};
    return 0;
}

static int parse_answer(struct reader *r) {
    int rc = reader_take_question(r);
    if (rc == 0 && r->command->guidance == GUIDANCE_RETRY && r->at + 2 == r->count &&
        command_word_is(&r->words[r->at], "when") && command_word_is(&r->words[r->at + 1], "back")) {
        r->command->id = COMMAND_WHEN_BACK;
        r->at = r->count;
    }
    if (rc == 0 && r->command->id == COMMAND_WHEN_BACK) {
        return parse_when_back(r);
    }
    while (rc == 0 && r->at < r->count) {
        rc = reader_add_targets(r, &r->command->targets, r->words[r->at++].text);
    }
    bool some = rc == 0 && r->command->targets.count > 0;
    switch (r->command->guidance) {
    case GUIDANCE_FAIL:
    case GUIDANCE_ABORT:
        return some ? reader_refuse(r, arena_printf(r->arena, "%s ends the whole deployment, so it takes no targets",
                                                    r->entry->name))
                    : rc;
    case GUIDANCE_PROCEED:
        return some ? reader_refuse(r, "proceed approves the whole step, so it takes no targets") : rc;
    case GUIDANCE_NONE:
    case GUIDANCE_RETRY:
    case GUIDANCE_IGNORE:
    case GUIDANCE_EXCLUDE:
        break;
    }
    return rc;
}

static int parse_question_only(struct reader *r) {
    int rc = reader_take_question(r);
    return rc < 0 ? rc : reader_take_end(r);
}

static bool read_time(struct reader *r) {
    const struct command_word *word = reader_peek(r);
    if (!word || str_to_duration_ms(word->text, &r->command->extend_ms, NULL) < 0 || r->command->extend_ms <= 0) {
        return false;
    }
    r->at++;
    return true;
}

/* "extend Q42 1h"; in the thread of the question "extend 1h". */
static int parse_extend(struct reader *r) {
    if (!read_time(r)) {
        int rc = reader_take_question(r);
        if (rc < 0) {
            return rc;
        }
        if (reader_peek(r) && !read_time(r)) {
            return reader_refuse(
                r, arena_printf(r->arena, "%s is no time such as 30m or 2h", reader_show(r, reader_peek(r)->text)));
        }
    }
    return reader_take_end(r);
}

static int parse_cancel(struct reader *r) {
    int rc = reader_take_deployment(r);
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_log(struct reader *r) {
    int rc = reader_take_deployment(r);
    if (rc == 0 && reader_peek(r)) {
        r->command->step = r->words[r->at++].text;
    }
    if (rc == 0 && reader_peek(r)) {
        rc = reader_take_name(r, "target", &r->command->target);
    }
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_status(struct reader *r) {
    int rc = reader_take_deployment(r);
    if (rc == 0 && r->command->deployment == 0 && reader_peek(r)) {
        rc = reader_take_name(r, "project", &r->command->topic);
    }
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_history(struct reader *r) {
    if (!reader_peek(r)) {
        return reader_refuse(r, "The project is missing");
    }
    int rc = reader_take_name(r, "project", &r->command->project);
    if (rc == 0 && reader_peek(r)) {
        rc = reader_take_name(r, "environment", &r->command->environment);
    }
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_topic(struct reader *r, const char *what) {
    int rc = reader_peek(r) ? reader_take_name(r, what, &r->command->topic) : 0;
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_project_in(struct reader *r) {
    int rc = reader_take_needed_name(r, "project", &r->command->project);
    rc = rc < 0 ? rc : reader_take_keyword(r, "in");
    rc = rc < 0 ? rc : reader_take_needed_name(r, "environment", &r->command->environment);
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_catch(struct reader *r) {
    int rc = reader_take_keyword(r, "up");
    if (rc < 0) {
        return rc;
    }
    if (reader_at_number(r, 'D')) {
        rc = reader_take_deployment(r);
        return rc < 0 ? rc : reader_take_end(r);
    }
    return parse_project_in(r);
}

static int parse_promote(struct reader *r) {
    int rc = reader_take_needed_name(r, "project", &r->command->project);
    rc = rc < 0 ? rc : reader_take_keyword(r, "from");
    rc = rc < 0 ? rc : reader_take_needed_name(r, "environment", &r->command->from);
    rc = rc < 0 ? rc : reader_take_keyword(r, "to");
    rc = rc < 0 ? rc : reader_take_needed_name(r, "environment", &r->command->environment);
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_resume(struct reader *r) {
    int rc = reader_take_needed_deployment(r);
    if (rc == 0) {
        r->command->rerun_unknown = command_word_is(reader_peek(r), "rerun-unknown");
        r->command->unknown_worked = command_word_is(reader_peek(r), "unknown-worked");
        r->at += r->command->rerun_unknown || r->command->unknown_worked;
    }
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_again(struct reader *r) {
    int rc = reader_take_needed_deployment(r);
    if (rc == 0 && command_word_is(reader_peek(r), "with")) {
        r->at++;
        rc = reader_take_keyword(r, "excluded");
        r->command->with_excluded = true;
    }
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_environment(struct reader *r) {
    int rc = reader_take_needed_name(r, "environment", &r->command->environment);
    return rc < 0 ? rc : reader_take_end(r);
}

static int parse_rest(struct reader *r) {
    switch (r->entry->id) {
    case COMMAND_DEPLOY:
        return command_deploy_read(r);
    case COMMAND_AGAIN:
        return parse_again(r);
    case COMMAND_CATCH:
        return parse_catch(r);
    case COMMAND_FREEZE:
    case COMMAND_UNFREEZE:
        return parse_environment(r);
    case COMMAND_PROMOTE:
        return parse_promote(r);
    case COMMAND_RESUME:
        return parse_resume(r);
    case COMMAND_ROLLBACK:
        return parse_project_in(r);
    case COMMAND_ABORT:
    case COMMAND_EXCLUDE:
    case COMMAND_FAIL:
    case COMMAND_IGNORE:
    case COMMAND_PROCEED:
    case COMMAND_RETRY:
        return parse_answer(r);
    case COMMAND_EXTEND:
        return parse_extend(r);
    case COMMAND_CHECK:
    case COMMAND_PARK:
    case COMMAND_SHOW:
    case COMMAND_TAKE:
    case COMMAND_UNPARK:
    case COMMAND_WHEN_BACK:
    case COMMAND_WHO:
        return parse_question_only(r);
    case COMMAND_CANCEL:
        return parse_cancel(r);
    case COMMAND_LOG:
        return parse_log(r);
    case COMMAND_STATUS:
        return parse_status(r);
    case COMMAND_HISTORY:
        return parse_history(r);
    case COMMAND_HELP:
        return parse_topic(r, "command");
    case COMMAND_VERSIONS:
        return parse_topic(r, "project");
    case COMMAND_PENDING:
    case COMMAND_WHOAMI:
        return reader_take_end(r);
    case COMMAND_NONE:
    case COMMAND_COUNT:
        break;
    }
    assert(false);
    return 0;
}

static int parse_line(const struct command_line *line, struct arena *arena, struct command *ret_command,
                      struct err *err) {
    *ret_command = (struct command){.guided = -1};
    if (line->count == 0) {
        return err_set(err, ERR_INVALID, "That is no command; to see what can be said, write: help");
    }
    struct reader r = {.words = line->words + 1,
                       .count = line->count - 1,
                       .note = line->note,
                       .command = ret_command,
                       .arena = arena,
                       .err = err};
    const char *near = NULL;
    r.entry = command_find(line->words[0].text, &near);
    if (!r.entry) {
        return err_set(err, ERR_INVALID, "There is no command %s; %s", reader_show(&r, line->words[0].text),
                       near ? arena_printf(arena, "did you mean: %s", near) : "to see them all, write: help");
    }
    ret_command->id = r.entry->id;
    ret_command->guidance = guidance_parse(r.entry->name);
    int rc = command_options_take(&r);
    rc = rc < 0 ? rc : parse_rest(&r);
    if (rc < 0) {
        return rc;
    }
    if (r.note && !command_options_has_note(&r)) {
        return reader_refuse(&r, arena_printf(arena, "%s takes no note", r.entry->name));
    }
    ret_command->note = r.note;
    return 0;
}

int command_parse(const char *line, struct arena *arena, struct command *ret_command, struct err *err) {
    struct command_line split = {0};
    *ret_command = (struct command){.guided = -1};
    int rc = command_split(line, arena, &split, err);
    return rc < 0 ? rc : parse_line(&split, arena, ret_command, err);
}

int command_parse_words(const char *const *words, size_t count, struct arena *arena, struct command *ret_command,
                        struct err *err) {
    struct command_line line = {0};
    *ret_command = (struct command){.guided = -1};
    int rc = command_gather(words, count, arena, &line, err);
    return rc < 0 ? rc : parse_line(&line, arena, ret_command, err);
}

/*
 * The grammar. parse_line, at the end, reads as the contents: the verb, its options, then what the verb itself takes.
 * Every refusal is one sentence that ends with a form that would be accepted.
 */

#include "command_words.h"

#include <assert.h>
#include <string.h>

#include "base/id.h"
#include "base/limits.h"
#include "base/str.h"

struct parser {
    struct command_word *words; /* behind the verb; options are taken out before the rest is read */
    size_t count, at;
    const char *note;
    const struct command_entry *entry;
    struct command *command;
    struct arena *arena;
    struct err *err;
};

/* What a person typed, fit to be shown: short, and without control characters. */
static const char *shown(struct parser *p, const char *text) {
    enum { SHOWN_BYTES = 60 };
    size_t size = strlen(text);
    size_t cut = str_utf8_cut(text, size, SHOWN_BYTES);
    struct buf buf = BUF_INIT(LIMIT_COMMAND_BYTES);
    str_show(&buf, text, cut);
    const char *result = arena_printf(p->arena, "'%s%s'", buf.data, cut < size ? "..." : "");
    buf_finish(&buf);
    return result;
}

static int refuse_with(struct parser *p, const char *what, const char *form) {
    return err_set(p->err, ERR_INVALID, "%s; write: %s", what, form);
}

static int refuse(struct parser *p, const char *what) {
    const struct command_entry *entry = p->entry;
    return refuse_with(p, what, arena_printf(p->arena, "%s%s%s", entry->name, *entry->usage ? " " : "", entry->usage));
}

static const struct command_word *peek(const struct parser *p) {
    return p->at < p->count ? &p->words[p->at] : NULL;
}

static bool is_keyword(const struct command_word *word, const char *keyword) {
    return word && !word->quoted && str_equal_nocase(word->text, keyword);
}

/* "Q42", "42", "Interruptions-42", or nearly so ("Q0"): meant as a number rather than as a name. */
static bool is_number_form(char letter, const char *text) {
    static const char digits[] = "0123456789";
    const char *prefix = letter == 'Q' ? "interruptions-" : "deployments-";
    if (str_starts_nocase(text, prefix)) {
        return true;
    }
    text += (*text | 0x20) == (letter | 0x20);
    return *text != '\0' && strspn(text, digits) == strlen(text);
}

static bool has_letter(const char *text) {
    return *text < '0' || *text > '9';
}

static int read_name(struct parser *p, const char *what, const char **ret_name) {
    const char *text = p->words[p->at].text;
    if (!str_is_name(text)) {
        const char *article = strchr("aeiou", what[0]) != NULL ? "an" : "a";
        return refuse(p, arena_printf(p->arena, "%s is not the name of %s %s", shown(p, text), article, what));
    }
    p->at++;
    *ret_name = text;
    return 0;
}

static int read_end(struct parser *p) {
    if (p->at < p->count) {
        return refuse(p, arena_printf(p->arena, "%s takes no %s", p->entry->name, shown(p, p->words[p->at].text)));
    }
    return 0;
}

/* Reads Q42 if it is there. In the thread of a question the number may be left out. */
static int read_question(struct parser *p) {
    const struct command_word *word = peek(p);
    if (!word) {
        return 0;
    }
    if (is_number_form('Q', word->text)) {
        if (!id_parse('Q', word->text, &p->command->question)) {
            return refuse(p, arena_printf(p->arena, "%s is not the number of a question", shown(p, word->text)));
        }
        p->at++;
        return 0;
    }
    uint64_t deployment;
    if (id_parse('D', word->text, &deployment)) {
        p->command->deployment = deployment;
        return refuse(p, arena_printf(p->arena, "D%llu is a deployment, and %s is for a question",
                                      (unsigned long long)deployment, p->entry->name));
    }
    return 0;
}

static int read_deployment(struct parser *p) {
    const struct command_word *word = peek(p);
    if (!word) {
        return 0;
    }
    if (is_number_form('D', word->text)) {
        if (!id_parse('D', word->text, &p->command->deployment)) {
            return refuse(p, arena_printf(p->arena, "%s is not the number of a deployment", shown(p, word->text)));
        }
        p->at++;
        return 0;
    }
    uint64_t question;
    if (id_parse('Q', word->text, &question)) {
        p->command->question = question;
        return refuse(p, arena_printf(p->arena, "Q%llu is a question, and %s is for a deployment",
                                      (unsigned long long)question, p->entry->name));
    }
    return 0;
}

static void add_name(struct parser *p, struct plan_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->items[i], name)) {
            return;
        }
    }
    names->items = arena_push(p->arena, names->items, names->count, sizeof *names->items);
    names->items[names->count++] = name;
}

/* One word names one target, or several with commas when a shell or a quote has kept them together. */
static int add_targets(struct parser *p, struct plan_names *targets, const char *text) {
    while (*text) {
        size_t size = strcspn(text, ",");
        const char *name = arena_strndup(p->arena, text, size);
        if (size > 0 && !str_is_name(name)) {
            return refuse(p, arena_printf(p->arena, "%s is not the name of a target", shown(p, name)));
        }
        if (size > 0) {
            add_name(p, targets, name);
        }
        text += size + (text[size] == ',');
    }
    return 0;
}

static int add_input(struct parser *p, const char *text) {
    const char *equals = strchr(text, '=');
    size_t size = equals ? (size_t)(equals - text) : 0;
    char *key = arena_strndup(p->arena, text, size);
    if (!str_is_name(key)) {
        return refuse_with(p, arena_printf(p->arena, "%s is not an input", shown(p, text)),
                           "key=value, or key=\"a longer value\"");
    }
    struct command *c = p->command;
    for (size_t i = 0; i < c->input_count; i++) {
        if (str_equal(c->inputs[i].key, key)) {
            return refuse_with(p, arena_printf(p->arena, "%s is given twice", shown(p, key)),
                               arena_printf(p->arena, "%s=value once", key));
        }
    }
    c->inputs = arena_push(p->arena, c->inputs, c->input_count, sizeof *c->inputs);
    c->inputs[c->input_count++] = (struct command_input){.key = key, .value = equals + 1};
    return 0;
}

static int set_guided(struct parser *p, int guided) {
    if (p->command->guided >= 0 && p->command->guided != guided) {
        return refuse_with(p, "A deployment is guided or unguided, not both", "one of guided, unguided");
    }
    p->command->guided = guided;
    return 0;
}

/* Options: the same things in the form that shells and scripts are used to. */

enum option {
    OPTION_TARGET,
    OPTION_EXCLUDE_TARGET,
    OPTION_SKIP,
    OPTION_INPUT,
    OPTION_GUIDED,
    OPTION_DRY_RUN,
    OPTION_NOTE
};

enum { FOR_DEPLOY = 1, FOR_ANSWERS = 2, FOR_CANCEL = 4 }; /* cancel, and what else takes a reason */

static const struct {
    const char *name;
    enum option option;
    int users;
} OPTIONS[] = {
    {"--dry-run", OPTION_DRY_RUN, FOR_DEPLOY},
    {"--exclude-target", OPTION_EXCLUDE_TARGET, FOR_DEPLOY},
    {"--guided-failure", OPTION_GUIDED, FOR_DEPLOY},
    {"--input", OPTION_INPUT, FOR_DEPLOY},
    {"--note", OPTION_NOTE, FOR_ANSWERS | FOR_CANCEL},
    {"--skip", OPTION_SKIP, FOR_DEPLOY},
    {"--target", OPTION_TARGET, FOR_DEPLOY | FOR_ANSWERS},
};

static int option_user(const struct parser *p) {
    return p->entry->id == COMMAND_DEPLOY ? FOR_DEPLOY
           : p->entry->id == COMMAND_CANCEL || p->entry->id == COMMAND_FREEZE || p->entry->id == COMMAND_UNFREEZE
               ? FOR_CANCEL
           : p->command->guidance ? FOR_ANSWERS
                                  : 0;
}

static int apply_option(struct parser *p, enum option option, const char *value) {
    struct command *c = p->command;
    switch (option) {
    case OPTION_DRY_RUN:
        c->dry_run = true;
        return 0;
    case OPTION_TARGET:
        return add_targets(p, c->id == COMMAND_DEPLOY ? &c->on : &c->targets, value);
    case OPTION_EXCLUDE_TARGET:
        return add_targets(p, &c->without, value);
    case OPTION_SKIP:
        add_name(p, &c->skip, value);
        return 0;
    case OPTION_INPUT:
        return add_input(p, value);
    case OPTION_NOTE:
        p->note = *value ? value : NULL;
        return 0;
    case OPTION_GUIDED:
        if (str_equal_nocase(value, "default")) {
            return 0;
        }
        if (!str_equal_nocase(value, "true") && !str_equal_nocase(value, "false")) {
            return refuse_with(p, arena_printf(p->arena, "%s is not a choice for --guided-failure", shown(p, value)),
                               "--guided-failure true, false or default");
        }
        return set_guided(p, str_equal_nocase(value, "true"));
    }
    assert(false);
    return 0;
}

/* Takes the option at words[*at], and its value from the same word or the next one. */
static int take_option(struct parser *p, size_t *at) {
    const char *text = p->words[*at].text;
    const char *equals = strchr(text, '=');
    const char *name = equals ? arena_strndup(p->arena, text, (size_t)(equals - text)) : text;
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++) {
        if (!(OPTIONS[i].users & option_user(p)) || !str_equal(OPTIONS[i].name, name)) {
            continue;
        }
        const char *value = equals ? equals + 1 : NULL;
        if (OPTIONS[i].option != OPTION_DRY_RUN && !value) {
            if (*at + 1 == p->count) {
                return refuse(p, arena_printf(p->arena, "%s needs a value", name));
            }
            value = p->words[++*at].text;
        } else if (OPTIONS[i].option == OPTION_DRY_RUN && value) {
            return refuse_with(p, "--dry-run takes no value", "--dry-run");
        }
        return apply_option(p, OPTIONS[i].option, value);
    }
    return refuse(p, arena_printf(p->arena, "%s has no option %s", p->entry->name, shown(p, name)));
}

static int take_options(struct parser *p) {
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (p->words[i].quoted || !str_starts(p->words[i].text, "--")) {
            p->words[kept++] = p->words[i];
            continue;
        }
        int rc = take_option(p, &i);
        if (rc < 0) {
            return rc;
        }
    }
    p->count = kept;
    return 0;
}

/* deploy */

static void write_word(const struct command_word *word, struct buf *out) {
    bool quote = word->quoted || strpbrk(word->text, " ,") != NULL;
    buf_printf(out, "%s%s%s", quote ? "\"" : "", word->text, quote ? "\"" : "");
}

/* The same command with `to` where it belongs: version and environment may stand in either order, the version is
 * the one that begins like a number. */
static int refuse_order(struct parser *p) {
    static const char *const NEAR[] = {"in", "at", "into", "on", "->", "=>"};
    const char *first = p->words[1].text, *second = p->words[2].text;
    size_t rest = 3;
    for (size_t i = 0; i < sizeof NEAR / sizeof *NEAR && p->count > 3; i++) {
        if (is_keyword(&p->words[2], NEAR[i])) {
            second = p->words[3].text;
            rest = 4;
        }
    }
    const char *second_number = second + ((*second | 0x20) == 'v');
    if (has_letter(first) && *first != 'v' && !has_letter(second_number) && *second_number) {
        const char *swap = first;
        first = second;
        second = swap;
    }
    struct buf form = BUF_INIT(2 * LIMIT_COMMAND_BYTES);
    buf_printf(&form, "deploy %s %s to %s", p->words[0].text, first, second);
    for (size_t i = rest; i < p->count; i++) {
        buf_addc(&form, ' ');
        write_word(&p->words[i], &form);
    }
    struct buf harmless = BUF_INIT(8 * LIMIT_COMMAND_BYTES);
    str_show(&harmless, form.data, form.size);
    int rc = refuse_with(p, "Between the version and the environment the word 'to' is missing", harmless.data);
    buf_finish(&harmless);
    buf_finish(&form);
    return rc;
}

/* The first four words: project, version, `to`, environment. */
static int read_deploy_head(struct parser *p) {
    struct command *c = p->command;
    static const char *const PARTS[] = {"project", "version", "environment"};
    const char *heads[3] = {"<project>", "<version>", "<environment>"};
    size_t to = 0;
    while (to < p->count && to < 3 && !is_keyword(&p->words[to], "to")) {
        to++;
    }
    size_t before = to < 2 ? to : 2;
    for (size_t i = 0; i < before; i++) {
        heads[i] = p->words[i].text;
        if (!str_is_name(heads[i])) {
            return refuse(p, arena_printf(p->arena, "%s is not the name of a %s", shown(p, heads[i]), PARTS[i]));
        }
    }
    if (to == 3) {
        return str_is_name(p->words[2].text) || p->count > 3 ? refuse_order(p) : refuse(p, "The word 'to' is missing");
    }
    bool has_environment = to + 1 < p->count && str_is_name(p->words[to + 1].text);
    if (has_environment) {
        heads[2] = p->words[to + 1].text;
    } else if (to + 1 < p->count) {
        return refuse(p,
                      arena_printf(p->arena, "%s is not the name of an environment", shown(p, p->words[to + 1].text)));
    }
    if (to < 2 || !has_environment) {
        const char *missing = to == 0 ? PARTS[0] : to == 1 ? PARTS[1] : PARTS[2];
        return refuse_with(p, arena_printf(p->arena, "The %s is missing", missing),
                           arena_printf(p->arena, "deploy %s %s to %s", heads[0], heads[1], heads[2]));
    }
    c->project = heads[0];
    c->version = heads[1];
    c->environment = heads[2];
    p->at = 4;
    return 0;
}

static bool is_input(const struct command_word *word) {
    const char *equals = strchr(word->text, '=');
    return !word->quoted && equals && equals != word->text;
}

/* A clause word that begins a list, or NULL. */
static struct plan_names *clause_list(struct command *c, const struct command_word *word) {
    return is_keyword(word, "on")        ? &c->on
           : is_keyword(word, "without") ? &c->without
           : is_keyword(word, "skip")    ? &c->skip
                                         : NULL;
}

static int read_deploy_clauses(struct parser *p) {
    struct command *c = p->command;
    struct plan_names *list = NULL;
    const char *list_word = NULL;
    size_t before = 0; /* items that the list had when its clause began */
    for (; p->at <= p->count; p->at++) {
        const struct command_word *word = peek(p);
        struct plan_names *next = word ? clause_list(c, word) : NULL;
        bool is_switch = word && (is_keyword(word, "guided") || is_keyword(word, "unguided"));
        bool ends = !word || next || is_switch || is_input(word);
        int rc = 0;
        if (ends && list && list->count == before) {
            return refuse(p, arena_printf(p->arena, "After '%s' comes a name", list_word));
        }
        if (!word) {
            break;
        }
        if (ends) {
            list = next;
            list_word = word->text;
            before = next ? next->count : 0;
            rc = is_switch ? set_guided(p, is_keyword(word, "guided")) : next ? 0 : add_input(p, word->text);
        } else if (!list) {
            rc = refuse(p, arena_printf(p->arena, "%s is not understood here", shown(p, word->text)));
        } else if (list == &c->skip) {
            add_name(p, list, word->text);
        } else {
            rc = add_targets(p, list, word->text);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int parse_deploy(struct parser *p) {
    int rc = read_deploy_head(p);
    return rc < 0 ? rc : read_deploy_clauses(p);
}

/* the other commands */

static int parse_answer(struct parser *p) {
    int rc = read_question(p);
    bool when_back =
        p->at + 2 == p->count && is_keyword(&p->words[p->at], "when") && is_keyword(&p->words[p->at + 1], "back");
    if (rc == 0 && p->command->guidance == GUIDANCE_RETRY && when_back) {
        *p->command = (struct command){.guided = -1, .id = COMMAND_WHEN_BACK, .question = p->command->question};
        return 0;
    }
    while (rc == 0 && p->at < p->count) {
        rc = add_targets(p, &p->command->targets, p->words[p->at++].text);
    }
    bool some = rc == 0 && p->command->targets.count > 0;
    switch (p->command->guidance) {
    case GUIDANCE_FAIL:
    case GUIDANCE_ABORT:
        return some ? refuse(p, arena_printf(p->arena, "%s ends the whole deployment, so it takes no targets",
                                             p->entry->name))
                    : rc;
    case GUIDANCE_PROCEED:
        return some ? refuse(p, "proceed approves the whole step, so it takes no targets") : rc;
    case GUIDANCE_NONE:
    case GUIDANCE_RETRY:
    case GUIDANCE_IGNORE:
    case GUIDANCE_EXCLUDE:
        break;
    }
    return rc;
}

static int parse_question_only(struct parser *p) {
    int rc = read_question(p);
    return rc < 0 ? rc : read_end(p);
}

static bool read_time(struct parser *p) {
    const struct command_word *word = peek(p);
    if (!word || str_to_duration_ms(word->text, &p->command->extend_ms, NULL) < 0 || p->command->extend_ms <= 0) {
        return false;
    }
    p->at++;
    return true;
}

/* "extend Q42 1h"; in the thread of the question "extend 1h". */
static int parse_extend(struct parser *p) {
    if (!read_time(p)) {
        int rc = read_question(p);
        if (rc < 0) {
            return rc;
        }
        if (peek(p) && !read_time(p)) {
            return refuse(p, arena_printf(p->arena, "%s is no time such as 30m or 2h", shown(p, peek(p)->text)));
        }
    }
    return read_end(p);
}

static int parse_cancel(struct parser *p) {
    int rc = read_deployment(p);
    return rc < 0 ? rc : read_end(p);
}

static int parse_log(struct parser *p) {
    int rc = read_deployment(p);
    if (rc == 0 && peek(p)) {
        p->command->step = p->words[p->at++].text;
    }
    if (rc == 0 && peek(p)) {
        rc = read_name(p, "target", &p->command->target);
    }
    return rc < 0 ? rc : read_end(p);
}

static int parse_status(struct parser *p) {
    int rc = read_deployment(p);
    if (rc == 0 && p->command->deployment == 0 && peek(p)) {
        rc = read_name(p, "project", &p->command->topic);
    }
    return rc < 0 ? rc : read_end(p);
}

static int parse_history(struct parser *p) {
    if (!peek(p)) {
        return refuse(p, "The project is missing");
    }
    int rc = read_name(p, "project", &p->command->project);
    if (rc == 0 && peek(p)) {
        rc = read_name(p, "environment", &p->command->environment);
    }
    return rc < 0 ? rc : read_end(p);
}

static int parse_topic(struct parser *p, const char *what) {
    int rc = peek(p) ? read_name(p, what, &p->command->topic) : 0;
    return rc < 0 ? rc : read_end(p);
}

/* One of the words that join the parts of a sentence: "in", "from", "to". */
static int read_keyword(struct parser *p, const char *keyword) {
    if (!is_keyword(peek(p), keyword)) {
        return refuse(p, arena_printf(p->arena, "The word '%s' is missing", keyword));
    }
    p->at++;
    return 0;
}

static int read_needed(struct parser *p, const char *what, const char **ret_name) {
    return peek(p) ? read_name(p, what, ret_name) : refuse(p, arena_printf(p->arena, "The %s is missing", what));
}

static int read_needed_deployment(struct parser *p) {
    if (!peek(p)) {
        return refuse(p, "The number of the deployment is missing");
    }
    int rc = read_deployment(p);
    if (rc == 0 && p->command->deployment == 0) {
        rc = refuse(p, arena_printf(p->arena, "%s is not the number of a deployment", shown(p, peek(p)->text)));
    }
    return rc;
}

static int parse_project_in(struct parser *p) {
    int rc = read_needed(p, "project", &p->command->project);
    rc = rc < 0 ? rc : read_keyword(p, "in");
    rc = rc < 0 ? rc : read_needed(p, "environment", &p->command->environment);
    return rc < 0 ? rc : read_end(p);
}

static int parse_catch(struct parser *p) {
    int rc = read_keyword(p, "up");
    if (rc < 0) {
        return rc;
    }
    if (peek(p) && is_number_form('D', peek(p)->text)) {
        rc = read_deployment(p);
        return rc < 0 ? rc : read_end(p);
    }
    return parse_project_in(p);
}

static int parse_promote(struct parser *p) {
    int rc = read_needed(p, "project", &p->command->project);
    rc = rc < 0 ? rc : read_keyword(p, "from");
    rc = rc < 0 ? rc : read_needed(p, "environment", &p->command->from);
    rc = rc < 0 ? rc : read_keyword(p, "to");
    rc = rc < 0 ? rc : read_needed(p, "environment", &p->command->environment);
    return rc < 0 ? rc : read_end(p);
}

static int parse_resume(struct parser *p) {
    int rc = read_needed_deployment(p);
    if (rc == 0) {
        p->command->rerun_unknown = is_keyword(peek(p), "rerun-unknown");
        p->command->unknown_worked = is_keyword(peek(p), "unknown-worked");
        p->at += p->command->rerun_unknown || p->command->unknown_worked;
    }
    return rc < 0 ? rc : read_end(p);
}

static int parse_again(struct parser *p) {
    int rc = read_needed_deployment(p);
    if (rc == 0 && is_keyword(peek(p), "with")) {
        p->at++;
        rc = read_keyword(p, "excluded");
        p->command->with_excluded = true;
    }
    return rc < 0 ? rc : read_end(p);
}

static int parse_environment(struct parser *p) {
    int rc = read_needed(p, "environment", &p->command->environment);
    return rc < 0 ? rc : read_end(p);
}

static int parse_rest(struct parser *p) {
    switch (p->entry->id) {
    case COMMAND_DEPLOY:
        return parse_deploy(p);
    case COMMAND_AGAIN:
        return parse_again(p);
    case COMMAND_CATCH:
        return parse_catch(p);
    case COMMAND_FREEZE:
    case COMMAND_UNFREEZE:
        return parse_environment(p);
    case COMMAND_PROMOTE:
        return parse_promote(p);
    case COMMAND_RESUME:
        return parse_resume(p);
    case COMMAND_ROLLBACK:
        return parse_project_in(p);
    case COMMAND_ABORT:
    case COMMAND_EXCLUDE:
    case COMMAND_FAIL:
    case COMMAND_IGNORE:
    case COMMAND_PROCEED:
    case COMMAND_RETRY:
        return parse_answer(p);
    case COMMAND_EXTEND:
        return parse_extend(p);
    case COMMAND_CHECK:
    case COMMAND_PARK:
    case COMMAND_SHOW:
    case COMMAND_TAKE:
    case COMMAND_UNPARK:
    case COMMAND_WHEN_BACK:
    case COMMAND_WHO:
        return parse_question_only(p);
    case COMMAND_CANCEL:
        return parse_cancel(p);
    case COMMAND_LOG:
        return parse_log(p);
    case COMMAND_STATUS:
        return parse_status(p);
    case COMMAND_HISTORY:
        return parse_history(p);
    case COMMAND_HELP:
        return parse_topic(p, "command");
    case COMMAND_VERSIONS:
        return parse_topic(p, "project");
    case COMMAND_PENDING:
    case COMMAND_WHOAMI:
        return read_end(p);
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
    struct parser p = {.words = line->words + 1,
                       .count = line->count - 1,
                       .note = line->note,
                       .command = ret_command,
                       .arena = arena,
                       .err = err};
    const char *near = NULL;
    p.entry = command_find(line->words[0].text, &near);
    if (!p.entry) {
        return err_set(err, ERR_INVALID, "There is no command %s; %s", shown(&p, line->words[0].text),
                       near ? arena_printf(arena, "did you mean: %s", near) : "to see them all, write: help");
    }
    ret_command->id = p.entry->id;
    ret_command->guidance = guidance_parse(p.entry->name);
    int rc = take_options(&p);
    rc = rc < 0 ? rc : parse_rest(&p);
    if (rc < 0) {
        return rc;
    }
    if (p.note && !(option_user(&p) & (FOR_ANSWERS | FOR_CANCEL))) {
        return refuse(&p, arena_printf(arena, "%s takes no note", p.entry->name));
    }
    ret_command->note = p.note;
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

#include "command_deploy.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"

int command_deploy_add_input(struct reader *r, const char *text) {
    const char *equals = strchr(text, '=');
    size_t size = equals ? (size_t)(equals - text) : 0;
    char *key = arena_strndup(r->arena, text, size);
    if (!str_is_name(key)) {
        return reader_refuse_with(r, arena_printf(r->arena, "%s is not an input", reader_show(r, text)),
                                  "key=value, or key=\"a longer value\"");
    }
    struct command *c = r->command;
    for (size_t i = 0; i < c->input_count; i++) {
        if (str_equal(c->inputs[i].key, key)) {
            return reader_refuse_with(r, arena_printf(r->arena, "%s is given twice", reader_show(r, key)),
                                      arena_printf(r->arena, "%s=value once", key));
        }
    }
    c->inputs = arena_push(r->arena, c->inputs, c->input_count, sizeof *c->inputs);
    c->inputs[c->input_count++] = (struct command_input){.key = key, .value = equals + 1};
    return 0;
}

int command_deploy_set_guided(struct reader *r, int guided) {
    if (r->command->guided >= 0 && r->command->guided != guided) {
        return reader_refuse_with(r, "A deployment is guided or unguided, not both", "one of guided, unguided");
    }
    r->command->guided = guided;
    return 0;
}

static void write_word(const struct command_word *word, struct buf *out) {
    bool quote = word->quoted || strpbrk(word->text, " ,") != NULL;
    buf_printf(out, "%s%s%s", quote ? "\"" : "", word->text, quote ? "\"" : "");
}

static bool has_letter(const char *text) {
    return *text < '0' || *text > '9';
}

/* The same command with `to` where it belongs: version and environment may stand in either order, the version is
 * the one that begins like a number. */
static int refuse_order(struct reader *r) {
    static const char *const NEAR[] = {"in", "at", "into", "on", "->", "=>"};
    const char *first = r->words[1].text, *second = r->words[2].text;
    size_t rest = 3;
    for (size_t i = 0; i < sizeof NEAR / sizeof *NEAR && r->count > 3; i++) {
        if (command_word_is(&r->words[2], NEAR[i])) {
            second = r->words[3].text;
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
    buf_printf(&form, "deploy %s %s to %s", r->words[0].text, first, second);
    for (size_t i = rest; i < r->count; i++) {
        buf_addc(&form, ' ');
        write_word(&r->words[i], &form);
    }
    struct buf harmless = BUF_INIT(8 * LIMIT_COMMAND_BYTES);
    str_show(&harmless, form.data, form.size);
    int rc = reader_refuse_with(r, "Between the version and the environment the word 'to' is missing", harmless.data);
    buf_finish(&harmless);
    buf_finish(&form);
    return rc;
}

/* The first four words: project, version, `to`, environment. */
static int read_deploy_head(struct reader *r) {
    struct command *c = r->command;
    static const char *const PARTS[] = {"project", "version", "environment"};
    const char *heads[3] = {"<project>", "<version>", "<environment>"};
    size_t to = 0;
    while (to < r->count && to < 3 && !command_word_is(&r->words[to], "to")) {
        to++;
    }
    size_t before = to < 2 ? to : 2;
    for (size_t i = 0; i < before; i++) {
        heads[i] = r->words[i].text;
        if (!str_is_name(heads[i])) {
            return reader_refuse(
                r, arena_printf(r->arena, "%s is not the name of a %s", reader_show(r, heads[i]), PARTS[i]));
        }
    }
    if (to == 3) {
        return str_is_name(r->words[2].text) || r->count > 3 ? refuse_order(r)
                                                             : reader_refuse(r, "The word 'to' is missing");
    }
    bool has_environment = to + 1 < r->count && str_is_name(r->words[to + 1].text);
    if (has_environment) {
        heads[2] = r->words[to + 1].text;
    } else if (to + 1 < r->count) {
        return reader_refuse(
            r, arena_printf(r->arena, "%s is not the name of an environment", reader_show(r, r->words[to + 1].text)));
    }
    if (to < 2 || !has_environment) {
        const char *missing = to == 0 ? PARTS[0] : to == 1 ? PARTS[1] : PARTS[2];
        return reader_refuse_with(r, arena_printf(r->arena, "The %s is missing", missing),
                                  arena_printf(r->arena, "deploy %s %s to %s", heads[0], heads[1], heads[2]));
    }
    c->project = heads[0];
    c->version = heads[1];
    c->environment = heads[2];
    r->at = 4;
    return 0;
}

static bool is_input(const struct command_word *word) {
    const char *equals = strchr(word->text, '=');
    return !word->quoted && equals && equals != word->text;
}

/* A clause word that begins a list, or NULL. */
static struct plan_names *clause_list(struct command *c, const struct command_word *word) {
    return command_word_is(word, "on")        ? &c->on
           : command_word_is(word, "without") ? &c->without
           : command_word_is(word, "skip")    ? &c->skip
                                              : NULL;
}

static int read_deploy_clauses(struct reader *r) {
    struct command *c = r->command;
    struct plan_names *list = NULL;
    const char *list_word = NULL;
    size_t before = 0; /* items that the list had when its clause began */
    for (; r->at <= r->count; r->at++) {
        const struct command_word *word = reader_peek(r);
        struct plan_names *next = word ? clause_list(c, word) : NULL;
        bool is_switch = word && (command_word_is(word, "guided") || command_word_is(word, "unguided"));
        bool ends = !word || next || is_switch || is_input(word);
        int rc = 0;
        if (ends && list && list->count == before) {
            return reader_refuse(r, arena_printf(r->arena, "After '%s' comes a name", list_word));
        }
        if (!word) {
            break;
        }
        if (ends) {
            list = next;
            list_word = word->text;
            before = next ? next->count : 0;
            rc = is_switch ? command_deploy_set_guided(r, command_word_is(word, "guided"))
                 : next    ? 0
                           : command_deploy_add_input(r, word->text);
        } else if (!list) {
            rc = reader_refuse(r, arena_printf(r->arena, "%s is not understood here", reader_show(r, word->text)));
        } else if (list == &c->skip) {
            reader_add_name(r, list, word->text);
        } else {
            rc = reader_add_targets(r, list, word->text);
        }
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

int command_deploy_read(struct reader *r) {
    int rc = read_deploy_head(r);
    return rc < 0 ? rc : read_deploy_clauses(r);
}

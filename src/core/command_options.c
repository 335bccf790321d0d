#include "command_options.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"
#include "command_deploy.h"

enum option {
    OPTION_TARGET,
    OPTION_EXCLUDE_TARGET,
    OPTION_SKIP,
    OPTION_INPUT,
    OPTION_GUIDED,
    OPTION_DRY_RUN,
    OPTION_NOTE,
    OPTION_WHEN_BACK
};

enum { FOR_DEPLOY = 1, FOR_ANSWERS = 2, FOR_CANCEL = 4, FOR_RETRY = 8 }; /* cancel, and what else takes a reason */

static const struct {
    const char *name;
    enum option option;
    int users;
    bool is_switch;
} OPTIONS[] = {
    {"--dry-run", OPTION_DRY_RUN, FOR_DEPLOY, true},
    {"--exclude-target", OPTION_EXCLUDE_TARGET, FOR_DEPLOY, false},
    {"--guided-failure", OPTION_GUIDED, FOR_DEPLOY, false},
    {"--input", OPTION_INPUT, FOR_DEPLOY, false},
    {"--note", OPTION_NOTE, FOR_ANSWERS | FOR_CANCEL, false},
    {"--skip", OPTION_SKIP, FOR_DEPLOY, false},
    {"--target", OPTION_TARGET, FOR_DEPLOY | FOR_ANSWERS, false},
    {"--when-back", OPTION_WHEN_BACK, FOR_RETRY, true},
};

/* Looks at the command and not at its word: retry becomes when-back. */
static int option_user(const struct reader *r) {
    enum command_id id = r->command->id;
    bool takes_reason =
        id == COMMAND_CANCEL || id == COMMAND_FREEZE || id == COMMAND_UNFREEZE || id == COMMAND_WHEN_BACK;
    return id == COMMAND_DEPLOY   ? FOR_DEPLOY
           : id == COMMAND_RETRY  ? FOR_ANSWERS | FOR_RETRY
           : takes_reason         ? FOR_CANCEL
           : r->command->guidance ? FOR_ANSWERS
                                  : 0;
}

static int apply_option(struct reader *r, enum option option, const char *value) {
    struct command *c = r->command;
    switch (option) {
    case OPTION_DRY_RUN:
        c->dry_run = true;
        return 0;
    case OPTION_TARGET:
        return reader_add_targets(r, c->id == COMMAND_DEPLOY ? &c->on : &c->targets, value);
    case OPTION_EXCLUDE_TARGET:
        return reader_add_targets(r, &c->without, value);
    case OPTION_SKIP:
        reader_add_name(r, &c->skip, value);
        return 0;
    case OPTION_INPUT:
        return command_deploy_add_input(r, value);
    case OPTION_WHEN_BACK:
        c->id = COMMAND_WHEN_BACK;
        return 0;
    case OPTION_NOTE:
        r->note = *value ? value : NULL;
        return 0;
    case OPTION_GUIDED:
        if (str_equal_nocase(value, "default")) {
            return 0;
        }
        if (!str_equal_nocase(value, "true") && !str_equal_nocase(value, "false")) {
            return reader_refuse_with(
                r, arena_printf(r->arena, "%s is not a choice for --guided-failure", reader_show(r, value)),
                "--guided-failure true, false or default");
        }
        return command_deploy_set_guided(r, str_equal_nocase(value, "true"));
    }
    assert(false);
    return 0;
}

/* Takes the option at words[*at], and its value from the same word or the next one. */
static int take_option(struct reader *r, size_t *at) {
    const char *text = r->words[*at].text;
    const char *equals = strchr(text, '=');
    const char *name = equals ? arena_strndup(r->arena, text, (size_t)(equals - text)) : text;
    for (size_t i = 0; i < sizeof OPTIONS / sizeof *OPTIONS; i++) {
        if (!(OPTIONS[i].users & option_user(r)) || !str_equal(OPTIONS[i].name, name)) {
            continue;
        }
        const char *value = equals ? equals + 1 : NULL;
        if (!OPTIONS[i].is_switch && !value) {
            if (*at + 1 == r->count) {
                return reader_refuse(r, arena_printf(r->arena, "%s needs a value", name));
            }
            value = r->words[++*at].text;
        } else if (OPTIONS[i].is_switch && value) {
            return reader_refuse_with(r, arena_printf(r->arena, "%s takes no value", name), name);
        }
        return apply_option(r, OPTIONS[i].option, value);
    }
    return reader_refuse(r, arena_printf(r->arena, "%s has no option %s", r->entry->name, reader_show(r, name)));
}

int command_options_take(struct reader *r) {
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++) {
        if (r->words[i].quoted || !str_starts(r->words[i].text, "--")) {
            r->words[kept++] = r->words[i];
            continue;
        }
        int rc = take_option(r, &i);
        if (rc < 0) {
            return rc;
        }
    }
    r->count = kept;
    return 0;
}

bool command_options_has_note(const struct reader *r) {
    return (option_user(r) & (FOR_ANSWERS | FOR_CANCEL)) != 0;
}

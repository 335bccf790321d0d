#include "options.h"

#include <assert.h>
#include <string.h>

#include "base/str.h"

static const struct option TABLE[] = {
#define X(id, name, letter, value, help) {name, value, help, letter},
    OPTIONS(X)
#undef X
};

static_assert(OPTION_COUNT <= 64, "an option_set has a bit for each");

struct parser {
    const char *const *args;
    size_t count, at;
    option_set allowed;
    const char *verb;
    struct arena *arena;
    struct options *options;
    struct err *err;
};

const struct option *option_entry(enum option_id id) {
    return &TABLE[id];
}

bool option_given(const struct options *options, enum option_id id) {
    return options->given[id].count > 0;
}

const char *option_value(const struct options *options, enum option_id id) {
    const struct option_values *values = &options->given[id];
    return values->count > 0 ? values->items[values->count - 1] : NULL;
}

static void add(struct parser *p, enum option_id id, const char *value) {
    struct option_values *values = &p->options->given[id];
    values->items = arena_push(p->arena, values->items, values->count, sizeof *values->items);
    values->items[values->count++] = value;
}

static void add_word(struct parser *p, const char *word) {
    struct options *options = p->options;
    options->words = arena_push(p->arena, options->words, options->word_count, sizeof *options->words);
    options->words[options->word_count++] = word;
}

static bool is_allowed(const struct parser *p, size_t id) {
    return (p->allowed >> id & 1) != 0;
}

static int refuse(struct parser *p, const char *name) {
    const char *names[OPTION_COUNT];
    size_t count = 0;
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        if (is_allowed(p, id)) {
            names[count++] = TABLE[id].name;
        }
    }
    const char *near = str_starts(name, "--") ? str_nearest(name + 2, names, count) : NULL;
    const char *verb = p->verb ? p->verb : "guidepost";
    const char *topic = p->verb ? arena_printf(p->arena, " %s", p->verb) : "";
    return near ? err_set(p->err, ERR_INVALID, "%s has no option %s; did you mean: --%s", verb, name, near)
                : err_set(p->err, ERR_INVALID, "%s has no option %s. See: guidepost help%s", verb, name, topic);
}

/* `value` is what stood behind '=', or NULL; then it is the next argument. */
static int take(struct parser *p, enum option_id id, const char *shown, const char *value) {
    if (!TABLE[id].value && value) {
        return err_set(p->err, ERR_INVALID, "%s is a switch and takes no value.", shown);
    }
    if (TABLE[id].value && !value) {
        if (p->at == p->count) {
            return err_set(p->err, ERR_INVALID, "%s needs a value: %s %s", shown, shown, TABLE[id].value);
        }
        value = p->args[p->at++];
    }
    add(p, id, value);
    return 0;
}

static int take_long(struct parser *p, const char *arg) {
    size_t size = strcspn(arg, "=");
    const char *shown = arena_strndup(p->arena, arg, size);
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        if (is_allowed(p, id) && str_equal(TABLE[id].name, shown + 2)) {
            return take(p, (enum option_id)id, shown, arg[size] == '=' ? arg + size + 1 : NULL);
        }
    }
    return refuse(p, shown);
}

/* Letters may be run together (-qf); the value of the last may be glued on (-cFILE). */
static int take_letters(struct parser *p, const char *arg) {
    for (const char *letter = arg + 1; *letter; letter++) {
        const char *shown = arena_printf(p->arena, "-%c", *letter);
        size_t id = 0;
        while (id < OPTION_COUNT && !(is_allowed(p, id) && TABLE[id].letter == *letter)) {
            id++;
        }
        if (id == OPTION_COUNT) {
            return refuse(p, shown);
        }
        bool has_rest = TABLE[id].value && letter[1];
        int r = take(p, (enum option_id)id, shown, has_rest ? letter + 1 : NULL);
        if (r < 0 || TABLE[id].value) {
            return r;
        }
    }
    return 0;
}

int options_parse(const char *const *args, size_t count, option_set allowed, const char *verb, struct arena *arena,
                  struct options *ret_options, struct err *err) {
    struct options options = {0};
    struct parser p = {.args = args,
                       .count = count,
                       .allowed = allowed,
                       .verb = verb,
                       .arena = arena,
                       .options = &options,
                       .err = err};
    while (p.at < count) {
        const char *arg = args[p.at++];
        int r = 0;
        if (str_equal(arg, "--")) {
            break;
        }
        if (str_starts(arg, "--")) {
            r = take_long(&p, arg);
        } else if (arg[0] == '-' && arg[1]) {
            r = take_letters(&p, arg);
        } else {
            add_word(&p, arg);
        }
        if (r < 0) {
            return r;
        }
    }
    options.note_at = options.word_count;
    while (p.at < count) {
        add_word(&p, args[p.at++]);
    }
    *ret_options = options;
    return 0;
}

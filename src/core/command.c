#include "core/command.h"

#include <assert.h>

#include "base/str.h"
#include "command_words.h"

static const struct command_entry TABLE[] = {
#define X(id, name, usage, permission, help) {COMMAND_##id, name, usage, help, permission},
    COMMANDS(X)
#undef X
};

enum { TABLE_COUNT = sizeof TABLE / sizeof *TABLE };

static_assert(TABLE_COUNT == COMMAND_COUNT - 1, "the table has a row for each id but COMMAND_NONE");

const struct command_entry *command_table(size_t *ret_count) {
    *ret_count = TABLE_COUNT;
    return TABLE;
}

const struct command_entry *command_entry(enum command_id id) {
    assert(id > COMMAND_NONE && id < COMMAND_COUNT);
    return &TABLE[id - 1];
}

enum command_id command_answering(enum guidance guidance) {
    switch (guidance) {
    case GUIDANCE_NONE:
        return COMMAND_NONE;
    case GUIDANCE_RETRY:
        return COMMAND_RETRY;
    case GUIDANCE_IGNORE:
        return COMMAND_IGNORE;
    case GUIDANCE_EXCLUDE:
        return COMMAND_EXCLUDE;
    case GUIDANCE_FAIL:
        return COMMAND_FAIL;
    case GUIDANCE_PROCEED:
        return COMMAND_PROCEED;
    case GUIDANCE_ABORT:
        return COMMAND_ABORT;
    }
    return COMMAND_NONE;
}

const struct command_entry *command_find(const char *name, const char **ret_near) {
    const char *names[TABLE_COUNT];
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (str_equal_nocase(TABLE[i].name, name)) {
            return &TABLE[i];
        }
        names[i] = TABLE[i].name;
    }
    *ret_near = str_nearest(name, names, TABLE_COUNT);
    return NULL;
}

static void write_usage(const struct command_entry *entry, struct buf *out) {
    buf_printf(out, "%s%s%s", entry->name, *entry->usage ? " " : "", entry->usage);
}

static const char *permission_needed(const struct command_entry *entry) {
    return entry->permission == 0 ? "everybody" : permission_word(entry->permission);
}

static void write_all(struct buf *out) {
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        write_usage(&TABLE[i], out);
        buf_printf(out, "\n    %s\n", TABLE[i].help);
    }
    buf_adds(out,
             "\n"
             "Example: deploy webshop 1.4.2 to production\n"
             "A deployment is written D311, a question Q42; in the thread of a question its number can be left out.\n"
             "Names with blanks go in quotes; a note follows --, as in: retry Q42 -- freed some disk space\n"
             "Three ways to stop: fail answers a question and ends its deployment as failed, cancel stops a deployment "
             "at any time, abort refuses an approval and ends its deployment as failed.\n");
}

int command_help(const char *name, struct buf *out, struct err *err) {
    if (str_empty(name)) {
        write_all(out);
        return 0;
    }
    const char *near = NULL;
    const struct command_entry *entry = command_find(name, &near);
    if (!entry) {
        return near ? err_set(err, ERR_NOT_FOUND, "There is no such command; did you mean: help %s", near)
                    : err_set(err, ERR_NOT_FOUND, "There is no such command; to see them all, write: help");
    }
    write_usage(entry, out);
    buf_printf(out, "\n    %s\n    Permission: %s\n", entry->help, permission_needed(entry));
    return 0;
}

/* Within a table of Markdown a bar would end the cell, even in code. */
static void write_cell(const char *text, struct buf *out) {
    for (; *text; text++) {
        if (*text == '|') {
            buf_addc(out, '\\');
        }
        buf_addc(out, *text);
    }
}

void command_write_reference(struct buf *out) {
    buf_adds(out, "| Command | What it does | Permission |\n|---|---|---|\n");
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        buf_printf(out, "| `%s%s", TABLE[i].name, *TABLE[i].usage ? " " : "");
        write_cell(TABLE[i].usage, out);
        buf_printf(out, "` | %s | %s |\n", TABLE[i].help, permission_needed(&TABLE[i]));
    }
}

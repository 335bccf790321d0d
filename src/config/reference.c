#include "config/config.h"

#include "listing.h"

static void write_one(struct buf *out, const struct field *field) {
    static const char *const names[REFERS_COUNT] = {
        [REFERS_NOTHING] = "",
        [REFERS_ROOM] = "the name of a room",
        [REFERS_PERSON] = "the name of a person",
        [REFERS_WHO] = "the name of a person or team",
        [REFERS_ENVIRONMENT] = "the name of an environment",
        [REFERS_PROJECT] = "the name of a project",
        [REFERS_TARGETS] = "a tag or the name of a target",
    };
    if (field->words != NULL) {
        for (const struct word *word = field->words; word->text != NULL; word++) {
            buf_printf(out, "%s`%s`", word == field->words ? "" : word[1].text == NULL ? " or " : ", ", word->text);
        }
    } else if (field->refers != REFERS_NOTHING) {
        buf_printf(out, "%s%s", names[field->refers], field->star ? ", or `\"*\"`" : "");
    } else {
        buf_adds(out, table_rules[field->rule].expects);
    }
}

static void write_range(struct buf *out, const struct field *field) {
    if (field->max > 0 && field->type == FIELD_DURATION) {
        buf_adds(out, ", ");
        table_write_duration(out, field->min);
        buf_adds(out, " to ");
        table_write_duration(out, field->max);
    } else if (field->max > field->min) {
        buf_printf(out, ", %lld to %lld", (long long)field->min, (long long)field->max);
    }
}

/* What may be written as the value. */
static void write_value(struct buf *out, const struct field *field) {
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_PATH:
    case FIELD_WORD:
    case FIELD_FLAG:
        write_one(out, field);
        break;
    case FIELD_SCALAR:
        buf_adds(out, "a text, a number, `true` or `false`");
        break;
    case FIELD_NUMBER:
    case FIELD_FACTOR:
        buf_adds(out, "a number");
        write_range(out, field);
        break;
    case FIELD_BOOL:
    case FIELD_SWITCH:
        buf_adds(out, "`true` or `false`");
        break;
    case FIELD_DURATION:
        buf_adds(out, "a time");
        write_range(out, field);
        buf_adds(out, field->never ? ", or `never`" : field->yes_ms > 0 ? ", or `true`" : "");
        break;
    case FIELD_SECRET:
        buf_adds(out, "a secret");
        break;
    case FIELD_NAMES:
        buf_adds(out, "a list; each ");
        write_one(out, field);
        break;
    case FIELD_ALLOW:
        buf_adds(out, "a list of permissions");
        break;
    case FIELD_LOCAL:
        buf_adds(out, "`true`, or a host name");
        break;
    case FIELD_VARIABLES:
        buf_adds(out, "names with a text or a secret each");
        break;
    case FIELD_TABLE:
        buf_printf(out, "see [%s](#%s)", field->table->name, field->table->name);
        break;
    case FIELD_MAP:
        buf_printf(out, "names; see [%s](#%s)", field->table->name, field->table->name);
        break;
    case FIELD_LIST:
        buf_printf(out, "a list; see [%s](#%s)", field->table->name, field->table->name);
        break;
    }
}

static void write_default(struct buf *out, const struct field *field) {
    if (field->required) {
        buf_adds(out, "**must be set**");
    } else if (field->fallback != NULL && field->type == FIELD_NAMES) {
        buf_adds(out, "`[");
        for (const char *c = field->fallback; *c != '\0'; c++) {
            buf_adds(out, *c == ' ' ? ", " : (char[2]){*c, '\0'});
        }
        buf_adds(out, "]`");
    } else if (field->fallback != NULL) {
        buf_printf(out, "`%s`", field->fallback);
    }
    if (field->inherits) {
        buf_printf(out, "%sinherited", field->fallback != NULL ? ", " : "");
    }
}

static const char intro[] =
    "# Configuration\n"
    "\n"
    "Every key of `guidepost.yaml`. This page is printed by `guidepost config docs`, from the table that the loader "
    "works "
    "by.\n"
    "\n"
    "- The path may also be a folder: its `guidepost.yaml` is read first, then the `*.yaml` of its `conf.d` in the "
    "order of "
    "their names. Each adds to what is there; nothing can be set twice.\n"
    "- A *time* has a unit: `250ms`, `90s`, `5m`, `1h30m`, `2d`. Only `true` and `false` switch something on and off.\n"
    "- A *secret* never stands in the file itself: `{file: PATH}` (a relative path starts at the folder of the file), "
    "`{credential: NAME}` (a systemd credential) or `{env: NAME}` (accepted with a warning).\n"
    "- An unknown key is an error. Keys that begin with `x-` at the top are ignored: a place for anchors (`&name`), "
    "which "
    "aliases (`*name`) repeat elsewhere in the same file.\n"
    "- *Inherited*: what is left out at a step is taken from its project, then from the environment, and at last it is "
    "the "
    "value that is shown.\n"
    "- `guidepost config check` shows everything that is wrong at once, with file, line and column.\n";

void config_write_reference(struct buf *out) {
    struct listing listing;
    listing_init(&listing);
    buf_adds(out, intro);
    for (size_t i = 0; i < listing.count; i++) {
        const struct table *table = listing.tables[i];
        buf_printf(out, "\n## %s\n\n", table->name);
        if (i > 0) {
            buf_printf(out, "`%s`: %s\n\n", listing.paths[i], table->help);
        }
        buf_adds(out, "| Key | Value | Default | Meaning |\n|---|---|---|---|\n");
        for (const struct field *field = table->fields; field->key != NULL; field++) {
            buf_printf(out, "| `%s` | ", field->key);
            write_value(out, field);
            buf_adds(out, " | ");
            write_default(out, field);
            buf_printf(out, " | %s |\n", field->help);
        }
    }
    listing_finish(&listing);
}

#ifndef GP_SRC_CONFIG_TABLE_H
#define GP_SRC_CONFIG_TABLE_H

/*
 * Every key of the configuration, once: what it may hold, where it goes in struct config, what it is for. The
 * loader, docs/CONFIG.md and the JSON Schema are all made from these tables, so they cannot disagree. Adding a
 * key is one row here and one member in config/config.h.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum field_type {
    FIELD_TEXT,      /* const char * */
    FIELD_SCALAR,    /* const char *; a number or true and false may stand without quotes */
    FIELD_PATH,      /* const char *; made absolute */
    FIELD_NUMBER,    /* int */
    FIELD_FACTOR,    /* double */
    FIELD_BOOL,      /* bool */
    FIELD_SWITCH,    /* enum config_switch, from true and false */
    FIELD_WORD,      /* int or an enum, by the field's words */
    FIELD_FLAG,      /* bool, by the field's words */
    FIELD_DURATION,  /* int64_t in milliseconds */
    FIELD_SECRET,    /* struct config_secret */
    FIELD_NAMES,     /* struct config_names */
    FIELD_ALLOW,     /* unsigned: bits of enum permission */
    FIELD_LOCAL,     /* struct config_target: true or the name of a host */
    FIELD_VARIABLES, /* struct config_variable array and count */
    FIELD_TABLE,     /* a mapping; its fields are in the same struct, from `offset` on */
    FIELD_MAP,       /* array and count of structs that begin with their name */
    FIELD_LIST,      /* array and count of structs */
};

/* What a text must look like. The pattern is a regular expression both for POSIX and for ECMAScript. */
struct rule {
    const char *expects; /* "a URL such as https://example.org" */
    const char *pattern; /* NULL = any text */
    size_t limit;        /* in bytes */
};

enum rule_id {
    RULE_ANY,
    RULE_NAME,
    RULE_LINE,
    RULE_STEP_NAME,
    RULE_SCRIPT,
    RULE_VARIABLE,
    RULE_PATH,
    RULE_URL,
    RULE_LISTEN,
    RULE_REDIS_URL,
    RULE_KEY_PREFIX,
    RULE_TIME_OF_DAY,
    RULE_TIME_ZONE,
    RULE_USER,
    RULE_SSH,
    RULE_SSH_OPTION,
    RULE_EMAIL,
    RULE_SLACK_USER,
    RULE_SLACK_USERGROUP,
    RULE_SLACK_CHANNEL,
    RULE_SLACK_COMMAND,
    RULE_MATRIX_USER,
    RULE_MATRIX_ROOM,
    RULE_REGEX,
    RULE_COUNT
};

extern const struct rule table_rules[RULE_COUNT];

/* What a text names; looked up when everything was read. */
enum refers {
    REFERS_NOTHING,
    REFERS_ROOM,
    REFERS_PERSON,
    REFERS_WHO, /* a person or a team */
    REFERS_ENVIRONMENT,
    REFERS_PROJECT,
    REFERS_TARGETS, /* a tag or the name of a target */
    REFERS_COUNT
};

struct word {
    const char *text; /* NULL ends the list */
    int value;
};

struct table;

struct field {
    const char *key;
    enum field_type type;
    size_t offset;
    size_t count_offset; /* of the size_t beside an array; for a table: of a bool that says it is there, or 0 */
    const struct table *table;
    const struct word *words;
    enum rule_id rule;
    enum refers refers;
    bool star;        /* "*" may stand instead of a name */
    int64_t min, max; /* max 0 = no limits */
    int64_t yes_ms;   /* a duration that may be `true`, which means this; 0 = it may not */
    bool never;       /* a duration that may be "never" */
    bool required;
    bool inherits;        /* left out means -1, NULL or SWITCH_INHERIT; `fallback` is where inheritance ends */
    const char *fallback; /* as it would be written; names are parted by blanks */
    const char *help;     /* one sentence */
};

struct table {
    const char *name; /* of an element, for the reference and the schema: "step" */
    const char *help;
    size_t size;                /* of the struct, where elements of an array are made */
    const struct field *fields; /* ends with a field without key */
};

extern const struct table table_root;

/* As the file writes it: "15m", "90d". */
void table_write_duration(struct buf *out, int64_t ms);

#endif

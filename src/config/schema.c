#include "config/config.h"

#include "base/json.h"
#include "core/permission.h"
#include "listing.h"

enum { SCHEMA_BYTES = 1 << 20, INDENT = 2 };

static void add_reference(struct json_out *out, const char *key, const char *name) {
    struct buf target = BUF_INIT(200);
    buf_printf(&target, "#/definitions/%s", name);
    json_object_begin(out, key);
    json_add_string(out, "$ref", target.data);
    json_object_end(out);
    buf_finish(&target);
}

static void add_types(struct json_out *out, const char *const *types, size_t count) {
    json_array_begin(out, "type");
    for (size_t i = 0; i < count; i++) {
        json_add_string(out, NULL, types[i]);
    }
    json_array_end(out);
}

static const char *const scalar_types[] = {"string", "number", "boolean"};

/* The members that say what one text may be. */
static void add_text(struct json_out *out, const struct field *field) {
    const struct rule *rule = &table_rules[field->rule];
    json_add_string(out, "type", "string");
    if (field->words != NULL) {
        json_array_begin(out, "enum");
        for (const struct word *word = field->words; word->text != NULL; word++) {
            json_add_string(out, NULL, word->text);
        }
        json_array_end(out);
        return;
    }
    json_add_int(out, "minLength", 1);
    json_add_int(out, "maxLength", (int64_t)rule->limit);
    if (rule->pattern != NULL && field->star) {
        struct buf either = BUF_INIT(1000);
        buf_printf(&either, "^\\*$|%s", rule->pattern);
        json_add_string(out, "pattern", either.data);
        buf_finish(&either);
    } else if (rule->pattern != NULL) {
        json_add_string(out, "pattern", rule->pattern);
    }
}

static void add_one_of(struct json_out *out, const char *first, const char *second) {
    json_array_begin(out, "anyOf");
    add_reference(out, NULL, first);
    add_reference(out, NULL, second);
    json_array_end(out);
}

/* The members of a field's schema that depend on its type. */
static void add_type(struct json_out *out, const struct field *field) {
    static const char *const local_types[] = {"string", "boolean"};
    switch (field->type) {
    case FIELD_TEXT:
    case FIELD_PATH:
    case FIELD_WORD:
    case FIELD_FLAG:
        add_text(out, field);
        break;
    case FIELD_SCALAR:
        add_types(out, scalar_types, 3);
        break;
    case FIELD_NUMBER:
    case FIELD_FACTOR:
        json_add_string(out, "type", field->type == FIELD_NUMBER ? "integer" : "number");
        json_add_int(out, "minimum", field->min);
        json_add_int(out, "maximum", field->max);
        break;
    case FIELD_BOOL:
    case FIELD_SWITCH:
        json_add_string(out, "type", "boolean");
        break;
    case FIELD_DURATION:
        if (field->yes_ms > 0) { /* A pattern says nothing about what is no text, and false is not among the values. */
            json_array_begin(out, "type");
            json_add_string(out, NULL, "string");
            json_add_string(out, NULL, "boolean");
            json_array_end(out);
            json_object_begin(out, "not");
            json_add_bool(out, "const", false);
            json_object_end(out);
        } else {
            json_add_string(out, "type", "string");
        }
        json_add_string(out, "pattern", field->never ? "^(never|([0-9]+(ms|s|m|h|d))+)$" : "^([0-9]+(ms|s|m|h|d))+$");
        break;
    case FIELD_SECRET:
        json_array_begin(out, "allOf");
        add_reference(out, NULL, "secret");
        json_array_end(out);
        break;
    case FIELD_NAMES:
        json_add_string(out, "type", "array");
        json_object_begin(out, "items");
        add_text(out, field);
        json_object_end(out);
        break;
    case FIELD_ALLOW:
        json_add_string(out, "type", "array");
        add_reference(out, "items", "allowed");
        break;
    case FIELD_LOCAL:
        add_types(out, local_types, 2);
        json_add_string(out, "pattern", table_rules[field->rule].pattern);
        json_object_begin(out, "not");
        json_add_bool(out, "const", false);
        json_object_end(out);
        break;
    case FIELD_VARIABLES:
        json_add_string(out, "type", "object");
        json_object_begin(out, "propertyNames");
        json_add_string(out, "pattern", table_rules[RULE_VARIABLE].pattern);
        json_object_end(out);
        json_object_begin(out, "additionalProperties");
        add_one_of(out, "scalar", "secret");
        json_object_end(out);
        break;
    case FIELD_TABLE:
        json_array_begin(out, "allOf");
        add_reference(out, NULL, field->table->name);
        json_array_end(out);
        break;
    case FIELD_MAP:
        json_add_string(out, "type", "object");
        json_object_begin(out, "propertyNames");
        json_add_string(out, "pattern", table_rules[RULE_NAME].pattern);
        json_object_end(out);
        add_reference(out, "additionalProperties", field->table->name);
        break;
    case FIELD_LIST:
        json_add_string(out, "type", "array");
        add_reference(out, "items", field->table->name);
        break;
    }
}

static void add_secret(struct json_out *out) {
    static const struct {
        const char *key;
        enum rule_id rule;
    } forms[] = {{"file", RULE_PATH}, {"credential", RULE_NAME}, {"env", RULE_VARIABLE}};
    json_object_begin(out, "secret");
    json_add_string(out, "description", "Where a secret is; it never stands in the file itself.");
    json_add_string(out, "type", "object");
    json_add_int(out, "minProperties", 1);
    json_add_int(out, "maxProperties", 1);
    json_add_bool(out, "additionalProperties", false);
    json_object_begin(out, "properties");
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        const struct field field = {.rule = forms[i].rule};
        json_object_begin(out, forms[i].key);
        add_text(out, &field);
        json_object_end(out);
    }
    json_object_end(out);
    json_object_end(out);
}

static void add_allowed(struct json_out *out) {
    json_object_begin(out, "allowed");
    json_array_begin(out, "enum");
    for (unsigned bit = 1; (bit & PERMISSION_ALL) != 0; bit <<= 1) {
        json_add_string(out, NULL, permission_word(bit));
    }
    json_add_string(out, NULL, "answer");
    json_add_string(out, NULL, "admin");
    json_add_string(out, NULL, "*");
    json_array_end(out);
    json_object_end(out);
}

/* The members of a table's schema. */
static void add_table(struct json_out *out, const struct table *table) {
    json_add_string(out, "type", "object");
    json_add_string(out, "description", table->help);
    json_add_bool(out, "additionalProperties", false);
    json_object_begin(out, "properties");
    for (const struct field *field = table->fields; field->key != NULL; field++) {
        json_object_begin(out, field->key);
        json_add_string(out, "description", field->help);
        add_type(out, field);
        json_object_end(out);
    }
    json_object_end(out);
    json_array_begin(out, "required");
    for (const struct field *field = table->fields; field->key != NULL; field++) {
        if (field->required) {
            json_add_string(out, NULL, field->key);
        }
    }
    json_array_end(out);
}

static void add_schema(struct json_out *out) {
    struct listing listing;
    listing_init(&listing);
    json_object_begin(out, NULL);
    json_add_string(out, "$schema", "http://json-schema.org/draft-07/schema#");
    json_add_string(out, "title", "guidepost.yaml");
    add_table(out, &table_root);
    json_object_begin(out, "patternProperties");
    json_object_begin(out, "^x-");
    json_object_end(out);
    json_object_end(out);
    json_object_begin(out, "definitions");
    json_object_begin(out, "scalar");
    add_types(out, scalar_types, sizeof scalar_types / sizeof *scalar_types);
    json_object_end(out);
    add_secret(out);
    add_allowed(out);
    for (size_t i = 1; i < listing.count; i++) {
        json_object_begin(out, listing.tables[i]->name);
        add_table(out, listing.tables[i]);
        json_object_end(out);
    }
    json_object_end(out);
    json_object_end(out);
    listing_finish(&listing);
}

static void start_line(struct buf *out, size_t depth) {
    buf_printf(out, "\n%*s", (int)depth * INDENT, "");
}

/* One member a line, so that a change to a table is a small difference in the file. */
static void write_pretty(struct buf *out, const char *json) {
    size_t depth = 0;
    bool in_string = false;
    for (const char *c = json; *c != '\0'; c++) {
        if (in_string || *c == '"') {
            in_string = *c == '"' ? !in_string : true;
            buf_addc(out, *c);
            if (*c == '\\') {
                buf_addc(out, *++c);
            }
        } else if ((*c == '{' && c[1] == '}') || (*c == '[' && c[1] == ']')) {
            buf_add(out, c++, 2);
        } else if (*c == '{' || *c == '[') {
            buf_addc(out, *c);
            start_line(out, ++depth);
        } else if (*c == '}' || *c == ']') {
            start_line(out, --depth);
            buf_addc(out, *c);
        } else {
            buf_addc(out, *c);
            if (*c == ',') {
                start_line(out, depth);
            } else if (*c == ':') {
                buf_addc(out, ' ');
            }
        }
    }
    buf_addc(out, '\n');
}

void config_write_schema(struct buf *out) {
    struct buf json = BUF_INIT(SCHEMA_BYTES);
    struct json_out writer = {.buf = &json};
    add_schema(&writer);
    write_pretty(out, json.data);
    buf_finish(&json);
}

#include "bind_value.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/limits.h"
#include "base/str.h"
#include "core/permission.h"

enum { PATH_BYTES = 1000, QUOTED_BYTES = 60, WORDS_MAX = 32 };

static void *at(void *base, size_t offset) {
    return (char *)base + offset;
}

static void write_path(struct buf *out, const struct path *path) {
    if (path->parent != NULL) {
        write_path(out, path->parent);
    }
    if (path->key == NULL) {
        buf_printf(out, "[%zu]", path->index);
    } else {
        buf_printf(out, "%s%.*s", path->parent != NULL ? "." : "", LIMIT_NAME_BYTES, path->key);
    }
}

static const char *path_text(const struct binder *binder, const struct path *path) {
    struct buf text = BUF_INIT(PATH_BYTES);
    if (path != NULL) {
        write_path(&text, path);
    }
    const char *copy = arena_strdup(binder->scratch, text.data);
    buf_finish(&text);
    return copy;
}

void bind_report(struct binder *binder, const struct path *path, const struct node *node, const char *format, ...) {
    if (problem_full(binder->problems)) {
        problem_error(binder->problems, node->place, "%s", format);
        return;
    }
    struct buf text = BUF_INIT(2 * PATH_BYTES);
    if (path != NULL) {
        write_path(&text, path);
        buf_adds(&text, ": ");
    }
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    problem_error(binder->problems, node->place, "%s", text.data);
    buf_finish(&text);
}

const char *bind_describe(const struct binder *binder, const struct node *node) {
    if (node->kind != NODE_SCALAR) {
        return node->kind == NODE_MAP ? "a mapping" : "a list";
    }
    if (node_is_nothing(node)) {
        return "nothing";
    }
    size_t size = strlen(node->text);
    size_t cut = str_utf8_cut(node->text, size, QUOTED_BYTES);
    return arena_printf(binder->scratch, "'%.*s%s'", (int)cut, node->text, cut < size ? "..." : "");
}

static bool all_of(const char *text, const char *characters) {
    return *text != '\0' && text[strspn(text, characters)] == '\0';
}

/* As YAML 1.2 (core schema) reads a plain scalar. */
static bool is_number(const char *text) {
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'o')) {
        return all_of(text + 2, text[1] == 'x' ? "0123456789abcdefABCDEF" : "01234567");
    }
    text += *text == '+' || *text == '-';
    if (str_equal_nocase(text, ".inf") || str_equal_nocase(text, ".nan")) {
        return true;
    }
    size_t whole = strspn(text, "0123456789");
    text += whole;
    size_t part = 0;
    if (*text == '.') {
        part = strspn(text + 1, "0123456789");
        text += 1 + part;
    }
    if (whole + part == 0) {
        return false;
    }
    if (*text == 'e' || *text == 'E') {
        text += 1 + (text[1] == '+' || text[1] == '-');
        return all_of(text, "0123456789");
    }
    return *text == '\0';
}

static bool is_true_or_false(const char *text) {
    return str_equal_nocase(text, "true") || str_equal_nocase(text, "false");
}

/* A scalar that every reader of YAML takes for a text. */
static bool expect_text(struct binder *binder, const struct path *path, const struct node *node, const char *expects) {
    if (node->kind != NODE_SCALAR || node_is_nothing(node)) {
        bind_report(binder, path, node, "expected %s, got %s", expects, bind_describe(binder, node));
        return false;
    }
    if (node->plain && (is_number(node->text) || is_true_or_false(node->text))) {
        bind_report(binder, path, node, "expected %s, got %s (write \"%.60s\" if that is meant)", expects,
                    bind_describe(binder, node), node->text);
        return false;
    }
    return true;
}

bool bind_rule(struct binder *binder, enum rule_id id, const struct path *path, const struct node *node) {
    const struct rule *rule = &table_rules[id];
    if (strlen(node->text) > rule->limit) {
        bind_report(binder, path, node, "is longer than %zu bytes", rule->limit);
        return false;
    }
    if (rule->pattern == NULL) {
        return true;
    }
    if (!binder->compiled[id]) {
        int failed = regcomp(&binder->rules[id], rule->pattern, REG_EXTENDED | REG_NOSUB);
        assert(failed == 0);
        binder->compiled[id] = failed == 0;
    }
    if (regexec(&binder->rules[id], node->text, 0, NULL, 0) == 0) {
        return true;
    }
    bind_report(binder, path, node, "expected %s, got %s", rule->expects, bind_describe(binder, node));
    return false;
}

static void add_reference(struct binder *binder, const struct field *field, const struct path *path,
                          const struct node *node) {
    if (field->refers == REFERS_NOTHING) {
        return;
    }
    binder->references =
        arena_push(binder->scratch, binder->references, binder->reference_count, sizeof *binder->references);
    binder->references[binder->reference_count++] = (struct reference){
        .to = field->refers, .name = node->text, .path = path_text(binder, path), .place = node->place};
}

static const struct word *find_word(struct binder *binder, const struct word *words, const struct path *path,
                                    const struct node *node) {
    const char *texts[WORDS_MAX];
    size_t count = 0;
    struct buf list = BUF_INIT(PATH_BYTES);
    for (const struct word *word = words; word->text != NULL && count < WORDS_MAX; word++) {
        if (node->kind == NODE_SCALAR && str_equal(word->text, node->text)) {
            buf_finish(&list);
            return word;
        }
        texts[count++] = word->text;
        buf_printf(&list, "%s%s", count > 1 ? ", " : "", word->text);
    }
    bind_report(binder, path, node, "%s is not one of: %s%s", bind_describe(binder, node), list.data,
                node->kind == NODE_SCALAR ? bind_did_you_mean(binder, node->text, texts, count) : "");
    buf_finish(&list);
    return NULL;
}

/* One text of a field, alone or in a list, copied for the config; NULL after a report. */
static const char *take_text(struct binder *binder, const struct field *field, const struct path *path,
                             const struct node *node) {
    if (field->words != NULL) {
        const struct word *word = find_word(binder, field->words, path, node);
        return word != NULL ? word->text : NULL;
    }
    if (field->star && node->kind == NODE_SCALAR && str_equal(node->text, "*")) {
        return "*";
    }
    if (!expect_text(binder, path, node, table_rules[field->rule].expects) ||
        !bind_rule(binder, field->rule, path, node)) {
        return NULL;
    }
    add_reference(binder, field, path, node);
    return arena_strdup(binder->arena, node->text);
}

static const char *take_path(struct binder *binder, const struct path *path, const struct node *node) {
    if (!expect_text(binder, path, node, "a path") || !bind_rule(binder, RULE_PATH, path, node)) {
        return NULL;
    }
    const char *text = node->text;
    if (text[0] == '~') {
        bind_report(binder, path, node, "~ is not expanded here; write the whole path");
        return NULL;
    }
    if (text[0] == '/') {
        return arena_strdup(binder->arena, text);
    }
    while (str_starts(text, "./")) {
        text += 2;
    }
    return arena_printf(binder->arena, "%s/%s", str_equal(binder->folder, "/") ? "" : binder->folder, text);
}

static bool take_bool(struct binder *binder, const struct path *path, const struct node *node, bool *ret_value) {
    if (node->kind == NODE_SCALAR && node->plain) {
        if (str_equal(node->text, "true") || str_equal(node->text, "false")) {
            *ret_value = node->text[0] == 't';
            return true;
        }
    }
    const char *hint = "";
    if (node->kind == NODE_SCALAR) {
        static const char *const yes[] = {"yes", "y", "on", "true", "1"};
        static const char *const no[] = {"no", "n", "off", "false", "0"};
        for (size_t i = 0; i < sizeof yes / sizeof *yes; i++) {
            hint = str_equal_nocase(node->text, yes[i]) ? " (write true)" : hint;
            hint = str_equal_nocase(node->text, no[i]) ? " (write false)" : hint;
        }
    }
    bind_report(binder, path, node, "expected true or false, got %s%s", bind_describe(binder, node), hint);
    return false;
}

static void bind_number(struct binder *binder, const struct field *field, int *slot, const struct path *path,
                        const struct node *node) {
    int64_t value = 0;
    if (node->kind != NODE_SCALAR || !node->plain || !all_of(node->text, "0123456789")) {
        bool quoted = node->kind == NODE_SCALAR && all_of(node->text, "0123456789");
        bind_report(binder, path, node, "expected a number%s, got %s", quoted ? " without quotes" : "",
                    bind_describe(binder, node));
    } else if (str_to_i64(node->text, &value, NULL) < 0 || value < field->min || value > field->max) {
        bind_report(binder, path, node, "%.30s is out of range %d..%d", node->text, (int)field->min, (int)field->max);
    } else {
        *slot = (int)value;
    }
}

/* A number with at most three decimals: more is not needed, and rounding needs no thought. */
static void bind_factor(struct binder *binder, const struct field *field, double *slot, const struct path *path,
                        const struct node *node) {
    const char *text = node->kind == NODE_SCALAR && node->plain ? node->text : "";
    size_t whole = strspn(text, "0123456789");
    size_t part = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    if (whole == 0 || whole > 6 || part > 3 || strlen(text) != whole + (part > 0 ? part + 1 : 0)) {
        bind_report(binder, path, node, "expected a number such as 2 or 1.5, got %s", bind_describe(binder, node));
        return;
    }
    double value = 0, scale = 1;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c != '.') {
            value = value * 10 + (*c - '0');
            scale *= c > text + whole ? 10 : 1;
        }
    }
    value /= scale;
    if (value < (double)field->min || value > (double)field->max) {
        bind_report(binder, path, node, "%s is out of range %d..%d", text, (int)field->min, (int)field->max);
        return;
    }
    *slot = value;
}

static void bind_duration(struct binder *binder, const struct field *field, int64_t *slot, const struct path *path,
                          const struct node *node) {
    if (node->kind == NODE_SCALAR && field->never && str_equal(node->text, "never")) {
        *slot = 0;
        return;
    }
    if (node->kind == NODE_SCALAR && field->yes_ms > 0 && node->plain && str_equal(node->text, "true")) {
        *slot = field->yes_ms;
        return;
    }
    if (node->kind == NODE_SCALAR && all_of(node->text, "0123456789") && strlen(node->text) < 10) {
        bind_report(binder, path, node, "%s has no unit; write %ss, %sm or %sh", node->text, node->text, node->text,
                    node->text);
        return;
    }
    int64_t value;
    if (node->kind != NODE_SCALAR || str_to_duration_ms(node->text, &value, NULL) < 0) {
        bind_report(binder, path, node, "expected a time such as 90s, 5m or 1h30m%s, got %s",
                    field->never ? ", or never" : "", bind_describe(binder, node));
        return;
    }
    if (value < field->min || value > field->max) {
        struct buf range = BUF_INIT(100);
        table_write_duration(&range, field->min);
        buf_adds(&range, "..");
        table_write_duration(&range, field->max);
        bind_report(binder, path, node, "%.30s is out of range %s", node->text, range.data);
        buf_finish(&range);
        return;
    }
    *slot = value;
}

static void bind_secret(struct binder *binder, struct config_secret *slot, const struct path *path,
                        const struct node *node) {
    static const char forms[] = "{file: PATH}, {credential: NAME} or {env: NAME}";
    if (node->kind == NODE_SCALAR && !node_is_nothing(node)) {
        /* The value is not quoted: it may be the secret itself. */
        bind_report(binder, path, node, "a secret never stands in this file itself; write %s", forms);
        return;
    }
    if (node->kind != NODE_MAP || node->count != 1) {
        bind_report(binder, path, node, "expected where the secret is, exactly one of %s", forms);
        return;
    }
    const char *key = node->keys[0]->text;
    const struct node *value = node->items[0];
    const struct path below = {.parent = path, .key = key};
    static const struct field credential = {.rule = RULE_NAME}, variable = {.rule = RULE_VARIABLE};
    if (str_equal(key, "file")) {
        *slot = (struct config_secret){SECRET_FILE, take_path(binder, &below, value)};
    } else if (str_equal(key, "credential")) {
        *slot = (struct config_secret){SECRET_CREDENTIAL, take_text(binder, &credential, &below, value)};
    } else if (str_equal(key, "env")) {
        *slot = (struct config_secret){SECRET_ENV, take_text(binder, &variable, &below, value)};
        problem_warn(binder->problems, value->place,
                     "%s: other programs can see environment variables; prefer {file: PATH} or {credential: NAME}",
                     path_text(binder, &below));
    } else {
        static const char *const keys[] = {"file", "credential", "env"};
        bind_report(binder, &below, node->keys[0], "unknown key%s; a secret is written %s",
                    bind_did_you_mean(binder, key, keys, 3), forms);
    }
}

static void bind_names(struct binder *binder, const struct field *field, struct config_names *slot,
                       const struct path *path, const struct node *node) {
    *slot = (struct config_names){0};
    if (node->kind != NODE_LIST) {
        bool single = node->kind == NODE_SCALAR && !node_is_nothing(node);
        bind_report(binder, path, node, "expected a list, got %s%s", bind_describe(binder, node),
                    single ? " (write it in [brackets])" : "");
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct path below = {.parent = path, .index = i};
        const char *text = take_text(binder, field, &below, node->items[i]);
        if (text != NULL) {
            slot->items = arena_push(binder->arena, slot->items, slot->count, sizeof(const char *));
            slot->items[slot->count++] = text;
        }
    }
}

static void bind_allow(struct binder *binder, unsigned *slot, const struct path *path, const struct node *node) {
    const char *words[WORDS_MAX] = {"answer", "admin"};
    size_t count = 2;
    for (unsigned bit = 1; (bit & PERMISSION_ALL) != 0 && count < WORDS_MAX; bit <<= 1) {
        words[count++] = permission_word(bit);
    }
    if (node->kind != NODE_LIST) {
        bind_report(binder, path, node, "expected a list such as [deploy, answer], got %s",
                    bind_describe(binder, node));
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct path below = {.parent = path, .index = i};
        const struct node *item = node->items[i];
        unsigned bits = item->kind == NODE_SCALAR ? permission_parse(item->text) : 0;
        if (bits == 0) {
            bind_report(binder, &below, item, "%s is no permission%s", bind_describe(binder, item),
                        item->kind == NODE_SCALAR ? bind_did_you_mean(binder, item->text, words, count) : "");
        }
        *slot |= bits;
    }
}

static void bind_local(struct binder *binder, const struct field *field, struct config_target *target,
                       const struct path *path, const struct node *node) {
    if (node->kind == NODE_SCALAR && node->plain && str_equal(node->text, "true")) {
        return;
    }
    if (expect_text(binder, path, node, "true or the host name of a worker") &&
        bind_rule(binder, field->rule, path, node)) {
        target->host = arena_strdup(binder->arena, node->text);
    }
}

static void bind_variables(struct binder *binder, const struct field *field, void *base, const struct path *path,
                           const struct node *node) {
    struct config_variable **array = at(base, field->offset);
    size_t *count = at(base, field->count_offset);
    if (node->kind != NODE_MAP) {
        bind_report(binder, path, node, "expected a mapping such as NAME: value, got %s", bind_describe(binder, node));
        return;
    }
    for (size_t i = 0; i < node->count; i++) {
        const struct node *key = node->keys[i], *value = node->items[i];
        const struct path below = {.parent = path, .key = key->text};
        struct config_variable variable = {.name = arena_strdup(binder->arena, key->text)};
        if (bind_rule(binder, RULE_VARIABLE, &below, key) && str_starts(key->text, "GUIDEPOST")) {
            bind_report(binder, &below, key, "names that begin with GUIDEPOST are set by guidepost itself");
        }
        if (value->kind == NODE_MAP) {
            bind_secret(binder, &variable.secret, &below, value);
        } else if (value->kind == NODE_LIST || node_is_nothing(value)) {
            bind_report(binder, &below, value, "expected a text or a secret, got %s%s", bind_describe(binder, value),
                        value->kind == NODE_SCALAR ? " (write \"\" for an empty one)" : "");
        } else if (bind_rule(binder, RULE_ANY, &below, value)) {
            variable.value = arena_strdup(binder->arena, value->text);
        }
        *array = arena_push(binder->arena, *array, *count, sizeof **array);
        (*array)[(*count)++] = variable;
    }
}

static void bind_scalar(struct binder *binder, const char **slot, const struct path *path, const struct node *node) {
    if (node->kind != NODE_SCALAR || node_is_nothing(node)) {
        bind_report(binder, path, node, "expected a text, got %s", bind_describe(binder, node));
    } else if (bind_rule(binder, RULE_ANY, path, node)) {
        *slot = arena_strdup(binder->arena, node->text);
    }
}

void bind_value(struct binder *binder, const struct field *field, void *base, const struct path *path,
                const struct node *node) {
    void *slot = at(base, field->offset);
    bool truth = false;
    const struct word *word;
    switch (field->type) {
    case FIELD_TEXT:
        *(const char **)slot = take_text(binder, field, path, node);
        break;
    case FIELD_SCALAR:
        bind_scalar(binder, slot, path, node);
        break;
    case FIELD_PATH:
        *(const char **)slot = take_path(binder, path, node);
        break;
    case FIELD_NUMBER:
        bind_number(binder, field, slot, path, node);
        break;
    case FIELD_FACTOR:
        bind_factor(binder, field, slot, path, node);
        break;
    case FIELD_BOOL:
        (void)take_bool(binder, path, node, slot);
        break;
    case FIELD_SWITCH:
        if (take_bool(binder, path, node, &truth)) {
            *(enum config_switch *)slot = truth ? SWITCH_ON : SWITCH_OFF;
        }
        break;
    case FIELD_WORD:
        word = find_word(binder, field->words, path, node);
        *(int *)slot = word != NULL ? word->value : 0;
        break;
    case FIELD_FLAG:
        word = find_word(binder, field->words, path, node);
        *(bool *)slot = word != NULL && word->value != 0;
        break;
    case FIELD_DURATION:
        bind_duration(binder, field, slot, path, node);
        break;
    case FIELD_SECRET:
        bind_secret(binder, slot, path, node);
        break;
    case FIELD_NAMES:
        bind_names(binder, field, slot, path, node);
        break;
    case FIELD_ALLOW:
        bind_allow(binder, slot, path, node);
        break;
    case FIELD_LOCAL:
        bind_local(binder, field, base, path, node);
        break;
    case FIELD_VARIABLES:
        bind_variables(binder, field, base, path, node);
        break;
    case FIELD_TABLE:
    case FIELD_MAP:
    case FIELD_LIST:
        assert(false); /* these hold fields and are bound by bind.c */
        break;
    }
}

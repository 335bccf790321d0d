/* What a project wants to be told when it is deployed: checked, and filled up with what it says itself. */

#include "planner_parts.h"

#include <string.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"

static const char *input_given(const struct command *command, const char *key) {
    for (size_t i = 0; i < command->input_count; i++) {
        if (str_equal(command->inputs[i].key, key)) {
            return command->inputs[i].value;
        }
    }
    return NULL;
}

static int check_input(struct planner *p, const struct config_input *input, const char *value) {
    bool boolean = str_equal(value, "true") || str_equal(value, "false");
    if (input->type == INPUT_BOOLEAN && value != NULL && !boolean) {
        return err_set(p->err, ERR_INVALID, "%s is true or false, not '%s'.", input->name, value);
    }
    if (input->type == INPUT_CHOICE && value != NULL && !config_names_have(&input->choices, value)) {
        return planner_unknown_name(p, arena_printf(p->arena, "choice for %s called", input->name), value,
                                    input->choices.items, input->choices.count);
    }
    return 0;
}

/* "<eu|us>" */
static void placeholder_add(const struct config_input *input, struct buf *out) {
    buf_adds(out, input->type == INPUT_BOOLEAN ? "<true|false" : "<");
    for (size_t i = 0; i < input->choices.count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : "|", input->choices.items[i]);
    }
    buf_printf(out, "%s>", input->type == INPUT_TEXT ? "text" : "");
}

static void names_add(const char *word, const struct plan_names *names, struct buf *out) {
    for (size_t i = 0; i < names->count; i++) {
        bool quoted = strchr(names->items[i], ' ') != NULL;
        buf_printf(out, "%s%s%s%s", i == 0 ? word : ",", quoted ? "'" : "", names->items[i], quoted ? "'" : "");
    }
}

/* What was asked for, once more, with what is missing in it. */
static int refuse_missing(struct planner *p, const struct plan_names *missing) {
    const struct command *c = p->command;
    struct buf names = BUF_INIT(ERR_TEXT_SIZE), form = BUF_INIT(ERR_TEXT_SIZE);
    buf_printf(&form, "deploy %s %s to %s", c->project, c->version, c->environment);
    names_add(" on ", &c->on, &form);
    names_add(" without ", &c->without, &form);
    names_add(" skip ", &c->skip, &form);
    buf_adds(&form, c->guided < 0 ? "" : c->guided == 0 ? " unguided" : " guided");
    for (size_t i = 0; i < c->input_count; i++) {
        bool quoted = strchr(c->inputs[i].value, ' ') != NULL;
        buf_printf(&form, " %s=%s%s%s", c->inputs[i].key, quoted ? "'" : "", c->inputs[i].value, quoted ? "'" : "");
    }
    for (size_t i = 0; i < p->project->input_count; i++) {
        const struct config_input *input = &p->project->inputs[i];
        if (planner_names_have(missing, input->name)) {
            buf_printf(&names, "%s%s", names.size == 0 ? "" : ", ", input->name);
            if (input->label != NULL) {
                buf_printf(&names, " (%s)", input->label);
            }
            buf_printf(&form, " %s=", input->name);
            placeholder_add(input, &form);
        }
    }
    int r = err_set(p->err, ERR_INVALID, "%s needs %s. Write: %s", p->project->name, names.data, form.data);
    buf_finish(&names);
    buf_finish(&form);
    return r;
}

int planner_inputs(struct planner *p, const char **ret_inputs) {
    for (size_t i = 0; i < p->command->input_count; i++) {
        const char **names = arena_array(p->arena, p->project->input_count + 1, sizeof *names);
        bool found = false;
        for (size_t k = 0; k < p->project->input_count; k++) {
            names[k] = p->project->inputs[k].name;
            found = found || str_equal(names[k], p->command->inputs[i].key);
        }
        if (!found) {
            return planner_unknown_name(p, "input", p->command->inputs[i].key, names, p->project->input_count);
        }
    }
    struct buf text = BUF_INIT(LIMIT_COMMAND_BYTES * 2);
    struct json_out out = {.buf = &text};
    struct plan_names missing = {arena_array(p->arena, p->project->input_count + 1, sizeof(char *)), 0};
    int r = 0;
    json_object_begin(&out, NULL);
    for (size_t i = 0; i < p->project->input_count && r == 0; i++) {
        const struct config_input *input = &p->project->inputs[i];
        const char *value = input_given(p->command, input->name);
        value = value == NULL ? input->fallback : value;
        r = check_input(p, input, value);
        if (value != NULL) {
            json_add_string(&out, input->name, value);
        } else if (input->required) {
            missing.items[missing.count++] = input->name;
        }
    }
    json_object_end(&out);
    if (r == 0 && missing.count > 0 && !p->command->dry_run) {
        r = refuse_missing(p, &missing);
    }
    *ret_inputs = p->project->input_count == 0 ? NULL : arena_strdup(p->arena, text.data);
    buf_finish(&text);
    return r;
}

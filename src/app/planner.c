/*
 * Reads from top to bottom as a request is checked: names, version, machines, steps, inputs; each with a sentence of its own.
 */

#include "planner_parts.h"

#include <regex.h>

#include "base/limits.h"
#include "base/str.h"

enum { MAX_PARALLEL_UNLESS_SET = 10, REMIND_UNLESS_SET_MS = 15 * 60 * 1000 };

int planner_unknown_name(struct planner *p, const char *kind, const char *name, const char *const *candidates,
                         size_t count) {
    const char *nearest = str_nearest(name, candidates, count);
    if (nearest != NULL) {
        return err_set(p->err, ERR_NOT_FOUND, "There is no %s '%s'. Did you mean '%s'?", kind, name, nearest);
    }
    struct buf list = BUF_INIT(ERR_TEXT_SIZE);
    for (size_t i = 0; i < count && i < 10; i++) {
        buf_printf(&list, "%s%s", i == 0 ? "" : ", ", candidates[i]);
    }
    int r = err_set(p->err, ERR_NOT_FOUND, "There is no %s '%s'. Known: %s%s.", kind, name,
                    count == 0 ? "none" : list.data, count > 10 ? ", ..." : "");
    buf_finish(&list);
    return r;
}

bool planner_names_have(const struct plan_names *names, const char *name) {
    for (size_t i = 0; i < names->count; i++) {
        if (str_equal(names->items[i], name)) {
            return true;
        }
    }
    return false;
}

static int find_project(struct planner *p) {
    p->project = config_find_project(p->config, p->command->project);
    if (p->project != NULL) {
        return 0;
    }
    const char **names = arena_array(p->arena, p->config->project_count + 1, sizeof *names);
    for (size_t i = 0; i < p->config->project_count; i++) {
        names[i] = p->config->projects[i].name;
    }
    return planner_unknown_name(p, "project", p->command->project, names, p->config->project_count);
}

static int find_environment(struct planner *p) {
    p->environment = config_find_environment(p->config, p->command->environment);
    const struct config_names *allowed = &p->project->environments;
    bool fits = p->environment != NULL && (allowed->count == 0 || config_names_have(allowed, p->environment->name));
    if (fits) {
        return 0;
    }
    if (allowed->count > 0) {
        if (p->environment != NULL) {
            return err_set(p->err, ERR_INVALID, "%s is not deployed to %s.", p->project->name, p->environment->name);
        }
        return planner_unknown_name(p, "environment", p->command->environment, allowed->items, allowed->count);
    }
    const char **names = arena_array(p->arena, p->config->environment_count + 1, sizeof *names);
    for (size_t i = 0; i < p->config->environment_count; i++) {
        names[i] = p->config->environments[i].name;
    }
    return planner_unknown_name(p, "environment", p->command->environment, names, p->config->environment_count);
}

/* Whatever is known of the machines may be a part of them; a deployment to a part would look like one to all. */
static int check_inventories(struct planner *p) {
    for (size_t i = 0; i < p->config->inventory_count; i++) {
        const struct config_inventory *inventory = &p->config->inventories[i];
        bool serves =
            inventory->environments.count == 0 || config_names_have(&inventory->environments, p->environment->name);
        if (serves && !inventory->read) {
            return err_set(p->err, ERR_CONFLICT,
                           "inventories[%zu] has not been read yet, so it is not known which machines %s has. Nothing "
                           "was started. Ask again in a moment; the log says what is wrong if it can't be read.",
                           i, p->environment->name);
        }
    }
    return 0;
}

static int check_version(struct planner *p) {
    const char *version = p->command->version;
    if (!str_is_name(version)) {
        return err_set(p->err, ERR_INVALID,
                       "'%s' can't be a version: letters, digits and . _ + - are allowed, at most %d of them, the "
                       "first a letter or digit.",
                       version == NULL ? "" : version, LIMIT_NAME_BYTES);
    }
    if (p->project->version_pattern == NULL) {
        return 0;
    }
    regex_t pattern;
    if (regcomp(&pattern, p->project->version_pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        return err_set(p->err, ERR_INVALID, "version_pattern of %s can't be used.", p->project->name);
    }
    bool matches = regexec(&pattern, version, 0, NULL, 0) == 0;
    regfree(&pattern);
    return matches ? 0
                   : err_set(p->err, ERR_INVALID, "'%s' is no version of %s: it does not match %s.", version,
                             p->project->name, p->project->version_pattern);
}

/* --- machines ----------------------------------------------------------------------------------------------- */

/* A word of a choice names a target or a tag. */
static bool target_named(const struct config_target *target, const struct plan_names *words) {
    for (size_t i = 0; i < words->count; i++) {
        if (str_equal(words->items[i], target->name) || config_names_have(&target->tags, words->items[i])) {
            return true;
        }
    }
    return false;
}

static bool target_in_environment(const struct planner *p, const struct config_target *target) {
    return target->environments.count == 0 || config_names_have(&target->environments, p->environment->name);
}

static int check_choice(struct planner *p, const struct plan_names *words) {
    for (size_t i = 0; i < words->count; i++) {
        bool found = false;
        const char **names = arena_array(p->arena, p->config->target_count + 1, sizeof *names);
        size_t count = 0;
        struct plan_names word = {&words->items[i], 1};
        for (size_t t = 0; t < p->config->target_count; t++) {
            if (target_in_environment(p, &p->config->targets[t])) {
                names[count++] = p->config->targets[t].name;
                found = found || target_named(&p->config->targets[t], &word);
            }
        }
        if (!found) {
            return planner_unknown_name(p, arena_printf(p->arena, "machine in %s called", p->environment->name),
                                        words->items[i], names, count);
        }
    }
    return 0;
}

static bool target_chosen(const struct planner *p, const struct config_target *target) {
    const struct command *c = p->command;
    return target_in_environment(p, target) && (c->on.count == 0 || target_named(target, &c->on)) &&
           !target_named(target, &c->without);
}

static bool step_wants(const struct config_step *step, const struct config_target *target) {
    for (size_t i = 0; i < step->targets.count; i++) {
        if (str_equal(step->targets.items[i], target->name) ||
            config_names_have(&target->tags, step->targets.items[i])) {
            return true;
        }
    }
    return false;
}

bool planner_wants(const struct config_project *project, const struct config_environment *environment,
                   const struct config_target *target) {
    bool here = target->environments.count == 0 || config_names_have(&target->environments, environment->name);
    for (size_t i = 0; i < project->step_count && here; i++) {
        const struct config_step *step = &project->steps[i];
        bool runs = step->environments.count == 0 || config_names_have(&step->environments, environment->name);
        if (runs && step_wants(step, target)) {
            return true;
        }
    }
    return false;
}

static uint32_t plan_target(struct planner *p, size_t t) {
    if (p->index_of_target[t] == 0) {
        const struct config_target *from = &p->config->targets[t];
        p->plan->targets[p->plan->target_count] = (struct plan_target){
            .name = arena_strdup(p->arena, from->name),
            .host = arena_strdup(p->arena, from->host),
            .ssh = arena_strdup(p->arena, from->ssh),
            .work_dir = arena_strdup(p->arena, from->work_dir != NULL || from->ssh == NULL ? from->work_dir
                                                                                           : p->project->work_dir),
        };
        p->index_of_target[t] = (uint32_t)++p->plan->target_count;
    }
    return p->index_of_target[t] - 1;
}

static int step_targets(struct planner *p, const struct config_step *from, struct plan_step *step) {
    if (from->targets.count == 0) {
        step->on_worker = true;
        step->slot_count = 1;
        return 0;
    }
    bool any = false;
    step->targets = arena_array(p->arena, p->config->target_count + 1, sizeof *step->targets);
    for (size_t t = 0; t < p->config->target_count; t++) {
        const struct config_target *target = &p->config->targets[t];
        if (!step_wants(from, target)) {
            continue;
        }
        any = any || target_in_environment(p, target);
        p->plan->partial = p->plan->partial || (target_in_environment(p, target) && !target_chosen(p, target));
        if (target_chosen(p, target)) {
            step->targets[step->slot_count++] = plan_target(p, t);
        }
    }
    if (!any) {
        return err_set(p->err, ERR_INVALID, "No machine of %s in %s matches step %s.", p->project->name,
                       p->environment->name, from->name);
    }
    step->left_empty = step->slot_count == 0;
    return 0;
}

/* --- steps -------------------------------------------------------------------------------------------------- */

static struct plan_names names_copy(struct planner *p, const struct config_names *from) {
    struct plan_names names = {arena_array(p->arena, from->count + 1, sizeof(char *)), from->count};
    for (size_t i = 0; i < from->count; i++) {
        names.items[i] = arena_strdup(p->arena, from->items[i]);
    }
    return names;
}

static unsigned guidance_bits(const struct config_names *words) {
    unsigned bits = 0;
    for (size_t i = 0; i < words->count; i++) {
        bits |= (unsigned)guidance_parse(words->items[i]);
    }
    return bits;
}

static int switch_value(enum config_switch value) {
    return value == SWITCH_INHERIT ? -1 : value == SWITCH_ON;
}

/* The nearest ladder counts as a whole. */
static void ladder_copy(struct planner *p, const struct config_guided *level, struct plan_guided *guided) {
    guided->ladder = arena_array(p->arena, level->escalate_count, sizeof *guided->ladder);
    guided->rung_count = level->escalate_count;
    for (size_t i = 0; i < level->escalate_count; i++) {
        const struct config_escalation *from = &level->escalate[i];
        guided->ladder[i] = (struct plan_rung){
            .after_ms = from->after_ms,
            .mention = names_copy(p, &from->mention),
            .room = arena_strdup(p->arena, from->room),
            .run = arena_strdup(p->arena, from->run),
            .webhook = arena_strdup(p->arena, from->webhook),
            .webhook_secret_source = (int)from->webhook_secret.source,
            .webhook_secret_name = arena_strdup(p->arena, from->webhook_secret.name),
        };
    }
}

static struct plan_guided guided_copy(struct planner *p, const struct config_step *step) {
    const struct config_guided *levels[] = {&step->guided, &p->project->guided, &p->environment->guided};
    struct plan_guided guided = {
        .enabled = guided_resolve(p->command->guided, switch_value(levels[0]->enabled),
                                  switch_value(levels[1]->enabled), switch_value(levels[2]->enabled)),
        .max_retries = LIMIT_RETRIES,
        .remind_every_ms = REMIND_UNLESS_SET_MS,
    };
    /* From the outermost level inwards, so that what is set nearer to the step wins. */
    for (int i = 2; i >= 0; i--) {
        const struct config_guided *level = levels[i];
        guided.max_retries = level->max_retries >= 0 ? level->max_retries : guided.max_retries;
        guided.claim_required =
            level->claim_required == SWITCH_INHERIT ? guided.claim_required : level->claim_required == SWITCH_ON;
        guided.note_required =
            level->note_required.count > 0 ? guidance_bits(&level->note_required) : guided.note_required;
        guided.confirm = level->confirm.count > 0 ? guidance_bits(&level->confirm) : guided.confirm;
        guided.remind_every_ms = level->remind_every_ms >= 0 ? level->remind_every_ms : guided.remind_every_ms;
        guided.answer_within_ms = level->answer_within_ms >= 0 ? level->answer_within_ms : guided.answer_within_ms;
        guided.fail_unanswered =
            level->fail_unanswered == SWITCH_INHERIT ? guided.fail_unanswered : level->fail_unanswered == SWITCH_ON;
        if (level->escalate_count > 0) {
            ladder_copy(p, level, &guided);
        }
        guided.responsible = level->responsible.count > 0 ? names_copy(p, &level->responsible) : guided.responsible;
        guided.hint = level->hint != NULL ? arena_strdup(p->arena, level->hint) : guided.hint;
        guided.runbook = level->runbook != NULL ? arena_strdup(p->arena, level->runbook) : guided.runbook;
    }
    return guided;
}

static void env_add(struct planner *p, struct plan_step *step, const struct config_variable *from) {
    struct plan_variable variable = {
        .name = arena_strdup(p->arena, from->name),
        .value = arena_strdup(p->arena, from->value),
        .secret_source = (int)from->secret.source,
        .secret_name = arena_strdup(p->arena, from->secret.name),
    };
    for (size_t i = 0; i < step->env_count; i++) {
        if (str_equal(step->env[i].name, variable.name)) {
            step->env[i] = variable;
            return;
        }
    }
    step->env[step->env_count++] = variable;
}

static void step_copy(struct planner *p, const struct config_step *from, struct plan_step *step) {
    step->name = arena_strdup(p->arena, from->name);
    step->script = arena_strdup(p->arena, from->run);
    step->instructions = arena_strdup(p->arena, from->approve_instructions);
    step->work_dir = arena_strdup(p->arena, from->work_dir);
    step->group = arena_strdup(p->arena, from->group);
    step->condition = (enum plan_condition)from->condition;
    step->required = from->required;
    step->safe_to_rerun = from->safe_to_rerun;
    step->continue_on_error = from->continue_on_error;
    step->approve = from->approve;
    step->timeout_ms = from->timeout_ms;
    step->quiet_ms = from->quiet_timeout_ms;
    step->retry_times = from->retry_times;
    if (from->retry_times > 0) { /* What is not used is not frozen: each paused deployment has its plan in memory. */
        step->retry_delay_ms = from->retry_delay_ms;
        step->retry_backoff = from->retry_backoff;
    }
    step->when_back_ms = from->when_back_ms;
    step->probe = arena_strdup(p->arena, from->probe);
    step->guided = guided_copy(p, from);
    if (from->approve && from->approve_responsible.count > 0) {
        step->guided.responsible = names_copy(p, &from->approve_responsible);
    }
    step->env = arena_array(p->arena, p->project->env_count + from->env_count + 1, sizeof *step->env);
    for (size_t i = 0; i < p->project->env_count; i++) {
        env_add(p, step, &p->project->env[i]);
    }
    for (size_t i = 0; i < from->env_count; i++) {
        env_add(p, step, &from->env[i]);
    }
}

static int check_skips(struct planner *p) {
    for (size_t i = 0; i < p->command->skip.count; i++) {
        const char **names = arena_array(p->arena, p->project->step_count + 1, sizeof *names);
        bool found = false;
        for (size_t s = 0; s < p->project->step_count; s++) {
            names[s] = p->project->steps[s].name;
            found = found || str_equal(names[s], p->command->skip.items[i]);
        }
        if (!found) {
            return planner_unknown_name(p, "step", p->command->skip.items[i], names, p->project->step_count);
        }
    }
    return 0;
}

static bool step_left_out(const struct planner *p, const struct config_step *step) {
    return planner_names_have(&p->command->skip, step->name) ||
           (step->environments.count > 0 && !config_names_have(&step->environments, p->environment->name));
}

/* The first step of the group that the step belongs to: itself, if to none. */
static size_t group_head(const struct config_project *project, size_t index) {
    const char *group = project->steps[index].group;
    while (group != NULL && index > 0 && str_equal(project->steps[index - 1].group, group)) {
        index--;
    }
    return index;
}

/* What a step that was left out by request would have brought is missing. */
static void mark_skipped(struct planner *p) {
    for (size_t i = 0; i < p->project->step_count; i++) {
        const struct config_step *from = &p->project->steps[i];
        bool here = from->environments.count == 0 || config_names_have(&from->environments, p->environment->name);
        bool brings = (enum plan_condition)from->condition == PLAN_SUCCESS && !from->approve;
        if (!here || !brings || !planner_names_have(&p->command->skip, from->name)) {
            continue;
        }
        p->plan->partial = true;
        for (size_t t = 0; t < p->config->target_count; t++) {
            if (p->index_of_target[t] > 0 && step_wants(from, &p->config->targets[t])) {
                p->plan->targets[p->index_of_target[t] - 1].skipped = true;
            }
        }
    }
}

static int copy_steps(struct planner *p) {
    size_t runs = 0;
    bool together = false; /* something of those that start together is in the plan already */
    p->plan->steps = arena_array(p->arena, p->project->step_count + 1, sizeof *p->plan->steps);
    p->plan->targets = arena_array(p->arena, p->config->target_count + 1, sizeof *p->plan->targets);
    p->index_of_target = arena_array(p->arena, p->config->target_count + 1, sizeof *p->index_of_target);
    for (size_t i = 0; i < p->project->step_count; i++) {
        const struct config_step *from = &p->project->steps[i];
        const struct config_step *head = &p->project->steps[group_head(p->project, i)];
        together = together && (head->with_previous || head != from);
        if (step_left_out(p, from)) {
            continue;
        }
        struct plan_step *step = &p->plan->steps[p->plan->step_count++];
        step_copy(p, from, step);
        /* What the first step says holds for those behind it also where it was left out itself: a group stays as narrow, and nothing
         * starts together with a step that it was not meant to. */
        step->max_parallel = head->max_parallel > 0 ? head->max_parallel : MAX_PARALLEL_UNLESS_SET;
        step->with_previous = head->with_previous && together;
        together = true;
        int r = step_targets(p, from, step);
        if (r < 0) {
            return r;
        }
        runs += step->slot_count;
    }
    if (runs == 0) {
        return err_set(p->err, ERR_INVALID, "Nothing of %s is left to run in %s.", p->project->name,
                       p->environment->name);
    }
    if (runs > LIMIT_PLAN_RUNS) {
        return err_set(p->err, ERR_TOO_BIG,
                       "That would be %zu runs of steps; at most %d are possible in one deployment.", runs,
                       LIMIT_PLAN_RUNS);
    }
    return 0;
}

int planner_build(const struct config *config, const struct command *command, struct arena *arena,
                  struct plan **ret_plan, const char **ret_inputs, struct err *err) {
    struct planner p = {.config = config, .command = command, .arena = arena, .err = err};
    p.plan = arena_alloc(arena, sizeof *p.plan);
    int r = find_project(&p);
    r = r < 0 ? r : find_environment(&p);
    r = r < 0 ? r : check_version(&p);
    r = r < 0 ? r : check_inventories(&p);
    r = r < 0 ? r : check_choice(&p, &command->on);
    r = r < 0 ? r : check_choice(&p, &command->without);
    r = r < 0 ? r : check_skips(&p);
    r = r < 0 ? r : copy_steps(&p);
    r = r < 0 ? r : planner_inputs(&p, ret_inputs);
    if (r < 0) {
        return r;
    }
    mark_skipped(&p);
    p.plan->project = arena_strdup(arena, p.project->name);
    p.plan->environment = arena_strdup(arena, p.environment->name);
    p.plan->room = arena_strdup(arena, p.project->room != NULL ? p.project->room : p.environment->room);
    p.plan->folder = arena_strdup(arena, p.project->work_dir != NULL ? p.project->work_dir : config->folder);
    p.plan->run_as = arena_strdup(arena, config->run_as);
    *ret_plan = p.plan;
    return 0;
}

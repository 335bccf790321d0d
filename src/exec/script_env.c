#include "script_env.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "launch.h"

enum { INSTRUCTION_BYTES = 4 << 20, VALUE_BYTES = 128 << 10 };

static void env_add(struct buf *out, const char *name, const char *value) {
    struct buf pair = BUF_INIT(VALUE_BYTES);
    buf_printf(&pair, "%s=%s", name, value == NULL ? "" : value);
    instruction_add(out, "env", pair.data);
    script_clear(&pair);
}

static void env_add_number(struct buf *out, const char *name, uint64_t value) {
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRIu64, value);
    env_add(out, name, digits);
}

/* The user of this process, read once: reading it means reading files each time. */
static const struct passwd *own_account(void) {
    static struct passwd own;
    if (own.pw_name == NULL) {
        const struct passwd *found = getpwuid(getuid());
        if (found == NULL) {
            return NULL;
        }
        own.pw_name = mem_strdup(found->pw_name);
        own.pw_dir = mem_strdup(found->pw_dir);
    }
    return &own;
}

static void add_account(struct buf *out, const struct plan *plan) {
    const struct passwd *account = plan->run_as != NULL ? getpwnam(plan->run_as) : own_account();
    env_add(out, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    env_add(out, "LANG", "C.UTF-8");
    env_add(out, "SHELL", "/bin/sh");
    env_add(out, "HOME", account == NULL ? "/" : account->pw_dir);
    env_add(out, "USER", account == NULL ? "" : account->pw_name);
    env_add(out, "LOGNAME", account == NULL ? "" : account->pw_name);
    if (plan->run_as != NULL) {
        instruction_add(out, "user", plan->run_as);
    }
}

/* W3C Trace Context: one trace a deployment, one parent an attempt. */
static void add_trace(struct buf *out, const struct job *job) {
    char text[128], trace[ID_DIGEST_SIZE], span[ID_DIGEST_SIZE];
    int size = snprintf(text, sizeof text, "%s/%" PRIu64, job->plan_hash, job->deployment);
    id_digest(trace, text, (size_t)size);
    size = snprintf(text, sizeof text, "%" PRIu64 "/%zu/%zu/%" PRIu32, job->deployment, job->step, job->slot,
                    job->attempt);
    id_digest(span, text, (size_t)size);
    (void)snprintf(text, sizeof text, "00-%.32s-%.16s-01", trace, span);
    env_add(out, "TRACEPARENT", text);
}

static void add_guidepost(struct buf *out, const struct plan *plan, const struct job *job,
                          const struct script_place *place) {
    env_add(out, "GUIDEPOST", "1");
    env_add(out, "GUIDEPOST_PROJECT", plan->project);
    env_add(out, "GUIDEPOST_ENVIRONMENT", plan->environment);
    env_add(out, "GUIDEPOST_VERSION", job->version);
    env_add(out, "GUIDEPOST_PREVIOUS_VERSION", job->previous_version);
    env_add_number(out, "GUIDEPOST_DEPLOYMENT_ID", job->deployment);
    env_add(out, "GUIDEPOST_STEP", plan->steps[job->step].name);
    env_add(out, "GUIDEPOST_TARGET",
            plan->steps[job->step].on_worker ? "" : plan_slot_name(plan, job->step, job->slot));
    env_add_number(out, "GUIDEPOST_ATTEMPT", job->attempt);
    env_add(out, "GUIDEPOST_USER", job->actor);
    if (place->url != NULL) {
        struct buf link = BUF_INIT(VALUE_BYTES);
        buf_printf(&link, "%s/d/%" PRIu64, place->url, job->deployment);
        env_add(out, "GUIDEPOST_URL", link.data);
        buf_finish(&link);
    }
    add_trace(out, job);
}

static int add_inputs(struct buf *out, const struct job *job, struct err *err) {
    struct json *inputs = NULL;
    if (str_empty(job->inputs)) {
        return 0;
    }
    if (json_parse(job->inputs, strlen(job->inputs), &inputs, err) < 0) {
        return -(int)ERR_INVALID;
    }
    for (const struct json *input = json_first(inputs); input != NULL; input = json_next(input)) {
        env_add(out, json_key(input), json_string(input));
    }
    json_free(inputs);
    return 0;
}

static int add_variables(struct buf *out, const struct plan_step *step, struct err *err) {
    for (size_t i = 0; i < step->env_count; i++) {
        const struct plan_variable *variable = &step->env[i];
        if (variable->value != NULL) {
            env_add(out, variable->name, variable->value);
            continue;
        }
        char *value = NULL;
        struct config_secret secret = {(enum secret_source)variable->secret_source, variable->secret_name};
        int r = secret_read(&secret, &value, err);
        if (r < 0) {
            return r;
        }
        env_add(out, variable->name, value);
        instruction_add(out, "secret", value);
        secret_free(value);
    }
    return 0;
}

static const struct plan_target *job_target(const struct plan *plan, const struct job *job) {
    const struct plan_step *step = &plan->steps[job->step];
    return step->on_worker ? NULL : &plan->targets[step->targets[job->slot]];
}

bool script_is_remote(const struct plan *plan, const struct job *job) {
    const struct plan_target *target = job_target(plan, job);
    return target != NULL && target->ssh != NULL;
}

static void add_place(struct buf *out, const struct plan *plan, const struct job *job,
                      const struct script_place *place) {
    const struct plan_step *step = &plan->steps[job->step];
    const struct plan_target *target = job_target(plan, job);
    const char *work_dir = step->work_dir != NULL                       ? step->work_dir
                           : target != NULL && target->work_dir != NULL ? target->work_dir
                                                                        : plan->folder;
    if (work_dir != NULL) {
        instruction_add(out, "work-dir", work_dir);
    }
    /* One lock a target and lane: the same machine under another project is another matter. On the worker one a step. */
    char name[ID_DIGEST_SIZE];
    struct buf lock = BUF_INIT(VALUE_BYTES);
    id_digest(name, step->name, strlen(step->name));
    name[16] = '\0';
    buf_printf(&lock, "%s/targets/%s%s.%s.%s.lock", place->state_dir, target == NULL ? "." : "",
               target == NULL ? name : target->name, plan->project, plan->environment);
    instruction_add(out, "target-lock", lock.data);
    buf_finish(&lock);
}

/* A name for a file on the target: what may stand in names here and not there becomes `_`. */
static void add_remote_name(struct buf *out, const char *key, const char *name) {
    struct buf safe = BUF_INIT(VALUE_BYTES);
    for (const char *c = name; *c != '\0'; c++) {
        buf_addc(&safe, *c == '+' ? '_' : *c);
    }
    instruction_add(out, key, safe.data);
    buf_finish(&safe);
}

static void add_option(struct buf *out, const char *key, const char *value) {
    if (value != NULL) {
        instruction_add(out, key, value);
    }
}

/* The truth about the run lies on the target, under a name that every worker gives it. */
static void add_remote_place(struct buf *out, const struct plan *plan, const struct job *job,
                             const struct script_place *place) {
    const struct plan_step *step = &plan->steps[job->step];
    const struct plan_target *target = job_target(plan, job);
    const struct worker_ssh *ssh = place->ssh;
    struct buf text = BUF_INIT(VALUE_BYTES);
    instruction_add(out, "work", place->work);
    instruction_add(out, "ssh-destination", target->ssh);
    buf_printf(&text, "%s/%" PRIu64 "/%zu.%zu.%" PRIu32, place->installation, job->deployment, job->step, job->slot,
               job->attempt);
    instruction_add(out, "ssh-run", text.data);
    buf_clear(&text);
    buf_printf(&text, "%s.%s.%s", target->name, plan->project, plan->environment);
    add_remote_name(out, "target-lock", text.data);
    buf_clear(&text);
    buf_printf(&text, "%s/ssh", place->state_dir);
    instruction_add(out, "ssh-control", text.data);
    buf_finish(&text);
    add_option(out, "ssh-config", ssh->config);
    add_option(out, "ssh-known-hosts", ssh->known_hosts);
    for (size_t i = 0; i < ssh->option_count; i++) {
        instruction_add(out, "ssh-option", ssh->options[i]);
    }
    add_option(out, "work-dir", step->work_dir != NULL ? step->work_dir : target->work_dir);
}

int script_instructions(const struct plan *plan, const struct job *job, const struct script_place *place,
                        struct buf *out, struct err *err) {
    const struct plan_step *step = &plan->steps[job->step];
    buf_init(out, INSTRUCTION_BYTES);
    instruction_add(out, "script", step->script);
    add_guidepost(out, plan, job, place);
    if (script_is_remote(plan, job)) {
        add_remote_place(out, plan, job, place);
    } else {
        add_account(out, plan);
        add_place(out, plan, job, place);
    }
    instruction_add_number(out, "timeout-ms", step->timeout_ms);
    instruction_add_number(out, "quiet-ms", step->quiet_ms);
    instruction_add_number(out, "kill-ms", LIMIT_KILL_MS);
    instruction_add_number(out, "segment-bytes", LIMIT_OUTPUT_SEGMENT);
    instruction_add_number(out, "head-segments", LIMIT_OUTPUT_SEGMENTS_HEAD);
    instruction_add_number(out, "tail-segments", LIMIT_OUTPUT_SEGMENTS_TAIL);
    int r = add_inputs(out, job, err);
    r = r < 0 ? r : add_variables(out, step, err);
    instruction_end(out);
    if (r == 0 && out->overflow) {
        r = err_set(err, ERR_TOO_BIG, "Script and environment of %s are too large: %d bytes at most.", step->name,
                    INSTRUCTION_BYTES);
    }
    return r;
}

void script_clear(struct buf *instructions) {
    if (instructions->capacity > 0) {
        explicit_bzero(instructions->data, instructions->capacity);
    }
    buf_finish(instructions);
}

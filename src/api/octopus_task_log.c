/* What a task did: the tree of its steps and runs, and all output as text. */

#include "base/limits.h"
#include "base/str.h"
#include "octopus.h"
#include "octopus_shape.h"
#include "read.h"
#include "store/feed.h"

enum { BATCHES = 200 };

const char *octopus_run_id(uint64_t deployment, size_t step, size_t slot, struct arena *arena) {
    return arena_printf(arena, "ServerTasks-%llu/%zu/%zu", (unsigned long long)deployment, step, slot);
}

/* --- the tree ----------------------------------------------------------------------------------------------------- */

static const char *run_status(enum run_state state) {
    switch (state) {
    case RUN_PENDING:
    case RUN_QUEUED:
        return "Pending";
    case RUN_RUNNING:
    case RUN_LOST:
    case RUN_DELAYED:
    case RUN_ASKING:
        return "Running";
    case RUN_SUCCEEDED:
        return "Success";
    case RUN_WARNED:
        return "SuccessWithWarning";
    case RUN_FAILED:
    case RUN_UNKNOWN:
        return "Failed";
    case RUN_EXCLUDED:
    case RUN_SKIPPED:
        return "Skipped";
    case RUN_CANCELED:
        return "Canceled";
    case RUN_STATE_COUNT:
        break;
    }
    return "";
}

static const char *step_status(const struct deployment *d, size_t step) {
    const uint32_t *in = d->steps[step].by_state;
    uint32_t at_work = in[RUN_RUNNING] + in[RUN_LOST] + in[RUN_DELAYED] + in[RUN_ASKING];
    uint32_t waiting = in[RUN_PENDING] + in[RUN_QUEUED];
    if (at_work > 0 || (waiting > 0 && waiting < d->plan->steps[step].slot_count)) {
        return "Running";
    }
    if (waiting > 0) {
        return "Pending";
    }
    if (in[RUN_FAILED] + in[RUN_UNKNOWN] > 0) {
        return "Failed";
    }
    if (in[RUN_CANCELED] > 0) {
        return "Canceled";
    }
    return in[RUN_WARNED] + in[RUN_EXCLUDED] > 0 ? "SuccessWithWarning" : in[RUN_SUCCEEDED] > 0 ? "Success" : "Skipped";
}

static const char *task_status(const struct deployment *d) {
    switch (d->state) {
    case DEPLOYMENT_QUEUED:
        return "Pending";
    case DEPLOYMENT_RUNNING:
    case DEPLOYMENT_PAUSED:
    case DEPLOYMENT_CANCELING:
        return "Running";
    case DEPLOYMENT_SUCCEEDED:
        return "Success";
    case DEPLOYMENT_SUCCEEDED_WITH_WARNINGS:
        return "SuccessWithWarning";
    case DEPLOYMENT_FAILED:
        return "Failed";
    case DEPLOYMENT_CANCELED:
        return "Canceled";
    }
    return "";
}

struct node {
    const char *id, *name, *status;
    int64_t started_ms, ended_ms;
};

/* Open for its children: the caller ends the list and the object. */
static void node_begin(struct json_out *out, const struct node *node) {
    bool over = !str_equal(node->status, "Pending") && !str_equal(node->status, "Running");
    json_object_begin(out, NULL);
    json_add_string(out, "Id", node->id);
    json_add_string(out, "Name", node->name);
    json_add_string(out, "Status", node->status);
    octopus_add_time(out, "Started", node->started_ms);
    octopus_add_time(out, "Ended", node->ended_ms);
    json_add_bool(out, "ShowAtSummaryLevel", true);
    json_add_int(out, "ProgressPercentage", over ? 100 : 0);
    json_add_string(out, "ProgressMessage", "");
}

static void write_element(struct json_out *out, const char *category, int64_t when_ms, const char *text) {
    json_object_begin(out, NULL);
    json_add_string(out, "Category", category);
    octopus_add_time(out, "OccurredAt", when_ms);
    json_add_string(out, "MessageText", text);
    json_add_null(out, "Detail");
    json_object_end(out);
}

static void write_run(struct call *call, const struct deployment *d, size_t step, size_t slot) {
    const struct run *run = deployment_run(d, step, slot);
    struct json_out *out = &call->out;
    node_begin(out, &(struct node){
                        .id = octopus_run_id(d->id, step, slot, call->arena),
                        .name = plan_slot_name(d->plan, step, slot),
                        .status = run_status(run->state),
                        .started_ms = run->started_ms,
                        .ended_ms = run->ended_ms,
                    });
    octopus_add_words(out, "Children", NULL, NULL, 0);
    json_array_begin(out, "LogElements");
    if (run->outcome.kind != OUTCOME_NONE) {
        bool good = outcome_is_success(run->outcome);
        write_element(
            out, good ? "Info" : "Error", run->ended_ms,
            arena_printf(call->arena, "Attempt %u: %s", run->attempt, outcome_text(run->outcome, call->arena)));
    } else if (run->earlier) {
        write_element(out, "Info", d->created_ms,
                      arena_printf(call->arena, "%s before this deployment, see Deployments-%llu",
                                   run->state == RUN_EXCLUDED ? "Excluded" : "Done", (unsigned long long)d->origin_id));
    }
    json_array_end(out);
    json_object_end(out);
}

static void write_step(struct call *call, const struct deployment *d, size_t step) {
    const struct plan_step *planned = &d->plan->steps[step];
    struct node node = {
        .id = arena_printf(call->arena, "ServerTasks-%llu/%zu", (unsigned long long)d->id, step),
        .name = arena_printf(call->arena, "Step %zu: %s", step + 1, planned->name),
        .status = step_status(d, step),
    };
    for (size_t slot = 0; slot < planned->slot_count; slot++) {
        const struct run *run = deployment_run(d, step, slot);
        bool earlier = run->started_ms != 0 && (node.started_ms == 0 || run->started_ms < node.started_ms);
        node.started_ms = earlier ? run->started_ms : node.started_ms;
        node.ended_ms = run->ended_ms > node.ended_ms ? run->ended_ms : node.ended_ms;
    }
    node_begin(&call->out, &node);
    json_array_begin(&call->out, "Children");
    for (size_t slot = 0; slot < planned->slot_count; slot++) {
        write_run(call, d, step, slot);
    }
    json_array_end(&call->out);
    octopus_add_words(&call->out, "LogElements", NULL, NULL, 0);
    json_object_end(&call->out);
}

static size_t percent_done(const struct deployment *d) {
    size_t done = 0, total = 0;
    for (size_t step = 0; step < d->plan->step_count; step++) {
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            done += run_is_final(deployment_run(d, step, slot)->state);
            total++;
        }
    }
    return total == 0 || deployment_is_final(d->state) ? 100 : done * 100 / total;
}

static void details_write(struct call *call) {
    const struct deployment *d = read_record(call)->deployment;
    struct json_out *out = &call->out;
    json_object_begin(out, NULL);
    octopus_write_task(call, "Task", d);
    json_array_begin(out, "ActivityLogs");
    node_begin(out, &(struct node){
                        .id = arena_printf(call->arena, "ServerTasks-%llu", (unsigned long long)d->id),
                        .name = arena_printf(call->arena, "Deploy %s release %s to %s", d->plan->project, d->version,
                                             d->plan->environment),
                        .status = task_status(d),
                        .started_ms = d->started_ms,
                        .ended_ms = d->ended_ms,
                    });
    json_array_begin(out, "Children");
    for (size_t step = 0; step < d->plan->step_count; step++) {
        write_step(call, d, step);
    }
    json_array_end(out);
    octopus_add_words(out, "LogElements", NULL, NULL, 0);
    json_object_end(out);
    json_array_end(out);
    json_object_begin(out, "Progress");
    json_add_int(out, "ProgressPercentage", (int64_t)percent_done(d));
    json_add_string(out, "EstimatedTimeRemaining", "");
    json_object_end(out);
    json_add_int(out, "PhysicalLogSize", 0);
    json_object_end(out);
    call_answer(call, 200);
}

static void read_named(struct call *call, call_next *next) {
    uint64_t id = 0;
    if (read_deployment_id(call, call->params[0], &id)) {
        read_deployment(call, id, next);
    }
}

void octopus_task_details(struct call *call) {
    read_named(call, details_write);
}

/* --- all output --------------------------------------------------------------------------------------------------- */

static void raw_next(struct call *call);

static void raw_came(const struct log_batch *batches, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    if (!call_continues(call, err)) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        str_show(&call->text, batches[i].data, batches[i].size);
        if (batches[i].left_out > 0) {
            buf_printf(&call->text, "\n(%llu bytes left out)\n", (unsigned long long)batches[i].left_out);
        }
    }
    raw_next(call);
}

/* call->state is the next run and attempt to read. */
static void raw_next(struct call *call) {
    const struct deployment *d = read_record(call)->deployment;
    struct log_key *key = call->state;
    while (key->step < d->plan->step_count) {
        if (key->slot >= d->plan->steps[key->step].slot_count) {
            key->step++;
            key->slot = 0;
        } else if (key->attempt >= deployment_run(d, key->step, key->slot)->attempt) {
            key->slot++;
            key->attempt = 0;
        } else {
            key->attempt++;
            buf_printf(&call->text, "\n== %s on %s, attempt %u\n", d->plan->steps[key->step].name,
                       plan_slot_name(d->plan, key->step, key->slot), key->attempt);
            log_read(call->api->options.store, key, NULL, BATCHES, raw_came, call);
            return;
        }
    }
    call_answer_as(call, 200, "text/plain; charset=utf-8", NULL, 0);
}

static void raw_begin(struct call *call) {
    const struct deployment *d = read_record(call)->deployment;
    struct log_key *key = call->state = arena_alloc(call->arena, sizeof *key);
    key->deployment = d->id;
    buf_printf(&call->text, "Deploy %s release %s to %s: %s\n", d->plan->project, d->version, d->plan->environment,
               octopus_task_state(d->state));
    raw_next(call);
}

void octopus_task_raw(struct call *call) {
    read_named(call, raw_begin);
}

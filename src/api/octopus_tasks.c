/* A deployment as the task that carries it out. */

#include "ask.h"
#include "base/clock.h"
#include "base/str.h"
#include "octopus.h"
#include "octopus_scan.h"
#include "octopus_shape.h"

const char *octopus_task_state(enum deployment_state state) {
    switch (state) {
    case DEPLOYMENT_QUEUED:
        return "Queued";
    case DEPLOYMENT_RUNNING:
    case DEPLOYMENT_PAUSED: /* there is no such state there: it executes and has an interruption */
        return "Executing";
    case DEPLOYMENT_CANCELING:
        return "Cancelling";
    case DEPLOYMENT_SUCCEEDED:
    case DEPLOYMENT_SUCCEEDED_WITH_WARNINGS:
        return "Success";
    case DEPLOYMENT_FAILED:
        return "Failed";
    case DEPLOYMENT_CANCELED:
        return "Canceled";
    }
    return "";
}

/* --- the resource ------------------------------------------------------------------------------------------------- */

static void write_times(struct json_out *out, const struct deployment *d) {
    bool over = deployment_is_final(d->state);
    int64_t until = over ? d->ended_ms : clock_wall_ms();
    struct buf duration = BUF_INIT(128);
    str_duration(&duration, d->started_ms == 0 || until < d->started_ms ? 0 : until - d->started_ms);
    octopus_add_time(out, "QueueTime", d->created_ms);
    json_add_null(out, "QueueTimeExpiry");
    octopus_add_time(out, "StartTime", d->started_ms);
    octopus_add_time(out, "CompletedTime", d->ended_ms);
    octopus_add_time(out, "LastUpdatedTime", until);
    if (over) {
        octopus_add_time(out, "Completed", d->ended_ms);
    } else {
        octopus_add_text(out, "Completed", "%s...", octopus_task_state(d->state));
    }
    json_add_string(out, "Duration", duration.data);
    buf_finish(&duration);
}

static void write_pending(struct json_out *out, const struct deployment *d) {
    bool guided = false, manual = false;
    for (size_t i = 0; i < d->question_count; i++) {
        manual = manual || d->questions[i].approve;
        guided = guided || !d->questions[i].approve;
    }
    json_add_bool(out, "HasPendingInterruptions", guided || manual);
    json_array_begin(out, "PendingInterruptionTypes");
    if (guided) {
        json_add_string(out, NULL, "GuidedFailure");
    }
    if (manual) {
        json_add_string(out, NULL, "ManualIntervention");
    }
    json_array_end(out);
    json_add_bool(out, "HasPendingPreconditions", false);
    octopus_add_words(out, "PendingPreconditionTypes", NULL, NULL, 0);
}

static void write_links(struct json_out *out, const struct deployment *d) {
    unsigned long long id = d->id;
    json_object_begin(out, "Links");
    octopus_add_text(out, "Self", "/api/tasks/ServerTasks-%llu", id);
    octopus_add_text(out, "Details", "/api/tasks/ServerTasks-%llu/details{?verbose,tail}", id);
    octopus_add_text(out, "Raw", "/api/tasks/ServerTasks-%llu/raw", id);
    octopus_add_text(out, "Cancel", "/api/tasks/ServerTasks-%llu/cancel", id);
    octopus_add_text(out, "Rerun", "/api/tasks/rerun/ServerTasks-%llu", id);
    octopus_add_text(out, "QueuedBehind", "/api/tasks/ServerTasks-%llu/queued-behind{?skip,take}", id);
    octopus_add_text(out, "Interruptions", "/api/interruptions?regarding=ServerTasks-%llu", id);
    octopus_add_text(out, "Web", "/d/%llu", id);
    json_object_end(out);
}

void octopus_write_task(struct call *call, const char *key, const struct deployment *d) {
    struct json_out *out = &call->out;
    bool over = deployment_is_final(d->state);
    bool warned = d->state == DEPLOYMENT_SUCCEEDED_WITH_WARNINGS;
    bool succeeded = d->state == DEPLOYMENT_SUCCEEDED || warned;
    json_object_begin(out, key);
    octopus_add_id(out, "Id", "ServerTasks", d->id);
    json_add_string(out, "SpaceId", OCTOPUS_SPACE);
    octopus_add_name(out, "ProjectId", "Projects", d->plan->project);
    octopus_add_name(out, "EnvironmentId", "Environments", d->plan->environment);
    json_add_string(out, "Name", "Deploy");
    octopus_add_text(out, "Description", "Deploy %s release %s to %s", d->plan->project, d->version,
                     d->plan->environment);
    json_object_begin(out, "Arguments");
    octopus_add_id(out, "DeploymentId", "Deployments", d->id);
    json_object_end(out);
    json_add_string(out, "State", octopus_task_state(d->state));
    write_times(out, d);
    json_add_string(out, "ErrorMessage", succeeded || !over ? NULL : d->closing_why);
    json_add_bool(out, "HasBeenPickedUpByProcessor", d->started_ms != 0);
    json_add_bool(out, "IsCompleted", over);
    json_add_bool(out, "FinishedSuccessfully", succeeded);
    json_add_bool(out, "HasWarningsOrErrors", d->warned || (over && d->state != DEPLOYMENT_SUCCEEDED));
    write_pending(out, d);
    json_add_bool(out, "CanRerun", over);
    json_add_int(out, "EstimatedRemainingQueueDurationSeconds", 0);
    write_links(out, d);
    json_object_end(out);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static const struct octopus_list list = {"Task", "/tasks",
                                         "ids,states,active,project,environment,hasPendingInterruptions"};

static void tasks_write(struct call *call) {
    const struct octopus_scan *scan = call->state;
    struct octopus_page page;
    if (!octopus_page_read(call, &page)) {
        return;
    }
    octopus_list_begin(call, &list, &page, scan->total);
    for (size_t i = 0; i < call->record_count; i++) {
        octopus_write_task(call, NULL, call->records[i]->deployment);
    }
    octopus_list_end(call, &list, &page, scan->total);
    call_answer(call, 200);
}

void octopus_tasks(struct call *call) {
    const struct web_request *request = call->request;
    struct octopus_scan scan = {
        .ids = web_query(request, "ids"),
        .projects = web_query(request, "project"),
        .environments = web_query(request, "environment"),
        .states = web_query(request, "states"),
        .active = octopus_flag(web_query(request, "active"), false),
        .pending = octopus_flag(web_query(request, "hasPendingInterruptions"), false),
    };
    if (octopus_page_read(call, &scan.page)) {
        octopus_scan(call, &scan, tasks_write);
    }
}

/* --- one ---------------------------------------------------------------------------------------------------------- */

static void task_write(struct call *call) {
    octopus_write_task(call, NULL, read_record(call)->deployment);
    call_answer(call, 200);
}

static void read_named(struct call *call, call_next *next) {
    uint64_t id = 0;
    if (read_deployment_id(call, call->params[0], &id)) {
        read_deployment(call, id, next);
    }
}

void octopus_task(struct call *call) {
    read_named(call, task_write);
}

/* What is before it in its lane, the one that holds it first. */
static void ahead_write(struct call *call) {
    static const struct octopus_list ahead = {"Task", "/tasks", ""};
    const struct octopus_page page = {0, 1000};
    size_t count = call->record_count - 1; /* the first is the task itself */
    octopus_list_begin(call, &ahead, &page, count);
    for (size_t i = 1; i <= count; i++) {
        octopus_write_task(call, NULL, call->records[i]->deployment);
    }
    octopus_list_end(call, &ahead, &page, count);
    call_answer(call, 200);
}

static void lane_came(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct call *call = user;
    (void)total;
    if (!call_continues(call, err)) {
        return;
    }
    uint64_t own = call->records[0]->deployment->id;
    size_t before = 0;
    while (before < count && ids[before] != own) {
        before++;
    }
    read_deployments(call, ids, before < count ? before : 0, ahead_write);
}

static void task_lane(struct call *call) {
    const struct plan *plan = read_record(call)->deployment->plan;
    store_list_lane(call->api->options.store, plan->project, plan->environment, lane_came, call);
}

void octopus_task_queued_behind(struct call *call) {
    read_named(call, task_lane);
}

static void canceled(struct call *call, const struct operation_reply *reply) {
    if (reply->err != NULL) {
        call_fail(call, reply->err);
    } else {
        read_named(call, task_write);
    }
}

void octopus_task_cancel(struct call *call) {
    struct operation operation = {.command = {.id = COMMAND_CANCEL}};
    if (read_deployment_id(call, call->params[0], &operation.command.deployment)) {
        ask_operation(call, &operation, canceled);
    }
}

/* --- once more ---------------------------------------------------------------------------------------------------- */

static void rerun_write(struct call *call) {
    octopus_write_task(call, NULL, read_record(call)->deployment);
    call_answer(call, 201);
}

static void rerun_started(struct call *call, const struct operation_reply *reply) {
    if (reply->err != NULL) {
        call_fail(call, reply->err);
    } else {
        read_deployment(call, reply->deployment, rerun_write);
    }
}

/* Machines that were excluded stay so, unless that is asked for. */
void octopus_task_rerun(struct call *call) {
    bool with_excluded = json_bool(json_get_nocase(call->body, "DropExclusions"), false) ||
                         octopus_flag(web_query(call->request, "dropExclusions"), false);
    struct operation operation = {.command = {.id = COMMAND_AGAIN, .guided = -1, .with_excluded = with_excluded}};
    if (read_deployment_id(call, call->params[0], &operation.command.deployment)) {
        ask_operation(call, &operation, rerun_started);
    }
}

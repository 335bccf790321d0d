#include "base/str.h"
#include "octopus.h"
#include "octopus_scan.h"
#include "octopus_shape.h"

static void write_targets(struct json_out *out, const char *key, const struct deployment *d, bool excluded) {
    json_array_begin(out, key);
    for (size_t i = 0; i < d->plan->target_count; i++) {
        if (d->excluded[i] == excluded) {
            octopus_add_name(out, NULL, "Machines", d->plan->targets[i].name);
        }
    }
    json_array_end(out);
}

static bool is_guided(const struct deployment *d) {
    bool guided = d->guided_flag == 1;
    for (size_t i = 0; !guided && i < d->plan->step_count; i++) {
        guided = d->plan->steps[i].guided.enabled;
    }
    return guided;
}

static void write_links(struct json_out *out, const struct deployment *d) {
    unsigned long long id = d->id;
    json_object_begin(out, "Links");
    octopus_add_text(out, "Self", OCTOPUS_HOME "/deployments/Deployments-%llu", id);
    octopus_add_text(out, "Task", "/api/tasks/ServerTasks-%llu", id);
    octopus_add_text(out, "Project", OCTOPUS_HOME "/projects/Projects-%s", d->plan->project);
    octopus_add_text(out, "Environment", OCTOPUS_HOME "/environments/Environments-%s", d->plan->environment);
    octopus_add_text(out, "Release", OCTOPUS_HOME "/releases/Releases-%s-%s", d->plan->project, d->version);
    octopus_add_text(out, "Interruptions", OCTOPUS_HOME "/interruptions?regarding=Deployments-%llu", id);
    octopus_add_text(out, "Web", "/d/%llu", id);
    json_object_end(out);
}

void octopus_write_deployment(struct call *call, const struct deployment *d) {
    struct json_out *out = &call->out;
    json_object_begin(out, NULL);
    octopus_add_id(out, "Id", "Deployments", d->id);
    json_add_string(out, "SpaceId", OCTOPUS_SPACE);
    json_add_string(out, "ReleaseId", octopus_release_id(d->plan->project, d->version, call->arena));
    octopus_add_name(out, "ProjectId", "Projects", d->plan->project);
    octopus_add_name(out, "EnvironmentId", "Environments", d->plan->environment);
    octopus_add_name(out, "ChannelId", "Channels", d->plan->project);
    json_add_null(out, "TenantId");
    octopus_add_id(out, "TaskId", "ServerTasks", d->id);
    octopus_add_text(out, "Name", "Deploy to %s", d->plan->environment);
    json_add_string(out, "Comments", "");
    octopus_add_time(out, "Created", d->created_ms);
    json_add_string(out, "DeployedBy", d->actor);
    octopus_add_name(out, "DeployedById", "Users", d->actor);
    json_add_bool(out, "FailureEncountered", d->state == DEPLOYMENT_FAILED || d->closing == CLOSING_FAILING);
    write_targets(out, "DeployedToMachineIds", d, false);
    write_targets(out, "ExcludedMachineIds", d, true);
    octopus_add_words(out, "SpecificMachineIds", NULL, NULL, 0);
    octopus_add_words(out, "SkipActions", NULL, NULL, 0);
    json_add_raw(out, "FormValues", str_empty(d->inputs) ? "{}" : d->inputs);
    json_add_bool(out, "UseGuidedFailure", is_guided(d));
    json_add_bool(out, "ForcePackageDownload", false);
    json_add_bool(out, "ForcePackageRedeployment", false);
    json_add_null(out, "QueueTime");
    json_add_null(out, "QueueTimeExpiry");
    write_links(out, d);
    json_object_end(out);
}

static const struct octopus_list list = {"Deployment", "/deployments", "ids,projects,environments,taskState"};

static void deployments_write(struct call *call) {
    const struct octopus_scan *scan = call->state;
    struct octopus_page page;
    if (!octopus_page_read(call, &page)) {
        return;
    }
    octopus_list_begin(call, &list, &page, scan->total);
    for (size_t i = 0; i < call->record_count; i++) {
        octopus_write_deployment(call, call->records[i]->deployment);
    }
    octopus_list_end(call, &list, &page, scan->total);
    call_answer(call, 200);
}

void octopus_deployments(struct call *call) {
    struct octopus_scan scan = {
        .ids = web_query(call->request, "ids"),
        .projects = web_query(call->request, "projects"),
        .environments = web_query(call->request, "environments"),
        .states = web_query(call->request, "taskState"),
    };
    if (octopus_page_read(call, &scan.page)) {
        octopus_scan(call, &scan, deployments_write);
    }
}

static void deployment_write(struct call *call) {
    octopus_write_deployment(call, read_record(call)->deployment);
    call_answer(call, 200);
}

void octopus_deployment(struct call *call) {
    uint64_t id = 0;
    if (read_deployment_id(call, call->params[0], &id)) {
        read_deployment(call, id, deployment_write);
    }
}

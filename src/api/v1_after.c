/* What comes after a deployment: going on, catching up, going back, promoting, and freezing an environment. */

#include "ask.h"
#include "base/str.h"
#include "core/permission.h"
#include "read.h"
#include "v1.h"

static bool flag(const struct call *call, const char *name) {
    return json_bool(json_get(call->body, name), false);
}

/* --- about a deployment ------------------------------------------------------------------------------------------- */

static void ask_about(struct call *call, struct command command) {
    struct operation operation = {.command = command};
    operation.command.guided = -1;
    if (read_deployment_id(call, call->params[0], &operation.command.deployment)) {
        ask_operation(call, &operation, v1_replied);
    }
}

void v1_resume(struct call *call) {
    bool rerun = flag(call, "rerun_unknown"), worked = flag(call, "unknown_worked");
    if (rerun && worked) {
        call_refuse(call, ERR_INVALID, "What has an unknown outcome is run again, or it worked: not both.");
        return;
    }
    ask_about(call, (struct command){.id = COMMAND_RESUME, .rerun_unknown = rerun, .unknown_worked = worked});
}

void v1_again(struct call *call) {
    ask_about(call, (struct command){.id = COMMAND_AGAIN, .with_excluded = flag(call, "with_excluded")});
}

void v1_catch_up(struct call *call) {
    ask_about(call, (struct command){.id = COMMAND_CATCH});
}

/* --- about a project ---------------------------------------------------------------------------------------------- */

static void ask_for(struct call *call, enum command_id id, const char *from, const char *to) {
    struct operation operation = {
        .command = {.id = id, .guided = -1, .project = call->params[0], .from = from, .environment = to}};
    ask_operation(call, &operation, v1_replied);
}

void v1_rollback(struct call *call) {
    const char *environment = json_string(json_get(call->body, "environment"));
    if (str_empty(environment)) {
        call_refuse(call, ERR_INVALID, "Send {\"environment\": \"production\"}.");
    } else {
        ask_for(call, COMMAND_ROLLBACK, NULL, environment);
    }
}

void v1_promote(struct call *call) {
    const char *from = json_string(json_get(call->body, "from")), *to = json_string(json_get(call->body, "to"));
    if (str_empty(from) || str_empty(to)) {
        call_refuse(call, ERR_INVALID, "Send {\"from\": \"staging\", \"to\": \"production\"}.");
    } else {
        ask_for(call, COMMAND_PROMOTE, from, to);
    }
}

static void versions_came(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    if (!call_continues(call, err)) {
        return;
    }
    json_object_begin(&call->out, NULL);
    v1_write_versions(call, "items", rows, count);
    json_object_end(&call->out);
    call_answer(call, 200);
}

void v1_versions(struct call *call) {
    store_list_versions(call->api->options.store, versions_came, call);
}

/* --- about an environment ----------------------------------------------------------------------------------------- */

static void freezes_came(const struct freeze *freezes, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    if (!call_continues(call, err)) {
        return;
    }
    json_object_begin(&call->out, NULL);
    v1_write_freezes(call, "items", freezes, count);
    json_object_end(&call->out);
    call_answer(call, 200);
}

void v1_freezes(struct call *call) {
    store_list_freezes(call->api->options.store, freezes_came, call);
}

static void ask_freeze(struct call *call, enum command_id id) {
    struct operation operation = {.command = {.id = id,
                                              .guided = -1,
                                              .environment = call->params[0],
                                              .note = json_string(json_get(call->body, "reason"))}};
    ask_operation(call, &operation, v1_replied);
}

void v1_freeze(struct call *call) {
    ask_freeze(call, COMMAND_FREEZE);
}

void v1_unfreeze(struct call *call) {
    ask_freeze(call, COMMAND_UNFREEZE);
}

static void audit_came(const struct audit_entry *entries, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    if (call_continues(call, err)) {
        v1_write_audit(call, entries, count);
    }
}

void v1_environment_audit(struct call *call) {
    if (config_find_environment(call->config, call->params[0]) == NULL) {
        call_refuse(call, ERR_NOT_FOUND, "There is no environment '%.100s'.", call->params[0]);
    } else if ((call_permissions(call, NULL, call->params[0]) & PERMISSION_VIEW) == 0) {
        call_refuse(call, ERR_DENIED, "%s may not view anything in %s.", call->actor.name, call->params[0]);
    } else {
        store_read_environment_audit(call->api->options.store, call->params[0], audit_came, call);
    }
}

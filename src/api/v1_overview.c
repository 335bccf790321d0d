/* All that the first page shows, in one answer. */

#include <stdlib.h>

#include "base/clock.h"
#include "core/permission.h"
#include "core/view_json.h"
#include "read.h"
#include "store/rows_json.h"
#include "v1.h"

enum { RECENT = 20 };

/* --- the parts ---------------------------------------------------------------------------------------------------- */

static int card_compare(const void *a, const void *b) {
    const struct card *x = *(struct card *const *)a, *y = *(struct card *const *)b;
    return x->question < y->question ? -1 : x->question > y->question;
}

/* Open cards of all deployments, the oldest first. */
static void write_cards(struct call *call) {
    struct card **open = NULL;
    size_t count = 0;
    for (size_t i = 0; i < call->record_count; i++) {
        const struct deployment_record *record = call->records[i];
        size_t card_count = 0;
        if (record->deployment->question_count == 0) {
            continue;
        }
        struct card **cards = view_cards(record->deployment, record->questions, record->question_count, clock_wall_ms(),
                                         call->arena, &card_count);
        for (size_t k = 0; k < card_count; k++) {
            if (cards[k]->outcome == NULL) {
                open = arena_push(call->arena, open, count, sizeof(struct card *));
                open[count++] = cards[k];
            }
        }
    }
    if (count > 0) {
        qsort(open, count, sizeof(struct card *), card_compare);
    }
    json_array_begin(&call->out, "questions");
    for (size_t i = 0; i < count; i++) {
        view_write_card(&call->out, NULL, open[i]);
    }
    json_array_end(&call->out);
}

static void write_summaries(struct call *call, const char *key, bool final) {
    json_array_begin(&call->out, key);
    for (size_t i = 0; i < call->record_count; i++) {
        const struct deployment *d = call->records[i]->deployment;
        if (deployment_is_final(d->state) == final) {
            view_write_summary(&call->out, NULL, d, read_waits_for(call, d), clock_wall_ms(), call->arena);
        }
    }
    json_array_end(&call->out);
}

static void write_names(struct json_out *out, const char *key, const struct config_names *names) {
    json_array_begin(out, key);
    for (size_t i = 0; i < names->count; i++) {
        json_add_string(out, NULL, names->items[i]);
    }
    json_array_end(out);
}

static const char *input_type(enum config_input_type type) {
    switch (type) {
    case INPUT_TEXT:
        return "text";
    case INPUT_BOOLEAN:
        return "boolean";
    case INPUT_CHOICE:
        return "choice";
    }
    return "";
}

static void write_input(struct json_out *out, const struct config_input *input) {
    json_object_begin(out, NULL);
    json_add_string(out, "name", input->name);
    json_add_string(out, "label", input->label);
    json_add_string(out, "type", input_type(input->type));
    json_add_string(out, "default", input->fallback);
    json_add_bool(out, "required", input->required);
    write_names(out, "choices", &input->choices);
    json_object_end(out);
}

/* Only where the person may deploy: the page offers these. */
static void write_environments(struct call *call, const struct config_project *project) {
    json_array_begin(&call->out, "environments");
    for (size_t i = 0; i < call->config->environment_count; i++) {
        const char *name = call->config->environments[i].name;
        bool in = project->environments.count == 0 || config_names_have(&project->environments, name);
        if (in && (call_permissions(call, project->name, name) & PERMISSION_DEPLOY) != 0) {
            json_add_string(&call->out, NULL, name);
        }
    }
    json_array_end(&call->out);
}

static void write_projects(struct call *call) {
    json_array_begin(&call->out, "projects");
    for (size_t i = 0; i < call->config->project_count; i++) {
        const struct config_project *project = &call->config->projects[i];
        if ((call_permissions(call, project->name, NULL) & PERMISSION_VIEW) == 0) {
            continue;
        }
        json_object_begin(&call->out, NULL);
        json_add_string(&call->out, "name", project->name);
        json_add_string(&call->out, "description", project->description);
        write_environments(call, project);
        json_array_begin(&call->out, "inputs");
        for (size_t k = 0; k < project->input_count; k++) {
            write_input(&call->out, &project->inputs[k]);
        }
        json_array_end(&call->out);
        json_object_end(&call->out);
    }
    json_array_end(&call->out);
}

static void write_rooms(struct call *call) {
    json_array_begin(&call->out, "rooms");
    for (size_t i = 0; i < call->config->room_count; i++) {
        json_add_string(&call->out, NULL, call->config->rooms[i].name);
    }
    json_array_end(&call->out);
}

/* --- the steps ---------------------------------------------------------------------------------------------------- */

static void freezes_came(const struct freeze *freezes, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    if (!call_continues(call, err)) {
        return;
    }
    json_array_begin(&call->out, "freezes");
    for (size_t i = 0; i < count; i++) {
        if ((call_permissions(call, NULL, freezes[i].environment) & PERMISSION_VIEW) != 0) {
            freeze_write(&call->out, NULL, &freezes[i]);
        }
    }
    json_array_end(&call->out);
    json_object_end(&call->out);
    call_answer(call, 200);
}

static void versions_came(const struct version_row *rows, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    if (!call_continues(call, err)) {
        return;
    }
    json_object_begin(&call->out, NULL);
    json_add_string(&call->out, "banner", call->api->options.status(call->api->options.user).banner);
    write_cards(call);
    write_summaries(call, "live", false);
    json_add_int(&call->out, "left_out", (int64_t)call->left_out);
    write_summaries(call, "recent", true);
    json_array_begin(&call->out, "versions");
    for (size_t i = 0; i < count; i++) {
        if ((call_permissions(call, rows[i].project, rows[i].environment) & PERMISSION_VIEW) != 0) {
            version_write(&call->out, NULL, &rows[i]);
        }
    }
    json_array_end(&call->out);
    write_rooms(call);
    write_projects(call);
    store_list_freezes(call->api->options.store, freezes_came, call);
}

/* Some of the newest may be under way too, beyond the oldest that were read. */
static void recent_read(struct call *call) {
    for (size_t i = *(size_t *)call->state; i < call->record_count; i++) {
        call->left_out -= !deployment_is_final(call->records[i]->deployment->state) && call->left_out > 0;
    }
    store_list_versions(call->api->options.store, versions_came, call);
}

static bool is_read(const struct call *call, uint64_t id) {
    for (size_t i = 0; i < call->record_count; i++) {
        if (call->records[i]->deployment->id == id) {
            return true;
        }
    }
    return false;
}

static void recent_came(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct call *call = user;
    uint64_t wanted[RECENT];
    size_t wanted_count = 0;
    (void)total;
    if (!call_continues(call, err)) {
        return;
    }
    for (size_t i = 0; i < count && i < RECENT; i++) {
        if (!is_read(call, ids[i])) {
            wanted[wanted_count++] = ids[i];
        }
    }
    call->state = arena_alloc(call->arena, sizeof(size_t));
    *(size_t *)call->state = call->record_count;
    read_deployments(call, wanted, wanted_count, recent_read);
}

static void live_read(struct call *call) {
    store_list_deployments(call->api->options.store, 0, RECENT, recent_came, call);
}

void v1_overview(struct call *call) {
    read_live_oldest(call, live_read);
}

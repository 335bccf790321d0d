/* All that the first page shows, in one answer. */

#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "core/permission.h"
#include "core/view_json.h"
#include "read.h"
#include "v1.h"

enum { RECENT = 20 };

struct overview {
    size_t asking; /* the first so many of the records have the questions */
    uint64_t questions_left_out, live, live_left_out;
};

/* --- the parts ---------------------------------------------------------------------------------------------------- */

static int card_compare(const void *a, const void *b) {
    const struct card *x = *(struct card *const *)a, *y = *(struct card *const *)b;
    return x->question < y->question ? -1 : x->question > y->question;
}

/* Open cards of the deployments that have the oldest questions, the oldest first. */
static void write_cards(struct call *call) {
    const struct overview *overview = call->state;
    struct card **open = NULL;
    size_t count = 0;
    for (size_t i = 0; i < overview->asking; i++) {
        const struct deployment_record *record = call->records[i];
        size_t card_count = 0;
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
    json_add_int(&call->out, "questions_left_out", (int64_t)overview->questions_left_out);
}

static int record_compare(const void *a, const void *b) {
    const struct deployment_record *x = *(struct deployment_record *const *)a;
    const struct deployment_record *y = *(struct deployment_record *const *)b;
    return x->deployment->id < y->deployment->id ? -1 : x->deployment->id > y->deployment->id;
}

/* What is under way with the oldest first, what is over with the newest. */
static void write_summaries(struct call *call, const char *key, bool final) {
    json_array_begin(&call->out, key);
    for (size_t i = 0; i < call->record_count; i++) {
        const struct deployment *d = call->records[final ? call->record_count - 1 - i : i]->deployment;
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
    v1_write_freezes(call, "freezes", freezes, count);
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
    if (call->record_count > 0) {
        qsort(call->records, call->record_count, sizeof(struct deployment_record *), record_compare);
    }
    write_summaries(call, "live", false);
    json_add_int(&call->out, "left_out", (int64_t)((const struct overview *)call->state)->live_left_out);
    write_summaries(call, "recent", true);
    v1_write_versions(call, "versions", rows, count);
    write_rooms(call);
    write_projects(call);
    store_list_freezes(call->api->options.store, freezes_came, call);
}

/* All are read that are shown. */
static void holders_read(struct call *call) {
    struct overview *overview = call->state;
    uint64_t shown = 0;
    for (size_t i = 0; i < call->record_count; i++) {
        shown += !deployment_is_final(call->records[i]->deployment->state);
    }
    overview->live_left_out = overview->live > shown ? overview->live - shown : 0;
    store_list_versions(call->api->options.store, versions_came, call);
}

static void recent_read(struct call *call) {
    read_holders(call, holders_read);
}

static void live_read(struct call *call) {
    struct overview *overview = call->state;
    overview->live = call->page.total;
    read_page(call, &(struct page_wish){.of = PAGE_DEPLOYMENTS, .newest_first = true, .take = RECENT}, NULL,
              recent_read);
}

/* A deployment comes with all its questions, so that more may be shown than were asked for. */
static void questions_read(struct call *call) {
    struct overview *overview = call->state;
    uint64_t shown = 0;
    overview->asking = call->record_count;
    for (size_t i = 0; i < call->record_count; i++) {
        for (size_t k = 0; k < call->records[i]->question_count; k++) {
            shown += call->records[i]->questions[k].open;
        }
    }
    overview->questions_left_out = call->page.total > shown ? call->page.total - shown : 0;
    read_page(call, &(struct page_wish){.of = PAGE_LIVE, .take = LIMIT_LIVE_SHOWN}, NULL, live_read);
}

void v1_overview(struct call *call) {
    call->state = arena_alloc(call->arena, sizeof(struct overview));
    read_page(call, &(struct page_wish){.of = PAGE_QUESTIONS, .take = LIMIT_OPEN_SHOWN}, NULL, questions_read);
}

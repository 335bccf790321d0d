#include "read.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/str.h"
#include "core/permission.h"
#include "core/view.h"

static bool read_id(struct call *call, char letter, const char *text, const char *what, uint64_t *ret_id) {
    static const char task[] = "ServerTasks-";
    const char *number = letter == 'D' && str_starts_nocase(text, task) ? text + sizeof task - 1 : text;
    if (id_parse(letter, number, ret_id)) {
        return true;
    }
    call_refuse(call, ERR_NOT_FOUND, "There is no %s '%.100s'.", what, text);
    return false;
}

bool read_deployment_id(struct call *call, const char *text, uint64_t *ret_id) {
    return read_id(call, 'D', text, "deployment", ret_id);
}

bool read_question_id(struct call *call, const char *text, uint64_t *ret_id) {
    return read_id(call, 'Q', text, "question", ret_id);
}

/* --- single ones -------------------------------------------------------------------------------------------------- */

static void keep(struct call *call, struct deployment_record *record) {
    call->records = arena_push(call->arena, call->records, call->record_count, sizeof(struct deployment_record *));
    call->records[call->record_count++] = record;
}

const struct deployment_record *read_record(const struct call *call) {
    return call->records[call->record_count - 1];
}

bool read_keep(struct call *call, struct deployment_record *record) {
    if (!call_may_view(call, record->deployment)) {
        deployment_record_free(record);
        return false;
    }
    keep(call, record);
    return true;
}

void read_forget(struct call *call) {
    while (call->record_count > 0) {
        deployment_record_free(call->records[--call->record_count]);
    }
    call->records = NULL;
}

static void record_came(struct deployment_record *record, const struct err *err, void *user) {
    struct call *call = user;
    if (record != NULL) {
        keep(call, record);
    }
    if (!call_continues(call, err)) {
        return;
    }
    if (!call_may_view(call, record->deployment)) {
        call_refuse(call, ERR_DENIED, "%s may not view %s in %s.", call->actor.name, record->deployment->plan->project,
                    record->deployment->plan->environment);
        return;
    }
    call->next(call);
}

void read_deployment(struct call *call, uint64_t id, call_next *next) {
    call->next = next;
    store_load_deployment(call->api->options.store, id, record_came, call);
}

void read_question(struct call *call, uint64_t question, call_next *next) {
    call->next = next;
    store_load_question(call->api->options.store, question, record_came, call);
}

/* --- several ------------------------------------------------------------------------------------------------------ */

static void records_came(struct deployment_record **records, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    for (size_t i = 0; i < count; i++) {
        (void)read_keep(call, records[i]);
    }
    if (call_continues(call, err)) {
        call->next(call);
    }
}

void read_deployments(struct call *call, const uint64_t *ids, size_t count, call_next *next) {
    call->next = next;
    store_load_deployments(call->api->options.store, ids, count, records_came, call);
}

/* --- a page of a list --------------------------------------------------------------------------------------------- */

const struct deployment_record *read_find(const struct call *call, uint64_t id) {
    for (size_t i = 0; i < call->record_count; i++) {
        if (call->records[i]->deployment->id == id) {
            return call->records[i];
        }
    }
    return NULL;
}

static bool may_view(struct call *call, const char *project, const char *environment) {
    struct call_verdict *verdict = call->page.verdicts;
    while (verdict != NULL &&
           (!str_equal(verdict->project, project) || !str_equal(verdict->environment, environment))) {
        verdict = verdict->next;
    }
    if (verdict == NULL) {
        verdict = arena_alloc(call->arena, sizeof *verdict);
        *verdict = (struct call_verdict){
            .next = call->page.verdicts,
            .project = arena_strdup(call->arena, project),
            .environment = arena_strdup(call->arena, environment),
            .may = (call_permissions(call, project, environment) & PERMISSION_VIEW) != 0,
        };
        call->page.verdicts = verdict;
    }
    return verdict->may;
}

static bool head_fits(const struct head *head, void *user) {
    struct call *call = user;
    return may_view(call, head->project, head->environment) && (call->page.fits == NULL || call->page.fits(head, call));
}

static void page_came(const struct head *heads, size_t count, uint64_t total, const struct err *err, void *user) {
    struct call *call = user;
    if (!call_continues(call, err)) {
        return;
    }
    struct head *copies = arena_array(call->arena, count + 1, sizeof *copies);
    uint64_t *wanted = arena_array(call->arena, count + 1, sizeof *wanted);
    size_t wanted_count = 0;
    for (size_t i = 0; i < count; i++) {
        bool again = false; /* the questions of one may stand between those of others */
        for (size_t k = 0; k < wanted_count && !again; k++) {
            again = wanted[k] == heads[i].deployment;
        }
        copies[i] = heads[i];
        copies[i].project = copies[i].environment = NULL; /* the record has them */
        if (!again && read_find(call, heads[i].deployment) == NULL) {
            wanted[wanted_count++] = heads[i].deployment;
        }
    }
    call->page.heads = copies;
    call->page.count = count;
    call->page.total = total;
    read_deployments(call, wanted, wanted_count, call->next);
}

void read_page(struct call *call, const struct page_wish *wish,
               bool (*fits)(const struct head *head, struct call *call), call_next *next) {
    /* No rule names a place "*": whoever may view that may view everything. */
    bool everything = (call_permissions(call, "*", "*") & PERMISSION_VIEW) != 0;
    struct page_wish whole = *wish;
    whole.fits = everything && fits == NULL ? NULL : head_fits;
    call->page = (struct call_page){.fits = fits};
    call->next = next;
    store_read_page(call->api->options.store, &whole, page_came, call);
}

/* --- who holds the lanes ------------------------------------------------------------------------------------------ */

struct lanes {
    struct call *call;
    call_next *next;
    size_t count, at; /* of the records that may wait */
};

static void lanes_go_on(struct lanes *lanes);

static void holder_came(struct deployment_record *record, const struct err *err, void *user) {
    struct lanes *lanes = user;
    if (record != NULL) {
        (void)read_keep(lanes->call, record);
    }
    if (call_continues(lanes->call, err != NULL && err->code == ERR_UNAVAILABLE ? err : NULL)) {
        lanes->at++;
        lanes_go_on(lanes);
    }
}

static void lane_came(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct lanes *lanes = user;
    (void)total;
    if (!call_continues(lanes->call, err)) {
        return;
    }
    if (count > 0 && read_find(lanes->call, ids[0]) == NULL) {
        store_load_deployment(lanes->call->api->options.store, ids[0], holder_came, lanes);
    } else {
        lanes->at++;
        lanes_go_on(lanes);
    }
}

static bool same_lane(const struct deployment *a, const struct deployment *b) {
    return str_equal(a->plan->project, b->plan->project) && str_equal(a->plan->environment, b->plan->environment);
}

/* Of several that wait for the same lane, the first has asked for all. */
static bool lane_is_asked(const struct lanes *lanes, const struct deployment *d) {
    bool asked = false;
    for (size_t i = 0; i < lanes->at && !asked; i++) {
        const struct deployment *other = lanes->call->records[i]->deployment;
        asked = other->state == DEPLOYMENT_QUEUED && same_lane(other, d);
    }
    return asked;
}

static void lanes_go_on(struct lanes *lanes) {
    struct call *call = lanes->call;
    for (; lanes->at < lanes->count; lanes->at++) {
        const struct deployment *d = call->records[lanes->at]->deployment;
        if (d->state == DEPLOYMENT_QUEUED && !lane_is_asked(lanes, d)) {
            store_list_lane(call->api->options.store, d->plan->project, d->plan->environment, lane_came, lanes);
            return;
        }
    }
    lanes->next(call);
}

void read_holders(struct call *call, call_next *next) {
    struct lanes *lanes = arena_alloc(call->arena, sizeof *lanes);
    *lanes = (struct lanes){.call = call, .next = next, .count = call->record_count};
    lanes_go_on(lanes);
}

const struct question_record *read_find_question(const struct call *call, uint64_t question,
                                                 const struct deployment **ret_deployment) {
    for (size_t i = 0; i < call->record_count; i++) {
        const struct deployment_record *record = call->records[i];
        for (size_t k = 0; k < record->question_count; k++) {
            if (record->questions[k].question.id == question) {
                *ret_deployment = record->deployment;
                return &record->questions[k];
            }
        }
    }
    return NULL;
}

/* The lane is held by the oldest that is not over. */
const char *read_waits_for(const struct call *call, const struct deployment *d) {
    const struct deployment *holder = NULL;
    for (size_t i = 0; d->state == DEPLOYMENT_QUEUED && i < call->record_count; i++) {
        const struct deployment *other = call->records[i]->deployment;
        bool before = other->id < d->id && !deployment_is_final(other->state) && same_lane(other, d);
        holder = before && (holder == NULL || other->id < holder->id) ? other : holder;
    }
    return holder == NULL ? NULL : view_waits_for(holder, clock_wall_ms(), call->arena);
}

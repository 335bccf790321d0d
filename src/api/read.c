#include "read.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/str.h"
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

static void live_came(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct call *call = user;
    (void)total;
    if (call_continues(call, err)) {
        store_load_deployments(call->api->options.store, ids, count, records_came, call);
    }
}

void read_live(struct call *call, call_next *next) {
    call->next = next;
    store_list_live(call->api->options.store, live_came, call);
}

static int id_compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void oldest_came(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct call *call = user;
    (void)total;
    if (!call_continues(call, err)) {
        return;
    }
    uint64_t *sorted = arena_array(call->arena, count + 1, sizeof *sorted);
    size_t wanted = count < LIMIT_LIVE_SHOWN ? count : LIMIT_LIVE_SHOWN;
    for (size_t i = 0; i < count; i++) {
        sorted[i] = ids[i];
    }
    if (count > 0) {
        qsort(sorted, count, sizeof *sorted, id_compare);
    }
    call->left_out = count - wanted;
    store_load_deployments(call->api->options.store, sorted, wanted, records_came, call);
}

void read_live_oldest(struct call *call, call_next *next) {
    call->next = next;
    store_list_live(call->api->options.store, oldest_came, call);
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
        bool before = other->id < d->id && !deployment_is_final(other->state) &&
                      str_equal(other->plan->project, d->plan->project) &&
                      str_equal(other->plan->environment, d->plan->environment);
        holder = before && (holder == NULL || other->id < holder->id) ? other : holder;
    }
    return holder == NULL ? NULL : view_waits_for(holder, clock_wall_ms(), call->arena);
}

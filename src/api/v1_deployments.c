#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "core/view_json.h"
#include "read.h"
#include "store/feed.h"
#include "v1.h"

enum { PAGE = 30, PAGE_MOST = 200, LOG_BATCHES = 100 };

/* --- the list ----------------------------------------------------------------------------------------------------- */

static void listing_write(struct call *call) {
    json_object_begin(&call->out, NULL);
    json_add_int(&call->out, "total", (int64_t)call->page.total);
    json_array_begin(&call->out, "items");
    for (size_t i = 0; i < call->page.count; i++) {
        const struct deployment_record *record = read_find(call, call->page.heads[i].deployment);
        if (record != NULL) {
            const struct deployment *d = record->deployment;
            view_write_summary(&call->out, NULL, d, read_waits_for(call, d), clock_wall_ms(), call->arena);
        }
    }
    json_array_end(&call->out);
    json_object_end(&call->out);
    call_answer(call, 200);
}

static void page_read(struct call *call) {
    read_holders(call, listing_write);
}

void v1_deployments(struct call *call) {
    uint64_t skip = 0, take = 0;
    if (call_number(call, "skip", 0, INT32_MAX, &skip) && call_number(call, "take", PAGE, PAGE_MOST, &take)) {
        read_page(call,
                  &(struct page_wish){
                      .of = PAGE_DEPLOYMENTS, .newest_first = true, .skip = (size_t)skip, .take = (size_t)take},
                  NULL, page_read);
    }
}

/* --- one ---------------------------------------------------------------------------------------------------------- */

static void deployment_write(struct call *call) {
    const struct deployment_record *record = call->records[0];
    const struct deployment *d = record->deployment;
    view_write_deployment(&call->out, NULL, d, record->questions, record->question_count, read_waits_for(call, d),
                          clock_wall_ms(), call->arena);
    call_answer(call, 200);
}

static void deployment_read(struct call *call) {
    read_holders(call, deployment_write);
}

static void read_named(struct call *call, call_next *next) {
    uint64_t id = 0;
    if (read_deployment_id(call, call->params[0], &id)) {
        read_deployment(call, id, next);
    }
}

void v1_deployment(struct call *call) {
    read_named(call, deployment_read);
}

/* --- output of a run ---------------------------------------------------------------------------------------------- */

static void log_came(const struct log_batch *batches, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    struct buf shown = BUF_INIT(1 << 20);
    const char *next = call->state;
    if (!call_continues(call, err)) {
        return;
    }
    json_object_begin(&call->out, NULL);
    json_array_begin(&call->out, "batches");
    for (size_t i = 0; i < count; i++) {
        buf_clear(&shown);
        str_show(&shown, batches[i].data, batches[i].size);
        json_object_begin(&call->out, NULL);
        json_add_string(&call->out, "id", batches[i].id);
        json_add_bytes(&call->out, "text", shown.data, shown.size);
        json_add_int(&call->out, "position", (int64_t)batches[i].position);
        json_add_int(&call->out, "left_out", (int64_t)batches[i].left_out);
        json_add_int(&call->out, "when", batches[i].when_ms);
        json_object_end(&call->out);
        next = batches[i].id;
    }
    json_array_end(&call->out);
    json_add_string(&call->out, "next", next);
    json_object_end(&call->out);
    buf_finish(&shown);
    call_answer(call, 200);
}

/* "<milliseconds>-<number>", as `next` was. */
static bool is_position(const char *text) {
    size_t first = strspn(text, "0123456789"), second = text[first] == '-' ? strspn(text + first + 1, "0123456789") : 0;
    return first > 0 && first < 20 && second > 0 && second < 20 && text[first + 1 + second] == '\0';
}

static void log_allowed(struct call *call) {
    const struct deployment *d = read_record(call)->deployment;
    uint64_t step = 0, slot = 0, attempt = 0;
    if (!call_number(call, "step", 0, UINT32_MAX, &step) || !call_number(call, "slot", 0, UINT32_MAX, &slot) ||
        !call_number(call, "attempt", 0, UINT32_MAX, &attempt)) {
        return;
    }
    if (step >= d->plan->step_count || slot >= d->plan->steps[step].slot_count) {
        call_refuse(call, ERR_NOT_FOUND, "D%llu has no such run.", (unsigned long long)d->id);
        return;
    }
    const struct run *run = deployment_run(d, (size_t)step, (size_t)slot);
    const struct log_key key = {d->id, (size_t)step, (size_t)slot, attempt == 0 ? run->attempt : (uint32_t)attempt};
    const char *after = web_query(call->request, "after");
    if (!str_empty(after) && !is_position(after)) {
        call_refuse(call, ERR_INVALID, "after is the `next` of an answer before, not '%.40s'.", after);
        return;
    }
    call->state = str_empty(after) ? NULL : arena_strdup(call->arena, after);
    log_read(call->api->options.store, &key, call->state, LOG_BATCHES, log_came, call);
}

void v1_log(struct call *call) {
    read_named(call, log_allowed);
}

/* --- who did what ------------------------------------------------------------------------------------------------- */

void v1_write_audit(struct call *call, const struct audit_entry *entries, size_t count) {
    json_object_begin(&call->out, NULL);
    json_array_begin(&call->out, "entries");
    for (size_t i = 0; i < count; i++) {
        json_object_begin(&call->out, NULL);
        json_add_string(&call->out, "id", entries[i].id);
        json_add_string(&call->out, "what", entries[i].what);
        json_add_string(&call->out, "actor", entries[i].actor);
        json_add_string(&call->out, "via", entries[i].via);
        json_add_string(&call->out, "note", entries[i].note);
        json_add_int(&call->out, "when", entries[i].when_ms);
        json_add_string(&call->out, "hash", entries[i].hash);
        json_object_end(&call->out);
    }
    json_array_end(&call->out);
    json_object_end(&call->out);
    call_answer(call, 200);
}

static void audit_came(const struct audit_entry *entries, size_t count, const struct err *err, void *user) {
    struct call *call = user;
    if (call_continues(call, err)) {
        v1_write_audit(call, entries, count);
    }
}

static void audit_allowed(struct call *call) {
    store_read_audit(call->api->options.store, read_record(call)->deployment->id, audit_came, call);
}

void v1_audit(struct call *call) {
    read_named(call, audit_allowed);
}

#include "octopus_scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/str.h"

enum { MOST = 1000, AT_ONCE = 100 };

static bool scan_fits(const struct octopus_scan *scan, const struct deployment *d) {
    return octopus_list_has(scan->projects, "Projects", d->plan->project) &&
           octopus_list_has(scan->environments, "Environments", d->plan->environment) &&
           octopus_list_has(scan->states, "", octopus_task_state(d->state)) &&
           (!scan->active || !deployment_is_final(d->state)) && (!scan->pending || d->question_count > 0);
}

static void scan_go_on(struct call *call);

/* Keeps of the newly read what belongs to the page. */
static void scan_read(struct call *call) {
    struct octopus_scan *scan = call->state;
    for (size_t i = scan->kept; i < call->record_count; i++) {
        struct deployment_record *record = call->records[i];
        bool fits = scan_fits(scan, record->deployment);
        scan->fitting += fits;
        if (fits && scan->fitting > scan->page.skip && scan->kept < scan->page.take) {
            call->records[scan->kept++] = record;
        } else {
            deployment_record_free(record);
        }
    }
    call->record_count = scan->kept;
    scan_go_on(call);
}

static void scan_go_on(struct call *call) {
    struct octopus_scan *scan = call->state;
    size_t rest = scan->count - scan->next, count = rest < AT_ONCE ? rest : AT_ONCE;
    if (count == 0) {
        scan->total = scan->counted ? scan->total : scan->fitting;
        scan->done(call);
        return;
    }
    scan->next += count;
    read_deployments(call, &scan->numbers[scan->next - count], count, scan_read);
}

static int newer_first(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
}

static void scan_begin(struct call *call, const uint64_t *ids, size_t count) {
    struct octopus_scan *scan = call->state;
    scan->numbers = arena_array(call->arena, count + 1, sizeof *scan->numbers);
    scan->count = count;
    if (count > 0) {
        memcpy(scan->numbers, ids, count * sizeof *ids);
        qsort(scan->numbers, count, sizeof *scan->numbers, newer_first);
    }
    scan_go_on(call);
}

static void numbers_came(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct call *call = user;
    if (call_continues(call, err)) {
        ((struct octopus_scan *)call->state)->total = total;
        scan_begin(call, ids, count);
    }
}

static void scan_named(struct call *call, const char *list) {
    uint64_t *ids = arena_array(call->arena, MOST, sizeof *ids);
    size_t count = 0;
    for (const char *item = list; *item != '\0' && count < MOST;) {
        size_t size = strcspn(item, ",");
        const char *word = arena_strndup(call->arena, item, size);
        count += id_parse('D', octopus_name("ServerTasks", word), &ids[count]);
        item += size + (item[size] == ',');
    }
    scan_begin(call, ids, count);
}

/* What is over is neither queued nor does it run. */
static bool only_live(const struct octopus_scan *scan) {
    static const char *const over[] = {"Success", "Failed", "Canceled", "TimedOut"};
    bool live = !str_empty(scan->states);
    for (size_t i = 0; live && i < sizeof over / sizeof over[0]; i++) {
        live = !octopus_list_has(scan->states, "", over[i]);
    }
    return live || scan->active || scan->pending;
}

void octopus_scan(struct call *call, const struct octopus_scan *asked, call_next *done) {
    struct octopus_scan *scan = call->state = arena_alloc(call->arena, sizeof *scan);
    struct store *store = call->api->options.store;
    *scan = *asked;
    scan->done = done;
    if (!str_empty(scan->ids)) {
        scan_named(call, scan->ids);
    } else if (only_live(scan)) {
        store_list_live(store, numbers_came, call);
    } else if (str_empty(scan->projects) && str_empty(scan->environments) && str_empty(scan->states)) {
        /* The store has this page ready. */
        size_t skip = scan->page.skip;
        scan->page.skip = 0;
        scan->counted = true;
        store_list_deployments(store, skip, scan->page.take, numbers_came, call);
    } else {
        store_list_deployments(store, 0, MOST, numbers_came, call);
    }
}

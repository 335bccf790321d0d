#include "octopus_scan.h"

#include <stdlib.h>
#include <string.h>

#include "base/id.h"
#include "base/str.h"

enum { MOST = 1000 };

static bool scan_fits(const struct head *head, struct call *call) {
    const struct octopus_scan *scan = call->state;
    return octopus_list_has(scan->projects, "Projects", head->project) &&
           octopus_list_has(scan->environments, "Environments", head->environment) &&
           octopus_list_has(scan->states, "", octopus_task_state(head->state)) &&
           (!scan->active || !deployment_is_final(head->state)) && (!scan->pending || head->asks);
}

/* --- by their numbers --------------------------------------------------------------------------------------------- */

/* Keeps of what was read, which is not much, the page. */
static void named_read(struct call *call) {
    struct octopus_scan *scan = call->state;
    size_t kept = 0;
    for (size_t i = 0; i < call->record_count; i++) {
        struct deployment_record *record = call->records[i];
        const struct deployment *d = record->deployment;
        bool fits = scan_fits(&(struct head){.deployment = d->id,
                                             .project = d->plan->project,
                                             .environment = d->plan->environment,
                                             .state = d->state,
                                             .asks = d->question_count > 0},
                              call);
        scan->total += fits;
        if (fits && scan->total > scan->page.skip && kept < scan->page.take) {
            call->records[kept++] = record;
        } else {
            deployment_record_free(record);
        }
    }
    call->record_count = kept;
    scan->done(call);
}

static int newer_first(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? 1 : x > y ? -1 : 0;
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
    qsort(ids, count, sizeof *ids, newer_first);
    read_deployments(call, ids, count, named_read);
}

/* --- by what they are --------------------------------------------------------------------------------------------- */

/* What is over is neither queued nor does it run. */
static bool only_live(const struct octopus_scan *scan) {
    static const char *const over[] = {"Success", "Failed", "Canceled", "TimedOut"};
    bool live = !str_empty(scan->states);
    for (size_t i = 0; live && i < sizeof over / sizeof over[0]; i++) {
        live = !octopus_list_has(scan->states, "", over[i]);
    }
    return live || scan->active || scan->pending;
}

static void page_read(struct call *call) {
    struct octopus_scan *scan = call->state;
    scan->total = call->page.total;
    scan->done(call);
}

void octopus_scan(struct call *call, const struct octopus_scan *asked, call_next *done) {
    struct octopus_scan *scan = call->state = arena_alloc(call->arena, sizeof *scan);
    *scan = *asked;
    scan->done = done;
    if (!str_empty(scan->ids)) {
        scan_named(call, scan->ids);
        return;
    }
    bool live = only_live(scan);
    /* What is live is active: to ask for that alone leaves nothing out. */
    bool all = str_empty(scan->projects) && str_empty(scan->environments) && str_empty(scan->states) && !scan->pending;
    read_page(call,
              &(struct page_wish){
                  .of = live ? PAGE_LIVE : PAGE_DEPLOYMENTS,
                  .asks = scan->pending,
                  .newest_first = true,
                  .skip = scan->page.skip,
                  .take = scan->page.take,
              },
              all ? NULL : scan_fits, page_read);
}

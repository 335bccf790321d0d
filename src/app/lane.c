#include "lane.h"

#include "base/mem.h"

struct looking {
    struct store *store;
    uint64_t waits;
    lane_done *done;
    void *user;
};

static void looking_end(struct looking *looking, struct deployment_record *holder) {
    looking->done(holder, looking->user);
    mem_free(looking);
}

static void holder_loaded(struct deployment_record *record, const struct err *err, void *user) {
    (void)err;
    looking_end(user, record);
}

static void lane_listed(const uint64_t *ids, size_t count, uint64_t total, const struct err *err, void *user) {
    struct looking *looking = user;
    (void)total;
    if (err != NULL || count == 0 || ids[0] == looking->waits) {
        looking_end(looking, NULL);
    } else {
        store_load_deployment(looking->store, ids[0], holder_loaded, looking);
    }
}

void lane_read_holder(struct store *store, const struct plan *plan, uint64_t waits, lane_done *done, void *user) {
    struct looking *looking = mem_alloc(sizeof *looking);
    *looking = (struct looking){store, waits, done, user};
    store_list_lane(store, plan->project, plan->environment, lane_listed, looking);
}

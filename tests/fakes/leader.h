#ifndef GP_TESTS_LEADER_H
#define GP_TESTS_LEADER_H

/*
 * The leader, played by a few lines that do what its engine does: an event is applied to a deployment, and what
 * follows from it is committed to the store of a rig. Jobs are pushed to nobody.
 *
 *     struct leader leader = {.rig = &rig, .next_question = 1};
 *     uint64_t id = leader_create(&leader, "deploys");
 *     leader_give(&leader, id, (struct event){.kind = EVENT_ADMITTED});
 *     leader_end_run(&leader, id, 0, 100);
 */

#include "core/deployment.h"
#include "fakes/store_rig.h"
#include "store/records.h"

struct leader {
    struct store_rig *rig;  /* borrowed: as long as the leader */
    uint64_t next_question; /* the number of the next one */
};

/* Applies an event that is told in full, and returns what is to be committed. */
struct commit *leader_apply(struct leader *leader, struct deployment *d, const struct event *event);

/* The same with the deployment as it is stored. The event is completed: by the newest attempt of its run, by the
 * worker "w1" of "h1", now. */
struct commit *leader_prepare(struct leader *leader, uint64_t id, struct event event);

/* The same, and it is committed. */
void leader_give(struct leader *leader, uint64_t id, struct event event);

/* A run of the first step is claimed, and ends. */
void leader_end_run(struct leader *leader, uint64_t id, size_t slot, int64_t exit_code);

/* Shop 1.4.2 to production, by alice: one step, Install, on web-1 and web-2. It waits for its turn. */
uint64_t leader_create(struct leader *leader, const char *room);

#endif

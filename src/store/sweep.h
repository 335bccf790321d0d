#ifndef GP_STORE_SWEEP_H
#define GP_STORE_SWEEP_H

/*
 * One sweep, shared by its parts: sweep_demands.c looks at what the hashes demand, sweep_streams.c at what lies in
 * the streams, and sweep.c leads through the phases and puts back what is lacking. A phase is over when nothing that
 * it asked for is on its way any more.
 */

#include "base/arena.h"
#include "claim.h"
#include "net/redis.h"
#include "store/inbox.h"
#include "store/queue.h"

enum { SWEEP_MOST = 2000 }; /* put back in one sweep: the rest is left to the next, so that commits are not held up */

/* A job that the hashes demand. Texts in this file live in the sweep's arena. */
struct sweep_need {
    struct job job;
    const char *claim; /* that demands it */
    bool present;
};

/* An entry of a stream of jobs. */
struct sweep_entry {
    struct job job;
    bool understood;
    const char *consumer; /* it was delivered to; NULL = nobody yet */
};

struct sweep {
    struct store *store; /* borrowed */
    struct arena *arena;
    const char *token;
    sweep_done *done;
    void *user;
    struct sweep_counts counts;
    size_t put_back; /* or removed: commits sent */
    bool failed;
    bool lacks; /* not everything was put back */

    size_t waiting; /* replies of this phase */
    void (*next)(struct sweep *sweep);

    uint64_t after;
    size_t paused; /* that are looked at */
    uint64_t *live;
    size_t live_count, live_at;
    struct sweep_need *needs;
    size_t need_count;
    const char **owners; /* of runs, by their claims */
    size_t owner_count;
    struct worker_info *workers;
    size_t worker_count;
    const char **streams; /* without prefix */
    size_t stream_count;
    struct sweep_entry *entries;
    size_t entry_count;
};

/* Every request is announced by sweep_wait and ended by sweep_go_on, which may free the sweep. */
void sweep_wait(struct sweep *sweep);
void sweep_go_on(struct sweep *sweep);
/* Announces the requests that `phase` makes, and what comes after it. */
void sweep_enter(struct sweep *sweep, void (*phase)(struct sweep *sweep), void (*next)(struct sweep *sweep));
/* False, and the sweep is marked as failed, if the reply is none. */
bool sweep_replied(struct sweep *sweep, const struct redis_reply *reply);

/* A commit that requires the leader; NULL if this sweep has done enough. */
struct commit *sweep_commit(struct sweep *sweep);
/* Sends it; `counter` is increased if it is done. */
void sweep_send(struct sweep *sweep, struct commit *commit, size_t *counter);

const char *sweep_text(struct sweep *sweep, const char *text); /* a copy */
bool sweep_knows(const struct sweep *sweep, const char *worker);

/* Phases. */
void sweep_read_demands(struct sweep *sweep);
void sweep_read_streams(struct sweep *sweep);
void sweep_judge_entries(struct sweep *sweep);
void sweep_forget_consumers(struct sweep *sweep);

#endif

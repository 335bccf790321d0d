/*
 * Streams only wake somebody up; the truth is in the hashes. The sweep puts back what the hashes demand and the
 * streams lack, and removes what nothing demands. It only reads and compares here: each thing it finds is put right
 * by a commit that expects what was read, so a sweep that is overtaken by events changes nothing.
 */

#include "sweep.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "inbox_codec.h"
#include "job_codec.h"
#include "leadership.h"
#include "store/pages.h"
#include "store/records.h"

static void read_live(struct sweep *sweep);
static void read_workers(struct sweep *sweep);
static void demands_phase(struct sweep *sweep);
static void streams_phase(struct sweep *sweep);
static void name_streams(struct sweep *sweep);
static void workers_again(struct sweep *sweep);
static void judge_entries(struct sweep *sweep);
static void put_back(struct sweep *sweep);
static void put_back_all(struct sweep *sweep);
static void forget_consumers(struct sweep *sweep);
static void finish(struct sweep *sweep);

/* The order matters. Claims are read before the streams: a job that is demanded there and in no stream later was
 * either taken in between, and then its claim has changed, or is lost. Workers are read again after both: who is
 * unknown then was not just born. */
void store_sweep(struct store *store, const struct leadership *leadership, uint64_t after, sweep_done *done,
                 void *user) {
    struct sweep *sweep = mem_alloc(sizeof *sweep);

    sweep->store = store;
    sweep->arena = arena_create();
    sweep->token = sweep_text(sweep, leadership_token(leadership));
    sweep->after = after;
    sweep->done = done;
    sweep->user = user;
    sweep_enter(sweep, read_live, demands_phase);
}

static void demands_phase(struct sweep *sweep) {
    sweep_enter(sweep, sweep_read_demands, streams_phase);
}

static void streams_phase(struct sweep *sweep) {
    sweep_enter(sweep, read_workers, name_streams);
}

static void workers_again(struct sweep *sweep) {
    sweep_enter(sweep, read_workers, judge_entries);
}

static void judge_entries(struct sweep *sweep) {
    sweep_enter(sweep, sweep_judge_entries, put_back);
}

static void put_back(struct sweep *sweep) {
    sweep_enter(sweep, put_back_all, forget_consumers);
}

static void forget_consumers(struct sweep *sweep) {
    sweep_enter(sweep, sweep_forget_consumers, finish);
}

static void finish(struct sweep *sweep) {
    struct err err = {0};
    if (sweep->lacks) {
        sweep->counts.after = sweep->after; /* The next one looks at the same again. */
    }
    if (sweep->failed) {
        err_set(&err, ERR_UNAVAILABLE, "The sweep could not read everything from Redis.");
    }
    sweep->done(&sweep->counts, sweep->failed ? &err : NULL, sweep->user);
    arena_destroy(sweep->arena);
    mem_free(sweep);
}

/* --- phases, commits --- */

void sweep_wait(struct sweep *sweep) {
    sweep->waiting++;
}

void sweep_go_on(struct sweep *sweep) {
    if (--sweep->waiting == 0) {
        (sweep->failed ? finish : sweep->next)(sweep);
    }
}

void sweep_enter(struct sweep *sweep, void (*phase)(struct sweep *sweep), void (*next)(struct sweep *sweep)) {
    sweep->next = next;
    sweep_wait(sweep); /* The phase itself: it may ask for nothing. */
    phase(sweep);
    sweep_go_on(sweep);
}

bool sweep_replied(struct sweep *sweep, const struct redis_reply *reply) {
    sweep->failed = sweep->failed || reply == NULL;
    return reply != NULL;
}

struct commit *sweep_commit(struct sweep *sweep) {
    if (sweep->put_back >= SWEEP_MOST) {
        sweep->lacks = true;
        return NULL;
    }
    sweep->put_back++;
    struct commit *commit = commit_create(sweep->store, NULL);
    commit_require_field(commit, "leader", "token", sweep->token);
    return commit;
}

struct sending {
    struct sweep *sweep;
    size_t *counter;
};

static void sent_came(const struct commit_reply *reply, void *user) {
    struct sending *sending = user;
    struct sweep *sweep = sending->sweep;

    *sending->counter += reply->result == COMMIT_DONE;
    /* Who refuses has moved on by itself. */
    sweep->lacks = sweep->lacks || reply->result == COMMIT_UNAVAILABLE || reply->result == COMMIT_UNKNOWN;
    mem_free(sending);
    sweep_go_on(sweep);
}

void sweep_send(struct sweep *sweep, struct commit *commit, size_t *counter) {
    struct sending *sending = mem_alloc(sizeof *sending);

    sending->sweep = sweep;
    sending->counter = counter;
    sweep_wait(sweep);
    commit_send(commit, sent_came, sending);
}

const char *sweep_text(struct sweep *sweep, const char *text) {
    return arena_strdup(sweep->arena, text);
}

bool sweep_knows(const struct sweep *sweep, const char *worker) {
    for (size_t i = 0; i < sweep->worker_count; i++) {
        if (str_equal(sweep->workers[i].id, worker)) {
            return true;
        }
    }
    return false;
}

/* --- what is live, and who is there --- */

/* What is paused has no run that a worker owns or should: of it only timers and probes may be missing. */
static bool is_looked_at(const struct head *head, void *user) {
    struct sweep *sweep = user;

    if (head->state != DEPLOYMENT_PAUSED || sweep->after == SWEEP_ALL) {
        return true;
    }
    if (head->deployment <= sweep->after || sweep->paused == LIMIT_SWEEP_PAUSED) {
        return false;
    }
    if (++sweep->paused == LIMIT_SWEEP_PAUSED) {
        sweep->counts.after = head->deployment;
    }
    return true;
}

static void live_came(const struct head *heads, size_t count, uint64_t total, const struct err *err, void *user) {
    struct sweep *sweep = user;

    (void)total;
    sweep->failed = err != NULL;
    sweep->live = arena_array(sweep->arena, count + 1, sizeof *sweep->live);
    sweep->live_count = count;
    for (size_t i = 0; i < count; i++) {
        sweep->live[i] = heads[i].deployment;
    }
    sweep_go_on(sweep);
}

static void read_live(struct sweep *sweep) {
    sweep_wait(sweep);
    store_read_page(sweep->store, &(struct page_wish){.of = PAGE_LIVE, .take = SIZE_MAX, .fits = is_looked_at},
                    live_came, sweep);
}

static void workers_came(const struct worker_info *workers, size_t count, const struct err *err, void *user) {
    struct sweep *sweep = user;

    sweep->failed = sweep->failed || err != NULL;
    sweep->workers = arena_array(sweep->arena, count + 1, sizeof *sweep->workers);
    sweep->worker_count = count;
    for (size_t i = 0; i < count; i++) {
        sweep->workers[i].id = sweep_text(sweep, workers[i].id);
        sweep->workers[i].host = sweep_text(sweep, workers[i].host);
    }
    sweep_go_on(sweep);
}

static void read_workers(struct sweep *sweep) {
    sweep_wait(sweep);
    store_list_workers(sweep->store, workers_came, sweep);
}

static void add_stream(struct sweep *sweep, const char *name) {
    for (size_t i = 0; i < sweep->stream_count; i++) {
        if (str_equal(sweep->streams[i], name)) {
            return;
        }
    }
    sweep->streams = arena_push(sweep->arena, sweep->streams, sweep->stream_count, sizeof *sweep->streams);
    sweep->streams[sweep->stream_count++] = sweep_text(sweep, name);
}

/* Of hosts that have no worker and that nothing is demanded of, the streams may hold old jobs; a worker that comes
 * there finds their claims moved on. */
static void add_streams(struct sweep *sweep, const char *host) {
    char name[JOB_STREAM_SIZE];
    add_stream(sweep, job_codec_jobs(name, host));
    add_stream(sweep, job_codec_control(name, host));
}

static void name_streams(struct sweep *sweep) {
    add_streams(sweep, NULL);
    for (size_t i = 0; i < sweep->worker_count; i++) {
        add_streams(sweep, sweep->workers[i].host);
    }
    for (size_t i = 0; i < sweep->need_count; i++) {
        add_streams(sweep, sweep->needs[i].job.host);
    }
    sweep_enter(sweep, sweep_read_streams, workers_again);
}

/* --- the end: jobs that no stream has, and runs whose owner nobody knows --- */

static void put_back_job(struct sweep *sweep, const struct sweep_need *need) {
    char claims[STORE_KEY_SIZE], field[RUN_FIELD_SIZE];
    struct commit *commit = sweep_commit(sweep);

    if (commit != NULL) {
        (void)snprintf(claims, sizeof claims, "dep:%" PRIu64 ":claims", need->job.deployment);
        run_field_format(field, need->job.step, need->job.slot);
        commit_require_field(commit, claims, field, need->claim);
        commit_push_job(commit, &need->job);
        sweep_send(sweep, commit, &sweep->counts.jobs);
    }
}

static void tell_gone(struct sweep *sweep, const char *worker) {
    struct commit *commit = sweep_commit(sweep);
    if (commit != NULL) {
        inbox_encode_worker_gone(commit, worker);
        sweep_send(sweep, commit, &sweep->counts.entries);
    }
}

static void put_back_all(struct sweep *sweep) {
    for (size_t i = 0; i < sweep->need_count; i++) {
        if (!sweep->needs[i].present) {
            put_back_job(sweep, &sweep->needs[i]);
        }
    }
    for (size_t i = 0; i < sweep->owner_count; i++) {
        if (!sweep_knows(sweep, sweep->owners[i])) {
            tell_gone(sweep, sweep->owners[i]);
        }
    }
}

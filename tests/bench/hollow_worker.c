/*
 * A worker that does no work: it claims each run and ends it at once, as a real worker's commits would, and starts no process.
 * So the leader, the store and what lies in them can be measured with more runs than this machine could spawn. Attempts of a
 * version that begins with "fails" end with exit code 1, all others well.
 *
 *     hollow_worker REDIS-URL HOST
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/loop.h"
#include "store/queue.h"
#include "store/store.h"

enum { SLOTS = 64, BEAT_MS = 1000 };

static const char *const worker_id = "hollow";
static const char *host;
static struct store *store;
static struct job_reader *reader;
static struct timer *beat_timer;
static uint64_t beats;
static size_t busy;

struct run_of_job {
    struct job job; /* its texts are copies */
    bool fails;
};

static void run_over(struct run_of_job *run) {
    mem_free((char *)run->job.stream);
    mem_free((char *)run->job.entry);
    mem_free(run);
    busy--;
    job_reader_want(reader, SLOTS - busy);
}

static void run_ended(const struct commit_reply *reply, void *user) {
    (void)reply;
    run_over(user);
}

static void run_claimed(const struct commit_reply *reply, void *user) {
    struct run_of_job *run = user;
    const struct outcome outcome = {.kind = OUTCOME_EXIT, .number = run->fails ? 1 : 0};
    if (reply->result != COMMIT_DONE) {
        run_over(run);
        return;
    }
    run->job.entry = NULL; /* acknowledged with the claim */
    queue_end(store, &run->job, worker_id, outcome, run->fails ? "nothing was done, and it failed" : "",
              clock_wall_ms(), run_ended, run);
}

static void jobs_came(const struct job *jobs, size_t count, void *user) {
    (void)user;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].kind != JOB_START) {
            queue_acknowledge(store, &jobs[i]);
            continue;
        }
        struct run_of_job *run = mem_alloc(sizeof *run);
        *run = (struct run_of_job){.job = jobs[i], .fails = str_starts(jobs[i].version, "fails")};
        run->job.stream = mem_strdup(jobs[i].stream);
        run->job.entry = mem_strdup(jobs[i].entry);
        run->job.plan_hash = run->job.version = run->job.previous_version = run->job.actor = run->job.inputs = NULL;
        busy++;
        queue_claim(store, &run->job, worker_id, host, clock_wall_ms(), run_claimed, run);
    }
}

static void beat(void *user) {
    (void)user;
    const struct worker_info info = {.id = worker_id, .host = host, .beat = ++beats, .slots = SLOTS};
    queue_beat(store, &info);
    timer_start(beat_timer, BEAT_MS);
}

static void ready(void *user) {
    (void)user;
    if (beats == 0) {
        beat(NULL);
        job_reader_want(reader, SLOTS);
    }
}

int main(int argc, char **argv) {
    struct err err;
    if (argc != 3) {
        (void)fputs("usage: hollow_worker REDIS-URL HOST\n", stderr);
        return 2;
    }
    host = argv[2];
    struct loop *loop = loop_create();
    if (store_create(loop,
                     &(struct store_options){.url = argv[1], .prefix = "{gp}:", .accept_loss = true, .ready = ready},
                     &store, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    beat_timer = loop_timer(loop, beat, NULL);
    reader = job_reader_create(loop, store, worker_id, host, jobs_came, NULL);
    loop_run(loop); /* until it is killed */
    return 0;
}

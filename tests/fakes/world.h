#ifndef GP_TESTS_WORLD_H
#define GP_TESTS_WORLD_H

/*
 * A simulated world around one deployment: the store with its claims, questions, timers and inbox; workers that
 * claim, die and adopt; processes that run, end or vanish; people who answer and cancel; and the leader, who applies
 * one event at a time and whose commit can be refused. Everything is chosen by a seed. After each event the world
 * checks what must always hold, and fails the test with the seed and the story so far if it does not.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/deployment.h"

enum {
    WORLD_STEPS = 6,
    WORLD_TARGETS = 6,
    WORLD_ATTEMPTS = 64,
    WORLD_INBOX = 2048,
    WORLD_TIMERS = 512,
    WORLD_QUESTIONS = 512
};

/* What is true of an attempt, whether or not anybody knows. */
enum world_truth { TRUTH_NONE, TRUTH_NEVER, TRUTH_RUNNING, TRUTH_ENDED, TRUTH_GONE };

struct world_process {
    enum world_truth truth;
    struct outcome outcome;
    bool starts;  /* may still start: its worker lives and has claimed it */
    bool cleared; /* its end is recorded, and its run directory is gone */
};

struct world_run {
    char claim;                      /* as in the store: q, r, a, e; 0 = none */
    uint32_t attempt, epoch, worker; /* of the claim */
    bool worker_lives, prove_gone, stop;
    enum closing job_closing;
    uint32_t newest_epoch; /* of all that were issued */
    size_t starts;         /* START effects since world_watch */
    uint32_t started;      /* the attempt of the first of them */
    struct world_process processes[WORLD_ATTEMPTS];
};

enum world_question { QUESTION_NONE, QUESTION_OPEN, QUESTION_ANSWERED, QUESTION_CLOSED };

struct world {
    uint64_t seed, random;
    struct arena *arena;
    struct plan *plan;
    struct deployment *d; /* as the leader has committed it */
    uint64_t next_question;
    int64_t now_ms;
    struct decision last;
    struct world_run runs[WORLD_STEPS][WORLD_TARGETS];
    enum closing closing;
    uint32_t excluded;
    enum world_question questions[WORLD_QUESTIONS];
    struct event inbox[WORLD_INBOX];
    size_t head, tail;
    struct effect timers[WORLD_TIMERS];
    size_t timer_count;
    uint32_t next_worker;
    bool success;                 /* from now on whatever runs succeeds, and no worker dies */
    bool deployed[WORLD_TARGETS]; /* DEPLOYED effects */
    const char *story;
    size_t events;
};

/* Edges of the two tables that were taken by all worlds so far. */
void world_edges_report(size_t *ret_missing);

void world_create(struct world *world, uint64_t seed, struct arena *arena);
uint64_t world_random(struct world *world, uint64_t below);

/* One thing happens, whichever. */
void world_step(struct world *world);

/* From here on starts are counted anew, and all that is not told yet will have gone well. */
void world_watch(struct world *world);

/* The leader has heard everything that was recorded. */
void world_drain(struct world *world);

/* A valid answer to an open question by somebody; false if the store does not take it. */
bool world_answer(struct world *world, uint64_t question, enum guidance guidance);

/* From here on all goes well, and every question is answered somehow; true if the deployment ended. */
bool world_finish(struct world *world);
/* All goes well until nothing moves without an answer. */
void world_settle(struct world *world);

#define world_must(world, condition) world_check((world), (condition), #condition, __FILE__, __LINE__)
void world_check(const struct world *world, bool holds, const char *condition, const char *file, int line);

#endif

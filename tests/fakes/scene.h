#ifndef GP_TESTS_SCENE_H
#define GP_TESTS_SCENE_H

/*
 * A deployment on a stage: it is given events as the store and the workers would give them, and after each one it is
 * compared with a twin that was rebuilt from what is stored, as after a restart. A twin that behaves differently
 * fails the test.
 */

#include <stdbool.h>

#include "core/deployment.h"

struct scene {
    struct arena *arena;
    struct deployment *d;
    uint64_t next_question;
    int64_t now_ms;
    struct decision last;     /* what the newest event led to */
    bool by_hand;             /* MOOT and FAILING are not given by themselves */
    struct effect timers[64]; /* those that were set, in order */
    size_t timer_count;
    bool owes_failing; /* CLOSING was recorded, and FAILING not given yet */
};

/* Queued. */
void scene_init(struct scene *scene, const struct plan *plan, struct arena *arena);
void scene_begin(struct scene *scene, const struct plan *plan, struct arena *arena); /* admitted */

/* As stored and read again, in the arena. */
struct deployment *scene_restart(const struct deployment *d, struct arena *arena);
/* Fails the test and says where if they differ. */
void scene_assert_same(const struct deployment *a, const struct deployment *b);
void scene_assert_same_decision(const struct decision *a, const struct decision *b);

/* Gives it; false if it was ignored. */
bool scene_give(struct scene *scene, struct event event);

/* The newest attempt of a run: claimed by worker "w-1" of "host-1"; ended, after it was claimed if need be. */
void scene_claim(struct scene *scene, size_t step, size_t slot);
void scene_end(struct scene *scene, size_t step, size_t slot, struct outcome outcome);
void scene_succeed(struct scene *scene, size_t step, size_t slot);
void scene_fail(struct scene *scene, size_t step, size_t slot); /* exit code 100 */
/* Its worker is gone; gone for good, and somebody looked (or nobody came). */
void scene_lose(struct scene *scene, size_t step, size_t slot);
void scene_truth_gone(struct scene *scene, size_t step, size_t slot, bool somebody_looked);
/* What is queued or runs succeeds: in one step, once; in all, until nothing is left. */
void scene_succeed_all(struct scene *scene, size_t step);
void scene_run(struct scene *scene);

/* An event of the run's newest attempt and epoch, by "w-1". */
struct event scene_event(const struct scene *scene, enum event_kind kind, size_t step, size_t slot);

/* An answer by alice to the open question of the run; an answer to a question by its number. */
bool scene_answer(struct scene *scene, size_t step, size_t slot, enum guidance guidance);
bool scene_answer_to(struct scene *scene, uint64_t question, enum guidance guidance);
void scene_cancel(struct scene *scene);

const struct question *scene_question(const struct scene *scene, size_t step, size_t slot); /* open, or NULL */

/* Effects of the newest event. */
size_t scene_count(const struct scene *scene, enum effect_kind kind);
const struct effect *scene_effect(const struct scene *scene, enum effect_kind kind, size_t step,
                                  size_t slot); /* or NULL */

/* "running S ?q. ." : the state and each step's runs by slot: . pending, q queued, r running, l lost, d delayed, ?
 * asking, S succeeded, W warned, F failed, U unknown, X excluded, - skipped, C canceled. */
const char *scene_picture(const struct scene *scene);
#define assert_picture(scene, expected) assert_string_equal(scene_picture(scene), expected)

#endif

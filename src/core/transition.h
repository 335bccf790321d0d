#ifndef GP_CORE_TRANSITION_H
#define GP_CORE_TRANSITION_H

/*
 * What one call of deployment_apply works with, and the only two functions that write a state. Private to the
 * state machine: deployment.c (events), schedule.c (what runs next), transition.c (states, effects, questions).
 */

#include "core/deployment.h"

struct apply {
    struct deployment *d;
    const struct event *event;
    uint64_t *next_question;
    struct arena *arena; /* of the decision */
    struct decision *decision;
};

/* The two doors. A pair of states that is not in the tables of deployment.h is a bug. */
void run_enter(struct apply *apply, size_t step, size_t slot, enum run_state next);
void deployment_enter(struct apply *apply, enum deployment_state next);

/* Notes that the run changed in a way that must be stored. */
void run_touch(struct apply *apply, size_t step, size_t slot);

struct effect *apply_effect(struct apply *apply, enum effect_kind kind, size_t step, size_t slot);
void apply_audit(struct apply *apply, const char *format, ...) PRINTF_LIKE(2, 3);

/* Issues the next attempt, or with `again` the same one under a new epoch. `why` is for the audit. */
void run_issue(struct apply *apply, size_t step, size_t slot, bool again, const char *why);

/* Opens a question about the run and lets it wait for the answer. */
enum ask_kind { ASK_FAILED, ASK_UNKNOWN, ASK_APPROVE, ASK_CANCEL };
void run_ask(struct apply *apply, size_t step, size_t slot, enum ask_kind kind, const char *excerpt);

/* Forgets the run's open question; with `why` it is closed in the store too, without a person's answer. */
void question_close(struct apply *apply, struct run *run, enum guidance guidance, const char *why);

/* schedule.c: the run of (step, slot) is final: its slot goes on. */
void schedule_advance(struct apply *apply, size_t step, size_t slot);
/* Opens what may be opened, and settles the deployment's own state. */
void schedule_conclude(struct apply *apply);

/* The target's index in the plan, or -1 on the worker. */
int slot_target(const struct deployment *d, size_t step, size_t slot);

#endif

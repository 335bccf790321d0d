#ifndef GP_CORE_TRANSITION_H
#define GP_CORE_TRANSITION_H

/*
 * What one call of deployment_apply works with, and the only two functions that write a state. Private to the
 * state machine: deployment.c (runs), lost.c (workers that are gone), guidance.c (answers), closing.c (fail and cancel),
 * schedule.c (what runs next), vigil.c (questions that nobody answers), transition.c (states, effects, questions).
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

/* The question just asked waits by itself for its target to be back, if its step says so. */
void question_wait_for_back(struct apply *apply, const struct run *run);

/* Forgets the run's open question; with `why` it is closed in the store too, without a person's answer. */
void question_close(struct apply *apply, struct run *run, enum guidance guidance, const char *why);

/* Whether something may have run of an attempt that ended so. */
bool outcome_of_a_start(struct outcome outcome);

/* What the newest attempt that was started came to, as far as is known; OUTCOME_NONE = none was. */
struct outcome run_began(const struct run *run);

/* The state of a run that gets no further attempt after a failure: UNKNOWN if the newest attempt that was started is. */
enum run_state run_end_as_it_was(struct run *run);

/* A worker is to end the run; but cleanup is left to finish. */
void run_stop(struct apply *apply, size_t step, size_t slot);

/* The target's index in the plan, or -1 on the worker. */
int slot_target(const struct deployment *d, size_t step, size_t slot);
bool slot_is_remote(const struct deployment *d, size_t step, size_t slot); /* its target is reached by ssh */
bool slot_is_excluded(const struct deployment *d, size_t step, size_t slot);

/* Sets the time at which the question fails unanswered, if it has one. */
void question_time(struct apply *apply, const struct question *q);

/* --- deployment.c --- */

/* The worker of the event has this attempt now. */
void run_owned_by(struct apply *apply, struct run *run);
/* The newest attempt came to this. What one before came to is kept if that one was started. */
void run_concludes(struct run *run, struct outcome outcome, int64_t now_ms);
/* That the outcome of the newest attempt is unknown does not hold any more. */
void run_unsay_outcome(struct run *run);
/* A known failure of the event's run: tried again, passed over, asked about, or the deployment's. */
void run_failed(struct apply *apply, struct run *run);
/* The event's run is final. */
void run_settle(struct apply *apply, enum run_state final);
/* The same, and nobody is to be asked: its failure is that of the deployment. */
void run_fails_all(struct apply *apply, enum run_state final, const char *why);

/* --- vigil.c --- */

/* A question was asked, and belongs to a card; it is no longer open. */
void vigil_join(struct apply *apply, const struct question *q);
void vigil_leave(struct deployment *d, const struct question *q);
void vigil_restore_all(struct deployment *d);

/* --- schedule.c --- */

/* Every run of the slot in its stage is final. */
bool slot_is_through(const struct deployment *d, const struct stage_state *stage, size_t slot);
/* The run of (step, slot) is final: its slot goes on. */
void schedule_advance(struct apply *apply, size_t step, size_t slot);
/* The deployment no longer holds: so do the slots that waited. */
void schedule_resume(struct apply *apply);
/* Opens what may be opened, and settles the deployment's own state. */
void schedule_conclude(struct apply *apply);
/* Whether a step of the slot's stage before `step` was ever claimed: what `cleanup` is for. */
bool schedule_was_opened(const struct deployment *d, size_t step, size_t slot);

/* --- closing.c --- */

/* Whether a closing was recorded whose event has not come yet. */
bool deployment_holds(const struct deployment *d);
/* Records that the deployment fails; the event FAILING carries it out. */
void closing_record(struct apply *apply, const char *why);
void closing_carry_out(struct apply *apply, enum closing closing, const char *why);
/* Sets the time after which what has not stopped is asked about. */
void closing_time_cancel(struct apply *apply);
/* Whether steps of this condition still run while the deployment closes. */
bool closing_spares(enum closing closing, enum plan_condition condition);
/* The final state of a run whose newest attempt will not be claimed. */
enum run_state closing_end_of_unclaimed(struct run *run, enum closing closing);

/* --- events, by file; false if the event no longer fits --- */

typedef bool event_handler(struct apply *apply, struct run *run);
event_handler lost_worker, lost_adopted, lost_never_started, lost_truth_gone, lost_silent, lost_heard;
event_handler lost_still_running, lost_rolled_back;
event_handler guidance_answered, guidance_taken, guidance_deadline, guidance_moot;
event_handler guidance_when_back, guidance_back;
event_handler vigil_remind, vigil_escalate, vigil_extended, vigil_parked, vigil_unparked;
event_handler vigil_call_fails, vigil_called;
event_handler closing_failing, closing_cancel, closing_cancel_late;

#endif

#ifndef GP_CORE_DEPLOYMENT_H
#define GP_CORE_DEPLOYMENT_H

/*
 * A deployment is a value, everything that happens to it is an event, and one pure function decides what follows.
 * deployment_apply changes the value in place and returns effects, which the caller makes real together with the new
 * value in one atomic commit; if that commit is refused the value is thrown away and read again.
 *
 * Each pair of states that may follow each other is a row of the two tables below, from which docs/STATES.md is made.
 * Exactly one function writes a state, and a pair that is not in the table is a bug. An event that no longer fits (a
 * late end of an older attempt, a second answer) is normal: it changes nothing and the decision says `ignored`.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "core/plan.h"

#define DEPLOYMENT_STATES(X)                              \
    X(QUEUED, "queued")                                   \
    X(RUNNING, "running")                                 \
    X(PAUSED, "paused")                                   \
    X(CANCELING, "canceling")                             \
    X(SUCCEEDED, "succeeded")                             \
    X(SUCCEEDED_WITH_WARNINGS, "succeeded_with_warnings") \
    X(FAILED, "failed")                                   \
    X(CANCELED, "canceled")

enum deployment_state {
#define X(name, word) DEPLOYMENT_##name,
    DEPLOYMENT_STATES(X)
#undef X
};

#define RUN_STATES(X)         \
    X(PENDING, "pending")     \
    X(QUEUED, "queued")       \
    X(RUNNING, "running")     \
    X(LOST, "lost")           \
    X(DELAYED, "delayed")     \
    X(ASKING, "asking")       \
    X(SUCCEEDED, "succeeded") \
    X(WARNED, "warned")       \
    X(FAILED, "failed")       \
    X(UNKNOWN, "unknown")     \
    X(EXCLUDED, "excluded")   \
    X(SKIPPED, "skipped")     \
    X(CANCELED, "canceled")

enum run_state {
#define X(name, word) RUN_##name,
    RUN_STATES(X)
#undef X
        RUN_STATE_COUNT
};

/* from, to, what happened */
#define DEPLOYMENT_EDGES(X)                                                                              \
    X(QUEUED, RUNNING, "its turn in the lane")                                                           \
    X(QUEUED, CANCELED, "canceled while it waited")                                                      \
    X(RUNNING, PAUSED, "something waits for guidance and nothing runs")                                  \
    X(PAUSED, RUNNING, "answered, or a truth came late")                                                 \
    X(RUNNING, CANCELING, "canceled")                                                                    \
    X(PAUSED, CANCELING, "canceled")                                                                     \
    X(RUNNING, SUCCEEDED, "all steps settled")                                                           \
    X(RUNNING, SUCCEEDED_WITH_WARNINGS, "all steps settled, something was ignored, excluded or skipped") \
    X(PAUSED, FAILED, "answered Fail, or nobody answered in time")                                       \
    X(PAUSED, SUCCEEDED, "the last answer settled all steps")                                            \
    X(PAUSED, SUCCEEDED_WITH_WARNINGS, "the last answer settled all steps")                              \
    X(RUNNING, FAILED, "a step failed and nothing is left to run")                                       \
    X(CANCELING, CANCELED, "everything has stopped")

#define RUN_EDGES(X)                                                                 \
    X(PENDING, QUEUED, "its turn")                                                   \
    X(PENDING, ASKING, "an approve step asks")                                       \
    X(PENDING, SKIPPED, "its condition does not hold")                               \
    X(PENDING, EXCLUDED, "its target was excluded")                                  \
    X(PENDING, CANCELED, "canceled before it started")                               \
    X(QUEUED, RUNNING, "a worker claimed it")                                        \
    X(QUEUED, SKIPPED, "the deployment failed before it was claimed")                \
    X(QUEUED, FAILED, "the same, and an attempt before had failed")                  \
    X(QUEUED, UNKNOWN, "the same, and the outcome of an attempt before is unknown")  \
    X(QUEUED, QUEUED, "issued anew, since the deployment failed meanwhile")          \
    X(QUEUED, LOST, "the attempt before it still runs")                              \
    X(QUEUED, CANCELED, "canceled before it was claimed")                            \
    X(RUNNING, SUCCEEDED, "ended with exit code 0")                                  \
    X(RUNNING, DELAYED, "failed, or never started again; the next attempt waits")    \
    X(RUNNING, QUEUED, "proved never started")                                       \
    X(RUNNING, ASKING, "failed or outcome unknown; a person is asked")               \
    X(RUNNING, WARNED, "failed; on_error: continue")                                 \
    X(RUNNING, FAILED, "failed; nobody is to be asked")                              \
    X(RUNNING, UNKNOWN, "outcome unknown; nobody is to be asked")                    \
    X(RUNNING, CANCELED, "stopped by cancel")                                        \
    X(RUNNING, LOST, "its worker fell silent")                                       \
    X(RUNNING, SKIPPED, "proved never started after the deployment failed")          \
    X(RUNNING, EXCLUDED, "proved never started after its target was excluded")       \
    X(LOST, RUNNING, "adopted: it still runs")                                       \
    X(LOST, SUCCEEDED, "adopted: it had ended with exit code 0")                     \
    X(LOST, DELAYED, "the same")                                                     \
    X(LOST, QUEUED, "proved never started, or safe to run again")                    \
    X(LOST, ASKING, "adopted: it had failed; or the truth is not to be had")         \
    X(LOST, WARNED, "adopted: it had failed; on_error: continue")                    \
    X(LOST, FAILED, "adopted: it had failed; nobody is to be asked")                 \
    X(LOST, UNKNOWN, "the truth is not to be had; nobody is to be asked")            \
    X(LOST, CANCELED, "stopped by cancel")                                           \
    X(LOST, SKIPPED, "proved never started after the deployment failed")             \
    X(LOST, EXCLUDED, "proved never started after its target was excluded")          \
    X(DELAYED, QUEUED, "the delay is over")                                          \
    X(DELAYED, FAILED, "the deployment failed meanwhile")                            \
    X(DELAYED, SKIPPED, "the same, and nothing of it ever started")                  \
    X(DELAYED, UNKNOWN, "the same, and the outcome of an attempt before is unknown") \
    X(DELAYED, CANCELED, "canceled")                                                 \
    X(DELAYED, EXCLUDED, "its target was excluded")                                  \
    X(ASKING, QUEUED, "Retry")                                                       \
    X(ASKING, WARNED, "Ignore")                                                      \
    X(ASKING, SKIPPED, "a late truth: never started, after the deployment failed")   \
    X(ASKING, EXCLUDED, "Exclude")                                                   \
    X(ASKING, FAILED, "Fail, Abort, or the deployment failed")                       \
    X(ASKING, UNKNOWN, "Fail, or the deployment failed, with the outcome unknown")   \
    X(ASKING, SUCCEEDED, "Proceed, or a late truth: it had succeeded")               \
    X(ASKING, RUNNING, "a late truth: it still runs")                                \
    X(ASKING, LOST, "not stopped yet, and its worker fell silent")                   \
    X(ASKING, DELAYED, "a late truth: it had failed, or never started")              \
    X(ASKING, ASKING, "a late truth: it had failed; asked anew")                     \
    X(ASKING, CANCELED, "canceled")

/* How an attempt ended. */
#define OUTCOMES(X)                                                              \
    X(NONE, "none")                                                              \
    X(EXIT, "exit")               /* number = exit status */                     \
    X(SIGNAL, "signal")           /* number = signal */                          \
    X(TIMEOUT, "timeout")         /* number = the limit, ms */                   \
    X(QUIET, "quiet")             /* number = the limit, ms */                   \
    X(NOT_STARTED, "not_started") /* surely not; number = errno */               \
    X(UNREACHABLE, "unreachable") /* surely not started: no way to the target */ \
    X(UNKNOWN, "unknown")                                                        \
    X(CANCELED, "canceled")

enum outcome_kind {
#define X(name, word) OUTCOME_##name,
    OUTCOMES(X)
#undef X
};

struct outcome {
    enum outcome_kind kind;
    int64_t number;
};

bool outcome_is_success(struct outcome outcome);
/* "exit code 100", "killed by signal 9 (SIGKILL)", "timed out after 5 min", "no output for 5 min", "outcome
 * unknown". */
const char *outcome_text(struct outcome outcome, struct arena *arena);

struct run {
    enum run_state state;
    uint32_t attempt;             /* the newest that was issued; 0 = none */
    uint32_t epoch;               /* of that attempt: grows with each owner */
    uint32_t people_retries;      /* by guidance */
    uint32_t auto_retries;        /* by auto_retry */
    uint32_t lost_retries;        /* by safe_to_rerun */
    uint32_t unstarted;           /* attempts since the last end that surely never started */
    bool unknown;                 /* the newest attempt's outcome is not known (while asking, and after) */
    struct outcome outcome;       /* of the newest attempt that ended */
    struct outcome before;        /* of the newest one before that which was started, as far as is known */
    uint64_t question;            /* open, or 0 */
    const char *worker;           /* who runs or ran it; NULL */
    const char *host;             /* of that worker; NULL */
    int64_t started_ms, ended_ms; /* of the newest attempt; 0 = not yet */
    uint64_t retried; /* `past` of the question whose Retry led to the newest attempt, until that ends; or 0 */
    bool earlier;     /* settled before this deployment began: done, or excluded, in the one it goes on from */
    bool
        bound; /* an attempt there may still run on `host`: until one has ended here, it begins there, where the lock of its target is */
    bool touched; /* is in the decision's list; cleared when deployment_apply returns */
};

/* Counters that make each event cost the same however large the deployment is. */
struct step_state {
    struct run *runs;                   /* slot_count */
    size_t stage;                       /* the stage it belongs to */
    uint32_t by_state[RUN_STATE_COUNT]; /* how many runs are in each state */
    uint32_t earlier;                   /* how many were settled before */
};

/* A stage is a step, or the adjacent steps of a group, through which each slot goes on its own. */
struct stage_state {
    size_t first, last; /* steps */
    size_t slot_count;  /* of each of its steps */
    size_t next_slot;   /* the first that was not opened */
    size_t open;        /* slots opened and not yet through */
    size_t done;        /* slots that are through */
};

/* What waits for an answer. */
struct question {
    uint64_t id;
    size_t step, slot;
    uint32_t attempt;
    int64_t asked_ms;
    int64_t deadline_ms; /* 0 = none */
    unsigned options;    /* guidance bits offered */
    bool unknown;        /* asks about an unknown outcome */
    bool unreachable;    /* asks since there was no way to the target */
    bool late_cancel;    /* asks because a cancel could not be completed */
    bool approve;
    const char *parked_by; /* it waits without deadline, reminders and ladder until somebody un-parks it; or NULL */
    int64_t parked_ms;
    const char *back_by;   /* who chose that it retries by itself when its target is back; or NULL */
    const char *back_note; /* what they said; or NULL */
    int64_t back_until_ms; /* until then */
    bool probed;           /* that it is looked for was said since the question was read; not stored */
    uint64_t card;         /* the id of the first question of its card: same step, same error */
    const char *error_key; /* questions of one step with equal keys share a card */
    uint64_t past;         /* names this error at this step, in every deployment of the project; 0 = it is no error */
    const char *excerpt;   /* last lines of output; may be "" */
    const char *why_no_retry; /* a sentence, if Retry is missing; or NULL */
};

/* What a rung of the ladder may have called besides people. */
enum call_kind { CALL_RUN, CALL_WEBHOOK, CALL_KINDS };
const char *call_kind_word(enum call_kind kind);

/* What people were told of such a call. */
enum call_told { CALL_TOLD_NOTHING, CALL_TOLD_FAILS, CALL_TOLD_WORKED };

/* What is done so that the open questions of one card are not forgotten: reminders, and the rungs of a ladder. Nothing is
 * done while all of them are parked. */
struct vigil {
    uint64_t card;
    size_t step;
    size_t open, parked; /* how many questions */
    int64_t since_ms;    /* what is due is counted from here: the first was asked, or they were un-parked */
    uint32_t reminders;  /* given */
    int64_t reminded_ms; /* the last of them; 0 = none yet */
    uint32_t rungs;      /* climbed */
    int64_t climbed_ms[LIMIT_RUNGS];
    enum call_told calls[LIMIT_RUNGS][CALL_KINDS];
};

enum closing { CLOSING_NO, CLOSING_FAILING, CLOSING_CANCELING };

/* What a deployment was asked for as, beside plainly: each is about one before it. */
#define ORIGINS(X)                                                                      \
    X(DEPLOY, "deploy")     /* about none */                                            \
    X(RESUME, "resume")     /* goes on where that one failed or was canceled */         \
    X(AGAIN, "again")       /* the same once more */                                    \
    X(CATCH_UP, "catch_up") /* gives that one's version to machines that are owed it */ \
    X(ROLLBACK, "rollback") /* back to what was confirmed before that one */            \
    X(PROMOTE, "promote")   /* that one's version, from another environment */

enum origin {
#define X(name, word) ORIGIN_##name,
    ORIGINS(X)
#undef X
};

struct deployment {
    uint64_t id;
    const struct plan *plan; /* borrowed */
    const char *plan_hash;
    const char *version, *previous_version; /* previous may be NULL */
    const char *actor;                      /* who asked for it: "alice", "local:root" */
    const char *via;                        /* slack, matrix, console, api, cli */
    const char *inputs;                     /* JSON object text, or NULL */
    int guided_flag;                        /* as asked: 1, 0, -1 */
    enum origin origin;
    uint64_t origin_id;  /* the deployment that it is about; 0 = none */
    uint64_t resumed_by; /* the deployment that goes on from this one; 0 = none */
    bool rolls_back;     /* a rollback, or what goes on from one */
    int64_t created_ms, started_ms, ended_ms;
    int64_t waiting_ms, waiting_since_ms; /* for people; since 0 = does not wait now */
    enum deployment_state state;
    enum closing intake;      /* as recorded, by whoever fails or cancels first */
    enum closing closing;     /* as carried out here */
    const char *closing_why;  /* a sentence: who failed or canceled it and why */
    bool warned;              /* something was ignored, excluded or left empty */
    bool doubted;             /* commits of it were lost: what is not found on a machine may still have run there */
    struct step_state *steps; /* plan->step_count */
    struct stage_state *stages;
    size_t stage_count;
    bool *excluded; /* by target index */
    uint32_t excluded_count;
    uint32_t excluded_intake;   /* accepted answers that exclude, applied here or not yet */
    uint32_t active;            /* runs queued, running, lost or delayed */
    struct question *questions; /* open ones, in the order they were asked */
    size_t question_count;
    struct vigil *vigils; /* one for each card with an open question, by card */
    size_t vigil_count;
    char audit_head[65]; /* hash of the newest audit entry */
    uint64_t revision;   /* grows with every commit */
    struct arena *arena; /* everything above lives here; borrowed */
};

/* Events. Times are given, never read. */
#define EVENTS(X)                                                                                              \
    X(ADMITTED, "admitted")           /* head of its lane */                                                   \
    X(CLAIMED, "claimed")             /* a worker started an attempt */                                        \
    X(ENDED, "ended")                 /* an attempt's recorded end */                                          \
    X(WORKER_LOST, "worker_lost")     /* the owner of a run is silent or gone */                               \
    X(ADOPTED, "adopted")             /* the run still runs, under a new owner */                              \
    X(NEVER_STARTED, "never_started") /* proved by the run directory */                                        \
    X(TRUTH_GONE, "truth_gone")       /* neither end nor lock (says a worker), or nobody looked (no worker) */ \
    X(SILENT, "silent")               /* the owner of a run hears nothing of its target: unknown for now */    \
    X(HEARD, "heard")                 /* it hears of it again: the run goes on */                              \
    X(STILL_RUNNING, "still_running") /* a Retry found the old attempt alive, and it is not adopted */         \
    X(ANSWERED, "answered")                                                                                    \
    X(RETRY_DUE, "retry_due")     /* auto_retry's delay is over */                                             \
    X(DEADLINE, "deadline")       /* answer_within has passed */                                               \
    X(MOOT, "moot")               /* the question's target was excluded by the answer to another */            \
    X(TAKEN, "taken")             /* somebody is on the question */                                            \
    X(EXTENDED, "extended")       /* its deadline was put off */                                               \
    X(PARKED, "parked")           /* it waits without clocks */                                                \
    X(UNPARKED, "unparked")       /* its clocks run again */                                                   \
    X(WHEN_BACK, "when_back")     /* it is to be retried by itself when its target is back */                  \
    X(BACK, "back")               /* the target is */                                                          \
    X(REMIND, "remind")           /* reminder `epoch` of the card is due */                                    \
    X(ESCALATE, "escalate")       /* rung `epoch` of the card is due */                                        \
    X(CALL_FAILS, "call_fails")   /* the command or webhook of a rung (`epoch`) has failed for some time */    \
    X(CALLED, "called")           /* it was called, or is not needed any more */                               \
    X(ROLLED_BACK, "rolled_back") /* Redis has lost commits, and a person has seen it */                       \
    X(FAILING, "failing")         /* comes back once `closing` was recorded: no claim can follow it */         \
    X(CANCEL, "cancel")                                                                                        \
    X(CANCEL_LATE, "cancel_late") /* LIMIT_CANCEL_MS after it */

enum event_kind {
#define X(name, word) EVENT_##name,
    EVENTS(X)
#undef X
};

struct event {
    enum event_kind kind;
    int64_t now_ms;
    size_t step, slot;
    uint32_t attempt, epoch;
    const char *worker, *host;
    struct outcome outcome;
    const char *excerpt; /* of ENDED, SILENT and TRUTH_GONE */
    uint64_t question;   /* of ANSWERED, TAKEN, DEADLINE, EXTENDED, ...; a card of REMIND and ESCALATE */
    int64_t deadline_ms; /* of EXTENDED and UNPARKED: the new one; 0 = none. Of WHEN_BACK: until then */
    enum guidance guidance;
    /* Who answered or canceled, from where, what they said. Of CALLED and CALL_FAILS: what was called, what came of it. */
    const char *actor, *via, *note;
};

#define EFFECTS(X)                                                                                                    \
    X(START)       /* issue attempt `attempt` of (step, slot) under `epoch` */                                        \
    X(ADOPT)       /* a worker of `host` is to look at the run, under the new `epoch` */                              \
    X(STOP)        /* a worker of `host` is to end the run */                                                         \
    X(ASK)         /* question `question` is open; it is the last of d->questions */                                  \
    X(EXCERPT)     /* more is known about what question `question` asks: store its excerpt */                         \
    X(CLOSE)       /* question `question` is closed without a person: `text` says why */                              \
    X(TIMER)       /* give event `timer` at `at_ms` (RETRY_DUE, DEADLINE, MOOT, TRUTH_GONE, CANCEL_LATE, ...) */      \
    X(PROBE)       /* a worker is to see when the target of (step, slot) is back, for `question` until `at_ms` */     \
    X(VIGIL)       /* what was done for card `question` has changed: store it */                                      \
    X(CALL)        /* rung `epoch` of card `question` has a command or a webhook: to be called */                     \
    X(CLOSING)     /* the store's `closing` is to become d->intake, if it still is what it was; then FAILING comes */ \
    X(AUDIT)       /* `text` is to be written down */                                                                 \
    X(DEPLOYED)    /* the target of `slot` now has the version: every step on it went well */                         \
    X(UNCONFIRMED) /* it may have part of the version: `text` is "unfinished" or "unknown" */                         \
    X(OWED)        /* it was excluded, and so is owed the version */                                                  \
    X(PAST)        /* `guidance` was done about the error `past`; or, with none, a Retry of it worked */              \
    X(FINISH)      /* the state is final: free the lane */

enum effect_kind {
#define X(name) EFFECT_##name,
    EFFECTS(X)
#undef X
};

struct effect {
    enum effect_kind kind;
    size_t step, slot;
    uint32_t attempt, epoch;
    bool prove_gone; /* START: first prove that attempt - 1 no longer runs (on `host`) */
    const char *host;
    uint64_t question;
    uint64_t past;   /* as of a question */
    bool taken_back; /* PAST: it was not used up after all */
    enum event_kind timer;
    int64_t at_ms;          /* TIMER; CLOSE by deadline: that it must still have */
    enum guidance guidance; /* CLOSE by deadline: FAIL */
    const char *text;
};

struct run_place {
    size_t step, slot;
};

struct decision {
    struct effect *effects; /* in the arena given to deployment_apply */
    size_t count;
    struct run_place *touched; /* runs that changed, in the order of their first change */
    size_t touched_count;
    bool ignored; /* the event no longer fitted; nothing changed */
};

/* A deployment in state QUEUED with nothing started. Copies nothing: texts and plan must outlive it. */
void deployment_init(struct deployment *d, const struct plan *plan, struct arena *arena);

/* Recomputes counters, stages and vigils from the runs and questions after they were read from the store. What is
 * known of a vigil is added to it then by who reads. */
void deployment_restore(struct deployment *d);

/* next_question is the number for the next question and is advanced for each one asked. */
void deployment_apply(struct deployment *d, const struct event *event, uint64_t *next_question, struct arena *arena,
                      struct decision *ret_decision);

/* The host whose workers alone can start the newest attempt of a run (its target's), or look at it (where it was started);
 * NULL = any worker can. A target that is reached by ssh holds the truth itself. */
const char *deployment_start_host(const struct deployment *d, size_t step, size_t slot);

struct run *deployment_run(const struct deployment *d, size_t step, size_t slot);
struct question *deployment_question(const struct deployment *d, uint64_t id); /* open, or NULL */
struct vigil *deployment_vigil(const struct deployment *d, uint64_t card);     /* or NULL */
/* The timers that a vigil has now: its next reminder and its next rung, if there are. Returns how many. */
enum { VIGIL_TIMERS = 2 };
size_t vigil_timers(const struct deployment *d, const struct vigil *vigil, struct effect ret_timers[VIGIL_TIMERS]);
/* When a question that begins to wait now has waited for answer_within; 0 = never. */
int64_t deployment_deadline(const struct deployment *d, const struct question *question, int64_t now_ms);
bool deployment_is_final(enum deployment_state state);
bool run_is_final(enum run_state state);

/* Targets that were not excluded. The last one can't be excluded. */
uint32_t deployment_remaining(const struct deployment *d);

/* Who chose it if the step says so itself. */
#define WHEN_BACK_BY_STEP "auto_retry"
/* Whether the question may be retried by itself when its target is back. */
bool question_may_wait_for_back(const struct question *question);

/* Whether an answer would be accepted for the question now; if not, writes a sentence that says why. */
bool deployment_accepts(const struct deployment *d, const struct question *question, enum guidance guidance,
                        const char *note, struct err *err);

/* What an answer will do, as a true sentence for buttons, confirm dialogs and the page: true if nobody else decides
 * otherwise before, and if what runs from then on goes well. */
const char *deployment_consequence(const struct deployment *d, const struct question *question, enum guidance guidance,
                                   struct arena *arena);
/* The same for an answer to several questions of one step at once; count >= 1. */
struct outlook; /* a deployment looked at once for the consequences of many answers; good until it changes */
struct outlook *deployment_outlook(const struct deployment *d, struct arena *arena);
const char *deployment_consequence_of(struct outlook *outlook, const struct question *const *questions, size_t count,
                                      enum guidance guidance, struct arena *arena);

const char *deployment_state_word(enum deployment_state state);
const char *run_state_word(enum run_state state);
enum deployment_state deployment_state_parse(const char *word); /* -1 cast if unknown */
const char *outcome_word(enum outcome_kind kind);
const char *origin_word(enum origin origin);
enum origin origin_parse(const char *word); /* DEPLOY if there is no such word */
const char *event_word(enum event_kind kind);

/* docs/STATES.md: both tables and a Mermaid picture of each. */
void deployment_write_states(struct buf *out);

#endif

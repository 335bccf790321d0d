#ifndef GP_CORE_PLAN_H
#define GP_CORE_PLAN_H

/*
 * What a deployment will do, frozen when it is created: a later reload of the configuration changes nothing
 * in it. A plan holds no secret values, only where they come from, and nothing that differs between two deployments
 * of the same project to the same environment with the same choices, so that they share it.
 *
 * A *slot* is the place of a target within a step: slot 0 .. slot_count-1 in the order of the step's targets. A step
 * without targets has one slot, on the worker.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

enum plan_condition { PLAN_SUCCESS, PLAN_FAILURE, PLAN_ALWAYS, PLAN_CLEANUP };

/* Answers to a question, as bits where a set is meant. */
enum guidance {
    GUIDANCE_NONE = 0,
    GUIDANCE_RETRY = 1 << 0,
    GUIDANCE_IGNORE = 1 << 1,
    GUIDANCE_EXCLUDE = 1 << 2,
    GUIDANCE_FAIL = 1 << 3,
    GUIDANCE_PROCEED = 1 << 4, /* of an approve step */
    GUIDANCE_ABORT = 1 << 5,
};

/* "retry"; "Retry" with capital. "" for GUIDANCE_NONE. */
const char *guidance_word(enum guidance guidance);
const char *guidance_title(enum guidance guidance);
/* Without regard to case and surrounding blanks; GUIDANCE_NONE if it is no guidance. */
enum guidance guidance_parse(const char *word);

struct plan_names {
    const char **items;
    size_t count;
};

struct plan_variable {
    const char *name;
    const char *value; /* NULL if it is a secret */
    int secret_source; /* enum secret_source of config/config.h */
    const char *secret_name;
};

/* A rung of the ladder that a question climbs while nobody answers. */
struct plan_rung {
    int64_t after_ms;          /* since it was asked; never before the rung below */
    struct plan_names mention; /* people and teams */
    const char *room;          /* shown there; NULL = where the question is */
    const char *run;           /* a command; or NULL */
    const char *webhook;       /* a URL; or NULL */
    int webhook_secret_source; /* enum secret_source of config/config.h: what its document is signed with */
    const char *webhook_secret_name;
};

struct plan_guided {
    bool enabled; /* resolved: deployment > step > project > environment > off */
    int max_retries;
    bool claim_required;
    unsigned note_required;   /* guidance bits */
    unsigned confirm;         /* guidance bits */
    int64_t remind_every_ms;  /* 0 = never */
    int64_t answer_within_ms; /* 0 = for ever */
    bool fail_unanswered;
    struct plan_rung *ladder; /* at most LIMIT_RUNGS */
    size_t rung_count;
    struct plan_names responsible; /* teams and people */
    const char *hint, *runbook;    /* may be NULL */
};

struct plan_step {
    const char *name;
    const char *script;       /* NULL for an approve step */
    const char *instructions; /* of an approve step; may be NULL */
    const char *work_dir;     /* absolute, or NULL for the folder of the configuration */
    const char *group;        /* NULL = on its own */
    enum plan_condition condition;
    bool with_previous, required, safe_to_rerun, continue_on_error, approve;
    int max_parallel;             /* >= 1 */
    int64_t timeout_ms, quiet_ms; /* 0 = none */
    int retry_times;
    int64_t retry_delay_ms;
    double retry_backoff;
    int64_t when_back_ms;      /* for how long it waits by itself for an ssh target to be back; 0 = it does not */
    const char *probe;         /* the command that tells; NULL = by ssh */
    struct plan_variable *env; /* project's and step's, the step's win */
    size_t env_count;
    struct plan_guided guided;
    bool on_worker;    /* no targets: one slot */
    bool left_empty;   /* wanted targets but none is left by the choice: skipped with a warning */
    uint32_t *targets; /* index into plan.targets by slot; NULL on the worker */
    size_t slot_count; /* 1 on the worker */
};

struct plan_target {
    const char *name;
    const char *host;     /* the worker's host, or NULL for any */
    const char *ssh;      /* destination, or NULL for a local target */
    const char *work_dir; /* or NULL */
    bool skipped;         /* a step that brings the version here was left out by request */
};

struct plan {
    const char *project, *environment;
    const char *room;   /* where it is told; may be NULL */
    const char *folder; /* of the configuration: where scripts start unless set */
    const char *run_as; /* or NULL */
    bool partial;       /* machines, or steps that bring the version, were left out by request */
    struct plan_target *targets;
    size_t target_count;
    struct plan_step *steps;
    size_t step_count;
};

/* The name shown for a slot: the target's, or "worker". */
const char *plan_slot_name(const struct plan *plan, size_t step, size_t slot);

/* "Install on web-3", "Fetch package on the worker"; of an approve step only its name. */
const char *plan_run_name(const struct plan *plan, size_t step, size_t slot, struct arena *arena);

/* The slot of a target in a step, or -1. */
int plan_find_slot(const struct plan *plan, size_t step, const char *target);

/* deployment > step > project > environment > off: the first that is set (1 on, 0 off, -1 not set) decides. */
bool guided_resolve(int deployment, int step, int project, int environment);

#endif

#include "world_parts.h"

const char *world_worker_name(struct world *world, uint32_t worker) {
    return arena_printf(world->arena, "w-%u", worker);
}

static void tell(struct world *world, enum event_kind kind, size_t step, size_t slot) {
    const struct world_run *run = world_run_of(world, step, slot);
    world_must(world, world->tail < WORLD_INBOX);
    world->inbox[world->tail++] = (struct event){
        .kind = kind,
        .step = step,
        .slot = slot,
        .attempt = run->attempt,
        .epoch = run->epoch,
        .worker = world_worker_name(world, run->worker),
        .host = "host-1",
        .outcome = run->processes[run->attempt].outcome,
        .excerpt = "boom",
    };
}

static void claim(struct world *world, size_t step, size_t slot) {
    struct world_run *run = world_run_of(world, step, slot);
    run->worker = world->next_worker++;
    if (run->prove_gone && run->processes[run->attempt - 1].truth == TRUTH_RUNNING) {
        run->claim = 'e';
        tell(world, EVENT_STILL_RUNNING, step, slot);
        return;
    }
    if (run->job_closing != world->closing) {
        return; /* refused */
    }
    world_must(world, world->closing == CLOSING_NO || world->plan->steps[step].condition == PLAN_CLEANUP ||
                          (world->closing == CLOSING_FAILING && world->plan->steps[step].condition != PLAN_SUCCESS));
    run->claim = 'r';
    run->worker_lives = true;
    run->stop = false;
    run->processes[run->attempt] = (struct world_process){.truth = TRUTH_NEVER, .starts = true};
    tell(world, EVENT_CLAIMED, step, slot);
}

static void start(struct world *world, size_t step, size_t slot) {
    struct world_run *run = world_run_of(world, step, slot);
    for (uint32_t i = 0; i < WORLD_ATTEMPTS; i++) {
        world_must(world, run->processes[i].truth != TRUTH_RUNNING); /* no overlap */
    }
    run->processes[run->attempt].truth = TRUTH_RUNNING;
    run->processes[run->attempt].starts = false;
}

static struct outcome choose_outcome(struct world *world, const struct world_run *run) {
    static const struct outcome outcomes[] = {{OUTCOME_EXIT, 1},    {OUTCOME_SIGNAL, 9},      {OUTCOME_TIMEOUT, 5000},
                                              {OUTCOME_QUIET, 500}, {OUTCOME_NOT_STARTED, 2}, {OUTCOME_CANCELED, 0}};
    if (run->stop && world_chance(world, 70)) {
        return (struct outcome){OUTCOME_CANCELED, 0};
    }
    if (world->success || world_chance(world, 60)) {
        return (struct outcome){OUTCOME_EXIT, 0};
    }
    return outcomes[world_random(world, sizeof outcomes / sizeof outcomes[0])];
}

static void end(struct world *world, size_t step, size_t slot) {
    struct world_run *run = world_run_of(world, step, slot);
    run->processes[run->attempt].truth = TRUTH_ENDED;
    run->processes[run->attempt].outcome = choose_outcome(world, run);
}

static void tell_end(struct world *world, size_t step, size_t slot) {
    struct world_run *run = world_run_of(world, step, slot);
    run->claim = 'e';
    run->processes[run->attempt].cleared = true;
    tell(world, EVENT_ENDED, step, slot);
}

/* The leader gives up the worker although its end is recorded: it had asked before for whose runs to look. */
static void lose_in_spite_of_its_end(struct world *world, size_t step, size_t slot) {
    const struct world_run *run = world_run_of(world, step, slot);
    world_lead(world, (struct event){.kind = EVENT_WORKER_LOST,
                                     .step = step,
                                     .slot = slot,
                                     .attempt = run->attempt,
                                     .worker = world_worker_name(world, run->worker)});
}

/* With its worker the process may go on, or have died with it. */
static void worker_dies(struct world *world, size_t step, size_t slot) {
    struct world_run *run = world_run_of(world, step, slot);
    struct world_process *process = &run->processes[run->attempt];
    run->worker_lives = false;
    process->starts = false;
    if (process->truth == TRUTH_RUNNING && world_chance(world, 50)) {
        process->truth = TRUTH_GONE;
    }
    tell(world, EVENT_WORKER_LOST, step, slot);
}

static void look(struct world *world, size_t step, size_t slot) {
    struct world_run *run = world_run_of(world, step, slot);
    enum world_truth truth = run->processes[run->attempt].cleared ? TRUTH_NEVER : run->processes[run->attempt].truth;
    run->worker = world->next_worker++;
    if (truth == TRUTH_RUNNING || truth == TRUTH_ENDED) {
        run->claim = 'r';
        run->worker_lives = true;
        tell(world, EVENT_ADOPTED, step, slot);
    } else {
        run->claim = 'e';
        tell(world, truth == TRUTH_GONE ? EVENT_TRUTH_GONE : EVENT_NEVER_STARTED, step, slot);
    }
}

static void supervisor_dies(struct world *world, size_t step, size_t slot) {
    struct world_run *run = world_run_of(world, step, slot);
    struct world_process *process = &run->processes[run->attempt];
    bool started = process->truth == TRUTH_RUNNING;
    process->truth = started ? TRUTH_GONE : TRUTH_NEVER;
    process->starts = false;
    run->claim = 'e';
    tell(world, started ? EVENT_TRUTH_GONE : EVENT_NEVER_STARTED, step, slot);
}

/* One thing that the run's claim and process let happen. False if there is none. */
bool world_run_moves(struct world *world, size_t step, size_t slot) {
    struct world_run *run = world_run_of(world, step, slot);
    const struct world_process *process = &run->processes[run->attempt];
    bool trouble = !world->success && world_chance(world, 20);
    switch (run->claim) {
    case 'q':
        claim(world, step, slot);
        return run->claim != 'q';
    case 'a':
        if (trouble) {
            return false; /* no worker of that host */
        }
        look(world, step, slot);
        return true;
    case 'r':
        if (!run->worker_lives) {
            if (process->truth == TRUTH_RUNNING) {
                end(world, step, slot);
            }
            return false;
        }
        if (trouble) {
            if ((process->truth == TRUTH_RUNNING || process->starts) && world_chance(world, 30)) {
                supervisor_dies(world, step, slot);
            } else {
                worker_dies(world, step, slot);
            }
        } else if (process->starts) {
            start(world, step, slot);
        } else if (process->truth == TRUTH_RUNNING) {
            end(world, step, slot);
        } else if (process->truth == TRUTH_ENDED) {
            tell_end(world, step, slot);
        } else {
            return false;
        }
        return true;
    case 'e':
        if (trouble && process->cleared && deployment_run(world->d, step, slot)->state == RUN_RUNNING) {
            lose_in_spite_of_its_end(world, step, slot);
            return true;
        }
        return false;
    default:
        return false;
    }
}

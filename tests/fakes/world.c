#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "plan_builder.h"
#include "scene.h"
#include "world_check.h"

void world_check(const struct world *world, bool holds, const char *condition, const char *file, int line) {
    if (!holds) {
        (void)fprintf(stderr, "seed %llu: %s\n%s\n", (unsigned long long)world->seed, condition, world->story);
        _fail(file, line);
    }
}

uint64_t world_random(struct world *world, uint64_t below) {
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return below == 0 ? 0 : world->random % below;
}

static bool chance(struct world *world, uint64_t percent) {
    return world_random(world, 100) < percent;
}

static void cancel(struct world *world);

/* --- a plan ----------------------------------------------------------------------------------------------------- */

static void choose_options(struct world *world, struct plan_step *step) {
    step->max_parallel = (int)world_random(world, 3) + 1;
    step->with_previous = chance(world, 35);
    step->required = chance(world, 15);
    step->safe_to_rerun = chance(world, 20);
    step->continue_on_error = !step->required && chance(world, 10);
    step->retry_times = chance(world, 35) ? (int)world_random(world, 3) : 0;
    step->guided.enabled = chance(world, 85);
    step->guided.max_retries = (int)world_random(world, 4);
    step->guided.answer_within_ms = chance(world, 30) ? 60000 : 0;
    step->guided.fail_unanswered = chance(world, 50);
}

static void choose_condition(struct world *world, struct plan_step *step) {
    uint64_t kind = world_random(world, 10);
    step->condition = kind < 6 ? PLAN_SUCCESS : kind < 7 ? PLAN_FAILURE : kind < 8 ? PLAN_ALWAYS : PLAN_CLEANUP;
}

static void choose_step(struct world *world, size_t index) {
    static const char *const names[WORLD_STEPS] = {"Alpha", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot"};
    struct plan *plan = world->plan;
    size_t targets = plan->target_count;
    struct plan_step *step = NULL;
    if (targets == 0 || (index > 0 && chance(world, 30))) {
        step = plan_builder_step(plan, names[index]);
        step->approve = chance(world, 20);
    } else {
        size_t first = index == 0 ? 0 : world_random(world, targets);
        size_t count = index == 0 || first == 0 ? targets : world_random(world, targets - first + 1);
        step = plan_builder_step_on(plan, names[index], first, count, world->arena);
    }
    choose_options(world, step);
    choose_condition(world, step);
    struct plan_step *before = index > 0 ? step - 1 : NULL;
    bool same = before != NULL && !step->on_worker && !before->on_worker && before->slot_count == step->slot_count &&
                step->slot_count > 0 && before->targets[0] == step->targets[0];
    if (same && chance(world, 70)) {
        before->group = before->group != NULL ? before->group : names[index - 1];
        step->group = before->group;
    }
}

void world_create(struct world *world, uint64_t seed, struct arena *arena) {
    memset(world, 0, sizeof *world);
    world->seed = seed;
    world->random = seed * 0x9E3779B97F4A7C15u + 1;
    world->arena = arena;
    world->next_question = 1;
    world->story = "";
    for (int i = 0; i < 8; i++) {
        (void)world_random(world, 1);
    }
    size_t targets = world_random(world, WORLD_TARGETS + 1);
    world->plan = plan_builder_create(arena, targets);
    size_t steps = world_random(world, WORLD_STEPS) + 1;
    for (size_t i = 0; i < steps; i++) {
        choose_step(world, i);
    }
    world->d = arena_alloc(arena, sizeof *world->d);
    deployment_init(world->d, world->plan, arena);
    world->d->id = 1;
    world->d->version = "1.4.2";
    world->d->actor = "alice";
    if (chance(world, 3)) {
        cancel(world);
    }
    world->inbox[world->tail++] = (struct event){.kind = EVENT_ADMITTED};
}

/* --- the leader ------------------------------------------------------------------------------------------------- */

static struct world_run *run_of(struct world *world, size_t step, size_t slot) {
    return &world->runs[step][slot];
}

/* What the commit requires: that a question it closes is still open, and that nobody closed the deployment before. */
static bool commit_refused(const struct world *world, const struct decision *decision, uint64_t *ret_question) {
    for (size_t i = 0; i < decision->count; i++) {
        const struct effect *effect = &decision->effects[i];
        if (effect->kind == EFFECT_CLOSE && world->questions[effect->question] != QUESTION_OPEN) {
            *ret_question = effect->question;
            return true;
        }
        if (effect->kind == EFFECT_CLOSING && world->closing != CLOSING_NO) {
            *ret_question = 0;
            return true;
        }
    }
    return false;
}

static void carry_out_start(struct world *world, const struct effect *effect) {
    struct world_run *run = run_of(world, effect->step, effect->slot);
    run->claim = 'q';
    run->attempt = effect->attempt;
    run->epoch = effect->epoch;
    run->prove_gone = effect->prove_gone;
    run->job_closing = world->d->closing;
    run->newest_epoch = effect->epoch;
    run->started = run->starts++ == 0 ? effect->attempt : run->started;
}

static void carry_out(struct world *world, const struct effect *effect) {
    struct world_run *run = run_of(world, effect->step, effect->slot);
    switch (effect->kind) {
    case EFFECT_START:
        carry_out_start(world, effect);
        break;
    case EFFECT_ADOPT:
        run->claim = 'a';
        run->attempt = effect->attempt;
        run->epoch = effect->epoch;
        run->newest_epoch = effect->epoch;
        break;
    case EFFECT_STOP:
        run->stop = true;
        break;
    case EFFECT_ASK:
        world_must(world, effect->question < WORLD_QUESTIONS);
        world->questions[effect->question] = QUESTION_OPEN;
        break;
    case EFFECT_CLOSE:
        world->questions[effect->question] = QUESTION_CLOSED;
        break;
    case EFFECT_TIMER:
        world_must(world, world->timer_count < WORLD_TIMERS);
        world->timers[world->timer_count++] = *effect;
        break;
    case EFFECT_CLOSING:
        world->closing = world->d->intake;
        world->inbox[world->tail++] = (struct event){.kind = EVENT_FAILING};
        break;
    case EFFECT_DEPLOYED:
        world->deployed[world->plan->steps[effect->step].targets[effect->slot]] = true;
        break;
    case EFFECT_UNCONFIRMED:
    case EFFECT_OWED:
    case EFFECT_PAST:
    case EFFECT_AUDIT:
    case EFFECT_PROBE:
    case EFFECT_EXCERPT:
    case EFFECT_VIGIL:
    case EFFECT_CALL:
    case EFFECT_FINISH:
        break;
    }
}

static void tell_story(struct world *world, const struct event *event) {
    struct scene picture = {.arena = world->arena, .d = world->d};
    world->story =
        arena_printf(world->arena, "%s%s %zu.%zu #%u/%u%s%s Q%llu %s%s -> %s\n", world->story, event_word(event->kind),
                     event->step, event->slot, event->attempt, event->epoch, event->worker != NULL ? " by " : "",
                     event->worker != NULL ? event->worker : "", (unsigned long long)event->question,
                     guidance_word(event->guidance), world->last.ignored ? " (ignored)" : "", scene_picture(&picture));
}

static void lead(struct world *world, struct event event);

static struct event take(struct world *world, size_t index) {
    struct event event = world->inbox[index];
    memmove(&world->inbox[index], &world->inbox[index + 1], (world->tail - index - 1) * sizeof event);
    world->tail--;
    return event;
}

/* The answer that was recorded first is applied first; everything before it waits, but not claims and answers. */
static void lead_answer_of(struct world *world, uint64_t question) {
    for (size_t i = world->head; i < world->tail;) {
        const struct event *event = &world->inbox[i];
        if (event->kind == EVENT_ANSWERED && event->question == question) {
            lead(world, take(world, i));
            return;
        }
        if (event->kind == EVENT_CLAIMED || event->kind == EVENT_ANSWERED) {
            lead(world, take(world, i));
        } else {
            i++;
        }
    }
    world_check(world, false, "an answer was recorded and is not in the inbox", __FILE__, __LINE__);
}

static void lead(struct world *world, struct event event) {
    event.now_ms = world->now_ms += 1000;
    if (chance(world, 50)) {
        world->d->intake = world->closing; /* read again from the store */
        world->d->excluded_intake = world->excluded;
    }
    for (;;) {
        struct deployment *before = scene_restart(world->d, world->arena);
        uint64_t first_question = world->next_question, refused_by = 0;
        deployment_apply(world->d, &event, &world->next_question, world->arena, &world->last);
        if (!commit_refused(world, &world->last, &refused_by)) {
            tell_story(world, &event);
            world_check_decision(world, before, &event);
            for (size_t i = 0; i < world->last.count; i++) {
                carry_out(world, &world->last.effects[i]);
            }
            world_check_state(world, before);
            world->events++;
            return;
        }
        world_must(world, event.kind != EVENT_ANSWERED);
        world->d = before;
        world->d->intake = world->closing;
        world->next_question = first_question;
        if (refused_by != 0) {
            lead_answer_of(world, refused_by);
        }
    }
}

static void lead_next(struct world *world) {
    if (world->head < world->tail) {
        lead(world, world->inbox[world->head++]);
    }
}

void world_drain(struct world *world) {
    while (world->head < world->tail) {
        lead_next(world);
    }
}

static void fire_timer(struct world *world, size_t index) {
    struct effect timer = world->timers[index];
    world->timers[index] = world->timers[--world->timer_count];
    lead(world, (struct event){.kind = timer.timer,
                               .step = timer.step,
                               .slot = timer.slot,
                               .attempt = timer.attempt,
                               .epoch = timer.epoch,
                               .question = timer.question});
}

/* --- workers ---------------------------------------------------------------------------------------------------- */

static const char *worker_name(struct world *world, uint32_t worker) {
    return arena_printf(world->arena, "w-%u", worker);
}

static void tell(struct world *world, enum event_kind kind, size_t step, size_t slot) {
    const struct world_run *run = run_of(world, step, slot);
    world_must(world, world->tail < WORLD_INBOX);
    world->inbox[world->tail++] = (struct event){
        .kind = kind,
        .step = step,
        .slot = slot,
        .attempt = run->attempt,
        .epoch = run->epoch,
        .worker = worker_name(world, run->worker),
        .host = "host-1",
        .outcome = run->processes[run->attempt].outcome,
        .excerpt = "boom",
    };
}

static void claim(struct world *world, size_t step, size_t slot) {
    struct world_run *run = run_of(world, step, slot);
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
    struct world_run *run = run_of(world, step, slot);
    for (uint32_t i = 0; i < WORLD_ATTEMPTS; i++) {
        world_must(world, run->processes[i].truth != TRUTH_RUNNING); /* no overlap */
    }
    run->processes[run->attempt].truth = TRUTH_RUNNING;
    run->processes[run->attempt].starts = false;
}

static struct outcome choose_outcome(struct world *world, const struct world_run *run) {
    static const struct outcome outcomes[] = {{OUTCOME_EXIT, 1},    {OUTCOME_SIGNAL, 9},      {OUTCOME_TIMEOUT, 5000},
                                              {OUTCOME_QUIET, 500}, {OUTCOME_NOT_STARTED, 2}, {OUTCOME_CANCELED, 0}};
    if (run->stop && chance(world, 70)) {
        return (struct outcome){OUTCOME_CANCELED, 0};
    }
    if (world->success || chance(world, 60)) {
        return (struct outcome){OUTCOME_EXIT, 0};
    }
    return outcomes[world_random(world, sizeof outcomes / sizeof outcomes[0])];
}

static void end(struct world *world, size_t step, size_t slot) {
    struct world_run *run = run_of(world, step, slot);
    run->processes[run->attempt].truth = TRUTH_ENDED;
    run->processes[run->attempt].outcome = choose_outcome(world, run);
}

static void tell_end(struct world *world, size_t step, size_t slot) {
    struct world_run *run = run_of(world, step, slot);
    run->claim = 'e';
    run->processes[run->attempt].cleared = true;
    tell(world, EVENT_ENDED, step, slot);
}

/* The leader gives up the worker although its end is recorded: it had asked before for whose runs to look. */
static void lose_in_spite_of_its_end(struct world *world, size_t step, size_t slot) {
    const struct world_run *run = run_of(world, step, slot);
    lead(world, (struct event){.kind = EVENT_WORKER_LOST,
                               .step = step,
                               .slot = slot,
                               .attempt = run->attempt,
                               .worker = worker_name(world, run->worker)});
}

/* With its worker the process may go on, or have died with it. */
static void worker_dies(struct world *world, size_t step, size_t slot) {
    struct world_run *run = run_of(world, step, slot);
    struct world_process *process = &run->processes[run->attempt];
    run->worker_lives = false;
    process->starts = false;
    if (process->truth == TRUTH_RUNNING && chance(world, 50)) {
        process->truth = TRUTH_GONE;
    }
    tell(world, EVENT_WORKER_LOST, step, slot);
}

static void look(struct world *world, size_t step, size_t slot) {
    struct world_run *run = run_of(world, step, slot);
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
    struct world_run *run = run_of(world, step, slot);
    struct world_process *process = &run->processes[run->attempt];
    bool started = process->truth == TRUTH_RUNNING;
    process->truth = started ? TRUTH_GONE : TRUTH_NEVER;
    process->starts = false;
    run->claim = 'e';
    tell(world, started ? EVENT_TRUTH_GONE : EVENT_NEVER_STARTED, step, slot);
}

/* One thing that the run's claim and process let happen. False if there is none. */
static bool run_moves(struct world *world, size_t step, size_t slot) {
    struct world_run *run = run_of(world, step, slot);
    const struct world_process *process = &run->processes[run->attempt];
    bool trouble = !world->success && chance(world, 20);
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
            if ((process->truth == TRUTH_RUNNING || process->starts) && chance(world, 30)) {
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

static bool some_run_moves(struct world *world) {
    size_t steps = world->plan->step_count;
    size_t from = world_random(world, steps * WORLD_TARGETS);
    for (size_t i = 0; i < steps * WORLD_TARGETS; i++) {
        size_t place = (from + i) % (steps * WORLD_TARGETS);
        if (place % WORLD_TARGETS < world->plan->steps[place / WORLD_TARGETS].slot_count &&
            run_moves(world, place / WORLD_TARGETS, place % WORLD_TARGETS)) {
            return true;
        }
    }
    return false;
}

/* --- people ------------------------------------------------------------------------------------------------------ */

bool world_answer(struct world *world, uint64_t question, enum guidance guidance) {
    struct deployment *d = world->d;
    const struct question *q = deployment_question(d, question);
    struct err err;
    if (q == NULL || world->questions[question] != QUESTION_OPEN ||
        !deployment_accepts(d, q, guidance, "a note", &err)) {
        return false;
    }
    if (world->closing != (q->late_cancel ? CLOSING_CANCELING : CLOSING_NO) ||
        (guidance == GUIDANCE_EXCLUDE && world->excluded + 1 >= world->plan->target_count)) {
        return false;
    }
    world->questions[question] = QUESTION_ANSWERED;
    world->excluded += guidance == GUIDANCE_EXCLUDE;
    bool fails = (guidance == GUIDANCE_FAIL || guidance == GUIDANCE_ABORT) && !q->late_cancel;
    world->closing = fails ? CLOSING_FAILING : world->closing;
    world->inbox[world->tail++] = (struct event){
        .kind = EVENT_ANSWERED, .question = question, .guidance = guidance, .actor = "alice", .via = "console"};
    return true;
}

static bool answer_something(struct world *world) {
    const struct deployment *d = world->d;
    if (d->question_count == 0) {
        return false;
    }
    static const enum guidance words[] = {GUIDANCE_RETRY,   GUIDANCE_RETRY,   GUIDANCE_RETRY,   GUIDANCE_IGNORE,
                                          GUIDANCE_IGNORE,  GUIDANCE_EXCLUDE, GUIDANCE_EXCLUDE, GUIDANCE_FAIL,
                                          GUIDANCE_PROCEED, GUIDANCE_ABORT};
    uint64_t question = d->questions[world_random(world, d->question_count)].id;
    return world_answer(world, question, words[world_random(world, sizeof words / sizeof words[0])]);
}

static void cancel(struct world *world) {
    if (world->closing != CLOSING_CANCELING && !deployment_is_final(world->d->state)) {
        world->closing = CLOSING_CANCELING;
        world->inbox[world->tail++] = (struct event){.kind = EVENT_CANCEL, .actor = "carol", .via = "console"};
    }
}

/* What was heard once changes nothing when it comes again. */
static void repeat_something(struct world *world) {
    if (world->head == 0) {
        return;
    }
    struct event event = world->inbox[world_random(world, world->head)];
    struct deployment *before = scene_restart(world->d, world->arena);
    if (event.kind == EVENT_WORKER_LOST || event.kind == EVENT_ADOPTED) {
        return; /* Owners change by claims, which the store compares: they are lost and found only once. */
    }
    deployment_apply(world->d, &event, &world->next_question, world->arena, &world->last);
    world_must(world, world->last.ignored && world->last.count == 0);
    scene_assert_same(world->d, before);
}

/* What nobody told may change anything, but it leaves a state that holds together. */
static void invent_something(struct world *world) {
    struct deployment *twin = scene_restart(world->d, world->arena);
    size_t step = world_random(world, world->plan->step_count + 1), slot = world_random(world, WORLD_TARGETS);
    bool known = step < world->plan->step_count && slot < world->plan->steps[step].slot_count;
    struct event event = {
        .kind = (enum event_kind)world_random(world, EVENT_CANCEL_LATE + 1),
        .now_ms = world->now_ms,
        .step = step,
        .slot = slot,
        .attempt = known ? deployment_run(twin, step, slot)->attempt : 1,
        .epoch = known && chance(world, 80) ? deployment_run(twin, step, slot)->epoch : 7,
        .worker = chance(world, 50) ? worker_name(world, (uint32_t)world_random(world, world->next_worker + 1u)) : NULL,
        .outcome = {OUTCOME_EXIT, (int64_t)world_random(world, 2)},
        .question = world_random(world, world->next_question + 1),
        .guidance = (enum guidance)(1u << world_random(world, 7)),
        .actor = "mallory",
    };
    uint64_t next_question = world->next_question;
    deployment_apply(twin, &event, &next_question, world->arena, &world->last);
    scene_assert_same(twin, scene_restart(twin, world->arena));
}

/* --- what happens ------------------------------------------------------------------------------------------------ */

void world_step(struct world *world) {
    uint64_t what = world_random(world, 100);
    if (what < 45) {
        (void)some_run_moves(world);
    } else if (what < 78) {
        lead_next(world);
    } else if (what < 84 && world->timer_count > 0) {
        fire_timer(world, world_random(world, world->timer_count));
    } else if (what < 94) {
        (void)answer_something(world);
    } else if (what < 95) {
        if (chance(world, world->events == 0 ? 50 : 20)) {
            cancel(world);
        }
    } else if (what < 97) {
        repeat_something(world);
    } else if (what < 98) {
        invent_something(world);
    } else {
        world->d = scene_restart(world->d, world->arena);
    }
}

void world_watch(struct world *world) {
    for (size_t step = 0; step < WORLD_STEPS; step++) {
        for (size_t slot = 0; slot < WORLD_TARGETS; slot++) {
            struct world_run *run = run_of(world, step, slot);
            run->starts = 0;
            for (size_t i = 0; i < WORLD_ATTEMPTS; i++) {
                struct world_process *process = &run->processes[i];
                if (process->truth == TRUTH_ENDED && !process->cleared) {
                    process->outcome = (struct outcome){OUTCOME_EXIT, 0};
                }
            }
        }
    }
    world->success = true;
}

static bool fire_timers_but_deadlines(struct world *world) {
    for (size_t i = 0; i < world->timer_count; i++) {
        enum event_kind kind = world->timers[i].timer;
        if (kind == EVENT_RETRY_DUE || kind == EVENT_MOOT) {
            fire_timer(world, i);
            return true;
        }
    }
    return false;
}

/* The owner of a dead worker's run is found out in the end, and a lost run that nobody looked at is given up. */
void world_settle(struct world *world) {
    world->success = true;
    bool moved = true;
    for (size_t i = 0; moved && !deployment_is_final(world->d->state); i++) {
        world_must(world, i < 10000);
        world_drain(world);
        moved = some_run_moves(world) || fire_timers_but_deadlines(world);
    }
}

bool world_finish(struct world *world) {
    for (size_t i = 0; i < 1000; i++) {
        world_settle(world);
        if (deployment_is_final(world->d->state)) {
            return true;
        }
        if (world->d->question_count == 0) {
            return false;
        }
        while (!answer_something(world)) {
        }
    }
    return false;
}

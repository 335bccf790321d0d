#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "scene.h"
#include "world_check.h"
#include "world_parts.h"

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

bool world_chance(struct world *world, uint64_t percent) {
    return world_random(world, 100) < percent;
}

static void cancel(struct world *world);

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
    world_plan_choose(world);
    world->d = arena_alloc(arena, sizeof *world->d);
    deployment_init(world->d, world->plan, arena);
    world->d->id = 1;
    world->d->version = "1.4.2";
    world->d->actor = "alice";
    if (world_chance(world, 3)) {
        cancel(world);
    }
    world->inbox[world->tail++] = (struct event){.kind = EVENT_ADMITTED};
}

/* --- the leader ------------------------------------------------------------------------------------------------- */

struct world_run *world_run_of(struct world *world, size_t step, size_t slot) {
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
    struct world_run *run = world_run_of(world, effect->step, effect->slot);
    run->claim = 'q';
    run->attempt = effect->attempt;
    run->epoch = effect->epoch;
    run->prove_gone = effect->prove_gone;
    run->job_closing = world->d->closing;
    run->newest_epoch = effect->epoch;
    run->started = run->starts++ == 0 ? effect->attempt : run->started;
}

static void carry_out(struct world *world, const struct effect *effect) {
    struct world_run *run = world_run_of(world, effect->step, effect->slot);
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
            world_lead(world, take(world, i));
            return;
        }
        if (event->kind == EVENT_CLAIMED || event->kind == EVENT_ANSWERED) {
            world_lead(world, take(world, i));
        } else {
            i++;
        }
    }
    world_check(world, false, "an answer was recorded and is not in the inbox", __FILE__, __LINE__);
}

void world_lead(struct world *world, struct event event) {
    event.now_ms = world->now_ms += 1000;
    if (world_chance(world, 50)) {
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
        world_lead(world, world->inbox[world->head++]);
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
    world_lead(world, (struct event){.kind = timer.timer,
                                     .step = timer.step,
                                     .slot = timer.slot,
                                     .attempt = timer.attempt,
                                     .epoch = timer.epoch,
                                     .question = timer.question});
}

static bool some_run_moves(struct world *world) {
    size_t steps = world->plan->step_count;
    size_t from = world_random(world, steps * WORLD_TARGETS);
    for (size_t i = 0; i < steps * WORLD_TARGETS; i++) {
        size_t place = (from + i) % (steps * WORLD_TARGETS);
        if (place % WORLD_TARGETS < world->plan->steps[place / WORLD_TARGETS].slot_count &&
            world_run_moves(world, place / WORLD_TARGETS, place % WORLD_TARGETS)) {
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
        .epoch = known && world_chance(world, 80) ? deployment_run(twin, step, slot)->epoch : 7,
        .worker = world_chance(world, 50)
                      ? world_worker_name(world, (uint32_t)world_random(world, world->next_worker + 1u))
                      : NULL,
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
        if (world_chance(world, world->events == 0 ? 50 : 20)) {
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
            struct world_run *run = world_run_of(world, step, slot);
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

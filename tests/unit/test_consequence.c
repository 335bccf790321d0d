/* What the buttons say is what then happens: a few sentences as they read, and all of them in random worlds. */

#include "fakes/scene_test.h"
#include "fakes/world.h"

static const char *consequence(size_t step, size_t slot, enum guidance guidance) {
    return deployment_consequence(scene.d, scene_question(&scene, step, slot), guidance, arena);
}

static struct plan_step *group_of_three(size_t count) {
    plan = plan_builder_create(arena, count);
    plan_builder_step_on_all(plan, "Drain", arena);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Undrain", arena)->condition = PLAN_CLEANUP;
    plan_builder_group(plan, "rolling", 0, 2);
    return plan_builder_step_on_all(plan, "Warm", arena);
}

static void retry_says_which_attempt_and_whether_that_is_safe(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step(plan, "Migrate");
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_string_equal(consequence(0, 0, GUIDANCE_RETRY),
                        "Runs Migrate again on the worker as attempt 2. Steps before it are not repeated.");
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_RETRY));
    scene_truth_gone(&scene, 0, 0, false);
    assert_string_equal(consequence(0, 0, GUIDANCE_RETRY),
                        "Runs Migrate again on the worker as attempt 3. Steps before it are not repeated. "
                        "It is not declared safe to run twice.");
}

/* No lock keeps the new attempt apart from it then. */
static void retry_says_where_it_is_not_known_on_which_host_it_ran(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step(plan, "Migrate");
    scene_begin(&scene, plan, arena);
    scene_truth_gone(&scene, 0, 0, false);
    assert_null(strstr(consequence(0, 0, GUIDANCE_RETRY), "on which host"));
    deployment_run(scene.d, 0, 0)->host = NULL;
    assert_string_equal(consequence(0, 0, GUIDANCE_RETRY),
                        "Runs Migrate again on the worker as attempt 2. Steps before it are not repeated. "
                        "It is not declared safe to run twice. It is not known on which host it ran: look on each.");
}

static void ignore_says_what_comes_next_there(void **state) {
    (void)state;
    group_of_three(2);
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_string_equal(consequence(0, 0, GUIDANCE_IGNORE),
                        "Counts Drain on web-1 as done, with a warning. Next there: Install, Undrain, Warm.");
    scene_run(&scene);
    assert_true(scene_answer(&scene, 0, 0, GUIDANCE_IGNORE));
    scene_run(&scene);
    assert_picture(&scene, "succeeded_with_warnings WS SS SS SS");
}

static void what_comes_behind_a_step_on_the_worker_is_not_said_to_come_there(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 2);
    plan_builder_step(plan, "Fetch package");
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step(plan, "Smoke test");
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_string_equal(consequence(0, 0, GUIDANCE_IGNORE),
                        "Counts Fetch package on the worker as done, with a warning. Next: Install, Smoke test.");
}

static void a_cleanup_of_a_group_that_is_never_opened_is_not_said_to_run(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Tidy", arena)->condition = PLAN_CLEANUP;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_string_equal(consequence(0, 0, GUIDANCE_IGNORE), "Counts Install on web-1 as done, with a warning.");
    assert_string_equal(consequence(0, 0, GUIDANCE_FAIL), "Ends the deployment as failed. Nothing is rolled back.");
}

static void exclude_says_what_still_runs_there_and_what_becomes_of_the_others(void **state) {
    (void)state;
    group_of_three(4);
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    assert_string_equal(
        consequence(0, 0, GUIDANCE_EXCLUDE),
        "web-1 gets no further step in this deployment but Undrain, and does not count as having 1.4.2. "
        "The other 3 machines go on.");
    scene_fail(&scene, 0, 1);
    assert_string_equal(
        consequence(0, 0, GUIDANCE_EXCLUDE),
        "web-1 gets no further step in this deployment but Undrain, and does not count as having 1.4.2. "
        "The other 3 machines go on, but 1 of them waits for an answer first.");
    scene_fail(&scene, 0, 2);
    scene_fail(&scene, 0, 3);
    assert_string_equal(
        consequence(0, 0, GUIDANCE_EXCLUDE),
        "web-1 gets no further step in this deployment but Undrain, and does not count as having 1.4.2. "
        "The other 3 machines wait for an answer first.");
    assert_true(scene_answer(&scene, 0, 1, GUIDANCE_EXCLUDE));
    assert_true(scene_answer(&scene, 0, 2, GUIDANCE_EXCLUDE));
    assert_string_equal(
        consequence(0, 0, GUIDANCE_EXCLUDE),
        "web-1 gets no further step in this deployment but Undrain, and does not count as having 1.4.2. "
        "The other machine waits for an answer first.");
}

static void fail_says_what_it_closes_and_what_still_runs(void **state) {
    (void)state;
    group_of_three(3)->condition = PLAN_ALWAYS;
    scene_begin(&scene, plan, arena);
    scene_fail(&scene, 0, 0);
    scene_fail(&scene, 0, 1);
    scene_claim(&scene, 0, 2);
    assert_string_equal(consequence(0, 0, GUIDANCE_FAIL),
                        "Ends the deployment as failed. 1 other open question is closed with it. "
                        "What runs now finishes first. Then still run: Undrain, Warm.");
}

static void an_approval_says_what_it_lets_through(void **state) {
    (void)state;
    plan = plan_builder_create(arena, 1);
    plan_builder_step(plan, "Approval")->approve = true;
    plan_builder_step_on_all(plan, "Install", arena);
    scene_begin(&scene, plan, arena);
    assert_string_equal(consequence(0, 0, GUIDANCE_PROCEED), "Approves Approval. Next: Install.");
    assert_string_equal(consequence(0, 0, GUIDANCE_ABORT), "Ends the deployment as failed. Nothing is rolled back.");
}

static void the_end_of_a_late_cancel_promises_nothing_about_the_step(void **state) {
    (void)state;
    group_of_three(1);
    scene_begin(&scene, plan, arena);
    scene_claim(&scene, 0, 0);
    scene_cancel(&scene);
    assert_true(scene_give(&scene, (struct event){.kind = EVENT_CANCEL_LATE}));
    assert_string_equal(
        consequence(0, 0, GUIDANCE_FAIL),
        "Stops waiting for Drain on web-1. Whether it still runs there is not known. Next there: Undrain.");
}

/* --- in random worlds --------------------------------------------------------------------------------------------- */

enum { SEQUENCES = 45000, STEPS_MOST = 150, CARD_MOST = WORLD_TARGETS };

static struct world world;
static size_t checked[GUIDANCE_ABORT + 1], checked_cards;

/* One answer, to one question or to all of a card that take it. */
struct trial {
    const struct question *questions[CARD_MOST];
    size_t count;
    enum guidance guidance;
    const char *text;
    const struct deployment *before;
};

static int target_of(size_t step, size_t slot) {
    const struct plan_step *s = &world.plan->steps[step];
    return s->on_worker ? -1 : (int)s->targets[slot];
}

static bool is_of_trial(const struct trial *trial, int target) {
    for (size_t i = 0; i < trial->count; i++) {
        if (target_of(trial->questions[i]->step, trial->questions[i]->slot) == target) {
            return true;
        }
    }
    return false;
}

static bool says(const struct trial *trial, const char *words) {
    return strstr(trial->text, words) != NULL;
}

/* Whether the run had not begun when the answer was given, and did after it. */
static bool has_begun(const struct trial *trial, size_t step, size_t slot, bool queued_too) {
    enum run_state was = deployment_run(trial->before, step, slot)->state;
    const struct run *run = deployment_run(world.d, step, slot);
    bool waited = was == RUN_PENDING || (queued_too && was == RUN_QUEUED);
    return waited &&
           (world.runs[step][slot].starts > 0 || (world.plan->steps[step].approve && run->state == RUN_SUCCEEDED));
}

/* The names of the steps that began, as a sentence lists them. */
static const char *steps_begun(const struct trial *trial, bool anywhere, bool queued_too) {
    const char *text = "";
    size_t count = 0;
    for (size_t step = 0; step < world.plan->step_count; step++) {
        bool begun = false;
        for (size_t slot = 0; slot < world.plan->steps[step].slot_count; slot++) {
            bool there = anywhere || is_of_trial(trial, target_of(step, slot));
            begun = begun || (there && has_begun(trial, step, slot, queued_too));
        }
        if (begun && ++count <= 3) {
            text = arena_printf(world.arena, "%s%s%s", text, count > 1 ? ", " : "", world.plan->steps[step].name);
        }
    }
    return count > 3 ? arena_printf(world.arena, "%s and %zu more", text, count - 3) : text;
}

static void must_list(const struct trial *trial, const char *lead, const char *names, const char *end) {
    const char *expected = *names ? arena_printf(world.arena, "%s%s%s", lead, names, end) : "";
    world_must(&world, says(trial, expected));
    world_must(&world, *names || !says(trial, lead));
}

static void check_retry(const struct trial *trial) {
    for (size_t i = 0; i < trial->count; i++) {
        const struct question *q = trial->questions[i];
        const struct world_run *run = &world.runs[q->step][q->slot];
        world_must(&world, run->starts > 0 && run->started == q->attempt + 1);
        world_must(&world, trial->count > 1 || says(trial, arena_printf(world.arena, "as attempt %u.", run->started)));
    }
    for (size_t step = 0; step < world.plan->step_count; step++) {
        for (size_t slot = 0; slot < world.plan->steps[step].slot_count; slot++) {
            bool over = run_is_final(deployment_run(trial->before, step, slot)->state);
            world_must(&world, !over || world.runs[step][slot].starts == 0);
        }
    }
}

static void check_goes_on(const struct trial *trial, enum run_state expected) {
    bool on_worker = world.plan->steps[trial->questions[0]->step].on_worker;
    for (size_t i = 0; i < trial->count; i++) {
        world_must(&world,
                   deployment_run(world.d, trial->questions[i]->step, trial->questions[i]->slot)->state == expected);
    }
    must_list(trial, on_worker ? " Next: " : " Next there: ", steps_begun(trial, on_worker, false), ".");
}

static void check_others(const struct trial *trial) {
    size_t others = 0, waited = 0;
    for (size_t target = 0; target < world.plan->target_count; target++) {
        bool other = !trial->before->excluded[target] && !is_of_trial(trial, (int)target), asked = false;
        for (size_t i = 0; i < trial->before->question_count; i++) {
            const struct question *q = &trial->before->questions[i];
            asked = asked || target_of(q->step, q->slot) == (int)target;
        }
        others += other;
        waited += other && asked;
        for (size_t step = 0; step < world.plan->step_count && other; step++) {
            int slot = plan_find_slot(world.plan, step, world.plan->targets[target].name);
            enum run_state state = slot < 0 ? RUN_SUCCEEDED : deployment_run(world.d, step, (size_t)slot)->state;
            world_must(&world, state == RUN_SUCCEEDED || state == RUN_WARNED || state == RUN_SKIPPED);
        }
    }
    world_must(&world, others == deployment_remaining(world.d));
    const char *who = others == 1 ? "The other machine" : arena_printf(world.arena, "The other %zu machines", others);
    world_must(&world, says(trial, who));
    world_must(&world, says(trial, others == 1 ? "goes on." : "go on") == (waited < others));
    world_must(&world, says(trial, "for an answer first.") == (waited > 0));
    if (waited > 0 && waited < others) {
        world_must(&world, says(trial, arena_printf(world.arena, "go on, but %zu of them wait", waited)));
    }
}

static void check_exclude(const struct trial *trial) {
    must_list(trial, " in this deployment but ", steps_begun(trial, false, false), ", and do");
    for (size_t i = 0; i < trial->count; i++) {
        int target = target_of(trial->questions[i]->step, trial->questions[i]->slot);
        world_must(&world, !world.deployed[target] && world.d->excluded[target]);
    }
    check_others(trial);
}

static void check_late_cancel(const struct trial *trial) {
    const struct question *q = trial->questions[0];
    bool cleaned = false;
    for (size_t step = q->step + 1; step <= world.d->stages[world.d->steps[q->step].stage].last; step++) {
        cleaned = cleaned || has_begun(trial, step, q->slot, false);
    }
    world_must(&world, says(trial, " Next there: ") == cleaned);
}

static void check_fail(const struct trial *trial) {
    size_t others = trial->before->question_count - 1;
    const char *closed =
        arena_printf(world.arena, " %zu other open question%s closed with it.", others, others == 1 ? " is" : "s are");
    world_must(&world, world.d->state == DEPLOYMENT_FAILED);
    world_must(&world, says(trial, others > 0 ? closed : "Ends the deployment as failed."));
    world_must(&world, others > 0 || !says(trial, "closed with it"));
    const char *after = steps_begun(trial, true, true);
    must_list(trial, " Then still run: ", after, ".");
    world_must(&world, says(trial, "Nothing is rolled back.") == (*after == '\0'));
    for (uint64_t id = 1; id < world.next_question; id++) {
        world_must(&world, world.questions[id] != QUESTION_OPEN);
    }
    for (size_t step = 0; step < world.plan->step_count; step++) {
        for (size_t slot = 0; slot < world.plan->steps[step].slot_count; slot++) {
            bool ran = deployment_run(trial->before, step, slot)->state == RUN_RUNNING;
            world_must(&world, !ran || says(trial, "What runs now finishes first."));
            world_must(&world, !ran || deployment_run(world.d, step, slot)->state != RUN_CANCELED);
        }
    }
}

/* Everybody else says Retry, or what comes nearest to it. False if somebody has to end the deployment. */
static bool others_answer(void) {
    static const enum guidance kind[] = {GUIDANCE_RETRY, GUIDANCE_IGNORE, GUIDANCE_PROCEED};
    for (size_t round = 0; round < 200; round++) {
        world_settle(&world);
        if (deployment_is_final(world.d->state)) {
            return true;
        }
        bool answered = false;
        for (size_t i = 0; i < 3 && !answered && world.d->question_count > 0; i++) {
            answered = world_answer(&world, world.d->questions[0].id, kind[i]);
        }
        if (!answered) {
            return false;
        }
    }
    return false;
}

static void trial_choose(struct trial *trial) {
    struct err err;
    const struct deployment *d = trial->before;
    const struct question *first = &d->questions[world_random(&world, d->question_count)];
    bool card = world_random(&world, 4) > 0;
    trial->guidance = (enum guidance)(1u << world_random(&world, 6));
    for (size_t i = 0; i < d->question_count; i++) {
        const struct question *q = &d->questions[i];
        bool chosen = q == first || (card && q->card == first->card);
        if (chosen && deployment_accepts(d, q, trial->guidance, "a note", &err)) {
            trial->questions[trial->count++] = q;
        }
    }
    bool fails = trial->guidance == GUIDANCE_FAIL || trial->guidance == GUIDANCE_ABORT;
    trial->count = fails && trial->count > 1 ? 1 : trial->count;
}

static void trial_check(const struct trial *trial) {
    switch (trial->guidance) {
    case GUIDANCE_RETRY:
        check_retry(trial);
        break;
    case GUIDANCE_IGNORE:
        check_goes_on(trial, RUN_WARNED);
        break;
    case GUIDANCE_PROCEED:
        check_goes_on(trial, RUN_SUCCEEDED);
        break;
    case GUIDANCE_EXCLUDE:
        check_exclude(trial);
        break;
    case GUIDANCE_FAIL:
    case GUIDANCE_ABORT:
        (trial->questions[0]->late_cancel ? check_late_cancel : check_fail)(trial);
        break;
    case GUIDANCE_NONE:
        break;
    }
    checked[trial->guidance]++;
    checked_cards += trial->count > 1;
}

static void try_an_answer(void) {
    world_drain(&world);
    bool open = world.d->question_count > 0 && world.closing == world.d->closing;
    struct trial trial = {.before = scene_restart(world.d, world.arena)};
    if (!open || deployment_is_final(world.d->state)) {
        return;
    }
    trial_choose(&trial);
    if (trial.count == 0 ||
        (trial.guidance == GUIDANCE_EXCLUDE && world.excluded + trial.count >= world.plan->target_count)) {
        return;
    }
    trial.text = deployment_consequence_of(deployment_outlook(trial.before, world.arena), trial.questions, trial.count,
                                           trial.guidance, world.arena);
    world.story = arena_printf(world.arena, "%s%s: %s\n", world.story, guidance_word(trial.guidance), trial.text);
    world_watch(&world);
    for (size_t i = 0; i < trial.count; i++) {
        world_must(&world, world_answer(&world, trial.questions[i]->id, trial.guidance));
    }
    bool fails = trial.guidance == GUIDANCE_FAIL || trial.guidance == GUIDANCE_ABORT;
    if (others_answer() && (fails || world.closing == CLOSING_NO)) {
        trial_check(&trial);
    }
}

static void in_every_world_what_was_said_is_what_happens(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= SEQUENCES; seed++) {
        arena_reset(arena);
        world_create(&world, 1000000 + seed, arena);
        size_t wanted = 1 + (size_t)world_random(&world, 3), open = 0;
        for (uint64_t i = 0; i < STEPS_MOST && open < wanted; i++) {
            world_step(&world);
            open = world.d->question_count;
        }
        try_an_answer();
    }
    print_message(
        "checked: retry %zu, ignore %zu, exclude %zu, fail %zu, proceed %zu, abort %zu; %zu of them for cards\n",
        checked[GUIDANCE_RETRY], checked[GUIDANCE_IGNORE], checked[GUIDANCE_EXCLUDE], checked[GUIDANCE_FAIL],
        checked[GUIDANCE_PROCEED], checked[GUIDANCE_ABORT], checked_cards);
    for (unsigned bit = GUIDANCE_RETRY; bit <= GUIDANCE_ABORT; bit <<= 1) {
        assert_true(checked[bit] >= 50);
    }
    assert_true(checked_cards >= 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(retry_says_which_attempt_and_whether_that_is_safe),
        scene_test(retry_says_where_it_is_not_known_on_which_host_it_ran),
        scene_test(ignore_says_what_comes_next_there),
        scene_test(what_comes_behind_a_step_on_the_worker_is_not_said_to_come_there),
        scene_test(a_cleanup_of_a_group_that_is_never_opened_is_not_said_to_run),
        scene_test(exclude_says_what_still_runs_there_and_what_becomes_of_the_others),
        scene_test(fail_says_what_it_closes_and_what_still_runs),
        scene_test(an_approval_says_what_it_lets_through),
        scene_test(the_end_of_a_late_cancel_promises_nothing_about_the_step),
        scene_test(in_every_world_what_was_said_is_what_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Whole stories, one a row: what is done, how it then stands, and how often each run was started. A run that must not happen
 * has a 0 there.
 */

#include "fakes/scene_test.h"

/* --- the plans -------------------------------------------------------------------------------------------------- */

/* Three machines one after another, then all at once. */
static void rolling(void) {
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Install", arena)->max_parallel = 1;
    plan_builder_step_on_all(plan, "Restart", arena);
}

static void all_at_once(void) {
    rolling();
    plan->steps[0].max_parallel = 3;
}

/* Each machine goes through three steps, the last of which tidies up; then something that is done once. */
static void group_of(int window) {
    plan = plan_builder_create(arena, 3);
    plan_builder_step_on_all(plan, "Drain", arena)->max_parallel = window;
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Join", arena)->condition = PLAN_CLEANUP;
    plan_builder_group(plan, "roll", 0, 2);
    plan_builder_step(plan, "Announce");
}

static void group(void) {
    group_of(1);
}

static void wide_group(void) {
    group_of(2);
}

/* Collect starts together with Install; what comes after failures; what always comes. */
static void beside(void) {
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step_on_all(plan, "Collect", arena)->with_previous = true;
    plan_builder_step(plan, "Smoke test");
    plan_builder_step(plan, "Roll back")->condition = PLAN_FAILURE;
    plan_builder_step(plan, "Report")->condition = PLAN_ALWAYS;
}

static void approved(void) {
    plan = plan_builder_create(arena, 2);
    plan_builder_step_on_all(plan, "Prepare", arena);
    struct plan_step *approve = plan_builder_step(plan, "Approve");
    approve->approve = approve->with_previous = true;
    approve->script = NULL;
    plan_builder_step_on_all(plan, "Install", arena);
    plan_builder_step(plan, "Roll back")->condition = PLAN_FAILURE;
}

/* Install is tried twice by itself before anybody is asked. */
static void tried_twice(void) {
    all_at_once();
    plan->steps[0].retry_times = 1;
}

/* --- the stories ------------------------------------------------------------------------------------------------ */

/*
 * A word of a story is a letter with step and machine:
 *     c claimed   s ended well   f failed   z stopped   l its worker is lost   g nobody can tell   d the delay is over
 *     R Retry   I Ignore   X Exclude   F Fail   P Proceed   A Abort
 * K is cancel, and * lets all that runs or queues end well until nothing moves.
 */
static const struct {
    void (*plan)(void);
    const char *story, *picture, *starts;
} rows[] = {
    /* Exclude in a rolling step: no further step on that machine, and the others are not held up. */
    {rolling, "f00 X00 *", "succeeded_with_warnings XSS XSS", "111 011"},
    {rolling, "s00 f01 X01", "running SXq ...", "111 000"},
    {rolling, "f00 R00 f00 X00 *", "succeeded_with_warnings XSS XSS", "211 011"},
    {rolling, "s00 s01 f02 X02 *", "succeeded_with_warnings SSX SSX", "111 110"},
    {rolling, "f00 X00 f01 X01 f02 X02", "paused XX? ...", "111 000"},
    {all_at_once, "f00 f01 X00 X01 s02 *", "succeeded_with_warnings XXS XXS", "111 001"},
    /* Exclude, Ignore and Fail within a group. */
    {group, "s00 f10", "paused S.. ?.. ... .", "100 100 000 0"},
    {group, "s00 f10 I10 *", "succeeded_with_warnings SSS WSS SSS S", "111 111 111 1"},
    {group, "s00 f10 I10", "running S.. W.. q.. .", "100 100 100 0"},
    {group, "f00 I00 *", "succeeded_with_warnings WSS SSS SSS S", "111 111 111 1"},
    {group, "s00 f10 X10", "running S.. X.. q.. .", "100 100 100 0"},
    {group, "s00 f10 X10 *", "succeeded_with_warnings SSS XSS SSS S", "111 111 111 1"},
    {group, "f00 X00 *", "succeeded_with_warnings XSS XSS SSS S", "111 011 111 1"},
    {group, "s00 f10 F10", "running S.. F.. q.. .", "100 100 100 0"},
    {group, "s00 f10 F10 *", "failed S-- F-- S-- -", "100 100 100 0"},
    {group, "s00 s10 f20 X20 *", "succeeded_with_warnings SSS SSS XSS S", "111 111 111 1"},
    {wide_group, "s00 s01 c11 f10 F10", "running SS. Fr. q.. .", "110 110 100 0"},
    {wide_group, "s00 s01 c11 f10 F10 s11 *", "failed SS- FS- SS- -", "110 110 110 0"},
    {wide_group, "s00 s01 c11 f10 F10 f11 *", "failed SS- FF- SS- -", "110 110 110 0"},
    {wide_group, "s00 s01 f10 F10 *", "failed SS- F-- SS- -", "110 110 110 0"},
    /* Several questions at once, answered in any order. */
    {all_at_once, "f00 f01 f02 I01 R02 X00 s02 *", "succeeded_with_warnings XWS XSS", "112 011"},
    {all_at_once, "f00 f01 f02 R02 I01 s02", "paused ?WS ...", "112 000"},
    {all_at_once, "f00 f01 f02 X02 X00 R01 s01 *", "succeeded_with_warnings XSX XSX", "121 010"},
    {all_at_once, "f00 f01 f02 F01", "failed FFF ---", "111 000"},
    /* Fail: running siblings finish, what was not claimed is not begun, and nobody is asked any more. */
    {all_at_once, "c01 f00 F00", "running Fr- ...", "111 000"},
    {all_at_once, "c01 f00 F00 f01", "failed FF- ---", "111 000"},
    {all_at_once, "c01 f00 F00 s01", "failed FS- ---", "111 000"},
    {all_at_once, "c01 f00 f02 F00 l01 g01", "failed FUF ---", "111 000"},
    {tried_twice, "f00 d00 f00 F00 *", "failed F-- ---", "211 000"},
    {tried_twice, "f01 f00 d00 f00 F00 *", "failed FF- ---", "211 000"},
    /* with_previous: a failure beside it does not stop what runs there, and what comes after waits for both. */
    {beside, "f00", "running ?q qq . . .", "11 11 0 0 0"},
    {beside, "f00 s01 s10 s11", "paused ?S SS . . .", "11 11 0 0 0"},
    {beside, "f00 s01 s10 s11 I00 *", "succeeded_with_warnings WS SS S - S", "11 11 1 0 1"},
    {beside, "c10 f00 F00", "running F- r- . . .", "11 11 0 0 0"},
    {beside, "c10 f00 F00 s10 *", "failed F- S- - S S", "11 11 0 1 1"},
    {beside, "c10 f00 F00 f10 *", "failed F- F- - S S", "11 11 0 1 1"},
    {beside, "c10 f00 X00 f10 *", "succeeded_with_warnings XS FS S - S", "11 11 1 0 1"},
    {beside, "f10 f00 X10 *", "succeeded_with_warnings XS XS S - S", "11 11 1 0 1"},
    {beside, "f11 R11 f11 F11 *", "failed -- -F - S S", "11 12 0 1 1"},
    /* An approval beside running work; after Abort nothing is asked, and it is a failure like others for what follows. */
    {approved, "*", "paused SS ? .. .", "11 0 00 0"},
    {approved, "* P10 *", "succeeded SS S SS -", "11 0 11 0"},
    {approved, "P10", "running qq S .. .", "11 0 00 0"},
    {approved, "A10", "running -- F -- q", "11 0 00 1"},
    {approved, "c00 A10", "running r- F .. .", "11 0 00 0"},
    {approved, "c00 A10 f00 *", "failed F- F -- S", "11 0 00 1"},
    {approved, "* A10 *", "failed SS F -- S", "11 0 00 1"},
    /* Cancel in each state of a run: pending, queued, running, asking, delayed, lost, ended. */
    {all_at_once, "K", "canceled CCC CCC", "111 000"},
    {rolling, "K", "canceled CCC CCC", "100 000"},
    {all_at_once, "c00 K", "canceling rCC ...", "111 000"},
    {all_at_once, "c00 K z00", "canceled CCC CCC", "111 000"},
    {all_at_once, "c00 K s00", "canceled SCC CCC", "111 000"},
    {all_at_once, "f00 f01 f02 K", "canceled CCC CCC", "111 000"},
    {all_at_once, "s00 f01 K", "canceled SCC CCC", "111 000"},
    {tried_twice, "f00 K", "canceled CCC CCC", "111 000"},
    {all_at_once, "c00 l00 K", "canceling lCC ...", "111 000"},
    {all_at_once, "c00 l00 K g00", "canceled UCC CCC", "111 000"},
    {beside, "c00 K z00", "canceled CC CC C C C", "11 11 0 0 0"},
    {approved, "* K", "canceled SS C CC C", "11 0 00 0"},
    {all_at_once, "c01 f00 F00 K z01", "canceled FC- CCC", "111 000"},
    /* The cleanup of a group comes after all of that, where the group was begun. */
    {group, "K", "canceled CCC CCC CCC C", "100 000 000 0"},
    {group, "c00 K z00", "canceling C.. C.. q.. .", "100 000 100 0"},
    {group, "s00 c10 K z10", "canceling S.. C.. q.. .", "100 100 100 0"},
    {group, "s00 c10 K z10 *", "canceled SCC CCC SCC C", "100 100 100 0"},
    {group, "s00 f10 K *", "canceled SCC CCC SCC C", "100 100 100 0"},
    {group, "s00 s10 c20 K s20", "canceled SCC SCC SCC C", "100 100 100 0"},
    {group, "s00 c10 l10 K g10 *", "canceled SCC UCC SCC C", "100 100 100 0"},
    {wide_group, "s00 c01 f10 K z01 *", "canceled SCC CCC SSC C", "110 100 110 0"},
};

static const char *play_word(const char *word) {
    size_t step = word[1] == '\0' || word[1] == ' ' ? 0 : (size_t)(word[1] - '0');
    size_t slot = word[1] == '\0' || word[1] == ' ' ? 0 : (size_t)(word[2] - '0');
    struct event event = {0};
    switch (word[0]) {
    case 'c':
        scene_claim(&scene, step, slot);
        break;
    case 's':
        scene_succeed(&scene, step, slot);
        break;
    case 'f':
        scene_fail(&scene, step, slot);
        break;
    case 'z':
        scene_end(&scene, step, slot, (struct outcome){OUTCOME_CANCELED, 0});
        break;
    case 'l':
        scene_lose(&scene, step, slot);
        break;
    case 'g':
        scene_truth_gone(&scene, step, slot, true);
        break;
    case 'd':
        event = scene_event(&scene, EVENT_RETRY_DUE, step, slot);
        (void)scene_give(&scene, event);
        break;
    case 'R':
        (void)scene_answer(&scene, step, slot, GUIDANCE_RETRY);
        break;
    case 'I':
        (void)scene_answer(&scene, step, slot, GUIDANCE_IGNORE);
        break;
    case 'X':
        (void)scene_answer(&scene, step, slot, GUIDANCE_EXCLUDE);
        break;
    case 'F':
        (void)scene_answer(&scene, step, slot, GUIDANCE_FAIL);
        break;
    case 'P':
        (void)scene_answer(&scene, step, slot, GUIDANCE_PROCEED);
        break;
    case 'A':
        (void)scene_answer(&scene, step, slot, GUIDANCE_ABORT);
        break;
    case 'K':
        scene_cancel(&scene);
        break;
    case '*':
        scene_run(&scene);
        break;
    default:
        fail_msg("no such word: %s", word);
    }
    return word + strcspn(word, " ") + (strchr(word, ' ') != NULL);
}

/* "111 011": the newest attempt of each run, step by step. */
static const char *starts_of(const struct deployment *d) {
    const char *text = "";
    for (size_t step = 0; step < d->plan->step_count; step++) {
        text = arena_printf(arena, "%s%s", text, step == 0 ? "" : " ");
        for (size_t slot = 0; slot < d->plan->steps[step].slot_count; slot++) {
            text = arena_printf(arena, "%s%u", text, deployment_run(d, step, slot)->attempt);
        }
    }
    return text;
}

static void every_story_ends_with_exactly_these_runs(void **state) {
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        rows[i].plan();
        scene_begin(&scene, plan, arena);
        for (const char *word = rows[i].story; *word != '\0';) {
            word = play_word(word);
        }
        const char *picture = scene_picture(&scene), *starts = starts_of(scene.d);
        if (!str_equal(picture, rows[i].picture) || !str_equal(starts, rows[i].starts)) {
            print_error("row %zu, %s: %s; %s\n", i, rows[i].story, picture, starts);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        scene_test(every_story_ends_with_exactly_these_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* From a configuration and a request to a plan: what is left out and what that changes, inputs, and what a dry run says. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "app/planner.h"
#include "config/config.h"
#include "core/command.h"

static const char text[] = "targets:\n"
                           "  web-1: { local: true, tags: [web, blue] }\n"
                           "  web-2: { local: true, tags: [web, green] }\n"
                           "  web-3: { local: true, tags: [web, green] }\n"
                           "  db-1: { local: true, tags: [db], environments: [production] }\n"
                           "environments:\n"
                           "  staging: {}\n"
                           "  production: { guided_failure: { enabled: true } }\n"
                           "projects:\n"
                           "  rolling:\n"
                           "    steps:\n"
                           "      - { name: Fetch, run: 'true' }\n"
                           "      - { name: Drain, group: roll, targets: [web], max_parallel: 1, run: 'true' }\n"
                           "      - { name: Install, group: roll, targets: [web], run: 'true' }\n"
                           "      - { name: Join, group: roll, targets: [web], condition: cleanup, run: 'true' }\n"
                           "  beside:\n"
                           "    steps:\n"
                           "      - { name: First, run: 'true' }\n"
                           "      - { name: Second, run: 'true' }\n"
                           "      - { name: Third, start: with_previous, run: 'true' }\n"
                           "      - { name: Fourth, start: with_previous, run: 'true', environments: [production] }\n"
                           "      - { name: Page, condition: failure, run: 'true' }\n"
                           "  asked:\n"
                           "    environments: [production]\n"
                           "    inputs:\n"
                           "      - { name: ticket, label: Change ticket, required: true }\n"
                           "      - { name: region, type: choice, choices: [eu, us], required: true }\n"
                           "      - { name: quiet, type: boolean, default: 'false' }\n"
                           "    steps:\n"
                           "      - { name: Sign, approve: { instructions: Sure? } }\n"
                           "      - { name: Migrate, targets: [db-1], required: true, run: 'true' }\n"
                           "      - { name: Install, targets: [web], max_parallel: 2, run: 'true' }\n";

static struct config *config;
static struct arena *arena;
static struct err err;

static int setup(void **state) {
    struct config_problems problems;
    (void)state;
    arena = arena_create();
    config = config_load_text("test.yaml", text, strlen(text), &problems);
    if (config == NULL) {
        struct buf out = BUF_INIT(1 << 16);
        config_problems_write(&problems, &out);
        fail_msg("%s", out.data);
    }
    config_problems_finish(&problems);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    config_unref(config);
    arena_destroy(arena);
    return 0;
}

static struct command parse(const char *line) {
    struct command command;
    if (command_parse(line, arena, &command, &err) < 0) {
        fail_msg("%s: %s", line, err.text);
    }
    return command;
}

/* NULL: refused, and err says why. */
static const struct plan *plan_of(const char *line) {
    const struct command command = parse(line);
    struct plan *plan = NULL;
    const char *inputs = NULL;
    return planner_build(config, &command, arena, &plan, &inputs, &err) < 0 ? NULL : plan;
}

/* "Fetch: worker | Drain 1: web-1 web-2 | Install+: ..." where + is with_previous and the number the window, if it is less than all. */
static const char *picture(const struct plan *plan) {
    const char *out = "";
    for (size_t i = 0; plan != NULL && i < plan->step_count; i++) {
        const struct plan_step *step = &plan->steps[i];
        out = arena_printf(arena, "%s%s%s%s", out, i == 0 ? "" : " | ", step->name, step->with_previous ? "+" : "");
        if (!step->on_worker && (size_t)step->max_parallel < step->slot_count) {
            out = arena_printf(arena, "%s %d", out, step->max_parallel);
        }
        for (size_t slot = 0; slot < step->slot_count; slot++) {
            out = arena_printf(arena, "%s%s%s", out, slot == 0 ? ": " : " ", plan_slot_name(plan, i, slot));
        }
    }
    return plan == NULL ? err.text : out;
}

static void what_was_left_out_by_request_is_marked(void **state) {
    (void)state;
    static const struct {
        const char *line;
        bool partial;
        size_t skipped; /* machines */
    } cases[] = {
        {"deploy rolling 1 to staging", false, 0},
        {"deploy rolling 1 to staging on web", false, 0},
        {"deploy rolling 1 to staging on web-1", true, 0},
        {"deploy rolling 1 to staging without web-1", true, 0},
        {"deploy rolling 1 to staging skip Drain", true, 3},
        {"deploy rolling 1 to staging skip Fetch", true, 0},
        {"deploy rolling 1 to staging skip Join", false, 0},  /* brings no version */
        {"deploy beside 1 to staging skip Fourth", false, 0}, /* does not run there anyway */
        {"deploy asked 1 to production skip Sign ticket=1 region=eu", false, 0},
        {"deploy asked 1 to production skip Migrate ticket=1 region=eu", true, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct plan *plan = plan_of(cases[i].line);
        size_t skipped = 0;
        assert_non_null(plan);
        for (size_t t = 0; t < plan->target_count; t++) {
            skipped += plan->targets[t].skipped;
        }
        if (plan->partial != cases[i].partial || skipped != cases[i].skipped) {
            fail_msg("%s: %d, %zu", cases[i].line, plan->partial, skipped);
        }
    }
}

static void what_is_chosen_skipped_and_left_out_is_what_runs(void **state) {
    (void)state;
    static const struct {
        const char *line, *picture;
    } cases[] = {
        {"deploy rolling 1 to staging",
         "Fetch: worker | Drain 1: web-1 web-2 web-3 | Install 1: web-1 web-2 web-3 | Join 1: web-1 web-2 web-3"},
        {"deploy rolling 1 to staging on green without web-3",
         "Fetch: worker | Drain: web-2 | Install: web-2 | Join: web-2"},
        /* The window of a group is that of its first step, also where that one is skipped. */
        {"deploy rolling 1 to staging skip Drain",
         "Fetch: worker | Install 1: web-1 web-2 web-3 | Join 1: web-1 web-2 web-3"},
        {"deploy rolling 1 to staging skip Fetch,Drain on web-1,web-2", "Install 1: web-1 web-2 | Join 1: web-1 web-2"},
        {"deploy beside 1 to production",
         "First: worker | Second: worker | Third+: worker | Fourth+: worker | Page: worker"},
        {"deploy beside 1 to staging", "First: worker | Second: worker | Third+: worker | Page: worker"},
        /* Third was to start with Second, never with First. */
        {"deploy beside 1 to production skip Second", "First: worker | Third: worker | Fourth+: worker | Page: worker"},
        {"deploy beside 1 to production skip Second,Third", "First: worker | Fourth: worker | Page: worker"},
        {"deploy beside 1 to production skip Third", "First: worker | Second: worker | Fourth+: worker | Page: worker"},
        {"deploy beside 1 to production skip First",
         "Second: worker | Third+: worker | Fourth+: worker | Page: worker"},
        {"deploy rolling 1 to staging on web-4",
         "There is no machine in staging called 'web-4'. Did you mean 'web-1'?"},
        {"deploy rolling 1 to staging on db-1",
         "There is no machine in staging called 'db-1'. Known: web-1, web-2, web-3."},
        {"deploy rolling 1 to staging skip Instal", "There is no step 'Instal'. Did you mean 'Install'?"},
        {"deploy beside 1 to staging skip First,Second,Third,Page", "Nothing of beside is left to run in staging."},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(picture(plan_of(cases[i].line)), cases[i].picture);
    }
}

static void missing_inputs_are_asked_for_with_the_whole_command_to_write(void **state) {
    (void)state;
    static const struct {
        const char *line, *text;
    } cases[] = {
        {"deploy asked 1 to production", "asked needs ticket (Change ticket), region. Write: deploy asked 1 to "
                                         "production ticket=<text> region=<eu|us>"},
        {"deploy asked 1 to production on web-1,db-1 without blue skip Sign guided ticket='OPS 1'",
         "asked needs region. Write: deploy asked 1 to production on web-1,db-1 without blue skip Sign guided "
         "ticket='OPS 1' "
         "region=<eu|us>"},
        {"deploy asked 1 to production ticket=1 region=asia",
         "There is no choice for region called 'asia'. Known: eu, us."},
        {"deploy asked 1 to production ticket=1 region=eu quiet=maybe", "quiet is true or false, not 'maybe'."},
        {"deploy asked 1 to production tiket=1", "There is no input 'tiket'. Did you mean 'ticket'?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(picture(plan_of(cases[i].line)), cases[i].text);
    }
    assert_non_null(plan_of("deploy asked 1 to production ticket=OPS-1 region=eu"));
}

static const char *dry_run(const char *line) {
    const struct command command = parse(line);
    const struct plan *plan = plan_of(line);
    struct buf out = BUF_INIT(1 << 16);
    if (plan == NULL) {
        fail_msg("%s", err.text);
    } else {
        planner_describe(config, &command, plan, &out);
    }
    const char *copy = arena_strdup(arena, out.data);
    buf_finish(&out);
    return copy;
}

static void a_dry_run_says_what_would_run_where_and_what_would_not(void **state) {
    (void)state;
    assert_string_equal(
        dry_run("deploy rolling 1.2 to production skip Fetch --dry-run"),
        "rolling 1.2 to production would run 3 steps on 3 machines:\n"
        "1. Drain: web-1, web-2, web-3; 1 at a time; asks when it fails\n"
        "2. Install: web-1, web-2, web-3; on each machine right after Drain; asks when it fails\n"
        "3. Join: web-1, web-2, web-3; on each machine right after Install; wherever its group was begun, "
        "whatever happens; asks when it fails\n"
        "Left out: Fetch\n");
    assert_string_equal(dry_run("deploy beside 1 to staging --dry-run"),
                        "beside 1 to staging would run 4 steps on 0 machines:\n"
                        "1. First: once, on the worker\n"
                        "2. Second: once, on the worker\n"
                        "3. Third: once, on the worker; together with the step before it\n"
                        "4. Page: once, on the worker; only after a failure\n"
                        "Left out: Fourth\n");
    assert_string_equal(dry_run("deploy asked 1 to production on web-1 region=eu --dry-run"),
                        "asked 1 to production would run 3 steps on 1 machine:\n"
                        "1. Sign: asks for approval\n"
                        "2. Migrate: no machine left, skipped with a warning\n"
                        "3. Install: web-1; asks when it fails\n"
                        "Input ticket is missing and required\n"
                        "Input region: eu\n"
                        "Input quiet: false\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_left_out_by_request_is_marked, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_chosen_skipped_and_left_out_is_what_runs, setup, teardown),
        cmocka_unit_test_setup_teardown(missing_inputs_are_asked_for_with_the_whole_command_to_write, setup, teardown),
        cmocka_unit_test_setup_teardown(a_dry_run_says_what_would_run_where_and_what_would_not, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

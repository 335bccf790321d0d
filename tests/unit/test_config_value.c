/* Values of a configuration: where they arrive, what stands where one is left out, and what is said of a wrong one. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "config/config.h"
#include "core/permission.h"

static const char end_of_config[] = "environments: { production: {} }\n"
                                    "projects: { webshop: { steps: [{ name: Install, run: ./install.sh }] } }\n";

/* Loads a text with a project and an environment behind it, and shows what is wrong with it. */
static struct config *load(const char *text, struct buf *problems_text) {
    struct buf whole = BUF_INIT(4 << 20);
    buf_printf(&whole, "%s%s", text, end_of_config);
    struct config_problems problems;
    struct config *config = config_load_text("test.yaml", whole.data, whole.size, &problems);
    assert_true((config == NULL) == (problems.errors > 0));
    buf_clear(problems_text);
    config_problems_write(&problems, problems_text);
    config_problems_finish(&problems);
    buf_finish(&whole);
    return config;
}

static struct config *load_good(const char *text) {
    struct buf problems = BUF_INIT(1 << 20);
    struct config *config = load(text, &problems);
    if (config == NULL) {
        fail_msg("%s", problems.data);
    }
    buf_finish(&problems);
    return config;
}

static void assert_refused(const char *text, const char *expected) {
    struct buf problems = BUF_INIT(1 << 20);
    struct config *config = load(text, &problems);
    assert_null(config);
    if (strstr(problems.data, expected) == NULL) {
        fail_msg("expected '%s' in:\n%s", expected, problems.data);
    }
    buf_finish(&problems);
}

static void what_is_left_out_has_its_default(void **state) {
    (void)state;
    struct config *config = load_good("");
    assert_int_equal(config->version, 1);
    assert_int_equal(config->listen.count, 1);
    assert_string_equal(config->listen.items[0], "127.0.0.1:8080");
    assert_string_equal(config->time_zone, "UTC");
    assert_string_equal(config->key_prefix, "{gp}:");
    assert_null(config->redis_url);
    assert_false(config->accept_loss);
    assert_int_equal(config->worker_slots, 8);
    assert_int_equal(config->heartbeat_ms, 2000);
    assert_int_equal(config->lost_after_ms, 10000);
    assert_int_equal(config->retention_ms, (int64_t)90 * 24 * 3600 * 1000);
    assert_string_equal(config->slack_command, "/guidepost");
    assert_int_equal(config->ssh_options.count, 0);
    assert_non_null(strstr(config->ssh_known_hosts, "/known_hosts"));
    assert_int_equal(config->console_auth.count, 2);
    assert_int_equal(config->slack_app_token.source, SECRET_NONE);

    const struct config_step *step = &config_find_project(config, "webshop")->steps[0];
    assert_string_equal(step->run, "./install.sh");
    assert_int_equal(step->line, 2);
    assert_int_equal(step->condition, CONDITION_SUCCESS);
    assert_int_equal(step->retry_times, 0);
    assert_int_equal(step->max_parallel, 0);
    assert_int_equal(step->timeout_ms, 0);
    assert_false(step->approve || step->with_previous || step->required || step->continue_on_error);
    config_unref(config);
}

static void guided_failure_keeps_what_is_left_out_apart(void **state) {
    (void)state;
    struct config *config = load_good("");
    const struct config_guided *guided = &config_find_project(config, "webshop")->steps[0].guided;
    assert_int_equal(guided->enabled, SWITCH_INHERIT);
    assert_int_equal(guided->claim_required, SWITCH_INHERIT);
    assert_int_equal(guided->fail_unanswered, SWITCH_INHERIT);
    assert_int_equal(guided->max_retries, -1);
    assert_int_equal(guided->remind_every_ms, -1);
    assert_int_equal(guided->answer_within_ms, -1);
    assert_null(guided->responsible.items);
    assert_null(guided->hint);
    assert_int_equal(guided->escalate_count, 0);
    config_unref(config);
}

static void every_value_arrives_where_it_belongs(void **state) {
    (void)state;
    struct config_problems problems;
    struct config *config = config_load("tests/config/good/values.yaml", &problems);
    assert_non_null(config);
    config_problems_finish(&problems);
    assert_int_equal(config->listen.count, 3);
    assert_string_equal(config->redis_url, "redis://localhost:6379");
    assert_true(config->accept_loss);
    assert_int_equal(config->redis_password.source, SECRET_FILE);
    assert_true(config->redis_password.name[0] == '/');
    assert_non_null(strstr(config->redis_password.name, "/tests/config/good/redis.password"));
    assert_int_equal(config->permissions[0].allow, PERMISSION_ALL);
    assert_string_equal(config_find_target(config, "web-1")->host, "build-host");
    assert_null(config_find_target(config, "web-1")->ssh);
    assert_string_equal(config_find_target(config, "web-2")->ssh, "deploy@web-2");

    const struct config_guided *guided = &config_find_environment(config, "production")->guided;
    assert_int_equal(guided->enabled, SWITCH_ON);
    assert_int_equal(guided->remind_every_ms, 0);
    assert_int_equal(guided->answer_within_ms, 7200000);
    assert_int_equal(guided->fail_unanswered, SWITCH_ON);
    assert_int_equal(guided->max_retries, 0);

    const struct config_project *project = config_find_project(config, "webshop");
    assert_string_equal(project->version_pattern, "^v?[0-9]+\\.[0-9.]+$");
    assert_true(str_starts(project->work_dir, config->folder));
    assert_non_null(strstr(project->work_dir, "/tests/config/good/scripts"));
    assert_int_equal(project->env_count, 6);
    assert_string_equal(project->env[0].value, "1.50");
    assert_string_equal(project->env[1].value, "yes");
    assert_string_equal(project->env[3].value, "");
    assert_null(project->env[5].value);
    assert_int_equal(project->env[5].secret.source, SECRET_CREDENTIAL);
    assert_int_equal(project->inputs[0].type, INPUT_CHOICE);
    assert_string_equal(project->inputs[2].fallback, "5");

    assert_string_equal(project->steps[0].run, "cd \"$APP_ROOT\"\n./migrate\n");
    assert_int_equal(project->steps[0].retry_times, 20);
    assert_int_equal(project->steps[0].retry_delay_ms, 1);
    assert_true(project->steps[0].retry_backoff > 1.49 && project->steps[0].retry_backoff < 1.51);
    assert_int_equal(project->steps[0].guided.enabled, SWITCH_OFF);
    assert_int_equal(project->steps[0].guided.claim_required, SWITCH_ON);
    assert_true(project->steps[1].with_previous);
    assert_int_equal(project->steps[1].condition, CONDITION_ALWAYS);
    assert_int_equal(project->steps[1].timeout_ms, 5400000);
    assert_string_equal(project->steps[1].work_dir, "/opt");
    assert_true(project->steps[2].approve);
    assert_null(project->steps[2].run);
    assert_string_equal(project->steps[2].approve_responsible.items[0], "alice");
    config_unref(config);
}

static void a_number_without_a_unit_is_refused(void **state) {
    (void)state;
    assert_refused("workers: { lost_after: 30 }\n", "30 has no unit; write 30s, 30m or 30h");
}

static void a_near_word_is_offered(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"servr: {}\n", "test.yaml:1:1: error: servr: unknown key (did you mean 'server'?)"},
        {"people: { alice: { emai: a@b } }\n", "people.alice.emai: unknown key (did you mean 'email'?)"},
        {"people: { alice: { slak: U1 } }\n", "(did you mean 'slack'?)"},
        {"permissions: [{ allow: [exlude], to: [\"*\"] }]\n", "(did you mean 'exclude'?)"},
        {"people: { alice: {} }\npermissions: [{ allow: [view], to: [alicia] }]\n", "(did you mean 'alice'?)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_refused(cases[i][0], cases[i][1]);
    }
}

static void a_plain_secret_is_refused_and_not_repeated(void **state) {
    (void)state;
    struct buf problems = BUF_INIT(1 << 20);
    assert_null(load("redis: { url: \"redis://x\", password: hunter22 }\n", &problems));
    assert_non_null(strstr(problems.data, "write {file: PATH}, {credential: NAME} or {env: NAME}"));
    assert_null(strstr(problems.data, "hunter22"));
    buf_finish(&problems);
}

static void what_a_problem_quotes_is_safe_for_a_terminal(void **state) {
    (void)state;
    struct buf problems = BUF_INIT(1 << 20);
    assert_null(load("\"\\e[2J\\e]0;title\\a\": 1\nserver: { url: \"a\\nb\\u202Ec\" }\n", &problems));
    assert_null(strchr(problems.data, 27));
    assert_null(strchr(problems.data, 7));
    assert_null(strstr(problems.data, "\xe2\x80\xae"));
    assert_non_null(strstr(problems.data, "'a b<U+202E>c'"));
    buf_finish(&problems);
}

/* Found by the fuzzer: the second list was bound behind the first, and then had no nodes to be checked by. */
static void a_list_that_is_there_twice_is_checked_once(void **state) {
    (void)state;
    static const char text[] = "environments: { production: {} }\n"
                               "projects: { webshop: { steps: [{ name: A }], steps: [{ name: B }, { name: C }] } }\n";
    struct config_problems problems;
    assert_null(config_load_text("test.yaml", text, sizeof text - 1, &problems));
    assert_int_equal(problems.errors, 2);
    assert_string_equal(problems.items[1].text, "steps: duplicate key (it is also in line 2)");
    config_problems_finish(&problems);
}

static void problems_are_in_the_order_of_the_file_and_limited(void **state) {
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    for (int i = 0; i < 150; i++) {
        buf_printf(&text, "unknown_%d: 1\n", i);
    }
    buf_adds(&text, end_of_config);
    struct config_problems problems;
    assert_null(config_load_text("test.yaml", text.data, text.size, &problems));
    assert_int_equal(problems.count, LIMIT_CONFIG_ERRORS);
    assert_int_equal(problems.errors, 150);
    for (size_t i = 1; i < problems.count; i++) {
        assert_true(problems.items[i - 1].line < problems.items[i].line);
    }
    buf_clear(&text);
    config_problems_write(&problems, &text);
    assert_non_null(strstr(text.data, "50 more errors are not shown\n"));
    config_problems_finish(&problems);
    buf_finish(&text);
}

/* T16: a bomb is refused before it takes time or memory. */
static void bombs_are_refused_at_once(void **state) {
    (void)state;
    struct buf bombs[6];
    for (size_t i = 0; i < 6; i++) {
        buf_init(&bombs[i], 4 << 20);
    }
    buf_adds(&bombs[0], "x-a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n");
    for (char name = 'b'; name <= 'r'; name++) {
        buf_printf(&bombs[0], "x-%c: &%c [", name, name);
        for (int i = 0; i < 9; i++) {
            buf_printf(&bombs[0], "%s*%c", i > 0 ? "," : "", name - 1);
        }
        buf_adds(&bombs[0], "]\n");
    }
    buf_adds(&bombs[1], "x-long: &long \"");
    for (int i = 0; i < 60000; i++) {
        buf_addc(&bombs[1], 'a');
    }
    buf_adds(&bombs[1], "\"\nx-more: [");
    for (int i = 0; i < 90000; i++) {
        buf_adds(&bombs[1], "*long ,");
    }
    buf_adds(&bombs[1], "]\n");
    for (int i = 0; i < 500000; i++) {
        buf_adds(&bombs[2], "[");
        buf_adds(&bombs[3], i == 0 ? "[a" : ",a");
        buf_adds(&bombs[4], "{?");
        buf_adds(&bombs[5], "- ");
    }
    for (size_t i = 0; i < 6; i++) {
        int64_t start = clock_monotonic_ms();
        struct config_problems problems;
        assert_null(config_load_text("bomb.yaml", bombs[i].data, bombs[i].size, &problems));
        assert_in_range(problems.errors, 1, 3);
        config_problems_finish(&problems);
        /* 50 ms is the promise; sanitizers and a busy machine get more. */
        assert_in_range(clock_monotonic_ms() - start, 0, 1000);
        buf_finish(&bombs[i]);
    }
}

static void names_are_what_the_rest_of_the_program_takes_for_names(void **state) {
    (void)state;
    static const char *const names[] = {"a", "A1", "1.2.3+b-c_d", "-a", ".a", "a b", "a/b", "\xc3\xa4", "_a", "a~"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct buf text = BUF_INIT(1000), problems = BUF_INIT(10000);
        buf_printf(&text, "rooms: { \"%s\": {} }\n", names[i]);
        struct config *config = load(text.data, &problems);
        assert_int_equal(config != NULL, str_is_name(names[i]));
        config_unref(config);
        buf_finish(&text);
        buf_finish(&problems);
    }
}

static void the_generation_changes_with_people_teams_and_permissions_only(void **state) {
    (void)state;
    static const char base[] = "people: { alice: {}, bob: {} }\nteams: { oncall: { members: [alice] } }\n"
                               "permissions: [{ allow: [view], to: [oncall] }]\n";
    static const char *const others[] = {
        "people: { alice: {}, bobby: {} }\nteams: { oncall: { members: [alice] } }\n"
        "permissions: [{ allow: [view], to: [oncall] }]\n",
        "people: { alice: { slack: U1 }, bob: {} }\nteams: { oncall: { members: [alice] } }\n"
        "permissions: [{ allow: [view], to: [oncall] }]\n",
        "people: { alice: {}, bob: {} }\nteams: { oncall: { members: [alice, bob] } }\n"
        "permissions: [{ allow: [view], to: [oncall] }]\n",
        "people: { alice: {}, bob: {} }\nteams: { oncall: { members: [alice] } }\n"
        "permissions: [{ allow: [view, fail], to: [oncall] }]\n",
        "people: { alice: {}, bob: {} }\nteams: { oncall: { members: [alice] } }\n"
        "permissions: [{ allow: [view], to: [oncall], projects: [webshop] }]\n",
    };
    struct config *first = load_good(base);
    assert_int_equal(strlen(first->generation), 64);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct config *other = load_good(others[i]);
        assert_string_not_equal(first->generation, other->generation);
        config_unref(other);
    }
    struct buf same = BUF_INIT(10000);
    buf_printf(&same, "# a comment\n%srooms: { deploys: {} }\nworkers: { slots: 3 }\n", base);
    struct config *other = load_good(same.data);
    assert_string_equal(first->generation, other->generation);
    config_unref(other);
    config_unref(first);
    buf_finish(&same);
}

static void a_config_lives_until_its_last_user_lets_go(void **state) {
    (void)state;
    struct config *config = load_good("rooms: { deploys: {} }\n");
    assert_ptr_equal(config_ref(config), config);
    config_unref(config);
    assert_non_null(config_find_room(config, "deploys"));
    assert_null(config_find_room(config, "Deploys"));
    assert_null(config_find_team(config, "deploys"));
    config_unref(config);
    config_unref(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(guided_failure_keeps_what_is_left_out_apart),
        cmocka_unit_test(every_value_arrives_where_it_belongs),
        cmocka_unit_test(a_number_without_a_unit_is_refused),
        cmocka_unit_test(a_near_word_is_offered),
        cmocka_unit_test(a_plain_secret_is_refused_and_not_repeated),
        cmocka_unit_test(what_a_problem_quotes_is_safe_for_a_terminal),
        cmocka_unit_test(a_list_that_is_there_twice_is_checked_once),
        cmocka_unit_test(problems_are_in_the_order_of_the_file_and_limited),
        cmocka_unit_test(bombs_are_refused_at_once),
        cmocka_unit_test(names_are_what_the_rest_of_the_program_takes_for_names),
        cmocka_unit_test(the_generation_changes_with_people_teams_and_permissions_only),
        cmocka_unit_test(a_config_lives_until_its_last_user_lets_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

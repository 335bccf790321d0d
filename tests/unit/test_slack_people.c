/* Against a small Slack in the same process: who somebody is, with Slack quick, slow, silent, or saying no. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/slack/people.h"
#include "net/loop.h"
#include "net/web.h"

enum { MANY = 64, PATIENCE_MS = 20000, SOON_MS = 100, LATE_MS = 2900 };

static const char member[] = "{\"ok\":true,\"user\":{\"id\":\"U1ALICE\"}}";
static const char guest[] = "{\"ok\":true,\"user\":{\"id\":\"U1ALICE\",\"is_restricted\":true}}";
static const char no_user[] = "{\"ok\":false,\"error\":\"user_not_found\"}";
static const char nobody[] = "{\"ok\":true,\"users\":[]}";
static const char alice_and_more[] = "{\"ok\":true,\"users\":[\"U1BOB\",\"U1ALICE\"]}";
static const char no_scope[] = "{\"ok\":false,\"error\":\"missing_scope\",\"needed\":\"usergroups:read\"}";
static const char no_group[] = "{\"ok\":false,\"error\":\"no_such_subteam\"}";

static const char one_group[] = "people: { alice: { slack: U1ALICE }, bob: { slack: U1BOB } }\n"
                                "teams: { oncall: { members: [bob], slack_usergroup: S1ONCALL } }\n";

struct verdict {
    int count;
    char name[32], teams[256], unsure[256], refused[256];
    int64_t at_ms;
};

struct rig {
    struct loop *loop;
    struct web *web;
    struct calls *calls;
    struct people *people;
    struct config *config;
    const char *user, *group;       /* the answers; NULL = none */
    struct web_request *held[MANY]; /* those that are not answered */
    size_t held_count;
    size_t users, groups; /* how often it was asked */
};

static void answer(struct web_request *request, const char *body) {
    web_answer(request, 200, NULL, 0, body, strlen(body));
}

static void handle(struct web_request *request, void *user) {
    struct rig *rig = user;
    bool of_user = str_equal(web_path(request), "/api/users.info");
    const char *body = of_user ? rig->user : rig->group;
    *(of_user ? &rig->users : &rig->groups) += 1;
    if (body != NULL) {
        answer(request, body);
    } else {
        assert_true(rig->held_count < MANY);
        rig->held[rig->held_count++] = request;
    }
}

static void gone(struct web_request *request, void *user) {
    struct rig *rig = user;
    for (size_t i = 0; i < rig->held_count; i++) {
        rig->held[i] = rig->held[i] == request ? NULL : rig->held[i];
    }
}

static void let_go(struct rig *rig, const char *body) {
    size_t count = rig->held_count;
    rig->held_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (rig->held[i] != NULL) {
            answer(rig->held[i], body);
        }
    }
}

static struct config *config_now(void *user) {
    return ((struct rig *)user)->config;
}

static void configure(struct rig *rig, const char *people) {
    struct buf text = BUF_INIT(1 << 16);
    struct config_problems problems;
    buf_printf(&text, "%senvironments: { production: {} }\nprojects: { webshop: { steps: [{ name: A, run: b }] } }\n",
               people);
    config_unref(rig->config);
    rig->config = config_load_text("test.yaml", text.data, text.size, &problems);
    assert_int_equal(problems.errors, 0);
    config_problems_finish(&problems);
    buf_finish(&text);
}

static void rig_open(struct rig *rig, const char *people, const struct people_options *options) {
    struct err err = {0};
    char url[64];
    *rig = (struct rig){.loop = loop_create(), .user = member, .group = nobody};
    configure(rig, people);
    const struct web_options web = {.listen = "127.0.0.1:0", .handle = handle, .gone = gone, .user = rig};
    if (web_create(rig->loop, &web, &rig->web, &err) != 0) {
        fail_msg("%s", err.text);
    }
    (void)snprintf(url, sizeof url, "http://%s/api", web_address(rig->web));
    rig->calls = calls_create(rig->loop, &(struct calls_options){.api_url = url, .bot_token = "xoxb-secret"});
    struct people_options all = *options;
    all.loop = rig->loop;
    all.calls = rig->calls;
    all.config = config_now;
    all.user = rig;
    rig->people = people_create(&all);
}

static void rig_close(struct rig *rig) {
    calls_destroy(rig->calls);
    people_destroy(rig->people);
    web_destroy(rig->web);
    config_unref(rig->config);
    assert_true(loop_destroy(rig->loop));
}

static void stop(void *user) {
    loop_stop(user);
}

static void run_for(struct rig *rig, int64_t ms) {
    struct timer *timer = loop_timer(rig->loop, stop, rig->loop);
    timer_start(timer, ms);
    loop_run(rig->loop);
    timer_destroy(timer);
}

static void came(const struct people_verdict *verdict, void *user) {
    struct verdict *result = user;
    result->count++;
    result->at_ms = clock_monotonic_ms();
    (void)snprintf(result->name, sizeof result->name, "%s", verdict->name == NULL ? "" : verdict->name);
    (void)snprintf(result->unsure, sizeof result->unsure, "%s", verdict->unsure == NULL ? "" : verdict->unsure);
    (void)snprintf(result->refused, sizeof result->refused, "%s", verdict->refused == NULL ? "" : verdict->refused);
    result->teams[0] = '\0';
    for (size_t i = 0; i < verdict->teams.count; i++) {
        size_t size = strlen(result->teams);
        (void)snprintf(result->teams + size, sizeof result->teams - size, "%s ", verdict->teams.items[i]);
    }
}

static struct verdict find(struct rig *rig, const char *user) {
    struct verdict result = {0};
    int64_t began_ms = clock_monotonic_ms();
    people_find(rig->people, user, false, came, &result);
    assert_int_equal(result.count, 0);
    while (result.count == 0) {
        run_for(rig, 5);
        assert_true(clock_monotonic_ms() - began_ms < PATIENCE_MS);
    }
    assert_int_equal(result.count, 1);
    return result;
}

static void a_member_of_the_group_is_in_the_team(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, one_group, &(struct people_options){0});
    rig.group = alice_and_more;
    for (int i = 0; i < 3; i++) {
        struct verdict alice = find(&rig, "U1ALICE");
        assert_string_equal(alice.name, "alice");
        assert_string_equal(alice.teams, "oncall ");
        assert_string_equal(alice.unsure, "");
    }
    assert_int_equal(rig.users, 1);
    assert_int_equal(rig.groups, 1);
    assert_string_equal(find(&rig, "U1BOB").teams, ""); /* the configuration names bob already */
    rig_close(&rig);
}

static void strangers_ask_nothing_and_leave_nothing(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, one_group, &(struct people_options){0});
    struct verdict carol = find(&rig, "U1CAROL");
    assert_string_equal(carol.name, "");
    assert_non_null(strstr(carol.refused, "U1CAROL"));
    assert_int_equal(rig.users + rig.groups, 0);
    rig_close(&rig);
}

static void who_ask_for_the_same_at_once_share_the_calls(void **state) {
    (void)state;
    struct rig rig;
    struct verdict verdicts[32] = {{0}};
    rig_open(&rig, one_group, &(struct people_options){0});
    rig.group = alice_and_more;
    for (size_t i = 0; i < 32; i++) {
        people_find(rig.people, "U1ALICE", false, came, &verdicts[i]);
    }
    run_for(&rig, SOON_MS * 3);
    for (size_t i = 0; i < 32; i++) {
        assert_int_equal(verdicts[i].count, 1);
        assert_string_equal(verdicts[i].teams, "oncall ");
    }
    assert_int_equal(rig.users, 1);
    assert_int_equal(rig.groups, 1);
    rig_close(&rig);
}

/* Slack's pace lets four calls out at once, and then one in three seconds and a half. */
static void groups_that_the_pace_holds_back_are_named_and_known_later(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig,
             "people: { alice: { slack: U1ALICE }, bob: {} }\n"
             "teams:\n"
             "  a: { members: [bob], slack_usergroup: S1A }\n"
             "  b: { members: [bob], slack_usergroup: S1B }\n"
             "  c: { members: [bob], slack_usergroup: S1C }\n"
             "  d: { members: [bob], slack_usergroup: S1D }\n"
             "  e: { members: [bob], slack_usergroup: S1E }\n",
             &(struct people_options){0});
    rig.group = alice_and_more;
    int64_t began_ms = clock_monotonic_ms();
    struct verdict first = find(&rig, "U1ALICE");
    assert_true(first.at_ms - began_ms < LATE_MS);
    assert_string_equal(first.unsure, "e");
    assert_string_equal(first.teams, "a b c d ");
    run_for(&rig, 3000);
    struct verdict later = find(&rig, "U1ALICE");
    assert_string_equal(later.unsure, "");
    assert_string_equal(later.teams, "a b c d e ");
    assert_int_equal(rig.groups, 5);
    rig_close(&rig);
}

static void groups_are_asked_for_before_somebody_needs_them(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, "people: { alice: { slack: U1ALICE } }\n", &(struct people_options){0});
    people_prepare(rig.people);
    run_for(&rig, SOON_MS);
    assert_int_equal(rig.groups, 0);
    configure(&rig, one_group);
    rig.group = alice_and_more;
    for (int i = 0; i < 3; i++) {
        people_prepare(rig.people);
        run_for(&rig, SOON_MS);
    }
    assert_int_equal(rig.groups, 1);
    rig.group = NULL;
    assert_string_equal(find(&rig, "U1ALICE").teams, "oncall ");
    rig_close(&rig);
}

static void a_change_is_not_hidden_by_an_older_answer(void **state) {
    (void)state;
    struct rig rig;
    struct verdict alice = {0};
    rig_open(&rig, one_group, &(struct people_options){0});
    rig.group = NULL;
    people_find(rig.people, "U1ALICE", false, came, &alice);
    run_for(&rig, SOON_MS);
    assert_int_equal(rig.held_count, 1);
    assert_true(people_changed(rig.people, "S1ONCALL"));
    rig.group = nobody;
    let_go(&rig, alice_and_more);
    run_for(&rig, SOON_MS);
    assert_int_equal(alice.count, 1);
    assert_string_equal(alice.teams, "");
    assert_int_equal(rig.groups, 2);
    rig.group = alice_and_more;
    assert_true(people_changed(rig.people, "S1ONCALL"));
    assert_string_equal(find(&rig, "U1ALICE").teams, "oncall ");
    assert_int_equal(rig.groups, 3);
    rig_close(&rig);
}

static void a_group_is_asked_for_again_after_its_time(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, one_group, &(struct people_options){.group_ms = SOON_MS});
    rig.group = alice_and_more;
    assert_string_equal(find(&rig, "U1ALICE").teams, "oncall ");
    run_for(&rig, SOON_MS * 2);
    rig.group = nobody;
    assert_string_equal(find(&rig, "U1ALICE").teams, "");
    assert_int_equal(rig.users, 1);
    rig_close(&rig);
}

static void the_last_answer_counts_for_a_while_when_slack_is_silent(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, one_group, &(struct people_options){.user_ms = 1, .group_ms = 1, .believed_ms = 2500});
    rig.group = alice_and_more;
    assert_string_equal(find(&rig, "U1ALICE").teams, "oncall ");
    run_for(&rig, SOON_MS);
    rig.user = rig.group = NULL;
    struct verdict silent = find(&rig, "U1ALICE");
    assert_string_equal(silent.name, "alice");
    assert_string_equal(silent.teams, "oncall ");
    run_for(&rig, 2500);
    struct verdict long_silent = find(&rig, "U1ALICE");
    assert_string_equal(long_silent.name, "alice");
    assert_string_equal(long_silent.teams, "");
    assert_string_equal(long_silent.unsure, "oncall");
    rig_close(&rig);
}

static void a_guest_stays_one_while_slack_is_silent(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, one_group, &(struct people_options){.user_ms = 1, .believed_ms = 1});
    rig.user = guest;
    assert_non_null(strstr(find(&rig, "U1ALICE").refused, "guest"));
    run_for(&rig, SOON_MS);
    rig.user = NULL;
    assert_non_null(strstr(find(&rig, "U1ALICE").refused, "guest"));
    rig_close(&rig);
}

static void whom_slack_does_not_know_is_refused(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, one_group, &(struct people_options){0});
    rig.user = no_user;
    struct verdict alice = find(&rig, "U1ALICE");
    assert_string_equal(alice.name, "");
    assert_non_null(strstr(alice.refused, "knows nobody"));
    rig_close(&rig);
}

static void a_group_that_does_not_exist_is_empty(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, one_group, &(struct people_options){0});
    rig.group = no_group;
    struct verdict alice = find(&rig, "U1ALICE");
    assert_string_equal(alice.teams, "");
    assert_string_equal(alice.unsure, "");
    rig_close(&rig);
}

static void a_missing_scope_is_a_trouble_until_it_is_there(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, one_group, &(struct people_options){0});
    assert_null(people_trouble(rig.people));
    rig.group = no_scope;
    for (int i = 0; i < 3; i++) {
        assert_string_equal(find(&rig, "U1ALICE").unsure, "oncall");
    }
    assert_int_equal(rig.groups, 1); /* a no is not asked for with every click */
    assert_non_null(strstr(people_trouble(rig.people), "usergroups:read"));
    rig.group = alice_and_more;
    assert_true(people_changed(rig.people, "S1ONCALL"));
    assert_string_equal(find(&rig, "U1ALICE").teams, "oncall ");
    assert_null(people_trouble(rig.people));
    rig_close(&rig);
}

static void when_any_may_have_changed_all_are_asked_for_again(void **state) {
    (void)state;
    struct rig rig;
    rig_open(&rig, one_group, &(struct people_options){0});
    rig.group = alice_and_more;
    assert_string_equal(find(&rig, "U1ALICE").teams, "oncall ");
    rig.user = guest;
    assert_string_equal(find(&rig, "U1ALICE").name, "alice");
    assert_false(people_changed(rig.people, "U1NOBODY"));
    assert_string_equal(find(&rig, "U1ALICE").name, "alice");
    assert_true(people_changed(rig.people, NULL));
    assert_non_null(strstr(find(&rig, "U1ALICE").refused, "guest"));
    assert_int_equal(rig.groups, 2);
    rig_close(&rig);
}

static void the_end_leaves_nobody_behind(void **state) {
    (void)state;
    struct rig rig;
    struct verdict asked = {0}, new = {0};
    rig_open(&rig, one_group, &(struct people_options){0});
    rig.user = rig.group = NULL;
    people_find(rig.people, "U1ALICE", false, came, &asked);
    run_for(&rig, SOON_MS);
    assert_true(people_changed(rig.people, "U1ALICE"));
    people_find(rig.people, "U1NEW", false, came, &new);
    rig_close(&rig);
    assert_int_equal(asked.count, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_of_the_group_is_in_the_team),
        cmocka_unit_test(strangers_ask_nothing_and_leave_nothing),
        cmocka_unit_test(who_ask_for_the_same_at_once_share_the_calls),
        cmocka_unit_test(groups_that_the_pace_holds_back_are_named_and_known_later),
        cmocka_unit_test(groups_are_asked_for_before_somebody_needs_them),
        cmocka_unit_test(a_change_is_not_hidden_by_an_older_answer),
        cmocka_unit_test(a_group_is_asked_for_again_after_its_time),
        cmocka_unit_test(the_last_answer_counts_for_a_while_when_slack_is_silent),
        cmocka_unit_test(a_guest_stays_one_while_slack_is_silent),
        cmocka_unit_test(whom_slack_does_not_know_is_refused),
        cmocka_unit_test(a_group_that_does_not_exist_is_empty),
        cmocka_unit_test(a_missing_scope_is_a_trouble_until_it_is_there),
        cmocka_unit_test(when_any_may_have_changed_all_are_asked_for_again),
        cmocka_unit_test(the_end_leaves_nobody_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

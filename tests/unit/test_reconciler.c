/* What rooms show, against a fake chat platform and a real redis-server. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/reconciler.h"
#include "app/spots.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "fakes/fake_chat.h"
#include "fakes/store_rig.h"
#include "store/feed.h"
#include "store/inbox.h"
#include "store/records.h"

static struct store_rig rig;
static struct fake_chat *fake;
static struct reconciler *reconciler;
static uint64_t next_question;
static bool sure;

static struct config_room rooms[] = {{.name = "deploys", .slack = "C1"}, {.name = "other", .slack = "C2"}};
static struct config config = {.rooms = rooms, .room_count = 2};

static struct config *the_config(void *user) {
    (void)user;
    return &config;
}

static bool leads_surely(void *user) {
    (void)user;
    return sure;
}

static void fence(struct commit *commit, void *user) {
    (void)user;
    (void)commit_require_field(commit, "leader", "token", "us");
}

static void set_leader(const char *token) {
    (void)rig_call(&rig, "HSET", "t:leader", "token", token);
}

static void open_chat(void) {
    fake = fake_chat_create(rig.loop);
    reconciler = reconciler_create(&(struct reconciler_options){.loop = rig.loop,
                                                                .store = rig.store,
                                                                .chat = &fake->chat,
                                                                .config = the_config,
                                                                .leads_surely = leads_surely,
                                                                .fence = fence});
}

/* In the order in which the server does it. */
static void close_all(void) {
    if (reconciler != NULL) {
        reconciler_lead(reconciler, false);
        store_destroy(rig.store);
        rig.store = NULL;
        fake->functions.destroy(&fake->chat);
        reconciler_destroy(reconciler);
        reconciler = NULL;
    }
}

static int set_up(void **state) {
    (void)state;
    rig_open(&rig);
    set_leader("us");
    next_question = 1;
    sure = true;
    rooms[0].slack = "C1";
    open_chat();
    reconciler_lead(reconciler, true);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    close_all();
    rig_close(&rig);
    return 0;
}

/* --- deployments ------------------------------------------------------------------------------------------------- */

static void created(uint64_t id, size_t ahead, const struct err *err, void *user) {
    (void)ahead;
    assert_null(err);
    *(uint64_t *)user = id;
}

static bool is_set(void *user) {
    return *(uint64_t *)user != 0;
}

/* Not told to the reconciler. */
static uint64_t create(const char *room) {
    static uint32_t both[] = {0, 1};
    static struct plan_target targets[] = {{.name = "web-1"}, {.name = "web-2"}};
    static struct plan_step steps[] = {{.name = "Install",
                                        .script = "true",
                                        .max_parallel = 2,
                                        .guided = {.enabled = true, .max_retries = 10},
                                        .targets = both,
                                        .slot_count = 2}};
    const struct plan plan = {.project = "shop",
                              .environment = "production",
                              .room = room,
                              .targets = targets,
                              .target_count = 2,
                              .steps = steps,
                              .step_count = 1};
    const struct new_deployment request = {.plan = &plan,
                                           .version = "1.4.2",
                                           .actor = "alice",
                                           .via = "cli",
                                           .guided_flag = -1,
                                           .now_ms = clock_wall_ms()};
    uint64_t id = 0;
    store_create_deployment(rig.store, &request, created, &id);
    rig_until(&rig, is_set, &id);
    return id;
}

static void loaded(struct deployment_record *record, const struct err *err, void *user) {
    assert_null(err);
    *(struct deployment_record **)user = record;
}

static bool is_loaded(void *user) {
    return *(struct deployment_record **)user != NULL;
}

static void add_effect(struct commit *commit, struct deployment *d, const struct effect *effect) {
    if (effect->kind == EFFECT_ASK) {
        commit_ask(commit, d, deployment_question(d, effect->question));
    } else if (effect->kind == EFFECT_FINISH) {
        commit_finish(commit, d);
    }
}

/* What the leader would commit of this event. */
static struct commit *prepare(uint64_t id, struct event event) {
    struct deployment_record *record = NULL;
    struct decision decision;
    store_load_deployment(rig.store, id, loaded, &record);
    rig_until(&rig, is_loaded, &record);
    struct deployment *d = record->deployment;
    const struct run *run = deployment_run(d, event.step, event.slot);
    struct commit *commit = commit_create(rig.store, NULL);
    event.now_ms = clock_wall_ms();
    event.attempt = run->attempt;
    event.epoch = run->epoch;
    event.worker = "w1";
    event.host = "h1";
    deployment_apply(d, &event, &next_question, d->arena, &decision);
    assert_false(decision.ignored);
    for (size_t i = 0; i < decision.count; i++) {
        add_effect(commit, d, &decision.effects[i]);
    }
    for (size_t i = 0; i < decision.touched_count; i++) {
        commit_put_run(commit, d, decision.touched[i].step, decision.touched[i].slot);
    }
    commit_put_deployment(commit, d);
    deployment_record_free(record);
    return commit;
}

static void give(uint64_t id, struct event event) {
    struct rig_result result = {0};
    commit_send(prepare(id, event), rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
}

static void admit(uint64_t id) {
    give(id, (struct event){.kind = EVENT_ADMITTED});
}

static void end_run(uint64_t id, size_t slot, int64_t exit_code) {
    give(id, (struct event){.kind = EVENT_CLAIMED, .slot = slot});
    give(id,
         (struct event){.kind = EVENT_ENDED, .slot = slot, .outcome = {OUTCOME_EXIT, exit_code}, .excerpt = "E: no"});
}

static void finish(uint64_t id) {
    admit(id);
    end_run(id, 0, 0);
    end_run(id, 1, 0);
}

static void tell(uint64_t id) {
    reconciler_changed(reconciler, id);
}

/* --- what is seen ------------------------------------------------------------------------------------------------ */

struct wanted {
    size_t calls, shown;
    const char *nonce, *title;
};

static bool is_there(void *user) {
    const struct wanted *wanted = user;
    struct fake_message *message = wanted->nonce == NULL ? NULL : fake_chat_find(fake, wanted->nonce);
    return fake->call_count >= wanted->calls && fake_chat_shown(fake, NULL) >= wanted->shown &&
           (wanted->nonce == NULL ||
            (message != NULL && (wanted->title == NULL || strstr(message->title, wanted->title) != NULL)));
}

static void wait_for_calls(size_t count) {
    struct wanted wanted = {.calls = count};
    rig_until(&rig, is_there, &wanted);
}

static void wait_for_messages(size_t count) {
    struct wanted wanted = {.shown = count};
    rig_until(&rig, is_there, &wanted);
}

static void wait_for(const char *nonce, const char *title) {
    struct wanted wanted = {.nonce = nonce, .title = title};
    rig_until(&rig, is_there, &wanted);
}

/* What is recorded of a card, "fake:C1:status"; (nil) if nothing is. */
static const char *record_of(uint64_t id, const char *view) {
    char key[64];
    (void)snprintf(key, sizeof key, "t:dep:%llu:views", (unsigned long long)id);
    return rig_call(&rig, "HGET", key, view);
}

static void wait_for_record(uint64_t id, const char *view, const char *message) {
    const char *space = strchr(record_of(id, view), ' ');
    for (size_t i = 0; space == NULL || !str_equal(space + 1, message); i++) {
        assert_true(i < 5000);
        rig_run_ms(&rig, 1);
        space = strchr(record_of(id, view), ' ');
    }
}

static void set_record(uint64_t id, const char *view, const char *text) {
    char key[64];
    (void)snprintf(key, sizeof key, "t:dep:%llu:views", (unsigned long long)id);
    (void)rig_call(&rig, "HSET", key, view, text);
}

static void write_troubles(char *out, size_t size) {
    struct buf text = BUF_INIT(4096);
    reconciler_write_troubles(reconciler, &text);
    (void)snprintf(out, size, "%s", text.size == 0 ? "" : text.data);
    buf_finish(&text);
}

static bool hold_all(const struct fake_call *call) {
    (void)call;
    return true;
}

static bool hold_status(const struct fake_call *call) {
    return call->kind == CARD_STATUS;
}

static bool hold_closing(const struct fake_call *call) {
    return call->kind == CARD_CLOSING;
}

static bool hold_after_the_first(const struct fake_call *call) {
    (void)call;
    return fake->message_count > 0;
}

static enum err_code deny_c1(const struct fake_call *call) {
    return str_equal(call->room, "C1") ? ERR_DENIED : ERR_NONE;
}

static enum err_code be_away(const struct fake_call *call) {
    (void)call;
    return ERR_UNAVAILABLE;
}

static enum err_code maybe_once(const struct fake_call *call) {
    return call == &fake->calls[0] ? ERR_UNKNOWN : ERR_NONE;
}

/* A deployment whose status stands in the room and is recorded. */
static uint64_t show_one(void) {
    uint64_t id = create("deploys");
    tell(id);
    wait_for_record(id, "fake:C1:status", "m1");
    return id;
}

/* --- posts and records ------------------------------------------------------------------------------------------- */

static void a_card_is_posted_recorded_and_left_alone(void **state) {
    (void)state;
    uint64_t id = show_one();
    assert_false(fake->calls[0].again || fake->calls[0].edits);
    assert_string_equal(fake->calls[0].nonce, "D1-status");
    tell(id);
    rig_run_ms(&rig, 400);
    assert_int_equal(fake->call_count, 1);
    admit(id);
    tell(id);
    wait_for_calls(2);
    assert_true(fake->calls[1].edits);
    assert_string_equal(fake->calls[1].message, "m1");
}

static void that_a_post_is_tried_is_recorded_before(void **state) {
    (void)state;
    uint64_t id = create("deploys");
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(1);
    assert_string_equal(record_of(id, "fake:C1:status"), "posting");
}

static void what_may_have_been_posted_is_looked_for(void **state) {
    (void)state;
    uint64_t id = create("deploys");
    fake->verdict = maybe_once;
    tell(id);
    wait_for_record(id, "fake:C1:status", "m1");
    assert_int_equal(fake->call_count, 2);
    assert_true(fake->calls[1].again);
    assert_true(fake->calls[1].at_ms - fake->calls[0].at_ms >= 1900);
    assert_int_equal(fake->message_count, 1);
}

static void what_a_leader_that_died_was_posting_is_looked_for(void **state) {
    (void)state;
    uint64_t id = create("deploys");
    set_record(id, "fake:C1:status", "posting");
    tell(id);
    wait_for_record(id, "fake:C1:status", "m1");
    assert_true(fake->calls[0].again);
}

static void an_adapter_that_shows_a_nonce_once_needs_no_record_of_a_try(void **state) {
    (void)state;
    uint64_t id = create("deploys");
    fake->functions.idempotent = true;
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(1);
    assert_string_equal(record_of(id, "fake:C1:status"), "(nil)");
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for_record(id, "fake:C1:status", "m1");
}

/* --- deleted messages -------------------------------------------------------------------------------------------- */

static void a_deleted_message_appears_again_once(void **state) {
    (void)state;
    uint64_t id = show_one();
    fake->messages[0].deleted = true;
    admit(id);
    tell(id);
    wait_for_record(id, "fake:C1:status", "m2");
    tell(id);
    rig_run_ms(&rig, 400);
    assert_int_equal(fake_chat_shown(fake, "D1-status"), 1);
    assert_int_equal(fake->call_count, 3);
    assert_false(fake->calls[2].again || fake->calls[2].edits);
}

static void the_closing_line_brings_back_a_status_message_that_was_deleted(void **state) {
    (void)state;
    uint64_t id = create("deploys");
    finish(id);
    fake->holds = hold_closing;
    tell(id);
    wait_for_calls(2);
    assert_int_equal(fake->calls[1].kind, CARD_CLOSING);
    assert_string_equal(fake->calls[1].thread, "m1");
    fake->messages[0].deleted = true;
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for_record(id, "fake:C1:closing", "m3");
    wait_for_record(id, "fake:C1:status", "m2");
    assert_int_equal(fake_chat_shown(fake, "D1-status"), 1);
    assert_int_equal(fake_chat_shown(fake, "D1-closing"), 1);
    rig_run_ms(&rig, 600);
    assert_int_equal(fake->call_count, 4);
}

/* --- nothing waits ----------------------------------------------------------------------------------------------- */

static void a_question_is_asked_while_the_progress_hangs(void **state) {
    (void)state;
    uint64_t id = show_one();
    admit(id);
    fake->holds = hold_status;
    tell(id);
    wait_for_calls(2);
    end_run(id, 1, 0);
    end_run(id, 0, 100);
    tell(id);
    wait_for("D1-Q1", NULL);
    assert_true(fake->calls[1].open);
    assert_int_equal(fake->call_count, 3);
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for("D1-status", "Paused");
    assert_int_equal(fake_chat_shown(fake, NULL), 2);
}

static void a_change_while_the_deployment_is_read_is_not_forgotten(void **state) {
    (void)state;
    for (int64_t after_ms = 0; after_ms < 4; after_ms++) {
        uint64_t id = create("deploys");
        struct rig_result result = {0};
        char nonce[FAKE_TEXT];
        (void)snprintf(nonce, sizeof nonce, "D%llu-status", (unsigned long long)id);
        struct commit *commit = prepare(id, (struct event){.kind = EVENT_ADMITTED});
        tell(id);
        rig_run_ms(&rig, after_ms);
        commit_send(commit, rig_committed, &result);
        tell(id);
        assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
        wait_for(nonce, "Running");
    }
}

static void many_that_hang_keep_nobody_from_being_read(void **state) {
    (void)state;
    fake->holds = hold_all;
    for (size_t i = 0; i < 33; i++) {
        create("deploys");
    }
    for (uint64_t id = 1; id <= 33; id++) {
        tell(id);
    }
    wait_for_calls(33);
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for_messages(33);
}

/* --- leaders ----------------------------------------------------------------------------------------------------- */

static void what_is_under_way_at_the_stop_ends_without_a_record(void **state) {
    (void)state;
    uint64_t id = show_one();
    char before[FAKE_TEXT];
    (void)snprintf(before, sizeof before, "%s", record_of(id, "fake:C1:status"));
    uint64_t other = create("other");
    admit(id);
    fake->holds = hold_all;
    tell(id);
    tell(other);
    wait_for_calls(3);
    close_all();
    rig.store = rig_open_store(&rig);
    rig_ready(&rig);
    assert_string_equal(record_of(id, "fake:C1:status"), before);
    assert_string_equal(record_of(other, "fake:C2:status"), "posting");
}

static void a_stop_at_any_moment_leaves_nothing_behind(void **state) {
    (void)state;
    uint64_t id = create("deploys");
    finish(id);
    close_all();
    for (int64_t after_ms = 0; after_ms < 12; after_ms++) {
        rig.store = rig_open_store(&rig);
        rig_ready(&rig);
        (void)rig_call(&rig, "DEL", "t:dep:1:views");
        open_chat();
        reconciler_lead(reconciler, true);
        tell(id);
        rig_run_ms(&rig, after_ms);
        close_all();
    }
}

static void what_ends_after_another_leads_is_not_recorded(void **state) {
    (void)state;
    uint64_t id = create("deploys");
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(1);
    set_leader("them");
    set_record(id, "fake:C1:status", "theirs m7");
    fake->holds = NULL;
    fake_chat_answer(fake);
    rig_run_ms(&rig, 100);
    assert_string_equal(record_of(id, "fake:C1:status"), "theirs m7");
    char troubles[FAKE_TEXT];
    write_troubles(troubles, sizeof troubles);
    assert_non_null(strstr(troubles, "Another process"));
}

static void what_ends_after_we_were_deposed_is_not_recorded(void **state) {
    (void)state;
    uint64_t id = create("deploys");
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(1);
    reconciler_lead(reconciler, false);
    fake->holds = NULL;
    fake_chat_answer(fake);
    rig_run_ms(&rig, 600);
    assert_string_equal(record_of(id, "fake:C1:status"), "posting");
    assert_int_equal(fake->call_count, 1);
}

static void nothing_is_shown_by_who_may_not_lead_any_more(void **state) {
    (void)state;
    uint64_t id = show_one(), other = create("other");
    admit(id);
    sure = false;
    tell(id);
    tell(other);
    rig_run_ms(&rig, 600);
    assert_int_equal(fake->call_count, 1);
    sure = true;
    wait_for("D2-status", NULL);
    wait_for("D1-status", "Running");
}

static void a_leader_again_shows_what_changed_meanwhile(void **state) {
    (void)state;
    uint64_t id = show_one();
    admit(id);
    fake->holds = hold_all;
    tell(id);
    wait_for_calls(2);
    reconciler_lead(reconciler, false);
    end_run(id, 1, 0);
    end_run(id, 0, 100);
    reconciler_lead(reconciler, true);
    wait_for_calls(3);
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for("D1-status", "Paused");
    wait_for("D1-Q1", NULL);
    assert_int_equal(fake_chat_shown(fake, NULL), 2);
}

/* --- failures ---------------------------------------------------------------------------------------------------- */

static void pauses_double_up_to_their_most(void **state) {
    static const int64_t expected[] = {250, 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    struct pause pause = {0};
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        pause_lengthen(&pause, PAUSE_MS, PAUSE_MAX_MS, 7);
        assert_int_equal(pause.ms, expected[i]);
        assert_int_equal(pause.until_ms, expected[i] + 7);
    }
}

static void a_card_that_fails_is_tried_after_growing_pauses_of_its_own(void **state) {
    (void)state;
    uint64_t id = create("deploys"), other = create("other");
    fake->verdict = be_away;
    tell(id);
    wait_for_calls(4);
    for (size_t i = 1; i < 4; i++) {
        int64_t pause = fake->calls[i].at_ms - fake->calls[i - 1].at_ms, least = (int64_t)125 << i;
        assert_in_range(pause, least - 5, least + 1500);
    }
    fake->verdict = NULL;
    tell(other);
    int64_t since = clock_monotonic_ms();
    wait_for("D2-status", NULL);
    assert_true(clock_monotonic_ms() - since < 1500);
    reconciler_retry(reconciler); /* else after 2 s */
    wait_for("D1-status", NULL);
    assert_true(clock_monotonic_ms() - since < 1500);
}

enum { CROWD = 60 };

/* Sixty deployments in a room that takes nothing, until their cards have been refused. */
static void crowd_a_dead_room(void) {
    for (size_t i = 0; i < CROWD; i++) {
        create("deploys");
    }
    fake->verdict = deny_c1;
    for (uint64_t id = 1; id <= CROWD; id++) {
        tell(id);
    }
    rig_run_ms(&rig, 2500);
}

static void a_dead_room_is_asked_by_one_card_and_disturbs_nobody(void **state) {
    (void)state;
    crowd_a_dead_room();
    size_t before = fake->call_count;
    assert_true(before < CROWD + 6);
    rig_run_ms(&rig, 2500);
    assert_in_range(fake->call_count, before, before + 2);
    char troubles[FAKE_TEXT];
    write_troubles(troubles, sizeof troubles);
    assert_string_equal(troubles, "fake room deploys: The fake refuses.\n");
    uint64_t other = create("other");
    tell(other);
    wait_for("D61-status", NULL);
    before = fake->call_count;
    tell(create("deploys"));
    rig_run_ms(&rig, 300);
    assert_in_range(fake->call_count, before, before + 1);
}

static void a_card_outlives_the_try_of_another_in_its_room(void **state) {
    (void)state;
    uint64_t first = create("deploys"), second = create("deploys"), other = create("other");
    fake->verdict = deny_c1;
    tell(first);
    tell(second);
    wait_for_calls(3);
    fake->holds = hold_all;
    wait_for_calls(4);
    rig_run_ms(&rig, 400);
    tell(other); /* The list is gone through. */
    wait_for_calls(5);
    fake->holds = NULL;
    fake->verdict = NULL;
    fake_chat_answer(fake);
    wait_for_messages(3);
}

static void a_room_that_takes_a_card_again_gets_all_of_them(void **state) {
    (void)state;
    crowd_a_dead_room();
    size_t before = fake->call_count;
    fake->verdict = NULL;
    fake->holds = hold_after_the_first;
    wait_for_calls(before + 1 + CROWD / 2); /* They do not wait for each other. */
    fake->holds = NULL;
    fake_chat_answer(fake);
    wait_for_messages(CROWD);
    rig_run_ms(&rig, 400);
    assert_int_equal(fake_chat_shown(fake, NULL), CROWD);
    char troubles[FAKE_TEXT];
    write_troubles(troubles, sizeof troubles);
    assert_string_equal(troubles, "");
}

static void a_changed_configuration_wakes_a_dead_room_at_once(void **state) {
    (void)state;
    uint64_t id = create("deploys");
    fake->verdict = deny_c1;
    tell(id);
    wait_for_calls(5); /* the next would come after 4 s */
    rooms[0].slack = "C3";
    reconciler_retry(reconciler);
    int64_t since = clock_monotonic_ms();
    wait_for_record(id, "fake:C3:status", "m1");
    assert_true(clock_monotonic_ms() - since < 2500);
    rig_run_ms(&rig, 400);
    char troubles[FAKE_TEXT];
    write_troubles(troubles, sizeof troubles);
    assert_string_equal(troubles, "");
}

static void a_room_that_refuses_is_left_alone_for_ten_minutes_at_most(void **state) {
    struct room *list = NULL;
    struct spot *spots = NULL;
    int64_t now_ms = 1;
    (void)state;
    struct room *room = room_find_or_add(&list, "deploys", "C1");
    for (size_t i = 0; i < 20; i++) {
        struct spot *probe = spot_take(&spots, room, "a", now_ms), *second = spot_take(&spots, room, "b", now_ms);
        assert_true(spot_may_try(probe, now_ms));
        assert_true(spot_may_try(second, now_ms) == (i == 0));
        assert_null(spot_take(&spots, room, "a", now_ms));
        spot_refused(probe, "no", now_ms);
        spot_refused(second, "no", now_ms);
        assert_true(room->pause.ms <= PAUSE_ROOM_MAX_MS);
        assert_int_equal(spots_due_ms(&spots), room->pause.until_ms);
        struct spot *early = spot_take(&spots, room, "b", now_ms);
        assert_false(spot_may_try(early, room->pause.until_ms - 1));
        spot_wait(early);
        assert_string_equal(early->trouble, "no");
        now_ms = room->pause.until_ms;
    }
    assert_int_equal(room->pause.ms, PAUSE_ROOM_MAX_MS);
    struct spot *probe = spot_take(&spots, room, "a", now_ms);
    assert_true(spot_may_try(probe, now_ms));
    assert_int_equal(spots_due_ms(&spots), INT64_MAX);
    spot_fail(probe, "away", PAUSE_MS, now_ms); /* which says nothing of the room */
    assert_int_equal(spots_due_ms(&spots), now_ms + PAUSE_MS);
    now_ms += PAUSE_MS;
    probe = spot_take(&spots, room, "a", now_ms);
    struct spot *second = spot_take(&spots, room, "b", now_ms);
    assert_true(spot_may_try(probe, now_ms));
    assert_false(spot_may_try(second, now_ms));
    spot_worked(probe);
    assert_true(spot_may_try(second, now_ms));
    spot_arrive(probe);
    spot_arrive(second);
    assert_int_equal(spots_due_ms(&spots), INT64_MAX);
    assert_null(spots);
    room_drop_all(&list);
}

#define store_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    log_set_level(LOG_ERROR);
    const struct CMUnitTest tests[] = {
        store_test(a_card_is_posted_recorded_and_left_alone),
        store_test(that_a_post_is_tried_is_recorded_before),
        store_test(what_may_have_been_posted_is_looked_for),
        store_test(what_a_leader_that_died_was_posting_is_looked_for),
        store_test(an_adapter_that_shows_a_nonce_once_needs_no_record_of_a_try),
        store_test(a_deleted_message_appears_again_once),
        store_test(the_closing_line_brings_back_a_status_message_that_was_deleted),
        store_test(a_question_is_asked_while_the_progress_hangs),
        store_test(a_change_while_the_deployment_is_read_is_not_forgotten),
        store_test(many_that_hang_keep_nobody_from_being_read),
        store_test(what_is_under_way_at_the_stop_ends_without_a_record),
        store_test(a_stop_at_any_moment_leaves_nothing_behind),
        store_test(what_ends_after_another_leads_is_not_recorded),
        store_test(what_ends_after_we_were_deposed_is_not_recorded),
        store_test(nothing_is_shown_by_who_may_not_lead_any_more),
        store_test(a_leader_again_shows_what_changed_meanwhile),
        cmocka_unit_test(pauses_double_up_to_their_most),
        store_test(a_card_that_fails_is_tried_after_growing_pauses_of_its_own),
        store_test(a_dead_room_is_asked_by_one_card_and_disturbs_nobody),
        store_test(a_card_outlives_the_try_of_another_in_its_room),
        store_test(a_room_that_takes_a_card_again_gets_all_of_them),
        store_test(a_changed_configuration_wakes_a_dead_room_at_once),
        cmocka_unit_test(a_room_that_refuses_is_left_alone_for_ten_minutes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What a rung calls: that it fails is told once, that it works again too, and what is called is told no more than it can take. */

#include "fakes/view_test.h"

#include "app/escalation_facts.h"
#include "fakes/store_rig.h"
#include "store/codec_deployment.h"

static struct plan_rung ladder[] = {
    {.after_ms = 60000, .webhook = "https://pager.example.org/hook"},
    {.after_ms = 120000, .run = "./page.sh"},
};

/* Install has failed on these machines, and so many rungs were climbed. */
static void begin_called(size_t machines, uint32_t rungs) {
    make_world(machines);
    steps[INSTALL].guided.ladder = ladder;
    steps[INSTALL].guided.rung_count = 2;
    begin();
    succeed(FETCH, 0);
    for (size_t i = 0; i < machines; i++) {
        break_down(INSTALL, i);
    }
    for (uint32_t i = 0; i < rungs; i++) {
        give((struct event){.kind = EVENT_ESCALATE, .question = 42, .epoch = i});
    }
    records[0].vigil = deployment_vigil(&d, 42);
}

static struct event called(enum event_kind kind, uint32_t rung, const char *via) {
    return (struct event){.kind = kind, .now_ms = now_ms, .question = 42, .epoch = rung, .via = via};
}

/* Whether it was taken in; what it wrote down is in `ret_audit`. */
static bool tell(struct event event, const char **ret_audit) {
    struct decision decision;
    *ret_audit = NULL;
    deployment_apply(&d, &event, &next_question, arena, &decision);
    for (size_t i = 0; i < decision.count; i++) {
        *ret_audit = decision.effects[i].kind == EFFECT_AUDIT ? decision.effects[i].text : *ret_audit;
    }
    return !decision.ignored;
}

static const struct card_set *shown(void) {
    size_t count = 0;
    const struct card_set *set = view_card_sets(&d, records, record_count, now_ms, arena, &count);
    assert_int_equal(count, 1);
    return set;
}

static void a_call_that_fails_is_told_once_and_so_is_that_it_works_again(void **state) {
    (void)state;
    const char *audit = NULL;
    begin_called(1, 2);
    assert_int_equal(shown()->call_count, 0);
    assert_true(tell(called(EVENT_CALL_FAILS, 0, "webhook"), &audit));
    assert_string_equal(audit, "call_fails Q42 #1");
    assert_false(tell(called(EVENT_CALL_FAILS, 0, "webhook"), &audit));
    assert_int_equal(shown()->call_count, 1);
    const struct card *line = shown()->calls[0];
    assert_int_equal(line->kind, CARD_REMINDER);
    assert_string_equal(line->call, "1-webhook");
    assert_string_equal(line->text,
                        "Nobody could be called for Q42: the webhook of rung 1 of its escalation fails. It is tried "
                        "again for as long as Q42 waits. The audit of D311 says what is wrong.");
    assert_string_equal(line->mention.items[0], "web-oncall");
    now_ms += 3600000;
    assert_string_equal(shown()->calls[0]->text, line->text); /* Time alone changes nothing that was shown. */

    assert_true(tell(called(EVENT_CALLED, 0, "webhook"), &audit));
    assert_string_equal(audit, "called Q42 #1");
    assert_string_equal(shown()->calls[0]->text,
                        "The call for Q42 got through: the webhook of rung 1 of its escalation works again.");
    assert_int_equal(shown()->calls[0]->mention.count, 0);
    assert_true(tell(called(EVENT_CALLED, 1, "run"), &audit)); /* It never failed for long: nothing is said. */
    assert_int_equal(shown()->call_count, 1);

    answer(42, GUIDANCE_RETRY, "alice", NULL);
    assert_string_equal(shown()->calls[0]->title, "Q42 is over");
    assert_non_null(shown()->calls[0]->outcome);
    assert_false(tell(called(EVENT_CALL_FAILS, 1, "run"), &audit));
    assert_true(tell(called(EVENT_CALLED, 1, "run"), &audit)); /* Written down, since it was to be called. */
}

static void what_was_not_climbed_can_not_fail(void **state) {
    (void)state;
    const char *audit = NULL;
    begin_called(1, 1);
    assert_false(tell(called(EVENT_CALL_FAILS, 1, "run"), &audit));
    assert_false(tell(called(EVENT_CALL_FAILS, 1000, "run"), &audit));
}

static void what_was_told_is_read_as_it_was_written(void **state) {
    (void)state;
    struct vigil vigil = {.since_ms = 1, .rungs = 3, .climbed_ms = {2, 3, 4}}, back = {0};
    vigil.calls[0][CALL_RUN] = CALL_TOLD_FAILS;
    vigil.calls[2][CALL_RUN] = CALL_TOLD_WORKED;
    vigil.calls[2][CALL_WEBHOOK] = CALL_TOLD_FAILS;
    struct buf text = BUF_INIT(1000);
    vigil_encode(&text, &vigil);
    assert_string_equal(text.data, "1 0 0 2 3 4 r0 R2 w2");
    assert_true(vigil_decode(text.data, &back));
    assert_memory_equal(&back, &vigil, sizeof vigil);
    buf_finish(&text);
    static const char *const wrong[] = {"1 0 0 2 r1", "1 0 0 2 x0", "1 0 0 2 r", "1 0 0 r0 2", "r0", "1 0 0 2 -0"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(vigil_decode(wrong[i], &back));
    }
}

/* --- what is told to what is called ------------------------------------------------------------------------------ */

static bool facts_of(struct escalation_facts *facts) {
    static struct deployment_record record;
    for (size_t i = 0; i < record_count; i++) {
        records[i].question.parked_by = deployment_question(&d, records[i].question.id)->parked_by;
    }
    record = (struct deployment_record){
        .arena = arena, .deployment = &d, .questions = records, .question_count = record_count};
    return escalation_facts_read(&record, &(struct call){.deployment = 311, .card = 42}, NULL, arena, facts);
}

static const char *variable(const struct escalation_facts *facts, const char *name) {
    size_t count = 0;
    const char *const *env = escalation_facts_env(facts, arena, &count);
    for (size_t i = 0; i < count; i++) {
        if (str_starts(env[i], name)) {
            return env[i] + strlen(name) + 1;
        }
    }
    return NULL;
}

static void a_few_machines_are_all_named(void **state) {
    (void)state;
    struct escalation_facts facts;
    begin_called(3, 1);
    assert_true(facts_of(&facts));
    assert_string_equal(variable(&facts, "GUIDEPOST_TARGETS"), "web-1 web-2 web-3");
    assert_int_equal(facts.left_out, 0);
}

static void of_too_many_machines_the_rest_is_counted(void **state) {
    (void)state;
    struct escalation_facts facts;
    begin_called(RECORDS_MAX, 1);
    char *name = arena_alloc(arena, 400);
    memset(name, 'w', 399);
    for (size_t i = 0; i < RECORDS_MAX; i++) {
        targets[i].name = name;
    }
    assert_true(facts_of(&facts));
    assert_int_equal(facts.targets.count, LIMIT_CALL_TARGETS_BYTES / 400);
    const char *text = variable(&facts, "GUIDEPOST_TARGETS");
    assert_true(strlen(text) <= LIMIT_CALL_TARGETS_BYTES + 20);
    assert_non_null(strstr(text, arena_printf(arena, " and %zu more", RECORDS_MAX - facts.targets.count)));
    struct buf json = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    escalation_facts_json(&facts, &json);
    assert_false(json.overflow);
    assert_non_null(strstr(json.data, arena_printf(arena, "\"targets_left_out\":%zu", facts.left_out)));
    buf_finish(&json);
}

static void nobody_is_called_while_all_of_a_card_is_parked(void **state) {
    (void)state;
    struct escalation_facts facts;
    begin_called(2, 1);
    give((struct event){.kind = EVENT_PARKED, .question = 42, .actor = "bob"});
    assert_true(facts_of(&facts));
    assert_false(facts.parked);
    give((struct event){.kind = EVENT_PARKED, .question = 43, .actor = "bob"});
    assert_true(facts_of(&facts));
    assert_true(facts.parked);
}

/* --- tries --- */

static struct call listed;
static bool came;

static void calls_came(const struct call *calls, size_t count, const struct err *err, void *user) {
    (void)user;
    assert_null(err);
    assert_int_equal(count, 1);
    listed = calls[0];
    came = true;
}

static void committed(const struct commit_reply *reply, void *user) {
    (void)user;
    assert_int_equal(reply->result, COMMIT_DONE);
    came = true;
}

static bool has_come(void *user) {
    (void)user;
    return came;
}

static void send(struct store_rig *rig, struct commit *commit) {
    came = false;
    commit_send(commit, committed, NULL);
    rig_until(rig, has_come, NULL);
    came = false;
    store_list_calls(rig->store, calls_came, NULL);
    rig_until(rig, has_come, NULL);
}

static void only_a_try_that_was_made_is_counted(void **state) {
    (void)state;
    struct store_rig rig;
    rig_open(&rig);
    (void)rig_call(&rig, "HSET", "t:calls", "311:42:0:webhook", "1000 2");
    for (int round = 0; round < 2; round++) { /* The leadership was lost before it was sent; then it was sent. */
        struct commit *commit = commit_create(rig.store, NULL);
        commit_begin_call(
            commit, &(struct call){
                        .deployment = 311, .card = 42, .kind = CALL_WEBHOOK, .tries = 2, .due_ms = 1000 * (round + 1)});
        send(&rig, commit);
        assert_true(listed.begun);
        assert_int_equal(listed.tries, 3);
        commit = commit_create(rig.store, NULL);
        (round == 0 ? commit_withdraw_call : commit_delay_call)(commit, &listed, 2000);
        send(&rig, commit);
        assert_false(listed.begun);
        assert_int_equal(listed.tries, 2 + round);
        assert_int_equal(listed.due_ms, 2000);
    }
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        view_test(a_call_that_fails_is_told_once_and_so_is_that_it_works_again),
        view_test(what_was_not_climbed_can_not_fail),
        view_test(what_was_told_is_read_as_it_was_written),
        view_test(a_few_machines_are_all_named),
        view_test(of_too_many_machines_the_rest_is_counted),
        view_test(nobody_is_called_while_all_of_a_card_is_parked),
        view_test(only_a_try_that_was_made_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

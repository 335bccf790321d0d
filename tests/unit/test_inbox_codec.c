/* Entries of the inbox are read as they were written. */

#include "fakes/records_test.h"

#include "store/inbox_codec.h"

static bool seen;

static bool was_seen(void *user) {
    (void)user;
    return seen;
}

static void inbox_came(const struct redis_reply *reply, bool sent, void *user) {
    struct inbox_entry *entries = user;
    (void)sent;
    assert_int_equal(redis_count(reply), 5);
    for (size_t i = 0; i < redis_count(reply); i++) {
        inbox_decode(redis_at(redis_at(reply, i), 1), arena, &entries[i]);
    }
    seen = true;
}

static void inbox_entries_are_read_as_they_were_written(void **state) {
    (void)state;
    struct inbox_entry entries[5];
    const struct event full = {
        .kind = EVENT_ENDED,
        .now_ms = 1764000000123,
        .step = 3,
        .slot = 4,
        .attempt = 5,
        .epoch = 6,
        .worker = "w 1",
        .host = "h1",
        .outcome = {OUTCOME_SIGNAL, 9},
        .excerpt = "two\nlines",
        .question = 42,
        .guidance = GUIDANCE_ABORT,
        .actor = "alice",
        .via = "slack",
        .note = "-- yes",
    };
    struct commit *commit = commit_create(rig.store, NULL);
    inbox_encode_event(commit, 311, &full);
    inbox_encode_event(commit, 7, &(struct event){.kind = EVENT_CANCEL});
    inbox_encode_lane(commit, "shop", "production");
    inbox_encode_worker_gone(commit, "w1");
    commit_add(commit, "XADD", "inbox", "*", "event", "slept", "deployment", "1", "run", "1.1.1.1");
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
    seen = false;
    redis_call(store_redis(rig.store), inbox_came, entries, "XRANGE", "t:inbox", "-", "+");
    rig_until(&rig, was_seen, NULL);

    const struct event *back = &entries[0].event;
    assert_int_equal(entries[0].kind, INBOX_EVENT);
    assert_int_equal(entries[0].deployment, 311);
    assert_int_equal(back->kind, EVENT_ENDED);
    assert_int_equal(back->now_ms, 1764000000123);
    assert_true(back->step == 3 && back->slot == 4 && back->attempt == 5 && back->epoch == 6);
    assert_string_equal(back->worker, "w 1");
    assert_string_equal(back->host, "h1");
    assert_true(back->outcome.kind == OUTCOME_SIGNAL && back->outcome.number == 9);
    assert_string_equal(back->excerpt, "two\nlines");
    assert_int_equal(back->question, 42);
    assert_int_equal(back->guidance, GUIDANCE_ABORT);
    assert_string_equal(back->actor, "alice");
    assert_string_equal(back->via, "slack");
    assert_string_equal(back->note, "-- yes");
    assert_int_equal(entries[1].kind, INBOX_EVENT);
    assert_int_equal(entries[1].event.kind, EVENT_CANCEL);
    assert_null(entries[1].event.worker);
    assert_null(entries[1].event.note);
    assert_int_equal(entries[2].kind, INBOX_LANE);
    assert_string_equal(entries[2].project, "shop");
    assert_string_equal(entries[2].environment, "production");
    assert_int_equal(entries[3].kind, INBOX_WORKER_GONE);
    assert_string_equal(entries[3].worker, "w1");
    assert_int_equal(entries[4].kind, INBOX_BROKEN);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(inbox_entries_are_read_as_they_were_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Output, changes, rooms and texts, against a real redis-server. */

#include "fakes/store_test.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/feed.h"
#include "store/listeners.h"

static const struct log_key key = {.deployment = 7, .step = 1, .slot = 2, .attempt = 3};

static bool is_true(void *user) {
    return *(bool *)user;
}

/* --- output --- */

static enum commit_result append(uint64_t position, const char *data, size_t size, uint64_t left_out,
                                 struct rig_result *result) {
    *result = (struct rig_result){0};
    log_append(rig.store, &key, position, data, size, left_out, rig_committed, result);
    return rig_wait(&rig, result);
}

/* A log as it was read. */
struct reading {
    bool came;
    struct log_batch batches[128];
    char first[32], last_id[48];
    size_t count, bytes;
};

static void log_seen(const struct log_batch *batches, size_t count, const struct err *err, void *user) {
    struct reading *reading = user;
    assert_null(err);
    assert_true(count <= 128);
    reading->count = count;
    for (size_t i = 0; i < count; i++) {
        reading->batches[i] = batches[i];
        reading->bytes += batches[i].size;
        (void)snprintf(reading->last_id, sizeof reading->last_id, "%s", batches[i].id);
    }
    if (count > 0 && batches[0].size < sizeof reading->first) {
        memcpy(reading->first, batches[0].data, batches[0].size);
    }
    reading->came = true;
}

static struct reading read_log(const char *after) {
    struct reading reading = {0};
    log_read(rig.store, &key, after, 1000, log_seen, &reading);
    rig_until(&rig, is_true, &reading.came);
    return reading;
}

static void output_is_read_as_it_was_written(void **state) {
    struct rig_result result;
    (void)state;
    assert_int_equal(append(0, "a\0b\xff", 4, 0, &result), COMMIT_DONE);
    assert_int_equal(append(4, "next", 4, 0, &result), COMMIT_DONE);
    struct reading reading = read_log(NULL);
    assert_int_equal(reading.count, 2);
    assert_memory_equal(reading.first, "a\0b\xff", 4);
    assert_int_equal(reading.batches[1].position, 4);
    assert_true(reading.batches[1].when_ms > 0);
    assert_int_equal(read_log(reading.last_id).count, 0);
    assert_true(strtol(rig_call(&rig, "TTL", "t:log:7:1.2.3"), NULL, 10) > LIMIT_LOG_SECONDS - 60);
}

static void output_that_is_told_twice_is_kept_once(void **state) {
    struct rig_result result;
    (void)state;
    assert_int_equal(append(0, "abcd", 4, 0, &result), COMMIT_DONE);
    assert_false(result.again);
    assert_int_equal(append(0, "abcd", 4, 0, &result), COMMIT_DONE);
    assert_true(result.again);
    assert_int_equal(read_log(NULL).count, 1);
    assert_int_equal(append(0, "ab", 2, 0, &result), COMMIT_REFUSED);
    assert_string_equal(result.found, "4");
}

static void a_gap_is_told_by_the_entry_before_it(void **state) {
    struct rig_result result;
    (void)state;
    assert_int_equal(append(0, "abcd", 4, 100, &result), COMMIT_DONE);
    assert_int_equal(append(4, "x", 1, 0, &result), COMMIT_REFUSED);
    assert_string_equal(result.found, "104");
    assert_int_equal(append(104, "x", 1, 0, &result), COMMIT_DONE);
    assert_int_equal(append(110, "y", 1, 0, &result), COMMIT_DONE); /* and a gap that was not announced */
    struct reading reading = read_log(NULL);
    assert_int_equal(reading.count, 3);
    assert_int_equal(reading.batches[0].left_out, 100);
    assert_int_equal(reading.batches[1].left_out, 5);
    assert_int_equal(reading.batches[2].left_out, 0);
}

static void of_endless_output_the_head_and_the_tail_are_kept(void **state) {
    enum { BATCH = LIMIT_LOG_BATCH_BYTES, BATCHES = 3 * LIMIT_OUTPUT_BYTES / BATCH, HALF = LIMIT_OUTPUT_BYTES / 2 };
    struct rig_result result;
    (void)state;
    char *data = mem_alloc(BATCH);
    memset(data, 'x', BATCH);
    for (size_t i = 0; i < BATCHES; i++) {
        assert_int_equal(append(i * BATCH, data, BATCH, 0, &result), COMMIT_DONE);
    }
    mem_free(data);
    struct reading reading = read_log(NULL);
    assert_int_equal(reading.bytes, LIMIT_OUTPUT_BYTES);
    size_t head = HALF / BATCH;
    assert_int_equal(reading.batches[head - 1].position, HALF - BATCH);
    assert_int_equal(reading.batches[head - 1].left_out, 2 * LIMIT_OUTPUT_BYTES);
    assert_int_equal(reading.batches[head].position, 3 * LIMIT_OUTPUT_BYTES - HALF);
    assert_int_equal(reading.batches[reading.count - 1].position, (BATCHES - 1) * (uint64_t)BATCH);
}

static void output_that_could_not_be_sent_is_said_to_be_unavailable(void **state) {
    struct rig_result result = {0};
    (void)state;
    rig_server_kill(&rig);
    rig_run_ms(&rig, 50);
    assert_int_equal(append(0, "abcd", 4, 0, &result), COMMIT_UNAVAILABLE);
}

/* --- changes --- */

struct follower {
    size_t changes, resets, wanted;
    struct change last;
    char last_id[48], room[64], people[64];
};

static void changed(const struct change *changes, size_t count, void *user) {
    struct follower *follower = user;
    follower->changes += count;
    follower->last = changes[count - 1];
    (void)snprintf(follower->last_id, sizeof follower->last_id, "%s", follower->last.id);
    (void)snprintf(follower->room, sizeof follower->room, "%s", follower->last.room != NULL ? follower->last.room : "");
    (void)snprintf(follower->people, sizeof follower->people, "%s",
                   follower->last.people != NULL ? follower->last.people : "");
}

static void reset(void *user) {
    struct follower *follower = user;
    follower->resets++;
}

static bool has_changes(void *user) {
    const struct follower *follower = user;
    return follower->changes >= follower->wanted;
}

static bool has_resets(void *user) {
    const struct follower *follower = user;
    return follower->resets >= follower->wanted;
}

static void wait_for_changes(struct follower *follower, size_t count) {
    follower->wanted = count;
    rig_until(&rig, has_changes, follower);
    assert_int_equal(follower->changes, count);
}

static void wait_for_resets(struct follower *follower, size_t count) {
    follower->wanted = count;
    rig_until(&rig, has_resets, follower);
}

static void put_change(const char *field, const char *value) {
    (void)rig_call(&rig, "XADD", "t:changes", "*", field, value);
}

static void changes_are_followed_from_now_on(void **state) {
    struct follower follower = {0};
    struct rig_result result;
    (void)state;
    put_change("deployment", "6");
    struct feed *feed = feed_create(rig.loop, rig.store, changed, reset, &follower);
    wait_for_resets(&follower, 1);
    put_change("deployment", "7");
    wait_for_changes(&follower, 1);
    assert_int_equal(follower.last.kind, CHANGE_DEPLOYMENT);
    assert_int_equal(follower.last.deployment, 7);
    assert_int_equal(append(0, "abcd", 4, 0, &result), COMMIT_DONE);
    wait_for_changes(&follower, 2);
    assert_int_equal(follower.last.kind, CHANGE_LOG);
    assert_int_equal(follower.last.deployment, 7);
    assert_int_equal(follower.last.log.step, 1);
    assert_int_equal(follower.last.log.slot, 2);
    assert_int_equal(follower.last.log.attempt, 3);
    put_change("room", "#deploys");
    wait_for_changes(&follower, 3);
    assert_int_equal(follower.last.kind, CHANGE_ROOM);
    assert_string_equal(follower.room, "#deploys");
    put_change("what", "is this");
    put_change("deployment", "8");
    wait_for_changes(&follower, 4);
    store_people_changed(rig.store, "slack", "ours", "U012BOB");
    wait_for_changes(&follower, 5);
    assert_int_equal(follower.last.kind, CHANGE_PEOPLE);
    assert_string_equal(follower.people, "slack:ours:U012BOB");
    assert_int_equal(follower.resets, 1);
    feed_destroy(feed);
}

static void after_redis_was_away_everything_is_looked_at(void **state) {
    struct follower follower = {0};
    (void)state;
    struct feed *feed = feed_create(rig.loop, rig.store, changed, reset, &follower);
    wait_for_resets(&follower, 1);
    rig_server_kill(&rig);
    rig_server_start(&rig);
    wait_for_resets(&follower, 2);
    rig_ready(&rig);
    put_change("deployment", "7");
    wait_for_changes(&follower, 1);
    feed_destroy(feed);
}

static void who_is_far_behind_is_told_to_look_at_everything(void **state) {
    struct follower follower = {0};
    (void)state;
    struct feed *feed = feed_create(rig.loop, rig.store, changed, reset, &follower);
    wait_for_resets(&follower, 1);
    (void)rig_call(&rig, "EVAL",
                   "for i = 1, 20000 do redis.call('XADD', KEYS[1], 'MAXLEN', '~', 10000, '*', 'deployment', i) end",
                   "1", "t:changes");
    wait_for_resets(&follower, 2);
    put_change("deployment", "7");
    rig_run_ms(&rig, 50);
    assert_int_equal(follower.last.deployment, 7);
    feed_destroy(feed);
}

static void all_feeds_of_a_store_are_told_and_one_that_ends_takes_none_with_it(void **state) {
    struct follower first = {0}, second = {0};
    (void)state;
    struct feed *feed = feed_create(rig.loop, rig.store, changed, reset, &first);
    wait_for_resets(&first, 1);
    struct feed *later = feed_create(rig.loop, rig.store, changed, reset, &second);
    assert_int_equal(second.resets, 0); /* not before it is there */
    wait_for_resets(&second, 1);
    put_change("deployment", "7");
    wait_for_changes(&second, 1);
    wait_for_changes(&first, 1);
    assert_int_equal(first.resets, 1);
    feed_destroy(feed);
    put_change("deployment", "8");
    wait_for_changes(&second, 2);
    assert_int_equal(second.last.deployment, 8);
    struct feed *left = feed_create(rig.loop, rig.store, changed, reset, &first);
    feed_destroy(left); /* before it was told anything */
    feed_destroy(later);
    assert_int_equal(first.resets, 1);
}

struct since {
    bool came, gap;
    size_t count;
    uint64_t first;
};

static void since_seen(const struct change *changes, size_t count, bool gap, const struct err *err, void *user) {
    struct since *since = user;
    assert_null(err);
    since->came = true;
    since->gap = gap;
    since->count = count;
    since->first = count > 0 ? changes[0].deployment : 0;
}

static struct since ask_since(const char *position) {
    struct since since = {0};
    feed_since(rig.store, position, since_seen, &since);
    rig_until(&rig, is_true, &since.came);
    return since;
}

static void a_client_that_comes_back_gets_what_it_missed_or_a_gap(void **state) {
    char first[48], second[48];
    (void)state;
    (void)snprintf(first, sizeof first, "%s", rig_call(&rig, "XADD", "t:changes", "*", "deployment", "1"));
    (void)snprintf(second, sizeof second, "%s", rig_call(&rig, "XADD", "t:changes", "*", "deployment", "2"));
    put_change("deployment", "3");
    struct since since = ask_since(first);
    assert_false(since.gap);
    assert_int_equal(since.count, 2);
    assert_int_equal(since.first, 2);
    (void)rig_call(&rig, "XTRIM", "t:changes", "MAXLEN", "2");
    assert_true(ask_since(first).gap);
    assert_false(ask_since(second).gap);
    assert_true(ask_since("99999999999999-0").gap); /* from before Redis lost its state */
    assert_true(ask_since("nonsense").gap);
    assert_true(ask_since("").gap);
    (void)rig_call(&rig, "DEL", "t:changes");
    assert_true(ask_since(second).gap);
}

/* --- rooms and texts --- */

static void put_message(const char *message, const char *body, int64_t now_ms) {
    struct commit *commit = commit_create(rig.store, NULL);
    commit_room_put(commit, "#deploys", message, body, now_ms);
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
}

struct room {
    bool came;
    size_t count;
    char text[256]; /* "id=body id=body", the first ones */
    int64_t first_ms;
};

static void room_seen(const struct room_message *messages, size_t count, const struct err *err, void *user) {
    struct room *room = user;
    assert_null(err);
    room->came = true;
    room->count = count;
    for (size_t i = 0; i < count && i < 4; i++) {
        size_t size = strlen(room->text);
        (void)snprintf(room->text + size, sizeof room->text - size, "%s=%s ", messages[i].id, messages[i].body);
    }
    room->first_ms = count > 0 ? messages[0].posted_ms : 0;
}

static struct room read_room(void) {
    struct room room = {0};
    room_read(rig.store, "#deploys", room_seen, &room);
    rig_until(&rig, is_true, &room.came);
    return room;
}

static void an_edited_message_keeps_its_place(void **state) {
    (void)state;
    put_message("b", "1", 1000);
    put_message("a", "2", 2000);
    put_message("b", "3", 3000);
    struct room room = read_room();
    assert_string_equal(room.text, "b=3 a=2 ");
    assert_int_equal(room.first_ms, 1000);
    assert_string_equal(rig_call(&rig, "XLEN", "t:changes"), "3");
}

static void a_room_keeps_its_newest_messages(void **state) {
    char name[32];
    (void)state;
    for (int i = 0; i < LIMIT_ROOM_MESSAGES + 5; i++) {
        (void)snprintf(name, sizeof name, "m%d", i);
        put_message(name, "x", 1000 + i);
    }
    struct room room = read_room();
    assert_int_equal(room.count, LIMIT_ROOM_MESSAGES);
    assert_true(str_starts(room.text, "m5=x m6=x"));
    (void)snprintf(name, sizeof name, "%d", LIMIT_ROOM_MESSAGES);
    assert_string_equal(rig_call(&rig, "HLEN", "t:room:#deploys:bodies"), name);
}

struct text {
    bool came, absent;
    char text[64];
};

static void text_seen(const char *text, const struct err *err, void *user) {
    struct text *seen = user;
    assert_null(err);
    seen->came = true;
    seen->absent = text == NULL;
    (void)snprintf(seen->text, sizeof seen->text, "%s", text != NULL ? text : "");
}

static struct text get_text(void) {
    struct text text = {0};
    store_get_text(rig.store, "view:console:x", text_seen, &text);
    rig_until(&rig, is_true, &text.came);
    return text;
}

static void put_text(const char *text, int64_t expire_s) {
    struct commit *commit = commit_create(rig.store, NULL);
    commit_put_text(commit, "view:console:x", text, expire_s);
    assert_int_equal(rig_commit(&rig, commit), COMMIT_DONE);
}

static void texts_are_kept_replaced_and_deleted(void **state) {
    (void)state;
    assert_true(get_text().absent);
    put_text("one", 0);
    assert_string_equal(get_text().text, "one");
    assert_string_equal(rig_call(&rig, "TTL", "t:view:console:x"), "-1");
    put_text("two", 100);
    assert_string_equal(get_text().text, "two");
    assert_string_not_equal(rig_call(&rig, "TTL", "t:view:console:x"), "-1");
    put_text(NULL, 0);
    assert_true(get_text().absent);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        store_test(output_is_read_as_it_was_written),
        store_test(output_that_is_told_twice_is_kept_once),
        store_test(a_gap_is_told_by_the_entry_before_it),
        store_test(of_endless_output_the_head_and_the_tail_are_kept),
        store_test(output_that_could_not_be_sent_is_said_to_be_unavailable),
        store_test(changes_are_followed_from_now_on),
        store_test(after_redis_was_away_everything_is_looked_at),
        store_test(who_is_far_behind_is_told_to_look_at_everything),
        store_test(all_feeds_of_a_store_are_told_and_one_that_ends_takes_none_with_it),
        store_test(a_client_that_comes_back_gets_what_it_missed_or_a_gap),
        store_test(an_edited_message_keeps_its_place),
        store_test(a_room_keeps_its_newest_messages),
        store_test(texts_are_kept_replaced_and_deleted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

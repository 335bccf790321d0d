/* What an earlier version wrote is converted at each connect, before anything reads it. */

#include "fakes/records_test.h"

static void write_as_before(void) {
    (void)rig_call(&rig, "DEL", "t:live");
    (void)rig_call(&rig, "SADD", "t:live", "10", "1", "2");
    (void)rig_call(&rig, "DEL", "t:pending");
    (void)rig_call(&rig, "ZADD", "t:pending", "1764000000000", "9", "1764000000000", "12", "13", "13");
}

static void expect_converted(void) {
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:live", "0", "-1", "WITHSCORES"), "1 1 2 2 10 10");
    assert_string_equal(rig_call(&rig, "ZRANGE", "t:pending", "0", "-1", "WITHSCORES"), "9 9 12 12 13 13");
}

static bool is_ready(void *user) {
    return store_is_ready(user);
}

static void connect_another(void) {
    struct store *second = rig_open_store(&rig);
    rig_until(&rig, is_ready, second);
    store_destroy(second);
}

static void lists_of_before_are_converted_when_a_store_connects(void **state) {
    (void)state;
    write_as_before();
    connect_another();
    expect_converted();
    connect_another(); /* and stay so */
    expect_converted();
}

static void lists_of_before_that_come_back_with_a_backup_are_converted(void **state) {
    (void)state;
    write_as_before();
    rig_server_kill(&rig);
    rig_run_ms(&rig, 50);
    rig_server_start(&rig);
    rig_ready(&rig);
    expect_converted();
}

static void nothing_is_made_where_there_was_nothing(void **state) {
    (void)state;
    assert_string_equal(rig_call(&rig, "EXISTS", "t:live", "t:pending"), "0");
}

static void confirmed(uint64_t lost, const struct err *err, void *user) {
    (void)lost;
    *(enum err_code *)user = err == NULL ? ERR_NONE : err->code;
}

static bool is_confirmed(void *user) {
    return *(enum err_code *)user != ERR_UNKNOWN;
}

/* Else nobody would hear of it: the second time there is nothing to confirm. */
static void a_confirmation_that_fails_has_written_nothing(void **state) {
    (void)state;
    enum err_code code = ERR_UNKNOWN;
    (void)rig_call(&rig, "SET", "t:rollback", "900000");
    (void)rig_call(&rig, "SET", "t:live", "neither");
    const char *seq = arena_strdup(arena, rig_call(&rig, "GET", "t:seq"));
    store_confirm_rollback(rig.store, "alice", "cli", confirmed, &code);
    rig_until(&rig, is_confirmed, &code);
    assert_int_not_equal(code, ERR_NONE);
    assert_string_equal(rig_call(&rig, "GET", "t:seq"), seq);
    assert_string_equal(rig_call(&rig, "GET", "t:rollback"), "900000");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(lists_of_before_are_converted_when_a_store_connects),
        records_test(lists_of_before_that_come_back_with_a_backup_are_converted),
        records_test(nothing_is_made_where_there_was_nothing),
        records_test(a_confirmation_that_fails_has_written_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Commands to a real redis-server and their replies. */

#include "fakes/redis_test.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"

static void one(struct rig *rig, redis_done *done, size_t argc, const char *const *argv, const size_t *sizes) {
    redis_command(rig->redis, done, rig, argc, argv, sizes);
    loop_run(rig->loop);
}

#define ask(rig, done, ...)                                                                                         \
    one(rig, done, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__}, \
        NULL)

static void check_string(const struct redis_reply *reply, bool sent, void *user) {
    size_t size = 0;
    assert_true(sent);
    assert_int_equal(redis_kind(reply), REDIS_STRING);
    assert_memory_equal(redis_text(reply, &size), "4\0002", 3);
    assert_int_equal(size, 3);
    assert_int_equal(redis_count(reply), 0);
    loop_stop(((struct rig *)user)->loop);
}

static void check_number(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_int_equal(redis_integer(reply), 7);
    loop_stop(((struct rig *)user)->loop);
}

static void check_nil(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_non_null(reply);
    assert_int_equal(redis_kind(reply), REDIS_NIL);
    assert_null(redis_text(reply, NULL));
    assert_int_equal(redis_integer(reply), 0);
    loop_stop(((struct rig *)user)->loop);
}

static void check_error(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_int_equal(redis_kind(reply), REDIS_ERROR);
    assert_true(str_starts(redis_text(reply, NULL), "ERR unknown command"));
    loop_stop(((struct rig *)user)->loop);
}

static void check_fields(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_int_equal(redis_kind(reply), REDIS_ARRAY);
    assert_int_equal(redis_count(reply), 4);
    assert_string_equal(redis_text(redis_field(reply, "two"), NULL), "2");
    assert_int_equal(redis_integer(redis_field(reply, "one")), 1);
    assert_null(redis_field(reply, "2"));
    assert_null(redis_field(reply, "tw"));
    assert_null(redis_at(reply, 4));
    loop_stop(((struct rig *)user)->loop);
}

static void check_status(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_int_equal(redis_kind(reply), REDIS_STATUS);
    assert_string_equal(redis_text(reply, NULL), "OK");
    loop_stop(((struct rig *)user)->loop);
}

static void replies_of_each_kind_are_read(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig);
    rig_connect(&rig);
    one(&rig, check_status, 3, (const char *const[]){"SET", "key", "4\0002"}, (const size_t[]){3, 3, 3});
    ask(&rig, check_string, "GET", "key");
    ask(&rig, check_status, "SET", "number", "7");
    ask(&rig, check_number, "GET", "number");
    ask(&rig, check_nil, "GET", "missing");
    ask(&rig, check_error, "NOSUCH");
    redis_call(rig.redis, NULL, NULL, "HSET", "hash", "one", "1", "two", "2");
    ask(&rig, check_fields, "HGETALL", "hash");
    assert_int_equal(redis_kind(NULL), REDIS_NIL);
    assert_null(redis_field(NULL, "x"));
    rig_close(&rig);
}

static void callbacks_come_in_the_order_of_the_commands(void **state) {
    (void)state;
    struct rig rig = {.stop_after = 5000};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, NULL, NULL, "DEL", "counter");
    send_many(&rig, 5000);
    loop_run(rig.loop);
    assert_int_equal(rig.replies, 5000);
    assert_int_equal(rig.last_integer, 5000);
    rig_close(&rig);
}

static void commands_above_the_limit_are_refused_in_their_turn(void **state) {
    (void)state;
    struct rig rig = {.stop_after = LIMIT_REDIS_PENDING + 50};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, NULL, NULL, "DEL", "counter");
    send_many(&rig, LIMIT_REDIS_PENDING + 50);
    loop_run(rig.loop);
    assert_int_equal(rig.replies, LIMIT_REDIS_PENDING - 1); /* DEL was one of the limit */
    assert_int_equal(rig.unsent, 51);
    rig_close(&rig);
}

static void commands_without_a_connection_are_refused_on_the_next_turn(void **state) {
    (void)state;
    struct rig rig = {.options.url = "unix:/nonexistent/socket", .stop_after = 3};
    rig_open(&rig);
    send_many(&rig, 3);
    assert_int_equal(rig.unsent, 0);
    loop_run(rig.loop);
    assert_int_equal(rig.unsent, 3);
    rig_close(&rig);
}

static void a_blocking_command_may_be_silent_and_can_be_interrupted(void **state) {
    (void)state;
    struct rig rig = {.options.blocking = true, .stop_after = 1};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, count, &rig, "BLPOP", "nothing", "5.5");
    loop_run(rig.loop);
    assert_int_equal(rig.replies, 1);
    redis_call(rig.redis, count, &rig, "BLPOP", "nothing", "0");
    rig.timer = loop_timer(rig.loop, (void (*)(void *))redis_interrupt, rig.redis);
    timer_start(rig.timer, 50);
    int64_t start_ms = clock_monotonic_ms();
    rig.stop_when_connected = true;
    loop_run(rig.loop);
    assert_true(clock_monotonic_ms() - start_ms < 4000);
    assert_int_equal(rig.unknown, 1);
    assert_int_equal(rig.lost, 0);
    assert_int_equal(rig.connected, 2);
    rig_close(&rig);
}

static void interrupt_inside(const struct redis_reply *reply, bool sent, void *user) {
    struct rig *rig = user;
    assert_non_null(reply);
    assert_true(sent);
    redis_interrupt(rig->redis);
    redis_interrupt(rig->redis);
    assert_false(redis_is_connected(rig->redis));
    redis_call(rig->redis, count, rig, "PING");
}

static void interrupt_is_safe_inside_a_callback(void **state) {
    (void)state;
    struct rig rig = {.stop_after = -1};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, interrupt_inside, &rig, "PING");
    redis_call(rig.redis, count, &rig, "BLPOP", "nothing", "0");
    rig_connect(&rig);
    assert_int_equal(rig.unknown, 1);
    assert_int_equal(rig.unsent, 1);
    rig_close(&rig);
}

static void destroying_ends_every_command_first(void **state) {
    (void)state;
    struct rig rig = {.stop_after = -1};
    rig_open(&rig);
    send_many(&rig, 2);
    rig_connect(&rig);
    assert_int_equal(rig.unsent, 2);
    send_many(&rig, 100);
    redis_destroy(rig.redis);
    rig.redis = NULL;
    assert_int_equal(rig.unknown, 100);
    redis_destroy(NULL);
    rig_close(&rig);
}

static void the_owner_may_destroy_it_when_told(void **state) {
    (void)state;
    struct rig up = {.destroy_when_told = true, .stop_when_connected = true};
    rig_open(&up);
    loop_run(up.loop);
    rig_close(&up);
    struct rig down = {.options.url = "unix:/nonexistent", .destroy_when_told = true, .stop_when_lost = true};
    rig_open(&down);
    loop_run(down.loop);
    rig_close(&down);
}

static void it_can_be_destroyed_while_connecting(void **state) {
    (void)state;
    static const char *const urls[] = {NULL, "redis://localhost:1", "redis://127.0.0.1:1", "redis://[::1]:1"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct rig rig = {.options.url = urls[i]};
        rig_open(&rig);
        rig_close(&rig);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_of_each_kind_are_read),
        cmocka_unit_test(callbacks_come_in_the_order_of_the_commands),
        cmocka_unit_test(commands_above_the_limit_are_refused_in_their_turn),
        cmocka_unit_test(commands_without_a_connection_are_refused_on_the_next_turn),
        cmocka_unit_test(a_blocking_command_may_be_silent_and_can_be_interrupted),
        cmocka_unit_test(interrupt_is_safe_inside_a_callback),
        cmocka_unit_test(destroying_ends_every_command_first),
        cmocka_unit_test(the_owner_may_destroy_it_when_told),
        cmocka_unit_test(it_can_be_destroyed_while_connecting),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

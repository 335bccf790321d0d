/* A redis-server that is away, dies or is silent: what becomes of the commands, and how it is found again. */

#include "fakes/redis_test.h"

#include "base/clock.h"
#include "base/limits.h"

static void a_server_that_is_away_is_told_once_and_found_when_it_comes(void **state) {
    (void)state;
    server_kill();
    struct rig rig = {.stop_when_lost = true};
    rig_open(&rig);
    loop_run(rig.loop);
    assert_non_null(strstr(rig.why, "Cannot connect to Redis"));
    assert_non_null(strstr(rig.why, socket_path));
    rig.timer = loop_timer(rig.loop, (void (*)(void *))loop_stop, rig.loop);
    timer_start(rig.timer, 300);
    loop_run(rig.loop);
    assert_int_equal(rig.lost, 1);
    server_start("", "0");
    rig.stop_when_lost = false;
    rig_connect(&rig);
    assert_int_equal(rig.connected, 1);
    rig_close(&rig);
}

static void killed_with_a_thousand_in_flight_each_has_one_callback(void **state) {
    (void)state;
    struct rig rig = {.stop_when_lost = true};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, NULL, NULL, "DEL", "counter");
    send_many(&rig, 1000);
    rig.stop_after = 10; /* some replies first, from then on nothing */
    loop_run(rig.loop);
    assert_int_equal(kill(server, SIGSTOP), 0);
    send_many(&rig, 1000);
    server_kill();
    loop_run(rig.loop);
    assert_int_equal(rig.replies + rig.unknown + rig.unsent, 2000);
    assert_int_equal(rig.unsent, 0);
    assert_true(rig.unknown >= 1000);
    assert_int_equal(rig.lost, 1);

    int64_t start_ms = clock_monotonic_ms();
    server_start("", "0");
    rig.stop_when_lost = false;
    rig_connect(&rig);
    assert_true(clock_monotonic_ms() - start_ms < 8000);
    assert_int_equal(rig.connected, 2);
    rig_close(&rig);
}

static void lose_and_send(const struct redis_reply *reply, bool sent, void *user) {
    struct rig *rig = user;
    assert_null(reply);
    assert_true(sent);
    redis_interrupt(rig->redis);
    redis_call(rig->redis, count, rig, "PING");
}

static void a_command_given_in_a_callback_of_a_loss_is_refused(void **state) {
    (void)state;
    struct rig rig = {.stop_when_lost = true, .stop_after = -1};
    rig_open(&rig);
    rig_connect(&rig);
    assert_int_equal(kill(server, SIGSTOP), 0);
    redis_call(rig.redis, lose_and_send, &rig, "PING");
    server_kill();
    loop_run(rig.loop);
    assert_int_equal(rig.unsent, 1);
    rig_close(&rig);
    server_start("", "0");
}

static void a_silent_server_is_given_up_and_found_again(void **state) {
    (void)state;
    struct rig rig = {.stop_when_lost = true};
    rig_open(&rig);
    rig_connect(&rig);
    assert_int_equal(kill(server, SIGSTOP), 0);
    int64_t start_ms = clock_monotonic_ms();
    send_many(&rig, 3);
    loop_run(rig.loop);
    int64_t spent_ms = clock_monotonic_ms() - start_ms;
    assert_true(spent_ms >= LIMIT_REDIS_SILENCE_MS && spent_ms < LIMIT_REDIS_SILENCE_MS + 4000);
    assert_int_equal(rig.unknown, 3);
    assert_non_null(strstr(rig.why, "has not answered for 5 s"));
    assert_int_equal(kill(server, SIGCONT), 0);
    rig_connect(&rig);
    rig_close(&rig);
}

static void block_for_six_seconds(void *user) {
    struct rig *rig = user;
    send_many(rig, 1);
    sleep(6);
}

static void being_asleep_ourselves_is_no_silence_of_the_server(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, NULL, NULL, "DEL", "counter");
    rig.stop_after = 2;
    send_many(&rig, 1);
    loop_soon(rig.loop, block_for_six_seconds, &rig);
    loop_run(rig.loop);
    assert_int_equal(rig.replies, 2);
    assert_int_equal(rig.lost, 0);
    rig_close(&rig);
}

static void an_interrupt_while_the_server_dies_does_not_spin(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig);
    rig_connect(&rig);
    server_kill();
    redis_interrupt(rig.redis);
    rig.timer = loop_timer(rig.loop, (void (*)(void *))loop_stop, rig.loop);
    timer_start(rig.timer, 200);
    clock_t start = clock();
    loop_run(rig.loop);
    assert_true(clock() - start < CLOCKS_PER_SEC / 10);
    assert_int_equal(rig.lost, 1);
    rig_close(&rig);
    server_start("", "0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_is_away_is_told_once_and_found_when_it_comes),
        cmocka_unit_test(killed_with_a_thousand_in_flight_each_has_one_callback),
        cmocka_unit_test(a_command_given_in_a_callback_of_a_loss_is_refused),
        cmocka_unit_test(a_silent_server_is_given_up_and_found_again),
        cmocka_unit_test(being_asleep_ourselves_is_no_silence_of_the_server),
        cmocka_unit_test(an_interrupt_while_the_server_dies_does_not_spin),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

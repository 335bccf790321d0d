#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

#include "base/clock.h"
#include "base/mem.h"
#include "net/loop.h"

/* What happened, as letters in order. */
struct story {
    struct loop *loop;
    struct timer *timer, *other;
    struct signal_watch *watch;
    char text[64];
    size_t length;
    int left;
};

static void note(struct story *story, char letter) {
    assert_true(story->length + 1 < sizeof story->text);
    story->text[story->length++] = letter;
}

static void note_a(void *user) {
    note(user, 'a');
}

static void note_b(void *user) {
    note(user, 'b');
}

static void note_t(void *user) {
    note(user, 't');
}

static void an_empty_loop_ends_and_is_clean(void **state) {
    (void)state;
    struct loop *loop = loop_create();
    loop_run(loop);
    assert_true(loop_destroy(loop));
}

static void soon_calls_come_in_order_and_not_at_once(void **state) {
    (void)state;
    struct story story = {.loop = loop_create()};
    loop_soon(story.loop, note_a, &story);
    loop_soon(story.loop, note_b, &story);
    loop_soon(story.loop, note_a, &story);
    assert_string_equal(story.text, "");
    loop_run(story.loop);
    assert_string_equal(story.text, "aba");
    assert_true(loop_destroy(story.loop));
}

static void a_canceled_soon_is_not_called(void **state) {
    (void)state;
    struct story story = {.loop = loop_create()};
    loop_soon(story.loop, note_a, &story);
    loop_cancel_soon(loop_soon(story.loop, note_b, &story));
    loop_run(story.loop);
    assert_string_equal(story.text, "a");
    loop_cancel_soon(loop_soon(story.loop, note_b, &story));
    assert_true(loop_destroy(story.loop));
}

static void cancel_other(void *user) {
    struct story *story = user;
    note(story, 'c');
    loop_cancel_soon(story->other);
    loop_cancel_soon(story->timer); /* itself: nothing to forget any more */
}

static void a_soon_may_cancel_another_and_itself(void **state) {
    (void)state;
    struct story story = {.loop = loop_create()};
    story.timer = loop_soon(story.loop, cancel_other, &story);
    story.other = loop_soon(story.loop, note_b, &story);
    loop_run(story.loop);
    assert_string_equal(story.text, "c");
    assert_true(loop_destroy(story.loop));
}

static void soon_again(void *user) {
    struct story *story = user;
    if (story->left > 0) {
        loop_soon(story->loop, soon_again, story);
    }
}

static void byte_came(uv_poll_t *poll, int status, int events) {
    struct story *story = poll->data;
    (void)status;
    (void)events;
    note(story, 'r');
    story->left = 0;
    uv_close((uv_handle_t *)poll, NULL);
}

static void endless_soon_calls_do_not_starve_sockets(void **state) {
    (void)state;
    struct story story = {.loop = loop_create(), .left = 1};
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    uv_poll_t poll;
    assert_int_equal(uv_poll_init(loop_uv(story.loop), &poll, ends[0]), 0);
    poll.data = &story;
    uv_poll_start(&poll, UV_READABLE, byte_came);
    loop_soon(story.loop, soon_again, &story);
    assert_int_equal(write(ends[1], "x", 1), 1);
    loop_run(story.loop);
    assert_string_equal(story.text, "r");
    assert_true(loop_destroy(story.loop));
    close(ends[0]);
    close(ends[1]);
}

static void start_again(void *user) {
    struct story *story = user;
    note(story, 't');
    if (--story->left > 0) {
        timer_start(story->timer, 1);
    }
}

static void a_timer_can_be_started_in_its_own_callback(void **state) {
    (void)state;
    struct story story = {.loop = loop_create(), .left = 3};
    story.timer = loop_timer(story.loop, start_again, &story);
    assert_false(timer_active(story.timer));
    timer_start(story.timer, 1);
    assert_true(timer_active(story.timer));
    loop_run(story.loop);
    assert_string_equal(story.text, "ttt");
    assert_false(timer_active(story.timer));
    timer_destroy(story.timer);
    timer_destroy(NULL);
    assert_true(loop_destroy(story.loop));
}

static void a_stopped_timer_does_not_fire_and_a_new_start_replaces_the_old(void **state) {
    (void)state;
    struct story story = {.loop = loop_create()};
    struct timer *stopped = loop_timer(story.loop, note_a, &story);
    struct timer *restarted = loop_timer(story.loop, note_t, &story);
    timer_start(stopped, 1);
    timer_stop(stopped);
    int64_t start_ms = clock_monotonic_ms();
    timer_start(restarted, 1);
    timer_start(restarted, 30);
    loop_run(story.loop);
    assert_string_equal(story.text, "t");
    assert_true(clock_monotonic_ms() - start_ms >= 29);
    timer_destroy(stopped);
    timer_destroy(restarted);
    assert_true(loop_destroy(story.loop));
}

static void block_then_start(void *user) {
    struct story *story = user;
    usleep(30000);
    timer_start(story->timer, 20);
    story->left = (int)clock_monotonic_ms();
}

static void note_delay(void *user) {
    struct story *story = user;
    story->left = (int)clock_monotonic_ms() - story->left;
}

static void a_long_turn_does_not_shorten_a_timer(void **state) {
    (void)state;
    struct story story = {.loop = loop_create()};
    story.timer = loop_timer(story.loop, note_delay, &story);
    loop_soon(story.loop, block_then_start, &story);
    loop_run(story.loop);
    assert_true(story.left >= 19);
    timer_destroy(story.timer);
    assert_true(loop_destroy(story.loop));
}

static void destroy_itself(void *user) {
    struct story *story = user;
    note(story, 'd');
    timer_destroy(story->timer);
}

static void a_timer_may_be_destroyed_in_its_own_callback(void **state) {
    (void)state;
    struct story story = {.loop = loop_create()};
    story.timer = loop_timer(story.loop, destroy_itself, &story);
    timer_start(story.timer, 0);
    loop_run(story.loop);
    assert_string_equal(story.text, "d");
    assert_true(loop_destroy(story.loop));
}

static void stop_here(void *user) {
    struct story *story = user;
    note(story, 's');
    loop_stop(story->loop);
}

static void stop_returns_with_timers_left(void **state) {
    (void)state;
    struct story story = {.loop = loop_create()};
    struct timer *timer = loop_timer(story.loop, note_t, &story);
    timer_start(timer, 60000);
    loop_soon(story.loop, stop_here, &story);
    loop_run(story.loop);
    assert_string_equal(story.text, "s");
    timer_destroy(timer);
    assert_true(loop_destroy(story.loop));
}

static void signal_came(int number, void *user) {
    struct story *story = user;
    assert_int_equal(number, SIGUSR1);
    note(story, 'u');
    signal_watch_destroy(story->watch);
}

static void send_signal(void *user) {
    (void)user;
    (void)raise(SIGUSR1);
}

static void a_signal_is_told_by_the_loop(void **state) {
    (void)state;
    struct story story = {.loop = loop_create()};
    story.watch = signal_watch_create(story.loop, SIGUSR1, signal_came, &story);
    loop_soon(story.loop, send_signal, &story);
    loop_run(story.loop);
    assert_string_equal(story.text, "u");
    signal_watch_destroy(NULL);
    assert_true(loop_destroy(story.loop));
}

static void what_is_left_open_is_reported(void **state) {
    (void)state;
    struct story story = {.loop = loop_create()};
    loop_soon(story.loop, note_a, &story);
    assert_false(loop_destroy(story.loop));
    assert_string_equal(story.text, "");

    struct loop *loop = loop_create();
    uv_timer_t left;
    uv_timer_init(loop_uv(loop), &left);
    assert_false(loop_destroy(loop));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_loop_ends_and_is_clean),
        cmocka_unit_test(soon_calls_come_in_order_and_not_at_once),
        cmocka_unit_test(a_canceled_soon_is_not_called),
        cmocka_unit_test(a_soon_may_cancel_another_and_itself),
        cmocka_unit_test(endless_soon_calls_do_not_starve_sockets),
        cmocka_unit_test(a_timer_can_be_started_in_its_own_callback),
        cmocka_unit_test(a_stopped_timer_does_not_fire_and_a_new_start_replaces_the_old),
        cmocka_unit_test(a_long_turn_does_not_shorten_a_timer),
        cmocka_unit_test(a_timer_may_be_destroyed_in_its_own_callback),
        cmocka_unit_test(stop_returns_with_timers_left),
        cmocka_unit_test(a_signal_is_told_by_the_loop),
        cmocka_unit_test(what_is_left_open_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

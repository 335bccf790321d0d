/* The pauses of a card and of a room that refuses, by a clock that is only a number. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/spots.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pauses_double_up_to_their_most),
        cmocka_unit_test(a_room_that_refuses_is_left_alone_for_ten_minutes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

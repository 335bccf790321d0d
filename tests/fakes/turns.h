#ifndef GP_TESTS_TURNS_H
#define GP_TESTS_TURNS_H

/* Turns of a loop while a test waits for what happens in it, or sees that nothing does. */

#include <stdint.h>

#include "base/clock.h"
#include "net/loop.h"

enum { TURNS_PATIENCE_MS = 20000 };

void turns_once(struct loop *loop);
void turns_for(struct loop *loop, int64_t ms);

/* Until the condition holds; the test fails if that takes too long. */
#define turns_until(loop, condition)                                                  \
    for (int64_t end_ms_ = clock_monotonic_ms() + TURNS_PATIENCE_MS; !(condition);) { \
        assert_true(clock_monotonic_ms() < end_ms_);                                  \
        turns_once(loop);                                                             \
    }

#endif

#ifndef GP_TESTS_CODEC_TEST_H
#define GP_TESTS_CODEC_TEST_H

/* What a test begins with that writes any value and reads it again: include it first, and run the tests with
 * arena_test(name). What is picked follows from the seed, which the test sets and a failure tells. */

#include "fakes/arena_test.h"

#include <stdio.h>

#include "base/str.h"

static uint64_t seed;

static inline size_t pick(size_t count) {
    seed = seed * 6364136223846793005U + 1442695040888963407U;
    return (size_t)(seed >> 33) % count;
}

static inline bool maybe(void) {
    return pick(2) == 0;
}

static inline const char *any_name(const char *kind) {
    return arena_printf(arena, "%s-%zu", kind, pick(100000));
}

static inline const char *perhaps(const char *text) {
    return maybe() ? text : NULL;
}

static inline void same_text(const char *a, const char *b) {
    if (!str_equal(a, b)) {
        fail_msg("'%s' became '%s' (seed %llu)", a == NULL ? "NULL" : a, b == NULL ? "NULL" : b,
                 (unsigned long long)seed);
    }
}

#endif

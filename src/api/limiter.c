#include "limiter.h"

#include <stddef.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

enum { ADDRESSES = 512, ADDRESS_SIZE = 64, WINDOW_MS = 60000 };

struct failures {
    char address[ADDRESS_SIZE];
    int64_t since_ms;
    unsigned count; /* 0 = the place is free */
};

struct limiter {
    struct failures places[ADDRESSES];
};

struct limiter *limiter_create(void) {
    return mem_alloc(sizeof(struct limiter));
}

void limiter_destroy(struct limiter *limiter) {
    mem_free(limiter);
}

static bool is_over(const struct failures *failures, int64_t now_ms) {
    return failures->count == 0 || now_ms - failures->since_ms >= WINDOW_MS;
}

bool limiter_allows(const struct limiter *limiter, const char *address, int64_t now_ms) {
    for (size_t i = 0; i < ADDRESSES; i++) {
        const struct failures *failures = &limiter->places[i];
        if (!is_over(failures, now_ms) && str_equal(failures->address, address)) {
            return failures->count < LIMIT_SIGN_IN_PER_MINUTE;
        }
    }
    return true;
}

void limiter_failed(struct limiter *limiter, const char *address, int64_t now_ms) {
    struct failures *place = &limiter->places[0];
    for (size_t i = 0; i < ADDRESSES; i++) {
        struct failures *failures = &limiter->places[i];
        if (!is_over(failures, now_ms) && str_equal(failures->address, address)) {
            failures->count++;
            return;
        }
        /* A free place, or else the oldest. */
        if (!is_over(place, now_ms) && (is_over(failures, now_ms) || failures->since_ms < place->since_ms)) {
            place = failures;
        }
    }
    (void)snprintf(place->address, sizeof place->address, "%s", address);
    place->since_ms = now_ms;
    place->count = 1;
}
